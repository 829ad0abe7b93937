"""Batches on their way from any iterable to the training step: checked, moved to the model's backend, counted.

A batch is ``(x, targets)`` or ``(x, targets, lengths)``. Whatever is iterable serves: a task's endless stream, a list of
arrays that is gone through again and again, the windows of one long sequence.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..arrays import inputs
from ..arrays.backend import array_module
from ..arrays.checks import positive_integer

Batch = tuple[Any, ...]  # (x, targets) or (x, targets, lengths)


def unpacked(batch: Batch) -> Batch:
    """Return ``(x, targets, lengths)``, lengths None where the batch has none."""
    if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
        got = f"{len(batch)} entries" if isinstance(batch, (tuple, list)) else type(batch).__name__
        raise TypeError(f"a batch must be (x, targets) or (x, targets, lengths), got {got}")
    return (*batch, None)[:3]


def on_backend(xp: Any, batch: Batch, classes: int | None = None) -> Batch:
    """Return the batch as arrays of the module ``xp``; on the way to a device it is looked at once more, on the host.

    Parameters
    ----------
    classes : O, where targets are classes 0..O-1; those past a row's length may be any number.
    """
    x, targets, lengths = (
        part if part is None or hasattr(part, "shape") else np.asarray(part) for part in unpacked(batch)
    )
    if xp is np:
        return x, targets, lengths
    if x.ndim == 3:
        lengths = inputs.row_lengths(lengths, len(x), x.shape[1], xp)
    if classes is not None and array_module(targets) is np:
        _check_classes(np.asarray(targets), lengths, classes)
    return xp.asarray(x), xp.asarray(targets), lengths if lengths is None else xp.asarray(lengths)


def _check_classes(targets: np.ndarray, lengths: Any, classes: int) -> None:
    if lengths is not None and targets.ndim == 2 and targets.shape[1] == len(lengths):
        if array_module(lengths) is not np:
            return  # which of them count is not known here
        targets = np.where(np.arange(len(targets))[:, None] < lengths, targets, 0)
    if targets.dtype.kind in "iu" and targets.size and (targets.min() < 0 or targets.max() >= classes):
        raise ValueError(
            f"targets must lie in 0..{classes - 1} for {classes} logits, got {targets.min()} to {targets.max()}"
        )


def windows(x: Any, targets: Any, steps: int) -> list[Batch]:
    """Return one long sequence as consecutive batches of ``steps`` time steps, for ``fit(…, truncated=True)``.

    Parameters
    ----------
    x : (T, B, D), all rows of one length. targets : (T, B) or (T, B, O), one a time step.
    steps : of a window; the last one may be shorter.

    Raises
    ------
    ValueError : where x and targets differ in their time steps.

    Examples
    --------
    >>> import numpy as np
    >>> [x.shape for x, targets in windows(np.zeros((7, 2, 1)), np.zeros((7, 2), int), 3)]
    [(3, 2, 1), (3, 2, 1), (1, 2, 1)]
    """
    steps = positive_integer("steps", steps)
    if len(x) != len(targets):
        raise ValueError(f"x and targets must have one entry a time step, got {len(x)} and {len(targets)} steps")
    return [(x[start : start + steps], targets[start : start + steps]) for start in range(0, len(x), steps)]


def batches_from(batches: Iterable[Batch], step: int) -> Iterator[tuple[bool, Batch]]:
    """Yield the batches from number ``step`` on, each with whether it is the first of its pass.

    A task's stream, counted from where it was told to start, jumps to ``step``, and says how many steps a pass has; any other
    iterable is gone through again and again.
    """
    if hasattr(batches, "starting_at"):
        first = getattr(batches, "first", 0)
        steps = getattr(batches, "steps_per_pass", math.inf)  # in one endless pass only number 0 is a multiple
        numbered = zip(itertools.count(first + step), batches.starting_at(first + step))
        return ((number == first or number % steps == 0, batch) for number, batch in numbered)
    return itertools.islice(_again_and_again(batches), step, None)


def _again_and_again(batches: Iterable[Batch]) -> Iterator[tuple[bool, Batch]]:
    for passes in itertools.count():
        count = 0
        for count, batch in enumerate(batches, start=1):
            yield count == 1, batch
        if count == 0:
            when = (
                "after its first pass; give a list, or a generator that yields enough"
                if passes
                else "at once; give some"
            )
            raise ValueError(f"batches ended {when}")
