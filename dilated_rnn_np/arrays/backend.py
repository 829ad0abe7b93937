"""The seam between NumPy and CuPy: the array module of an array, and transfers between host and device.

No formula names a module: each takes it from its arrays. Random numbers are drawn on the host and transferred, so one seed gives
the same numbers on both backends. CuPy is imported only when the caller asks for it.
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
    """Return ``array`` as a NumPy array, transferred from the device if necessary."""
    return np.asarray(array) if array_module(array) is np else array.get()


def to_floats(*figures: Any) -> list[float]:
    """Return numbers as Python floats; those on a device take one transfer together.

    >>> to_floats(np.float32(0.5), 2)
    [0.5, 2.0]
    """
    on_device = [figure for figure in figures if array_module(figure) is not np]
    if not on_device:
        return [float(figure) for figure in figures]
    together = array_module(on_device[0]).stack([figure.astype(np.float64) for figure in on_device])
    host = iter(together.get().tolist())
    return [next(host) if array_module(figure) is not np else float(figure) for figure in figures]


def get_backend(backend: str | ModuleType) -> ModuleType:
    """Return the array module for "numpy", "cupy" or "auto" (CuPy where there is a GPU, see ``automatic``), or for a module.

    Raises
    ------
    ValueError : for an unknown name or another module. ImportError : where CuPy cannot be used; the message says what to install.

    Examples
    --------
    >>> get_backend("numpy").__name__
    'numpy'
    """
    if isinstance(backend, ModuleType):
        if backend is not np and not hasattr(backend, "get_array_module"):
            raise ValueError(f"xp must be numpy or cupy, got the module {backend.__name__}")
        backend = "numpy" if backend is np else "cupy"
    return choose("backend", backend, {"numpy": lambda: np, "cupy": _cupy, "auto": lambda: automatic()[0]})()


def automatic() -> tuple[ModuleType, str]:
    """Return CuPy where a GPU can be used and NumPy elsewhere, and a line that names the choice and the reason."""
    try:
        return _cupy(), "backend auto: cupy, there is a GPU"
    except ImportError as error:
        return np, f"backend auto: numpy, because {error}"


def _cupy() -> ModuleType:
    try:
        import cupy
    except ImportError as error:
        problem = "is not installed" if getattr(error, "name", None) in ("cupy", None) else f"does not start ({error})"
        raise ImportError(
            f"backend 'cupy' needs CuPy, which {problem}; "
            "pip install 'dilated_rnn_np[cuda12]' or [cuda13], or use backend 'numpy'"
        ) from None
    if not cupy.is_available():
        try:
            cupy.cuda.runtime.getDeviceCount()
            reason = "there is none"
        except Exception as error:  # CUDA names the reason: a missing driver, an old one, a hidden GPU
            reason = str(error)
        raise ImportError(
            f"CuPy {cupy.__version__} finds no GPU that it can use: {reason}; "
            "check that nvidia-smi lists a GPU and that the driver fits CuPy's CUDA, or use backend 'numpy'"
        )
    return cupy


@contextmanager
def device_memory(xp: ModuleType) -> Iterator[None]:
    """Add advice to a MemoryError of a pass that needs more memory than the device has."""
    try:
        yield
    except MemoryError as error:
        if xp is np or "device's memory" in str(error):
            raise
        raise MemoryError(
            f"the device's memory is full: {error}. Take a smaller batch, give budget=… to forward or fit, or use keep=False "
            "where no gradient is needed"
        ) from error
