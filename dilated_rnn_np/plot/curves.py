"""Curves: training runs against the memoryless baseline, path lengths against spans and periods, gradients against spans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .style import COLOURS, STYLES, new_axes


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
    ax = new_axes() if ax is None else ax
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
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    return lines
