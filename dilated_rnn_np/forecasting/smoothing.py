"""Exponential smoothing with several seasons and a damped trend, in error-correction form.

A forecast is ``level + trend + the seasons' entries for that step``; the error of the one-step forecast corrects each part by
its own rate (Holt and Winters; several seasons: Taylor 2003; damped trend: Gardner and McKenzie 1985). All functions run
many series, and several sets of rates per series, at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

DAMPING = 0.95  # of the trend per step
LEVEL_RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 0.6, 0.9)
TREND_RATES = (0.0, 0.01, 0.1)
SEASON_RATES = (0.01, 0.05, 0.15, 0.3, 0.5)


@dataclass
class Smoother:
    """The state of exponential smoothing for N series with K sets of rates each."""

    level: np.ndarray  # (N, K)
    trend: np.ndarray  # (N, K)
    seasons: list[np.ndarray]  # one (m, N, K) per season; row t % m belongs to step t

    def forecast(self, t: int) -> np.ndarray:
        """Return the forecast (N, K) of step ``t``, the next one."""
        return self.level + DAMPING * self.trend + sum(season[t % len(season)] for season in self.seasons)

    def update(self, t: int, z: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """Correct the state, in place, by the error of the forecast of step ``t``, and return the errors (N, K).

        Parameters
        ----------
        z : (N,), the values of step ``t``; NaN counts as an error of 0.
        rates : (2 + seasons, N, K), of level, trend and each season.
        """
        error = z[:, None] - self.forecast(t)  # (N, K)
        error[np.isnan(error)] = 0
        self.level += DAMPING * self.trend + rates[0] * error
        self.trend *= DAMPING
        self.trend += rates[1] * error
        for season, rate in zip(self.seasons, rates[2:], strict=True):
            season[t % len(season)] += rate * error
        return error

    def path(self, t: int, horizon: int) -> Iterator[np.ndarray]:
        """Yield the forecasts (N, K) of the steps ``t + 1`` … ``t + horizon``, after the update of step ``t``."""
        steps_of_trend = 0.0
        for k in range(1, horizon + 1):
            steps_of_trend += DAMPING**k
            yield self.level + steps_of_trend * self.trend + sum(s[(t + k) % len(s)] for s in self.seasons)

    def copy(self) -> Smoother:
        """Return a copy."""
        return Smoother(self.level.copy(), self.trend.copy(), [season.copy() for season in self.seasons])

    def take(self, rows: np.ndarray, other: Smoother) -> None:
        """Take over the state of some series from another smoother."""
        self.level[rows], self.trend[rows] = other.level[rows], other.trend[rows]
        for own, season in zip(self.seasons, other.seasons, strict=True):
            own[:, rows] = season[:, rows]

    def repeated(self, K: int) -> Smoother:
        """Return a copy of a state with one set of rates per series, repeated for K sets."""
        level, trend = (np.repeat(part, K, axis=1) for part in (self.level, self.trend))
        return Smoother(level, trend, [np.repeat(season, K, axis=2) for season in self.seasons])


def start(z: np.ndarray, seasons: Sequence[int], warm_up: int) -> Smoother:
    """Return the state before step 0 from the first ``warm_up`` values of each series, one set of rates each.

    The trend compares the means of both halves, and is 0 where one of the values is missing; the seasons are the mean
    deviations per phase, shortest season first.

    Parameters
    ----------
    z : (N, T), NaN where missing and past the ends. warm_up : at best twice the longest season.

    Examples
    --------
    >>> smoother = start(np.array([[1.0, 5.0, 1.0, 5.0]]), [2], warm_up=4)
    >>> smoother.level.tolist(), smoother.seasons[0].ravel().tolist()
    ([[3.0]], [-2.0, 2.0])
    """
    N, W, half = len(z), warm_up, warm_up // 2
    z = np.concatenate([z, np.full((N, max(0, W - z.shape[1])), np.nan)], axis=1)[:, :W]
    complete = ~np.isnan(z).any(axis=1)
    trend = np.where(complete, (_mean(z[:, W - half :], 1) - _mean(z[:, :half], 1)) / (W - half), 0)  # (N,)
    level = _mean(z, 1) - trend * (W + 1) / 2  # of step -1
    rest = z - level[:, None] - trend[:, None] * np.arange(1, W + 1)  # (N, W)
    entries = []
    for m in seasons:
        cycles = -(-W // m)
        padded = np.full((N, cycles * m), np.nan)
        padded[:, :W] = rest
        season = _mean(padded.reshape(N, cycles, m), 1)  # (N, m)
        season -= season.mean(axis=1, keepdims=True)
        rest = rest - np.tile(season, cycles)[:, :W]
        entries.append(np.ascontiguousarray(season.T[:, :, None]))  # (m, N, 1)
    return Smoother(level[:, None], trend[:, None], entries)


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Return the mean of the values that are not NaN, 0 where there are none."""
    known = ~np.isnan(values)
    return np.where(known, values, 0).sum(axis=axis) / np.maximum(known.sum(axis=axis), 1)


def rate_grid(seasons: int) -> np.ndarray:
    """Return all combinations of rates for a number of seasons, (2 + seasons, G).

    >>> rate_grid(1).shape
    (3, 105)
    """
    return np.array(list(itertools.product(LEVEL_RATES, TREND_RATES, *[SEASON_RATES] * seasons))).T
