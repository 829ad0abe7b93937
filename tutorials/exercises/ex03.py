"""Exercises of tutorial 3: the dilated skip connection."""

import math

import numpy as np
from solutions import ex03 as solutions

from . import Exercise, Mistake

T, D, H = 9, 2, 3


def layer(rng):
    W_x, W_h, b = rng.standard_normal((H, D)), rng.standard_normal((H, H)), rng.standard_normal(H)
    return rng.standard_normal((T, D)), W_x, W_h, b, int(rng.integers(3, 5))


def layer_run(rng):
    x, W_x, W_h, b, d = layer(rng)
    return x, solutions.states(x, W_x, W_h, b, d), rng.standard_normal((T, H)), W_h, d


def forward(x, W_x, W_h, b, d, *, back=lambda t, d: t - d, before=None, squash=np.tanh, also_last=False, turned=False):
    """The forward pass with one thing changed."""
    h = []
    for t in range(len(x)):
        s = back(t, d)
        previous = h[s] if s >= 0 else np.zeros(len(b)) if before is None or not h else before(h)
        if also_last and h:
            previous = previous + h[-1]
        h.append(squash(W_x @ x[t] + (W_h.T if turned else W_h) @ previous + b))
    return np.array(h)


def backward(
    x,
    h,
    dh,
    W_h,
    d,
    *,
    carry=lambda t, d: t - d,
    read=lambda t, d: t - d,
    wrap=False,
    slope=lambda h: 1 - h**2,
    add=True,
    above=True,
    turned=True,
):
    """The backward pass with one thing changed."""
    dh = dh.copy()
    total = np.zeros((h.shape[1], x.shape[1])), np.zeros((h.shape[1],) * 2), np.zeros(h.shape[1])
    for t in reversed(range(len(x))):
        da = dh[t] * slope(h[t])
        s = read(t, d)
        previous = h[s] if s >= 0 or wrap else 0 * h[0]
        step = np.outer(da, x[t]), np.outer(da, previous), da
        total = tuple(a + b for a, b in zip(total, step, strict=True)) if add else step
        s = carry(t, d)
        if s >= 0:
            dh[s] = above * dh[s] + (W_h.T if turned else W_h) @ da
    return total


def changed(function, **changes):
    return lambda *arguments: function(*arguments, **changes)


def from_sums(rule):
    return lambda dilations, limit: [bool(rule(dilations, n)) for n in range(limit + 1)]


def sums_of_some(dilations, n):
    sums = {0}
    for d in dilations:
        sums |= {s + d for s in sums}
    return n in sums


