"""The interface of all layers, and the lengths of a batch's rows.

Sequences lie feature-major inside a network, ``(features, T*B)``: column ``t*B + b`` holds time t of batch row b.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays.backend import Array, array_module
from ..arrays.threads import Workers
from ..recurrence.cells import Arrays, Cell
from ..recurrence.init import Scheme

Params = dict[str, Array]


def gate_parameters(cell: Cell, D: int, H: int) -> int:
    """Return how many numbers ``draw_gates`` draws: W_x, W_h and b of all gates, and b_h."""
    return len(cell.gates) * H * (D + H + 1) + (len(cell.split) * H if cell.recurrent_bias else 0)


@dataclass(frozen=True)
class RowLengths:
    """The length of each batch row's sequence: times ``t >= lengths[b]`` count for nothing."""

    lengths: Array  # (B,) integers
    valid: Array | None  # (T*B,) booleans, None where every row is T long

    @classmethod
    def of(cls, xp: Any, seq_len: int, batch_size: int, lengths: Array | None) -> RowLengths:
        """Return the row lengths for checked ``lengths`` (B,), or for rows that are all ``seq_len`` long."""
        if lengths is None:
            return cls(xp.full(batch_size, seq_len), None)
        lengths = xp.asarray(lengths)
        return cls(lengths, (xp.arange(seq_len)[:, None] < lengths).reshape(-1))  # (T, B) -> (T*B,)

    def last_columns(self, steps: int) -> Array:
        """Return (steps, B): the columns of each row's last steps in a buffer of ``steps`` steps before the sequence and T of it.

        >>> RowLengths.of(np, 5, 2, np.array([5, 1])).last_columns(2).tolist()  # row 1: the steps before, and its only one
        [[10, 3], [12, 5]]
        """
        xp, B = array_module(self.lengths), len(self.lengths)
        return (self.lengths + xp.arange(steps)[:, None]) * B + xp.arange(B)


class Layer(ABC):
    """The layer interface; a subclass is a frozen dataclass of sizes, parameters are passed in.

    The first state array of a layer holds its newest outputs, the newest one last. Every state array has the batch as its
    second axis.
    """

    input_size: int
    hidden_size: int

    @abstractmethod
    def initial_params(self, rng: np.random.Generator, input_init: Scheme, recurrent_init: Scheme) -> Params:
        """Draw the layer's parameters on the host, in float64."""

    @property
    @abstractmethod
    def num_parameters(self) -> int:
        """How many numbers the parameters hold, known before they are drawn."""

    @abstractmethod
    def state_shapes(self, batch_size: int) -> list[tuple[int, ...]]:
        """Return the shape of each state array, (steps, B, numbers)."""

    @property
    def steps_in_state(self) -> int:
        """How many time steps the longest state array holds."""
        return max(shape[0] for shape in self.state_shapes(1))

    @abstractmethod
    def forward(
        self,
        params: Params,
        x: Array,
        state: Arrays,
        rows: RowLengths,
        workers: Workers,
        keep: bool = True,
        reuse: Any = None,
    ) -> tuple[Arrays, Any]:
        """Run over x (D, T*B) and return the state after it and a cache.

        The cache holds the outputs; with ``keep=False`` only they are needed. ``reuse`` is the cache of an earlier pass, whose
        buffers may be overwritten.
        """

    @abstractmethod
    def backward(
        self, cache: Any, dh: Array, dstate: Arrays, workers: Workers, dh_total: Array | None = None
    ) -> tuple[Array, Arrays, Params]:
        """Mirror ``forward``: return dx (D, T*B), the gradient of the given state, and those of the parameters.

        dh : (H, T*B), the gradient of the outputs; may be overwritten. dstate : that of the returned state.
        dh_total : (H, T*B), to be filled with the whole gradient that reaches each output, from above and through time; or None.
        """

    @abstractmethod
    def outputs(self, cache: Any, steps_before: int = 0) -> Array:
        """Return the outputs (H, (steps_before + T)*B), led by the last steps of the given state."""

    def gate_values(self, cache: Any) -> dict[str, Array]:
        """Return the gates by name, (H, T*B) each, for pictures; the default shows none."""
        return {}
