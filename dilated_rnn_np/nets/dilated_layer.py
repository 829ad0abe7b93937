"""The dilated layer: the fold, its parameters, and the state that is carried from chunk to chunk.

In the order ``(features, T*B)`` d consecutive time steps are adjacent, so the fold of dilation d is a view: d*B columns are one
step of an ordinary recurrent net whose batch rows are the d phases (Chang et al. 2017, section 2.1 and figure 1, right).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..arrays.backend import Array, array_module
from ..arrays.threads import Workers, at_once, even_slices
from ..device import kernels
from ..recurrence.cells import Arrays, Cell
from ..recurrence.gates import join_weights, separate_weights
from ..recurrence.init import Scheme, draw_gates
from .layer import Layer, Params, RowLengths, gate_parameters

# In a folded step of fewer multiplications, waiting for Python's lock costs more than a second core gives.
WORTH_A_THREAD = 4_000_000
# Numbers per array of a part: the cell's arrays then stay in the core's cache. Without a limit, the backward pass of a
# layer of dilation 256 (H = 20 and 50, 128 rows) takes 1.4 times as long.
LARGEST_PART = 100_000


@dataclass
class LayerCache:
    """The data for ``DilatedLayer.backward``: weights and buffers of the forward pass, and each block's cell cache."""

    W: Array  # (P*H, D+1+H)
    Z: Array  # (D+1+H, (T+d)*B)
    parts: list[slice]  # the columns of a block that were run together
    blocks: list[list[Any]]  # for each part, the cell's cache of each block
    rows: RowLengths
    route: Any  # the module of the device room or of the recurrence whose forward made it