EXERCISES = {
    "3.1": Exercise(
        solutions.states,
        layer,
        ["h"],
        [
            Mistake(
                changed(forward, back=lambda t, d: t - 1),
                "this is the ordinary layer: step t reads the state of step t - 1; a dilated one reads that of step t - d.",
            ),
            Mistake(
                changed(forward, back=lambda t, d: t - d - 1),
                "the time index is off by one: you read d + 1 steps back. With d zeros in front, the state of step t - d stands at place t.",
            ),
            Mistake(
                changed(forward, back=lambda t, d: t - d + 1),
                "the time index is off by one: you read d - 1 steps back. How many zero states stand before the first step? It must be d.",
            ),
            Mistake(
                changed(forward, also_last=True),
                "the ordinary edge is still there: the dilated connection replaces the state of step t - 1, it is not added to it.",
            ),
            Mistake(
                changed(forward, before=lambda h: h[0]),
                "the steps before step d look back to before the start, where the state is zero; you give them h_0.",
            ),
            Mistake(
                changed(forward, before=lambda h: h[-1]),
                "the steps before step d read the newest state (is it a negative index?); before the start the state is zero.",
            ),
            Mistake(
                changed(forward, turned=True),
                "W_h is transposed: here a state is one vector and no batch of rows, so the product is W_h @ h.",
            ),
            Mistake(
                changed(forward, squash=lambda a: a),
                "the tanh is missing: h_t is tanh(a_t), you return pre-activations.",
            ),
        ],
        [
            "start with a list of d zero vectors, and append one state a step.",
            "with d zeros in front, the state of step t stands at place d + t; at which place does the state of step t - d stand?",
            "in each step: c.append(np.tanh(W_x @ x[t] + W_h @ c[t] + b)); at the end return np.array(c[d:]).",
        ],
    ),
    "3.2": Exercise(
        solutions.gradients,
        layer_run,
        ["dW_x", "dW_h", "db"],
        [
            Mistake(
                changed(backward, carry=lambda t, d: t - 1),
                "the gradient is handed to step t - 1; it goes back along the edge on which the state came, so to step t - d.",
            ),
            Mistake(
                changed(backward, carry=lambda t, d: t - 1, read=lambda t, d: t - 1),
                "this is the backward pass of an ordinary layer: both the state that W_h multiplied and the way back are d steps, not 1.",
            ),
            Mistake(
                changed(backward, carry=lambda t, d: t - d - 1),
                "the way back is off by one: the gradient is handed d + 1 steps back, it must be d.",
            ),
            Mistake(
                changed(backward, carry=lambda t, d: t - d + 1),
                "the way back is off by one: the gradient is handed d - 1 steps back, it must be d.",
            ),
            Mistake(
                changed(backward, carry=lambda t, d: -1),
                "nothing is handed back through time: step t - d must get W_h.T @ da beside what comes from above.",
            ),
            Mistake(
                changed(backward, read=lambda t, d: t - 1),
                "dW_h looks at the wrong state: W_h multiplied h_{t-d}, you take h_{t-1}.",
            ),
            Mistake(
                changed(backward, read=lambda t, d: t),
                "dW_h looks at the wrong state: W_h multiplied h_{t-d}, you take h_t. Is the offset d of the list missing?",
            ),
            Mistake(
                changed(backward, wrap=True),
                "dW_h is wrong in the first d steps: h[t - d] with a negative index is a state from the end in Python; the state before the start is zero.",
            ),
            Mistake(
                changed(backward, above=False),
                "the gradient from above is overwritten: h_{t-d} is an output too, so add W_h.T @ da to what is there.",
            ),
            Mistake(
                changed(backward, turned=False),
                "W_h is not transposed on the way back: a product W_h @ h hands back W_h.T @ da.",
            ),
            Mistake(changed(backward, slope=lambda h: 1.0), "the derivative of tanh is missing: da = dh * (1 - h_t²)."),
            Mistake(
                changed(backward, add=False),
                "the gradients do not add up: a parameter is used at every step, so use += and not =.",
            ),
        ],
        [
            "start with a copy of dh, walk the steps in reverse, and let each step add to the copy at step t - d.",
            "in each step: da = dh[t] * (1 - h[t]**2); np.outer(da, x[t]), np.outer(da, the state of step t - d) and da are added up.",
            "then, where t - d >= 0: dh[t - d] += W_h.T @ da. Where t - d < 0 the state was zero, and so is its share in dW_h.",
        ],
    ),
    "3.3": Exercise(
        solutions.reached,
        lambda rng: ([(4, 6), (3, 5), (3, 7, 9)][int(rng.integers(3))], 24),
        ["reached"],
        [
            Mistake(
                from_sums(lambda dilations, n: any(n % d == 0 for d in dilations)),
                "each layer is taken alone; a path may take hops in one layer and then hops in another, so sums count too.",
            ),
            Mistake(
                from_sums(sums_of_some), "a layer may take more than one hop: not only d itself, also 2d, 3d and so on."
            ),
            Mistake(
                from_sums(lambda dilations, n: n % math.gcd(*dilations) == 0),
                "not every multiple of the greatest common divisor is reached: hops lead forward only, so small spans are missing.",
            ),
            Mistake(
                from_sums(lambda dilations, n: n % max(dilations) == 0),
                "only the layer with the largest dilation is taken; the other layers hop too.",
            ),
            Mistake(
                lambda dilations, limit: [n > 0 and r for n, r in enumerate(solutions.reached(dilations, limit))],
                "the span 0 is missing: no hop at all is a path too, straight up through the layers.",
            ),
            Mistake(
                lambda dilations, limit: [not r for r in solutions.reached(dilations, limit)],
                "true and false are exchanged: entry n must be True where the span is reached.",
            ),
        ],
        [
            "a span is reached where it is a sum of dilations, each taken any number of times.",
            "begin with the span 0 alone; then let one layer after the other add its hops.",
            "for each d, and n from d up to the limit: n is reached where n - d is.",
        ],
    ),
}
