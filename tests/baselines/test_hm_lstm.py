"""The hierarchical multiscale LSTM: its estimated gradient, the effect of its boundaries, and its annealed slope."""

import numpy as np
import pytest
from support.cases import assert_equal

from dilated_rnn_np import fit, gradcheck, load, memory, optim
from dilated_rnn_np.baselines import HMLSTM, reference


def model_and_input(seed, levels=3, D=2, H=3, T=12, **options):
    rng = np.random.default_rng(seed)
    model = HMLSTM(D, H, levels, dtype="float64", rng=rng, **options)
    return model, rng.standard_normal((T, 1, D)), rng


def straight_through(z):
    """The step with a derivative of 1: the imaginary part, which carries the derivative, passes unchanged."""
    return (z.real > 0.5) + 1j * z.imag


@pytest.mark.parametrize("seed", range(8))
def test_backward_is_the_straight_through_estimate_of_the_naive_loops(seed):
    """The derivative of the step is 0, so a difference quotient cannot show this; a complex step that passes it can."""
    model, x, rng = model_and_input(seed, slope=0.3 + 0.4 * seed)  # some detectors are saturated, some are not
    output, (state,), cache = model.forward(x)
    u = rng.standard_normal(output.shape)
    dx, _, grads = model.backward(u, cache)
    arrays = {name.removeprefix("layers.0."): a for name, a in model.params.items()} | {"x": x[:, 0]}
    gradients = {name.removeprefix("layers.0."): g for name, g in grads.items()} | {"x": dx[:, 0]}
    for name, gradient in gradients.items():
        direction = rng.standard_normal(gradient.shape)
        moved = arrays | {name: arrays[name] + 1e-30j * direction}
        hs = reference.hm_lstm(moved, moved["x"], model.levels, model.slope, straight_through)
        assert_equal(hs.real, output[:, 0])
        derivative = (u[:, 0] * hs).sum().imag / 1e-30
        size = np.linalg.norm(gradient) * np.linalg.norm(direction)
        assert abs((gradient * direction).sum() - derivative) <= 1e-12 * size, name


def test_no_difference_quotient_agrees_with_the_estimate():
    model, x, _ = model_and_input(0)
    for method in ("complex", "central"):
        with pytest.raises(AssertionError, match="is wrong"):
            gradcheck.check(model, x, method=method)


def test_copy_update_and_flush_all_happen_and_act_as_named():
    seen = set()
    for seed in range(5):
        model, x, _ = model_and_input(seed, T=30)
        state = model.zero_state(1)
        for x_t in x:
            (h_prev, c_prev, z_prev), (_, (new,)) = state[0], model.step(x_t, state)
            h, c, z = new
            assert set(np.unique(z)) <= {0.0, 1.0}
            for l in range(1, 3):
                own, flushes, reached = slice(3 * l, 3 * l + 3), l < 2 and z_prev[0, 0, l], z[0, 0, l - 1]
                same = (h[..., own] == h_prev[..., own]).all() and (c[..., own] == c_prev[..., own]).all()
                if not flushes and not reached:
                    seen.add("copy")
                    assert same
                else:
                    seen.add("flush" if flushes else "update")
                    assert not same
                if flushes:  # the new state does not depend on the old cell
                    other = [(h_prev, np.where(np.arange(9) // 3 == l, 7.0, c_prev), z_prev)]
                    assert_equal(model.step(x_t, other)[1][0][1][..., own], c[..., own], 0)
            state = [new]
    assert seen == {"copy", "update", "flush"}


def test_activations_show_the_boundaries_of_each_step():
    model, x, _ = model_and_input(4)
    state, seen = None, []
    for x_t in x:
        _, state = model.step(x_t, state)
        seen.append(state[0][2][0])
    shown = memory.activations(model, x)[0]["z"]
    assert shown.shape == (12, 1, 2)
    assert_equal(shown, np.array(seen), 0)


def test_the_slope_changes_the_estimated_gradient_but_not_the_output():
    model, x, _ = model_and_input(1)
    output, _, cache = model.forward(x)
    _, _, gentle = model.backward(np.ones_like(output), cache)
    assert model.anneal(50) == 3
    steeper, _, new_cache = model.forward(x)
    _, _, steep = model.backward(np.ones_like(output), new_cache)
    assert_equal(steeper, output, 0)
    assert any((steep[name] != gentle[name]).any() for name in gentle)
    with pytest.raises(ValueError, match="cache is of another model"):
        model.backward(np.ones_like(output), cache)


def test_checkpoints_keep_the_slope_and_copies_are_independent(tmp_path):
    model, _, _ = model_and_input(2, output_size=2)
    twin = model.astype("float32")
    model.anneal(10)
    model.save(tmp_path / "model.npz")
    assert load(tmp_path / "model.npz").slope == model.slope == 1.4
    assert twin.slope == 1


def test_an_annealed_run_that_is_resumed_ends_in_the_same_bits(tmp_path):
    def run(steps, **options):
        model, x, _ = model_and_input(3, output_size=1)

        def batches():
            for epoch in range(100):
                model.anneal(epoch)
                yield from [(x, np.ones((1, 1)))] * 4

        fit(model, batches(), optim.Adam(model.params), steps, loss="mean_squared_error", progress=False, **options)
        return model

    whole = run(12)
    run(5, checkpoint=tmp_path / "run.npz")
    resumed = run(12, checkpoint=tmp_path / "run.npz", resume=True)
    assert resumed.slope == whole.slope == 1.08
    assert_equal(dict(resumed.params), dict(whole.params), 0)
