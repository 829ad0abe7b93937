"""Training: the step, and ``fit``, which repeats it with a progress bar, validation, checkpoints and a metrics file.

The whole step stands in ``train_step``. Everything that a run depends on is either in its checkpoint or a function of
(seed, step), so that a run that was killed and resumed ends in the same bits as one that was never stopped.
"""

from __future__ import annotations

import csv
import itertools
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from . import checkpoint as checkpoints
from .backend import Array
from .checks import choose, positive_integer
from .losses import LOSSES, Loss, softmax_cross_entropy
from .model import DilatedRNN
from .optim import OPTIMIZERS, Optimizer, clip_grad_norm

Batch = tuple[Any, ...]  # (x, targets) or (x, targets, lengths)
Metric = Callable[[Array, Any, Any], float]  # (output, targets, lengths) -> a number for people

COLUMNS = (
    "step", "seconds", "loss", "metric", "learning_rate", "gradient_norm", "validation_loss", "validation_metric",
)  # fmt: skip


def train_step(
    model: DilatedRNN, optimizer: Optimizer, batch: Batch, loss: Loss, max_norm: float, rng: np.random.Generator | None
) -> tuple[Array, Array, Array]:
    """Make one training step and return (loss, norm of the gradient, output).

    Raises
    ------
    FloatingPointError : where loss or gradient are not finite; the parameters are unchanged then.
    """
    x, targets, lengths = _unpacked(batch)
    output, _, cache = model.forward(x, lengths=lengths, rng=rng)
    assert cache is not None
    value, doutput = _loss_of(loss, output, targets, lengths)
    _, _, grads = model.backward(doutput, cache)
    norm = clip_grad_norm(grads, max_norm)
    if not (math.isfinite(value) and math.isfinite(norm)):
        raise FloatingPointError(f"loss {float(value)}, gradient norm {float(norm)}")
    optimizer.step(grads)
    cache.release()
    return value, norm, output


def evaluate(
    model: DilatedRNN, batches: Iterable[Batch], loss: Loss | str = softmax_cross_entropy, metric: Metric | None = None
) -> tuple[float, float]:
    """Return loss and metric over finitely many batches, each weighted by its number of rows.

    Parameters
    ----------
    model : is not changed. batches : ``(x, targets[, lengths])`` each. loss, metric : as in ``fit``.

    Examples
    --------
    >>> model = DilatedRNN(1, 4, [1, 2], output_size=1)
    >>> x = np.zeros((5, 2, 1), "float32")
    >>> evaluate(model, [(x, np.ones((2, 1), "float32"))], "mean_squared_error")
    (1.0, nan)
    """
    loss = _loss(loss)
    totals, rows = np.zeros(2), 0
    for batch in batches:
        x, targets, lengths = _unpacked(batch)
        output, _, _ = model.forward(x, lengths=lengths, keep=False)
        value, _ = _loss_of(loss, output, targets, lengths)
        B = x.shape[1]
        totals += B * np.array([float(value), metric(output, targets, lengths) if metric else math.nan])
        rows += B
    if not rows:
        raise ValueError("evaluate needs at least one batch, got none")
    return float(totals[0] / rows), float(totals[1] / rows)


@dataclass
class Run:
    """What ``fit`` returns: how the run went.

    Attributes
    ----------
    history : one row a step with the names of ``COLUMNS``, NaN where nothing was measured.
    step : steps made. stopped : "finished" or "early stop".
    best_step, best_loss : of the best validation; best_params : copies of the parameters then; None without validation.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    step: int = 0
    stopped: str = "finished"
    best_step: int | None = None
    best_loss: float = math.inf
    best_params: dict[str, np.ndarray] | None = None

    def column(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the steps at which a column was measured, and its values, for drawing.

        >>> Run(history=[{"step": 1, "loss": 0.5}, {"step": 2, "loss": math.nan}]).column("loss")
        (array([1.]), array([0.5]))
        """
        rows = np.array([(row["step"], row.get(name, math.nan)) for row in self.history], dtype=float).reshape(-1, 2)
        rows = rows[~np.isnan(rows[:, 1])]
        return rows[:, 0], rows[:, 1]


