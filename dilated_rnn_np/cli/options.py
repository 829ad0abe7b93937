"""The options of the command line: what can be typed, with defaults and help."""

from __future__ import annotations

import argparse
from typing import Any

from ..baselines.systems import SYSTEMS
from ..recurrence.cells import CELLS
from ..recurrence.init import SCHEMES
from ..tasks import TASKS
from ..training.optim import OPTIMIZERS
from .experiment_command import add_command
from .task_options import NOT_FOR_ALL, add_task_options, own_defaults

EXAMPLES = """examples:
  dilated-rnn                                          the demonstration, about a minute
  dilated-rnn train copy-memory --T 500                9 layers of 10 vanilla units recall across 500 steps
  dilated-rnn train mnist --permuted --cell gru        pixel by pixel, in a fixed random order
  dilated-rnn train characters                         a character language model of Tiny Shakespeare
  dilated-rnn generate runs/characters/checkpoint.npz --temperature 0.7      what it writes
  dilated-rnn train speech --frame 16                  who spoke, from the raw waveform
  dilated-rnn evaluate runs/mnist/checkpoint.npz       loss and accuracy on the test images
  dilated-rnn summary --cell gru --layers 9            the layers of an architecture and their parameters
  dilated-rnn train adding --system skip --parameters 2000     a compared system of equal size
  dilated-rnn experiment copy-memory --scale quick     systems against each other: a table and curves
  dilated-rnn paths --dilations 1,2,4,8 --against skip,plain,cnn     how long the ways through time are
  dilated-rnn draw --dilations 1,2,4 --out pictures    every picture of an architecture, or of a checkpoint
"""


