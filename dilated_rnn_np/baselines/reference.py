"""The compared systems as naive loops: one sequence, one layer, one time step at a time, from a state of zeros.

These loops are slow and obvious, as ``dilated_rnn_np.reference`` is for the dilated RNN. They share no code with the layers, and
the layers must equal them to rounding. Each function takes one layer's parameters p and input x (T, D), and returns its outputs
(T, H).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..recurrence.reference import sigmoid

Params = dict[str, np.ndarray]


def skip(p: Params, x: np.ndarray, cell: str, s: int) -> np.ndarray:
    """``c_t = f(x_t, c_{t-1}, c_{t-s})``.

    Parameters
    ----------
    p : W_x (G*H, D), W_h and W_s (G*H, H), b (G*H,), gru also b_h (H,). cell : "rnn", "lstm" or "gru".
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


def clockwork(p: Params, x: np.ndarray, periods: list[int]) -> np.ndarray:
    """``h_i = tanh(W_x,i x + sum over the modules j >= i of W_h,ij h_j + b_i)`` at the times with ``t mod p_i = 0``.

    Parameters
    ----------
    p : W_x (H, D), b (H,), and for each module i of m units W_h<i> (m, H - i*m). periods : from fast to slow.
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


def phased_lstm(p: Params, x: np.ndarray, open_ratio: float, leak: float) -> np.ndarray:
    """Run an LSTM behind a time gate: ``c_t = k c~ + (1 - k) c_{t-1}``, ``h_t = k h~ + (1 - k) h_{t-1}``.

    Parameters
    ----------
    p : W_x (4*H, D), W_h (4*H, H), b (4*H,), log_tau and s (H,). open_ratio : r_on. leak : alpha.
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


def dilated_cnn(p: Params, x: np.ndarray, d: int, k: int) -> np.ndarray:
    """``y = W_r z + b_r + x`` with ``z = tanh(W_f * x + b_f) sigmoid(W_g * x + b_g)``, taps at t, t-d, …, t-(k-1)d.

    Parameters
    ----------
    p : W_f and W_g (H, k*D), the newest tap last, W_r (H, H), b_f, b_g, b_r (H,), and where D != H W_p (H, D).
    """
    D = x.shape[1]
    ys = []
    for t, x_t in enumerate(x):
        a_f, a_g = p["b_f"], p["b_g"]
        for j in range(k):
            then = t - (k - 1 - j) * d
            if then >= 0:
                a_f = a_f + p["W_f"][:, j * D : (j + 1) * D] @ x[then]
                a_g = a_g + p["W_g"][:, j * D : (j + 1) * D] @ x[then]
        residual = p["W_p"] @ x_t if "W_p" in p else x_t
        ys.append(p["W_r"] @ (np.tanh(a_f) * sigmoid(a_g)) + p["b_r"] + residual)
    return np.array(ys)


def hm_lstm(
    p: Params, x: np.ndarray, levels: int, slope: float = 1.0, boundary: Callable[[complex], complex] | None = None
) -> np.ndarray:
    """Apply UPDATE, COPY or FLUSH in each level at each step, depending on its boundaries; h is (T, L*H), the lowest level first.

    Parameters
    ----------
    p : for each level l "levels.l.W", ".U", ".V" and ".b", rows in the order f, i, o, g, boundary; no V at the top.
    boundary : None for the step at 1/2, which selects one of the three operations; or a function of the hard sigmoid whose result
        mixes the three as if it were a probability.
    """
    H = p["levels.0.U"].shape[1]
    h_prev, c_prev = [np.zeros(H)] * levels, [np.zeros(H)] * levels
    z_prev: list[Any] = [0] * levels  # that of the top level stays 0
    outputs = []
    for x_t in x:
        h, c, z = list(h_prev), list(c_prev), list(z_prev)  # COPY, unless a boundary below changes them
        for l in range(levels):
            W, U, b = (p[f"levels.{l}.{name}"] for name in "WUb")
            h_below, z_below = (x_t, 1) if l == 0 else (h[l - 1], z[l - 1])
            s = U @ h_prev[l] + z_below * (W @ h_below) + b
            if l < levels - 1:
                s = s + z_prev[l] * (p[f"levels.{l}.V"] @ h_prev[l + 1])
            f, i, o, g = sigmoid(s[:H]), sigmoid(s[H : 2 * H]), sigmoid(s[2 * H : 3 * H]), np.tanh(s[3 * H : 4 * H])
            flushed, updated = i * g, f * c_prev[l] + i * g
            copying = (1 - z_prev[l]) * (1 - z_below)
            if boundary is not None:
                c[l] = z_prev[l] * flushed + (1 - z_prev[l]) * (z_below * updated + (1 - z_below) * c_prev[l])
            elif z_prev[l] == 1:
                c[l] = flushed
            elif z_below == 1:
                c[l] = updated
            h[l] = copying * h_prev[l] + (1 - copying) * o * np.tanh(c[l])
            if l < levels - 1:
                soft = (slope * s[4 * H] + 1) / 2
                soft = soft if 0 < soft.real < 1 else float(soft.real >= 1)
                z[l] = int(soft > 0.5) if boundary is None else boundary(soft)
        h_prev, c_prev, z_prev = h, c, z
        outputs.append(np.concatenate(h))
    return np.array(outputs)
