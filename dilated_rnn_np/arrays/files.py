"""Atomic files: a file is complete or absent, whenever the process that writes it ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def atomic(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Open a temporary file beside ``path`` for writing; it replaces ``path`` when the block ends without an error.

    Parameters
    ----------
    path : the file to write. mode : "w" for text in UTF-8, "wb" for bytes.

    Raises
    ------
    OSError : if the file cannot be written; an older file of that name is unchanged.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic(f"{folder}/a.txt") as file:
    ...         _ = file.write("whole")
    ...     Path(folder, "a.txt").read_text(), os.listdir(folder)
    ('whole', ['a.txt'])
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.part")  # a fixed name: the next run overwrites the file of a killed one
    try:
        with open(part, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(f"cannot write {path}: {error}; an older file of that name is unchanged") from error
        raise
