"""A stack of dilated causal convolutions with gated units, as in WaveNet: the span without the recurrence.

``z = tanh(W_f * x + b_f) sigmoid(W_g * x + b_g)`` and ``y = W_r z + b_r + x`` (van den Oord et al. 2016, "WaveNet: a
generative model for raw audio", sections 2.1, 2.3 and 2.4), where ``*`` reads x at the times t, t-d, …, t-(k-1)d. WaveNet's
skip connections from every layer to the output are left out: the top layer alone is read, as in the dilated RNN. Where x and
y differ in width, x is projected before it is added (Bai, Kolter and Koltun 2018, "An empirical evaluation of generic
convolutional and recurrent networks for sequence modeling", section 3.4).

No step waits for another one. A sequence lies feature-major here, ``(D, T, B)``, so that a tap is a view, d steps from the next.
The taps of a stretch of time, with a row of ones for the bias, make one matrix: filter and gate are one product.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from ..arrays import inputs, threads
from ..arrays.backend import Array, array_module
from ..arrays.checks import positive_integer
from ..nets.dilated_layer import LARGEST_PART, WORTH_A_THREAD
from ..nets.layer import Layer, Params, RowLengths
from ..nets.network import Network
from ..recurrence.cells import Arrays, sigmoid
from ..recurrence.init import Scheme
from ..theory.graphs import Graph, dilated_cnn


class DilatedCNN(Network):
    """A stack of dilated causal convolutions with gated units and residual connections.

    Parameters
    ----------
    dilations : d, one a layer. kernel : k, at least 2, how many steps each layer reads. Everything else : as in ``DilatedRNN``.

    Examples
    --------
    >>> model = DilatedCNN(1, 8, [1, 2, 4], output_size=3)
    >>> output, state, _ = model.forward(np.zeros((20, 5, 1), "float32"))
    >>> output.shape, [x.shape for y, x in state]
    ((5, 3), [(1, 5, 1), (2, 5, 8), (4, 5, 8)])
    >>> model.receptive_field
    8
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int | Sequence[int],
        dilations: Sequence[int],
        output_size: int | None = None,
        readout: str = "last",
        dtype: Any = "float32",
        rng: int | np.random.Generator = 0,
        xp: ModuleType | str = np,
        *,
        kernel: int = 2,
        **options: Any,
    ) -> None:
        self.dilations = inputs.dilations(dilations)
        self.kernel = positive_integer("kernel", kernel, least=2)
        sizes = [positive_integer("input_size", input_size), *inputs.hidden_sizes(hidden_size, len(self.dilations))]
        layers = [
            ConvolutionLayer(*both, d, self.kernel)
            for both, d in zip(itertools.pairwise(sizes), self.dilations, strict=True)
        ]
        super().__init__(layers, output_size, readout, dtype, rng, xp, **options)

    @property
    def receptive_field(self) -> int:
        """How many steps an output depends on, its own included."""
        return 1 + (self.kernel - 1) * sum(self.dilations)

    def config(self) -> dict[str, Any]:
        """Return the arguments that build a model of the same architecture, as plain numbers and words."""
        own = {"input_size": self.input_size, "hidden_size": list(self.hidden_sizes), "dilations": list(self.dilations)}
        return own | {"kernel": self.kernel} | super().config()

    def graph(self) -> Graph:
        """Return the cyclic graph of the architecture; a residual connection is part of the edge that travels 0."""
        return dilated_cnn(self.dilations, self.kernel)

    def reach(self) -> str:
        """Return one clause for the summary: how far back the network can look."""
        return f"the stack reads the newest {self.receptive_field:,} steps and nothing before them"


@dataclass
class ConvolutionCache:
    """What ``ConvolutionLayer.backward`` needs; m = (k-1)*d steps of input and one of output lead the sequence."""

    params: Params
    W: Array  # (2*H, k*D+1), [W_f b_f] above [W_g b_g]
    X: Array  # (D, m+T, B)
    Y: Array  # (H, 1+T, B)
    parts: list[slice]  # batch rows that were run together
    blocks: list[list[tuple[Array, Array]]]  # for each part, filter and gate of each stretch of time, (H, n*b)
    ends: RowLengths


