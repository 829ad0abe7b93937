"""Convert the column ``ds`` to int64 or datetime64[s]: integers, ISO dates and date-times, and other unambiguous dates."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import numpy as np

from .cells import CellError, is_missing, one_axis, quoted

SECONDS = np.dtype("datetime64[s]")
ASK_FOR_ISO = "write dates as 2015-01-31 or 2015-01-31T23:00"
ONE_ZONE = "convert all times to one zone and leave it out"
CLOCK = r"(?:[T ]+(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.0*)?)?)?)?"
YEAR_FIRST = re.compile(r"(?P<year>\d{4})(?:[-/.](?P<month>\d{1,2}))(?:[-/.](?P<day>\d{1,2}))?" + CLOCK)
DAY_FIRST = re.compile(r"(?P<day>\d{1,2})[-/.](?P<month>\d{1,2})[-/.](?P<year>\d{4})" + CLOCK)
MONTH_FIRST = re.compile(r"(?P<month>\d{1,2})[-/.](?P<day>\d{1,2})[-/.](?P<year>\d{4})" + CLOCK)
SLASHED = re.compile(r"(\d{1,2})[-/](\d{1,2})[-/]\d{4}\b.*")
ZONE = re.compile(r".*\d{1,2}:\d\d.*(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)\s*")
FRACTION = re.compile(r".*:\d\d\.\d+")
INTEGER = re.compile(r"[+-]?\d{1,18}")


def shown(ds: Any) -> str:
    """Return a time stamp as text, without the parts of the clock that are 0.

    >>> shown(np.datetime64("2015-01-02T04:00:00")), shown(np.datetime64("2015-01-02T00:00:00")), shown(np.int64(7))
    ('2015-01-02T04:00', '2015-01-02', '7')
    """
    return str(ds).removesuffix("T00:00:00").removesuffix(":00") if isinstance(ds, np.datetime64) else str(ds)


def timestamps(column: str, values: Any) -> np.ndarray:
    """Return a column of time stamps as int64 or datetime64[s] (rows,).

    Parameters
    ----------
    column : the name of the column. values : whole numbers, datetime64, datetime objects, or text.

    Raises
    ------
    CellError : a cell is missing, is neither a whole number nor a date, has a time zone or parts of a second, or its day and
        month cannot be told apart.

    Examples
    --------
    >>> timestamps("ds", ["2015-01", "2015-02-01T12:00"]).tolist()
    [datetime.datetime(2015, 1, 1, 0, 0), datetime.datetime(2015, 2, 1, 12, 0)]
    >>> timestamps("ds", ["7", "8"]).tolist()
    [7, 8]
    """
    if zone := getattr(getattr(values, "dtype", None), "time_zone", None):  # polars converts such a column to UTC
        raise ValueError(f"column {column!r} must hold times without a time zone, got {zone}; {ONE_ZONE}")
    array = one_axis(column, values)
    if array.dtype.kind in "iuf":
        _refuse(column, array, array != np.rint(array), "a whole number or a date")
        return _counted(column, array.astype(np.int64))
    if array.dtype.kind == "M":
        whole = array.astype(SECONDS)
        _refuse(column, array, np.isnat(array), "a date")
        _refuse(column, array, whole != array, "a date and time in whole seconds")
        return whole
    if array.dtype.kind not in "OUS":
        raise ValueError(f"column {column!r} must hold whole numbers or dates, got dtype {array.dtype}")
    cells = array.tolist()
    number_of = {cell: number for number, cell in enumerate(dict.fromkeys(cells))}
    parsed = _parsed(column, list(number_of), cells)[[number_of[cell] for cell in cells]]
    return _counted(column, parsed) if parsed.dtype.kind == "i" else parsed


def _counted(column: str, numbers: np.ndarray) -> np.ndarray:
    """Return whole numbers (rows,); numbers that are all dates such as 20240131 or 202401 raise a CellError.

    >>> _counted("ds", np.array([202401, 202402]))
    Traceback (most recent call last):
    dilated_rnn_np.forecasting.panels.cells.CellError: row 0, column 'ds': '202401' looks like a date; write dates as ...
    """
    if len(numbers) and numbers.min() != numbers.max():
        years, months, days = numbers // 10_000, numbers // 100 % 100, numbers % 100
        for year, month, day in ((years, months, days), (numbers // 100, days, 1)):
            likely = (year >= 1900) & (year < 2100) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
            if likely.all():
                raise CellError(0, column, f"'{numbers[0]}' looks like a date; {ASK_FOR_ISO}")
    return numbers


def _refuse(column: str, array: np.ndarray, wrong: np.ndarray, expected: str) -> None:
    if wrong.any():
        row = int(wrong.argmax())
        raise CellError(row, column, f"expected {expected}, got {quoted(array[row])}")


def _parsed(column: str, distinct: list[Any], cells: list[Any]) -> np.ndarray:
    """Return the time stamps of distinct cells: all integers, or all dates in one order of day, month and year."""
    texts = [str(cell).strip() for cell in distinct]
    if (fast := _iso_dates(texts)) is not None:
        return fast

    def error(cell: Any, problem: str) -> CellError:
        return CellError(cells.index(cell), column, problem)

    if all(map(INTEGER.fullmatch, texts)):
        return np.array([int(text) for text in texts], dtype=np.int64)
    pattern = _date_pattern(texts, lambda k, problem: error(distinct[k], problem))
    parsed = np.empty(len(texts), SECONDS)
    for k, (cell, text) in enumerate(zip(distinct, texts, strict=True)):
        if isinstance(cell, date):
            parsed[k] = _from_datetime(cell, error)
        elif match := pattern.fullmatch(text):
            fields = {name: int(part) for name, part in match.groupdict().items() if part}
            try:
                parsed[k] = datetime(**{"day": 1, **fields})  # type: ignore[arg-type]
            except ValueError as reason:
                raise error(cell, f"expected a date, got {quoted(text)} ({reason})") from None
        else:
            raise error(cell, _problem(text))
    return parsed


def _iso_dates(texts: list[str]) -> np.ndarray | None:
    """Return texts that are all ISO dates of one length as datetime64[s], or None; a fast path.

    >>> _iso_dates(["2015-01-31 23:00", "2015-02-01 00:00"]).astype(str).tolist(), _iso_dates(["2015-02-30"])
    (['2015-01-31T23:00:00', '2015-02-01T00:00:00'], None)
    """
    length = len(texts[0]) if texts else 0
    if length not in (7, 10, 16, 19) or any(len(text) != length for text in texts):
        return None
    array = np.array(texts, dtype=f"U{length}")
    characters = array.view(np.uint32).reshape(-1, length)
    template = np.array("0000-00-00T00:00:00"[:length]).reshape(1).view(np.uint32)
    digits = (characters >= ord("0")) & (characters <= ord("9"))
    alike = np.where(template == ord("0"), digits, characters == template)
    if length > 10:
        alike[:, 10] |= characters[:, 10] == ord(" ")
    try:
        return array.astype(SECONDS) if alike.all() else None
    except ValueError:  # such as a 30th of February
        return None


def _problem(text: str) -> str:
    """Return why a text is no time stamp, and what to do."""
    if is_missing(text):
        return "expected a date or a whole number, got an empty cell"
    if ZONE.fullmatch(text):
        return f"expected a time without a time zone, got {quoted(text)}; {ONE_ZONE}"
    if FRACTION.fullmatch(text):
        return f"expected a date and time in whole seconds, got {quoted(text)}"
    return f"expected a date or a whole number like the other cells, got {quoted(text)}; {ASK_FOR_ISO}"


def _from_datetime(cell: Any, error: Callable[[Any, str], CellError]) -> np.datetime64:
    if getattr(cell, "tzinfo", None) is not None:
        raise error(cell, f"expected a time without a time zone, got '{cell}'; {ONE_ZONE}")
    if cell != cell:  # pandas' NaT
        raise error(cell, "expected a date or a whole number, got an empty cell")
    if getattr(cell, "microsecond", 0) or getattr(cell, "nanosecond", 0):
        raise error(cell, f"expected a date and time in whole seconds, got '{cell}'")
    return np.datetime64(cell.isoformat(), "s")


def _date_pattern(texts: list[str], error: Callable[[int, str], CellError]) -> re.Pattern[str]:
    """Return the order of day, month and year that all texts share."""
    slashed = {k: match for k, text in enumerate(texts) if (match := SLASHED.fullmatch(text))}
    if not slashed:
        return DAY_FIRST if DAY_FIRST.fullmatch(texts[0]) else YEAR_FIRST
    day_first = [k for k, match in slashed.items() if int(match[1]) > 12]
    month_first = [k for k, match in slashed.items() if int(match[2]) > 12]
    if bool(day_first) != bool(month_first):
        return DAY_FIRST if day_first else MONTH_FIRST
    k = (day_first or list(slashed))[0]
    raise error(k, f"day and month of {quoted(texts[k])} cannot be told apart; {ASK_FOR_ISO}")
