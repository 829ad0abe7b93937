"""The pass through a stack: embedding, layers and read-out, forward and backward.

This is the inner pass of every plan. It checks nothing: ``Network`` has checked the arguments and brought them into one dtype.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from ..arrays.backend import Array, array_module, device_memory
from ..arrays.threads import Workers, workers
from ..recurrence.cells import Arrays
from ..recurrence.init import Scheme
from .embedding import Embedding
from .layer import Layer, Params, RowLengths, Shapes
from .readout import Readout, ReadoutCache

State = list[Arrays]


@dataclass(eq=False, repr=False)
class PassCache:
    """The fields that the caches of all plans share."""

    x_shape: tuple[int, int, int]
    dtype: np.dtype
    output_shape: tuple[int, ...] = field(default=(), kw_only=True)
    signature: tuple[Any, ...] = field(default=(), kw_only=True)  # of the model
    consumed: bool = field(default=False, kw_only=True)  # by a later forward(…, reuse=cache)


@dataclass(eq=False, repr=False)
class Cache(PassCache):
    """The data of a forward pass for ``backward``."""

    rows: RowLengths
    layers: list[Any] = field(default_factory=list)
    masks: list[Array | None] = field(default_factory=list)  # of dropout, one per layer, (H, T*B)
    embedding: Arrays = ()
    readout: ReadoutCache | None = None


@dataclass(frozen=True)
class Stack:
    """Layers on top of each other, with an optional embedding below and an optional read-out above."""

    layers: tuple[Layer, ...]
    embedding: Embedding | None = None
    readout: Readout | None = None

    @property
    def reads_last(self) -> bool:
        """Whether there is one output per sequence, read out at its end."""
        return self.readout is not None and self.readout.mode == "last"

    @property
    def num_parameters(self) -> int:
        """How many numbers the parameters hold, known before they are drawn."""
        return sum(math.prod(shape) for shape in self.param_shapes().values())

    def state_size(self, batch_size: int) -> int:
        """Return how many numbers the state of a batch holds."""
        return sum(math.prod(shape) for layer in self.layers for shape in layer.state_shapes(batch_size))

    def initial_params(self, rng: np.random.Generator, input_init: Scheme, recurrent_init: Scheme) -> Params:
        """Draw all parameters on the host, in float64, from the bottom to the top."""
        drawn = prefixed("embedding", self.embedding.initial_params(rng, input_init)) if self.embedding else {}
        for i, layer in enumerate(self.layers):
            drawn |= prefixed(f"layers.{i}", layer.initial_params(rng, input_init, recurrent_init))
        return drawn | (prefixed("readout", self.readout.initial_params(rng)) if self.readout else {})

    def param_shapes(self) -> Shapes:
        """Return the shape of every parameter, in the order of ``initial_params``; nothing is drawn."""
        layers = {f"layers.{i}": layer for i, layer in enumerate(self.layers)}
        parts = {"embedding": self.embedding, **layers, "readout": self.readout}
        shapes = {owner: part.param_shapes() for owner, part in parts.items() if part}
        return {f"{owner}.{name}": shape for owner, own in shapes.items() for name, shape in own.items()}

    def forward(
        self,
        params: Params,
        x: Array,
        state: State,
        lengths: Array | None,
        keep: bool,
        dropout: float = 0.0,
        rng: np.random.Generator | None = None,
        reuse: list[Any] | None = None,
    ) -> tuple[Array, State, Cache]:
        """Run a batch of sequences x (T, B, D) through the stack; see ``Network.forward``.

        ``reuse`` holds the layers' caches of an earlier pass, whose buffers may be overwritten.
        """
        xp, (T, B, D) = array_module(x), x.shape
        cache = Cache((T, B, D), x.dtype, RowLengths.of(xp, T, B, lengths))
        rows, new_state = x.reshape(T * B, D).T, []  # (T, B, D) -> (D, T*B)
        with team(xp) as crew:
            if self.embedding:
                rows, cache.embedding = self.embedding.forward(owned_by("embedding", params), rows)  # (E, T*B)
            for i, layer in enumerate(self.layers):
                mask = dropout_mask(rng, dropout, rows) if rng is not None and i > 0 else None
                rows = rows if mask is None else rows * mask
                own, old = owned_by(f"layers.{i}", params), reuse[i] if reuse else None
                new, layer_cache = layer.forward(own, rows, state[i], cache.rows, crew, keep, old)
                rows = layer.outputs(layer_cache)  # (H, T*B)
                new_state.append(new)
                if keep:
                    cache.layers.append(layer_cache)
                    cache.masks.append(mask)
            if self.readout:
                history = layer.outputs(layer_cache, self.readout.width)  # (H, (K+T)*B)
                output, cache.readout = self.readout.forward(owned_by("readout", params), history, cache.rows)
            else:
                rows = rows if lengths is None else xp.where(cache.rows.valid, rows, 0)
                output = rows.T.copy().reshape(T, B, -1)  # (H, T*B) -> (T, B, H)
        return output, new_state, cache

    def backward(
        self, doutput: Array, cache: Cache, dstate: State, output_grads: list[Array] | None = None
    ) -> tuple[Array, State, Params]:
        """Mirror ``forward``, top layer first: backpropagation through time; see ``Network.backward``."""
        xp, (T, B, D), valid = array_module(doutput), cache.x_shape, cache.rows.valid
        grads, dgiven, dstate_top = dict[str, Array](), list[Arrays](), None
        with team(xp) as crew:
            if self.readout and cache.readout:
                drows, dstate_top, own = self.readout.backward(cache.readout, doutput)  # (H, T*B), (K, B, H)
                grads |= prefixed("readout", own)
            else:
                drows = doutput.reshape(T * B, -1).T.copy()  # (T, B, H) -> (H, T*B)
                drows = drows if valid is None else xp.where(valid, drows, 0)
            for i in reversed(range(len(self.layers))):
                dh_total = None if output_grads is None else xp.empty_like(drows)
                drows, dbefore, own = self.layers[i].backward(cache.layers[i], drows, dstate[i], crew, dh_total)
                grads |= prefixed(f"layers.{i}", own)
                dgiven.insert(0, dbefore)
                if output_grads is not None and dh_total is not None:
                    dh_total = dh_total if valid is None else xp.where(valid, dh_total, 0)
                    output_grads.insert(0, dh_total.T.copy().reshape(T, B, -1))  # (H, T*B) -> (T, B, H)
                drows = drows if cache.masks[i] is None else drows * cache.masks[i]
            if self.embedding:
                drows, own = self.embedding.backward(cache.embedding, drows)
                grads |= prefixed("embedding", own)
        if dstate_top is not None:
            dgiven[-1][0][-len(dstate_top) :] += dstate_top  # the read-out also saw the last K steps of the given state
        return drows.T.copy().reshape(T, B, D), dgiven, grads  # dx: (D, T*B) -> (T, B, D)


@contextmanager
def team(xp: ModuleType) -> Iterator[Workers]:
    """Return the threads of a pass: those of the CPU; for a device the calling thread, and advice where memory is full."""
    if xp is np:
        with workers() as crew:
            yield crew
    else:
        with device_memory(xp):
            yield Workers()


def dropout_mask(rng: np.random.Generator, probability: float, rows: Array) -> Array:
    """Return (H, T*B): 0 where a number is dropped and 1 / (1 - probability) elsewhere, drawn on the host."""
    kept = rng.random(rows.shape, dtype=np.float32) >= probability
    return array_module(rows).asarray(kept.astype(rows.dtype) / (1 - probability))


def owned_by(owner: str, params: Params) -> Params:
    """Return the parameters of one layer, the embedding or the read-out, without the prefix "owner."."""
    return {name.removeprefix(owner + "."): p for name, p in params.items() if name.startswith(owner + ".")}


def prefixed(owner: str, grads: Params) -> Params:
    """Mirror ``owned_by``: put the prefix "owner." before each name."""
    return {f"{owner}.{name}": grad for name, grad in grads.items()}
