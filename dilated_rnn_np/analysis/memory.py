"""Memory measured on a model: the gradient across a span and along edges, the inputs that reach an output, the activations.

``theory.paths`` computes how far information can travel through a graph; here the model's forward and backward passes show how
far it does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.backend import Array, to_host
from ..arrays.checks import positive_integer
from ..arrays.streams import checked_rng
from ..arrays.threads import Workers
from ..nets.network import Network
from ..nets.stack import Cache
from ..training.losses import Loss
from .objective import objective


def gradient_flow(
    model: Network, x: Array, targets: Any = None, loss: Loss | str | None = None, rng: int | np.random.Generator = 0
) -> np.ndarray:
    """Return the norm of ``d loss_t / d h_{t-n}`` for each layer and each span n, where t is the last step.

    Parameters
    ----------
    model : fresh or trained. x : (T, B, D).
    targets, loss : of the last step, as in ``fit``, with one target per batch row. Without them the loss is a random projection
        of the output, drawn from ``rng``.

    Returns
    -------
    norms : (L, T); ``norms[l, n]`` is over all units of layer l and all batch rows at time T - 1 - n.

    Examples
    --------
    Two layers of dilations 1 and 4: in the top layer the gradient reaches only multiples of four steps.

    >>> from dilated_rnn_np import DilatedRNN
    >>> x = np.random.default_rng(0).standard_normal((9, 2, 1))
    >>> norms = gradient_flow(DilatedRNN(1, 5, [1, 4], output_size=1, dtype="float64"), x)
    >>> np.flatnonzero(norms[1]).tolist()
    [0, 4, 8]
    """
    output, _, cache = model.forward(x)
    assert cache is not None
    last = _last(output)
    doutput = model.xp.zeros_like(output)
    _last(doutput)[...] = objective(last, targets, loss, None, checked_rng("rng", rng, "analysis"))(last)[1]
    flow: list[Array] = []
    model.backward(doutput, cache, output_grads=flow)
    return np.stack([to_host(model.xp.sqrt((abs(dh) ** 2).sum(axis=(1, 2))))[::-1] for dh in flow])  # (L, T)


def edge_gradients(
    model: Network, x: Array, targets: Any = None, loss: Loss | str | None = None, rng: int | np.random.Generator = 0
) -> dict[str, np.ndarray]:
    """Return the norms of the gradient of the last step's loss, separated by the edges on which it arrives.

    Parameters
    ----------
    model, x, targets, loss, rng : as for :func:`gradient_flow`.

    Returns
    -------
    norms : "total", "upward" and "hops", (L, T) each: at ``[l, t]`` the whole gradient of the outputs of layer l at time t, the
        part from the layer or read-out above, and the part through time; "input", (T,), that of x.

    Examples
    --------
    Two layers of dilations 1 and 4: through time, the top layer's output at t receives a gradient from t + 4.

    >>> from dilated_rnn_np import DilatedRNN
    >>> x = np.random.default_rng(0).standard_normal((9, 2, 1))
    >>> norms = edge_gradients(DilatedRNN(1, 5, [1, 4], output_size=1, dtype="float64"), x)
    >>> np.flatnonzero(norms["upward"][1]).tolist(), np.flatnonzero(norms["hops"][1]).tolist()
    ([8], [0, 4])
    """
    output, _, cache = model.forward(x)
    assert isinstance(cache, Cache)
    doutput = model.xp.zeros_like(output)
    last = _last(output)
    _last(doutput)[...] = objective(last, targets, loss, None, checked_rng("rng", rng, "analysis"))(last)[1]
    total: list[Array] = []
    dx, _, _ = model.backward(doutput, cache, output_grads=total)
    upward = _from_above(model, cache, doutput)
    hops = [whole - above for whole, above in zip(total, upward, strict=True)]
    norms = {"total": total, "upward": upward, "hops": hops, "input": [dx]}
    over_time = {
        name: np.stack([to_host(model.xp.sqrt((abs(a) ** 2).sum(axis=(1, 2)))) for a in arrays])
        for name, arrays in norms.items()
    }
    return over_time | {"input": over_time["input"][0]}


def _from_above(model: Network, cache: Cache, doutput: Array) -> list[Array]:
    """Return for each layer the gradient of its outputs that comes from above, (T, B, H); this mirrors ``Stack.backward``."""
    T, B, _ = cache.x_shape
    readout, above = model.stack.readout, list[Array]()
    drows = readout.backward(cache.readout, doutput)[0] if readout and cache.readout else doutput.reshape(T * B, -1).T
    dstate = model.zero_state(B, cache.dtype)
    for layer, layer_cache, ds in reversed(list(zip(model.layers, cache.layers, dstate, strict=True))):
        above.insert(0, drows.T.copy().reshape(T, B, -1))  # (H, T*B) -> (T, B, H)
        drows = layer.backward(layer_cache, drows.copy(), ds, Workers())[0]
    return above


def reached_spans(model: Network, seq_len: int, rng: int | np.random.Generator = 0) -> np.ndarray:
    """Return the spans n for which the output at the last step depends on the input n steps before, found by gradients.

    Input (T, 1, D) and output gradient are random. Without a path the gradient of the input is exactly 0; with a path it is 0
    only with probability 0, or by underflow in float64. The spans are increasing integers from 0 to ``seq_len - 1``.

    >>> from dilated_rnn_np import DilatedRNN
    >>> reached_spans(DilatedRNN(1, 4, [4, 6]), 13).tolist()
    [0, 4, 6, 8, 10, 12]
    """
    seq_len, rng = positive_integer("seq_len", seq_len), checked_rng("rng", rng, "analysis")
    model = model.to("numpy").astype("float64")
    x = rng.standard_normal((seq_len, 1, model.input_size))
    output, _, cache = model.forward(x)
    assert cache is not None
    doutput = np.zeros_like(output)
    _last(doutput)[...] = rng.standard_normal(_last(output).shape)
    dx, _, _ = model.backward(doutput, cache)
    return np.flatnonzero(dx[::-1].any(axis=(1, 2)))


def activations(model: Network, x: Array) -> list[dict[str, np.ndarray]]:
    """Return for each layer its outputs "h" to x (T, B, D) and, where the cell offers them, its gates: (T, B, H) each.

    >>> from dilated_rnn_np import DilatedRNN
    >>> model = DilatedRNN(1, 3, [1, 2], "lstm")
    >>> [sorted(layer) for layer in activations(model, np.zeros((5, 2, 1), "float32"))]
    [['f', 'g', 'h', 'i', 'o'], ['f', 'g', 'h', 'i', 'o']]
    """
    _, _, cache = model.forward(x)
    assert isinstance(cache, Cache)
    shown = []
    for layer, layer_cache in zip(model.layers, cache.layers, strict=True):
        rows = {**layer.gate_values(layer_cache), "h": layer.outputs(layer_cache)}  # (H, T*B) each
        shown.append(
            {name: to_host(a).T.reshape(*cache.x_shape[:2], -1).copy() for name, a in rows.items()}
        )  # (T, B, H)
    return shown


def _last(output: Array) -> Array:
    """Return the output at the last step, (B, O), with either read-out."""
    return output if output.ndim == 2 else output[-1]
