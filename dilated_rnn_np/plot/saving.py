"""Saving: a picture is written as a whole or not at all, and an error names its file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..arrays.files import atomic
from ..arrays.regular_files import check_regular
from .style import new_axes


def checked_picture(path: str | os.PathLike[str]) -> Path:
    """Return the path of a picture to be drawn later; a path that could not be written raises at once.

    >>> checked_picture("curve.xyz")
    Traceback (most recent call last):
    ValueError: a picture must end in one of ..., got curve.xyz
    """
    path, suffixes = Path(path), new_axes().figure.canvas.get_supported_filetypes()
    if path.suffix[1:] not in suffixes:
        raise ValueError(f"a picture must end in one of .{', .'.join(suffixes)}, got {path}")
    folder = path.absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise OSError(f"cannot write the picture {path}: {folder} must be a writable folder")
    check_regular(path)
    return path


def save_picture(ax: Any, path: str | os.PathLike[str], dpi: int = 150) -> Path:
    """Write the figure of axes, or a figure itself, to a file whose ending names the format, and return the path.

    Raises
    ------
    OSError : if the file cannot be written; an older file of that name is unchanged.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(save_picture(new_axes(), f"{folder}/empty.png").name)
    empty.png
    """
    path = checked_picture(path)
    with atomic(path, "wb") as file:
        ax.figure.savefig(file, format=path.suffix[1:], dpi=dpi)
    return path
