"""The benchmark on a GPU: ``python tests/benchmarks --device gpu``.

It times one training step of the library on CuPy, once for each kind of kernels, beside PyTorch's cuDNN layers and the
library on NumPy, all on the same machine, in turns, by events of the device. A contender that fails, or differs from the
first one, is named and not timed; the others continue.

``--device rehearsal`` runs the same without a GPU, on a stand-in for CuPy and on PyTorch's CPU.
"""

import argparse
import importlib.util
import json
import sys
import tempfile
from pathlib import Path

import dilated_rnn_np as drn
from benchmarks import equality, gpu_report, machine
from benchmarks.cases import SIZES, case_of, small_case, write_start
from benchmarks.gpu_library import KERNELS
from benchmarks.options import add_common, read_common, several
from benchmarks.process import ContenderError
from benchmarks.rounds import contenders, take_turns

# Name in the table: the contender of benchmarks.serve, and its options. All are compared with the first one.
CONTENDERS = {
    "numpy": ("library", {}),
    **{kernels: ("gpu_library", {"kernels": kernels}) for kernels in KERNELS},
    "cudnn": ("gpu_pytorch", {}),
}
LARGE = {"T": 784, "B": 1024}
CASES = {size: {} for size in SIZES} | {f"{size}-large": LARGE for size in SIZES}  # changes of the CPU's case
WITHOUT_NUMPY = ("256-large",)  # a step would take minutes and tens of gigabytes
DESCRIPTION = (
    "Times of training steps on a GPU: the library's kernels beside PyTorch's cuDNN layers and the library on NumPy. "
    "The large sizes have 1,024 rows."
)


def main(arguments, rehearsal):
    """Run the benchmark; returns 0, 1 if a contender was left out, 2 if something that a GPU needs is missing."""
    options = options_of(arguments, rehearsal)
    if not rehearsal and (lacks := missing(options.contenders)):
        print(f"no GPU benchmark: {lacks}", file=sys.stderr)
        return 2
    results = measure(options)
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    print(gpu_report.text(results))
    return 1 if results["left out"] else 0


def missing(names):
    """What these contenders lack to run on a GPU here, in one line; empty if nothing is missing."""
    found = []
    try:
        drn.DilatedRNN(1, 1, [1], xp="cupy")
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


def measure(options):
    """All results, as a dict of plain numbers and words that ``--output`` stores."""
    results = machine.empty_results(options) | {"rehearsal": options.rehearsal, "left out": []}
    with tempfile.TemporaryDirectory() as folder:
        for cell in options.cells:
            able = run_case(small_case(cell), options.contenders, options, Path(folder), results, rounds=0)
            for size in options.sizes:
                case = case_of(cell, size.removesuffix("-large"), options.quick)
                case = case if options.quick else case.replace(**CASES[size])
                names = [name for name in able if name != "numpy" or size not in WITHOUT_NUMPY]
                run_case(case, names, options, Path(folder), results, options.rounds)
    return results


def run_case(case, names, options, folder, results, rounds):
    """Compare the contenders on one case, then time those that agree; returns their names."""
    print(f"{case.name} ({case.shape}, {case.dtype})", file=sys.stderr, flush=True)
    with contenders(names, options.threads, {name: module for name, (module, _) in CONTENDERS.items()}) as processes:
        able, variants = agreeing(case, processes, options, folder, results)
        if rounds and able:
            timing = {"case": case.as_message(), "variants": variants, "names": options.contenders}
            try:
                timing["seconds"] = take_turns(able, "train", rounds, options.rest)
                results["timings"].append(timing)
            except ContenderError as error:
                leave_out(results, case, "all", error)
    return list(able)


def agreeing(case, processes, options, folder, results):
    """Start all contenders on equal numbers; returns those that agree with the first one, and their variants."""
    path = folder / "start.npz"
    write_start(case, path)
    able, variants, deviations, expected = {}, {}, {}, None
    for name, process in processes.items():
        extra = CONTENDERS[name][1] | ({"rehearsal": options.rehearsal} if name != "numpy" else {})
        try:
            about = process.ask("start", case=case.as_message(), path=str(path), quick=options.quick, **extra)
            found = equality.computed(name, process, folder)
            if expected is not None:
                deviations[name] = equality.compare(case, name, found, expected)
        except ContenderError as error:
            leave_out(results, case, name, error)
            continue
        able[name], expected = process, found if expected is None else expected
        variants |= {name: about["variant"]} if "variant" in about else {}
        results["contenders"][name] = {"version": about["version"], "threads": about["threads"]}
        results |= {"device": about["device"]} if "device" in about else {}
    results["equality"].append({"case": case.as_message(), "deviations": deviations})
    return able, variants


def leave_out(results, case, name, error):
    """Record a contender that is not timed, and the reason: the last line of its traceback."""
    why = str(error).strip().splitlines()[-1]
    results["left out"].append({"case": case.as_message(), "contender": name, "why": why, "error": str(error)})


def options_of(arguments, rehearsal=False):
    """Read the options; an invalid one ends the program with a message that says what was expected."""
    parser = argparse.ArgumentParser(prog="python tests/benchmarks --device gpu", description=DESCRIPTION)
    add_common(parser, CASES, output="benchmark-gpu.json")
    parser.add_argument("--contenders", type=several(CONTENDERS), default=list(CONTENDERS), help="default: all")
    options = read_common(parser, arguments, CASES)
    if not set(options.contenders) & set(KERNELS):
        parser.error(f"argument --contenders: expected one of {', '.join(KERNELS)} among them, the library on the GPU")
    options.rehearsal = rehearsal
    return options
