"""The gradient check passes right gradients to 1e-12, and catches and names every planted error."""

import numpy as np
import pytest
from hypothesis import given, settings
from support.cases import Case, assert_equal, cases

from dilated_rnn_np import DilatedRNN, losses, reference
from dilated_rnn_np.analysis.gradcheck import check
from dilated_rnn_np.nets import dilated_layer
from dilated_rnn_np.nets.readout import Readout
from dilated_rnn_np.recurrence import scan
from dilated_rnn_np.recurrence.cells import GRU, LSTM, RNN, Cell


class IdentityReLU(Cell):
    """An identity-initialised ReLU RNN (Le, Jaitly and Hinton 2015), written as a user's own cell."""

    name, gates = "irnn", ("h",)

    def forward(self, a, previous):
        h = a[0] * (a[0].real > 0)
        return (h,), (h,)

    def backward(self, dstate, cache):
        return (dstate[0] * (cache[0].real > 0),), (0,)

    def initialise(self, params, rng):
        params["W_h"][...] = np.eye(*params["W_h"].shape)


class Peephole(Cell):
    """An invented cell with two state arrays, two split gates and recurrent biases: it uses the whole cell protocol."""

    name, gates, state = "peephole", ("u", "v", "w"), ("h", "c")
    split, recurrent_bias = ("u", "w"), True

    def forward(self, a, previous):
        (a_u, a_v, a_w, a_uh, a_wh), (h_prev, c_prev) = a, previous
        c = c_prev * np.tanh(a_v) + a_u * a_uh
        h = np.tanh(c + a_w * a_wh) + h_prev / 2
        return (h, c), (a, np.tanh(a_v), c_prev, np.tanh(c + a_w * a_wh))

    def backward(self, dstate, cache):
        (dh, dc), ((a_u, _, a_w, a_uh, a_wh), v, c_prev, y) = dstate, cache
        ds = dh * (1 - y * y)
        dc = dc + ds
        da_v = dc * c_prev * (1 - v * v)
        return (dc * a_uh, da_v, ds * a_wh, dc * a_u, ds * a_w), (dh / 2, dc * v)


# ---------------------------------------------------------------------- right gradients pass


@settings(max_examples=30)
@given(cases(most=7))
def test_every_net_passes_by_complex_step_and_by_central_differences(case):
    check(case.model, case.x, case.state, case.lengths, rng=case.seed)


@pytest.mark.parametrize("cell", [IdentityReLU(), Peephole()], ids=lambda cell: cell.name)
@settings(max_examples=15)
@given(case=cases(most=7))
def test_a_user_defined_cell_passes_when_dilated_and_stacked(cell, case):
    case = Case(**{**{f: getattr(case, f) for f in case.__dataclass_fields__}, "cell": cell, "scale": 0.4})
    check(case.model, case.x, case.state, case.lengths, method="complex", rng=case.seed)


def test_a_cell_s_own_initialisation_is_applied():
    model = DilatedRNN(2, 3, [1, 2], IdentityReLU())
    assert (model.params["layers.1.W_h"] == np.eye(3)).all()


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("readout", ["last", "all"])
def test_the_whole_chain_up_to_the_loss_passes(cell, readout):
    case = Case(8, 3, 2, [4, 3], [2, 4], cell, readout, 5, True, True, seed=3)
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 5, (8, 3) if readout == "all" else 3)
    check(case.model, case.x, case.state, case.lengths, targets=targets, loss=losses.softmax_cross_entropy)
    wanted = rng.standard_normal((8, 3, 5) if readout == "all" else (3, 5))
    check(case.model, case.x, case.state, case.lengths, targets=wanted, loss=losses.mean_squared_error)


def test_a_gradient_and_a_difference_of_exactly_zero_agree():
    errors = check(
        lambda p: ((p["a"] ** 2).sum(), {"a": 2 * p["a"], "b": 0 * p["b"]}), {"a": np.ones(2), "b": np.ones(3)}
    )
    assert errors["b"] == 0


# ---------------------------------------------------------------------- errors in the backward alone are caught


def lstm_with(change):
    def backward(self, dstate, cache):
        return change(*original(self, dstate, cache), dstate, cache)

    original = LSTM.backward
    return LSTM, "backward", backward


def wrong_gate():
    return lstm_with(lambda da, dprevious, *_: ((da[2], da[1], da[0], da[3]), dprevious))


def cell_state_not_carried():
    return lstm_with(lambda da, dprevious, *_: (da, (0, 0 * dprevious[1])))


def output_gate_forgotten_on_the_way_to_the_cell_state():
    def backward(self, dstate, cache):
        (dh, dc), (i, f, g, o, c_prev, c) = dstate, cache
        tanh_c = np.tanh(c)
        dc = dc + dh * (1 - tanh_c * tanh_c)
        da = (dc * g * i * (1 - i), dc * c_prev * f * (1 - f), dc * i * (1 - g * g), dh * tanh_c * o * (1 - o))
        return da, (0, dc * f)

    return LSTM, "backward", backward


