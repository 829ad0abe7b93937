"""The command: its options, and the order of what it does.

First the machine's rates, then the equality of all contenders in float64, then for each case the equality in float32 and
the timings; last, where asked for, the long sequences. The tables go to stdout, progress to stderr.
"""

import argparse
import importlib.util
import json
import sys
import tempfile
from itertools import product
from pathlib import Path

from benchmarks import equality, gpu, long, machine, report
from benchmarks.cases import CELLS, SIZES, case_of, small_case
from benchmarks.floor import floor
from benchmarks.options import checked_output, several, whole_number
from benchmarks.process import ContenderError, Process
from benchmarks.rounds import REST, contenders, start, take_turns

TURNS = ("train", "forward", "stream")
KINDS = (*TURNS, "long")
MODULES = {"library": "dilated_rnn_np", "pytorch": "torch", "jax": "jax"}
WHERE = argparse.ArgumentParser(add_help=False)  # the option that is read first: it decides which others there are
WHERE.add_argument(
    "--device",
    choices=("cpu", "gpu", "rehearsal"),
    default="cpu",
    help="cpu, the default; gpu: against cuDNN; rehearsal: the latter where there is no GPU. --device gpu --help lists more",
)
DESCRIPTION = "Times and memory of the library beside PyTorch and JAX, in turns, after all have computed the same."


def main(arguments=None):
    """Run the benchmark; returns the exit code."""
    where, arguments = WHERE.parse_known_args(arguments)
    if where.device != "cpu":
        return gpu.main(arguments, rehearsal=where.device == "rehearsal")
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
    """All results as one dict of plain numbers and words, which is also what ``--output`` holds."""
    results = {
        "settings": {"rounds": options.rounds, "threads": options.threads, "quick": options.quick},
        "machine": machine.describe(),
        "contenders": {},
        "equality": [],
        "timings": [],
    }
    turns = [kind for kind in options.kinds if kind in TURNS]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        if turns:
            progress("what the machine can do")
            with Process("hardware", options.threads) as process:
                results["rates"] = process.ask("measure")
        compare_in_float64(options, folder, results)
        for cell, size in product(options.cells, options.sizes) if turns else ():
            time_case(case_of(cell, size, options.quick), turns, options, folder, results)
        if "long" in options.kinds:
            results["long"] = long.measure(options, folder, progress)
    return results


def compare_in_float64(options, folder, results):
    """Check the equality of all contenders on a small case of each cell, streams as well."""
    progress("equality in float64")
    with contenders(options.contenders, options.threads) as processes:
        for case in map(small_case, options.cells):
            about = start(case, processes, folder, quick=True)
            deviations = equality.check(case, processes, folder, stream=True)
            results["equality"].append({"case": case.as_message(), "deviations": deviations})
    for name, words in about.items():
        results["contenders"][name] = {"version": words["version"], "threads": words["threads"]}


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
            timing["ways"] = {name: words["way"] for name, words in about.items() if "way" in words}
            timing["seconds"] = take_turns(processes, kind, options.rounds, options.rest, **extra)
            if kind == "train":
                timing["floor"] = floor(case, results["rates"])
            results["timings"].append(timing)


def progress(text):
    """Say what is being done."""
    print(text, file=sys.stderr, flush=True)


# ---------------------------------------------------------------------- options


def options_of(arguments):
    """Read the options; a wrong one ends the program with a sentence that says what was expected."""
    parser = argparse.ArgumentParser(prog="python tests/benchmarks", parents=[WHERE], description=DESCRIPTION)
    installed = [name for name, module in MODULES.items() if importlib.util.find_spec(module)]
    parser.add_argument("--cells", type=several(CELLS), default=list(CELLS), help="default: all")
    parser.add_argument("--sizes", type=several(SIZES), help="hidden sizes; default: all, with --quick 20")
    parser.add_argument(
        "--kinds", type=several(KINDS), help="default: all but long (gru and lstm of 50), with --quick all"
    )
    parser.add_argument("--contenders", type=several(MODULES), default=installed, help="default: what is installed")
    parser.add_argument("--rounds", type=whole_number(), help="turns of each contender; default: 7, with --quick 1")
    parser.add_argument(
        "--threads", type=whole_number(machine.cores()), default=machine.cores(), help="cores that each may use"
    )
    parser.add_argument("--output", type=Path, default=Path("benchmark.json"), help="raw times; default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="a small version of everything, to see that it works")
    options = parser.parse_args(arguments)
    if "library" not in options.contenders:
        parser.error("argument --contenders: expected library among them, since all are compared with it")
    if missing := [name for name in options.contenders if name not in installed]:
        parser.error(f"argument --contenders: expected installed ones, but {MODULES[missing[0]]} cannot be imported")
    checked_output(parser, options.output)
    options.sizes = options.sizes or (["20"] if options.quick else list(SIZES))
    options.kinds = options.kinds or list(KINDS if options.quick else TURNS)
    options.rest = 0 if options.quick else REST
    options.rounds = options.rounds or (1 if options.quick else 7)
    return options
