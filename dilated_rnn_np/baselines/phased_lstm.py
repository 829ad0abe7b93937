"""The phased LSTM: a time gate k opens each unit for a small part of its period; for the rest, the unit keeps its state.

With the phase ``phi = ((t - s) mod tau) / tau`` the gate rises as ``2 phi / r_on`` up to phi = r_on / 2, falls as
``2 - 2 phi / r_on`` up to r_on, and is ``alpha phi`` beyond. Then ``c_t = k c~ + (1 - k) c_{t-1}`` and
``h_t = k h~ + (1 - k) h_{t-1}``, where c~ and ``h~ = o tanh(c~)`` are the new state of an LSTM (Neil, Pfeiffer and Liu 2016,
"Phased LSTM: Accelerating Recurrent Network Training for Long or Event-based Sequences", section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays.backend import Array, array_module
from ..arrays.checks import fraction, positive
from ..nets.layer import Params, gate_parameters
from ..nets.summary import LayerSummary
from ..recurrence.cells import LSTM, Arrays
from ..recurrence.gates import pre_activations, pre_activations_backward
from ..recurrence.init import Scheme, draw_gates
from ..theory.graphs import Graph, plain_stack
from .base import ComparedSystem, Sizes, layer_sizes
from .recurrent import RecurrentCache, RecurrentLayer, StepGrads

CELL = LSTM()


class PhasedLSTM(ComparedSystem):
    """A stack of LSTM layers in which each unit has a time gate with a learned period and a learned shift.

    Parameters
    ----------
    num_layers : L. input_size, hidden_size, options : as in ``DilatedRNN``.
    periods : (shortest, longest) in time steps; each unit's period tau is drawn log-uniformly between them, and its shift s
        uniformly over the period. The default, about exp(1) to exp(5), is the authors' recommendation.
    open_ratio : r_on, the part of its period in which a unit is open.
    leak : alpha, the slope of the gate in the closed phase; it lets gradients pass a closed gate.

    Notes
    -----
    Training learns tau and s, not r_on: the authors' notes to their code report that a learned r_on grows towards 1, since an
    open unit always lowers the loss. The parameter is ``log_tau``, so no optimiser step makes a period negative. The leak is the
    same in training and evaluation (the authors' code sets it to 0 in evaluation), so a pass depends only on its arguments. The
    paper's peephole weights are left out, as in the library's LSTM. The time t counts steps and is 0 at the first one.

    The gate has kinks, and a jump of height alpha at the start of each period; gradients are those of the pieces in between.

    Examples
    --------
    >>> model = PhasedLSTM(1, 8, 2, periods=(2, 50), output_size=3)
    >>> output, state, _ = model.forward(np.zeros((20, 5, 1), "float32"))
    >>> output.shape, [s.shape for s in state[0]]
    ((5, 3), [(1, 5, 8), (1, 5, 8), (1, 5, 1)])
    """

    settings = ("num_layers", "periods", "open_ratio", "leak")

    def __init__(
        self,
        input_size: int,
        hidden_size: Sizes,
        num_layers: int,
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
        sizes = layer_sizes(input_size, hidden_size, num_layers)
        layers = [PhasedLayer(D, H, self.periods, self.open_ratio, self.leak) for D, H in sizes]
        super().__init__(layers, **options)

    def graph(self) -> Graph:
        """Return the graph of the plain stack: the gate weighs the edges of an LSTM, and because of its leak removes none."""
        return plain_stack(self.num_layers)

    def layer_summaries(self) -> list[LayerSummary]:
        """Return the initial range of periods, and the part of the time that a unit is open."""
        label = f"periods {self.periods[0]:g} to {self.periods[1]:g}"
        reads = f"t-1, t-2, …; units open {self.open_ratio:.3g} of the time"
        return [LayerSummary("phased", label, 1, reads)] * self.num_layers


def _period_range(periods: Any) -> tuple[float, float]:
    if isinstance(periods, (str, bytes)) or not isinstance(periods, Sequence) or len(periods) != 2:
        raise TypeError(f"periods must be (shortest, longest) in time steps, got {periods!r}; for instance (2, 100)")
    shortest, longest = positive("periods[0]", periods[0]), positive("periods[1]", periods[1])
    if longest < shortest:
        raise ValueError(f"periods must be (shortest, longest) in time steps, got {shortest:g} before {longest:g}")
    return shortest, longest


@dataclass(frozen=True)
class PhasedLayer(RecurrentLayer):
    """One layer; its state is h, c, and a clock, (1, B, 1), as in ``ClockworkLayer``."""

    periods: tuple[float, float]
    open_ratio: float
    leak: float

    @property
    def num_parameters(self) -> int:
        """How many numbers the gates, log_tau and s hold."""
        return gate_parameters(CELL, self.input_size, self.hidden_size) + 2 * self.hidden_size

    def initial_params(self, rng: np.random.Generator, input_init: Scheme, recurrent_init: Scheme) -> Params:
        """Draw each unit's period, the LSTM's gate blocks, each for itself, and each unit's shift; biases are 0."""
        log_tau = rng.uniform(np.log(self.periods[0]), np.log(self.periods[1]), self.hidden_size)
        params = draw_gates(rng, CELL, self.input_size, self.hidden_size, input_init, recurrent_init)
        return params | {"log_tau": log_tau, "s": rng.uniform(0, np.exp(log_tau))}

    def state_shapes(self, batch_size: int) -> list[tuple[int, ...]]:
        """Return (1, B, H) for h and c and (1, B, 1) for the clock."""
        return [(1, batch_size, n) for n in (self.hidden_size, self.hidden_size, 1)]

    def time_gate(self, params: Params, clock: Array) -> tuple[Array, Array, Array]:
        """Return the gate k at the times t of a clock (B, 1), ``dk/dphi``, and the cycles ``(t - s) / tau``, (B, H) each.

        The phase phi is the fractional part of the cycles.
        """
        xp, r_on = array_module(clock), self.open_ratio
        wide = np.promote_types(clock.dtype, np.float64)  # after many cycles float32 leaves few digits for the phase
        cycles = (clock - params["s"].astype(wide)) / xp.exp(params["log_tau"].astype(wide))
        phi = (cycles - xp.floor(cycles.real)).astype(clock.dtype)
        rising, falling = phi.real < r_on / 2, phi.real < r_on
        k = xp.where(rising, 2 * phi / r_on, xp.where(falling, 2 - 2 * phi / r_on, self.leak * phi))
        slope = xp.where(rising, 2 / r_on, xp.where(falling, -2 / r_on, self.leak)).astype(k.dtype)
        return k, slope, cycles.astype(clock.dtype)

    def step(self, params: Params, x: Array, previous: Arrays) -> tuple[Arrays, Any]:
        """Mix the previous state with an LSTM's new state, as the time gate says; see ``RecurrentLayer.step``.

        The cell works on transposed views, (H, B), as ``pre_activations`` takes and returns them.
        """
        h_prev, c_prev, clock = (s[-1] for s in previous)
        k, _, _ = self.time_gate(params, clock)  # (B, H)
        from_x, from_h = x @ params["W_x"].T + params["b"], h_prev @ params["W_h"].T  # (B, 4*H)
        new, cache = CELL.forward(pre_activations(CELL, from_x.T, from_h.T), (h_prev.T, c_prev.T))  # (H, B) each
        h_open, c_open = (s.T for s in new)  # (B, H)
        c = k * c_open + (1 - k) * c_prev
        h = k * h_open + (1 - k) * h_prev
        return (h, c, clock + 1), (h_open, c_open, cache)

    def step_backward(self, params: Params, x: Array, previous: Arrays, cache: Any, grads: StepGrads) -> Array:
        """Mirror ``step``, last line first; computing the gate again costs less than keeping it."""
        (dh, dc, dclock), (h_open, c_open, cell_cache) = grads.new, cache
        h_prev, c_prev, clock = (s[-1] for s in previous)
        dh_prev, dc_prev, dclock_prev = (ds[-1] for ds in grads.previous)
        k, slope, cycles = self.time_gate(params, clock)
        dh_prev += dh * (1 - k)
        dc_prev += dc * (1 - k)
        dk = dh * (h_open - h_prev) + dc * (c_open - c_prev)
        da, (_, dc_cell) = CELL.backward(((dh * k).T, (dc * k).T), cell_cache)  # (H, B) each
        dc_prev += dc_cell.T
        dfrom, _, _ = pre_activations_backward(CELL, da)  # (4*H, B), of from_x and of from_h
        dh_prev += dfrom.T @ params["W_h"]
        grads.params["W_h"] += dfrom @ h_prev
        grads.params["W_x"] += dfrom @ x
        grads.params["b"] += dfrom.sum(axis=1)
        dcycles = dk * slope  # phi differs from cycles by a constant, a whole number
        dshifted = dcycles / array_module(x).exp(params["log_tau"])  # the gradient of t - s
        grads.params["log_tau"] -= (dcycles * cycles).sum(axis=0)
        grads.params["s"] -= dshifted.sum(axis=0)
        dclock_prev += dshifted.sum(axis=1, keepdims=True) + dclock
        return dfrom.T @ params["W_x"]

    def gate_values(self, cache: RecurrentCache) -> dict[str, Array]:
        """Return the time gate k and the gates i, f, g and o."""
        xp, H = array_module(cache.x), self.hidden_size
        k, _, _ = self.time_gate(cache.params, cache.buffers[2][:-1])  # (T, B, H)
        of_steps = [CELL.gate_values(cell_cache) for _, _, cell_cache in cache.steps]  # (H, B) each
        gates = {name: xp.concatenate([step[name] for step in of_steps], axis=1) for name in CELL.gates}
        return {"k": k.reshape(-1, H).T} | gates  # (H, T*B) each