@dataclass(frozen=True)
class DilatedLayer(Layer):
    """A recurrent layer ``c_t = f(x_t, c_{t-d})``."""

    cell: Cell
    input_size: int
    hidden_size: int
    dilation: int
    kernels: str = "plain"  # on a GPU, see ``device.kernels``

    @property
    def num_parameters(self) -> int:
        """How many numbers W_x, W_h, b and b_h hold."""
        return gate_parameters(self.cell, self.input_size, self.hidden_size)

    def state_shapes(self, batch_size: int) -> list[tuple[int, ...]]:
        """Return (d, B, H) for each state array of the cell: the last d steps in time order."""
        return [(self.dilation, batch_size, self.hidden_size)] * len(self.cell.state)

    def initial_params(self, rng: np.random.Generator, input_init: Scheme, recurrent_init: Scheme) -> Params:
        """Draw each gate block for itself, set biases to 0, then apply the cell's own initialisation."""
        params = draw_gates(rng, self.cell, self.input_size, self.hidden_size, input_init, recurrent_init)
        self.cell.initialise(params, rng)
        return params

    def forward(
        self,
        params: Params,
        x: Array,
        state: Arrays,
        rows: RowLengths,
        workers: Workers,
        keep: bool = True,
        reuse: LayerCache | None = None,
    ) -> tuple[Arrays, LayerCache]:
        """Run the layer over a sequence; see ``Layer.forward``.

        params : W_x (G*H, D), W_h (G*H, H), b (G*H,), and b_h for a cell that has it. x : (D, T*B).
        state, also the returned one : (d, B, H) per array of the cell, each row's last d steps in time order.
        """
        xp, (D, columns), H, B = array_module(x), x.shape, self.hidden_size, state[0].shape[1]
        n = self.dilation * B
        W, shape = join_weights(self.cell, **params), (D + 1 + H, columns + n)
        parts = self.parts(n, workers.count) if xp is np else [slice(0, n)]
        if reuse is not None and reuse.Z.shape == shape and reuse.Z.dtype == x.dtype and reuse.parts == parts:
            Z, blocks = reuse.Z, reuse.blocks
        else:
            Z = xp.empty(shape, dtype=x.dtype)
            blocks = [[None] * -(-(columns - part.start) // n) for part in parts]
        Z[D] = 1
        states = tuple(s.reshape(n, H).copy() for s in state)  # (d, B, H) -> (d*B, H); step j of these has phase j
        route = kernels.route(self.kernels, self.cell, H, x)

        def run_part(part: slice, caches: list[Any]) -> None:
            route.forward(self.cell, W, Z, x, states, part, caches if keep else None, rows.valid)

        workers.run([partial(run_part, *pair) for pair in zip(parts, blocks, strict=True)])
        phases = self._phases(rows)
        after = tuple(s.reshape(-1, B, H)[phases] for s in states)  # (d*B, H) -> (d, B, H)
        return after, LayerCache(W, Z, parts, blocks, rows, route)

    def backward(
        self, cache: LayerCache, dh: Array, dstate: Arrays, workers: Workers, dh_total: Array | None = None
    ) -> tuple[Array, Arrays, Params]:
        """Mirror ``forward``; see ``Layer.backward``. Where D = H, dx is written over dh."""
        xp, (H, columns), D, d = array_module(dh), dh.shape, self.input_size, self.dilation
        n, phases, dstates = cache.Z.shape[1] - columns, self._phases(cache.rows), []
        for ds in dstate:
            by_phase = xp.empty_like(ds)
            by_phase[phases] = ds
            dstates.append(by_phase.reshape(n, H))  # (d, B, H) -> (d*B, H)
        dx = dh if D == H else xp.empty((D, columns), dtype=dh.dtype)

        def run_part(part: slice, caches: list[Any], submit: Any) -> Array:
            arrays = cache.W, cache.Z, dh, dx, dstates
            return cache.route.backward(self.cell, *arrays, part, caches, cache.rows.valid, dh_total, submit)

        if len(cache.parts) == 1:
            with workers.assistant() as submit:
                dW = run_part(cache.parts[0], cache.blocks[0], submit)
        else:
            pairs = zip(cache.parts, cache.blocks, strict=True)
            shares = workers.run([partial(run_part, *pair, at_once) for pair in pairs])
            dW = sum(shares[1:], shares[0])  # always in the order of the parts
        dstate = tuple(ds.reshape(d, -1, H) for ds in dstates)  # (d*B, H) -> (d, B, H)
        return dx, dstate, separate_weights(self.cell, dW, D)

    def _phases(self, rows: RowLengths) -> tuple[Array, Array]:
        """Return indices, (d, B) and (B,), into a state by phase (d, B, …): the phase of each row's last d steps in time order.

        A row of length T ends at phase (T - 1) mod d, so the oldest of its last d steps has phase T mod d. For d = 3 and T = 5
        the steps 2, 3, 4 have the phases 2, 0, 1.
        """
        xp, d = array_module(rows.lengths), self.dilation
        return (rows.lengths + xp.arange(d)[:, None]) % d, xp.arange(len(rows.lengths))

    def parts(self, n: int, threads: int) -> list[slice]:
        """Return the parts that the n = d*B columns of a block are split into: one or more per thread, none too large."""
        multiplications = n * self.cell.num_products * self.hidden_size * (self.input_size + 1 + self.hidden_size)
        count = threads if multiplications >= WORTH_A_THREAD else 1
        count *= -(-n * self.hidden_size // (count * LARGEST_PART))
        return even_slices(n, min(n, count))

    def outputs(self, cache: LayerCache, steps_before: int = 0) -> Array:
        """Return the view (H, (steps_before + T)*B) of the outputs, led by the last steps of the given state."""
        return cache.Z[self.input_size + 1 :, (self.dilation - steps_before) * len(cache.rows.lengths) :]

    def gate_values(self, cache: LayerCache) -> dict[str, Array]:
        """Return the gates that the cell shows, by name, (H, T*B) each."""
        gates: dict[str, Array] = {}
        n = self.dilation * len(cache.rows.lengths)
        for part, caches in zip(cache.parts, cache.blocks, strict=True):
            cache.route.gate_values(self.cell, caches, gates, self.outputs(cache), n, part)
        return gates
