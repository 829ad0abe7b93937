"""Losses are the mean over the counted positions, and their gradients pass both checks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cases import assert_equal

from dilated_rnn_np.analysis.gradcheck import check
from dilated_rnn_np.training.losses import mean_squared_error, softmax_cross_entropy

SMALL = st.integers(1, 4)
SEED = st.integers(0, 2**32 - 1)


def drawn(T, B, O, seed, which):
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((T, B, O))
    lengths = rng.integers(1, T + 1, B) if which in ("lengths", "both") else None
    mask = rng.random((T, B)) < 0.7 if which in ("mask", "both") else None
    if mask is not None:
        mask[0] = True
    counted = np.ones((T, B), bool) if mask is None else mask.copy()
    if lengths is not None:
        counted &= np.arange(T)[:, None] < lengths
    return rng, logits, lengths, mask, counted


def as_function(loss, *arguments):
    """The loss as a function from a dict of arrays to value and gradients, as the check takes it."""

    def function(arrays):
        value, gradient = loss(arrays["outputs"], *arguments)
        return value, {"outputs": gradient}

    return function


WHICH = st.sampled_from(["all", "lengths", "mask", "both"])


@given(SMALL, SMALL, SMALL, SEED, WHICH)
def test_cross_entropy_is_the_mean_over_counted_positions(T, B, O, seed, which):
    rng, logits, lengths, mask, counted = drawn(T, B, O, seed, which)
    targets = rng.integers(0, O, (T, B))
    loss, dlogits = softmax_cross_entropy(logits, targets, lengths, mask)
    each = [-np.log(np.exp(logits[t, b, targets[t, b]]) / np.exp(logits[t, b]).sum()) for t, b in np.argwhere(counted)]
    assert loss == pytest.approx(np.mean(each), rel=1e-12, abs=1e-15)
    assert not dlogits[~counted].any()
    if O > 1:  # with one class the gradient is 0
        check(as_function(softmax_cross_entropy, targets, lengths, mask), {"outputs": logits}, rng=seed)


@given(SMALL, SMALL, SMALL, SEED, WHICH)
def test_squared_error_is_the_mean_over_counted_positions(T, B, O, seed, which):
    rng, outputs, lengths, mask, counted = drawn(T, B, O, seed, which)
    targets = rng.standard_normal((T, B, O))
    loss, doutputs = mean_squared_error(outputs, targets, lengths, mask)
    assert loss == pytest.approx(((outputs - targets)[counted] ** 2).mean(), rel=1e-12)
    assert not doutputs[~counted].any()
    check(as_function(mean_squared_error, targets, lengths, mask), {"outputs": outputs}, rng=seed)


@pytest.mark.parametrize("shift", [0, 1e4, -1e4])
def test_cross_entropy_does_not_change_when_all_logits_shift(shift):
    logits = np.array([[1.0, 2.0, 3.0]])
    loss, dlogits = softmax_cross_entropy(logits + shift, np.array([0]))
    expected, dexpected = softmax_cross_entropy(logits, np.array([0]))
    assert loss == pytest.approx(expected, rel=1e-9)
    assert_equal(dlogits, dexpected, 1e-9)


def test_targets_that_do_not_count_may_be_any_number():
    logits = np.zeros((2, 1, 3))
    loss, _ = softmax_cross_entropy(logits, np.array([[1], [-1]]), mask=np.array([[True], [False]]))
    assert loss == pytest.approx(np.log(3))
    wild = np.array([[[1.0]], [[np.nan]]])
    loss, gradient = mean_squared_error(np.zeros((2, 1, 1)), wild, lengths=[1])
    assert loss == 1 and np.isfinite(gradient).all()


@pytest.mark.parametrize("loss", [softmax_cross_entropy, mean_squared_error])
def test_losses_keep_the_dtype_and_leave_their_arguments(loss):
    for dtype in ("float32", "float64", "complex128"):
        outputs = np.ones((2, 3, 4), dtype)
        targets = np.zeros((2, 3), int) if loss is softmax_cross_entropy else np.zeros((2, 3, 4), "float64")
        value, gradient = loss(outputs, targets, [1, 2, 2])
        assert value.dtype == gradient.dtype == dtype
        assert (outputs == 1).all() and not targets.any()
