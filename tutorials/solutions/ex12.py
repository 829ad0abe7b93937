"""Solutions of tutorial 12: trust."""

import numpy as np


def central(f, p, v, h):
    """Return the directional derivative of f at p along v by central differences."""
    return (f(p + h * v) - f(p - h * v)) / (2 * h)


def complex_step(f, p, v):
    """Return the directional derivative of f at p along v by the complex step."""
    h = 1e-30
    return np.imag(f(p + 1j * h * v)) / h


def relative_error(g, v, derivative):
    """Return the error of <g, v> against the derivative, relative to |g| |v|."""
    return abs(np.sum(g * v) - derivative) / (np.linalg.norm(g) * np.linalg.norm(v))


def chunks_equal_the_whole(layer, x, d, cut, weights):
    """Return whether a layer gives the same states, to rounding, in two chunks with the state carried as in one piece."""
    _, B, _ = x.shape
    H = len(weights[1])
    start = np.zeros((d, B, H))
    whole = layer(x, start, d, *weights)
    first = layer(x[:cut], start, d, *weights)
    carried = np.concatenate([start, first])[-d:]  # the last d states, also where the chunk is shorter than d
    second = layer(x[cut:], carried, d, *weights)
    return np.allclose(np.concatenate([first, second]), whole, rtol=1e-10)
