"""The contender's side of the line protocol: one JSON request a line on stdin, one JSON answer a line on stdout.

``python -m benchmarks.serve NAME THREADS`` waits for requests; between them it blocks in a read and burns nothing. What
else a library prints goes to stderr, so that it cannot disturb the answers. NumPy and the rest are imported only once the
process has its cores.
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
    "gpu_library": "benchmarks.gpu_library",
    "gpu_pytorch": "benchmarks.gpu_pytorch",
}


def hold_to(threads):
    """Leave this process so many cores, where the system allows it: JAX and the like have no other dial."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


class Server:
    """Answers requests by calling the contender; each method is one kind of request."""

    def __init__(self, name, threads):
        self.module, self.threads = importlib.import_module(MODULES[name]), threads

    def start(self, case, path, quick, **options):
        """Load case and numbers; answers versions and threads. A contender may bring a clock of its own."""
        import numpy as np

        from benchmarks.cases import Case

        with np.load(path) as file:
            self.arrays = dict(file)
        self.state = None  # of the stream
        self.contender = self.module.Contender(Case.from_message(case), self.arrays, self.threads, quick, **options)
        self.clock = getattr(self.contender, "clock", seconds_of)
        return self.contender.describe()

    def check(self, path, stream):
        """Write logits, the last logits of a stream if asked for, and loss and gradients of one training step."""
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
        """Answer the seconds of one step of a stream of one row, the mean over ``steps``; the stream goes on each time."""
        x = self.arrays["x"].reshape(-1, 1, self.arrays["x"].shape[2])[:steps]  # (steps, 1, D)
        inputs, state = self.contender.inputs_of(x), self.state

        def go():
            _, self.state = self.contender.stream(inputs, state)

        return seconds_of(go) / len(inputs)

    def peak(self):
        """Answer the bytes that the first training step needs above what was there before it, and its seconds."""
        before = reset_peak_memory()
        seconds = seconds_of(self.contender.train)
        return {"bytes": memory("VmHWM") - before, "seconds": seconds}

    def measure(self):
        """Answer what the machine can do (hardware alone)."""
        return self.module.measure(self.threads)


def reset_peak_memory():
    """Forget the peak so far, Linux's VmHWM, and return the bytes in use now."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return memory("VmRSS")


def memory(name):
    """Bytes of this process in Linux's count of that name."""
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith(name + ":"))


def main(name, threads):
    """Answer requests until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # from here on, print goes to stderr
    hold_to(int(threads))
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
