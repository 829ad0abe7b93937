"""The description of an experiment with forecasters: rows, each a forecaster with its settings, and the data they share.

Each row is fitted twice per seed: to the training part without its validation windows, and to the whole training part. Choices
are to be made by the validation scores alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..arrays.checks import one_of, positive_integer
from ..forecasting import Panel
from .driver import Result
from .files import slug
from .plan import Choices

FOLLOWED = ("scale", "settings", "steps", "data_dir")  # the choices that apply to forecasters


@dataclass(frozen=True)
class Row:
    """One row of the table: a forecaster, fitted once per seed."""

    setting: str  # a group of rows, such as the controls
    label: str  # the forecaster in words
    options: dict[str, Any]  # of the Forecaster
    steps: int = 1  # of training per net; without nets they do not matter


Trial = tuple[Row, int]  # a row and a seed
Results = Sequence[tuple[Any, Result]]  # a trial and its result


@dataclass(frozen=True)
class ForecastExperiment:
    """A question, the rows that answer it, their data, and published results to compare with."""

    name: str  # on the command line
    description: str  # one sentence
    panels: Callable[[Choices], tuple[Panel, Panel]]  # the training part; the same series with the test part after it
    rows: Callable[[Choices], list[Row]]
    horizon: int
    season: int  # of MASE and the naive forecasts
    windows: int = 4  # validation windows at the end of the training part
    published: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # scores on the test part, by forecast
    notes: tuple[str, ...] = ()  # below the table
    findings: Callable[[Results], list[str]] | None = None  # sentences that follow from the results
    seeds: Mapping[str, int] = field(default_factory=lambda: {"quick": 1, "full": 3})  # runs per row, by scale


@dataclass(frozen=True)
class ForecastStudy:
    """An experiment with forecasters and a user's choices."""

    experiment: ForecastExperiment
    choices: Choices
    seeds: int  # each row runs with the seeds 0, 1, …

    @classmethod
    def of(cls, experiment: ForecastExperiment, choices: Choices, seeds: int | None = None) -> ForecastStudy:
        """Return the study; choices that do not apply to forecasters raise a ValueError."""
        own = vars(Choices())
        for name, value in vars(choices).items():
            if name not in FOLLOWED and value != own[name]:
                option = f"--{name.replace('_', '-')}"
                raise ValueError(f"{experiment.name} has no {name} to choose: leave {option} out")
        known = dict.fromkeys(row.setting for row in experiment.rows(choices))
        for setting in choices.settings or ():
            one_of("setting", setting, known)
        return cls(experiment, choices, positive_integer("seeds", seeds or experiment.seeds[choices.scale]))

    @property
    def rows(self) -> list[Row]:
        """The rows of the chosen settings."""
        chosen = self.choices.settings
        return [row for row in self.experiment.rows(self.choices) if chosen is None or row.setting in chosen]

    @property
    def trials(self) -> list[Trial]:
        """All runs as (row, seed), in the order in which they start; forecasters without nets run once."""
        rows = self.rows
        return [
            (row, seed) for seed in range(self.seeds) for row in rows if row.options.get("members") != 0 or not seed
        ]

    def title(self, number: int) -> str:
        """Return a run's number, setting, forecaster and seed."""
        row, seed = self.trials[number]
        return f"[{number + 1}/{len(self.trials)}] {row.setting}, {row.label}, seed {seed}"

    def identity(self) -> dict[str, Any]:
        """Return the settings that identify the study's folder; settings and seeds may be added to it."""
        return {"experiment": self.experiment.name, "scale": self.choices.scale, "steps": self.choices.steps}

    def file(self, folder: Path, number: int) -> Path:
        """Return the file of a run's result."""
        row, seed = self.trials[number]
        return folder / "runs" / f"{slug(row.setting)}--{slug(row.label)}--seed-{seed}" / "result.json"
