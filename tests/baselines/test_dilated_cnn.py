"""The dilated CNN: stretches and threads change nothing, and it sees its receptive field and no further."""

import numpy as np
import pytest
from support.cases import assert_equal

from dilated_rnn_np import get_num_threads, memory, paths, set_num_threads
from dilated_rnn_np.analysis.memory import activations
from dilated_rnn_np.baselines import DilatedCNN, dilated_cnn


def passes(model, x, lengths):
    """All that a pass returns."""
    output, state, cache = model.forward(x, model.forward(x[::-1])[1], lengths)
    flow = []
    back = model.backward(np.cos(output), cache, [tuple(np.sin(a) for a in entry) for entry in state], flow)
    return output, state, back, flow, activations(model, x)


@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize("numbers", [1, 30, 10**6])
def test_stretches_and_threads_give_what_one_piece_gives(kernel, numbers, monkeypatch):
    rng = np.random.default_rng(0)
    model = DilatedCNN(3, 4, [1, 5, 40], output_size=2, readout="all", dtype="float64", kernel=kernel)
    x, lengths = rng.standard_normal((23, 5, 3)), np.array([23, 0, 7, 22, 1])
    monkeypatch.setattr(dilated_cnn, "WORTH_A_THREAD", 10**12)
    expected = passes(model, x, lengths)
    monkeypatch.setattr(dilated_cnn, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(dilated_cnn, "LARGEST_PART", numbers)
    before = get_num_threads()
    try:
        set_num_threads(2)
        assert_equal(passes(model, x, lengths), expected, 1e-12)
    finally:
        set_num_threads(before)


def test_an_output_depends_on_its_receptive_field_alone():
    model = DilatedCNN(1, 4, [1, 2, 4], output_size=1, kernel=3)
    assert model.receptive_field == paths.receptive_field(model.graph()) == 15
    assert memory.reached_spans(model, 20).tolist() == list(range(15))


def test_buffers_that_are_used_again_leave_no_trace():
    model = DilatedCNN(2, 3, [1, 2], output_size=1, dtype="float64")
    rng = np.random.default_rng(1)
    first, second = rng.standard_normal((2, 9, 4, 2))
    expected = model.forward(second)[0]
    _, state, cache = model.forward(first)
    kept = [tuple(a.copy() for a in entry) for entry in state]
    output, _, _ = model.forward(second, reuse=cache)
    assert_equal(output, expected, 0)
    assert_equal(state, kept, 0)
