"""Forward and gradients equal PyTorch's: its RNN, LSTM and GRU on folded input, layer by layer."""

import numpy as np
import pytest
from support.cases import assert_equal

from dilated_rnn_np import DilatedRNN, from_torch_state_dict, to_torch_state_dict

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
LAYERS = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


class TorchDilatedRNN(torch.nn.Module):
    """The dilated stack over PyTorch's own layers: each folds (T, B, F) to (T/d, d*B, F), T being a multiple of d."""

    def __init__(self, D, hidden, dilations, cell, outputs):
        super().__init__()
        sizes = [D, *hidden]
        self.dilations, self.width = dilations, np.gcd.reduce(dilations)
        self.layers = torch.nn.ModuleList([LAYERS[cell](a, b) for a, b in zip(sizes, sizes[1:], strict=False)])
        self.readout = torch.nn.Linear(self.width * hidden[-1], outputs)
        self.double()

    def forward(self, x, state):
        T, B, _ = x.shape
        end = []
        for layer, d, start in zip(self.layers, self.dilations, state, strict=True):
            folded = x.reshape(T // d, d * B, -1)
            if layer is self.layers[-1]:
                before = start[0][d - self.width :]  # (K, B, H), the outputs before the sequence
            start = tuple(s.reshape(1, d * B, -1) for s in start)
            x, last = layer(folded, start if len(start) > 1 else start[0])
            x = x.reshape(T, B, -1)
            end.append(tuple(s.reshape(d, B, -1) for s in (last if isinstance(last, tuple) else (last,))))
        h = torch.cat([before[1:], x])  # (K - 1 + T, B, H)
        windows = torch.cat([h[k : k + T] for k in range(self.width)], dim=2)  # (T, B, K*H)
        return self.readout(windows), end


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("dilations", [[1], [1, 2, 4, 8], [2, 4], [8, 1, 2, 2]])
@pytest.mark.parametrize("seed", [0, 1])
def test_forward_and_gradients_equal_pytorch(cell, dilations, seed):
    T, B, D, O = 16, 3, 2, 4
    hidden = [5, 3, 4, 2][: len(dilations)]
    torch.manual_seed(seed)
    net = TorchDilatedRNN(D, hidden, dilations, cell, O)
    model = DilatedRNN(D, hidden, dilations, cell, O, "all", dtype="float64")
    from_torch_state_dict(model, net.state_dict())

    rng = np.random.default_rng(seed)
    x = torch.tensor(rng.standard_normal((T, B, D)), requires_grad=True)
    state = [tuple(rng.standard_normal(a.shape) for a in entry) for entry in model.zero_state(B)]
    torch_state = [tuple(torch.tensor(a, requires_grad=True) for a in entry) for entry in state]

    output, end, cache = model.forward(x.detach().numpy(), state)
    expected, torch_end = net(x, torch_state)
    assert_equal(output, expected.detach().numpy())
    assert_equal(end, [tuple(a.detach().numpy() for a in entry) for entry in torch_end])

    doutput = rng.standard_normal(output.shape)
    dstate = [tuple(rng.standard_normal(a.shape) for a in entry) for entry in end]
    pairs = zip(torch_end, dstate, strict=True)
    loss = (expected * torch.tensor(doutput)).sum() + sum(
        (a * torch.tensor(b)).sum() for entry, dentry in pairs for a, b in zip(entry, dentry, strict=True)
    )
    loss.backward()
    dx, dgiven, grads = model.backward(doutput, cache, dstate)
    assert_equal(dx, x.grad.numpy())
    assert_equal(dgiven, [tuple(a.grad.numpy() for a in entry) for entry in torch_state])
    by_name = {name: p.grad.numpy() for name, p in net.named_parameters()}
    for i in range(len(dilations)):
        assert_equal(grads[f"layers.{i}.W_x"], by_name[f"layers.{i}.weight_ih_l0"])
        assert_equal(grads[f"layers.{i}.W_h"], by_name[f"layers.{i}.weight_hh_l0"])
        assert_equal(grads[f"layers.{i}.b"], by_name[f"layers.{i}.bias_ih_l0"])
        if cell == "gru":
            assert_equal(grads[f"layers.{i}.b_h"], by_name[f"layers.{i}.bias_hh_l0"][-hidden[i] :])
    assert_equal(grads["readout.W"], by_name["readout.weight"])
    assert_equal(grads["readout.b"], by_name["readout.bias"])


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_weights_survive_export_to_pytorch_and_import(cell):
    model = DilatedRNN(2, 3, [1, 1], cell, output_size=4, dtype="float64", rng=1)
    for array in model.params.values():
        array += 0.1
    stack = LAYERS[cell](2, 3, num_layers=2).double()
    state_dict = {name: torch.tensor(a) for name, a in to_torch_state_dict(model).items()}
    stack.load_state_dict({name: a for name, a in state_dict.items() if not name.startswith("readout")})
    x = np.random.default_rng(0).standard_normal((6, 2, 2))
    hs = DilatedRNN(2, 3, [1, 1], cell, dtype="float64")
    from_torch_state_dict(hs, stack.state_dict())
    assert_equal(hs.forward(x)[0], stack(torch.tensor(x))[0].detach().numpy())
    for module_list in (None, "layers"):
        again = DilatedRNN(2, 3, [1, 1], cell, output_size=4, dtype="float64", rng=2)
        from_torch_state_dict(again, to_torch_state_dict(model, module_list))
        assert_equal(again.params, model.params, 0)


def test_layers_without_biases_are_imported_with_zeros():
    model = DilatedRNN(2, 3, [1], "gru", dtype="float64")
    for array in model.params.values():
        array += 1
    layer = torch.nn.GRU(2, 3, bias=False).double()
    from_torch_state_dict(model, layer.state_dict())
    x = np.random.default_rng(0).standard_normal((6, 2, 2))
    assert_equal(model.forward(x)[0], layer(torch.tensor(x))[0].detach().numpy())
