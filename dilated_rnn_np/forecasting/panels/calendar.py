"""Calendar features: the position of a time stamp in the day, the week, the month and the year, as points on circles."""

from __future__ import annotations

import numpy as np

from .frequency import CLOCK, Frequency

DAY, WEEK = CLOCK["day"], CLOCK["week"]


def calendar_names(frequency: Frequency) -> tuple[str, ...]:
    """Return the names of the columns of ``calendar_features``.

    >>> calendar_names(Frequency("month"))
    ('month of year, sine', 'month of year, cosine')
    """
    return tuple(f"{cycle}, {part}" for cycle in _cycles(frequency) for part in ("sine", "cosine"))


def calendar_features(ds: np.ndarray, frequency: Frequency) -> np.ndarray:
    """Return sine and cosine of hour of day, day of week, day of month and month of year, float64 (T, C) in [-1, 1].

    A cycle is left out where the frequency makes it constant: hourly values have all four, daily ones no hour, monthly ones
    only the month, integers and years none.

    Parameters
    ----------
    ds : time stamps (T,). frequency : of the panel.

    Examples
    --------
    >>> calendar_features(np.array(["2024-01-01", "2024-04-01"], "datetime64[s]"), Frequency("month")).round(6).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    cycles = _cycles(frequency)
    angles = np.empty((len(ds), len(cycles)))
    for column, cycle in enumerate(cycles):
        angles[:, column] = 2 * np.pi * _fraction(ds, cycle)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(ds), -1)  # (T, cycles, 2) -> (T, C)


def _cycles(frequency: Frequency) -> list[str]:
    unit, step = frequency.unit, frequency.step
    cycles = []
    if unit == "second" and step % DAY:
        cycles.append("hour of day")
    if unit == "business day" or (unit == "second" and step % WEEK):
        cycles.append("day of week")
    if unit in ("business day", "second"):
        cycles.append("day of month")
    if unit in ("business day", "second") or (unit.startswith("month") and step % 12):
        cycles.append("month of year")
    return cycles


def _fraction(ds: np.ndarray, cycle: str) -> np.ndarray:
    """Return the elapsed part of the cycle (T,), in [0, 1)."""
    seconds, months = ds.astype(np.int64), ds.astype("datetime64[M]")
    if cycle == "hour of day":
        return seconds % DAY / DAY
    if cycle == "day of week":
        return (seconds // DAY + 3) % 7 / 7  # 1970-01-01 was a Thursday; 0 is Monday
    if cycle == "month of year":
        return months.astype(np.int64) % 12 / 12
    first, following = months.astype("datetime64[D]"), (months + 1).astype("datetime64[D]")
    return (ds.astype("datetime64[D]") - first) / (following - first)
