"""Series that are constant, zero, counts or short: their forecasts, scores and backtests."""

import csv

import numpy as np
import pytest

from dilated_rnn_np.forecasting import Forecaster
from dilated_rnn_np.forecasting.crops import Crops
from dilated_rnn_np.forecasting.following import Followed

SEASONAL = 10 + 3 * np.sin(np.arange(60) * 2 * np.pi / 6) + 0.1 * np.random.default_rng(0).normal(size=60)


def backtest(panel, **settings):
    return Forecaster(4, (6,), hidden_size=3, **settings).backtest(panel, windows=2, steps=3, progress=False)


@pytest.mark.parametrize("value", [7.0, 0.0, -1e6])
def test_constant_series_are_forecast_and_compared_by_smape(value, tmp_path):
    found = backtest({"a": np.full(60, value), "b": np.full(50, value)})
    assert found.mean["forecaster"].smape == pytest.approx(0, abs=1e-3)
    assert found.mean["forecaster"].coverage == 1
    assert "at least as good as the seasonal naive forecast: sMAPE 0.000 against 0.000" in found.verdict
    found.to_csv(tmp_path / "backtest.csv")
    with open(tmp_path / "backtest.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 4 and {row["owa"] for row in rows} == {""}


def test_a_constant_series_beside_others_does_not_disturb_their_scores():
    found = backtest({"a": np.full(60, 7.0), "b": SEASONAL}, members=0)
    alone = backtest({"b": SEASONAL}, members=0)
    assert found.mean["naive"].mase == pytest.approx(alone.mean["naive"].mase)
    assert np.isfinite(found.owa())


def test_a_backtest_resumes_from_its_checkpoint(tmp_path):
    forecaster, file = Forecaster(4, (6,), hidden_size=3), tmp_path / "run.npz"
    settings = {"windows": 1, "steps": 3, "checkpoint": file, "progress": False}
    first = forecaster.backtest({"b": SEASONAL}, **settings)
    with pytest.raises(FileExistsError):
        forecaster.backtest({"b": SEASONAL}, **settings)
    assert forecaster.backtest({"b": SEASONAL}, **settings, resume=True).scores == first.scores


@pytest.mark.parametrize(("windows", "length"), [(1, 5), (3, 13)])
def test_too_many_windows_are_refused_with_the_length_that_they_need(windows, length):
    with pytest.raises(ValueError, match=f"at least {length + 1} values, the longest has {length}"):
        Forecaster(4).backtest({"a": np.arange(length)}, windows=windows)


def test_forecasts_of_counts_are_zeros_or_near_counts():
    rng = np.random.default_rng(0)
    counts = {f"I{i}": rng.poisson(0.4, 120) * rng.integers(2, 6, 120) * 1.0 for i in range(4)}
    found = backtest(counts, members=0)
    assert found.owa() < 1  # Naive2; 1.18 where small numbers stand in place of the zeros
    forecast = Forecaster(4, (6,), members=0).fit(counts).predict()
    least = 2.0
    assert ((forecast.values == 0) | (forecast.values >= least / 2)).all() and (forecast.values == 0).any()


def test_forecasts_of_series_with_negative_values_or_without_zeros_may_cross_zero():
    falling = 50 - np.arange(60.0) + np.random.default_rng(0).normal(0, 1, 60)
    forecast = Forecaster(4, (), members=0).fit({"crossing": falling, "above": falling + 12}).predict()
    assert (forecast.mean[0] < 0).all() and (forecast.quantile(0.025)[1] < 0).any()


def test_an_unknown_method_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown method 'drift 5'; known: smoothing, naive, seasonal naive, drift 6"):
        Forecaster(4, (6,), members=0, methods=["drift 5"]).fit({"b": SEASONAL})


def test_batches_of_very_long_crops_hold_fewer_crops():
    series = [np.arange(20_000.0)]
    frozen = Forecaster(4, (5000,), members=0).fit({"a": series[0]}).frozen
    track = Followed.of(series, frozen.base, frozen.seasons, frozen.warm_up).track_of(0)
    crops = Crops(series, [track], [np.zeros((20_000, 1))], frozen.base, 5000, 4, frozen.warm_up, 15_000, 32, 0)
    assert crops.batch_size == 2  # 32,768 steps per batch
