"""What the machine can do, measured beside the contenders: products, memory traffic and tanh in float32.

The floor divides the work of a training step by these rates. All are the best of several runs, on as many threads as the
contenders have: the products on BLAS's own, the other two on Python threads, of which NumPy runs several at once.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.clock import seconds_of

PRODUCTS = ((1024, 1024, 1024), (200, 101, 8192), (1024, 513, 2048), (80, 41, 16384))  # (rows, inner, columns)
NUMBERS = 4 * 1024 * 1024  # in each array: 16 MB, more than a core caches for itself
REPEATS = 20


def measure(threads):
    """Flops, bytes and tanh evaluations a second."""
    with ThreadPoolExecutor(threads) as pool:
        return {
            "flops": max(product_rate(*shape) for shape in PRODUCTS),
            "bytes": 3 * 4 * rate(lambda a, b, out: np.add(a, b, out=out), threads, pool),
            "tanhs": rate(lambda a, b, out: np.tanh(a, out=out), threads, pool),
        }


def product_rate(m, k, n):
    """Flops a second of an (m, k) by (k, n) product, a multiply-add counting two."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape, dtype=np.float32) for shape in ((m, k), (k, n)))
    out = np.empty((m, n), np.float32)
    return 2 * m * k * n / min(seconds_of(lambda: np.matmul(a, b, out=out)) for _ in range(REPEATS))


def rate(work, threads, pool):
    """Numbers a second of an elementwise operation, each thread on three arrays (two inputs, one output) of its own."""
    rng = np.random.default_rng(0)
    arrays = [[rng.standard_normal(NUMBERS, dtype=np.float32) for _ in range(threads)] for _ in range(3)]
    return threads * NUMBERS / min(seconds_of(lambda: list(pool.map(work, *arrays))) for _ in range(REPEATS))
