"""The naive forecasts equal their definitions, and Naive2 and seasonal naive the official figures of M4 Hourly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.places import DATA

from dilated_rnn_np.forecasting import m4, m4_hourly, metrics, naive, naive2, seasonal_naive
from dilated_rnn_np.forecasting.naive import is_seasonal, seasonal_indices
from dilated_rnn_np.tasks.files import DataError, locate

SIZES = st.integers(1, 8)


@pytest.fixture(scope="module")
def hourly():
    if missing := [file.name for file in (m4.TRAIN, m4.TEST) if not DATA.is_dir() or locate(file, DATA) is None]:
        pytest.skip(f"M4 Hourly is not in {DATA / 'm4'}: {missing[0]}")
    return m4_hourly(DATA)


def test_m4_hourly_has_its_published_sizes(hourly):
    train, test = hourly
    assert len(train) == len(test) == 414 and train.ids == test.ids and train.ids[:2] == ("H1", "H2")
    assert {len(series) for series in train} == {700, 960} and {len(series) for series in test} == {48}
    assert not train.gaps and not test.gaps
    for history, future in zip(train, test, strict=True):
        assert future.ds[0] == history.ds[-1] + 1


@pytest.mark.parametrize(
    ("forecast", "smape", "mase"), [(naive2, "18.383", "2.395"), (seasonal_naive, "13.912", "1.193")]
)
def test_the_official_figures_of_m4_hourly(hourly, forecast, smape, mase):
    train, test = hourly
    scores = metrics.Scores.of(test, [forecast(series.y, 48, 24) for series in train], train, season=24)
    assert (f"{scores.smape:.3f}", f"{scores.mase:.3f}") == (smape, mase)


def test_a_missing_file_of_m4_names_the_folder(tmp_path, monkeypatch):
    (tmp_path / "Hourly-train.csv").write_text("V1,V2\nH1,5\n")
    monkeypatch.delenv("DILATED_RNN_DATA", raising=False)
    with pytest.raises(DataError, match=r"Hourly-train\.csv cannot be used: .*SHA-256"):
        m4_hourly(tmp_path)


@given(SIZES, SIZES, SIZES, st.integers(0, 2**32 - 1))
def test_seasonal_naive_repeats_the_last_known_value_of_each_position(T, season, horizon, seed):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=4 * T)
    y[rng.random(4 * T) < 0.3] = np.nan
    y[rng.integers(4 * T)] = 1.0
    forecast = seasonal_naive(y, horizon, season)
    known = y[~np.isnan(y)]
    for h in range(horizon):
        same = [v for t, v in enumerate(y) if (len(y) + h - t) % season == 0 and not np.isnan(v)]
        assert forecast[h] == (same[-1] if same and len(y) >= season else known[-1])


@given(SIZES, SIZES, st.integers(0, 2**32 - 1))
def test_naive_repeats_the_last_value(T, horizon, seed):
    y = np.random.default_rng(seed).normal(size=T)
    assert naive(y, horizon).tolist() == [y[-1]] * horizon
    assert seasonal_naive(y, horizon, season=T + 1).tolist() == [y[-1]] * horizon
    assert naive2(y, horizon, season=T + 1).tolist() == [y[-1]] * horizon


def decompose(y, season):
    """The seasonal figure of R's ``decompose(y, "multiplicative")``, as loops."""
    trend = np.full(len(y), np.nan)
    for t in range(season // 2, len(y) - season // 2):
        if season % 2:
            trend[t] = np.mean(y[t - season // 2 : t + season // 2 + 1])
        else:
            window = y[t - season // 2 : t + season // 2 + 1]
            trend[t] = (sum(window) - (window[0] + window[-1]) / 2) / season
    figure = np.array([np.nanmean((y / trend)[k::season]) for k in range(season)])
    return figure / figure.mean()


@given(st.integers(2, 7), st.integers(3, 6), st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_naive2_is_naive_on_the_decomposed_series(season, seasons, extra, seed):
    rng = np.random.default_rng(seed)
    T = seasons * season + extra % season
    y = rng.uniform(1, 2, season)[np.arange(T) % season] * rng.uniform(10, 11, T)
    figure = decompose(y, season)
    np.testing.assert_allclose(seasonal_indices(y, season), figure)
    horizon = 2 * season + 1
    expected = np.full(horizon, y[-1])
    if is_seasonal(y, season):
        expected = y[-1] / figure[(T - 1) % season] * figure[np.arange(T, T + horizon) % season]
    np.testing.assert_allclose(naive2(y, horizon, season), expected)


@given(st.integers(2, 6), st.integers(3, 10), st.integers(0, 2**32 - 1))
def test_the_test_for_a_season_compares_the_autocorrelation_with_its_bound(season, seasons, seed):
    rng = np.random.default_rng(seed)
    y = np.sin(2 * np.pi * np.arange(seasons * season) / season + 1) + rng.normal(0, 0.7, seasons * season)
    z = y - y.mean()
    r = [sum(z[t] * z[t - lag] for t in range(lag, len(y))) / sum(z * z) for lag in range(season + 1)]
    bound = 1.645 * np.sqrt((1 + 2 * sum(v**2 for v in r[1:season])) / len(y))
    assert is_seasonal(y, season) == (abs(r[season]) > bound)
    assert not is_seasonal(y[: 3 * season - 1], season)  # fewer than three seasons


def test_naive2_does_not_adjust_a_series_without_a_decomposition():
    assert naive2(np.zeros(40), 2, season=4).tolist() == [0, 0]
    assert naive2(np.tile([0.0, 0.0, 0.0, 8.0], 10), 2, season=4).tolist() == [8, 8]  # an index of 0


def test_missing_values_change_naive2_as_little_as_their_season_differs():
    y = np.tile([2.0, 5.0, 3.0, 1.0], 8)
    holes = y.copy()
    holes[[0, 9, 10, 31]] = np.nan
    np.testing.assert_allclose(naive2(holes[4:], 8, season=4), naive2(y, 8, season=4))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: naive([np.nan], 2), ValueError, "at least one known value"),
        (lambda: naive([], 2), ValueError, "at least one known value"),
        (lambda: naive2(np.ones((2, 2)), 2, 2), ValueError, r"got shape \(2, 2\)"),
        (lambda: naive([1.0], 0), ValueError, "horizon must be a whole number of at least 1, got 0"),
        (lambda: seasonal_naive([1.0], 1, 0), ValueError, "season must be a whole number of at least 1, got 0"),
        (lambda: naive2([1.0], 1, 2.0), TypeError, "season must be a whole number"),
    ],
)
def test_wrong_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
