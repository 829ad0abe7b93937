"""Quantiles that cannot cross: one of them is an output of the net, the others lie at positive distances from it.

``q_c = o_c`` at the quantile nearest to the median, above it ``q_j = q_{j-1} + s_j softplus(o_j)``, below it
``q_j = q_{j+1} - s_j softplus(o_j)``. The fixed scales s are the distances of the base forecast's own errors, so an untrained
net starts near the quantiles of the base.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np


class QuantileHead:
    """Ordered quantiles from a net's outputs, and their loss.

    Parameters
    ----------
    levels : Q increasing numbers between 0 and 1.
    distances : (h, Q), positive scales s of the distances between neighbours; the centre's own column is ignored.
    """

    def __init__(self, levels: Sequence[float], distances: np.ndarray) -> None:
        self.levels, self.distances = tuple(levels), distances
        self.centre = int(np.argmin(np.abs(np.array(levels) - 0.5)))

    def quantiles(self, output: np.ndarray) -> np.ndarray:
        """Return the quantiles (…, h, Q) of outputs (…, h Q)."""
        o = output.reshape(*output.shape[:-1], *self.distances.shape)  # (…, h, Q)
        gaps = self.distances.astype(o.dtype) * _softplus(o)
        q = np.empty_like(o)
        q[..., self.centre] = o[..., self.centre]
        for j in range(self.centre + 1, len(self.levels)):
            q[..., j] = q[..., j - 1] + gaps[..., j]
        for j in range(self.centre - 1, -1, -1):
            q[..., j] = q[..., j + 1] - gaps[..., j]
        return q

    def backward(self, dq: np.ndarray, output: np.ndarray) -> np.ndarray:
        """Return the gradient of the outputs (…, h Q) from that of the quantiles (…, h, Q)."""
        o = output.reshape(dq.shape)
        dq, do = dq.copy(), np.empty_like(dq)
        slope = self.distances.astype(o.dtype) * _sigmoid(o)
        for j in range(self.centre):
            do[..., j] = -slope[..., j] * dq[..., j]
            dq[..., j + 1] += dq[..., j]
        for j in range(len(self.levels) - 1, self.centre, -1):
            do[..., j] = slope[..., j] * dq[..., j]
            dq[..., j - 1] += dq[..., j]
        do[..., self.centre] = dq[..., self.centre]
        return do.reshape(output.shape)

    # ------------------------------------------------------------------ the loss, see ``training.losses``

    def __call__(
        self, output: np.ndarray, targets: np.ndarray, lengths: None = None, weights: None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the sum of the quantiles' pinball losses, averaged over the targets by weight, and its gradient.

        Parameters
        ----------
        output : (T, B, h Q). targets : (T, B, 2 h): h values, then their h weights of at least 0.
        """
        y, w = np.split(targets, 2, axis=-1)  # (T, B, h) each
        error = self.quantiles(output) - y[..., None]  # (T, B, h, Q)
        slope = (error > 0).astype(output.dtype) - np.array(self.levels, output.dtype)
        share = w[..., None] / (w.sum() or 1)  # a batch without a known target has the loss 0
        return (share * slope * error).sum(), self.backward(share * slope, output)

    def count(self, output: np.ndarray, targets: np.ndarray, lengths: None = None, weights: None = None) -> np.ndarray:
        """Return the sum of the targets' weights."""
        return targets[..., targets.shape[-1] // 2 :].sum()


def _softplus(a: np.ndarray) -> np.ndarray:
    return np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))  # ten times as fast as np.logaddexp


def _sigmoid(a: np.ndarray) -> np.ndarray:
    return (np.tanh(a / 2) + 1) / 2


def distances(errors: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Return the scales s of a head whose outputs of 0 give quantiles as far apart as those of past errors, (h, Q).

    Parameters
    ----------
    errors : (E, h), in sigma, NaN where unknown. Where fewer than 20 are known, a normal distribution with a mean absolute
        value of 1 takes their place.
    """
    centre = int(np.argmin(np.abs(np.array(levels) - 0.5)))
    found = np.empty((errors.shape[1], len(levels)))
    for k in range(len(found)):
        known = errors[~np.isnan(errors[:, k]), k]
        enough = len(known) >= 20
        found[k] = np.quantile(known, levels) if enough else [1.25 * NormalDist().inv_cdf(level) for level in levels]
    gaps = np.maximum(np.diff(found, axis=1), 0.05) / np.log(2)  # (h, Q - 1); softplus(0) = log 2
    return np.concatenate([gaps[:, :centre], np.ones((len(found), 1)), gaps[:, centre:]], axis=1)
