"""Assemble the series of a panel from the rows of a table: sort, check, find the frequency, fill gaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .cells import CellError
from .frequency import Frequency, find_frequency
from .series import Gap, Series
from .timestamps import shown

MOST_PERIODS_PER_ROW = 10  # a series with fewer rows than periods / 10 is irregular or has another frequency
MAKE_REGULAR = "make the time stamps regular, with one frequency per panel, or cut the series at long gaps"
STATIC = (
    "is constant within every series but differs between them; static covariates are not supported: remove the column, "
    "or forecast the groups in panels of their own"
)


@dataclass(frozen=True)
class Rows:
    """The rows of a table in the long format, in any order.

    Parameters
    ----------
    ids : the names of the series. codes : (rows,), the number of each row's series.
    ds : (rows,), int64 or datetime64[s]. y : (rows,), NaN where missing. covariates : (rows, C). names : C names.
    """

    ids: Sequence[str]
    codes: np.ndarray
    ds: np.ndarray
    y: np.ndarray
    covariates: np.ndarray
    names: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not len(self.codes):
            raise ValueError("a panel needs at least one row with a value of y, got none")


def assemble(rows: Rows, frequency: Frequency | None = None) -> tuple[list[Series], Frequency, list[Gap]]:
    """Return the series in the order of ``ids``, their frequency, and their missing values.

    Parameters
    ----------
    frequency : the known frequency, or None to find it.

    Raises
    ------
    CellError : two rows for one time stamp, a covariate without value, a series without value, irregular time stamps.
    ValueError : a static covariate, or no frequency can be found.

    Examples
    --------
    >>> rows = Rows(["a"], np.zeros(2, int), np.array([4, 1]), np.array([40.0, 10.0]), np.empty((2, 0)))
    >>> (series,), _, _ = assemble(rows, Frequency("integer"))
    >>> series.ds.tolist(), series.y.tolist()
    ([1, 2, 3, 4], [10.0, nan, nan, 40.0])
    """
    order = np.lexsort((rows.ds, rows.codes))
    codes, ds = rows.codes[order], rows.ds[order]
    first_rows = np.concatenate([[True], codes[1:] != codes[:-1]])
    if len(twice := np.flatnonzero(~first_rows[1:] & (ds[1:] == ds[:-1]))):
        place, unique_id = twice[0], rows.ids[int(codes[twice[0]])]
        problem = f"a second row for series {unique_id!r} at {shown(ds[place])}; keep one row per series and time stamp"
        problem += ", and name the series in a column unique_id" if rows.ids == ["1"] else ""
        raise CellError(int(order[place + 1]), "ds", problem)
    starts = np.flatnonzero(first_rows)
    _check_covariates(rows, rows.covariates[order], starts)
    parts = np.split(order, starts[1:])  # the rows of each series, in time order
    frequency = _checked_frequency(frequency or find_frequency([rows.ds[part] for part in parts]), rows)
    series, gaps = [], []
    for part in parts:
        one, missing = _one_series(rows, part, frequency)
        series.append(one)
        gaps += missing
    return series, frequency, gaps


def _checked_frequency(frequency: Frequency, rows: Rows) -> Frequency:
    if (frequency.unit == "integer") != (rows.ds.dtype.kind == "i"):
        expected = "whole numbers" if frequency.unit == "integer" else "dates"
        raise CellError(0, "ds", f"expected {expected} for the frequency {frequency.name!r}, got {shown(rows.ds[0])}")
    return frequency


def _check_covariates(rows: Rows, covariates: np.ndarray, starts: np.ndarray) -> None:
    """Refuse covariates without value and static ones; ``covariates`` is sorted by series."""
    if len(missing := np.argwhere(np.isnan(rows.covariates))):
        row, column = missing[0]
        unique_id = rows.ids[int(rows.codes[row])]
        problem = f"covariate of series {unique_id!r} without value; covariates must be known everywhere"
        raise CellError(int(row), rows.names[column], problem)
    if len(starts) == len(covariates):
        return  # one row per series: nothing can be said
    lowest, highest = np.minimum.reduceat(covariates, starts), np.maximum.reduceat(covariates, starts)  # (N, C)
    if len(static := np.flatnonzero((lowest == highest).all(axis=0) & (lowest != lowest[0]).any(axis=0))):
        raise ValueError(f"column {rows.names[int(static[0])]!r} {STATIC}")


def _one_series(rows: Rows, part: np.ndarray, frequency: Frequency) -> tuple[Series, list[Gap]]:
    """Return the series of the given rows, in time order, without missing values at its ends, and its gaps."""
    unique_id = rows.ids[int(rows.codes[part[0]])]
    known = np.flatnonzero(~np.isnan(rows.y[part]))
    if not len(known):
        raise CellError(int(part[0]), "y", f"series {unique_id!r} has no value; leave the series out")
    before, after = part[: known[0]], part[known[-1] + 1 :]
    part = part[known[0] : known[-1] + 1]
    ds = rows.ds[part]
    index = frequency.index(ds)
    T = int(index[-1]) + 1
    if MOST_PERIODS_PER_ROW * (len(ds) + 1) < T:
        problem = f"series {unique_id!r} has only {len(ds)} rows for {T:,} periods of {frequency.name!r}"
        raise CellError(int(part[0]), "ds", f"{problem}; {MAKE_REGULAR}")
    grid = frequency.range(ds[0], T)
    if (strange := grid[index] != ds).any():
        problem = f"series {unique_id!r} has {shown(ds[strange][0])} between two periods of {frequency.name!r}"
        raise CellError(int(part[strange.argmax()]), "ds", f"{problem} from {shown(ds[0])} on")
    y = np.full(T, np.nan)
    y[index] = rows.y[part]
    latest = np.searchsorted(index, np.arange(T), side="right") - 1  # a missing row takes over the covariates before it
    series = Series(unique_id, grid, y, rows.covariates[part[latest]])  # (T, C)
    inside = [Gap(unique_id, grid[a], grid[b - 1], int(b - a)) for a, b in _runs(np.isnan(y))]
    start, end = (
        [Gap(unique_id, rows.ds[outside[0]], rows.ds[outside[-1]], len(outside), place)] if len(outside) else []
        for outside, place in ((before, "start"), (after, "end"))
    )
    if rows.names:
        end = [replace(gap, known_future=True) for gap in end]
    return series, [*start, *inside, *end]


def _runs(marked: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield start and end of each run of True.

    >>> [tuple(map(int, run)) for run in _runs(np.array([False, True, True, False, True]))]
    [(1, 3), (4, 5)]
    """
    edges = np.flatnonzero(np.diff(marked, prepend=False, append=False))
    yield from zip(edges[::2], edges[1::2], strict=True)
