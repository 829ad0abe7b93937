"""The net's inputs and targets at every step of a track, in units of the series' sigma."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .base import Base
from .track import Track

INPUTS = 3  # of the net per step, beside the exogenous ones


def squashed(values: np.ndarray) -> np.ndarray:
    """Return ``sign(v) log(1 + |v|)``, which is v near 0 and keeps large values moderate."""
    return np.sign(values) * np.log1p(np.abs(values))


def base_forecast(track: Track, base: Base, horizon: int) -> np.ndarray:
    """Return the base forecast at every step, (N, n, horizon)."""
    forecast = np.zeros((len(base.mix), track.steps, horizon))
    for weights, path in zip(base.mix.T, track.paths(horizon), strict=True):
        forecast += weights[:, None, None] * path
    return forecast


def inputs(track: Track, base: Base) -> np.ndarray:
    """Return the inputs of the net, (N, n, 3), float32.

    At each step these are the error of the smoothing's last one-step forecast and the distance of the value from the smoothed
    level, in sigma, and log sigma. The past enters through the recurrence.
    """
    n, sigma = track.steps, base.sigma[:, None]
    error, distance = track.error[:, -n:] / sigma, (track.z - track.level)[:, -n:] / sigma  # (N, n)
    log_sigma = np.broadcast_to(np.log(sigma) / 2 + 1, error.shape)
    return np.stack([squashed(error), squashed(distance), log_sigma], axis=-1).astype(np.float32)


def targets(z: np.ndarray, forecast: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Return at every step the next values minus the base forecast, in sigma, (N, n, horizon); NaN where unknown.

    Parameters
    ----------
    z : (N, n + horizon), the values from the first step on, NaN where missing or past the end.
    """
    horizon = forecast.shape[-1]
    future = sliding_window_view(z[:, 1:], horizon, axis=1)  # (N, n, h)
    return (future - forecast) / sigma[:, None, None]
