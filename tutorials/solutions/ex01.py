"""Solutions of tutorial 1: one recurrent neuron."""

import numpy as np


def states(x, w_x, w_h, b):
    """Return h_0 … h_{T-1}."""
    h, out = 0.0, []
    for x_t in x:
        h = np.tanh(w_x * x_t + w_h * h + b)
        out.append(h)
    return out


def gradients(x, h, w_h, dh_last):
    """Return dw_x, dw_h and db."""
    dw_x = dw_h = db = 0.0
    dh = dh_last
    for t in reversed(range(len(x))):
        da = dh * (1 - h[t] ** 2)
        dw_x += da * x[t]
        dw_h += da * (h[t - 1] if t > 0 else 0.0)
        db += da
        dh = da * w_h
    return dw_x, dw_h, db


def survival(h, w_h):
    """Return dh_0 / dh_{T-1}: the gradient crosses the steps T-1 … 1."""
    factor = 1.0
    for h_t in h[1:]:
        factor *= w_h * (1 - h_t**2)
    return factor
