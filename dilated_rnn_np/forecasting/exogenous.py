"""Inputs that do not come from the values: the calendar, and covariates that are known over the horizon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .panels.calendar import calendar_features
from .panels.frequency import Frequency
from .panels.panel import Panel
from .panels.series import Series


@dataclass
class Exogenous:
    """The scaling of the covariates, and their arrangement as inputs of the net."""

    frequency: Frequency
    horizon: int
    names: tuple[str, ...]
    mean: np.ndarray  # (C,)
    std: np.ndarray  # (C,)

    @classmethod
    def of(cls, panel: Panel, horizon: int) -> Exogenous:
        """Return the scaling to mean 0 and variance 1 over a panel."""
        covariates = np.concatenate([series.covariates for series in panel])
        std = covariates.std(axis=0)
        return cls(panel.frequency, horizon, panel.covariate_names, covariates.mean(axis=0), np.where(std > 0, std, 1))

    def inputs(self, series: Series, future: np.ndarray | None = None) -> np.ndarray:
        """Return for every step of a series its calendar features, and the covariates of the next steps, (T, E).

        Parameters
        ----------
        future : (horizon, C), the covariates after the end; None for zeros.
        """
        calendar = calendar_features(series.ds, self.frequency)  # (T, calendar)
        if not self.names:
            return calendar
        known = (series.covariates - self.mean) / self.std
        after = np.zeros((self.horizon, len(self.names))) if future is None else (future - self.mean) / self.std
        following = sliding_window_view(np.concatenate([known, after])[1:], self.horizon, axis=0)  # (T, C, h)
        return np.concatenate([calendar, following.reshape(len(known), -1)], axis=1)