def fit(
    model: DilatedRNN,
    batches: Iterable[Batch],
    optimizer: Optimizer,
    steps: int,
    *,
    loss: Loss | str = softmax_cross_entropy,
    metric: Metric | None = None,
    max_norm: float = math.inf,
    validation: Iterable[Batch] | None = None,
    validate_every: int = 100,
    patience: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 100,
    resume: bool = False,
    log: str | os.PathLike[str] | None = None,
    seed: int = 0,
    note: dict[str, Any] | None = None,
    progress: bool = True,
    description: str = "training",
) -> Run:
    """Train a model, in place, until it has made ``steps`` steps.

    Parameters
    ----------
    model, optimizer : the optimizer has to be built on ``model.params``.
    batches : any iterable of ``(x, targets)`` or ``(x, targets, lengths)``, gone through again and again; a task's
        stream, a list of arrays of your own, a generator that yields enough of them.
    loss : a function of ``losses`` or its name. metric : a function ``(output, targets, lengths) -> number``.
    max_norm : gradients are scaled to this norm at most.
    validation : finitely many batches, measured every ``validate_every`` steps. patience : stop after this many
        validations in a row without a lower loss.
    checkpoint : a file that is rewritten, atomically, every ``checkpoint_every`` steps and at the end.
    resume : go on from ``checkpoint`` where it exists. Without it an existing file is an error, not overwritten.
    log : a CSV file with one row a step, for a spreadsheet.
    seed : of dropout. note : anything JSON-able to keep in the checkpoint. progress : whether to show the bar.

    Returns
    -------
    run : the history, and the best parameters where there was a validation; the model itself ends with the last ones.

    Raises
    ------
    FloatingPointError : where the loss or the gradient is not finite: names the step; the parameters are those before it
        and the last checkpoint is kept.
    KeyboardInterrupt : on Ctrl-C, between two steps, after the checkpoint has been written; its text says how to resume.

    Examples
    --------
    A regression on a time series of one's own: from each step's value, predict the next.

    >>> t = np.arange(400) / 10
    >>> series = np.stack([np.sin(t), np.sin(0.7 * t), np.cos(t)], axis=1)[:, :, None].astype("float32")  # (T, B, 1)
    >>> model = DilatedRNN(1, 8, [1, 2, 4], cell="gru", output_size=1, readout="all")
    >>> optimizer = OPTIMIZERS["adam"](model.params, lr=1e-2)
    >>> run = fit(model, [(series[:-1], series[1:])], optimizer, 60, loss="mean_squared_error", progress=False)
    >>> _, losses = run.column("loss")
    >>> bool(losses[-1] < 0.05 * losses[0])
    True
    """
    steps, seed = positive_integer("steps", steps), positive_integer("seed", seed, least=0)
    validate_every = positive_integer("validate_every", validate_every)
    checkpoint_every = positive_integer("checkpoint_every", checkpoint_every)
    patience = None if patience is None else positive_integer("patience", patience)
    loss = _loss(loss)
    if optimizer.params.keys() != model.params.keys() or any(
        optimizer.params[name] is not model.params[name] for name in model.params
    ):
        raise ValueError("optimizer must be built on this model's parameters, for instance RMSProp(model.params)")
    if patience is not None and validation is None:
        raise ValueError("patience counts validations: give validation batches, or leave patience out")
    if validation is not None and iter(validation) is validation:
        raise TypeError("validation is gone through many times: give a list of batches, not a generator")

    run, seconds_before = Run(), 0.0
    if checkpoint is not None and Path(checkpoint).exists():
        if not resume:
            raise FileExistsError(
                f"{checkpoint} exists; go on from it with resume=True, or remove it, or give another name"
            )
        run, seconds_before = _restore(checkpoint, model, optimizer)
    elif resume and checkpoint is None:
        raise ValueError("resume=True needs the checkpoint to go on from: give checkpoint=path")
    started = time.perf_counter() - seconds_before

    def save() -> None:
        if checkpoint is not None:
            _save(checkpoint, model, optimizer, run, time.perf_counter() - started, note)

    stream = _batches_from(batches, run.step)
    with _log(log, run) as write_row, _interruptible() as interrupted, _bar(steps, run, progress, description) as bar:
        if run.step == 0:
            save()  # finds an unwritable place before the first step, not after an hour
        saved_at = run.step
        while run.step < steps and not _is_over(run, patience):
            batch = next(stream)
            dropout_rng = np.random.default_rng([seed, run.step]) if model.dropout else None
            learning_rate = optimizer.learning_rate()
            try:
                value, norm, output = train_step(model, optimizer, batch, loss, max_norm, dropout_rng)
            except FloatingPointError as error:
                kept = (
                    f"{checkpoint} holds step {saved_at}" if checkpoint else "the model holds the parameters before it"
                )
                raise FloatingPointError(
                    f"step {run.step + 1} is not finite: {error}; {kept}. Try a lower learning rate or a smaller max_norm"
                ) from None
            run.step += 1
            _, targets, lengths = _unpacked(batch)
            row = dict.fromkeys(COLUMNS, math.nan) | {
                "step": run.step,
                "seconds": time.perf_counter() - started,
                "loss": float(value),
                "metric": metric(output, targets, lengths) if metric else math.nan,
                "learning_rate": learning_rate,
                "gradient_norm": float(norm),
            }
            if validation is not None and (run.step % validate_every == 0 or run.step == steps):
                row["validation_loss"], row["validation_metric"] = evaluate(model, validation, loss, metric)
                if row["validation_loss"] < run.best_loss:
                    run.best_step, run.best_loss = run.step, row["validation_loss"]
                    run.best_params = checkpoints.host_params(model)
            run.history.append(row)
            write_row(row)
            bar.show(row)
            if run.step % checkpoint_every == 0:
                save()
                saved_at = run.step
            if interrupted():
                save()
                kept = (
                    f"{checkpoint} holds it; go on with resume=True"
                    if checkpoint
                    else "give checkpoint=path to be able to resume"
                )
                raise KeyboardInterrupt(f"stopped after step {run.step} of {steps}: {kept}")
        run.stopped = "finished" if run.step >= steps else "early stop"
        save()
    return run


