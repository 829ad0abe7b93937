"""The clockwork RNN: modules of one hidden layer, each of which is computed at the multiples of its period alone.

At a time t with ``t mod p_i = 0`` module i becomes ``h_i = tanh(W_x,i x_t + sum over j >= i of W_h,ij h_j(t-1) + b_i)``, at any
other time it holds its state (Koutník, Greff, Gomez and Schmidhuber 2014, "A Clockwork RNN", section 3). The modules stand
from fast to slow: each reads itself and the slower ones, so that the recurrent matrix is block upper triangular.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np

from ..arrays import inputs
from ..arrays.backend import Array, array_module, to_host
from ..arrays.checks import positive_integer
from ..nets.layer import Params
from ..nets.network import Network
from ..recurrence.cells import Arrays
from ..recurrence.init import Scheme
from ..theory.graphs import Graph, clockwork
from .recurrent import RecurrentLayer


class ClockworkRNN(Network):
    """A clockwork RNN, or a stack of them: the layer above reads all modules at every step, as the read-out does.

    Parameters
    ----------
    hidden_size : H, a multiple of the number of modules, which are of equal size.
    periods : from fast to slow, one a module; the paper takes powers of two.
    num_layers : L; the paper has one layer. Everything else : as in ``DilatedRNN``.

    Notes
    -----
    The blocks of the recurrent matrix that are zero are not stored: ``layers.0.W_h0``, ``W_h1``, … are the rows of each module
    from its own columns on, so ``num_parameters`` counts weights that are used. The paper draws all weights from a Gaussian;
    here the schemes of the dilated RNN fill each block for itself. The time t is 0 at the first step, at which every module is
    therefore computed.

    Examples
    --------
    >>> model = ClockworkRNN(1, 8, periods=[1, 2, 4, 8], output_size=3)
    >>> output, state, _ = model.forward(np.zeros((20, 5, 1), "float32"))
    >>> output.shape, model.params["layers.0.W_h1"].shape, float(state[0][1][0, 0, 0])  # the clock after 20 steps
    ((5, 3), (2, 6), 20.0)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int | Sequence[int],
        periods: Sequence[int],
        num_layers: int = 1,
        output_size: int | None = None,
        readout: str = "last",
        dtype: Any = "float32",
        rng: int | np.random.Generator = 0,
        xp: ModuleType | str = np,
        **options: Any,
    ) -> None:
        self.periods = inputs.dilations(periods, "periods")
        if any(slow <= fast for fast, slow in pairwise(self.periods)):
            raise ValueError(
                f"periods must grow from fast to slow, got {list(self.periods)}; sort them, name each once"
            )
        sizes = inputs.hidden_sizes(hidden_size, positive_integer("num_layers", num_layers))
        modules = len(self.periods)
        for H in sizes:
            if H % modules:
                raise ValueError(
                    f"hidden_size must be a multiple of the {modules} modules, one a period, got {H}; "
                    f"for instance {max(H // modules, 1) * modules}"
                )
        below = [positive_integer("input_size", input_size), *sizes]
        layers = [ClockworkLayer(D, H, self.periods) for D, H in zip(below, sizes, strict=False)]
        super().__init__(layers, output_size, readout, dtype, rng, xp, **options)

    def config(self) -> dict[str, Any]:
        """Return the arguments that build a model of the same architecture, as plain numbers and words."""
        own = {"input_size": self.input_size, "hidden_size": list(self.hidden_sizes), "periods": list(self.periods)}
        return own | {"num_layers": len(self.layers)} | super().config()

    def graph(self) -> Graph:
        """Return the cyclic graph of the architecture, for ``paths`` and ``plot``."""
        return clockwork(self.periods, len(self.layers))

    def reach(self) -> str:
        """Return one clause for the summary: how far back the network can look."""
        if self.periods[0] == 1:
            return super().reach()
        return f"the stack reads the steps at multiples of {' or '.join(map(str, self.periods))} alone"


