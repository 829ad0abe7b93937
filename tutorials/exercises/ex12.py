"""Exercises of tutorial 12: trust."""

import numpy as np
from solutions import ex12 as solutions

from . import Exercise, Mistake


def function(rng):
    w, p, v = rng.standard_normal((3, 2, 3))

    def f(p):
        return np.sum(np.tanh(w * p) * np.exp(0.5 * p))

    return f, p, v


def gradient(rng):
    g, v = rng.standard_normal((2, 3, 4))
    return g, v, np.sum(g * v) + rng.uniform(0.1, 0.5)


# ---------------------------------------------------------------------- layers, right and wrong, to be judged


def right(x, start, d, W_x, W_h, b):
    if len(start) != d:
        raise ValueError(
            f"the layer starts from d = {d} states, {len(start)} were given; a chunk may be shorter than d"
        )
    c = list(start)  # c[d + t] is the state at step t
    for t in range(len(x)):
        c.append(np.tanh(x[t] @ W_x.T + c[t] @ W_h.T + b))
    return np.array(c[d:])


def forgetful(x, start, d, W_x, W_h, b):
    return right(x, np.zeros_like(start), d, W_x, W_h, b)


def peeking(x, start, d, W_x, W_h, b):
    return right(x - x.mean(axis=0), start, d, W_x, W_h, b)


def judged(rng):
    layer = (right, forgetful, peeking)[rng.integers(3)]
    T, d = rng.integers(4, 8), rng.choice([1, 1, 2, 3])
    weights = rng.standard_normal((3, 2)), rng.standard_normal((3, 3)), rng.standard_normal(3)
    return layer, rng.standard_normal((T, 2, 2)), int(d), int(rng.integers(1, T)), weights


def in_chunks(layer, x, d, cut, weights, carry, compare=lambda first, second, whole: (first, second)):
    start = np.zeros((d, x.shape[1], len(weights[1])))
    whole = layer(x, start, d, *weights)
    first = layer(x[:cut], start, d, *weights)
    second = layer(x[cut:], carry(start, first, d), d, *weights)
    chunks = np.concatenate(compare(first, second, whole))
    return np.allclose(chunks, whole, rtol=1e-10)


def carried(start, first, d):
    return np.concatenate([start, first])[-d:]


def judging(**changes):
    return lambda *arguments: in_chunks(*arguments, **{"carry": carried, **changes})


