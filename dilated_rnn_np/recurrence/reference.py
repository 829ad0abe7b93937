"""The paper's recurrence as naive loops: one sequence, one layer, one time step at a time.

``c_t^(l) = f(x_t^(l), c_{t-s(l)}^(l))`` (Chang et al. 2017, section 2.1) with vectors ``W_x x + b + W_h h``, and
backpropagation through time with the same loops in reverse. It is slow and obvious; the fast path shares no code with it and
must equal it to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import inputs
from ..arrays.checks import one_of

Vectors = tuple[np.ndarray, ...]


def sigmoid(a: np.ndarray) -> np.ndarray:
    """Return the logistic function."""
    return (1 + np.tanh(a / 2)) / 2


# ---------------------------------------------------------------------- the cells: p holds W_x, W_h, b (and b_h)


def rnn(p: dict, x: np.ndarray, previous: Vectors) -> Vectors:
    """``h_t = tanh(W_x x_t + W_h h_prev + b)``."""
    (h_prev,) = previous
    return (np.tanh(p["W_x"] @ x + p["W_h"] @ h_prev + p["b"]),)


def rnn_backward(p: dict, x: np.ndarray, previous: Vectors, dnew: Vectors) -> tuple[np.ndarray, Vectors, dict]:
    """Gradients of x, of the previous state and of the parameters."""
    (h_prev,), (dh,) = previous, dnew
    (h,) = rnn(p, x, previous)
    da = dh * (1 - h**2)
    return p["W_x"].T @ da, (p["W_h"].T @ da,), {"W_x": np.outer(da, x), "W_h": np.outer(da, h_prev), "b": da}


def lstm(p: dict, x: np.ndarray, previous: Vectors) -> Vectors:
    """``c_t = f c_prev + i g``, ``h_t = o tanh(c_t)``."""
    h_prev, c_prev = previous
    a_i, a_f, a_g, a_o = np.split(p["W_x"] @ x + p["W_h"] @ h_prev + p["b"], 4)
    c = sigmoid(a_f) * c_prev + sigmoid(a_i) * np.tanh(a_g)
    return sigmoid(a_o) * np.tanh(c), c


def lstm_backward(p: dict, x: np.ndarray, previous: Vectors, dnew: Vectors) -> tuple[np.ndarray, Vectors, dict]:
    """Gradients of x, of the previous state and of the parameters."""
    (h_prev, c_prev), (dh, dc) = previous, dnew
    a_i, a_f, a_g, a_o = np.split(p["W_x"] @ x + p["W_h"] @ h_prev + p["b"], 4)
    i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
    c = f * c_prev + i * g
    dc = dc + dh * o * (1 - np.tanh(c) ** 2)
    da_i = dc * g * i * (1 - i)
    da_f = dc * c_prev * f * (1 - f)
    da_g = dc * i * (1 - g**2)
    da_o = dh * np.tanh(c) * o * (1 - o)
    da = np.concatenate([da_i, da_f, da_g, da_o])
    grads = {"W_x": np.outer(da, x), "W_h": np.outer(da, h_prev), "b": da}
    return p["W_x"].T @ da, (p["W_h"].T @ da, dc * f), grads


def gru(p: dict, x: np.ndarray, previous: Vectors) -> Vectors:
    """``n = tanh(W_n x + b_n + r (U_n h_prev + b_h))``, ``h_t = (1 - z) n + z h_prev``."""
    (h_prev,) = previous
    (W_r, W_z, W_n), (U_r, U_z, U_n), (b_r, b_z, b_n) = (np.split(p[name], 3) for name in ("W_x", "W_h", "b"))
    r = sigmoid(W_r @ x + U_r @ h_prev + b_r)
    z = sigmoid(W_z @ x + U_z @ h_prev + b_z)
    n = np.tanh(W_n @ x + b_n + r * (U_n @ h_prev + p["b_h"]))
    return ((1 - z) * n + z * h_prev,)


def gru_backward(p: dict, x: np.ndarray, previous: Vectors, dnew: Vectors) -> tuple[np.ndarray, Vectors, dict]:
    """Gradients of x, of the previous state and of the parameters."""
    (h_prev,), (dh,) = previous, dnew
    (W_r, W_z, W_n), (U_r, U_z, U_n), (b_r, b_z, b_n) = (np.split(p[name], 3) for name in ("W_x", "W_h", "b"))
    r = sigmoid(W_r @ x + U_r @ h_prev + b_r)
    z = sigmoid(W_z @ x + U_z @ h_prev + b_z)
    recurrent = U_n @ h_prev + p["b_h"]
    n = np.tanh(W_n @ x + b_n + r * recurrent)
    da_z = dh * (h_prev - n) * z * (1 - z)
    da_n = dh * (1 - z) * (1 - n**2)
    da_r = da_n * recurrent * r * (1 - r)
    drecurrent = da_n * r
    da_x, da_h = np.concatenate([da_r, da_z, da_n]), np.concatenate([da_r, da_z, drecurrent])
    grads = {"W_x": np.outer(da_x, x), "W_h": np.outer(da_h, h_prev), "b": da_x, "b_h": drecurrent}
    return p["W_x"].T @ da_x, (p["W_h"].T @ da_h + dh * z,), grads


CELLS = {"rnn": (rnn, rnn_backward, 1), "lstm": (lstm, lstm_backward, 2), "gru": (gru, gru_backward, 1)}
GATES = {"rnn": 1, "lstm": 4, "gru": 3}


# ---------------------------------------------------------------------- one layer: the dilated skip connection


def layer_forward(cell: str, p: dict, xs: Sequence[np.ndarray], start: Sequence[Vectors]) -> list[Vectors]:
    """Return the states ``c_{-d} … c_{T-1}`` of one sequence; ``start`` holds the first d of them."""
    step, _, _ = CELLS[cell]
    d = len(start)
    c = list(start)  # c[d + t] is the state at time t
    for t in range(len(xs)):
        c.append(step(p, xs[t], c[d + t - d]))
    return c


def layer_backward(
    cell: str, p: dict, xs: Sequence[np.ndarray], c: list[Vectors], dh: Sequence[np.ndarray], dend: Sequence[Vectors]
) -> tuple[np.ndarray, list[Vectors], dict]:
    """Return the gradients of the inputs, of the first d states, and of the parameters."""
    _, step_backward, _ = CELLS[cell]
    d, T = len(dend), len(xs)
    dc = [tuple(np.zeros_like(array) for array in state) for state in c[:T]] + list(dend)  # the last d are returned
    dxs, grads = np.zeros_like(xs), {name: np.zeros_like(array) for name, array in p.items()}
    for t in reversed(range(T)):
        dnew = (dc[d + t][0] + dh[t], *dc[d + t][1:])
        dxs[t], dprevious, dp = step_backward(p, xs[t], c[d + t - d], dnew)
        dc[d + t - d] = tuple(a + b for a, b in zip(dc[d + t - d], dprevious, strict=True))
        for name in grads:
            grads[name] += dp[name]
    return dxs, dc[:d], grads


# ---------------------------------------------------------------------- the network, one batch row at a time


def forward(
    params: dict,
    x: np.ndarray,
    dilations: Sequence[int],
    cell: str = "rnn",
    readout: str = "last",
    state: list | None = None,
    lengths: Sequence[int] | None = None,
) -> tuple[np.ndarray, list, list]:
    """Run the network with naive loops; arguments and results as in ``DilatedRNN.forward``.

    Returns
    -------
    output, state : as there. cache : for each batch row, the inputs and states of its layers, and the top layer's outputs from
        time -K on.

    Examples
    --------
    >>> from dilated_rnn_np import DilatedRNN
    >>> model = DilatedRNN(1, 3, [1, 2], output_size=2, dtype="float64")
    >>> x = np.linspace(-1, 1, 7).reshape(7, 1, 1)
    >>> bool(np.allclose(forward(model.params, x, [1, 2])[0], model.forward(x)[0], rtol=1e-12))
    True
    """
    one_of("cell of the reference", cell, CELLS)
    one_of("readout", readout, ("last", "all"))
    x, dilations = _checked(params, x, dilations, cell)
    T, B, _ = x.shape
    p = _complete(params, x, dilations, state)
    O, dtype = len(p["readout.b"]), p["readout.b"].dtype
    if state is None:
        shapes = [(d, B, p[f"layers.{l}.W_h"].shape[1]) for l, d in enumerate(dilations)]
        state = [tuple(np.zeros(shape, dtype) for _ in range(CELLS[cell][2])) for shape in shapes]
    W = _blocks(p["readout.W"], state)
    K = len(W)
    new_state = [tuple(array.astype(dtype) for array in entry) for entry in state]
    output, last, cache = np.zeros((T, B, O), dtype), np.zeros((B, O), dtype), []
    for b in range(B):
        n = T if lengths is None else lengths[b]
        xs, trace = [p["embedding.W"] @ x_t for x_t in x[:n, b]], []
        for l, d in enumerate(dilations):
            c = layer_forward(cell, _of(p, f"layers.{l}"), xs, _row(state[l], b))
            trace.append((xs, c))
            for array, values in zip(new_state[l], zip(*c[n:], strict=True), strict=True):
                array[:, b] = values
            xs = [h for h, *_ in c[d:]]
        h = [*state[-1][0][-K:, b], *xs]  # h[K + t] is the top layer's output at time t
        for t in range(-1, n):
            last[b] = sum(W[k] @ h[t + 1 + k] for k in range(K)) + p["readout.b"]
            if t >= 0:
                output[t, b] = last[b]
        cache.append((trace, h))
    return (last if readout == "last" and "readout.W" in params else output), new_state, cache


def backward(
    params: dict,
    x: np.ndarray,
    dilations: Sequence[int],
    cell: str,
    doutput: np.ndarray,
    readout: str = "last",
    state: list | None = None,
    lengths: Sequence[int] | None = None,
    dstate: list | None = None,
) -> tuple[np.ndarray, list, dict]:
    """Backpropagate with naive loops, after another forward pass.

    Returns
    -------
    dx, dstate, grads : as in ``DilatedRNN.backward``.
    """
    output, end, cache = forward(params, x, dilations, cell, readout, state, lengths)
    x, doutput = np.asarray(x), inputs.gradient(np, "doutput", doutput, output.shape, output.dtype)
    p = _complete(params, x, dilations, state)
    dend = [tuple(np.zeros_like(array) for array in entry) for entry in end] if dstate is None else dstate
    dstart = [tuple(np.zeros_like(array) for array in entry) for entry in end]
    dx, grads = np.zeros(x.shape, end[0][0].dtype), {name: np.zeros_like(array) for name, array in p.items()}
    W, dW = _blocks(p["readout.W"], end), _blocks(grads["readout.W"], end)
    K, reads_last = len(W), readout == "last" and "readout.W" in params
    for b, (trace, h) in enumerate(cache):
        n = len(h) - K
        dh = np.zeros_like(h)
        for t in range(n) if not reads_last else [n - 1]:
            dy = doutput[b] if reads_last else doutput[t, b]
            for k in range(K):
                dW[k] += np.outer(dy, h[t + 1 + k])
                dh[t + 1 + k] += W[k].T @ dy
            grads["readout.b"] += dy
        dxs = dh[K:]
        for l in reversed(range(len(dilations))):
            xs, c = trace[l]
            dxs, dfirst, dp = layer_backward(cell, _of(p, f"layers.{l}"), xs, c, dxs, _row(dend[l], b))
            for array, values in zip(dstart[l], zip(*dfirst, strict=True), strict=True):
                array[:, b] = values
            for name in dp:
                grads[f"layers.{l}.{name}"] += dp[name]
        for t in range(n):
            dx[t, b] = p["embedding.W"].T @ dxs[t]
            grads["embedding.W"] += np.outer(dxs[t], x[t, b])
        dstart[-1][0][-K:, b] += dh[:K]
    return dx, dstart, {name: grads[name] for name in params}


def _checked(params: dict, x: np.ndarray, dilations: Sequence[int], cell: str) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return x as (T, B, D), and one dilation for each layer of the parameters, which must be of the cell."""
    dilations, layers = inputs.dilations(dilations), sum(name.endswith(".W_h") for name in params)
    if len(dilations) != layers:
        raise ValueError(f"dilations must be {layers} numbers, one per layer of params, got {len(dilations)}")
    rows, H = params["layers.0.W_h"].shape
    if rows != GATES[cell] * H:
        raise ValueError(f"cell must be the one of params, whose layers have {rows // H} gates, got {cell!r}")
    input_size = params["embedding.W" if "embedding.W" in params else "layers.0.W_x"].shape[1]
    return inputs.sequence(np, x, input_size), dilations


