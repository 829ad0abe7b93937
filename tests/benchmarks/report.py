"""The report: versions and machine, and one Markdown table per kind of timing, aligned for reading as plain text.

An entry is the median with the smallest and the largest in parentheses; ratios are ratios of medians.
"""

from statistics import median

from benchmarks.cases import Case
from benchmarks.floor import formula

TITLES = {
    "train": "**One training step**: forward, cross-entropy, backward, RMSProp; seconds.",
    "forward": "**Forward alone**, without a cache for backward; seconds.",
    "stream": "**One step of a stream**, a batch of one row; microseconds.",
}
MEGABYTE = 2**20


def text(results):
    """The whole report."""
    parts = [head(results)]
    for kind, title in TITLES.items():
        if timings := [timing for timing in results["timings"] if timing["kind"] == kind]:
            parts += [title, *([floor_text(results["rates"])] if kind == "train" else []), turns_table(kind, timings)]
    if cases := {Case.from_message(t["case"]).name: t["variants"] for t in results["timings"] if t["variants"]}:
        lines = [f"{name}: {case}: {variant}" for case, found in cases.items() for name, variant in found.items()]
        parts.append("The fastest variants:\n" + "\n".join(lines))
    return "\n\n".join(parts + long_tables(results.get("long", {})))


def head(results):
    """Versions, processor, BLAS kernel, threads, rounds and equality."""
    machine, settings = results["machine"], results["settings"]
    lines = [
        f"Python {machine['python']}, NumPy {machine['numpy']} on {machine['system']}; "
        f"{machine['processor']}, {machine['cores']} cores, BLAS kernel: {machine['kernel']}",
        *(f"{name}: {about['version']}; threads: {about['threads']}" for name, about in results["contenders"].items()),
        f"float32; median (smallest … largest) of {settings['rounds']} rounds in turns",
        *equality_lines(results["equality"]),
    ]
    if settings["quick"]:
        lines.append("quick: small cases, which show that the benchmark works; their times mean nothing")
    return "\n".join(lines)


def equality_lines(checks):
    """The largest deviation from the library in each precision."""
    for dtype in ("float64", "float32"):
        found = [d for check in checks if check["case"]["dtype"] == dtype for d in check["deviations"].values()]
        if found:
            loss, arrays = (max(d[key] for d in found) for key in ("loss", "arrays"))
            yield f"equality in {dtype}: loss within {loss:.0e}, logits and all gradients within {arrays:.0e}"


def floor_text(rates):
    """The floor's formula, and the measured rates."""
    flops, bytes, tanhs = (rates[key] / 1e9 for key in ("flops", "bytes", "tanhs"))
    return f"{formula()}\nMeasured here: {flops:.0f} Gflop/s, {bytes:.0f} GB/s, {tanhs:.1f} G tanh/s."


# ---------------------------------------------------------------------- tables


def turns_table(kind, timings):
    """One row per case: each contender's times, ratios to the library, and the floor of a training step."""
    names = list(timings[0]["seconds"])
    others = [name for name in names if name != "library"]
    unit = 1e-6 if kind == "stream" else 1.0
    header = ["cell, layers x H", "T, B, D", *names, *(f"{name} / library" for name in others)]
    header += ["floor", "library / floor"] if kind == "train" else []
    rows = []
    for timing in timings:
        case, seconds = Case.from_message(timing["case"]), timing["seconds"]
        library = median(seconds["library"])
        shape = f"1, 1, {case.D}" if kind == "stream" else f"{case.T}, {case.B}, {case.D}"
        row = [case.name, shape, *(spread(seconds[name], unit) for name in names)]
        row += [f"{median(seconds[name]) / library:.2f}" for name in others]
        row += [number(timing["floor"]), f"{library / timing['floor']:.2f}"] if kind == "train" else []
        rows.append(row)
    return table(header, rows)


def long_tables(results):
    """Growth with T, memory, and memory under a budget."""
    parts = []
    if "growth" in results:
        short, long = (row["seconds"] for row in results["growth"])
        case, T = Case.from_message(results["growth"][0]["case"]), [row["case"]["T"] for row in results["growth"]]
        parts.append(f"**Growth with T** from {T[0]} to {T[1]}, {case.name}, B={case.B}; seconds per training step.")
        rows = [
            [name, spread(short[name]), spread(long[name]), f"{median(long[name]) / median(short[name]):.1f}"]
            for name in short
        ]
        parts.append(table(["", f"T = {T[0]}", f"T = {T[1]}", f"growth ({T[1] / T[0]:.0f} is linear)"], rows))
    if "memory" in results:
        names = list(results["memory"][0]["peaks"])
        others = [name for name in names if name != "library"]
        rows = []
        for row in results["memory"]:
            peak = {name: row["peaks"][name]["bytes"] / MEGABYTE for name in names}
            ratios = [f"{peak[name] / peak['library']:.2f}" for name in others]
            rows.append([case_words(row), *(f"{peak[name]:.0f}" for name in names), *ratios])
        parts.append("**Peak memory** of a first training step, above the memory before it; MB of 2^20 bytes.")
        parts.append(table(["cell, layers x H", *names, *(f"{name} / library" for name in others)], rows))
    if "budget" in results:
        rows = []
        for row in results["budget"]:
            allowed = "none" if row["budget"] is None else f"{row['budget'] / MEGABYTE:.0f} MB"
            rows.append([allowed, f"{row['peak']['bytes'] / MEGABYTE:.0f}", number(row["peak"]["seconds"])])
        parts.append(
            f"**Memory under a budget**, one training step of the library, {case_words(results['budget'][0])}."
        )
        parts.append(table(["budget", "peak, MB", "seconds"], rows))
    return parts


def case_words(row):
    """Name, length and rows of a table row's case."""
    case = Case.from_message(row["case"])
    return f"{case.name} at T={case.T}, B={case.B}"


def spread(seconds, unit=1.0):
    """Median, smallest and largest."""
    return f"{number(median(seconds) / unit)} ({number(min(seconds) / unit)} … {number(max(seconds) / unit)})"


def number(value):
    """Three significant digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"


def table(header, rows):
    """An aligned Markdown table; the first column is aligned left, the others right."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]

    def aligned(line):
        cells = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
        return f"| {' | '.join([line[0].ljust(widths[0]), *cells[1:]])} |"

    rule = "|".join([":" + "-" * (widths[0] + 1), *("-" * (width + 1) + ":" for width in widths[1:])])
    return "\n".join([aligned(header), f"|{rule}|", *map(aligned, rows)])
