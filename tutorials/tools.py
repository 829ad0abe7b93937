"""What the tutorials share: how a picture is shown, how large a run is, and where data may lie."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

FULL = os.environ.get("TUTORIAL_SIZE") == "full"  # the full size of runs and pictures, instead of under a minute


def size(quick: int, full: int) -> int:
    """Return the quick number, or the full one where the environment says TUTORIAL_SIZE=full."""
    return full if FULL else quick


def in_notebook() -> bool:
    """Return whether the code runs in a notebook; as a script it shows no pictures."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return get_ipython() is not None


def show(drawn: Any, dpi: int = 90) -> None:
    """Show a picture in the notebook: axes, a figure, or anything with axes, such as what the library's plots return."""
    drawn = drawn[0] if isinstance(drawn, (list, tuple)) else drawn
    axes = getattr(drawn, "ax", None) or getattr(drawn, "axes", None) or drawn
    figure = getattr(axes, "figure", axes) if not hasattr(drawn, "savefig") else drawn
    if in_notebook():
        from IPython.display import Image, display

        png = io.BytesIO()
        figure.savefig(png, dpi=dpi)
        display(Image(png.getvalue()))


def explorer_page() -> None:
    """Write the explorer's page beside the notebook, so that the notebook's links open prepared views of it."""
    if in_notebook():
        from dilated_rnn_np import plot

        plot.explorer([1, 2, 4], Path(__file__).with_name("explorer.html"))


def data_dir() -> str | None:
    """Return the folder of real data: ``$DILATED_RNN_DATA``, or ``shared/data`` beside the project, or None."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return os.environ.get("DILATED_RNN_DATA") or (str(beside) if beside.is_dir() else None)


def show_series(series: Any, height: float = 1.7) -> None:
    """Show lines over time, one picture below the other.

    Parameters
    ----------
    series : by title, time stamps and values. height : of one picture, in inches.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, height * len(series)), layout="constrained")
    for ax, (title, line) in zip(figure.subplots(len(series), squeeze=False)[:, 0], series.items(), strict=True):
        ax.plot(*line, color="0.3", linewidth=1)
        ax.set_title(title, fontsize=10, loc="left")
        ax.spines[["top", "right"]].set_visible(False)
        ax.margins(x=0.01)
    show(figure)


def axes_below(count: int, height: float = 2.4) -> Any:
    """Return axes below one another, on one figure, with one vertical scale; the height of each is in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(9, height * count), layout="constrained").subplots(count, sharey=True)


def show_scores(scores: Any, xlabel: str) -> None:
    """Show numbers as dots, one row per method and one picture per series, so that left is better.

    Parameters
    ----------
    scores : by method, a mapping from a series to its number.
    """
    from matplotlib.figure import Figure

    methods, series = list(scores), list(next(iter(scores.values())))
    figure = Figure(figsize=(9, 0.8 + 0.27 * len(methods)), layout="constrained")
    for ax, name in zip(figure.subplots(1, len(series), sharey=True), series, strict=True):
        values = [scores[method][name] for method in methods]
        best = min(range(len(values)), key=values.__getitem__)
        ax.hlines(range(len(methods)), 0, values, color="0.8")
        colours = ["#D55E00" if k == best else "#0072B2" for k in range(len(values))]
        ax.scatter(values, range(len(methods)), color=colours, zorder=3)
        ax.set_title(name, fontsize=10)
        ax.set(yticks=range(len(methods)), yticklabels=methods, xlabel=xlabel, xlim=(0, 1.15 * max(values)))
        ax.set_ylim(len(methods) - 0.5, -0.5)  # the first method on top
        ax.spines[["top", "right"]].set_visible(False)
    show(figure)
