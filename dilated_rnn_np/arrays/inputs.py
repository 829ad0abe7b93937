"""Checks of the arguments of a network: a wrong input raises at the call that passes it.

Each function returns its argument in the form that the layers use; the caller's arrays are not changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .backend import Array, array_module
from .checks import positive_integer

DTYPES = ("float32", "float64", "complex64", "complex128")


def dilations(values: Any, name: str = "dilations") -> tuple[int, ...]:
    """Return a list of positive ints as a tuple, in any order and with repeats; ``name`` is its name in messages."""
    if not _is_list(values):
        raise TypeError(f"{name} must be a list of whole numbers, got {values!r}; for instance [1, 2, 4]")
    checked = tuple(positive_integer(f"{name}[{i}]", d) for i, d in enumerate(values))
    if not checked:
        raise ValueError(f"{name} must hold at least one number, got an empty list; for instance [1, 2, 4]")
    return checked


def hidden_sizes(hidden_size: Any, num_layers: int) -> tuple[int, ...]:
    """Return one hidden size per layer, from one number for all or a list."""
    if not _is_list(hidden_size):
        return (positive_integer("hidden_size", hidden_size),) * num_layers
    sizes = tuple(positive_integer(f"hidden_size[{i}]", size) for i, size in enumerate(hidden_size))
    if len(sizes) != num_layers:
        raise ValueError(
            f"hidden_size must be one number or a list of {num_layers}, one per dilation, got {len(sizes)} numbers"
        )
    return sizes


def _is_list(values: Any) -> bool:
    """Return whether ``values`` holds several numbers; an array of no dimension is one number."""
    return isinstance(values, Iterable) and not isinstance(values, (str, bytes)) and getattr(values, "ndim", 1) > 0


def dtype(value: Any) -> np.dtype:
    """Return a dtype that the library supports."""
    try:
        checked = None if value is None else np.dtype(value)  # NumPy takes None for float64
    except TypeError:
        checked = None
    if checked is None or checked.name not in DTYPES:
        raise TypeError(f"dtype must be one of {', '.join(DTYPES)}, got {value!r}")
    return checked.newbyteorder("=")


def same_module(xp: Any, name: str, array: Any) -> Array:
    """Return ``array`` as an array of the model's module; an array of the other module raises."""
    given = array_module(array)  # numpy also for a list, or anything else that converts to an array
    if given is not xp and (given is not np or isinstance(array, np.ndarray)):
        right = f"{name}.get()" if xp is np else f"{xp.__name__}.asarray({name})"
        raise TypeError(
            f"the model is on {xp.__name__} but {name} is a {given.__name__} array; pass {right}, or move the model with .to()"
        )
    unmasked(name, array)
    try:
        return xp.asarray(array)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of numbers with equally long rows: {error}") from None


def unmasked(name: str, array: Any) -> Any:
    """Return ``array``, or raise where it is a masked array: a computation would ignore its mask."""
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must be an ordinary array, got a masked one, whose mask would be ignored; pass {name}.filled(value), "
            "and weights of 0 where positions shall not count"
        )
    return array


def numeric(name: str, array: Array) -> Array:
    """Return ``array`` if it holds numbers."""
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{name} must hold numbers, got dtype {array.dtype}; convert it with {name}.astype('float32')")
    return array


def working_dtype(param_dtype: np.dtype, arrays: Sequence[Array]) -> np.dtype:
    """Return the dtype of a pass: that of the parameters, or its complex counterpart where an array is complex.

    >>> working_dtype(np.dtype("float32"), [np.zeros(1)]).name, working_dtype(np.dtype("float64"), [np.zeros(1, "c8")]).name
    ('float32', 'complex128')
    """
    is_complex = any(array.dtype.kind == "c" for array in arrays)
    return np.result_type(param_dtype, np.complex64) if is_complex else param_dtype


def sequence(xp: Any, x: Any, input_size: int) -> Array:
    """Return ``x`` as (T, B, D)."""
    x = numeric("x", same_module(xp, "x", x))
    if x.ndim != 3 or x.shape[2] != input_size:
        hint = "; add the batch axis with x[:, None, :]" if x.ndim == 2 and x.shape[1] == input_size else ""
        raise ValueError(f"x must be time-major, (T, B, {input_size}), got shape {x.shape}{hint}")
    if x.shape[0] == 0 or x.shape[1] == 0:
        raise ValueError(f"x must hold at least one time step and one batch row, got shape {x.shape} for (T, B, D)")
    return x


