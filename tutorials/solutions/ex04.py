"""Solutions of tutorial 4: gates."""

import numpy as np


def sigmoid(a):
    """Return the logistic function."""
    return np.tanh(a / 2) / 2 + 0.5


def lstm_backward_step(dh, dc, i, f, g, o, c_prev, c):
    """Return da_i, da_f, da_g, da_o and dc_prev."""
    tanh_c = np.tanh(c)
    do = dh * tanh_c
    dc = dc + dh * o * (1 - tanh_c**2)  # c is used twice
    di, df, dg, dc_prev = dc * g, dc * c_prev, dc * i, dc * f
    return di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o), dc_prev


def gru_forward_step(x_t, h_prev, W_x, W_h, b, b_h):
    """Return h_t, (B, H)."""
    (W_r, W_z, W_n), (U_r, U_z, U_n), (b_r, b_z, b_n) = np.split(W_x, 3), np.split(W_h, 3), np.split(b, 3)
    r = sigmoid(x_t @ W_r.T + h_prev @ U_r.T + b_r)
    z = sigmoid(x_t @ W_z.T + h_prev @ U_z.T + b_z)
    a_n, a_nh = x_t @ W_n.T + b_n, h_prev @ U_n.T + b_h
    n = np.tanh(a_n + r * a_nh)
    return (1 - z) * n + z * h_prev


def gru_backward_step(dh, r, z, n, a_nh, h_prev):
    """Return da_r, da_z, da_n, da_nh and dh_prev; r stands inside the tanh, so dr is made from da_n."""
    dn, dz, dh_prev = dh * (1 - z), dh * (h_prev - n), dh * z
    da_n = dn * (1 - n**2)
    dr, da_nh = da_n * a_nh, da_n * r
    return dr * r * (1 - r), dz * z * (1 - z), da_n, da_nh, dh_prev
