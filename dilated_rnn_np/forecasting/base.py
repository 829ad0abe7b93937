"""The base forecast: a weighted mean of simple methods, with weights that each series chooses by its own past errors.

Two choices follow one rule: which smoothing rates, and which methods. Each is weighted by ``(error / least error)^-POWER``, where
the error is the mean absolute error of forecasts up to the horizon from many steps of the past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from ..arrays.checks import one_of
from .ragged import groups, lengths_of, padded
from .scaling import least_of, scale_of, scaled
from .smoothing import rate_grid, start
from .track import Track, candidate_names, follow

POWER = 8
SETS = 10  # K, how many sets of rates enter the smoothing
ORIGINS = 40  # steps per series from which past forecasts are scored
LONGEST = 3000  # values per series that choose its rates
LEAST_SIGMA = 1e-4  # of a series that its base forecasts exactly


@dataclass
class Base:
    """The frozen base forecaster of N series: everything that is chosen once per series."""

    scale: np.ndarray  # (N,), of the transform
    rates: np.ndarray  # (2 + seasons, N, K)
    shares: np.ndarray  # (N, K), of the sets of rates
    mix: np.ndarray  # (N, J), weights of the methods
    sigma: np.ndarray  # (N,), mean absolute error of the base forecast
    least: np.ndarray  # (N,), see ``least_of``

    def rows(self, rows: np.ndarray) -> Base:
        """Return the base forecaster of some of the series."""
        parts = {field.name: getattr(self, field.name) for field in fields(Base)}
        return Base(**{name: part[:, rows] if name == "rates" else part[rows] for name, part in parts.items()})

    @classmethod
    def joined(cls, parts: Sequence[Base]) -> Base:
        """Return one base forecaster of all series of several."""
        axes = {"rates": 1}
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts], axes.get(f.name, 0)) for f in fields(cls)))


def inverse_error_weights(errors: np.ndarray) -> np.ndarray:
    """Return weights that sum to 1 along the last axis: proportional to ``errors^-POWER``.

    >>> inverse_error_weights(np.array([1.0, 2.0])).round(3).tolist()
    [0.996, 0.004]
    """
    least = errors.min(axis=-1, keepdims=True)
    weights = (np.maximum(errors, 1e-12) / np.maximum(least, 1e-12)) ** -POWER
    return weights / weights.sum(axis=-1, keepdims=True)


@dataclass
class Prior:
    """Mean errors over a panel, relative to each series' own mean: they decide where a series is too short to decide."""

    rates: np.ndarray  # (G,), of the sets of rates
    methods: np.ndarray  # (J,), of the methods
    sigma: float


def fit_base(
    series: Sequence[np.ndarray],
    seasons: Sequence[int],
    horizon: int,
    warm_up: int,
    prior: Prior | None = None,
    methods: Sequence[str] | None = None,
) -> tuple[Base, Prior, list[np.ndarray]]:
    """Choose scale, rates and methods of each series by its own past errors, shrunk towards those of the panel.

    Parameters
    ----------
    series : one array of values per series, NaN where missing.
    warm_up : the smoothing starts from this many first values, and they are not scored.
    prior : the errors of another panel; None takes those of this one.
    methods : to use, a selection of ``candidate_names``; None for all.

    Returns
    -------
    base, prior, and the errors ``(value - base forecast) / sigma`` of the scored origins, one (O, horizon) per series.
    """
    names = candidate_names(seasons)
    for name in methods or ():
        one_of("method", name, names)
    scale = np.array([scale_of(y) for y in series])
    z = [scaled(y, s) for y, s in zip(series, scale, strict=True)]
    found = [rate_errors([z[i][-LONGEST:] for i in rows], seasons, horizon, warm_up) for rows in groups(z)]
    order = np.argsort(np.concatenate(list(groups(z))))
    errors, counts = (np.concatenate(part)[order] for part in zip(*found, strict=True))  # (N, G), (N,)
    of_rates = prior.rates if prior else _relative(errors, counts)
    errors = _shrunk(errors, counts, of_rates, horizon)
    best = np.argsort(errors, axis=1)[:, :SETS]  # (N, K)
    rates = rate_grid(len(seasons))[:, best]  # (2 + seasons, N, K)
    shares = inverse_error_weights(np.take_along_axis(errors, best, axis=1))

    scored: list[np.ndarray] = [np.zeros(0)] * len(z)
    for rows in groups(z):
        track, _ = follow(
            padded([z[i] for i in rows]), lengths_of(z)[rows], seasons, rates[:, rows], shares[rows], warm_up
        )
        for row, i in enumerate(rows):
            scored[i] = method_errors(z[i], track.rows(row), horizon, warm_up)  # (J, O, h)
    counts = np.array([(~np.isnan(error[0])).sum() for error in scored])
    errors = np.array([_mean(np.abs(error).reshape(len(error), -1)) for error in scored])  # (N, J)
    of_methods = prior.methods if prior else _relative(errors, counts)
    used = np.isin(names, names if methods is None else methods)  # (J,)
    mix = np.zeros(errors.shape)
    mix[:, used] = inverse_error_weights(_shrunk(errors, counts, of_methods, horizon)[:, used])
    mixed = [np.einsum("j,jok->ok", w, error) for w, error in zip(mix, scored, strict=True)]  # (O, h) each
    sigma = np.array([_mean(np.abs(error).ravel()) for error in mixed])
    if prior is None:
        prior = Prior(of_rates, of_methods, float(np.median(sigma[counts > 0])) if counts.any() else 1.0)
    few = np.maximum(horizon - counts, 0)
    sigma = np.maximum((counts * sigma + few * prior.sigma) / (counts + few), LEAST_SIGMA)
    least = np.array([least_of(y) for y in series])
    return Base(scale, rates, shares, mix, sigma, least), prior, [e / s for e, s in zip(mixed, sigma, strict=True)]


