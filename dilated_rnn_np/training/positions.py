"""The positions that a loss counts, their weights, and the weighted mean over them.

A position is one time step of one row, (T, B) of them, or one row, (B,), where a sequence has a single output. Positions
past a row's length have weight 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays import inputs
from ..arrays.backend import Array, array_module


def position_weights(shape: tuple[int, ...], lengths: Any, weights: Any, xp: Any = np) -> Array | None:
    """Return the weight of each position in float64, or None where all have weight 1.

    Parameters
    ----------
    shape : of the positions, (T, B) or (B,).
    lengths : (B,), only with (T, B); positions ``t >= lengths[b]`` get weight 0. None: all rows are T long.
    weights : booleans (a mask) or real numbers of at least 0, of the positions' shape or (B,), one per row. None: all 1.

    Examples
    --------
    >>> position_weights((3, 2), lengths=[3, 1], weights=[1.0, 0.5]).tolist()
    [[1.0, 0.5], [1.0, 0.0], [1.0, 0.0]]
    """
    if lengths is None and weights is None:
        return None
    weights = xp.ones(shape) if weights is None else inputs.same_module(xp, "weights", weights)
    if weights.dtype.kind not in "biuf":
        raise TypeError(f"weights must be booleans or real numbers, got dtype {weights.dtype}")
    if weights.shape not in (shape, shape[-1:]):
        allowed = " or ".join(map(str, dict.fromkeys((shape, shape[-1:]))))
        raise ValueError(f"weights must have shape {allowed}, got {weights.shape}")
    weights = xp.broadcast_to(weights, shape).astype(np.float64)
    if lengths is not None:
        if len(shape) != 2:
            raise ValueError("lengths need one output per time step, (T, B, O); use a mask for one output per row")
        lengths = inputs.row_lengths(lengths, *shape, xp)
        weights = xp.where(xp.arange(shape[0])[:, None] < xp.asarray(lengths), weights, 0)  # (T, B)
    if xp is np and not (np.isfinite(weights) & (weights >= 0)).all():
        wrong = weights[~(weights >= 0) | np.isinf(weights)]
        raise ValueError(f"weights must be finite and at least 0, got {wrong[0]}")
    return weights


def at_least_float32(array: Array) -> Array:
    """Return ``array``, float16 as float32: float16 ends at 65,504, fewer than the positions of a batch can be.

    >>> at_least_float32(np.ones(1, np.float16)).dtype, at_least_float32(np.ones(1)).dtype
    (dtype('float32'), dtype('float64'))
    """
    return array.astype(np.float32) if array.dtype == np.float16 else array


def count(output: Array, targets: Any, lengths: Any = None, weights: Any = None) -> Any:
    """Return the sum of all positions' weights: the denominator of the weighted mean. Arguments as in a loss.

    >>> count(np.zeros((3, 2, 5)), None), float(count(np.zeros((3, 2, 5)), None, lengths=[3, 1]))
    (6, 4.0)
    """
    shape = output.shape[:-1]
    weights = position_weights(shape, lengths, weights, array_module(output))
    return math.prod(shape) if weights is None else weights.sum()


def weighted_mean(each: Array, gradient: Array, lengths: Any = None, weights: Any = None) -> tuple[Array, Array]:
    """Return the weighted mean of the positions' losses, and its gradient.

    Parameters
    ----------
    each : the loss of each position, (T, B) or (B,). gradient : of each position's loss with respect to its own O outputs,
        (T, B, O) or (B, O).
    lengths : (B,), only with (T, B). weights : a mask or numbers of at least 0, (T, B) or (B,). Positions of weight 0 do not
        count, even where they are NaN; where none counts, a ValueError is raised, and on a device the mean is NaN.

    Examples
    --------
    >>> value, gradient = weighted_mean(np.array([1.0, 4.0]), np.array([[2.0], [4.0]]), weights=[1, 3])
    >>> float(value), gradient.tolist()
    (3.25, [[0.5], [3.0]])
    """
    xp, each, gradient = array_module(each), at_least_float32(each), at_least_float32(gradient)
    weights = position_weights(each.shape, lengths, weights, xp)
    if weights is None:
        return each.sum() / each.size, gradient / each.size
    if xp is np and not weights.any():
        raise ValueError("no position counts: lengths and weights leave nothing to average")
    counts = weights > 0
    share = (weights / weights.sum()).astype(each.real.dtype)  # (T, B), sums to 1
    value = (xp.where(counts, each, 0) * share).sum()
    return value, xp.where(counts[..., None], gradient, 0) * share[..., None]
