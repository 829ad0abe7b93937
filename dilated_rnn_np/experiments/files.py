"""Where an experiment keeps what: the folder of a run, the metrics in it, and texts that are written whole or not at all."""

from __future__ import annotations

import csv
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..training.run import COLUMNS
from .plan import Contender


def run_folder(folder: Path, contender: Contender, seed: int) -> Path:
    """Return the folder of one run: checkpoint.npz, metrics.csv, and result.json when it is finished."""
    return folder / "runs" / f"{slug(contender.setting)}--{slug(contender.label)}--seed-{seed}"


def slug(text: str) -> str:
    """Return a text as part of a file name.

    >>> slug("T = 1,000"), slug("dilated gru")
    ('t-1000', 'dilated-gru')
    """
    return re.sub(r"[^a-z0-9.]+", "-", text.lower().replace(",", "")).strip("-")


def read_metrics(path: Path) -> dict[str, np.ndarray]:
    """Return the columns of a metrics.csv, NaN where nothing was measured; empty ones where there is no file.

    >>> len(read_metrics(Path("missing.csv"))["loss"])
    0
    """
    rows: list[dict[str, str]] = []
    if path.exists():
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in COLUMNS}


def write_text(path: Path, text: str) -> None:
    """Write a text file that is complete or not there: beside its place first, then moved."""
    part = path.with_name(f".{path.name}.part")  # what a killed process leaves, the next one writes over
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def read_json(path: Path, advice: str) -> dict[str, Any]:
    """Return what a JSON file holds; one that is damaged raises a ValueError that ends in what to do about it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it holds no names")
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); {advice}") from None
    return content
