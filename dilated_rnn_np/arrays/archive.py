"""The file format of models and runs: named arrays and a JSON object, in an uncompressed ``.npz`` archive without pickle.

The metadata lists the dtype and shape of every array, and holds a digest of the whole content, so a damaged file is refused and
never read in part. All sizes are compared before the first array is read, so a hostile file costs little more memory than its
own size.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from .files import atomic

FORMAT = "dilated_rnn_np checkpoint 2"
UNLISTED = "dilated_rnn_np checkpoint 1"  # the older format, whose metadata has neither list nor digest
KINDS = "biufcSUmM"  # kinds of dtypes that a file may hold: numbers, texts, dates; no objects
MOST_TEXT = 2**24  # characters of metadata: parsed JSON takes many times the memory of its text

Arrays = dict[str, np.ndarray]


class CheckpointError(ValueError):
    """A checkpoint is truncated, damaged, or of another model or run than expected; the message says what to do."""


def write(path: str | os.PathLike[str], arrays: Arrays, meta: dict[str, Any]) -> None:
    """Write arrays and a JSON-able dict to a file, atomically.

    Raises
    ------
    OSError : if the folder is missing or not writable; an older file of that name is left as it is.
    TypeError or ValueError : for arrays of objects, values that JSON cannot hold, and metadata that is too long.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(f"{folder}/a.npz", {"ramp": np.arange(3)}, {"unit": "ms"})
    ...     read(f"{folder}/a.npz")
    ({'ramp': array([0, 1, 2])}, {'unit': 'ms'})
    """
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    for name, array in arrays.items():
        if array.dtype.kind not in KINDS or name == "meta":
            raise TypeError(f"arrays must hold numbers and not be named 'meta', got {name!r} of dtype {array.dtype}")
    listed = {name: _described(array.dtype, array.shape) for name, array in arrays.items()}
    head = {"format": FORMAT, "arrays": listed, "meta": json.loads(json.dumps(meta))}  # as it will be read
    text = json.dumps(head | {"digest": _digest(arrays, head)})
    if len(text) > MOST_TEXT:
        raise ValueError(
            f"metadata must have at most {MOST_TEXT:,} characters, got {len(text):,}; store data as arrays"
        )
    checked_place(path)
    with atomic(path, "wb") as file, ZipFile(file, "w") as archive:
        for name, array in {"meta": np.array(text), **arrays}.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def checked_place(path: str | os.PathLike[str]) -> None:
    """Raise an OSError if a file cannot be written, before anything is written."""
    folder = Path(path).absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK) or Path(path).is_dir():
        raise OSError(f"cannot write {path}: its folder must exist and be writable, and the path must not be a folder")


def read(path: str | os.PathLike[str]) -> tuple[Arrays, dict[str, Any]]:
    """Return the arrays and the dict that ``write`` wrote, complete and unchanged.

    Raises
    ------
    FileNotFoundError : if there is no such file.
    CheckpointError : if it is truncated, damaged or not a checkpoint; the message names the file and the entry.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}; pass the path of a file that save or fit wrote")
    entry, arrays, found = "the directory of the archive", Arrays(), {}
    with open(path, "rb") as file:
        try:
            archive = ZipFile(file)
            members = _members(archive, path.stat().st_size)
            for entry, member in members.items():
                found[entry] = _header(archive, member)
            entry = "meta"
            head = _head(archive, members[entry], found.pop(entry))
            for entry in sorted(head["arrays"].keys() | found) if head["format"] == FORMAT else ():
                if head["arrays"].get(entry) != found.get(entry):
                    raise ValueError("the array differs from the list in the metadata")
            for entry in found:
                arrays[entry] = _array(archive, members[entry])
            entry = "meta"
            if head["format"] == FORMAT and head.pop("digest") != _digest(arrays, head):
                raise ValueError("the digest differs from that of the content")
        except MemoryError:
            raise
        except Exception as error:  # a damaged archive raises errors of zipfile, NumPy and json
            raise CheckpointError(
                f"{path} is cut off, damaged, or not a checkpoint of this library ({entry}: {reason(error)}); "
                "use another copy of it, or train again"
            ) from None
    return arrays, head["meta"]


def reason(error: Exception) -> str:
    """Return the message of any error as a part of one line, with its type unless it is a ValueError.

    >>> reason(KeyError("step")), reason(ValueError("the file is empty"))
    ("KeyError: 'step'", 'the file is empty')
    """
    return " ".join(f"{type(error).__name__}: {error}".removeprefix("ValueError: ").split())[:300]


def _members(archive: ZipFile, file_size: int) -> dict[str, ZipInfo]:
    """Return the members of an archive by the names of their arrays; together they cannot be larger than the file."""
    infos = archive.infolist()
    members = {info.filename.removesuffix(".npy"): info for info in infos}
    if len(members) < len(infos) or not all(info.filename.endswith(".npy") for info in infos):
        raise ValueError("it must list arrays, each once")
    if any(info.compress_type != ZIP_STORED for info in infos) or sum(info.file_size for info in infos) > file_size:
        raise ValueError("its entries must be uncompressed and not larger than the file")
    return members


def _header(archive: ZipFile, info: ZipInfo) -> list[Any]:
    """Return dtype and shape of a stored array, whose size must be that of its member."""
    with archive.open(info) as member:
        reader = f"read_array_header_{'_'.join(map(str, np.lib.format.read_magic(member)))}"
        shape, _, dtype = getattr(np.lib.format, reader)(member)
        size = member.tell() + dtype.itemsize * math.prod(shape)
    if dtype.kind not in KINDS or min(shape, default=0) < 0 or size != info.file_size:
        raise ValueError(f"its header describes {size:,} bytes of dtype {dtype}, got {info.file_size:,}")
    return _described(dtype, shape)


def _array(archive: ZipFile, info: ZipInfo) -> np.ndarray:
    """Return a stored array; reading a member to its end verifies its checksum."""
    with archive.open(info) as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _head(archive: ZipFile, info: ZipInfo, described: list[Any]) -> dict[str, Any]:
    """Return the parsed metadata, with the content under "meta" in both formats."""
    if info.file_size > 4 * MOST_TEXT + 1000:
        raise ValueError(f"metadata must have at most {MOST_TEXT:,} characters")
    head = json.loads(str(_array(archive, info)))
    if head["format"] == UNLISTED:
        return {"format": head.pop("format"), "meta": head}
    if head["format"] != FORMAT or not isinstance(head["meta"], dict):
        raise ValueError(f"unknown format {head['format']!r}; a newer version of the library may read it")
    return head


def _described(dtype: np.dtype, shape: tuple[int, ...]) -> list[Any]:
    """Return dtype and shape of an array as the metadata lists them."""
    return [dtype.str, list(shape)]


def _digest(arrays: Arrays, head: dict[str, Any]) -> str:
    """Return the SHA-256 of metadata and arrays, in the listed order."""
    digest = hashlib.sha256(json.dumps(head).encode())
    for name in head["arrays"]:
        if arrays[name].nbytes:
            digest.update(arrays[name].reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