def chunks(xp: Any, given: Iterator[Any], input_size: int) -> Iterator[Array]:
    """Yield the chunks of one long sequence, (T, B, D) each and equal in B."""
    rows = None
    for k, chunk in enumerate(given):
        checked = sequence(xp, chunk, input_size)
        finite(f"chunk {k} of x", checked)
        if rows not in (None, checked.shape[1]):
            raise ValueError(f"chunk {k} of x must have {rows} batch rows like the first one, got {checked.shape[1]}")
        rows = checked.shape[1]
        yield checked
    if rows is None:
        raise ValueError("x must yield at least one chunk of the sequence, (T, B, D), got none")


def row_lengths(lengths: Any, seq_len: int, batch_size: int, xp: Any = np) -> Array | None:
    """Return ``lengths`` as (B,) integers, or None; values on a device are not checked, which would wait for the device."""
    if lengths is None:
        return None
    on_device = array_module(unmasked("lengths", lengths)) is not np
    if on_device and xp is np:
        raise TypeError("the model is on numpy but lengths is not; pass lengths.get(), or move the model with .to()")
    lengths = lengths if on_device else np.asarray(lengths)
    if lengths.dtype.kind not in "iu":
        raise TypeError(f"lengths must be whole numbers, one per batch row, got dtype {lengths.dtype}")
    if lengths.shape != (batch_size,):
        raise ValueError(f"lengths must have shape ({batch_size},), one per batch row, got {lengths.shape}")
    if on_device:
        return lengths.astype(np.int64, copy=False)
    if lengths.min() < 0 or lengths.max() > seq_len:
        raise ValueError(f"lengths must lie between 0 and T = {seq_len}, got {lengths.min()} to {lengths.max()}")
    return lengths.astype(np.int64)


def finite(name: str, array: Array) -> None:
    """Raise where a host array has a NaN or an infinity; arrays on a device are not checked, which would wait for the device."""
    if isinstance(array, np.ndarray) and not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{name} must be finite, got {array[where]} at index {where}; clean or mask the data before")


def state(xp: Any, name: str, given: Any, shapes: Sequence[Sequence[tuple[int, ...]]]) -> list[tuple[Array, ...]]:
    """Return a state, or its gradient, as a list of tuples of arrays with the given shapes."""
    if not isinstance(given, (list, tuple)):
        raise TypeError(
            f"{name} must be a list with one tuple of arrays per layer, as forward returns it, got {type(given).__name__}"
        )
    if len(given) != len(shapes):
        raise ValueError(f"{name} must have {len(shapes)} entries, as forward returns it, got {len(given)}")
    checked = []
    for i, (entry, expected) in enumerate(zip(given, shapes, strict=True)):
        if not isinstance(entry, (list, tuple)) or len(entry) != len(expected):
            raise ValueError(
                f"{name}[{i}] must be a tuple of {len(expected)} arrays, got {type(entry).__name__} {_shapes(entry)}"
            )
        arrays = tuple(numeric(f"{name}[{i}]", same_module(xp, f"{name}[{i}]", array)) for array in entry)
        if [array.shape for array in arrays] != list(expected):
            raise ValueError(
                f"{name}[{i}] must hold arrays of shapes {list(expected)}, got {_shapes(arrays)}; of another model or batch size?"
            )
        for array in arrays:
            finite(f"{name}[{i}]", array)
        checked.append(arrays)
    return checked


def _shapes(entry: Any) -> list:
    return [getattr(array, "shape", None) for array in entry] if isinstance(entry, (list, tuple)) else []


def gradient(xp: Any, name: str, given: Any, shape: tuple[int, ...], working: np.dtype) -> Array:
    """Return an upstream gradient in the working dtype; ``shape`` is that of the array it belongs to."""
    array = numeric(name, same_module(xp, name, given))
    if array.shape != shape:
        raise ValueError(f"{name} must have the shape of the {name[1:]}, {shape}, got {array.shape}")
    return in_dtype(name, array, working)


def in_dtype(name: str, array: Array, working: np.dtype) -> Array:
    """Return ``array`` in the working dtype; a complex array in a real pass raises."""
    if array.dtype.kind == "c" and working.kind != "c":
        raise TypeError(f"{name} is {array.dtype} but the pass was made in {working}; use model.astype('complex128')")
    return array.astype(working, copy=False)
