"""Contenders take turns: in each round each of them once, in an order that rotates from round to round.

So a slow minute of the machine falls on all of them. Each has had one turn that does not count before, for compiling and
for memory, and the machine rests after each turn, until the threads of the last contender have stopped spinning.
"""

import time
from contextlib import ExitStack, contextmanager

from benchmarks.cases import write_start
from benchmarks.process import Process

REST = 0.1  # seconds


@contextmanager
def contenders(names, threads):
    """A process for each contender, by name."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(Process(name, threads)) for name in names}


def start(case, processes, folder, quick=False):
    """Have all contenders load the same numbers; returns what each says of itself."""
    path = folder / "start.npz"
    write_start(case, path)
    arguments = {"case": case.as_message(), "path": str(path), "quick": quick}
    return {name: process.ask("start", **arguments) for name, process in processes.items()}


def take_turns(processes, kind, rounds, rest=REST, **arguments):
    """The raw seconds of each contender, one a round; ``arguments`` go along with the request."""
    names, seconds = list(processes), {name: [] for name in processes}
    for turn in range(-1, rounds):  # turn -1 does not count
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            taken = processes[name].ask(kind, **arguments)
            time.sleep(rest)
            if turn >= 0:
                seconds[name].append(taken)
    return seconds
