"""The seam between NumPy and CuPy: which array module an array belongs to, and moves between host and device.

The core never names a module: it asks the arrays. Random numbers are drawn on the host and moved, so that both
backends start alike. CuPy is imported only when it is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
    return np.asarray(array) if array_module(array) is np else array.get()


def fetched(*figures: Any) -> list[float]:
    """Return numbers as floats of the host; those that lie on a device come in one transfer.

    >>> fetched(np.float32(0.5), 2)
    [0.5, 2.0]
    """
    on_device = [figure for figure in figures if array_module(figure) is not np]
    if not on_device:
        return [float(figure) for figure in figures]
    together = array_module(on_device[0]).stack([figure.astype(np.float64) for figure in on_device])
    host = iter(together.get().tolist())
    return [next(host) if array_module(figure) is not np else float(figure) for figure in figures]


def get_backend(backend: str | ModuleType) -> ModuleType:
    """Return the array module for ``"numpy"``, ``"cupy"``, ``"auto"``, which says what it took, or a module itself.

    Raises
    ------
    ValueError : for an unknown name. ImportError : where CuPy is asked for and cannot be used; it says what to install.

    Examples
    --------
    >>> get_backend("numpy").__name__
    'numpy'
    """
    if isinstance(backend, ModuleType):
        if backend is not np and not hasattr(backend, "get_array_module"):
            raise ValueError(f"xp must be numpy or cupy, got the module {backend.__name__}")
        return _numpy() if backend is np else _cupy()
    return choose("backend", backend, {"numpy": _numpy, "cupy": _cupy, "auto": _told})()


def _told() -> ModuleType:
    xp, sentence = automatic()
    print(sentence, file=sys.stderr)  # who leaves the choice open is told what it was
    return xp


def automatic() -> tuple[ModuleType, str]:
    """Return CuPy where a GPU can be used and NumPy elsewhere, and a sentence that says which one it is and why."""
    try:
        return _cupy(), "backend auto: cupy, there is a GPU"
    except ImportError as error:
        return np, f"backend auto: numpy, because {error}"


def _numpy() -> ModuleType:
    return np


def _cupy() -> ModuleType:
    try:
        import cupy
    except ImportError as error:
        trouble = "is not installed" if getattr(error, "name", None) in ("cupy", None) else f"does not start ({error})"
        raise ImportError(
            f"backend 'cupy' needs CuPy, which {trouble}; "
            "pip install 'dilated_rnn_np[cuda12]' or [cuda13], or use backend 'numpy'"
        ) from None
    if not cupy.is_available():
        raise ImportError(f"CuPy {cupy.__version__} finds no GPU that it can use: {_trouble(cupy)}")
    return cupy


def _trouble(cupy: Any) -> str:
    """Return what stands in the way of the GPU, and what to do."""
    try:
        cupy.cuda.runtime.getDeviceCount()
        reason = "there is none"
    except Exception as error:  # a missing driver, one that is too old, a GPU that is hidden: CUDA says which
        reason = str(error)
    return f"{reason}; see that nvidia-smi lists a GPU and that the driver fits CuPy's CUDA, or use backend 'numpy'"


@contextmanager
def device_memory(xp: ModuleType) -> Iterator[None]:
    """Say what helps where a pass within needs more memory than the device has."""
    try:
        yield
    except MemoryError as error:
        if xp is np or "device's memory" in str(error):
            raise
        raise MemoryError(
            f"the device's memory is full: {error}. Take a smaller batch, give budget=… to forward or fit, use keep=False "
            "where no gradient is needed, or call free_workspace()"
        ) from error
