"""The seam between NumPy and CuPy: which array module an array belongs to, and moves between host and device.

The core never names a module: it asks the arrays. Random numbers are drawn on the host and moved, so that both
backends start alike. CuPy is imported only when it is asked for.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np

from .checks import choose

Array = Any  # numpy.ndarray or cupy.ndarray; the two share no type


def array_module(array: Array) -> ModuleType:
    """Return the module, numpy or cupy, that ``array`` belongs to.

    >>> array_module(np.zeros(3)).__name__
    'numpy'
    """
    cupy = sys.modules.get("cupy")
    return np if cupy is None else cupy.get_array_module(array)


def to_host(array: Array) -> np.ndarray:
    """Return ``array`` as a NumPy array, fetched from the device where it lies there."""
    return array.get() if hasattr(array, "get") else np.asarray(array)


def get_backend(backend: str | ModuleType) -> ModuleType:
    """Return the array module for ``"numpy"``, ``"cupy"`` or a module that is given as it is.

    Raises
    ------
    ValueError : for an unknown name. ImportError : where CuPy is asked for and cannot be used; it says what to install.

    Examples
    --------
    >>> get_backend("numpy").__name__
    'numpy'
    """
    if isinstance(backend, ModuleType):
        return backend
    return choose("backend", backend, {"numpy": _numpy, "cupy": _cupy})()


def _numpy() -> ModuleType:
    return np


def _cupy() -> ModuleType:
    try:
        import cupy
    except ImportError:
        raise ImportError(
            "backend 'cupy' needs CuPy, which is not installed; "
            "pip install 'dilated_rnn_np[cuda12]' or [cuda13], or use backend 'numpy'"
        ) from None
    if not cupy.is_available():
        raise ImportError("CuPy is installed but finds no usable GPU or driver; use backend 'numpy'")
    return cupy
