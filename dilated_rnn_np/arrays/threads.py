"""Threads: parts of a layer that need nothing of each other, run side by side on the cores of the CPU.

NumPy lets other threads run Python while it computes, so parts of a folded batch run in parallel as long as each call
works on enough numbers. Meanwhile the BLAS keeps to one thread: its own threads beneath ours are worse than either
alone. Both this and Python's switch interval are settings of the whole process: they are put back at the end.
"""

from __future__ import annotations

import contextvars
import itertools
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

from .checks import positive_integer

SWITCH_INTERVAL = 1e-4  # seconds; with Python's default, 5e-3, a training step takes 1.02 to 1.08 times as long
MOST_BY_DEFAULT = 8
_BLAS = ThreadpoolController().select(user_api="blas")
_AVAILABLE = min([library["num_threads"] for library in _BLAS.info()], default=os.cpu_count() or 1)

Result = TypeVar("Result")


class _Process:
    """The settings of the process, and how many calls are at work in it now."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.num_threads = min(_AVAILABLE, MOST_BY_DEFAULT)
        self.at_work = 0
        self.before: tuple[Any, float] = (None, 0.0)  # BLAS threads and switch interval


_process = _Process()


def get_num_threads() -> int:
    """Return the number of threads that the library uses.

    At first it is the number that the BLAS had when the library was imported: that of the cores, unless the environment
    (``OMP_NUM_THREADS``, ``OPENBLAS_NUM_THREADS``) says otherwise; at most 8.

    >>> get_num_threads() >= 1
    True
    """
    return _process.num_threads


def set_num_threads(number: int) -> None:
    """Let the library use so many threads, in all models of this process.

    Results differ by rounding from one number of threads to another; one number always gives the same bits.

    >>> before = get_num_threads()
    >>> set_num_threads(1)
    >>> get_num_threads()
    1
    >>> set_num_threads(before)
    """
    _process.num_threads = positive_integer("num_threads", number)


@contextmanager
def at_work(blas_threads: int) -> Iterator[None]:
    """Give the BLAS so many threads while the block runs.

    Of several blocks at once, in several threads of the user, the first one's number holds, and the last one to end puts
    back what was before.
    """
    with _process.lock:
        if _process.at_work == 0:
            _process.before = _BLAS.limit(limits=blas_threads), sys.getswitchinterval()
            sys.setswitchinterval(min(SWITCH_INTERVAL, sys.getswitchinterval()))
        _process.at_work += 1
    try:
        yield
    finally:
        with _process.lock:
            _put_back()


def _put_back() -> None:
    """Count one call less at work; with the last one, put the settings back."""
    _process.at_work -= 1
    if _process.at_work == 0:
        limit, interval = _process.before
        limit.restore_original_limits()
        sys.setswitchinterval(interval)


def run(tasks: Sequence[Callable[[], Result]]) -> list[Result]:
    """Return the tasks' results in their order; each thread takes its share of neighbours, the caller's the first."""
    mine, *others = [tasks[share] for share in even_slices(len(tasks), min(_process.num_threads, len(tasks)))]
    futures = [_pool(len(others)).submit(contextvars.copy_context().run, _in_turn, share) for share in others]
    try:
        results = _in_turn(mine)
    finally:
        for future in futures:  # nobody goes on while another thread still writes
            future.exception()
    return results + [result for future in futures for result in future.result()]


def even_slices(length: int, count: int) -> list[slice]:
    """Return ``count`` slices that cover ``range(length)``, as equal as can be.

    >>> even_slices(5, 2)
    [slice(0, 2, None), slice(2, 5, None)]
    """
    edges = [length * i // count for i in range(count + 1)]
    return [slice(start, stop) for start, stop in itertools.pairwise(edges)]


def _in_turn(tasks: Sequence[Callable[[], Result]]) -> list[Result]:
    return [task() for task in tasks]


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="dilated_rnn_np")


def _start_anew() -> None:
    """Forget, in a forked process, the threads and the calls at work of its parent: they do not live on."""
    _pool.cache_clear()
    _process.lock = threading.Lock()
    if _process.at_work:
        _process.at_work = 1
        _put_back()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
