"""Where the core's tests run: on NumPy, on the strict stand-in for CuPy, and, with ``pytest -m gpu``, on a real GPU.

The tests speak NumPy. A model that is placed on a device takes and returns arrays of the host, so that a test's text is the same
for all; only these moves lie between it and the device.
"""

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from support import standin


def gpu():
    """Return CuPy, or the one line that says why there is none to test."""
    try:
        import cupy
    except ImportError:
        return "no GPU tests: CuPy is not installed"
    return cupy if cupy.is_available() else f"no GPU tests: CuPy {cupy.__version__} finds no GPU"


def moved(thing, move):
    """Return arrays, or lists, tuples and dicts of them, after a move; anything else as it is."""
    if isinstance(thing, (list, tuple)):
        return type(thing)(moved(part, move) for part in thing)
    if isinstance(thing, dict):
        return {name: moved(part, move) for name, part in thing.items()}
    return move(thing)


def to_host(thing):
    return moved(thing, lambda a: a.get() if hasattr(a, "get") else a)


class Placed:
    """A model on a device that takes and returns arrays of the host."""

    def __init__(self, model, xp):
        self.model, self.xp = model.to(xp), xp

    def there(self, thing):
        return moved(thing, lambda a: self.xp.asarray(a) if isinstance(a, np.ndarray) else a)

    def forward(self, x, state=None, lengths=None, **options):
        x = map(self.there, x) if isinstance(x, Iterator) else x
        output, state, cache = self.model.forward(self.there(x), self.there(state), lengths, **options)
        return to_host(output), to_host(state), cache

    def backward(self, doutput, cache, dstate=None, output_grads=None):
        back = self.model.backward(self.there(doutput), cache, self.there(dstate), output_grads)
        if output_grads is not None:
            output_grads[:] = to_host(output_grads)
        return to_host(back)

    def step(self, x_t, state=None):
        return to_host(self.model.step(self.there(x_t), self.there(state)))

    def zero_state(self, *arguments):
        return to_host(self.model.zero_state(*arguments))

    def __getattr__(self, name):
        return getattr(self.model, name)


class On:
    """Puts a case's model on one backend: ``case = on(case)``."""

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
