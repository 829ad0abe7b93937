"""Models that change with the epoch: their stream of batches brings each change with it, so that ``fit`` need not know of it."""

from __future__ import annotations

from dataclasses import replace

from ..nets.network import Network
from ..tasks import Batch, Stream, Task

EPOCH = 100  # steps that count as one where the data is endless


def batches_for(model: Network, task: Task, batch_size: int, seed: int = 0) -> Stream:
    """Return a task's training stream, which anneals the model before each batch where it is a model to be annealed.

    What it sets depends on the batch's number alone, so that a run that is taken up again ends in the same bits.

    Parameters
    ----------
    model : one with ``annealed`` settings has a method ``anneal(epoch)``. An epoch is the task's, or 100 steps where its data
        is endless.
    batch_size, seed : as in ``Task.batches``.

    Examples
    --------
    >>> from dilated_rnn_np.baselines import HMLSTM
    >>> from dilated_rnn_np.tasks import Adding
    >>> model = HMLSTM(2, 4, 2, output_size=1)
    >>> _ = next(iter(batches_for(model, Adding(5), batch_size=3).starting_at(250)))
    >>> model.slope
    1.08
    """
    stream = task.batches(batch_size, seed)
    if not model.annealed:
        return stream
    steps = task.steps_per_epoch(batch_size) or EPOCH

    def draw(k: int) -> Batch:
        model.anneal(k // steps)  # type: ignore[attr-defined]
        return stream.draw(k)

    return replace(stream, draw=draw)
