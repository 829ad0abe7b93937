"""``fit``: the training step repeated, with callbacks, validation, checkpoints, a metrics file and a progress bar.

All that a run depends on is in its checkpoint or follows from seeds and step numbers, so a resumed run ends in the same bits.
"""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays.checks import positive_integer
from ..arrays.files import locked
from ..arrays.memory import check_memory
from ..arrays.regular_files import check_regular
from ..arrays.streams import stream
from ..nets import checkpoint as checkpoints
from ..nets.budget import segment_size
from ..nets.checkpoint import CheckpointError
from ..nets.network import Network
from ..nets.stack import State
from .batches import Batch, batches_from, check_iterable, unpacked
from .callbacks import Callback, EarlyStopping, WeightAverage
from .losses import Loss, get_loss, softmax_cross_entropy
from .optim import Optimizer, checked_norm
from .progress import interruptible, metrics_file, progress_bar
from .run import COLUMNS, Run
from .saving import RunFile
from .step import Metric, batch_scores, check_finite, check_trainable, evaluate, train_step


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
    callbacks: Sequence[Callback] = (),
    average: WeightAverage | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 100,
    resume: bool = False,
    log: str | os.PathLike[str] | None = None,
    seed: int = 0,
    note: Any = None,
    progress: bool = True,
    description: str = "training",
) -> Run:
    """Train a model, in place, until it has made ``steps`` steps.

    Parameters
    ----------
    model, optimizer : the optimizer must be built on ``model.params``.
    batches : any iterable of ``(x, targets[, lengths[, weights]])``, repeated as often as needed: a task's stream, a list of
        your own arrays, a generator that yields enough batches. lengths (B,) and weights (T, B) or (B,) as in ``losses``.
        A batch without a counted position is skipped: its step changes no parameter, and its loss is NaN in the history.
    loss : a name in ``losses.LOSSES``, or a function; ``losses`` describes the protocol and shows a loss of your own.
    metric : a function ``(output, targets, lengths) -> number``, a mean over the batch; batches with weights pass them as the
        fourth argument. It gets arrays of the model's backend and may return one of no dimension, which saves a wait for
        the device.
    max_norm : gradients are scaled to this norm at most.
    truncated : truncated backpropagation through time: the batches are consecutive windows of the same sequences (see
        ``windows``), the state is carried from each to the next, and gradients end at the window's first step. The
        state is zeros again at the start of each pass through ``batches``.
    budget : bytes for the values kept for backward, see ``DilatedRNN.forward``.
    validation : finitely many batches, evaluated every ``validate_every`` steps. patience : stop after this many
        validations in a row without a lower loss; short for the callback ``EarlyStopping(patience)``.
    callbacks : objects of ``Callback`` classes, called before and after each step and at the end.
    average : validation then measures the averaged parameters, and the best parameters are averages; training itself, and the
        parameters that the model ends with, do not depend on it.
    checkpoint : a file that is rewritten, atomically, every ``checkpoint_every`` steps and at the end. Only one run at a time
        writes it; other processes may read it at any time.
    resume : continue from ``checkpoint`` where it exists. Without it an existing file is an error, not overwritten.
    log : a CSV file with one row per step. progress : whether to show the bar. description : its title.
    seed : of dropout, which draws from one stream per step of the optimizer. note : JSON values to keep in the checkpoint; the
        loaded model has them as ``note``.

    Returns
    -------
    run : the history, and the best parameters where there was a validation; the model itself ends with the last ones.

    Raises
    ------
    FloatingPointError : where the loss or the gradient is not finite; the parameters are those before the step, and the last
        checkpoint is kept. CheckpointError : where the checkpoint is damaged, or of another model, optimizer or version.
    LockedError : an OSError, where another run is writing the checkpoint.
    KeyboardInterrupt : on Ctrl-C, between two steps, after the checkpoint has been written; its text says how to resume.

    Examples
    --------
    A regression on a time series of your own: from each step's value, predict the next.

    >>> import numpy as np
    >>> from dilated_rnn_np import DilatedRNN, optim
    >>> series = np.sin(np.arange(400) / 10)[:, None, None]  # (T, B, 1)
    >>> model = DilatedRNN(1, 8, [1, 2, 4], cell="gru", output_size=1, readout="all")
    >>> optimizer = optim.Adam(model.params, lr=1e-2)
    >>> run = fit(model, [(series[:-1], series[1:])], optimizer, 60, loss="mean_squared_error", progress=False)
    >>> run.history[-1]["loss"] < 0.05 * run.history[0]["loss"]
    True
    """
    steps, seed, loss = positive_integer("steps", steps), positive_integer("seed", seed, least=0), get_loss(loss)
    validate_every = positive_integer("validate_every", validate_every)
    checkpoint_every = positive_integer("checkpoint_every", checkpoint_every)
    if not isinstance(callbacks, Sequence):
        raise TypeError(f"callbacks must be a list of Callback objects, got {callbacks!r}")
    callbacks = [*callbacks, *([] if patience is None else [EarlyStopping(patience)])]
    _check_settings(model, optimizer, max_norm, metric, validation, callbacks)
    for name, path in (("checkpoint", checkpoint), ("log", log)):
        if path is not None:
            if not isinstance(path, (str, os.PathLike)):
                raise TypeError(f"{name} must be the path of a file, got {path!r}")
            checkpoints.checked_place(path)
            check_regular(path)
    stateful = callbacks if average is None else [*callbacks, average]
    file = RunFile(None if checkpoint is None else Path(checkpoint), model, optimizer, stateful, note)
    kept = f"{checkpoint} holds it; continue with resume=True" if checkpoint else "no checkpoint keeps it"
    with nullcontext() if checkpoint is None else locked(checkpoint):
        run, state = file.restore(steps, truncated) if _is_resumed(file, resume) else (Run(), None)
        cache = None

        numbered = batches_from(batches, run.step)
        if run.step < steps:  # try the first batch: an error in it, in loss or metric comes before anything is written
            first = next(numbered)
            numbered = itertools.chain([first], numbered)
            _check_rows(file, state, *first)
            with _naming_step(run.step + 1, file):
                check_memory_for(model, first[1], budget)
                batch_scores(model, first[1], loss, metric)
        if run.step == 0:
            file.save(run)
        started = time.perf_counter() - run.seconds
        with (
            metrics_file(log, run) as write_row,
            interruptible() as interrupted,
            progress_bar(steps, run, progress, description) as bar,
        ):
            while run.step < steps and run.stopped is None:
                for callback in callbacks:
                    callback.before_step(run, model, optimizer)
                if run.stopped is not None:
                    break
                (is_first_of_pass, batch), step = next(numbered), run.step + 1
                state = None if is_first_of_pass else state
                row = dict.fromkeys(COLUMNS, math.nan) | {"step": step, "learning_rate": optimizer.learning_rate()}
                rng = stream(seed, "dropout", optimizer.steps) if model.dropout else None
                with _naming_step(step, file):
                    result = train_step(model, optimizer, batch, loss, max_norm, rng, state, budget, metric, cache)
                    row |= {"loss": result.loss, "gradient_norm": result.gradient_norm, "metric": result.metric}
                    run.step, state, cache = step, result.state if truncated else None, result.cache
                    if average is not None:
                        average.after_step(run, model, optimizer)
                    if validation is not None and (step % validate_every == 0 or step == steps):
                        check_finite(model)
                        measured = model if average is None else average.model(model)
                        scores = evaluate(measured, validation, loss, metric, truncated)
                        row["validation_loss"], row["validation_metric"] = scores
                        run.validated(measured, row["validation_loss"])
                    row["seconds"] = run.seconds = time.perf_counter() - started
                    run.history.append(row)
                    write_row(row)
                    bar.show(row)
                for callback in callbacks:
                    callback.after_step(run, model, optimizer)
                is_interrupted = interrupted()
                if step % checkpoint_every == 0 or step == steps or is_interrupted:
                    with _naming_step(step, file):
                        file.save(run, state)
                if is_interrupted:
                    raise KeyboardInterrupt(f"stopped after step {step} of {steps}: {kept}")
        if run.step < steps:
            file.save(run, state)
        run.stopped = run.stopped or "finished"
        for callback in callbacks:
            callback.at_end(run, model, optimizer)
        return run