def gru_without_its_skip():
    original = GRU.backward
    return GRU, "backward", lambda self, dstate, cache: (original(self, dstate, cache)[0], (0,))


def gru_reset_before_the_product():
    def backward(self, dstate, cache):
        da, dprevious = original(self, dstate, cache)
        return (*da[:3], da[2]), dprevious

    original = GRU.backward
    return GRU, "backward", backward


def tanh_derivative_without_square():
    return RNN, "backward", lambda self, dstate, cache: ((dstate[0] * (1 - cache[0]),), (0,))


class TwoMemories(Cell):
    """Nothing reads its second state, so its gradient is the number 0, as the protocol allows."""

    name, gates, state = "two memories", ("h", "s"), ("h", "s")

    def forward(self, a, previous):
        h, s = np.tanh(a[0]), np.tanh(a[1])
        return (h, s), (h, s)

    def backward(self, dstate, cache):
        return tuple(d * (1 - y * y) for d, y in zip(dstate, cache, strict=True)), (0, 0)


@pytest.mark.parametrize("T", [1, 2, 5])
def test_a_cell_may_return_the_number_0_for_any_previous_state(T):
    model = DilatedRNN(3, 4, [2], TwoMemories(), output_size=2, dtype="float64")
    check(model, np.random.default_rng(0).standard_normal((T, 2, 3)))


def missing_bias():
    def separate_weights(cell, dW, D):
        grads = original(cell, dW, D)
        return grads | {"b": 0 * grads["b"]}

    original = dilated_layer.separate_weights
    return dilated_layer, "separate_weights", separate_weights


def scan_backward_with(change):
    """Plant ``change(run, W, dh, dstates)``, where ``run(W, dh)`` goes back and returns dW."""

    def backward(cell, W, Z, dh, dx, dstates, part, caches, valid, reached, submit):
        def run(W=W, dh=dh):
            return original(cell, W, Z, dh, dx, dstates, part, caches, valid, reached)

        return change(run, W, dh, dstates)

    original = scan.backward
    return scan, "backward", backward


def transposed_weight():
    def change(run, W, dh, dstate):
        H, W = len(dh), W.copy()
        for p in range(0, len(W), H):
            W[p : p + H, -H:] = W[p : p + H, -H:].T.copy()
        return run(W=W)

    return scan_backward_with(change)


def off_by_one_in_the_dilation():
    B = 2
    return scan_backward_with(lambda run, W, dh, dstate: run(dh=np.roll(dh, B, axis=1)))


def state_gradient_shifted_by_one_phase():
    def change(run, W, dh, dstate):
        dW = run()
        for d in dstate:
            d[...] = np.roll(d, 2, axis=0)
        return dW

    return scan_backward_with(change)


def state_gradient_that_is_not_carried():
    original = scan.steps_backward
    return scan, "steps_backward", lambda *arguments: tuple(0 * ds for ds in original(*arguments))


def gradient_a_millionth_too_large():
    return scan_backward_with(lambda run, W, dh, dstate: run() * (1 + 1e-6))


def fusion_blocks_in_the_wrong_order():
    def backward(self, cache, doutput):
        *others, grads = original(self, cache, doutput)
        return *others, grads | {"W": np.concatenate(list(self.blocks(grads["W"]))[::-1], axis=1)}

    original = Readout.backward
    return Readout, "backward", backward


def fusion_state_gradient_forgotten():
    def backward(self, cache, doutput):
        dhistory, dbefore, grads = original(self, cache, doutput)
        return dhistory, 0 * dbefore, grads

    original = Readout.backward
    return Readout, "backward", backward


PLANTED = [
    (wrong_gate, "lstm", "layers.0.W_x, lstm, dilation 2"),
    (cell_state_not_carried, "lstm", "state.1.1, lstm, dilation 4"),
    (output_gate_forgotten_on_the_way_to_the_cell_state, "lstm", "layers.1.W_h, lstm, dilation 4"),
    (gru_without_its_skip, "gru", "state.1.0, gru, dilation 4"),
    (gru_reset_before_the_product, "gru", "layers.1.b_h, gru, dilation 4"),
    (tanh_derivative_without_square, "rnn", "layers.1.b, rnn, dilation 4"),
    (missing_bias, "gru", "layers.0.b, gru, dilation 2"),
    (transposed_weight, "rnn", "layers.0.W_h, rnn, dilation 2"),
    (off_by_one_in_the_dilation, "rnn", "layers.1.W_h, rnn, dilation 4"),
    (state_gradient_shifted_by_one_phase, "gru", "state.0.0, gru, dilation 2"),
    (state_gradient_that_is_not_carried, "lstm", "layers.1.W_h, lstm, dilation 4"),
    (gradient_a_millionth_too_large, "gru", "layers.0.W_x, gru, dilation 2"),
    (fusion_blocks_in_the_wrong_order, "rnn", "readout.W"),
    (fusion_state_gradient_forgotten, "rnn", "state.1.0, rnn, dilation 4"),
]


