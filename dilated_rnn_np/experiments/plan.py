"""The description of an experiment: contenders, each a net on a task with its training, and the contents of the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..arrays.backend import get_backend
from ..arrays.checks import fraction, one_of, positive_integer
from ..arrays.memory import check_memory
from ..baselines.systems import SYSTEMS
from ..nets.network import Network
from ..recurrence.cells import CELLS
from ..tasks import Task
from .driver import After, RunSpec, Training
from .files import slug
from .net_builder import net_builder, shape_of

SCALES = {"quick": "minutes on two cores", "full": "the size of the paper's experiments"}
Variant = tuple[str, Sequence[int], dict[str, Any]]  # label, dilations and facts of a dilated RNN
BYTES_PER_RUN = 100  # in the list of a study's runs
MAY_GROW = ("systems", "cells", "settings", "data_dir")  # choices that may differ between calls on one folder


@dataclass(frozen=True)
class Choices:
    """A user's choices for an experiment; None for its own, or the scale's own, unless stated otherwise."""

    scale: str = "quick"  # a name in ``SCALES``
    systems: tuple[str, ...] | None = None  # to compare
    cells: tuple[str, ...] | None = None
    parameters: int | None = None  # at most this many per net; None for equal hidden sizes
    backend: str = "numpy"
    data_dir: str | None = None  # the folder of the data files
    settings: tuple[str, ...] | None = None  # to run, by their names in the table
    steps: int | None = None
    batch_size: int | None = None
    embedding: int | None = None  # size of a linear map before each net's first layer; None for no map
    dropout: float | None = None  # between the layers
    average: float | None = None  # decay of the average of the weights that is validated and tested
    tune: bool = False  # whether to choose each net's learning rate on validation data, see ``tuning``
    corpus: str | None = None  # of the experiment on characters
    frame: int | None = None  # of the experiment on speech

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "embedding", "frame"):
            if getattr(self, name) is not None:
                positive_integer(name, getattr(self, name))
        for name in ("dropout", "average"):
            if getattr(self, name) is not None:
                fraction(name, getattr(self, name))
        one_of("scale", self.scale, SCALES)
        get_backend(self.backend)
        for name in self.systems or ():
            one_of("system", name, SYSTEMS)
        for name in self.cells or ():
            one_of("cell", name, CELLS)
        if self.cells and self.systems and not any(SYSTEMS[name].takes_cell for name in self.systems):
            named = " and ".join(self.systems)
            raise ValueError(f"{named} takes no cell, it has units of its own: leave the cells out (--cells)")

    @property
    def quick(self) -> bool:
        """Whether the experiment should end within minutes."""
        return self.scale == "quick"


@dataclass(frozen=True)
class Contender:
    """One row of the table: a net on a task, trained once per seed."""

    setting: str  # the task in words; contenders of one setting share a picture
    label: str  # the net in words
    task: Task
    build: Callable[[int], Network]  # from a seed to the untrained net
    training: Training
    facts: dict[str, Any] = field(default_factory=dict)  # further columns of the table, such as {"layers": 5}
    look: tuple[int, int] = (0, 0)  # numbers of the colour and the line style of its curve
    series: str = ""  # contenders of one series are joined in a picture over a fact
    after: After | None = None
    part: str = "test"  # the held-out data of its loss and metric in the table

    def spec(self, seed: int) -> RunSpec:
        """Return the description of this contender's run with a seed."""
        return RunSpec(self.build(seed), self.task, self.training, seed)

    def folder(self, parent: Path, seed: int) -> Path:
        """Return the folder of this contender's run with a seed, within the experiment's folder."""
        return parent / "runs" / f"{slug(self.setting)}--{slug(self.label)}--seed-{seed}"


@dataclass(frozen=True)
class Experiment:
    """A question, the contenders that answer it, and the columns and pictures of the report."""

    name: str  # on the command line
    description: str  # one sentence
    contenders: Callable[[Choices], list[Contender]]  # the rows of the table
    columns: tuple[str, ...] = ("loss", "metric")  # "halved" is the first step at half the memoryless baseline
    curves: tuple[tuple[str, str], ...] = (("step", "loss"), ("step", "metric"))  # one panel each; also over "seconds"
    against: str | None = None  # a numeric fact to draw metric and time per step over
    compares_systems: bool = False  # whether the user may choose systems; otherwise all nets are dilated RNNs
    takes: tuple[str, ...] = ()  # the choices among "corpus" and "frame" that apply
    seeds: dict[str, int] = field(default_factory=lambda: {"quick": 1, "full": 3})  # runs per contender, by scale


