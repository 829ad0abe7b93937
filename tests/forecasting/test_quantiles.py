"""Quantiles never cross, their gradients are right through a whole net, and their loss is the pinball loss."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dilated_rnn_np as drn
from dilated_rnn_np import gradcheck, losses
from dilated_rnn_np.forecasting.quantiles import QuantileHead, distances

LEVELS = st.sampled_from([(0.5,), (0.1, 0.5), (0.025, 0.5, 0.975), (0.4, 0.6, 0.9), (0.05, 0.25, 0.45, 0.75, 0.95)])
SEEDS = st.integers(0, 2**32 - 1)


def random_head(rng, levels, horizon):
    return QuantileHead(levels, 0.1 + rng.random((horizon, len(levels))))


@given(LEVELS, st.integers(1, 4), st.integers(0, 4), SEEDS)
def test_quantiles_never_cross(levels, horizon, exponent, seed):
    rng = np.random.default_rng(seed)
    output = (10.0**exponent * rng.normal(size=(2, 3, horizon * len(levels)))).astype(np.float32)
    quantiles = random_head(rng, levels, horizon).quantiles(output)
    assert quantiles.shape == (2, 3, horizon, len(levels)) and quantiles.dtype == np.float32
    assert np.isfinite(quantiles).all() and (np.diff(quantiles, axis=-1) >= 0).all()


@given(LEVELS, st.integers(1, 3), SEEDS)
def test_quantiles_equal_their_definition(levels, horizon, seed):
    rng = np.random.default_rng(seed)
    head, output = random_head(rng, levels, horizon), rng.normal(size=(2, horizon * len(levels)))
    found, c = head.quantiles(output), int(np.argmin([abs(level - 0.5) for level in levels]))
    for b in range(2):
        for k in range(horizon):
            o = output[b, k * len(levels) : (k + 1) * len(levels)]
            gaps = [s * np.log(1 + np.exp(v)) for s, v in zip(head.distances[k], o, strict=True)]
            expected = [o[c] + (sum(gaps[c + 1 : j + 1]) if j > c else -sum(gaps[j:c])) for j in range(len(levels))]
            np.testing.assert_allclose(found[b, k], expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=20)
@given(LEVELS, st.integers(1, 3), SEEDS)
def test_backward_equals_central_differences(levels, horizon, seed):
    rng = np.random.default_rng(seed)
    head = random_head(rng, levels, horizon)
    projection = rng.normal(size=(2, 3, horizon, len(levels)))

    def projected(arrays):
        output = arrays["output"]
        return (projection * head.quantiles(output)).sum(), {"output": head.backward(projection, output)}

    gradcheck.check(projected, {"output": rng.normal(size=(2, 3, horizon * len(levels)))}, method="central")


@settings(max_examples=5)
@given(LEVELS, st.sampled_from(["rnn", "lstm", "gru"]), SEEDS)
def test_gradients_of_a_net_with_this_loss_are_right(levels, cell, seed):
    rng = np.random.default_rng(seed)
    h, T, B = 2, 4, 2
    model = drn.DilatedRNN(2, 3, [1, 2], cell, output_size=h * len(levels), readout="all", rng=seed % 1000)
    y, weights = rng.normal(size=(T, B, h)), rng.random((T, B, h)) * (rng.random((T, B, h)) < 0.7)
    x = rng.normal(size=(T, B, 2))
    gradcheck.check(
        model,
        x,
        targets=np.concatenate([y, weights], axis=-1),
        loss=random_head(rng, levels, h),
        method="central",
    )


@given(LEVELS, st.integers(1, 3), SEEDS)
def test_the_loss_is_the_pinball_loss_of_the_quantiles(levels, horizon, seed):
    rng = np.random.default_rng(seed)
    head, Q = random_head(rng, levels, horizon), len(levels)
    output, y = rng.normal(size=(4, 2, horizon * Q)), rng.normal(size=(4, 2, horizon))
    weights = rng.random((4, 2)) + 0.1
    both = np.concatenate([y, np.repeat(weights[..., None], horizon, axis=-1)], axis=-1)
    loss, gradient = head(output, both)
    flat = head.quantiles(output).reshape(4, 2, -1)
    expected, dflat = losses.quantile(flat, y, weights=weights, quantiles=levels)
    np.testing.assert_allclose(loss, Q * expected, rtol=1e-12)
    dq = Q * dflat.reshape(4, 2, horizon, Q)
    np.testing.assert_allclose(gradient, head.backward(dq, output), rtol=1e-11, atol=1e-15)
    assert head.count(output, both) == pytest.approx(horizon * weights.sum())


@given(SEEDS)
def test_targets_without_weight_change_neither_loss_nor_gradient(seed):
    rng = np.random.default_rng(seed)
    head = random_head(rng, (0.1, 0.5, 0.9), 2)
    output, y, weights = rng.normal(size=(4, 2, 6)), rng.normal(size=(4, 2, 2)), rng.random((4, 2, 2))
    weights[rng.random(weights.shape) < 0.5] = 0
    weights[0, 0, 0] = 1
    other = np.where(weights > 0, y, 1e6)
    loss, gradient = head(output, np.concatenate([y, weights], -1))
    found, dfound = head(output, np.concatenate([other, weights], -1))
    assert found == loss
    np.testing.assert_array_equal(dfound, gradient)


def test_a_batch_without_weight_has_no_loss_and_no_gradient():
    head, output = random_head(np.random.default_rng(0), (0.1, 0.5), 2), np.ones((3, 2, 4), np.float32)
    loss, gradient = head(output, np.zeros((3, 2, 4), np.float32))
    assert loss == 0 and (gradient == 0).all() and head.count(output, np.zeros((3, 2, 4))) == 0


@given(LEVELS, st.integers(1, 3), SEEDS)
def test_outputs_of_zero_give_the_distances_between_the_empirical_quantiles(levels, horizon, seed):
    rng = np.random.default_rng(seed)
    errors = 3 * rng.normal(size=(200, horizon)) ** 3
    errors[rng.random(errors.shape) < 0.3] = np.nan
    found = QuantileHead(levels, distances(errors, levels)).quantiles(np.zeros(horizon * len(levels)))
    for k in range(horizon):
        known = errors[~np.isnan(errors[:, k]), k]
        np.testing.assert_allclose(np.diff(found[k]), np.maximum(np.diff(np.quantile(known, levels)), 0.05), rtol=1e-12)


@given(LEVELS, st.integers(0, 19), SEEDS)
def test_few_errors_give_the_distances_of_a_normal_distribution(levels, known, seed):
    errors = np.full((40, 2), np.nan)
    errors[:known] = np.random.default_rng(seed).normal(size=(known, 2))
    found = QuantileHead(levels, distances(errors, levels)).quantiles(np.zeros(2 * len(levels)))
    assert (np.diff(found, axis=-1) > 0).all()
    expected = [NormalDist(sigma=(np.pi / 2) ** 0.5).inv_cdf(level) for level in levels]  # mean absolute value 1
    np.testing.assert_allclose(np.diff(found[0]), np.diff(expected), rtol=0.003)
