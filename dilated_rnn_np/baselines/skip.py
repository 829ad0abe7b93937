"""The stack with regular skip connections, ``c_t = f(x_t, c_{t-1}, c_{t-s})``, and the plain stack, which has none.

The skip is an edge beside the ordinary one, not in its place (Zhang et al. 2016, "Architectural complexity measures of
recurrent neural networks"; Chang et al. 2017, section 2.1, compare with it): every layer has recurrent weights W_h for the
step before and W_s for the step s before. What gates do pointwise with the previous state (``f c_{t-1}`` in the LSTM,
``z h_{t-1}`` in the GRU) they do with that of the step before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from ..arrays import inputs
from ..arrays.backend import Array
from ..arrays.checks import positive_integer
from ..nets.layer import Params
from ..nets.model import DilatedRNN
from ..nets.network import Network
from ..recurrence.cells import Arrays, Cell, get_cell
from ..recurrence.gates import pre_activations, pre_activations_backward
from ..recurrence.init import Scheme
from ..theory.graphs import Graph, skip_stack
from .recurrent import RecurrentLayer


def plain_rnn(input_size: int, hidden_size: int | Sequence[int], num_layers: int, **options: Any) -> DilatedRNN:
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


class SkipRNN(Network):
    """A stack with regular skip connections of one length in each layer.

    Parameters
    ----------
    num_layers : L. skip : s, at least 2. Everything else : as in ``DilatedRNN``.

    Examples
    --------
    >>> model = SkipRNN(1, 8, 2, skip=16, cell="lstm", output_size=3)
    >>> output, state, _ = model.forward(np.zeros((20, 5, 1), "float32"))
    >>> output.shape, [s.shape for s in state[0]]
    ((5, 3), [(16, 5, 8), (1, 5, 8)])
    """

    cell: Cell

    def __init__(
        self,
        input_size: int,
        hidden_size: int | Sequence[int],
        num_layers: int,
        skip: int,
        cell: str | Cell = "rnn",
        output_size: int | None = None,
        readout: str = "last",
        dtype: Any = "float32",
        rng: int | np.random.Generator = 0,
        xp: ModuleType | str = np,
        **options: Any,
    ) -> None:
        self.skip, self.cell = positive_integer("skip", skip, least=2), get_cell(cell)
        sizes = inputs.hidden_sizes(hidden_size, positive_integer("num_layers", num_layers))
        below = [positive_integer("input_size", input_size), *sizes]
        layers = [SkipLayer(D, H, self.cell, self.skip) for D, H in zip(below, sizes, strict=False)]
        super().__init__(layers, output_size, readout, dtype, rng, xp, **options)

    def config(self) -> dict[str, Any]:
        """Return the arguments that build a model of the same architecture, as plain numbers and words."""
        own = {"input_size": self.input_size, "hidden_size": list(self.hidden_sizes), "num_layers": len(self.layers)}
        return own | {"skip": self.skip} | super().config()

    def graph(self) -> Graph:
        """Return the cyclic graph of the architecture, for ``paths`` and ``plot``."""
        return skip_stack(len(self.layers), self.skip)


@dataclass(frozen=True)
class SkipLayer(RecurrentLayer):
    """One layer ``c_t = f(x_t, c_{t-1}, c_{t-s})``."""

    cell: Cell
    skip: int

    @property
    def kind(self) -> str:  # type: ignore[override]
        """The cell's name."""
        return self.cell.name

    @property
    def label(self) -> str:  # type: ignore[override]
        """The skip."""
        return f"skip {self.skip}"

    def row(self) -> tuple[int | str, str]:
        """Return the steps that the layer reads."""
        return f"1, {self.skip}", f"t-1, t-{self.skip}, …"

    def initial_params(self, rng: np.random.Generator, input_init: Scheme, recurrent_init: Scheme) -> Params:
        """Draw the parameters, each gate block for itself, biases 0, then let the cell have its say."""
        G, D, H = len(self.cell.gates), self.input_size, self.hidden_size
        params = {
            "W_x": np.concatenate([input_init(rng, H, D) for _ in range(G)]),  # (G*H, D)
            "W_h": np.concatenate([recurrent_init(rng, H, H) for _ in range(G)]),  # (G*H, H)
            "W_s": np.concatenate([recurrent_init(rng, H, H) for _ in range(G)]),  # (G*H, H)
            "b": np.zeros(G * H),
        }
        if self.cell.recurrent_bias:
            params["b_h"] = np.zeros(len(self.cell.split) * H)
        self.cell.initialise(params, rng)
        return params

    def state_shapes(self, batch_size: int) -> list[tuple[int, ...]]:
        """Return (s, B, H) for the outputs and (1, B, H) for each other state array of the cell."""
        return [
            (self.skip if name == self.cell.state[0] else 1, batch_size, self.hidden_size) for name in self.cell.state
        ]

    def kept(self) -> tuple[float, float]:
        """Count x, the states, and an array of H for each product and gate."""
        arrays = self.cell.num_products + len(self.cell.gates) + len(self.cell.state)
        return self.input_size + arrays * self.hidden_size, arrays

    def step(self, params: Params, x: Array, previous: Arrays) -> tuple[Arrays, Any]:
        """Return ``f(W_x x + b, W_h h_{t-1} + W_s h_{t-s})``; see ``RecurrentLayer.step``."""
        h_skip, h_prev = previous[0][0], previous[0][-1]
        from_x = x @ params["W_x"].T + params["b"]  # (B, G*H)
        from_h = h_prev @ params["W_h"].T + h_skip @ params["W_s"].T  # (B, G*H)
        a = pre_activations(self.cell, from_x, from_h, params.get("b_h"))  # (B, H) each
        return self.cell.forward(a, tuple(s[-1] for s in previous))

    def step_backward(
        self,
        params: Params,
        x: Array,
        previous: Arrays,
        cache: Any,
        dnew: Arrays,
        dprevious: Arrays,
        grads: Params,
    ) -> Array:
        """Mirror ``step``, last line first."""
        h_skip, h_prev = previous[0][0], previous[0][-1]
        da, dpointwise = self.cell.backward(dnew, cache)
        for ds, d in zip(dprevious, dpointwise, strict=True):
            ds[-1] += d
        dfrom_x, dfrom_h, db_h = pre_activations_backward(self.cell, da)
        if self.cell.recurrent_bias:
            grads["b_h"] += db_h
        dprevious[0][-1] += dfrom_h @ params["W_h"]
        dprevious[0][0] += dfrom_h @ params["W_s"]
        grads["W_h"] += dfrom_h.T @ h_prev
        grads["W_s"] += dfrom_h.T @ h_skip
        grads["W_x"] += dfrom_x.T @ x
        grads["b"] += dfrom_x.sum(axis=0)
        return dfrom_x @ params["W_x"]
