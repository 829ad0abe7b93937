"""The pictures of an architecture and of a trained net, written into a folder; ``dilated-rnn draw`` calls it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .. import plot
from ..analysis.memory import activations, gradient_flow
from ..arrays.checks import choose, positive_integer
from ..arrays.streams import stream
from ..baselines.systems import SYSTEMS, build
from ..forecasting import Forecast, Panel
from ..nets import checkpoint as checkpoints
from ..nets.model import DilatedRNN
from ..nets.network import Network
from ..plot.explorer import architecture
from ..tasks import Characters, CopyMemory, Digits, Task
from ..tasks.copy_memory import BLANK, MARKER
from ..tasks.small_digits import SmallDigits
from ..theory import paths
from ..training.batches import unpacked
from ..training.losses import LOSSES, Loss
from ..training.run import COLUMNS
from .errors import UserError

Curve = tuple[np.ndarray, np.ndarray]  # steps and values
MOST_STEPS = 2_000_000  # of a span in a picture; as many take a minute


def draw_architecture(
    model: Network, folder: str | os.PathLike[str], steps: int = 17, example: plot.Example | None = None
) -> list[Path]:
    """Draw the architecture of a net of any system, unrolled over ``steps`` steps, into a folder that is created if missing.

    Returns the files: pictures as PNG, animations as GIF, and the explorer as an HTML page, with the example if it is given.
    """
    folder, steps = Path(folder), positive_integer("steps", steps)
    graph = model.graph()
    dilations = model.dilations if isinstance(model, DilatedRNN) else ()
    limit = max(steps, *(2 * edge.steps for edge in graph.edges))
    if limit > MOST_STEPS:
        raise UserError(f"pictures show at most {MOST_STEPS:,} time steps, got {limit:,}: twice the longest connection")
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
        written.append(plot.save_gif(animate(graph, min(steps, 17)), folder / f"{name}.gif"))
    if architecture(graph) is not None:
        written.append(plot.explorer(model, folder / "explorer.html", example))
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
    x, last, loss = test_sequences(model, task)
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


def test_sequences(model: Network, task: Task | None) -> tuple[np.ndarray, Any, Loss | None]:
    """Return test sequences without padding, (T, B, D), the targets of their last step and the loss; random x without a task."""
    if task is None:
        return stream(0, "analysis").standard_normal((300, 4, model.input_size)).astype(model.dtype), None, None
    x, targets, lengths, _ = unpacked(task.test(64)[0])
    if lengths is not None:
        x, targets = x[:, lengths == len(x)], targets[..., lengths == len(x)]  # (T, B', D), (B',) or (T, B')
    return x, targets if model.readout == "last" else targets[-1], LOSSES[task.loss]


def example_of(model: Network, task: Task | None) -> plot.Example:
    """Return a test sequence of a net's task for the explorer, with its inputs and the net's last answer in words."""
    x, targets, loss = test_sequences(model, task)
    x = x[:, :1]  # (T, B, D) -> (T, 1, D)
    if task is None:
        return plot.Example(
            x, text="Random numbers: the checkpoint names no task. The gradient is that of a random projection."
        )
    output, _, _ = model.forward(x, keep=False)
    answer, target = (output if output.ndim == 2 else output[-1])[0], targets[:1]
    if task.loss == "softmax_cross_entropy":
        said = f"the net answers class {answer.argmax()}; the target is class {target[0]}"
    else:
        said = f"the net answers {answer.round(3).tolist()}; the target is {np.ravel(target).round(3).tolist()}"
    text = f"A test sequence of {task.name} with {len(x):,} steps. At the last step {said}."
    return plot.Example(x, target, loss, task.name, text, [_in_words(x_t, task) for x_t in x[:, 0]])


def _in_words(x_t: np.ndarray, task: Task) -> str:
    """Return one input, (D,), as words: a character, a one-hot token, or numbers."""
    if len(x_t) > 1 and x_t.max() == 1 and np.count_nonzero(x_t) == 1:
        token = int(x_t.argmax())
        if isinstance(task, Characters):
            return f"input {task.decode(np.array([token]))!r}"
        names = {BLANK: "blank", MARKER: "the marker"} if isinstance(task, CopyMemory) else {}
        return f"input {names.get(token, f'symbol {token}')}"
    return f"input {', '.join(f'{number:.3g}' for number in x_t[:8])}"


def training_picture(
    training: Curve, held_out: Curve, baseline: float | None, path: Path, label: str = "validation"
) -> Path:
    """Draw a run's training loss as a curve and its held-out losses as points, and return the path."""
    ax = plot.new_axes()
    plot.training_curves({"training": training}, baseline, smooth=max(1, len(training[0]) // 200), ax=ax)
    ax.plot(*held_out, "o", color="#D55E00", markersize=3, label=label)
    ax.legend(frameon=False, fontsize=9)
    return plot.save_picture(ax, path, dpi=130)


def forecast_picture(panel: Panel, forecast: Forecast, past: int, path: Path) -> Path:
    """Draw the first series of a panel, at most six, over their last ``past`` steps and the horizon, and return the path."""
    chosen = panel.series[:6]
    figure = Figure(figsize=(9.5, 2.4 * len(chosen)), layout="constrained")
    for row, (ax, series) in enumerate(zip(figure.subplots(len(chosen), squeeze=False)[:, 0], chosen, strict=True)):
        history = series.cut(slice(-past, None))
        quantiles = {level: values[row] for level, values in forecast.quantiles.items()}
        ds = np.concatenate([history.ds, forecast.ds[row]])
        plot.forecast(history.y, forecast.mean[row], quantiles, ds=ds, title=series.unique_id, ax=ax)
        if row:
            ax.get_legend().remove()  # the same as above
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
