"""Worker processes: the runs of a study spread over local processes, one run per process at a time.

Each worker receives the numbers of the runs through a pipe of its own and ends when the pipe is closed, so that no worker
outlives the process that started it by more than one run.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Generator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, cast

from ..arrays.threads import get_num_threads, set_num_threads
from ..training.progress import on_signal
from .driver import Result, run
from .plan import Choices, Experiment, Study

Finished = tuple[int, Result]  # the number of a run in ``study.trials``, and its result


def make(study: Study, folder: Path, number: int, threads: int, progress: bool = False) -> Result:
    """Make one run with a number of threads, if it is not finished yet, and return its result."""
    contender, seed = study.trials[number]
    before = get_num_threads()
    set_num_threads(threads)
    try:
        place = contender.folder(folder, seed)
        return run(contender.spec(seed), place, contender.after, progress, study.title(number), contender.part)
    finally:
        set_num_threads(before)


def spread(
    study: Study, folder: Path, numbers: Sequence[int], jobs: int, threads: int
) -> Generator[Finished, None, None]:
    """Run the runs of the given numbers in ``jobs`` processes, and yield (number, result) as they finish.

    Closing the iterator stops all workers; each saves the checkpoint of its run first.

    Raises
    ------
    TypeError : if the experiment cannot be sent to another process. ChildProcessError : if a worker process died.
    Other errors : as ``run``; the worker's own traceback is their cause.
    """
    try:
        pickle.dumps(study.experiment)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(f"{study.experiment.name} can run with one job only: {error}; define it in a module") from None
    workers: dict[Connection, BaseProcess] = {}
    waiting = iter(numbers)
    try:
        for number in itertools.islice(waiting, jobs):
            pipe, process = _started(study, folder, threads)
            workers[pipe] = process
            pipe.send(number)
        busy = set(workers)
        while busy:
            for pipe in cast(list[Connection], wait(busy)):
                number, result = _received(pipe, workers[pipe])
                busy.remove(pipe)
                if (following := next(waiting, None)) is not None:
                    pipe.send(following)
                    busy.add(pipe)
                yield number, result
    finally:
        _stop(workers)


def _started(study: Study, folder: Path, threads: int) -> tuple[Connection, BaseProcess]:
    """Start a worker and return this process's end of its pipe, and the process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    arguments = (theirs, study.experiment, study.choices, study.seeds, folder, threads)
    process = context.Process(target=_work, args=arguments, daemon=True)
    hang_up = getattr(signal, "SIGHUP", signal.SIGINT)
    with on_signal(signal.SIGINT, signal.SIG_IGN), on_signal(hang_up, signal.SIG_IGN):
        process.start()  # the worker inherits both: this process decides when a worker stops
    theirs.close()  # now the worker's end closes when the worker ends
    return ours, process


def _work(pipe: Connection, experiment: Experiment, choices: Choices, seeds: int, folder: Path, threads: int) -> None:
    """Run the runs whose numbers arrive, and answer each with (number, result, error, traceback)."""
    received: list[int] = []

    def stop(number: int, frame: Any) -> None:
        """Let a training loop save as on Ctrl-C, and end the process in any case."""
        received.append(number)
        if not callable(training := signal.getsignal(signal.SIGINT)):
            sys.exit(128 + number)
        training(number, frame)

    signal.signal(signal.SIGTERM, stop)
    try:
        study = Study.of(experiment, choices, seeds)
        while True:
            number = pipe.recv()
            try:
                pipe.send((number, make(study, folder, number, threads), None, ""))
            except Exception as error:
                pipe.send((number, None, error, traceback.format_exc()))
    except (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        pass  # the pipe was closed, or the run was stopped and has saved its checkpoint
    if received:
        sys.exit(128 + received[0])


def _received(pipe: Connection, process: BaseProcess) -> Finished:
    """Return the number and the result that a worker sent, or raise the error that it sent."""
    try:
        number, result, error, text = pipe.recv()
    except (EOFError, ConnectionResetError):
        process.join()
        if process.exitcode in (-signal.SIGTERM, 128 + signal.SIGTERM):
            raise KeyboardInterrupt from None  # a signal to all processes reached the worker first
        raise ChildProcessError(
            f"a worker process ended with code {process.exitcode}, perhaps for lack of memory; use fewer --jobs"
        ) from None
    if error is not None:
        raise error from RuntimeError(f"the error was raised in a worker process:\n{text}")
    return number, result


def _stop(workers: dict[Connection, BaseProcess]) -> None:
    """Close the pipes and wait for the workers; a run in progress is interrupted and saves its checkpoint."""
    for pipe in workers:
        pipe.close()
    for process in workers.values():
        while process.is_alive():
            process.join(0.2)  # an idle worker ends by itself
            if process.is_alive() and process.pid is not None:
                os.kill(process.pid, signal.SIGINT)  # again and again: only a training loop reacts to it
