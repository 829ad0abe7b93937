"""Solutions of tutorial 15: compared systems."""

import numpy as np


def clockwork_step(a, h_prev, t, periods):
    """Return h: the due modules anew, the others held."""
    m = len(a) // len(periods)
    due = np.repeat(t % np.asarray(periods) == 0, m)  # (H,)
    return np.where(due, np.tanh(a), h_prev)


def gate(t, tau, s, r, alpha):
    """Return the time gate k."""
    phi = (t - s) % tau / tau
    return np.where(phi < r / 2, 2 * phi / r, np.where(phi < r, 2 - 2 * phi / r, alpha * phi))


def one_sum(f, i, o, g, c_prev, h_prev, z_prev, z_below):
    """Return c and h of a level: flush, update and copy in one sum."""
    flush, update, copy = z_prev, (1 - z_prev) * z_below, (1 - z_prev) * (1 - z_below)
    c = flush * (i * g) + update * (f * c_prev + i * g) + copy * c_prev
    h = copy * h_prev + (1 - copy) * o * np.tanh(c)
    return c, h


def parameters(D, O, L, H):
    """Return the parameters of a stack: W_x, W_h and b of each layer, and the read-out."""
    first, further = H * D + H * H + H, H * H + H * H + H
    return first + (L - 1) * further + O * H + O


def largest(D, O, L, budget):
    """Return the largest hidden size within the budget, and its parameters."""
    H = 1
    while parameters(D, O, L, H + 1) <= budget:
        H += 1
    return H, parameters(D, O, L, H)
