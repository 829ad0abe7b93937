"""The benchmark's side of the line protocol: one process per contender, which answers one request at a time.

A contender without a request blocks in a read. After work its threads still spin for a while, some 5 ms with OpenMP
(PyTorch) and 80 ms with OpenBLAS (the library), so there is a pause between turns (``rounds.REST``). OpenMP's waiting policy
stays at its default: with OMP_WAIT_POLICY=PASSIVE PyTorch took almost twice as long.
"""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent  # holds the library that is measured
THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
KERNEL_SETTINGS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # may force an older kernel on NumPy, and on NumPy only


class ContenderError(RuntimeError):
    """A contender failed; the text includes its own message."""


def environment(threads):
    """The environment variables of a contender's process: this process's, with equal threads and the default kernels."""
    variables = {name: value for name, value in os.environ.items() if name not in KERNEL_SETTINGS}
    paths = filter(None, [str(ROOT), str(TESTS), variables.get("PYTHONPATH")])
    settings = {"JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(paths)}
    return variables | settings | dict.fromkeys(THREAD_SETTINGS, str(threads))


class Process:
    """A contender in a fresh process, which ends with the ``with`` block."""

    def __init__(self, name, threads):
        self.name = name
        command = [sys.executable, "-m", "benchmarks.serve", name, str(threads)]
        pipe = subprocess.PIPE
        self.popen = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment(threads))

    def ask(self, request, **arguments):
        """Send a request and return the answer."""
        with suppress(BrokenPipeError):  # the process has ended: the empty answer below says so
            print(json.dumps({"do": request, **arguments}), file=self.popen.stdin, flush=True)
        line = self.popen.stdout.readline()
        if not line:
            raise ContenderError(f"the process of {self.name} ended early, with code {self.popen.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise ContenderError(f"{self.name} failed:\n{answer['error']}")
        return answer["answer"]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        with suppress(BrokenPipeError):  # a process that has ended may leave the last request in the pipe
            self.popen.stdin.close()
        self.popen.stdout.close()
        if exception[0]:
            self.popen.kill()
        self.popen.wait()
