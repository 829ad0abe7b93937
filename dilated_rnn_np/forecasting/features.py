"""The net's inputs and targets at every step of a track, in units of the series' sigma."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .base import Base
from .track import Track, candidate_names

INPUTS = ("methods", "errors")


def squashed(values: np.ndarray) -> np.ndarray:
    """Return ``sign(v) log(1 + |v|)``, which is v near 0 and keeps large values moderate."""
    return np.sign(values) * np.log1p(np.abs(values))


def base_forecast(track: Track, base: Base, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the base forecast at every step, (N, n, horizon), and the forecasts of all methods, (J, N, n, horizon)."""
    methods = track.candidates(horizon)
    return np.einsum("ij,jitk->itk", base.mix, methods), methods


def inputs(track: Track, base: Base, forecast: np.ndarray, methods: np.ndarray, kind: str = "methods") -> np.ndarray:
    """Return the inputs of the net, (N, n, D), float32.

    At each step these are the error of the last one-step forecast, the distance of the value from the smoothed level, and
    log sigma. With ``kind="methods"`` also each method's forecast and the present level, relative to the base forecast, and
    the methods' weights in the mix.
    """
    n = methods.shape[2]
    sigma = base.sigma[:, None, None]
    error, away = track.error[:, -n:, None], (track.z - track.level)[:, -n:, None]
    parts = [error / sigma, away / sigma]
    if kind == "methods":
        parts += [(method - forecast) / sigma for method in methods]
        parts += [(forecast - track.level[:, -n:, None]) / sigma]
    given = squashed(np.concatenate(parts, axis=-1))
    per_series = [np.log(base.sigma)[:, None] / 2 + 1, *([base.mix] if kind == "methods" else [])]
    fixed = np.repeat(np.concatenate(per_series, axis=1)[:, None], n, axis=1)  # (N, n, 1 or 1 + J)
    return np.nan_to_num(np.concatenate([given, fixed], axis=-1)).astype(np.float32)


def input_size(seasons: tuple[int, ...], horizon: int, kind: str = "methods") -> int:
    """Return D, the number of inputs per step."""
    J = len(candidate_names(seasons))
    return 3 + ((J + 1) * horizon + J if kind == "methods" else 0)


def targets(z: np.ndarray, forecast: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Return at every step the next values minus the base forecast, in sigma, (N, n, horizon); NaN where unknown.

    Parameters
    ----------
    z : (N, n + horizon), the values from the first step on, NaN where missing or past the end.
    """
    horizon = forecast.shape[-1]
    future = sliding_window_view(z[:, 1:], horizon, axis=1)  # (N, n, h)
    return (future - forecast) / sigma[:, None, None]
