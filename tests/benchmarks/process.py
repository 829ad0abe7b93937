"""The benchmark's side of the line protocol: one process for each contender, asked one thing at a time.

A contender that is not asked blocks in a read. After their last work its threads still spin for a while, some 5 ms with
OpenMP (PyTorch) and 80 ms with OpenBLAS (the library), so whoever asks several in turn rests in between
(``rounds.REST``). OpenMP's waiting is left as it is: with OMP_WAIT_POLICY=PASSIVE PyTorch took almost twice as long.
"""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class ContenderError(RuntimeError):
    """A contender failed; its own message is in the text."""


class Process:
    """A contender in a fresh process; leave the ``with`` block to end it."""

    def __init__(self, name, threads):
        self.name = name
        environment = os.environ | {setting: str(threads) for setting in THREAD_SETTINGS} | {"JAX_PLATFORMS": "cpu"}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
        command = [sys.executable, "-m", "benchmarks.serve", name, str(threads)]
        self.popen = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, request, **arguments):
        """Ask, and wait for the answer."""
        with suppress(BrokenPipeError):  # the process is gone: it gives no answer
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
        with suppress(BrokenPipeError):  # what was asked last may still lie in the pipe of a process that is gone
            self.popen.stdin.close()
        self.popen.stdout.close()
        if exception[0]:
            self.popen.kill()
        self.popen.wait()
