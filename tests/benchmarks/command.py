"""The command: its options, and the measurements in their order.

The machine's rates come first, then the equality of all contenders in float64, then for each case the equality in float32
and the timings; last, if asked for, long sequences. Tables go to stdout, progress to stderr.
"""

import argparse
import importlib.util
import json
import sys
import tempfile
from itertools import product
from pathlib import Path

from benchmarks import equality, forecasting, gpu, long, machine, report
from benchmarks.cases import SIZES, case_of, small_case
from benchmarks.floor import floor
from benchmarks.options import add_common, read_common, several
from benchmarks.process import ContenderError, Process
from benchmarks.rounds import contenders, start, take_turns

TURNS = ("train", "forward", "stream")
KINDS = (*TURNS, "long")
MODULES = {"library": "dilated_rnn_np", "pytorch": "torch", "jax": "jax"}
DEVICE = argparse.ArgumentParser(add_help=False)  # read first, since the other options depend on it
DEVICE.add_argument(
    "--device",
    choices=("cpu", "gpu", "rehearsal"),
    default="cpu",
    help="default: cpu; gpu: beside cuDNN; rehearsal: the same without a GPU; --device gpu --help lists more options",
)
DEVICE.add_argument("--forecasting", action="store_true", help="time and memory of the forecaster, and nothing else")
DESCRIPTION = "Times and memory of the library beside PyTorch and JAX, in turns, once all agree on loss and gradients."


def main(arguments=None):
    """Run the benchmark; returns the exit code."""
    device, arguments = DEVICE.parse_known_args(arguments)
    if device.forecasting:
        return forecasting.main(arguments)
    if device.device != "cpu":
        return gpu.main(arguments, rehearsal=device.device == "rehearsal")
    options = options_of(arguments)
    try:
        results = measure(options)
    except ContenderError as error:
        print(error, file=sys.stderr)
        return 1
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    print(report.text(results))
    return 0


def measure(options):
    """All results, as a dict of plain numbers and words that ``--output`` stores."""
    results = machine.empty_results(options)
    turns = [kind for kind in options.kinds if kind in TURNS]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        if turns:
            progress("rates of the machine")
            with Process("hardware", options.threads) as process:
                results["rates"] = process.ask("measure")
        compare_in_float64(options, folder, results)
        for cell, size in product(options.cells, options.sizes) if turns else ():
            time_case(case_of(cell, size, options.quick), turns, options, folder, results)
        if "long" in options.kinds:
            results["long"] = long.measure(options, folder, progress)
    return results


def compare_in_float64(options, folder, results):
    """Check the equality of all contenders on a small case of each cell, streams included."""
    progress("equality in float64")
    with contenders(options.contenders, options.threads) as processes:
        for case in map(small_case, options.cells):
            about = start(case, processes, folder, quick=True)
            deviations = equality.check(case, processes, folder, stream=True)
            results["equality"].append({"case": case.as_message(), "deviations": deviations})
    for name, description in about.items():
        results["contenders"][name] = {key: description[key] for key in ("version", "threads")}


def time_case(case, turns, options, folder, results):
    """Check the equality of all contenders on one case, then time it."""
    progress(f"{case.name}: start, and equality")
    with contenders(options.contenders, options.threads) as processes:
        about = start(case, processes, folder, options.quick)
        deviations = equality.check(case, processes, folder)
        results["equality"].append({"case": case.as_message(), "deviations": deviations})
        for kind in turns:
            progress(f"{case.name}: {kind}")
            extra = {"steps": 20 if options.quick else 300} if kind == "stream" else {}
            timing = {"kind": kind, "case": case.as_message()}
            timing["variants"] = {name: words["variant"] for name, words in about.items() if "variant" in words}
            timing["seconds"] = take_turns(processes, kind, options.rounds, options.rest, **extra)
            if kind == "train":
                timing["floor"] = floor(case, results["rates"])
            results["timings"].append(timing)


def progress(text):
    """Report the current step on stderr."""
    print(text, file=sys.stderr, flush=True)


def options_of(arguments):
    """Read the options; an invalid one ends the program with a message that says what was expected."""
    parser = argparse.ArgumentParser(prog="python tests/benchmarks", parents=[DEVICE], description=DESCRIPTION)
    installed = [name for name, module in MODULES.items() if importlib.util.find_spec(module)]
    add_common(parser, SIZES, output="benchmark.json")
    parser.add_argument(
        "--kinds", type=several(KINDS), help="default: all but long (gru and lstm of 50), with --quick all"
    )
    parser.add_argument("--contenders", type=several(MODULES), default=installed, help="default: all installed ones")
    options = read_common(parser, arguments, SIZES)
    if "library" not in options.contenders:
        parser.error("argument --contenders: expected library among them, since all are compared with it")
    if missing := [name for name in options.contenders if name not in installed]:
        parser.error(f"argument --contenders: expected installed ones, but {MODULES[missing[0]]} cannot be imported")
    options.kinds = options.kinds or list(KINDS if options.quick else TURNS)
    return options
