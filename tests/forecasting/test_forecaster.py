"""The forecaster: no look into the future, the same bits from the same seed, and the same forecast in any unit or order."""

import copy
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.forecasters import HORIZON, SETTINGS, arrays_of, fitted, head_of, small, small_panel
from support.slow_forecasts import random_series

from dilated_rnn_np.forecasting import Forecaster, Panel, Series, read_csv
from dilated_rnn_np.forecasting.arguments import member_file
from dilated_rnn_np.forecasting.training import dilations_of
from dilated_rnn_np.training import callbacks
from dilated_rnn_np.training.train import fit

LENGTHS = (40, 33, 9, 60)


@pytest.fixture(scope="module", params=SETTINGS, ids=str)
def forecaster(request):
    return fitted(small_panel(), **SETTINGS[request.param])


def test_forecasts_have_the_shape_and_the_time_stamps_of_the_horizon(forecaster):
    forecast = forecaster.predict()
    Q = len(forecaster.quantiles)
    assert forecast.values.shape == (4, HORIZON, Q) and np.isfinite(forecast.values).all()
    assert (np.diff(forecast.values, axis=-1) > 0).all() or Q == 1
    assert forecast.ds.tolist() == [[T + 1, T + 2, T + 3] for T in LENGTHS]
    np.testing.assert_array_equal(forecast.mean, forecast.quantile(0.5))
    np.testing.assert_array_equal(forecast.quantiles[0.5], forecast.mean)


@settings(max_examples=5)
@given(st.integers(0, 2**32 - 1))
def test_forecasts_do_not_depend_on_later_values(forecaster, seed):
    rng = np.random.default_rng(seed)
    known = [int(rng.integers(1, len(one) + 1)) for one in forecaster.panel]
    past = head_of(forecaster.panel, known)
    longer = small_panel(seed=seed % 100, lengths=(60,) * 4, missing=0)
    whole = []
    for one, other in zip(past, longer, strict=True):
        y = np.concatenate([one.y, other.y[len(one) :]])
        whole.append(Series(one.unique_id, other.ds, y, other.covariates))
    changed = head_of(Panel(tuple(whole), past.frequency), known)
    np.testing.assert_array_equal(forecaster.predict(changed).values, forecaster.predict(past).values)


def test_streamed_forecasts_are_fixed_before_the_next_value_comes(forecaster):
    first, second = copy.deepcopy(forecaster), copy.deepcopy(forecaster)
    first.update("a", 20.0)
    second.update("a", 20.0)
    forecast = first.predict().values[0]
    second.update("a", 500.0)
    assert (second.predict().values[0] != forecast).any()
    np.testing.assert_array_equal(first.predict().values[0], forecast)


def test_predict_changes_nothing(forecaster):
    panel = forecaster.panel
    before = copy.deepcopy(arrays_of(forecaster.__dict__))
    values = [copy.deepcopy((one.ds, one.y, one.covariates)) for one in panel]
    first = forecaster.predict(panel).values
    forecaster.predict()
    np.testing.assert_array_equal(forecaster.predict(panel).values, first)
    after = arrays_of(forecaster.__dict__)
    assert after.keys() == before.keys() and len(after) > 20
    for place, array in after.items():
        np.testing.assert_array_equal(array, before[place], err_msg=place)
    for one, (ds, y, covariates) in zip(panel, values, strict=True):
        np.testing.assert_array_equal(one.y, y)
        np.testing.assert_array_equal(one.ds, ds)
        np.testing.assert_array_equal(one.covariates, covariates)


def test_the_order_of_series_and_the_others_in_the_panel_do_not_matter(forecaster):
    expected = forecaster.predict().values
    order = [2, 0, 3, 1]
    shuffled = Panel(tuple(forecaster.panel.series[i] for i in order), forecaster.panel.frequency)
    np.testing.assert_allclose(forecaster.predict(shuffled).values, expected[order], rtol=2e-6)
    for i, series in enumerate(forecaster.panel):
        alone = forecaster.predict(Panel((series,), forecaster.panel.frequency))
        np.testing.assert_allclose(alone.values[0], expected[i], rtol=2e-6)


def test_a_new_series_with_the_values_of_a_known_one_is_forecast_by_its_own_first_values(forecaster):
    long = small_panel(lengths=(200,), missing=0)["a"].y
    forecasts = [forecaster.predict({"new": y}).values for y in (long, np.append(long[:150], long[150:]))]
    np.testing.assert_array_equal(*forecasts)
    base = forecaster.frozen.bases([Series("new", np.arange(200), long, np.zeros((200, 0)))])
    short = long[: forecaster.frozen.fit_length]
    own = forecaster.frozen.bases([Series("new", np.arange(len(short)), short, np.zeros((len(short), 0)))])
    np.testing.assert_array_equal(base.mix, own.mix)
    assert base.scale == own.scale


