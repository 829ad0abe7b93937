"""The stack with regular skip connections, ``c_t = f(x_t, c_{t-1}, c_{t-s})``, and the plain stack without them.

A regular skip connection is an edge beside the ordinary one and does not replace it (Zhang et al. 2016, "Architectural complexity
measures of recurrent neural networks"; the comparison in Chang et al. 2017, section 2.1): every layer has recurrent weights W_h
for the previous step and W_s for the step s before. Where a cell's equations use the previous state pointwise (``f c_{t-1}`` in
the LSTM, ``z h_{t-1}`` in the GRU), they use that of step t-1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays.backend import Array
from ..arrays.checks import positive_integer
from ..nets.layer import Params, gate_parameters
from ..nets.model import DilatedRNN
from ..nets.summary import LayerSummary
from ..recurrence.cells import Arrays, Cell, get_cell
from ..recurrence.gates import pre_activations, pre_activations_backward
from ..recurrence.init import Scheme, draw_blocks, draw_gates
from ..theory.graphs import Graph, skip_stack
from .base import ComparedSystem, Sizes, layer_sizes
from .recurrent import RecurrentLayer, StepGrads


def plain_rnn(input_size: int, hidden_size: Sizes, num_layers: int, **options: Any) -> DilatedRNN:
    """Return an ordinary stacked recurrent net: a dilated one whose dilations are all 1.

    Parameters
    ----------
    num_layers : L. Everything else : as in ``DilatedRNN``.

    Examples
    --------
    >>> plain_rnn(1, 8, 3, cell="gru").dilations
    (1, 1, 1)
    """
    return DilatedRNN(input_size, hidden_size, [1] * positive_integer("num_layers", num_layers), **options)


class SkipRNN(ComparedSystem):
    """A stack of layers with regular skip connections, all of one length.

    Parameters
    ----------
    num_layers : L. skip : s, at least 2.
    input_size, hidden_size, cell, options : as in ``DilatedRNN``.

    Examples
    --------
    >>> model = SkipRNN(1, 8, 2, skip=16, cell="lstm", output_size=3)
    >>> output, state, _ = model.forward(np.zeros((20, 5, 1), "float32"))
    >>> output.shape, [s.shape for s in state[0]]
    ((5, 3), [(16, 5, 8), (1, 5, 8)])
    """

    settings = ("num_layers", "skip")
    cell: Cell

    def __init__(
        self, input_size: int, hidden_size: Sizes, num_layers: int, skip: int, cell: str | Cell = "rnn", **options: Any
    ) -> None:
        self.skip, self.cell = positive_integer("skip", skip, least=2), get_cell(cell)
        sizes = layer_sizes(input_size, hidden_size, num_layers)
        super().__init__([SkipLayer(D, H, self.cell, self.skip) for D, H in sizes], **options)

    def graph(self) -> Graph:
        """Return the cyclic graph of the architecture, for ``paths`` and ``plot``."""
        return skip_stack(self.num_layers, self.skip)

    def layer_summaries(self) -> list[LayerSummary]:
        """Return the cell and the skip of each layer, and the steps that it reads."""
        s = self.skip
        return [LayerSummary(self.cell.name, f"skip {s}", f"1, {s}", f"t-1, t-{s}, …")] * self.num_layers


@dataclass(frozen=True)
class SkipLayer(RecurrentLayer):
    """One layer ``c_t = f(x_t, c_{t-1}, c_{t-s})``."""

    cell: Cell
    skip: int

    @property
    def num_parameters(self) -> int:
        """How many numbers the gates and W_s hold."""
        H = self.hidden_size
        return gate_parameters(self.cell, self.input_size, H) + len(self.cell.gates) * H * H

    def initial_params(self, rng: np.random.Generator, input_init: Scheme, recurrent_init: Scheme) -> Params:
        """Draw each gate block for itself, set biases to 0, then apply the cell's own initialisation."""
        D, H = self.input_size, self.hidden_size
        params = draw_gates(rng, self.cell, D, H, input_init, recurrent_init)
        params["W_s"] = draw_blocks(rng, recurrent_init, [H] * len(self.cell.gates), H)  # (G*H, H)
        self.cell.initialise(params, rng)
        return params

    def state_shapes(self, batch_size: int) -> list[tuple[int, ...]]:
        """Return (s, B, H) for the outputs and (1, B, H) for each other state array of the cell."""
        others = len(self.cell.state) - 1
        return [(k, batch_size, self.hidden_size) for k in (self.skip, *[1] * others)]

    def step(self, params: Params, x: Array, previous: Arrays) -> tuple[Arrays, Any]:
        """Return ``f(W_x x + b, W_h h_{t-1} + W_s h_{t-s})``; see ``RecurrentLayer.step``.

        The cell works on transposed views, (H, B), as ``pre_activations`` takes and returns them.
        """
        h_skip, h_prev = previous[0][0], previous[0][-1]
        from_x = x @ params["W_x"].T + params["b"]  # (B, G*H)
        from_h = h_prev @ params["W_h"].T + h_skip @ params["W_s"].T  # (B, G*H)
        b_h = params["b_h"][:, None] if self.cell.recurrent_bias else None  # (S*H, 1)
        a = pre_activations(self.cell, from_x.T, from_h.T, b_h)  # (H, B) each
        new, cache = self.cell.forward(a, tuple(s[-1].T for s in previous))
        return tuple(s.T for s in new), cache

    def step_backward(self, params: Params, x: Array, previous: Arrays, cache: Any, grads: StepGrads) -> Array:
        """Mirror ``step``, last line first."""
        h_skip, h_prev = previous[0][0], previous[0][-1]
        dh_skip, dh_prev = grads.previous[0][0], grads.previous[0][-1]
        da, dpointwise = self.cell.backward(tuple(ds.T for ds in grads.new), cache)  # (H, B) each
        for ds, d in zip(grads.previous, dpointwise, strict=True):
            ds_prev = ds[-1].T  # (H, B)
            ds_prev += d
        dfrom_x, dfrom_h, db_h = pre_activations_backward(self.cell, da)  # (G*H, B), (G*H, B), (S*H, B)
        if self.cell.recurrent_bias:
            grads.params["b_h"] += db_h.sum(axis=1)
        dh_prev += dfrom_h.T @ params["W_h"]
        dh_skip += dfrom_h.T @ params["W_s"]
        grads.params["W_h"] += dfrom_h @ h_prev
        grads.params["W_s"] += dfrom_h @ h_skip
        grads.params["W_x"] += dfrom_x @ x
        grads.params["b"] += dfrom_x.sum(axis=1)
        return dfrom_x.T @ params["W_x"]