# ---------------------------------------------------------------------- batches


def _unpacked(batch: Batch) -> Batch:
    if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
        got = f"{len(batch)} entries" if isinstance(batch, (tuple, list)) else type(batch).__name__
        raise TypeError(f"a batch must be (x, targets) or (x, targets, lengths), got {got}")
    return (*batch, None)[:3]


def _batches_from(batches: Iterable[Batch], step: int) -> Iterator[Batch]:
    """Yield the batches from number ``step`` on; a task's stream jumps there, any other iterable is gone through."""
    if hasattr(batches, "starting_at"):
        return iter(batches.starting_at(step))
    return itertools.islice(_again_and_again(batches), step, None)


def _again_and_again(batches: Iterable[Batch]) -> Iterator[Batch]:
    for passes in itertools.count():
        count = 0
        for count, batch in enumerate(batches, start=1):  # noqa: B007 (the count is used after the loop)
            yield batch
        if count == 0:
            when = (
                "after its first pass; give a list, or a generator that yields enough"
                if passes
                else "at once; give some"
            )
            raise ValueError(f"batches ended {when}")


def _loss(loss: Loss | str) -> Loss:
    return loss if callable(loss) else choose("loss", loss, LOSSES)


def _loss_of(loss: Loss, output: Array, targets: Any, lengths: Any) -> tuple[Array, Array]:
    """Return loss and gradient; one output a sequence is already read at each row's own end."""
    return loss(output, targets, lengths) if lengths is not None and output.ndim == 3 else loss(output, targets)


# ---------------------------------------------------------------------- checkpoints of a run


def _save(path: Any, model: DilatedRNN, optimizer: Optimizer, run: Run, seconds: float, note: Any) -> None:
    arrays, config = checkpoints.model_record(model)
    arrays |= {
        f"optimizer/{name}/{slot}": checkpoints.to_host(a)
        for name, s in optimizer.state.items()
        for slot, a in s.items()
    }
    arrays |= {f"best/{name}": a for name, a in (run.best_params or {}).items()}
    arrays["history"] = np.array([[row[column] for column in COLUMNS] for row in run.history]).reshape(-1, len(COLUMNS))
    names = {cls: name for name, cls in OPTIMIZERS.items()}
    settings = {"name": names.get(type(optimizer), type(optimizer).__name__), "options": optimizer.options()}
    best = None if run.best_step is None else {"step": run.best_step, "loss": run.best_loss}
    meta = {"model": config, "optimizer": settings, "step": run.step, "seconds": seconds, "best": best, "note": note}
    checkpoints.write(path, arrays, meta)


