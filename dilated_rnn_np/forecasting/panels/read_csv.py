"""Read a panel from a CSV file, in the long format or in the wide one of the M4 competition."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from .cells import CellError, listed, numbers, quoted
from .csv_text import CsvText, read_text
from .frequency import Frequency
from .panel import Panel
from .tables import columns_of, is_long

T = TypeVar("T")
NUMBERED = re.compile(r"(?!y_?\d)\D*(\d{1,9})", re.IGNORECASE)
FORMATS = "unique_id,ds,y (long) or V1,V2,V3,... (wide: a name and its values per row)"


def read_csv(path: str | os.PathLike[str], frequency: Frequency | None = None) -> Panel:
    r"""Return the panel of a CSV file, plain or gzipped; the header tells the format.

    The long format has one row per value: the columns ``unique_id``, ``ds``, ``y`` and covariates, in any order. The wide
    format has one row per series: its name, then its values, with empty cells at the end; the header is numbered, V1, V2, ….
    Cells are separated by commas, semicolons or tabs; with the latter two, numbers may have decimal commas. Empty cells, NA,
    NaN and null are missing values.

    Parameters
    ----------
    path : a regular file of at most 512 MiB (decompressed), in UTF-8.
    frequency : the frequency of ``ds``, or None to find it in the data.

    Raises
    ------
    ValueError : the file is not a panel; the message names the file, the line and the column.
    OSError : the file is absent or cannot be read.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "sales.csv")
    ...     _ = path.write_text("unique_id,ds,y\nnorth,2024-01-01,5\nnorth,2024-01-03,7\nnorth,2024-01-04,8\n")
    ...     panel = read_csv(path)
    >>> panel.frequency.name, panel["north"].y.tolist(), panel.report()
    ('day', [5.0, nan, 7.0, 8.0], ["series 'north': 1 value missing at 2024-01-02"])
    """
    return panel_of(read_text(path), frequency)


def panel_of(csv: CsvText, frequency: Frequency | None = None) -> Panel:
    """Return the panel of a CSV text."""
    _, header = next(csv.rows())
    while len(header) > 1 and not header[-1].strip():
        header.pop()
    if _is_wide(header):
        return _wide_panel(csv, header)
    if is_long(header):
        return placed(csv, lambda: Panel.of(csv_columns(csv), frequency))
    raise ValueError(f"{csv.name}, line 1: expected a header {FORMATS}, got {listed(header)}; rename the columns")


def _is_wide(header: Sequence[str]) -> bool:
    """Return whether a header is a name and then consecutive numbers; y1, y2, … are several targets.

    >>> [_is_wide(header.split()) for header in ("V1 V2 V3", "unique_id 1 2", "unique_id ds y", "unique_id y1 y2")]
    [True, True, False, False]
    """
    matches = [NUMBERED.fullmatch(name.strip()) for name in header[1:]]
    counted = [int(match[1]) for match in matches if match]
    consecutive = bool(counted) and counted == list(range(counted[0], counted[0] + len(matches)))
    first = header[0].strip().lower()
    return consecutive and first not in ("ds", "y") and not first[:1].isdigit()  # a digit: the file has no header


def placed(csv: CsvText, call: Callable[[], T]) -> T:
    """Return ``call()``; its errors get the name of the file, and the line where they know the row."""
    try:
        return call()
    except CellError as error:
        line = csv.line_of(error.row)
        raise ValueError(f"{csv.name}, line {line}, column {error.column!r}: {error.problem}") from None
    except ValueError as error:
        message = str(error)
        raise ValueError(message if message.startswith(f"{csv.name}, ") else f"{csv.name}: {message}") from None


def csv_columns(csv: CsvText) -> dict[str, Any]:
    """Return the columns of a file in the long format by name; numbers have decimal points."""
    rows = csv.rows()
    _, header = next(rows)
    table: list[list[str]] = [[] for _ in header]
    while part := list(islice(rows, 256)):  # in parts: a million small lists at once would be slow
        for line, cells in part:
            if len(cells) != len(header):
                hint = "; numbers with decimal commas need ; between the columns" if csv.separator == "," else ""
                raise ValueError(f"{csv.name}, line {line}: expected {len(header)} cells, got {len(cells)}{hint}")
        for column, added in zip(table, zip(*(cells for _, cells in part), strict=True), strict=True):
            column.extend(added)
    columns = columns_of(_Table(header, table))
    numeric = {name: column for name, column in columns.items() if name not in ("unique_id", "ds")}
    return columns | (numeric if csv.separator == "," else _decimal_points(numeric))


class _Table:
    """A table whose names may occur twice, which ``columns_of`` reports."""

    def __init__(self, header: list[str], columns: list[list[str]]) -> None:
        self.columns, self._cells = header, columns

    def __getitem__(self, name: str) -> list[str]:
        return self._cells[self.columns.index(name)]


def _decimal_points(columns: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Return columns of numbers with points in place of decimal commas; a number with a point beside them raises.

    >>> _decimal_points({"y": ["1,5", "2"]})
    {'y': ['1.5', '2']}
    """
    if not any("," in cell for column in columns.values() for cell in column):
        return dict(columns)
    for name, column in columns.items():
        for row, cell in enumerate(column):
            if "." in cell:
                problem = f"expected a number with a decimal comma, like the other cells, got {quoted(cell)}"
                raise CellError(row, name, problem)
    return {name: [cell.replace(",", ".") for cell in column] for name, column in columns.items()}


def _wide_panel(csv: CsvText, header: Sequence[str]) -> Panel:
    series: dict[str, np.ndarray] = {}
    rows = csv.rows()
    next(rows)
    for line, (name, *cells) in rows:
        while cells and not cells[-1].strip():
            cells.pop()
        where, name = f"{csv.name}, line {line}", name.strip()
        if not name or name in series:
            raise ValueError(f"{where}, column {header[0]!r}: expected a name of its own for the series, got {name!r}")
        if len(cells) >= len(header):
            raise ValueError(f"{where}: expected at most {len(header)} cells, got {len(cells) + 1}")
        try:
            points = cells if csv.separator == "," else _decimal_points({"y": cells})["y"]
            series[name] = numbers("y", points)
        except CellError as error:
            raise ValueError(f"{where}, column {header[error.row + 1]!r}: {error.problem} (series {name!r})") from None
        if np.isnan(series[name]).all():
            raise ValueError(f"{where}: series {name!r} has no value; leave the series out")
    return placed(csv, lambda: Panel.of(series))
