"""Exercises of tutorial 8: copy memory."""

import math

import numpy as np
from solutions import ex08 as solutions

from . import Exercise, Mistake


def symbols(rng):
    return rng.integers(0, 8, 10), int(rng.integers(5, 12))


def lay_out(symbols, T, marker=-11, recite=None, echo=False, blank=8, tail=False):
    """A sequence with one thing changed."""
    tokens, targets = np.full(T + 20, blank), np.full(T + 20, 8)
    tokens[:10] = symbols
    if marker is not None:
        tokens[marker] = 9
    start = T + 10 if recite is None else recite
    targets[start : start + 10] = symbols
    if echo:
        targets[:10] = symbols
    if tail:
        targets[T + 10 :] = symbols[::-1]
    return tokens, targets


def task_sizes(rng):
    return int(rng.integers(4, 12)), int(rng.integers(5, 15)), int(rng.integers(20, 200))


def optimiser(rng):
    p, g = rng.standard_normal((2, 3, 4))
    return p, g, rng.uniform(0.1, 2, (3, 4)), rng.uniform(0.01, 0.1), rng.uniform(0.6, 0.95), 1e-2


def rmsprop(p, g, v, lr, decay, eps, *, sign=-1, square=True, swap=False, root=True, old=False, inside=False):
    """An RMSProp step with one thing changed."""
    keep, new = (1 - decay, decay) if swap else (decay, 1 - decay)
    v_new = keep * v + new * (g**2 if square else np.abs(g))
    used = v if old else v_new
    scale = np.sqrt(used + eps) if inside else (np.sqrt(used) if root else used) + eps
    return p + sign * lr * g / scale, v_new


def changed(function, **changes):
    return lambda *arguments: function(*arguments, **changes)


def answers(rng):
    """Outputs (T + 20, B, 9) whose largest entries are right at most, but not all, places."""
    T, B = 7, 6
    tokens = rng.integers(0, 8, (10, B))
    targets = np.full((T + 20, B), 8)
    targets[-10:] = tokens
    said = np.where(rng.random(targets.shape) < 0.6, targets, rng.integers(0, 9, targets.shape))
    return np.eye(9)[said] * 2 + rng.random((*targets.shape, 9)), targets


