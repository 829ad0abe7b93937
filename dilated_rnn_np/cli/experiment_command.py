"""The command ``experiment``: its options, and what it prints."""

from __future__ import annotations

import argparse
from typing import Any

from ..arrays.backend import get_backend
from ..arrays.checks import choose
from ..baselines.systems import SYSTEMS
from ..experiments import EXPERIMENTS
from ..experiments.harness import conduct
from ..experiments.plan import SCALES, Choices
from ..recurrence.cells import CELLS
from ..tasks.characters import CORPORA


def add_command(commands: Any, formatter_class: Any) -> None:
    """Add the command to the command line's parser."""
    listed = "\n".join(f"  {name:<20}{e.description}" for name, e in EXPERIMENTS.items())
    experiment = commands.add_parser(
        "experiment",
        help="train systems against each other, into a table and pictures",
        description=f"experiments:\n{listed}",
        formatter_class=type("Help", (formatter_class, argparse.RawDescriptionHelpFormatter), {}),
    )
    experiment.set_defaults(command="experiment")
    experiment.add_argument("name", metavar="NAME", help=f"one of {', '.join(EXPERIMENTS)}")
    scales = "; ".join(f"{name}: {words}" for name, words in SCALES.items())
    experiment.add_argument("--scale", metavar="SCALE", default="quick", help=scales)
    experiment.add_argument("--systems", metavar="LIST", help=f"some of {','.join(SYSTEMS)}; all of them")
    experiment.add_argument("--cells", metavar="LIST", help=f"some of {','.join(CELLS)}; as the experiment says")
    experiment.add_argument("--parameters", type=int, metavar="N", help="nets of at most so many parameters each")
    experiment.add_argument(
        "--setting",
        action="append",
        metavar="NAME",
        help="one of the table's settings, such as 'T = 500'; may be repeated; all of them",
    )
    experiment.add_argument("--steps", type=int, metavar="N", help="training steps of each run; as the scale says")
    experiment.add_argument("--batch-size", type=int, metavar="N", help="sequences a step; as the scale says")
    experiment.add_argument("--embedding", type=int, metavar="E", help="each net first maps its input to E numbers")
    experiment.add_argument("--corpus", metavar="NAME", help=f"characters: one of {', '.join(CORPORA)}")
    experiment.add_argument("--frame", type=int, metavar="N", help="speech: samples a time step; 1 is sample by sample")
    experiment.add_argument("--seeds", type=int, metavar="N", help="runs of each net; as the experiment says")
    experiment.add_argument("--backend", metavar="NAME", default="numpy", help="numpy, cupy or auto")
    experiment.add_argument(
        "--out", metavar="FOLDER", help="where to write, or what to go on with; runs/experiments/NAME-SCALE"
    )
    experiment.add_argument(
        "--data-dir", metavar="FOLDER", help="where data files lie; else $DILATED_RNN_DATA, a cache, a download"
    )
    experiment.add_argument("--threads", type=int, metavar="N", help="threads to compute with; as many as cores")


def experiment_command(options: argparse.Namespace) -> None:
    """Run an experiment, or go on with it, and print its table."""
    experiment = choose("experiment", options.name, EXPERIMENTS)
    choices = Choices(
        options.scale,
        _names(options.systems),
        _names(options.cells),
        options.parameters,
        get_backend(options.backend).__name__,
        options.data_dir,
        None if options.setting is None else tuple(options.setting),
        options.steps,
        options.batch_size,
        options.embedding,
        options.corpus,
        options.frame,
    )
    folder = options.out or f"runs/experiments/{experiment.name}-{choices.scale}"
    conduct(experiment, choices, folder, options.seeds)
    with open(f"{folder}/table.md", encoding="utf-8") as table:
        print("\n" + table.read())
    print(f"table.csv, table.md, the pictures and record.json are in {folder}")


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(dict.fromkeys(name.strip() for name in text.split(",")))
