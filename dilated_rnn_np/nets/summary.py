"""The table that ``model.summary()`` prints: layers, shapes, parameters, and how far back each layer reaches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class LayerSummary(NamedTuple):
    """How a layer is presented, in tables and pictures."""

    kind: str  # the kind of recurrence, such as "lstm"
    label: str  # what distinguishes the layer from its neighbours, such as "dilation 4"
    steps: int | str = ""  # how far apart in time its recurrent edges reach
    reads: str = ""  # the steps it reads, in words


def summary_row(
    name: object, kind: str, steps: object, input_size: int, size: int, parameters: int, remark: str
) -> str:
    """Return one line of the table."""
    return f"{name!s:<10}{kind:<8}{steps!s:>8}{input_size:>8}{size:>8}{parameters:>12,}  {remark}"


def summary_table(steps_heading: str, rows: Sequence[str], total: str) -> str:
    """Return the table as text, with a heading and a last line."""
    heading = f"{'layer':<10}{'cell':<8}{steps_heading:>8}{'input':>8}{'hidden':>8}{'parameters':>12}  reaches back"
    return "\n".join([heading, *rows, total])
