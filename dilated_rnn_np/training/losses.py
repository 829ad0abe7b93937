"""Losses for classification and regression, each with its gradient: weighted means over the counted positions.

**The protocol.** A loss is a function ``loss(output, targets, lengths=None, weights=None) -> (value, gradient)`` of the model's
output, (T, B, O) or (B, O), and of the batch ``(x, targets[, lengths[, weights]])``. ``value`` is one number,
``gradient`` is its gradient with respect to the output. ``lengths`` is None for an output (B, O), which is already read at
each row's own end. A batch without weights calls the loss without that argument, and one without lengths and weights with
``(output, targets)`` alone.

A loss is a mean. Its denominator is ``loss.count(output, targets, lengths, weights)``; ``evaluate`` weights each batch by
it, so that batches of any sizes average to the mean over the whole data. A function without ``count`` is weighted by its
positions: the number of outputs within the rows' lengths, or the sum of their weights.

**A loss of your own.** ``weighted_mean`` takes the loss of each position, and its gradient with respect to the outputs. The
logarithm of the hyperbolic cosine is quadratic near 0 and linear far from it:

>>> def log_cosh(output, targets, lengths=None, weights=None):
...     error = output - targets                                   # (T, B, O)
...     each = np.log(np.cosh(error)).mean(axis=-1)                # (T, B)
...     return weighted_mean(each, np.tanh(error) / error.shape[-1], lengths, weights)

Give a loss with another denominator its own ``count``. This one scores only the last step, so it counts the rows of a
batch, whatever the number of steps:

>>> def last_step_error(output, targets, lengths=None, weights=None):
...     error, gradient = output[-1] - targets[-1], np.zeros_like(output)  # (B, O), (T, B, O)
...     gradient[-1] = 2 * error / error.size
...     return (error**2).mean(), gradient
>>> last_step_error.count = lambda output, targets, lengths=None, weights=None: output.shape[1]

Check the gradient before you train:

>>> from dilated_rnn_np import DilatedRNN, fit, gradcheck, optim
>>> x, targets = np.random.default_rng(0).standard_normal((2, 6, 4, 1))
>>> model = DilatedRNN(1, 5, [1, 2], output_size=1, readout="all")
>>> for loss in (log_cosh, last_step_error):
...     _ = gradcheck.check(model, x, targets=targets, loss=loss)
>>> weights = np.arange(6)[:, None] >= np.array([0, 2, 2, 4])      # (T, B): False does not count
>>> run = fit(model, [(x, targets, None, weights)], optim.Adam(model.params), 2, loss=log_cosh, progress=False)
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arrays import inputs
from ..arrays.backend import Array, array_module, to_host
from ..arrays.checks import choose, positive, real
from .positions import at_least_float32, count, position_weights, weighted_mean

Loss = Callable[..., tuple[Array, Array]]


def softmax_cross_entropy(
    logits: Array, targets: Array, lengths: Any = None, weights: Any = None
) -> tuple[Array, Array]:
    """Return the weighted mean of ``-log softmax(logits)[target]`` over all positions in nats, and its gradient.

    Parameters
    ----------
    logits : (T, B, O) or (B, O). targets : whole numbers 0..O-1, (T, B) or (B,); any number where a position has no weight.
    lengths : (B,), only with (T, B, O). weights : of the positions, a mask or numbers of at least 0, (T, B) or (B,).

    Returns
    -------
    loss : an array of no dimension. dlogits : ``weight (softmax - one_hot) / count``, of the logits' shape.

    Raises
    ------
    ValueError, TypeError or FloatingPointError : for shapes that do not fit, targets out of range, logits that are not finite,
        or no counted position. On a device, where a look at numbers would wait for them, the loss is NaN instead.

    Examples
    --------
    >>> loss, dlogits = softmax_cross_entropy(np.zeros((1, 4)), np.array([2]))
    >>> round(float(loss), 4), dlogits.tolist()
    (1.3863, [[0.25, 0.25, -0.75, 0.25]])
    """
    logits, weights = _checked_output("logits", logits, lengths, weights)
    xp, O = array_module(logits), logits.shape[-1]
    targets = _class_targets(xp, targets, logits.shape, weights)
    shifted = logits - logits.real.max(axis=-1, keepdims=True)
    exp = xp.exp(shifted)
    total = exp.sum(axis=-1, keepdims=True)
    one_hot = targets[..., None] == xp.arange(O)  # (T, B, O)
    log_likelihood = xp.where(one_hot, shifted, 0).sum(axis=-1) - xp.log(total[..., 0])  # (T, B)
    if xp is not np:  # the targets were not checked: a class out of range makes the loss NaN
        log_likelihood = xp.where((targets < 0) | (targets >= O), np.nan, log_likelihood)
    return weighted_mean(-log_likelihood, exp / total - one_hot, weights=weights)


def check_classes(targets: Array, classes: int, weights: Array | None) -> None:
    """Raise where a target of the host that counts is not one of the classes 0..classes-1."""
    counting = targets if weights is None else np.where(weights > 0, targets, 0)
    if counting.dtype.kind in "iu" and counting.size and (counting.min() < 0 or counting.max() >= classes):
        got = f"{counting.min()} to {counting.max()}"
        raise ValueError(f"targets must lie in 0..{classes - 1} for {classes} logits, got {got}")


def _class_targets(xp: Any, targets: Array, shape: tuple[int, ...], weights: Array | None) -> Array:
    """Return the targets as whole numbers of the logits' module; on the host they are checked."""
    targets = inputs.same_module(xp, "targets", targets)
    if targets.dtype.kind not in "iu":
        raise TypeError(
            f"targets must be whole numbers, the classes, got dtype {targets.dtype}; for real-valued targets choose a "
            f"regression loss ({', '.join(name for name in LOSSES if name != softmax_cross_entropy.__name__)}), "
            "for classes use targets.astype(int)"
        )
    if targets.shape != shape[:-1]:
        raise ValueError(f"targets must have shape {shape[:-1]} for logits of shape {shape}, got {targets.shape}")
    if xp is np:
        check_classes(targets, shape[-1], weights)
    return targets


