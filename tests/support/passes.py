"""Passes of two models and a digest of all their bits, for comparisons between threads and processes."""

import hashlib
import os
import sys
import threading
import time

import numpy as np

import dilated_rnn_np as drn

CASES = {  # hidden size, dilations, cell, T, B
    "small": (16, [1, 2, 4, 8], "lstm", 50, 8),  # an assistant beside the calling thread
    "large": (40, [1, 4, 16], "gru", 20, 64),  # columns in parts
}


def model_and_batch(name):
    """A float32 model of a case and its input (T, B, 2)."""
    H, dilations, cell, T, B = CASES[name]
    model = drn.DilatedRNN(2, H, dilations, cell=cell, output_size=3, rng=0)
    return model, np.random.default_rng(1).standard_normal((T, B, 2)).astype("float32")


def results(model, x):
    """All that a training step computes: output, state, dx, dstate and grads."""
    output, state, cache = model.forward(x)
    return output, state, *model.backward(np.ones_like(output), cache)


def digest(name):
    """A hash of all bits of a case's results."""
    output, state, dx, dstate, grads = results(*model_and_batch(name))
    sha = hashlib.sha256()
    for array in (output, dx, *(a for s in (state, dstate) for entry in s for a in entry), *grads.values()):
        sha.update(array.tobytes())
    return sha.hexdigest()


def digests(num_threads):
    """The digests of all cases with a number of threads, in this process."""
    drn.set_num_threads(num_threads)
    return {name: digest(name) for name in CASES}


def fork_while_training(num_threads, repeats, seconds=30):
    """Fork while two threads train; exit with an error unless each child's first pass has the same bits, in time."""
    expected = digests(num_threads)
    stop = threading.Event()

    def train():
        while not stop.is_set():
            for name in CASES:
                assert digest(name) == expected[name]

    def first_pass():
        try:
            os._exit(0 if digest("small") == expected["small"] else 3)
        finally:
            os._exit(4)

    trainers = [threading.Thread(target=train, daemon=True) for _ in range(2)]
    for trainer in trainers:
        trainer.start()
    pauses = np.random.default_rng(0).uniform(0, 0.01, repeats)
    for pause in pauses:
        time.sleep(pause)
        if (child := os.fork()) == 0:
            first_pass()
        deadline, ended = time.monotonic() + seconds, 0
        while not ended and time.monotonic() < deadline:
            ended, status = os.waitpid(child, os.WNOHANG)
            time.sleep(0.001)
        if not ended:
            os.kill(child, 9)
            os.waitpid(child, 0)
            sys.exit("a child hangs")
        if code := os.waitstatus_to_exitcode(status):
            sys.exit(f"a child ended with {code}: its bits differ (3) or its pass raised (4)")
    stop.set()
    for trainer in trainers:
        trainer.join(seconds)
        if trainer.is_alive():
            sys.exit("a training thread of the parent hangs")
