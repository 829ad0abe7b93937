"""PyTorch as a contender: an idiomatic dilated stack of nn.RNN, nn.LSTM or nn.GRU.

A layer of dilation d pads T with zeros to a multiple of d, runs an ordinary layer on the sequence as (T/d, d*B, F), with the
d phases as rows of its batch, and removes the padding. A stream runs one nn.RNNCell, nn.LSTMCell or nn.GRUCell per layer,
with a deque of the last d states.
"""

from collections import deque

import torch
from torch import nn

from benchmarks.cases import with_prefix

LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
CELLS = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}


class DilatedRNN(nn.Module):
    """The dilated stack with an affine read-out of the last step."""

    def __init__(self, case):
        super().__init__()
        sizes = [case.D] + [case.hidden] * len(case.dilations)
        self.dilations = case.dilations
        self.layers = nn.ModuleList(LAYERS[case.cell](a, b) for a, b in zip(sizes, sizes[1:], strict=False))
        self.readout = nn.Linear(case.hidden, case.classes)

    def forward(self, x):
        """(T, B, D) -> (B, O)."""
        T, B, _ = x.shape
        for layer, d in zip(self.layers, self.dilations, strict=True):
            padded = nn.functional.pad(x, (0, 0, 0, 0, 0, -T % d))  # (T', B, F), T' a multiple of d
            folded, _ = layer(padded.reshape(-1, d * B, x.shape[2]))  # (T'/d, d*B, H)
            x = folded.reshape(-1, B, folded.shape[2])[:T]  # (T, B, H)
        return self.readout(x[-1])


class Contender:
    """The stack with its optimizer, one batch, and a copy of the weights in cells for the stream."""

    def __init__(self, case, start, threads, quick=False, device="cpu"):
        torch.set_num_threads(threads)
        torch.set_default_dtype(getattr(torch, case.dtype))
        self.case = case
        self.x, self.targets = (torch.tensor(start[name], device=device) for name in ("x", "targets"))
        self.net = DilatedRNN(case).to(device)
        self.net.load_state_dict({name: torch.tensor(array) for name, array in with_prefix(start, "torch/").items()})
        self.optimizer = torch.optim.RMSprop(self.net.parameters(), lr=1e-3, alpha=0.9, eps=1e-8)
        self.cells = [CELLS[case.cell](layer.input_size, layer.hidden_size) for layer in self.net.layers]
        for cell, layer in zip(self.cells, self.net.layers, strict=True):
            cell.load_state_dict({name.removesuffix("_l0"): array for name, array in layer.state_dict().items()})

    def describe(self):
        """Versions and threads, for the head of the report."""
        return {"version": f"PyTorch {torch.__version__}", "threads": f"intra-op {torch.get_num_threads()}"}

    def train(self):
        """One training step."""
        self.optimizer.zero_grad()
        self.loss = nn.functional.cross_entropy(self.net(self.x), self.targets)
        self.loss.backward()
        self.optimizer.step()

    def results(self):
        """Loss and gradients of the last training step, under the library's names."""
        grads = {"readout.W": self.net.readout.weight.grad, "readout.b": self.net.readout.bias.grad}
        for i, layer in enumerate(self.net.layers):
            grads[f"layers.{i}.W_x"] = layer.weight_ih_l0.grad
            grads[f"layers.{i}.W_h"] = layer.weight_hh_l0.grad
            grads[f"layers.{i}.b"] = layer.bias_ih_l0.grad
            if self.case.cell == "gru":
                grads[f"layers.{i}.b_h"] = layer.bias_hh_l0.grad[-self.case.hidden :]
        return self.loss.item(), {name: grad.cpu().numpy() for name, grad in grads.items()}

    @torch.no_grad()
    def forward(self):
        """The logits of the batch."""
        return self.net(self.x).cpu().numpy()

    def inputs_of(self, x):
        """The time steps of a sequence (T, B, D) in the form that ``stream`` takes."""
        return list(torch.tensor(x))

    @torch.no_grad()
    def stream(self, inputs, state=None):
        """Take one step at a time; returns the last logits and the state after them."""
        state = state or self.zero_state(len(inputs[0]))
        for h in inputs:
            for cell, past in zip(self.cells, state, strict=True):
                new = cell(h, past[0])  # past[0] is d steps old; append removes it
                past.append(new)
                h = new[0] if isinstance(new, tuple) else new
            output = self.net.readout(h)
        return output.numpy(), state

    def zero_state(self, B):
        """The last d states of each layer: tensors, or pairs of them for the LSTM."""
        zeros = torch.zeros(B, self.case.hidden)
        start = (zeros, zeros) if self.case.cell == "lstm" else zeros
        return [deque([start] * d, maxlen=d) for d in self.case.dilations]