@dataclass(frozen=True)
class Study:
    """An experiment with a user's choices."""

    experiment: Experiment
    choices: Choices
    contenders: list[Contender]
    seeds: int  # each contender runs with the seeds 0, 1, …

    @classmethod
    def of(cls, experiment: Experiment, choices: Choices, seeds: int | None = None) -> Study:
        """Return the study; choices that the experiment cannot follow raise a ValueError."""
        seeds = experiment.seeds[choices.scale] if seeds is None else positive_integer("seeds", seeds)
        contenders = _chosen(experiment, choices)
        check_memory(f"seeds {seeds}", BYTES_PER_RUN * seeds * len(contenders), "the list of its runs")
        return cls(experiment, choices, contenders, seeds)

    @property
    def trials(self) -> list[tuple[Contender, int]]:
        """All runs as (contender, seed), in the order in which they start."""
        return [(contender, seed) for seed in range(self.seeds) for contender in self.contenders]

    def title(self, number: int) -> str:
        """Return a run's number, setting, net and seed, for progress bars."""
        contender, seed = self.trials[number]
        return f"[{number + 1}/{len(self.trials)}] {contender.setting}, {contender.label}, seed {seed}"

    def identity(self) -> dict[str, Any]:
        """Return the settings that identify a study's folder; systems, cells, settings and seeds may be added to it."""
        shared = {name: value for name, value in vars(self.choices).items() if name not in MAY_GROW}
        return {"experiment": self.experiment.name, **shared}


def _chosen(experiment: Experiment, choices: Choices) -> list[Contender]:
    """Return the contenders of the chosen settings, with the chosen training."""
    if not experiment.compares_systems and choices.systems is not None:
        raise ValueError(f"{experiment.name} has only dilated RNNs: leave the systems out (--systems)")
    for name in ("corpus", "frame"):
        if getattr(choices, name) is not None and name not in experiment.takes:
            raise ValueError(f"{experiment.name} has no {name} to choose: leave the {name} out (--{name})")
    contenders = experiment.contenders(choices)
    for setting in choices.settings or ():
        one_of("setting", setting, dict.fromkeys(contender.setting for contender in contenders))
    chosen = [c for c in contenders if choices.settings is None or c.setting in choices.settings]
    if not chosen:
        raise ValueError(f"{experiment.name} has nothing to run with these systems and cells; choose others")
    return [replace(contender, training=_with_choices(contender.training, choices)) for contender in chosen]


def _with_choices(training: Training, choices: Choices) -> Training:
    """Return the training with the chosen settings; a short one is validated often enough for a curve."""
    given = {name: getattr(choices, name) for name in ("batch_size", "average")}
    training = replace(training, **{name: value for name, value in given.items() if value is not None})
    if choices.steps is not None:
        often = min(training.validate_every, max(1, choices.steps // 20))
        training = replace(training, steps=choices.steps, validate_every=often)
    return training


def _net_options(choices: Choices, task: Task, dropout: float) -> dict[str, Any]:
    """Return the options of ``net_builder`` that follow from the choices, the task and the experiment's own dropout."""
    own = {"parameters": choices.parameters, "xp": choices.backend, "embedding": choices.embedding}
    return own | {"dropout": dropout if choices.dropout is None else choices.dropout} | shape_of(task)


def compare_systems(
    choices: Choices,
    setting: str,
    task: Task,
    dilations: Sequence[int],
    hidden: int,
    training: Training,
    cells: Sequence[str] = tuple(CELLS),
    after: After | None = None,
    dropout: float = 0.0,
) -> list[Contender]:
    """Return one contender per chosen system, and per cell for systems that take one; ``dropout`` unless chosen otherwise.

    >>> from dilated_rnn_np.tasks import Adding
    >>> chosen = Choices(systems=("dilated", "skip"), cells=("rnn", "gru"))
    >>> [c.label for c in compare_systems(chosen, "adding", Adding(), [1, 2], 4, Training(10))]
    ['dilated rnn', 'dilated gru', 'skip rnn', 'skip gru']
    """
    contenders = []
    for colour, system in enumerate(SYSTEMS):
        if system not in (choices.systems or SYSTEMS):
            continue
        own: Sequence[str | None] = (choices.cells or cells) if SYSTEMS[system].takes_cell else [None]
        for style, cell in enumerate(own):
            label = system if cell is None else f"{system} {cell}"
            build = net_builder(system, dilations, hidden, cell, **_net_options(choices, task, dropout))
            contenders.append(Contender(setting, label, task, build, training, look=(colour, style), after=after))
    return contenders


def compare_dilations(
    choices: Choices,
    setting: str,
    task: Task,
    variants: Sequence[Variant],
    hidden: int,
    training: Training,
    dropout: float = 0.0,
) -> list[Contender]:
    """Return one dilated RNN per cell and variant; the cells are the chosen ones, or vanilla and, at full scale, GRU.

    >>> from dilated_rnn_np.tasks import Adding
    >>> variants = [("short", [1, 2], {"layers": 2}), ("long", [1, 2, 4], {"layers": 3})]
    >>> [c.label for c in compare_dilations(Choices(), "adding", Adding(), variants, 4, Training(10))]
    ['rnn, short', 'rnn, long']
    """
    contenders = []
    for style, cell in enumerate(choices.cells or (("rnn",) if choices.quick else ("rnn", "gru"))):
        for colour, (label, dilations, facts) in enumerate(variants):
            build = net_builder("dilated", dilations, hidden, cell, **_net_options(choices, task, dropout))
            look = (colour, style)
            contenders.append(Contender(setting, f"{cell}, {label}", task, build, training, facts, look, series=cell))
    return contenders
