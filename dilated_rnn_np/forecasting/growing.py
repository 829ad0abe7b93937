"""A series that grows by one value at a time."""

from __future__ import annotations

import numpy as np

from .panels.frequency import Frequency
from .panels.series import Series


class GrowingSeries:
    """The values of a series and those added to it; adding one takes constant time on average.

    >>> growing = GrowingSeries(Series("a", np.array([1, 2]), np.array([5.0, 6.0]), np.zeros((2, 0))), Frequency("integer"))
    >>> growing.append(7.0, np.zeros(0)).ds.tolist(), growing.whole().y.tolist()
    ([3], [5.0, 6.0, 7.0])
    """

    def __init__(self, start: Series, frequency: Frequency) -> None:
        self.frequency, self.parts, self.ds = frequency, [start], start.ds[-1:]

    def append(self, y: float, covariates: np.ndarray) -> Series:
        """Add the next value, with its covariates (C,), and return it as a series of one step."""
        self.ds = self.frequency.after(self.ds, 1)
        self.parts.append(Series(self.parts[0].unique_id, self.ds, np.array([y]), covariates[None]))
        return self.parts[-1]

    def whole(self) -> Series:
        """Return all values as one series."""
        arrays = ([getattr(part, name) for part in self.parts] for name in ("ds", "y", "covariates"))
        self.parts = [Series(self.parts[0].unique_id, *(np.concatenate(part) for part in arrays))]
        return self.parts[0]
