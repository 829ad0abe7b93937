"""The report of a study: table.csv, table.md, record.json and the pictures.

Numbers of several seeds are given as their mean, lowest and highest, which assumes nothing about their distribution. Runs that
diverged are counted, and enter no mean.
"""

from __future__ import annotations

import csv
import datetime
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..arrays.files import atomic
from . import pictures, tuning
from .driver import Training
from .files import read_json
from .pictures import Results
from .plan import Contender, Experiment, Study

TIMES = {"ms per step": ("seconds_per_step", 1000.0), "seconds": ("seconds", 1.0)}  # these vary between equal runs


def write_record(study: Study, folder: Path, results: Results, finished: bool) -> None:
    """Write record.json; the time of the first start is preserved."""
    file, now = folder / "record.json", datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    started = read_json(file, "give another folder (--out FOLDER)")["started"] if file.exists() else now
    content = study.identity() | {
        "seeds": list(range(study.seeds)),
        "finished": finished,
        "runs": len(results),
        "seconds of training": sum(result["seconds"] for _, result in results),
        "started": started,
        "written": now,
        "made with": origins(results),
        "contenders": [
            {"setting": c.setting, "label": c.label, **c.facts, "task": c.task.settings(), **vars(c.training)}
            for c in study.contenders
        ],
    }
    with atomic(file) as out:
        json.dump(content, out, indent=1)


def write(study: Study, folder: Path, results: Results, finished: bool) -> list[dict[str, Any]]:
    """Write tables, pictures and the record of the finished runs, and return the rows of the table."""
    rows = [_row(study.experiment, c, [result for of, result in results if of is c]) for c in study.contenders]
    write_record(study, folder, results, finished)
    with atomic(folder / "table.csv") as out:
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    with atomic(folder / "table.md") as out:
        out.write(markdown(study, folder, rows, results))
    if results:
        pictures.draw(study.experiment, study.contenders, results, folder)
    return rows


