"""Long sequences: growth of the time with T, and memory of a training step.

Each measurement runs in fresh processes. Memory is the peak of the first training step above the memory before it, with
everything imported and built, as Linux counts resident memory.
"""

import sys

from benchmarks.cases import case_of
from benchmarks.rounds import contenders, start, take_turns

LENGTHS = (1_000, 16_000)
LONGEST = 100_000
BUDGET = 64 * 2**20  # bytes
CONTENDERS = ("library", "pytorch")


def measure(options, folder, progress):
    """All three measurements; memory only on Linux."""
    found = {"growth": growth(options, folder, progress)}
    if sys.platform == "linux":
        found |= {"memory": memory(options, folder, progress), "budget": budget(options, folder, progress)}
    return found


def growth(options, folder, progress):
    """Seconds of a training step at two lengths."""
    rows, names = [], [name for name in options.contenders if name in CONTENDERS]
    for T in (50, 800) if options.quick else LENGTHS:
        case = case_of("gru", "50", options.quick).replace(T=T, B=8)
        progress(f"growth with T: {case.name}, T={T}")
        with contenders(names, options.threads) as processes:
            start(case, processes, folder)
            seconds = take_turns(processes, "train", min(options.rounds, 3), options.rest)
        rows.append({"case": case.as_message(), "seconds": seconds})
    return rows


def memory(options, folder, progress):
    """Peak bytes of one training step, H = 50."""
    rows, names = [], [name for name in options.contenders if name in CONTENDERS]
    for cell in ("gru",) if options.quick else ("gru", "lstm"):
        case = case_of(cell, "50", options.quick)
        progress(f"memory of {case.name}")
        rows.append({"case": case.as_message(), "peaks": peaks(case, names, options, folder)})
    return rows


def budget(options, folder, progress):
    """Peak bytes and seconds of one training step on one very long row, without and with a budget for the cache."""
    T = 2_000 if options.quick else LONGEST
    case = case_of("gru", "50", options.quick).replace(T=T, B=1)
    rows = []
    for allowed in (None, BUDGET * T // LONGEST):
        progress(f"T={T}, budget {allowed}")
        peak = peaks(case.replace(budget=allowed), ["library"], options, folder)["library"]
        rows.append({"case": case.as_message(), "budget": allowed, "peak": peak})
    return rows


def peaks(case, names, options, folder):
    """Peak bytes and seconds of each contender's first training step, one process after the other."""
    found = {}
    for name in names:
        with contenders([name], options.threads) as processes:
            start(case, processes, folder)
            found[name] = processes[name].ask("peak")
    return found
