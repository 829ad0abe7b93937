"""The forecasts of all methods at every step equal their formulas, from the first step of a series on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.slow_forecasts import random_rates, random_series, slow_methods, slow_track

from dilated_rnn_np.forecasting.ragged import lengths_of, padded
from dilated_rnn_np.forecasting.track import advance, candidate_names, follow, reach

SEASONS = st.sampled_from([(), (2,), (5,), (2, 4), (3, 7), (2, 3, 6)])
SEEDS = st.integers(0, 2**32 - 1)


def random_track(rng, seasons, lengths, K=2, warm_up=6):
    series = [random_series(rng, T) for T in lengths]
    drawn = [random_rates(rng, seasons, K) for _ in series]
    rates, shares = np.stack([r for r, _ in drawn], axis=1), np.stack([s for _, s in drawn])
    return series, rates, shares, *follow(padded(series), lengths_of(series), seasons, rates, shares, warm_up)


@pytest.mark.parametrize("horizon", (1, 4, 17))
@settings(max_examples=15)
@given(SEASONS, SEEDS)
def test_candidates_equal_their_formulas(horizon, seasons, seed):
    rng = np.random.default_rng(seed)
    series, rates, shares, track, _ = random_track(rng, seasons, rng.integers(1, 35, 2))
    candidates = track.candidates(horizon)
    for row, z in enumerate(series):
        (values, *_), smoothing = slow_track(z, seasons, rates[:, row], shares[row], 6, horizon)
        expected = slow_methods(values, seasons, smoothing)
        assert tuple(expected) == candidate_names(seasons)
        for path, (name, by_formula) in zip(candidates, expected.items(), strict=True):
            np.testing.assert_allclose(path[row, : len(z)], by_formula, rtol=1e-9, atol=1e-9, err_msg=name)


@settings(max_examples=20)
@given(SEASONS, SEEDS)
def test_a_part_of_a_track_forecasts_like_the_whole(seasons, seed):
    rng = np.random.default_rng(seed)
    _, _, _, track, _ = random_track(rng, seasons, (20, 30))
    whole = track.candidates(5)
    starts = rng.integers(0, 12, 2)
    part = track.cut(np.array([1, 0]), starts, 7)
    assert part.steps == 7
    for row, own in enumerate((1, 0)):
        np.testing.assert_array_equal(part.candidates(5)[:, row], whole[:, own, starts[row] : starts[row] + 7])
    np.testing.assert_array_equal(track.last().candidates(5)[:, :, 0], whole[:, :, -1])


@settings(max_examples=20)
@given(SEASONS, SEEDS)
def test_an_appended_step_equals_a_longer_series(seasons, seed):
    rng = np.random.default_rng(seed)
    T = int(rng.integers(7, 30))
    (z, *_), rates, shares, whole, _ = random_track(rng, seasons, (T,))
    track, smoother = follow(z[None, :-1], np.array([T - 1]), seasons, rates, shares, 6)
    last = track.last()
    last.append(advance(smoother, T - 1, z[-1:], rates, shares))
    assert last.z.shape == (1, reach(seasons) + 1)
    np.testing.assert_allclose(last.candidates(4)[:, 0, 0], whole.candidates(4)[:, 0, -1], rtol=1e-12)


@settings(max_examples=20)
@given(SEASONS, SEEDS)
def test_forecasts_do_not_see_later_values(seasons, seed):
    rng = np.random.default_rng(seed)
    (z, *_), rates, shares, track, _ = random_track(rng, seasons, (25,))
    t = int(rng.integers(5, 24))  # the smoothing starts from the first 6 values
    changed = z.copy()
    changed[t + 1 :] += 100
    other, _ = follow(changed[None], np.array([25]), seasons, rates, shares, 6)
    np.testing.assert_array_equal(track.candidates(4)[:, :, : t + 1], other.candidates(4)[:, :, : t + 1])
    assert (track.candidates(4)[:, :, -1] != other.candidates(4)[:, :, -1]).any()
