"""A strict stand-in for CuPy, made of NumPy: this is no GPU, and nothing that is timed on it says anything about one.

It refuses what CuPy refuses: to become a NumPy array, to meet one in an operation, functions that CuPy lacks. It refuses more
than CuPy does where a program would go wrong or wait in silence: NumPy functions called on its arrays, Python's ``if``,
``float`` and ``int`` on them outside of ``waiting``. Reductions return arrays of no dimension, indices out of range wrap,
``transfers`` counts what moves between host and "device".

Tests put this module in CuPy's place: ``sys.modules["cupy"] = standin``.
"""

from __future__ import annotations

import contextlib
import time
import types

import cuda_emulator
import numpy

__name__ = "cupy"  # what messages and pickles call the module
__version__ = "a stand-in made of NumPy, no GPU"

transfers = {"to device": 0, "to host": 0}
_public = {}  # the functions that would hide Python's own here: abs, max, sum, …
newaxis, pi, inf, nan = None, numpy.pi, numpy.inf, numpy.nan


@contextlib.contextmanager
def counted():
    """Yield a dict that holds, after the block, how many transfers each way happened in it."""
    before, during = dict(transfers), {}
    yield during
    during |= {way: transfers[way] - before[way] for way in transfers}


class ndarray:
    """An array "on the device": what it holds can only be seen by ``get``."""

    __array_priority__ = 100

    def __init__(self, host):
        assert isinstance(host, (numpy.ndarray, numpy.generic)), type(host)
        self._host = numpy.asarray(host)

    # ------------------------------------------------------------------ what it says of itself

    shape = property(lambda self: self._host.shape)
    dtype = property(lambda self: self._host.dtype)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    nbytes = property(lambda self: self._host.nbytes)
    itemsize = property(lambda self: self._host.itemsize)
    strides = property(lambda self: self._host.strides)
    flags = property(lambda self: self._host.flags)
    T = property(lambda self: ndarray(self._host.T))
    real = property(lambda self: ndarray(self._host.real))
    imag = property(lambda self: ndarray(self._host.imag))

    def __repr__(self):
        return f"<stand-in for a CuPy array, no GPU: {self.dtype} {self.shape}>"

    def __len__(self):
        return len(self._host)

    def __iter__(self):
        return map(
            ndarray,
            list(self._host) if self.ndim > 1 else [self._host[i : i + 1].reshape(()) for i in range(self.size)],
        )

    __hash__ = None

    # ------------------------------------------------------------------ the way to the host, and what is no way

    def get(self):
        transfers["to host"] += 1
        return self._host.copy()

    def _wait(self):
        transfers["to host"] += 1
        return self._host.item()

    def __float__(self):
        return float(self._wait())

    def __int__(self):
        return int(self._wait())

    def __bool__(self):
        return bool(self._wait())

    def __complex__(self):
        return complex(self._wait())

    def item(self):
        return self._wait()

    def tolist(self):
        transfers["to host"] += 1
        return self._host.tolist()

    def __index__(self):
        raise TypeError("an index of the host has to be a number of the host, got an array on the device")

    def __array__(self, *arguments, **options):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct one.")

    def __array_ufunc__(self, ufunc, *arguments, **options):
        raise TypeError(f"numpy.{ufunc.__name__} was called on an array of the device; take the module from the array")

    def __array_function__(self, function, *arguments):
        raise TypeError(
            f"numpy.{function.__name__} was called on an array of the device; take the module from the array"
        )

    # ------------------------------------------------------------------ places

    def __getitem__(self, key):
        key = _key(key, self.shape)
        return ndarray(self._host[key])

    def __setitem__(self, key, value):
        self._host[_key(key, self.shape)] = _operand(value)

    # ------------------------------------------------------------------ methods that CuPy's arrays have too

    def astype(self, dtype, copy=True):
        return self if not copy and self.dtype == dtype else ndarray(self._host.astype(dtype))

    def copy(self, order="C"):
        return ndarray(self._host.copy(order))

    def reshape(self, *shape):
        return ndarray(self._host.reshape(*shape))

    def ravel(self):
        return ndarray(self._host.ravel())

    def transpose(self, *axes):
        return ndarray(self._host.transpose(*axes))

    def squeeze(self, axis=None):
        return ndarray(self._host.squeeze(axis))

    def fill(self, value):
        self._host.fill(_operand(value))


def _reduction(name):
    def method(self, axis=None, dtype=None, keepdims=False):
        options = {} if dtype is None else {"dtype": dtype}
        return ndarray(numpy.asarray(getattr(self._host, name)(axis=axis, keepdims=keepdims, **options)))

    return method


for _name in ("sum", "mean", "max", "min", "prod", "any", "all"):
    setattr(ndarray, _name, _reduction(_name))
for _name in ("argmax", "argmin"):
    setattr(ndarray, _name, lambda self, axis=None, _name=_name: ndarray(getattr(self._host, _name)(axis=axis)))