def _restore(path: Any, model: DilatedRNN, optimizer: Optimizer) -> tuple[Run, float]:
    """Bring model and optimizer to where the checkpoint is; what does not fit raises before anything is changed."""
    arrays, meta = checkpoints.read(path)
    _, config = checkpoints.model_record(model)
    if "step" not in meta:
        raise checkpoints.CheckpointError(
            f"{path} holds a model but no training run; load it with load(path) and train anew"
        )
    if differ := [key for key, value in config.items() if meta["model"].get(key) != value]:
        raise checkpoints.CheckpointError(
            f"{path} is of another model: {differ[0]} is {meta['model'].get(differ[0])!r} there, {config[differ[0]]!r} here"
        )
    ours = {
        "name": {cls: name for name, cls in OPTIMIZERS.items()}.get(type(optimizer)),
        "options": optimizer.options(),
    }
    if ours["name"] and meta["optimizer"] != ours:
        raise checkpoints.CheckpointError(f"{path} is of another optimizer: {meta['optimizer']} there, {ours} here")
    slots = {f"optimizer/{name}/{slot}": a for name, s in optimizer.state.items() for slot, a in s.items()}
    if missing := [name for name, a in slots.items() if name not in arrays or arrays[name].shape != a.shape]:
        raise checkpoints.CheckpointError(
            f"{path} lacks the optimizer's state {missing[0]}; it is of another optimizer"
        )

    params = {name.removeprefix("params/"): a for name, a in arrays.items() if name.startswith("params/")}
    checkpoints.set_params(model, params, str(path))
    for name, live in slots.items():
        live[...] = model.xp.asarray(arrays[name])
    optimizer.steps = meta["step"]
    best = meta["best"] or {"step": None, "loss": math.inf}
    best_params = {name.removeprefix("best/"): a for name, a in arrays.items() if name.startswith("best/")} or None
    history = [dict(zip(COLUMNS, map(float, row), strict=True)) for row in arrays["history"]]
    return Run(history, meta["step"], "finished", best["step"], best["loss"], best_params), meta["seconds"]


def _is_over(run: Run, patience: int | None) -> bool:
    """Return whether the last ``patience`` validations brought nothing better."""
    if patience is None or run.best_step is None:
        return False
    since, _ = run.column("validation_loss")
    return int((since > run.best_step).sum()) >= patience


# ---------------------------------------------------------------------- what a person sees


class _Bar:
    """The progress bar: loss, metric, steps a second and the time left."""

    def __init__(self, bar: Any) -> None:
        self.bar, self.validated = bar, ""

    def show(self, row: dict[str, float]) -> None:
        if not math.isnan(row["validation_loss"]):
            self.validated = f"{row['validation_loss']:.4f}"
        shown = {"loss": f"{row['loss']:.4f}"}
        if not math.isnan(row["metric"]):
            shown["metric"] = f"{row['metric']:.3f}"
        if self.validated:
            shown["validation"] = self.validated
        self.bar.set_postfix(shown, refresh=False)
        self.bar.update()


@contextmanager
def _bar(steps: int, run: Run, progress: bool, description: str) -> Iterator[_Bar]:
    interval = 0.5 if sys.stderr.isatty() else 15.0  # a log file is not flooded
    with tqdm(
        total=steps, initial=run.step, desc=description, unit="step", mininterval=interval, disable=not progress
    ) as bar:
        yield _Bar(bar)


@contextmanager
def _log(path: Any, run: Run) -> Iterator[Callable[[dict[str, float]], None]]:
    """Open the metrics file; a resumed run writes the rows up to its checkpoint again and drops what came after."""
    if path is None:
        yield lambda row: None
        return
    try:
        file = open(path, "w", newline="", encoding="utf-8", buffering=1)  # noqa: SIM115 (closed below)
    except OSError as error:
        raise OSError(f"cannot write the log {path}: {error}; the folder must exist and be writable") from error
    with file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)

        def write_row(row: dict[str, float]) -> None:
            writer.writerow("" if math.isnan(row[name]) else f"{row[name]:.8g}" for name in COLUMNS)

        for row in run.history:
            write_row(row)
        yield write_row


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a flag that is read between two steps; the second one stops at once."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return
    before = signal.getsignal(signal.SIGINT)

    def handler(number: int, frame: Any) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, handler)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
