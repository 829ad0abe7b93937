"""Arguments that NumPy would quietly reinterpret are refused at the call that passes them."""

import numpy as np
import pytest

import dilated_rnn_np as drn
from dilated_rnn_np.arrays.inputs import dilations, hidden_sizes
from dilated_rnn_np.tasks.base import mean_over_positions

x = np.zeros((5, 2, 3), np.float32)
masked = np.ma.masked_array(x, mask=np.ones(x.shape, bool))
lengths = np.ma.masked_array([1, 2], mask=[True, False])
weights = np.ma.masked_array(np.ones((5, 2)), mask=np.ones((5, 2), bool))


def net(**options):
    return drn.DilatedRNN(3, 3, [1, 2], output_size=3, readout="all", **options)


def fit(batch):
    model = net()
    return drn.fit(model, [batch], drn.optim.SGD(model.params), 1, loss=lambda *_: 1 / 0, progress=False)


CALLS = {
    "x": lambda: net().forward(masked),
    "lengths": lambda: net().forward(x, lengths=lengths),
    "x_t": lambda: net().step(masked[0]),
    "state": lambda: net().forward(x, state=[(masked[:1],), (masked[:2],)]),
    "doutput": lambda: net().backward(masked, net().forward(x)[2]),
    "x of a chunk": lambda: net().forward(iter([masked]), keep=False),
    "output": lambda: drn.losses.mean_squared_error(masked, x),
    "logits": lambda: drn.losses.softmax_cross_entropy(masked, np.zeros((5, 2), int)),
    "output of quantiles": lambda: drn.losses.quantile(masked, x[..., :1]),
    "targets": lambda: drn.losses.mean_squared_error(x, masked),
    "weights": lambda: drn.losses.mean_squared_error(x, x, weights=weights),
    "lengths of a loss": lambda: drn.losses.mean_squared_error(x, x, lengths),
    "weights of a metric": lambda: mean_over_positions(np.ones((5, 2)), weights=weights),
    "lengths of a metric": lambda: mean_over_positions(np.ones((5, 2)), lengths),
    "x of a batch": lambda: fit((masked, x)),
    "targets of a batch": lambda: fit((x, masked)),
    "weights of a batch": lambda: fit((x, x, None, weights)),
    "x of a gradient check": lambda: drn.gradcheck.check(net(), masked),
    "p of a function": lambda: drn.gradcheck.check(lambda arrays: (0.0, arrays), {"p": masked}),
    "x of the reference": lambda: drn.reference.forward(net().params, masked, [1, 2]),
    "params['p']": lambda: drn.optim.SGD({"p": np.ma.masked_array([1.0])}),
    "grads['p']": lambda: drn.optim.SGD({"p": np.ones(1)}).step({"p": np.ma.masked_array([1.0])}),
    "grads['p'] to clip": lambda: drn.optim.clip_grad_norm({"p": np.ma.masked_array([1.0])}, 1.0),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_masked_array_is_refused_by_name(name):
    with pytest.raises(TypeError) as raised:
        CALLS[name]()
    assert str(raised.value).startswith(name.split()[0])
    assert "must be an ordinary array, got a masked one, whose mask would be ignored" in str(raised.value)


def test_no_dtype_is_not_taken_for_float64():
    for call in (lambda: net(dtype=None), lambda: net().astype(None)):
        with pytest.raises(TypeError, match="dtype must be one of float32, .*, got None"):
            call()


def test_an_array_of_no_dimension_is_one_number():
    with pytest.raises(TypeError, match=r"dilations must be a list of whole numbers, got array\(3\)"):
        dilations(np.array(3))
    assert hidden_sizes(np.array(3), 2) == (3, 3)
    assert dilations(np.array([1, 2])) == dilations(d for d in (1, 2)) == dilations({1: None, 2: None}) == (1, 2)
