"""The phased LSTM: a time gate k opens each unit for a small part of its period, and else the unit holds its state.

With the phase ``phi = ((t - s) mod tau) / tau`` the gate rises as ``2 phi / r_on``, falls as ``2 - 2 phi / r_on`` once phi has
passed r_on / 2, and is ``alpha phi`` from r_on on. Then ``c_t = k c~ + (1 - k) c_{t-1}`` and ``h_t = k h~ + (1 - k) h_{t-1}``,
where c~ and ``h~ = o tanh(c~)`` are what an LSTM would make (Neil, Pfeiffer and Liu 2016, "Phased LSTM: Accelerating
Recurrent Network Training for Long or Event-based Sequences", section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from ..arrays import inputs
from ..arrays.backend import Array, array_module
from ..arrays.checks import fraction, positive, positive_integer
from ..nets.layer import Params
from ..nets.network import Network
from ..recurrence.cells import LSTM, Arrays
from ..recurrence.gates import pre_activations, pre_activations_backward
from ..recurrence.init import Scheme
from ..theory.graphs import Graph, plain_stack
from .recurrent import RecurrentCache, RecurrentLayer

CELL = LSTM()


class PhasedLSTM(Network):
    """A stack of LSTM layers whose units have a time gate each, with a learned period and a learned shift.

    Parameters
    ----------
    num_layers : L. Everything else that is not named here : as in ``DilatedRNN``.
    periods : (shortest, longest) in time steps; each unit's period tau is drawn log-uniformly between them. The default, about
        exp(1) to exp(5), is what the authors advise with their published code.
    open_ratio : r_on, the part of its period in which a unit is open.
    leak : alpha, the slope of the gate in the closed phase, through which gradients pass it.

    Notes
    -----
    Learned are tau and s. The parameter is ``log_tau``, so that no step of an optimiser makes a period negative (the authors'
    code takes the absolute value of tau); s is drawn uniformly over the period. r_on is a setting: the authors' notes to their
    code say that it grows towards 1 where it is learned, since an open unit always lowers the loss. The leak is the same in
    training and evaluation (their code closes it in evaluation), so that a pass depends on its arguments alone. The paper's
    peephole weights are left out, as in the library's LSTM. The time t counts steps and is 0 at the first one.

    The gate has kinks, and a jump of height alpha where a period begins; gradients are those of the pieces in between. That of
    ``log_tau`` grows with t, as a small change of the period shifts the phase by more the more cycles have passed.

    Examples
    --------
    >>> model = PhasedLSTM(1, 8, 2, periods=(2, 50), output_size=3)
    >>> output, state, _ = model.forward(np.zeros((20, 5, 1), "float32"))
    >>> output.shape, [s.shape for s in state[0]]
    ((5, 3), [(1, 5, 8), (1, 5, 8), (1, 5, 1)])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int | Sequence[int],
        num_layers: int,
        output_size: int | None = None,
        readout: str = "last",
        dtype: Any = "float32",
        rng: int | np.random.Generator = 0,
        xp: ModuleType | str = np,
        *,
        periods: tuple[float, float] = (2.72, 148.0),
        open_ratio: float = 0.05,
        leak: float = 0.001,
        **options: Any,
    ) -> None:
        self.periods, self.leak = _period_range(periods), fraction("leak", leak)
        self.open_ratio = fraction("open_ratio", open_ratio, one_allowed=True)
        if not self.open_ratio:
            raise ValueError("open_ratio must lie above 0 and up to 1, got 0: the units would never open")
        sizes = inputs.hidden_sizes(hidden_size, positive_integer("num_layers", num_layers))
        below = [positive_integer("input_size", input_size), *sizes]
        layers = [
            PhasedLayer(D, H, self.periods, self.open_ratio, self.leak) for D, H in zip(below, sizes, strict=False)
        ]
        super().__init__(layers, output_size, readout, dtype, rng, xp, **options)

    def config(self) -> dict[str, Any]:
        """Return the arguments that build a model of the same architecture, as plain numbers and words."""
        own = {"input_size": self.input_size, "hidden_size": list(self.hidden_sizes), "num_layers": len(self.layers)}
        own |= {"periods": list(self.periods), "open_ratio": self.open_ratio, "leak": self.leak}
        return own | super().config()

    def graph(self) -> Graph:
        """Return the graph of the plain stack: the gate weighs the edges of an LSTM, and its leak closes none of them."""
        return plain_stack(len(self.layers))


def _period_range(periods: Any) -> tuple[float, float]:
    if isinstance(periods, (str, bytes)) or not isinstance(periods, Sequence) or len(periods) != 2:
        raise TypeError(f"periods must be (shortest, longest) in time steps, got {periods!r}; for instance (2, 100)")
    shortest, longest = positive("periods[0]", periods[0]), positive("periods[1]", periods[1])
    if longest < shortest:
        raise ValueError(f"periods must be (shortest, longest) in time steps, got {shortest:g} before {longest:g}")
    return shortest, longest


