"""The interface of a task: a stream of training batches, held-out batches, a loss, a metric, and a baseline.

A stream is endless and seeded: batch k depends on the seed and on k only, so an interrupted run resumes at any step
without replaying earlier batches.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..arrays.backend import Array, array_module
from ..arrays.inputs import unmasked

Batch = tuple[Any, ...]  # (x, targets[, lengths[, weights]])


@dataclass(frozen=True)
class Stream:
    """An endless stream of batches, ``draw(0), draw(1), …``, that can start at any batch number.

    Parameters
    ----------
    draw : a function from the batch number to the batch ``(x, targets[, lengths[, weights]])``.
    first : the number of the first batch.
    steps_per_pass : batches per pass through the data; each pass starts with a fresh state. Infinite for endless data.

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
    """The interface of all tasks; a subclass sets the attributes and implements ``batches`` and ``held_out_batches``."""

    name: str  # on the command line
    options: tuple[str, ...] = ()  # the constructor arguments that ``settings`` records; each is also an attribute
    input_size: int  # this, output_size and readout are constructor arguments of a model for this task
    output_size: int
    readout: str
    loss: str = "softmax_cross_entropy"  # the name of the loss in ``losses.LOSSES``
    metric_name: str = "accuracy"  # the quantity that ``metric`` returns
    reads_files: bool = False  # whether the task reads data files; its constructor then takes ``data_dir``
    truncated: bool = False  # whether consecutive batches are windows of the same sequences, for carried state
    baseline: float | None = None  # the loss of the best prediction that needs no memory, or None if it is not known
    baseline_note: str = ""  # one sentence that explains the baseline
    data_note: str = ""  # how the data differs from the task's standard data; empty if it does not

    @abstractmethod
    def batches(self, batch_size: int, seed: int = 0) -> Stream:
        """Return the endless training stream for a seed."""

    @abstractmethod
    def held_out_batches(self, part: str, batch_size: int) -> Sequence[Batch]:
        """Return the batches of ``part``, "validation" or "test"; they are the same in every call."""

    def validation(self, batch_size: int = 512) -> Sequence[Batch]:
        """Return the validation batches; they are the same in every call and for every training seed."""
        return self.held_out_batches("validation", batch_size)

    def test(self, batch_size: int = 512) -> Sequence[Batch]:
        """Return the test batches, different from those for validation."""
        return self.held_out_batches("test", batch_size)

    def steps_per_epoch(self, batch_size: int) -> int | None:
        """Return the number of batches per epoch, or None for endless data."""
        return None

    def metric(self, output: Any, targets: Any, lengths: Any = None, weights: Any = None) -> Any:
        """Return the accuracy: the weighted share of counted positions whose target class has the largest output.

        Parameters
        ----------
        output : (T, B, O) or (B, O). targets : classes, (T, B) or (B,). lengths, weights : as in ``mean_over_positions``.
        """
        return mean_over_positions(output.argmax(axis=-1) == targets, lengths, weights)

    def settings(self) -> dict[str, Any]:
        """Return the arguments with which ``make_task`` builds the same task, except ``data_dir``; checkpoints store them."""
        return {"name": self.name, **{option: getattr(self, option) for option in self.options}}


def mean_over_positions(values: Array, lengths: Any = None, weights: Any = None) -> Array:
    """Return the weighted mean of ``values`` over the counted positions.

    Parameters
    ----------
    values : one number or boolean per position, (T, B), or (B,) for one output per sequence.
    lengths : (B,) or None; with (T, B), positions ``t >= lengths[b]`` do not count. With (B,) every row counts.
    weights : one per position, (T, B) or (B,), or one per row for (T, B); None for equal weights.

    Examples
    --------
    >>> import numpy as np
    >>> right = np.array([[True, False], [True, False]])
    >>> float(mean_over_positions(right, lengths=[2, 0])), float(mean_over_positions(right, weights=np.array([[1, 1], [0, 2]])))
    (1.0, 0.25)
    """
    xp, lengths, weights = array_module(values), unmasked("lengths", lengths), unmasked("weights", weights)
    weights = xp.ones(values.shape) if weights is None else xp.broadcast_to(xp.asarray(weights), values.shape)
    if lengths is not None and values.ndim == 2:
        counted = xp.arange(len(values))[:, None] < xp.asarray(lengths)  # (T, B)
        weights = xp.where(counted, weights, 0)
    return (values * weights).sum() / weights.sum()
