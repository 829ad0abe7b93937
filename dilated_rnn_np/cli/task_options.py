"""The options of the command line that belong to tasks, and what each task is trained with where nothing else is said."""

from __future__ import annotations

import argparse
from typing import Any

from ..arrays.checks import choose, positive_integer
from ..nets import checkpoint as checkpoints
from ..tasks import BY_NAME, TASKS, Characters, Task, Vocabulary, make_task

OWNERS = {
    "T": ("copy-memory", "adding"),
    "permuted": ("mnist",),
    "permutation_seed": ("mnist",),
    "length": ("mnist",),
    "corpus": ("characters",),
    "text": ("characters",),
    "window": ("characters",),
    "frame": ("speech",),
    "target": ("speech",),
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "characters": {"cell": "gru", "hidden": "128", "layers": 4, "batch_size": 32, "optimizer": "adam"},
    "speech": {"cell": "gru", "hidden": "32", "layers": 8, "batch_size": 32, "optimizer": "adam"},
}

NOT_FOR_ALL = ("cell", "layers")  # defaults that give way to a system's own units, and to --dilations


def own_defaults(task: str | None) -> dict[str, Any]:
    """Return the options of ``train`` that have another default for a task.

    >>> own_defaults("characters")["cell"]
    'gru'
    """
    return DEFAULTS.get(task or "", {})


def add_task_options(group: Any) -> None:
    """Add to a group of ``argparse`` the options that describe the data; None stands for the task's own default."""
    group.add_argument(
        "--T", type=int, metavar="N", help="copy-memory: blank steps (default 100); adding: length (default 200)"
    )
    group.add_argument("--permuted", action="store_true", default=None, help="mnist: pixels in one fixed random order")
    group.add_argument("--permutation-seed", type=int, metavar="N", help="mnist: seed of that order (default 0)")
    group.add_argument(
        "--length", type=int, metavar="N", help="mnist: time steps; those after the 784 pixels are noise (default 784)"
    )
    group.add_argument("--corpus", metavar="NAME", help="characters: shakespeare (default) or ptb")
    group.add_argument("--text", metavar="FILE", help="characters: a text file of your own, in UTF-8")
    group.add_argument(
        "--window", type=int, metavar="N", help="characters: time steps between two cuts of the gradient (default 100)"
    )
    group.add_argument("--frame", type=int, metavar="N", help="speech: samples a time step (default 16)")
    group.add_argument("--target", metavar="NAME", help="speech: speaker (default) or digit")


def task_from(options: argparse.Namespace) -> Task:
    """Return the task that the options describe; an option of another task is refused."""
    kind = choose("task", options.task, TASKS)
    given = {name: getattr(options, name) for name in OWNERS if getattr(options, name) is not None}
    for name in given:
        if kind.name not in OWNERS[name]:
            own = [typed(other) for other, owners in OWNERS.items() if kind.name in owners]
            raise ValueError(f"{typed(name)} belongs to {' and '.join(OWNERS[name])}; {kind.name} has {', '.join(own)}")
    if "text" in given and "corpus" in given:
        raise ValueError("--text and --corpus exclude each other: give one of them")
    if "text" in given:
        given["file"] = given.pop("text")
    return kind(**given | ({"data_dir": options.data_dir} if kind.reads_files else {}))


def task_of(checkpoint: str, data_dir: str | None, text: str | None = None) -> Task | None:
    """Return the task that a checkpoint was trained on, or None where it does not say.

    Parameters
    ----------
    text : where a text file of one's own lies now, instead of where it lay; its content has to be the same.
    """
    settings = _settings_of(checkpoint)
    if text is not None:
        if settings is None or not settings.get("file"):
            raise ValueError(
                f"--text belongs to checkpoints of 'train characters --text'; {checkpoint} is none: leave it out"
            )
        settings |= {"file": text}
    if settings is None:
        return None
    kind = choose("task", settings.get("name"), BY_NAME)
    return make_task(**settings | ({"data_dir": data_dir} if kind.reads_files else {}))


def vocabulary_of(checkpoint: str) -> Vocabulary:
    """Return the characters that a net was trained with, for which its text need not be there."""
    settings = _settings_of(checkpoint) or {}
    if settings.get("name") != Characters.name:
        of = settings.get("name", "a net whose task is not known")
        raise ValueError(f"{checkpoint} is of {of}; use a checkpoint of 'dilated-rnn train characters'")
    if "vocabulary" not in settings:  # an older checkpoint, which needs its text
        settings = Characters(**{name: value for name, value in settings.items() if name != "name"}).settings()
    return Vocabulary(settings["vocabulary"])


def _settings_of(checkpoint: str) -> dict[str, Any] | None:
    return (checkpoints.read(checkpoint)[1].get("note") or {}).get("task")


def steps_of(options: argparse.Namespace, task: Task) -> tuple[int, int]:
    """Return how many steps to make and how many lie between two validations."""
    epoch = task.steps_per_epoch(options.batch_size)
    if options.epochs is not None:
        if epoch is None:
            raise ValueError(f"--epochs belongs to tasks with a finite data set; {task.name} is endless: give --steps")
        if options.steps is not None:
            raise ValueError("--epochs and --steps exclude each other: give one of them")
        steps = epoch * positive_integer("--epochs", options.epochs)
    else:
        steps = options.steps if options.steps is not None else (10 * epoch if epoch else 4000)
    return steps, options.validate_every if options.validate_every is not None else epoch or 100


def typed(name: str) -> str:
    """Return an option as it is typed.

    >>> typed("permutation_seed")
    '--permutation-seed'
    """
    return "--" + name.replace("_", "-")
