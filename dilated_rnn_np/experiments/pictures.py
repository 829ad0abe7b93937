"""The pictures of an experiment: curves for each setting, and metric and time over a fact such as the number of layers.

Runs that diverged enter no curve, as they enter no mean of the table; the label shows their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ..plot.runs import Curve, run_curves
from ..plot.saving import save_picture
from ..plot.style import plain_log_ticks
from .files import read_metrics, slug
from .plan import Contender, Experiment

X_LABELS = {"step": "training step", "seconds": "seconds of training, validation included"}
Results = Sequence[tuple[Contender, dict[str, Any]]]


def draw(experiment: Experiment, contenders: Sequence[Contender], results: Results, folder: Path) -> None:
    """Draw all pictures into a folder, as PNGs."""
    for setting in dict.fromkeys(c.setting for c in contenders):
        own = [c for c in contenders if c.setting == setting]
        if figure := _curves(experiment, own, results, folder):
            save_picture(figure, folder / f"curves-{slug(setting)}.png", dpi=130)
    if experiment.against is not None:
        figure = _over(experiment.against, contenders, results)
        save_picture(figure, folder / f"over-{slug(experiment.against)}.png", dpi=130)


def _curves(experiment: Experiment, own: Sequence[Contender], results: Results, folder: Path) -> Figure | None:
    """Return one setting's figure, with one panel per pair of the experiment; None if no run was validated."""
    down, task = -(-len(experiment.curves) // 2), own[0].task
    figure = Figure(figsize=(10.5, 0.4 + 3.5 * down), layout="constrained")
    validations = {contender.label: _validations(contender, results, folder) for contender in own}
    handles: list[Any] = []
    for place, (x, y) in enumerate(experiment.curves, 1):
        ax, curves = figure.add_subplot(down, 2, place), []
        for contender in own:
            runs = [(m[x], m[f"validation_{y}"]) for m in validations[contender.label] if len(m[x])]
            failed = diverged(results, [contender])
            curves += [Curve(contender.label + failed, runs, *contender.look)] if runs or failed else []
        if not any(curve.runs for curve in curves):
            return None
        is_loss = y == "loss"
        label = "loss" if is_loss else task.metric_name.replace("_", " ")
        baseline = task.baseline if is_loss else None
        lines = run_curves(curves, X_LABELS[x], f"validation {label}", baseline, logarithmic=is_loss, ax=ax)
        if x == "seconds":  # systems differ by factors
            ax.set_xscale("log")
            plain_log_ticks(ax.xaxis, np.concatenate([line.get_xdata() for line in lines[: len(curves)]]))
        handles = max(handles, lines, key=len)  # those of a panel with the baseline
    figure.suptitle(own[0].setting, fontsize=12)
    figure.legend(handles=handles, loc="outside right center", frameon=False, fontsize=9)
    return figure


def _validations(contender: Contender, results: Results, folder: Path) -> list[dict[str, np.ndarray]]:
    """Return the columns of the metrics at the steps that were validated, for each finished run of a contender."""
    seeds = [r["settings"]["seed"] for of, r in results if of is contender and r["status"] == "finished"]
    metrics = [read_metrics(contender.folder(folder, seed) / "metrics.csv") for seed in seeds]
    return [{name: column[~np.isnan(m["validation_loss"])] for name, column in m.items()} for m in metrics]


def _over(fact: str, contenders: Sequence[Contender], results: Results) -> Figure:
    """Return a figure with the metric and the time per step over a fact, one line per series."""
    measured = {(id(of), r["settings"]["seed"]): r for of, r in results if r["status"] == "finished"}
    seeds = sorted({seed for _, seed in measured})
    metric = contenders[0].task.metric_name.replace("_", " ")
    figure = Figure(figsize=(10.5, 3.9), layout="constrained")
    panels = ("metric", 1, metric), ("seconds_per_step", 1000, "ms per step")
    for ax, (key, scale, label) in zip(figure.subplots(1, 2), panels, strict=True):
        curves = []
        for colour, name in enumerate(dict.fromkeys(c.series for c in contenders)):
            own = [c for c in contenders if c.series == name]
            x = np.array([float(c.facts[fact]) for c in own])
            values = [[measured.get((id(c), seed), {}).get(key) for c in own] for seed in seeds]
            runs = [(x, scale * np.array(y, float)) for y in values]  # NaN for None
            curves.append(Curve(name + diverged(results, own), runs, colour, colour))
        lines = run_curves(curves, fact, label, points=True, ax=ax)
    if len(lines) > 1 or diverged(results, contenders):
        figure.legend(handles=lines, loc="outside right center", frameon=False, fontsize=9)
    return figure


def diverged(results: Results, contenders: Sequence[Contender]) -> str:
    """Return the number of the contenders' runs that diverged, as the end of a label; "" for none."""
    statuses = [result["status"] for of, result in results if any(of is contender for contender in contenders)]
    count = statuses.count("diverged")
    return f" ({count} of {len(statuses)} diverged)" if count else ""
