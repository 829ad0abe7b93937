"""The report on a GPU: device, driver and versions, then one Markdown table of training steps.

An entry is the median with the smallest and the largest in parentheses; ratios are ratios of medians.
"""

from statistics import median

from benchmarks import report
from benchmarks.cases import Case
from benchmarks.gpu_library import KERNELS
from benchmarks.report import spread, table

REHEARSAL = (
    "NO GPU: a rehearsal on a stand-in for CuPy and on PyTorch's CPU. It shows that the benchmark works; its times mean\n"
    "nothing for a GPU."
)
TITLE = (
    "**One training step**: forward, cross-entropy, backward, RMSProp; milliseconds, without TF32. The batch is on the\n"
    "device. The host's clock times numpy, events of the device time all others."
)


def text(results):
    """The whole report."""
    parts = [head(results)]
    if results["timings"]:
        parts += [TITLE, steps_table(results["timings"], "no GPU: " if results["rehearsal"] else "")]
    lines = [*variants(results["timings"]), *map(left_out, results["left out"])]
    return "\n\n".join(parts + (["\n".join(lines)] if lines else []))


def head(results):
    """A warning if this is a rehearsal, the device, and the head of the CPU's report."""
    warning = [REHEARSAL] if results["rehearsal"] else []
    device = [device_line(results["device"])] if "device" in results else []
    return "\n".join([*warning, *device, report.head(results)])


def device_line(device):
    """The device in words."""
    return (
        f"{device['name']}: {device['multiprocessors']} multiprocessors, {device['bytes'] / 2**30:.0f} GB, "
        f"compute capability {device['capability']}; driver {device['driver']}, "
        f"for CUDA {device['driver_cuda']}; CuPy's CUDA {device['cuda']}"
    )


def steps_table(timings, label=""):
    """One row per case: each contender's times, and ratios of cuDNN to each of the library's kernels, of NumPy to the fastest.

    The label marks the columns that belong to the GPU.
    """
    names = timings[0]["names"]
    kernels = [name for name in names if name in KERNELS]
    header = ["cell, layers x H", "T, B, D", *(name if name == "numpy" else label + name for name in names)]
    header += [f"{label}cudnn / {kind}" for kind in kernels] if "cudnn" in names else []
    header += [f"{label}numpy / fastest of these"] if "numpy" in names else []
    rows = []
    for timing in timings:
        case, seconds = Case.from_message(timing["case"]), timing["seconds"]
        row = [case.name, f"{case.T}, {case.B}, {case.D}"]
        row += [spread(seconds[name], 1e-3) if name in seconds else "-" for name in names]
        row += [ratio(seconds, "cudnn", [kind]) for kind in kernels] if "cudnn" in names else []
        row += [ratio(seconds, "numpy", kernels)] if "numpy" in names else []
        rows.append(row)
    return table(header, rows)


def ratio(seconds, name, others):
    """The median of one contender over the smallest median of the others; "-" if it or all others were not timed."""
    timed = [median(seconds[other]) for other in others if other in seconds]
    return f"{median(seconds[name]) / min(timed):.2f}" if name in seconds and timed else "-"


def variants(timings):
    """The cases for which a contender runs other kernels than its own."""
    for timing in timings:
        for name, variant in timing["variants"].items():
            yield f"{name} runs {variant}: {Case.from_message(timing['case']).name}"


def left_out(entry):
    """A contender that was not timed on a case, and the reason."""
    case = Case.from_message(entry["case"])
    return f"left out: {entry['contender']}, {case.name} ({case.shape}, {case.dtype}): {entry['why']}"
