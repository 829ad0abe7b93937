"""The training batches: parts of random series from random steps, with weights that approximate OWA."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..arrays.streams import stream
from ..training.batches import Batch
from .base import Base
from .features import base_forecast, inputs, targets
from .scaling import scaled
from .track import Track, reach

NOISE = 0.1  # standard deviation of the noise added to the inputs
MOST_STEPS = 2**15  # time steps per batch: fewer crops where seasons, and so crops, are very long
DRAWS = 100  # at most, of a batch
BURN_IN = 48  # steps without a loss at the start of a crop from inside a series, whose state is not known


@dataclass
class Crops:
    """An endless stream of batches, each drawn by its number alone, so that a resumed run continues with the same ones.

    Parameters
    ----------
    series : values, one array per series. tracks : one per series. exogenous : (T_i, E) each.
    steps : per crop. warm_up : first values that count for no loss. seed : of rows, starts and noise.
    """

    series: Sequence[np.ndarray]
    tracks: Sequence[Track]
    exogenous: Sequence[np.ndarray]
    base: Base
    season: int
    horizon: int
    warm_up: int
    steps: int
    batch_size: int
    seed: int

    def __post_init__(self) -> None:
        self.lengths = np.array([len(y) for y in self.series])
        self.z = [scaled(y, s) for y, s in zip(self.series, self.base.scale, strict=True)]
        self.weights = target_weights(self.series, self.base, self.season)
        last = [np.flatnonzero(~np.isnan(y)).max(initial=-1) for y in self.series]
        self.rows = np.flatnonzero(np.array(last) >= self.warm_up)  # the series with a target after the warm-up
        self.steps = int(min(self.steps, self.lengths.max()))
        choices = np.maximum(self.lengths[self.rows] - self.steps + 1, 1)  # crops per series
        self.odds = choices / choices.sum()  # so that short series are not learned by heart
        self.batch_size = int(min(self.batch_size, choices.sum(), max(1, MOST_STEPS // self.steps)))

    def starting_at(self, step: int) -> Iterator[Batch]:
        """Yield the batches from number ``step`` on: x (T, B, D), and the targets with their weights, (T, B, 2 horizon)."""
        while True:
            yield self.batch(step)
            step += 1

    def batch(self, step: int) -> Batch:
        """Return batch number ``step``; a batch without a known target is drawn again."""
        rng = stream(self.seed, "batches", step)
        for _ in range(DRAWS):
            x, both = self._drawn(rng)
            if both[..., self.horizon :].any():
                break
        return x, both

    def _drawn(self, rng: np.random.Generator) -> Batch:
        n, h = self.steps, self.horizon
        rows = rng.choice(self.rows, self.batch_size, self.batch_size > len(self.rows), self.odds)
        starts = rng.integers(0, np.maximum(self.lengths[rows] - n, 0) + 1)
        track = Track.joined([self._part(i, s) for i, s in zip(rows, starts, strict=True)])
        base = self.base.rows(rows)
        forecast = base_forecast(track, base, h)
        x = inputs(track, base)  # (B, n, D)
        x = x + NOISE * rng.standard_normal(x.shape, dtype=np.float32)
        exogenous = np.stack([_window(self.exogenous[i], s, n) for i, s in zip(rows, starts, strict=True)])
        x = np.concatenate([x, np.nan_to_num(exogenous).astype(np.float32)], axis=-1)
        y = targets(
            np.stack([_window(self.z[i], s, n + h) for i, s in zip(rows, starts, strict=True)]), forecast, base.sigma
        )
        weights = np.stack([_window(self.weights[i], s, n + h) for i, s in zip(rows, starts, strict=True)])
        weights = sliding_window_view(np.nan_to_num(weights)[:, 1:], h, axis=1)  # (B, n, h)
        steps = starts[:, None] + np.arange(n)  # (B, n)
        counted = (steps >= self.warm_up - 1) & ((steps >= BURN_IN + starts[:, None]) | (starts[:, None] == 0))
        weights = np.where(counted[:, :, None] & ~np.isnan(y), weights, 0)
        both = np.concatenate([np.nan_to_num(y), weights], axis=-1).astype(np.float32)  # (B, n, 2 h)
        return np.ascontiguousarray(x.transpose(1, 0, 2)), np.ascontiguousarray(both.transpose(1, 0, 2))

    def _part(self, i: int, start: int) -> Track:
        """Return the track of a series over one crop; past its end the last column is repeated, without weight."""
        columns = start + np.arange(reach(self.tracks[i].seasons) + self.steps)
        return self.tracks[i].rows(0, np.minimum(columns, self.tracks[i].z.shape[1] - 1))


def crop_steps(spans: Sequence[int], series: Sequence[np.ndarray], horizon: int) -> int:
    """Return the steps per crop: three times the longest span within the series, and the horizon, but at least 128.

    Parameters
    ----------
    spans : seasons and dilations; those that reach beyond every series carry nothing and are ignored.

    Examples
    --------
    >>> crop_steps((24, 168, 2000), [np.zeros(700)], horizon=48)
    552
    """
    longest = max(map(len, series))
    return max(3 * max((span for span in spans if span < longest), default=1) + horizon, 128)


def target_weights(series: Sequence[np.ndarray], base: Base, season: int) -> list[np.ndarray]:
    """Return one weight per value, so that the absolute error in units of sigma approximates OWA.

    sMAPE is about ``100 |dz|``, and MASE ``|dy| / scale`` with ``dy = sqrt(y² + s²) dz``; both are taken relative to those of the
    seasonal naive forecast in the past, whose MASE is 1.
    """
    change = [np.abs(y[season:] - y[:-season]) if len(y) > season else np.zeros(0) for y in series]
    scale = np.array([np.nanmean(c) if np.isfinite(c).any() else np.nan for c in change])
    scale[~(scale > 0)] = np.inf
    naive = [
        2 * c / np.maximum(np.abs(y[season:]) + np.abs(y[:-season]), 1e-12)
        for c, y in zip(change, series, strict=True)
        if len(c)
    ]
    smape = np.nanmean(np.concatenate(naive)) if naive and np.isfinite(np.concatenate(naive)).any() else 0.0
    found = []
    for y, s, sigma, m in zip(series, base.scale, base.sigma, scale, strict=True):
        found.append(sigma * (1 / max(smape, 1e-3) + np.sqrt(y**2 + s**2) / m))
    middle = np.nanmedian(np.concatenate(found))
    return [weight / middle for weight in found]


def _window(values: np.ndarray, start: int, n: int) -> np.ndarray:
    """Return n entries from a start, NaN past the end."""
    result = np.full((n, *values.shape[1:]), np.nan)
    part = values[start : start + n]
    result[: len(part)] = part
    return result
