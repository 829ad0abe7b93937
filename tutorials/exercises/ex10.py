"""Exercises of tutorial 10: characters."""

import numpy as np
from solutions import ex10 as solutions

from . import Exercise, Mistake

# ---------------------------------------------------------------------- windows


def texts(rng):
    B, T = (int(number) for number in rng.integers(3, 6, 2))
    S = 4 * T + int(rng.integers(0, T))
    return rng.integers(0, 30, B * S + 1 + int(rng.integers(0, B))), B, T, int(rng.integers(1, 4))


def window(codes, B, T, k, *, ahead=1, stride=None, swapped=False, whole=False):
    """The window with one thing changed."""
    S = len(codes) // B if whole else (len(codes) - 1) // B
    first = k if stride == 1 else k * T
    places = np.arange(B) * S + first + np.arange(T)[:, np.newaxis]
    inputs, targets = codes[places], codes[places + ahead]
    return (targets, inputs) if swapped else (inputs, targets)


def with_change(**changes):
    return lambda *arguments: window(*arguments, **changes)


def dealt(codes, B, T, k):
    """Characters dealt to the streams in turn."""
    S = (len(codes) - 1) // B
    return codes[: B * S].reshape(S, B)[k * T : (k + 1) * T], codes[1 : B * S + 1].reshape(S, B)[k * T : (k + 1) * T]


def one_after_another(codes, B, T, k):
    """A batch of neighbouring windows: row b does not go on where row b ended."""
    places = (k * B + np.arange(B)) * T + np.arange(T)[:, np.newaxis]
    return codes[places], codes[places + 1]


def rolled(codes, B, T, k):
    inputs, _ = solutions.window(codes, B, T, k)
    return inputs, np.roll(inputs, -1, axis=0)


# ---------------------------------------------------------------------- lookup


def seen(rng):
    T, B, GH, V = 7, 3, 4, 6
    return rng.standard_normal((T, B, GH)), rng.integers(0, V - 1, (T, B)), V  # the last character never comes


def counted_once(da, codes, V):
    dW_x = np.zeros((V, da.shape[-1]))
    dW_x[codes] += da
    return dW_x.T


def last_step(da, codes, V):
    return solutions.lookup_gradient(da[-1:], codes[-1:], V)


def first_row(da, codes, V):
    return solutions.lookup_gradient(da[:, :1], codes[:, :1], V)


def mean_over_steps(da, codes, V):
    return solutions.lookup_gradient(da, codes, V) / np.maximum(np.bincount(codes.ravel(), minlength=V), 1)


def next_character(da, codes, V):
    return solutions.lookup_gradient(da[:-1], codes[1:], V)


# ---------------------------------------------------------------------- truncated gradient


def recurrence(rng):
    T, W = int(rng.integers(9, 14)), int(rng.integers(3, 5))
    return rng.standard_normal(T), rng.standard_normal(T), float(rng.uniform(0.5, 0.9)), W


def truncated(x, do, w, W, *, carried=True, cut=True, this_state=False, inner=True, weighted=True, windows=slice(None)):
    """The truncated gradient with one thing changed."""
    h, dw, dh_after = 0.0, [], 0.0
    starts = range(0, len(x), W)
    kept = []
    for start in starts:
        h = h if carried else 0.0
        before = []
        for x_t in x[start : start + W]:
            new = w * h + x_t
            before.append(new if this_state else h)
            h = new
        kept.append(before)
    for start, before in reversed(list(zip(starts, kept, strict=True))):
        dh, here = 0.0 if cut else dh_after, 0.0
        for do_t, h_before in zip(do[start : start + W][::-1], before[::-1], strict=True):
            dh = do_t + (w if weighted else 1) * dh * inner
            here += dh * h_before
        dh_after = dh
        dw.insert(0, here)
    return float(sum(dw[windows]))


def truncated_with(**changes):
    return lambda *arguments: truncated(*arguments, **changes)


# ---------------------------------------------------------------------- temperature


def scores(rng):
    logits = 2 * rng.standard_normal((3, 6))
    logits[0] += 3000  # the probabilities do not change, but exp overflows
    return logits, float(rng.choice([0.5, 0.7, 1.6, 2.0]))


def quietly(function):
    def wrong(*arguments):
        with np.errstate(all="ignore"):
            return function(*arguments)

    return wrong


def not_shifted(logits, temperature):
    exp = np.exp(logits / temperature)
    return exp / exp.sum(axis=1, keepdims=True)


def softmax_over_rows(logits, temperature):
    exp = np.exp((logits - logits.max(axis=0)) / temperature)
    return exp / exp.sum(axis=0)


def shifted_by_all(logits, temperature):
    return not_shifted(logits - logits.max(), temperature)


