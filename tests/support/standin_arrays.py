"""The arrays of the stand-in for CuPy, and its functions: NumPy behind an interface that is stricter than CuPy's.

This is no GPU. ``standin`` collects them in the module that replaces CuPy.
"""

from __future__ import annotations

import contextlib

import numpy

transfers = {"to device": 0, "to host": 0}
launches: dict[str, int] = {}  # by name of the kernel
public = {}  # functions whose names would hide builtins in this file: abs, max, sum, …
newaxis, pi, inf, nan = None, numpy.pi, numpy.inf, numpy.nan


@contextlib.contextmanager
def counted():
    """Yield a dict; after the block it holds the number of transfers in each direction."""
    before, during = dict(transfers), {}
    yield during
    during |= {direction: transfers[direction] - before[direction] for direction in transfers}


class ndarray:
    """An array "on the device"; only ``get`` returns its numbers to the host."""

    __array_priority__ = 100

    def __init__(self, host):
        assert isinstance(host, (numpy.ndarray, numpy.generic)), type(host)
        self._host = numpy.asarray(host)

    # ------------------------------------------------------------------ attributes

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

    # ------------------------------------------------------------------ transfers to the host, explicit and refused

    def get(self):
        transfers["to host"] += 1
        return self._host.copy()

    def _wait(self, *arguments):
        raise TypeError("if, float, int and the like would wait silently for the device; transfer with .get()")

    __float__ = __int__ = __bool__ = __complex__ = item = tolist = _wait

    def __index__(self):
        raise TypeError("an index of a host sequence must be a number of the host, got an array on the device")

    def __array__(self, *arguments, **options):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct one.")

    def __array_ufunc__(self, ufunc, *arguments, **options):
        raise TypeError(f"numpy.{ufunc.__name__} was called on an array of the device; take the module from the array")

    def __array_function__(self, function, *arguments):
        raise TypeError(
            f"numpy.{function.__name__} was called on an array of the device; take the module from the array"
        )

    # ------------------------------------------------------------------ indexing

    def __getitem__(self, key):
        key = _key(key, self.shape)
        return ndarray(self._host[key])

    def __setitem__(self, key, value):
        self._host[_key(key, self.shape)] = operand(value)

    # ------------------------------------------------------------------ methods of CuPy's arrays

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
        self._host.fill(operand(value))


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
    setattr(ndarray, _name, lambda self, *rest, _name=_name: ndarray(getattr(self._host, _name)(*map(operand, rest))))


def operand(value):
    """Return the host value of an operand; raise for types that CuPy refuses in operations with its arrays."""
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
        result = getattr(self._host, operator)(operand(other))
        return NotImplemented if result is NotImplemented else ndarray(result)

    return method


def _in_place(name):
    operator = f"__i{name}__"

    def method(self, other):
        self._host = getattr(self._host, operator)(operand(other))
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
    """Return the index for NumPy; index arrays must be on the device, and indices out of range wrap."""
    parts, axis = [], 0
    for part in key if isinstance(key, tuple) else (key,):
        if isinstance(part, ndarray):
            if part.dtype.kind == "b":
                raise TypeError("a boolean index makes the host wait for the size of the result; use where")
            part = part._host % shape[axis]
        elif isinstance(part, (numpy.ndarray, list)):
            raise TypeError(
                "an index array must be on the device, got one of the host, which would be transferred each time"
            )
        parts.append(part)
        axis += part is not None and part is not Ellipsis
    return tuple(parts)


# ---------------------------------------------------------------------- transfers from the host, new arrays


def asarray(a, dtype=None):
    if isinstance(a, ndarray):
        return a if dtype is None else a.astype(dtype, copy=False)
    if isinstance(a, (list, tuple)) and any(isinstance(part, ndarray) for part in a):
        return public["stack"]([asarray(part) for part in a])
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
    public[_name] = _new(_name)
for _name in ("empty_like", "zeros_like", "ones_like", "full_like"):
    public[_name] = _new(_name)


