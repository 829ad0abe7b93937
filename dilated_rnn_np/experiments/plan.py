"""What an experiment is: contenders, each a net on a task with its training, and what is to be reported of them.

Nothing is run here: ``harness`` trains each contender once a seed, ``report`` makes tables and pictures of the results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..arrays.backend import get_backend
from ..arrays.checks import choose, positive_integer
from ..baselines.systems import SYSTEMS, build, hidden_size_for
from ..nets.network import Network
from ..recurrence.cells import CELLS
from ..tasks import Task

SCALES = {"quick": "minutes on two cores", "full": "the size of the paper's experiments"}


@dataclass(frozen=True)
class Choices:
    """What a person chooses for an experiment.

    Attributes
    ----------
    scale : "quick" or "full". systems, cells : which to compare; None for all that the experiment knows.
    parameters : how many each net may have, or None for equal hidden sizes. backend : "numpy" or "cupy".
    data_dir : where data files lie, or None.
    settings : which of the experiment's tasks, as its table names them; None for all.
    steps, batch_size : of training, instead of what the scale says.
    embedding : of how many numbers each net has a linear map before its first layer, or None for none.
    corpus, frame : of the characters, and of the speech, instead of what the scale says.
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
            raise ValueError(f"cells are not for {' and '.join(self.systems)}, with units of their own: leave them out")

    @property
    def quick(self) -> bool:
        """Whether the experiment is to end in minutes."""
        return self.scale == "quick"


@dataclass(frozen=True)
class Training:
    """How a net is trained, alike for all contenders of a setting: RMSProp or another optimiser, a cosine-shaped fall of
    the learning rate, gradients scaled to a norm.

    Attributes
    ----------
    steps : how many. batch_size : sequences a step. lr : learning rate at the start; it ends at ``final`` of that.
    optimizer : its name in ``optim.OPTIMIZERS``. decay : of RMSProp's mean of squares.
    max_norm : of the gradient. validate_every : steps between two points of a curve.
    """

    steps: int
    batch_size: int = 128
    lr: float = 4e-3
    final: float = 0.02
    optimizer: str = "rmsprop"
    decay: float = 0.9
    max_norm: float = 1.0
    validate_every: int = 100


@dataclass(frozen=True)
class Contender:
    """One row of the table: a net on a task, trained once for each seed.

    Attributes
    ----------
    setting : the task in words; contenders of one setting share a picture. label : the net in words.
    task : what is learnt. build : from a seed to the net. training : how.
    facts : more columns of the table, for instance {"layers": 5}.
    look : two numbers, for the colour and the line style of its curve.
    series : contenders of one series are joined in a picture over a fact.
    after : from the trained net to a text that is kept with the result, for instance a sample of what it writes.
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

    def settings(self, seed: int) -> dict[str, Any]:
        """Return what two runs must share to be the same one, beside the net."""
        return {"task": self.task.settings(), "training": vars(self.training), "seed": seed}


@dataclass(frozen=True)
class Experiment:
    """A question, the contenders that answer it, and what is reported.

    Attributes
    ----------
    name : on the command line. description : one sentence. contenders : from the choices to the rows of the table.
    columns : of "loss", "metric" and "halved", the first step at which the loss is at most half the memoryless baseline.
    curves : pairs of "step" or "seconds" and "loss" or "metric", one panel each.
    against : a numeric fact to draw metric and time per step over, or None.
    compares_systems : whether systems are to be chosen; else its nets are dilated RNNs. seeds : how many, by scale.
    takes : which of the choices "corpus" and "frame" it follows.
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


def chosen(experiment: Experiment, choices: Choices) -> list[Contender]:
    """Return the contenders of an experiment, those of the chosen settings and with the chosen training."""
    if not experiment.compares_systems and choices.systems is not None:
        raise ValueError(f"{experiment.name} is about dilated RNNs alone: leave the systems out")
    for name in ("corpus", "frame"):
        if getattr(choices, name) is not None and name not in experiment.takes:
            raise ValueError(f"{experiment.name} has no {name} to choose: leave the {name} out")
    contenders = experiment.contenders(choices)
    known = dict.fromkeys(contender.setting for contender in contenders)
    for setting in choices.settings or ():
        choose("setting", setting, known)
    return [
        replace(contender, training=_with_choices(contender.training, choices))
        for contender in contenders
        if choices.settings is None or contender.setting in choices.settings
    ]


def _with_choices(training: Training, choices: Choices) -> Training:
    """Return a training of the chosen steps and batch size; a short one is validated often enough for a curve to be drawn."""
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
    """Return the function from a seed to a net for a task, of a hidden size or of the number of parameters chosen.

    Examples
    --------
    >>> from dilated_rnn_np.tasks import Adding
    >>> net(Choices(parameters=500), Adding(), [1, 2, 4], 10, cell="gru")(0).num_parameters
    471
    """

    def sized(hidden: int, seed: int = 0) -> Network:
        return build(
            system,
            task.input_size,
            hidden,
            dilations,
            cell,
            output_size=task.output_size,
            readout=task.readout,
            rng=seed,
            xp=choices.backend,
            embedding=choices.embedding,
        )

    size = hidden if choices.parameters is None else hidden_size_for(sized, choices.parameters)
    return lambda seed: sized(size, seed)


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
    """Return one contender for each chosen system, and for each cell where it takes one.

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
