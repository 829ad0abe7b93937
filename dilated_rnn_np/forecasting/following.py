"""The frozen forecaster run over whole series: the base forecast step by step, then the nets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..nets.model import DilatedRNN
from .base import Base
from .features import base_forecast, inputs
from .quantiles import QuantileHead
from .ragged import lengths_of, padded
from .scaling import scaled, unscaled, with_zeros
from .smoothing import Smoother
from .track import Track, follow, reach

CHUNK = 256  # time steps that pass through the nets at once
# Rates, weights and nets are fitted to the past, so errors in the future are larger. The factor was chosen on four validation
# windows of M4 Hourly: there it raised the coverage of the 95 % interval of four nets from 92.6 % to 95 %.
WIDENING = 1.15


@dataclass
class Followed:
    """A group of series, followed by the base forecaster from their first to their last steps."""

    base: Base
    lengths: np.ndarray  # (N,)
    track: Track
    smoother: Smoother  # at each series' own last step

    @classmethod
    def of(cls, series: Sequence[np.ndarray], base: Base, seasons: tuple[int, ...], warm_up: int) -> Followed:
        """Follow a group of series."""
        z = padded([scaled(y, scale) for y, scale in zip(series, base.scale, strict=True)])  # (N, T)
        lengths = lengths_of(series)
        return cls(base, lengths, *follow(z, lengths, seasons, base.rates, base.shares, warm_up))

    def track_of(self, row: int) -> Track:
        """Return the track of one series from its first to its last step."""
        return self.track.rows(row, slice(reach(self.track.seasons) + self.lengths[row]))


@dataclass
class Nets:
    """The trained nets, and what stands before and after them."""

    models: list[DilatedRNN]
    head: QuantileHead
    horizon: int

    def outputs(self, group: Followed, exogenous: Sequence[np.ndarray]) -> tuple[np.ndarray, list[Any]]:
        """Return the outputs of all nets at each series' last step, (members, N, h Q), and the nets' states there."""
        outputs = np.zeros((len(self.models), len(group.lengths), self.horizon * len(self.head.levels)), np.float32)
        states: list[Any] = [None] * len(self.models)
        rows, known = np.arange(len(group.lengths)), padded(exogenous)
        for first in range(0, group.track.steps if self.models else 0, CHUNK):
            n = min(CHUNK, group.track.steps - first)
            lengths = np.clip(group.lengths - first, 0, n)
            x = self.x(group.track.cut(rows, np.full(len(rows), first), n), group.base, known[:, first : first + n])
            ending = np.flatnonzero((lengths > 0) & (group.lengths <= first + n))
            for k, model in enumerate(self.models):
                output, states[k], _ = model.forward(x, states[k], lengths, keep=False)
                outputs[k, ending] = output[lengths[ending] - 1, ending]
        return outputs, states

    def x(self, track: Track, base: Base, exogenous: np.ndarray) -> np.ndarray:
        """Return the inputs at all steps of a track, (n, N, D)."""
        x = np.concatenate([inputs(track, base), np.nan_to_num(exogenous).astype(np.float32)], axis=-1)  # (N, n, D)
        return np.ascontiguousarray(x.transpose(1, 0, 2))

    def quantiles(self, track: Track, base: Base, outputs: np.ndarray) -> np.ndarray:
        """Return the forecast quantiles in the units of the series, (N, h, Q), from the last step of a track.

        Parameters
        ----------
        track : of one step. outputs : (members, N, h Q); without members they are zeros, the quantiles of the base.
        """
        forecast = base_forecast(track, base, self.horizon)  # (N, 1, h)
        if not len(outputs):
            outputs = np.zeros((1, *outputs.shape[1:]))
        relative = self.head.quantiles(outputs).mean(axis=0)  # (N, h, Q)
        centre = relative[..., [self.head.centre]]
        relative = centre + WIDENING * (relative - centre)
        z = forecast[:, 0, :, None] + base.sigma[:, None, None] * relative
        return with_zeros(unscaled(z, base.scale[:, None, None]), base.least[:, None, None])
