"""The metrics of the M4 competition for one series, and their averages over a panel.

Missing values (NaN) of ``y`` are left out; with none known, a metric is NaN. Averages over a panel leave out the series whose
metric is NaN. Source: Makridakis, Spiliotis and Assimakopoulos, *The M4 Competition*, International Journal of Forecasting 36,
2020.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays.checks import fraction, positive, positive_integer

ROUNDING = 1e-9  # of the mean absolute value: a smaller scale counts as 0


def _aligned(y: Any, **others: Any) -> list[np.ndarray]:
    """Return the known values of y and the same places of the other arrays, float64."""
    y = np.asarray(y, dtype=np.float64)
    if y.ndim != 1:
        raise ValueError(f"y must be one series (horizon,), got shape {y.shape}")
    arrays = [y]
    for name, values in others.items():
        array = np.asarray(values, dtype=np.float64)
        if array.shape != y.shape:
            raise ValueError(f"{name} must have the shape of y, {y.shape}, got {array.shape}")
        if (wrong := np.isnan(array) & ~np.isnan(y)).any():
            raise ValueError(f"{name} must be a number wherever y is known, got NaN at step {wrong.argmax()}")
        arrays.append(array)
    known = ~np.isnan(y)
    return [array[known] for array in arrays]


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def smape(y: Any, forecast: Any) -> float:
    """Return the symmetric mean absolute percentage error, ``mean of 200 |y - f| / (|y| + |f|)``, in [0, 200].

    Parameters
    ----------
    y, forecast : (horizon,). Where both are 0, the error counts as 0.

    Examples
    --------
    >>> smape([1.0, 0.0, np.nan], [3.0, 0.0, 5.0])
    50.0
    """
    y, forecast = _aligned(y, forecast=forecast)
    size = abs(y) + abs(forecast)
    return _mean(200 * abs(y - forecast) / np.where(size == 0, 1, size))


def scale(history: Any, season: int) -> float:
    """Return the mean in-sample error of the seasonal naive forecast, the denominator of MASE and MSIS.

    A history without a pair of known values one season apart is scaled by the errors of the naive forecast. The scale is NaN
    where it would be 0 but for rounding, as for a constant or periodic series, or where the history has a single value.

    >>> scale([1.0, 2.0, 4.0], 2), scale([1.0, 1.0], 1), scale([3.0, 5.0, 3.0 + 1e-15, 5.0], 2)
    (3.0, nan, nan)
    """
    history = np.asarray(history, dtype=np.float64)
    if history.ndim != 1:
        raise ValueError(f"history must be one series (T,), got shape {history.shape}")
    for lag in (positive_integer("season", season), 1):
        errors = abs(history[lag:] - history[:-lag])
        if (known := ~np.isnan(errors)).any():
            found = float(errors[known].mean())
            return found if found > ROUNDING * np.nanmean(abs(history)) else float("nan")
    return float("nan")


def mase(y: Any, forecast: Any, history: Any, season: int) -> float:
    """Return the mean absolute scaled error; NaN where ``scale(history, season)`` is.

    Parameters
    ----------
    y, forecast : (horizon,). history : the values before, (T,). season : its length in steps.

    Examples
    --------
    >>> mase([5.0, 6.0], [4.0, 4.0], history=[1.0, 2.0, 4.0], season=1)
    1.0
    """
    y, forecast = _aligned(y, forecast=forecast)
    return _mean(abs(y - forecast)) / scale(history, season)


def msis(y: Any, lower: Any, upper: Any, history: Any, season: int, alpha: float = 0.05) -> float:
    """Return the mean scaled interval score of the interval of probability 1 - alpha; NaN where ``scale(history, season)`` is.

    Its numerator is the mean of the width plus ``2 / alpha`` times the distance of y from the interval.

    Parameters
    ----------
    y, lower, upper : (horizon,). history : the values before, (T,). season : its length in steps. alpha : in (0, 1).

    Examples
    --------
    >>> msis([5.0, 9.0], [4.0, 4.0], [6.0, 6.0], history=[1.0, 2.0], season=1, alpha=0.5)
    8.0
    """
    alpha = fraction("alpha", positive("alpha", alpha))
    y, lower, upper = _aligned(y, lower=lower, upper=upper)
    outside = np.maximum(lower - y, 0) + np.maximum(y - upper, 0)
    return _mean(upper - lower + 2 / alpha * outside) / scale(history, season)


def coverage(y: Any, lower: Any, upper: Any) -> float:
    """Return the share of values in the interval, its ends included.

    >>> coverage([1.0, 2.0, 3.0, np.nan], [1.0] * 4, [2.5] * 4)
    0.6666666666666666
    """
    y, lower, upper = _aligned(y, lower=lower, upper=upper)
    return _mean(((lower <= y) & (y <= upper)).astype(np.float64))


def pinball(y: Any, forecast: Any, q: float) -> float:
    """Return the mean quantile loss of the forecast of quantile q: ``q (y - f)`` above it and ``(1 - q) (f - y)`` below.

    >>> pinball([3.0, 0.0], [1.0, 1.0], q=0.75)
    0.875
    """
    q = fraction("q", q)
    y, forecast = _aligned(y, forecast=forecast)
    return _mean(np.maximum(q * (y - forecast), (q - 1) * (y - forecast)))


def owa(smape: float, mase: float, smape_naive2: float, mase_naive2: float) -> float:
    """Return the overall weighted average of averaged sMAPE and MASE relative to Naive2; NaN where one of Naive2's is 0.

    >>> owa(9.328, 0.893, 18.383, 2.395).__round__(3)
    0.44
    """
    if smape_naive2 == 0 or mase_naive2 == 0:
        return float("nan")
    return (smape / smape_naive2 + mase / mase_naive2) / 2


@dataclass(frozen=True)
class Scores:
    """The averages of the metrics over the series of a panel; NaN for those without intervals."""

    smape: float
    mase: float
    msis: float = float("nan")
    coverage: float = float("nan")

    @classmethod
    def of(
        cls,
        actual: Iterable[Any],
        forecast: Iterable[Any],
        history: Iterable[Any],
        season: int,
        lower: Iterable[Any] | None = None,
        upper: Iterable[Any] | None = None,
        alpha: float = 0.05,
    ) -> Scores:
        """Return the scores of the forecasts of a panel, each the mean of the series' own averages.

        Parameters
        ----------
        actual, history : panels with the same series in the same order, or one array per series.
        forecast, lower, upper : one array (horizon,) per series; without ``lower`` and ``upper``, MSIS and coverage are NaN.
        season : the season length of MASE and MSIS. alpha : 1 minus the probability of the interval.

        Examples
        --------
        >>> Scores.of([[5.0, 6.0]], [[4.0, 4.0]], [[1.0, 2.0, 4.0]], season=1).mase
        1.0
        """
        columns = {"actual": _values(actual), "forecast": list(forecast), "history": _values(history)}
        if lower is not None and upper is not None:
            columns |= {"lower": list(lower), "upper": list(upper)}
        for name, values in columns.items():
            if len(values) != len(columns["actual"]) or not len(values):
                expected = len(columns["actual"]) or "at least one"
                raise ValueError(f"{name} must have {expected} series like actual, got {len(values)}")
        scores = [_scores_of_one(*one, season=season, alpha=alpha) for one in zip(*columns.values(), strict=True)]
        averages = [_mean(column[~np.isnan(column)]) for column in np.array(scores).T]
        return cls(*averages)

    def owa(self, naive2: Scores) -> float:
        """Return the overall weighted average relative to the scores of Naive2."""
        return owa(self.smape, self.mase, naive2.smape, naive2.mase)


def _values(panel: Iterable[Any]) -> list[Any]:
    return [getattr(series, "y", series) for series in panel]


def _scores_of_one(
    y: Any, forecast: Any, history: Any, lower: Any = None, upper: Any = None, *, season: int, alpha: float
) -> list[float]:
    points = [smape(y, forecast), mase(y, forecast, history, season)]
    if lower is None:
        return points
    return [*points, msis(y, lower, upper, history, season, alpha), coverage(y, lower, upper)]


def table(scores: Mapping[str, Scores], naive2: Scores | None = None) -> str:
    """Return a text table with one row per forecast; with the scores of Naive2, also the OWA.

    >>> print(table({"naive": Scores(18.383, 2.395)}, naive2=Scores(18.383, 2.395)))
    forecast   sMAPE   MASE    OWA   MSIS  coverage
    naive     18.383  2.395  1.000      -         -
    """
    rows = [["forecast", "sMAPE", "MASE", *(["OWA"] if naive2 else []), "MSIS", "coverage"]]
    for label, score in scores.items():
        relative = [score.owa(naive2)] if naive2 else []
        values = [score.smape, score.mase, *relative, score.msis, score.coverage]
        rows.append([label, *("-" if np.isnan(value) else f"{value:.3f}" for value in values)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *cells in rows:
        lines.append("  ".join([first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells, widths[1:], strict=True))]))
    return "\n".join(lines)
