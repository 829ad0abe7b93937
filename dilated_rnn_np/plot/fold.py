"""The fold: a dilated layer is an ordinary RNN over a reshaped sequence.

The time steps of one phase ``t mod d`` form a sequence of their own, so the T steps become d rows that run in parallel, with one
column per folded step. Where d does not divide T the last column is shorter; nothing is padded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch, Rectangle

from ..arrays.checks import positive_integer
from .geometry import arc
from .style import COLOURS, arrow, axes_for, label_stride

COLUMN = 1.6  # width of a folded step: a cell and the arrow to the next; a cell is 1 wide and high
HATCHES = ("", "////", "....", "\\\\\\\\", "----", "xxxx")  # as many as colours, so phases differ in greyscale too


@dataclass(frozen=True)
class Folded:
    """The artists of :func:`fold`: T cells, the same cells by (phase, folded step), and the skip edges in both."""

    ax: Any
    sequence: list[Any]
    grid: dict[tuple[int, int], Any]
    arcs: list[Any]  # the skip edges over the sequence
    arrows: list[Any]  # the same edges in the grid


def fold(seq_len: int, dilation: int, ax: Any = None) -> Folded:
    """Draw how one layer of dilation d becomes parallel phases: the sequence of T steps above, the folded one below.

    >>> folded = fold(11, 4)  # 4 does not divide 11: the last of the three columns holds three cells
    >>> len(folded.sequence), sorted(phase for phase, step in folded.grid if step == 2)
    (11, [0, 1, 2])
    """
    seq_len, dilation = positive_integer("seq_len", seq_len), positive_integer("dilation", dilation)
    rows, columns = min(dilation, seq_len), -(-seq_len // dilation)
    width, lift = max(seq_len, COLUMN * columns), 0.5 + min(0.25 * dilation, 1.5) if dilation < seq_len else 0.0
    unit = min(0.45, 11 / width, 9 / (rows + lift + 3))  # inches per cell
    ax, unit = axes_for(ax, unit, width, rows + lift + 3)
    ax.set(xlim=(-0.2, width + 0.2), ylim=(-rows - 2.2, lift + 1.2), aspect="equal", anchor="W")

    sequence, grid, arcs, arrows = [], {}, [], []
    for t in range(seq_len):
        step, phase = divmod(t, dilation)
        x, y = COLUMN * step, -3.0 - phase
        sequence.append(_cell(ax, t, 0, t, phase, unit))
        grid[phase, step] = _cell(ax, x, y, t, phase, unit)
        if t + dilation < seq_len:
            over = arc((t + 0.5, 1), (t + dilation + 0.5, 1), lift * (1 - 0.4 * phase / dilation))
            arcs.append(_edge(ax, over, phase, unit))
            arrows.append(_edge(ax, [(x + 1, y + 0.5), (x + COLUMN, y + 0.5)], phase, unit))

    size = 10 if unit > 0.2 else 7
    shown = range(0, rows, label_stride(rows, unit, size / 50))
    ax.set_yticks([0.5, *(-2.5 - p for p in shown)], ["time step", *(f"phase {p}" for p in shown)], fontsize=size)
    shown = range(0, columns, label_stride(columns, unit * COLUMN, 0.0085 * size * (5 + len(str(columns)))))
    ax.set_xticks([COLUMN * step + 0.5 for step in shown], [f"step {step}" for step in shown], fontsize=size)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(f"one layer of dilation {dilation} over {seq_len} time steps", loc="left", fontsize=size + 1)
    phases, steps = f"{rows} phase{'s' * (rows > 1)}", f"{columns} step{'s' * (columns > 1)}"
    ax.text(0, -1.0, f"folded: {phases} in parallel, {steps} instead of {seq_len}", va="center", fontsize=size + 1)
    return Folded(ax, sequence, grid, arcs, arrows)


def _cell(ax: Any, x: float, y: float, t: int, phase: int, unit: float) -> Rectangle:
    """Draw one time step in the colour and hatch of its phase, with its number on a white background."""
    tint = tuple(0.5 + 0.5 * c for c in to_rgb(COLOURS[phase % 6]))
    hatch = HATCHES[(phase + phase // 6) % 6]  # the next six phases combine the same colours with other hatches
    cell = Rectangle((x, y), 1, 1, facecolor=tint, edgecolor="#333333", hatch=hatch, linewidth=min(2 * unit, 0.8))
    background = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none"}
    ax.text(x + 0.5, y + 0.5, str(t), ha="center", va="center", fontsize=min(26 * unit, 10), bbox=background)
    return ax.add_patch(cell)


def _edge(ax: Any, points: Any, phase: int, unit: float) -> FancyArrowPatch:
    return ax.add_patch(arrow(points, COLOURS[phase % 6], linewidth=min(3 * unit, 1.4), head=min(20 * unit, 10)))