@pytest.mark.parametrize("members", [0, 1])
@pytest.mark.parametrize("unit", [1e-4, 7.3, 1e6, -1])
def test_the_unit_of_the_values_scales_the_forecast(members, unit):
    panel = small_panel(missing=0)
    scaled = Panel.of({one.unique_id: unit * one.y for one in panel})
    ours, others = (fitted(p, members=members, steps=3).predict() for p in (panel, scaled))
    expected = unit * ours.values[..., :: 1 if unit > 0 else -1]
    if unit > 0:
        np.testing.assert_allclose(others.values, expected, rtol=1e-3)
    elif not members:
        np.testing.assert_allclose(others.mean, unit * ours.mean, rtol=1e-9)


@settings(max_examples=5)
@given(st.floats(1e-3, 1e3), st.integers(0, 2**32 - 1))
def test_a_new_series_is_forecast_in_its_own_unit(forecaster, unit, seed):
    y = 20 + random_series(np.random.default_rng(seed), 50)
    one, other = (forecaster.predict({"new": values}).values for values in (y, unit * y))
    np.testing.assert_allclose(other, unit * one, rtol=1e-4)


# ---------------------------------------------------------------------- seeds, checkpoints


def test_the_same_seed_gives_the_same_bits_and_another_one_does_not():
    panel = small_panel(covariates=1)
    future = np.zeros((4, HORIZON, 1))
    one, same, other = (fitted(panel, rng=rng, members=2).predict(future=future).values for rng in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_members_differ_and_the_first_ones_do_not_depend_on_their_number():
    two, three = fitted(small_panel(), members=2), fitted(small_panel(), members=3)
    first, second, third = three.frozen.nets.models
    for name in first.params:
        assert name.endswith(".b") or not np.allclose(first.params[name], second.params[name])
        np.testing.assert_array_equal(two.frozen.nets.models[0].params[name], first.params[name])
        np.testing.assert_array_equal(two.frozen.nets.models[1].params[name], second.params[name])
    assert any((second.params[name] != third.params[name]).any() for name in second.params)


def test_an_ensemble_forecasts_the_mean_of_its_members_in_the_scaled_units():
    both = fitted(small_panel(), members=2)
    found = []
    for model in both.frozen.nets.models:
        one = copy.deepcopy(both)
        one.frozen.nets.models = [model]
        found.append(np.arcsinh(one.predict().values / both.frozen.base.scale[:, None, None]))
    mean = both.frozen.base.scale[:, None, None] * np.sinh(np.mean(found, axis=0))
    np.testing.assert_allclose(both.predict().values, mean, rtol=1e-6)


@pytest.mark.parametrize("member, stop", [(0, 1), (0, 5), (1, 3)])
def test_an_interrupted_fit_ends_in_the_same_bits(tmp_path, monkeypatch, member, stop):
    panel, options = small_panel(), {"members": 2, "dropout": 0.25}
    whole = fitted(panel, steps=7, **options).predict().values
    after_step, begun = callbacks.EpochAverage.after_step, []

    def interrupted(self, run, model, optimizer):
        after_step(self, run, model, optimizer)
        begun.extend([model] if run.step == 1 else [])
        if len(begun) == member + 1 and run.step == stop:
            raise KeyboardInterrupt

    monkeypatch.setattr("dilated_rnn_np.forecasting.training.fit", partial(fit, checkpoint_every=2))
    monkeypatch.setattr(callbacks.EpochAverage, "after_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        small(**options).fit(panel, 7, tmp_path / "run.npz", progress=False)
    monkeypatch.setattr(callbacks.EpochAverage, "after_step", after_step)
    assert (tmp_path / "run-1.npz").exists() == bool(member)
    again = small(**options).fit(panel, 7, tmp_path / "run.npz", resume=True, progress=False)
    np.testing.assert_array_equal(again.predict().values, whole)
    for model in again.frozen.nets.models:
        assert model.dtype == np.float32
    finished = small(**options).fit(panel, 7, tmp_path / "run.npz", resume=True, progress=False)
    np.testing.assert_array_equal(finished.predict().values, whole)


def test_checkpoints_do_not_change_the_result(tmp_path):
    panel = small_panel()
    plain = fitted(panel, members=2).predict().values
    kept = small(members=2).fit(panel, 4, tmp_path / "run.npz", progress=False).predict().values
    np.testing.assert_array_equal(kept, plain)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run-1.npz", "run.npz"]
    assert member_file(tmp_path / "run.npz", 1) == tmp_path / "run-1.npz"


def test_fit_starts_anew_each_time():
    forecaster = small().fit({"a": [1.0, 2.0]}, steps=2, progress=False)
    assert len(forecaster.notes) == 1 and "no net was trained" in forecaster.notes[0]
    forecaster.update("b", 5.0)
    panel = small_panel()
    forecaster.fit(panel, steps=4, progress=False)
    np.testing.assert_array_equal(forecaster.predict().values, fitted(panel).predict().values)
    assert forecaster.predict().ids == panel.ids and not forecaster.notes


# ---------------------------------------------------------------------- panels of every kind


@pytest.mark.parametrize(
    "data",
    [
        {"a": [5.0]},
        {"a": [0.0, 0.0]},
        {"a": [5.0] * 40},
        {"a": [0.0] * 40, "b": list(range(40))},
        {"a": [1.0, -1.0] * 20},
        {"a": [1.0, 2.0], "b": [3.0]},
        {"a": list(range(30)), "b": [4.0]},
        {"a": [1e-9 * (t % 5) for t in range(40)], "b": [1e12 + t for t in range(40)]},
        {"a": [1.0] + [np.nan] * 30 + [2.0]},
        np.random.default_rng(0).normal(size=(3, 50)),
    ],
    ids=[
        "one value",
        "zeros",
        "constant",
        "zeros and a line",
        "signs",
        "two short",
        "long and short",
        "units",
        "a gap",
        "noise",
    ],
)
@pytest.mark.parametrize("seasons", [(), (4,), (4, 200)])
@pytest.mark.parametrize("horizon", [1, 50])
def test_every_panel_has_finite_forecasts(data, seasons, horizon):
    forecaster = Forecaster(horizon, seasons, hidden_size=2, dilations=[1])
    forecast = forecaster.fit(data, steps=2, progress=False).predict()
    assert np.isfinite(forecast.values).all() and forecast.values.shape[1] == horizon
    forecaster.update("a", 5.0)
    forecaster.update("new", 5.0)
    assert np.isfinite(forecaster.predict().values).all()


def test_a_seasonal_series_is_continued():
    t = np.arange(120)
    y = 50 + 10 * np.array([0.0, 3.0, -2.0, 1.0, 5.0])[t % 5] + 0.2 * np.random.default_rng(0).normal(size=120)
    for members in (0, 1):
        forecast = fitted(Panel.of({"a": y[:117]}), seasons=(5,), members=members, steps=20).predict()
        np.testing.assert_allclose(forecast.mean[0], y[117:], atol=1.5)


def test_dilations_come_from_the_seasons_unless_given():
    assert {1, 24, 168} <= set(dilations_of((24, 168))) and dilations_of(()) == [1, 2, 4, 8]
    assert fitted(small_panel(), dilations=[1, 3]).frozen.nets.models[0].dilations == (1, 3)
    assert fitted(small_panel(), dilations=None).frozen.nets.models[0].dilations == tuple(dilations_of((4,)))


def test_seasons_come_from_the_frequency_and_must_fit_into_the_longest_series():
    panel = small_panel(dates=True)
    assert fitted(panel, seasons=None).frozen.seasons == (7,)
    assert fitted(panel, seasons=(7, 60, 90)).frozen.seasons == (7,)


# ---------------------------------------------------------------------- the file of a forecast


@pytest.mark.parametrize("dates", [False, True])
def test_a_written_forecast_is_read_back(tmp_path, dates):
    forecast = fitted(small_panel(dates=dates)).predict()
    forecast.to_csv(tmp_path / "forecast.csv")
    panel = read_csv(tmp_path / "forecast.csv")
    assert panel.ids == forecast.ids and panel.covariate_names == ("q0.025", "q0.5", "q0.975")
    for i, series in enumerate(panel):
        np.testing.assert_array_equal(series.y, forecast.mean[i])
        np.testing.assert_array_equal(series.covariates, forecast.values[i])
        assert (series.ds == forecast.ds[i]).all()


def test_names_of_series_survive_the_file(tmp_path):
    names = ['a, "b"', "ü;x", "1"]
    forecast = fitted(Panel.of({name: np.arange(20.0) for name in names}), members=0).predict()
    forecast.to_csv(tmp_path / "forecast.csv")
    assert list(read_csv(tmp_path / "forecast.csv").ids) == names
