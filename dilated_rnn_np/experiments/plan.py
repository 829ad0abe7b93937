"""The description of an experiment: contenders, each a net on a task with its training, and what the report shows.

Nothing runs here: ``harness`` trains each contender once per seed, ``report`` writes tables and pictures of the results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..arrays.backend import get_backend
from ..arrays.checks import choose, positive_integer
from ..baselines.systems import SYSTEMS
from ..nets.network import Network
from ..recurrence.cells import CELLS
from ..tasks import Task
from .driver import RunSpec, Training
from .files import slug
from .net_builder import net_builder, shape_of

SCALES = {"quick": "minutes on two cores", "full": "the size of the paper's experiments"}
MAY_GROW = ("systems", "cells", "settings", "data_dir")  # choices that may differ between calls on one folder


@dataclass(frozen=True)
class Choices:
    """A user's choices for an experiment.

    Attributes
    ----------
    scale : "quick" or "full". systems, cells : the ones to compare; None for all that the experiment knows.
    parameters : at most this many per net; None for equal hidden sizes. backend : "numpy" or "cupy".
    data_dir : the folder of the data files, or None.
    settings : the settings to run, by their names in the table; None for all.
    steps, batch_size : of training; None for the scale's own.
    embedding : size of a linear map before each net's first layer, or None for no map.
    corpus, frame : of the experiments on characters and on speech; None for the scale's own.
    """

    scale: str = "quick"
    systems: tuple[str, ...] | None = None
    cells: tuple[str, ...] | None = None
    parameters: int | None = None
    backend: str = "numpy"
    data_dir: str | None = None
    settings: tuple[str, ...] | None = None
    steps: int | None = None
    batch_size: int | None = None
    embedding: int | None = None
    corpus: str | None = None
    frame: int | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "embedding", "frame"):
            if getattr(self, name) is not None:
                positive_integer(name, getattr(self, name))
        choose("scale", self.scale, SCALES)
        get_backend(self.backend)
        for what, names, known in (("system", self.systems, SYSTEMS), ("cell", self.cells, CELLS)):
            for name in names or ():
                choose(what, name, known)
        if self.cells and self.systems and not any(SYSTEMS[name].takes_cell for name in self.systems):
            raise ValueError(
                f"{' and '.join(self.systems)} takes no cell, it has units of its own: leave the cells out (--cells)"
            )

    @property
    def quick(self) -> bool:
        """Whether the experiment should end within minutes."""
        return self.scale == "quick"

    def identity(self) -> dict[str, Any]:
        """Return the choices that all calls on one folder must share."""
        return {name: value for name, value in vars(self).items() if name not in MAY_GROW}


@dataclass(frozen=True)
class Contender:
    """One row of the table: a net on a task, trained once per seed.

    Attributes
    ----------
    setting : the task in words; contenders of one setting share a picture. label : the net in words.
    task : the task to learn. build : the function from a seed to the untrained net. training : its training.
    facts : further columns of the table, for instance {"layers": 5}.
    look : two numbers for the colour and the line style of its curve.
    series : contenders of one series are joined in a picture over a fact.
    after : computes a text from the trained net that is stored with the result, for instance a sample of its writing.
    """

    setting: str
    label: str
    task: Task
    build: Callable[[int], Network]
    training: Training
    facts: dict[str, Any] = field(default_factory=dict)
    look: tuple[int, int] = (0, 0)
    series: str = ""
    after: Callable[[Network], str] | None = None

    def spec(self, seed: int) -> RunSpec:
        """Return the description of this contender's run with a seed."""
        return RunSpec(self.build(seed), self.task, self.training, seed)

    def folder(self, parent: Path, seed: int) -> Path:
        """Return the folder of this contender's run with a seed, within the experiment's folder."""
        return parent / "runs" / f"{slug(self.setting)}--{slug(self.label)}--seed-{seed}"


@dataclass(frozen=True)
class Experiment:
    """A question, the contenders that answer it, and the columns and pictures of the report.

    Attributes
    ----------
    name : on the command line. description : one sentence. contenders : from the choices to the rows of the table.
    columns : of "loss", "metric" and "halved", the first step at which the loss is at most half the memoryless baseline.
    curves : pairs of "step" or "seconds" and "loss" or "metric", one panel each.
    against : a numeric fact to draw metric and time per step over, or None.
    compares_systems : whether the user may choose systems; otherwise all nets are dilated RNNs.
    takes : the choices among "corpus" and "frame" that apply. seeds : number of runs per contender, by scale.
    """

    name: str
    description: str
    contenders: Callable[[Choices], list[Contender]]
    columns: tuple[str, ...] = ("loss", "metric")
    curves: tuple[tuple[str, str], ...] = (("step", "loss"), ("step", "metric"))
    against: str | None = None
    compares_systems: bool = False
    takes: tuple[str, ...] = ()
    seeds: dict[str, int] = field(default_factory=lambda: {"quick": 1, "full": 3})


