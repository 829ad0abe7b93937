"""Dilations with the shortest paths: exhaustive proofs for small cases, and a search for large ones.

A path over a span n takes the L upward edges and some hops. The fewest hops are the coin-change problem: write n as a sum of
as few dilations as possible, each usable any number of times. Over a period M^L no chain in which each dilation divides the
next needs fewer hops than the powers of M. Over M^(L-1) and M of 3 and more other chains do (for M = 3 and two layers they
tie), and sets that are no such chain do much better.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ..arrays import inputs
from ..arrays.checks import positive_integer
from .paths import with_hops


def fewest_hops(dilations: Sequence[int], limit: int) -> np.ndarray:
    """Return the fewest hops for each span 0 … limit; infinity where no sum of dilations gives the span.

    >>> fewest_hops([1, 4], 6).tolist()
    [0.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0]
    """
    hops = np.full(positive_integer("limit", limit, least=0) + 1, np.inf)
    hops[0] = 0
    for d in inputs.dilations(dilations):
        hops = with_hops(hops, d)
    return hops


def mean_hops(dilations: Sequence[int], period: int) -> float:
    """Return the mean of the fewest hops over the spans 1 … period.

    >>> mean_hops([1, 2, 4], 4)
    1.25
    """
    return float(fewest_hops(dilations, positive_integer("period", period))[1:].mean())


def divisor_chains(num_layers: int, largest: int) -> Iterator[tuple[int, ...]]:
    """Yield all increasing chains of dilations ``1 | d_2 | … | d_L``, each dividing the next, up to ``largest``.

    >>> list(divisor_chains(3, 6))
    [(1, 2, 4), (1, 2, 6), (1, 3, 6)]
    """
    if positive_integer("num_layers", num_layers) == 1:
        yield (1,)
        return
    for chain in divisor_chains(num_layers - 1, largest):
        for d in range(2 * chain[-1], largest + 1, chain[-1]):
            yield (*chain, d)


def all_sets(num_layers: int, largest: int) -> Iterator[tuple[int, ...]]:
    """Yield all sets of dilations up to ``largest`` that contain 1, without which span 1 has no path.

    >>> list(all_sets(2, 4))
    [(1, 2), (1, 3), (1, 4)]
    """
    others = itertools.combinations(range(2, largest + 1), positive_integer("num_layers", num_layers) - 1)
    return ((1, *rest) for rest in others)


def best_of(candidates: Iterable[Sequence[int]], period: int) -> tuple[float, list[tuple[int, ...]]]:
    """Return the lowest mean number of hops among the candidates, and all candidates that attain it.

    Over a period M^L no divisor chain is better than the powers of M; one other is as good:

    >>> best_of(divisor_chains(3, 8), 8)
    (1.75, [(1, 2, 4), (1, 2, 6)])

    Over M^(L-1) the powers are not the best, here for M = 4:

    >>> best_of(divisor_chains(3, 16), 16)
    (2.5, [(1, 2, 6), (1, 3, 6), (1, 3, 9)])
    """
    best = float("inf")
    winners: list[tuple[int, ...]] = []
    for candidate in candidates:
        mean = mean_hops(candidate, period)
        if mean < best:
            best, winners = mean, []
        if mean == best:
            winners.append(tuple(candidate))
    if best == float("inf"):
        raise ValueError("no candidate reaches every span; add dilation 1, or allow larger dilations")
    return best, winners


def search_dilations(num_layers: int, period: int, seed: int = 0, restarts: int = 20) -> list[int]:
    """Return dilations with a low mean number of hops over the spans 1 … period, by coordinate descent with restarts.

    Each restart begins with a random set and replaces one dilation at a time by its best value until none improves. The
    result is not proven to be best; ``best_of(all_sets(…))`` proves small cases. Equal seeds give equal results.

    >>> dilations = search_dilations(3, 16)
    >>> mean_hops(dilations, 16) == best_of(all_sets(3, 16), 16)[0]
    True
    """
    num_layers, period = positive_integer("num_layers", num_layers), positive_integer("period", period)
    restarts = positive_integer("restarts", restarts)
    if num_layers > period:
        raise ValueError(f"num_layers must be at most the period {period}: longer hops are unused, got {num_layers}")
    # Not a keyed stream: the sets that the results report follow from these numbers, and nothing else draws them.
    rng = np.random.default_rng(positive_integer("seed", seed, least=0))
    best: tuple[float, list[int]] = (float("inf"), [])
    for _ in range(restarts):
        others = sorted(rng.choice(np.arange(2, period + 1), num_layers - 1, replace=False).tolist())
        best = min(best, _descend([1, *others], period, rng))
    return best[1]


def _descend(dilations: list[int], period: int, rng: np.random.Generator) -> tuple[float, list[int]]:
    """Set one dilation at a time to its best value until none improves; return the mean number of hops and the set."""
    lowest, improved = mean_hops(dilations, period), True
    while improved:
        improved = False
        for place in rng.permutation(np.arange(1, len(dilations))):
            rest = fewest_hops([d for i, d in enumerate(dilations) if i != place], period)
            means = [float(with_hops(rest, d)[1:].mean()) for d in range(2, period + 1)]
            if min(means) < lowest:
                lowest, improved = min(means), True
                dilations[place] = 2 + int(np.argmin(means))
    return lowest, sorted(dilations)