def planted_case(cell):
    return Case(7, 2, 2, [3, 3], [2, 4], cell, "all", 3, False, True, seed=5)


@pytest.mark.parametrize(("plant", "cell", "named"), PLANTED, ids=lambda value: getattr(value, "__name__", None))
def test_an_error_planted_in_the_backward_alone_is_caught_and_named(plant, cell, named, monkeypatch):
    case = planted_case(cell)
    check(case.model, case.x, case.state)
    monkeypatch.setattr(*plant())
    with pytest.raises(AssertionError) as caught:
        check(case.model, case.x, case.state)
    assert f"\n  {named}: relative error" in str(caught.value)


@pytest.mark.parametrize(("plant", "cell", "named"), PLANTED, ids=lambda value: getattr(value, "__name__", None))
def test_central_differences_catch_all_planted_errors_but_the_millionth(plant, cell, named, monkeypatch):
    case = planted_case(cell)
    check(case.model, case.x, case.state, method="central")
    monkeypatch.setattr(*plant())
    if plant is gradient_a_millionth_too_large:
        check(case.model, case.x, case.state, method="central")  # too small for central differences
        return
    with pytest.raises(AssertionError, match="by central differences") as caught:
        check(case.model, case.x, case.state, method="central")
    assert f"\n  {named}: relative error" in str(caught.value)


def test_a_tiny_wrong_gradient_is_caught():
    tiny = {"p": np.full(3, 1e-9)}  # the gradient is of order 1e-27: any absolute tolerance would pass it
    check(lambda p: ((p["p"] ** 4).sum(), {"p": 4 * p["p"] ** 3}), tiny, method="complex")
    with pytest.raises(AssertionError, match="p: relative error"):
        check(lambda p: ((p["p"] ** 4).sum(), {"p": 4.001 * p["p"] ** 3}), tiny, method="complex")


def test_a_missing_gradient_of_zeros_is_caught():
    with pytest.raises(AssertionError, match="relative error inf"):
        check(lambda p: (p["p"].sum(), {"p": 0 * p["p"]}), {"p": np.ones(3)})


@pytest.mark.parametrize("loss", [losses.softmax_cross_entropy, losses.mean_squared_error])
def test_an_error_in_the_loss_gradient_is_caught(loss):
    def wrong(output, targets, lengths=None):
        value, gradient = loss(output, targets, lengths)
        return value, gradient * 1.001

    case = planted_case("rnn")
    targets = np.ones((7, 2), int) if loss is losses.softmax_cross_entropy else np.ones((7, 2, 3))
    with pytest.raises(AssertionError, match=r"readout\.b: relative error"):
        check(case.model, case.x, case.state, targets=targets, loss=wrong)


# ---------------------------------------------------------------------- errors in forward and backward alike


def consistent_swap_of_gates():
    """Forward and backward exchange the input gate and the forget gate."""
    forward, backward = LSTM.forward, LSTM.backward

    def swapped(arrays):
        return (arrays[1], arrays[0], *arrays[2:])

    return LSTM, {
        "forward": lambda self, a, previous: forward(self, swapped(a), previous),
        "backward": lambda self, dstate, cache: (lambda da, dp: (swapped(da), dp))(*backward(self, dstate, cache)),
    }


def consistently_reversed_interpolation():
    """Forward and backward of a GRU keep (1 - z) of the state instead of z."""
    forward, backward = GRU.forward, GRU.backward

    def flipped(arrays):
        return (arrays[0], -arrays[1], *arrays[2:])

    return GRU, {
        "forward": lambda self, a, previous: forward(self, flipped(a), previous),
        "backward": lambda self, dstate, cache: (lambda da, dp: (flipped(da), dp))(*backward(self, dstate, cache)),
    }


@pytest.mark.parametrize("plant", [consistent_swap_of_gates, consistently_reversed_interpolation])
def test_an_error_planted_in_forward_and_backward_alike_is_caught_by_the_reference(plant, monkeypatch):
    cls, methods = plant()
    case = planted_case(cls.name)
    expected, _, _ = reference.forward(case.model.params, case.x, case.dilations, cls.name, "all", case.state)
    assert_equal(case.model.forward(case.x, case.state)[0], expected)
    for name, method in methods.items():
        monkeypatch.setattr(cls, name, method)
    check(case.model, case.x, case.state)  # right gradients of the wrong function
    with pytest.raises(AssertionError):
        assert_equal(case.model.forward(case.x, case.state)[0], expected)


def test_check_does_not_change_model_or_input():
    case = planted_case("lstm")
    before = {name: array.copy() for name, array in case.model.params.items()}, case.x.copy()
    check(case.model, case.x, case.state)
    assert_equal((case.model.params, case.x), before, 0)


def test_a_float32_model_is_checked_in_float64_and_stays_float32():
    model = DilatedRNN(2, 4, [1, 2], "gru", output_size=2)
    assert max(check(model).values()) < 1e-6
    assert model.dtype == np.float32
