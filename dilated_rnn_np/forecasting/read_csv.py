"""Read a panel from a CSV file, in the long format or in the wide one of the M4 competition."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from .cells import CellError, numbers
from .csv_text import CsvText, read_text
from .frequency import Frequency
from .panel import Panel
from .tables import LONG, columns_of, is_long

T = TypeVar("T")
NUMBERED = re.compile(r"\D*(\d+)")
FORMATS = "unique_id,ds,y (long) or V1,V2,V3,... (wide: a name and its values per row)"


def read_csv(path: str | os.PathLike[str], frequency: Frequency | None = None) -> Panel:
    r"""Return the panel of a CSV file, plain or gzipped; the header tells the format.

    The long format has one row per value: the columns ``unique_id``, ``ds``, ``y`` and covariates, in any order. The wide
    format has one row per series: its name, then its values, with empty cells at the end; the header is numbered, V1, V2, ….
    Cells are separated by commas, semicolons or tabs; with the latter two, numbers may have decimal commas. Empty cells, NA,
    NaN and null are missing values.

    Parameters
    ----------
    path : a regular file of at most 1 GiB (decompressed), in UTF-8.
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
    header = [name.strip() for name in header]
    if is_long(header) and not _is_wide(header):
        return placed(csv, lambda: Panel.of(csv_columns(csv), frequency))
    if not _is_wide(header):
        got = ", ".join(header[:6]) + (", ..." if len(header) > 6 else "")
        raise ValueError(f"{csv.name}, line 1: expected a header {FORMATS}, got {got}; rename the columns")
    return _wide_panel(csv, header)


def _is_wide(header: Sequence[str]) -> bool:
    """Return whether a header is a name and then consecutive numbers.

    >>> _is_wide(["V1", "V2", "V3"]), _is_wide(["unique_id", "1", "2"]), _is_wide(["unique_id", "ds", "y"])
    (True, True, False)
    """
    matches = [NUMBERED.fullmatch(name) for name in header[1:]]
    counted = [int(match[1]) for match in matches if match]
    named = {name.lower() for name in header} & {"ds", "y"}
    return (
        not named and bool(matches) and counted == list(range(counted[0], counted[0] + len(matches)))
        if counted
        else False
    )


def placed(csv: CsvText, call: Callable[[], T]) -> T:
    """Return ``call()``; its errors get the name of the file, and the line where they know the row."""
    try:
        return call()
    except CellError as error:
        line = csv.line_of(error.row)
        raise ValueError(f"{csv.name}, line {line}, column {error.column!r}: {error.problem}") from None
    except ValueError as error:
        message = str(error)
        raise ValueError(message if message.startswith(csv.name) else f"{csv.name}: {message}") from None


def csv_columns(csv: CsvText) -> dict[str, Any]:
    """Return the columns of a file in the long format by name; numbers have decimal points."""
    rows = csv.rows()
    _, header = next(rows)
    cells = []
    for line, row in rows:
        if len(row) != len(header):
            hint = "; numbers with decimal commas need ; between the columns" if csv.separator == "," else ""
            raise ValueError(f"{csv.name}, line {line}: expected {len(header)} cells, got {len(row)}{hint}")
        cells.append(row)
    table = list(zip(*cells, strict=True)) or [()] * len(header)
    columns = columns_of(_Table(header, table))
    if csv.separator != ",":
        _decimal_points(columns)
    return columns


class _Table:
    """A table whose names may occur twice, which ``columns_of`` reports."""

    def __init__(self, header: list[str], columns: Sequence[tuple[str, ...]]) -> None:
        self.columns, self._cells = header, columns

    def __getitem__(self, name: str) -> tuple[str, ...]:
        return self._cells[self.columns.index(name)]


def _decimal_points(columns: dict[str, Any]) -> None:
    """Replace decimal commas in the columns of numbers; a file that has decimal points too is refused."""
    numeric = {name: column for name, column in columns.items() if name not in LONG[:2]}
    if not any("," in cell for column in numeric.values() for cell in column):
        return
    for name, column in numeric.items():
        for row, cell in enumerate(column):
            if "." in cell:
                problem = f"expected a number with a decimal comma, as elsewhere in the file, got {cell!r}"
                raise CellError(row, name, problem)
        columns[name] = [cell.replace(",", ".") for cell in column]


def _wide_panel(csv: CsvText, header: list[str]) -> Panel:
    series: dict[str, np.ndarray] = {}
    rows = csv.rows()
    next(rows)
    for line, (name, *cells) in rows:
        while cells and not cells[-1].strip():
            cells.pop()
        where = f"{csv.name}, line {line}"
        if not name.strip() or name in series:
            raise ValueError(f"{where}, column {header[0]!r}: expected a name of its own for the series, got {name!r}")
        if len(cells) >= len(header):
            raise ValueError(f"{where}: expected at most {len(header)} cells, got {len(cells) + 1}")
        try:
            if csv.separator != ",":
                cells = [cell.replace(",", ".") for cell in cells]
            series[name] = numbers("y", cells) if cells else np.empty(0)
        except CellError as error:
            raise ValueError(f"{where}, column {header[error.row + 1]!r}: {error.problem}") from None
        if np.isnan(series[name]).all():
            raise ValueError(f"{where}: series {name!r} has no value; leave the series out")
    return placed(csv, lambda: Panel.of(series))
