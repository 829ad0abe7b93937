"""One training step, and the evaluation of a model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from ..arrays.backend import Array, device_memory, to_floats
from ..nets.network import Network
from ..nets.stack import State
from .batches import Batch, check_iterable, on_backend
from .losses import Loss, call, check_targets, count_of, get_loss, loss_of, softmax_cross_entropy
from .optim import Optimizer, clip_grad_norm

Metric = Callable[..., Any]  # (output, targets, lengths), with weights as fourth where the batch has them -> a mean


class StepResult(NamedTuple):
    """The figures of one training step, the state after its batch, and its cache for the next step to reuse."""

    loss: float
    gradient_norm: float  # before clipping
    metric: float  # NaN without a metric
    state: State
    cache: Any


def train_step(
    model: Network,
    optimizer: Optimizer,
    batch: Batch,
    loss: Loss | str,
    max_norm: float = math.inf,
    rng: np.random.Generator | None = None,
    state: State | None = None,
    budget: int | None = None,
    metric: Metric | None = None,
    reuse: Any = None,
) -> StepResult:
    """Make one training step, and return the figures of its batch before it.

    Only the batch moves to a device (with dropout also one mask per layer), and only four numbers come back (a clockwork
    layer also reads its clock). A loss or gradient that is not finite raises a FloatingPointError, and the parameters are
    unchanged. A batch without a counted position is skipped: loss, gradient norm and metric are NaN, and nothing but the
    state changes.

    Parameters
    ----------
    batch, loss, max_norm, metric : as in ``fit``. rng : of dropout; None for no dropout.
    state : from an earlier step, to continue its sequences; no gradient flows back into it.
    budget, reuse : as in ``forward``; reuse is the cache of an earlier step, whose buffers this step takes.

    Examples
    --------
    >>> from dilated_rnn_np import DilatedRNN, optim
    >>> model = DilatedRNN(1, 4, [1, 2], output_size=2)
    >>> batch = np.ones((5, 3, 1)), np.zeros(3, int)
    >>> train_step(model, optim.SGD(model.params), batch, "softmax_cross_entropy").loss > 0
    True
    """
    check_trainable(model, optimizer)
    loss = get_loss(loss)
    with device_memory(model.xp):
        x, targets, lengths, weights = on_backend(model, batch, loss)
        output, state, cache = model.forward(x, state, lengths, rng=rng, budget=budget, reuse=reuse)
        count = count_of(loss, output, targets, lengths, weights)
        if model.xp is np and not count:
            return StepResult(math.nan, math.nan, math.nan, state, cache)
        loss_value, doutput = loss_of(loss, output, targets, lengths, weights)
        _, _, grads = model.backward(doutput, cache)
        figures = loss_value, clip_grad_norm(grads, max_norm), _measured(metric, output, targets, lengths, weights)
        value, norm, measured, count = to_floats(*figures, count)  # waits for the device
        if not count:
            return StepResult(math.nan, math.nan, math.nan, state, cache)
        if not (math.isfinite(value) and math.isfinite(norm)):
            check_targets(output, targets, lengths, weights)
            raise FloatingPointError(f"loss {value}, gradient norm {norm}")
        optimizer.step(grads)
    return StepResult(value, norm, measured, state, cache)


def evaluate(
    model: Network,
    batches: Iterable[Batch],
    loss: Loss | str = softmax_cross_entropy,
    metric: Metric | None = None,
    truncated: bool = False,
) -> tuple[float, float]:
    """Return loss and metric over finitely many batches, each batch weighted by ``loss.count``; the model is not changed.

    Parameters
    ----------
    batches, loss, metric : as in ``fit``; a batch without a counted position is skipped. Without a metric its value is NaN.
    truncated : whether the batches are consecutive windows, so that the state is carried from one to the next.

    Examples
    --------
    >>> from dilated_rnn_np import DilatedRNN
    >>> evaluate(DilatedRNN(1, 4, [1, 2], output_size=1), [(np.zeros((5, 2, 1)), np.ones((2, 1)))], "mean_squared_error")
    (1.0, nan)
    """
    loss = get_loss(loss)
    check_iterable("batches", batches)
    totals, total_weight, state = np.zeros(2), 0.0, None
    for batch in batches:
        value, measured, weight, after = batch_scores(model, batch, loss, metric, state)
        state = after if truncated else None
        if weight:
            totals += weight * np.array([value, measured])
            total_weight += weight
    if not total_weight:
        raise ValueError("evaluate needs at least one batch with a position that counts, got none")
    return float(totals[0] / total_weight), float(totals[1] / total_weight)


def batch_scores(
    model: Network, batch: Batch, loss: Loss, metric: Metric | None, state: State | None = None
) -> tuple[float, float, float, State]:
    """Return loss, metric and count of one batch, and the state after it; the count is 0 where no position counts."""
    with device_memory(model.xp):
        x, targets, lengths, weights = on_backend(model, batch, loss)
        output, after, _ = model.forward(x, state, lengths, keep=False)
        count = count_of(loss, output, targets, lengths, weights)
        if model.xp is np and not count:
            return math.nan, math.nan, 0.0, after
        loss_value, _ = loss_of(loss, output, targets, lengths, weights)
        figures = loss_value, _measured(metric, output, targets, lengths, weights), count
        value, measured, count = to_floats(*figures)
    if count and not math.isfinite(value):
        check_targets(output, targets, lengths, weights)
    return value, measured, count, after


def check_trainable(model: Network, optimizer: Optimizer) -> None:
    """Raise where the optimiser is not built on the model's parameters, or these are complex."""
    if not isinstance(model, Network):
        raise TypeError(f"model must be a network such as DilatedRNN, got {model!r}")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be an object such as optim.Adam(model.params), got {optimizer!r}")
    if optimizer.params.keys() != model.params.keys() or any(
        optimizer.params[name] is not model.params[name] for name in model.params
    ):
        raise ValueError("optimizer must be built on this model's parameters, for instance RMSProp(model.params)")
    if model.dtype.kind == "c":
        raise TypeError(f"fit trains real parameters, these are {model.dtype}; complex ones are for gradient checks")


def check_finite(model: Network) -> None:
    """Raise where a step has made a parameter infinite or NaN: such a model is neither saved nor kept as the best."""
    finite = to_floats(*(model.xp.isfinite(array).all() for array in model.params.values()))
    for name, all_finite in zip(model.params, finite, strict=True):
        if not all_finite:
            raise FloatingPointError(f"the update has made {name} infinite or NaN")


def _measured(metric: Metric | None, output: Array, targets: Any, lengths: Any, weights: Any) -> Any:
    """Return the metric of the arrays on their own device; NaN where there is none."""
    if metric is None:
        return math.nan
    value = call("metric", metric, output, targets, lengths, *(() if weights is None else (weights,)))
    array = value if hasattr(value, "shape") else np.asarray(value)
    if array.shape != () or array.dtype.kind not in "biuf":
        raise TypeError(
            f"metric must return one number, a mean over the batch, got {array.dtype} of shape {array.shape}"
        )
    return value
