"""Options that belong to tasks, the tasks' own defaults for ``train``, and the task of a checkpoint."""

from __future__ import annotations

import argparse
from typing import Any

from ..arrays.checks import choose
from ..experiments.net_builder import shape_of
from ..nets import checkpoint as checkpoints
from ..tasks import BY_NAME, TASKS, Characters, Task, Vocabulary, make_task
from . import option_types as types
from .errors import UserError, user_errors
from .options import add, add_own, typed

OWN_OPTIONS = {
    "copy-memory": ("T",),
    "adding": ("T",),
    "mnist": ("permuted", "permutation_seed", "length"),
    "characters": ("corpus", "text", "window"),
    "speech": ("frame", "target"),
}
DEFAULTS: dict[str, dict[str, Any]] = {  # of ``train``, where a task's own differ from the general ones
    "characters": {"cell": "gru", "hidden": "128", "layers": 4, "batch_size": 32, "optimizer": "adam"},
    "speech": {"cell": "gru", "hidden": "32", "layers": 8, "batch_size": 32, "optimizer": "adam"},
}

NOT_FOR_ALL = ("cell", "layers")  # do not apply to a system with units of its own, or together with --dilations


def add_task_options(group: Any) -> None:
    """Add the options that describe the data to a group; None stands for the task's own default."""
    add_own(group, "--T", types.count, "copy-memory: blank steps (default: 100); adding: length (default: 200)")
    group.add_argument("--permuted", action="store_true", default=None, help="mnist: pixels in one fixed random order")
    add_own(group, "--permutation-seed", types.whole, "mnist: seed of that order (default: 0)")
    add_own(group, "--length", types.count, "mnist: time steps; those after the 784 pixels are noise (default: 784)")
    text = group.add_mutually_exclusive_group()
    add(text, "--corpus", otherwise="shakespeare")
    add(text, "--text", help="characters: your own text file, in UTF-8")
    add_own(group, "--window", types.count, "characters: time steps between two cuts of the gradient (default: 100)")
    add(group, "--frame", otherwise="16")
    target = types.one_of("target", dict.fromkeys(("speaker", "digit")))
    add_own(group, "--target", target, "speech: speaker (default) or digit", metavar="NAME")


def task_from(options: argparse.Namespace) -> Task:
    """Return the task that the options describe; an option of another task raises a UserError."""
    kind = TASKS[options.task]
    given = {}
    for name in dict.fromkeys(name for own in OWN_OPTIONS.values() for name in own):
        if getattr(options, name) is None:
            continue
        if name not in OWN_OPTIONS[kind.name]:
            owners = " and ".join(task for task, own in OWN_OPTIONS.items() if name in own)
            has = ", ".join(map(typed, OWN_OPTIONS[kind.name]))
            raise UserError(f"{typed(name)} belongs to {owners}; {kind.name} has {has}")
        given[name] = getattr(options, name)
    if "text" in given:
        given["file"] = given.pop("text")
    with user_errors():
        return kind(**given | ({"data_dir": options.data_dir} if kind.reads_files else {}))


def task_of(checkpoint: str, data_dir: str | None, text: str | None = None) -> Task | None:
    """Return the task that a checkpoint was trained on, or None if the checkpoint does not name one.

    ``text`` is the present place of the text file, if it was moved; its content must be unchanged.
    """
    meta = checkpoints.read(checkpoint)[1]
    settings = _settings_of(meta)
    if text is not None:
        if not settings.get("file"):
            raise UserError(
                f"--text belongs to checkpoints of 'train characters --text'; {checkpoint} is not one: leave it out"
            )
        settings |= {"file": text}
    if not settings:
        return None
    for name in ("T", "length", "window", "frame"):
        if isinstance(size := settings.get(name), int) and size >= 2**31:
            raise UserError(f"{checkpoint} is of {typed(name)} {size}, which no computer holds; use another copy of it")
    if settings.get("permuted") and "run_format" not in meta:  # its permutation was drawn from another random stream
        raise UserError(
            f"{checkpoint} was trained by an older version, on another order of the pixels: train the net again"
        )
    with user_errors():
        kind = choose("task", settings.get("name"), BY_NAME)
        task = make_task(**settings | ({"data_dir": data_dir} if kind.reads_files else {}))
    _check_model(checkpoint, meta, task.name, shape_of(task))
    return task


def vocabulary_of(checkpoint: str) -> Vocabulary:
    """Return the vocabulary that a net was trained with; its text file is not needed."""
    meta = checkpoints.read(checkpoint)[1]
    settings = _settings_of(meta)
    if settings.get("name") != Characters.name:
        of = settings.get("name", "a net whose task is not known")
        raise UserError(f"{checkpoint} is of {of}; use a checkpoint of 'dilated-rnn train characters'")
    with user_errors():
        if "vocabulary" not in settings:  # an older checkpoint, which needs its text
            settings = Characters(**{name: value for name, value in settings.items() if name != "name"}).settings()
        if not isinstance(settings["vocabulary"], str):
            raise UserError(f"{checkpoint} has a vocabulary that is not a text; use another copy of it, or train again")
        known = Vocabulary(settings["vocabulary"])
    shape = {"input_size": len(known), "output_size": len(known), "readout": "all"}
    _check_model(checkpoint, meta, f"{len(known)} characters", shape)
    return known


def _settings_of(meta: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of the task in the note of a training run, empty if the note has another form."""
    note = meta.get("note")
    task = note.get("task") if isinstance(note, dict) else None
    return task if isinstance(task, dict) else {}


def _check_model(checkpoint: str, meta: dict[str, Any], task: str, shape: dict[str, Any]) -> None:
    """Raise a UserError if a checkpoint's model does not have the sizes that its task determines."""
    for name, value in shape.items():
        if (given := (meta.get("model") or {}).get(name)) != value:
            raise UserError(f"{checkpoint} is of {task}, with {name} {value}, but its model has {given!r:.80}")


def steps_of(options: argparse.Namespace, task: Task) -> tuple[int, int]:
    """Return the number of training steps and the steps between two validations."""
    with user_errors():
        epoch = task.steps_per_epoch(options.batch_size)
    if options.epochs is not None:
        if epoch is None:
            raise UserError(f"--epochs belongs to tasks with a finite data set; {task.name} is endless: give --steps")
        steps = epoch * options.epochs
    else:
        steps = options.steps or (10 * epoch if epoch else 4000)
    return steps, options.validate_every or epoch or 100