EXERCISES = {
    "10.1": Exercise(
        solutions.window,
        texts,
        ["inputs", "targets"],
        [
            Mistake(
                with_change(ahead=0),
                "targets are the inputs themselves: the target of a step is the character after it.",
            ),
            Mistake(
                with_change(swapped=True),
                "inputs and targets are swapped: the input comes first in the text.",
            ),
            Mistake(
                rolled,
                "targets are rolled within the window: the last target is the first character of the next window, not of this one.",
            ),
            Mistake(
                with_change(stride=1),
                "the window starts at step k of its stream: windows do not overlap, number k starts at step k * T.",
            ),
            Mistake(
                dealt,
                "neighbouring characters are dealt to the streams in turn, and each row reads every B-th character: a stream is a stretch of the text.",
            ),
            Mistake(
                one_after_another,
                "the rows of this batch are neighbours in the text, so row b of the next batch does not go on where row b ended.",
            ),
        ],
        [
            "write down where row b of window k begins: its stream starts at b * S, and k windows of T steps went before.",
            "places = starts + np.arange(T)[:, np.newaxis] is (T, B): one place in the text for each step and row.",
            "return codes[places], codes[places + 1].",
        ],
    ),
    "10.2": Exercise(
        solutions.lookup_gradient,
        seen,
        ["dW_x"],
        [
            Mistake(
                counted_once,
                "dW[codes] += da adds once for each character, however often it was seen: loop, or use np.add.at.",
            ),
            Mistake(
                mean_over_steps,
                "a mean over the steps of each character; the gradient is the sum, every step adds its own.",
            ),
            Mistake(last_step, "only the last step counts; the parameters are the same at all steps: sum over them."),
            Mistake(first_row, "only the first row of the batch counts: sum over the rows too."),
            Mistake(
                next_character,
                "each da went to the character after it: at step t the net saw codes[t], not its target.",
            ),
        ],
        [
            "the column of character k gets the da of every step and row at which codes is k; the others get nothing.",
            "start from zeros and go through all t and b: dW_x[:, codes[t, b]] += da[t, b].",
            "without a loop: np.add.at on an array (V, G*H), then its transpose.",
        ],
    ),
    "10.3": Exercise(
        solutions.truncated_gradient,
        recurrence,
        ["dw"],
        [
            Mistake(
                truncated_with(cut=False),
                "this is the full gradient: dh has to start at 0 at the end of each window.",
            ),
            Mistake(
                truncated_with(carried=False),
                "the state starts at 0 in each window: it is carried forward, only the gradient is cut.",
            ),
            Mistake(
                truncated_with(this_state=True),
                "dh_t is multiplied by h_t: w stands before h_{t-1}, the state before the step.",
            ),
            Mistake(
                truncated_with(inner=False),
                "no gradient travels at all: inside a window dh_{t-1} gets w * dh_t from the step after it.",
            ),
            Mistake(
                truncated_with(weighted=False),
                "going one step back the gradient has to be multiplied by w.",
            ),
            Mistake(
                truncated_with(windows=slice(-1, None)),
                "this is the last window's share alone: add up all windows.",
            ),
        ],
        [
            "two loops in each window: forward, which keeps h_{t-1} of each step, and backward, which sums dh_t * h_{t-1}.",
            "backward: dh = do[t] + w * dh, from the window's last step to its first, with dh = 0 before.",
            "h goes on from window to window; dh is set to 0 at each window's end.",
        ],
    ),
    "10.4": Exercise(
        solutions.probabilities,
        scores,
        ["p"],
        [
            Mistake(
                quietly(not_shifted),
                "exp overflows where logits are large: take the largest of each row away first; the softmax stays the same.",
            ),
            Mistake(
                quietly(shifted_by_all),
                "a row underflows: take away the largest of each row (axis=1, keepdims=True), not the largest of all.",
            ),
            Mistake(
                lambda logits, temperature: solutions.probabilities(logits, 1 / temperature),
                "the temperature works the wrong way round: the logits are divided by it, so that warm means alike.",
            ),
            Mistake(
                lambda logits, temperature: solutions.probabilities(logits, 1.0),
                "the temperature is not used: divide the logits by it.",
            ),
            Mistake(
                lambda logits, temperature: solutions.probabilities(logits, 1.0) / temperature,
                "the probabilities are divided, and no longer add up to 1: the logits are, before the softmax.",
            ),
            Mistake(
                quietly(softmax_over_rows),
                "the softmax runs over the batch: the probabilities of one row (axis 1) have to add up to 1.",
            ),
        ],
        [
            "divide first, softmax after.",
            "exp = np.exp((logits - the largest of each row) / temperature) cannot overflow.",
            "return exp / exp.sum(axis=1, keepdims=True).",
        ],
    ),
}
