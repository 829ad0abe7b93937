"""Open a CSV file safely and split it into cells: regular files only, a limit of size, gzip, UTF-8, the separator."""

from __future__ import annotations

import csv
import io
import os
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 2**29  # of the decompressed file
GZIP_MAGIC = b"\x1f\x8b"
SEPARATORS = ",;\t"


@dataclass(frozen=True)
class CsvText:
    """The text of a CSV file.

    Parameters
    ----------
    name : of the file, for errors. text : its content. separator : between two cells.
    """

    name: str
    text: str
    separator: str

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the number of the first line and the cells of each row; the first row is the header. Blank rows are skipped.

        Raises
        ------
        ValueError : wrong quotes, or a row of extraordinary length.
        """
        reader = csv.reader(io.StringIO(self.text, newline=""), delimiter=self.separator, strict=True)
        line = 1
        try:
            for cells in reader:
                if any(cells) or len(cells) == 1:
                    yield line, cells
                line = reader.line_num + 1
        except csv.Error as error:
            raise ValueError(f"{self.name}, line {line}: {error}; check the quotes") from None

    def line_of(self, row: int) -> int:
        """Return the line of a row; row 0 follows the header."""
        return next(line for number, (line, _) in enumerate(self.rows(), start=-1) if number == row)


def read_text(path: str | os.PathLike[str], most_bytes: int = MOST_BYTES) -> CsvText:
    """Return the text of a file, plain or gzipped, and its separator.

    Raises
    ------
    FileNotFoundError, OSError : the file is absent or cannot be read.
    ValueError : it is not a regular file, is too large, damaged, not UTF-8, or empty.
    """
    path = Path(path)
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a device or pipe"
        raise ValueError(f"{path.name}: expected a regular file, got {kind}")
    with open(path, "rb") as file:
        raw = file.read(most_bytes + 1)
    if raw.startswith(GZIP_MAGIC):
        raw = _decompressed(path.name, raw, most_bytes)
    if len(raw) > most_bytes:
        raise ValueError(f"{path.name}: expected at most {most_bytes:,} bytes, got more; split the file by series")
    return text_of(path.name, raw)


def text_of(name: str, raw: bytes) -> CsvText:
    """Return the text of bytes in UTF-8, and the separator of its cells.

    >>> text_of("a.csv", b"ds;y").separator
    ';'
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, byte = raw.count(b"\n", 0, error.start) + 1, raw[error.start]
        raise ValueError(
            f"{name}, line {line}: expected text in UTF-8, got the byte {byte:#x}; save it as UTF-8"
        ) from None
    if not text.strip():
        raise ValueError(f"{name}: expected a header and rows, got an empty file")
    return CsvText(name, text, _separator(text[: 2**20]))


def _decompressed(name: str, raw: bytes, most_bytes: int) -> bytes:
    """Return the content of a gzip file of one or several members, or its first ``most_bytes + 1`` bytes."""
    content = bytearray()
    try:
        while raw and len(content) <= most_bytes:
            stream = zlib.decompressobj(wbits=31)
            content += stream.decompress(raw, most_bytes + 1 - len(content))
            if not stream.eof and len(content) <= most_bytes:
                raise ValueError(f"{name}: the gzip stream ends early; use another copy of the file")
            raw = stream.unused_data
    except zlib.error as error:
        raise ValueError(f"{name}: the gzip stream is damaged ({error}); use another copy of the file") from None
    return bytes(content)


def _separator(start: str) -> str:
    """Return the separator that cuts the header into most cells."""

    def cells(separator: str) -> int:
        try:
            return len(next(csv.reader(io.StringIO(start, newline=""), delimiter=separator)))
        except csv.Error:
            return 0

    return max(SEPARATORS, key=cells)
