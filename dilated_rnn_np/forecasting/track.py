"""The base forecasts of many series at every step, in one compact record.

The forecasts of the next h steps, at each of T steps, would be T h numbers per series. They follow from a few numbers
per step: the value, the smoothed level and trend, and for each season its entry for that step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .smoothing import DAMPING, Smoother, start


def reach(seasons: Sequence[int]) -> int:
    """Return R, how many steps before a step its base forecasts look at."""
    return 2 * seasons[-1] + seasons[0] if seasons else 1


@dataclass
class Track:
    """Values and smoothed components of N series at n consecutive steps, after those of the R steps before them.

    Missing values are replaced by the forecast of their step. What lies before the first step of a series is NaN.
    """

    seasons: tuple[int, ...]
    z: np.ndarray  # (N, R + n)
    error: np.ndarray  # (N, R + n), of the one-step forecast
    level: np.ndarray  # (N, R + n)
    trend: np.ndarray  # (N, R + n)
    entries: list[np.ndarray]  # one (N, R + n) per season: its entry after the update of the step

    def cut(self, rows: np.ndarray, starts: np.ndarray, n: int) -> Track:
        """Return the track of some series over n steps each, from steps of their own."""
        columns = starts[:, None] + np.arange(reach(self.seasons) + n)
        return self._each(lambda part: part[rows[:, None], columns])

    def rows(self, row: int, steps: slice = slice(None)) -> Track:
        """Return the track of one series, or the part of it within a slice of its R + n columns."""
        return self._each(lambda part: part[row : row + 1, steps])

    def last(self) -> Track:
        """Return a copy of the track over its last step."""
        return self._each(lambda part: part[:, -reach(self.seasons) - 1 :].copy())

    def append(self, columns: Sequence[np.ndarray]) -> None:
        """Drop the first column and append a new one, as ``advance`` returns it, in place."""
        for part, column in zip(self.parts, columns, strict=True):
            part[:, :-1] = part[:, 1:].copy()
            part[:, -1] = column

    @classmethod
    def joined(cls, tracks: Sequence[Track]) -> Track:
        """Return the tracks of several series over equally many steps as one."""
        parts = zip(*(track.parts for track in tracks), strict=True)
        return cls.of(tracks[0].seasons, [np.concatenate(part) for part in parts])

    @classmethod
    def of(cls, seasons: Sequence[int], parts: Sequence[np.ndarray]) -> Track:
        """Return the track of the arrays that ``parts`` lists."""
        z, error, level, trend, *entries = parts
        return cls(tuple(seasons), z, error, level, trend, entries)

    @property
    def parts(self) -> list[np.ndarray]:
        """All arrays: z, error, level, trend and the seasons' entries."""
        return [self.z, self.error, self.level, self.trend, *self.entries]

    def _each(self, change: Callable[[np.ndarray], np.ndarray]) -> Track:
        return Track.of(self.seasons, [change(part) for part in self.parts])

    @property
    def steps(self) -> int:
        """n, the number of steps."""
        return self.z.shape[1] - reach(self.seasons)

    # ------------------------------------------------------------------ forecasts of the next h steps, (N, n, h) each

    def candidates(self, horizon: int) -> np.ndarray:
        """Return the forecasts of all methods of ``candidate_names`` at every step, (J, N, n, horizon)."""
        return np.stack(list(self.paths(horizon)))

    def paths(self, horizon: int) -> Iterator[np.ndarray]:
        """Yield the forecasts of one method after the other, (N, n, horizon); they must not be changed.

        Where a method would look before the start of the series, it takes the forecast of the smoothing.
        """
        smoothing = self._smoothing(horizon)
        yield smoothing
        for path in self._simple_paths(horizon):
            missing = np.isnan(path)
            yield np.where(missing, smoothing, path) if missing.any() else path

    def _simple_paths(self, horizon: int) -> Iterator[np.ndarray]:
        """Yield the forecasts of all methods but the smoothing, NaN where they look before the start of the series."""
        yield np.repeat(self.z[:, -self.steps :, None], horizon, axis=2)
        if not self.seasons:
            return
        first, longest = self.seasons[0], self.seasons[-1]
        naive = self._last_cycle(self.z, first, horizon)
        yield naive
        for m in self.seasons:
            one = self._last_cycle(self.z, m, horizon) + self._level_change(m)
            yield one
            two = self._last_cycle(self.z, m, horizon, m) + self._level_change(2 * m)
            yield (one + two) / 2
        if longest > first:
            yield naive + self._last_cycle(self.z, longest, horizon) - self._last_cycle(self.z, first, horizon, longest)

    def _smoothing(self, horizon: int) -> np.ndarray:
        steps_of_trend = np.cumsum(DAMPING ** np.arange(1, horizon + 1))
        n = self.steps
        path = self.level[:, -n:, None] + self.trend[:, -n:, None] * steps_of_trend
        for m, entries in zip(self.seasons, self.entries, strict=True):
            path += self._last_cycle(entries, m, horizon)
        return path

    def _last_cycle(self, values: np.ndarray, m: int, horizon: int, lag: int = 0) -> np.ndarray:
        """Return at each step t the values of the steps ``t - lag - m + 1`` … ``t - lag``, repeated up to the horizon."""
        first = reach(self.seasons) - lag - m + 1
        cycles = sliding_window_view(values, m, axis=1)[:, first : first + self.steps]  # (N, n, m)
        return cycles[:, :, np.arange(horizon) % m]  # (N, n, h)

    def _level_change(self, lag: int) -> np.ndarray:
        """Return ``R_t - R_{t-lag}`` at each step, (N, n, 1), with R_t the mean of the shortest season's last cycle."""
        m, R, n = self.seasons[0], reach(self.seasons), self.steps
        means = sliding_window_view(self.z, m, axis=1).mean(axis=-1)  # (N, R + n - m + 1), the first ends at step m - 1
        return (means[:, R - m + 1 :] - means[:, R - m + 1 - lag : R - m + 1 - lag + n])[:, :, None]


