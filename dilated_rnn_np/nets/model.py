"""The dilated recurrent neural network: a stack of dilated layers with exponentially increasing dilations, read out.

``c_t^(l) = f(x_t^(l), c_{t-s(l)}^(l))`` with ``s(l) = M^(l-1+l0)``, and a fusion layer where l0 > 0 (Chang et al. 2017,
sections 2.1 and 2.2). Parameters live in one flat dict; all that backward needs is in the cache, nothing hides on
the model.
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
from ..recurrence.cells import Cell, get_cell
from ..theory.graphs import Graph, dilated_stack, plain_stack
from . import streaming
from .layers import DilatedLayer
from .network import Network, State


class DilatedRNN(Network):
    """A stack of dilated recurrent layers with an optional read-out.

    Parameters
    ----------
    input_size : D, numbers a time step. hidden_size : H, one for all layers or a list with one a layer.
    dilations : any positive whole numbers, one a layer; see ``exponential_dilations``.
    cell : "rnn", "lstm", "gru", or an object of a ``Cell`` class of your own.
    output_size : O, or None for the top layer's outputs as they are.
    readout : "last" for one output a sequence, "all" for one a time step.
    dtype : of the parameters: float32, float64, complex64 or complex128.
    rng : a seed or a numpy Generator, from which the initial weights are drawn on the host.
    xp : the array module the parameters live in: numpy or cupy, or its name.
    dropout : probability with which a number between two layers is dropped while training (Zaremba et al. 2014).
    embedding : E, the size of a trained linear map before the first layer, for one-hot x; None for no such map.
    input_init, recurrent_init : names of schemes in ``init.SCHEMES`` for each gate block of W_x and of W_h.

    Attributes
    ----------
    params : the live arrays by name, "layers.0.W_x" … "readout.b"; writing into them changes the model.
    width : K, the greatest common divisor of the dilations: the width of the fusion layer.

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
        dropout: float = 0.0,
        embedding: int | None = None,
        input_init: str = "glorot_uniform",
        recurrent_init: str = "orthogonal",
    ) -> None:
        self.dilations = inputs.dilations(dilations)
        self.cell = get_cell(cell)
        sizes = [
            positive_integer("input_size", input_size),
            *inputs.hidden_sizes(hidden_size, len(self.dilations)),
        ]
        super().__init__(
            [
                DilatedLayer(self.cell, *both, d)
                for both, d in zip(itertools.pairwise(sizes), self.dilations, strict=True)
            ],
            output_size,
            readout,
            dtype,
            rng,
            xp,
            width=math.gcd(*self.dilations),
            dropout=dropout,
            embedding=embedding,
            input_init=input_init,
            recurrent_init=recurrent_init,
        )

    def step(self, x_t: Array, state: State | None = None) -> tuple[Array, State]:
        """Run one time step, as ``Network.step`` says; in the layouts that cost least for one step."""
        return streaming.step(self, *self._checked_step(x_t, state))

    def config(self) -> dict[str, Any]:
        """Return the arguments that build a model of the same architecture, as plain numbers and words."""
        own = {
            "input_size": self.input_size,
            "hidden_size": list(self.hidden_sizes),
            "dilations": list(self.dilations),
        }
        return own | super().config()

    def __repr__(self) -> str:
        sizes = self.hidden_sizes[0] if len(set(self.hidden_sizes)) == 1 else list(self.hidden_sizes)
        embedding = f", embedding={self._embedding.size}" if self._embedding else ""
        return (
            f"DilatedRNN({self.input_size}, {sizes}, {list(self.dilations)}, cell={self.cell.name!r}, "
            f"output_size={self.output_size}, readout={self.readout!r}, dtype={self.dtype.name!r}{embedding})"
        )

    def graph(self) -> Graph:
        """Return the cyclic graph of the architecture, for ``paths`` and ``plot``."""
        return plain_stack(len(self.layers)) if set(self.dilations) == {1} else dilated_stack(self.dilations)

    def reach(self) -> str:
        """Return one clause for the summary: how far back the network can look."""
        sums = "sums of its dilations" + (f", multiples of {self.width}" if self.width > 1 else "")
        every = "to every earlier step" if 1 in self.dilations else f"by {sums}"
        return f"the stack reaches back {every}; one hop in each layer spans {sum(self.dilations):,} steps"
