"""Curves: training runs against the memoryless baseline, path lengths against spans and periods, gradients against spans."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm
from matplotlib.ticker import MaxNLocator

from ..arrays.checks import positive_integer
from ..theory.dilations import exponential_dilations
from ..theory.paths import (
    Graph,
    closed_form_dilated,
    closed_form_plain,
    closed_form_skip,
    dilated_stack,
    layer_lengths,
    mean_recurrent_length,
    plain_stack,
    recurrent_lengths,
    skip_stack,
)
from .network import row_labels
from .style import COLOURS, STYLES, checked_axes, plain_log_ticks


def training_curves(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]],
    baseline: float | None = None,
    baseline_label: str = "memoryless baseline",
    ylabel: str = "loss",
    smooth: int = 1,
    ax: Any = None,
) -> list[Any]:
    """Draw training curves of several runs, on a logarithmic axis, against the loss that needs no memory.

    Parameters
    ----------
    curves : for each label its steps and values, as ``Run.column("loss")`` returns them.
    baseline : a loss to draw as a horizontal line. smooth : values are averaged over so many steps at a time.
    ax : axes to draw on, or None for a new figure.

    Returns
    -------
    lines : one line a curve, and the baseline's where there is one.

    Examples
    --------
    >>> lines = training_curves({"a": (np.arange(1, 5), np.ones(4))}, baseline=2.0, smooth=2)
    >>> [len(line.get_xdata()) for line in lines]
    [2, 2]
    """
    if not curves:
        raise ValueError("curves must hold at least one run, got none")
    ax, smooth = checked_axes(ax), positive_integer("smooth", smooth)
    lines, seen = [], [] if baseline is None else [baseline]
    for i, (label, (steps, values)) in enumerate(curves.items()):
        starts = range(0, len(values), smooth)  # the last window may be shorter: the end of a run is always shown
        means = [float(np.mean(values[k : k + smooth])) for k in starts]
        ends = [float(np.asarray(steps)[k : k + smooth][-1]) for k in starts]
        lines += ax.plot(ends, means, color=COLOURS[i % 6], linestyle=STYLES[i % 6], linewidth=1.8, label=label)
        seen += means
    if baseline is not None:
        lines.append(ax.axhline(baseline, color="black", linestyle=(0, (1, 2)), linewidth=1.2, label=baseline_label))
    ax.set(xlabel="training step", ylabel=ylabel, yscale="log")
    if seen and min(seen) > 0:
        plain_log_ticks(ax.yaxis, seen)
    _finish(ax)
    return lines


def path_lengths(graphs: Iterable[Graph], limit: int, ax: Any = None) -> list[Any]:
    """Draw the recurrent length over the span, one curve an architecture; where a span is not reached the curve ends.

    Parameters
    ----------
    graphs : of ``paths``. limit : the longest span.

    Returns
    -------
    lines : one a graph.

    Examples
    --------
    >>> from dilated_rnn_np import paths
    >>> lines = path_lengths([paths.dilated_stack([1, 2, 4]), paths.plain_stack(3)], 16)
    >>> float(lines[0].get_ydata()[7])
    6.0
    """
    ax = checked_axes(ax, 8.6)
    lines = []
    for i, graph in enumerate(graphs):
        lengths = recurrent_lengths(graph, limit)
        shown = np.where(np.isfinite(lengths), lengths, np.nan)
        style = {"color": COLOURS[i % 6], "linestyle": STYLES[i % 6], "label": graph.label}
        lines += ax.plot(np.arange(limit + 1), shown, drawstyle="steps-mid", linewidth=1.6, **style)
    ax.set(xlabel="span n (time steps)", ylabel="recurrent length (edges)", yscale="log")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    finite = [v for line in lines for v in line.get_ydata() if np.isfinite(v)]
    if finite:
        plain_log_ticks(ax.yaxis, finite)
    _finish(ax, beside=True)
    return lines


def mean_recurrent_lengths(
    max_layers: int = 9, base: int = 2, own: Graph | None = None, period: int | None = None, ax: Any = None
) -> dict[str, tuple[Any, ...]]:
    """Draw the mean recurrent length over the period, measured points on the closed-form curves, both axes logarithmic.

    Parameters
    ----------
    max_layers : L goes from 2 to this; the period is ``m = base^(L-1)``. base : M of the dilated stack.
    own, period : a graph to mark beside them, at its period.

    Returns
    -------
    drawn : for each architecture its curve and its points; for ``own`` its one point.

    Examples
    --------
    >>> curve, points = mean_recurrent_lengths(4)["dilated"]
    >>> bool(np.allclose(curve.get_ydata(), points.get_ydata()))
    True
    """
    ax = checked_axes(ax, 8.6)
    layers = range(2, positive_integer("max_layers", max_layers, least=2) + 1)
    periods = [base ** (L - 1) for L in layers]
    architectures: dict[str, tuple[Callable[[int, int], Graph], Callable[[int, int], float]]] = {
        "dilated": (
            lambda L, m: dilated_stack(exponential_dilations(L, base), fusion=False),
            lambda L, m: closed_form_dilated(base, L),
        ),
        "regular skips of m": (skip_stack, closed_form_skip),
        "plain": (lambda L, m: plain_stack(L), closed_form_plain),
    }
    drawn: dict[str, tuple[Any, ...]] = {}
    for i, (label, (graph, closed_form)) in enumerate(architectures.items()):
        formula = [closed_form(L, m) for L, m in zip(layers, periods, strict=True)]
        measured = [mean_recurrent_length(graph(L, m), m) for L, m in zip(layers, periods, strict=True)]
        colour = COLOURS[i]
        (curve,) = ax.plot(periods, formula, color=colour, linestyle=STYLES[i], label=f"{label}: closed form")
        (points,) = ax.plot(periods, measured, "os^"[i], color=colour, markersize=5, label=f"{label}: measured")
        drawn[label] = (curve, points)
    ax.set(xlabel="period m (time steps)", ylabel="mean recurrent length (edges)", yscale="log")
    ax.set_xscale("log", base=base)
    seen = [v for _, points in drawn.values() for v in points.get_ydata()]
    if own is not None:
        cycle = positive_integer("period", period)
        mean = mean_recurrent_length(own, cycle)
        drawn["own"] = tuple(ax.plot(cycle, mean, "*", color="black", markersize=11, label=own.label))
        seen.append(mean)
    plain_log_ticks(ax.xaxis, periods, base)
    plain_log_ticks(ax.yaxis, seen)
    ax.set_title(f"L layers, dilations 1, {base}, … {base}^(L-1), over a period m = {base}^(L-1)", fontsize=10)
    _finish(ax, beside=True)
    return drawn


def path_length_map(graph: Graph, limit: int, ax: Any = None) -> Any:
    """Draw a heat map of the shortest path from an input to each layer, over the span; what is not reached stays white.

    Parameters
    ----------
    graph : a stack of ``paths``. limit : the longest span.

    Returns
    -------
    mesh : the coloured mesh, whose array is (layers, limit + 1).

    Examples
    --------
    >>> from dilated_rnn_np import paths
    >>> path_length_map(paths.dilated_stack([1, 2, 4]), 10).get_array().shape
    (3, 11)
    """
    ax = checked_axes(ax)
    lengths = np.stack(list(layer_lengths(graph, limit).values()))  # (L, limit + 1)
    reached = lengths[np.isfinite(lengths)]
    wide = reached.size and reached.max() > 30 * reached.min()
    scale = LogNorm(reached.min(), reached.max()) if wide else None
    mesh = _map(ax, lengths, row_labels(graph)[1:], "shortest path (edges)", scale)
    ax.set_title(f"from an input to each layer: {graph.label}", fontsize=10)
    return mesh


def gradient_flow(norms: np.ndarray, labels: Sequence[str] | None = None, ax: Any = None) -> Any:
    """Draw how strong the gradient of the last step's loss is at each layer and span, on a logarithmic colour scale.

    Parameters
    ----------
    norms : (L, T), from ``memory.gradient_flow``. labels : one a layer, for instance with its dilation.

    Returns
    -------
    bars : one coloured bar for each layer and span that the gradient reaches; exact zeros stay white: spans to which no path
        leads, and those at which the gradient has become too small for its dtype.

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
    # Bars, not cells: a cell that is narrower than a pixel would vanish, and with it a layer of large dilation.
    width = max(1.6, 1.05 * 72 * ax.get_window_extent().width / ax.figure.dpi / norms.shape[1])
    segments = [[(n, i - 0.45), (n, i + 0.45)] for i, n in zip(layers, spans, strict=True)]
    bars = LineCollection(segments, array=positive, cmap="cividis", norm=scale, linewidths=width, capstyle="butt")
    ax.add_collection(bars)
    ax.set(xlim=(-1, norms.shape[1]), ylim=(-0.5, len(norms) - 0.5), xlabel="span n (time steps)")
    ax.set(yticks=range(len(labels)), yticklabels=labels)
    ax.set_title("gradient of the last step's loss, by layer and span", fontsize=10)
    ax.figure.colorbar(bars, ax=ax, label="norm of the gradient")
    return bars


def _map(ax: Any, values: np.ndarray, labels: Sequence[str], colour_label: str, norm: Any = None) -> Any:
    """Draw (L, N) values as a mesh, one row a layer, with infinities left white."""
    shown = np.ma.masked_invalid(values)
    edges = np.arange(values.shape[1] + 1) - 0.5
    mesh = ax.pcolormesh(edges, np.arange(len(values) + 1) - 0.5, shown, cmap="cividis", norm=norm, rasterized=True)
    ax.set(xlabel="span n (time steps)", yticks=range(len(labels)), yticklabels=labels)
    ax.figure.colorbar(mesh, ax=ax, label=colour_label)
    return mesh


def _finish(ax: Any, beside: bool = False) -> None:
    """Open the frame and show the legend, beside the axes where curves may be anywhere."""
    ax.spines[["top", "right"]].set_visible(False)
    place = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)} if beside else {}
    ax.legend(frameon=False, fontsize=9, **place)
