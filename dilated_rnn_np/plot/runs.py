"""Curves of several runs each: the mean of the runs as a line, and their range, from lowest to highest, as a band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .style import COLOURS, STYLES, checked_axes, plain_log_ticks

EIGHT = (*COLOURS, "#777777", "#000000")
FEW = 5  # curves of fewer points get markers: a line through a single point is invisible


@dataclass(frozen=True)
class Curve:
    """The runs of one model and their look in the picture."""

    label: str
    runs: Sequence[tuple[np.ndarray, np.ndarray]]  # (x, y) of each; may end early or hold NaN; () shows only the label
    colour: int = 0  # index into EIGHT
    style: int = 0  # index into STYLES


def run_curves(
    curves: Sequence[Curve],
    xlabel: str,
    ylabel: str,
    baseline: float | None = None,
    baseline_label: str = "memoryless baseline",
    logarithmic: bool = False,
    points: bool = False,
    ax: Any = None,
) -> list[Any]:
    """Draw the mean of each curve's runs as a line and their range as a band.

    Parameters
    ----------
    curves : at least one. xlabel, ylabel : of the axes. baseline, baseline_label : a number to draw as a horizontal line.
    logarithmic : whether the y axis is logarithmic. points : whether to mark each point and to label only these x values.

    Returns
    -------
    lines : one per curve, and the baseline's if there is one.

    Examples
    --------
    >>> x = np.arange(3)
    >>> (line,) = run_curves([Curve("a", [(x, x), (x, x + 2), (x[:1], x[:1] + 7)])], "step", "loss")
    >>> line.get_ydata().tolist()
    [3.0, 2.0, 3.0]
    """
    if not curves:
        raise ValueError("curves must hold at least one curve, got none")
    ax = checked_axes(ax)
    lines, seen = [], [] if baseline is None else [baseline]
    for curve in curves:
        look = {"color": EIGHT[curve.colour % len(EIGHT)], "linestyle": STYLES[curve.style % len(STYLES)]}
        if not curve.runs:
            lines += ax.plot([], [], label=curve.label, linewidth=1.7, **look)
            continue
        x, y = (_stacked([run[i] for run in curve.runs]) for i in (0, 1))  # (runs, points)
        measured = ~np.isnan(y).all(axis=0)
        x, y = x[:, measured], y[:, measured]
        middle, low, high = np.nanmean(x, axis=0), np.nanmin(y, axis=0), np.nanmax(y, axis=0)
        mean, marker = np.nanmean(y, axis=0), "o" if points or len(middle) < FEW else ""
        lines += ax.plot(middle, mean, label=curve.label, linewidth=1.7, marker=marker, **look)
        if len(curve.runs) > 1:
            ax.fill_between(middle, low, high, color=look["color"], alpha=0.15, linewidth=0)
        seen += [*low, *high]
    if baseline is not None:
        lines.append(ax.axhline(baseline, label=baseline_label, color="black", linestyle=(0, (1, 2)), linewidth=1.2))
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if logarithmic and min(seen, default=0) > 0:
        ax.set_yscale("log")
        plain_log_ticks(ax.yaxis, seen)
    if points and seen:
        places = np.unique(np.concatenate([line.get_xdata() for line in lines[: len(curves)]]))
        ax.set_xscale("log" if places[0] > 0 and places[-1] > 10 * places[0] else "linear")
        ax.set_xticks(places, [f"{place:g}" for place in places])
        ax.minorticks_off()
    ax.spines[["top", "right"]].set_visible(False)
    return lines


def _stacked(runs: Sequence[np.ndarray]) -> np.ndarray:
    """Return runs of different lengths as one array (runs, points), padded with NaN."""
    longest = max(len(run) for run in runs)
    return np.array([np.pad(np.asarray(run, float), (0, longest - len(run)), constant_values=np.nan) for run in runs])
