"""Time and memory of the forecaster over the number and the length of the series: all of them should grow linearly.

Times are seconds of the processor, so other programs disturb them little. The series are hourly, with the seasons 24 and 168
and a horizon of 48. Each size runs in a fresh process, the library on one core.
"""

import argparse
import sys
import time
from itertools import product

from benchmarks.process import Process

SERIES, LENGTHS = (10, 100, 1_000), (200, 1_000, 5_000)
STEPS = 5  # of training that are timed
HEAD = ("series", "values", "base (s)", "MB", "one step (s)", "MB", "predict (s)", "MB", "base (µs/value)")


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
            cells = [f"{found[name]:.3g}" for name in ("base", "base_MB", "step", "step_MB", "predict", "predict_MB")]
            print(
                _row([f"{series:,}", f"{length:,}", *cells, f"{1e6 * found['base'] / series / length:.3g}"]), flush=True
            )
    return 0


def _row(cells):
    return f"| {' | '.join(cells)} |"


def measure(series, length):
    """Return the seconds and the peak MB above those before, of the base forecast, one training step, and a forecast."""
    import numpy as np

    from benchmarks.serve import memory, reset_peak_memory
    from dilated_rnn_np.forecasting import Forecaster, Panel

    def measured(call):
        before, start = reset_peak_memory(), time.process_time()
        call()
        return time.process_time() - start, (memory("VmHWM") - before) / 1e6

    rng, hours = np.random.default_rng(0), np.arange(length)
    season = np.sin(hours * 2 * np.pi / 24) + np.sin(hours * 2 * np.pi / 168) / 2
    panel = Panel.of({f"H{i}": 10 + season + rng.normal(0, 0.3, length) for i in range(series)})
    base, whole = (Forecaster(48, (24, 168), members=members) for members in (0, 1))
    found = dict(zip(("base", "base_MB"), measured(lambda: base.fit(panel)), strict=True))
    few, _ = measured(lambda: whole._trained(panel, base.frozen, 1, None, False, False))
    many, found["step_MB"] = measured(lambda: whole._trained(panel, base.frozen, 1 + STEPS, None, False, False))
    found["step"] = (many - few) / STEPS
    whole._adopt(base.frozen, panel)
    whole.frozen.nets.models = whole._trained(panel, base.frozen, 1, None, False, False)
    return found | dict(zip(("predict", "predict_MB"), measured(whole.predict), strict=True))