def candidate_names(seasons: Sequence[int]) -> tuple[str, ...]:
    """Return the names of the base methods for some seasons.

    With m as a season, ``j = m ceil(k / m)``, and R_t as the mean of the shortest season's last cycle:

    * "smoothing": exponential smoothing;
    * "naive": ``z_t``; "seasonal naive": ``z_{t+k-j}`` for the shortest season;
    * "drift m": ``z_{t+k-j} + R_t - R_{t-m}``; "drift 2 m": its mean with the same from two cycles back;
    * "difference": the seasonal naive forecast, plus the change from its cycle to this one as seen one longest season ago.

    >>> candidate_names((7,))
    ('smoothing', 'naive', 'seasonal naive', 'drift 7', 'drift 2 7')
    """
    if not seasons:
        return "smoothing", "naive"
    drifts = [name for m in seasons for name in (f"drift {m}", f"drift 2 {m}")]
    return ("smoothing", "naive", "seasonal naive", *drifts, *(["difference"] if len(seasons) > 1 else []))


def follow(
    z: np.ndarray, lengths: np.ndarray, seasons: Sequence[int], rates: np.ndarray, shares: np.ndarray, warm_up: int
) -> tuple[Track, Smoother]:
    """Run exponential smoothing over series from their first step, and return their track and the states at their ends.

    Parameters
    ----------
    z : (N, T), NaN where missing and past the ends. lengths : (N,).
    rates : (2 + seasons, N, K). shares : (N, K), the weights of the K sets of rates in the smoothed components.
    warm_up : the smoothing starts from the components of this many first values.
    """
    (N, T), R = z.shape, reach(seasons)
    smoother = start(z, seasons, warm_up).repeated(shares.shape[1])
    parts = [np.full((N, R + T), np.nan) for _ in range(4 + len(seasons))]  # z, error, level, trend and the seasons
    for part, season in zip(parts[4:], smoother.seasons, strict=True):
        part[:, :R] = season[np.arange(-R, 0) % len(season), :, 0].T
    track, ends = Track.of(seasons, parts), smoother.copy()
    for t in range(T):
        columns = advance(smoother, t, z[:, t], rates, shares)
        for part, column in zip(parts, columns, strict=True):
            part[:, R + t] = column
        ended = lengths == t + 1
        if ended.any():
            ends.take(ended, smoother)
    return track, ends


def advance(smoother: Smoother, t: int, z: np.ndarray, rates: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, ...]:
    """Advance the smoothing, in place, by the values (N,) of step t, and return that step's columns of the track."""
    forecast = (smoother.forecast(t) * shares).sum(axis=1)
    z = np.where(np.isnan(z), forecast, z)
    error = smoother.update(t, z, rates)
    parts = (error, smoother.level, smoother.trend, *(season[t % len(season)] for season in smoother.seasons))
    return z, *((part * shares).sum(axis=1) for part in parts)
