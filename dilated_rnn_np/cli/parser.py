"""The parser of the command line: every command with its options, defaults and help."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from ..baselines.systems import SYSTEMS
from ..experiments import EXPERIMENTS, FORECAST_EXPERIMENTS, Training
from ..experiments.driver import HELD_OUT, SCHEDULES
from ..experiments.plan import SCALES
from ..experiments.tuning import RATES
from ..forecasting.training import STEPS
from ..plot.geometry import MOST_STEPS
from ..recurrence.cells import CELLS
from ..recurrence.init import SCHEMES
from ..tasks import TASKS
from ..training.optim import OPTIMIZERS
from . import option_types as types
from .errors import UserError
from .options import Help, add, add_own, choice, typed
from .task_options import DEFAULTS, NOT_FOR_ALL, add_task_options

EXAMPLES = """examples:
  dilated-rnn                                          the demonstration, about a minute
  dilated-rnn train copy-memory --T 500                9 layers of 10 vanilla units recall across 500 steps
  dilated-rnn train mnist --permuted --cell gru        pixel by pixel, in a fixed random order
  dilated-rnn train characters                         a character language model of Tiny Shakespeare
  dilated-rnn generate runs/characters/checkpoint.npz --temperature 0.7      sample text from it
  dilated-rnn evaluate runs/mnist/checkpoint.npz       loss and accuracy on the test images
  dilated-rnn train adding --system skip --parameters 2000     a compared system of equal size
  dilated-rnn forecast sales.csv --horizon 28          forecasts of your own time series, with a backtest
  dilated-rnn experiment copy-memory --jobs 2          systems against each other, two runs at a time
  dilated-rnn paths --dilations 1,2,4,8 --against skip,plain,cnn     path lengths through time
  dilated-rnn draw --dilations 1,2,4 --out pictures    every picture of an architecture, or of a checkpoint
  dilated-rnn explore --layers 9                       an interactive page of a net's paths, stages and gradient
"""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are UserErrors that begin with the option."""

    def error(self, message: str) -> NoReturn:
        """Raise the UserError for wrong arguments."""
        raise UserError(message.removeprefix("argument ").replace(": must ", " must ", 1))


