"""An embedding is a linear map before the first layer of any network; the property tests of the whole net draw one too."""

import numpy as np
import pytest
from support.cases import assert_equal

from dilated_rnn_np import DilatedRNN, from_torch_state_dict, gradcheck, load, to_torch_state_dict
from dilated_rnn_np.baselines import SkipRNN

OPTIONS = {"output_size": 3, "readout": "all", "dtype": "float64", "rng": 1}


@pytest.mark.parametrize("readout", ["last", "all"])
def test_gradients_of_any_network_with_an_embedding_pass_both_checks(readout):
    options = OPTIONS | {"readout": readout}
    for model in (
        DilatedRNN(5, 4, [2, 4], cell="lstm", embedding=3, **options),
        SkipRNN(5, 4, 2, skip=3, cell="gru", embedding=3, **options),
    ):
        assert "embedding.W" in gradcheck.check(model)


def test_a_one_hot_input_picks_a_column_and_equals_a_first_layer_with_the_product_of_both_maps():
    embedded = DilatedRNN(6, 4, [1, 2], cell="gru", embedding=2, **OPTIONS)
    plain = DilatedRNN(6, 4, [1, 2], cell="gru", **OPTIONS)
    for name, array in plain.params.items():
        array[...] = (
            embedded.params[name] @ embedded.params["embedding.W"] if name == "layers.0.W_x" else embedded.params[name]
        )
    codes = np.random.default_rng(0).integers(0, 6, (9, 3))
    assert_equal(embedded.forward(np.eye(6)[codes])[0], plain.forward(np.eye(6)[codes])[0])
    reads = DilatedRNN(2, 4, [1, 2], cell="gru", **OPTIONS)
    for name, array in reads.params.items():
        array[...] = embedded.params[name]
    looked_up = embedded.params["embedding.W"].T[codes]
    assert_equal(embedded.forward(np.eye(6)[codes])[0], reads.forward(looked_up)[0])


def test_writing_into_x_or_the_parameters_does_not_change_the_cache():
    model, rng = DilatedRNN(3, 4, [1], embedding=2, **OPTIONS), np.random.default_rng(0)
    x, doutput = rng.standard_normal((5, 2, 3)), rng.standard_normal((5, 2, 3))
    expected = model.backward(doutput, model.forward(x)[2])
    _, _, cache = model.forward(x)
    x[...] = 7
    model.params["embedding.W"][...] = 7
    assert_equal(model.backward(doutput, cache)[2], expected[2])


def test_an_embedding_is_in_checkpoints_summaries_and_pytorch_s_names(tmp_path, capsys):
    model = DilatedRNN(6, 4, [1, 2], embedding=2, **OPTIONS)
    model.save(tmp_path / "m.npz")
    again = load(tmp_path / "m.npz")
    assert repr(again) == repr(model) != repr(DilatedRNN(6, 4, [1, 2], **OPTIONS))
    assert_equal(again.params, model.params, 0)
    model.summary()
    assert "embedding" in capsys.readouterr().out
    state_dict = to_torch_state_dict(model)
    assert state_dict["embedding.weight"].shape == (6, 2)
    other = from_torch_state_dict(DilatedRNN(6, 4, [1, 2], embedding=2, **OPTIONS | {"rng": 2}), state_dict)
    assert_equal(other.params, model.params, 0)


@pytest.mark.parametrize(("size", "error"), [(0, ValueError), (2.0, TypeError), ("2", TypeError), (True, TypeError)])
def test_a_wrong_size_is_named(size, error):
    with pytest.raises(error, match="embedding must be a whole number of at least 1"):
        DilatedRNN(3, 4, [1], embedding=size)
