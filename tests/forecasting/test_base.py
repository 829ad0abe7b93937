"""The base forecast weights rates and methods by their past errors: the weights sum to 1 and prefer small errors."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.slow_forecasts import random_series, slow_methods, slow_track

from dilated_rnn_np.forecasting.base import (
    LEAST_SIGMA,
    POWER,
    SETS,
    Prior,
    fit_base,
    inverse_error_weights,
    method_errors,
    origins,
    rate_errors,
)
from dilated_rnn_np.forecasting.following import Followed
from dilated_rnn_np.forecasting.ragged import GROUP, groups, padded
from dilated_rnn_np.forecasting.scaling import scale_of, scaled
from dilated_rnn_np.forecasting.smoothing import rate_grid
from dilated_rnn_np.forecasting.track import candidate_names, follow

SEASONS = st.sampled_from([(), (3,), (2, 4)])
SEEDS = st.integers(0, 2**32 - 1)


@given(st.integers(1, 9), SEEDS)
def test_weights_are_inverse_powers_of_the_errors(J, seed):
    errors = np.random.default_rng(seed).random((2, J)) + 1e-3
    weights = inverse_error_weights(errors)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-14)
    for row, own in zip(weights, errors, strict=True):
        np.testing.assert_allclose(row, own**-POWER / (own**-POWER).sum(), rtol=1e-12)


def test_an_error_of_zero_takes_all_the_weight():
    np.testing.assert_allclose(inverse_error_weights(np.array([0.0, 1.0, 2.0])), [1, 0, 0], atol=1e-15)
    np.testing.assert_allclose(inverse_error_weights(np.zeros(4)), [0.25] * 4)


@settings(max_examples=15)
@given(SEASONS, st.integers(1, 5), SEEDS)
def test_the_weights_of_every_series_sum_to_1(seasons, horizon, seed):
    rng = np.random.default_rng(seed)
    series = [random_series(rng, T) for T in rng.integers(1, 40, 4)]
    base, prior, errors = fit_base(series, seasons, horizon, 6)
    np.testing.assert_allclose(base.shares.sum(axis=1), 1, rtol=1e-13)
    np.testing.assert_allclose(base.mix.sum(axis=1), 1, rtol=1e-13)
    assert (base.sigma >= LEAST_SIGMA).all() and np.isfinite(base.sigma).all()
    assert base.shares.shape == (4, SETS) and base.mix.shape == (4, len(candidate_names(seasons)))
    assert prior.rates.shape == rate_grid(len(seasons)).shape[1:]
    assert [error.shape for error in errors] == [(len(origins(len(y), 6)), horizon) for y in series]


@settings(max_examples=10)
@given(SEASONS, st.integers(1, 5), SEEDS)
def test_the_errors_of_the_rates_equal_a_loop(seasons, horizon, seed):
    rng = np.random.default_rng(seed)
    series = [random_series(rng, T) for T in (14, 20)]
    errors, counts = rate_errors(series, seasons, horizon, 5)
    chosen = rng.integers(0, errors.shape[1], 2)
    for row, z in enumerate(series):
        for g in chosen:
            rates = rate_grid(len(seasons))[:, [g]]
            smoothing = slow_track(z, seasons, rates, np.ones(1), 5, horizon)[1]
            found = [
                abs(z[t + k] - smoothing[t, k - 1])
                for t in origins(len(z), 5)
                for k in range(1, horizon + 1)
                if t + k < len(z) and not math.isnan(z[t + k])
            ]
            assert counts[row] == len(found)
            np.testing.assert_allclose(errors[row, g], np.mean(found), rtol=1e-9)


@settings(max_examples=10)
@given(SEASONS, st.integers(1, 5), SEEDS)
def test_the_errors_of_the_methods_equal_a_loop(seasons, horizon, seed):
    rng = np.random.default_rng(seed)
    z, rates = random_series(rng, 25), rate_grid(len(seasons))[:, [7]]
    track, _ = follow(z[None], np.array([25]), seasons, rates[:, None], np.ones((1, 1)), 5)
    found = method_errors(z, track, horizon, 5)
    (values, *_), smoothing = slow_track(z, seasons, rates, np.ones(1), 5, horizon)
    for j, forecasts in enumerate(slow_methods(values, seasons, smoothing).values()):
        for o, t in enumerate(origins(25, 5)):
            for k in range(1, horizon + 1):
                actual = z[t + k] if t + k < 25 else math.nan
                np.testing.assert_allclose(found[j, o, k - 1], actual - forecasts[t, k - 1], rtol=1e-9, atol=1e-9)


def test_origins_lie_between_the_warm_up_and_the_last_value_but_one():
    assert origins(5, 6).size == origins(6, 6).size == 0
    assert origins(7, 6).tolist() == [5]
    found = origins(10_000, 6)
    assert len(found) == 40 and found[0] == 5 and found[-1] == 9998


def test_each_series_prefers_the_methods_that_forecast_it_exactly():
    rng = np.random.default_rng(0)
    t = np.arange(120)
    growing = np.exp(0.03 * t + 0.3 * rng.normal(size=4)[t % 4])  # a line and a season, once scaled
    walk = 50 + np.cumsum(rng.normal(size=120))
    periodic = 50 + 10 * rng.normal(size=4)[t % 4]
    base, _, _ = fit_base([growing, walk, periodic], (4,), 4, 16)
    mix = [dict(zip(candidate_names((4,)), own, strict=True)) for own in base.mix]
    assert mix[0]["drift 4"] + mix[0]["drift 2 4"] > 0.98
    assert mix[1]["drift 4"] + mix[1]["drift 2 4"] < 0.2
    assert base.sigma[2] == LEAST_SIGMA < base.sigma[0] < base.sigma[1]


@settings(max_examples=10)
@given(SEASONS, SEEDS)
def test_a_series_without_scored_values_takes_the_weights_of_the_panel(seasons, seed):
    rng = np.random.default_rng(seed)
    series = [random_series(rng, T) for T in (60, 60, 4)]
    base, prior, errors = fit_base(series, seasons, 3, 8)
    np.testing.assert_allclose(base.mix[2], inverse_error_weights(prior.methods), rtol=1e-12)
    best = np.argsort(prior.rates)[:SETS]
    np.testing.assert_allclose(np.sort(base.rates[:, 2], axis=1), np.sort(rate_grid(len(seasons))[:, best], axis=1))
    assert base.sigma[2] == pytest.approx(prior.sigma) and len(errors[2]) == 0


def test_more_scored_values_move_a_series_from_the_panel_to_itself():
    rng = np.random.default_rng(2)
    walk = np.cumsum(rng.normal(size=200))
    prior = fit_base([10 + np.sin(np.arange(80) * np.pi / 2) + 0.1 * rng.normal(size=80)], (4,), 4, 8)[1]
    own = fit_base([walk], (4,), 4, 8)[0].mix[0]
    distances = [abs(fit_base([walk[:T]], (4,), 4, 8, prior)[0].mix[0] - own).sum() for T in (8, 14, 200)]
    assert distances[0] > distances[2]
    np.testing.assert_allclose(
        fit_base([walk[:8]], (4,), 4, 8, prior)[0].mix[0], inverse_error_weights(prior.methods), rtol=1e-12
    )


@settings(max_examples=10)
@given(SEASONS, SEEDS)
def test_groups_and_order_of_series_change_nothing(seasons, seed):
    rng = np.random.default_rng(seed)
    series = [random_series(rng, T) for T in rng.integers(3, 40, 5)]
    prior = fit_base(series, seasons, 3, 6)[1]
    base, _, errors = fit_base(series, seasons, 3, 6, prior)
    order = rng.permutation(5)
    other, _, others = fit_base([series[i] for i in order], seasons, 3, 6, prior)
    for name in ("scale", "shares", "mix", "sigma"):
        np.testing.assert_allclose(getattr(other, name), getattr(base, name)[order], rtol=1e-9, err_msg=name)
    np.testing.assert_array_equal(other.rates, base.rates[:, order])
    alone, _, own = fit_base([series[3]], seasons, 3, 6, prior)
    np.testing.assert_allclose(alone.mix[0], base.mix[3], rtol=1e-9)
    np.testing.assert_allclose(own[0], errors[3], rtol=1e-9, atol=1e-12)


def test_groups_hold_every_series_once_by_length():
    rng = np.random.default_rng(3)
    series = [np.zeros(T) for T in rng.integers(1, 50, 2 * GROUP + 5)]
    found = list(groups(series))
    assert sorted(np.concatenate(found)) == list(range(len(series))) and max(map(len, found)) == GROUP
    lengths = [len(series[i]) for rows in found for i in rows]
    assert lengths == sorted(lengths)


def test_only_the_chosen_methods_have_weight():
    rng = np.random.default_rng(4)
    base, _, _ = fit_base([random_series(rng, 60)], (4,), 4, 8, methods=("seasonal naive", "drift 4"))
    used = [name for name, weight in zip(candidate_names((4,)), base.mix[0], strict=True) if weight > 0]
    assert used == ["seasonal naive", "drift 4"] and base.mix.sum() == pytest.approx(1)


@settings(max_examples=10)
@given(SEASONS, SEEDS)
def test_the_errors_are_those_of_the_base_forecast_in_sigma(seasons, seed):
    rng = np.random.default_rng(seed)
    y = random_series(rng, 30, missing=0)
    base, _, (errors,) = fit_base([y], seasons, 3, 6)
    group = Followed.of([y], base, seasons, 6)
    methods = group.track.candidates(3)[:, 0]  # (J, T, h)
    z = scaled(y, scale_of(y))
    for o, t in enumerate(origins(30, 6)):
        for k in range(1, min(3, 29 - t) + 1):
            forecast = (base.mix[0] * methods[:, t, k - 1]).sum()
            np.testing.assert_allclose(errors[o, k - 1], (z[t + k] - forecast) / base.sigma[0], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("values", [[5.0], [0.0, 0.0], [7.0] * 30, [0.0] * 30, [1.0, -1.0] * 15])
@pytest.mark.parametrize("seasons", [(), (3,)])
def test_constant_and_single_values_have_finite_bases(values, seasons):
    base, prior, _ = fit_base([np.array(values)], seasons, 4, 2)
    for part in (base.scale, base.rates, base.shares, base.mix, base.sigma, prior.rates, prior.methods):
        assert np.isfinite(part).all()
    assert isinstance(prior, Prior) and math.isfinite(prior.sigma)


def test_padding_ends_with_nan():
    np.testing.assert_array_equal(padded([np.ones((1, 2)), np.ones((2, 2))])[0, 1], [np.nan, np.nan])
