"""Convert a column of a table to numbers or identifiers; an error holds the row and the column of the wrong cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

MISSING = frozenset({"", "na", "nan", "null", "none", "nat", "<na>"})  # in lower case
WORDS = {"true": 1.0, "false": 0.0, **dict.fromkeys(MISSING, np.nan)}


class CellError(ValueError):
    """A wrong cell of a table.

    Parameters
    ----------
    row : its row, from 0. column : the name of its column. problem : the expected and the given value, and a remedy.
    """

    def __init__(self, row: int, column: str, problem: str) -> None:
        super().__init__(f"row {row}, column {column!r}: {problem}")
        self.row, self.column, self.problem = row, column, problem


def quoted(cell: Any) -> str:
    """Return a cell in quotes, on one line and shortened, for errors.

    >>> quoted("n/a"), len(quoted("n/a" * 1000))
    ("'n/a'", 42)
    """
    text = str(cell)
    return repr(text if len(text) <= 40 else f"{text[:37]}...")


def listed(names: Sequence[str]) -> str:
    """Return the first six names as one line, for errors.

    >>> listed(["id", "date"])
    'id, date'
    """
    short = ", ".join(quoted(name)[1:-1] for name in names[:6])
    return f"{short}, ..." if len(names) > 6 else short


def is_missing(value: Any) -> bool:
    """Return whether a cell counts as missing: empty, None, NA, NaN, NaT or null, in any case.

    >>> [is_missing(value) for value in ("", "NA", None, float("nan"), "n/a", 0)]
    [True, True, True, True, False, False]
    """
    return str(value).strip().lower() in MISSING


def numbers(column: str, values: Any, remedy: str = "") -> np.ndarray:
    """Return a column as float64 (rows,), NaN where a cell is missing; text is converted, True and False are 1 and 0.

    Parameters
    ----------
    column : the name of the column. values : its cells. remedy : what to do about a wrong cell, for the error.

    Raises
    ------
    CellError : a cell is neither a finite number nor missing.

    Examples
    --------
    >>> numbers("y", ["1.5", "NA", ""]).tolist()
    [1.5, nan, nan]
    >>> numbers("y", ["1.5", "n/a"])
    Traceback (most recent call last):
    dilated_rnn_np.forecasting.panels.cells.CellError: row 1, column 'y': expected a number, got 'n/a'
    """
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    array = one_axis(column, values)
    if array.dtype.kind in "biuf":
        converted = array.astype(np.float64)
    elif array.dtype.kind in "OUS":
        try:
            converted = array.astype(np.float64)
        except (TypeError, ValueError):
            converted = np.array([_number(row, column, cell, remedy) for row, cell in enumerate(array.tolist())])
    else:
        raise ValueError(f"column {column!r} must hold numbers, got dtype {array.dtype}{remedy}")
    if (infinite := np.isinf(converted)).any():
        row = int(infinite.argmax())
        problem = f"expected a finite number, got {quoted(array[row])}; leave the cell empty if unknown"
        raise CellError(row, column, problem)
    return converted


def _number(row: int, column: str, cell: Any, remedy: str) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        word = str(cell).strip().lower()
        if word not in WORDS:
            raise CellError(row, column, f"expected a number, got {quoted(cell)}{remedy}") from None
        return WORDS[word]


def identifiers(column: str, values: Any) -> list[str]:
    """Return a column of identifiers as strings; a missing one raises a CellError.

    >>> identifiers("unique_id", [7, "H1"])
    ['7', 'H1']
    """
    texts = [str(cell).strip() for cell in one_axis(column, values).tolist()]
    for missing in filter(is_missing, set(texts) - {"NA"}):  # NA is the code of Namibia
        raise CellError(texts.index(missing), column, f"expected the name of a series, got {quoted(missing)}")
    return texts


def one_axis(column: str, values: Any) -> np.ndarray:
    """Return the cells of a column as an array (rows,); text beside numbers stays as it is.

    >>> one_axis("y", ["7", 8]).tolist()
    ['7', 8]
    """
    if isinstance(values, (list, tuple)) and any(isinstance(value, str) for value in values):
        array = np.empty(len(values), dtype=object)
        array[:] = values
    else:
        try:
            array = np.asarray(values)
        except ValueError:  # lists of different lengths
            array = np.empty((0, 0))
    if array.ndim != 1:
        hint = "; one target per series: pass the others as series of their own" if column == "y" else ""
        raise ValueError(f"column {column!r} must hold one value per row{hint}")
    return array
