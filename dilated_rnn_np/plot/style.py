"""What all pictures share: colours, line styles, and new axes.

Colours are told apart by the colour-blind (Okabe and Ito 2008), and line styles tell the same in greyscale. Matplotlib's
global style is left as it is.
"""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
STYLES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))


def new_axes(width: float = 7.0, height: float = 4.2) -> Any:
    """Return the axes of a new figure, in inches, that no window shows; save it with ``ax.figure.savefig``."""
    return Figure(figsize=(width, height), layout="constrained").add_subplot()


def checked_axes(ax: Any, width: float = 7.0, height: float = 4.2) -> Any:
    """Return ``ax``, or new axes where it is None; what is no Axes raises a TypeError."""
    if ax is None:
        return new_axes(width, height)
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be a matplotlib Axes, for instance plot.new_axes(), got {type(ax).__name__}")
    return ax