class _Help(argparse.HelpFormatter):
    """Adds the default to an option's help where there is one to tell."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False, argparse.SUPPRESS) or not action.option_strings:
            return action.help
        return f"{action.help} (default: %(default)s)"


def parser(task: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command line, with the defaults that a task has of its own for ``train``."""
    top = argparse.ArgumentParser(
        prog="dilated-rnn",
        description="Dilated recurrent neural networks (Chang et al., NIPS 2017) in NumPy. Without a command: the demonstration.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.set_defaults(command="demo")
    top.add_argument(
        "--picture", default="dilated_rnn_demo.png", metavar="FILE", help="where the demonstration draws its curves"
    )
    top.add_argument(
        "--demo-steps", type=int, default=3000, metavar="N", help="training steps for each net of the demonstration"
    )
    top.add_argument("--demo-seed", type=int, default=0, metavar="N", help="seed of the demonstration")
    commands = top.add_subparsers(title="commands", metavar="COMMAND")

    train = commands.add_parser("train", help="train on a task", formatter_class=_Help)
    train.set_defaults(command="train")
    train.add_argument("task", metavar="TASK", help=f"one of {', '.join(TASKS)}")
    group = train.add_argument_group("the task")
    add_task_options(group)
    _add_data_dir(group)
    _add_model_options(train)
    fitting = train.add_argument_group("training")
    fitting.add_argument(
        "--steps", type=int, metavar="N", help="training steps; 4000, or ten epochs where the data is finite"
    )
    fitting.add_argument("--epochs", type=int, metavar="N", help="passes over finite data, instead of --steps")
    fitting.add_argument("--batch-size", type=int, metavar="N", default=128, help="sequences a step")
    fitting.add_argument("--optimizer", metavar="NAME", default="rmsprop", help=f"one of {', '.join(OPTIMIZERS)}")
    fitting.add_argument("--lr", type=float, metavar="X", default=4e-3, help="learning rate at the start")
    fitting.add_argument(
        "--schedule", choices=["cosine", "constant"], default="cosine", help="how the learning rate falls"
    )
    fitting.add_argument(
        "--decay", type=float, metavar="X", help="rmsprop: decay of the mean of squares (default: 0.9)"
    )
    fitting.add_argument(
        "--max-norm", type=float, metavar="X", default=1.0, help="gradients are scaled to this norm at most"
    )
    fitting.add_argument(
        "--validate-every",
        type=int,
        metavar="N",
        help="steps between validations; 100, or an epoch where the data is finite",
    )
    fitting.add_argument(
        "--validate-on", choices=["validation", "test"], default="validation", help="which held-out data"
    )
    fitting.add_argument(
        "--patience", type=int, metavar="N", help="stop after so many validations that bring nothing better"
    )
    fitting.add_argument(
        "--memory",
        type=float,
        metavar="MB",
        help="what is kept for backpropagation may take so much; what does not fit is computed twice",
    )
    _add_threads(fitting)
    out = train.add_argument_group("output")
    out.add_argument("--out", metavar="FOLDER", help="folder for checkpoint.npz, metrics.csv and curve.png; runs/TASK")
    out.add_argument("--checkpoint-every", type=int, metavar="N", default=100, help="steps between two checkpoints")
    out.add_argument("--resume", action="store_true", help="go on with the run in that folder")
    own = {name: " ".join(f"--{k.replace('_', '-')} {v}" for k, v in own_defaults(name).items()) for name in TASKS}
    train.epilog = "; ".join(f"{name} begins with {words}" for name, words in own.items() if words)
    train.set_defaults(**{name: value for name, value in own_defaults(task).items() if name not in NOT_FOR_ALL})

    judge = commands.add_parser(
        "evaluate",
        help="measure a checkpoint on its task's test data",
        formatter_class=_Help,
    )
    judge.set_defaults(command="evaluate")
    judge.add_argument("checkpoint", metavar="CHECKPOINT", help="the checkpoint.npz of a training run")
    judge.add_argument("--last", action="store_true", help="take the last parameters, not those best in validation")
    judge.add_argument(
        "--batch-size", type=int, metavar="N", default=512, help="sequences at once; does not change the result"
    )
    _add_data_dir(judge)
    _add_text(judge)
    _add_backend(judge)
    _add_threads(judge)

    write = commands.add_parser("generate", help="let a character model write", formatter_class=_Help)
    write.set_defaults(command="generate")
    write.add_argument("checkpoint", metavar="CHECKPOINT", help="the checkpoint.npz of 'dilated-rnn train characters'")
    write.add_argument("--prompt", metavar="TEXT", help="what the model reads first; a new line where nothing is said")
    write.add_argument("--length", type=int, metavar="N", default=500, help="characters to write")
    write.add_argument(
        "--temperature", type=float, metavar="X", default=0.7, help="0 writes what is likeliest, 1 what it has learned"
    )
    write.add_argument("--seed", type=int, metavar="N", default=0, help="of the drawing of characters")
    write.add_argument("--last", action="store_true", help="take the last parameters, not those best in validation")
    _add_backend(write)

    summary = commands.add_parser("summary", help="print the layers of a net", formatter_class=_Help)
    summary.set_defaults(command="summary")
    summary.add_argument(
        "checkpoint", nargs="?", metavar="CHECKPOINT", help="a checkpoint; without it the options below"
    )
    summary.add_argument("--input-size", type=int, metavar="N", default=1, help="numbers a time step")
    summary.add_argument("--output-size", type=int, metavar="N", default=10, help="numbers that are read out")
    _add_model_options(summary)

    lengths = commands.add_parser("paths", help="how long the ways through time are", formatter_class=_Help)
    lengths.set_defaults(command="paths")
    lengths.add_argument("--dilations", default="1,2,4,8", metavar="LIST", help="one a layer")
    lengths.add_argument("--against", metavar="LIST", help=f"what to compare with: some of {','.join(SYSTEMS)}")
    lengths.add_argument("--cycle", type=int, metavar="N", help="the longest span; the largest dilation")
    lengths.add_argument("--input-size", type=int, metavar="N", default=1, help="numbers a time step")
    lengths.add_argument("--hidden", type=int, metavar="H", default=10, help="units a node")
    lengths.add_argument("--plot", metavar="FILE", help="where to draw path length over span")

    draw = commands.add_parser("draw", help="write every picture of a net", formatter_class=_Help)
    draw.set_defaults(command="draw")
    draw.add_argument(
        "checkpoint", nargs="?", metavar="CHECKPOINT", help="a checkpoint; without it --system and --dilations"
    )
    _add_system(draw)
    draw.add_argument("--dilations", metavar="LIST", help="one a layer (default: 1,2,4)")
    draw.add_argument(
        "--steps",
        type=int,
        metavar="N",
        default=17,
        help="time steps the network is unrolled over; 17 at most in animations",
    )
    draw.add_argument("--out", default="pictures", metavar="FOLDER", help="where to write them")
    _add_data_dir(draw)
    _add_text(draw)

    add_command(commands, _Help)
    return top


def _add_data_dir(parser: Any) -> None:
    parser.add_argument(
        "--data-dir", metavar="FOLDER", help="where data files lie; else $DILATED_RNN_DATA, a cache, a download"
    )


def _add_text(parser: Any) -> None:
    parser.add_argument("--text", metavar="FILE", help="where the text file lies now that the net was trained on")


def _add_backend(parser: Any) -> None:
    parser.add_argument(
        "--backend", metavar="NAME", default="numpy", help="numpy, cupy (a GPU), or auto: cupy where there is a GPU"
    )


def _add_threads(parser: Any) -> None:
    parser.add_argument("--threads", type=int, metavar="N", help="threads to compute with; as many as there are cores")


def _add_system(parser: Any, default: str | None = None) -> None:
    parser.add_argument("--system", metavar="NAME", default=default, help=f"one of {', '.join(SYSTEMS)}")


def _add_model_options(parser: Any) -> None:
    model = parser.add_argument_group("the net")
    _add_system(model, "dilated")
    model.add_argument("--cell", metavar="NAME", help=f"one of {', '.join(CELLS)} (default: rnn)")
    size = model.add_mutually_exclusive_group()
    size.add_argument("--hidden", metavar="H", default="10", help="units a layer: a number, or one a layer: 10,20,20")
    size.add_argument(
        "--parameters", type=int, metavar="N", help="instead of hidden: as many units as so many parameters allow"
    )
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
    model.add_argument("--embedding", type=int, metavar="E", help="a linear map to E numbers before the first layer")
    model.add_argument("--input-init", metavar="NAME", default="glorot_uniform", help=f"one of {', '.join(SCHEMES)}")
    model.add_argument("--recurrent-init", metavar="NAME", default="orthogonal", help=f"one of {', '.join(SCHEMES)}")
    model.add_argument("--dtype", metavar="NAME", default="float32", help="float32 or float64")
    _add_backend(model)
    model.add_argument("--seed", type=int, metavar="N", default=0, help="of weights, data and dropout")