for _name in ("cumsum", "conj", "clip"):
    setattr(ndarray, _name, lambda self, *rest, _name=_name: ndarray(getattr(self._host, _name)(*map(_operand, rest))))


def _operand(value):
    """Return what an operation computes with; what CuPy does not take, in an operation with its arrays, raises."""
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, (bool, int, float, complex, numpy.generic)):
        return value
    raise TypeError(f"Unsupported type {type(value)} in an operation with an array of the device")


def _binary(name):
    operator = f"__{name}__"

    def method(self, other):
        if isinstance(other, FusionVariable):
            return NotImplemented
        result = getattr(self._host, operator)(_operand(other))
        return NotImplemented if result is NotImplemented else ndarray(result)

    return method


def _in_place(name):
    operator = f"__i{name}__"

    def method(self, other):
        self._host = getattr(self._host, operator)(_operand(other))
        return self

    return method


_ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")
_COMPARISONS = ("lt", "le", "eq", "ne", "gt", "ge")
for _name in _ARITHMETIC:
    setattr(ndarray, f"__{_name}__", _binary(_name))
    setattr(ndarray, f"__r{_name}__", _binary(f"r{_name}"))
    setattr(ndarray, f"__i{_name}__", _in_place(_name))
for _name in _COMPARISONS:
    setattr(ndarray, f"__{_name}__", _binary(_name))
for _name in ("neg", "pos", "abs", "invert"):
    setattr(ndarray, f"__{_name}__", lambda self, _name=_name: ndarray(getattr(self._host, f"__{_name}__")()))


def _key(key, shape):
    """Return an index for NumPy: arrays have to be of the device, and whole numbers that are too large wrap."""
    parts, axis = [], 0
    for part in key if isinstance(key, tuple) else (key,):
        if isinstance(part, ndarray):
            if part.dtype.kind == "b":
                raise TypeError("an index of booleans makes the host wait for their number; use where")
            part = part._host % shape[axis]
        elif isinstance(part, (numpy.ndarray, list)):
            raise TypeError("an index must be of the device, got one of the host: it would be moved each time")
        parts.append(part)
        axis += part is not None and part is not Ellipsis
    return tuple(parts)


# ---------------------------------------------------------------------- from the host, and new arrays


def asarray(a, dtype=None):
    if isinstance(a, ndarray):
        return a if dtype is None else a.astype(dtype, copy=False)
    if isinstance(a, (list, tuple)) and any(isinstance(part, ndarray) for part in a):
        return _module.stack([asarray(part) for part in a])
    transfers["to device"] += 1
    return ndarray(numpy.array(a, dtype=dtype))


def array(a, dtype=None, copy=True):
    return asarray(a, dtype).copy()


def asnumpy(a):
    return a.get() if isinstance(a, ndarray) else numpy.asarray(a)


def _new(name):
    def function(*arguments, **options):
        return ndarray(getattr(numpy, name)(*map(_plain, arguments), **options))

    return function


def _plain(argument):
    assert not isinstance(argument, numpy.ndarray), "an array of the host"
    return argument._host if isinstance(argument, ndarray) else argument


for _name in ("empty", "zeros", "ones", "full", "arange", "eye", "linspace"):
    _public[_name] = _new(_name)
for _name in ("empty_like", "zeros_like", "ones_like", "full_like"):
    _public[_name] = _new(_name)


# ---------------------------------------------------------------------- functions that CuPy has too

# fmt: off
_ELEMENTWISE = (
    "abs", "absolute", "tanh", "exp", "log", "log1p", "expm1", "sqrt", "square", "floor", "rint", "round", "sign", "sin", "cos",
    "conj", "isfinite", "isnan", "where", "maximum", "minimum", "clip", "add", "subtract", "multiply", "divide", "mod",
    "remainder", "logical_and", "logical_or", "logical_not",
)
_OTHERS = (
    "ascontiguousarray",
    "sum", "mean", "max", "min", "any", "all", "argmax", "cumsum", "take", "take_along_axis", "broadcast_to", "moveaxis",
    "flip", "roll", "repeat", "outer", "einsum",
)
# fmt: on
_OF_LISTS = ["column_stack", "concatenate", "stack", "split", "array_split", "vstack", "hstack"]


def _elementwise(name):
    def function(*arguments, out=None):
        if any(isinstance(argument, FusionVariable) for argument in arguments):
            return FusionVariable(getattr(numpy, name)(*map(_fused, arguments)))
        assert out is None
        if not any(isinstance(argument, ndarray) for argument in arguments):
            raise TypeError(f"cupy.{name} takes arrays of the device, got {[type(a).__name__ for a in arguments]}")
        return ndarray(getattr(numpy, name)(*map(_operand, arguments)))

    return function


for _name in _ELEMENTWISE:
    _public[_name] = _elementwise(_name)
for _name in _OTHERS:

    def _other(*arguments, _name=_name, **options):
        hosts = [argument._host if isinstance(argument, ndarray) else argument for argument in arguments]
        assert not any(isinstance(argument, numpy.ndarray) for argument in arguments), "an array of the host"
        return ndarray(getattr(numpy, _name)(*hosts, **options))

    _public[_name] = _other
