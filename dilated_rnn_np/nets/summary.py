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

    def parameters(owner: str) -> str:
        return f"{sum(array.size for array in owned_by(owner, model.params).values()):,}"

    steps = "dilation" if hasattr(model, "dilations") else "steps"
    rows: list[tuple[Any, ...]] = [("layer", "cell", steps, "input", "hidden", "parameters", "reaches back")]
    if first := model.stack.embedding:
        rows.append(("embedding", "", "", first.input_size, first.size, parameters("embedding"), "linear"))
    for i, (layer, shown) in enumerate(zip(model.layers, model.layer_summaries(), strict=True)):
        sizes = layer.input_size, layer.hidden_size
        rows.append((str(i), shown.kind, str(shown.steps), *sizes, parameters(f"layers.{i}"), shown.reads))
    if last := model.stack.readout:
        remark = f"fuses {last.width} steps" if last.width > 1 else "affine"
        sizes = last.width * last.hidden_size, last.output_size
        rows.append(("readout", last.mode, "", *sizes, parameters("readout"), remark))
    lines = ["{:<10}{:<8}{:>8}{:>8}{:>8}{:>12}  {}".format(*row) for row in rows]
    place = "" if model.xp.__name__ == "numpy" else f" on {model.xp.__name__}"
    lines.append(f"{model.num_parameters:,} parameters ({model.dtype.name}{place}); {model.reach()}")
    if model.width > 1 and last and model.params["readout.W"].size > model.num_parameters / 2:
        lines.append("the fusion layer holds more parameters than the stack; fusion=False (--no-fusion) leaves it out")
    return "\n".join(lines)
