"""Reading of files that others wrote: regular files only, and no more bytes than expected.

A pipe or a terminal would make the reader wait, and a device such as /dev/zero never ends.
"""

from __future__ import annotations

import os
import stat


def check_regular(path: str | os.PathLike[str]) -> None:
    """Raise an OSError where ``path`` exists and is a pipe, a device or a folder; links are followed."""
    if os.path.exists(path) and not os.path.isfile(path):
        kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
        kind = kinds.get(stat.S_IFMT(os.stat(path).st_mode), "a device")
        raise OSError(f"{path} must be a regular file, not {kind}; give another path")


def read_regular(path: str | os.PathLike[str], most: int | None = None) -> bytes:
    """Return the content of a regular file of at most ``most`` bytes; None allows any size.

    Raises
    ------
    OSError : where the file is missing, is not a regular file, or is larger; nothing has been read then.

    Examples
    --------
    >>> read_regular(os.devnull)
    Traceback (most recent call last):
    OSError: ... must be a regular file, not a device; give another path
    """
    check_regular(path)
    size = os.stat(path).st_size
    if most is not None and size > most:
        raise OSError(f"{path} must have at most {most:,} bytes, got {size:,}; give another file")
    with open(path, "rb") as file:
        content = file.read(size + 1)
    if len(content) > size:
        raise OSError(f"{path} grew while it was read; try again")
    return content
