"""Training: the step, and ``fit``, which repeats it with a progress bar, validation, checkpoints and a metrics file.

The whole step stands in ``train_step``. Everything that a run depends on is either in its checkpoint or a function of
(seed, step), so that a run that was killed and resumed ends in the same bits as one that was never stopped.
"""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays.backend import Array, device_memory, fetched
from ..arrays.checks import choose, positive_integer, real
from ..nets import checkpoint as checkpoints
from ..nets.budget import segment_size
from ..nets.network import Network
from ..nets.stack import State
from . import run as runs
from .batches import Batch, batches_from, on_backend, unpacked
from .losses import LOSSES, Loss, loss_of, softmax_cross_entropy
from .optim import Optimizer, clip_grad_norm
from .progress import interruptible, metrics_file, progress_bar
from .run import COLUMNS, Run

Metric = Callable[[Array, Any, Any], Any]  # (output, targets, lengths) -> a number for people


def train_step(
    model: Network,
    optimizer: Optimizer,
    batch: Batch,
    loss: Loss | str,
    max_norm: float = math.inf,
    rng: np.random.Generator | None = None,
    state: State | None = None,
    budget: int | None = None,
    metric: Metric | None = None,
    reuse: Any = None,
) -> tuple[float, float, float, State, Any]:
    """Make one training step and return (loss, norm of the gradient, metric, state after the batch).

    On a device the batch is all that moves there (with dropout also its masks, one a layer) and three numbers all that
    comes back (a clockwork layer also looks at its clock).

    Parameters
    ----------
    state : what an earlier step returned, to go on from there; no gradient goes back into it. budget : as in ``forward``.
    metric : as in ``fit``; NaN is returned without one.

    Raises
    ------
    FloatingPointError : where loss or gradient are not finite; the parameters are unchanged then.
    """
    _check_trainable(model, optimizer)
    loss = _loss(loss)
    with device_memory(model.xp):
        x, targets, lengths = on_backend(model.xp, batch, _classes(model, loss))
        output, state, cache = model.forward(x, state, lengths, rng=rng, budget=budget, reuse=reuse)
        assert cache is not None
        loss_value, doutput = loss_of(loss, output, targets, lengths)
        _, _, grads = model.backward(doutput, cache)
        norm = clip_grad_norm(grads, max_norm)
        figures = loss_value, norm, _measured(metric, output, targets, lengths)
        value, norm, measured = fetched(*figures)  # waits for the device
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise FloatingPointError(f"loss {value}, gradient norm {norm}")
        optimizer.step(grads)
    return value, norm, measured, state, cache


def evaluate(
    model: Network,
    batches: Iterable[Batch],
    loss: Loss | str = softmax_cross_entropy,
    metric: Metric | None = None,
    truncated: bool = False,
) -> tuple[float, float]:
    """Return loss and metric over finitely many batches, each batch weighted by the outputs it counts.

    Parameters
    ----------
    model : is not changed. batches : ``(x, targets[, lengths])`` each. loss, metric : as in ``fit``.
    truncated : whether the batches are consecutive windows, so that the state is carried from one to the next.

    Examples
    --------
    >>> from dilated_rnn_np import DilatedRNN
    >>> model = DilatedRNN(1, 4, [1, 2], output_size=1)
    >>> x = np.zeros((5, 2, 1), "float32")
    >>> evaluate(model, [(x, np.ones((2, 1), "float32"))], "mean_squared_error")
    (1.0, nan)
    """
    loss = _loss(loss)
    totals, weights, state = np.zeros(2), 0.0, None
    for batch in batches:
        with device_memory(model.xp):
            x, targets, lengths = on_backend(model.xp, batch, _classes(model, loss))
            output, after, _ = model.forward(x, state, lengths, keep=False)
            state = after if truncated else None
            loss_value, _ = loss_of(loss, output, targets, lengths)
            T, B = x.shape[:2]
            counted = B if output.ndim == 2 else T * B if lengths is None else lengths.sum()
            value, measured, weight = fetched(loss_value, _measured(metric, output, targets, lengths), counted)
        totals += weight * np.array([value, measured])
        weights += weight
    if not weights:
        raise ValueError("evaluate needs at least one batch, got none")
    return float(totals[0] / weights), float(totals[1] / weights)


