"""The scan on the device in one kernel launch: the host's side of ``persistent.cu``, with the interface of ``scan``.

A small recurrent step is over sooner than the next kernel can be launched. Here one kernel walks through all time steps of
a layer, with state and recurrent weights on the chip. What does not wait for the step before it stays a large matrix
product: ``W_x x + b`` before forward, ``dx`` and ``dW`` after backward. For the built-in cells alone, since their formulas
are in the CUDA source; ``supported`` says for which sizes and dtypes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..arrays.backend import Array, array_module
from ..recurrence.cells import GRU, LSTM, RNN, Arrays, Cell, get_cell
from ..recurrence.fused import rectangles, row_blocks, split_rows

SOURCE = Path(__file__).with_suffix(".cu")
NAMES: dict[type[Cell], str] = {RNN: "RNN", LSTM: "LSTM", GRU: "GRU"}  # cells, as the source calls them
REALS = {"float32": "float", "float64": "double"}

REGISTERS = 65536  # 32-bit registers of a multiprocessor, at most 255 of them for a thread
OTHER_REGISTERS = 56  # of a thread, beside the weights, in float32
GROUPS = (32, 16, 8, 4, 2, 1)  # columns that a block may take at once
ENOUGH_BLOCKS = 128  # about the multiprocessors of a large device: groups are smaller where there would be fewer
MOST_BLOCKS = 1024  # above this a block takes several groups of columns, and reads its weights but once
WITHOUT_ASKING = 48 * 1024  # bytes of shared memory that a kernel gets unless more is asked for
NULL = np.intp(0)


class Layout(NamedTuple):
    """How a cell of H units is laid out on the chip."""

    in_registers: bool  # whether each thread holds the weights of its unit; else they lie in shared memory
    pitch: int  # numbers from one row in shared memory to the next
    threads: int  # the most of a block
    bytes_of_weights: int  # in shared memory
    bytes_of_column: int  # in shared memory, in two buffers; those of backward, which needs the most

    @classmethod
    def of(cls, cell: Cell, H: int, dtype: np.dtype) -> Layout:
        """Return the layout; it may be one that no device can hold."""
        products, size = len(cell.gates), dtype.itemsize  # products with the state
        registers = products * H * size // 4 + OTHER_REGISTERS * size // 4
        in_registers = registers <= 256
        threads = (
            REGISTERS // min(registers, 255) // 128 * 128 if in_registers else 512
        )  # registers go to 4 warps at once
        numbers = 16 // size  # in the 16 bytes that are read at once
        pitch = numbers * (-(-H // numbers) | 1)
        weights = 0 if in_registers else products * H * pitch * size
        return cls(in_registers, pitch, min(threads, 1024), weights, 2 * products * pitch * size)

    def groups(self, H: int, limit: int) -> list[int]:
        """Return the numbers of columns that a block can take at once, the largest first."""
        most = limit - self.bytes_of_weights
        return [R for R in GROUPS if self.threads >= R * H and most >= R * self.bytes_of_column]


def supported(xp: Any, cell: Cell, H: int, dtype: Any) -> bool:
    """Return whether the kernels serve this array module, cell, number of units and dtype on the present device.

    >>> supported(np, LSTM(), 20, "float32")
    False
    """
    if not hasattr(xp, "RawModule") or type(cell) not in NAMES or np.dtype(dtype).name not in REALS:
        return False
    return bool(Layout.of(cell, H, np.dtype(dtype)).groups(H, _most_shared_bytes(xp)))


def forward(
    cell: Cell,
    W: Array,
    Z: Array,
    x: Array,
    state: Arrays,
    after: Arrays,
    part: slice,
    valid: Array | None = None,
    keep: bool = True,
    spare: list[Any] | None = None,
) -> list[Any]:
    """Do what ``scan.forward`` does, with the same arguments; ``part`` must be all columns.

    Returns
    -------
    caches : what backward needs beside Z, as one block: a (P*H, T*B), the gates and split pre-activations in the order of
        W's row blocks, and the LSTM's c (H, (T+d)*B), which lies like h in Z; nothing for the vanilla cell.
    """
    xp, (n, H), D = array_module(Z), state[0].shape, len(x)
    columns, G = Z.shape[1] - n, len(cell.gates) * H
    if spare:
        spare.clear()  # the allocator gives the same memory to what is made now
    Z[:D, :columns] = x
    sees_x, sees_h = slice(0, G), slice(len(cell.split) * H, None)
    a = xp.empty((len(W) if keep else G, columns), dtype=Z.dtype)
    xp.matmul(W[sees_x, : D + 1], Z[: D + 1, :columns], out=a[sees_x])  # (G*H, T*B)
    c = xp.empty((H, columns + n), dtype=Z.dtype) if keep and "c" in cell.state else NULL
    W_h, b_h = W[sees_h, D + 1 :].copy(), W[G:, D].copy() if cell.recurrent_bias else NULL  # (G*H, H), (H,)
    newest = [s.copy() for s in state]  # (n, H) each, changed to the state after the sequence
    arrays = (W_h, b_h, a, Z[-H:], c, *_two(newest), NULL if valid is None else valid)
    _launch(xp, "forward", cell, Z.dtype, n, H, (*arrays, np.int64(columns), np.int32(n), np.bool_(keep)))
    for s, s_new in zip(after, newest, strict=True):
        s[...] = s_new
    if not keep:
        return []
    return [()] if cell.name == "rnn" else [(a,) if c is NULL else (a, c)]


def backward(
    cell: Cell,
    W: Array,
    Z: Array,
    dh: Array,
    dx: Array,
    dstate: Arrays,
    caches: list[Any],
    part: slice,
    valid: Array | None = None,
    flow: Array | None = None,
) -> Array:
    """Do what ``scan.backward`` does, with the same arguments; return dW (P*H, D+1+H)."""
    xp, (n, H), D = array_module(Z), dstate[0].shape, len(dx)
    columns, G = dh.shape[1], len(cell.gates) * H
    sees_x, sees_h = slice(0, G), slice(len(cell.split) * H, None)
    a, c = (*caches[0], NULL, NULL)[:2]
    da, W_h = xp.empty((len(W), columns), dtype=Z.dtype), W[sees_h, D + 1 :].copy()  # (P*H, T*B), (G*H, H)
    reached = NULL if flow is None else xp.empty((H, columns), dtype=Z.dtype)
    dnewest = [ds.copy() for ds in dstate]  # (n, H) each, changed to the gradient of the state before
    arrays = (W_h, a, Z[-H:], c, xp.ascontiguousarray(dh), da, *_two(dnewest), NULL if valid is None else valid)
    _launch(xp, "backward", cell, Z.dtype, n, H, (*arrays, reached, np.int64(columns), np.int32(n)))
    if flow is not None:
        flow[...] = reached
    for ds, ds_new in zip(dstate, dnewest, strict=True):
        ds[...] = ds_new
    xp.matmul(W[sees_x, :D].T, da[sees_x], out=dx)  # (D, T*B)
    dW = xp.zeros_like(W)
    for rows, used in rectangles(cell, H, D):
        dW[rows, used] = da[rows] @ Z[used, :columns].T
    return dW


def gate_values(
    cell: Cell, caches: list[Any], columns: int, n: int, part: slice
) -> Iterator[tuple[slice, dict[str, Array]]]:
    """Yield as ``scan.gate_values`` does: all columns at once, and the cell's gates by name, (H, T*B) each."""
    for kept in caches:
        blocks = split_rows(kept[0], len(kept[0]) // cell.num_products) if kept else []
        order = [cell.gates[block.gate] for block in row_blocks(cell) if block.has_input]
        yield slice(0, columns), dict(zip(order, blocks, strict=False))


def source(cell: Cell, H: int, dtype: np.dtype) -> str:
    """Return the CUDA source for one cell, number of units and dtype: loops of known length are unrolled."""
    layout = Layout.of(cell, H, dtype)
    lines = {
        NAMES[type(cell)]: "",
        "H": H,
        "REAL": REALS[dtype.name],
        "THREADS": layout.threads,
        "PITCH": layout.pitch,
        "IN_REGISTERS": int(layout.in_registers),
    }
    return "".join(f"#define {name} {value}\n" for name, value in lines.items()) + SOURCE.read_text(encoding="utf-8")


def group_of_columns(layout: Layout, H: int, n: int, limit: int) -> int:
    """Return how many of n columns a block takes at once: many, unless there were too few blocks to fill the device."""
    groups = layout.groups(H, limit)
    return next((R for R in groups if n >= R * ENOUGH_BLOCKS), groups[-1])


def _launch(xp: Any, name: str, cell: Cell, dtype: np.dtype, n: int, H: int, arguments: tuple[Any, ...]) -> None:
    layout = Layout.of(cell, H, dtype)
    R = group_of_columns(layout, H, n, _most_shared_bytes(xp))
    kernel = _module(xp, cell.name, H, dtype).get_function(name)
    shared = layout.bytes_of_weights + R * layout.bytes_of_column
    if shared > WITHOUT_ASKING:
        kernel.max_dynamic_shared_size_bytes = shared
    kernel((min(-(-n // R), MOST_BLOCKS),), (R, H), arguments, shared_mem=shared)


@cache
def _module(xp: Any, cell: str, H: int, dtype: np.dtype) -> Any:
    return xp.RawModule(code=source(get_cell(cell), H, dtype))


@cache
def _shared_bytes(xp: Any, device: int) -> int:
    return xp.cuda.Device(device).attributes["MaxSharedMemoryPerBlockOptin"]


def _most_shared_bytes(xp: Any) -> int:
    """Return the bytes of shared memory that the present device gives to a block that asks."""
    return _shared_bytes(xp, xp.cuda.Device().id)


def _two(arrays: list[Any]) -> list[Any]:
    """Return the arrays of h and c, where there is no c a null pointer."""
    return [*arrays, NULL][:2]
