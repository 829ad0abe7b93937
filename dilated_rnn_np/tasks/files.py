"""Data files: find a file or download it, verify its digest, and return its content.

A file is searched for in ``data_dir``, then in ``$DILATED_RNN_DATA``, then in a cache folder; if it is in none of them, it is
downloaded into the cache folder. The first two folders are never written to. The digest is that of the *decompressed*
bytes, so a mirror may compress the file in any way, and a local copy may be uncompressed.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..arrays.regular_files import read_regular

VARIABLE = "DILATED_RNN_DATA"
PLACES = f"a folder named by --data-dir (data_dir=...) or ${VARIABLE}"
TIMEOUT = 30  # seconds without data until a mirror counts as failed
GZIP_MAGIC = b"\x1f\x8b"
COMPRESSION_ADDS = 2**16  # bytes at most, to data of less than 2**27 bytes that gzip cannot compress


class DataError(RuntimeError):
    """A data file is missing, damaged or a different file than expected; the message says what to do."""


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of the bytes in hexadecimal.

    >>> sha256_of(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(content).hexdigest()


def md5_of(content: bytes) -> str:
    """Return the MD5 of the bytes in hexadecimal, for files that are published with an MD5 only."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class DataFile:
    """The description of a published data file.

    For an archive that each mirror packs differently, ``digest_of`` may digest the files in the archive; it raises a ValueError
    for bytes that are not such an archive.
    """

    name: str  # without .gz; on disk it may be ``name.gz`` or ``name``
    digest: str  # the expected digest of the decompressed content
    urls: tuple[str, ...]  # the mirrors, tried in order; their content may be gzipped or not
    folder: str = ""  # the subfolder that holds the file; it may also be directly in a folder of the search
    digest_of: Callable[[bytes], str] = sha256_of  # from the decompressed content
    algorithm: str = "SHA-256"  # the name of the digest in errors
    most: int = 2**26  # bytes that the decompressed content has, at most; no more are read


def read(file: DataFile, data_dir: str | os.PathLike[str] | None = None) -> bytes:
    """Return the verified, decompressed content of a data file; download it if there is no local copy.

    Parameters
    ----------
    data_dir : the first folder to search, or None.

    Raises
    ------
    DataError : the file is damaged, is a different file, or can neither be found nor downloaded. A damaged file stays as it is.
    """
    path = locate(file, data_dir)
    if path is None:
        return _download(file)
    try:
        return _verified(file, read_regular(path, file.most + COMPRESSION_ADDS))
    except (OSError, ValueError) as error:
        remedy = f"Delete it to download it again, or put a good copy into {PLACES}."
        raise DataError(f"{path} cannot be used: {error}. {remedy}") from error


def locate(file: DataFile, data_dir: str | os.PathLike[str] | None = None) -> Path | None:
    """Return the path of the local copy that ``read`` uses, not verified, or None if there is none."""
    for root in _folders(data_dir):
        for folder in (root / file.folder, root):
            for path in (folder / f"{file.name}.gz", folder / file.name):
                if path.is_file():
                    return path
    return None


def cache_folder() -> Path:
    """Return the folder for downloaded files."""
    import pooch  # a slow import, needed only for the cache folder and downloads

    return Path(pooch.os_cache("dilated_rnn_np"))


def _folders(data_dir: str | os.PathLike[str] | None) -> Iterator[Path]:
    """Yield the folders to search, in order; a folder named by the user must exist."""
    for origin, named in (("data_dir", data_dir), (f"${VARIABLE}", os.environ.get(VARIABLE))):
        if named:
            folder = Path(named).expanduser()
            if not folder.is_dir():
                raise DataError(f"{origin} must be an existing folder, got {folder}; create it or leave {origin} out.")
            yield folder
    yield cache_folder()


def _verified(file: DataFile, raw: bytes) -> bytes:
    """Return the decompressed content of ``raw``, or raise a ValueError that describes the damage."""
    try:
        # Check the bytes, not the name: a server or browser may have decompressed the file.
        content = raw
        if raw.startswith(GZIP_MAGIC):
            with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
                content = stream.read(file.most + 1)
    except EOFError:
        raise ValueError(f"its gzip stream ends early, after {len(raw):,} bytes") from None
    except (OSError, zlib.error) as error:
        raise ValueError(f"its gzip stream is damaged ({error})") from None
    if len(content) > file.most:
        raise ValueError(f"its decompressed content must have at most {file.most:,} bytes, got more")
    digest = file.digest_of(content)
    if digest != file.digest:
        found = f"({len(content):,} bytes) has {file.algorithm} {digest}"
        raise ValueError(f"its decompressed content {found}, expected {file.digest}")
    return content


def _download(file: DataFile) -> bytes:
    """Download the file into the cache folder from the first mirror with a good copy, and return its content."""
    import pooch

    folder = cache_folder() / file.folder
    failures = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A temporary folder on the same file system makes the final move atomic, and is removed after any error.
        with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as scratch:
            for url in file.urls:
                part = Path(scratch) / "part"
                try:
                    pooch.HTTPDownloader(timeout=TIMEOUT, chunk_size=2**16)(url, str(part), None)
                    raw = read_regular(part, file.most + COMPRESSION_ADDS)
                    content = _verified(file, raw)
                except (OSError, ValueError) as error:
                    failures.append(f"  {url}: {error}")
                else:
                    os.replace(part, folder / (f"{file.name}.gz" if raw.startswith(GZIP_MAGIC) else file.name))
                    return content
    except OSError as error:
        remedy = f"Make that folder writable, or put the file into {PLACES}."
        raise DataError(f"{file.name} cannot be downloaded into {folder}: {error}. {remedy}") from error
    remedy = f"Download it manually and put it into {folder}, or into {PLACES}."
    raise DataError("\n".join([f"{file.name} was not found, and no mirror has a good copy:", *failures, remedy]))
