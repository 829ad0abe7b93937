"""What a layer is, and the dilated one: parameters, the fold, and the state that is carried from chunk to chunk.

Sequences lie feature-major here, ``(features, T*B)`` with column ``t*B + b``. In that order d consecutive time steps are
adjacent, so the fold of dilation d is a view: d*B columns are one step of an ordinary recurrent net whose batch rows are
the d phases (Chang et al. 2017, section 2.1 and figure 1, right).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from typing import Any

import numpy as np

from ..arrays import threads
from ..arrays.backend import Array, array_module
from ..device import kernels
from ..recurrence import scan
from ..recurrence.cells import Arrays, Cell
from ..recurrence.init import Scheme

Params = dict[str, Array]

# Two threads make a training step 1.2 (lstm, H = 20) to 1.6 times (H = 256) as fast. In a block of fewer multiplications
# than this, waiting for Python's lock costs more than a second core gives.
WORTH_A_THREAD = 4_000_000
# Numbers in one array of a part: what a cell computes with then stays in the core's cache, worth 1.04 at H = 50.
LARGEST_PART = 100_000


@dataclass(frozen=True)
class Ends:
    """Where each batch row's sequence ends: nothing at a time ``t >= lengths[b]`` counts."""

    lengths: Array  # (B,) integers
    valid: Array | None  # (T*B,) booleans, None where every row is T long

    @classmethod
    def of(cls, xp: Any, seq_len: int, batch_size: int, lengths: Array | None) -> Ends:
        """Return the ends for checked ``lengths`` (B,), or for rows that are all ``seq_len`` long."""
        if lengths is None:
            return cls(xp.full(batch_size, seq_len), None)
        lengths = xp.asarray(lengths)
        return cls(lengths, (xp.arange(seq_len)[:, None] < lengths).reshape(-1))  # (T, B) -> (T*B,)


def dropout_mask(rng: np.random.Generator, probability: float, rows: Array) -> Array:
    """Return (H, T*B): 0 where a number is dropped and 1 / (1 - probability) elsewhere, drawn on the host."""
    kept = rng.random(rows.shape, dtype=np.float32) >= probability
    return array_module(rows).asarray(kept.astype(rows.dtype) / (1 - probability))


class Layer(ABC):
    """What a network asks of a layer; a subclass is a frozen dataclass that holds sizes only, parameters are passed in.

    The first of its state arrays holds its newest outputs, the newest one last, whatever else it has to remember. Every
    state array has the batch as its second axis.

    Attributes
    ----------
    kind : what summaries call the recurrence. label : what tells the layer from its neighbours, for pictures.
    """

    input_size: int
    hidden_size: int
    kind: str = "layer"
    label: str = ""

    @abstractmethod
    def initial_params(self, rng: np.random.Generator, input_init: Scheme, recurrent_init: Scheme) -> Params:
        """Draw the layer's parameters on the host, in float64."""

    @abstractmethod
    def state_shapes(self, batch_size: int) -> list[tuple[int, ...]]:
        """Return the shape of each state array, (steps, B, numbers)."""

    @abstractmethod
    def forward(
        self, params: Params, x: Array, state: Arrays, ends: Ends, keep: bool = True, spare: Any = None
    ) -> tuple[Arrays, Any]:
        """Run over x (D, T*B) and return the state after it and a cache, which holds the outputs too."""

    @abstractmethod
    def backward(
        self, cache: Any, dh: Array, dstate: Arrays, flow: Array | None = None
    ) -> tuple[Array, Arrays, Params]:
        """Mirror ``forward`` from dh (H, T*B) and the gradient of the returned state: return dx, dstate and grads."""

    @abstractmethod
    def outputs(self, cache: Any, steps_before: int = 0) -> Array:
        """Return the outputs (H, (steps_before + T)*B), led by so many steps of the given state."""

    def gate_values(self, cache: Any) -> dict[str, Array]:
        """Return what pictures show beside the outputs, by name, (H, T*B) each; the default shows none."""
        return {}

    def parts(self, batch_size: int) -> list[slice]:
        """Return the columns that different threads work on; the default is one thread."""
        return [slice(0, batch_size)]

    @abstractmethod
    def kept(self) -> tuple[float, float]:
        """Return what a cache holds for one time step: numbers for a batch row, and arrays."""

    def row(self) -> tuple[int | str, str]:
        """Return for the summary's table how far apart in time its recurrent edges reach, and that in words."""
        return "", ""


