"""The vocabulary of a character model: it numbers the characters of a text and turns numbers back into text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

UNKNOWN = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Vocabulary:
    """The characters that a model knows.

    Parameters
    ----------
    characters : one string in sorted order; character k has number k.

    Examples
    --------
    >>> known = Vocabulary.of("to be or not to be")
    >>> known.characters, known.encode("tree").tolist(), known.decode([6, 4])
    (' benort', [6, 5, 2, 2], 'to')
    """

    characters: str

    def __post_init__(self) -> None:
        if list(self.characters) != sorted(set(self.characters)):
            raise ValueError(f"a vocabulary must hold each character once, in sorted order, got {self.characters!r}")

    @classmethod
    def of(cls, training: str, held_out: Sequence[str] = ()) -> Vocabulary:
        """Return the vocabulary of a training text, plus UNKNOWN if the held-out texts have other characters."""
        characters = set(training)
        return cls("".join(sorted(characters if set().union(*held_out) <= characters else characters | {UNKNOWN})))

    def __len__(self) -> int:
        """Return V, the number of characters."""
        return len(self.characters)

    def encode(self, text: str, what: str = "text") -> np.ndarray:
        """Return the numbers (N,) of a text's characters; a character outside the vocabulary raises a ValueError."""
        if strange := sorted(set(text) - set(self.characters)):
            raise ValueError(f"{what} must keep to characters of the training text, got {''.join(strange)!r}")
        return self.numbers(text)

    def numbers(self, text: str) -> np.ndarray:
        """Return the numbers (N,) of a text's characters; characters outside the vocabulary get the number of UNKNOWN."""
        known, points = _code_points(self.characters), _code_points(text)
        places = np.searchsorted(known, points).clip(max=len(known) - 1)
        return np.where(known[places] == points, places, self.characters.find(UNKNOWN)).astype(np.int32)

    def decode(self, codes: Any) -> str:
        """Return the text of numbers (N,); a number outside 0..V-1 raises a ValueError."""
        codes = np.asarray(codes)
        if codes.ndim != 1 or (codes.size and codes.dtype.kind not in "iu"):
            raise TypeError(f"codes must be whole numbers (N,), got {codes.dtype} of shape {codes.shape}")
        if codes.size and not (codes.min() >= 0 and codes.max() < len(self)):
            raise ValueError(f"codes must lie in 0..{len(self) - 1}, got {codes.min()} to {codes.max()}")
        return "".join(self.characters[code] for code in codes)


def _code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
