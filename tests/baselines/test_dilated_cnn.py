"""The dilated CNN: stretches and threads change no result, and an output depends only on its receptive field."""

import numpy as np
import pytest
from support.cases import assert_equal

from dilated_rnn_np import memory, paths
from dilated_rnn_np.analysis.memory import activations
from dilated_rnn_np.arrays import threads
from dilated_rnn_np.baselines import DilatedCNN, dilated_cnn


@pytest.fixture
def two_threads():
    before = threads.get_num_threads()
    threads.set_num_threads(2)
    yield
    threads.set_num_threads(before)


def passes(model, x, lengths):
    """Return all results of a forward and a backward pass."""
    output, state, cache = model.forward(x, model.forward(x[::-1])[1], lengths)
    output_grads = []
    back = model.backward(np.cos(output), cache, [tuple(np.sin(a) for a in entry) for entry in state], output_grads)
    return output, state, back, output_grads, activations(model, x)


@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize("numbers", [1, 30, 10**6])
def test_stretches_and_threads_give_the_results_of_a_single_piece(kernel, numbers, monkeypatch, two_threads):
    rng = np.random.default_rng(0)
    model = DilatedCNN(3, 4, [1, 5, 40], output_size=2, readout="all", dtype="float64", kernel=kernel)
    x, lengths = rng.standard_normal((23, 5, 3)), np.array([23, 0, 7, 22, 1])
    monkeypatch.setattr(dilated_cnn, "WORTH_A_THREAD", 10**12)
    expected = passes(model, x, lengths)
    monkeypatch.setattr(dilated_cnn, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(dilated_cnn, "STRETCH", numbers)
    for got, whole in zip(passes(model, x, lengths), expected, strict=True):
        assert_equal(got, whole, 1e-12)


def test_a_layer_is_split_over_the_threads_only_where_there_is_much_to_compute(two_threads):
    model = DilatedCNN(3, 4, [1, 2], dtype="float64")
    for steps, parts in ((10, [slice(0, 4)]), (20_000, [slice(0, 2), slice(2, 4)])):
        _, _, cache = model.forward(np.zeros((steps, 4, 3)))
        assert [layer.parts for layer in cache.layers] == [parts, parts]


def test_an_output_depends_only_on_its_receptive_field():
    model = DilatedCNN(1, 4, [1, 2, 4], output_size=1, kernel=3)
    assert model.receptive_field == paths.receptive_field(model.graph()) == 15
    assert memory.reached_spans(model, 20).tolist() == list(range(15))
