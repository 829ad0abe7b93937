"""Files that are complete or absent, whenever the process that writes them ends, and the lock of their writer."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout


class LockedError(OSError):
    """Another process or thread is writing the same file; the message says what to do."""


@contextmanager
def atomic(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Open a temporary file beside ``path`` for writing; it replaces ``path`` when the block ends without an error.

    The temporary file has a name of its own, so two writers cannot mix their bytes. A symbolic link at ``path`` is replaced by
    the file; the target of the link is unchanged.

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
    part = path.with_name(_temporary(path.name, secrets.token_hex(8)))
    try:
        # "x" creates the file with the usual permissions, and fails if the name exists, even as a link
        file = open(part, mode.replace("w", "x"), encoding=None if "b" in mode else "utf-8")  # noqa: SIM115
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OSError(f"cannot write {path}: {error}; an older file of that name is unchanged") from error


@contextmanager
def locked(path: str | os.PathLike[str]) -> Iterator[None]:
    """Hold the lock of a file that only one process may write, and remove temporary files that a killed writer has left.

    The lock belongs to the operating system, which frees it when the process ends, however it ends. Readers need no lock.

    Parameters
    ----------
    path : the file to write; its folder must exist. The lock is a hidden file beside it, removed at the end of the block.

    Raises
    ------
    LockedError : if another process or thread holds the lock.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, locked(f"{folder}/run.npz"):
    ...     os.listdir(folder)
    ['.run.npz.lock']
    """
    path = Path(path)
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise LockedError(
            f"{path} is being written by another run; wait for it, stop it, or give another name"
        ) from None
    try:
        for part in path.parent.glob(_temporary(escape(path.name), "?" * 16)):
            part.unlink(missing_ok=True)
        yield
    finally:
        with suppress(OSError):  # where an open file cannot be removed, its lock file stays
            os.unlink(lock.lock_file)
        lock.release()


def _temporary(name: str, word: str) -> str:
    """Return the name of a temporary file, which differs from that of every other writer by a random word."""
    return f".{name}.{word}.part"
