"""The pictures of an architecture and of a trained net, written into a folder; ``dilated-rnn draw`` calls it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .. import plot
from ..analysis.memory import activations, gradient_flow
from ..arrays.checks import choose, positive_integer
from ..arrays.streams import stream
from ..baselines.systems import SYSTEMS, build
from ..nets import checkpoint as checkpoints
from ..nets.model import DilatedRNN
from ..nets.network import Network
from ..tasks import Digits, Task
from ..tasks.small_digits import SmallDigits
from ..theory import paths
from ..training.batches import unpacked
from ..training.losses import LOSSES
from ..training.run import COLUMNS

Curve = tuple[np.ndarray, np.ndarray]  # steps and values


def draw_architecture(model: Network, folder: str | os.PathLike[str], steps: int = 17) -> list[Path]:
    """Draw the architecture of a net of any system, unrolled over ``steps`` steps, into a folder that is created if missing.

    Returns the files: pictures as PNG, animations as GIF and as HTML pages to step through.
    """
    folder, steps = Path(folder), positive_integer("steps", steps)
    graph = model.graph()
    dilations = model.dilations if isinstance(model, DilatedRNN) else ()
    limit = max(steps, *(2 * edge.steps for edge in graph.edges))
    against = [paths.plain_stack(len(graph.nodes))]
    if dilations:
        against = comparison_graphs(["skip", "plain", "cnn"], dilations)
    axes = {
        "network": plot.network(graph, steps).ax,
        "path": plot.network(graph, steps, path=_farthest_path(graph, steps)).ax,
        "path_lengths": plot.path_lengths([graph, *against], limit)[0].axes,
    }
    if paths.is_stack(graph):
        axes["path_length_map"] = plot.path_length_map(graph, limit).axes
    if dilations:
        folded = max((d for d in dilations if d <= 8), default=min(dilations))  # small enough to be shown
        axes["fold"] = plot.fold(3 * folded - folded // 2, folded).ax
        own = plot.mean_recurrent_lengths(own=graph, period=max(dilations))["own"]
        axes["mean_recurrent_length"] = own[0].axes
    folder.mkdir(parents=True, exist_ok=True)
    written = [plot.save_picture(ax, folder / f"{name}.png", dpi=130) for name, ax in axes.items()]
    for name, animate in (("forward", plot.forward_animation), ("backward", plot.backward_animation)):
        animation = animate(graph, min(steps, 17))
        plot.save_html(animation, folder / f"{name}.html")
        plot.save_gif(animation, folder / f"{name}.gif")
        written += [folder / f"{name}.html", folder / f"{name}.gif"]
    return written


def draw_checkpoint(
    path: str | os.PathLike[str], model: Network, task: Task | None, folder: str | os.PathLike[str]
) -> list[Path]:
    """Draw the training curve in a checkpoint, and gradients, states and errors of its model, into a folder; return the files."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    arrays, _ = checkpoints.read(path)
    if len(arrays.get("history", ())):
        columns = dict(zip(COLUMNS, arrays["history"].T, strict=True))
        training, held_out = ((columns["step"], columns[name]) for name in ("loss", "validation_loss"))
        written.append(training_picture(training, held_out, task.baseline if task else None, folder / "training.png"))
    x = stream(0, "analysis").standard_normal((300, 4, model.input_size)).astype(model.dtype)
    targets, loss = None, None
    if task is not None:
        x, targets, lengths, _ = unpacked(task.test(64)[0])
        if lengths is not None:  # only rows without padding
            x, targets = x[:, lengths == len(x)], targets[..., lengths == len(x)]  # (T, B', D), (B',) or (T, B')
        loss = LOSSES[task.loss]
    last = targets if targets is None or model.readout == "last" else targets[-1]
    labels = [f"{i}: {layer.label}" for i, layer in enumerate(model.layer_summaries(), 1)]
    axes = {"gradient_flow": plot.gradient_flow(gradient_flow(model, x, last, loss), labels).axes}
    for i, layer in enumerate(activations(model, x[:, :1])):
        for name in layer:
            ax = axes[f"layer{i + 1}_{name}"] = plot.hidden_states(layer, name).axes
            ax.set_title(f"layer {labels[i]}, {name} of one sequence", fontsize=10)
    if isinstance(task, Digits):
        batches = task.test(512)
        answers = [model.forward(x, keep=False)[0].argmax(axis=-1) for x, _ in batches]
        axes["confusion"] = plot.new_axes(5.6, 5.0)
        classes = np.concatenate([classes for _, classes in batches])
        plot.confusion(classes, np.concatenate(answers), ax=axes["confusion"])
    if isinstance(task, Digits) and not isinstance(task, SmallDigits):
        order = Digits.random_order(task.permutation_seed)
        axes["digits"] = plot.digits_as_sequences(task.test_images, order)[0].axes
    return written + [plot.save_picture(ax, folder / f"{name}.png", dpi=130) for name, ax in axes.items()]


def training_picture(
    training: Curve, held_out: Curve, baseline: float | None, path: Path, label: str = "validation"
) -> Path:
    """Draw a run's training loss as a curve and its held-out losses as points, and return the path."""
    ax = plot.new_axes()
    plot.training_curves({"training": training}, baseline, smooth=max(1, len(training[0]) // 200), ax=ax)
    ax.plot(*held_out, "o", color="#D55E00", markersize=3, label=label)
    ax.legend(frameon=False, fontsize=9)
    return plot.save_picture(ax, path, dpi=130)


def comparison_graphs(names: Sequence[str], dilations: Sequence[int]) -> list[paths.Graph]:
    """Return the graphs of other systems of the same dilations, for comparison; "cnn" is "dilated-cnn".

    >>> [graph.label for graph in comparison_graphs(["skip", "plain", "cnn"], [1, 2, 4])]
    ['skip RNN, s = 4', 'plain RNN', 'dilated CNN 1, 2, 4']
    """
    known = {name: name for name in SYSTEMS} | {"cnn": "dilated-cnn"}
    chosen = [choose("architecture", name, known) for name in names]
    plain = paths.plain_stack(len(dilations))  # its own graph would be labelled "dilated RNN 1, 1, 1"
    return [plain if name == "plain" else build(name, 1, 1, dilations).graph() for name in chosen]


def _farthest_path(graph: paths.Graph, steps: int) -> tuple[int, int]:
    """Return start and end of the longest shortest path to the last drawn step; among equal ones the earliest start."""
    lengths = paths.recurrent_lengths(graph, steps - 1)
    longest = lengths == lengths[np.isfinite(lengths)].max()
    return steps - 1 - int(np.flatnonzero(longest)[-1]), steps - 1
