"""Solutions of tutorial 3: the dilated skip connection."""

import numpy as np


def states(x, W_x, W_h, b, d):
    """Return h_0 … h_{T-1} as an array (T, H)."""
    c = [np.zeros(len(b)) for _ in range(d)]  # c[d + t] is the state at step t
    for t in range(len(x)):
        c.append(np.tanh(W_x @ x[t] + W_h @ c[d + t - d] + b))
    return np.array(c[d:])


def gradients(x, h, dh, W_h, d):
    """Return dW_x (H, D), dW_h (H, H) and db (H,)."""
    T, H = h.shape
    c = [np.zeros(H)] * d + list(h)  # c[d + t] is the state at step t
    dc = [np.zeros(H)] * d + list(dh)  # dc[d + t] is its gradient
    dW_x, dW_h, db = np.zeros((H, x.shape[1])), np.zeros((H, H)), np.zeros(H)
    for t in reversed(range(T)):
        da = dc[d + t] * (1 - h[t] ** 2)
        dW_x += np.outer(da, x[t])
        dW_h += np.outer(da, c[d + t - d])
        db += da
        dc[d + t - d] = dc[d + t - d] + W_h.T @ da
    return dW_x, dW_h, db


def reached(dilations, limit):
    """Return whether the span n is reached, for n = 0 … limit."""
    found = [n == 0 for n in range(limit + 1)]
    for d in dilations:  # a layer adds hops of d to whatever the layers below it reach
        for n in range(d, limit + 1):
            found[n] = found[n] or found[n - d]
    return found
