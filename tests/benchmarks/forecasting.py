"""Time and memory of the forecaster over the number and the length of the series: all of them should grow linearly.

Times are seconds of the processor, so other programs disturb them little. The series are hourly, with the seasons 24 and 168
and a horizon of 48. Each size runs in a fresh process, the library on one core.
"""

import argparse
import sys
import time
from functools import partial
from itertools import product

from benchmarks.process import Process

SERIES, LENGTHS = (10, 100, 1_000), (200, 1_000, 5_000)
STEPS = 20  # of training that are timed
HEAD = (
    "series",
    "values each",
    "base (s)",
    "training step (s)",
    "predict (s)",
    "peak (MB)",
    "base and predict (µs per value)",
)


def main(arguments):
    """Measure every size, print a table, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python tests/benchmarks --forecasting", description=__doc__)
    parser.add_argument("--most", type=int, default=5_000_000, help="values per panel; default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="two small sizes: shows that the benchmark works")
    options = parser.parse_args(arguments)
    if sys.platform != "linux":
        parser.error("the peaks of memory are read from Linux's /proc")
    sizes = [(2, 200), (2, 400)] if options.quick else product(SERIES, LENGTHS)
    print(_row(HEAD), _row(["---"] * len(HEAD)), sep="\n")
    for series, length in sizes:
        if series * length <= options.most:
            with Process("forecasting", threads=1) as process:
                found = process.ask("forecaster", series=series, length=length)
            per_value = 1e6 * (found["base"] + found["predict"]) / (series * length)
            cells = [f"{number:.3g}" for number in (*found.values(), per_value)]
            print(_row([f"{series:,}", f"{length:,}", *cells]), flush=True)
    return 0


def _row(cells):
    return f"| {' | '.join(cells)} |"


def measure(series, length):
    """Return the seconds of base forecast, one training step and forecast, and the peak MB of all above the panel's."""
    import numpy as np

    from benchmarks.serve import memory, reset_peak_memory
    from dilated_rnn_np.forecasting import Forecaster, Panel

    def seconds(call):
        start = time.process_time()
        call()
        return time.process_time() - start

    rng, hours = np.random.default_rng(0), np.arange(length)
    season = np.sin(hours * 2 * np.pi / 24) + np.sin(hours * 2 * np.pi / 168) / 2
    panel = Panel.of({f"H{i}": 10 + season + rng.normal(0, 0.3, length) for i in range(series)})
    before = reset_peak_memory()
    base, whole = (Forecaster(48, (24, 168), members=members) for members in (0, 1))
    found = {"base": seconds(lambda: base.fit(panel))}
    few, many = (seconds(partial(whole.fit, panel, steps, progress=False)) for steps in (1, 1 + STEPS))
    found |= {"step": (many - few) / STEPS, "predict": seconds(whole.predict)}
    return found | {"peak": (memory("VmHWM") - before) / 1e6}
