"""One time series, and the record of its missing values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .timestamps import shown


@dataclass(frozen=True, eq=False)
class Series:
    """One time series at consecutive time stamps; its arrays are read-only.

    Parameters
    ----------
    unique_id : the name in the panel.
    ds : time stamps (T,), int64 or datetime64[s], consecutive at the frequency of the panel.
    y : values (T,), float64, NaN where missing.
    covariates : (T, C), float64, one column per name in the panel's ``covariate_names``.
    """

    unique_id: str
    ds: np.ndarray
    y: np.ndarray
    covariates: np.ndarray

    def __post_init__(self) -> None:
        for name in ("ds", "y", "covariates"):
            view = np.asarray(getattr(self, name)).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)
            if len(view) != len(self.y):
                raise ValueError(f"{name} must have {len(self.y)} time stamps like y, got {len(view)}")

    def __len__(self) -> int:
        """Return T, the number of time stamps."""
        return len(self.y)

    def cut(self, steps: slice) -> Series:
        """Return a part of the series.

        >>> Series("a", np.arange(3), np.arange(3.0), np.empty((3, 0))).cut(slice(-2, None)).y.tolist()
        [1.0, 2.0]
        """
        return Series(self.unique_id, self.ds[steps], self.y[steps], self.covariates[steps])


@dataclass(frozen=True)
class Gap:
    """Consecutive missing values of one series in the input.

    Parameters
    ----------
    unique_id : of the series. first, last : the time stamps of the first and the last missing value.
    periods : number of missing values. place : "inside" a series, where the panel holds NaN, or at its "start" or "end", where
        the panel leaves them out. known_future : whether covariates are known there and the series has ended.

    Examples
    --------
    >>> str(Gap("H1", 3, 5, 3))
    "series 'H1': 3 values missing from 3 to 5"
    """

    unique_id: str
    first: Any
    last: Any
    periods: int
    place: str = "inside"
    known_future: bool = False

    def __str__(self) -> str:
        values = f"series {self.unique_id!r}: {self.periods} value{'' if self.periods == 1 else 's'}"
        when = f"from {shown(self.first)} to {shown(self.last)}" if self.periods > 1 else f"at {shown(self.first)}"
        if self.place == "inside":
            return f"{values} missing {when}"
        future = "; these rows are the known future: pass them to predict(future=...)" if self.known_future else ""
        return f"{values} missing {when}, at the {self.place} of the series, left out{future}"
