"""Solutions of tutorial 2: backpropagation through time in matrices."""

import numpy as np


def step_forward(x_t, h_prev, W_x, W_h, b):
    """Return h_t, (B, H)."""
    return np.tanh(x_t @ W_x.T + h_prev @ W_h.T + b)


def step_backward(dh, x_t, h_prev, h_t, W_x, W_h):
    """Return dx_t, dh_prev, dW_x, dW_h and db."""
    da = dh * (1 - h_t * h_t)  # (B, H)
    return da @ W_x, da @ W_h, da.T @ x_t, da.T @ h_prev, da.sum(axis=0)


def clip(grads, max_norm):
    """Return the gradients, scaled together where their norm is above max_norm."""
    norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
    scale = min(1.0, max_norm / norm)
    return {name: g * scale for name, g in grads.items()}
