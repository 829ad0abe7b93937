"""The library on CuPy as a contender: one training step on the device with one kind of the library's kernels."""

import subprocess
import sys
from contextlib import suppress

import dilated_rnn_np as drn
from benchmarks import library
from benchmarks.clock import event_clock, warmed_up
from dilated_rnn_np.device import kernels as device_kernels
from dilated_rnn_np.device import persistent, pointwise
from dilated_rnn_np.recurrence import scan

KERNELS = {"plain": scan, "fused": pointwise, "persistent": persistent}  # each a contender; the modules that run them


class Contender(library.Contender):
    """A model with its optimizer and one batch, all on the device."""

    def __init__(self, case, start, threads, quick=False, kernels="plain", rehearsal=False):
        self.cupy, self.kernels = cupy_module(rehearsal), kernels
        super().__init__(case, start, threads, quick, self.cupy, kernels)
        by_events = event_clock(self.cupy.cuda.Event, self.cupy.cuda.get_elapsed_time)
        self.clock = warmed_up(by_events, self.free_memory)

    def describe(self):
        """Versions, the device, and the kernels that run if they are not the chosen ones."""
        version = f"dilated_rnn_np {drn.__version__} on CuPy {self.cupy.__version__}, {self.kernels} kernels"
        about = {"version": version, "threads": "one", "device": device(self.cupy)}
        taken = kernels_of(self.model, self.x)
        return about | ({} if self.kernels in taken else {"variant": f"as {' and '.join(sorted(taken))}"})

    def results(self):
        """Loss and gradients; frees the memory for the other contenders."""
        found = super().results()
        self.free_memory()
        return found

    def free_memory(self):
        """Drop the cache and return the memory of CuPy's pool to the device."""
        self.cache = None
        self.cupy.get_default_memory_pool().free_all_blocks()


def kernels_of(model, x):
    """The kinds of kernels that the model's layers run for an input."""
    routes = [device_kernels.route(layer.kernels, layer.cell, layer.hidden_size, x) for layer in model.layers]
    return {name for name, module in KERNELS.items() if module in routes}


def cupy_module(rehearsal):
    """CuPy, or its stand-in for a rehearsal."""
    if rehearsal:
        from support import standin

        sys.modules["cupy"] = standin._module
    import cupy

    return cupy


def device(cupy):
    """Name, sizes and driver of the current device."""
    runtime = cupy.cuda.runtime
    properties = runtime.getDeviceProperties(runtime.getDevice())
    return {
        "name": properties["name"].decode(),
        "multiprocessors": int(properties["multiProcessorCount"]),
        "capability": f"{properties['major']}.{properties['minor']}",
        "bytes": int(properties["totalGlobalMem"]),
        "driver": driver(),
        "driver_cuda": dotted(runtime.driverGetVersion()),
        "cuda": dotted(runtime.runtimeGetVersion()),
    }


def driver():
    """The driver's version, if nvidia-smi reports it."""
    with suppress(OSError, subprocess.SubprocessError, IndexError):
        command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()[0]
    return "of unknown version"


def dotted(version):
    """CUDA's number 12040 as 12.4."""
    return f"{version // 1000}.{version % 1000 // 10}"
