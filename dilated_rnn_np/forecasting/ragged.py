"""Series of different lengths in groups of similar ones, so that a loop over time runs many series at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

GROUP = 64  # series per group


def lengths_of(series: Sequence[np.ndarray]) -> np.ndarray:
    """Return the lengths of series, (N,)."""
    return np.array([len(values) for values in series])


def groups(series: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield the numbers of the series, sorted by length, in groups of at most GROUP."""
    order = np.argsort(lengths_of(series), kind="stable")
    for first in range(0, len(order), GROUP):
        yield order[first : first + GROUP]


def padded(series: Sequence[np.ndarray]) -> np.ndarray:
    """Return series, (T_i, …) each, as one array (N, T, …), with NaN past the ends.

    >>> padded([np.array([1.0, 2.0]), np.array([3.0])]).tolist()
    [[1.0, 2.0], [3.0, nan]]
    """
    result = np.full((len(series), max(map(len, series)), *series[0].shape[1:]), np.nan)
    for row, values in enumerate(series):
        result[row, : len(values)] = values
    return result