# ---------------------------------------------------------------------- functions of CuPy

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
            return FusionVariable(getattr(numpy, name), *map(_fused, arguments))
        assert out is None
        if not any(isinstance(argument, ndarray) for argument in arguments):
            raise TypeError(f"cupy.{name} takes arrays of the device, got {[type(a).__name__ for a in arguments]}")
        return ndarray(getattr(numpy, name)(*map(operand, arguments)))

    return function


for _name in _ELEMENTWISE:
    public[_name] = _elementwise(_name)
for _name in _OTHERS:

    def _other(*arguments, _name=_name, **options):
        hosts = [argument._host if isinstance(argument, ndarray) else argument for argument in arguments]
        assert not any(isinstance(argument, numpy.ndarray) for argument in arguments), "an array of the host"
        return ndarray(getattr(numpy, _name)(*hosts, **options))

    public[_name] = _other
for _name in _OF_LISTS:

    def _joined(arrays, *rest, _name=_name, **options):
        whole = isinstance(arrays, ndarray)
        hosts = arrays._host if whole else [operand(array) for array in arrays]
        result = getattr(numpy, _name)(hosts, *rest, **{key: _plain(value) for key, value in options.items()})
        return [ndarray(part) for part in result] if isinstance(result, list) else ndarray(result)

    public[_name] = _joined


def matmul(a, b, out=None):
    product = a @ b
    if out is None:
        return product
    if out.shape != product.shape or out.dtype != product.dtype:
        raise ValueError("Output array has an invalid size")
    out[...] = product
    return out


dot = matmul


def result_type(*arguments):
    return numpy.result_type(*[a.dtype if isinstance(a, ndarray) else a for a in arguments])


# ---------------------------------------------------------------------- fusion


class FusionVariable:
    """The argument of a function that ``fuse`` traces: it records pointwise operations and supports no others."""

    def __init__(self, operation, *operands):
        self._operation, self._operands = operation, operands

    def __bool__(self):
        raise Exception("Can't cast to bool")

    def _value(self, arrays, known):
        """Run the recorded operations on arrays of the host."""
        if id(self) not in known:
            operands = [o._value(arrays, known) if isinstance(o, FusionVariable) else o for o in self._operands]
            known[id(self)] = arrays[operands[0]] if self._operation is None else self._operation(*operands)
        return known[id(self)]


def _fused(operand):
    if isinstance(operand, (FusionVariable, bool, int, float, complex)):
        return operand
    raise TypeError(f"Unsupported type {type(operand)} in a function that is fused")


for _name in (*_ARITHMETIC, *_COMPARISONS):
    for _operator in (f"__{_name}__", f"__r{_name}__"):
        if _name != "matmul" and hasattr(numpy.ndarray, _operator):

            def _recorded(self, other, _operator=_operator):
                return FusionVariable(lambda a, b: getattr(numpy.asarray(a), _operator)(b), self, _fused(other))

            setattr(FusionVariable, _operator, _recorded)
FusionVariable.__neg__ = lambda self: FusionVariable(numpy.negative, self)


def fuse(function):
    """Return the function as one kernel, traced once per combination of argument types."""
    traces = {}

    def fused(*arguments):
        if any(isinstance(argument, numpy.ndarray) for argument in arguments):
            raise TypeError("Invalid argument type for a fused function: numpy.ndarray")
        kinds = tuple((operand(argument).dtype.char, operand(argument).ndim) for argument in arguments)
        if kinds not in traces:
            results = function(*[FusionVariable(None, i) for i in range(len(arguments))])
            if not all(isinstance(result, FusionVariable) for result in results):
                raise TypeError("Fusion function can't return anything but arrays")
            traces[kinds] = results
        launches[function.__name__] = launches.get(function.__name__, 0) + 1
        hosts, known = [operand(argument) for argument in arguments], {}
        return tuple(ndarray(numpy.array(result._value(hosts, known))) for result in traces[kinds])

    return fused