# Below, |error| is written as sign(error) * error, which is analytic away from 0: a gradient check by complex step holds there.


def mean_squared_error(output: Array, targets: Array, lengths: Any = None, weights: Any = None) -> tuple[Array, Array]:
    """Return the mean of ``(output - target)²`` over O outputs and, weighted, over all positions, and its gradient.

    Parameters
    ----------
    output : (T, B, O) or (B, O). targets : of the same shape; any number, NaN too, where a position has no weight.
    lengths, weights, returned values and errors : as in ``softmax_cross_entropy``.

    Examples
    --------
    >>> loss, doutput = mean_squared_error(np.array([[3.0]]), np.array([[1.0]]))
    >>> float(loss), doutput.tolist()
    (4.0, [[4.0]])
    """
    error, weights = _errors(output, targets, lengths, weights)
    return _mean_over_outputs(error * error, 2 * error, weights)


def mean_absolute_error(output: Array, targets: Array, lengths: Any = None, weights: Any = None) -> tuple[Array, Array]:
    """Return the weighted mean of ``|output - target|``, and its gradient; 0 where both are equal. See ``mean_squared_error``.

    >>> loss, doutput = mean_absolute_error(np.array([[3.0, 1.0]]), np.array([[1.0, 2.0]]))
    >>> float(loss), doutput.tolist()
    (1.5, [[0.5, -0.5]])
    """
    error, weights = _errors(output, targets, lengths, weights)
    sign = array_module(error).sign(error.real).astype(error.dtype)
    return _mean_over_outputs(sign * error, sign, weights)


