"""The driver of the command line and of all experiments: the description of a training run, and its training and testing."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays.checks import fraction, one_of, positive, positive_integer
from ..arrays.files import atomic, locked
from ..nets import checkpoint as checkpoints
from ..nets.network import Network
from ..tasks import Task
from ..training.callbacks import Annealing, WeightAverage
from ..training.optim import OPTIMIZERS, Optimizer, checked_norm, cosine_decay, get_optimizer
from ..training.run import Run
from ..training.saving import RUN_FORMAT
from ..training.step import evaluate
from ..training.train import check_memory_for, fit
from . import environment
from .files import FolderError, check_same, made_folder, read_json, read_metrics

Result = dict[str, Any]
After = Callable[[Network], str]  # from a trained model to a text that is stored with its result
SCHEDULES = ("cosine", "constant")
HELD_OUT = ("validation", "test")
HELD_OUT_BATCH = 512  # sequences per batch of held-out data; it does not change the measurement
ENDLESS_EPOCH = 100  # steps per epoch of annealing for a task with endless data
MAY_CHANGE = ("validate_every", "patience", "checkpoint_every", "budget")  # when a run is resumed


@dataclass(frozen=True)
class Training:
    """Optimiser, schedule, clipping and validation of a run."""

    steps: int
    batch_size: int = 128
    optimizer: str = "rmsprop"  # a name in ``optim.OPTIMIZERS``
    decay: float = 0.9  # of RMSProp's mean of squares
    weight_decay: float = 1e-2  # of AdamW
    lr: float = 4e-3  # at the start
    schedule: str = "cosine"  # "cosine" falls to ``final * lr`` at the last step, "constant" stays
    final: float = 0.02
    max_norm: float = 1.0  # the gradient is scaled down to this norm
    average: float | None = (
        None  # decay of the average of the weights that validation and test measure; None for no average
    )
    validate_on: str | None = "validation"  # or "test", or None for no validation
    validate_every: int = 100
    patience: int | None = None  # stop after this many validations without a lower loss; None never stops early
    checkpoint_every: int | None = None  # None saves at every validation
    budget: int | None = None  # bytes for the cache of the backward pass, see ``Network.forward``; None for no limit

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "validate_every", "patience", "checkpoint_every", "budget"):
            if getattr(self, name) is not None:
                positive_integer(name, getattr(self, name))
        one_of("optimizer", self.optimizer, OPTIMIZERS)
        one_of("schedule", self.schedule, SCHEDULES)
        if self.validate_on is not None:
            one_of("validate_on", self.validate_on, HELD_OUT)
        for name in ("decay", "weight_decay", "average"):
            if getattr(self, name) is not None:
                fraction(name, getattr(self, name))
        positive("lr", self.lr)
        fraction("final", self.final, one_allowed=True)
        checked_norm(self.max_norm)

    def optimizer_for(self, model: Network) -> Optimizer:
        """Return a new optimiser on a model's parameters, with the schedule as its learning rate."""
        lr = self.lr if self.schedule == "constant" else cosine_decay(self.lr, self.steps, self.final)
        options = {"rmsprop": {"decay": self.decay}, "adamw": {"weight_decay": self.weight_decay}}
        return get_optimizer(self.optimizer, model.params, lr, **options.get(self.optimizer, {}))

    def settings(self) -> dict[str, Any]:
        """Return the settings that a resumed run must share with the run it continues."""
        settings = {name: value for name, value in vars(self).items() if name not in MAY_CHANGE}
        if self.schedule == "constant":  # more steps continue the same run; a cosine ends at its last step
            del settings["steps"]
        return settings


@dataclass(frozen=True)
class RunSpec:
    """The description of one run: an untrained model, a task, how to train, and the seed of batches and dropout.

    >>> from dilated_rnn_np import DilatedRNN
    >>> from dilated_rnn_np.tasks import Adding
    >>> spec = RunSpec(DilatedRNN(2, 4, [1, 2], output_size=1), Adding(9), Training(20, batch_size=8, validate_every=10))
    >>> history = train(spec, progress=False)
    >>> history.step, len(history.column("validation_loss")[0])
    (20, 2)
    """

    model: Network
    task: Task
    training: Training
    seed: int = 0

    def settings(self) -> dict[str, Any]:
        """Return the settings that make two runs the same run, as JSON stores them."""
        settings = {"task": self.task.settings(), "training": self.training.settings(), "seed": self.seed}
        return json.loads(json.dumps(settings | {"model": checkpoints.model_record(self.model)[1]}))

    def check_budget(self) -> None:
        """Raise a ValueError if the memory budget, or the machine's memory, is too small for the first batch."""
        first = next(iter(self.task.batches(self.training.batch_size, self.seed)))
        check_memory_for(self.model, first, self.training.budget)


