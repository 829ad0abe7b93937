"""A training stream that anneals its model, for callers that do not yet use the callback ``Annealing``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..nets.network import Network

EPOCH = 100  # steps of an epoch where the data is endless


def batches_for(model: Network, task: Any, batch_size: int, seed: int = 0) -> Any:
    """Return a task's training stream; before each batch it anneals a model that has annealed settings.

    The settings depend on the number of the batch alone, so a resumed run ends in the same bits.

    Parameters
    ----------
    model : one with ``annealed`` settings has a method ``anneal(epoch)``.
    task : a task with ``batches`` and ``steps_per_epoch``. batch_size, seed : as in its ``batches``.

    Returns
    -------
    stream : the task's, a dataclass with a field ``draw``.
    """
    stream = task.batches(batch_size, seed)
    if not model.annealed:
        return stream
    steps = task.steps_per_epoch(batch_size) or EPOCH

    def draw(k: int) -> Any:
        model.anneal(k // steps)  # type: ignore[attr-defined]
        return stream.draw(k)

    return replace(stream, draw=draw)
