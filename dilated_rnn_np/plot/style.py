"""The style of all pictures: colours and line styles, new axes and their labels, arrows.

The colours, one per system in all pictures, can be told apart by the colour-blind (Okabe and Ito 2008), and the line styles also
in greyscale. Matplotlib's global style is never changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib import path as mpath
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
STYLES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))

SYSTEMS = {  # the systems in the order of their looks, by the beginning of their graphs' labels
    "dilated RNN": "dilated",
    "plain RNN": "plain",
    "skip RNN": "skip",
    "clockwork RNN": "clockwork",
    "phased LSTM": "phased-lstm",
    "dilated CNN": "dilated-cnn",
}
SYSTEM_COLOURS = dict(zip(SYSTEMS.values(), COLOURS, strict=True))


def line_look(i: int) -> dict[str, Any]:
    """Return colour and line style of the i-th curve; they repeat after six."""
    return {"color": COLOURS[i % len(COLOURS)], "linestyle": STYLES[i % len(STYLES)]}


def system_looks(labels: Sequence[str]) -> list[dict[str, Any]]:
    """Return a look per label of a graph: that of its system where all systems differ, else the looks in their order.

    >>> [look["color"] for look in system_looks(["dilated RNN 1, 2", "dilated CNN 1, 2"])] == [COLOURS[0], COLOURS[5]]
    True
    """
    known = [next((i for i, name in enumerate(SYSTEMS) if label.startswith(name)), None) for label in labels]
    places = [i for i in known if i is not None]
    return [line_look(i) for i in (places if len({*places}) == len(labels) else range(len(labels)))]


def new_axes(width: float = 7.0, height: float = 4.2) -> Any:
    """Return the axes of a new figure, of a size in inches, that no window shows; see ``save_picture``."""
    return Figure(figsize=(width, height), layout="constrained").add_subplot()


def checked_axes(ax: Any, width: float = 7.0, height: float = 4.2) -> Any:
    """Return ``ax``, or new axes where it is None; anything else but an Axes raises a TypeError."""
    if ax is None:
        return new_axes(width, height)
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be a matplotlib Axes, for instance plot.new_axes(), got {type(ax).__name__}")
    return ax


def axes_for(ax: Any, unit: float, width: float, height: float) -> tuple[Any, float]:
    """Return axes for a drawing of ``width`` by ``height`` units, and the size of a unit in inches.

    On a new figure (``ax`` None) the unit is the given one; on given axes it shrinks until the drawing fits.
    """
    if ax is None:
        return new_axes(max(5.2, unit * width + 1.7), unit * height + 1.2), unit
    box = checked_axes(ax).get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    return ax, min(unit, box.width / width, box.height / height)


def label_stride(count: int, room: float, needed: float) -> int:
    """Return the distance, in places, between labels that do not touch: each place has ``room``, a label takes ``needed``.

    >>> label_stride(32, room=0.2, needed=0.3)
    2
    """
    stride = 1
    while stride < count and stride * room < needed:
        stride *= 2
    return stride


def plain_log_ticks(axis: Any, values: Any, base: int = 10) -> None:
    """Label a logarithmic axis with plain numbers, and with more of them where it spans less than two decades."""
    axis.set_major_locator(LogLocator(base, subs=(1, 2, 5) if base == 10 and max(values) < 100 * min(values) else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def arrow(points: Any, colour: str, linewidth: float, head: float) -> FancyArrowPatch:
    """Return an arrow along two points of a line or four points of a cubic Bézier curve, with a head of ``head`` points."""
    codes = [mpath.Path.MOVETO] + ([mpath.Path.LINETO] if len(points) == 2 else 3 * [mpath.Path.CURVE4])
    patch = FancyArrowPatch(path=mpath.Path(points, codes), arrowstyle="-|>", color=colour, zorder=2, capstyle="butt")
    patch.set(linewidth=linewidth, mutation_scale=head)
    return patch