def fit(
    model: Network,
    batches: Iterable[Batch],
    optimizer: Optimizer,
    steps: int,
    *,
    loss: Loss | str = softmax_cross_entropy,
    metric: Metric | None = None,
    max_norm: float = math.inf,
    truncated: bool = False,
    budget: int | None = None,
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
    loss : a function of ``losses`` or its name.
    metric : a function ``(output, targets, lengths) -> number``, a mean over the batch. It gets arrays of the model's backend
        and may return one of no dimension: then it waits for no device.
    max_norm : gradients are scaled to this norm at most.
    truncated : truncated backpropagation through time: the batches are consecutive windows of the same sequences (see
        ``windows``), the state is carried from each to the next, and gradients end at the window's first step. The
        state is zeros again at the start of each pass through ``batches``.
    budget : bytes that what is kept for backward may take: exact gradients of sequences too long for the memory, see
        ``DilatedRNN.forward``.
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

    >>> from dilated_rnn_np import DilatedRNN
    >>> from dilated_rnn_np.optim import Adam
    >>> t = np.arange(400) / 10
    >>> series = np.stack([np.sin(t), np.sin(0.7 * t), np.cos(t)], axis=1)[:, :, None].astype("float32")  # (T, B, 1)
    >>> model = DilatedRNN(1, 8, [1, 2, 4], cell="gru", output_size=1, readout="all")
    >>> optimizer = Adam(model.params, lr=1e-2)
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
    _check_settings(model, optimizer, max_norm, metric, validation, patience)
    for path in (checkpoint, log):
        if path is not None:
            checkpoints.checked_place(path)

    run, state, seconds_before = Run(), None, 0.0
    if checkpoint is not None and Path(checkpoint).exists():
        if not resume:
            raise FileExistsError(
                f"{checkpoint} exists; go on from it with resume=True, or remove it, or give another name"
            )
        run, state, seconds_before = runs.restore(checkpoint, model, optimizer, truncated)
    elif resume and checkpoint is None:
        raise ValueError("resume=True needs the checkpoint to go on from: give checkpoint=path")
    started = time.perf_counter() - seconds_before

    saved_at, cache = run.step, None

    def save() -> None:
        nonlocal saved_at
        if checkpoint is not None:
            _check_finite(model)
            runs.save(
                checkpoint, model, optimizer, run, time.perf_counter() - started, note, state if truncated else None
            )
            saved_at = run.step

    def diverged(error: FloatingPointError) -> FloatingPointError:
        kept = f"{checkpoint} holds step {saved_at}" if checkpoint else "there is no checkpoint"
        advice = "Try a lower learning rate or a smaller max_norm"
        return FloatingPointError(f"step {step} is not finite: {error}; {kept}. {advice}")

    stream, step = batches_from(batches, run.step), run.step + 1
    if run.step < steps:  # what is wrong with batches, loss or metric shows before anything is written or changed
        first = next(stream)
        stream = itertools.chain([first], stream)
        try:
            evaluate(model, [first[1]], loss, metric)
            if budget is not None:
                x = unpacked(first[1])[0]
                segment_size(
                    model.stack, model.params, len(x), len(x[0]), model.dtype.itemsize, model.dropout > 0, budget
                )
        except FloatingPointError as error:
            raise diverged(error) from None
    if run.step == 0:
        save()
    with (
        metrics_file(log, run) as write_row,
        interruptible() as interrupted,
        progress_bar(steps, run, progress, description) as bar,
    ):
        while run.step < steps and (patience is None or run.worse_in_a_row < patience):
            (starts_anew, batch), step = next(stream), run.step + 1
            state = None if starts_anew or not truncated else state
            dropout_rng = np.random.default_rng([seed, run.step]) if model.dropout else None
            row = dict.fromkeys(COLUMNS, math.nan) | {"step": step, "learning_rate": optimizer.learning_rate()}
            try:
                row["loss"], row["gradient_norm"], row["metric"], state, cache = train_step(
                    model, optimizer, batch, loss, max_norm, dropout_rng, state, budget, metric, cache
                )
                run.step = step
                if validation is not None and (step % validate_every == 0 or step == steps):
                    _check_finite(model)
                    row["validation_loss"], row["validation_metric"] = evaluate(
                        model, validation, loss, metric, truncated
                    )
                    run.validated(model, row["validation_loss"])
                row["seconds"] = time.perf_counter() - started
                run.history.append(row)
                write_row(row)
                bar.show(row)
                stop = interrupted()
                if step % checkpoint_every == 0 or step == steps or stop:
                    save()
            except FloatingPointError as error:
                raise diverged(error) from None
            if stop:
                kept = (
                    f"{checkpoint} holds it; go on with resume=True"
                    if checkpoint
                    else "give checkpoint=path to keep it"
                )
                raise KeyboardInterrupt(f"stopped after step {step} of {steps}: {kept}")
        if run.step < steps:
            run.stopped = "early stop"
            save()
    return run


def _check_settings(
    model: Network, optimizer: Optimizer, max_norm: float, metric: Any, validation: Any, patience: int | None
) -> None:
    """Refuse what cannot be trained with, before anything is written."""
    _check_trainable(model, optimizer)
    if not real("max_norm", max_norm) > 0:
        raise ValueError(f"max_norm must be above 0 (infinity clips nothing), got {max_norm}")
    if metric is not None and not callable(metric):
        raise TypeError(f"metric must be a function (output, targets, lengths) -> number, got {metric!r}")
    if patience is not None and validation is None:
        raise ValueError("patience counts validations: give validation batches, or leave patience out")
    if validation is not None and iter(validation) is validation:
        raise TypeError("validation is gone through many times: give a list of batches, not a generator")
    if validation is not None and next(iter(validation), None) is None:
        raise ValueError("validation must hold at least one batch, got none; leave it out to train without")


def _check_trainable(model: Network, optimizer: Optimizer) -> None:
    if optimizer.params.keys() != model.params.keys() or any(
        optimizer.params[name] is not model.params[name] for name in model.params
    ):
        raise ValueError("optimizer must be built on this model's parameters, for instance RMSProp(model.params)")
    if model.dtype.kind == "c":
        raise TypeError(f"fit trains real parameters, these are {model.dtype}; complex ones are for gradient checks")


def _check_finite(model: Network) -> None:
    """Raise where a step has made a parameter infinite or NaN: such a model is neither saved nor kept as the best."""
    finite = fetched(*(model.xp.isfinite(array).all() for array in model.params.values()))
    for name, all_are in zip(model.params, finite, strict=True):
        if not all_are:
            raise FloatingPointError(f"the update has made {name} infinite or NaN")


def _measured(metric: Metric | None, output: Array, targets: Any, lengths: Any) -> Any:
    """Return the metric of the arrays where they lie; NaN where there is none."""
    return metric(output, targets, lengths) if metric else math.nan


def _classes(model: Network, loss: Loss) -> int | None:
    """Return how many classes the targets can be of, where they are classes."""
    return model.output_size if loss is softmax_cross_entropy else None


def _loss(loss: Loss | str) -> Loss:
    return loss if callable(loss) else choose("loss", loss, LOSSES)
