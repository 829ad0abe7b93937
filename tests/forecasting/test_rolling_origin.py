"""The backtest forecasts each window from the values before it, and scores it beside the naive forecasts."""

import csv
import math

import numpy as np
import pytest
from support.forecasters import HORIZON, SETTINGS, fitted, small, small_panel

from dilated_rnn_np.forecasting import Backtest, Forecast, Panel, metrics, naive, naive2, seasonal_naive
from dilated_rnn_np.forecasting.backtest import run_backtest
from dilated_rnn_np.forecasting.metrics import Scores


class Recorder:
    """Forecasts the last value plus 1, in a narrow interval; keeps the histories and the futures."""

    def __init__(self, horizon):
        self.horizon, self.calls = horizon, []

    def __call__(self, history, future):
        self.calls.append((history, future))
        last = np.array([series.y[-1] for series in history])[:, None, None] + np.array([-0.5, 1.0, 1.5])
        values = np.repeat(last, self.horizon, axis=1)
        ds = np.zeros((len(history), self.horizon), int)
        return Forecast(history.ids, ds, (0.05, 0.5, 0.95), values)


def test_cutoffs_histories_and_futures():
    panel = small_panel(lengths=(12, 9, 4), covariates=2, missing=0)
    predict = Recorder(2)
    backtest = run_backtest(panel, 2, 3, 4, predict)
    assert list(backtest.scores) == [6, 4, 2] and backtest.season == 4
    for after, (history, future) in zip((6, 4, 2), predict.calls, strict=True):
        assert history.ids == tuple(one.unique_id for one in panel if len(one) > after)
        for row, one in enumerate(history):
            end = len(panel[one.unique_id]) - after
            np.testing.assert_array_equal(one.y, panel[one.unique_id].y[:end])
            np.testing.assert_array_equal(future[row], panel[one.unique_id].covariates[end : end + 2])


def test_scores_equal_a_computation_by_hand():
    rng = np.random.default_rng(0)
    panel = Panel.of({name: rng.normal(size=T) + 20 for name, T in (("a", 30), ("b", 17))})
    backtest = run_backtest(panel, 3, 2, 4, Recorder(3))
    for after in (6, 3):
        found = backtest.scores[after]
        assert list(found) == ["forecaster", "naive", "seasonal naive", "Naive2"]
        cut = [(one.y[: len(one) - after], one.y[len(one) - after :][:3]) for one in panel]
        forecasts = {
            "forecaster": [np.full(3, past[-1] + 1) for past, _ in cut],
            "naive": [naive(past, 3) for past, _ in cut],
            "seasonal naive": [seasonal_naive(past, 3, 4) for past, _ in cut],
            "Naive2": [naive2(past, 3, 4) for past, _ in cut],
        }
        for name, paths in forecasts.items():
            smape = np.mean([metrics.smape(y, path) for (_, y), path in zip(cut, paths, strict=True)])
            mase = np.mean([metrics.mase(y, path, past, 4) for (past, y), path in zip(cut, paths, strict=True)])
            assert found[name].smape == pytest.approx(smape) and found[name].mase == pytest.approx(mase)
            assert math.isnan(found[name].msis) == (name != "forecaster")
        inside = [(past[-1] - 0.5 <= y) & (y <= past[-1] + 1.5) for past, y in cut]
        assert found["forecaster"].coverage == pytest.approx(np.mean(inside))
        msis = [metrics.msis(y, np.full(3, p[-1] - 0.5), np.full(3, p[-1] + 1.5), p, 4, alpha=0.1) for p, y in cut]
        assert found["forecaster"].msis == pytest.approx(np.mean(msis))
    mean = backtest.mean["naive"]
    assert mean.smape == pytest.approx(np.mean([backtest.scores[after]["naive"].smape for after in (6, 3)]))
    assert backtest.owa("Naive2") == pytest.approx(1)


def test_without_a_season_the_naive_forecast_is_the_reference():
    backtest = run_backtest(small_panel(missing=0), 3, 1, 1, Recorder(3))
    assert list(backtest.scores[3]) == ["forecaster", "naive", "Naive2"]
    assert backtest.scores[3]["naive"] == backtest.scores[3]["Naive2"]
    assert "the naive forecast" in backtest.verdict and "1 cutoff." in str(backtest)