def _row(experiment: Experiment, contender: Contender, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return one row of the table: plain numbers, None for a missing value."""
    done = [result for result in results if result["status"] == "finished"]
    first = results[0] if results else {}
    row = {"setting": contender.setting, "net": contender.label, **contender.facts}
    row["hidden"] = " ".join(map(str, first.get("hidden", [])))
    row |= {"parameters": first.get("parameters"), "runs": len(results), "diverged": len(results) - len(done)}
    names = {"metric": contender.task.metric_name, "halved": "steps to half baseline"}
    for column in experiment.columns:
        row |= spread(names.get(column, column), [result[column] for result in done])
    for column, (name, scale) in TIMES.items():
        row |= spread(column, [scale * result[name] for result in done])
    return row


def spread(name: str, values: Sequence[float | None]) -> dict[str, float | None]:
    """Return mean, lowest and highest of the runs as three columns; None if there is no run or one lacks a value.

    >>> spread("loss", [1.0, 2.0, 6.0])
    {'loss': 3.0, 'loss_min': 1.0, 'loss_max': 6.0}
    """
    numbers = [value for value in values if value is not None]
    if not numbers or len(numbers) < len(values):
        return dict.fromkeys((name, f"{name}_min", f"{name}_max"))
    return {name: sum(numbers) / len(numbers), f"{name}_min": min(numbers), f"{name}_max": max(numbers)}


def markdown(study: Study, folder: Path, rows: Sequence[dict[str, Any]], results: Results) -> str:
    """Return the table as a page, with notes on sizes, training, baselines and machines."""
    experiment, choices, contenders = study.experiment, study.choices, study.contenders
    shown = [name for name in rows[0] if not name.endswith(("_min", "_max"))]
    if not any(row["diverged"] for row in rows):
        shown.remove("diverged")
    lines = [f"# {experiment.name}, {choices.scale}", "", experiment.description, ""]
    lines += ["| " + " | ".join(shown) + " |", "|" + "---|" * len(shown)]
    lines += ["| " + " | ".join(_cell(row, name) for name in shown) + " |" for row in rows]
    sizes = f"at most {choices.parameters:,} parameters per net" if choices.parameters else "sizes as in the table"
    runs = f"{study.seeds} runs per net: mean (lowest to highest)" if study.seeds > 1 else "one run per net"
    (part,) = {contender.part for contender in contenders}
    notes = [
        f"`{command(study)}`",
        f"{runs}; {sizes}; on {part} data, with the parameters that did best in validation.",
    ]
    if experiment.compares_systems and len({row["parameters"] for row in rows}) > 1 and not choices.parameters:
        notes.append("Nets of equal hidden sizes differ in parameters; --parameters N compares nets of equally many.")
    notes += dict.fromkeys(_training(contender.training, choices.tune) for contender in contenders)
    dropouts = {c.setting: result["settings"].get("model", {}).get("dropout") for c, result in results}
    notes += [f"{setting}: dropout {dropout:g} between the layers." for setting, dropout in dropouts.items() if dropout]
    data = {c.setting: c.task.data_note for c in contenders if c.task.data_note}
    notes += [f"{setting}: {note}." for setting, note in data.items()]
    baselines = {c.setting: c.task for c in contenders if c.task.baseline is not None}
    notes += [f"{setting}: {task.baseline_note} = {task.baseline:.4f}." for setting, task in baselines.items()]
    if "halved" in experiment.columns:
        notes.append("Steps to half baseline: the first validation with at most half of it; – if a run had none.")
    own = {contender.folder(folder, result["settings"]["seed"]) for contender, result in results}
    if others := sum(file.parent not in own for file in folder.glob("runs/*/result.json")):
        notes.append(
            f"Not in this table: {others} run{'s' * (others > 1)} in the folder, of other systems, cells, settings or seeds."
        )
    notes += [origin_sentence(origin) for origin in origins(results)]
    texts = {c.label: result["text"] for c, result in reversed(results) if "text" in result}  # of the first seed
    samples = [line for label in reversed(texts) for line in (f"\n## {label}\n\n```text", texts[label].strip(), "```")]
    lines += ["", *(f"- {note}" for note in notes)]
    if choices.tune:
        words = "Validation losses after a tenth of the steps, seed 0; each net runs at its best rate."
        lines += ["", "## Learning rates", "", words, "", *tuning.table(study, folder / "rates")]
    return "\n".join([*lines, *samples, ""])


def _training(training: Training, tuned: bool) -> str:
    """Return the settings of a training as a sentence; a tuned learning rate is in the table instead."""
    rate = "" if tuned else f"learning rate {training.lr:g}, "
    average = f", weights averaged with decay {training.average:g}" if training.average else ""
    return (
        f"{training.steps:,} steps of {training.batch_size} sequences, {training.optimizer}, {rate}{training.schedule} schedule, "
        f"gradient norm at most {training.max_norm:g}{average}."
    )


def command(study: Study) -> str:
    """Return the command line of a study, without the places of its data and its folder.

    >>> from dilated_rnn_np.experiments import EXPERIMENTS, Choices
    >>> choices = Choices("full", systems=("dilated",), settings=("T = 500",), tune=True)
    >>> command(Study.of(EXPERIMENTS["copy-memory"], choices, seeds=3))
    "dilated-rnn experiment copy-memory --scale full --systems dilated --setting 'T = 500' --tune --seeds 3"
    """
    words = ["dilated-rnn", "experiment", study.experiment.name]
    for name, value in vars(study.choices).items():
        option = "--" + name.replace("_", "-")
        if name == "settings":
            words += [word for setting in value or () for word in ("--setting", setting)]
        elif value is True:
            words.append(option)
        elif value not in (None, False, "numpy") and name != "data_dir":
            words += [option, ",".join(value) if isinstance(value, tuple) else str(value)]
    return shlex.join([*words, "--seeds", str(study.seeds)])


def _cell(row: dict[str, Any], name: str) -> str:
    """Return a value with a fitting number of decimals, and the range of its runs."""
    value, low, high = row[name], row.get(f"{name}_min"), row.get(f"{name}_max")
    if value is None or value == "":
        return "–"
    if isinstance(value, str):
        return value
    places = {"seconds": 1, "ms per step": 1, "steps to half baseline": 0}.get(name, 4)
    numbers = [_number(n, places) for n in (value, low, high) if n is not None]
    return numbers[0] if low == high else "{} ({} to {})".format(*numbers)


def _number(value: float, places: int) -> str:
    """Return a number with a fixed number of decimals, or with an exponent if they would all be 0.

    >>> _number(1234, 4), _number(0.25, 4), _number(5.2e-9, 4)
    ('1,234', '0.2500', '5.2e-09')
    """
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.1e}" if 0 < abs(value) < 0.5 * 10**-places else f"{value:,.{places}f}"


def origins(results: Results) -> list[dict[str, Any]]:
    """Return the distinct versions and machines of the runs, each with the number of its runs and their time."""
    found: dict[str, dict[str, Any]] = {}
    for _, result in results:
        own = {name: result.get(name, {}) for name in ("versions", "machine")}
        origin = found.setdefault(json.dumps(own), {**own, "runs": 0, "seconds of training": 0.0})
        origin["runs"] += 1
        origin["seconds of training"] += result["seconds"]
    return list(found.values())


def origin_sentence(origin: dict[str, Any]) -> str:
    """Return an entry of ``origins`` as a sentence."""
    runs, host = f"{origin['runs']} run{'s' * (origin['runs'] > 1)}", origin["machine"]
    took = f"{runs}: {duration(origin['seconds of training'])} of training"
    if not host:
        return f"{took}; the machine was not recorded."
    device = f", {host['device']}" if "device" in host else ""
    written = ", ".join(f"{name} {version}" for name, version in origin["versions"].items())
    kind = host.get("processor", host["architecture"])
    return f"{took} on {host['processors']} processors, {host['threads']} threads{device} ({kind}); {written}."


def duration(seconds: float) -> str:
    """Return a time in words.

    >>> duration(42), duration(150), duration(9000)
    ('42 s', '2.5 min', '2.5 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