def parser(task: str | None = None) -> Parser:
    """Return the parser of the command line, with a task's own defaults for ``train``."""
    top = Parser(
        prog="dilated-rnn",
        description="Dilated recurrent neural networks (Chang et al., NIPS 2017) in NumPy. Without a command: the demonstration.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.set_defaults(command="demo")
    top.add_argument("--picture", default="dilated_rnn_demo.png", metavar="FILE", help="the demonstration's picture")
    add_own(top, "--demo-steps", types.count, "training steps per net of the demonstration", 3000)
    add_own(top, "--demo-seed", types.whole, "seed of the demonstration", 0)
    commands = top.add_subparsers(title="commands", metavar="COMMAND")
    _add_train(commands, task)
    for add_command in (
        _add_evaluate,
        _add_generate,
        _add_summary,
        _add_paths,
        _add_draw,
        _add_explore,
        _add_experiment,
    ):
        add_command(commands)
    _add_forecast(commands)
    return top


def _command(commands: Any, name: str, words: str, **settings: Any) -> Parser:
    command = commands.add_parser(name, help=words, **{"formatter_class": Help} | settings)
    command.set_defaults(command=name)
    return command


def _add_train(commands: Any, task: str | None) -> None:
    train = _command(commands, "train", "train on a task")
    train.add_argument("task", **choice("task", TASKS) | {"metavar": "TASK"})
    group = train.add_argument_group("the task")
    add_task_options(group)
    add(group, "--data-dir")
    _add_model_options(train)
    group = train.add_argument_group("training")
    length = group.add_mutually_exclusive_group()
    add(length, "--steps", otherwise="4000, or ten epochs of finite data")
    add_own(length, "--epochs", types.count, "passes over finite data, instead of --steps")
    add(group, "--batch-size", default=Training.batch_size)
    group.add_argument("--optimizer", default=Training.optimizer, **choice("optimizer", OPTIMIZERS))
    add_own(group, "--lr", types.positive, "learning rate at the start", Training.lr, "X")
    group.add_argument("--schedule", choices=SCHEDULES, default=Training.schedule, help="of the learning rate")
    add_own(group, "--decay", types.fraction, f"rmsprop: of the mean of squares (default: {Training.decay})", None, "X")
    words = f"adamw: decoupled weight decay (default: {Training.weight_decay})"
    add_own(group, "--weight-decay", types.fraction, words, None, "X")
    add_own(group, "--max-norm", types.norm, "the gradient is scaled down to this norm", Training.max_norm, "X")
    add_own(group, "--validate-every", types.count, "steps between validations (default: 100, or an epoch)")
    group.add_argument("--validate-on", choices=HELD_OUT, default=Training.validate_on, help="which held-out data")
    add_own(group, "--patience", types.count, "stop after this many validations without a lower loss")
    add(group, "--average", otherwise="no average")
    words = "limit of the memory for backpropagation; values beyond it are computed twice"
    add_own(group, "--memory", types.positive, words, metavar="MB")
    add(group, "--threads", otherwise="as many as cores")
    group = train.add_argument_group("output")
    add(group, "--out", help="folder for checkpoint.npz, metrics.csv and curve.png", otherwise="runs/TASK")
    add_own(group, "--checkpoint-every", types.count, "steps between two checkpoints", 100)
    group.add_argument("--resume", action="store_true", help="continue the run in that folder")
    listed = {name: " ".join(f"{typed(k)} {v}" for k, v in own.items()) for name, own in DEFAULTS.items()}
    train.epilog = "; ".join(f"defaults of {name}: {words}" for name, words in listed.items())
    own = DEFAULTS.get(task or "", {})
    train.set_defaults(**{name: value for name, value in own.items() if name not in NOT_FOR_ALL})


def _add_evaluate(commands: Any) -> None:
    evaluate = _command(commands, "evaluate", "measure a checkpoint on its task's test data")
    add(evaluate, "checkpoint", "--last", "--data-dir", "--text", "--backend")
    add(evaluate, "--batch-size", default=512, help="sequences at once; does not change the result")
    add(evaluate, "--threads", otherwise="as many as cores")


def _add_generate(commands: Any) -> None:
    generate = _command(commands, "generate", "sample text from a character model")
    add(generate, "checkpoint", help="the checkpoint.npz of 'dilated-rnn train characters'")
    generate.add_argument("--prompt", metavar="TEXT", help="text that the model reads first (default: a new line)")
    add_own(generate, "--length", types.count, "characters to generate", 500)
    words = "0 takes the most likely character, 1 samples from the learned distribution"
    add_own(generate, "--temperature", types.not_negative, words, 0.7, "X")
    add(generate, "--seed", help="of the sampling")
    add(generate, "--last", "--backend")


def _add_summary(commands: Any) -> None:
    summary = _command(commands, "summary", "print the layers of a net")
    add(summary, "checkpoint", nargs="?", help="a checkpoint; without it the options below")
    add(summary, "--input-size")
    add_own(summary, "--output-size", types.count, "numbers of the read-out", 10)
    _add_model_options(summary)


def _add_paths(commands: Any) -> None:
    paths = _command(commands, "paths", "path lengths through time of architectures")
    add(paths, "--dilations", default="1,2,4,8")
    against = types.some_of("architecture", {**SYSTEMS, "cnn": None})
    add_own(paths, "--against", against, f"compare with some of {','.join(SYSTEMS)}", metavar="LIST")
    add_own(paths, "--cycle", types.count, "the longest span (default: the largest dilation)")
    add(paths, "--input-size")
    add_own(paths, "--hidden", types.count, "units per node", 10, metavar="H")
    paths.add_argument("--plot", metavar="FILE", help="picture of path length over span")


def _add_draw(commands: Any) -> None:
    draw = _command(commands, "draw", "write every picture of a net")
    add(draw, "checkpoint", nargs="?", help="a checkpoint; without it --system and --dilations")
    add(draw, "--system", otherwise="dilated")
    add(draw, "--dilations", otherwise="1,2,4")
    add(
        draw,
        "--steps",
        type=types.up_to(MOST_STEPS),
        default=17,
        help="time steps of the unrolled network; animations show 17 at most",
    )
    add(draw, "--out", default="pictures", help="folder for the pictures")
    add(draw, "--data-dir", "--text")


def _add_explore(commands: Any) -> None:
    explore = _command(commands, "explore", "write one HTML page to explore a net in the browser")
    add(
        explore,
        "checkpoint",
        nargs="?",
        help="a checkpoint, whose states and gradients the page shows; or the options below",
    )
    add(explore, "--dilations", otherwise="1,2,4")
    add_own(explore, "--layers", types.count, "number of layers L, instead of --dilations", metavar="L")
    add_own(explore, "--base", types.count, "dilations are M^l0, M^(1+l0), … (default: 2)", metavar="M")
    add_own(explore, "--start", types.whole, "above 0 there is a fusion layer (default: 0)", metavar="l0")
    explore.add_argument("--out", metavar="FILE", default="explorer.html", help="the page to write")
    add(explore, "--data-dir", "--text")


def _add_experiment(commands: Any) -> None:
    known: Any = EXPERIMENTS | FORECAST_EXPERIMENTS
    listed = "\n".join(f"  {name:<20}{e.description}" for name, e in known.items())
    raw = type("RawHelp", (Help, argparse.RawDescriptionHelpFormatter), {})
    words, listed = "train systems against each other, into a table and pictures", f"experiments:\n{listed}"
    experiment = _command(commands, "experiment", words, description=listed, formatter_class=raw)
    experiment.add_argument("name", **choice("experiment", known))
    scales = "; ".join(f"{name}: {words}" for name, words in SCALES.items())
    add_own(experiment, "--scale", types.one_of("scale", SCALES), scales, "quick", "SCALE")
    for name, known in (("system", SYSTEMS), ("cell", CELLS)):
        words = f"some of {','.join(known)} (default: the experiment's own)"
        add_own(experiment, f"--{name}s", types.some_of(name, known), words, metavar="LIST")
    add(experiment, "--parameters")
    words = "one of the table's settings, such as 'T = 500'; may be repeated (default: all)"
    experiment.add_argument("--setting", action="append", dest="settings", metavar="NAME", help=words)
    add(experiment, "--steps", "--batch-size", otherwise="as the scale says")
    grid = ", ".join(f"{rate:g}" for rate in RATES)
    add(experiment, "--dropout", "--average", otherwise="the experiment's own")
    experiment.add_argument("--tune", action="store_true", help=f"choose each net's learning rate from {grid}")
    add(experiment, "--embedding", "--corpus", "--frame", "--backend", "--data-dir")
    add_own(experiment, "--seeds", types.count, "runs per net (default: the experiment's own)")
    add_own(experiment, "--jobs", types.count, "processes that share the runs; they do not change the table", 1)
    add(experiment, "--threads", default=1, help="threads per run")
    add(experiment, "--out", help="folder to write into, or to continue", otherwise="runs/experiments/NAME-SCALE")


def _add_forecast(commands: Any) -> None:
    forecast = _command(commands, "forecast", "forecast the time series of a CSV file")
    words = "CSV file with the columns unique_id,ds,y and covariates, or wide as in M4"
    forecast.add_argument("file", metavar="FILE", type=types.file, help=words)
    group = forecast.add_argument_group("the forecast")
    add_own(group, "--horizon", types.count, "time steps to forecast", metavar="H")
    words = "season lengths in time steps, shortest first, or none (default: those usual for the frequency)"
    add_own(group, "--season", types.seasons, words, metavar="LIST")
    add_own(group, "--future", types.file, "CSV file of the covariates over the horizon", metavar="FILE")
    words = "levels of the quantiles, beside the median; the outer ones bound the interval of the backtest"
    add_own(group, "--quantiles", types.levels, words, "0.025,0.5,0.975", "LIST")
    words = "cutoffs of the backtest, 0 for none (default: 1, where a series is long enough)"
    add_own(group, "--backtest", types.whole, words)
    add_own(group, "--model", types.file, "forecast with a saved forecaster, without training", metavar="FILE")
    group = forecast.add_argument_group("the net")
    add(group, "--cell", default="gru")
    add_own(group, "--hidden", types.count, "units per layer", 40, metavar="H")
    add(group, "--dilations", otherwise="from the seasons")
    group = forecast.add_argument_group("training")
    add(group, "--steps", help="training steps per net", otherwise=f"{STEPS}, fewer for less than 10,000 values")
    add_own(group, "--members", types.whole, "nets whose forecasts are averaged; 0 for the base forecast alone", 1)
    add(group, "--seed", help="of weights, data and dropout")
    add(group, "--threads", otherwise="as many as cores")
    group = forecast.add_argument_group("output")
    words = "folder for forecast.csv, backtest.csv, forecast.png and model.npz"
    add(group, "--out", help=words, otherwise="runs/forecast/NAME of the file")
    group.add_argument("--resume", action="store_true", help="continue the run in that folder")


def _add_model_options(command: Any) -> None:
    model = command.add_argument_group("the net")
    add(model, "--system", default="dilated")
    add(model, "--cell", otherwise="rnn")
    size = model.add_mutually_exclusive_group()
    add_own(size, "--hidden", types.wholes, "units per layer: a number, or one per layer: 10,20,20", "10", "H")
    add(size, "--parameters")
    depth = model.add_mutually_exclusive_group()
    add_own(depth, "--layers", types.count, "number of layers (default: 9, or as many as reach across T)", metavar="L")
    add(depth, "--dilations", help="one dilation per layer, such as 1,2,4,8, instead of layers, base and start")
    add_own(model, "--base", types.count, "dilations are M^l0, M^(1+l0), …", 2, metavar="M")
    add_own(model, "--start", types.whole, "above 0 the net gets a fusion layer", 0, metavar="l0")
    model.add_argument("--no-fusion", action="store_true", help="dilated: no fusion layer, whatever the dilations")
    add(model, "--dropout", default=0.0)
    add_own(model, "--forget-bias", types.finite, "lstm: initial bias of the forget gate (default: 0)", metavar="X")
    for name, default in (("--input-init", "glorot_uniform"), ("--recurrent-init", "orthogonal")):
        model.add_argument(name, default=default, **choice("initialisation", SCHEMES))
    model.add_argument("--dtype", choices=("float32", "float64"), default="float32", help="of parameters and states")
    add(model, "--embedding", "--backend")
    add(model, "--seed", help="of weights, data and dropout")
