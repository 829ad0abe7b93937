"""The clockwork RNN: a hidden layer of modules, each of which is computed only at the multiples of its period.

At a time t with ``t mod p_i = 0`` module i becomes ``h_i = tanh(W_x,i x_t + sum over j >= i of W_h,ij h_j(t-1) + b_i)``; at all
other times it keeps its state (Koutník, Greff, Gomez and Schmidhuber 2014, "A Clockwork RNN", section 3). Modules are ordered
from fast to slow, and each reads itself and the slower ones, so the recurrent matrix is block upper triangular.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from ..arrays import inputs
from ..arrays.backend import Array, array_module, to_host
from ..nets.layer import Params
from ..nets.summary import LayerSummary
from ..recurrence.cells import Arrays
from ..recurrence.init import Scheme
from ..theory.graphs import Graph, clockwork
from .base import ComparedSystem, Sizes, layer_sizes
from .recurrent import RecurrentLayer, StepGrads


class ClockworkRNN(ComparedSystem):
    """A clockwork RNN, or a stack of them; the layer above and the read-out read all modules at every step.

    Parameters
    ----------
    hidden_size : H, a multiple of the number of modules, which are of equal size.
    periods : one per module, from fast to slow; the paper takes powers of two.
    num_layers : L; the paper has one layer. input_size, options : as in ``DilatedRNN``.

    Notes
    -----
    The zero blocks of the recurrent matrix are not stored: ``layers.0.W_h0``, ``W_h1``, … hold the rows of each module from its
    own columns on. The paper draws all weights from a Gaussian; here the schemes of the dilated RNN fill each block for itself.
    The time t is 0 at the first step, so every module is computed there.

    Examples
    --------
    >>> model = ClockworkRNN(1, 8, periods=[1, 2, 4, 8], output_size=3)
    >>> output, state, _ = model.forward(np.zeros((20, 5, 1), "float32"))
    >>> output.shape, model.params["layers.0.W_h1"].shape, float(state[0][1][0, 0, 0])  # the clock after 20 steps
    ((5, 3), (2, 6), 20.0)
    """

    settings = ("periods", "num_layers")

    def __init__(
        self, input_size: int, hidden_size: Sizes, periods: Sequence[int], num_layers: int = 1, **options: Any
    ) -> None:
        self.periods = inputs.dilations(periods, "periods")
        if any(slow <= fast for fast, slow in pairwise(self.periods)):
            given = list(self.periods)
            raise ValueError(f"periods must increase from fast to slow, got {given}; sort them and name each once")
        sizes, modules = layer_sizes(input_size, hidden_size, num_layers), len(self.periods)
        for _, H in sizes:
            if H % modules:
                raise ValueError(
                    f"hidden_size must be a multiple of {modules}, the number of modules (one per period), got {H}; "
                    f"for instance {max(H // modules, 1) * modules}"
                )
        super().__init__([ClockworkLayer(D, H, self.periods) for D, H in sizes], **options)

    def graph(self) -> Graph:
        """Return the cyclic graph of the architecture, for ``paths`` and ``plot``."""
        return clockwork(self.periods, self.num_layers)

    def layer_summaries(self) -> list[LayerSummary]:
        """Return the periods: all of them in words, and only the fastest and the slowest in short if there are many."""
        periods = ", ".join(map(str, self.periods))
        short = periods if len(periods) < 8 else f"{self.periods[0]}…{self.periods[-1]}"
        shown = LayerSummary("cw-rnn", f"periods {short}", short, f"modules at multiples of {periods}")
        return [shown] * self.num_layers

    def reach(self) -> str:
        """Return one clause for the summary: how far back the network can look."""
        if self.periods[0] == 1:
            return super().reach()
        return f"the stack reads only the steps at multiples of {' or '.join(map(str, self.periods))}"


@dataclass(frozen=True)
class ClockworkLayer(RecurrentLayer):
    """One layer of modules; its last state array is the clock, (1, B, 1), the number of steps that each row has made.

    The clock has the dtype of the other state arrays and travels with them; float32 counts up to 16,777,216 steps exactly.
    With periods 1, 2, …, 128 and H = 64 to 256 the due modules take 0.35 to 0.48 of the time of all modules.
    """

    periods: tuple[int, ...]

    def units(self, i: int) -> slice:
        """Return the units of module i among all H units."""
        m = self.hidden_size // len(self.periods)
        return slice(i * m, i * m + m)

    @property
    def num_parameters(self) -> int:
        """How many numbers W_x, b and the blocks of W_h hold."""
        modules, H = len(self.periods), self.hidden_size
        blocks = modules * (modules + 1) // 2
        return H * (self.input_size + 1) + blocks * (H // modules) ** 2

    def initial_params(self, rng: np.random.Generator, input_init: Scheme, recurrent_init: Scheme) -> Params:
        """Draw each recurrent block for itself; biases are 0."""
        modules, H = len(self.periods), self.hidden_size
        m = H // modules
        params = {"W_x": input_init(rng, H, self.input_size), "b": np.zeros(H)}
        for i in range(modules):
            params[f"W_h{i}"] = np.hstack([recurrent_init(rng, m, m) for _ in range(i, modules)])  # (m, H - i*m)
        return params

    def state_shapes(self, batch_size: int) -> list[tuple[int, ...]]:
        """Return (1, B, H) for the outputs of all modules and (1, B, 1) for the clock."""
        return [(1, batch_size, self.hidden_size), (1, batch_size, 1)]

    def steps(self, state: Arrays, T: int) -> Iterator[Callable[..., tuple[Arrays, Any]]]:
        """Yield ``step`` for each time step with the rows in which each module is due; one look at the clock serves them all."""
        xp, clock = array_module(state[1]), to_host(state[1])[0, :, 0].real  # (B,)
        times = np.rint(clock).astype(np.int64) + np.arange(T)[:, None]  # (T, B)
        due = times[:, :, None] % np.array(self.periods) == 0  # (T, B, modules)
        some, every = due.any(axis=1), due.all(axis=1)  # (T, modules)
        for t in range(T):
            modules = np.flatnonzero(some[t]).tolist()
            rows = {i: slice(None) if every[t, i] else xp.asarray(np.flatnonzero(due[t, :, i])) for i in modules}
            yield partial(self.step, due=rows)

    def step(self, params: Params, x: Array, previous: Arrays, due: dict[int, Any] | None = None) -> tuple[Arrays, Any]:
        """Compute the modules that are due, each in the rows in which it is; see ``RecurrentLayer.step``."""
        h_prev, clock = previous[0][-1], previous[1][-1]
        h, computed = h_prev.copy(), []
        for i, rows in (due or {}).items():
            own, slower = self.units(i), slice(self.units(i).start, None)
            from_h = h_prev[rows, slower] @ params[f"W_h{i}"].T  # (rows, m)
            h_i = array_module(x).tanh(x[rows] @ params["W_x"][own].T + from_h + params["b"][own])
            h[rows, own] = h_i
            computed.append((i, rows, h_i))
        return (h, clock + 1), computed

    def step_backward(self, params: Params, x: Array, previous: Arrays, cache: Any, grads: StepGrads) -> Array:
        """Mirror ``step``; due modules are piecewise constant in the clock, so its gradient passes only ``clock + 1``."""
        (dh, dclock), (dh_prev, dclock_prev) = grads.new, (ds[-1] for ds in grads.previous)
        dclock_prev += dclock
        h_prev, dx, dkept = previous[0][-1], array_module(x).zeros_like(x), dh.copy()
        for i, rows, h_i in reversed(cache):
            own, slower = self.units(i), slice(self.units(i).start, None)
            dkept[rows, own] = 0
            da = dh[rows, own] * (1 - h_i * h_i)
            grads.params["b"][own] += da.sum(axis=0)
            grads.params["W_x"][own] += da.T @ x[rows]
            dx[rows] += da @ params["W_x"][own]
            grads.params[f"W_h{i}"] += da.T @ h_prev[rows, slower]
            dh_prev[rows, slower] += da @ params[f"W_h{i}"]
        dh_prev += dkept
        return dx
