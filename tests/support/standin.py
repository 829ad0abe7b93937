"""A strict stand-in for CuPy, built on NumPy: this is no GPU, and its times mean nothing for one.

Like CuPy it refuses implicit conversion to NumPy, operations with NumPy arrays, and functions that CuPy lacks. It also
refuses what CuPy accepts at the price of wrong results or silent synchronisation: NumPy functions on its arrays, and
Python's ``if``, ``float`` and ``int``. Reductions return 0-d arrays, indices out of range wrap, and ``transfers`` counts
the copies between host and "device".

Tests replace CuPy by this module: ``sys.modules["cupy"] = standin._module``.
"""

from __future__ import annotations

import time
import types

import numpy

from support import cuda_emulator, standin_arrays
from support.standin_arrays import FusionVariable, asarray, counted, launches, ndarray, public, transfers

__name__ = "cupy"  # for error messages and pickles
__version__ = "a stand-in built on NumPy, no GPU"
__all__ = ["asarray", "counted", "install", "launches", "transfers"]


def get_array_module(*arguments):
    known = any(isinstance(argument, (ndarray, FusionVariable)) for argument in arguments)
    return _module if known else numpy


def __getattr__(name):
    if name in ("float32", "float64", "complex64", "complex128", "int64", "int32", "bool_", "uint8"):
        return getattr(numpy, name)
    raise AttributeError(f"the stand-in for CuPy has no {name!r}; if CuPy has it, add it here")


class RawModule(cuda_emulator.RawModule):
    """CUDA source that runs on the CPU; its kernels take arrays of the "device"."""

    def get_function(self, name):
        return _RawKernel(super().get_function(name), name)


class _RawKernel:
    def __init__(self, kernel, name):
        self.__dict__.update(_kernel=kernel, _name=name)

    def __setattr__(self, name, value):
        setattr(self._kernel, name, value)

    def __call__(self, grid, block, args, *, shared_mem=0):
        assert not any(isinstance(argument, numpy.ndarray) for argument in args), "an array of the host"
        launches[self._name] = launches.get(self._name, 0) + 1
        hosts = tuple(argument._host if isinstance(argument, ndarray) else argument for argument in args)
        self._kernel(grid, block, hosts, shared_mem=shared_mem)


def is_available():
    return True


class _MemoryPool:
    def free_all_blocks(self):
        launches["free_all_blocks"] = launches.get("free_all_blocks", 0) + 1


def get_default_memory_pool():
    return _pool


_pool = _MemoryPool()


class _Random:
    def __getattr__(self, name):
        raise AttributeError(f"cupy.random.{name}: draw on the host from a NumPy Generator and move")


random = _Random()
OutOfMemoryError = type("OutOfMemoryError", (MemoryError,), {"__module__": "cupy.cuda.memory"})
cuda = types.SimpleNamespace(
    memory=types.SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
    Device=cuda_emulator.Device,
    runtime=types.SimpleNamespace(getDeviceCount=lambda: 1, CUDARuntimeError=RuntimeError),
)


class Event:
    """A point in time of the "device", which works synchronously."""

    def __init__(self, block=False, disable_timing=False, interprocess=False):
        self.timing, self.time, self.done = not disable_timing, None, False

    def record(self, stream=None):
        self.time, self.done = time.perf_counter(), False

    def synchronize(self):
        self.done = True


def _elapsed_time(start_event, end_event):
    """Return milliseconds; refuse, like CUDA, events without timing, never recorded, or not synchronised."""
    if not (start_event.timing and end_event.timing) or None in (start_event.time, end_event.time):
        raise RuntimeError("cudaErrorInvalidResourceHandle: invalid resource handle")
    if not end_event.done:
        raise RuntimeError("cudaErrorNotReady: device not ready")
    return 1000 * (end_event.time - start_event.time)


_PROPERTIES = {
    "name": b"a stand-in built on NumPy, no GPU",
    "major": 0,
    "minor": 0,
    "multiProcessorCount": 0,
    "totalGlobalMem": 0,
}
cuda.Event, cuda.get_elapsed_time = Event, _elapsed_time
cuda.runtime.getDevice, cuda.runtime.getDeviceProperties = lambda: 0, lambda device: _PROPERTIES
cuda.runtime.driverGetVersion = cuda.runtime.runtimeGetVersion = lambda: 0


def install(monkeypatch):
    """Replace CuPy by the stand-in until the test ends, and return it."""
    import sys

    monkeypatch.setitem(sys.modules, "cupy", _module)
    return _module


def _this_module():
    """Return the module that replaces CuPy: the names of this file and of ``standin_arrays``."""
    module = types.ModuleType("cupy", __doc__)
    names = {**vars(standin_arrays), **public, **globals()}
    module.__dict__.update({name: value for name, value in names.items() if not name.startswith("__")})
    module.__dict__["__getattr__"] = __getattr__
    module.__dict__["__version__"] = __version__
    return module


_module = _this_module()
