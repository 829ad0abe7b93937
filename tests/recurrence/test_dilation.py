"""Dilation: which steps interact, and phases as separate sequences."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cases import Case, assert_equal

from dilated_rnn_np import DilatedRNN, exponential_dilations

CELL = st.sampled_from(["rnn", "lstm", "gru"])
SEED = st.integers(0, 2**32 - 1)


def plain_rnn(params, x):
    """Elman's net as in any textbook: h_t = tanh(W_x x_t + W_h h_{t-1} + b)."""
    h, hs = np.zeros((x.shape[1], len(params["layers.0.b"]))), []
    for x_t in x:
        h = np.tanh(x_t @ params["layers.0.W_x"].T + h @ params["layers.0.W_h"].T + params["layers.0.b"])
        hs.append(h)
    return np.stack(hs)


@given(st.integers(1, 12), st.integers(1, 3), st.integers(1, 4), SEED)
def test_dilation_one_is_a_plain_rnn(T, B, H, seed):
    model = DilatedRNN(2, H, [1], dtype="float64", rng=seed)
    x = np.random.default_rng(seed).standard_normal((T, B, 2))
    assert_equal(model.forward(x)[0], plain_rnn(model.params, x), 1e-12)


@given(st.integers(1, 12), st.integers(1, 6), CELL, SEED)
def test_a_dilated_layer_runs_each_phase_as_a_sequence_of_its_own(T, d, cell, seed):
    dilated = DilatedRNN(2, 3, [d], cell, dtype="float64", rng=seed)
    plain = DilatedRNN(2, 3, [1], cell, dtype="float64", rng=seed)
    x = np.random.default_rng(seed).standard_normal((T, 2, 2))
    output = dilated.forward(x)[0]
    for phase in range(min(d, T)):
        assert_equal(output[phase::d], plain.forward(x[phase::d])[0], 1e-12)


@given(st.integers(1, 8), CELL, SEED)
def test_a_dilation_larger_than_the_sequence_means_no_recurrence(T, cell, seed):
    model = DilatedRNN(2, 3, [T + 5], cell, dtype="float64", rng=seed)
    x = np.random.default_rng(seed).standard_normal((T, 2, 2))
    each = np.concatenate([model.forward(x[t : t + 1])[0] for t in range(T)])
    assert_equal(model.forward(x)[0], each, 1e-12)


def reachable(dilations, T):
    """The spans n for which n = k_1 d_1 + … + k_L d_L with whole k >= 0, by enumeration."""
    ranges = [range(T // d + 1) for d in dilations]
    return {n for ks in itertools.product(*ranges) if (n := sum(k * d for k, d in zip(ks, dilations, strict=True))) < T}


@given(st.integers(1, 14), st.lists(st.integers(1, 6), min_size=1, max_size=3), CELL, SEED)
def test_gradient_at_the_last_step_reaches_exactly_the_inputs_the_dilations_allow(T, dilations, cell, seed):
    case = Case(T, 1, 2, [3] * len(dilations), dilations, cell, "last", None, False, False, seed, scale=0.5)
    output, _, cache = case.model.forward(case.x)
    doutput = np.zeros_like(output)
    doutput[-1] = 1
    dx, _, _ = case.model.backward(doutput, cache)
    reached = {T - 1 - t for t in range(T) if dx[t].any()}
    assert reached == reachable(dilations, T)


@given(st.integers(2, 4), st.integers(1, 3), st.integers(1, 12), SEED)
def test_steps_of_different_residues_meet_only_in_the_fusion_layer(K, layers, T, seed):
    dilations = exponential_dilations(layers, base=2)
    dilations = [K * d for d in dilations]
    bare = Case(T, 1, 1, [2] * layers, dilations, "rnn", "last", None, False, False, seed, scale=0.5).model
    fused = Case(T, 1, 1, [2] * layers, dilations, "rnn", "last", 2, False, False, seed, scale=0.5).model
    assert bare.width == fused.width == math.gcd(*dilations)
    x = np.random.default_rng(seed).standard_normal((T, 1, 1))

    output, _, cache = bare.forward(x)
    doutput = np.zeros_like(output)
    doutput[-1] = 1
    dx, _, _ = bare.backward(doutput, cache)
    assert all(bool(dx[t].any()) == ((T - 1 - t) % K == 0) for t in range(T))

    output, _, cache = fused.forward(x)
    dx, _, _ = fused.backward(np.ones_like(output), cache)
    assert all(dx[t].any() for t in range(T))  # every residue is among the newest K steps


def test_fusion_layer_weighs_the_newest_step_with_the_last_column_block():
    model = DilatedRNN(1, 2, [3, 6], output_size=1, readout="all", dtype="float64", rng=0)
    bare = DilatedRNN(1, 2, [3, 6], dtype="float64", rng=0)
    x = np.random.default_rng(0).standard_normal((7, 1, 1))
    h = np.concatenate([np.zeros((2, 1, 2)), bare.forward(x)[0]])  # zeros before the start
    W = model.params["readout.W"].reshape(3, 2)  # (K, H)
    expected = [sum(W[k] @ h[t + k, 0] for k in range(3)) for t in range(7)]
    assert_equal(model.forward(x)[0][:, 0, 0], np.array(expected), 1e-12)


@pytest.mark.parametrize(("base", "start", "expected"), [(2, 0, [1, 2, 4, 8]), (3, 1, [3, 9, 27, 81]), (1, 0, [1] * 4)])
def test_exponential_dilations_are_powers_of_the_base(base, start, expected):
    assert exponential_dilations(4, base, start) == expected


def test_dilations_longer_than_any_array_are_refused():
    assert exponential_dilations(63)[-1] == 2**62 and exponential_dilations(1, start=62) == [2**62]
    assert exponential_dilations(100, base=1) == [1] * 100
    for arguments in ((64,), (1, 2, 63), (41, 3), (2, 2**63), (10**9, 2, 10**30)):
        with pytest.raises(ValueError, match=r"give a dilation of 2\*\*63 or more"):
            exponential_dilations(*arguments)
