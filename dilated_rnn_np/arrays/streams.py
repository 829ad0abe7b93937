"""Random streams: every purpose has its own stream, so no two purposes share numbers, whatever the seed.

``default_rng([seed, k])`` does not separate them: a SeedSequence pads its entropy with zeros, so ``[s]``, ``[s, 0]`` and
``[s, 0, 0]`` are one stream. A spawn key is hashed apart from the seed.
"""

from __future__ import annotations

import hashlib

import numpy as np

from .checks import one_of, positive_integer

# The index of a purpose determines its numbers: add new purposes at the end.
PURPOSES = (
    "weights", "batches", "validation", "test", "dropout", "shuffling", "permutation", "noise", "analysis", "sampling",
    "members",
)  # fmt: skip


def stream(seed: int, purpose: str, *key: int) -> np.random.Generator:
    """Return the generator of a purpose and a key, for instance the number of a batch.

    Parameters
    ----------
    seed : a whole number of at least 0. purpose : one of ``PURPOSES``. key : whole numbers of at least 0.

    Raises
    ------
    ValueError or TypeError : for an unknown purpose or a negative or fractional seed.

    Examples
    --------
    >>> stream(3, "batches", 0).random() != stream(3, "weights").random()
    True
    """
    place = PURPOSES.index(one_of("purpose", purpose, PURPOSES))
    seed = positive_integer("seed", seed, least=0)
    if seed >= 2**128:  # a longer seed would run into the key
        seed = int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:16], "big")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(place, *key)))


def checked_rng(what: str, rng: int | np.random.Generator, purpose: str) -> np.random.Generator:
    """Return the Generator itself, or the stream of a purpose for a seed; ``what`` names the argument in errors."""
    if isinstance(rng, np.random.Generator):
        return rng
    return stream(positive_integer(what, rng, least=0), purpose)
