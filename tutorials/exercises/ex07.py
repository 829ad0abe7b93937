"""Exercises of tutorial 7: memory capacity."""

import numpy as np
from solutions import ex07 as solutions

from . import Exercise, Mistake


def coins(rng):
    """A set in which taking the largest dilation first is not best: 2a is two hops of a, but greedily a + 2 comes first."""
    a = int(rng.integers(4, 8))
    return np.array([1, a, a + 2]), int(rng.integers(30, 40))


def greedy(dilations, limit):
    hops = np.zeros(limit + 1)
    for n in range(limit + 1):
        rest = n
        for d in sorted(dilations, reverse=True):
            hops[n] += rest // d
            rest %= d
    return hops


def used_once(dilations, limit):
    hops = np.full(limit + 1, np.inf)
    hops[0] = 0
    for d in dilations:
        for n in range(limit, d - 1, -1):
            hops[n] = min(hops[n], hops[n - d] + 1)
    return hops


def ways(dilations, limit):
    count = np.zeros(limit + 1)
    count[0] = 1
    for d in dilations:
        for n in range(d, limit + 1):
            count[n] += count[n - d]
    return count


def periods(rng):
    return (rng.integers(3, 12, (3, 9)).astype(float),)


def skips(rng):
    return int(rng.integers(3, 7)), int(rng.integers(4, 9)), int(rng.integers(20, 30))


def sizes(rng):
    return int(rng.integers(3, 7)), int(rng.integers(2, 5))


def digits(base, num_layers, layers=1, count=None, average=None, last=None):
    """The closed form with one thing changed."""
    count = num_layers if count is None else count
    average = (base - 1) / 2 if average is None else average
    last = base if last is None else last
    return layers * num_layers + count * average + last / base**num_layers