def test_the_verdict_says_which_forecast_was_better():
    scores = {name: Scores(value, value / 10) for name, value in (("seasonal naive", 8.0), ("Naive2", 10.0))}
    better, worse = (Backtest({3: {"forecaster": Scores(v, v / 10), **scores}}, 4) for v in (7.0, 9.0))
    assert "WORSE" not in better.verdict and "OWA 0.700 against 0.800" in better.verdict
    assert "WORSE" in worse.verdict and "OWA 0.900 against 0.800" in worse.verdict


@pytest.mark.parametrize("name", ["plain", "no season", "base alone"])
def test_the_backtest_is_that_of_a_forecaster_fitted_before_the_first_cutoff(name):
    panel, options = small_panel(), SETTINGS[name]
    backtest = small(**options).backtest(panel, windows=2, steps=3, progress=False)
    by_hand = fitted(panel.drop_last(2 * HORIZON), steps=3, **options)
    for after in (2 * HORIZON, HORIZON):
        history = panel.drop_last(after)
        forecast = by_hand.predict(history)
        actual = [panel[one.unique_id].y[len(one) :][:HORIZON] for one in history]
        season = options["seasons"][0] if options["seasons"] else 1
        expected = Scores.of(
            actual, forecast.mean, history, season, forecast.quantile(0.025), forecast.quantile(0.975), 0.05
        )
        found = backtest.scores[after]["forecaster"]
        assert found.smape == expected.smape and found.mase == expected.mase
        assert found.msis == pytest.approx(expected.msis) and found.coverage == expected.coverage


def test_a_backtest_does_not_see_the_values_after_its_cutoffs():
    panel = small_panel(lengths=(40, 33), missing=0)
    changed = Panel.of({one.unique_id: np.append(one.y[:-HORIZON], one.y[-HORIZON:] + 50) for one in panel})
    ours, others = (small().backtest(p, windows=2, steps=3, progress=False) for p in (panel, changed))
    assert ours.scores[2 * HORIZON] == others.scores[2 * HORIZON]
    assert ours.scores[HORIZON]["forecaster"].smape < others.scores[HORIZON]["forecaster"].smape


def test_a_backtest_does_not_change_the_forecaster():
    panel = small_panel()
    forecaster = fitted(panel)
    before = forecaster.predict().values
    forecaster.backtest(small_panel(seed=5), windows=1, steps=2, progress=False)
    np.testing.assert_array_equal(forecaster.predict().values, before)
    untrained = small()
    untrained.backtest(panel, windows=1, steps=2, progress=False)
    assert not hasattr(untrained, "frozen")


def test_a_periodic_series_has_no_scaled_error():
    t = np.arange(120)
    panel = Panel.of({"a": 50 + 10 * np.sin(2 * np.pi * t / 24), "b": 40 + np.random.default_rng(0).normal(size=120)})
    backtest = small(seasons=(24,), dilations=[1], members=0).backtest(panel, windows=1, progress=False)
    assert backtest.scores[HORIZON]["forecaster"].mase < 10  # of series b alone


def test_missing_values_in_a_window_are_left_out():
    panel = small_panel(lengths=(30,), missing=0)
    y = panel["a"].y.copy()
    y[-2] = np.nan
    found = run_backtest(Panel.of({"a": y}), 3, 1, 4, Recorder(3)).scores[3]["naive"]
    assert found.smape == pytest.approx(metrics.smape(y[[-3, -1]], np.full(2, y[-4])))


def test_the_table_and_the_file_hold_the_scores(tmp_path):
    backtest = run_backtest(small_panel(missing=0), 3, 2, 4, Recorder(3))
    backtest.to_csv(tmp_path / "backtest.csv")
    with open(tmp_path / "backtest.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["values_after_cutoff"] for row in rows] == ["6"] * 4 + ["3"] * 4
    for row in rows:
        scores = backtest.scores[int(row["values_after_cutoff"])]
        own = scores[row["forecast"]]
        assert float(row["smape"]) == pytest.approx(own.smape, rel=1e-5)
        assert float(row["mase"]) == pytest.approx(own.mase, rel=1e-5)
        assert float(row["owa"]) == pytest.approx(own.owa(scores["Naive2"]), rel=1e-5)
        for name in ("msis", "coverage"):
            value = getattr(own, name)
            assert row[name] == "" if math.isnan(value) else float(row[name]) == pytest.approx(value, rel=1e-5)
    text = str(backtest)
    assert all(name in text for name in ("forecaster", "naive", "seasonal naive", "Naive2", "Means over 2 cutoffs."))
    assert f"{backtest.owa():.3f}" in text and backtest.verdict in text
