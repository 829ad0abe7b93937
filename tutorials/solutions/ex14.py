"""Solutions of tutorial 14: cells of one's own."""

import numpy as np


def mgu_forward(a_f, a_g, a_gh, h_prev):
    """Return h, f and g of the minimal gated unit."""
    f = 1 / (1 + np.exp(-a_f))
    g = np.tanh(a_g + f * a_gh)
    h = (1 - f) * h_prev + f * g
    return h, f, g


def mgu_backward(dh, f, g, a_gh, h_prev):
    """Return da_f, da_g, da_gh and dh_prev: mirror the forward, last line first."""
    df, dg, dh_prev = dh * (g - h_prev), dh * f, dh * (1 - f)
    da_g = dg * (1 - g * g)
    da_gh = da_g * f
    df = df + da_g * a_gh  # the second way: f resets the candidate
    da_f = df * f * (1 - f)
    return da_f, da_g, da_gh, dh_prev


def coupled_backward(dh, dc, i, g, o, c_prev, tanh_c):
    """Return da_i, da_g, da_o and dc_prev of the LSTM with f = 1 - i."""
    do = dh * tanh_c
    dc = dc + dh * o * (1 - tanh_c * tanh_c)
    di, dg, dc_prev = dc * (g - c_prev), dc * i, dc * (1 - i)
    return di * i * (1 - i), dg * (1 - g * g), do * o * (1 - o), dc_prev
