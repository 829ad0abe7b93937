"""Optimisers equal their papers' equations for each parameter, and clipping scales the whole gradient."""

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


def adamw(p, gs, lr, weight_decay):
    m = v = 0
    for t, g in enumerate(gs, start=1):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        p = p * (1 - lr * weight_decay) - lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return p


@pytest.mark.parametrize(
    ("make", "textbook", "option"),
    [
        (optim.SGD, sgd, "momentum"),
        (optim.RMSProp, rmsprop, "decay"),
        (optim.Adam, adam, "beta1"),
        (optim.AdamW, adamw, "weight_decay"),
    ],
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


def test_the_state_of_one_parameter_is_not_shared_with_another():
    params = {"a": np.ones(2), "b": np.ones(2)}
    optimizer = optim.Adam(params)
    optimizer.step({"a": np.ones(2), "b": np.zeros(2)})
    assert optimizer.state["a"]["v"].all() and not optimizer.state["b"]["v"].any()
    assert (params["b"] == 1).all()


def test_weight_decay_does_not_pass_through_adam_s_moments():
    params = {"a": np.full(3, 2.0)}
    optimizer = optim.AdamW(params, lr=0.1, weight_decay=0.5)
    optimizer.step({"a": np.zeros(3)})
    assert params["a"] == pytest.approx(1.9)
    assert not optimizer.state["a"]["m"].any() and not optimizer.state["a"]["v"].any()
    assert optim.get_optimizer("adamw", params, 0.1, weight_decay=0.5).options() == optimizer.options()


@pytest.mark.parametrize("name", sorted(optim.OPTIMIZERS))
def test_a_read_only_parameter_is_refused_before_any_other_changes(name):
    params = {"a": np.ones(2), "b": np.ones(2)}
    optimizer = optim.get_optimizer(name, params, 0.1)
    params["b"].flags.writeable = False
    with pytest.raises(ValueError, match=r"params\['b'\] is read-only"):
        optimizer.step({"a": np.ones(2), "b": np.ones(2)})
    assert (params["a"] == 1).all() and optimizer.steps == 0
    assert not any(array.any() for slots in optimizer.state.values() for array in slots.values())


def test_an_update_that_fails_changes_no_parameter():
    class Failing(optim.SGD):
        def update(self, p, g, lr, v):
            if g[0] > 1:
                raise ArithmeticError
            return super().update(p, g, lr, v)

    params = {"a": np.ones(2), "b": np.ones(2)}
    with pytest.raises(ArithmeticError):
        Failing(params).step({"a": np.ones(2), "b": np.full(2, 2.0)})
    assert (params["a"] == 1).all() and (params["b"] == 1).all()


def test_parameters_that_are_no_floats_are_refused():
    for wrong in (np.ones(2, int), [1.0, 2.0], np.ones(2, np.float16)):
        with pytest.raises(TypeError, match=r"params\['b'\] must be an array of floats, .*, got (int64|list|float16)"):
            optim.SGD({"a": np.ones(2), "b": wrong})


@given(st.floats(0.01, 100), SEED)
def test_clipping_scales_all_gradients_by_one_factor_and_only_above_the_largest_norm(max_norm, seed):
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


def test_gradients_whose_squares_underflow_keep_their_norm_and_their_values():
    grads = {"a": np.full(4, 1e-30, "float32")}
    assert optim.clip_grad_norm(grads, 1.0) == pytest.approx(2e-30)
    assert (grads["a"] == np.float32(1e-30)).all()


def test_a_schedule_is_called_once_per_step_from_zero_on():
    params, asked = {"a": np.zeros(1)}, []
    optimizer = optim.SGD(params, lr=lambda step: asked.append(step) or 10.0 ** -(step + 1))
    for _ in range(3):
        optimizer.step({"a": np.ones(1)})
    assert asked == [0, 1, 2] and params["a"] == pytest.approx(-0.111)


def test_a_cosine_may_end_at_a_learning_rate_of_zero():
    params = {"a": np.ones(1)}
    optimizer = optim.SGD(params, lr=optim.cosine_decay(0.1, 3, final=0))
    for _ in range(5):
        before = params["a"].copy()
        optimizer.step({"a": np.ones(1)})
    assert optimizer.learning_rate() == 0 and params["a"] == before


@pytest.mark.parametrize("rate", [-1e-9, np.nan, np.inf])
def test_a_schedule_of_wrong_rates_is_refused_and_names_the_step(rate):
    optimizer = optim.SGD({"a": np.ones(1)}, lr=lambda step: rate if step else 0.1)
    optimizer.step({"a": np.ones(1)})
    with pytest.raises(ValueError, match="lr at step 1 must be a finite number of at least 0"):
        optimizer.step({"a": np.ones(1)})


def test_schedules_have_the_documented_values():
    cosine = [optim.cosine_decay(1.0, 10, final=0.1)(k) for k in range(13)]
    assert cosine[0] == 1 and cosine[10] == cosine[12] == pytest.approx(0.1)
    assert all(a > b for a, b in zip(cosine[:10], cosine[1:11], strict=True))
    warm = optim.warmup(4, optim.step_decay(1.0, 0.5, every=6))
    assert [warm(k) for k in range(8)] == [0.25, 0.5, 0.75, 1, 1, 1, 0.5, 0.5]


def test_float32_parameters_stay_float32_even_with_float64_gradients():
    params = {"a": np.ones(2, "float32")}
    for make in optim.OPTIMIZERS.values():
        optimizer = make(params)
        optimizer.step({"a": np.ones(2)})
        assert params["a"].dtype == np.float32
        assert all(a.dtype == np.float32 for a in optimizer.state["a"].values())