for _name in _OF_LISTS:

    def _joined(arrays, *rest, _name=_name, **options):
        whole = isinstance(arrays, ndarray)
        hosts = arrays._host if whole else [_operand(array) for array in arrays]
        result = getattr(numpy, _name)(hosts, *rest, **options)
        return [ndarray(part) for part in result] if isinstance(result, list) else ndarray(result)

    _public[_name] = _joined


def matmul(a, b, out=None):
    product = a @ b
    if out is None:
        return product
    if out.shape != product.shape or out.dtype != product.dtype:
        raise ValueError("Output array has an invalid size")
    out[...] = product
    return out


dot = matmul


def get_array_module(*arguments):
    known = any(isinstance(argument, (ndarray, FusionVariable)) for argument in arguments)
    return _module if known else numpy


def result_type(*arguments):
    return numpy.result_type(*[a.dtype if isinstance(a, ndarray) else a for a in arguments])


def __getattr__(name):
    if name in ("float32", "float64", "complex64", "complex128", "int64", "int32", "bool_", "uint8"):
        return getattr(numpy, name)
    raise AttributeError(f"the stand-in for CuPy has no {name!r}; look whether CuPy does, then add it here")


# ---------------------------------------------------------------------- kernels and the device


class FusionVariable:
    """What a function sees while ``fuse`` traces it: it has pointwise operations and nothing else."""

    def __init__(self, host):
        self._traced = host
        self.dtype = host.dtype

    def __bool__(self):
        raise Exception("Can't cast to bool")


def _fused(argument):
    if isinstance(argument, FusionVariable):
        return argument._traced
    if isinstance(argument, (bool, int, float, complex)):
        return argument
    raise TypeError(f"Unsupported type {type(argument)} in a function that is fused")


for _name in (*_ARITHMETIC, *_COMPARISONS):
    for _operator in (f"__{_name}__", f"__r{_name}__"):
        if _name != "matmul" and hasattr(numpy.ndarray, _operator):
            setattr(
                FusionVariable,
                _operator,
                lambda self, other, _operator=_operator: FusionVariable(
                    getattr(self._traced, _operator)(_fused(other))
                ),
            )
FusionVariable.__neg__ = lambda self: FusionVariable(-self._traced)


def fuse(function):
    """Return the function as one kernel, that is, refuse all but pointwise operations between arrays and numbers."""

    def fused(*arguments):
        if any(isinstance(argument, numpy.ndarray) for argument in arguments):
            raise TypeError("Invalid argument type for a fused function: numpy.ndarray")
        results = function(*[FusionVariable(_operand(argument)) for argument in arguments])
        if not all(isinstance(result, FusionVariable) for result in results):
            raise TypeError("Fusion function can't return anything but arrays")
        launches[function.__name__] = launches.get(function.__name__, 0) + 1
        return tuple(ndarray(result._traced.copy()) for result in results)

    return fused


launches: dict[str, int] = {}


class RawModule(cuda_emulator.RawModule):
    """CUDA source that runs on the CPU; its functions take arrays of the "device"."""

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
    """A moment in the work of the "device", which does all work at once."""

    def __init__(self, block=False, disable_timing=False, interprocess=False):
        self.timing, self.moment, self.done = not disable_timing, None, False

    def record(self, stream=None):
        self.moment, self.done = time.perf_counter(), False

    def synchronize(self):
        self.done = True


def _elapsed_time(start_event, end_event):
    """Return milliseconds, and refuse what CUDA refuses: events without timing, never recorded, or not waited for."""
    if not (start_event.timing and end_event.timing) or None in (start_event.moment, end_event.moment):
        raise RuntimeError("cudaErrorInvalidResourceHandle: invalid resource handle")
    if not end_event.done:
        raise RuntimeError("cudaErrorNotReady: device not ready")
    return 1000 * (end_event.moment - start_event.moment)


_PROPERTIES = {
    "name": b"a stand-in made of NumPy, no GPU",
    "major": 0,
    "minor": 0,
    "multiProcessorCount": 0,
    "totalGlobalMem": 0,
}
cuda.Event, cuda.get_elapsed_time = Event, _elapsed_time
cuda.runtime.getDevice, cuda.runtime.getDeviceProperties = lambda: 0, lambda device: _PROPERTIES
cuda.runtime.driverGetVersion = cuda.runtime.runtimeGetVersion = lambda: 0


def install(monkeypatch):
    """Put the stand-in in CuPy's place until the test ends, and return it."""
    import sys

    monkeypatch.setitem(sys.modules, "cupy", _module)
    return _module


def _this_module():
    """Return this module as an object: what ``get_array_module`` gives."""
    module = types.ModuleType("cupy", __doc__)
    module.__dict__.update({name: value for name, value in globals().items() if not name.startswith("__")})
    module.__dict__.update(_public)
    module.__dict__["__getattr__"] = __getattr__
    module.__dict__["__version__"] = __version__
    return module


_module = _this_module()
