"""Initial weights: each gate's block is drawn for itself, by the chosen scheme."""

import numpy as np
import pytest

from dilated_rnn_np import LSTM, DilatedRNN
from dilated_rnn_np.recurrence.init import SCHEMES


def blocks(model, name, H):
    return model.params[name].reshape(-1, H, model.params[name].shape[1])


@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("lstm", 4), ("gru", 3)])
def test_by_default_recurrent_blocks_are_orthogonal_and_input_blocks_glorot_uniform(cell, gates):
    model = DilatedRNN(40, 30, [1, 2], cell, output_size=5, dtype="float64")
    recurrent, entering = blocks(model, "layers.0.W_h", 30), blocks(model, "layers.0.W_x", 30)
    assert len(recurrent) == len(entering) == gates
    for Q in recurrent:
        np.testing.assert_allclose(Q @ Q.T, np.eye(30), atol=1e-12)
    bound = np.sqrt(6 / (30 + 40))  # of one gate's block, not of the four stacked
    assert 0.97 * bound < abs(entering).max() <= bound
    assert abs(model.params["readout.W"]).max() <= np.sqrt(6 / (5 + 30))
    assert not any(model.params[name].any() for name in model.params if name.split(".")[-1] in ("b", "b_h"))
    assert all((recurrent[i] != recurrent[j]).any() for i in range(gates) for j in range(i))


@pytest.mark.parametrize(
    ("scheme", "deviation"),
    [
        ("glorot_uniform", np.sqrt(2 / 100)),
        ("uniform", 1 / np.sqrt(3 * 50)),
        ("normal", 1 / np.sqrt(50)),
        ("orthogonal", 1 / np.sqrt(50)),
    ],
)
def test_schemes_have_the_standard_deviation_of_their_sources(scheme, deviation):
    weights = SCHEMES[scheme](np.random.default_rng(0), 50, 50)
    assert weights.std() == pytest.approx(deviation, rel=0.05)


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (4, 4)])
def test_orthogonal_has_orthonormal_rows_or_columns_whichever_are_fewer(shape):
    Q = SCHEMES["orthogonal"](np.random.default_rng(0), *shape)
    assert Q.shape == shape
    product = Q @ Q.T if shape[0] <= shape[1] else Q.T @ Q
    np.testing.assert_allclose(product, np.eye(min(shape)), atol=1e-12)


def test_options_choose_schemes_and_the_forget_bias():
    model = DilatedRNN(3, 4, [1], LSTM(forget_bias=1.0), recurrent_init="identity", input_init="normal")
    assert model.params["layers.0.b"].tolist() == [0] * 4 + [1] * 4 + [0] * 8
    assert (blocks(model, "layers.0.W_h", 4) == np.eye(4)).all()
