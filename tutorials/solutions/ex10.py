"""Solutions of tutorial 10: characters."""

import numpy as np


def window(codes, B, T, k):
    """Return the inputs (T, B) and the targets (T, B) of window k of a text (N,) in B streams."""
    S = (len(codes) - 1) // B
    starts = np.arange(B) * S + k * T  # (B,): where each stream's window begins
    places = starts + np.arange(T)[:, np.newaxis]  # (T, B)
    return codes[places], codes[places + 1]


def lookup_gradient(da, codes, V):
    """Return dW_x (G*H, V): to the column of each character the da of all steps at which it was seen."""
    dW_x = np.zeros((V, da.shape[-1]))  # (V, G*H): a row a character
    np.add.at(dW_x, codes, da)  # adds again where a character comes again
    return dW_x.T


def truncated_gradient(x, do, w, W):
    """Return dw of h_t = w h_{t-1} + x_t: states are carried over windows of W steps, gradients are not."""
    h, dw = 0.0, 0.0
    for start in range(0, len(x), W):
        before = []  # h_{t-1} for each step of the window
        for x_t in x[start : start + W]:
            before.append(h)
            h = w * h + x_t
        dh = 0.0  # nothing comes from the next window
        for do_t, h_before in zip(do[start : start + W][::-1], before[::-1], strict=True):
            dh = do_t + w * dh
            dw += dh * h_before
    return dw


def probabilities(logits, temperature):
    """Return softmax(logits / temperature), (B, V)."""
    exp = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    return exp / exp.sum(axis=1, keepdims=True)