@dataclass(frozen=True)
class ClockworkLayer(RecurrentLayer):
    """One layer of modules; its last state array is the clock, (1, B, 1): how many steps each row has made.

    The clock is a number like those beside it, so that it travels with them; float32 counts 16,777,216 steps exactly. What
    is due is worked out on the host, from one look at the clock before the pass: one small transfer from a device, and one back
    where rows stand at different hours.
    """

    periods: tuple[int, ...]
    kind = "cw-rnn"

    @property
    def label(self) -> str:  # type: ignore[override]
        """The periods."""
        return f"periods {self.row()[0]}"

    def row(self) -> tuple[int | str, str]:
        """Return the periods, of many the fastest and the slowest alone, and in words all of them."""
        periods = ", ".join(map(str, self.periods))
        short = periods if len(periods) < 8 else f"{self.periods[0]}…{self.periods[-1]}"
        return short, f"modules at multiples of {periods}"

    def units(self, i: int) -> slice:
        """Return where module i lies among the H units."""
        m = self.hidden_size // len(self.periods)
        return slice(i * m, i * m + m)

    def initial_params(self, rng: np.random.Generator, input_init: Scheme, recurrent_init: Scheme) -> Params:
        """Draw the parameters, each recurrent block for itself, biases 0."""
        modules, D, H = len(self.periods), self.input_size, self.hidden_size
        m = H // modules
        params = {"W_x": input_init(rng, H, D), "b": np.zeros(H)}
        for i in range(modules):
            blocks = [recurrent_init(rng, m, m) for _ in range(i, modules)]
            params[f"W_h{i}"] = np.concatenate(blocks, axis=1)  # (m, H - i*m)
        return params

    def state_shapes(self, batch_size: int) -> list[tuple[int, ...]]:
        """Return (1, B, H) for the outputs of all modules and (1, B, 1) for the clock."""
        return [(1, batch_size, self.hidden_size), (1, batch_size, 1)]

    def kept(self) -> tuple[float, float]:
        """Count x, the state, and the modules that are computed."""
        due = sum(1 / p for p in self.periods)  # modules a step, on average
        return self.input_size + self.hidden_size * (1 + due / len(self.periods)) + 1, due + 3

    # With periods 1, 2, … 128 and H = 64 to 256 a training step takes 0.35 to 0.48 of the time that all modules would take.

    def steps(self, state: Arrays, T: int) -> Iterator[Callable[..., tuple[Arrays, Any]]]:
        """Yield ``step`` with what is due at each time: modules, and the batch rows at whose hour they are."""
        xp, clock = array_module(state[1]), to_host(state[1])[0, :, 0].real  # (B,)
        hours = np.rint(clock).astype(np.int64) + np.arange(T)[:, None]  # (T, B)
        due = hours[:, :, None] % np.array(self.periods) == 0  # (T, B, modules)
        some, every = due.any(axis=1), due.all(axis=1)  # (T, modules)
        apart = due.transpose(0, 2, 1)[some & ~every]  # (steps and modules at which some rows are due, B)
        stops = np.cumsum(apart.sum(axis=1)).tolist()
        rows_due = xp.asarray(np.nonzero(apart)[1]) if stops else None  # of all of them, moved at once
        places = iter(zip([0, *stops], stops, strict=False))
        for t in range(T):
            rows = {}
            for i in np.flatnonzero(some[t]).tolist():
                rows[i] = slice(None) if every[t, i] else rows_due[slice(*next(places))]  # type: ignore[index]
            yield partial(self.step, due=rows)

    def step(self, params: Params, x: Array, previous: Arrays, due: dict[int, Any] | None = None) -> tuple[Arrays, Any]:
        """Compute the modules that are due, for the rows whose hour it is; see ``RecurrentLayer.step``."""
        h_prev, clock = previous[0][-1], previous[1][-1]
        h, computed = h_prev.copy(), []
        for i, rows in (due or {}).items():
            own, slower = self.units(i), slice(self.units(i).start, None)
            from_h = h_prev[rows, slower] @ params[f"W_h{i}"].T  # (rows, m)
            h_i = array_module(x).tanh(x[rows] @ params["W_x"][own].T + from_h + params["b"][own])
            h[rows, own] = h_i
            computed.append((i, rows, h_i))
        return (h, clock + 1), computed

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
        """Mirror ``step``; what is due steps with the clock, so to the clock itself only ``clock + 1`` leads back."""
        (dh, dclock), h_prev, dh_prev = dnew, previous[0][-1], dprevious[0][-1]
        dprevious[1][-1] += dclock
        dx, dheld = array_module(x).zeros_like(x), dh.copy()
        for i, rows, h_i in reversed(cache):
            own, slower = self.units(i), slice(self.units(i).start, None)
            dheld[rows, own] = 0
            da = dh[rows, own] * (1 - h_i * h_i)
            grads["b"][own] += da.sum(axis=0)
            grads["W_x"][own] += da.T @ x[rows]
            dx[rows] += da @ params["W_x"][own]
            grads[f"W_h{i}"] += da.T @ h_prev[rows, slower]
            dh_prev[rows, slower] += da @ params[f"W_h{i}"]
        dh_prev += dheld
        return dx
