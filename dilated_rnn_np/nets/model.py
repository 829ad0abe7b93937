"""The dilated recurrent neural network: a stack of dilated layers with exponentially increasing dilations, read out.

``c_t^(l) = f(x_t^(l), c_{t-s(l)}^(l))`` with ``s(l) = M^(l-1+l0)``, and a fusion layer where l0 > 0 (Chang et al. 2017,
sections 2.1 and 2.2).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ..arrays import inputs
from ..arrays.backend import Array
from ..arrays.checks import positive_integer
from ..recurrence.cells import Cell, check_state, get_cell
from ..recurrence.gates import pre_activations
from ..theory.graphs import Graph, dilated_stack, plain_stack
from .dilated_layer import DilatedLayer
from .layer import Params
from .network import Network
from .stack import State
from .summary import LayerSummary


class DilatedRNN(Network):
    """A stack of dilated recurrent layers with an optional read-out.

    Parameters
    ----------
    input_size : D, numbers per time step. hidden_size : H, one for all layers or a list with one per layer.
    dilations : any positive whole numbers, one per layer; see ``exponential_dilations``.
    cell : "rnn", "lstm", "gru", or an object of a ``Cell`` class of your own.
    output_size : O, or None to return the outputs of the top layer.
    readout : "last" for one output per sequence, "all" for one per time step.
    dtype : of the parameters: float32, float64, complex64 or complex128.
    rng : a seed or a numpy Generator for the initial weights, which are drawn on the host.
    xp : the array module the parameters live in: numpy or cupy, or its name.
    dropout : probability with which a number between two layers is dropped while training (Zaremba et al. 2014).
    embedding : E, the size of a trained linear map before the first layer, for one-hot x; None leaves it out.
    input_init, recurrent_init : names of schemes in ``init.SCHEMES`` for each gate block of W_x and of W_h.
    fusion : whether the read-out fuses the newest K steps, K being the greatest common divisor of the dilations.

    Attributes
    ----------
    params : the live arrays by name, "layers.0.W_x" … "readout.b"; writing into them changes the model.
    width : K, the width of the fusion layer; 1 without one.

    Examples
    --------
    >>> model = DilatedRNN(3, 8, [1, 2, 4, 8], cell="gru", output_size=2)
    >>> x = np.random.default_rng(0).standard_normal((20, 5, 3)).astype("float32")  # (T, B, D)
    >>> output, state, cache = model.forward(x)
    >>> output.shape, [h.shape for (h,) in state]
    ((5, 2), [(1, 5, 8), (2, 5, 8), (4, 5, 8), (8, 5, 8)])
    >>> dx, dstate, grads = model.backward(np.ones_like(output), cache)
    >>> dx.shape == x.shape and grads.keys() == model.params.keys()
    True
    """

    settings = ("dilations", "fusion")
    cell: Cell

    def __init__(
        self,
        input_size: int,
        hidden_size: int | Sequence[int],
        dilations: Sequence[int],
        cell: str | Cell = "rnn",
        output_size: int | None = None,
        readout: str = "last",
        dtype: Any = "float32",
        rng: int | np.random.Generator = 0,
        xp: ModuleType | str = np,
        *,
        fusion: bool = True,
        **options: Any,
    ) -> None:
        self.dilations, self.cell, self.fusion = inputs.dilations(dilations), get_cell(cell), fusion
        hidden_sizes = inputs.hidden_sizes(hidden_size, len(self.dilations))
        sizes = itertools.pairwise([positive_integer("input_size", input_size), *hidden_sizes])
        layers = [DilatedLayer(self.cell, D, H, d) for (D, H), d in zip(sizes, self.dilations, strict=True)]
        width = math.gcd(*self.dilations) if fusion else 1
        super().__init__(layers, output_size, readout, dtype, rng, xp, width=width, **options)

    def _step(self, params: Params, x: Array, state: State) -> tuple[Array, State]:
        """Run one time step: ``c_t = f(x_t, c_{t-d})`` as it is written, in constant time.

        The oldest step of each layer's state goes in, the newest one comes out. For so few numbers the layout of the scan would
        cost more than it saves.
        """
        new_state, rows = [], x[0].T  # (D, B)
        if self.stack.embedding:
            rows = params["embedding.W"] @ rows  # (E, B)
        for i, entry in enumerate(state):
            layer = f"layers.{i}."
            before = tuple(s[0].T for s in entry)  # the oldest step, (H, B) each
            from_x = params[layer + "W_x"] @ rows + params[layer + "b"][:, None]  # (G*H, B)
            from_h = params[layer + "W_h"] @ before[0]  # (G*H, B)
            b_h = params[layer + "b_h"][:, None] if self.cell.recurrent_bias else None  # (S*H, 1)
            new, _ = self.cell.forward(pre_activations(self.cell, from_x, from_h, b_h), before)
            check_state(self.cell, new, before)
            new = tuple(s.astype(x.dtype, copy=False) for s in new)
            rows, steps = new[0], zip(entry, new, strict=True)
            new_state.append(tuple(self.xp.concatenate([s[1:], s_new.T[None]]) for s, s_new in steps))
        if self.stack.readout is None:
            return rows.T.copy(), new_state
        output, newest = params["readout.b"], new_state[-1][0][-self.width :]  # (O,), (K, B, H)
        for W_k, h in zip(self.stack.readout.blocks(params["readout.W"]), newest, strict=True):
            output = output + h @ W_k.T  # (B, O)
        return output, new_state

    def graph(self) -> Graph:
        """Return the cyclic graph of the architecture, for ``paths`` and ``plot``."""
        return plain_stack(len(self.layers)) if set(self.dilations) == {1} else dilated_stack(self.dilations)

    def layer_summaries(self) -> list[LayerSummary]:
        """Return the cell and the dilation of each layer, and the steps that it reads."""
        return [LayerSummary(self.cell.name, f"dilation {d}", d, f"t-{d}, t-{2 * d}, …") for d in self.dilations]

    def reach(self) -> str:
        """Return one clause for the summary: how far back the network can look."""
        sums = "sums of its dilations" + (f", multiples of {self.width}" if self.width > 1 else "")
        every = "to every earlier step" if 1 in self.dilations else f"by {sums}"
        return f"the stack reaches back {every}; one hop in each layer spans {sum(self.dilations):,} steps"
