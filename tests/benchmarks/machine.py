"""Where the benchmark runs: versions, processor, and the cores that this process may use."""

import os
import platform

import numpy as np


def describe():
    """Versions and processor, for the head of the report."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": platform.system(),
        "processor": processor(),
        "cores": cores(),
    }


def processor():
    """The model name of the processor, as far as the system tells."""
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def cores():
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
