"""The machine that the benchmark runs on: versions, processor, BLAS kernel, and the cores that this process may use."""

import os
import platform

import numpy as np

from benchmarks.process import Process


def empty_results(options):
    """The dict of results before anything is measured."""
    return {
        "settings": {"rounds": options.rounds, "threads": options.threads, "quick": options.quick},
        "machine": describe(),
        "contenders": {},
        "equality": [],
        "timings": [],
    }


def describe():
    """Versions, processor and the kernel of NumPy's BLAS in a contender's process, for the head of the report."""
    with Process("hardware", cores()) as process:
        kernel = process.ask("kernel")
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": platform.system(),
        "processor": processor(),
        "cores": cores(),
        "kernel": kernel,
    }


def processor():
    """The model name of the processor, or the architecture if the system does not report the name."""
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def cores():
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