@contextmanager
def _naming_step(step: int, file: RunFile) -> Iterator[None]:
    """Add to an error about numbers that are not finite the step, the state of the checkpoint, and advice."""
    try:
        yield
    except FloatingPointError as error:
        kept = "there is no checkpoint" if file.step is None else f"{file.path} holds step {file.step}"
        advice = "Try a lower learning rate or a smaller max_norm"
        raise FloatingPointError(f"step {step} is not finite: {error}; {kept}. {advice}") from None


def _is_resumed(file: RunFile, resume: bool) -> bool:
    """Return whether the run continues from its checkpoint; refuse to overwrite one."""
    if resume and file.path is None:
        raise ValueError("resume=True needs the checkpoint to continue from: give checkpoint=path")
    exists = file.path is not None and file.path.exists()
    if exists and not resume:
        raise FileExistsError(f"{file.path} exists; continue from it with resume=True, remove it, or give another name")
    return exists


def _check_rows(file: RunFile, state: State | None, is_first_of_pass: bool, batch: Batch) -> None:
    """Raise a CheckpointError where a restored state does not have the batch rows that continue it."""
    if state is not None and not is_first_of_pass:
        rows, B = state[0][0].shape[1], len(unpacked(batch)[0][0])
        if rows != B:
            raise CheckpointError(
                f"{file.path} carries a state of {rows} batch rows, got batches of {B}; use the same size"
            )