def _complete(params: dict, x: np.ndarray, dilations: Sequence[int], state: list | None) -> dict:
    """Return the parameters in one dtype; a missing embedding or read-out is the identity."""
    H = params[f"layers.{len(dilations) - 1}.W_h"].shape[1]
    whole = {"embedding.W": np.eye(x.shape[2]), "readout.W": np.eye(H), "readout.b": np.zeros(H)} | params
    dtype = np.result_type(x, *params.values(), *(array for entry in state or [] for array in entry))
    return {name: array.astype(dtype) for name, array in whole.items()}


def _of(params: dict, owner: str) -> dict:
    """Return the parameters of one layer, without its prefix."""
    return {name.removeprefix(owner + "."): a for name, a in params.items() if name.startswith(owner + ".")}


def _row(entry: tuple, b: int) -> list[Vectors]:
    """Return batch row b of a layer's state, (d, B, H) each, as a list of d steps."""
    return [tuple(array[j, b] for array in entry) for j in range(len(entry[0]))]


def _blocks(readout_W: np.ndarray, state: list) -> list[np.ndarray]:
    """Return the K views (O, H) of the read-out's weights, one per step that it fuses, the oldest first."""
    return np.split(readout_W, readout_W.shape[1] // state[-1][0].shape[2], axis=1)
