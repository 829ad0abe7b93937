"""The versions and the machine that a run's numbers and times depend on; they are stored with its result."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from typing import Any

import numpy as np

from ..arrays import threads


def versions(backend: str) -> dict[str, str]:
    """Return the versions of Python, the array library ("numpy" or "cupy") and this package."""
    found = {"python": platform.python_version(), "numpy": np.__version__}
    if backend == "cupy":
        found["cupy"] = sys.modules["cupy"].__version__
    return found | {"dilated_rnn_np": metadata.version("dilated_rnn_np")}


def machine(backend: str) -> dict[str, Any]:
    """Return system, architecture, number of processors and of threads, and for "cupy" the device's name."""
    found: dict[str, Any] = {"system": platform.system(), "architecture": platform.machine()}
    found |= {"processors": os.cpu_count(), "threads": threads.get_num_threads()}
    if backend == "cupy":
        cupy = sys.modules["cupy"]
        found["device"] = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)["name"].decode()
    return found