def check_folder(spec: RunSpec, folder: Path, resume: bool) -> None:
    """Raise a FolderError if a folder's checkpoint belongs to another run, a FileExistsError for any if ``resume`` is False."""
    file = folder / "checkpoint.npz"
    if file.exists() and not resume:
        raise FileExistsError(f"{file} exists: resume that run (--resume), or give another folder (--out FOLDER)")
    if file.exists():
        note = checkpoints.read(file)[1].get("note") or {}
        if not isinstance(note, dict):
            raise FolderError(
                f"{file} is of another program: its note is {note!r:.80}; give another folder (--out FOLDER)"
            )
        check_same("run", note, spec.settings(), folder)


def train(
    spec: RunSpec, folder: Path | None = None, resume: bool = False, progress: bool = True, title: str = "training"
) -> Run:
    """Train the model of a run, in place, and return its history; errors as in ``check_folder`` and ``fit``.

    Parameters
    ----------
    folder : for checkpoint.npz and metrics.csv, created if missing; None writes no file.
    resume : continue the run in the folder, if there is one. progress : whether to show a progress bar with ``title``.
    """
    task, training = spec.task, spec.training
    held_out = None if training.validate_on is None else getattr(task, training.validate_on)(HELD_OUT_BATCH)
    files: dict[str, Any] = {}
    if folder is not None:
        check_folder(spec, folder, resume)
        files = {"checkpoint": folder / "checkpoint.npz", "log": folder / "metrics.csv", "note": spec.settings()}
        files |= {"checkpoint_every": training.checkpoint_every or training.validate_every, "resume": resume}
    with nullcontext() if folder is None else made_folder(folder):
        return fit(
            spec.model,
            task.batches(training.batch_size, spec.seed),
            training.optimizer_for(spec.model),
            training.steps,
            loss=task.loss,
            metric=task.metric,
            max_norm=training.max_norm,
            truncated=task.truncated,
            budget=training.budget,
            validation=held_out,
            validate_every=training.validate_every,
            patience=training.patience,
            callbacks=[Annealing(task.steps_per_epoch(training.batch_size) or ENDLESS_EPOCH)],
            average=None if training.average is None else WeightAverage(training.average),
            seed=spec.seed,
            progress=progress,
            description=title,
            **files,
        )


def measure(model: Network, task: Task, batch_size: int = HELD_OUT_BATCH, part: str = "test") -> tuple[float, float]:
    """Return a model's loss and metric on a task's test data, or with ``part="validation"`` on its validation data."""
    return evaluate(model, task.held_out_batches(part, batch_size), task.loss, task.metric, task.truncated)


def write_net(checkpoint: Path, path: Path) -> None:
    """Write the parameters of a run that did best in validation to a small file, for ``load`` and the commands.

    The file holds neither the last parameters nor the optimiser's state and the history, so no run continues from it.
    """
    best = checkpoints.load(checkpoint, best=True)
    arrays, config = checkpoints.model_record(best)
    checkpoints.write(path, arrays, {"run_format": RUN_FORMAT, "model": config, "note": best.note})


def run(
    spec: RunSpec,
    folder: Path,
    after: After | None = None,
    progress: bool = False,
    title: str = "training",
    part: str = "test",
) -> Result:
    """Train and test a run, or return the result that its folder already holds; a stopped run resumes.

    The folder is this run's alone: checkpoint.npz, metrics.csv, net.npz as ``write_net`` describes it, and the result as
    result.json. The result's "status" is "finished", with loss and metric on the held-out data of ``part``, "test" or
    "validation", of the parameters that did best in validation, or "diverged".
    """
    file, settings = folder / "result.json", spec.settings()
    if file.exists():
        result = read_json(file, "delete it, and the run is repeated")
        check_same("run", result["settings"], settings, folder)
        return result
    with made_folder(folder), locked(file):
        return _run(spec, file, settings, after, progress, title, part)


def _run(
    spec: RunSpec, file: Path, settings: Result, after: After | None, progress: bool, title: str, part: str
) -> Result:
    """Train and test a run that has no result yet, and write the result."""
    model, folder = spec.model, file.parent
    result = {"status": "finished", "settings": settings, "parameters": model.num_parameters}
    result["hidden"] = sorted(set(model.hidden_sizes))
    try:
        train(spec, folder, True, progress, title)
        write_net(folder / "checkpoint.npz", folder / "net.npz")
        best = checkpoints.load(folder / "net.npz").to(model.xp)
        result["loss"], result["metric"] = measure(best, spec.task, part=part)
        if after is not None:
            result["text"] = after(best)
    except FloatingPointError as error:
        result |= {"status": "diverged", "message": str(error)}
    history = read_metrics(folder / "metrics.csv")
    baseline, seconds = spec.task.baseline, history["seconds"]
    halved = history["step"][history["validation_loss"] <= (-math.inf if baseline is None else baseline / 2)]
    result |= {"steps": len(seconds), "halved": int(halved[0]) if len(halved) else None}
    result["seconds"] = float(seconds[-1]) if len(seconds) else 0.0
    result["seconds_per_step"] = float(np.median(np.diff(seconds, prepend=0.0))) if len(seconds) else None
    result |= environment.record(model.xp.__name__)
    with atomic(file) as out:
        json.dump(result, out, indent=1)
    return result
