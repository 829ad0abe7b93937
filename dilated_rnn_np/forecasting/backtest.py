"""The backtest: forecasts from several cutoffs of the past, scored beside the naive ones."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np

from ..arrays.files import atomic
from .forecast import Forecast
from .metrics import Scores, table
from .naive import naive, naive2, seasonal_naive
from .panels.panel import Panel


@dataclass(frozen=True)
class Backtest:
    """The scores per cutoff and forecast.

    Parameters
    ----------
    scores : per cutoff, the number of values after it, the scores of each forecast by name.
    season : the season length of the seasonal forecasts and of MASE; 1 without one.
    """

    scores: dict[int, dict[str, Scores]]
    season: int

    @property
    def mean(self) -> dict[str, Scores]:
        """The scores of each forecast, averaged over the cutoffs."""
        names = next(iter(self.scores.values()))
        values = {name: [astuple(scores[name]) for scores in self.scores.values()] for name in names}
        return {
            name: Scores(*(_mean(np.array(rows)[:, k]) for k in range(len(rows[0])))) for name, rows in values.items()
        }

    def owa(self, name: str = "forecaster") -> float:
        """Return the OWA of a forecast's mean scores."""
        return self.mean[name].owa(self.mean["Naive2"])

    @property
    def verdict(self) -> str:
        """One sentence: whether the forecaster was at least as good as the seasonal naive forecast, to three decimals.

        It compares the OWA, and the sMAPE where there is no OWA because Naive2 makes no error, as on constant series.
        """
        other, measure = "seasonal naive" if self.season > 1 else "naive", "OWA"
        own, reference = self.owa(), self.owa(other)
        if np.isnan(own):
            measure, own, reference = "sMAPE", self.mean["forecaster"].smape, self.mean[other].smape
        verdict = "at least as good as" if round(own, 3) <= round(reference, 3) else "WORSE than"
        return f"The forecaster was {verdict} the {other} forecast: {measure} {own:.3f} against {reference:.3f}."

    def __str__(self) -> str:
        """Return the table of the mean scores, and the verdict."""
        windows = f"{len(self.scores)} cutoff" + ("s" if len(self.scores) > 1 else "")
        return f"{table(self.mean, self.mean['Naive2'])}\nMeans over {windows}. {self.verdict}"

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write one row per cutoff and forecast: steps after the cutoff, name, sMAPE, MASE, OWA, MSIS and coverage."""
        with atomic(path) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["values_after_cutoff", "forecast", "smape", "mase", "owa", "msis", "coverage"])
            for steps, rows in self.scores.items():
                for name, scores in rows.items():
                    smape, mase, msis, coverage = (getattr(scores, field.name) for field in fields(Scores))
                    values = smape, mase, scores.owa(rows["Naive2"]), msis, coverage
                    writer.writerow([steps, name, *("" if np.isnan(v) else f"{v:.6g}" for v in values)])


def check_windows(panel: Panel, horizon: int, windows: int) -> None:
    """Raise a ValueError where no series is long enough for a backtest."""
    longest, needed = max(len(series) for series in panel), windows * horizon + 2
    if longest < needed:
        raise ValueError(
            f"a backtest of {windows} windows of {horizon} steps needs a series of at least {needed} values, "
            f"the longest has {longest}; use fewer windows or a shorter horizon"
        )


def run_backtest(
    panel: Panel, horizon: int, windows: int, season: int, predict: Callable[[Panel, Any], Forecast]
) -> Backtest:
    """Score the forecasts of ``predict(history, future)`` and of the naive methods from the last cutoffs of a panel."""
    scores = {}
    for window in range(windows, 0, -1):
        after = window * horizon
        history = panel.drop_last(after)
        actual = [panel[series.unique_id].cut(slice(len(series), len(series) + horizon)) for series in history]
        future = np.stack([series.covariates for series in actual]) if panel.covariate_names else None
        forecast = predict(history, future)
        ys, past = [series.y for series in actual], [series.y for series in history]
        lower, upper = forecast.values[..., 0], forecast.values[..., -1]
        alpha = 1 - (forecast.levels[-1] - forecast.levels[0])
        interval: dict[str, Any] = {"lower": lower, "upper": upper, "alpha": alpha} if len(forecast.levels) > 1 else {}
        rows = {"forecaster": Scores.of(ys, forecast.mean, past, season, **interval)}
        others = {"seasonal naive": seasonal_naive, "Naive2": naive2} if season > 1 else {"Naive2": naive2}
        rows["naive"] = Scores.of(ys, [naive(y, horizon) for y in past], past, season)
        for name, method in others.items():
            rows[name] = Scores.of(ys, [method(y, horizon, season) for y in past], past, season)
        scores[after] = rows
    return Backtest(scores, season)


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
