"""Batches ``(x, targets[, lengths[, weights]])``, from any iterable to the training step, and windows of long sequences."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..arrays import inputs
from ..arrays.backend import array_module
from ..arrays.checks import positive_integer
from ..nets.network import Network
from .losses import Loss, check_classes, softmax_cross_entropy
from .positions import position_weights

Batch = tuple[Any, ...]  # (x, targets[, lengths[, weights]])


def unpacked(batch: Batch) -> Batch:
    """Return ``(x, targets, lengths, weights)``, None for the parts that the batch does not have."""
    if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3, 4):
        got = f"{len(batch)} entries" if isinstance(batch, (tuple, list)) else type(batch).__name__
        raise TypeError(
            f"a batch must be (x, targets), optionally followed by lengths and weights, got {got}; "
            "put a single batch into a list, [(x, targets)]"
        )
    return (*batch, None, None)[:4]


def on_backend(model: Network, batch: Batch, loss: Loss) -> Batch:
    """Return the unpacked batch as arrays of the model's backend; before they move to a device they are checked on the host."""
    xp, classes = model.xp, model.output_size if loss is softmax_cross_entropy else None
    named = zip(("x", "targets", "lengths", "weights"), unpacked(batch), strict=True)
    parts = [inputs.unmasked(name, part) for name, part in named]
    parts = [part if part is None or hasattr(part, "shape") else np.asarray(part) for part in parts]
    if xp is np:
        return tuple(parts)
    x, targets, lengths, weights = parts
    if x.ndim == 3:
        lengths = inputs.row_lengths(lengths, len(x), x.shape[1], xp)
    if classes is not None and all(array_module(part) is np for part in (targets, lengths, weights)):
        counted = position_weights(targets.shape, lengths if targets.ndim == 2 else None, weights)
        check_classes(targets, classes, counted)
    return tuple(part if part is None else xp.asarray(part) for part in (x, targets, lengths, weights))


def windows(x: Any, targets: Any, steps: int, weights: Any = None) -> list[Batch]:
    """Return one long sequence as consecutive batches of ``steps`` time steps, for ``fit(…, truncated=True)``.

    Parameters
    ----------
    x : (T, B, D), all rows of one length. targets : (T, B) or (T, B, O), one per time step.
    steps : per window; the last window may be shorter.
    weights : of the positions, (T, B), or (B,) for all windows alike; rows of different lengths get weight 0 past their ends.

    Examples
    --------
    >>> [x.shape for x, targets in windows(np.zeros((7, 2, 1)), np.zeros((7, 2), int), 3)]
    [(3, 2, 1), (3, 2, 1), (1, 2, 1)]
    """
    steps = positive_integer("steps", steps)
    if len(x) != len(targets):
        raise ValueError(f"x and targets must have one entry per time step, got {len(x)} and {len(targets)} steps")
    cuts = [slice(start, start + steps) for start in range(0, len(x), steps)]
    if weights is None:
        return [(x[cut], targets[cut]) for cut in cuts]
    if np.ndim(weights) == 2 and len(weights) != len(x):
        raise ValueError(f"weights (T, B) must have one entry per time step, {len(x)}, got {len(weights)}")
    return [(x[cut], targets[cut], None, weights if np.ndim(weights) == 1 else weights[cut]) for cut in cuts]


def batches_from(batches: Iterable[Batch], step: int) -> Iterator[tuple[bool, Batch]]:
    """Yield the batches from number ``step`` on, each with whether it is the first of its pass through the data.

    A task's stream jumps to its batch number ``step`` and knows how many steps a pass has; any other iterable is repeated.
    """
    if hasattr(batches, "starting_at"):
        first = getattr(batches, "first", 0)
        steps = getattr(batches, "steps_per_pass", math.inf)  # in one endless pass only number 0 is a multiple
        numbered = zip(itertools.count(first + step), batches.starting_at(first + step))
        return ((number == first or number % steps == 0, batch) for number, batch in numbered)
    check_iterable("batches", batches)
    return itertools.islice(_repeated(batches), step, None)


def check_iterable(what: str, batches: Any) -> None:
    """Raise a TypeError where ``batches`` cannot be iterated over."""
    if not isinstance(batches, Iterable):
        raise TypeError(f"{what} must be a list or another iterable of (x, targets), got {type(batches).__name__}")


def _repeated(batches: Iterable[Batch]) -> Iterator[tuple[bool, Batch]]:
    when = "at once; give some"
    while True:
        is_first = True
        for batch in batches:
            yield is_first, batch
            is_first = False
        if is_first:
            raise ValueError(f"batches ended {when}")
        when = "after its first pass; give a list, or a generator that yields enough"
