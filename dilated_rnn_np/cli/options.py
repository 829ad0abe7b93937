"""The options that several commands share, each defined once: type, placeholder and help."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from ..baselines.systems import SYSTEMS
from ..recurrence.cells import CELLS
from ..tasks.characters import CORPORA
from . import option_types as types

BACKENDS = dict.fromkeys(("numpy", "cupy", "auto"))


def choice(what: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of an option whose value is one of the known names."""
    return {"metavar": "NAME", "type": types.one_of(what, known), "help": f"one of {', '.join(known)}"}


SHARED: dict[str, dict[str, Any]] = {
    "checkpoint": {"metavar": "CHECKPOINT", "type": types.checkpoint, "help": "the checkpoint.npz of a training run"},
    "--system": choice("system", SYSTEMS),
    "--cell": choice("cell", CELLS),
    "--dilations": {"metavar": "LIST", "type": types.wholes, "help": "one dilation per layer, such as 1,2,4,8"},
    "--parameters": {"metavar": "N", "type": types.count, "help": "at most this many parameters per net; sets its hidden size"},
    "--embedding": {"metavar": "E", "type": types.count, "help": "a linear map to E numbers before the first layer"},
    "--dropout": {"metavar": "X", "type": types.fraction, "help": "probability that a number between layers is dropped"},
    "--average": {"metavar": "X", "type": types.fraction, "help": "validate and test an average of the weights, of this decay"},
    "--input-size": {"metavar": "N", "type": types.count, "default": 1, "help": "numbers per time step"},
    "--steps": {"metavar": "N", "type": types.count, "help": "training steps"},
    "--batch-size": {"metavar": "N", "type": types.count, "help": "sequences per step"},
    "--seed": {"metavar": "N", "type": types.whole, "default": 0},
    "--corpus": choice("corpus", CORPORA) | {"help": f"characters: one of {', '.join(CORPORA)}"},
    "--frame": {"metavar": "N", "type": types.count, "help": "speech: samples per time step; 1 is sample by sample"},
    "--data-dir": {"metavar": "FOLDER", "help": "folder of the data files; else $DILATED_RNN_DATA, a cache, a download"},
    "--text": {"metavar": "FILE", "help": "the present place of the text file that the net was trained on"},
    "--last": {"action": "store_true", "help": "use the last parameters, not those best in validation"},
    "--backend": choice("backend", BACKENDS) | {"default": "numpy", "help": "numpy, cupy (GPU), or auto: a GPU if there is one"},
    "--threads": {"metavar": "N", "type": types.up_to(1024), "help": "threads to compute with"},
    "--out": {"metavar": "FOLDER"},
}  # fmt: skip


def add(parser: Any, *names: str, otherwise: str = "", **changes: Any) -> None:
    """Add shared options to a command, or to a group of its options.

    ``otherwise`` describes a default that is not a plain value; ``changes`` replace entries of ``SHARED``.
    """
    for name in names:
        settings = SHARED[name] | changes
        if otherwise:
            settings["help"] += f" (default: {otherwise})"
        parser.add_argument(name, **settings)


def add_own(
    parser: Any, name: str, type: Callable[[str], Any], words: str, default: Any = None, metavar: str = "N"
) -> None:
    """Add an option of one command, with ``words`` as its help."""
    parser.add_argument(name, type=type, metavar=metavar, default=default, help=words)


class Help(argparse.HelpFormatter):
    """Adds the default to an option's help, if it has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False, argparse.SUPPRESS) or not action.option_strings:
            return action.help
        return f"{action.help} (default: %(default)s)"


def typed(name: str) -> str:
    """Return an option as it is typed: "--permutation-seed" for "permutation_seed"."""
    return "--" + name.replace("_", "-")
