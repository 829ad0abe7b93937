"""Solutions of tutorial 6: stacks, fusion, state and lengths."""

import numpy as np


def depth(span, M):
    """Return the number of layers and the hops that the span takes: its digits in base M, and their sum."""
    num_layers, hops = 0, 0
    while span > 0:
        hops += span % M
        span //= M
        num_layers += 1
    return num_layers, hops


def fuse(h, W, b):
    """Return y_t = b + sum over k of W_k h_{t-K+1+k}."""
    T, H = h.shape
    K = W.shape[1] // H
    y = np.zeros((T, len(b)))
    for t in range(T):
        y[t] = b
        for k in range(K):
            if t - K + 1 + k >= 0:
                y[t] += W[:, k * H : (k + 1) * H] @ h[t - K + 1 + k]
    return y


def forward_chunk(x, state, W_x, W_h, b):
    """Return the outputs of a chunk and the state for the next one."""
    T, d = len(x), len(state)
    h = np.concatenate([state, np.zeros((T, *state.shape[1:]))])  # h[d + t] is the output at time t
    for t in range(T):
        h[d + t] = np.tanh(x[t] @ W_x.T + b + h[t] @ W_h.T)
    return h[d:], h[T:]


def read_last(h, lengths, W, b):
    """Return the fused output of each row at its own last step."""
    H = h.shape[2]
    K = W.shape[1] // H
    y = np.zeros((len(lengths), len(b)))
    for row, length in enumerate(lengths):
        y[row] = b
        for k in range(K):
            t = int(length) - 1 - K + 1 + k
            if t >= 0:
                y[row] += W[:, k * H : (k + 1) * H] @ h[t, row]
    return y
