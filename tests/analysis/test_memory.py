"""The memory measured on a model agrees with the paths in its graph."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cases import assert_equal

from dilated_rnn_np import DilatedRNN, memory, paths
from dilated_rnn_np.arrays.streams import checked_rng
from dilated_rnn_np.training.losses import softmax_cross_entropy

CELL = st.sampled_from(["rnn", "lstm", "gru"])


@given(st.integers(1, 20), st.lists(st.integers(1, 6), min_size=1, max_size=3), CELL, st.booleans(), st.integers(0, 99))
def test_an_output_depends_on_exactly_the_spans_with_a_path(T, dilations, cell, fused, seed):
    model = DilatedRNN(2, 3, dilations, cell, output_size=2 if fused else None, rng=seed)
    graph = paths.dilated_stack(dilations, fusion=fused)
    assert memory.reached_spans(model, T, seed).tolist() == paths.reachable_spans(graph, T - 1).tolist()


@pytest.mark.parametrize("readout", ["last", "all"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_gradient_flow_is_the_gradient_with_respect_to_each_hidden_state(cell, readout):
    T, B = 7, 2
    model = DilatedRNN(2, 3, [2, 1], cell, output_size=4, readout=readout, dtype="float64", rng=1)
    x = np.random.default_rng(0).standard_normal((T, B, 2))
    targets = np.array([1, 3])
    norms = memory.gradient_flow(model, x, targets, softmax_cross_entropy)
    # The bottom layer's outputs are the inputs of a net with the upper layer only; the last output acts in no other way.
    upper = DilatedRNN(3, 3, [1], cell, output_size=4, dtype="float64")
    for name in upper.params:
        upper.params[name][...] = model.params[name.replace("layers.0", "layers.1")]
    lower = DilatedRNN(2, 3, [2], cell, dtype="float64")
    for name in lower.params:
        lower.params[name][...] = model.params[name]
    h = lower.forward(x)[0]
    output, _, cache = upper.forward(h)
    dh, _, _ = upper.backward(softmax_cross_entropy(output, targets)[1], cache)
    assert norms[0, 0] == pytest.approx(np.linalg.norm(dh[-1]), rel=1e-12)
    # Through time: the rest of the sequence starts from the state after step t.
    for n in range(1, T):
        _, state, _ = lower.forward(x[: T - n])
        later = lower.forward(x[T - n :], state)
        _, dstate, _ = lower.backward(dh[T - n :], later[2])
        expected = np.linalg.norm(dh[T - 1 - n] + dstate[0][0][-1])
        assert norms[0, n] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("readout", ["last", "all", None])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_gradient_along_edges_is_separated_into_the_layer_above_and_time(cell, readout):
    T, B, D, H = 9, 2, 2, 3
    output_size = None if readout is None else 4
    options = {"output_size": output_size, "readout": readout or "last", "dtype": "float64", "fusion": False}
    model = DilatedRNN(D, H, [2, 3], cell, rng=1, **options)
    x = np.random.default_rng(0).standard_normal((T, B, D))
    norms = memory.edge_gradients(model, x, rng=5)
    assert np.array_equal(norms["total"], memory.gradient_flow(model, x, rng=5)[:, ::-1])
    # The bottom layer's outputs are the inputs of a net with the upper layer only: its dx is the gradient from above.
    upper, lower = DilatedRNN(H, H, [3], cell, **options), DilatedRNN(D, H, [2], cell, dtype="float64")
    for name in upper.params:
        upper.params[name][...] = model.params[name.replace("layers.0", "layers.1")]
    for name in lower.params:
        lower.params[name][...] = model.params[name]
    output, _, cache = upper.forward(lower.forward(x)[0])
    doutput, last = np.zeros_like(output), output if readout == "last" else output[-1]
    u = checked_rng("rng", 5, "analysis").standard_normal(last.shape)
    (doutput if readout == "last" else doutput[-1])[...] = u
    above, _, _ = upper.backward(doutput, cache)  # (T, B, H)
    assert norms["upward"][0] == pytest.approx(np.linalg.norm(above, axis=(1, 2)), rel=1e-12)
    # With the part from above alone at a step, the rest of the total came through time.
    whole: list = []
    _, _, lower_cache = lower.forward(x)
    dx, _, _ = lower.backward(above, lower_cache, output_grads=whole)
    assert norms["hops"][0] == pytest.approx(np.linalg.norm(whole[0] - above, axis=(1, 2)), rel=1e-12)
    assert norms["input"] == pytest.approx(np.linalg.norm(dx, axis=(1, 2)), rel=1e-12)
    # From the top layer's last step the gradient hops back in threes; no step after the last one sends any.
    assert np.flatnonzero(norms["upward"][1]).tolist() == [8]
    assert np.flatnonzero(norms["hops"][1]).tolist() == [2, 5]


def test_gradient_flow_is_exactly_zero_without_a_path():
    model = DilatedRNN(1, 4, [2, 6], output_size=None, dtype="float64")
    norms = memory.gradient_flow(model, np.random.default_rng(0).standard_normal((13, 1, 1)))
    assert np.flatnonzero(norms[0]).tolist() == [0, 2, 4, 6, 8, 10, 12]
    assert np.flatnonzero(norms[1]).tolist() == [0, 6, 12]


def test_activations_are_outputs_and_gates_in_time_order():
    x = np.random.default_rng(0).standard_normal((7, 2, 1))
    model = DilatedRNN(1, 3, [1, 2], "gru", dtype="float64")
    shown = memory.activations(model, x)
    assert_equal(shown[-1]["h"], model.forward(x)[0], 0)
    below, top = shown
    h_prev = np.concatenate([np.zeros((2, 2, 3)), top["h"][:-2]])  # the top layer's dilation is 2
    assert_equal((1 - top["z"]) * top["n"] + top["z"] * h_prev, top["h"], 1e-12)
    assert below["r"].shape == (7, 2, 3) and (below["r"] > 0).all() and (below["r"] < 1).all()


def test_a_loss_without_targets_is_refused():
    with pytest.raises(TypeError, match="go together"):
        memory.gradient_flow(DilatedRNN(1, 2, [1]), np.ones((3, 1, 1)), loss=softmax_cross_entropy)


def test_gradient_flow_takes_a_loss_by_name():
    model, x = DilatedRNN(1, 3, [1], output_size=2, dtype="float64"), np.ones((4, 2, 1))
    by_name = memory.gradient_flow(model, x, np.array([0, 1]), "softmax_cross_entropy")
    assert_equal(by_name, memory.gradient_flow(model, x, np.array([0, 1]), softmax_cross_entropy), 0)


@pytest.mark.parametrize("measure", [memory.gradient_flow, lambda model, x, rng: memory.reached_spans(model, 3, rng)])
def test_a_seed_is_a_whole_number_or_a_generator(measure):
    model, x = DilatedRNN(1, 2, [1]), np.ones((3, 1, 1), "float32")
    measure(model, x, rng=np.random.default_rng(0))
    with pytest.raises(TypeError, match="rng must be a whole number"):
        measure(model, x, rng="seed")