def huber(
    output: Array, targets: Array, lengths: Any = None, weights: Any = None, delta: float = 1.0
) -> tuple[Array, Array]:
    """Return Huber's loss (1964): ``error² / 2`` up to ``|error| = delta``, beyond it ``delta (|error| - delta / 2)``.

    Arguments as in ``mean_squared_error``. ``functools.partial(huber, delta=0.1)`` is the same loss with another delta.

    >>> loss, doutput = huber(np.array([[0.5, 3.0]]), np.zeros((1, 2)))
    >>> float(loss), doutput.tolist()
    (1.3125, [[0.25, 0.5]])
    """
    delta = positive("delta", delta)
    error, weights = _errors(output, targets, lengths, weights)
    xp = array_module(error)
    sign = xp.sign(error.real).astype(error.dtype)
    far = sign.real * error.real > delta
    each = xp.where(far, delta * (sign * error - delta / 2), error * error / 2)
    return _mean_over_outputs(each, xp.where(far, delta * sign, error), weights)


def quantile(
    output: Array,
    targets: Array,
    lengths: Any = None,
    weights: Any = None,
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
) -> tuple[Array, Array]:
    """Return the pinball loss of several quantiles at once (Koenker and Bassett 1978), and its gradient.

    For a quantile q and ``error = output - target`` it is ``(1 - q) error`` above the target and ``-q error`` below: least
    where a fraction q of the targets lies below the output. The loss is the mean over the quantiles.

    Parameters
    ----------
    output : (T, B, O*Q) or (B, O*Q): for each of O targets its Q quantiles side by side.
    targets : (T, B, O) or (B, O); (T, B) or (B,) serve too where O = 1. lengths, weights : as in ``mean_squared_error``.
    quantiles : Q numbers between 0 and 1; ``functools.partial(quantile, quantiles=(0.05, 0.95))`` is a loss for others.

    Examples
    --------
    >>> loss, doutput = quantile(np.array([[3.0, 3.0]]), np.array([5.0]), quantiles=(0.5, 0.9))
    >>> float(loss), doutput.tolist()
    (1.4, [[-0.25, -0.45]])
    """
    levels = [real(f"quantiles[{k}]", level) for k, level in enumerate(quantiles)]
    if not levels or not all(0 < level < 1 for level in levels):
        raise ValueError(f"quantiles must be numbers between 0 and 1, got {quantiles}; for instance (0.1, 0.5, 0.9)")
    xp, Q = array_module(output), len(levels)
    output, targets = inputs.same_module(xp, "output", output), inputs.same_module(xp, "targets", targets)
    targets = targets[..., None] if targets.ndim == output.ndim - 1 else targets  # (T, B, O)
    repeated = xp.repeat(targets, Q, axis=-1)  # (T, B, O*Q)
    if repeated.shape != output.shape:
        raise ValueError(
            f"output must hold {Q} quantiles for each target: for targets {targets.shape} it must have shape "
            f"{repeated.shape}, got {output.shape}"
        )
    error, weights = _errors(output, repeated, lengths, weights)
    slope = xp.empty_like(error)
    for k, level in enumerate(levels):
        slope[..., k::Q] = xp.where(error.real[..., k::Q] < 0, -level, 1 - level)
    return _mean_over_outputs(slope * error, slope, weights)


def _errors(output: Array, targets: Any, lengths: Any, weights: Any) -> tuple[Array, Array | None]:
    """Return ``output - targets``, 0 where a position does not count, and the weights of the positions."""
    output, weights = _checked_output("output", output, lengths, weights)
    xp = array_module(output)
    targets = inputs.numeric("targets", inputs.same_module(xp, "targets", targets))
    if targets.shape != output.shape:
        raise ValueError(f"targets must have the shape of the outputs, {output.shape}, got {targets.shape}")
    if targets.dtype.kind == "c" and output.dtype.kind != "c":
        raise TypeError(f"targets are {targets.dtype} but output {output.dtype}: the imaginary part would be lost")
    error = output - targets
    if weights is not None:
        error = xp.where(weights[..., None] > 0, error, 0)
    inputs.finite("targets", error)  # the outputs are finite
    return error.astype(output.dtype, copy=False), weights


def _mean_over_outputs(each: Array, gradient: Array, weights: Array | None) -> tuple[Array, Array]:
    """Return the mean over the last axis, and over the positions by their weights."""
    return weighted_mean(each.mean(axis=-1), gradient / each.shape[-1], weights=weights)


