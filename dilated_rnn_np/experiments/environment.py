"""The versions and the machine that a run's numbers and times depend on; they are stored with its result."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import threads


def record(backend: str) -> dict[str, dict[str, Any]]:
    """Return "versions", of Python and the libraries, and "machine", with the device's name for the backend "cupy"."""
    versions = {"python": platform.python_version(), "numpy": np.__version__}
    machine: dict[str, Any] = {"system": platform.system(), "architecture": platform.machine()}
    machine["processor"] = processor()
    machine |= {"processors": os.cpu_count(), "threads": threads.get_num_threads()}
    if backend == "cupy":
        cupy = sys.modules["cupy"]
        versions["cupy"] = cupy.__version__
        machine["device"] = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)["name"].decode()
    return {"versions": versions | {"dilated_rnn_np": metadata.version("dilated_rnn_np")}, "machine": machine}


def processor() -> str:
    """Return the processor's model as the system names it, or its architecture."""
    names = Path("/proc/cpuinfo")  # of Linux; elsewhere ``platform`` knows the name
    found = re.search(r"^model name\s*: (.+)$", names.read_text("utf-8") if names.exists() else "", re.MULTILINE)
    return found[1] if found else platform.processor() or platform.machine()