@dataclass(frozen=True)
class ConvolutionLayer(Layer):
    """One layer ``y = W_r z + b_r + x`` with the gated convolution ``z = tanh(W_f * x + b_f) sigmoid(W_g * x + b_g)``.

    The state is its newest output, (1, B, H), and its last (k-1)*d inputs, (m, B, D); before the start both are zeros.
    """

    input_size: int
    hidden_size: int
    dilation: int
    kernel: int
    kind = "conv"

    @property
    def label(self) -> str:  # type: ignore[override]
        """The dilation."""
        return f"dilation {self.dilation}"

    def row(self) -> tuple[int | str, str]:
        """Return the dilation and the steps that the layer reads."""
        steps = [f"t-{j * self.dilation}" for j in range(1, self.kernel)]
        return self.dilation, ", ".join(["t", *(steps if self.kernel < 4 else [steps[0], "…", steps[-1]])])

    @property
    def span(self) -> int:
        """The number m of inputs before the newest one that an output reads over."""
        return (self.kernel - 1) * self.dilation

    def state_shapes(self, batch_size: int) -> list[tuple[int, ...]]:
        """Return (1, B, H) for the newest output and (m, B, D) for the last inputs."""
        return [(1, batch_size, self.hidden_size), (self.span, batch_size, self.input_size)]

    def kept(self) -> tuple[float, float]:
        """Count x, f, g and y, and in passing the gradients of x and of y, from above and with that of the state."""
        return 2 * self.input_size + 6 * self.hidden_size, 0

    def initial_params(self, rng: np.random.Generator, input_init: Scheme, recurrent_init: Scheme) -> Params:
        """Draw filter, gate and the 1x1 convolutions, all by ``input_init``, as nothing recurs; biases are 0.

        Column block j of W_f and W_g, D wide, weighs x at the time t - (k-1-j)*d: the newest step comes last.
        """
        D, H = self.input_size, self.hidden_size
        params = {
            "W_f": input_init(rng, H, self.kernel * D),
            "b_f": np.zeros(H),
            "W_g": input_init(rng, H, self.kernel * D),
            "b_g": np.zeros(H),
            "W_r": input_init(rng, H, H),
            "b_r": np.zeros(H),
        }
        if D != H:
            params["W_p"] = input_init(rng, H, D)
        return params

    def parts(self, batch_size: int) -> list[slice]:
        """Return an equal share of the batch rows, which never meet, for each thread."""
        return threads.even_slices(batch_size, min(batch_size, threads.get_num_threads()))

    def forward(
        self, params: Params, x: Array, state: Arrays, ends: RowLengths, keep: bool = True, spare: Any = None
    ) -> tuple[Arrays, ConvolutionCache]:
        """Run the layer over a whole sequence; see ``Layer.forward``."""
        xp, B, D, H, m = array_module(x), len(ends.lengths), self.input_size, self.hidden_size, self.span
        T = x.shape[1] // B
        X = xp.empty((D, m + T, B), dtype=x.dtype) if spare is None else spare.X
        Y = xp.empty((H, 1 + T, B), dtype=x.dtype) if spare is None else spare.Y
        for A, s in zip((Y, X), state, strict=True):
            A[:, : len(s)] = s.transpose(2, 0, 1)  # (1, B, H) -> (H, 1, B), (m, B, D) -> (D, m, B)
        X[:, m:] = x.reshape(D, T, B)  # (D, T*B) -> (D, T, B)
        params = {name: p.copy() for name, p in params.items()}
        W = xp.concatenate([xp.column_stack([params[f"W_{k}"], params[f"b_{k}"]]) for k in "fg"])  # (2*H, k*D+1)
        enough = xp is np and T * B * W.size >= WORTH_A_THREAD
        cache = ConvolutionCache(params, W, X, Y, self.parts(B) if enough else [slice(0, B)], [], ends)
        usable = spare is not None and len(spare.parts) == len(cache.parts)
        spares = spare.blocks if usable else [[] for _ in cache.parts]
        run = partial(self._forward, cache, keep)
        cache.blocks = threads.run([partial(run, *both) for both in zip(cache.parts, spares, strict=True)])
        return tuple(_at_end(A, T, ends)[0] for A in (Y, X)), cache

    def backward(
        self, cache: ConvolutionCache, dh: Array, dstate: Arrays, flow: Array | None = None
    ) -> tuple[Array, Arrays, Params]:
        """Mirror ``forward``; see ``Layer.backward``."""
        xp, D, H, m = array_module(dh), self.input_size, self.hidden_size, self.span
        dY, dX = xp.zeros_like(cache.Y), xp.zeros_like(cache.X)
        _, T, B = dY[:, 1:].shape
        dY[:, 1:] = dh.reshape(H, T, B)  # (H, T*B) -> (H, T, B)
        for dA, ds in zip((dY, dX), dstate, strict=True):
            last, where = _at_end(dA, T, cache.ends)
            dA.transpose(1, 2, 0)[where] = last + ds
        run = partial(self._backward, cache, dY, dX)
        shares = threads.run([partial(run, *both) for both in zip(cache.parts, cache.blocks, strict=True)])
        grads = {name: sum(share[name] for share in shares) for name in shares[0]}  # always in the order of the parts
        dW = grads.pop("W")
        grads |= {"W_f": dW[:H, :-1], "b_f": dW[:H, -1], "W_g": dW[H:, :-1], "b_g": dW[H:, -1]}
        if flow is not None:
            flow[...] = dY[:, 1:].reshape(H, T * B)
        dstate = tuple(dA[:, :n].transpose(1, 2, 0).copy() for dA, n in ((dY, 1), (dX, m)))
        return dX[:, m:].reshape(D, T * B), dstate, grads  # dx: (D, T, B) -> (D, T*B)

    # A stretch of time is as long as a core's cache holds: with one as long as the sequence, a training step of nine layers of
    # 20 units over 784 steps of 128 rows took 1.4 to 2.3 times as long.

    def _forward(self, cache: ConvolutionCache, keep: bool, part: slice, spare: list) -> list[tuple[Array, Array]]:
        """Run some batch rows, stretch by stretch; return filter and gate of each stretch."""
        p, H, kept = cache.params, self.hidden_size, []
        for now in self._stretches(cache, part):
            if spare:
                spare.pop()  # the allocator gives its memory, which is mapped already, to what follows
            taps = self._taps(cache.X, now, part)  # (k*D+1, n*b)
            a = cache.W @ taps  # (2*H, n*b)
            f, g = array_module(a).tanh(a[:H]), sigmoid(a[H:])  # (H, n*b) each
            z = f * g
            x = taps[-1 - self.input_size : -1]
            y = p["W_r"] @ z + p["b_r"][:, None] + (p["W_p"] @ x if "W_p" in p else x)
            cache.Y[:, 1:][:, now, part] = y.reshape(H, -1, part.stop - part.start)  # (H, n*b) -> (H, n, b)
            if keep:
                kept.append((f, g))
        return kept

    def _backward(
        self, cache: ConvolutionCache, dY: Array, dX: Array, part: slice, kept: list[tuple[Array, Array]]
    ) -> Params:
        """Mirror ``_forward``, last line first: add to dX, and return the rows' share of the gradients."""
        xp, p, D, H = array_module(dY), cache.params, self.input_size, self.hidden_size
        grads = {"W": xp.zeros_like(cache.W)} | {
            name: xp.zeros_like(p[name]) for name in ("W_r", "b_r", "W_p") if name in p
        }
        for now, (f, g) in reversed(list(zip(self._stretches(cache, part), kept, strict=True))):
            dy = dY[:, 1:][:, now, part].reshape(H, -1)  # (H, n, b) -> (H, n*b)
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
                dX[:, then, part] += dtaps[j * D : (j + 1) * D].reshape(D, -1, part.stop - part.start)  # (D, n, b)
        return grads

    def _stretches(self, cache: ConvolutionCache, part: slice) -> list[slice]:
        """Return the stretches of time that are run at once."""
        T, n = cache.Y.shape[1] - 1, LARGEST_PART // (self.hidden_size * (part.stop - part.start))
        n = max(1, n) if array_module(cache.Y) is np else T
        return [slice(t, min(t + n, T)) for t in range(0, T, n)]

    def _times(self, now: slice) -> list[slice]:
        """Return for each tap where in X it reads; m steps lead there, so the newest tap reads m places later."""
        return [slice(now.start + j * self.dilation, now.stop + j * self.dilation) for j in range(self.kernel)]

    def _taps(self, X: Array, now: slice, part: slice) -> Array:
        """Return a stretch of ``[x_{t-(k-1)d}; …; x_{t-d}; x_t; 1]``, (k*D+1, n*b)."""
        xp, taps = array_module(X), [X[:, then, part] for then in self._times(now)]  # (D, n, b) each
        return xp.concatenate([*taps, xp.ones_like(taps[0][:1])]).reshape(self.kernel * len(X) + 1, -1)

    def gate_values(self, cache: ConvolutionCache) -> dict[str, Array]:
        """Return the filter and the gate."""
        gates = {name: array_module(cache.Y).empty_like(cache.Y[:, 1:]) for name in "fg"}  # (H, T, B) each
        for part, kept in zip(cache.parts, cache.blocks, strict=True):
            for now, values in zip(self._stretches(cache, part), kept, strict=True):
                for rows, value in zip(gates.values(), values, strict=True):
                    rows[:, now, part] = value.reshape(rows[:, now, part].shape)  # (H, n*b) -> (H, n, b)
        return {name: rows.reshape(self.hidden_size, -1) for name, rows in gates.items()}  # (H, T*B) each

    def outputs(self, cache: ConvolutionCache, steps_before: int = 0) -> Array:
        """Return the outputs (H, (steps_before + T)*B), led by the newest one of the given state or by none."""
        return cache.Y.reshape(self.hidden_size, -1)[:, (1 - steps_before) * len(cache.ends.lengths) :]


def _at_end(A: Array, T: int, ends: RowLengths) -> tuple[Array, tuple[Array, Array]]:
    """Return each row's last n steps, (n, B, numbers), of A (numbers, n + T, B), and where they lie in it."""
    xp, (_, steps, B) = array_module(A), A.shape
    where = ends.lengths + xp.arange(steps - T)[:, None], xp.arange(B)  # (n, B) and (B,)
    return A.transpose(1, 2, 0)[where], where
