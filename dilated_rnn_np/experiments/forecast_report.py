"""The report of a study of forecasters: table.md, table.csv and record.json.

Numbers of several seeds are given as their mean, lowest and highest.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..arrays.files import atomic
from .forecast_study import ForecastStudy, Results
from .report import origin_sentence, origins, spread

PARTS = ("validation", "test")
METRICS = {"smape": "sMAPE", "mase": "MASE", "owa": "OWA", "msis": "MSIS", "coverage": "coverage"}
PLACES = {"seconds": 0, "parameters": 0, "OWA": 4}  # decimals; 3 for the others
NAIVE = ("Naive2", "seasonal naive")


def write(study: ForecastStudy, folder: Path, results: Results, finished: bool) -> list[dict[str, Any]]:
    """Write tables and record of the finished runs, and return the rows of the table."""
    rows = table(study, results)
    record = study.identity() | {"seeds": study.seeds, "finished": finished, "made with": origins(results)}
    with atomic(folder / "record.json") as out:
        json.dump(record | {"data_dir": study.choices.data_dir}, out, indent=1)
    with atomic(folder / "table.csv") as out:
        writer = csv.DictWriter(out, list(rows[-1]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    with atomic(folder / "table.md") as out:
        out.write(markdown(study, rows, results))
    return rows


def table(study: ForecastStudy, results: Results) -> list[dict[str, Any]]:
    """Return the rows of the table: published forecasts, naive ones, and the forecasters of the study."""
    rows = []
    for label, known in study.experiment.published.items():
        rows.append(_row("published", label, [{"test": known}]))
    for label in NAIVE if results else ():
        rows.append(_row("naive", label, [{part: results[0][1][part][label] for part in PARTS}]))
    for row in study.rows:
        own = [result for (of, _), result in results if of == row]
        scores = [{part: result[part]["forecaster"] for part in PARTS} for result in own]
        facts = {name: [result[name] for result in own] for name in ("parameters", "seconds")}
        rows.append(_row(row.setting, row.label, scores, facts))
    return rows


def _row(
    setting: str,
    label: str,
    scores: list[dict[str, Mapping[str, float]]],
    facts: Mapping[str, list[float]] | None = None,
) -> dict[str, Any]:
    """Return one row: plain numbers, None for a missing value."""
    row: dict[str, Any] = {"kind": setting, "forecast": label, "runs": len(scores) if facts else None}
    for name in ("parameters", "seconds"):
        row |= spread(name, (facts or {}).get(name, []))
    for part in PARTS:
        for metric, title in METRICS.items():
            found = [one.get(part, {}).get(metric, math.nan) for one in scores]
            row |= spread(f"{part} {title}", [None if math.isnan(value) else value for value in found])
    return row


def markdown(study: ForecastStudy, rows: list[dict[str, Any]], results: Results) -> str:
    """Return the table as a page, with its findings and notes."""
    experiment = study.experiment
    shown = [name for name in rows[0] if not name.endswith(("_min", "_max"))]
    lines = [f"# {experiment.name}, {study.choices.scale}", "", experiment.description, ""]
    lines += ["| " + " | ".join(shown) + " |", "|" + "---|" * len(shown)]
    lines += ["| " + " | ".join(_cell(row, name) for name in shown) + " |" for row in rows]
    found = experiment.findings(results) if experiment.findings else []
    lines += ["", "## Findings", "", *(f"- {sentence}" for sentence in found)] if found else []
    steps = sorted({row.steps for row in study.rows if row.options.get("members") != 0})
    notes = [
        f"Validation: means over {experiment.windows} cutoffs, {experiment.horizon} steps apart, before the end of the training "
        "part, with one fit to the values before the first. Test: one fit to the whole training part.",
        "OWA is relative to Naive2 on the same series and cutoffs. Nothing was chosen on the test part.",
        f"{' or '.join(map(str, steps))} training steps per net; seconds of the fit to the whole training part.",
        "Several runs: mean, and for OWA also lowest and highest, over seeds. Forecasters without nets run once.",
        *experiment.notes,
        *map(origin_sentence, origins(results)),
    ]
    return "\n".join([*lines, "", "## Notes", "", *(f"- {note}" for note in notes), ""])


def _cell(row: dict[str, Any], name: str) -> str:
    """Return a value with a fitting number of decimals, and the range of the runs where it is an OWA."""
    value, low, high = (row.get(key) for key in (name, f"{name}_min", f"{name}_max"))
    if value is None or isinstance(value, str):
        return value or "–"
    title = name.split()[-1]
    decimals = 0 if isinstance(value, int) else PLACES.get(title, 3)
    text = f"{value:,.{decimals}f}"
    return text if title != "OWA" or low == high else f"{text} ({low:.4f} to {high:.4f})"
