"""Turns of the contenders: each has one turn per round, in an order that rotates from round to round.

So a slow minute of the machine affects all contenders. A warm-up round, for compilation and memory, comes first and is not
counted. After each turn the machine rests until the threads of the last contender have stopped spinning.
"""

import time
from contextlib import ExitStack, contextmanager

from benchmarks.cases import write_start
from benchmarks.process import Process

REST = 0.1  # seconds


@contextmanager
def contenders(names, threads, modules=None):
    """A dict of one process per contender; ``modules`` has the names in ``benchmarks.serve`` that differ from these."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(Process((modules or {}).get(name, name), threads)) for name in names}


def start(case, processes, folder, quick=False):
    """Load equal parameters and one batch into all contenders; returns the description of each."""
    path = folder / "start.npz"
    write_start(case, path)
    arguments = {"case": case.as_message(), "path": str(path), "quick": quick}
    return {name: process.ask("start", **arguments) for name, process in processes.items()}


def take_turns(processes, kind, rounds, rest=REST, **arguments):
    """The seconds of each contender, one number per round; ``arguments`` are sent with each request."""
    names, seconds = list(processes), {name: [] for name in processes}
    for turn in range(-1, rounds):  # turn -1 is the warm-up
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            taken = processes[name].ask(kind, **arguments)
            time.sleep(rest)
            if turn >= 0:
                seconds[name].append(taken)
    return seconds
