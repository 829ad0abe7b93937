"""Untrained nets from a few settings: a system by name, of a given hidden size or of a given number of parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..baselines.systems import Sizes, build, hidden_size_for
from ..nets.network import Network
from ..recurrence.cells import Cell
from ..tasks import Task


def net_builder(
    system: str,
    dilations: Sequence[int],
    hidden: Sizes,
    cell: str | Cell | None = None,
    parameters: int | None = None,
    **options: Any,
) -> Callable[[int], Network]:
    """Return the function from a seed to an untrained net; arguments as in ``baselines.systems.build``.

    With ``parameters``, the net gets as many units per layer as this number of parameters allows, instead of ``hidden``.

    >>> from dilated_rnn_np.tasks import Adding
    >>> build = net_builder("dilated", [1, 2, 4], 10, "gru", parameters=500, **shape_of(Adding()))
    >>> build(0).num_parameters
    471
    """

    def sized(hidden: Sizes, seed: int = 0, **changes: str) -> Network:
        return build(system, hidden_size=hidden, dilations=dilations, cell=cell, rng=seed, **options | changes)

    if parameters is not None:  # only their number matters in the search, so the weights need no random numbers
        hidden = hidden_size_for(partial(sized, input_init="identity", recurrent_init="identity"), parameters)
    return partial(sized, hidden)


def shape_of(task: Task) -> dict[str, Any]:
    """Return the options that a task determines: input_size, output_size and readout."""
    return {"input_size": task.input_size, "output_size": task.output_size, "readout": task.readout}
