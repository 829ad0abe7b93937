"""Epochs over a finite data set: each epoch shows the rows in an order of its own, drawn from the training seed."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from ..arrays.checks import positive_integer
from ..arrays.streams import stream


def full_batches(count: int, batch_size: int, items: str) -> int:
    """Return the number of full batches per epoch of ``count`` rows; errors call rows ``items``, such as "images".

    >>> full_batches(10, 4, "images")
    2
    """
    if positive_integer("batch_size", batch_size) > count:
        raise ValueError(f"batch_size must be at most {count:,} {items}, got {batch_size:,}")
    return count // batch_size


def shuffled_rows(count: int, batch_size: int, seed: int, items: str) -> Callable[[int], np.ndarray]:
    """Return a function from a batch number to the row numbers ``(batch_size,)`` of that batch; see ``full_batches``.

    >>> rows = shuffled_rows(6, 3, seed=0, items="images")
    >>> sorted([*rows(0), *rows(1)]) == sorted([*rows(2), *rows(3)]) == [0, 1, 2, 3, 4, 5]
    True
    """
    steps = full_batches(count, batch_size, items)
    seed = positive_integer("seed", seed, least=0)

    @functools.lru_cache(maxsize=1)
    def order(epoch: int) -> np.ndarray:
        return stream(seed, "shuffling", epoch).permutation(count)

    def rows(k: int) -> np.ndarray:
        epoch, index = divmod(k, steps)
        return order(epoch)[index * batch_size : (index + 1) * batch_size]

    return rows
