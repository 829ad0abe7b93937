"""The command line within a process: parses options, calls a command, reports errors."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence

from ..arrays.backend import automatic
from ..experiments.files import FolderError
from ..nets.checkpoint import CheckpointError
from ..plot import checked_picture
from ..tasks import DataError
from .demo import demonstrate
from .errors import UserError, user_errors
from .forecast_command import forecast_command
from .parser import parser
from .picture_commands import draw_command, explore_command, paths_command
from .task_options import DEFAULTS
from .train_command import evaluate_command, experiment_command, generate_command, summary_command, train_command

# Errors that users can mend: their messages say how. All others are bugs, and show their traceback.
REPORTED = (UserError, CheckpointError, DataError, FolderError, OSError, FloatingPointError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 2 the user's error. ``start`` handles Ctrl-C."""
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, io.TextIOWrapper):
            output.reconfigure(errors="replace")  # a terminal without "…" shows "?"
    try:
        options = parser().parse_args(arguments)
        if options.command == "train" and options.task in DEFAULTS:
            options = parser(options.task).parse_args(arguments)
        if getattr(options, "backend", None) == "auto":
            xp, choice = automatic()
            options.backend = xp.__name__
            print(choice, file=sys.stderr)
        COMMANDS[options.command](options)
    except MemoryError as error:
        print(f"error: not enough memory ({error}); use fewer or smaller layers, dilations or batches", file=sys.stderr)
        return 2
    except REPORTED as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def demo_command(options: argparse.Namespace) -> None:
    """Train a dilated and a plain net side by side."""
    with user_errors():
        checked_picture(options.picture)
    demonstrate(options.picture, options.demo_steps, options.demo_seed)


COMMANDS = {
    "demo": demo_command,
    "train": train_command,
    "evaluate": evaluate_command,
    "generate": generate_command,
    "summary": summary_command,
    "paths": paths_command,
    "draw": draw_command,
    "explore": explore_command,
    "experiment": experiment_command,
    "forecast": forecast_command,
}
