"""The commands that train and use nets: from options to a model, a task, a run or an experiment."""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..arrays.backend import get_backend
from ..arrays.memory import check_memory
from ..arrays.threads import get_num_threads, set_num_threads
from ..baselines.systems import SYSTEMS
from ..experiments import (
    EXPERIMENTS,
    FORECAST_EXPERIMENTS,
    Choices,
    ForecastStudy,
    RunSpec,
    Study,
    Training,
    conduct,
    conduct_forecasts,
)
from ..experiments.driver import check_folder, measure, train
from ..experiments.net_builder import net_builder, shape_of
from ..nets import checkpoint as checkpoints
from ..nets.network import Network
from ..recurrence.cells import LSTM, Cell
from ..tasks import Task, generate
from ..theory.dilations import exponential_dilations
from ..training.run import Run
from .errors import UserError, user_errors
from .gallery import training_picture
from .options import typed
from .parser import parser
from .task_options import DEFAULTS, steps_of, task_from, task_of, vocabulary_of

BYTES_PER_LAYER = 2000  # of Python objects, beside the parameters


def train_command(options: argparse.Namespace) -> None:
    """Train on a task, into a folder with checkpoint, metrics and picture."""
    set_num_threads(options.threads or get_num_threads())
    task = task_from(options)
    spec = RunSpec(model_from(options, task), task, training_from(options, task), options.seed)
    with user_errors():
        spec.check_budget()
    folder = Path(options.out or f"runs/{task.name}")
    check_folder(spec, folder, options.resume)
    spec.model.summary()
    if task.baseline is not None:
        print(f"{task.baseline_note}: {task.baseline:.4f}")
    history = train(spec, folder, options.resume, title=task.name)
    _print_validations(history, task, options.validate_on)
    validations = history.column("validation_loss")
    training_picture(history.column("loss"), validations, task.baseline, folder / "curve.png", options.validate_on)
    print(f"{history.stopped} after step {history.step}, {history.seconds:.1f} s of training")
    print(f"checkpoint.npz, metrics.csv and curve.png are in {folder}")


def _print_validations(history: Run, task: Task, validated_on: str) -> None:
    """Print a table of at most twenty validations, the last one among them."""
    steps, losses = history.column("validation_loss")
    _, metrics = history.column("validation_metric")
    every = max(1, math.ceil(len(steps) / 20))
    relative = f"{'loss/baseline':>15}" if task.baseline else ""
    print(f"\n{'step':>8}{validated_on + ' loss':>18}{relative}{task.metric_name:>14}")
    for k in sorted({*range(every - 1, len(steps), every), len(steps) - 1}):
        relative = f"{losses[k] / task.baseline:>15.3f}" if task.baseline else ""
        print(f"{steps[k]:>8.0f}{losses[k]:>18.4f}{relative}{metrics[k]:>14.4f}")


def evaluate_command(options: argparse.Namespace) -> None:
    """Measure a trained model on its task's test data."""
    set_num_threads(options.threads or get_num_threads())
    task = task_of(options.checkpoint, options.data_dir, options.text)
    if task is None:
        raise UserError(f"{options.checkpoint} does not say which task it is of; use a file of 'dilated-rnn train'")
    model, which = trained_model(options)
    loss, metric = measure(model, task, options.batch_size)
    relative = f", {loss / task.baseline:.3f} of the baseline ({task.baseline_note})" if task.baseline else ""
    print(f"{task.name}, parameters: {which}")
    print(f"loss {loss:.4f}{relative}")
    print(f"{task.metric_name} {metric:.4f}")


def generate_command(options: argparse.Namespace) -> None:
    """Print a prompt and the text that a trained character model generates after it."""
    known = vocabulary_of(options.checkpoint)
    prompt = "\n" if options.prompt is None else options.prompt
    if not prompt:
        raise UserError("--prompt must hold at least one character, got an empty text")
    with user_errors():
        known.encode(prompt, "--prompt")
    model, _ = trained_model(options)
    print(prompt + generate(model, known, prompt, options.length, options.temperature, options.seed))


def summary_command(options: argparse.Namespace) -> None:
    """Print the layers of a checkpoint, or of the architecture that the options describe."""
    if options.checkpoint:
        defaults = vars(parser().parse_args(["summary", options.checkpoint]))
        if given := [name for name, value in vars(options).items() if value != defaults[name]]:
            raise UserError(f"a checkpoint has its own architecture: leave {typed(given[0])} out")
        checkpoints.load(options.checkpoint).summary()
    else:
        model_from(options, None).summary()


