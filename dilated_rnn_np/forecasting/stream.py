"""One series that goes on: each new value advances the base forecast and the nets by one step, in constant time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .base import Base
from .following import Followed, Nets
from .scaling import scaled
from .smoothing import Smoother
from .track import Track, advance


@dataclass
class Stream:
    """The state of the frozen forecaster after the last value of one series."""

    steps: int  # values so far
    base: Base
    smoother: Smoother
    track: Track  # the last step and the R before it
    states: list[Any]  # one per net
    outputs: np.ndarray  # (members, 1, h Q)

    @classmethod
    def after(cls, group: Followed, row: int, states: list[Any], outputs: np.ndarray) -> Stream:
        """Return the state at the end of one series of a group."""
        s = group.smoother
        smoother = Smoother(s.level[[row]], s.trend[[row]], [season[:, [row]] for season in s.seasons])
        own = [[tuple(part[:, [row]] for part in layer) for layer in state] for state in states]
        n = int(group.lengths[row])
        return cls(n, group.base.rows(np.array([row])), smoother, group.track_of(row).last(), own, outputs[:, [row]])

    def update(self, y: float, exogenous: np.ndarray, nets: Nets) -> None:
        """Advance by one value; NaN where it is missing. ``exogenous`` : (E,)."""
        z = scaled(np.array([y]), self.base.scale)
        column = advance(self.smoother, self.steps, z, self.base.rates, self.base.shares)
        self.track.append(column)
        self.steps += 1
        x = nets.x(self.track, self.base, exogenous[None, None])[0]  # (1, D)
        for k, model in enumerate(nets.models):
            self.outputs[k], self.states[k] = model.step(x, self.states[k])

    def quantiles(self, nets: Nets) -> np.ndarray:
        """Return the forecast quantiles, (h, Q)."""
        return nets.quantiles(self.track, self.base, self.outputs)[0]
