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

from . import checkpoint as checkpoints
from . import inputs, paths
from .cells import CELLS, LSTM, Cell
from .checks import choose, positive_integer
from .demo import demonstrate
from .gallery import draw_architecture, draw_checkpoint, rivals
from .init import SCHEMES
from .model import DilatedRNN, exponential_dilations
from .optim import OPTIMIZERS, Schedule, cosine_decay, get_optimizer
from .plot import new_axes, path_lengths, training_curves
from .tasks import TASKS, DataError, Digits, Task, make_task
from .train import evaluate, fit

EXAMPLES = """examples:
  dilated-rnn                                          the demonstration, about a minute
  dilated-rnn train copy-memory --T 500                9 layers of 10 vanilla units recall across 500 steps
  dilated-rnn train mnist --permuted --cell gru        pixel by pixel, in a fixed random order
  dilated-rnn evaluate runs/mnist/checkpoint.npz       loss and accuracy on the test images
  dilated-rnn summary --cell gru --layers 9            the layers of an architecture and their parameters
  dilated-rnn paths --dilations 1,2,4,8 --against skip,plain,cnn     how long the ways through time are
  dilated-rnn draw --dilations 1,2,4 --out pictures    every picture of an architecture, or of a checkpoint
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 2 wrong input, 130 stopped by Ctrl-C."""
    options = parser().parse_args(arguments)
    try:
        options.command(options)
    except KeyboardInterrupt as stopped:
        print(f"\n{stopped or 'stopped'}".replace("resume=True", "the same command and --resume"), file=sys.stderr)
        return 130
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
    task = _task(options)
    model = _model(options, task)
    steps, validate_every = _steps(options, task)
    lr: float | Schedule = cosine_decay(options.lr, steps, final=0.02) if options.schedule == "cosine" else options.lr
    extra = {"decay": options.decay} if options.optimizer == "rmsprop" else {}
    optimizer = get_optimizer(options.optimizer, model.params, lr, **extra)
    folder = Path(options.out or f"runs/{task.name}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"cannot make the folder {folder} ({error.strerror}); give another one with --out") from None
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
        task.batches(options.batch_size, options.seed),
        optimizer,
        steps,
        loss=task.loss,
        metric=task.metric,
        max_norm=options.max_norm,
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
    picture = folder / "curve.png"
    ax = new_axes()
    curves = {"training": run.column("loss"), options.validate_on: (at, losses)}
    training_curves({"training": curves["training"]}, task.baseline, smooth=max(1, run.step // 200), ax=ax)
    ax.plot(at, losses, "o", color="#D55E00", markersize=3, label=options.validate_on)
    ax.legend(frameon=False)
    ax.figure.savefig(picture, dpi=150)
    print(f"{run.stopped} after step {run.step}, {run.history[-1]['seconds']:.1f} s of training")
    print(f"checkpoint.npz, metrics.csv and curve.png are in {folder}")


def evaluate_command(options: argparse.Namespace) -> None:
    """Measure a trained model on its task's test data."""
    _, meta = checkpoints.read(options.checkpoint)
    task = _task_of(options.checkpoint, options.data_dir)
    if task is None:
        raise ValueError(
            f"{options.checkpoint} does not say which task it was trained on; use a file of 'dilated-rnn train'"
        )
    best = bool(meta.get("best")) and not options.last
    model = checkpoints.load(options.checkpoint, best=best)
    loss, metric = evaluate(model, task.test(options.batch_size), task.loss, task.metric)
    which = f"best in validation, step {meta['best']['step']}" if best else f"last, step {meta['step']}"
    print(f"{task.name}, parameters: {which}")
    print(
        f"loss {loss:.4f}"
        + (f", {loss / task.baseline:.3f} of the baseline ({task.baseline_note})" if task.baseline else "")
    )
    print(f"{task.metric_name} {metric:.4f}")


def summary_command(options: argparse.Namespace) -> None:
    """Print the layers of a checkpoint, or of the architecture that the options describe."""
    if options.checkpoint:
        checkpoints.load(options.checkpoint).summary()
    else:
        _model(options, None).summary()


def paths_command(options: argparse.Namespace) -> None:
    """Print, and draw, how long the paths through an architecture are, beside others of as many layers."""
    dilations = inputs.dilations(_numbers(options.dilations))
    cycle = max(dilations) if options.cycle is None else options.cycle
    if options.plot:
        checkpoints.checked_place(options.plot)
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
        ax = new_axes()
        path_lengths(graphs, 2 * cycle, ax=ax)
        ax.figure.savefig(options.plot, dpi=150)
        print(f"Path length over span is drawn in {options.plot}.")


def draw_command(options: argparse.Namespace) -> None:
    """Write every picture of an architecture or of a checkpoint."""
    if options.checkpoint:
        best = bool(checkpoints.read(options.checkpoint)[1].get("best"))
        model = checkpoints.load(options.checkpoint, best=best)
        task = _task_of(options.checkpoint, options.data_dir)
        written = draw_architecture(model.dilations, options.out, options.steps)
        written += draw_checkpoint(options.checkpoint, model, task, options.out)
    else:
        written = draw_architecture(inputs.dilations(_numbers(options.dilations)), options.out, options.steps)
    print(f"{len(written)} pictures are in {options.out}: {', '.join(path.name for path in written)}")


# ---------------------------------------------------------------------- from options to objects


def _task(options: argparse.Namespace) -> Task:
    name = choose("task", options.task, TASKS).name
    if name == Digits.name:
        if options.T is not None:
            raise ValueError(
                "--T belongs to copy-memory and adding; for mnist give --length, the steps with noise after the pixels"
            )
        return Digits(options.permuted, options.permutation_seed, options.length, data_dir=options.data_dir)
    if options.permuted or options.length != 784:
        raise ValueError(f"--permuted and --length belong to mnist, not to {name}")
    return make_task(name, **({} if options.T is None else {"T": options.T}))


def _task_of(checkpoint: str, data_dir: str | None) -> Task | None:
    """Return the task that a checkpoint was trained on, or None where it does not say."""
    settings: dict[str, Any] | None = (checkpoints.read(checkpoint)[1].get("note") or {}).get("task")
    if settings is None:
        return None
    return make_task(**settings | ({"data_dir": data_dir} if settings["name"] == Digits.name else {}))


def _model(options: argparse.Namespace, task: Task | None) -> DilatedRNN:
    if options.dilations:
        dilations = _numbers(options.dilations)
    else:
        layers = getattr(task, "T", 256).bit_length() if options.layers is None else options.layers
        dilations = exponential_dilations(layers, options.base, options.start)
    cell: str | Cell = options.cell
    if options.forget_bias is not None:
        if options.cell != "lstm":
            raise ValueError(f"--forget-bias belongs to --cell lstm, not to {options.cell}")
        cell = LSTM(options.forget_bias)
    hidden = _numbers(options.hidden)
    described = options if task is None else task  # both have input_size and output_size
    readout = "last" if task is None else task.readout
    return DilatedRNN(
        described.input_size,
        hidden if len(hidden) > 1 else hidden[0],
        dilations,
        cell=cell,
        output_size=described.output_size,
        readout=readout,
        dtype=options.dtype,
        rng=options.seed,
        xp=options.backend,
        dropout=options.dropout,
        input_init=options.input_init,
        recurrent_init=options.recurrent_init,
    )


def _training_settings(options: argparse.Namespace, steps: int) -> dict[str, Any]:
    """Return the options, beside the model's, that a resumed run has to share with the one it goes on with."""
    names = ("seed", "batch_size", "optimizer", "lr", "schedule", "decay", "max_norm")
    settings = {name: getattr(options, name) for name in names}
    return settings | ({"steps": steps} if options.schedule == "cosine" else {})  # the cosine ends at the last step


def _check_same_run(file: Path, note: dict[str, Any]) -> None:
    """Raise where a checkpoint is of a run with other settings, naming the first that differs."""
    kept = checkpoints.read(file)[1].get("note") or {}
    for part, settings in note.items():
        for name, value in settings.items():
            there = kept.get(part, {}).get(name)
            if there != value:
                option = name.replace("_", "-")
                raise ValueError(
                    f"{file} is of another run: {option} is {there!r} there, {value!r} here; use its options, or --out"
                )


def _numbers(text: str) -> list[Any]:
    """Return the whole numbers of a list such as "1,2,4"; what is no number is left for the model to refuse by name."""
    return [int(word) if word.strip().isdigit() else word for word in text.split(",")]


def _steps(options: argparse.Namespace, task: Task) -> tuple[int, int]:
    """Return how many steps to make and how many lie between two validations."""
    epoch = task.steps_per_epoch(options.batch_size) if isinstance(task, Digits) else None
    if options.epochs is not None:
        if epoch is None:
            raise ValueError(f"--epochs belongs to tasks with a finite data set; {task.name} is endless: give --steps")
        if options.steps is not None:
            raise ValueError("--epochs and --steps exclude each other: give one of them")
        steps = epoch * positive_integer("--epochs", options.epochs)
    else:
        steps = options.steps if options.steps is not None else (10 * epoch if epoch else 4000)
    return steps, options.validate_every if options.validate_every is not None else epoch or 100


# ---------------------------------------------------------------------- options


class _Help(argparse.HelpFormatter):
    """Adds the default to an option's help where there is one to tell."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False, argparse.SUPPRESS) or not action.option_strings:
            return action.help
        return f"{action.help} (default: %(default)s)"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="dilated-rnn",
        description="Dilated recurrent neural networks (Chang et al., NIPS 2017) in NumPy. Without a command: the demonstration.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.set_defaults(command=demo_command)
    top.add_argument(
        "--picture", default="dilated_rnn_demo.png", metavar="FILE", help="where the demonstration draws its curves"
    )
    top.add_argument(
        "--demo-steps", type=int, default=3000, metavar="N", help="training steps for each net of the demonstration"
    )
    top.add_argument("--demo-seed", type=int, default=0, metavar="N", help="seed of the demonstration")
    commands = top.add_subparsers(title="commands", metavar="COMMAND")

    train = commands.add_parser("train", help="train on a task", formatter_class=_Help)
    train.set_defaults(command=train_command)
    train.add_argument("task", metavar="TASK", help=f"one of {', '.join(TASKS)}")
    task = train.add_argument_group("the task")
    task.add_argument(
        "--T", type=int, metavar="N", help="copy-memory: blank steps (default 100); adding: length (default 200)"
    )
    task.add_argument("--permuted", action="store_true", help="mnist: pixels in one fixed random order")
    task.add_argument("--permutation-seed", type=int, metavar="N", default=0, help="mnist: seed of that order")
    task.add_argument(
        "--length", type=int, metavar="N", default=784, help="mnist: time steps; those after the 784 pixels are noise"
    )
    _add_data_dir(task)
    _add_model_options(train)
    fitting = train.add_argument_group("training")
    fitting.add_argument("--steps", type=int, metavar="N", help="training steps; 4000, or ten epochs of mnist")
    fitting.add_argument(
        "--epochs", type=int, metavar="N", help="mnist: passes over the training images, instead of --steps"
    )
    fitting.add_argument("--batch-size", type=int, metavar="N", default=128, help="sequences a step")
    fitting.add_argument("--optimizer", metavar="NAME", default="rmsprop", help=f"one of {', '.join(OPTIMIZERS)}")
    fitting.add_argument("--lr", type=float, metavar="X", default=4e-3, help="learning rate at the start")
    fitting.add_argument(
        "--schedule", choices=["cosine", "constant"], default="cosine", help="how the learning rate falls"
    )
    fitting.add_argument("--decay", type=float, metavar="X", default=0.9, help="rmsprop: decay of the mean of squares")
    fitting.add_argument(
        "--max-norm", type=float, metavar="X", default=1.0, help="gradients are scaled to this norm at most"
    )
    fitting.add_argument(
        "--validate-every", type=int, metavar="N", help="steps between validations; 100, or an epoch of mnist"
    )
    fitting.add_argument(
        "--validate-on", choices=["validation", "test"], default="validation", help="which held-out data"
    )
    fitting.add_argument(
        "--patience", type=int, metavar="N", help="stop after so many validations that bring nothing better"
    )
    out = train.add_argument_group("output")
    out.add_argument("--out", metavar="FOLDER", help="folder for checkpoint.npz, metrics.csv and curve.png; runs/TASK")
    out.add_argument("--checkpoint-every", type=int, metavar="N", default=100, help="steps between two checkpoints")
    out.add_argument("--resume", action="store_true", help="go on with the run in that folder")

    judge = commands.add_parser(
        "evaluate",
        help="measure a checkpoint on its task's test data",
        formatter_class=_Help,
    )
    judge.set_defaults(command=evaluate_command)
    judge.add_argument("checkpoint", metavar="CHECKPOINT", help="the checkpoint.npz of a training run")
    judge.add_argument("--last", action="store_true", help="take the last parameters, not those best in validation")
    judge.add_argument(
        "--batch-size", type=int, metavar="N", default=512, help="sequences at once; does not change the result"
    )
    _add_data_dir(judge)

    summary = commands.add_parser("summary", help="print the layers of a net", formatter_class=_Help)
    summary.set_defaults(command=summary_command)
    summary.add_argument(
        "checkpoint", nargs="?", metavar="CHECKPOINT", help="a checkpoint; without it the options below"
    )
    summary.add_argument("--input-size", type=int, metavar="N", default=1, help="numbers a time step")
    summary.add_argument("--output-size", type=int, metavar="N", default=10, help="numbers that are read out")
    _add_model_options(summary)

    lengths = commands.add_parser("paths", help="how long the ways through time are", formatter_class=_Help)
    lengths.set_defaults(command=paths_command)
    lengths.add_argument("--dilations", default="1,2,4,8", metavar="LIST", help="one a layer")
    lengths.add_argument(
        "--against", metavar="LIST", help="architectures to compare with: skip,plain,cnn or some of them"
    )
    lengths.add_argument("--cycle", type=int, metavar="N", help="the longest span; the largest dilation")
    lengths.add_argument("--input-size", type=int, metavar="N", default=1, help="numbers a time step")
    lengths.add_argument("--hidden", type=int, metavar="H", default=10, help="units a node")
    lengths.add_argument("--plot", metavar="FILE", help="where to draw path length over span")

    draw = commands.add_parser("draw", help="write every picture of a net", formatter_class=_Help)
    draw.set_defaults(command=draw_command)
    draw.add_argument("checkpoint", nargs="?", metavar="CHECKPOINT", help="a checkpoint; without it --dilations")
    draw.add_argument("--dilations", default="1,2,4", metavar="LIST", help="one a layer")
    draw.add_argument("--steps", type=int, metavar="N", default=17, help="time steps the network is unrolled over")
    draw.add_argument("--out", default="pictures", metavar="FOLDER", help="where to write them")
    _add_data_dir(draw)
    return top


def _add_data_dir(parser: Any) -> None:
    parser.add_argument(
        "--data-dir", metavar="FOLDER", help="where data files lie; else $DILATED_RNN_DATA, a cache, a download"
    )


def _add_model_options(parser: Any) -> None:
    model = parser.add_argument_group("the net")
    model.add_argument("--cell", metavar="NAME", default="rnn", help=f"one of {', '.join(CELLS)}")
    model.add_argument("--hidden", default="10", metavar="H", help="units a layer: a number, or one a layer: 10,20,20")
    model.add_argument("--layers", type=int, metavar="L", help="number of layers; 9, or as many as reach across T")
    model.add_argument("--base", type=int, default=2, metavar="M", help="dilations are M^l0, M^(1+l0), …")
    model.add_argument("--start", type=int, default=0, metavar="l0", help="above 0 the net gets a fusion layer")
    model.add_argument(
        "--dilations", metavar="LIST", help="instead of layers, base and start: any list, such as 1,2,4,8"
    )
    model.add_argument(
        "--dropout",
        type=float,
        metavar="X",
        default=0.0,
        help="probability with which numbers between layers are dropped",
    )
    model.add_argument(
        "--forget-bias", type=float, metavar="X", help="lstm: initial bias of the forget gate (default 0)"
    )
    model.add_argument("--input-init", metavar="NAME", default="glorot_uniform", help=f"one of {', '.join(SCHEMES)}")
    model.add_argument("--recurrent-init", metavar="NAME", default="orthogonal", help=f"one of {', '.join(SCHEMES)}")
    model.add_argument("--dtype", metavar="NAME", default="float32", help="float32 or float64")
    model.add_argument("--backend", metavar="NAME", default="numpy", help="numpy or cupy")
    model.add_argument("--seed", type=int, metavar="N", default=0, help="of weights, data and dropout")


if __name__ == "__main__":
    sys.exit(main())
