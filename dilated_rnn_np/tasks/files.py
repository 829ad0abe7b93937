"""Finds a data file, downloads it where it is missing, and hands out nothing that it has not verified.

A file is looked for in ``data_dir``, then in ``$DILATED_RNN_DATA``, then in a cache folder, and only then downloaded
into the cache folder; the first two are never written to. What is verified is a digest of the *decompressed* bytes, SHA-256
where the publisher gives no other, so that any mirror's compression serves, and the file may as well lie there uncompressed.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "DILATED_RNN_DATA"
PLACES = f"a folder named by --data-dir (data_dir=...) or ${VARIABLE}"
TIMEOUT = 30  # seconds without a byte until a mirror is given up
GZIP_MAGIC = b"\x1f\x8b"


class DataError(RuntimeError):
    """A data file is missing, damaged or not the one that was expected; the message says what to do about it."""


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of the bytes in hexadecimal digits.

    >>> sha256_of(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(content).hexdigest()


def md5_of(content: bytes) -> str:
    """Return the MD5 of the bytes in hexadecimal digits, for files that are published with no better digest.

    >>> md5_of(b"")[:8]
    'd41d8cd9'
    """
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class DataFile:
    """What a data file is called, how its content is known, and where it is published.

    Parameters
    ----------
    name : the file's name without ``.gz``; on the disk it may be ``name.gz`` or ``name``.
    sha256 : the digest that its decompressed content must have.
    urls : the mirrors, tried in order; what they send may be gzipped or not.
    folder : the subfolder it is kept in; it is found directly in ``data_dir`` or ``$DILATED_RNN_DATA`` as well.
    digest : the function from the decompressed content to the digest. An archive that every mirror packs anew may
        digest the files in it instead; it raises a ValueError for bytes that are no such archive.
    kind : what errors call the digest.

    Examples
    --------
    >>> DataFile("letters.txt", sha256_of(b"abc"), ("https://example.org/letters.txt.gz",), folder="letters").folder
    'letters'
    """

    name: str
    sha256: str
    urls: tuple[str, ...]
    folder: str = ""
    digest: Callable[[bytes], str] = sha256_of
    kind: str = "SHA-256"


def read(file: DataFile, data_dir: str | os.PathLike[str] | None = None) -> bytes:
    """Return the verified, decompressed content of a data file, downloaded if it is found nowhere.

    Parameters
    ----------
    file : the file to read.
    data_dir : the folder to look in first, or None.

    Returns
    -------
    The decompressed bytes, whose digest is ``file.sha256``.

    Raises
    ------
    DataError : the file is damaged, is another one, or can neither be found nor downloaded. A damaged file is left
        as it is.
    """
    path = locate(file, data_dir)
    if path is None:
        return _download(file)
    try:
        return _verified(file, path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be used: {error}. Delete it to have it downloaded again, or put a good copy into {PLACES}."
        ) from error


def locate(file: DataFile, data_dir: str | os.PathLike[str] | None = None) -> Path | None:
    """Return the path of the copy that ``read`` would use, not verified, or None where it would have to download."""
    for root in _folders(data_dir):
        for folder in (root / file.folder, root):
            for path in (folder / f"{file.name}.gz", folder / file.name):
                if path.is_file():
                    return path
    return None


def cache_folder() -> Path:
    """Return the folder that downloads are kept in."""
    import pooch  # takes a while to import, and is not needed where the data is at hand

    return Path(pooch.os_cache("dilated_rnn_np"))


def _folders(data_dir: str | os.PathLike[str] | None) -> Iterator[Path]:
    """Yield the folders to look in, in order; a folder that was named by the user has to exist."""
    for origin, named in (("data_dir", data_dir), (f"${VARIABLE}", os.environ.get(VARIABLE))):
        if named:
            folder = Path(named).expanduser()
            if not folder.is_dir():
                raise DataError(f"{origin} must be an existing folder, got {folder}; create it or leave {origin} out.")
            yield folder
    yield cache_folder()


def _verified(file: DataFile, raw: bytes) -> bytes:
    """Return the decompressed content of ``raw``, or raise a ValueError that says what is wrong with it."""
    try:
        # The bytes tell, not the name: a server or a browser may have decompressed on the way.
        content = gzip.decompress(raw) if raw.startswith(GZIP_MAGIC) else raw
    except EOFError:
        raise ValueError(f"its gzip stream ends early, after {len(raw):,} bytes") from None
    except (OSError, zlib.error) as error:
        raise ValueError(f"its gzip stream is damaged ({error})") from None
    digest = file.digest(content)
    if digest != file.sha256:
        size = f"{len(content):,} bytes"
        raise ValueError(f"its decompressed content ({size}) has {file.kind} {digest}, expected {file.sha256}")
    return content


def _download(file: DataFile) -> bytes:
    """Download the file into the cache folder from the first mirror that has a good copy, and return its content."""
    import pooch

    folder = cache_folder() / file.folder
    failures = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # In the same folder, so that the move is atomic; it vanishes with all it holds whatever happens.
        with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as scratch:
            for url in file.urls:
                part = Path(scratch) / "part"
                try:
                    pooch.HTTPDownloader(timeout=TIMEOUT, chunk_size=2**16)(url, str(part), None)
                    raw = part.read_bytes()
                    content = _verified(file, raw)
                except (OSError, ValueError) as error:
                    failures.append(f"  {url}: {error}")
                else:
                    os.replace(part, folder / (f"{file.name}.gz" if raw.startswith(GZIP_MAGIC) else file.name))
                    return content
    except OSError as error:
        raise DataError(
            f"{file.name} cannot be downloaded into {folder}: {error}. Make that folder writable, or put the file "
            f"into {PLACES}."
        ) from error
    remedy = f"Fetch it by hand and put it into {folder}, or into {PLACES}."
    raise DataError("\n".join([f"{file.name} was not found, and no mirror gave a good copy:", *failures, remedy]))
