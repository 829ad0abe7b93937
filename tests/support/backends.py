"""Backends of the core's tests: NumPy, the strict stand-in for CuPy and, with ``pytest -m gpu``, a real GPU.

The tests use NumPy arrays. A model on a device takes and returns arrays of the host through ``Placed``, so one test serves
all backends.
"""

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from support import standin


def gpu():
    """Return CuPy, or one line with the reason why no GPU can be tested."""
    try:
        import cupy
    except ImportError:
        return "no GPU tests: CuPy is not installed"
    return cupy if cupy.is_available() else f"no GPU tests: CuPy {cupy.__version__} finds no GPU"


def moved(thing, move):
    """Apply ``move`` to arrays and other leaves of nested lists, tuples and dicts."""
    if isinstance(thing, (list, tuple)):
        return type(thing)(moved(part, move) for part in thing)
    if isinstance(thing, dict):
        return {name: moved(part, move) for name, part in thing.items()}
    return move(thing)


def to_host(thing):
    return moved(thing, lambda a: a.get() if hasattr(a, "get") else a)


class Placed:
    """A model on a device that takes and returns arrays of the host."""

    def __init__(self, model, xp, kernels="plain"):
        self.model, self.xp = model.to(xp, kernels), xp

    def to_device(self, thing):
        return moved(thing, lambda a: self.xp.asarray(a) if isinstance(a, np.ndarray) else a)

    def forward(self, x, state=None, lengths=None, **options):
        x = map(self.to_device, x) if isinstance(x, Iterator) else x
        output, state, cache = self.model.forward(self.to_device(x), self.to_device(state), lengths, **options)
        return to_host(output), to_host(state), cache

    def backward(self, doutput, cache, dstate=None, output_grads=None):
        grads = self.model.backward(self.to_device(doutput), cache, self.to_device(dstate), output_grads)
        if output_grads is not None:
            output_grads[:] = to_host(output_grads)
        return to_host(grads)

    def step(self, x_t, state=None):
        return to_host(self.model.step(self.to_device(x_t), self.to_device(state)))

    def zero_state(self, *arguments):
        return to_host(self.model.zero_state(*arguments))

    def __getattr__(self, name):
        return getattr(self.model, name)


class On:
    """Moves a case's model to one backend: ``case = on(case)``."""

    def __init__(self, name):
        self.name = name

    @property
    def xp(self):
        return {"numpy": np, "stand-in": standin._module}.get(self.name) or sys.modules["cupy"]

    def __call__(self, case):
        if self.name != "numpy":
            case.model = Placed(case.model, self.xp)
        return case

    def __repr__(self):
        return self.name


BACKENDS = [On("numpy"), On("stand-in"), pytest.param(On("gpu"), marks=pytest.mark.gpu)]
DEVICES = BACKENDS[1:]
