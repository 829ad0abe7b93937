"""The loop over time that the compared recurrent systems share; each system's own file defines a single step.

Batch rows are array rows here, ``(B, numbers)``, and a step is computed as its paper writes it: nothing is folded, so each time
step waits for the one before it. The k steps of a state array are a window that moves over a buffer of k + T steps: step t reads
the window ``buffer[t : t + k]`` and writes ``buffer[t + k]``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..arrays.backend import Array, array_module
from ..arrays.threads import Workers
from ..nets.layer import Layer, Params, RowLengths
from ..recurrence.cells import Arrays


@dataclass
class RecurrentCache:
    """The data for ``RecurrentLayer.backward``."""

    params: Params
    x: Array  # (T, B, D)
    buffers: list[Array]  # one per state array, (k+T, B, numbers)
    steps: list[Any]  # the cache of each step
    rows: RowLengths


class StepGrads(NamedTuple):
    """The gradients at one step: that of its new state, and those to which ``step_backward`` adds in place."""

    new: Arrays  # (B, numbers) for each state array
    previous: list[deque[Array]]  # for each state array the k steps of its window, (B, numbers) each, the oldest first
    params: Params


@dataclass(frozen=True)
class RecurrentLayer(Layer):
    """A layer that runs step by step; a subclass defines one step, forward and backward."""

    input_size: int
    hidden_size: int

    @abstractmethod
    def step(self, params: Params, x: Array, previous: Arrays) -> tuple[Arrays, Any]:
        """Return the newest step of each state array, (B, numbers), and a cache for ``step_backward``.

        Parameters
        ----------
        x : (B, D). previous : the window of the last k steps of each state array, (k, B, numbers), the oldest first.
        """

    @abstractmethod
    def step_backward(self, params: Params, x: Array, previous: Arrays, cache: Any, grads: StepGrads) -> Array:
        """Mirror ``step``: return dx (B, D), and add to ``grads.previous`` and ``grads.params`` in place."""

    def steps(self, state: Arrays, T: int) -> Iterable[Callable[..., tuple[Arrays, Any]]]:
        """Return ``step`` for each of T time steps; a layer whose steps depend on the time overrides this."""
        return [self.step] * T

    def forward(
        self,
        params: Params,
        x: Array,
        state: Arrays,
        rows: RowLengths,
        workers: Workers,
        keep: bool = True,
        reuse: RecurrentCache | None = None,
    ) -> tuple[Arrays, RecurrentCache]:
        """Run the steps one after the other; see ``Layer.forward``. Finished rows keep computing; their results are ignored."""
        xp, B = array_module(x), len(rows.lengths)
        T, params = x.shape[1] // B, {name: p.copy() for name, p in params.items()}
        shape = T, B, self.input_size
        if reuse is not None and reuse.x.shape == shape and reuse.x.dtype == x.dtype:
            inputs, buffers, caches = reuse.x, reuse.buffers, reuse.steps
        else:
            inputs, caches = xp.empty(shape, dtype=x.dtype), [None] * T
            buffers = [xp.empty((len(s) + T, *s.shape[1:]), dtype=s.dtype) for s in state]
        inputs[...] = x.T.reshape(shape)  # (D, T*B) -> (T, B, D)
        for buffer, s in zip(buffers, state, strict=True):
            buffer[: len(s)] = s
        for t, (x_t, step) in enumerate(zip(inputs, self.steps(state, T), strict=True)):
            caches[t] = None  # an old cache is freed just before its replacement is allocated, so the memory is reused
            new, cache = step(params, x_t, _windows(buffers, t, T))
            for buffer, s in zip(buffers, new, strict=True):
                buffer[len(buffer) - T + t] = s
            if keep:
                caches[t] = cache
        last = [(rows.lengths + xp.arange(len(s))[:, None], xp.arange(B)) for s in state]  # (k, B) and (B,) each
        after = tuple(buffer[steps] for buffer, steps in zip(buffers, last, strict=True))  # (k, B, numbers) each
        return after, RecurrentCache(params, inputs, buffers, caches, rows)

    def backward(
        self, cache: RecurrentCache, dh: Array, dstate: Arrays, workers: Workers, dh_total: Array | None = None
    ) -> tuple[Array, Arrays, Params]:
        """Mirror ``forward``, last step first; see ``Layer.backward``."""
        xp, (T, B, D), rows = array_module(dh), cache.x.shape, cache.rows
        dx, grads = xp.empty((D, T, B), dtype=dh.dtype), {name: xp.zeros_like(p) for name, p in cache.params.items()}
        windows = [deque(_arriving(ds, rows, T + j) for j in range(len(ds))) for ds in dstate]  # of buffer[T : T + k]
        for t in reversed(range(T)):
            for window, ds in zip(windows, dstate, strict=True):
                zeros = xp.zeros(ds.shape[1:], dtype=ds.dtype)
                window.appendleft(zeros if rows.valid is None else _arriving(ds, rows, t))
            dnew = tuple(window.pop() for window in windows)  # the windows are now of buffer[t : t + k]
            now = slice(t * B, (t + 1) * B)
            dnew[0][...] += dh[:, now].T  # (H, B) -> (B, H)
            previous, step_grads = _windows(cache.buffers, t, T), StepGrads(dnew, windows, grads)
            dx[:, t] = self.step_backward(cache.params, cache.x[t], previous, cache.steps[t], step_grads).T  # (D, B)
            if dh_total is not None:
                dh_total[:, now] = dnew[0].T  # (B, H) -> (H, B)
        dgiven = tuple(xp.stack(list(window)) for window in windows)  # (k, B, numbers) each
        return dx.reshape(D, T * B), dgiven, grads  # dx: (D, T, B) -> (D, T*B)

    def outputs(self, cache: RecurrentCache, steps_before: int = 0) -> Array:
        """Return the outputs (H, (steps_before + T)*B), led by the last steps of the given state."""
        buffer, T = cache.buffers[0], len(cache.x)
        return buffer[len(buffer) - T - steps_before :].reshape(-1, self.hidden_size).T


def _windows(buffers: list[Array], t: int, T: int) -> Arrays:
    """Return for each state array the view (k, B, numbers) that step t reads."""
    return tuple(buffer[t : t + len(buffer) - T] for buffer in buffers)


def _arriving(ds: Array, rows: RowLengths, t: int) -> Array:
    """Return the gradient (B, numbers) of ``buffer[t]`` from that of the returned state, (k, B, numbers).

    The returned state of row b is ``buffer[lengths[b] : lengths[b] + k]``.
    """
    xp, j = array_module(ds), t - rows.lengths  # (B,)
    returned = (j >= 0) & (j < len(ds))
    return xp.where(returned[:, None], ds[j.clip(0, len(ds) - 1), xp.arange(len(j))], 0)
