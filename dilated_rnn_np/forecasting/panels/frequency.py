"""The frequency of a panel: the distance between consecutive time stamps, found from the time stamps of all series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arrays.checks import one_of, positive_integer
from .timestamps import SECONDS

CLOCK = {"week": 7 * 86400, "day": 86400, "hour": 3600, "minute": 60, "second": 1}  # in seconds
UNITS = ("integer", "second", "business day", "month", "month end")


@dataclass(frozen=True)
class Frequency:
    """The distance between consecutive time stamps of a series.

    Parameters
    ----------
    unit : "integer", "second", "business day" (Monday to Friday), "month" (the same day, at most the 28th, of each month) or
        "month end" (the last day of each month).
    step : units per period; 3600 with "second" is hourly, 3 with "month" quarterly.

    Examples
    --------
    >>> Frequency("second", 900).name, Frequency("month end").name, Frequency("second", 3600).seasons
    ('15 minutes', 'month end', (24, 168))
    >>> Frequency("month end").after(np.datetime64("2024-01-31", "s"), 2).astype(str).tolist()
    ['2024-02-29T00:00:00', '2024-03-31T00:00:00']
    """

    unit: str
    step: int = 1

    def __post_init__(self) -> None:
        one_of("unit", self.unit, UNITS)
        positive_integer("step", self.step)

    @property
    def name(self) -> str:
        """Return the name, such as "integer", "hour", "15 minutes", "day", "business day", "quarter" or "month end"."""
        unit, count, ending = self.unit, self.step, ""
        if unit == "second":
            unit = next(name for name, seconds in CLOCK.items() if self.step % seconds == 0)
            count = self.step // CLOCK[unit]
        elif unit.startswith("month"):
            unit, ending = "month", " end" if unit == "month end" else ""
            if self.step % 12 == 0:
                unit, count = "year", self.step // 12
            elif self.step == 3:
                unit, count = "quarter", 1
        return (unit if count == 1 else f"{count} {unit}s") + ending

    @property
    def seasons(self) -> tuple[int, ...]:
        """Return the usual season lengths in periods, for instance (24, 168) for hourly values; () where none is usual."""
        if self.unit == "integer":
            return ()
        if self.unit == "business day":
            return (5,) if self.step == 1 else ()
        if self.unit != "second":
            return _whole_seasons(self.step, 12)
        if self.step % CLOCK["week"] == 0:
            return _whole_seasons(self.step, 52 * CLOCK["week"])
        longest = ("day", "week") if self.step >= 300 else ("hour", "day") if self.step >= 5 else ("minute", "hour")
        return _whole_seasons(self.step, *(CLOCK[unit] for unit in longest))

    def range(self, first: Any, n: int) -> np.ndarray:
        """Return n consecutive time stamps (n,), the first of which is ``first``; its dtype is kept.

        >>> Frequency("business day").range(np.datetime64("2024-03-01", "s"), 2).astype(str).tolist()
        ['2024-03-01T00:00:00', '2024-03-04T00:00:00']
        """
        first = np.asarray(first)
        steps = self.step * np.arange(n)
        if self.unit == "integer":
            return first + steps
        if self.unit == "second":
            return first + steps.astype("timedelta64[s]")
        day = first.astype("datetime64[D]")
        clock = first - day  # timedelta64[s]
        if self.unit == "business day":
            return np.busday_offset(day, steps, roll="forward").astype(SECONDS) + clock
        months = first.astype("datetime64[M]") + steps.astype("timedelta64[M]")
        if self.unit == "month end":
            return _last_day(months).astype(SECONDS) + clock
        return months.astype(SECONDS) + (first - first.astype("datetime64[M]").astype(SECONDS))

    def after(self, ds: Any, n: int) -> np.ndarray:
        """Return the n time stamps (n,) that follow ``ds``, one time stamp or the last of several, in the same dtype."""
        return self.range(np.asarray(ds).ravel()[-1], n + 1)[1:]

    def index(self, ds: np.ndarray) -> np.ndarray:
        """Return the position (T,) of each time stamp, in periods from the first; positions round down between periods.

        >>> Frequency("month").index(np.array(["2024-01-01", "2024-04-01"], "datetime64[s]")).tolist()
        [0, 3]
        """
        if self.unit == "business day":
            days = ds.astype("datetime64[D]")
            units = np.busday_count(days[0], days)
        else:
            counted = ds.astype("datetime64[M]") if self.unit.startswith("month") else ds
            units = (counted - counted[0]).astype(np.int64)
        return units // self.step


def _whole_seasons(step: int, *lengths: int) -> tuple[int, ...]:
    return tuple(length // step for length in lengths if length % step == 0 and length > step)


def _last_day(months: np.ndarray) -> np.ndarray:
    return (months + 1).astype("datetime64[D]") - 1


def find_frequency(ds: Sequence[np.ndarray]) -> Frequency:
    """Return the frequency of a panel: the largest one on whose periods all time stamps lie.

    Parameters
    ----------
    ds : the increasing time stamps of each series, int64 or datetime64[s].

    Raises
    ------
    ValueError : the time stamps are dates and no series has two of them.

    Examples
    --------
    >>> find_frequency([np.array([1, 3, 7]), np.array([10, 14])])
    Frequency(unit='integer', step=2)
    >>> find_frequency([np.array(["2024-01-31", "2024-02-29"], "datetime64[s]")]).name
    'month end'
    """
    steps = np.concatenate([np.diff(stamps) for stamps in ds]).astype(np.int64)  # between neighbours, over all series
    dates = ds[0].dtype.kind == "M"
    if not len(steps):
        if dates:
            raise ValueError("no series has two time stamps, so the frequency of the dates is unknown; pass frequency=")
        return Frequency("integer")
    step = int(np.gcd.reduce(steps))
    if not dates:
        return Frequency("integer", step)
    if steps.min() >= 28 * CLOCK["day"] and (unit := _monthly(ds)):
        months = np.concatenate([np.diff(stamps.astype("datetime64[M]")) for stamps in ds]).astype(np.int64)
        return Frequency(unit, int(np.gcd.reduce(months)))
    if step == CLOCK["day"] and _on_business_days(ds):
        return Frequency("business day")
    return Frequency("second", step)


def _monthly(ds: Sequence[np.ndarray]) -> str:
    """Return "month end", "month", or "" where time stamps lie on different days of the month or at different times."""
    ds = [stamps for stamps in ds if len(stamps) > 1]
    every = np.concatenate(ds)
    days = every.astype("datetime64[D]")
    if (_last_day(every.astype("datetime64[M]")) == days).all() and len(np.unique(every - days)) == 1:
        return "month end"
    offsets = [stamps - stamps.astype("datetime64[M]").astype(SECONDS) for stamps in ds]
    same = all((offset == offset[0]).all() and offset[0] < np.timedelta64(28, "D") for offset in offsets)
    return "month" if same else ""


def _on_business_days(ds: Sequence[np.ndarray]) -> bool:
    """Return whether all days are Monday to Friday and some series spans a weekend."""
    return all(np.is_busday(stamps.astype("datetime64[D]")).all() for stamps in ds) and any(
        np.busday_count(stamps[0].astype("datetime64[D]"), stamps[-1].astype("datetime64[D]"))
        < (stamps[-1] - stamps[0]) // np.timedelta64(1, "D")
        for stamps in ds
    )
