"""The command line: the demonstration, training on a task, evaluation of a checkpoint, and summaries.

``python -m dilated_rnn_np`` and the console script ``dilated-rnn`` are the same.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..arrays import inputs
from ..arrays.backend import automatic, get_backend
from ..arrays.checks import choose, positive, positive_integer
from ..arrays.threads import set_num_threads
from ..baselines import systems
from ..baselines.annealing import batches_for
from ..nets import checkpoint as checkpoints
from ..nets.network import Network
from ..plot import checked_picture, path_lengths
from ..recurrence.cells import LSTM, Cell
from ..tasks import DataError, Task, generate
from ..theory import paths
from ..theory.dilations import exponential_dilations
from ..training.optim import Schedule, cosine_decay, get_optimizer
from ..training.train import evaluate, fit
from .demo import demonstrate
from .experiment_command import experiment_command
from .gallery import draw_architecture, draw_checkpoint, rivals, training_picture
from .options import parser
from .task_options import own_defaults, steps_of, task_from, task_of, typed, vocabulary_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 2 wrong input, 130 stopped by Ctrl-C."""
    options = parser().parse_args(arguments)
    if options.command == "train" and own_defaults(options.task):
        options = parser(options.task).parse_args(arguments)
    try:
        if getattr(options, "threads", None) is not None:
            set_num_threads(positive_integer("--threads", options.threads))
        if getattr(options, "seed", None) is not None:
            positive_integer("--seed", options.seed, least=0)
        if getattr(options, "backend", None) == "auto":
            xp, choice = automatic()
            options.backend = xp.__name__
            print(choice, file=sys.stderr)
        if getattr(options, "checkpoint", None) and Path(options.checkpoint).is_dir():
            raise ValueError(f"{options.checkpoint} is a folder: give {Path(options.checkpoint) / 'checkpoint.npz'}")
        COMMANDS[options.command](options)
    except KeyboardInterrupt as stopped:
        print(f"\n{stopped or 'stopped'}".replace("resume=True", "the same command and --resume"), file=sys.stderr)
        return 130
    except MemoryError as error:
        print(f"error: not enough memory ({error}); use fewer or smaller layers, dilations or batches", file=sys.stderr)
        return 2
    except (ValueError, TypeError, OSError, ImportError, FloatingPointError, DataError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


# ---------------------------------------------------------------------- commands


def demo_command(options: argparse.Namespace) -> None:
    """Train a dilated and a plain net side by side."""
    demonstrate(options.picture, options.demo_steps, options.demo_seed)


def train_command(options: argparse.Namespace) -> None:
    """Train on a task, into a folder with checkpoint, metrics and picture."""
    task = task_from(options)
    model = _model(options, task)
    steps, validate_every = steps_of(options, task)
    lr: float | Schedule = cosine_decay(options.lr, steps, final=0.02) if options.schedule == "cosine" else options.lr
    optimizer = get_optimizer(options.optimizer, model.params, lr, **_optimizer_settings(options))
    folder = _made_folder(options.out or f"runs/{task.name}")
    file = folder / "checkpoint.npz"
    if file.exists() and not options.resume:
        raise FileExistsError(f"{file} exists: add --resume to go on with it, or --out FOLDER for a new run")
    note = {"task": task.settings(), "training": _training_settings(options, steps)}
    if file.exists():
        _check_same_run(file, note)

    model.summary()
    if task.baseline is not None:
        print(f"{task.baseline_note}: {task.baseline:.4f}")
    held_out = task.test if options.validate_on == "test" else task.validation
    run = fit(
        model,
        batches_for(model, task, options.batch_size, options.seed),
        optimizer,
        steps,
        loss=task.loss,
        metric=task.metric,
        max_norm=options.max_norm,
        truncated=task.truncated,
        budget=None if options.memory is None else round(positive("--memory", options.memory) * 1e6),
        validation=held_out(512),
        validate_every=validate_every,
        patience=options.patience,
        checkpoint=file,
        checkpoint_every=options.checkpoint_every,
        resume=options.resume,
        log=folder / "metrics.csv",
        seed=options.seed,
        note=note,
        description=task.name,
    )
    at, losses = run.column("validation_loss")
    _, metrics = run.column("validation_metric")
    shown = max(1, math.ceil(len(at) / 20))
    relative = f"{'loss/baseline':>15}" if task.baseline else ""
    print(f"\n{'step':>8}{options.validate_on + ' loss':>18}{relative}{task.metric_name:>14}")
    for k in sorted({*range(shown - 1, len(at), shown), len(at) - 1}):
        relative = f"{losses[k] / task.baseline:>15.3f}" if task.baseline else ""
        print(f"{at[k]:>8.0f}{losses[k]:>18.4f}{relative}{metrics[k]:>14.4f}")
    training_picture(run.column("loss"), (at, losses), task.baseline, folder / "curve.png", options.validate_on)
    print(f"{run.stopped} after step {run.step}, {run.history[-1]['seconds']:.1f} s of training")
    print(f"checkpoint.npz, metrics.csv and curve.png are in {folder}")


def evaluate_command(options: argparse.Namespace) -> None:
    """Measure a trained model on its task's test data."""
    positive_integer("--batch-size", options.batch_size)
    task = task_of(options.checkpoint, options.data_dir, options.text)
    if task is None:
        raise ValueError(
            f"{options.checkpoint} does not say which task it was trained on; use a file of 'dilated-rnn train'"
        )
    model, which = _trained(options)
    loss, metric = evaluate(model, task.test(options.batch_size), task.loss, task.metric, task.truncated)
    print(f"{task.name}, parameters: {which}")
    print(
        f"loss {loss:.4f}"
        + (f", {loss / task.baseline:.3f} of the baseline ({task.baseline_note})" if task.baseline else "")
    )
    print(f"{task.metric_name} {metric:.4f}")


def generate_command(options: argparse.Namespace) -> None:
    """Print what a trained character model writes after a prompt."""
    known, (model, _) = vocabulary_of(options.checkpoint), _trained(options)
    prompt = "\n" if options.prompt is None else options.prompt
    print(prompt + generate(model, known, prompt, options.length, options.temperature, options.seed))


def summary_command(options: argparse.Namespace) -> None:
    """Print the layers of a checkpoint, or of the architecture that the options describe."""
    if options.checkpoint:
        untold = vars(parser().parse_args(["summary", options.checkpoint]))
        if told := [name for name, value in vars(options).items() if value != untold[name]]:
            raise ValueError(f"a checkpoint has its own architecture: leave {typed(told[0])} out")
        checkpoints.load(options.checkpoint).summary()
    else:
        _model(options, None).summary()


def paths_command(options: argparse.Namespace) -> None:
    """Print, and draw, how long the paths through an architecture are, beside others of as many layers."""
    dilations = inputs.dilations(_numbers(options.dilations))
    cycle = max(dilations) if options.cycle is None else options.cycle
    if options.plot:
        checked_picture(options.plot)
    names = [name.strip() for name in options.against.split(",")] if options.against else []
    graphs = [paths.dilated_stack(dilations), *rivals(names, dilations)]
    rows = paths.table(graphs, cycle, options.input_size, options.hidden)
    width = max(len(row["architecture"]) for row in rows) + 2
    print(f"Recurrent lengths in edges, over spans of 1 to {cycle} steps; {options.hidden} vanilla units a node.")
    header = f"{'architecture':<{width}}{'mean':>9}{'longest':>9}{'edges/node':>12}{'parameters':>12}{'per edge':>10}"
    print(f"{header}{'receptive field':>17}")
    for row in rows:
        field = "unlimited" if math.isinf(row["receptive field"]) else f"{row['receptive field']:,.0f}"
        print(
            f"{row['architecture']:<{width}}{row['mean length']:>9.4f}{row['longest']:>9.0f}{row['edges per node']:>12.2f}"
            f"{row['parameters']:>12,}{row['per edge']:>10,.0f}{field:>17}"
        )
    if options.plot:
        path_lengths(graphs, 2 * cycle)[0].axes.figure.savefig(options.plot, dpi=150)
        print(f"Path length over span is drawn in {options.plot}.")


def draw_command(options: argparse.Namespace) -> None:
    """Write every picture of an architecture or of a checkpoint."""
    folder = _made_folder(options.out)
    if options.checkpoint:
        if options.dilations:
            raise ValueError("a checkpoint has its own dilations: leave --dilations out")
        if options.system:
            raise ValueError("a checkpoint has its own system: leave --system out")
        best = bool(checkpoints.read(options.checkpoint)[1].get("best"))
        model = checkpoints.load(options.checkpoint, best=best)
        task = task_of(options.checkpoint, options.data_dir, options.text)
        written = draw_architecture(model, folder, options.steps)
        written += draw_checkpoint(options.checkpoint, model, task, folder)
    else:
        model = systems.build(options.system or "dilated", 1, 1, _numbers(options.dilations or "1,2,4"))
        written = draw_architecture(model, folder, options.steps)
    print(f"{len(written)} files are in {folder}: {', '.join(path.name for path in written)}")


# ---------------------------------------------------------------------- from options to objects


def _trained(options: argparse.Namespace) -> tuple[Network, str]:
    """Return a checkpoint's model, and which of the run's parameters it has."""
    _, meta = checkpoints.read(options.checkpoint)
    best = bool(meta.get("best")) and not options.last
    which = f"best in validation, step {meta['best']['step']}" if best else f"last, step {meta['step']}"
    return checkpoints.load(options.checkpoint, best=best).to(get_backend(options.backend)), which


def _model(options: argparse.Namespace, task: Task | None) -> Network:
    own = own_defaults(getattr(options, "task", None))
    dilations = _dilations(options, own.get("layers", getattr(task, "T", 256).bit_length()))
    system = choose("system", options.system, systems.SYSTEMS)
    cell: str | Cell | None = options.cell or (own.get("cell") if system.takes_cell else None)
    if options.forget_bias is not None:
        if not system.takes_cell:
            raise ValueError(f"--forget-bias belongs to --cell lstm; {system.name} has units of its own")
        if cell != "lstm":
            raise ValueError(f"--forget-bias belongs to --cell lstm, not to {cell or 'rnn'}")
        cell = LSTM(options.forget_bias)
    described = options if task is None else task  # both have input_size and output_size
    settings = {
        "cell": cell,
        "output_size": described.output_size,
        "readout": "last" if task is None else task.readout,
        "dtype": options.dtype,
        "rng": options.seed,
        "xp": get_backend(options.backend),
        "dropout": options.dropout,
        "embedding": options.embedding,
        "input_init": options.input_init,
        "recurrent_init": options.recurrent_init,
    }

    def build(hidden: int | list[int]) -> Network:
        return systems.build(system.name, described.input_size, hidden, dilations, **settings)

    if options.parameters is not None:
        return build(systems.hidden_size_for(build, options.parameters))
    hidden = _numbers(options.hidden)
    model = build(hidden if len(hidden) > 1 else hidden[0])
    if system.name == "clockwork" and model.hidden_sizes[0] != hidden[0]:
        rounded = f"{model.hidden_sizes[0]} hidden units instead of {hidden[0]}"
        print(f"{rounded}: as many for each of the {len(dilations)} modules", file=sys.stderr)
    return model


def _dilations(options: argparse.Namespace, layers: int) -> list[Any]:
    """Return the dilations that are listed, or those of so many layers where the options do not say how many."""
    if options.dilations and options.layers is not None:
        raise ValueError("--dilations and --layers exclude each other: there is a layer for each dilation")
    if options.dilations:
        return _numbers(options.dilations)
    return exponential_dilations(layers if options.layers is None else options.layers, options.base, options.start)


def _made_folder(path: str) -> Path:
    """Return a folder, made where it is missing."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"cannot make the folder {path} ({error.strerror}); give another one with --out") from None
    return Path(path)


def _training_settings(options: argparse.Namespace, steps: int) -> dict[str, Any]:
    """Return the options, beside the model's, that a resumed run has to share with the one it goes on with."""
    names = ("seed", "batch_size", "optimizer", "lr", "schedule", "max_norm", "validate_on")
    settings = {name: getattr(options, name) for name in names} | _optimizer_settings(options)
    return settings | ({"steps": steps} if options.schedule == "cosine" else {})  # the cosine ends at the last step


def _optimizer_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that an optimiser has beside its learning rate."""
    if options.optimizer == "rmsprop":
        return {"decay": 0.9 if options.decay is None else options.decay}
    if options.decay is not None:
        raise ValueError(f"--decay belongs to --optimizer rmsprop, not to {options.optimizer}")
    return {}


def _check_same_run(file: Path, note: dict[str, Any]) -> None:
    """Raise where a checkpoint is of a run with other settings; what an older checkpoint does not tell is let be."""
    kept = checkpoints.read(file)[1].get("note") or {}
    for part, settings in note.items():
        for name, value in settings.items():
            there = kept.get(part, {}).get(name, value)
            if there != value:
                option = name.replace("_", "-")
                raise ValueError(
                    f"{file} is of another run: {option} is {there!r} there, {value!r} here; use its options, or --out"
                )


def _numbers(text: str) -> list[Any]:
    """Return the whole numbers of a list such as "1,2,4"; what is no number is left for the model to refuse by name."""
    return [int(word) if word.strip().isdigit() else word for word in text.split(",")]


COMMANDS = {
    "demo": demo_command,
    "train": train_command,
    "evaluate": evaluate_command,
    "generate": generate_command,
    "summary": summary_command,
    "paths": paths_command,
    "draw": draw_command,
    "experiment": experiment_command,
}
