"""What a fitted forecaster keeps: a later forecast depends on this and on the history of the series alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .base import Base, Prior, fit_base
from .exogenous import Exogenous
from .following import Followed, Nets
from .panels.series import Series
from .ragged import groups
from .stream import Stream


@dataclass
class Frozen:
    """Scales, rates and weights of the series of ``fit``, and the nets.

    A new series chooses its own by its first ``fit_length`` values, and by those of the panel where it is too short.
    """

    seasons: tuple[int, ...]
    warm_up: int  # the smoothing starts from this many first values
    fit_length: int
    methods: tuple[str, ...] | None
    rows: Mapping[str, int]  # the rows of the series in ``base``, by name
    base: Base
    prior: Prior
    exogenous: Exogenous
    nets: Nets

    def forecast(self, series: Sequence[Series], future: Sequence[np.ndarray | None]) -> np.ndarray:
        """Return the forecast quantiles after the whole history of each series, (N, horizon, Q)."""
        found: list[np.ndarray] = [np.zeros(0)] * len(series)
        for i, stream in self.streams(series, future):
            found[i] = stream.quantiles(self.nets)
        return np.stack(found)

    def streams(self, series: Sequence[Series], future: Sequence[np.ndarray | None]) -> Iterator[tuple[int, Stream]]:
        """Yield the number of each series and its stream after the last value, in groups of similar lengths."""
        base, values = self.bases(series), [one.y for one in series]
        for rows in groups(values):
            group = Followed.of([values[i] for i in rows], base.rows(rows), self.seasons, self.warm_up)
            outputs, states = self.nets.outputs(group, [self.exogenous.inputs(series[i], future[i]) for i in rows])
            for row, i in enumerate(rows):
                yield i, Stream.after(group, row, states, outputs)

    def bases(self, series: Sequence[Series]) -> Base:
        """Return the base forecasters of series, one row each."""
        new = [one.y[: self.fit_length] for one in series if one.unique_id not in self.rows]
        parts, rows, added = self.base, [], len(self.rows)
        if new:
            own, _, _ = fit_base(new, self.seasons, self.nets.horizon, self.warm_up, self.prior, self.methods)
            parts = Base.joined([self.base, own])
        for one in series:
            known = one.unique_id in self.rows
            rows.append(self.rows[one.unique_id] if known else added)
            added += not known
        return parts.rows(np.array(rows))

    def is_settled(self, unique_id: str, steps: int) -> bool:
        """Return whether a series is long enough that one more value changes neither its start nor its base."""
        return steps >= (self.warm_up if unique_id in self.rows else self.fit_length)