@dataclass
class LayerCache:
    """What ``DilatedLayer.backward`` needs: weights and buffer of the forward pass, and each block's cell cache."""

    W: Array  # (P*H, D+1+H)
    Z: Array  # (D+1+H, (T+d)*B)
    parts: list[slice]  # the columns of a block that were run together
    blocks: list[list[Any]]  # for each part, the cell's cache of each block
    ends: Ends
    route: str  # of kernels.ROUTES: by whose forward it was made


@dataclass(frozen=True)
class DilatedLayer(Layer):
    """A recurrent layer ``c_t = f(x_t, c_{t-d})``."""

    cell: Cell
    input_size: int
    hidden_size: int
    dilation: int

    @property
    def kind(self) -> str:  # type: ignore[override]
        """The cell's name."""
        return self.cell.name

    @property
    def label(self) -> str:  # type: ignore[override]
        """The dilation."""
        return f"dilation {self.dilation}"

    def row(self) -> tuple[int | str, str]:
        """Return the dilation and the steps that the layer reads."""
        return self.dilation, f"t-{self.dilation}, t-{2 * self.dilation}, …"

    def state_shapes(self, batch_size: int) -> list[tuple[int, ...]]:
        """Return (d, B, H) for each state array of the cell: the last d steps in time order."""
        return [(self.dilation, batch_size, self.hidden_size)] * len(self.cell.state)

    def kept(self) -> tuple[float, float]:
        """Count the buffer's D + 1 + H numbers, an array of H for each product and state, and two in passing."""
        arrays = self.cell.num_products + len(self.cell.state) + 3
        return self.input_size + 1 + (1 + arrays) * self.hidden_size, arrays / self.dilation

    def initial_params(self, rng: np.random.Generator, input_init: Scheme, recurrent_init: Scheme) -> Params:
        """Draw the layer's parameters, each gate block for itself, biases 0, then let the cell have its say."""
        G, D, H = len(self.cell.gates), self.input_size, self.hidden_size
        params = {
            "W_x": np.concatenate([input_init(rng, H, D) for _ in range(G)]),  # (G*H, D)
            "W_h": np.concatenate([recurrent_init(rng, H, H) for _ in range(G)]),  # (G*H, H)
            "b": np.zeros(G * H),
        }
        if self.cell.recurrent_bias:
            params["b_h"] = np.zeros(len(self.cell.split) * H)
        self.cell.initialise(params, rng)
        return params

    def parts(self, batch_size: int) -> list[slice]:
        """Return the parts that the d*B columns of a block are split into: one or more a thread, none too large."""
        n = self.dilation * batch_size
        multiplications = n * self.cell.num_products * self.hidden_size * (self.input_size + 1 + self.hidden_size)
        count = threads.get_num_threads() if multiplications >= WORTH_A_THREAD else 1
        count *= -(-n * self.hidden_size // (count * LARGEST_PART))
        return threads.even_slices(n, min(n, count))

    def forward(
        self, params: Params, x: Array, state: Arrays, ends: Ends, keep: bool = True, spare: LayerCache | None = None
    ) -> tuple[Arrays, LayerCache]:
        """Run the layer over a sequence.

        Parameters
        ----------
        params : W_x (G*H, D), W_h (G*H, H), b (G*H,), and b_h for a cell that has it.
        x : (D, T*B). state : one (d, B, H) array a state name, the d steps before the sequence in time order.
        spare : the cache of an equal pass that nobody needs any more; its buffers are used again.

        Returns
        -------
        state : each row's last d steps in time order, (d, B, H). cache : its ``Z`` holds the outputs, see ``outputs``.
        """
        xp, D, H, B = array_module(x), self.input_size, self.hidden_size, state[0].shape[1]
        n = self.dilation * B
        W = scan.fuse(self.cell, **params)
        Z = xp.empty((D + 1 + H, x.shape[1] + n), dtype=x.dtype) if spare is None else spare.Z
        Z[D] = 1
        rows = tuple(s.reshape(n, H) for s in state)  # (d, B, H) -> (d*B, H)
        after = tuple(xp.empty_like(s) for s in rows)
        parts = self.parts(B) if xp is np else [slice(0, n)]
        spares = [[] for _ in parts] if spare is None else spare.blocks
        route = kernels.route(self.cell, H, x)
        run = partial(kernels.ROUTES[route].forward, self.cell, W, Z, x, rows, after, valid=ends.valid, keep=keep)
        blocks = threads.run([partial(run, part, spare=old) for part, old in zip(parts, spares, strict=True)])
        order = self._time_order(xp, ends)
        return tuple(s[order] for s in after), LayerCache(W, Z, parts, blocks, ends, route)  # (d*B, H) -> (d, B, H)

    def backward(
        self, cache: LayerCache, dh: Array, dstate: Arrays, flow: Array | None = None
    ) -> tuple[Array, Arrays, Params]:
        """Mirror ``forward``.

        Parameters
        ----------
        dh : (H, T*B), the gradient of the outputs; where D = H, dx is written over it. dstate : that of the returned state,
            (d, B, H) each.
        flow : (H, T*B) to be filled with the whole gradient that reaches each output, or None.

        Returns
        -------
        dx : (D, T*B). dstate : the gradient of the given state, (d, B, H) each. grads : with the keys of ``params``.
        """
        xp, ends = array_module(dh), cache.ends
        order = self._time_order(xp, ends)
        dfolded = tuple(xp.empty((order.size, self.hidden_size), dtype=ds.dtype) for ds in dstate)
        for folded, ds in zip(dfolded, dstate, strict=True):
            folded[order] = ds  # (d, B, H) -> (d*B, H)
        dx = dh if self.input_size == self.hidden_size else xp.empty((self.input_size, dh.shape[1]), dtype=dh.dtype)
        back = kernels.ROUTES[cache.route].backward
        run = partial(back, self.cell, cache.W, cache.Z, dh, dx, dfolded, valid=ends.valid, flow=flow)
        shares = threads.run([partial(run, *both) for both in zip(cache.blocks, cache.parts, strict=True)])
        dW = reduce(add, shares)  # always in the order of the parts
        dstate = tuple(ds.reshape(dstate[0].shape) for ds in dfolded)  # (d*B, H) -> (d, B, H)
        return dx, dstate, scan.unfuse(self.cell, dW, self.input_size)

    def gate_values(self, cache: LayerCache) -> dict[str, Array]:
        """Return the gates that the cell shows, by name, (H, T*B) each."""
        gates: dict[str, Array] = {}
        n = self.dilation * len(cache.ends.lengths)
        columns = cache.Z.shape[1] - n
        for part, caches in zip(cache.parts, cache.blocks, strict=True):
            for now, shown in kernels.ROUTES[cache.route].gate_values(self.cell, caches, columns, n, part):
                for name, values in shown.items():
                    rows = gates.setdefault(name, array_module(values).empty((len(values), columns), values.dtype))
                    rows[:, now] = values
        return gates

    def outputs(self, cache: LayerCache, steps_before: int = 0) -> Array:
        """Return the view (H, (steps_before + T)*B) of the outputs, led by so many steps of the given state."""
        batch_size = len(cache.ends.lengths)
        return cache.Z[self.input_size + 1 :, (self.dilation - steps_before) * batch_size :]

    # The newest step of phase p is the one at time order (p - length) mod d: after T steps the oldest phase is T mod d.

    def _time_order(self, xp: Any, ends: Ends) -> Array:
        """Return (d, B): the row of a phase-major state that holds the j-th of batch row b's last d steps."""
        B = len(ends.lengths)
        phase = (ends.lengths + xp.arange(self.dilation)[:, None]) % self.dilation  # (d, B)
        return phase * B + xp.arange(B)
