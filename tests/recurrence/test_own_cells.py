"""Cells of one's own that use the freedom of the protocol: undefined at 0, gradients that are the number 0, models inside."""

import numpy as np
import pytest
from support.cases import assert_equal

import dilated_rnn_np as drn


class UnitLength(drn.Cell):
    """``h = a / |a|``, whose derivative is not defined at a = 0."""

    name, gates = "unit length", ("h",)

    def forward(self, a, previous):
        length = np.sqrt((a[0] * a[0]).sum(axis=0, keepdims=True))
        h = a[0] / length
        return (h,), (h, length)

    def backward(self, dstate, cache):
        (h, length), (dh,) = cache, dstate
        return ((dh - h * (h * dh).sum(axis=0, keepdims=True)) / length,), (0,)


def test_steps_past_a_row_s_end_influence_no_gradient_even_where_the_cell_is_undefined():
    model = drn.DilatedRNN(1, 3, [2], UnitLength(), dtype="float64", rng=0)
    x = np.random.default_rng(0).standard_normal((4, 2, 1))
    with np.errstate(all="ignore"):  # the ended row runs on zeros
        output, _, cache = model.forward(x, lengths=[4, 1])
        dx, _, grads = model.backward(np.ones_like(output), cache)
    alone = [model.forward(x[:n, b : b + 1]) for b, n in ((0, 4), (1, 1))]
    shares = [model.backward(np.ones_like(output), cache)[2] for output, _, cache in alone]
    assert_equal(grads, {name: shares[0][name] + shares[1][name] for name in grads})
    assert not dx[1:, 1].any()


class TwoStates(drn.Cell):
    """Changes its incoming gradients as arrays, although its own gradient of the previous state is the number 0."""

    name, gates, state = "two states", ("h",), ("h", "m")

    def forward(self, a, previous):
        h = np.tanh(a[0])
        return (h, 2 * h), (h,)

    def backward(self, dstate, cache):
        (dh, dm), (h,) = dstate, cache
        dm = dm.copy()
        dm *= 2
        return ((dh + dm) * (1 - h * h),), (0, 0)


def test_a_cell_receives_arrays_where_it_returned_the_number_0():
    drn.gradcheck.check(drn.DilatedRNN(2, 3, [1, 2], TwoStates(), output_size=1))


class Hypernetwork(drn.Cell):
    """A cell with a whole model inside, whose passes run on the outer pass's threads."""

    name, gates = "hypernetwork", ("h",)

    def __init__(self, inner):
        self.inner = inner

    def forward(self, a, previous):
        output, _, cache = self.inner.forward(a[0].T[None])  # (H, w) -> (1, w, H)
        return (output[0].T.copy(),), (cache,)

    def backward(self, dstate, cache):
        dx, _, _ = self.inner.backward(dstate[0].T[None], cache[0])
        return (dx[0].T.copy(),), (0,)


@pytest.mark.timeout(60)
def test_a_model_inside_a_cell_runs_on_the_threads_of_the_outer_pass(monkeypatch):
    inner = drn.DilatedRNN(4, 4, [1], dtype="float64", rng=1)
    model = drn.DilatedRNN(2, 4, [2], Hypernetwork(inner), dtype="float64", rng=0)
    x = np.random.default_rng(0).standard_normal((6, 8, 2))

    def run(threads):
        before = drn.get_num_threads()
        drn.set_num_threads(threads)
        try:
            output, _, cache = model.forward(x)
            return output, *model.backward(np.ones_like(output), cache)
        finally:
            drn.set_num_threads(before)

    alone = run(1)
    monkeypatch.setattr("dilated_rnn_np.nets.dilated_layer.WORTH_A_THREAD", 0)  # the outer layer in two parts
    assert_equal(run(2), alone)


def test_a_cache_is_refused_by_a_model_whose_cell_of_the_same_class_has_other_settings():
    class Scaled(drn.Cell):
        name, gates = "scaled", ("h",)

        def __init__(self, factor):
            self.factor = factor

        def forward(self, a, previous):
            h = np.tanh(self.factor * a[0])
            return (h,), (h,)

        def backward(self, dstate, cache):
            return (dstate[0] * self.factor * (1 - cache[0] ** 2),), (0,)

    one, other = (drn.DilatedRNN(1, 3, [1], Scaled(factor)) for factor in (1.0, 5.0))
    output, _, cache = one.forward(np.ones((4, 2, 1), "float32"))
    with pytest.raises(ValueError, match="cache is of another model"):
        other.backward(output, cache)
    one.to("numpy").backward(output, cache)
