"""A stack of dilated causal convolutions with gated units, as in WaveNet: the time span of a dilated RNN without recurrence.

``z = tanh(W_f * x + b_f) sigmoid(W_g * x + b_g)`` and ``y = W_r z + b_r + x`` (van den Oord et al. 2016, "WaveNet: a generative
model for raw audio", sections 2.1, 2.3 and 2.4), where ``*`` reads x at the times t, t-d, …, t-(k-1)d. WaveNet's skip connections
to the output are left out: the read-out reads only the top layer, as in the dilated RNN. Where x and y differ in size, W_p x is
added instead of x (Bai, Kolter and Koltun 2018, "An empirical evaluation of generic convolutional and recurrent networks for
sequence modeling", section 3.4).

No time step waits for another one. A sequence lies feature-major here, ``(D, T, B)``, so each tap is a view. The k taps of a
stretch of time and a row of ones for the bias form one matrix, and one product computes filter and gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..arrays import inputs
from ..arrays.backend import Array, array_module
from ..arrays.checks import positive_integer
from ..arrays.threads import Workers, even_slices
from ..nets.dilated_layer import WORTH_A_THREAD
from ..nets.layer import Layer, Params, RowLengths
from ..nets.summary import LayerSummary
from ..recurrence.cells import Arrays, sigmoid
from ..recurrence.init import Scheme
from ..theory.graphs import Graph, dilated_cnn
from .base import ComparedSystem, Sizes, layer_sizes

STRETCH = 30_000  # numbers in one array of a stretch of time, so that the arrays in use fit into a core's cache


class DilatedCNN(ComparedSystem):
    """A stack of dilated causal convolutions with gated units and residual connections.

    Parameters
    ----------
    dilations : d, one per layer. kernel : k, at least 2, the number of time steps that each layer reads.
    input_size, hidden_size, options : as in ``DilatedRNN``.

    Examples
    --------
    >>> model = DilatedCNN(1, 8, [1, 2, 4], output_size=3)
    >>> output, state, _ = model.forward(np.zeros((20, 5, 1), "float32"))
    >>> output.shape, [x.shape for y, x in state]
    ((5, 3), [(1, 5, 1), (2, 5, 8), (4, 5, 8)])
    >>> model.receptive_field
    8
    """

    settings = ("dilations", "kernel")

    def __init__(
        self, input_size: int, hidden_size: Sizes, dilations: Sequence[int], *, kernel: int = 2, **options: Any
    ) -> None:
        self.dilations = inputs.dilations(dilations)
        self.kernel = positive_integer("kernel", kernel, least=2)
        sizes = layer_sizes(input_size, hidden_size, len(self.dilations))
        layers = [ConvolutionLayer(D, H, d, self.kernel) for (D, H), d in zip(sizes, self.dilations, strict=True)]
        super().__init__(layers, **options)

    @property
    def receptive_field(self) -> int:
        """The number of time steps that an output depends on, its own included."""
        return 1 + (self.kernel - 1) * sum(self.dilations)

    def graph(self) -> Graph:
        """Return the cyclic graph of the architecture; a residual connection is part of the edge that spans no time."""
        return dilated_cnn(self.dilations, self.kernel)

    def layer_summaries(self) -> list[LayerSummary]:
        """Return the dilation of each layer, and the steps that it reads."""
        shown = []
        for d in self.dilations:
            steps = [f"t-{j * d}" for j in range(1, self.kernel)]
            reads = ", ".join(["t", *(steps if self.kernel < 4 else [steps[0], "…", steps[-1]])])
            shown.append(LayerSummary("conv", f"dilation {d}", d, reads))
        return shown

    def reach(self) -> str:
        """Return one clause for the summary: how far back the network can look."""
        return f"the stack reads the newest {self.receptive_field:,} steps and nothing before them"


@dataclass
class ConvolutionCache:
    """The data for ``ConvolutionLayer.backward``; in X and Y the given state precedes the sequence."""

    params: Params
    W: Array  # (2*H, k*D+1), [W_f b_f] above [W_g b_g]
    X: Array  # (D, m+T, B)
    Y: Array  # (H, 1+T, B)
    parts: list[slice]  # the batch rows that were run together
    blocks: list[list[Any]]  # for each part, filter and gate of each stretch of time, (H, n*b) each
    rows: RowLengths


@dataclass(frozen=True)
class ConvolutionLayer(Layer):
    """One layer ``y = W_r z + b_r + x`` with the gated convolution ``z = tanh(W_f * x + b_f) sigmoid(W_g * x + b_g)``.

    The state is the newest output, (1, B, H), and the last m = (k-1)*d inputs, (m, B, D).
    """

    input_size: int
    hidden_size: int
    dilation: int
    kernel: int

    @property
    def span(self) -> int:
        """The number m of inputs that an output depends on besides the newest one, gaps included."""
        return (self.kernel - 1) * self.dilation

    def state_shapes(self, batch_size: int) -> list[tuple[int, ...]]:
        """Return (1, B, H) for the newest output and (m, B, D) for the last inputs."""
        return [(1, batch_size, self.hidden_size), (self.span, batch_size, self.input_size)]

    @property
    def num_parameters(self) -> int:
        """How many numbers the convolutions and their biases hold."""
        D, H = self.input_size, self.hidden_size
        return H * (2 * self.kernel * D + H + 3) + (0 if D == H else H * D)

    def initial_params(self, rng: np.random.Generator, input_init: Scheme, recurrent_init: Scheme) -> Params:
        """Draw filter, gate and 1x1 convolutions, all by ``input_init``, since nothing is recurrent; biases are 0.

        Column block j of W_f and W_g, D wide, weighs x at the time t - (k-1-j)*d: the newest step comes last.
        """
        D, H = self.input_size, self.hidden_size
        params: Params = {}
        for name, width in (("f", self.kernel * D), ("g", self.kernel * D), ("r", H)):
            params |= {f"W_{name}": input_init(rng, H, width), f"b_{name}": np.zeros(H)}
        return params if D == H else params | {"W_p": input_init(rng, H, D)}

    def forward(
        self,
        params: Params,
        x: Array,
        state: Arrays,
        rows: RowLengths,
        workers: Workers,
        keep: bool = True,
        reuse: ConvolutionCache | None = None,
    ) -> tuple[Arrays, ConvolutionCache]:
        """Run the layer over a whole sequence; see ``Layer.forward``."""
        xp, B, D, H, m = array_module(x), len(rows.lengths), self.input_size, self.hidden_size, self.span
        T = x.shape[1] // B
        shape, parts = (D, m + T, B), self.parts(T, B, workers.count)
        if reuse is not None and reuse.X.shape == shape and reuse.X.dtype == x.dtype and reuse.parts == parts:
            X, Y, blocks = reuse.X, reuse.Y, reuse.blocks
        else:
            X, Y = xp.empty(shape, dtype=x.dtype), xp.empty((H, 1 + T, B), dtype=x.dtype)
            blocks = [[None] * len(self.stretches(X, part)) for part in parts]
        for A, s in zip((Y, X), state, strict=True):
            A[:, : len(s)] = s.transpose(2, 0, 1)  # (1, B, H) -> (H, 1, B), (m, B, D) -> (D, m, B)
        X[:, m:] = x.reshape(D, T, B)  # (D, T*B) -> (D, T, B)
        params = {name: p.copy() for name, p in params.items()}
        W = xp.concatenate([xp.column_stack([params[f"W_{k}"], params[f"b_{k}"]]) for k in "fg"])  # (2*H, k*D+1)
        cache = ConvolutionCache(params, W, X, Y, parts, blocks, rows)
        run_part = partial(self._forward_part, cache, keep)
        workers.run([partial(run_part, *pair) for pair in zip(parts, blocks, strict=True)])
        y, x = (_by_column(A)[:, rows.last_columns(n)] for A, n in ((Y, 1), (X, m)))  # (H, 1, B), (D, m, B)
        return (y.transpose(1, 2, 0).copy(), x.transpose(1, 2, 0).copy()), cache  # (1, B, H), (m, B, D)

    def backward(
        self, cache: ConvolutionCache, dh: Array, dstate: Arrays, workers: Workers, dh_total: Array | None = None
    ) -> tuple[Array, Arrays, Params]:
        """Mirror ``forward``; see ``Layer.backward``."""
        xp, H, rows, (dy_last, dx_last) = array_module(dh), self.hidden_size, cache.rows, dstate
        dX = xp.zeros_like(cache.X)  # (D, m+T, B)
        _by_column(dX)[:, rows.last_columns(self.span)] += dx_last.transpose(2, 0, 1)  # (m, B, D) -> (D, m, B)
        D, _, B = dX.shape
        empty = (rows.lengths == 0)[:, None]  # (B, 1): the newest output of an empty row is that of the given state
        last = (rows.lengths - 1).clip(0) * B + xp.arange(B)  # (B,)
        dh[:, last] += xp.where(empty, 0, dy_last[0]).T  # (H, B)
        if dh_total is not None:
            dh_total[...] = dh
        dY = dh.reshape(H, -1, B)  # (H, T*B) -> (H, T, B)
        run_part = partial(self._backward_part, cache, dY, dX)
        shares = workers.run([partial(run_part, *pair) for pair in zip(cache.parts, cache.blocks, strict=True)])
        grads = {name: sum(share[name] for share in shares) for name in shares[0]}  # always in the order of the parts
        dW = grads.pop("W")
        grads |= {"W_f": dW[:H, :-1], "b_f": dW[:H, -1], "W_g": dW[H:, :-1], "b_g": dW[H:, -1]}
        dx_before = dX[:, : self.span].transpose(1, 2, 0).copy()  # (D, m, B) -> (m, B, D)
        dx = dX[:, self.span :].reshape(D, -1)  # (D, T, B) -> (D, T*B)
        return dx, (xp.where(empty, dy_last, 0), dx_before), grads

    def parts(self, T: int, B: int, threads: int) -> list[slice]:
        """Return the batch rows of each part: equal shares for all threads, or one part where there is little to compute."""
        multiplications = T * B * 2 * self.hidden_size * (self.kernel * self.input_size + 1)
        return even_slices(B, min(B, threads) if multiplications >= WORTH_A_THREAD else 1)

    def stretches(self, X: Array, part: slice) -> list[slice]:
        """Return the stretches of time that are computed at once, for a part of the rows of X (D, m+T, B); one on a device.

        With the whole sequence as one stretch, a training step takes up to 1.5 times as long (nine layers of 20 units, 784 steps
        of 128 rows).
        """
        T, n = X.shape[1] - self.span, STRETCH // (self.hidden_size * (part.stop - part.start))
        n = max(1, n) if array_module(X) is np else T
        return [slice(t, min(t + n, T)) for t in range(0, T, n)]

    def _forward_part(self, cache: ConvolutionCache, keep: bool, part: slice, block: list[Any]) -> None:
        """Run some batch rows, stretch by stretch, and fill their block."""
        xp, p, H, b = array_module(cache.X), cache.params, self.hidden_size, part.stop - part.start

        def run(now: slice) -> tuple[Array, Array]:  # a function, so that its arrays are freed before the next stretch
            taps = self._taps(cache.X, now, part)  # (k*D+1, n*b)
            a = cache.W @ taps  # (2*H, n*b)
            f, g = xp.tanh(a[:H]), sigmoid(a[H:])  # (H, n*b) each
            z = f * g
            x = taps[-1 - self.input_size : -1]  # (D, n*b)
            y = p["W_r"] @ z + p["b_r"][:, None] + (p["W_p"] @ x if "W_p" in p else x)
            cache.Y[:, 1:][:, now, part] = y.reshape(H, -1, b)  # (H, n*b) -> (H, n, b)
            return f, g

        for i, now in enumerate(self.stretches(cache.X, part)):
            block[i] = None  # frees the old arrays just before their replacements are allocated: the memory is reused
            gates = run(now)
            block[i] = gates if keep else None

    def _backward_part(self, cache: ConvolutionCache, dY: Array, dX: Array, part: slice, block: list[Any]) -> Params:
        """Mirror ``_forward_part``, last line first: add to dX, and return the rows' share of the gradients."""
        xp, p, D, H, b = array_module(dY), cache.params, self.input_size, self.hidden_size, part.stop - part.start
        grads = {"W": xp.zeros_like(cache.W)}
        grads |= {name: xp.zeros_like(p[name]) for name in ("W_r", "b_r", "W_p") if name in p}

        def run(now: slice, f: Array, g: Array) -> None:
            dy = dY[:, now, part].reshape(H, -1)  # (H, n, b) -> (H, n*b)
            taps = self._taps(cache.X, now, part)  # (k*D+1, n*b)
            grads["W_r"] += dy @ (f * g).T
            grads["b_r"] += dy.sum(axis=1)
            dx = dy
            if "W_p" in p:
                grads["W_p"] += dy @ taps[-1 - D : -1].T
                dx = p["W_p"].T @ dy  # (D, n*b)
            dz = p["W_r"].T @ dy
            df, dg = dz * g, dz * f
            da = xp.concatenate([df * (1 - f * f), dg * g * (1 - g)])  # (2*H, n*b)
            grads["W"] += da @ taps.T
            dtaps = cache.W[:, :-1].T @ da  # (k*D, n*b)
            dtaps[-D:] += dx
            for j, then in enumerate(self._times(now)):
                dX[:, then, part] += dtaps[j * D : (j + 1) * D].reshape(D, -1, b)  # (D, n*b) -> (D, n, b)

        for now, gates in reversed(list(zip(self.stretches(cache.X, part), block, strict=True))):
            run(now, *gates)
        return grads

    def _times(self, now: slice) -> list[slice]:
        """Return the steps of X that each tap reads; X starts m steps early, so the newest tap reads m places later."""
        return [slice(now.start + j * self.dilation, now.stop + j * self.dilation) for j in range(self.kernel)]

    def _taps(self, X: Array, now: slice, part: slice) -> Array:
        """Return ``[x_{t-(k-1)d}; …; x_{t-d}; x_t; 1]`` for a stretch of time, (k*D+1, n*b)."""
        xp, taps = array_module(X), [X[:, then, part] for then in self._times(now)]  # (D, n, b) each
        return xp.concatenate([*taps, xp.ones_like(taps[0][:1])]).reshape(self.kernel * len(X) + 1, -1)

    def gate_values(self, cache: ConvolutionCache) -> dict[str, Array]:
        """Return the filter and the gate."""
        gates = {name: array_module(cache.Y).empty_like(cache.Y[:, 1:]) for name in "fg"}  # (H, T, B) each
        for part, block in zip(cache.parts, cache.blocks, strict=True):
            for now, values in zip(self.stretches(cache.X, part), block, strict=True):
                for gate, value in zip(gates.values(), values, strict=True):
                    gate[:, now, part] = value.reshape(gate[:, now, part].shape)  # (H, n*b) -> (H, n, b)
        return {name: gate.reshape(self.hidden_size, -1) for name, gate in gates.items()}  # (H, T*B) each

    def outputs(self, cache: ConvolutionCache, steps_before: int = 0) -> Array:
        """Return the outputs (H, (steps_before + T)*B), led by the newest output of the given state or by none."""
        return _by_column(cache.Y)[:, (1 - steps_before) * len(cache.rows.lengths) :]


def _by_column(A: Array) -> Array:
    """Return the view (numbers, (n+T)*B) of A (numbers, n+T, B); its columns are those of ``RowLengths.last_columns``."""
    return A.reshape(len(A), -1)
