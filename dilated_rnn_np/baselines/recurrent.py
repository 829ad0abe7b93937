"""The loop over time that the compared recurrent systems share; what one step computes stands in each system's own file.

Batch rows lie as rows here, ``(B, numbers)``, and a step is computed as it is written in its paper: nothing is folded, so
each time step waits for the one before it. A state array that holds k steps is a window that moves over a buffer of k + T
steps: step t reads the window and writes behind it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..arrays.backend import Array, array_module
from ..nets.layer import Layer, Params, RowLengths
from ..recurrence.cells import Arrays


@dataclass
class RecurrentCache:
    """What ``RecurrentLayer.backward`` needs."""

    params: Params
    x: Array  # (T, B, D)
    buffers: list[Array]  # one a state array, (k+T, B, numbers)
    steps: list[Any]  # the cache of each step
    ends: RowLengths


@dataclass(frozen=True)
class RecurrentLayer(Layer):
    """A layer that is run step by step; a subclass says what one step computes, forward and backward.

    The state's first array holds outputs, (k, B, H); see ``Layer``.
    """

    input_size: int
    hidden_size: int

    @abstractmethod
    def step(self, params: Params, x: Array, previous: Arrays) -> tuple[Arrays, Any]:
        """Return the new state and a cache from one time step.

        Parameters
        ----------
        x : (B, D). previous : for each state array the window of its last k steps, (k, B, numbers), the oldest first.

        Returns
        -------
        new : for each state array its newest step, (B, numbers). cache : for ``step_backward``.
        """

    @abstractmethod
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
        """Mirror ``step``: return dx (B, D), and add to the windows of ``dprevious`` and to ``grads`` in place."""

    def steps(self, state: Arrays, T: int) -> Iterable[Callable[..., tuple[Arrays, Any]]]:
        """Return ``step`` for each of T time steps; a layer that keeps time binds what it has to do at each."""
        return [self.step] * T

    def forward(
        self, params: Params, x: Array, state: Arrays, ends: RowLengths, keep: bool = True, spare: Any = None
    ) -> tuple[Arrays, RecurrentCache]:
        """Run the steps one after the other; see ``Layer.forward``."""
        xp, B = array_module(x), len(ends.lengths)
        if spare is not None:  # its memory is let go before the new steps are kept, or both would be there at once
            spare.buffers.clear()
            spare.steps.clear()
        cache = RecurrentCache(
            {name: p.copy() for name, p in params.items()}, x.T.copy().reshape(-1, B, self.input_size), [], [], ends
        )  # x: (D, T*B) -> (T, B, D)
        T = len(cache.x)
        for s in state:
            cache.buffers.append(xp.empty((len(s) + T, *s.shape[1:]), dtype=s.dtype))
            cache.buffers[-1][: len(s)] = s
        for t, (x_t, step) in enumerate(zip(cache.x, self.steps(state, T), strict=True)):
            new, kept = step(cache.params, x_t, _windows(cache.buffers, t, T))
            for buffer, s in zip(cache.buffers, new, strict=True):
                buffer[len(buffer) - T + t] = s
            if keep:
                cache.steps.append(kept)
        rows = xp.arange(B)
        return tuple(b[_last_steps(xp, len(b) - T, ends), rows] for b in cache.buffers), cache  # (k, B, numbers) each

    def backward(
        self, cache: RecurrentCache, dh: Array, dstate: Arrays, flow: Array | None = None
    ) -> tuple[Array, Arrays, Params]:
        """Mirror ``forward``, last step first; see ``Layer.backward``."""
        xp, (T, B, _) = array_module(dh), cache.x.shape
        dbuffers = [xp.zeros_like(b) for b in cache.buffers]
        for dbuffer, ds in zip(dbuffers, dstate, strict=True):
            dbuffer[_last_steps(xp, len(ds), cache.ends), xp.arange(B)] = ds
        dbuffers[0][len(dstate[0]) :] += dh.T.reshape(T, B, -1)  # (H, T*B) -> (T, B, H)
        dx, grads = xp.empty_like(cache.x), {name: xp.zeros_like(p) for name, p in cache.params.items()}
        for t in reversed(range(T)):
            dnew = tuple(dbuffer[len(dbuffer) - T + t] for dbuffer in dbuffers)
            windows = _windows(cache.buffers, t, T), cache.steps[t], dnew, _windows(dbuffers, t, T)
            dx[t] = self.step_backward(cache.params, cache.x[t], *windows, grads)
        if flow is not None:
            flow[...] = dbuffers[0][len(dstate[0]) :].reshape(T * B, -1).T  # (T, B, H) -> (H, T*B)
        dstate = tuple(dbuffer[: len(dbuffer) - T] for dbuffer in dbuffers)
        return dx.reshape(T * B, -1).T.copy(), dstate, grads  # dx: (T, B, D) -> (D, T*B)

    def outputs(self, cache: RecurrentCache, steps_before: int = 0) -> Array:
        """Return the outputs (H, (steps_before + T)*B), led by so many steps of the given state."""
        buffer, T = cache.buffers[0], len(cache.x)
        return buffer[len(buffer) - T - steps_before :].reshape(-1, self.hidden_size).T


def _windows(buffers: list[Array], t: int, T: int) -> Arrays:
    """Return the views (k, B, numbers) of what step t sees of each state array."""
    return tuple(buffer[t : t + len(buffer) - T] for buffer in buffers)


def _last_steps(xp: Any, k: int, ends: RowLengths) -> Array:
    """Return (k, B): where in a buffer each row's last k steps lie; a row that has ended computes on, for nobody."""
    return ends.lengths + xp.arange(k)[:, None]
