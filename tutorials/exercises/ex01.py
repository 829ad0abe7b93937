"""Exercises of tutorial 1: one recurrent neuron."""

import numpy as np
from solutions import ex01 as solutions

from . import Exercise, Mistake


def sequence(rng):
    return rng.standard_normal(5), *rng.uniform(0.3, 1.2, 2), rng.uniform(-0.5, 0.5)


def run(rng):
    x, w_x, w_h, b = sequence(rng)
    return x, np.array(solutions.states(x, w_x, w_h, b)), w_h, rng.standard_normal()


def no_memory(x, w_x, w_h, b):
    return [np.tanh(w_x * x_t + b) for x_t in x]


def no_tanh(x, w_x, w_h, b):
    h, out = 0.0, []
    for x_t in x:
        h = w_x * x_t + w_h * h + b
        out.append(h)
    return out


def no_bias(x, w_x, w_h, b):
    return solutions.states(x, w_x, w_h, 0.0)


def backward(
    x, h, w_h, dh_last, *, slope=lambda h: 1 - h**2, add=True, previous=-1, wrap=False, carry=lambda da, w_h: da * w_h
):
    """The backward pass with one thing changed."""
    total, dh = np.zeros(3), dh_last
    for t in reversed(range(len(x))):
        da = dh * slope(h[t])
        before = h[t + previous] if t + previous >= 0 or wrap else 0.0
        step = np.array([da * x[t], da * before, da])
        total = total + step if add else step
        dh = carry(da, w_h)
    return tuple(total)


def with_change(**changes):
    return lambda *arguments: backward(*arguments, **changes)


def product(h, w_h, states, slope=lambda h: 1 - h**2, weight=True):
    return float(np.prod([(w_h if weight else 1) * slope(h_t) for h_t in states]))


EXERCISES = {
    "1.1": Exercise(
        solutions.states,
        sequence,
        ["h"],
        [
            Mistake(
                no_memory,
                "the state is never used: the term w_h * h_{t-1} is missing, so the neuron remembers nothing.",
            ),
            Mistake(no_tanh, "the tanh is missing: h_t is tanh(a_t), you return the pre-activations a_t."),
            Mistake(no_bias, "the bias b is missing in the pre-activation."),
        ],
        [
            "keep one number, the state, and change it in a loop over the inputs.",
            "in each step: h = tanh(w_x * x_t + w_h * h + b); the h on the right is the last step's.",
            "start with h = 0.0 and an empty list; append h at the end of each step; return the list.",
        ],
    ),
    "1.2": Exercise(
        solutions.gradients,
        run,
        ["dw_x", "dw_h", "db"],
        [
            Mistake(
                with_change(add=False),
                "the gradients do not add up: a parameter is used at every step, so use += and not =.",
            ),
            Mistake(
                lambda *arguments: solutions.gradients(*arguments)[::-1],
                "the numbers are right and their order is not: return dw_x, dw_h, db.",
            ),
            Mistake(
                lambda x, h, w_h, dh_last: tuple(-g for g in solutions.gradients(x, h, w_h, dh_last)),
                "the sign is wrong in all three: start with dh = dh_last as it is.",
            ),
            Mistake(with_change(slope=lambda h: 1.0), "the derivative of tanh is missing: da = dh * (1 - h_t²)."),
            Mistake(with_change(slope=lambda h: 1 - h), "the derivative of tanh is 1 - h², you have 1 - h."),
            Mistake(
                with_change(slope=lambda h: 1 - np.tanh(h) ** 2),
                "h is already the tanh: its derivative is 1 - h², you take the tanh a second time.",
            ),
            Mistake(
                with_change(previous=0), "dw_h looks at the wrong time: w_h was multiplied by h_{t-1}, not by h_t."
            ),
            Mistake(
                with_change(wrap=True),
                "at the first step dw_h takes h[-1], which in Python is the last state; the state before step 0 is 0.",
            ),
            Mistake(
                with_change(carry=lambda da, w_h: 0.0),
                "the gradient stops after one step: hand dh = da * w_h on to the step before.",
            ),
            Mistake(
                with_change(carry=lambda da, w_h: da),
                "on its way to the step before, the gradient passes through w_h: dh = da * w_h, you hand on da.",
            ),
        ],
        [
            "walk the steps in reverse, carrying dh; it starts as dh_last.",
            "in each step: da = dh * (1 - h[t]**2), add to the three gradients, then dh = da * w_h.",
            "dw_h gets da * h[t - 1], with 0 in place of h[-1] at the first step (h[-1] in Python is the last one!).",
        ],
    ),
    "1.3": Exercise(
        solutions.survival,
        lambda rng: (np.tanh(rng.standard_normal(5)), rng.uniform(0.3, 1.2)),
        ["factor"],
        [
            Mistake(
                lambda h, w_h: product(h, w_h, h),
                "one step too many: dh_0 is what arrives at step 0; it has not passed step 0's tanh.",
            ),
            Mistake(
                lambda h, w_h: product(h, w_h, h[:-1]),
                "the time index is off by one: from step t to t-1 the gradient passes the tanh of step t, so take h_1 … h_{T-1}.",
            ),
            Mistake(
                lambda h, w_h: product(h, w_h, h[1:]) * w_h,
                "one w_h too many: T states have T - 1 pairs of neighbours, so w_h comes T - 1 times.",
            ),
            Mistake(
                lambda h, w_h: float(sum(w_h * (1 - h[1:] ** 2))),
                "the factors are added up; one after the other they multiply, so take their product.",
            ),
            Mistake(
                lambda h, w_h: product(h, w_h, h[1:], weight=False),
                "w_h is missing: each step multiplies by w_h (1 - h²).",
            ),
            Mistake(
                lambda h, w_h: product(h, w_h, h[1:], slope=lambda h: 1),
                "the derivative of tanh is missing: each step multiplies by w_h (1 - h²).",
            ),
        ],
        [
            "between two neighbouring steps the gradient is multiplied once: how many pairs of neighbours are there?",
            "T states have T - 1 pairs; going from t to t-1 multiplies by w_h * (1 - h_t²).",
            "return the product of w_h * (1 - h[t]**2) for t = 1 … T-1.",
        ],
    ),
}
