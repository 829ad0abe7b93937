"""Curves and maps: training runs, path lengths over spans and periods, gradients over spans."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm
from matplotlib.ticker import MaxNLocator

from ..arrays.checks import positive_integer
from ..theory import paths
from ..theory.dilations import exponential_dilations
from ..theory.paths import Graph
from .network import row_labels
from .runs import Curve, run_curves
from .style import checked_axes, line_look, plain_log_ticks, system_looks


def training_curves(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]],
    baseline: float | None = None,
    baseline_label: str = "memoryless baseline",
    ylabel: str = "loss",
    smooth: int = 1,
    ax: Any = None,
) -> list[Any]:
    """Draw training curves of several runs on a logarithmic axis, with the loss of a model without memory as a baseline.

    Parameters
    ----------
    curves : for each label its steps and values, as ``Run.column("loss")`` returns them.
    baseline, baseline_label : a loss to draw as a horizontal line, and its label. ylabel : of the axis.
    smooth : number of consecutive values that are averaged into one point.

    Returns
    -------
    lines : one per curve, and the baseline's if there is one.

    Examples
    --------
    >>> lines = training_curves({"a": (np.arange(1, 5), np.ones(4))}, baseline=2.0, smooth=2)
    >>> [len(line.get_xdata()) for line in lines]
    [2, 2]
    """
    smooth, averaged = positive_integer("smooth", smooth), []
    for i, (label, (steps, values)) in enumerate(curves.items()):
        starts = range(0, len(values), smooth)  # the last window may be shorter, so the end of a run is always shown
        means = np.array([np.mean(values[k : k + smooth]) for k in starts])
        ends = np.array([steps[k : k + smooth][-1] for k in starts])
        averaged.append(Curve(label, [(ends, means)], i, i))
    lines = run_curves(averaged, "training step", ylabel, baseline, baseline_label, logarithmic=True, ax=ax)
    lines[0].axes.legend(frameon=False, fontsize=9)
    return lines


def path_lengths(graphs: Iterable[Graph], limit: int, ax: Any = None) -> list[Any]:
    """Draw the recurrent length over the spans 0 … limit, one line per graph; it has gaps at spans without a path.

    >>> lines = path_lengths([paths.dilated_stack([1, 2, 4]), paths.plain_stack(3)], 16)
    >>> float(lines[0].get_ydata()[7])
    6.0
    """
    ax = checked_axes(ax, 8.6)
    lines, graphs = [], list(graphs)
    for graph, system_look in zip(graphs, system_looks([graph.label for graph in graphs]), strict=True):
        lengths = paths.recurrent_lengths(graph, limit)
        shown = np.where(np.isfinite(lengths), lengths, np.nan)
        look = {"drawstyle": "steps-mid", "linewidth": 1.6, **system_look}
        lines += ax.plot(np.arange(limit + 1), shown, label=graph.label, **look)
    ax.set(xlabel="span n (time steps)", ylabel="recurrent length (edges)", yscale="log")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    finite = [v for line in lines for v in line.get_ydata() if np.isfinite(v)]
    if finite:
        plain_log_ticks(ax.yaxis, finite)
    _finish(ax)
    return lines


def mean_recurrent_lengths(
    max_layers: int = 9, base: int = 2, own: Graph | None = None, period: int | None = None, ax: Any = None
) -> dict[str, tuple[Any, ...]]:
    """Draw the mean recurrent length over the period: closed forms as curves, measured values as points, logarithmic axes.

    Parameters
    ----------
    max_layers : L runs from 2 to this number; the period is ``m = base^(L-1)``. base : M of the dilated stack.
    own, period : another graph to mark at this period.

    Returns
    -------
    drawn : for each architecture its curve and its points; for ``own`` a single point.

    Examples
    --------
    >>> curve, points = mean_recurrent_lengths(4)["dilated"]
    >>> bool(np.allclose(curve.get_ydata(), points.get_ydata()))
    True
    """
    ax = checked_axes(ax, 8.6)
    sizes = [(L, base ** (L - 1)) for L in range(2, positive_integer("max_layers", max_layers, least=2) + 1)]
    periods = [m for _, m in sizes]
    architectures: dict[str, tuple[Callable[[int, int], Graph], Callable[[int, int], float]]] = {
        "dilated": (
            lambda L, m: paths.dilated_stack(exponential_dilations(L, base)),
            lambda L, m: paths.closed_form_dilated(base, L),
        ),
        "plain": (lambda L, m: paths.plain_stack(L), paths.closed_form_plain),
        "regular skips of m": (paths.skip_stack, paths.closed_form_skip),
    }
    drawn: dict[str, tuple[Any, ...]] = {}
    for i, (label, (graph, closed_form)) in enumerate(architectures.items()):
        formula = [closed_form(L, m) for L, m in sizes]
        measured = [paths.mean_recurrent_length(graph(L, m), m) for L, m in sizes]
        (curve,) = ax.plot(periods, formula, label=f"{label}: closed form", **line_look(i))
        look = {"marker": "os^"[i], "markersize": 5, "linestyle": "", "color": curve.get_color()}
        drawn[label] = (curve, *ax.plot(periods, measured, label=f"{label}: measured", **look))
    ax.set(xlabel="period m (time steps)", ylabel="mean recurrent length (edges)", yscale="log")
    ax.set_xscale("log", base=base)
    seen = [v for _, points in drawn.values() for v in points.get_ydata()]
    if own is not None:
        cycle = positive_integer("period", period)
        mean = paths.mean_recurrent_length(own, cycle)
        drawn["own"] = tuple(ax.plot(cycle, mean, "*", color="black", markersize=11, label=own.label))
        seen.append(mean)
    plain_log_ticks(ax.xaxis, periods, base)
    plain_log_ticks(ax.yaxis, seen)
    ax.set_title(f"L layers, dilations 1, {base}, … {base}^(L-1), over a period m = {base}^(L-1)", fontsize=10)
    _finish(ax)
    return drawn


def path_length_map(graph: Graph, limit: int, ax: Any = None) -> Any:
    """Draw the shortest path from an input to each layer of a stack over the spans 0 … limit, as a mesh (L, limit + 1).

    White cells are unreachable.

    >>> path_length_map(paths.dilated_stack([1, 2, 4]), 10).get_array().shape
    (3, 11)
    """
    ax = checked_axes(ax)
    lengths = np.stack(list(paths.layer_lengths(graph, limit).values()))  # (L, limit + 1)
    reached = lengths[np.isfinite(lengths)]
    wide = reached.size and reached.max() > 30 * reached.min()
    scale = LogNorm(reached.min(), reached.max()) if wide else None
    rows, spans = (np.arange(n + 1) - 0.5 for n in lengths.shape)
    mesh = ax.pcolormesh(spans, rows, np.ma.masked_invalid(lengths), cmap="cividis", norm=scale, rasterized=True)
    ax.set(xlabel="span n (time steps)", yticks=range(len(lengths)), yticklabels=row_labels(graph)[1:])
    ax.figure.colorbar(mesh, ax=ax, label="shortest path (edges)")
    ax.set_title(f"from an input to each layer: {graph.label}", fontsize=10)
    return mesh


def gradient_flow(norms: np.ndarray, labels: Sequence[str] | None = None, ax: Any = None) -> Any:
    """Draw the norm of the gradient of the last step's loss at each layer and span, on a logarithmic colour scale.

    Parameters
    ----------
    norms : (L, T), from ``memory.gradient_flow``. labels : one per layer, for instance with its dilation.

    Returns
    -------
    bars : one coloured bar for each layer and span with a gradient. White spans have a gradient of exactly 0: they have no
        path, or the gradient underflowed its dtype.

    Examples
    --------
    >>> gradient_flow(np.array([[1.0, 0.1, 0.2], [1.0, 0.0, 0.5]])).get_array().tolist()
    [1.0, 0.1, 0.2, 1.0, 0.5]
    """
    ax = checked_axes(ax)
    norms = np.asarray(norms)
    if norms.ndim != 2:
        raise ValueError(f"norms must be (L, T), as memory.gradient_flow returns them, got shape {norms.shape}")
    labels = [f"layer {i + 1}" for i in range(len(norms))] if labels is None else list(labels)
    layers, spans = np.nonzero(norms)
    positive = norms[layers, spans]
    scale = LogNorm(max(positive.min(), 1e-12 * positive.max()), positive.max()) if positive.size else None
    # Bars, not cells: a cell narrower than a pixel would vanish, and with it most of a layer of large dilation.
    width = max(1.6, 1.05 * 72 * ax.get_window_extent().width / ax.figure.dpi / norms.shape[1])
    segments = [[(n, i - 0.45), (n, i + 0.45)] for i, n in zip(layers, spans, strict=True)]
    bars = LineCollection(segments, array=positive, cmap="cividis", norm=scale, linewidths=width, capstyle="butt")
    ax.add_collection(bars)
    ax.set(xlim=(-1, norms.shape[1]), ylim=(-0.5, len(norms) - 0.5), yticks=range(len(labels)), yticklabels=labels)
    ax.set_xlabel("span n (time steps)")
    ax.set_title("gradient of the last step's loss, by layer and span", fontsize=10)
    ax.figure.colorbar(bars, ax=ax, label="norm of the gradient")
    return bars


def _finish(ax: Any) -> None:
    """Remove the top and right spines and show the legend to the right of the axes."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
