"""One example of a trained net for the explorer's page: states, gates and gradients as small arrays of text."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..analysis.memory import activations, edge_gradients
from ..arrays.checks import positive_integer
from ..nets.model import DilatedRNN
from ..nets.network import Network
from ..training.losses import Loss
from .data import SIGMOIDS

MOST_STEPS = 600  # of a longer example the page holds the last ones
MOST_UNITS = 64  # per layer
MOST_BYTES = 600_000  # of all states and gates together; beyond it only every k-th step is kept


@dataclass(frozen=True)
class Example:
    """A sequence for a model, and what the page says about it.

    Attributes
    ----------
    x : (T, 1, D). targets, loss : of the last step, as for ``memory.gradient_flow``; None for a random projection.
    task : the name of the task. text : one or two sentences about the example. inputs : T inputs in words.
    """

    x: np.ndarray
    targets: Any = None
    loss: Loss | str | None = None
    task: str = "an example"
    text: str = ""
    inputs: Sequence[str] = ()


def example_record(model: Network, example: Example) -> dict[str, Any]:
    """Return the example as plain numbers and text, for JSON.

    Values are bytes between the lowest and the highest number of their array, gradients float32; both in base64.

    >>> model = DilatedRNN(1, 3, [1, 2], "gru", output_size=1)
    >>> record = example_record(model, Example(np.zeros((5, 1, 1), "float32")))
    >>> record["steps"], list(record["layers"][0]["values"]), len(base64.b64decode(record["gradient"]["hops"]))
    (5, ['h', 'r', 'z', 'n'], 40)
    """
    if example.x.ndim != 3 or example.x.shape[1] != 1:
        raise ValueError(f"x of an example must be one sequence, (T, 1, D), got shape {example.x.shape}")
    x = model.xp.asarray(example.x.astype(model.dtype))
    steps, values = positive_integer("T", len(x)), activations(model, x)
    shown = min(steps, MOST_STEPS)
    size = shown * sum(min(a.shape[2], MOST_UNITS) for layer in values for a in layer.values())
    stride = math.ceil(size / MOST_BYTES)
    names = [f"layer {i}, {layer.label}" for i, layer in enumerate(model.layer_summaries(), 1)]
    layers = [
        {"name": name, "values": {key: _values(key, layer[key][-shown:], stride) for key in sorted(layer, key=_place)}}
        for name, layer in zip(names, values, strict=True)
    ]
    gradient = None
    if isinstance(
        model, DilatedRNN
    ):  # where other systems have several edges through time, no measurement separates them
        norms = edge_gradients(model, x, example.targets, example.loss)
        gradient = {name: _text(a[..., -shown:].astype("<f4")) for name, a in norms.items()}
    beyond = f" The page shows the last {shown} of {steps:,} steps." if shown < steps else ""
    return {
        "steps": shown,
        "task": example.task,
        "text": example.text + beyond,
        "inputs": list(example.inputs[-shown:]),
        "layers": layers,
        "gradient": gradient,
    }


def _place(name: str) -> int:
    """Return the place of an array in the page's list: the states first, then the gates in the order of the equations."""
    order = ("h", "i", "f", "g", "o", "r", "z", "n")
    return order.index(name) if name in order else len(order)


def _values(name: str, array: np.ndarray, stride: int) -> dict[str, Any]:
    """Return an array (T, 1, H) as bytes (H, T / stride) between its lowest and its highest number."""
    kept = array[::stride, 0, :MOST_UNITS].T.astype(float)  # (T, 1, H) -> (H, T / stride)
    lowest, highest = float(kept.min()), float(kept.max())
    if name in SIGMOIDS:
        lowest, highest = 0.0, 1.0
    levels = np.rint(255 * (kept - lowest) / max(highest - lowest, 1e-12)).astype(np.uint8)
    scale = {"lowest": float(f"{lowest:.6g}"), "highest": float(f"{highest:.6g}"), "gate": name in SIGMOIDS}
    return {"units": len(kept), "stride": stride, "data": _text(levels)} | scale


def _text(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
