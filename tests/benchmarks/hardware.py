"""The machine's rates in float32, measured beside the contenders: matrix products, memory traffic and tanh.

The floor divides the work of a training step by these rates. Each rate is the best of several runs, on as many threads as
the contenders have: BLAS threads for the products, Python threads for the other two (NumPy releases Python's lock).
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_info

from benchmarks.clock import seconds_of

PRODUCTS = ((1024, 1024, 1024), (200, 101, 8192), (1024, 513, 2048), (80, 41, 16384))  # (rows, inner, columns)
NUMBERS = 4 * 1024 * 1024  # per array: 16 MB, more than the cache of a core
REPEATS = 20


def kernel():
    """The BLAS library that NumPy calls and the architecture of its kernel, as threadpoolctl reports them."""
    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return (
        ", ".join(f"{library['internal_api']} {library.get('architecture', '?')}" for library in libraries) or "unknown"
    )


def measure(threads):
    """Flops, bytes and tanh evaluations per second."""
    with ThreadPoolExecutor(threads) as pool:
        return {
            "flops": max(product_rate(*shape) for shape in PRODUCTS),
            "bytes": 3 * 4 * rate(lambda a, b, out: np.add(a, b, out=out), threads, pool),
            "tanhs": rate(lambda a, b, out: np.tanh(a, out=out), threads, pool),
        }


def product_rate(m, k, n):
    """Flops per second of an (m, k) by (k, n) product; a multiply-add counts as two."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape, dtype=np.float32) for shape in ((m, k), (k, n)))
    out = np.empty((m, n), np.float32)
    return 2 * m * k * n / min(seconds_of(lambda: np.matmul(a, b, out=out)) for _ in range(REPEATS))


def rate(work, threads, pool):
    """Numbers per second of an elementwise operation; each thread has three arrays of its own (two inputs, one output)."""
    rng = np.random.default_rng(0)
    arrays = [[rng.standard_normal(NUMBERS, dtype=np.float32) for _ in range(threads)] for _ in range(3)]
    return threads * NUMBERS / min(seconds_of(lambda: list(pool.map(work, *arrays))) for _ in range(REPEATS))
