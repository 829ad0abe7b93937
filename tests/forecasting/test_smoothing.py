"""Exponential smoothing of many series and sets of rates at once equals a plain loop over one series."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.slow_forecasts import SlowSmoother, random_rates, random_series, slow_track

from dilated_rnn_np.forecasting.ragged import lengths_of, padded
from dilated_rnn_np.forecasting.smoothing import rate_grid, start
from dilated_rnn_np.forecasting.track import follow, reach

SEASONS = st.sampled_from([(), (2,), (5,), (2, 4), (3, 7), (2, 3, 6)])
SEEDS = st.integers(0, 2**32 - 1)


@given(SEASONS, st.integers(2, 14), SEEDS)
def test_start_equals_a_loop(seasons, warm_up, seed):
    rng = np.random.default_rng(seed)
    series = [random_series(rng, T) for T in rng.integers(1, 30, 3)]
    smoother = start(padded(series), seasons, warm_up)
    for row, z in enumerate(series):
        slow = SlowSmoother(z, seasons, np.zeros(2 + len(seasons)), warm_up)
        np.testing.assert_allclose(smoother.level[row, 0], slow.level, rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(smoother.trend[row, 0], slow.trend, rtol=1e-11, atol=1e-11)
        for season, expected in zip(smoother.seasons, slow.seasons, strict=True):
            np.testing.assert_allclose(season[:, row, 0], expected, rtol=1e-11, atol=1e-11)


@settings(max_examples=30)
@given(SEASONS, st.integers(1, 9), st.integers(1, 3), SEEDS)
def test_updates_and_paths_equal_a_loop(seasons, horizon, K, seed):
    rng = np.random.default_rng(seed)
    z, warm_up = random_series(rng, int(rng.integers(4, 30))), int(rng.integers(2, 9))
    rates = random_rates(rng, seasons, K)[0][:, None]  # (2 + seasons, 1, K)
    smoother = start(z[None], seasons, warm_up).repeated(K)
    slow = [SlowSmoother(z, seasons, own, warm_up) for own in rates[:, 0].T]
    for t, value in enumerate(z):
        errors = smoother.update(t, np.array([value]), rates)
        expected = [s.update(t, value) for s in slow]
        np.testing.assert_allclose(errors[0], expected, rtol=1e-9, atol=1e-9)
        expected = [[s.forecast(t, k) for s in slow] for k in range(1, horizon + 1)]
        np.testing.assert_allclose([path[0] for path in smoother.path(t, horizon)], expected, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(smoother.forecast(t + 1)[0], expected[0], rtol=1e-9, atol=1e-9)


@given(SEASONS, st.integers(1, 4), st.integers(1, 3), SEEDS)
def test_tracks_and_final_states_equal_a_loop_for_every_length(seasons, N, K, seed):
    rng = np.random.default_rng(seed)
    series = [random_series(rng, T) for T in rng.integers(1, 30, N)]
    drawn = [random_rates(rng, seasons, K) for _ in series]
    rates, shares = np.stack([r for r, _ in drawn], axis=1), np.stack([s for _, s in drawn])
    warm_up, R = int(rng.integers(2, 9)), reach(seasons)
    track, ends = follow(padded(series), lengths_of(series), seasons, rates, shares, warm_up)
    parts = [track.z, track.error, track.level, track.trend, *track.entries]
    for row, z in enumerate(series):
        expected, paths = slow_track(z, seasons, rates[:, row], shares[row], warm_up, 3)
        for part, values in zip(parts, expected, strict=True):
            np.testing.assert_allclose(part[row, R : R + len(z)], values, rtol=1e-9, atol=1e-9)
        assert all(np.isnan(part[row, :R]).all() for part in parts[:4])
        after = [(path[row] * shares[row]).sum() for path in ends.path(len(z) - 1, 3)]
        np.testing.assert_allclose(after, paths[-1], rtol=1e-9, atol=1e-9)


@settings(max_examples=20)
@given(SEASONS, SEEDS)
def test_a_series_alone_equals_the_same_in_a_group_of_others(seasons, seed):
    rng = np.random.default_rng(seed)
    series = [random_series(rng, T) for T in (3, 12, 29)]
    drawn = [random_rates(rng, seasons, 2) for _ in series]
    rates, shares = np.stack([r for r, _ in drawn], axis=1), np.stack([s for _, s in drawn])
    together, ends = follow(padded(series), lengths_of(series), seasons, rates, shares, 6)
    for row, z in enumerate(series):
        alone, end = follow(z[None], np.array([len(z)]), seasons, rates[:, [row]], shares[[row]], 6)
        width = reach(seasons) + len(z)
        np.testing.assert_allclose(together.z[row, :width], alone.z[0], rtol=1e-13)
        np.testing.assert_allclose(together.level[row, :width], alone.level[0], rtol=1e-13)
        np.testing.assert_allclose(ends.level[row], end.level[0], rtol=1e-13)


def test_the_grid_holds_every_combination_of_rates_once():
    grid = rate_grid(2)
    assert len(set(map(tuple, grid.T))) == grid.shape[1] == 7 * 3 * 5 * 5


def test_smoothing_continues_a_series_without_noise():
    t = np.arange(40)
    z = 5 + np.array([1.0, -3.0, 2.0, 0.0])[t % 4]
    smoother = start(z[None], (4,), 8)
    for step in range(40):
        smoother.update(step, z[[step]], np.full((3, 1, 1), 0.3))
    np.testing.assert_allclose([path[0, 0] for path in smoother.path(39, 6)], z[:6], rtol=1e-12)