EXERCISES = {
    "8.1": Exercise(
        solutions.sequence,
        symbols,
        ["tokens", "targets"],
        [
            Mistake(
                changed(lay_out, marker=-10),
                "the marker comes one step late: it stands just before the recital, at step T + 9 counted from 0.",
            ),
            Mistake(
                changed(lay_out, marker=-12),
                "the marker comes one step early: it stands just before the recital, at step T + 9 counted from 0.",
            ),
            Mistake(
                changed(lay_out, marker=None), "the marker is missing: nothing tells the net when the recital begins."
            ),
            Mistake(
                changed(lay_out, echo=True),
                "the targets hold the symbols twice: while they come in, the right answer is blank.",
            ),
            Mistake(
                lambda s, T: lay_out(s, T, recite=T + 9),
                "the recital begins one step early: at the marker the right answer is still blank.",
            ),
            Mistake(
                lambda s, T: lay_out(s, T, recite=T),
                "the recital begins ten steps early: T counts the blank steps, and the ten symbols come before them.",
            ),
            Mistake(
                changed(lay_out, tail=True),
                "the recital is backward: the symbols are wanted in the order they came in.",
            ),
            Mistake(
                changed(lay_out, blank=0),
                "the blank of the tokens is 8: 0 is one of the symbols, and the net could not tell them apart.",
            ),
        ],
        [
            "start with two arrays that are all blank: np.full(T + 20, 8).",
            "the symbols go into the first ten tokens and into the last ten targets.",
            "the recital is the last ten steps, so the marker stands at index T + 9, the eleventh from the end.",
        ],
    ),
    "8.2": Exercise(
        solutions.baseline,
        task_sizes,
        ["loss"],
        [
            Mistake(
                lambda K, R, T: math.log(K),
                "that is the loss of a step of the recital; the mean runs over all steps, also those whose answer is known.",
            ),
            Mistake(
                lambda K, R, T: R * math.log(K),
                "this is the sum over the sequence; the loss is its mean over all T + 2 R steps.",
            ),
            Mistake(
                lambda K, R, T: R * math.log(K) / T,
                "divide by all steps: the symbols come in for R steps and are recited for R more.",
            ),
            Mistake(
                lambda K, R, T: R * math.log(K) / (T + R),
                "divide by all steps: T + R leaves out either the symbols' coming in or their recital.",
            ),
            Mistake(
                lambda K, R, T: R * math.log(K + 1) / (T + 2 * R),
                "the blank is no guess: in the recital only the K symbols are possible.",
            ),
            Mistake(
                lambda K, R, T: 10 * math.log(8) / (T + 20),
                "these are the numbers of the task above, 10 symbols out of 8: here they are R and K.",
            ),
            Mistake(
                lambda K, R, T: 10 * math.log(K) / (T + 20),
                "the number of symbols is not 10 here, but R, in the sum and in the length.",
            ),
            Mistake(
                lambda K, R, T: -R * math.log(K) / (T + 2 * R),
                "the sign is turned: the cross-entropy is minus the logarithm of 1/K, which is positive.",
            ),
            Mistake(
                lambda K, R, T: R * math.log2(K) / (T + 2 * R),
                "that is in bits; the cross-entropy here is in nats: log, not log2.",
            ),
        ],
        [
            "at which steps does the answer have to be guessed, and what does one guess out of K cost?",
            "a guess gives each of K symbols the probability 1/K: its cross-entropy is -log(1/K) = log K.",
            "there are R such steps; all others cost nothing; the mean is over T + 2 R steps.",
        ],
    ),
    "8.3": Exercise(
        solutions.rmsprop_step,
        optimiser,
        ["p", "v"],
        [
            Mistake(changed(rmsprop, sign=1), "v is right; p goes uphill: a step goes against the gradient, p - …"),
            Mistake(
                changed(rmsprop, square=False),
                "v is the running mean of the *squared* gradient: g**2, you take its size.",
            ),
            Mistake(
                changed(rmsprop, swap=True),
                "decay and 1 - decay are swapped: the old v is kept with the weight decay, which is near one.",
            ),
            Mistake(
                changed(rmsprop, root=False), "the root is missing: p is divided by sqrt(v), so that the units cancel."
            ),
            Mistake(changed(rmsprop, old=True), "p is divided by the root of the old v: change v first, then p."),
            Mistake(changed(rmsprop, inside=True), "eps stands under the root: here it is sqrt(v) + eps."),
            Mistake(
                lambda p, g, v, lr, decay, eps: rmsprop(p, g, v, lr, decay, 0.0),
                "v is right; eps is missing: without it p is divided by 0 where all gradients were 0.",
            ),
            Mistake(
                lambda *arguments: rmsprop(*arguments)[::-1], "the right arrays in the wrong order: p first, then v."
            ),
            Mistake(
                lambda p, g, v, lr, decay, eps: (p - lr * g, solutions.rmsprop_step(p, g, v, lr, decay, eps)[1]),
                "v is right but not used: that is plain gradient descent. Divide g by sqrt(v) + eps.",
            ),
        ],
        [
            "two lines: first the new v, then the new p, which uses it.",
            "v = decay * v + (1 - decay) * g**2",
            "p - lr * g / (np.sqrt(v) + eps)",
        ],
    ),
    "8.4": Exercise(
        solutions.recall,
        answers,
        ["recall"],
        [
            Mistake(
                lambda output, targets: (output.argmax(axis=-1) == targets).mean(),
                "this is the accuracy over all steps: the blanks make it look good. Only the last ten steps count.",
            ),
            Mistake(
                lambda output, targets: (output[:10].argmax(axis=-1) == targets[:10]).mean(),
                "these are the first ten steps, where the right answer is blank; the recital is at the end.",
            ),
            Mistake(
                lambda output, targets: (output[-10:].argmax(axis=-1) == targets[-10:]).all(axis=0).mean(),
                "this is the fraction of rows without any error; wanted is the fraction of right symbols.",
            ),
            Mistake(
                lambda output, targets: (output[-10:].argmax(axis=-1) != targets[-10:]).mean(),
                "this is the fraction of wrong symbols; the recall counts the right ones.",
            ),
            Mistake(
                lambda output, targets: (output[-10:].argmax(axis=-1) == targets[-10:]).sum(),
                "this is the number of right symbols; the recall is their fraction, the mean.",
            ),
            Mistake(
                lambda output, targets: (output.argmax(axis=-1) == targets)[-10:].sum() / len(targets),
                "the right symbols are divided by the steps of the sequence: divide by their number, 10 in each row.",
            ),
            Mistake(
                lambda output, targets: (output[-11:-1].argmax(axis=-1) == targets[-11:-1]).mean(),
                "the time index is off by one: the recital is the last ten steps, [-10:].",
            ),
        ],
        [
            "what the net says at a step is the class with the largest output: argmax over the last axis.",
            "take the last ten steps of both, compare, and take the mean of the comparison.",
        ],
    ),
}
