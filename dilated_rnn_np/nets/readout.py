"""The read-out and the fusion layer: one linear map over the newest K outputs of the top layer.

Where all dilations share a divisor K > 1, time steps of different residues modulo K never meet inside the stack, and a
``1 x K`` convolution over time fuses them (Chang et al. 2017, section 2.2 and figure 2): ``y_t = b + sum over k of
W_k h_{t-K+1+k}``, the newest step last. With K = 1 it is the ordinary affine read-out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays.backend import Array, array_module
from ..recurrence.init import glorot_uniform
from .layer import Params, RowLengths

ReadoutCache = tuple[Array, Array, RowLengths]  # W (O, K*H), history (H, (K+T)*B), and the lengths


@dataclass(frozen=True)
class Readout:
    """``y = b + sum W_k h_{t-K+1+k}`` at every step ("all") or at each row's last step ("last")."""

    hidden_size: int
    output_size: int
    width: int
    mode: str

    @property
    def num_parameters(self) -> int:
        """How many numbers W and b hold."""
        return self.output_size * (self.width * self.hidden_size + 1)

    def initial_params(self, rng: np.random.Generator) -> Params:
        """Draw Glorot-uniform weights; the bias is 0."""
        W = glorot_uniform(rng, self.output_size, self.width * self.hidden_size)
        return {"W": W, "b": np.zeros(self.output_size)}

    def forward(self, params: Params, history: Array, rows: RowLengths) -> tuple[Array, ReadoutCache]:
        """Return (T, B, O) for "all", (B, O) for "last"; a row of length 0 reads out the steps before the sequence.

        params : W (O, K*H), b (O,). history : (H, (K+T)*B), the top layer's outputs from time -K on.
        """
        xp, B, output = array_module(history), len(rows.lengths), params["b"]
        for W_k, columns in zip(self.blocks(params["W"]), self._windows(history, rows), strict=True):
            output = output + history[:, columns].T @ W_k.T  # (T*B, O) or (B, O)
        if self.mode == "all":
            output = output if rows.valid is None else xp.where(rows.valid[:, None], output, 0)
            output = output.reshape(-1, B, self.output_size)  # (T*B, O) -> (T, B, O)
        return output, (params["W"].copy(), history, rows)

    def backward(self, cache: ReadoutCache, doutput: Array) -> tuple[Array, Array, Params]:
        """Mirror ``forward``: return the gradients of the outputs (H, T*B), of the K before (K, B, H), and of W and b."""
        xp, (W, history, rows), K = array_module(doutput), cache, self.width
        B = len(rows.lengths)
        dhistory, dW = xp.zeros_like(history), xp.zeros_like(W)
        doutput = doutput.reshape(-1, self.output_size)  # (T, B, O) -> (T*B, O)
        if self.mode == "all" and rows.valid is not None:
            doutput = xp.where(rows.valid[:, None], doutput, 0)
        windows = self._windows(history, rows)
        for W_k, dW_k, columns in zip(self.blocks(W), self.blocks(dW), windows, strict=True):
            dW_k += doutput.T @ history[:, columns].T
            dhistory[:, columns] += W_k.T @ doutput.T
        dbefore = dhistory[:, : K * B].T.reshape(K, B, -1)  # (H, K*B) -> (K, B, H)
        return dhistory[:, K * B :], dbefore, {"W": dW, "b": doutput.sum(axis=0)}

    def blocks(self, W: Array) -> Iterator[Array]:
        """Yield the views W_k (O, H), the one of the oldest step first."""
        for k in range(self.width):
            yield W[:, k * self.hidden_size : (k + 1) * self.hidden_size]

    def _windows(self, history: Array, rows: RowLengths) -> Iterator[Any]:
        """Yield for each k the columns of ``history`` that hold h_{t-K+1+k}: of all times t, or of each row's last one.

        Time t of row b lies in column (K+t)*B + b. For instance K = 2, B = 1, T = 3: the columns hold the times -2, -1, 0, 1,
        2; "all" yields the slices of -1, 0, 1 and of 0, 1, 2; "last" yields the columns of 1 and of 2.
        """
        K, B = self.width, len(rows.lengths)
        if self.mode == "last":
            yield from rows.last_columns(K)
        else:
            for k in range(K):
                yield slice((1 + k) * B, history.shape[1] - (K - 1 - k) * B)
