"""Forecasts of a panel: one path per quantile and series."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass

import numpy as np

from ..arrays.files import atomic
from .panels.timestamps import shown


@dataclass(frozen=True, eq=False)
class Forecast:
    """The forecasts of N series.

    Parameters
    ----------
    ids : names of the series. ds : time stamps of the horizon, (N, horizon).
    levels : of the quantiles, increasing. values : (N, horizon, Q), increasing along the last axis.
    """

    ids: tuple[str, ...]
    ds: np.ndarray
    levels: tuple[float, ...]
    values: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """The point forecast (N, horizon): the quantile nearest to the median."""
        return self.values[..., int(np.argmin(np.abs(np.array(self.levels) - 0.5)))]

    def quantile(self, level: float) -> np.ndarray:
        """Return the forecast quantile of a level that the forecaster was built with, (N, horizon)."""
        if level not in self.levels:
            known = ", ".join(map(str, self.levels))
            raise ValueError(f"quantile must be one of {known}, got {level}; build the Forecaster with quantiles=(…)")
        return self.values[..., self.levels.index(level)]

    @property
    def quantiles(self) -> dict[float, np.ndarray]:
        """All forecast quantiles by level, (N, horizon) each."""
        return {level: self.values[..., k] for k, level in enumerate(self.levels)}

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the forecasts in the long format: unique_id, ds, y (the point forecast), and one column per quantile."""
        with atomic(path) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["unique_id", "ds", "y", *(f"q{level:g}" for level in self.levels)])
            for unique_id, ds, points, rows in zip(self.ids, self.ds, self.mean, self.values, strict=True):
                for moment, point, row in zip(ds, points, rows, strict=True):
                    writer.writerow([unique_id, shown(moment), repr(float(point)), *(repr(float(q)) for q in row)])
