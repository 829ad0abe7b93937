"""Threads: the cores that one pass uses, with the BLAS held to one thread while it runs.

NumPy lets other threads run Python while it computes, so parts of a batch that need nothing of each other run side by side.
The BLAS computes each product on one thread meanwhile: its own threads beneath these are slower, and the bits of a product would
depend on their number. That limit belongs to the whole process, so overlapping passes share it: the first one takes it, the
last one gives it back.
"""

from __future__ import annotations

import contextvars
import itertools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import threadpoolctl

from .checks import positive_integer

MOST_BY_DEFAULT = 8
POOL = "dilated_rnn_np pool"
_BLAS = threadpoolctl.ThreadpoolController().select(user_api="blas")
_AVAILABLE = min([library["num_threads"] for library in _BLAS.info()], default=os.cpu_count() or 1)
_setting = {"num_threads": min(_AVAILABLE, MOST_BY_DEFAULT)}

Result = TypeVar("Result")


def get_num_threads() -> int:
    """Return the number of threads that the library uses.

    The initial number is that of the BLAS when the library is imported: the number of cores, unless the environment
    (``OMP_NUM_THREADS``, ``OPENBLAS_NUM_THREADS``) says otherwise; at most 8.

    >>> get_num_threads() >= 1
    True
    """
    return _setting["num_threads"]


def set_num_threads(number: int) -> None:
    """Set the number of threads for all models of this process; a pass reads it once, at its start.

    Results differ by rounding from one number of threads to another; one number always gives the same bits.

    >>> before = get_num_threads()
    >>> set_num_threads(1)
    >>> get_num_threads()
    1
    >>> set_num_threads(before)
    """
    _setting["num_threads"] = positive_integer("num_threads", number)


def at_once(task: Callable[..., Any], *arguments: Any) -> None:
    """Call a task with its arguments."""
    task(*arguments)


class Workers:
    """The threads of one pass: the calling one, and ``count - 1`` others.

    >>> Workers(2).run([lambda: 1, lambda: 2])
    [1, 2]
    """

    def __init__(self, count: int = 1) -> None:
        self.count = count

    def run(self, tasks: Sequence[Callable[[], Result]]) -> list[Result]:
        """Return the tasks' results in their order; each thread takes an equal share of consecutive tasks."""
        mine, *others = [tasks[share] for share in even_slices(len(tasks), min(self.count, len(tasks)))]
        futures = [_start(_pool(os.getpid(), len(others)), _in_turn, share) for share in others]
        try:
            results = _in_turn(mine)
        finally:
            _wait(futures)
        return results + [result for future in futures for result in future.result()]

    @contextmanager
    def assistant(self) -> Iterator[Callable[..., Any]]:
        """Return a function that calls a task with its arguments in order of submission, on another thread if there is one.

        All calls have ended when the block ends.
        """
        if self.count == 1:
            yield at_once
            return
        futures: list[Future] = []
        pool = _pool(os.getpid(), 1)  # one worker, so calls run in order

        def submit(task: Callable[..., Any], *arguments: Any) -> None:
            if len(futures) >= 2:
                futures[-2].exception()  # waits, so that at most two calls and their arrays are pending
            futures.append(_start(pool, task, *arguments))

        try:
            yield submit
        finally:
            _wait(futures)
        for future in futures:
            future.result()


@contextmanager
def workers() -> Iterator[Workers]:
    """Return the threads for a pass, and hold the BLAS to one thread while the block runs."""
    process, this_pass = _process(os.getpid()), object()
    try:
        with process.lock:
            process.passes.add(this_pass)
            if process.restore is None:
                process.restore = _limit_blas()
        yield Workers(get_num_threads())
    finally:
        with process.lock:
            process.passes.discard(this_pass)
            if not process.passes and process.restore is not None:
                process.restore()
                process.restore = None


def even_slices(length: int, count: int) -> list[slice]:
    """Return ``count`` slices of nearly equal size that cover ``range(length)``.

    >>> even_slices(5, 2)
    [slice(0, 2, None), slice(2, 5, None)]
    """
    edges = [length * i // count for i in range(count + 1)]
    return [slice(start, stop) for start, stop in itertools.pairwise(edges)]


class _Process:
    """The passes that run in this process now; a forked child starts with one of its own.

    A child forked during a pass inherits the limit, and ``restore`` with it: its own first pass takes the limit back.
    """

    def __init__(self) -> None:
        self.lock, self.passes = threading.Lock(), set[object]()
        self.restore: Callable[[], None] | None = None  # while the BLAS is limited


def _limit_blas() -> Callable[[], None]:
    """Hold the BLAS to one thread, and return the function that restores the former number.

    threadpoolctl lets only one thread set the number. Here the last pass to end restores it, in whichever thread it runs, so
    control is taken before and handed back after each change.
    """
    _release_control()
    limiter = _BLAS.limit(limits=1)

    def restore() -> None:
        _release_control()
        limiter.restore_original_limits()
        _release_control()

    _release_control()
    return restore


def _release_control() -> None:
    if hasattr(threadpoolctl.OpenBLASController, "clear_controlling_thread"):  # since threadpoolctl 3.8
        threadpoolctl.OpenBLASController.clear_controlling_thread(force=True)


def _start(pool: ThreadPoolExecutor, task: Callable[..., Any], *arguments: Any) -> Future:
    """Start a call on a thread of the pool, under the caller's NumPy error settings.

    A pass on a pool's own thread, of a model inside a cell, makes the call itself, since the pool waits for that pass. So
    does a pass that still runs after the interpreter has closed its pools.
    """
    if not threading.current_thread().name.startswith(POOL):
        try:
            return pool.submit(contextvars.copy_context().run, task, *arguments)
        except RuntimeError:
            pass
    made: Future = Future()
    made.set_result(task(*arguments))
    return made


def _wait(futures: Sequence[Future]) -> None:
    """Wait until all calls have ended, so that none still writes when the caller goes on, even after an error."""
    for future in futures:
        future.exception()


def _in_turn(tasks: Sequence[Callable[[], Result]]) -> list[Result]:
    return [task() for task in tasks]


_processes: dict[int, _Process] = {}


def _process(pid: int) -> _Process:
    """Return the passes of a process; threads that ask at the same moment get one object, so they share the limit."""
    if pid not in _processes:
        process, ancestors = _Process(), list(_processes.values())
        process.restore = ancestors[-1].restore if ancestors else None
        _processes.setdefault(pid, process)
    return _processes[pid]


@cache
def _pool(pid: int, workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix=POOL)