def rate_errors(
    series: Sequence[np.ndarray], seasons: Sequence[int], horizon: int, warm_up: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean absolute error of each set of rates, (N, G), and the number of scored values, (N,).

    Parameters
    ----------
    series : scaled, NaN where missing; they run side by side and should have similar lengths.
    """
    z, grid = padded(series), rate_grid(len(seasons))  # (N, T), (2 + seasons, G)
    (N, T), G = z.shape, grid.shape[1]
    is_origin = np.zeros((N, T), bool)
    for row, values in enumerate(series):
        is_origin[row, origins(len(values), warm_up)] = True
    rates = np.repeat(grid[:, None], N, axis=1)  # (2 + seasons, N, G)
    smoother = start(z, seasons, warm_up).repeated(G)
    total, count = np.zeros((N, G)), np.zeros(N, int)
    for t in range(T - 1):
        smoother.update(t, z[:, t], rates)
        if is_origin[:, t].any():
            for k, forecast in enumerate(smoother.path(t, min(horizon, T - 1 - t)), 1):
                scored = is_origin[:, t] & ~np.isnan(z[:, t + k])
                total[scored] += np.abs(forecast[scored] - z[scored, t + k, None])
                count += scored
    return total / np.maximum(count, 1)[:, None], count


def method_errors(z: np.ndarray, track: Track, horizon: int, warm_up: int) -> np.ndarray:
    """Return ``value - forecast`` of each method at the scored origins of one series, (J, O, horizon); NaN where unknown."""
    starts = origins(len(z), warm_up)  # (O,)
    steps = starts[:, None] + np.arange(1, horizon + 1)  # (O, h)
    actual = np.where(steps < len(z), z[np.minimum(steps, len(z) - 1)], np.nan)
    paths = track.cut(np.zeros(len(starts), int), starts, 1).candidates(horizon)[:, :, 0]  # (J, O, h)
    return actual - paths


def origins(length: int, warm_up: int) -> np.ndarray:
    """Return the steps from which the past forecasts of a series are scored, at most ORIGINS."""
    first, last = warm_up - 1, length - 2
    return np.unique(np.linspace(first, last, ORIGINS).round().astype(int)) if first <= last else np.zeros(0, int)


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis of the values that are not NaN, 0 where there are none."""
    known = ~np.isnan(values)
    return np.where(known, values, 0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)


def _relative(errors: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the mean over the scored series of their errors, each relative to its series' mean."""
    means = errors.mean(axis=1, keepdims=True)
    scored = (counts > 0) & (means[:, 0] > 0)
    return (errors[scored] / means[scored]).mean(axis=0) if scored.any() else np.ones(errors.shape[1])


def _shrunk(errors: np.ndarray, counts: np.ndarray, prior: np.ndarray, weight: float) -> np.ndarray:
    """Return relative errors, moved towards the panel's as if these came from ``weight`` values more."""
    means = errors.mean(axis=1, keepdims=True)
    relative = np.where(means > 0, errors / np.maximum(means, 1e-300), 1)
    return (counts[:, None] * relative + weight * prior) / (counts[:, None] + weight)