@dataclass(frozen=True)
class PhasedLayer(RecurrentLayer):
    """One layer; its state is h, c, and the clock, (1, B, 1): how many steps each row has made.

    The clock is a number like those beside it, so that it travels with them; float32 counts 16,777,216 steps exactly.
    """

    periods: tuple[float, float]
    open_ratio: float
    leak: float
    kind = "phased"

    @property
    def label(self) -> str:  # type: ignore[override]
        """The shortest and the longest period at the start."""
        return f"periods {self.periods[0]:g} to {self.periods[1]:g}"

    def row(self) -> tuple[int | str, str]:
        """Return the steps that the layer reads, and the part of them at which a unit is open."""
        return 1, f"t-1, t-2, …; units open {self.open_ratio:.3g} of the time"

    def initial_params(self, rng: np.random.Generator, input_init: Scheme, recurrent_init: Scheme) -> Params:
        """Draw the LSTM's parameters, each gate block for itself, biases 0, and each unit's period and shift."""
        D, H = self.input_size, self.hidden_size
        log_tau = rng.uniform(np.log(self.periods[0]), np.log(self.periods[1]), H)
        return {
            "W_x": np.concatenate([input_init(rng, H, D) for _ in CELL.gates]),  # (4*H, D)
            "W_h": np.concatenate([recurrent_init(rng, H, H) for _ in CELL.gates]),  # (4*H, H)
            "b": np.zeros(4 * H),
            "log_tau": log_tau,
            "s": rng.uniform(0, np.exp(log_tau)),
        }

    def state_shapes(self, batch_size: int) -> list[tuple[int, ...]]:
        """Return (1, B, H) for h and c and (1, B, 1) for the clock."""
        unit = (1, batch_size, self.hidden_size)
        return [unit, unit, (1, batch_size, 1)]

    def kept(self) -> tuple[float, float]:
        """Count x, the state, the four gates, and c~ and h~."""
        return self.input_size + 8 * self.hidden_size + 1, 12

    def time_gate(self, params: Params, clock: Array) -> tuple[Array, Array, Array]:
        """Return the gate k of each unit at its time, (B, H), and what its derivatives are made of.

        Parameters
        ----------
        clock : (B, 1).

        Returns
        -------
        k. slope : dk/dphi. cycles : ``(t - s) / tau``, of which phi is the fraction.
        """
        xp, r_on = array_module(clock), self.open_ratio
        wide = np.promote_types(clock.dtype, np.float64)  # after many cycles float32 has few digits left for the phase
        cycles = (clock - params["s"].astype(wide)) / xp.exp(params["log_tau"].astype(wide))
        phi = (cycles - xp.floor(cycles.real)).astype(clock.dtype)
        rising, falling = phi.real < r_on / 2, phi.real < r_on
        k = xp.where(rising, 2 * phi / r_on, xp.where(falling, 2 - 2 * phi / r_on, self.leak * phi))
        slope = xp.where(rising, 2 / r_on, xp.where(falling, -2 / r_on, self.leak)).astype(k.dtype)
        return k, slope, cycles.astype(clock.dtype)

    def step(self, params: Params, x: Array, previous: Arrays) -> tuple[Arrays, Any]:
        """Take from an LSTM's step as much as the time gate lets in; see ``RecurrentLayer.step``."""
        h_prev, c_prev, clock = (s[-1] for s in previous)
        k, _, _ = self.time_gate(params, clock)  # (B, H)
        a = pre_activations(CELL, x @ params["W_x"].T + params["b"], h_prev @ params["W_h"].T)  # (B, H) each
        (h_open, c_open), cache = CELL.forward(a, (h_prev, c_prev))
        c = k * c_open + (1 - k) * c_prev
        h = k * h_open + (1 - k) * h_prev
        return (h, c, clock + 1), (h_open, c_open, cache)

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
        """Mirror ``step``, last line first; the gate is worked out again, which costs less than to keep it."""
        (dh, dc, dclock), (h_open, c_open, cell_cache) = dnew, cache
        h_prev, c_prev, clock = (s[-1] for s in previous)
        dh_prev, dc_prev, dclock_prev = (ds[-1] for ds in dprevious)
        k, slope, cycles = self.time_gate(params, clock)
        dh_prev += dh * (1 - k)
        dc_prev += dc * (1 - k)
        dk = dh * (h_open - h_prev) + dc * (c_open - c_prev)
        da, (_, dc_cell) = CELL.backward((dh * k, dc * k), cell_cache)
        dc_prev += dc_cell
        dfrom, _, _ = pre_activations_backward(CELL, da)  # (B, 4*H)
        dh_prev += dfrom @ params["W_h"]
        grads["W_h"] += dfrom.T @ h_prev
        grads["W_x"] += dfrom.T @ x
        grads["b"] += dfrom.sum(axis=0)
        dcycles = dk * slope  # phi = cycles less a whole number
        dshifted = dcycles / array_module(x).exp(params["log_tau"])  # the gradient of t - s
        grads["log_tau"] -= (dcycles * cycles).sum(axis=0)
        grads["s"] -= dshifted.sum(axis=0)
        dclock_prev += dshifted.sum(axis=1, keepdims=True) + dclock
        return dfrom @ params["W_x"]

    def gate_values(self, cache: RecurrentCache) -> dict[str, Array]:
        """Return the time gate k and the gates i, f, g and o."""
        xp, H = array_module(cache.x), self.hidden_size
        k, _, _ = self.time_gate(cache.params, cache.buffers[2][:-1])  # (T, B, H)
        gates = [CELL.gate_values(kept[2]) for kept in cache.steps]
        shown = {"k": k} | {name: xp.stack([gate[name] for gate in gates]) for name in CELL.gates}  # (T, B, H) each
        return {name: values.reshape(-1, H).T for name, values in shown.items()}  # (H, T*B)