LOSSES: dict[str, Loss] = {
    loss.__name__: loss for loss in (softmax_cross_entropy, mean_squared_error, mean_absolute_error, huber, quantile)
}
for _loss in LOSSES.values():
    _loss.count = count  # type: ignore[attr-defined]


def get_loss(loss: Loss | str) -> Loss:
    """Return a loss by its name in ``LOSSES``, or the function itself."""
    return loss if callable(loss) else choose("loss", loss, LOSSES)


def loss_of(loss: Loss, output: Array, targets: Any, lengths: Any = None, weights: Any = None) -> tuple[Array, Array]:
    """Call any loss as the protocol says and return its value and gradient; raise where it does not keep to it."""
    lengths = lengths if output.ndim == 3 else None  # one output per sequence is read at each row's own end
    arguments = [output, targets, lengths, weights]
    while len(arguments) > 2 and arguments[-1] is None:
        arguments.pop()
    result = call("loss", loss, *arguments)
    name = getattr(loss, "__name__", repr(loss))
    if not isinstance(result, tuple) or len(result) != 2:
        got = f"{len(result)} values" if isinstance(result, tuple) else type(result).__name__
        raise TypeError(f"a loss must return (value, gradient of the output), {name} returned {got}")
    parts = [part if hasattr(part, "shape") else np.asarray(part) for part in result]
    if wrong := [part.dtype for part in parts if part.dtype.kind not in "biufc"]:
        raise TypeError(f"a loss must return numbers, {name} returned {wrong[0]}")
    shapes = [part.shape for part in parts]
    if shapes != [(), output.shape]:
        raise ValueError(
            f"a loss must return one number and a gradient of the output's shape {output.shape}, "
            f"{name} returned shapes {shapes[0]} and {shapes[1]}"
        )
    return result


def count_of(loss: Loss, output: Array, targets: Any, lengths: Any = None, weights: Any = None) -> Any:
    """Return the denominator of a loss: its own ``count``, or the sum of its positions' weights."""
    while isinstance(loss, functools.partial):  # of other quantiles, for instance
        loss = loss.func
    return getattr(loss, "count", count)(output, targets, lengths if output.ndim == 3 else None, weights)


def call(what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a loss or a metric; one that does not take the batch's lengths or weights raises a TypeError that says so."""
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        given = ", ".join(("output", "targets", "lengths", "weights")[: len(arguments)])
        raise TypeError(
            f"this batch calls for {what}({given}); define your {what} as "
            f"{what}(output, targets, lengths=None, weights=None)"
        ) from None
    return function(*arguments)


def check_targets(output: Array, targets: Any, lengths: Any = None, weights: Any = None) -> None:
    """Raise where a target that counts is NaN or infinite: the first suspect where a loss is not finite."""
    targets = to_host(targets)
    if targets.dtype.kind not in "fc":
        return
    shape = output.shape[:-1]
    weights = position_weights(shape, lengths if len(shape) == 2 else None, weights, array_module(output))
    if weights is not None and targets.shape[: len(shape)] == shape:
        counts = to_host(weights) > 0
        targets = np.where(counts.reshape(shape + (1,) * (targets.ndim - len(shape))), targets, 0)
    inputs.finite("targets", targets)


def _checked_output(name: str, output: Array, lengths: Any, weights: Any) -> tuple[Array, Array | None]:
    """Return the output as an array of floats, finite where it counts, and the weights of its positions."""
    xp = array_module(output)
    output = inputs.numeric(name, inputs.same_module(xp, name, output))
    if output.ndim not in (2, 3) or output.size == 0:
        raise ValueError(f"{name} must be (T, B, O) or (B, O) with no axis of 0, got shape {output.shape}")
    output = output.astype(np.float64) if output.dtype.kind not in "fc" else at_least_float32(output)
    weights = position_weights(output.shape[:-1], lengths, weights, xp)
    counting = output if weights is None else xp.where(weights[..., None] > 0, output, 0)
    if isinstance(counting, np.ndarray) and not np.isfinite(counting).all():
        raise FloatingPointError(
            f"{name} must be finite, got NaN or infinity: the model has diverged, or its input was not finite"
        )
    return output, weights
