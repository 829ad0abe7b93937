"""Exercises of tutorial 15: compared systems."""

import numpy as np
from solutions import ex15 as solutions

from . import Exercise, Mistake

# ---------------------------------------------------------------------- the clockwork


def one_step(rng):
    """At a time at which some modules are due and some are not."""
    return rng.standard_normal(12), rng.standard_normal(12), int(rng.choice([2, 4, 8, 10])), np.array([1, 2, 3, 4])


def step_with(due=lambda t, periods: t % periods == 0, act=np.tanh, held=lambda h_prev: h_prev, spread=np.repeat):
    """The step with one thing changed."""

    def wrong(a, h_prev, t, periods):
        return np.where(spread(due(t, periods), len(a) // len(periods)), act(a), held(h_prev))

    return wrong


# ---------------------------------------------------------------------- the time gate


def gate_inputs(rng):
    tau, shape = rng.uniform(4, 20, (3, 40)), (3, 40)
    return rng.integers(0, 50, shape).astype(float), tau, rng.uniform(0, tau), rng.uniform(0.3, 0.6), 0.05


def gate_with(
    *,
    phase=lambda t, tau, s: (t - s) % tau / tau,
    rise=lambda phi, r: 2 * phi / r,
    fall=lambda phi, r: 2 - 2 * phi / r,
    closed=lambda phi, alpha: alpha * phi,
    half=0.5,
):
    """The gate with one thing changed."""

    def wrong(t, tau, s, r, alpha):
        phi = phase(t, tau, s)
        return np.where(phi < half * r, rise(phi, r), np.where(phi < r, fall(phi, r), closed(phi, alpha)))

    return wrong


# ---------------------------------------------------------------------- flush, update, copy


def level(rng):
    B, H = 3, 4
    f, i, o = rng.uniform(0, 1, (3, B, H))
    g, c_prev, h_prev = rng.uniform(-1, 1, (3, B, H))
    return f, i, o, g, c_prev, h_prev, rng.uniform(0.1, 0.9, (B, 1)), rng.uniform(0.1, 0.9, (B, 1))


def sum_with(
    *,
    parts=lambda z_prev, z_below: (z_prev, (1 - z_prev) * z_below, (1 - z_prev) * (1 - z_below)),
    flushed=lambda f, i, g, c_prev: i * g,
    updated=lambda f, i, g, c_prev: f * c_prev + i * g,
    output=lambda copy, o, c, h_prev: copy * h_prev + (1 - copy) * o * np.tanh(c),
):
    """The sum with one thing changed."""

    def wrong(f, i, o, g, c_prev, h_prev, z_prev, z_below):
        flush, update, copy = parts(z_prev, z_below)
        c = flush * flushed(f, i, g, c_prev) + update * updated(f, i, g, c_prev) + copy * c_prev
        return c, output(copy, o, c, h_prev)

    return wrong


# ---------------------------------------------------------------------- the budget


def budget(rng):
    """A budget that the next unit misses by one parameter."""
    D, O, L, H = (int(rng.integers(*ends)) for ends in ((3, 7), (8, 12), (3, 6), (6, 12)))
    return D, O, L, solutions.parameters(D, O, L, H + 1) - 1


def largest_with(count=solutions.parameters, more=0):
    """The search with another count, or with a size that lies so many beside."""

    def wrong(D, O, L, budget):
        H = 1
        while count(D, O, L, H + 1) <= budget:
            H += 1
        return H + more, count(D, O, L, H + more)

    return wrong


EXERCISES = {
    "15.1": Exercise(
        solutions.clockwork_step,
        one_step,
        ["h"],
        [
            Mistake(
                step_with(due=lambda t, periods: periods > 0),
                "every module is computed: only those whose period divides t are due, the others hold their state.",
            ),
            Mistake(
                step_with(held=np.zeros_like),
                "a module that is not due is set to 0: it holds what it had, h_prev.",
            ),
            Mistake(
                step_with(due=lambda t, periods: t % periods != 0),
                "it is the wrong way round: a module is due where t % period is 0, you compute the others.",
            ),
            Mistake(
                step_with(due=lambda t, periods: (t + 1) % periods == 0),
                "the time is one too late: steps are counted from 0, so at t a module is due where t % period == 0.",
            ),
            Mistake(
                step_with(due=lambda t, periods: periods <= t),
                "periods are compared in size: what counts is whether the period divides t, t % period == 0.",
            ),
            Mistake(
                step_with(act=lambda a: a),
                "the tanh is missing: a due module becomes tanh of its pre-activation.",
            ),
            Mistake(
                step_with(act=lambda a: a, held=lambda h_prev: h_prev * 0),
                "two things: a due module becomes tanh(a), and the others hold h_prev.",
            ),
            Mistake(
                step_with(spread=np.tile),
                "the units are interleaved: module i has the units i * m to (i + 1) * m, one after the other.",
            ),
        ],
        [
            "which modules are due? One comparison for all of them: t % periods == 0.",
            "each module has m = H / modules units; np.repeat(due, m) says it for every unit.",
            "np.where(due, np.tanh(a), h_prev) with the due of every unit.",
        ],
        trials=6,
    ),
    "15.2": Exercise(
        solutions.gate,
        gate_inputs,
        ["k"],
        [
            Mistake(
                gate_with(phase=lambda t, tau, s: t % tau / tau),
                "the shift is missing: the phase is that of t - s.",
            ),
            Mistake(
                gate_with(phase=lambda t, tau, s: (t + s) % tau / tau),
                "the sign of the shift: the phase is that of t - s, you take t + s.",
            ),
            Mistake(
                gate_with(phase=lambda t, tau, s: (t - s) % tau),
                "the phase is a fraction of the period, between 0 and 1: divide the remainder by tau.",
            ),
            Mistake(
                gate_with(phase=lambda t, tau, s: (t - s) / tau),
                "nothing repeats: take the remainder, (t - s) % tau, before you divide by tau.",
            ),
            Mistake(
                gate_with(rise=lambda phi, r: phi / r, fall=lambda phi, r: 1 - phi / r),
                "the gate never opens fully: it has to reach 1 at phi = r/2, so the slope is 2/r.",
            ),
            Mistake(
                gate_with(half=1.0),
                "the gate only rises: from phi = r/2 on it falls again, as 2 - 2 phi / r.",
            ),
            Mistake(
                gate_with(fall=lambda phi, r: 1 - 2 * phi / r),
                "the falling part starts at the wrong height: at phi = r/2 it has to be 1, so it is 2 - 2 phi / r.",
            ),
            Mistake(
                gate_with(closed=lambda phi, alpha: 0 * phi),
                "the leak is missing: a closed gate is alpha * phi, not 0.",
            ),
            Mistake(
                gate_with(closed=lambda phi, alpha: alpha + 0 * phi),
                "the leak is alpha times phi, it grows over the closed part; you return alpha alone.",
            ),
        ],
        [
            "first the phase: how far into its period is each unit, as a fraction?",
            "phi = (t - s) % tau / tau; then three cases, and np.where takes two of them at a time.",
            "np.where(phi < r / 2, rising, np.where(phi < r, falling, alpha * phi)).",
        ],
    ),
    "15.3": Exercise(
        solutions.one_sum,
        level,
        ["c", "h"],
        [
            Mistake(
                sum_with(parts=lambda z_prev, z_below: (z_prev, z_below, (1 - z_prev) * (1 - z_below))),
                "the parts add up to more than 1: of what is not flushed, 1 - z_prev, the part z_below is updated.",
            ),
            Mistake(
                sum_with(parts=lambda z_prev, z_below: (z_prev * (1 - z_below), z_below, (1 - z_prev) * (1 - z_below))),
                "update goes before flush in your sum: where both boundaries are 1, the level flushes.",
            ),
            Mistake(
                sum_with(parts=lambda z_prev, z_below: (z_below, (1 - z_below) * z_prev, (1 - z_prev) * (1 - z_below))),
                "the two boundaries are swapped: the level's own, z_prev, flushes; that of the level below updates.",
            ),
            Mistake(
                sum_with(flushed=lambda f, i, g, c_prev: f * c_prev + i * g),
                "a flush forgets c_prev: it starts anew with i * g alone.",
            ),
            Mistake(
                sum_with(updated=lambda f, i, g, c_prev: i * g),
                "an update is an LSTM's step, f * c_prev + i * g; the term f * c_prev is missing.",
            ),
            Mistake(
                sum_with(updated=lambda f, i, g, c_prev: c_prev + i * g),
                "the forget gate is missing in the update: f * c_prev + i * g.",
            ),
            Mistake(
                sum_with(output=lambda copy, o, c, h_prev: o * np.tanh(c)),
                "c is right, but a copied level keeps its h too: the copied part of h is h_prev.",
            ),
            Mistake(
                sum_with(output=lambda copy, o, c, h_prev: copy * h_prev + (1 - copy) * np.tanh(c)),
                "c is right, but the output gate is missing in h: o * tanh(c).",
            ),
            Mistake(
                sum_with(output=lambda copy, o, c, h_prev: copy * h_prev + o * np.tanh(c)),
                "c is right, but the parts of h add up to more than 1: the part that is not copied is 1 - copy.",
            ),
        ],
        [
            "first the three parts, flush, update and copy; they have to add up to 1.",
            "flush = z_prev, update = (1 - z_prev) * z_below, copy = (1 - z_prev) * (1 - z_below).",
            "c is the three values of c, each times its part; h = copy * h_prev + (1 - copy) * o * tanh(c).",
        ],
    ),
    "15.4": Exercise(
        solutions.largest,
        budget,
        ["H", "parameters"],
        [
            Mistake(
                largest_with(more=1),
                "this is the first size that is too large; wanted is the last one that is not.",
            ),
            Mistake(
                largest_with(lambda D, O, L, H: solutions.parameters(D, O, L, H) - L * H),
                "the biases of the layers are missing: H for each of the L layers.",
            ),
            Mistake(
                largest_with(lambda D, O, L, H: solutions.parameters(D, O, L, H) - O * H - O),
                "the read-out is missing: a matrix (O, H) and a bias (O,).",
            ),
            Mistake(
                largest_with(lambda D, O, L, H: solutions.parameters(D, O, L, H) - O),
                "the read-out's bias is missing: O parameters.",
            ),
            Mistake(
                largest_with(lambda D, O, L, H: L * (H * D + H * H + H) + O * H + O),
                "only the first layer reads D numbers; each further one reads the H of the layer below.",
            ),
            Mistake(
                largest_with(lambda D, O, L, H: L * (2 * H * H + H) + O * H + O),
                "the first layer reads D numbers and not H: its W_x is (H, D).",
            ),
            Mistake(
                largest_with(lambda D, O, L, H: H * D + H * H + H + (L - 1) * (H * H + H) + O * H + O),
                "each further layer has two matrices (H, H): W_x for the layer below and W_h for its own past.",
            ),
        ],
        [
            "write a function that counts the parameters for a given H; then raise H as long as the next one still fits.",
            "the first layer: H * D + H * H + H. Each further one: H * H + H * H + H. The read-out: O * H + O.",
        ],
    ),
}