def experiment_command(options: argparse.Namespace) -> None:
    """Run or continue an experiment, and print its table."""
    given = {field.name: getattr(options, field.name) for field in fields(Choices)}
    with user_errors():
        given["backend"] = get_backend(options.backend).__name__
        given["settings"] = None if options.settings is None else tuple(options.settings)
        if options.name in FORECAST_EXPERIMENTS:
            forecasts = ForecastStudy.of(FORECAST_EXPERIMENTS[options.name], Choices(**given), options.seeds)
        else:
            study = Study.of(EXPERIMENTS[options.name], Choices(**given), options.seeds)
    folder = Path(options.out or f"runs/experiments/{options.name}-{options.scale}")
    if options.name in FORECAST_EXPERIMENTS:
        conduct_forecasts(forecasts, folder, jobs=options.jobs, threads=options.threads)
    else:
        conduct(study, folder, jobs=options.jobs, threads=options.threads)
    print("\n" + (folder / "table.md").read_text(encoding="utf-8"))
    print(f"table.csv, table.md, record.json and any pictures are in {folder}")


# ---------------------------------------------------------------------- from options to objects


def trained_model(options: argparse.Namespace) -> tuple[Network, str]:
    """Return a checkpoint's model with its best or last parameters, and which of the two in words."""
    _, meta = checkpoints.read(options.checkpoint)
    best = bool(meta.get("best")) and not options.last
    if "step" in meta:
        which = f"best in validation, step {meta['best']['step']}" if best else f"last, step {meta['step']}"
    else:
        which = "the ones in the file"  # a net without its run
    with user_errors():
        backend = get_backend(options.backend)
    return checkpoints.load(options.checkpoint, best=best).to(backend), which


def training_from(options: argparse.Namespace, task: Task) -> Training:
    """Return the training that the options describe."""
    for name, owner in (("decay", "rmsprop"), ("weight_decay", "adamw")):
        if getattr(options, name) is not None and options.optimizer != owner:
            raise UserError(f"{typed(name)} belongs to --optimizer {owner}, not to {options.optimizer}")
    given = {field.name: getattr(options, field.name, None) for field in fields(Training)}
    given["steps"], given["validate_every"] = steps_of(options, task)
    given["budget"] = None if options.memory is None else math.ceil(options.memory * 1e6)
    with user_errors():
        return Training(**{name: value for name, value in given.items() if value is not None})


def model_from(options: argparse.Namespace, task: Task | None) -> Network:
    """Return the untrained net that the options describe, for a task or for --input-size and --output-size."""
    own = DEFAULTS.get(getattr(options, "task", ""), {})
    layers = options.layers or own.get("layers", getattr(task, "T", 256).bit_length())  # powers of 2 reach across T
    with user_errors():
        check_memory(f"num_layers {layers}", BYTES_PER_LAYER * layers, "its layers")
        dilations = options.dilations or exponential_dilations(layers, options.base, options.start)
    sizes = {"input_size": options.input_size, "output_size": options.output_size} if task is None else shape_of(task)
    given = {name: getattr(options, name) for name in ("dtype", "dropout", "embedding", "input_init", "recurrent_init")}
    if options.no_fusion:
        if options.system != "dilated":
            raise UserError(
                f"--no-fusion belongs to --system dilated; {options.system} has no fusion layer: leave it out"
            )
        given["fusion"] = False
    hidden: list[int] = options.hidden
    size, cell = hidden if len(hidden) > 1 else hidden[0], _cell(options, own)
    with user_errors():
        given["xp"] = get_backend(options.backend)
        model = net_builder(options.system, dilations, size, cell, options.parameters, **sizes, **given)(options.seed)
    if options.system == "clockwork" and options.parameters is None and model.hidden_sizes[0] != hidden[0]:
        rounded = f"{model.hidden_sizes[0]} hidden units instead of {hidden[0]}"
        print(f"{rounded}: as many for each of the {len(dilations)} modules", file=sys.stderr)
    return model


def _cell(options: argparse.Namespace, own: dict[str, Any]) -> str | Cell | None:
    """Return the cell that the options name, or the task's own if the system takes a cell."""
    system = SYSTEMS[options.system]
    cell = options.cell or (own.get("cell") if system.takes_cell else None)
    if options.forget_bias is None:
        return cell
    if not system.takes_cell:
        raise UserError(f"--forget-bias belongs to --cell lstm; {options.system} has units of its own")
    if cell != "lstm":
        raise UserError(f"--forget-bias belongs to --cell lstm, not to {cell or 'rnn'}")
    return LSTM(options.forget_bias)
