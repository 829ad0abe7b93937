"""Solutions of tutorial 16: forecasting."""

import numpy as np


def seasonal_naive(y, horizon, season):
    """Return the value of the same position in the last season, for each step of the horizon."""
    return y[len(y) - season + np.arange(horizon) % season]


def scaled_error(actual, forecast, history, season):
    """Return the mean absolute error, in units of the seasonal naive forecast's error in the history."""
    scale = np.abs(history[season:] - history[:-season]).mean()
    return np.abs(actual - forecast).mean() / scale


def smoothing_step(level, season, t, value, level_rate, season_rate):
    """Return the new level and the new seasons (m,) after the value of step t."""
    error = value - (level + season[t % len(season)])
    season = season.copy()
    season[t % len(season)] += season_rate * error
    return level + level_rate * error, season


def ordered_quantiles(o, gaps):
    """Return three increasing quantiles from three free numbers."""
    distance = gaps * np.logaddexp(o, 0)
    return np.array([o[1] - distance[0], o[1], o[1] + distance[2]])
