"""The naive forecasts: the last value, the last season, and Naive2 of the M4 competition."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.checks import positive_integer

CRITICAL = 1.645  # standard deviations, of the two-sided 90 % test


def _history(y: Any) -> np.ndarray:
    """Return the history (T,) as float64, NaN where missing."""
    y = np.asarray(y, dtype=np.float64)
    if y.ndim != 1 or np.isnan(y).all():
        raise ValueError(f"y must be a series (T,) with at least one known value, got shape {y.shape}")
    return y


def naive(y: Any, horizon: int) -> np.ndarray:
    """Return the last known value as the forecast of every step, (horizon,).

    Parameters
    ----------
    y : the history (T,), NaN where missing. horizon : steps to forecast.

    Examples
    --------
    >>> naive([1.0, 2.0, np.nan], 2).tolist()
    [2.0, 2.0]
    """
    return seasonal_naive(y, horizon, season=1)


def seasonal_naive(y: Any, horizon: int, season: int) -> np.ndarray:
    """Return the last known value at the same position of the season as the forecast of each step, (horizon,).

    A series shorter than a season is forecast by ``naive``, and so is a position of the season without a known value.

    Parameters
    ----------
    y : the history (T,), NaN where missing. horizon : steps to forecast. season : its length in steps.

    Examples
    --------
    >>> seasonal_naive([1.0, 2.0, 3.0, np.nan], 3, season=2).tolist()
    [3.0, 2.0, 3.0]
    """
    y, horizon = _history(y), positive_integer("horizon", horizon)
    season = positive_integer("season", season)
    last = np.full(1 if len(y) < season else season, y[~np.isnan(y)][-1])
    for position in range(len(last)):
        same = y[len(y) - len(last) + position :: -len(last)]
        if (known := ~np.isnan(same)).any():
            last[position] = same[known.argmax()]
    return np.resize(last, horizon)


def naive2(y: Any, horizon: int, season: int) -> np.ndarray:
    """Return the forecast Naive2 of the M4 competition, (horizon,): naive on the seasonally adjusted series.

    The series is adjusted by a classical multiplicative decomposition if its autocorrelation at the season length is
    significant at 90 % and it has at least three seasons. Missing values are replaced by those of one season before. A series
    whose decomposition divides by 0 is not adjusted.

    Parameters
    ----------
    y : the history (T,), NaN where missing. horizon : steps to forecast. season : its length in steps.

    Notes
    -----
    ``Benchmarks`` and ``SeasonalityTest`` in the code of Makridakis, Spiliotis and Assimakopoulos, *The M4 Competition*,
    International Journal of Forecasting 36, 2020; the decomposition is that of R's ``decompose``.

    Examples
    --------
    >>> naive2([2.0, 6.0] * 9 + [2.2], 2, season=2).round(1).tolist()
    [6.6, 2.2]
    """
    y, horizon = _history(y), positive_integer("horizon", horizon)
    season = positive_integer("season", season)
    y = _filled(y, season)
    if season > 1 and is_seasonal(y, season):
        indices = seasonal_indices(y, season)
        if np.isfinite(indices).all() and (indices != 0).all():
            adjusted = y[-1] / indices[(len(y) - 1) % season]
            return adjusted * indices[(len(y) + np.arange(horizon)) % season]
    return naive(y, horizon)


def _filled(y: np.ndarray, season: int) -> np.ndarray:
    """Return y with each missing value replaced by that of one season before, or else by the last known or the next one."""
    y = y.copy()
    for lag in (season, 1):
        for t in np.flatnonzero(np.isnan(y)):
            if t >= lag:
                y[t] = y[t - lag]
    y[np.isnan(y)] = y[~np.isnan(y)][0]
    return y


def is_seasonal(y: np.ndarray, season: int) -> bool:
    """Return whether the autocorrelation (T,) at the season length exceeds Bartlett's bound at 90 %.

    >>> is_seasonal(np.tile([1.0, 2.0], 10), 2), is_seasonal(np.arange(5.0), 2)
    (True, False)
    """
    if len(y) < 3 * season:
        return False
    centred = y - y.mean()
    variance = centred @ centred
    if variance == 0:
        return False
    correlations = np.array([centred[lag:] @ centred[:-lag] for lag in range(1, season + 1)]) / variance
    bound = CRITICAL * np.sqrt((1 + 2 * (correlations[:-1] ** 2).sum()) / len(y))
    return bool(abs(correlations[-1]) > bound)


def seasonal_indices(y: np.ndarray, season: int) -> np.ndarray:
    """Return the multiplicative index of each position of the season, (season,), with mean 1.

    >>> seasonal_indices(np.tile([1.0, 3.0], 3), 2).tolist()
    [0.5, 1.5]
    """
    weights = np.ones(season) if season % 2 else np.concatenate([[0.5], np.ones(season - 1), [0.5]])
    trend = np.convolve(y, weights / season, mode="valid")  # the centred moving average
    half = len(weights) // 2
    ratios = np.full(-(-len(y) // season) * season, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios[half : half + len(trend)] = y[half : half + len(trend)] / trend
        indices = np.nanmean(ratios.reshape(-1, season), axis=0)  # (T,) -> (seasons, season) -> (season,)
        return indices / indices.mean()
