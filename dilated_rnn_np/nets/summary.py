"""The table that ``model.summary()`` prints: layers, shapes, parameters, and how far back each layer reaches."""

from __future__ import annotations

from typing import Any, NamedTuple

from .stack import owned_by


class LayerSummary(NamedTuple):
    """How a layer is presented, in tables and pictures."""

    kind: str  # the kind of recurrence, such as "lstm"
    label: str  # distinguishes the layer from its neighbours, such as "dilation 4"
    steps: int | str = ""  # how far apart in time its recurrent edges reach
    reads: str = ""  # the steps it reads, in words


def describe(model: Any) -> str:
    """Return the table of a network as text of several lines."""

    def row(name: object, kind: str, steps: object, input_size: int, size: int, remark: str, owner: str) -> str:
        return f"{name!s:<10}{kind:<8}{steps!s:>8}{input_size:>8}{size:>8}{parameters(owner):>12,}  {remark}"

    def parameters(owner: str) -> int:
        return sum(array.size for array in owned_by(owner, model.params).values())

    steps = "dilation" if hasattr(model, "dilations") else "steps"
    lines = [f"{'layer':<10}{'cell':<8}{steps:>8}{'input':>8}{'hidden':>8}{'parameters':>12}  reaches back"]
    if first := model.stack.embedding:
        lines.append(row("embedding", "", "", first.input_size, first.size, "linear", "embedding"))
    for i, (layer, shown) in enumerate(zip(model.layers, model.layer_summaries(), strict=True)):
        sizes = layer.input_size, layer.hidden_size
        lines.append(row(i, shown.kind, shown.steps, *sizes, shown.reads, f"layers.{i}"))
    if model.output_size is not None:
        remark = f"fuses {model.width} steps" if model.width > 1 else "affine"
        inner = model.width * model.hidden_sizes[-1]
        lines.append(row("readout", model.readout, "", inner, model.output_size, remark, "readout"))
    place = "" if model.xp.__name__ == "numpy" else f" on {model.xp.__name__}"
    lines.append(f"{model.num_parameters:,} parameters ({model.dtype.name}{place}); {model.reach()}")
    if model.width > 1 and parameters("readout") > model.num_parameters / 2:
        lines.append("the fusion layer holds more parameters than the stack; fusion=False (--no-fusion) leaves it out")
    return "\n".join(lines)
