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
