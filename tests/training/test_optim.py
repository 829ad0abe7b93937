"""Optimisers follow their papers line by line, each parameter by itself, and clipping scales the whole gradient."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cases import assert_equal

from dilated_rnn_np import optim

SEED = st.integers(0, 2**32 - 1)


def sgd(p, gs, lr, momentum):
    v = 0
    for g in gs:
        v = momentum * v + g
        p = p - lr * v
    return p


def rmsprop(p, gs, lr, decay):
    v = 0
    for g in gs:
        v = decay * v + (1 - decay) * g**2
        p = p - lr * g / (np.sqrt(v) + 1e-8)
    return p


def adam(p, gs, lr, beta1):
    m = v = 0
    for t, g in enumerate(gs, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = 0.999 * v + 0.001 * g**2
        p = p - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return p


@pytest.mark.parametrize(
    ("make", "textbook", "option"),
    [(optim.SGD, sgd, "momentum"), (optim.RMSProp, rmsprop, "decay"), (optim.Adam, adam, "beta1")],
)
@given(steps=st.integers(1, 6), value=st.sampled_from([0.0, 0.5, 0.9]), seed=SEED)
def test_steps_follow_the_paper_for_each_parameter_by_itself(make, textbook, option, steps, value, seed):
    rng = np.random.default_rng(seed)
    params = {"a": rng.standard_normal((2, 3)), "b": rng.standard_normal(4)}
    history = [{name: rng.standard_normal(p.shape) for name, p in params.items()} for _ in range(steps)]
    expected = {name: textbook(p, [grads[name] for grads in history], 0.1, value) for name, p in params.items()}
    live = dict(params)
    optimizer = make(params, lr=0.1, **{option: value})
    for grads in history:
        before = {name: g.copy() for name, g in grads.items()}
        optimizer.step(grads)
        assert_equal(grads, before, 0)
    assert_equal(params, expected, 1e-12)
    assert all(params[name] is live[name] for name in params)  # in place


def test_one_parameter_s_state_is_not_another_s():
    params = {"a": np.ones(2), "b": np.ones(2)}
    optimizer = optim.Adam(params)
    optimizer.step({"a": np.ones(2), "b": np.zeros(2)})
    assert optimizer.state["a"]["v"].all() and not optimizer.state["b"]["v"].any()
    assert (params["b"] == 1).all()


@given(st.floats(0.01, 100), SEED)
def test_clipping_scales_all_gradients_together_and_only_where_the_norm_is_too_large(max_norm, seed):
    rng = np.random.default_rng(seed)
    grads = {"a": rng.standard_normal((2, 3)), "b": rng.standard_normal(4)}
    before = {name: g.copy() for name, g in grads.items()}
    expected = np.sqrt(sum((g**2).sum() for g in grads.values()))
    assert optim.clip_grad_norm(grads, max_norm) == pytest.approx(expected, rel=1e-12)
    assert_equal(grads, {name: g * min(1, max_norm / expected) for name, g in before.items()}, 1e-12)


def test_clipping_a_gradient_of_zeros_leaves_zeros():
    grads = {"a": np.zeros(3, "float32")}
    with np.errstate(all="raise"):
        assert optim.clip_grad_norm(grads, 10.0) == 0 and not grads["a"].any()


def test_clipping_rescues_gradients_whose_squares_overflow():
    grads = {"a": np.full(4, 1e20, "float32")}
    assert optim.clip_grad_norm(grads, 1.0) == pytest.approx(2e20)
    assert_equal(grads["a"], np.full(4, 0.5, "float32"), 1e-6)


def test_a_schedule_is_asked_for_each_step_from_zero_on():
    params, asked = {"a": np.zeros(1)}, []
    optimizer = optim.SGD(params, lr=lambda step: asked.append(step) or 10.0 ** -(step + 1))
    for _ in range(3):
        optimizer.step({"a": np.ones(1)})
    assert asked == [0, 1, 2] and params["a"] == pytest.approx(-0.111)


def test_schedules_fall_as_they_say():
    cosine = [optim.cosine_decay(1.0, 10, final=0.1)(k) for k in range(13)]
    assert cosine[0] == 1 and cosine[10] == cosine[12] == pytest.approx(0.1)
    assert all(a > b for a, b in zip(cosine[:10], cosine[1:11], strict=True))
    warm = optim.warmup(4, optim.step_decay(1.0, 0.5, every=6))
    assert [warm(k) for k in range(8)] == [0.25, 0.5, 0.75, 1, 1, 1, 0.5, 0.5]


def test_float32_parameters_stay_float32_even_with_float64_gradients():
    params = {"a": np.ones(2, "float32")}
    for make in (optim.SGD, optim.RMSProp, optim.Adam):
        optimizer = make(params)
        optimizer.step({"a": np.ones(2)})
        assert params["a"].dtype == np.float32
        assert all(a.dtype == np.float32 for a in optimizer.state["a"].values())