EXERCISES = {
    "12.1": Exercise(
        solutions.central,
        lambda rng: (*function(rng), 0.05),
        ["derivative"],
        [
            Mistake(
                lambda f, p, v, h: (f(p + h * v) - f(p)) / h,
                "this is the one-sided difference, whose error falls with h alone: step to both sides.",
            ),
            Mistake(
                lambda f, p, v, h: (f(p) - f(p - h * v)) / h,
                "this is the one-sided difference, backward; its error falls with h alone: step to both sides.",
            ),
            Mistake(
                lambda f, p, v, h: solutions.central(f, p, v, h / 2),
                "you step by h / 2 to each side; here the step is h, so the points are p + h v and p - h v.",
            ),
            Mistake(
                lambda f, p, v, h: 2 * solutions.central(f, p, v, h),
                "the factor 2 is missing: the two points are 2 h apart.",
            ),
            Mistake(
                lambda f, p, v, h: -solutions.central(f, p, v, h),
                "the sign is turned: the value ahead minus the value behind.",
            ),
            Mistake(
                lambda f, p, v, h: solutions.central(f, p, np.ones_like(v), h),
                "every number of p moves by h: the direction v is not used.",
            ),
            Mistake(
                lambda f, p, v, h: solutions.central(f, p, v, h) / np.linalg.norm(v),
                "the direction need not have length one: <g, v> grows with v, so do not divide by |v|.",
            ),
        ],
        [
            "one step ahead is p + h * v, one step back is p - h * v.",
            "take the difference of the two values and divide it by the distance of the two points, in units of v.",
            "return (f(p + h * v) - f(p - h * v)) / (2 * h).",
        ],
    ),
    "12.2": Exercise(
        solutions.complex_step,
        function,
        ["derivative"],
        [
            Mistake(
                lambda f, p, v: np.real(f(p + 1e-30j * v)) / 1e-30,
                "you took the real part, which is the value of f; the derivative is in the imaginary part.",
            ),
            Mistake(
                lambda f, p, v: np.real(f(p + 1e-20j * v)) / 1e-20,
                "you divide the value of f by h; of f(p + i h v) only the imaginary part, np.imag, is wanted.",
            ),
            Mistake(
                lambda f, p, v: np.imag(f(p + 1e-30 * v)) / 1e-30,
                "the step is real, so the imaginary part stays 0: step along 1j * h * v.",
            ),
            Mistake(
                lambda f, p, v: solutions.complex_step(f, p, v) / 2,
                "there is no factor 2 here: only one point is asked, and nothing is subtracted.",
            ),
            Mistake(
                lambda f, p, v: solutions.complex_step(f, p, np.ones_like(v)),
                "every number of p moves by the same step: the direction v is not used.",
            ),
            Mistake(
                lambda f, p, v: np.imag(f(p + 1j * v)),
                "h is 1: the error falls with h², so take a tiny h such as 1e-30, and divide by it.",
            ),
            *(
                Mistake(
                    lambda f, p, v, h=h: np.imag(f(p + 1j * h * v)) / h,
                    f"h = {h} is right but coarse: the error falls with h², so take a tiny h such as 1e-30.",
                )
                for h in (1e-1, 1e-2, 1e-3)
            ),
        ],
        [
            "f(p + i h v) = f(p) + i h <g, v> - … : which part of it holds the derivative?",
            "choose h = 1e-30: nothing is subtracted, so it cannot be too small.",
            "return np.imag(f(p + 1j * h * v)) / h.",
        ],
    ),
    "12.3": Exercise(
        solutions.relative_error,
        gradient,
        ["error"],
        [
            Mistake(
                lambda g, v, derivative: abs(np.sum(g * v) - derivative),
                "this is the absolute error: a wrong gradient that is small would pass. Divide by |g| |v|.",
            ),
            Mistake(
                lambda g, v, derivative: abs(np.sum(g * v) - derivative) / abs(derivative),
                "dividing by the derivative explodes where v happens to be nearly at a right angle to g: divide by |g| |v|.",
            ),
            Mistake(
                lambda g, v, derivative: abs(np.sum(g * v) - derivative) / abs(np.sum(g * v)),
                "<g, v> is small by chance where v is nearly at a right angle to g: divide by |g| |v|.",
            ),
            Mistake(
                lambda g, v, derivative: abs(np.sum(g * v) - derivative) / (np.sum(g * g) * np.sum(v * v)),
                "you divide by the squares |g|² |v|²: a length is the root of the sum of squares.",
            ),
            Mistake(
                lambda g, v, derivative: abs(np.sum(g @ v.T) - derivative) / (np.linalg.norm(g) * np.linalg.norm(v)),
                "<g, v> multiplies each number of g by the one of v at the same place, g * v, and adds up: no matrix product.",
            ),
            Mistake(
                lambda g, v, derivative: abs(np.sum(g * v) - derivative) / np.linalg.norm(g),
                "|v| is missing: with a direction twice as long the error would double.",
            ),
            Mistake(
                lambda g, v, derivative: -solutions.relative_error(g, v, derivative),
                "the absolute value is missing: an error with a minus sign would pass any tolerance.",
            ),
        ],
        [
            "<g, v> is the sum of all products of their numbers: np.sum(g * v).",
            "the scale is the length of g times the length of v: np.linalg.norm takes matrices too.",
            "return abs(np.sum(g * v) - derivative) / (np.linalg.norm(g) * np.linalg.norm(v)).",
        ],
    ),
    "12.4": Exercise(
        solutions.chunks_equal_the_whole,
        judged,
        ["verdict"],
        [
            Mistake(
                judging(carry=lambda start, first, d: np.zeros_like(start)),
                "a right layer is refused: the second chunk starts from zeros; it has to start from the last d states.",
            ),
            Mistake(
                judging(carry=lambda start, first, d: carried(start, first, d)[::-1]),
                "a right layer is refused where d > 1: the carried states are in the wrong order; the oldest comes first.",
            ),
            Mistake(
                lambda *arguments: not solutions.chunks_equal_the_whole(*arguments),
                "the answer is turned round: True where chunks equal the whole.",
            ),
            Mistake(
                lambda *arguments: True,
                "every layer passes: compare numbers, not only shapes.",
            ),
            Mistake(
                judging(compare=lambda first, second, whole: (first, whole[len(first) :])),
                "a layer that forgets the state it is given passes: compare the second chunk too.",
            ),
        ],
        [
            "run the layer three times: on x, on x[:cut], and on x[cut:] with the state carried over.",
            "the state carried over is the last d states: np.concatenate([start, first])[-d:], as the chunk may be shorter than d.",
            "return np.allclose(np.concatenate([first, second]), whole, rtol=1e-10).",
        ],
        trials=24,
    ),
}
