"""Losses: softmax cross-entropy and mean squared error, each with its gradient, both the mean over counted positions.

A position is one (time, batch row), or one batch row where there is one output a sequence. Positions past a row's
length, and those that a mask leaves out, count neither in the sum nor in the number it is divided by.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import inputs
from ..arrays.backend import Array, array_module

Loss = Callable[..., tuple[Array, Array]]


def softmax_cross_entropy(
    logits: Array, targets: Array, lengths: Any = None, mask: Array | None = None
) -> tuple[Array, Array]:
    """Return ``-log softmax(logits)[target]``, the mean over the counted positions, and its gradient.

    Parameters
    ----------
    logits : (T, B, O) or (B, O). targets : whole numbers 0..O-1, (T, B) or (B,).
    lengths : (B,), with (T, B, O) alone; positions ``t >= lengths[b]`` do not count.
    mask : (T, B) or (B,), booleans; False does not count. A target that does not count may be any number.

    Returns
    -------
    loss : a number in nats (an array of no dimension). dlogits : ``(softmax - one_hot) / count``, of the shape of logits.

    Raises
    ------
    ValueError or TypeError : for shapes that do not fit, targets out of range, logits that are not finite, or no counted
        position. On a device, where to look at numbers means to wait for them, the loss is NaN instead.

    Examples
    --------
    >>> loss, dlogits = softmax_cross_entropy(np.zeros((1, 4)), np.array([2]))
    >>> round(float(loss), 4), dlogits.tolist()
    (1.3863, [[0.25, 0.25, -0.75, 0.25]])
    """
    logits, counted = _checked("logits", logits, lengths, mask)
    xp, O = array_module(logits), logits.shape[-1]
    targets = _class_targets(xp, targets, logits.shape, counted)
    shifted = logits - logits.real.max(axis=-1, keepdims=True)
    exp = xp.exp(shifted)
    total = exp.sum(axis=-1, keepdims=True)
    one_hot = targets[..., None] == xp.arange(O)  # (T, B, O)
    log_likelihood = xp.where(one_hot, shifted, 0).sum(axis=-1) - xp.log(total[..., 0])  # (T, B)
    if xp is not np:  # nobody has looked at these targets: a class that there is not makes the loss NaN
        log_likelihood = xp.where((targets < 0) | (targets >= O), np.nan, log_likelihood)
    return _mean_over(counted, -log_likelihood, exp / total - one_hot)


def mean_squared_error(
    outputs: Array, targets: Array, lengths: Any = None, mask: Array | None = None
) -> tuple[Array, Array]:
    """Return the mean of ``(output - target)²`` over the O numbers of all counted positions, and its gradient.

    Parameters
    ----------
    outputs : (T, B, O) or (B, O). targets : of the same shape.
    lengths, mask : as in ``softmax_cross_entropy``.

    Returns
    -------
    loss : a number (an array of no dimension). doutputs : ``2 (output - target) / (O count)``.

    Examples
    --------
    >>> loss, doutputs = mean_squared_error(np.array([[3.0]]), np.array([[1.0]]))
    >>> float(loss), doutputs.tolist()
    (4.0, [[4.0]])
    """
    outputs, counted = _checked("outputs", outputs, lengths, mask)
    xp, O = array_module(outputs), outputs.shape[-1]
    targets = inputs.numeric("targets", inputs.same_module(xp, "targets", targets))
    if targets.shape != outputs.shape:
        raise ValueError(f"targets must have the shape of the outputs, {outputs.shape}, got {targets.shape}")
    if targets.dtype.kind == "c" and outputs.dtype.kind != "c":
        raise TypeError(f"targets are {targets.dtype} but outputs {outputs.dtype}: the imaginary part would be lost")
    difference = outputs - targets
    if counted is not None:
        difference = xp.where(counted[..., None], difference, 0)
    inputs.finite("targets", difference)
    difference = difference.astype(outputs.dtype, copy=False)
    return _mean_over(counted, (difference * difference).sum(axis=-1) / O, difference * (2 / O))


def loss_of(loss: Loss, output: Array, targets: Any, lengths: Any = None) -> tuple[Array, Array]:
    """Return loss and gradient; lengths go along only with one output a step: "last" is read at each row's own end."""
    return loss(output, targets, lengths) if lengths is not None and output.ndim == 3 else loss(output, targets)


LOSSES: dict[str, Loss] = {loss.__name__: loss for loss in (softmax_cross_entropy, mean_squared_error)}


def _mean_over(counted: Array | None, losses: Array, gradient: Array) -> tuple[Array, Array]:
    """Return the mean of the counted losses, (T, B), and its gradient, (T, B, O)."""
    if counted is None:
        return losses.sum() / losses.size, gradient / losses.size
    xp, count = array_module(losses), counted.sum().astype(losses.real.dtype)
    return xp.where(counted, losses, 0).sum() / count, xp.where(counted[..., None], gradient, 0) / count


def _checked(name: str, outputs: Array, lengths: Any, mask: Array | None) -> tuple[Array, Array | None]:
    """Return the outputs as an array and which positions count, (T, B) or (B,) booleans, None where all do."""
    xp = array_module(outputs)
    outputs = inputs.numeric(name, xp.asarray(outputs))
    if outputs.ndim not in (2, 3) or outputs.size == 0:
        raise ValueError(f"{name} must be (T, B, O) or (B, O) with no axis of 0, got shape {outputs.shape}")
    if outputs.dtype.kind not in "fc":
        outputs = outputs.astype(np.float64)
    positions = outputs.shape[:-1]
    counted = None
    if lengths is not None:
        if outputs.ndim != 3:
            raise ValueError(
                f"lengths go with {name} of shape (T, B, O), got {outputs.shape}; use a mask for one output a row"
            )
        T, B = positions
        lengths = inputs.row_lengths(lengths, T, B, xp)
        counted = xp.arange(T)[:, None] < xp.asarray(lengths)  # (T, B)
    if mask is not None:
        mask = inputs.same_module(xp, "mask", mask)
        if mask.shape != positions or mask.dtype.kind != "b":
            raise ValueError(f"mask must be booleans of shape {positions}, got {mask.dtype} of shape {mask.shape}")
        counted = mask if counted is None else counted & mask
    if counted is not None and isinstance(counted, np.ndarray) and not counted.any():
        raise ValueError("no position counts: lengths and mask leave nothing to take the mean of")
    shown = outputs if counted is None else xp.where(counted[..., None], outputs, 0)
    if isinstance(shown, np.ndarray) and not np.isfinite(shown).all():
        raise FloatingPointError(
            f"{name} must be finite, got NaN or infinity: the model has diverged, or its input was not finite"
        )
    return outputs, counted


def _class_targets(xp: Any, targets: Array, shape: tuple[int, ...], counted: Array | None) -> Array:
    """Return the targets as whole numbers of the logits' module, those that count within 0..O-1."""
    targets = inputs.same_module(xp, "targets", targets)
    if targets.dtype.kind not in "iu":
        raise TypeError(
            f"targets must be whole numbers, the classes, got dtype {targets.dtype}; use targets.astype(int)"
        )
    if targets.shape != shape[:-1]:
        raise ValueError(f"targets must have shape {shape[:-1]} for logits of shape {shape}, got {targets.shape}")
    counting = targets if counted is None else xp.where(counted, targets, 0)
    if xp is np and (counting.min() < 0 or counting.max() >= shape[-1]):
        raise ValueError(
            f"targets must lie in 0..{shape[-1] - 1} for {shape[-1]} logits, got {counting.min()} to {counting.max()}"
        )
    return targets
