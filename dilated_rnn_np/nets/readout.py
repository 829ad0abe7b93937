"""The read-out and the fusion layer, which are one linear map over the newest K outputs of the top layer.

Where all dilations share a divisor K > 1, time steps of different residues modulo K never meet inside the stack, and a
``1 x K`` convolution over time fuses them (Chang et al. 2017, section 2.2 and figure 2): ``y_t = b + sum over k of
W_k h_{t-K+1+k}``, the newest step last. With K = 1 it is the ordinary affine read-out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..arrays.backend import Array, array_module
from ..recurrence.init import glorot_uniform
from .layers import Ends, Params


@dataclass
class ReadoutCache:
    """What ``Readout.backward`` needs."""

    W: Array  # (O, K*H)
    history: Array  # (H, (K+T)*B)
    ends: Ends


@dataclass(frozen=True)
class Readout:
    """``y = b + sum W_k h_{t-K+1+k}`` at every step ("all") or at each row's last step ("last")."""

    hidden_size: int
    output_size: int
    width: int
    mode: str

    def initial_params(self, rng: np.random.Generator) -> Params:
        """Draw Glorot-uniform weights; the bias is 0."""
        return {
            "W": glorot_uniform(rng, self.output_size, self.width * self.hidden_size),
            "b": np.zeros(self.output_size),
        }

    def forward(
        self, params: Params, history: Array, newest: Array | None, ends: Ends
    ) -> tuple[Array, Array, ReadoutCache]:
        """Read out the sequence.

        Parameters
        ----------
        params : W (O, K*H), b (O,).
        history : (H, (K+T)*B), the top layer's outputs from time -K on.
        newest : (K-1, B, H), the outputs at the times -K+1 … -1 as the given state has them; None where K = 1.

        Returns
        -------
        output : (T, B, O) for "all", (B, O) for "last"; a row of length 0 reads out the steps before the sequence.
        tail : (K-1, B, H), each row's newest K-1 outputs in time order. cache : for ``backward``.
        """
        xp, B, K = array_module(history), len(ends.lengths), self.width
        if newest is not None:
            newest = newest.reshape((K - 1) * B, -1).T  # (K-1, B, H) -> (H, (K-1)*B)
            history = xp.concatenate([history[:, :B], newest, history[:, K * B :]], axis=1)
        at_end = self._at_end(ends)  # (K, B)
        output = params["b"]
        if self.mode == "last":
            for W_k, columns in zip(self._blocks(params["W"]), at_end, strict=True):
                output = output + history[:, columns].T @ W_k.T  # (B, O)
        else:
            for W_k, window in zip(self._blocks(params["W"]), self._windows(history.shape[1], B), strict=True):
                output = output + history[:, window].T @ W_k.T  # (T*B, O)
            if ends.valid is not None:
                output = xp.where(ends.valid[:, None], output, 0)
            output = output.reshape(-1, B, self.output_size)  # (T*B, O) -> (T, B, O)
        return output, history.T[at_end[1:]], ReadoutCache(params["W"].copy(), history, ends)

    def backward(self, cache: ReadoutCache, doutput: Array, dtail: Array | None) -> tuple[Array, Array, Array, Params]:
        """Mirror ``forward``.

        Returns
        -------
        dhistory : (H, T*B), of the outputs from time 0 on. doldest : (B, H), of the output at time -K.
        dnewest : (K-1, B, H), of those between them. grads : of W and b.
        """
        xp, history, ends = array_module(doutput), cache.history, cache.ends
        B, K = len(ends.lengths), self.width
        dhistory = xp.zeros_like(history)
        dW = xp.zeros_like(cache.W)
        at_end = self._at_end(ends)
        if dtail is not None:
            for columns, dh in zip(at_end[1:], dtail, strict=True):
                dhistory[:, columns] += dh.T
        doutput = doutput.reshape(-1, self.output_size)  # (T, B, O) -> (T*B, O)
        if self.mode == "last":
            places: list = list(at_end)
        else:
            places = list(self._windows(history.shape[1], B))
            if ends.valid is not None:
                doutput = xp.where(ends.valid[:, None], doutput, 0)
        for W_k, dW_k, place in zip(self._blocks(cache.W), self._blocks(dW), places, strict=True):
            dW_k += doutput.T @ history[:, place].T
            dhistory[:, place] += W_k.T @ doutput.T
        dbefore = dhistory[:, : K * B].T.reshape(K, B, -1)  # (H, K*B) -> (K, B, H)
        return dhistory[:, K * B :], dbefore[0], dbefore[1:].copy(), {"W": dW, "b": doutput.sum(axis=0)}

    def _blocks(self, W: Array) -> Iterator[Array]:
        """Yield the views W_k (O, H), the one of the oldest step first."""
        for k in range(self.width):
            yield W[:, k * self.hidden_size : (k + 1) * self.hidden_size]

    def _windows(self, columns: int, B: int) -> Iterator[slice]:
        """Yield for each k the columns of ``history`` that hold h_{t-K+1+k} for all t; the column of time t is (K+t)*B."""
        K = self.width
        for k in range(K):
            yield slice((1 + k) * B, columns - (K - 1 - k) * B)

    def _at_end(self, ends: Ends) -> Array:
        """Return (K, B): for each k and row b the column of ``history`` that holds h_{t-K+1+k} at t = lengths[b] - 1."""
        xp, B = array_module(ends.lengths), len(ends.lengths)
        return (ends.lengths + xp.arange(self.width)[:, None]) * B + xp.arange(B)
