"""The table that ``model.summary()`` prints: layers, shapes, parameters, and how far back each of them reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .network import Network


def describe(model: Network) -> str:
    """Return the table as one text of several lines."""
    reading = "dilation" if hasattr(model, "dilations") else "steps"
    lines = [f"{'layer':<10}{'cell':<8}{reading:>8}{'input':>8}{'hidden':>8}{'parameters':>12}  reaches back"]
    if "embedding.W" in model.params:
        E, D = model.params["embedding.W"].shape
        lines.append(f"{'embedding':<10}{'':<8}{'':>8}{D:>8}{E:>8}{D * E:>12,}  linear")
    for i, layer in enumerate(model.layers):
        size = sum(array.size for name, array in model.params.items() if name.startswith(f"layers.{i}."))
        apart, steps = layer.row()
        lines.append(f"{i:<10}{layer.kind:<8}{apart:>8}{layer.input_size:>8}{layer.hidden_size:>8}{size:>12,}  {steps}")
    if model.output_size is not None:
        size = model.params["readout.W"].size + model.params["readout.b"].size
        kind = f"fuses {model.width} steps" if model.width > 1 else "affine"
        inner = model.width * model.hidden_sizes[-1]
        lines.append(f"{'readout':<10}{model.readout:<8}{'':>8}{inner:>8}{model.output_size:>8}{size:>12,}  {kind}")
    place = "" if model.xp.__name__ == "numpy" else f" on {model.xp.__name__}"
    lines.append(f"{model.num_parameters:,} parameters ({model.dtype.name}{place}); {model.reach()}")
    return "\n".join(lines)
