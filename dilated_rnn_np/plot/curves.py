"""Curves: training runs against the memoryless baseline, path lengths against spans and periods, gradients against spans."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import LogNorm

from ..checks import positive_integer
from ..model import exponential_dilations
from ..paths import (
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
from .style import COLOURS, STYLES, checked_axes


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
    ax = checked_axes(ax)
    lines = []
    for i, (label, (steps, values)) in enumerate(curves.items()):
        whole = max(len(values) // smooth, 1) * smooth if len(values) >= smooth else len(values)
        window = smooth if len(values) >= smooth else 1
        means = np.asarray(values[:whole]).reshape(-1, window).mean(axis=1)
        ends = np.asarray(steps[:whole])[window - 1 :: window]
        lines += ax.plot(ends, means, color=COLOURS[i % 6], linestyle=STYLES[i % 6], linewidth=1.8, label=label)
    if baseline is not None:
        lines.append(ax.axhline(baseline, color="black", linestyle=(0, (1, 2)), linewidth=1.2, label=baseline_label))
    ax.set(xlabel="training step", ylabel=ylabel, yscale="log")
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
    ax = checked_axes(ax)
    lines = []
    for i, graph in enumerate(graphs):
        lengths = recurrent_lengths(graph, limit)
        shown = np.where(np.isfinite(lengths), lengths, np.nan)
        style = {"color": COLOURS[i % 6], "linestyle": STYLES[i % 6], "label": graph.label}
        lines += ax.plot(np.arange(limit + 1), shown, drawstyle="steps-mid", linewidth=1.6, **style)
    ax.set(xlabel="span n (time steps)", ylabel="recurrent length (edges)", yscale="log")
    _finish(ax)
    return lines


def mean_recurrent_lengths(max_layers: int = 9, base: int = 2, ax: Any = None) -> dict[str, tuple[Any, Any]]:
    """Draw the mean recurrent length over the period, measured points on the closed-form curves, both axes logarithmic.

    Parameters
    ----------
    max_layers : L goes from 2 to this; the period is ``m = base^(L-1)``. base : M of the dilated stack.

    Returns
    -------
    drawn : for each architecture its curve and its points.

    Examples
    --------
    >>> curve, points = mean_recurrent_lengths(4)["dilated"]
    >>> bool(np.allclose(curve.get_ydata(), points.get_ydata()))
    True
    """
    ax = checked_axes(ax)
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
    drawn = {}
    for i, (label, (graph, closed_form)) in enumerate(architectures.items()):
        formula = [closed_form(L, m) for L, m in zip(layers, periods, strict=True)]
        measured = [mean_recurrent_length(graph(L, m), m) for L, m in zip(layers, periods, strict=True)]
        colour = COLOURS[i]
        (curve,) = ax.plot(periods, formula, color=colour, linestyle=STYLES[i], label=f"{label}: closed form")
        (points,) = ax.plot(periods, measured, "os^"[i], color=colour, markersize=5, label=f"{label}: measured")
        drawn[label] = (curve, points)
    ax.set(xlabel="period m (time steps)", ylabel="mean recurrent length (edges)", xscale="log", yscale="log")
    _finish(ax)
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
    return _map(ax, lengths, list(graph.nodes), "shortest path (edges)", scale)


def gradient_flow(norms: np.ndarray, labels: Sequence[str] | None = None, ax: Any = None) -> Any:
    """Draw how strong the gradient of the last step's loss is at each layer and span, on a logarithmic colour scale.

    Parameters
    ----------
    norms : (L, T), from ``memory.gradient_flow``. labels : one a layer, for instance with its dilation.

    Returns
    -------
    mesh : the coloured mesh, whose array is (L, T). A layer that is reached every d steps, and whose gradient is exactly 0 in
        between, has cells that are d wide; what no path reaches at all stays white.

    Examples
    --------
    >>> gradient_flow(np.array([[1.0, 0.1, 0.2], [1.0, 0.0, 0.5]])).get_array().tolist()
    [[1.0, 0.1, 0.2], [1.0, 1.0, 0.5]]
    """
    ax = checked_axes(ax)
    norms = np.asarray(norms)
    if norms.ndim != 2:
        raise ValueError(f"norms must be (L, T), as memory.gradient_flow returns them, got shape {norms.shape}")
    labels = [f"layer {i + 1}" for i in range(len(norms))] if labels is None else list(labels)
    positive = norms[norms > 0]
    scale = LogNorm(max(positive.min(), 1e-12 * positive.max()), positive.max()) if positive.size else None
    latest = np.maximum.accumulate(np.where(norms > 0, np.arange(norms.shape[1]), -1), axis=1)  # reached at or before n
    filled = np.where(latest >= 0, np.take_along_axis(norms, np.maximum(latest, 0), axis=1), np.inf)
    return _map(ax, filled, labels, "norm of the gradient", scale)


def _map(ax: Any, values: np.ndarray, labels: Sequence[str], colour_label: str, norm: Any = None) -> Any:
    """Draw (L, N) values as a mesh, one row a layer, with infinities left white."""
    shown = np.ma.masked_invalid(values)
    edges = np.arange(values.shape[1] + 1) - 0.5
    mesh = ax.pcolormesh(edges, np.arange(len(values) + 1) - 0.5, shown, cmap="cividis", norm=norm, rasterized=True)
    ax.set(xlabel="span n (time steps)", yticks=range(len(labels)), yticklabels=labels)
    ax.figure.colorbar(mesh, ax=ax, label=colour_label)
    return mesh


def _finish(ax: Any) -> None:
    """Open the frame and show the legend."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9)
