"""A training batch depends on the seed and its number alone; its targets are the next values, known ones only."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.slow_forecasts import random_series

from dilated_rnn_np.forecasting import crops
from dilated_rnn_np.forecasting.base import fit_base
from dilated_rnn_np.forecasting.crops import BURN_IN, Crops, target_weights
from dilated_rnn_np.forecasting.features import INPUTS
from dilated_rnn_np.forecasting.following import Followed

H, WARM_UP = 3, 8
SEEDS = st.integers(0, 2**32 - 1)
SEASONS = st.sampled_from([(), (4,), (2, 6)])


def make(series, seasons=(4,), steps=20, batch_size=8, seed=0, base=None):
    base = fit_base(series, seasons, H, WARM_UP)[0] if base is None else base
    group = Followed.of(series, base, seasons, WARM_UP)
    numbers = [1000.0 * i + np.arange(len(y))[:, None] for i, y in enumerate(series)]  # tell the series and the step
    tracks = [group.track_of(row) for row in range(len(series))]
    season = seasons[0] if seasons else 1
    return Crops(series, tracks, numbers, base, season, H, WARM_UP, steps, batch_size, seed)


@settings(max_examples=10)
@given(SEASONS, st.integers(0, 50), SEEDS)
def test_a_batch_depends_on_seed_and_number_alone(seasons, number, seed):
    rng = np.random.default_rng(seed)
    series = [random_series(rng, T) for T in (30, 45)]
    first = make(series, seasons, seed=5)
    for k in rng.integers(0, 60, 3):
        first.batch(int(k))
    again = make(series, seasons, seed=5)
    for a, b, c in zip(first.batch(number), again.batch(number), next(again.starting_at(number)), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
    assert (make(series, seasons, seed=6).batch(number)[0] != first.batch(number)[0]).any()
    assert (first.batch(number + 1)[0] != first.batch(number)[0]).any()


@settings(max_examples=10)
@given(SEASONS, SEEDS)
def test_targets_are_the_next_values_and_only_known_ones_after_the_warm_up_count(seasons, seed):
    rng = np.random.default_rng(seed)
    series = [random_series(rng, T, 0.2) for T in (90, 12, 100)]
    data = make(series, seasons, steps=60, batch_size=6)
    x, both = data.batch(int(rng.integers(100)))
    y, weights = both[..., :H], both[..., H:]
    assert x.shape == (60, 6, INPUTS + 1) and both.shape == (60, 6, 2 * H)
    assert x.dtype == both.dtype == np.float32 and np.isfinite(x).all() and np.isfinite(both).all()
    assert (weights >= 0).all() and (weights > 0).any()
    forecasts = []
    for i, own in enumerate(series):
        group = Followed.of([own], data.base.rows(np.array([i])), seasons, WARM_UP)
        forecasts.append(np.einsum("j,jtk->tk", data.base.mix[i], group.track.candidates(H)[:, 0]))
    for b in range(6):
        i, start = divmod(round(float(x[0, b, -1])), 1000)
        z, expected = data.z[i], np.zeros((2, 60, H))
        for n in range(60):
            for k in range(H):
                t, target = start + n, start + n + k + 1
                known = target < len(z) and not np.isnan(z[target])
                if known and t + 1 >= WARM_UP and (start == 0 or n >= BURN_IN):
                    expected[0, n, k] = (z[target] - forecasts[i][t, k]) / data.base.sigma[i]
                    expected[1, n, k] = data.weights[i][target]
        np.testing.assert_allclose(weights[:, b], expected[1], rtol=1e-5)
        counted = expected[1] > 0
        np.testing.assert_allclose(y[:, b][counted], expected[0][counted], rtol=1e-5, atol=1e-4)


@pytest.fixture
def no_noise(monkeypatch):
    monkeypatch.setattr(crops, "NOISE", 0)


@pytest.mark.parametrize("seasons", [(), (4,), (2, 6)])
def test_inputs_do_not_see_later_values(no_noise, seasons):
    rng = np.random.default_rng(7)
    y = random_series(rng, 60, 0)
    base = fit_base([y], seasons, H, WARM_UP)[0]
    for t in (WARM_UP - 1, 20, 58):
        changed = y.copy()
        changed[t + 1 :] += 5
        ours, others = (make([v], seasons, 60, 1, base=base).batch(0) for v in (y, changed))
        np.testing.assert_array_equal(ours[0][: t + 1], others[0][: t + 1])
        assert (ours[0][t + 1] != others[0][t + 1]).any()
        assert (ours[1][t] != others[1][t]).any()


def test_a_series_that_ends_before_its_targets_is_never_drawn():
    rng = np.random.default_rng(8)
    short, long = random_series(rng, WARM_UP), random_series(rng, 30)
    data = make([short, long], steps=10)
    assert data.rows.tolist() == [1]
    assert len(make([short]).rows) == 0


def test_every_batch_has_a_known_target():
    y = np.full(70, np.nan)
    y[:WARM_UP], y[-1] = np.arange(WARM_UP), 9  # the only target: the last value, in the last of eleven crops
    data = make([y], (), steps=60, batch_size=1)
    for k in range(30):
        assert data.batch(k)[1][..., H:].any()


def test_crops_start_anywhere_in_a_series():
    data = make([random_series(np.random.default_rng(9), 25)], steps=22, batch_size=8)
    assert data.batch_size == 4  # only four crops are different
    starts = {int(step) for k in range(20) for step in data.batch(k)[0][0, :, -1].round()}
    assert starts == {0, 1, 2, 3}


def test_noise_is_added_to_inputs_and_not_to_targets(monkeypatch):
    series = [random_series(np.random.default_rng(10), 40)]
    x, both = make(series).batch(3)
    monkeypatch.setattr(crops, "NOISE", 0)
    clean, same = make(series).batch(3)
    np.testing.assert_array_equal(both, same)
    assert (x - clean)[..., :-1].std() == pytest.approx(0.1, rel=0.1)
    np.testing.assert_array_equal(x[..., -1], clean[..., -1])


@given(SEEDS)
def test_weights_approximate_the_relative_errors_of_smape_and_mase(seed):
    rng = np.random.default_rng(seed)
    series = [50 + random_series(rng, 40, 0) / 5, 10 + random_series(rng, 30, 0) / 10]
    base = fit_base(series, (4,), H, WARM_UP)[0]
    weights = target_weights(series, base, 4)
    smape = np.concatenate([2 * abs(y[4:] - y[:-4]) / (abs(y[4:]) + abs(y[:-4])) for y in series]).mean()
    assert np.median(np.concatenate(weights)) == pytest.approx(1)
    found = []
    for i, y in enumerate(series):
        step = 1e-6  # in sigma: the change of the value, relative to the errors of the seasonal naive forecast
        z = np.arcsinh(y / base.scale[i])
        dy = abs(base.scale[i] * np.sinh(z + step * base.sigma[i]) - y) / step
        dz = base.sigma[i]
        found.append(dz / smape + dy / abs(y[4:] - y[:-4]).mean())
    expected = np.concatenate(found)
    np.testing.assert_allclose(np.concatenate(weights), expected / np.median(expected), rtol=1e-4)


def test_weights_of_constant_and_short_series_are_finite():
    series = [np.full(20, 3.0), np.zeros(20), np.array([5.0])]
    base = fit_base(series, (4,), H, 2)[0]
    assert all(np.isfinite(w).all() and (w > 0).all() for w in target_weights(series, base, 4))
