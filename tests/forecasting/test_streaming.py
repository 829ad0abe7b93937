"""A series that is updated value by value is forecast like its whole history by the frozen forecaster, in constant memory."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.forecasters import HORIZON, SETTINGS, arrays_of, fitted, head_of, small_panel

from dilated_rnn_np.forecasting import Frequency, Panel, Series, calendar_features, load
from dilated_rnn_np.forecasting.exogenous import Exogenous
from dilated_rnn_np.forecasting.growing import GrowingSeries

LENGTHS = (40, 33, 9, 60)
KNOWN = (36, 30, 6, 50)  # of the values at the time of fit
TOLERANCE = {"rtol": 2e-6, "atol": 2e-6}  # float32


def streamed(forecaster, whole, known, new_ids=()):
    """Update every series by its values after the first ``known``, series by series in turn."""
    dated = whole.series[0].ds.dtype.kind == "M"
    for step in range(max(map(len, whole))):
        for series, first in zip(whole, known, strict=True):
            t = first + step
            if t < len(series) - HORIZON * bool(whole.covariate_names):
                covariates = series.covariates[t : t + 1 + HORIZON] if whole.covariate_names else None
                ds = series.ds[t] if dated and t == 0 else None
                forecaster.update(series.unique_id, series.y[t], covariates, ds)


@pytest.fixture(scope="module", params=SETTINGS, ids=str)
def case(request):
    whole = small_panel(missing=0.1)
    return fitted(head_of(whole, KNOWN), **SETTINGS[request.param]), whole


def test_updates_equal_the_frozen_forecaster_over_the_whole_history(case):
    forecaster, whole = copy.deepcopy(case[0]), case[1]
    streamed(forecaster, whole, KNOWN)
    np.testing.assert_allclose(forecaster.predict().values, forecaster.predict(whole).values, **TOLERANCE)
    for ours, expected in zip(forecaster.current_panel(), whole, strict=True):
        np.testing.assert_array_equal(ours.y, expected.y)
        np.testing.assert_array_equal(ours.ds, expected.ds)


def test_every_step_of_a_new_series_equals_the_frozen_forecaster(case):
    forecaster, whole = copy.deepcopy(case[0]), case[1]
    y = whole["a"].y
    for t in range(len(y)):
        forecaster.update("new", y[t])
        if t in (0, 1, 5, 20, 21, len(y) - 1):
            series = Series("new", np.arange(t + 1) + 1, y[: t + 1], np.zeros((t + 1, 0)))
            expected = forecaster.predict(Panel((series,), whole.frequency))
            assert forecaster.predict().ids == (*whole.ids, "new")
            np.testing.assert_allclose(forecaster.predict().values[-1], expected.values[0], **TOLERANCE)


@pytest.mark.parametrize("dates", [False, True])
@pytest.mark.parametrize("members", [0, 1])
def test_updates_with_covariates_and_dates(dates, members):
    whole = small_panel(seed=1, covariates=2, dates=dates)
    known = (30, 27, 4, 50)
    forecaster = fitted(head_of(whole, known), members=members)
    streamed(forecaster, whole, known)
    seen = head_of(whole, [len(series) - HORIZON for series in whole])
    future = np.stack([series.covariates[-HORIZON:] for series in whole])
    expected = forecaster.predict(seen, future)
    np.testing.assert_allclose(forecaster.predict().values, expected.values, **TOLERANCE)
    np.testing.assert_array_equal(forecaster.predict().ds, expected.ds)


def test_a_new_series_with_dates_and_covariates():
    whole = small_panel(seed=2, covariates=1, dates=True, lengths=(40, 40))
    forecaster = fitted(head_of(whole, (40, 1)).drop_last(1))
    streamed(forecaster, Panel((whole["b"],), whole.frequency, whole.covariate_names), (0,))
    seen = Panel((whole["b"].cut(slice(0, 37)),), whole.frequency, whole.covariate_names)
    expected = forecaster.predict(seen, whole["b"].covariates[None, 37:])
    future = small_panel(seed=2, covariates=1, dates=True, lengths=(42, 42))["a"].covariates[None, 39:]
    forecast = forecaster.predict(future=future)
    assert forecast.ids == ("a", "b")
    np.testing.assert_allclose(forecast.values[1], expected.values[0], **TOLERANCE)
    assert (forecast.ds[1] == expected.ds[0]).all()


@settings(max_examples=6)
@given(st.integers(0, 2**32 - 1))
def test_any_series_in_any_order(case_of_two, seed):
    forecaster, rng = copy.deepcopy(case_of_two), np.random.default_rng(seed)
    history = {one.unique_id: list(one.y) for one in forecaster.panel}
    for _ in range(30):
        unique_id = rng.choice(["a", "b", "c", "d", "x", "y"])
        value = rng.normal() + 20 if rng.random() < 0.8 or unique_id not in history else np.nan
        forecaster.update(str(unique_id), value)
        history.setdefault(str(unique_id), []).append(value)
    whole = [Series(k, np.arange(len(v)) + 1, np.array(v), np.zeros((len(v), 0))) for k, v in history.items()]
    expected = forecaster.predict(Panel(tuple(whole), forecaster.panel.frequency))
    found = forecaster.predict()
    assert found.ids == expected.ids
    np.testing.assert_allclose(found.values, expected.values, **TOLERANCE)


@pytest.fixture(scope="module")
def case_of_two():
    return fitted(small_panel(lengths=(40, 25, 6, 30)))


@pytest.mark.parametrize("name", SETTINGS)
def test_the_arrays_of_a_stream_do_not_grow(name):
    forecaster = fitted(small_panel(), **SETTINGS[name])
    forecaster.update("a", 20.0)
    shapes = {place: array.shape for place, array in arrays_of(forecaster.streams["a"]).items()}
    assert len(shapes) > 8
    for value in np.linspace(15, 25, 50):
        forecaster.update("a", value)
    assert {place: array.shape for place, array in arrays_of(forecaster.streams["a"]).items()} == shapes


def test_a_settled_series_is_not_followed_again(monkeypatch):
    forecaster = fitted(small_panel())
    for _ in range(40):
        forecaster.update("new", 20.0)
    forecaster.update("a", 20.0)
    calls = []
    monkeypatch.setattr(type(forecaster.frozen), "streams", lambda *_: calls.append(1))
    forecaster.update("new", 21.0)
    forecaster.update("a", 21.0)
    assert not calls


def test_updates_do_not_change_the_panel_of_fit_or_other_series():
    panel = small_panel()
    forecaster = fitted(panel)
    before = forecaster.predict()
    values = [series.y.copy() for series in panel]
    forecaster.update("b", 25.0)
    after = forecaster.predict()
    assert all((one.y == y).sum() == (~np.isnan(y)).sum() for one, y in zip(panel, values, strict=True))
    np.testing.assert_array_equal(after.values[[0, 2, 3]], before.values[[0, 2, 3]])
    assert (after.values[1] != before.values[1]).any() and after.ds[1, 0] == before.ds[1, 1]
    np.testing.assert_array_equal(forecaster.predict(panel).values, before.values)


def test_a_saved_stream_goes_on(tmp_path):
    forecaster = fitted(small_panel(), members=2)
    for unique_id in ("a", "new", "new"):
        forecaster.update(unique_id, 20.0)
    forecaster.save(tmp_path / "model.npz")
    again = load(tmp_path / "model.npz")
    np.testing.assert_allclose(again.predict().values, forecaster.predict().values, **TOLERANCE)
    for one in (forecaster, again):
        for value in (22.0, np.nan, 19.0):
            one.update("a", value)
            one.update("new", value)
    assert again.predict().ids == forecaster.predict().ids == ("a", "b", "c", "d", "new")
    np.testing.assert_allclose(again.predict().values, forecaster.predict().values, **TOLERANCE)


def test_the_inputs_of_a_step_are_the_covariates_of_the_next_steps():
    panel = small_panel(covariates=2, dates=True, lengths=(9, 12))
    exogenous = Exogenous.of(panel, HORIZON)
    every = np.concatenate([series.covariates for series in panel])
    future = np.arange(2.0 * HORIZON).reshape(HORIZON, 2)
    known = (np.concatenate([panel["a"].covariates, future]) - every.mean(axis=0)) / every.std(axis=0)
    found = exogenous.inputs(panel["a"], future)
    calendar = calendar_features(panel["a"].ds, panel.frequency)
    for t in range(9):
        expected = [*calendar[t], *(known[t + k, c] for c in range(2) for k in range(1, HORIZON + 1))]
        np.testing.assert_allclose(found[t], expected, rtol=1e-12)
    np.testing.assert_array_equal(found[-1], exogenous.inputs(panel["a"].cut(slice(-1, None)), future)[0])


@pytest.mark.parametrize(
    "frequency, first",
    [
        (Frequency("integer", 2), np.int64(4)),
        (Frequency("second", 900), np.datetime64("2024-02-28T23:30:00")),
        (Frequency("business day"), np.datetime64("2024-02-28T00:00:00")),
        (Frequency("month end"), np.datetime64("2023-11-30T00:00:00")),
        (Frequency("month", 3), np.datetime64("2023-11-15T00:00:00")),
    ],
    ids=repr,
)
def test_time_stamps_of_a_growing_series_are_those_of_the_frequency(frequency, first):
    growing = GrowingSeries(Series("a", np.array([first]), np.zeros(1), np.zeros((1, 0))), frequency)
    for value in range(1, 8):
        growing.append(float(value), np.zeros(0))
    np.testing.assert_array_equal(growing.whole().ds, frequency.range(first, 8))
    np.testing.assert_array_equal(growing.whole().y, np.arange(8.0))
