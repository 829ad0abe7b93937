"""Exercises of tutorial 14: cells of one's own."""

import numpy as np
from solutions import ex14 as solutions

from . import Exercise, Mistake

SHAPE = (2, 4)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


# ---------------------------------------------------------------------- the minimal gated unit


def pre_activations(rng):
    return tuple(rng.standard_normal(SHAPE) for _ in range(4))


def mgu_run(rng):
    a_f, a_g, a_gh, h_prev = pre_activations(rng)
    _, f, g = solutions.mgu_forward(a_f, a_g, a_gh, h_prev)
    return rng.standard_normal(SHAPE), f, g, a_gh, h_prev


def forward_with(
    *,
    gate=sigmoid,
    candidate=lambda f, a_g, a_gh: np.tanh(a_g + f * a_gh),
    mix=lambda f, g, h_prev: (1 - f) * h_prev + f * g,
):
    """The forward with one line changed."""

    def wrong(a_f, a_g, a_gh, h_prev):
        f = gate(a_f)
        g = candidate(f, a_g, a_gh)
        return mix(f, g, h_prev), f, g

    return wrong


def mgu_with(
    *,
    toward=lambda g, h_prev: g - h_prev,
    reset=1.0,
    slope_f=lambda f: f * (1 - f),
    slope_g=lambda g: 1 - g * g,
    recurrent=lambda da_g, f: da_g * f,
    keep=lambda f: 1 - f,
    replaced=lambda f: f,
    slope_reset=lambda g: 1 - g * g,
):
    """The backward with one line changed."""

    def wrong(dh, f, g, a_gh, h_prev):
        dg = dh * replaced(f)
        da_g = dg * slope_g(g)
        df = dh * toward(g, h_prev) + reset * dg * slope_reset(g) * a_gh
        return df * slope_f(f), da_g, recurrent(da_g, f), dh * keep(f)

    return wrong


# ---------------------------------------------------------------------- the coupled LSTM


def coupled_run(rng):
    a_i, a_g, a_o, c_prev = pre_activations(rng)
    i, g, o = sigmoid(a_i), np.tanh(a_g), sigmoid(a_o)
    c = (1 - i) * c_prev + i * g
    return rng.standard_normal(SHAPE), rng.standard_normal(SHAPE), i, g, o, c_prev, np.tanh(c)


def coupled_with(
    *,
    given=1.0,
    through_h=lambda dh, o, tanh_c: dh * o * (1 - tanh_c**2),
    toward=lambda g, c_prev: g - c_prev,
    keep=lambda i: 1 - i,
    slope=lambda s: s * (1 - s),
):
    """The backward with one line changed."""

    def wrong(dh, dc, i, g, o, c_prev, tanh_c):
        dc = given * dc + through_h(dh, o, tanh_c)
        return (
            dc * toward(g, c_prev) * slope(i),
            dc * i * (1 - g * g),
            dh * tanh_c * slope(o),
            dc * keep(i),
        )

    return wrong


