"""The library on CuPy as a contender: one training step on the device, with one of the library's kernels for it."""

import subprocess
import sys
from contextlib import suppress

import dilated_rnn_np as drn
from benchmarks import library
from benchmarks.clock import after_one_that_does_not_count, event_clock
from dilated_rnn_np.device import kernels

LEVELS = tuple(kernels.KERNELS)  # the library's kernels for a device, each a contender


class Contender(library.Contender):
    """A model on the device with its optimizer and one batch, which lies there."""

    def __init__(self, case, start, threads, quick=False, level="plain", rehearsal=False):
        self.cupy, self.level = module(rehearsal), level
        drn.set_device_kernels(level)
        super().__init__(case, start, threads, quick, xp=self.cupy)
        by_events = event_clock(self.cupy.cuda.Event, self.cupy.cuda.get_elapsed_time)
        self.clock = after_one_that_does_not_count(by_events, drn.free_workspace)

    def describe(self):
        """Versions, the device, and, where the level has nothing of its own for this case, what runs instead."""
        version = f"dilated_rnn_np {drn.__version__} on CuPy {self.cupy.__version__}, {self.level} kernels"
        about = {"version": version, "threads": "one", "device": device(self.cupy)}
        routes = {kernels.route(layer.cell, layer.hidden_size, self.x) for layer in self.model.layers}
        taken = {"plain" if route == "scan" else route for route in routes}
        return about | ({} if self.level in taken else {"way": f"as {' and '.join(sorted(taken))}"})

    def results(self):
        """Loss and gradients; the memory goes back, so that other contenders find it free."""
        found = super().results()
        drn.free_workspace()
        return found


def module(rehearsal):
    """CuPy, or to rehearse a stand-in that is no GPU."""
    if rehearsal:
        import standin

        sys.modules["cupy"] = standin._module
    import cupy

    return cupy


def device(cupy):
    """Name and numbers of the present device, and its driver."""
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
    """The driver's version, as far as its own program tells."""
    with suppress(OSError, subprocess.SubprocessError, IndexError):
        command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()[0]
    return "of unknown version"


def dotted(version):
    """CUDA's number 12040 as 12.4.

    >>> dotted(12040)
    '12.4'
    """
    return f"{version // 1000}.{version % 1000 // 10}"
