"""Turn the tables, mappings and arrays that a user may pass into the rows of a table in the long format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .assemble import Rows
from .cells import CellError, identifiers, listed, numbers, one_axis
from .timestamps import timestamps

LONG = ("unique_id", "ds", "y")
TEXT = "; covariates must be numbers: write text as columns of 0 and 1, or remove the column"


def columns_of(table: Any) -> dict[str, Any]:
    """Return the columns of a mapping or data frame by name; the case of unique_id, ds and y does not matter.

    >>> list(columns_of({"DS": [1], "Y": [2.0], "Price": [3.0]}))
    ['ds', 'y', 'Price']
    """
    columns: dict[str, Any] = {}
    for name in table if isinstance(table, Mapping) else table.columns:
        key = str(name).strip()
        key = key.lower() if key.lower() in LONG else key
        if key in columns:
            raise ValueError(f"column {key!r} occurs twice; every column needs a name of its own")
        if not key:
            raise ValueError("a column has no name; name it or remove it")
        columns[key] = table[name]
    return columns


def is_long(columns: Iterable[Any]) -> bool:
    """Return whether names of columns are those of the long format."""
    return not {str(name).strip().lower() for name in columns}.isdisjoint(LONG)


def long_rows(columns: Mapping[str, Any]) -> Rows:
    """Return the rows of a table in the long format.

    Parameters
    ----------
    columns : ``y``; ``unique_id``, which may be absent for one series; ``ds``, which may be absent for 1, 2, …; covariates.

    Raises
    ------
    CellError : a wrong cell. ValueError : no column y, several targets, or columns of different lengths.

    Examples
    --------
    >>> rows = long_rows({"unique_id": ["a", "a", "b"], "y": ["1", "2", "3"]})
    >>> rows.ids, rows.ds.tolist()
    (['a', 'b'], [1, 2, 1])
    """
    if "y" not in columns:
        others = [name for name in columns if name not in LONG]
        several = [name for name in others if name[:1].lower() == "y" and name[1:].strip("_").isdigit()]
        remedy = "rename the column of values; a table with a column per series must be stacked as unique_id, ds, y"
        if len(several) > 1:
            remedy = f"one target per series: stack {listed(several)} as series of their own in the column y"
        raise ValueError(f"a column y must hold the values, got the columns {listed(list(columns))}; {remedy}")
    rows = same_length(columns)
    ids, codes = series_codes(columns.get("unique_id"), rows)
    ds = timestamps("ds", columns["ds"]) if "ds" in columns else _count(codes)
    names = [name for name in columns if name not in LONG]
    try:
        y = numbers("y", columns["y"])
        covariates = [numbers(name, columns[name], TEXT) for name in names]
    except CellError as error:
        problem = f"{error.problem} (series {ids[codes[error.row]]!r})"
        raise CellError(error.row, error.column, problem) from None
    matrix = np.stack(covariates, axis=1) if covariates else np.empty((rows, 0))  # (rows, C)
    return Rows(ids, codes, ds, y, matrix, names)


def same_length(columns: Mapping[str, Any]) -> int:
    """Return the number of rows of a table; columns of different lengths raise a ValueError.

    >>> same_length({"ds": [1, 2], "y": [5.0, 6.0]})
    2
    """
    lengths = {name: len(one_axis(name, column)) for name, column in columns.items()}
    (first, rows), *others = lengths.items()
    for name, length in others:
        if length != rows:
            raise ValueError(f"column {name!r} must have {rows} rows like {first!r}, got {length}")
    return rows


def series_codes(column: Any, rows: int) -> tuple[list[str], np.ndarray]:
    """Return the distinct names of series in order of appearance, and the number of each row's series (rows,)."""
    if column is None:
        return ["1"], np.zeros(rows, np.int64)
    texts = identifiers("unique_id", column)
    numbered = {name: number for number, name in enumerate(dict.fromkeys(texts))}
    return list(numbered), np.array([numbered[text] for text in texts], dtype=np.int64)


def _count(codes: np.ndarray) -> np.ndarray:
    """Return 1, 2, … for the rows of each series, in the order of the rows."""
    order = np.argsort(codes, kind="stable")
    first = np.searchsorted(codes[order], codes[order])
    counted = np.empty(len(codes), np.int64)
    counted[order] = np.arange(len(codes)) - first + 1
    return counted


def value_rows(series: Mapping[str, Any]) -> Rows:
    """Return the rows of series given as values alone, one 1-d array per name; their time stamps are 1, 2, ….

    >>> value_rows({"a": [1.0, 2.0], "b": [3.0]}).codes.tolist()
    [0, 0, 1]
    """
    values = []
    if len(ids := [str(name) for name in series]) != len(set(ids)):
        raise ValueError("two series have the same name; every series needs a name of its own")
    for name, given in series.items():
        try:
            values.append(numbers("y", given))
        except CellError as error:
            raise ValueError(f"series {name!r}, value {error.row}: {error.problem}") from None
        except ValueError as error:
            raise ValueError(f"series {name!r}: {error}") from None
        if not len(values[-1]):
            raise ValueError(f"series {name!r} has no value; leave the series out")
    lengths = [len(one) for one in values]
    codes = np.repeat(np.arange(len(lengths)), lengths)
    y = np.concatenate(values) if values else np.empty(0)
    return Rows(ids, codes, _count(codes), y, np.empty((len(y), 0)))


def rows_of(data: Any) -> Rows:
    """Return the rows of any data that ``Panel.of`` accepts."""
    if hasattr(data, "columns"):
        return long_rows(columns_of(data))
    if isinstance(data, Mapping):
        return long_rows(columns_of(data)) if is_long(data) else value_rows(data)
    if hasattr(data, "__array__") and not isinstance(data, np.ndarray):
        data = np.asarray(data)
    values = isinstance(data, (Sequence, np.ndarray)) and not isinstance(data, (str, bytes))
    if not values or getattr(data, "ndim", 1) == 0:
        raise TypeError(
            f"a panel must be a table with the columns unique_id, ds, y, a mapping or an array, got {type(data).__name__}; "
            "for a file use read_csv"
        )
    if np.ndim(data[0] if len(data) else 0) == 0:
        data = [data]  # one series
    return value_rows({str(number): values for number, values in enumerate(data, start=1)})
