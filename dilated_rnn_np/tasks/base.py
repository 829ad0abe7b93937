"""What a task is: a stream of batches, a loss, a metric, and the loss that is reached without remembering.

A stream is endless and seeded: batch number k depends on the seed and on k alone, so that a run can be taken up
again at any step without replaying the ones before it.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arrays.checks import positive_integer

Batch = tuple[Any, ...]  # (x, targets) or (x, targets, lengths)


@dataclass(frozen=True)
class Stream:
    """An endless stream of batches, ``draw(0), draw(1), …``, that can start at any number.

    Parameters
    ----------
    draw : a function from the batch's number to the batch ``(x, targets[, lengths])``.
    first : the number of the first batch.
    steps_per_pass : after so many batches the data begins again, and a state that is carried with it; never, where infinite.

    Examples
    --------
    >>> squares = Stream(lambda k: (k, k * k))
    >>> next(iter(squares.starting_at(3)))
    (3, 9)
    """

    draw: Callable[[int], Batch]
    first: int = 0
    steps_per_pass: float = math.inf

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches from number ``first`` on, without end."""
        return map(self.draw, itertools.count(self.first))

    def starting_at(self, step: int) -> Stream:
        """Return the same stream from batch number ``step`` on."""
        return replace(self, first=step)


class Task(ABC):
    """The common face of all tasks; a subclass sets the attributes and implements ``batches`` and ``validation``.

    Attributes
    ----------
    name : what the task is called on the command line.
    input_size, output_size, readout : what a model for the task is built with.
    loss : the name of the loss in ``losses.LOSSES``.
    metric_name : what ``metric`` measures.
    reads_files : whether it is built from data files: then it takes ``data_dir``.
    truncated : whether consecutive batches are windows of the same sequences, for truncated backpropagation with carried state.
    baseline : the loss of the best answer that uses nothing of what is to be remembered, or None where none is known.
    baseline_note : one sentence that says what the baseline is.
    data_note : how the data differs from that which the task is known by, or nothing.
    """

    name: str
    input_size: int
    output_size: int
    readout: str
    loss: str = "softmax_cross_entropy"
    metric_name: str = "accuracy"
    reads_files: bool = False
    truncated: bool = False
    baseline: float | None = None
    baseline_note: str = ""
    data_note: str = ""

    @abstractmethod
    def batches(self, batch_size: int, seed: int = 0) -> Stream:
        """Return the endless training stream for a seed."""

    @abstractmethod
    def validation(self, batch_size: int) -> Sequence[Batch]:
        """Return the batches that are held out; they are the same in every call."""

    def test(self, batch_size: int) -> Sequence[Batch]:
        """Return the batches that a finished model is judged on; the validation ones where a task has no others."""
        return self.validation(batch_size)

    def steps_per_epoch(self, batch_size: int) -> int | None:
        """Return how many batches an epoch has, or None where the data is endless."""
        return None

    def metric(self, output: Any, targets: Any, lengths: Any = None) -> Any:
        """Return the fraction of targets that have the largest output."""
        return (output.argmax(axis=-1) == targets).mean()

    def settings(self) -> dict[str, Any]:
        """Return what ``make_task(**settings)`` needs to build the task again; it goes into the checkpoints."""
        return {"name": self.name}


def in_batches(batch: Batch, batch_size: int, target_axis: int) -> list[Batch]:
    """Return one large batch ``(x, targets)`` in parts of at most so many rows; targets have their rows on an axis.

    >>> [x.shape for x, _ in in_batches((np.zeros((4, 5, 1)), np.zeros(5)), 2, target_axis=0)]
    [(4, 2, 1), (4, 2, 1), (4, 1, 1)]
    """
    x, targets = batch
    cuts = range(positive_integer("batch_size", batch_size), x.shape[1], batch_size)
    return list(zip(np.split(x, cuts, axis=1), np.split(targets, cuts, axis=target_axis), strict=True))


def generator(seed: int, *stream: int) -> np.random.Generator:
    """Return the generator that belongs to a seed and a stream of numbers, such as (purpose, batch number)."""
    return np.random.default_rng([seed, *stream])
