"""The benchmark on a GPU: ``python tests/benchmarks --device gpu``.

The library on CuPy, once for each of its kernels, beside PyTorch's cuDNN layers and beside the library on NumPy on the same
machine: one training step each, in turns, timed by events of the device. Who computes something else than the first
contender, or fails, is not timed but named; the others go on.

``--device rehearsal`` runs all of it where there is no GPU, on a stand-in for CuPy and on PyTorch's CPU.
"""

import argparse
import importlib.util
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks import equality, gpu_report, machine
from benchmarks.cases import CELLS, SIZES, case_of, small_case, write_start
from benchmarks.gpu_library import LEVELS
from benchmarks.options import checked_output, several, whole_number
from benchmarks.process import ContenderError, Process
from benchmarks.rounds import REST, take_turns
from dilated_rnn_np.arrays.backend import get_backend

# Name in the table: the module of benchmarks.serve, and what it is told. All are compared with the first one.
CONTENDERS = {
    "numpy": ("library", {}),
    **{level: ("gpu_library", {"level": level}) for level in LEVELS},
    "cudnn": ("gpu_pytorch", {}),
}
LARGE = {"T": 784, "B": 1024}
CASES = {size: {} for size in SIZES} | {f"{size}-large": LARGE for size in SIZES}  # what differs from the CPU's case
WITHOUT_NUMPY = ("256-large",)  # a step would take minutes and tens of gigabytes
DESCRIPTION = "Times of training steps on a GPU: the library's kernels beside PyTorch's cuDNN layers and beside NumPy."


def main(arguments, rehearsal):
    """Run the benchmark; returns 0, 1 where a contender was left out, 2 where there is no GPU to run on."""
    options = options_of(arguments, rehearsal)
    if not rehearsal and (lacks := missing(options.contenders)):
        print(f"no GPU benchmark: {lacks}", file=sys.stderr)
        return 2
    results = measure(options)
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    print(gpu_report.text(results))
    return 1 if results["left out"] else 0


def missing(names):
    """What keeps this machine from running these contenders on a GPU, in one line; nothing where all is there."""
    found = []
    try:
        get_backend("cupy")
    except ImportError as error:
        found.append(str(error))
    if "cudnn" in names:
        if importlib.util.find_spec("torch") is None:
            found.append("PyTorch is not installed; install a build with CUDA, or leave cudnn out with --contenders")
        else:
            import torch

            if not torch.cuda.is_available():
                why = "finds no GPU that it can use" if torch.version.cuda else "is a build without CUDA"
                found.append(f"PyTorch {torch.__version__} {why}")
    return "; ".join(found)


# ---------------------------------------------------------------------- measuring


def measure(options):
    """All results as one dict of plain numbers and words, which is also what ``--output`` holds."""
    results = {
        "rehearsal": options.rehearsal,
        "settings": {"rounds": options.rounds, "threads": options.threads, "quick": options.quick},
        "machine": machine.describe(),
        "contenders": {},
        "equality": [],
        "timings": [],
        "left out": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        for cell in options.cells:
            able = run_case(small_case(cell), options.contenders, options, Path(folder), results, rounds=0)
            for size in options.sizes:
                case = case_of(cell, size.removesuffix("-large"), options.quick)
                case = case if options.quick else case.but(**CASES[size])
                names = [name for name in able if name != "numpy" or size not in WITHOUT_NUMPY]
                run_case(case, names, options, Path(folder), results, options.rounds)
    return results


def run_case(case, names, options, folder, results, rounds):
    """Compare the contenders on one case, then time those that agree; returns their names."""
    print(f"{case.name} ({case.shape}, {case.dtype})", file=sys.stderr, flush=True)
    with ExitStack() as stack:
        processes = {name: stack.enter_context(Process(CONTENDERS[name][0], options.threads)) for name in names}
        able, ways = agreeing(case, processes, options, folder, results)
        if rounds and able:
            timing = {"case": case.as_message(), "ways": ways, "names": options.contenders}
            try:
                timing["seconds"] = take_turns(able, "train", rounds, options.rest)
                results["timings"].append(timing)
            except ContenderError as error:
                leave_out(results, case, "all", error)
    return list(able)


def agreeing(case, processes, options, folder, results):
    """Start all on equal numbers; returns those that compute what the first one does, and their ways of doing so."""
    path = folder / "start.npz"
    write_start(case, path)
    able, ways, deviations, expected = {}, {}, {}, None
    for name, process in processes.items():
        told = CONTENDERS[name][1] | ({"rehearsal": options.rehearsal} if name != "numpy" else {})
        try:
            about = process.ask("start", case=case.as_message(), path=str(path), quick=options.quick, **told)
            found = equality.computed(name, process, folder)
            if expected is not None:
                deviations[name] = equality.compare(case, name, found, expected)
        except ContenderError as error:
            leave_out(results, case, name, error)
            continue
        able[name], expected = process, found if expected is None else expected
        ways |= {name: about["way"]} if "way" in about else {}
        results["contenders"][name] = {"version": about["version"], "threads": about["threads"]}
        results |= {"device": about["device"]} if "device" in about else {}
    results["equality"].append({"case": case.as_message(), "deviations": deviations})
    return able, ways


def leave_out(results, case, name, error):
    """Note who is not timed, and why: the last line of a traceback says it."""
    why = str(error).strip().splitlines()[-1]
    results["left out"].append({"case": case.as_message(), "contender": name, "why": why, "error": str(error)})


# ---------------------------------------------------------------------- options


def options_of(arguments, rehearsal=False):
    """Read the options; a wrong one ends the program with a sentence that says what was expected."""
    parser = argparse.ArgumentParser(prog="python tests/benchmarks --device gpu", description=DESCRIPTION)
    parser.add_argument("--cells", type=several(CELLS), default=list(CELLS), help="default: all")
    parser.add_argument("--sizes", type=several(CASES), help="hidden sizes, large: 1,024 rows; default: all")
    parser.add_argument("--contenders", type=several(CONTENDERS), default=list(CONTENDERS), help="default: all")
    parser.add_argument("--rounds", type=whole_number(), help="turns of each contender; default: 7, with --quick 1")
    parser.add_argument(
        "--threads", type=whole_number(machine.cores()), default=machine.cores(), help="cores for NumPy"
    )
    parser.add_argument("--output", type=Path, default=Path("benchmark-gpu.json"), help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="a small version of everything, to see that it works")
    options = parser.parse_args(arguments)
    if not set(options.contenders) & set(LEVELS):
        parser.error(f"argument --contenders: expected one of {', '.join(LEVELS)} among them, the library on the GPU")
    checked_output(parser, options.output)
    options.sizes = options.sizes or (["20"] if options.quick else list(CASES))
    options.rest = 0 if options.quick else REST
    options.rounds = options.rounds or (1 if options.quick else 7)
    options.rehearsal = rehearsal
    return options
