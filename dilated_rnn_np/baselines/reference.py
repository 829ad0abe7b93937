"""The compared systems as naive loops: one sequence, one layer, one time step at a time, from a state of zeros.

Slow and obvious, as ``dilated_rnn_np.reference`` is for the dilated RNN: the layers, with which these loops share no code, have
to equal them to rounding. Each function gets one layer's parameters and its input, and returns the layer's outputs.
"""

from __future__ import annotations

import numpy as np

from ..reference import sigmoid


def skip(p: dict[str, np.ndarray], x: np.ndarray, cell: str, s: int) -> np.ndarray:
    """``c_t = f(x_t, c_{t-1}, c_{t-s})``.

    Parameters
    ----------
    p : W_x (G*H, D), W_h and W_s (G*H, H), b (G*H,), gru also b_h (H,). x : (T, D). cell : "rnn", "lstm" or "gru".

    Returns
    -------
    h : (T, H).
    """
    H = p["W_h"].shape[1]
    hs: list[np.ndarray] = []
    c = np.zeros(H)
    for t, x_t in enumerate(x):
        h_prev = hs[t - 1] if t >= 1 else np.zeros(H)
        h_skip = hs[t - s] if t >= s else np.zeros(H)
        from_x, from_h = p["W_x"] @ x_t + p["b"], p["W_h"] @ h_prev + p["W_s"] @ h_skip
        if cell == "rnn":
            h = np.tanh(from_x + from_h)
        elif cell == "lstm":
            i, f, g, o = np.split(from_x + from_h, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        else:
            (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(from_x, 3), np.split(from_h, 3)
            r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
            h = (1 - z) * np.tanh(x_n + r * (h_n + p["b_h"])) + z * h_prev
        hs.append(h)
    return np.array(hs)