EXERCISES = {
    "14.1": Exercise(
        solutions.mgu_forward,
        pre_activations,
        ["h", "f", "g"],
        [
            Mistake(
                forward_with(mix=lambda f, g, h_prev: f * h_prev + (1 - f) * g),
                "the roles of f and 1 - f are swapped: here f says how much is replaced, and 1 - f how much is kept.",
            ),
            Mistake(
                forward_with(candidate=lambda f, a_g, a_gh: np.tanh(a_g + a_gh)),
                "the reset is missing: f multiplies the recurrent part, g = tanh(a_g + f * a_gh).",
            ),
            Mistake(
                forward_with(candidate=lambda f, a_g, a_gh: np.tanh(f * (a_g + a_gh))),
                "f multiplies the recurrent part a_gh alone; the input part a_g is not reset.",
            ),
            Mistake(
                forward_with(candidate=lambda f, a_g, a_gh: np.tanh(a_g + (1 - f) * a_gh)),
                "the reset is f and not 1 - f: g = tanh(a_g + f * a_gh).",
            ),
            Mistake(
                lambda a_f, a_g, a_gh, h_prev: solutions.mgu_forward(a_f, a_g, h_prev, h_prev),
                "f multiplies a_gh, in which h_prev already is, and not h_prev itself.",
            ),
            Mistake(
                forward_with(candidate=lambda f, a_g, a_gh: a_g + f * a_gh),
                "the tanh of the candidate is missing: g = tanh(a_g + f * a_gh).",
            ),
            Mistake(
                forward_with(gate=np.tanh),
                "a gate lies between 0 and 1: f is the sigmoid of a_f, you take the tanh.",
            ),
            Mistake(
                forward_with(mix=lambda f, g, h_prev: h_prev + f * g),
                "nothing is forgotten: the previous state counts by 1 - f.",
            ),
        ],
        [
            "three lines, one for each equation; everything is pointwise.",
            "the sigmoid is 1 / (1 + exp(-a)); f comes first, as g needs it.",
            "g = tanh(a_g + f * a_gh), then h = (1 - f) * h_prev + f * g.",
        ],
    ),
    "14.2": Exercise(
        solutions.mgu_backward,
        mgu_run,
        ["da_f", "da_g", "da_gh", "dh_prev"],
        [
            Mistake(
                mgu_with(reset=0.0),
                "da_f is not complete: f also acts through the candidate, add da_g * a_gh to df before the sigmoid's slope.",
            ),
            Mistake(
                mgu_with(toward=lambda g, h_prev: h_prev - g),
                "a sign in da_f: h grows with f by g - h_prev, you have h_prev - g.",
            ),
            Mistake(
                mgu_with(toward=lambda g, h_prev: g),
                "f stands twice in h = (1 - f) h_prev + f g: its derivative is g - h_prev, you have g alone.",
            ),
            Mistake(
                mgu_with(recurrent=lambda da_g, f: da_g),
                "da_gh lacks its factor: in the candidate a_gh is multiplied by f.",
            ),
            Mistake(
                mgu_with(replaced=lambda f: 1.0),
                "dg lacks its factor: g counts by f in h, so dg = dh * f; da_g, da_gh and da_f need it.",
            ),
            Mistake(
                mgu_with(slope_reset=lambda g: 1.0),
                "da_f: on its way through the candidate f stands inside the tanh, so its share is da_g * a_gh, not dg * a_gh.",
            ),
            Mistake(
                mgu_with(slope_g=lambda g: 1.0, slope_reset=lambda g: 1.0),
                "the slope of the candidate's tanh is missing: da_g = dg * (1 - g²).",
            ),
            Mistake(
                mgu_with(slope_f=lambda f: 1.0),
                "the slope of the sigmoid is missing: da_f = df * f * (1 - f).",
            ),
            Mistake(
                mgu_with(keep=lambda f: f),
                "dh_prev: the previous state counts by 1 - f in h, you hand back f.",
            ),
            Mistake(
                mgu_with(keep=lambda f: 1.0),
                "dh_prev lacks its factor: the previous state counts by 1 - f in h.",
            ),
        ],
        [
            "start at h = (1 - f) h_prev + f g: what reaches f, g and h_prev?",
            "then g = tanh(a_g + f a_gh): from da_g, the shares of a_gh and, once more, of f.",
            "df = dh * (g - h_prev) + da_g * a_gh; then da_f = df * f * (1 - f).",
        ],
    ),
    "14.3": Exercise(
        solutions.coupled_backward,
        coupled_run,
        ["da_i", "da_g", "da_o", "dc_prev"],
        [
            Mistake(
                coupled_with(toward=lambda g, c_prev: g),
                "the gates are coupled: i also sits in the factor 1 - i of c_prev, so di = dc * (g - c_prev).",
            ),
            Mistake(
                coupled_with(toward=lambda g, c_prev: g + c_prev),
                "a sign in da_i: the forget gate is 1 - i, so its share is -c_prev.",
            ),
            Mistake(
                coupled_with(given=0.0),
                "the given dc is lost: c gets its gradient by two ways, from later steps (dc) and through h; add them.",
            ),
            Mistake(
                coupled_with(through_h=lambda dh, o, tanh_c: 0.0),
                "the way from h to c is missing: dc + dh * o * (1 - tanh(c)²).",
            ),
            Mistake(
                coupled_with(through_h=lambda dh, o, tanh_c: dh * (1 - tanh_c**2)),
                "on the way from h to c the output gate is missing: dh * o * (1 - tanh(c)²).",
            ),
            Mistake(
                coupled_with(through_h=lambda dh, o, tanh_c: dh * o),
                "on the way from h to c the slope of the tanh is missing: 1 - tanh(c)².",
            ),
            Mistake(
                coupled_with(through_h=lambda dh, o, tanh_c: dh * o * (1 - np.tanh(tanh_c) ** 2)),
                "the tanh is taken twice on the way from h to c: tanh_c is tanh(c) already, its slope is 1 - tanh_c².",
            ),
            Mistake(
                coupled_with(keep=lambda i: i),
                "dc_prev: the previous c is multiplied by 1 - i, you hand back i.",
            ),
            Mistake(
                coupled_with(slope=lambda s: 1.0),
                "the slopes of the sigmoids are missing: da = d * s * (1 - s) for the gates i and o.",
            ),
        ],
        [
            "go through the lines in reverse: h = o tanh(c) first, then c, then the gates.",
            "the whole gradient of c is what was given plus dh * o * (1 - tanh_c²).",
            "in c = (1 - i) c_prev + i g: di = dc * (g - c_prev), dg = dc * i, dc_prev = dc * (1 - i).",
        ],
    ),
}
