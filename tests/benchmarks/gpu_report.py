"""The report on a GPU: device, driver and versions, then one Markdown table of training steps.

An entry is the median with the smallest and the largest in parentheses; ratios are ratios of medians.
"""

from statistics import median

from benchmarks.cases import Case
from benchmarks.gpu_library import LEVELS
from benchmarks.report import equality_lines, spread, table

REHEARSAL = (
    "NO GPU: a rehearsal on a stand-in for CuPy and on PyTorch's CPU. It shows that the benchmark works; these times say\n"
    "nothing about a GPU."
)
TITLE = (
    "**One training step**: forward, cross-entropy, backward, RMSProp; milliseconds. The batch lies on the device; numpy is\n"
    "timed by the host's clock, all others by events of the device."
)


def text(results):
    """The whole report."""
    parts = [head(results)]
    if results["timings"]:
        parts += [TITLE, steps_table(results["timings"], "no GPU: " if results["rehearsal"] else "")]
    lines = [*as_plain(results["timings"]), *map(left_out, results["left out"])]
    return "\n\n".join(parts + (["\n".join(lines)] if lines else []))


def head(results):
    """The device, versions, rounds and equality; where there was no device, that first of all."""
    machine, settings = results["machine"], results["settings"]
    lines = [
        *([REHEARSAL] if results["rehearsal"] else []),
        *([device_line(results["device"])] if "device" in results else []),
        f"Python {machine['python']}, NumPy {machine['numpy']} on {machine['system']}; "
        f"{machine['processor']}, {machine['cores']} cores",
        *(f"{name}: {about['version']}; threads: {about['threads']}" for name, about in results["contenders"].items()),
        f"float32, without TF32; median (smallest … largest) of {settings['rounds']} rounds in turns",
        *equality_lines(results["equality"]),
    ]
    if settings["quick"]:
        lines.append("quick: small cases, to see that the benchmark works; these times say nothing")
    return "\n".join(lines)


def device_line(device):
    """The device in words."""
    return (
        f"{device['name']}: {device['multiprocessors']} multiprocessors, {device['bytes'] / 2**30:.0f} GB, "
        f"compute capability {device['capability']}; driver {device['driver']}, "
        f"made for CUDA {device['driver_cuda']}; CuPy's CUDA {device['cuda']}"
    )


def steps_table(timings, label=""):
    """A row a case: each contender's times, cuDNN's over each of the library's kernels, and NumPy's over the fastest.

    The label stands before all that should have run on a GPU.
    """
    names = timings[0]["names"]
    levels = [name for name in names if name in LEVELS]
    header = ["cell, layers x H", "T, B, D", *(name if name == "numpy" else label + name for name in names)]
    header += [f"{label}cudnn / {level}" for level in levels] if "cudnn" in names else []
    header += [f"{label}numpy / fastest of these"] if "numpy" in names else []
    rows = []
    for timing in timings:
        case, seconds = Case.from_message(timing["case"]), timing["seconds"]
        row = [case.name, f"{case.T}, {case.B}, {case.D}"]
        row += [spread(seconds[name], 1e-3) if name in seconds else "-" for name in names]
        row += [ratio(seconds, "cudnn", [level]) for level in levels] if "cudnn" in names else []
        row += [ratio(seconds, "numpy", levels)] if "numpy" in names else []
        rows.append(row)
    return table(header, rows)


def ratio(seconds, name, others):
    """The median of one over the smallest median of the others, where they were timed."""
    there = [median(seconds[other]) for other in others if other in seconds]
    return f"{median(seconds[name]) / min(there):.2f}" if name in seconds and there else "-"


def as_plain(timings):
    """Where a contender had no kernels of its own for a case."""
    for timing in timings:
        for name, way in timing["ways"].items():
            yield f"{name} runs {way}: {Case.from_message(timing['case']).name}"


def left_out(entry):
    """Who was not timed on which case, and why."""
    case = Case.from_message(entry["case"])
    return f"left out: {entry['contender']}, {case.name} ({case.shape}, {case.dtype}): {entry['why']}"