@dataclass(frozen=True)
class Study:
    """An experiment with a user's choices: the contenders, and the number of seeds that each runs with."""

    experiment: Experiment
    choices: Choices
    contenders: list[Contender]
    seeds: int

    @classmethod
    def of(cls, experiment: Experiment, choices: Choices, seeds: int | None = None) -> Study:
        """Return the study of an experiment.

        Parameters
        ----------
        seeds : runs per contender, with the seeds 0, 1, …; None for the scale's own number.

        Raises
        ------
        ValueError : for choices that the experiment cannot follow.
        """
        seeds = experiment.seeds[choices.scale] if seeds is None else positive_integer("seeds", seeds)
        return cls(experiment, choices, _chosen(experiment, choices), seeds)

    @property
    def trials(self) -> list[tuple[Contender, int]]:
        """All runs as (contender, seed), in the order in which they start."""
        return [(contender, seed) for seed in range(self.seeds) for contender in self.contenders]

    def identity(self) -> dict[str, Any]:
        """Return what makes a folder this study's; systems, cells, settings and seeds may be added to it."""
        return {"experiment": self.experiment.name, **self.choices.identity()}


def _chosen(experiment: Experiment, choices: Choices) -> list[Contender]:
    """Return the contenders of the chosen settings, with the chosen training."""
    if not experiment.compares_systems and choices.systems is not None:
        raise ValueError(f"{experiment.name} has only dilated RNNs: leave the systems out (--systems)")
    for name in ("corpus", "frame"):
        if getattr(choices, name) is not None and name not in experiment.takes:
            raise ValueError(f"{experiment.name} has no {name} to choose: leave the {name} out (--{name})")
    contenders = experiment.contenders(choices)
    known = dict.fromkeys(contender.setting for contender in contenders)
    for setting in choices.settings or ():
        choose("setting", setting, known)
    chosen = [
        replace(contender, training=_with_choices(contender.training, choices))
        for contender in contenders
        if choices.settings is None or contender.setting in choices.settings
    ]
    if not chosen:
        raise ValueError(f"{experiment.name} has nothing to run with these systems and cells; choose others")
    return chosen


def _with_choices(training: Training, choices: Choices) -> Training:
    """Return the training with the chosen steps and batch size; a short one is validated often enough for a curve."""
    if choices.batch_size is not None:
        training = replace(training, batch_size=choices.batch_size)
    if choices.steps is not None:
        often = min(training.validate_every, max(1, choices.steps // 20))
        training = replace(training, steps=choices.steps, validate_every=often)
    return training


def net(
    choices: Choices,
    task: Task,
    dilations: Sequence[int],
    hidden: int,
    system: str = "dilated",
    cell: str | None = None,
) -> Callable[[int], Network]:
    """Return the function from a seed to a net for a task, of a hidden size or of the chosen number of parameters.

    Examples
    --------
    >>> from dilated_rnn_np.tasks import Adding
    >>> net(Choices(parameters=500), Adding(), [1, 2, 4], 10, cell="gru")(0).num_parameters
    471
    """
    options = {**shape_of(task), "xp": choices.backend, "embedding": choices.embedding}
    return net_builder(system, dilations, hidden, cell, choices.parameters, **options)


def compare_systems(
    choices: Choices,
    setting: str,
    task: Task,
    dilations: Sequence[int],
    hidden: int,
    training: Training,
    cells: Sequence[str] = tuple(CELLS),
    after: Callable[[Network], str] | None = None,
) -> list[Contender]:
    """Return one contender per chosen system, and per cell for systems that take one.

    Examples
    --------
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
            build = net(choices, task, dilations, hidden, system, cell)
            contenders.append(Contender(setting, label, task, build, training, look=(colour, style), after=after))
    return contenders


def compare_dilations(
    choices: Choices,
    setting: str,
    task: Task,
    variants: Sequence[tuple[str, Sequence[int], dict[str, Any]]],
    hidden: int,
    training: Training,
) -> list[Contender]:
    """Return one dilated RNN per cell and variant; the cells are the chosen ones, or vanilla and, at full scale, GRU.

    Parameters
    ----------
    variants : label, dilations and facts of each.

    Examples
    --------
    >>> from dilated_rnn_np.tasks import Adding
    >>> variants = [("short", [1, 2], {"layers": 2}), ("long", [1, 2, 4], {"layers": 3})]
    >>> [c.label for c in compare_dilations(Choices(), "adding", Adding(), variants, 4, Training(10))]
    ['rnn, short', 'rnn, long']
    """
    contenders = []
    for style, cell in enumerate(choices.cells or (("rnn",) if choices.quick else ("rnn", "gru"))):
        for colour, (label, dilations, facts) in enumerate(variants):
            build = net(choices, task, dilations, hidden, cell=cell)
            look = (colour, style)
            contenders.append(Contender(setting, f"{cell}, {label}", task, build, training, facts, look, series=cell))
    return contenders
