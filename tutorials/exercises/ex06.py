"""Exercises of tutorial 6: stacks, fusion, state and lengths."""

import numpy as np
from solutions import ex06 as solutions

from . import Exercise, Mistake

# ---------------------------------------------------------------------- 6.1


def span_and_base(rng):
    M = int(rng.integers(2, 5))
    return M ** int(rng.integers(2, 5)) + int(rng.integers(-1, 2)), M


def digits(span, M):
    return [span % M, *digits(span // M, M)] if span else []


def layers_until(enough):
    """The smallest number of layers that is enough, with the right number of hops."""

    def wrong(span, M):
        num_layers = 0
        while not enough(num_layers, span, M):
            num_layers += 1
        return num_layers, solutions.depth(span, M)[1]

    return wrong


def with_hops(hops):
    return lambda span, M: (solutions.depth(span, M)[0], hops(span, M))


# ---------------------------------------------------------------------- 6.2 and 6.4


def sequence(rng):
    T, H, K, O = 7, 3, int(rng.integers(2, 5)), 2
    return rng.standard_normal((T, H)), rng.standard_normal((O, K * H)), rng.standard_normal(O)


def turned(W, H):
    """The column blocks in the opposite order."""
    return W.reshape(len(W), -1, H)[:, ::-1].reshape(W.shape)


def fuse_with(*, flip=False, bias=1, shift=0, wrap=False, only_newest=False):
    def wrong(h, W, b):
        T, H = h.shape
        K = W.shape[1] // H
        W = turned(W, H) if flip else W
        y = np.zeros((T, len(b)))
        for t in range(T):
            y[t] = (K if bias is None else bias) * b
            for k in range(K):
                at = t - K + 1 + k + (K - 1 if shift is None else shift)
                if (at >= 0 or wrap) and at < T and not (only_newest and k < K - 1):
                    y[t] += W[:, k * H : (k + 1) * H] @ h[at]
        return y

    return wrong


def ragged(rng):
    T, B, H, K, O = 7, 4, 3, int(rng.integers(3, 5)), 2
    lengths = np.array([T, K - 1, *rng.integers(1, T, B - 2)])
    return rng.standard_normal((T, B, H)), lengths, rng.standard_normal((O, K * H)), rng.standard_normal(O)


def read_with(*, length=lambda length, T: length, flip=False, wrap=False, only_newest=False):
    def wrong(h, lengths, W, b):
        T, B, H = h.shape
        K = W.shape[1] // H
        W = turned(W, H) if flip else W
        y = np.zeros((B, len(b)))
        for row in range(B):
            y[row] = b
            for k in range(K):
                at = length(int(lengths[row]), T) - K + k
                if (at >= 0 or wrap) and not (only_newest and k < K - 1):
                    y[row] += W[:, k * H : (k + 1) * H] @ h[at, row]
        return y

    return wrong


# ---------------------------------------------------------------------- 6.3


def chunk(rng):
    T, B, D, H, d = int(rng.choice([2, 6])), 2, 3, 4, 3
    return (
        rng.standard_normal((T, B, D)),
        np.tanh(rng.standard_normal((d, B, H))),
        rng.standard_normal((H, D)),
        rng.standard_normal((H, H)) / 2,
        rng.standard_normal(H),
    )


def chunk_with(
    *,
    start=lambda state: state,
    back=0,
    bias=True,
    turn=True,
    tanh=np.tanh,
    out=lambda h, T, d: h[d:],
    keep=lambda h, T, d: h[T:],
):
    """A chunk with one thing changed; ``back`` shifts the step that is read."""

    def wrong(x, state, W_x, W_h, b):
        T, d = len(x), len(state)
        h = np.concatenate([start(state), np.zeros((T, *state.shape[1:]))])
        for t in range(T):
            at = d + t - 1 if back else t
            h[d + t] = tanh(x[t] @ W_x.T + (b if bias else 0) + h[at] @ (W_h.T if turn else W_h))
        return out(h, T, d), keep(h, T, d)

    return wrong


def from_this_chunk_alone(h, T, d):
    new = np.zeros_like(h[:d])
    new[max(d - T, 0) :] = h[max(T, d) :]
    return new


EXERCISES = {
    "6.1": Exercise(
        solutions.depth,
        span_and_base,
        ["num_layers", "hops"],
        [
            Mistake(
                layers_until(lambda L, span, M: span <= M**L),
                "almost: L layers reach up to M^L - 1, so M^L must be larger than the span; where the span is a power of M you are one layer short.",
            ),
            Mistake(
                layers_until(lambda L, span, M: L > 0 and span <= M ** (L - 1)),
                "the largest dilation need not be as long as the span: the hops of all layers add up, so M^L - 1 >= span is enough.",
            ),
            Mistake(
                layers_until(lambda L, span, M: span <= sum(M**l for l in range(L))),
                "you allow one hop in each layer; M - 1 are allowed, as a digit in base M goes up to M - 1.",
            ),
            Mistake(
                lambda span, M: solutions.depth(span, M)[::-1],
                "the two numbers are exchanged: num_layers comes first, then hops.",
            ),
            Mistake(
                with_hops(lambda span, M: (M - 1) * solutions.depth(span, M)[0]),
                "the layers are right; you count the most hops that are allowed, count those that the span itself takes.",
            ),
            Mistake(
                with_hops(lambda span, M: sum(digit > 0 for digit in digits(span, M))),
                "the layers are right; you count the layers that hop, but a layer hops as often as its digit says.",
            ),
            Mistake(
                with_hops(lambda span, M: len(digits(span, M))),
                "the layers are right; you count one hop in every layer, but a layer whose digit is 0 does not hop.",
            ),
            Mistake(
                with_hops(lambda span, M: sum(digits(span, M)) + len(digits(span, M))),
                "the layers are right; you count the upward edges among the hops.",
            ),
        ],
        [
            "write the span in base M: digit number l says how often layer l hops.",
            "the number of layers is the number of digits, the number of hops is their sum.",
            "in a loop: hops += span % M, then span //= M, until the span is 0; count the rounds.",
        ],
        trials=12,
    ),
    "6.2": Exercise(
        solutions.fuse,
        sequence,
        ["y"],
        [
            Mistake(
                fuse_with(flip=True), "the column blocks are in the wrong order: the newest step comes last, k = K-1."
            ),
            Mistake(fuse_with(bias=0), "the bias b is missing."),
            Mistake(fuse_with(bias=None), "the bias is added K times: once a time step, not once a block."),
            Mistake(
                fuse_with(shift=None),
                "the window looks ahead: you read h_t … h_{t+K-1}; the newest step that y_t may see is h_t.",
            ),
            Mistake(
                fuse_with(shift=-1),
                "the time index is off by one: the window of y_t ends at h_t itself, yours ends at h_{t-1}.",
            ),
            Mistake(
                fuse_with(wrap=True),
                "before the start there are zeros: a negative index in Python reads from the end of the sequence.",
            ),
            Mistake(fuse_with(only_newest=True), "only the newest step is read: sum over all K column blocks."),
        ],
        [
            "K is the number of column blocks: the width of W over the width of h.",
            "block k, the columns k*H to (k+1)*H, multiplies h at the time t - K + 1 + k.",
            "two loops, over t and k; start with y[t] = b and skip the times below 0.",
        ],
    ),
    "6.3": Exercise(
        solutions.forward_chunk,
        chunk,
        ["h", "new_state"],
        [
            Mistake(
                chunk_with(start=np.zeros_like),
                "the given state is not used: the first d steps must read it, not zeros.",
            ),
            Mistake(
                chunk_with(start=lambda state: state[::-1]),
                "the state is read in the wrong order: it is in time order, so step 0 reads state[0], the oldest.",
            ),
            Mistake(
                chunk_with(back=1),
                "that is dilation 1: step t reads the output d steps before, not the one just before.",
            ),
            Mistake(
                chunk_with(turn=False),
                "W_h is not transposed: rows are multiplied from the left, so W_h h becomes h @ W_h.T.",
            ),
            Mistake(
                chunk_with(out=lambda h, T, d: h[:T]),
                "the new state is right; the outputs begin with the old state: those of this chunk come after its d steps.",
            ),
            Mistake(chunk_with(bias=False), "the bias b is missing in the pre-activation."),
            Mistake(
                chunk_with(keep=lambda h, T, d: h[T:][::-1]),
                "the outputs are right; the new state is in the wrong order: oldest first, newest last.",
            ),
            Mistake(
                chunk_with(keep=lambda h, T, d: h[:d]),
                "the outputs are right; you hand the old state on: the new one ends with the newest outputs.",
            ),
            Mistake(
                chunk_with(keep=from_this_chunk_alone),
                "the outputs are right; where the chunk is shorter than d, the new state must keep the newest steps of the old one, you have zeros there.",
            ),
        ],
        [
            "put the state in front of the outputs, as one array of d + T steps; what does step t read, and where does it write?",
            "in that array h, step t writes h[d + t] and reads h[t].",
            "the new state is the last d entries of that array, whatever T is: h[T:].",
        ],
        trials=4,
    ),
    "6.4": Exercise(
        solutions.read_last,
        ragged,
        ["y"],
        [
            Mistake(
                read_with(length=lambda length, T: T),
                "all rows are read at the last step of the batch: a row ends at its own length.",
            ),
            Mistake(
                read_with(length=lambda length, T: min(length + 1, T)),
                "the time index is off by one: a row of length n has its last step at n - 1.",
            ),
            Mistake(
                read_with(length=lambda length, T: length - 1),
                "the time index is off by one: the last step of a row of length n is n - 1, you read one step too early.",
            ),
            Mistake(
                read_with(wrap=True),
                "before the start there are zeros: where a row is shorter than K, a negative index reads from the end.",
            ),
            Mistake(
                read_with(flip=True), "the column blocks are in the wrong order: the newest step comes last, k = K-1."
            ),
            Mistake(read_with(only_newest=True), "only the newest step is read: sum over all K column blocks."),
        ],
        [
            "do each row for itself: its last step is t = lengths[row] - 1.",
            "it is exercise 6.2 at that one t: block k multiplies h at the time t - K + 1 + k of this row.",
            "for row, length in enumerate(lengths): y[row] = b, then add the blocks whose time is not below 0.",
        ],
    ),
}
