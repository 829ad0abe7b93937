"""The GPU kernels of a layer, a property of the model, ``model.to("cupy", kernels="plain" | "fused" |
"persistent")``.

Nothing here computes anything new: each module has the interface of ``recurrence.scan`` and equals it to rounding,
which the tests show for every cell. Read ``kernels`` first, which chooses the module that a layer runs. ``pointwise``
makes one kernel of a cell's expressions, with CuPy. ``persistent`` and ``persistent.cu`` run all time steps of a layer
in one kernel. On the CPU none of this runs, and a reader who wants to understand dilated recurrence can skip the room.
"""
