"""The metrics equal their definitions in the M4 competition; missing values, zeros and constant histories are defined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dilated_rnn_np.forecasting import Panel, metrics
from dilated_rnn_np.forecasting.metrics import Scores

SEEDS = st.integers(0, 2**32 - 1)


@given(st.integers(1, 9), st.integers(1, 5), SEEDS)
def test_metrics_equal_their_definitions(horizon, season, seed):
    rng = np.random.default_rng(seed)
    y, f, low, width = rng.normal(size=(4, horizon))
    history = rng.normal(size=season + 1 + rng.integers(5))
    high = low + abs(width)
    scale = np.mean([abs(history[t] - history[t - season]) for t in range(season, len(history))])
    steps = range(horizon)
    outside = [max(low[h] - y[h], 0) + max(y[h] - high[h], 0) for h in steps]
    smape = np.mean([200 * abs(y[h] - f[h]) / (abs(y[h]) + abs(f[h])) for h in steps])
    assert metrics.smape(y, f) == pytest.approx(smape)
    assert metrics.mase(y, f, history, season) == pytest.approx(np.mean(abs(y - f)) / scale)
    msis = np.mean([high[h] - low[h] + 2 / 0.05 * outside[h] for h in steps]) / scale
    assert metrics.msis(y, low, high, history, season) == pytest.approx(msis)
    assert metrics.coverage(y, low, high) == pytest.approx(np.mean([o == 0 for o in outside]))
    pinball = np.mean([0.9 * (y[h] - f[h]) if y[h] > f[h] else 0.1 * (f[h] - y[h]) for h in steps])
    assert metrics.pinball(y, f, 0.9) == pytest.approx(pinball)


@given(st.integers(2, 9), SEEDS)
def test_missing_values_of_y_are_left_out(horizon, seed):
    rng = np.random.default_rng(seed)
    y, f, width = rng.normal(size=(3, horizon))
    y[rng.integers(horizon)] = np.nan
    known, history = ~np.isnan(y), rng.normal(size=6)
    low, high = f - abs(width), f + abs(width)
    for whole, part in (
        (metrics.smape(y, f), metrics.smape(y[known], f[known])),
        (metrics.mase(y, f, history, 2), metrics.mase(y[known], f[known], history, 2)),
        (metrics.msis(y, low, high, history, 2), metrics.msis(y[known], low[known], high[known], history, 2)),
        (metrics.coverage(y, low, high), metrics.coverage(y[known], low[known], high[known])),
        (metrics.pinball(y, f, 0.3), metrics.pinball(y[known], f[known], 0.3)),
    ):
        assert whole == part


def test_missing_values_of_the_history_leave_out_their_differences():
    assert metrics.scale([1.0, np.nan, 4.0, 6.0, 5.0], season=1) == 1.5
    assert metrics.scale([1.0, np.nan, 4.0], season=1) != metrics.scale([1.0, np.nan, 4.0], season=1)  # NaN


def test_zeros_and_constant_or_short_histories():
    assert metrics.smape([0.0, 1.0], [0.0, 1.0]) == 0
    assert metrics.smape([0.0], [5.0]) == 200
    assert np.isnan(metrics.mase([1.0], [1.0], [2.0, 2.0, 2.0], 1))  # a scale of 0
    assert np.isnan(metrics.msis([1.0], [1.0], [1.0], [2.0], 1))
    assert metrics.mase([5.0], [3.0], [2.0, 3.0], season=7) == 2  # too short for the season: scaled by naive
    assert np.isnan(metrics.smape([np.nan], [1.0]))


def test_owa_of_the_official_figures():
    assert f"{metrics.owa(13.912, 1.193, 18.383, 2.395):.3f}" == "0.627"
    assert metrics.owa(18.383, 2.395, 18.383, 2.395) == 1


def test_scores_average_the_averages_of_the_series():
    history = Panel.of({"a": [1.0, 2.0, 4.0], "b": [5.0, 5.0, 5.0]})
    actual = Panel.of({"a": [5.0], "b": [6.0, 7.0]})
    forecast = [np.array([4.0]), np.array([5.0, 5.0])]
    scores = Scores.of(actual, forecast, history, season=1, lower=[[5.0], [6.5, 6.5]], upper=[[5.0], [8.0, 8.0]])
    assert scores.smape == pytest.approx((200 / 9 + (200 / 11 + 400 / 12) / 2) / 2)
    assert scores.mase == pytest.approx(1 / 1.5)  # b has a constant history
    assert scores.coverage == 0.75
    assert scores.msis == 0  # of a alone
    points = Scores.of(actual, forecast, history, season=1)
    assert (points.smape, points.mase) == (scores.smape, scores.mase)
    assert np.isnan([points.msis, points.coverage]).all()


def test_the_table_has_one_row_per_forecast():
    scores = {"naive": Scores(10.0, 2.0), "net": Scores(5.0, 1.0, 7.9281, 0.95)}
    lines = metrics.table(scores, naive2=scores["naive"]).splitlines()
    assert [line.split() for line in lines] == [
        ["forecast", "sMAPE", "MASE", "OWA", "MSIS", "coverage"],
        ["naive", "10.000", "2.000", "1.000", "-", "-"],
        ["net", "5.000", "1.000", "0.500", "7.928", "0.950"],
    ]
    assert len({len(line) for line in lines}) == 1
    assert "OWA" not in metrics.table(scores)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.smape([1.0, 2.0], [1.0]), r"forecast must have the shape of y, \(2,\), got \(1,\)"),
        (lambda: metrics.smape([[1.0]], [[1.0]]), r"y must be one series \(horizon,\), got shape \(1, 1\)"),
        (lambda: metrics.smape([1.0], [np.nan]), "forecast must be a number wherever y is known, got NaN at step 0"),
        (lambda: metrics.mase([1.0], [1.0], [[1.0]], 1), r"history must be one series \(T,\)"),
        (lambda: metrics.mase([1.0], [1.0], [1.0], 0), "season must be a whole number of at least 1"),
        (lambda: metrics.msis([1.0], [1.0], [1.0], [1.0], 1, alpha=0), "alpha must be a finite number above 0"),
        (lambda: metrics.pinball([1.0], [1.0], q=1.5), r"q must lie in \[0, 1\)"),
        (lambda: Scores.of([[1.0]], [], [[1.0]], 1), "forecast must have 1 series like actual, got 0"),
        (lambda: Scores.of([], [], [], 1), "actual must have at least one series"),
        (lambda: Scores.of([[1.0]], [[1.0]], [[1.0]], 1, [[0.0]] * 2, [[2.0]]), "lower must have 1 series"),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_periodic_history_with_rounding_errors_has_no_scale():
    t = np.arange(200)
    history = 50 + 10 * np.sin(2 * np.pi * t / 24)  # periodic up to rounding
    assert 0 < abs(history[24:] - history[:-24]).mean() < 1e-12
    assert np.isnan(metrics.scale(history, 24)) and np.isnan(metrics.mase([51.0], [50.0], history, 24))
    assert metrics.scale(history + 1e-6 * (t % 7), 24) > 1e-7
