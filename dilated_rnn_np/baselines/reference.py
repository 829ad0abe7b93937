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


def clockwork(p: dict[str, np.ndarray], x: np.ndarray, periods: list[int]) -> np.ndarray:
    """``h_i = tanh(W_x,i x + sum over the modules j that are as slow or slower of W_h,ij h_j + b_i)`` where ``t mod p_i = 0``.

    Parameters
    ----------
    p : W_x (H, D), b (H,), and for each module i of m units W_h<i> (m, H - i*m). x : (T, D). periods : from fast to slow.

    Returns
    -------
    h : (T, H).
    """
    m = len(p["b"]) // len(periods)
    h = [np.zeros(m) for _ in periods]
    hs = []
    for t, x_t in enumerate(x):
        before = list(h)
        for i, period in enumerate(periods):
            if t % period == 0:
                a = p["W_x"][i * m : i * m + m] @ x_t + p["b"][i * m : i * m + m]
                for j in range(i, len(periods)):
                    a = a + p[f"W_h{i}"][:, (j - i) * m : (j - i) * m + m] @ before[j]
                h[i] = np.tanh(a)
        hs.append(np.concatenate(h))
    return np.array(hs)


def phased_lstm(p: dict[str, np.ndarray], x: np.ndarray, open_ratio: float, leak: float) -> np.ndarray:
    """Let an LSTM's step in by the time gate: ``c_t = k c~ + (1 - k) c_{t-1}``, ``h_t = k h~ + (1 - k) h_{t-1}``.

    Parameters
    ----------
    p : W_x (4*H, D), W_h (4*H, H), b (4*H,), log_tau and s (H,). x : (T, D). open_ratio : r_on. leak : alpha.

    Returns
    -------
    h : (T, H).
    """
    H = len(p["s"])
    h, c, hs = np.zeros(H), np.zeros(H), []
    for t, x_t in enumerate(x):
        i, f, g, o = np.split(p["W_x"] @ x_t + p["W_h"] @ h + p["b"], 4)
        c_open = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h_open = sigmoid(o) * np.tanh(c_open)
        k = np.zeros(H)
        for unit in range(H):
            tau = np.exp(p["log_tau"][unit])
            phi = (t - p["s"][unit]) % tau / tau
            if phi < open_ratio / 2:
                k[unit] = 2 * phi / open_ratio
            elif phi < open_ratio:
                k[unit] = 2 - 2 * phi / open_ratio
            else:
                k[unit] = leak * phi
        c = k * c_open + (1 - k) * c
        h = k * h_open + (1 - k) * h
        hs.append(h)
    return np.array(hs)
