"""The command ``experiment``: from options to a study, and its table."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from ..arrays.backend import get_backend
from ..experiments import EXPERIMENTS, Choices, Study, conduct
from .errors import user_errors


def experiment_command(options: argparse.Namespace) -> None:
    """Run or continue an experiment, and print its table."""
    given = {field.name: getattr(options, field.name) for field in fields(Choices)}
    with user_errors():
        given["backend"] = get_backend(options.backend).__name__
        given["settings"] = None if options.settings is None else tuple(options.settings)
        study = Study.of(EXPERIMENTS[options.name], Choices(**given), options.seeds)
    folder = Path(options.out or f"runs/experiments/{options.name}-{options.scale}")
    conduct(study, folder, jobs=options.jobs, threads=options.threads)
    print("\n" + (folder / "table.md").read_text(encoding="utf-8"))
    print(f"table.csv, table.md, the pictures and record.json are in {folder}")
