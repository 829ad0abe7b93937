"""The folders and files of runs and experiments: their names, whether they belong together, and their reading."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays.regular_files import read_regular
from ..training.run import COLUMNS


class FolderError(ValueError):
    """A folder belongs to another run or experiment, or a file in it is damaged; the message says what to do."""


def check_same(kind: str, there: dict[str, Any], here: dict[str, Any], folder: Path) -> None:
    """Raise a FolderError that names the first setting of ``here`` that differs; settings unknown ``there`` are skipped."""
    for name, value in here.items():
        stored = there.get(name, value)
        if isinstance(value, dict) and isinstance(stored, dict):
            check_same(kind, stored, value, folder)
        elif stored != value:
            raise FolderError(
                f"{folder} is of another {kind}: {name.replace('_', '-')} is {stored!r:.200} there, {value!r:.200} here; "
                "use the same settings, or give another folder (--out FOLDER)"
            )


@contextmanager
def made_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder, created if missing; if the block raises, the created folders that are still empty are removed.

    An OSError names the option that gives another folder.
    """
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"cannot make the folder {folder} ({error.strerror}); give another one (--out FOLDER)") from None
    try:
        yield folder
    except BaseException:
        with suppress(OSError):  # a folder that is not empty stays
            for path in created:
                path.rmdir()
        raise


def slug(text: str) -> str:
    """Return a text as part of a file name.

    >>> slug("T = 1,000"), slug("dilated gru")
    ('t-1000', 'dilated-gru')
    """
    return re.sub(r"[^a-z0-9.]+", "-", text.lower().replace(",", "")).strip("-")


def read_metrics(path: Path) -> dict[str, np.ndarray]:
    """Return the columns of a metrics.csv, NaN for empty cells; the columns are empty if the file does not exist."""
    rows: list[dict[str, str]] = []
    if path.exists():
        rows = list(csv.DictReader(io.StringIO(read_regular(path).decode("utf-8"), newline="")))
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in COLUMNS}


def read_json(path: Path, advice: str) -> dict[str, Any]:
    """Return the object in a JSON file; a damaged file raises a FolderError that ends in the advice."""
    try:
        content = json.loads(read_regular(path).decode("utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it does not hold an object")
    except ValueError as error:
        raise FolderError(f"{path} is damaged ({error}); {advice}") from None
    return content
