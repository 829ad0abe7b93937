"""A forecast of one series: its history, the median, and a fan of prediction intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from ..arrays.checks import fraction
from .style import COLOURS, checked_axes

FEW = 40  # values; a shorter history gets markers


def forecast(
    history: Any,
    mean: Any,
    quantiles: Mapping[float, Any] | None = None,
    actual: Any = None,
    ds: Any = None,
    title: str = "",
    ax: Any = None,
) -> dict[str, Any]:
    """Draw a history, its forecast, and the prediction intervals between each pair of quantiles q and 1 - q.

    Parameters
    ----------
    history : the values before the forecast, (T,), NaN where missing.
    mean : the forecast (horizon,); the quantile 0.5 is drawn in its place where ``quantiles`` has it.
    quantiles : (horizon,) per level in (0, 1), or None. A level without its counterpart is drawn as a dotted line.
    actual : the values over the horizon, (horizon,), or None.
    ds : time stamps of the history and the horizon, (T + horizon,), numbers or datetime64; None counts the steps from the
        start of the forecast.
    title : above the axes.

    Returns
    -------
    artists : the lines "history", "forecast" and "actual", and per interval ("80 %") its band, or per level ("q0.9") its line.

    Examples
    --------
    >>> artists = forecast([1.0, 2.0, 3.0], [4.0, 5.0], {0.1: [3.0, 3.0], 0.9: [5.0, 7.0]})
    >>> list(artists), artists["forecast"].get_xdata().tolist()
    (['history', '80 %', 'forecast'], [0, 1, 2])
    """
    history, mean = _row("history", history), _row("mean", mean)
    levels = {
        fraction("a quantile level", q): _row(f"quantile {q}", v, len(mean)) for q, v in (quantiles or {}).items()
    }
    T, horizon = len(history), len(mean)
    x = np.arange(-T + 1, horizon + 1) if ds is None else np.asarray(ds)
    if x.shape != (T + horizon,):
        raise ValueError(
            f"ds must hold {T + horizon} time stamps, {T} of the history and {horizon} after, got {x.shape}"
        )
    ax = checked_axes(ax, 8.6)
    past, now, ahead = x[:T], x[T - 1 : T], x[T:]
    last = history[-1:]  # bands and lines start at the last value, so that the picture has no hole
    marker = {"marker": "o", "markersize": 3} if T <= FEW else {}
    artists: dict[str, Any] = {}
    (artists["history"],) = ax.plot(past, history, color="0.25", linewidth=1.2, label="history", **marker)
    start = np.concatenate([now, ahead])
    bands = sorted(q for q in levels if q < 0.5 and any(np.isclose(1 - q, other) for other in levels))
    for number, q in enumerate(bands):
        upper = next(other for other in levels if np.isclose(1 - q, other))
        label = f"{100 * (1 - 2 * q):.4g} %"
        low, high = (np.concatenate([last, levels[level]]) for level in (q, upper))
        alpha = 0.18 + 0.3 * number / len(bands)  # narrower intervals are darker
        artists[label] = ax.fill_between(start, low, high, color=COLOURS[0], alpha=alpha, linewidth=0, label=label)
    for q, values in sorted(levels.items()):
        if q != 0.5 and not any(np.isclose(q, paired) or np.isclose(1 - q, paired) for paired in bands):
            (artists[f"q{q:g}"],) = ax.plot(
                ahead, values, ":", color=COLOURS[0], linewidth=1.2, label=f"quantile {q:g}"
            )
    median = np.concatenate([last, levels.get(0.5, mean)])
    label = "median" if 0.5 in levels else "forecast"
    (artists["forecast"],) = ax.plot(start, median, color=COLOURS[0], linewidth=1.8, label=label)
    if actual is not None:
        values = _row("actual", actual, horizon)
        (artists["actual"],) = ax.plot(ahead, values, "--", color=COLOURS[1], linewidth=1.4, label="actual")
    if x.dtype.kind == "M":
        locator = AutoDateLocator(maxticks=8 if ax.get_window_extent().width > 4 * ax.figure.dpi else 4, minticks=3)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    ax.spines[["top", "right"]].set_visible(False)
    ax.set(xlabel="steps from the last value" if ds is None else "", title=title)
    ax.margins(x=0.01)
    ax.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return artists


def _row(name: str, values: Any, length: int | None = None) -> np.ndarray:
    """Return values as float64 (length,)."""
    row = np.asarray(values, dtype=np.float64)
    if row.ndim != 1 or not len(row) or length not in (None, len(row)):
        expected = f"({length},)" if length else "one axis and at least one value"
        raise ValueError(f"{name} must have {'shape ' if length else ''}{expected}, got shape {row.shape}")
    return row