EXERCISES = {
    "7.1": Exercise(
        solutions.fewest_hops,
        coins,
        ["hops"],
        [
            Mistake(
                greedy,
                "taking the largest dilation first is not always best: with 1, 4, 6 the span 8 is 4 + 4, two hops, and not "
                "6 + 1 + 1. Compare all dilations as the last hop.",
            ),
            Mistake(
                used_once,
                "each dilation is used once at most: a loop can be taken again and again, so go through the spans upward.",
            ),
            Mistake(
                lambda dilations, limit: solutions.fewest_hops(dilations, limit) + 1,
                "one too many everywhere: span 0 takes no hop; count hops, not the places between them.",
            ),
            Mistake(ways, "you count in how many ways a span can be made up; wanted is the shortest of them."),
            Mistake(
                lambda dilations, limit: np.arange(limit + 1.0),
                "these are hops of dilation 1 alone: the longer dilations are never used.",
            ),
        ],
        [
            "what can the last hop of a path of span n have been? If it was d, what is left is a path of span n - d.",
            "hops[n] = min over the dilations d <= n of hops[n - d] + 1; hops[0] = 0.",
            "fill an array of infinities from n = 1 upward; in an inner loop over d keep the minimum.",
        ],
    ),
    "7.2": Exercise(
        solutions.mean_recurrent_length,
        periods,
        ["mean"],
        [
            Mistake(
                lambda lengths: lengths.max(axis=0).mean(),
                "n = 0 is counted: the mean runs over the spans 1 … m, and leaves lengths[:, 0] out.",
            ),
            Mistake(
                lambda lengths: lengths.max(axis=0)[1:-1].mean(),
                "the span m itself is left out: the mean runs over n = 1 … m, both included.",
            ),
            Mistake(
                lambda lengths: lengths.max(axis=0)[1:].sum() / lengths.shape[1],
                "the sum is divided by m + 1: the array has m + 1 columns, but only m of them count.",
            ),
            Mistake(
                lambda lengths: lengths.max(axis=0)[:-1].mean(),
                "the columns are shifted: span 0 is counted and span m is left out; the mean runs over n = 1 … m.",
            ),
            Mistake(
                lambda lengths: lengths[:, 1:].max(axis=1).mean(),
                "you take the worst span of each start; wanted is the worst start i (axis 0) of each span n.",
            ),
            Mistake(
                lambda lengths: lengths[:, 1:].mean(),
                "you average over the starts i; the definition takes the worst of them, the max.",
            ),
            Mistake(
                lambda lengths: lengths.min(axis=0)[1:].mean(),
                "you take the best start i; the definition takes the worst of them, the max.",
            ),
            Mistake(
                lambda lengths: lengths[:, 1:].mean(axis=1).max(),
                "max and mean in the wrong order: first the worst start of each span n, then the mean over n.",
            ),
            Mistake(
                lambda lengths: lengths.max(axis=0)[1:].sum(),
                "this is the sum over the spans; a mean divides it by m.",
            ),
        ],
        [
            "two steps: one number for each span n first, then their mean. Which operation is inside?",
            "lengths.max(axis=0) is the worst start of each span; its entry 0 is the span 0, which does not count.",
        ],
    ),
    "7.3": Exercise(
        solutions.skip_lengths,
        skips,
        ["lengths"],
        [
            Mistake(
                lambda L, s, limit: np.arange(limit + 1) // s + np.arange(limit + 1) % s,
                "the L upward edges are missing: a path starts at the input and ends at the top layer.",
            ),
            Mistake(
                lambda L, s, limit: L - 1 + np.arange(limit + 1) // s + np.arange(limit + 1) % s,
                "one upward edge too few: from the input to layer 1 is an edge too, so there are L of them.",
            ),
            Mistake(
                lambda L, s, limit: L + np.arange(limit + 1) // s,
                "the rest is missing: after n // s long hops, n % s unit hops are left to go.",
            ),
            Mistake(
                lambda L, s, limit: L + np.arange(limit + 1) % s,
                "the long hops are missing: each of the n // s skips is an edge and counts one.",
            ),
            Mistake(
                lambda L, s, limit: L + np.arange(limit + 1),
                "that is the plain stack: a skip travels s steps on one edge.",
            ),
            Mistake(
                lambda L, s, limit: L + np.where(np.arange(limit + 1) == s, 1, np.arange(limit + 1)),
                "the skip serves more than the span s: with it the spans beyond s are shorter too, 2 s is two long hops.",
            ),
            Mistake(
                lambda L, s, limit: L * (1 + np.arange(limit + 1) // s + np.arange(limit + 1) % s),
                "hops are not taken once a layer: a path goes up L edges in all and may make its hops in any layer.",
            ),
        ],
        [
            "a path makes L upward edges whatever its span, and hops of 1 or of s in any layer: how few hops make up n?",
            "as many hops of s as fit, n // s, and unit hops for the rest, n % s.",
        ],
    ),
    "7.4": Exercise(
        solutions.closed_form,
        sizes,
        ["mean"],
        [
            Mistake(
                lambda M, L: digits(M, L, last=0),
                "the span m is forgotten: counted as 0 by its digits, it takes M hops of the largest dilation.",
            ),
            Mistake(
                lambda M, L: digits(M, L, last=1),
                "the span m takes more than one hop here: no dilation is m, and the largest, M^(L-1), fits M times.",
            ),
            Mistake(
                lambda M, L: digits(M, L, count=L - 1, last=1),
                "only m is replaced: look again at how many digits the spans have, and at the hops of the span m.",
            ),
            Mistake(
                lambda M, L: digits(M, L, average=M / 2),
                "a digit is 0 … M-1, on average (M-1)/2 and not M/2.",
            ),
            Mistake(
                lambda M, L: digits(M, L, count=L - 1),
                "the spans below M^L have L digits; L - 1 would be the period M^(L-1).",
            ),
            Mistake(
                lambda M, L: digits(M, L, layers=0),
                "the L upward edges are missing: these are the hops alone.",
            ),
            Mistake(
                lambda M, L: digits(M, L, last=M * M),
                "the hops of the span m are one of m spans: divide them by m = M^L, not by M^(L-1).",
            ),
        ],
        [
            "write the spans 0 … m-1 in base M: how many digits have they, and what is a digit on average?",
            "the hops of all spans below m, on average: L (M-1)/2. The mean runs over 1 … m, so the span m takes the place of 0.",
            "the largest dilation is M^(L-1) = m/M, so the span m takes M hops: add M/m, and the L upward edges.",
        ],
    ),
}