def check_memory_for(model: Network, batch: Batch, budget: int | None) -> None:
    """Raise a ValueError where the budget, or the machine's memory, is too small to train on a batch."""
    x = unpacked(batch)[0]
    shape = x.shape if hasattr(x, "shape") else np.shape(x)
    if len(shape) != 3:
        return  # forward names what is wrong
    T, B, _ = shape
    numbers = 2 * model.num_parameters + model.stack.state_size(B)
    numbers += 0 if budget is not None else T * B * sum(model.hidden_sizes)
    check_memory(f"a batch of {T} steps and {B} rows", numbers * model.dtype.itemsize, "parameters, states and outputs")
    if budget is not None:
        segment_size(model.stack, model.params, T, B, model.dtype.itemsize, model.dropout > 0, budget)


def _check_settings(
    model: Network, optimizer: Optimizer, max_norm: float, metric: Any, validation: Any, callbacks: Sequence[Callback]
) -> None:
    """Refuse settings that cannot be trained with, before anything is written."""
    check_trainable(model, optimizer)
    checked_norm(max_norm)
    if metric is not None and not callable(metric):
        raise TypeError(f"metric must be a function (output, targets, lengths) -> number, got {metric!r}")
    for k, callback in enumerate(callbacks):
        if not isinstance(callback, Callback):
            raise TypeError(f"callbacks[{k}] must be an object of a subclass of callbacks.Callback, got {callback!r}")
        if isinstance(callback, EarlyStopping) and validation is None:
            raise ValueError("early stopping counts validations: give validation batches, or leave patience out")
    if validation is not None:
        check_iterable("validation", validation)
    if validation is not None and iter(validation) is validation:
        raise TypeError("validation is repeated: give a list of batches, not a generator")
    if validation is not None and next(iter(validation), None) is None:
        raise ValueError("validation must hold at least one batch, got none; leave it out to train without")
