"""Solutions of tutorial 13: what a training step costs."""

import numpy as np


def step_flops(T, B, D, H, G, dilations):
    """Return the flops of the three products of every layer."""
    inputs = [D] + [H] * (len(dilations) - 1)
    return sum(3 * 2 * G * H * (size + 1 + H) * T * B for size in inputs)


def gru_cache_bytes(T, B, D, H, d, itemsize):
    """Return the bytes of Z, and of r, z, n and m; h_prev is a view of Z."""
    return itemsize * ((D + 1 + H) * (T + d) * B + 4 * H * T * B)


def segment_size(T, step, state, budget):
    """Return the length of the longest segments that fit the budget."""
    for k in range(1, T + 1):
        size = -(-T // k)
        if size * step + k * state <= budget:
            return size
    raise ValueError("no number of segments fits the budget")


def in_segments(forward, backward, x, h0, dh, size):
    """Return (dx, dh0, dW): each segment runs forward once more before it goes back."""
    segments = [slice(start, start + size) for start in range(0, len(x), size)]
    states = [h0]  # before each segment
    for segment in segments[:-1]:
        states.append(forward(x[segment], states[-1])[1])
    dxs, dh_after, dW = [], np.zeros_like(h0), 0
    for segment, h in zip(reversed(segments), reversed(states), strict=True):
        _, _, cache = forward(x[segment], h)
        dx, dh_after, dW_here = backward(dh[segment], cache, dh_after)
        dxs.insert(0, dx)
        dW = dW + dW_here
    return np.concatenate(dxs), dh_after, dW


def launch_budget(T, dilations, there, back, once, limit):
    """Return the launches of a training step, and the most seconds that each may cost."""
    launches = sum(-(-T // d) * (there + back) + once for d in dilations)
    return launches, limit / launches


def on_chip(chip, a, h0, R):
    """Return all states: each group of rows is loaded once, and goes through all time steps."""
    h = np.empty_like(a)
    for first in range(0, len(h0), R):
        rows = slice(first, first + R)
        chip.load(h0[rows])
        for t in range(len(a)):
            h[t, rows] = chip.step(a[t, rows])
    return h
