"""Exercises of tutorial 5: dilation is a reshape."""

import numpy as np
from solutions import ex05 as solutions

from . import Exercise, Mistake

D, H = 2, 3


def sequence(rng):
    return rng.standard_normal((12, 3, D)), int(rng.choice([2, 4]))


def layer(rng):
    weights = rng.standard_normal((H, D)), rng.standard_normal((H, H)), rng.standard_normal(H)
    return rng.standard_normal((11, 2, D)), *weights, 4


def state(rng):
    return rng.standard_normal((5 * 3, H)), int(rng.choice([7, 8, 13])), 5


def neighbours(x, d):
    """Each phase gets a run of neighbouring steps."""
    T, B, F = x.shape
    return x.reshape(d, T // d, B, F).swapaxes(0, 1).reshape(T // d, d * B, F)


def batch_first(x, d):
    """The rows are numbered b*d + p."""
    T, B, F = x.shape
    return x.reshape(T // d, d, B, F).swapaxes(1, 2).reshape(T // d, d * B, F)


def not_time_major(x, d):
    T, B, F = x.shape
    return x.swapaxes(0, 1).reshape(T // d, d * B, F)


def run(x, W_x, W_h, b, d, *, width=None, rest="first", memory=True, turn=True, bias=True, squash=np.tanh):
    """The folded layer with one thing changed."""
    T, B, _ = x.shape
    rows, n = x.reshape(T * B, -1), d * B if width is None else width(d, B)
    h, states = np.zeros((n, len(b))), np.zeros((T * B, len(b)))
    for start in range(0, T * B, n):
        block = rows[start : start + n]
        w = len(block)
        if w < n and rest == "dropped":
            break
        used = slice(n - w, n) if rest == "last" else slice(0, w)
        h[used] = squash(block @ W_x.T + memory * h[used] @ (W_h.T if turn else W_h) + bias * b)
        states[start : start + w] = h[used]
    return states.reshape(T, B, len(b))


def changed(**changes):
    return lambda *arguments: run(*arguments, **changes)


EXERCISES = {
    "5.1": Exercise(
        solutions.fold,
        sequence,
        ["the folded x"],
        [
            Mistake(
                neighbours,
                "each phase holds a run of neighbouring steps; it must hold every d-th one: step t belongs to phase t mod d.",
            ),
            Mistake(
                batch_first,
                "phase and row are exchanged: row p*B + b is wanted, you have row b*d + p, and that costs a copy besides.",
            ),
            Mistake(
                not_time_major,
                "x is time-major, (T, B, F): time already comes first, so do not swap axes before you reshape.",
            ),
            Mistake(
                lambda x, d: solutions.fold(x, d)[::-1],
                "the folded steps run backward in time: step 0 comes first, as in x.",
            ),
        ],
        [
            "nothing needs to be moved: split the time axis in two, then read the phase and the row as one index.",
            "x.reshape(T // d, d, B, F) has the index [q, p, b]; the last step joins p and b.",
            "return x.reshape(T // d, d * B, F).",
        ],
    ),
    "5.2": Exercise(
        solutions.layer_states,
        layer,
        ["h"],
        [
            Mistake(
                changed(rest="dropped"),
                "the steps after the last full block are missing: where d does not divide T, a last block with fewer rows remains.",
            ),
            Mistake(
                changed(rest="last"),
                "the last block runs on the wrong rows: the steps that remain are the first phases, so use h[:w] and not the last w rows.",
            ),
            Mistake(
                changed(width=lambda d, B: B),
                "this is the layer of dilation 1: a block must hold d time steps, that is d*B rows.",
            ),
            Mistake(
                changed(width=lambda d, B: d),
                "a block has d rows, it must have d*B: a time step is B rows, and states of different sequences mix here.",
            ),
            Mistake(
                changed(memory=False),
                "the state is never used: each block must read the state that the block before left in the same rows.",
            ),
            Mistake(
                changed(turn=False),
                "W_h is not transposed: rows are multiplied from the left, so W_h h becomes h @ W_h.T.",
            ),
            Mistake(changed(bias=False), "the bias b is missing in the pre-activation."),
            Mistake(changed(squash=lambda a: a), "the tanh is missing: h_t is tanh(a_t), you return pre-activations."),
        ],
        [
            "read x as rows, x.reshape(T * B, D), and walk through them in blocks of d*B rows; h has d*B rows too.",
            "a block may be shorter at the end: let w be its number of rows, and compute with h[:w] alone.",
            "in each step: h[:w] = np.tanh(block @ W_x.T + h[:w] @ W_h.T + b); store h[:w], and reshape at the end.",
        ],
    ),
    "5.3": Exercise(
        solutions.time_order,
        state,
        ["the state"],
        [
            Mistake(
                lambda h, T, d: h.reshape(d, -1, h.shape[1]),
                "this is still phase order: the oldest of the d steps stands at place T mod d, it must come first.",
            ),
            Mistake(
                lambda h, T, d: np.roll(h.reshape(d, -1, h.shape[1]), T % d, axis=0),
                "the roll goes the wrong way: place T mod d must come to place 0, so roll by -(T % d).",
            ),
            Mistake(
                lambda h, T, d: np.roll(h, -(T % d), axis=0).reshape(d, -1, h.shape[1]),
                "the rows are rolled, not the phases: a phase is B rows, so reshape to (d, B, H) first and roll then.",
            ),
            Mistake(
                lambda h, T, d: np.roll(h.reshape(d, -1, h.shape[1]), -(T % d)),
                "without an axis np.roll moves single numbers: say axis=0, to move whole phases.",
            ),
            Mistake(
                lambda h, T, d: np.roll(h.reshape(d, -1, h.shape[1]), -(T // d), axis=0),
                "the roll is by T // d, the number of full blocks; it must be by the remainder, T % d.",
            ),
            Mistake(
                lambda h, T, d: solutions.time_order(h, T, d)[::-1],
                "the newest step comes first; time order is oldest first.",
            ),
            Mistake(
                lambda h, T, d: np.roll(h.reshape(-1, d, h.shape[1]).swapaxes(0, 1), -(T % d), axis=0),
                "phase and row are exchanged: row p*B + b belongs to phase p, so reshape to (d, B, H) without swapping axes.",
            ),
        ],
        [
            "write down for T = 11 and d = 4 which step is the newest of each phase, and then the same four steps in order.",
            "first reshape to (d, B, H); then the phase T mod d holds the oldest step and must come to the front.",
            "np.roll(a, -k, axis=0) brings place k to place 0.",
        ],
    ),
}
