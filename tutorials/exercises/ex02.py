"""Exercises of tutorial 2: backpropagation through time in matrices."""

import numpy as np
from solutions import ex02 as solutions

from . import Exercise, Mistake


def step(rng, B=3, D=2, H=4):
    W_h = rng.standard_normal((H, H)) / np.sqrt(H)
    return (
        rng.standard_normal((B, D)),
        np.tanh(rng.standard_normal((B, H))),
        rng.standard_normal((H, D)),
        W_h,
        rng.standard_normal(H),
    )


def step_back(rng):
    x_t, h_prev, W_x, W_h, b = step(rng)
    h_t = solutions.step_forward(x_t, h_prev, W_x, W_h, b)
    return rng.standard_normal(h_t.shape), x_t, h_prev, h_t, W_x, W_h


def gradients(rng):
    grads = {"W_h": rng.standard_normal((3, 3)), "W_x": rng.standard_normal((3, 2)), "b": rng.standard_normal(3)}
    norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
    return grads, norm * (0.2 if rng.uniform() < 0.5 else 1.6)  # some trials clip, some do not


def forward(x_t, h_prev, W_x, W_h, b, *, squash=np.tanh, memory=True, turn=True, bias=True):
    """The forward step with one thing changed."""
    a = x_t @ W_x.T
    if memory:
        a = a + h_prev @ (W_h.T if turn else W_h)
    return squash(a + b if bias else a)


def backward(
    dh,
    x_t,
    h_prev,
    h_t,
    W_x,
    W_h,
    *,
    slope=lambda h: 1 - h * h,
    at="h_t",
    read="da",
    turn=False,
    seen="h_prev",
    mean=False,
):
    """The backward step with one thing changed."""
    da = dh * slope(h_t if at == "h_t" else h_prev)
    sent = da if read == "da" else dh
    state = h_prev if seen == "h_prev" else h_t
    parameters = (da.T @ x_t, da.T @ state, da.sum(axis=0))
    if mean:
        parameters = tuple(g / len(dh) for g in parameters)
    return sent @ W_x, sent @ (W_h.T if turn else W_h), *parameters


def with_change(function, **changes):
    return lambda *arguments: function(*arguments, **changes)


def clipped(grads, max_norm, scale):
    """Scale by what the norm over all arrays says."""
    factor = scale(np.sqrt(sum((g**2).sum() for g in grads.values())), max_norm)
    return {name: g * factor for name, g in grads.items()}


def one_by_one(grads, max_norm):
    return {name: g * min(1.0, max_norm / np.linalg.norm(g)) for name, g in grads.items()}


def sum_of_norms(grads, max_norm):
    norm = sum(np.linalg.norm(g) for g in grads.values())
    return {name: g * min(1.0, max_norm / norm) for name, g in grads.items()}


