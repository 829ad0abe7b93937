"""The contender's side of the line protocol: one JSON request per line on stdin, one JSON answer per line on stdout.

``python -m benchmarks.serve NAME THREADS`` waits for requests; between them it blocks in a read and uses no core. Other
output goes to stderr and cannot disturb the answers. NumPy and the other libraries are imported after the process has been
limited to its cores.
"""

import importlib
import json
import os
import sys
import traceback

from benchmarks.clock import seconds_of

MODULES = {
    "library": "benchmarks.library",
    "pytorch": "benchmarks.pytorch",
    "jax": "benchmarks.jax_scan",
    "hardware": "benchmarks.hardware",
    "forecasting": "benchmarks.forecasting",
    "gpu_library": "benchmarks.gpu_library",
    "gpu_pytorch": "benchmarks.gpu_pytorch",
}


def limit_cores(threads):
    """Limit this process to a number of cores if the system allows it; JAX has no other setting."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


class Server:
    """Answers requests by calling the contender; each method is a kind of request."""

    def __init__(self, name, threads):
        self.module, self.threads = importlib.import_module(MODULES[name]), threads

    def start(self, case, path, quick, **options):
        """Load case and numbers; answers the contender's description. A contender may have a clock of its own."""
        import numpy as np

        from benchmarks.cases import Case

        with np.load(path) as file:
            self.arrays = dict(file)
        self.state = None  # of the stream
        self.contender = self.module.Contender(Case.from_message(case), self.arrays, self.threads, quick, **options)
        self.clock = getattr(self.contender, "clock", seconds_of)
        return self.contender.describe()

    def check(self, path, stream):
        """Write logits, loss and gradients of one training step; with ``stream`` also the last logits of a stream."""
        import numpy as np

        found = {"logits": self.contender.forward()}
        if stream:
            found["streamed logits"], _ = self.contender.stream(self.contender.inputs_of(self.arrays["x"]))
        self.contender.train()
        loss, grads = self.contender.results()
        np.savez(path, loss=loss, **found, **{f"gradient of {name}": grad for name, grad in grads.items()})

    def train(self):
        """Answer the seconds of one training step."""
        return self.clock(self.contender.train)

    def forward(self):
        """Answer the seconds of one forward pass without gradients."""
        return seconds_of(self.contender.forward)

    def stream(self, steps):
        """Answer the mean seconds of a step in a stream of one row; the stream continues from call to call."""
        x = self.arrays["x"].reshape(-1, 1, self.arrays["x"].shape[2])[:steps]  # (steps, 1, D)
        inputs, state = self.contender.inputs_of(x), self.state

        def run():
            _, self.state = self.contender.stream(inputs, state)

        return seconds_of(run) / len(inputs)

    def peak(self):
        """Answer the peak bytes of the first training step above those before it, and its seconds."""
        before = reset_peak_memory()
        seconds = seconds_of(self.contender.train)
        return {"bytes": memory("VmHWM") - before, "seconds": seconds}

    def measure(self):
        """Answer the machine's rates (hardware only)."""
        return self.module.measure(self.threads)

    def forecaster(self, series, length):
        """Answer the seconds and peak memory of a forecaster (forecasting only)."""
        return self.module.measure(series, length)

    def kernel(self):
        """Answer the kernel of NumPy's BLAS (hardware only)."""
        return self.module.kernel()


def reset_peak_memory():
    """Reset the peak memory, Linux's VmHWM, and return the bytes in use."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return memory("VmRSS")


def memory(name):
    """Bytes of this process under a name of Linux's /proc/self/status."""
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith(name + ":"))


def main(name, threads):
    """Answer requests until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # print now writes to stderr
    limit_cores(int(threads))
    server = Server(name, int(threads))
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"answer": getattr(server, request.pop("do"))(**request)}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
