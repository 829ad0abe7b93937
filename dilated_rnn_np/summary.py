"""The table that ``model.summary()`` prints: layers, shapes, parameters, and how far back each of them reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import DilatedRNN


def describe(model: DilatedRNN) -> str:
    """Return the table as one text of several lines."""
    lines = [f"{'layer':<10}{'cell':<8}{'dilation':>8}{'input':>8}{'hidden':>8}{'parameters':>12}  reaches back"]
    for i, layer in enumerate(model.layers):
        size = sum(array.size for name, array in model.params.items() if name.startswith(f"layers.{i}."))
        steps = f"t-{layer.dilation}, t-{2 * layer.dilation}, …"
        lines.append(
            f"{i:<10}{model.cell.name:<8}{layer.dilation:>8}{layer.input_size:>8}{layer.hidden_size:>8}{size:>12,}  {steps}"
        )
    if model.output_size is not None:
        size = model.params["readout.W"].size + model.params["readout.b"].size
        kind = f"fuses {model.width} steps" if model.width > 1 else "affine"
        inner = model.width * model.hidden_sizes[-1]
        lines.append(f"{'readout':<10}{model.readout:<8}{'':>8}{inner:>8}{model.output_size:>8}{size:>12,}  {kind}")
    sums = "sums of its dilations" + (f", multiples of {model.width}" if model.width > 1 else "")
    every = "to every earlier step" if 1 in model.dilations else f"by {sums}"
    hop = f"one hop in each layer spans {sum(model.dilations):,} steps"
    lines.append(f"{model.num_parameters:,} parameters ({model.dtype.name}); the stack reaches back {every}; {hop}")
    return "\n".join(lines)