EXERCISES = {
    "2.1": Exercise(
        solutions.step_forward,
        step,
        ["h_t"],
        [
            Mistake(
                with_change(forward, turn=False),
                "W_h is not transposed: rows are multiplied from the left, so W_h h becomes h_prev @ W_h.T. "
                "W_h is square, so no shape tells.",
            ),
            Mistake(
                with_change(forward, memory=False), "the last state is not used: the term h_prev @ W_h.T is missing."
            ),
            Mistake(
                with_change(forward, squash=lambda a: a), "the tanh is missing: you return the pre-activation a_t."
            ),
            Mistake(with_change(forward, bias=False), "the bias b is missing in the pre-activation."),
            Mistake(
                with_change(forward, squash=lambda a: 1 / (1 + np.exp(-a))),
                "this layer takes the tanh of a_t, you take the sigmoid.",
            ),
        ],
        [
            "a_t = W_x x_t + W_h h_{t-1} + b is written for columns; here each sequence is a row.",
            "(B, D) @ (D, H) is (B, H): which matrix is (D, H)?",
            "return np.tanh(x_t @ W_x.T + h_prev @ W_h.T + b).",
        ],
    ),
    "2.2": Exercise(
        solutions.step_backward,
        step_back,
        ["dx_t", "dh_prev", "dW_x", "dW_h", "db"],
        [
            Mistake(
                with_change(backward, turn=True),
                "dh_prev goes through the wrong matrix: forward multiplies by W_h.T, so backward multiplies by W_h, da @ W_h.",
            ),
            Mistake(
                with_change(backward, slope=lambda h: 1.0), "the derivative of tanh is missing: da = dh * (1 - h_t²)."
            ),
            Mistake(
                with_change(backward, slope=lambda h: 1 - h), "the derivative of tanh is 1 - h_t², you have 1 - h_t."
            ),
            Mistake(
                with_change(backward, slope=lambda h: 1 - np.tanh(h) ** 2),
                "h_t is already the tanh: its derivative is 1 - h_t², you take the tanh a second time.",
            ),
            Mistake(
                with_change(backward, at="h_prev"),
                "the derivative of tanh is taken at the wrong time: h_t came out of this tanh, so da = dh * (1 - h_t²).",
            ),
            Mistake(
                with_change(backward, read="dh"),
                "dx_t and dh_prev are made from dh; the gradient has to pass the tanh first, so make them from da.",
            ),
            Mistake(
                with_change(backward, seen="h_t"),
                "dW_h looks at the wrong time: W_h was multiplied by h_{t-1}, so dW_h = da.T @ h_prev.",
            ),
            Mistake(
                with_change(backward, mean=True),
                "the gradients of the parameters add up over the rows of the batch; you take the mean. "
                "(Where the loss is a mean, its gradient dh has the division in it already.)",
            ),
        ],
        [
            "begin with da = dh * (1 - h_t²); everything else is made from da.",
            "parameters: which product of da (B, H) with x_t (B, D) is (H, D)? Inputs: which one with W_x (H, D) is (B, D)?",
            "da @ W_x, da @ W_h, da.T @ x_t, da.T @ h_prev, da.sum(axis=0).",
        ],
    ),
    "2.3": Exercise(
        solutions.clip,
        gradients,
        ["W_h", "W_x", "b"],
        [
            Mistake(
                one_by_one,
                "each array is clipped by its own norm, which bends the direction; take one norm over all arrays and one factor.",
            ),
            Mistake(
                lambda grads, max_norm: clipped(grads, max_norm, lambda norm, m: m / norm),
                "gradients shorter than max_norm are made longer; clipping only ever shortens: the factor is at most 1.",
            ),
            Mistake(
                lambda grads, max_norm: clipped(grads, max_norm, lambda norm, m: 1 / norm if norm > m else 1.0),
                "the clipped norm is 1 whatever max_norm is: multiply by max_norm / norm, not by 1 / norm.",
            ),
            Mistake(
                lambda grads, max_norm: clipped(grads, max_norm, lambda norm, m: min(1.0, m / norm**2)),
                "the square root is missing: the norm is the root of the sum of squares.",
            ),
            Mistake(
                lambda grads, max_norm: {name: np.clip(g, -max_norm, max_norm) for name, g in grads.items()},
                "each number is clipped on its own, which bends the direction; take one norm over all arrays and one factor.",
            ),
            Mistake(
                lambda grads, max_norm: clipped(grads, max_norm, lambda norm, m: max(1.0, m / norm)),
                "min and max are exchanged: the factor is at most 1, min(1, max_norm / norm).",
            ),
            Mistake(
                sum_of_norms,
                "the norms of the arrays are added up; add up the squares of all numbers, then take one root.",
            ),
        ],
        [
            "one number, the norm, is computed from all arrays; one factor multiplies them all.",
            "norm = sqrt of the sum of g**2 over all arrays; the factor is max_norm / norm where that is below 1, else 1.",
            "scale = min(1.0, max_norm / norm); return {name: g * scale for name, g in grads.items()}.",
        ],
        trials=8,
    ),
}
