"""What all pictures share: colours, line styles, and new axes.

Colours are told apart by the colour-blind (Okabe and Ito 2008), and line styles tell the same in greyscale. Matplotlib's
global style is left as it is.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

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


def checked_picture(path: str | os.PathLike[str]) -> Path:
    """Return the path of a picture that is still to be drawn; one that could not be written raises at once.

    >>> checked_picture("curve.xyz")
    Traceback (most recent call last):
    ValueError: a picture must end in one of ..., got curve.xyz
    """
    path, suffixes = Path(path), new_axes().figure.canvas.get_supported_filetypes()
    if path.suffix[1:] not in suffixes:
        raise ValueError(f"a picture must end in one of .{', .'.join(suffixes)}, got {path}")
    folder = path.absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise OSError(f"cannot write the picture {path}: {folder} must be a writable folder")
    return path


def plain_log_ticks(axis: Any, values: Any, base: int = 10) -> None:
    """Label a logarithmic axis with plain numbers, and with enough of them where it spans less than two decades."""
    axis.set_major_locator(LogLocator(base, subs=(1, 2, 5) if base == 10 and max(values) < 100 * min(values) else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
