"""Learning rates from a small grid, the same for all nets: each net's rate is chosen on validation data.

``search`` turns a study into one that trains every contender at every rate of the grid, for a tenth of the steps and with
seed 0; ``tuned`` returns the study at the rates of the lowest validation losses. Test data is not read.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from .files import read_json
from .plan import Choices, Contender, Study

RATES = (1e-3, 2e-3, 4e-3, 8e-3)
SHARE = 10  # a run of the search makes this part of the steps
Contenders = Callable[[Choices], list[Contender]]


def search(study: Study) -> Study:
    """Return the study of all contenders at all rates of the grid; its loss and metric are of validation data."""
    own, choices = study.experiment, study.choices
    candidates = partial(_candidates, own.contenders, choices.steps)
    experiment = replace(own, name=f"{own.name}-rates", contenders=candidates, columns=("loss", "metric"), against=None)
    return Study.of(experiment, replace(choices, steps=None, tune=False), seeds=1)


def _candidates(contenders: Contenders, steps: int | None, choices: Choices) -> list[Contender]:
    return [_candidate(contender, steps, rate) for contender in contenders(choices) for rate in RATES]


def _candidate(contender: Contender, steps: int | None, rate: float) -> Contender:
    """Return a contender at one rate of the grid, with a tenth of its steps, measured on validation data."""
    few = max(1, (steps or contender.training.steps) // SHARE)
    often = min(contender.training.validate_every, max(1, few // 10))
    training = replace(contender.training, lr=rate, steps=few, validate_every=often)
    label = f"{contender.label}, lr {rate:g}"
    return replace(contender, label=label, training=training, after=None, part="validation", facts={"lr": rate})


def losses(study: Study, folder: Path) -> list[tuple[Contender, dict[float, float]]]:
    """Return each contender of a study with its validation losses by rate, infinite where a run diverged."""
    steps, found = study.choices.steps, []
    for contender in study.contenders:
        files = {rate: _candidate(contender, steps, rate).folder(folder, 0) / "result.json" for rate in RATES}
        results = {rate: read_json(file, "delete it, and the run is repeated") for rate, file in files.items()}
        found.append((contender, {rate: result.get("loss", math.inf) for rate, result in results.items()}))
    return found


def tuned(study: Study, folder: Path) -> Study:
    """Return the study with the rates that did best in the finished search in a folder."""
    rates = {(c.setting, c.label): min(found, key=lambda rate: found[rate]) for c, found in losses(study, folder)}
    experiment = replace(study.experiment, contenders=partial(_at_rates, study.experiment.contenders, rates))
    return Study.of(experiment, study.choices, study.seeds)


def _at_rates(contenders: Contenders, rates: dict[tuple[str, str], float], choices: Choices) -> list[Contender]:
    """Return the contenders at the given rates; those without one, of settings that were not chosen, keep their own."""
    rows = []
    for contender in contenders(choices):
        rate = rates.get((contender.setting, contender.label), contender.training.lr)
        training, facts = replace(contender.training, lr=rate), {**contender.facts, "lr": rate}
        rows.append(replace(contender, training=training, facts=facts))
    return rows


def table(study: Study, folder: Path) -> list[str]:
    """Return the validation losses of the search as lines of Markdown, with the lowest of each net in bold."""
    lines = [
        "| setting | net | " + " | ".join(f"lr {rate:g}" for rate in RATES) + " |",
        "|---|---|" + "---|" * len(RATES),
    ]
    for contender, found in losses(study, folder):
        shown = [f"{loss:.4f}" if loss < math.inf else "diverged" for loss in found.values()]
        cells = [
            f"**{text}**" if loss == min(found.values()) else text
            for text, loss in zip(shown, found.values(), strict=True)
        ]
        lines.append(f"| {contender.setting} | {contender.label} | " + " | ".join(cells) + " |")
    return lines
