"""The systems by name, each built from the same few settings, and the hidden size that fits a number of parameters.

For every system ``dilations`` set the depth and the reach of the edges; each entry of ``SYSTEMS`` says how it uses them.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..arrays import inputs
from ..arrays.checks import choose, positive_integer
from ..nets.model import DilatedRNN
from ..nets.network import Network
from ..recurrence.cells import Cell
from .base import Sizes
from .clockwork import ClockworkRNN
from .dilated_cnn import DilatedCNN
from .hm_lstm import HMLSTM
from .phased_lstm import PhasedLSTM
from .skip import SkipRNN, plain_rnn

MOST = 10**8  # parameters for which ``hidden_size_for`` builds nets; those it tries hold up to four times as many


@dataclass(frozen=True)
class System:
    """A kind of network in a comparison."""

    description: str
    takes_cell: bool  # whether the cell of its layers can be chosen
    make: Callable[..., Network]  # builds it from (input_size, hidden_size, dilations) and the options of ``Network``


def _clockwork(input_size: int, hidden_size: int, dilations: Sequence[int], **options: Any) -> Network:
    if any(slow <= fast for fast, slow in pairwise(dilations)):
        given = list(dilations)
        raise ValueError(f"dilations of a clockwork RNN are its periods and must increase, got {given}; sort them")
    modules = len(dilations)
    rounded = -(-positive_integer("hidden_size", hidden_size) // modules) * modules  # modules are of equal size
    return ClockworkRNN(input_size, rounded, dilations, **options)


SYSTEMS = {
    "dilated": System("The dilated RNN: layer l reads its state of dilations[l] steps before.", True, DilatedRNN),
    "plain": System(
        "A stack of equally many ordinary recurrent layers, each of dilation 1.",
        True,
        lambda D, H, dilations, **options: plain_rnn(D, H, len(dilations), **options),
    ),
    "skip": System(
        "Equally many layers, each with skip connections as long as the largest dilation.",
        True,
        lambda D, H, dilations, **options: SkipRNN(D, H, len(dilations), max(2, *dilations), **options),
    ),
    "clockwork": System("One clockwork layer; the dilations are the periods of its modules.", False, _clockwork),
    "phased-lstm": System(
        "Equally many LSTM layers; each unit opens with a period that it learns.",
        False,
        lambda D, H, dilations, **options: PhasedLSTM(D, H, len(dilations), **options),
    ),
    "dilated-cnn": System("Causal convolutions over two steps, with the same dilations.", False, DilatedCNN),
    "hm-lstm": System(
        "Three levels of LSTM that detect the boundaries of segments; the dilations are not used.",
        False,
        lambda D, H, dilations, **options: HMLSTM(D, H, levels=3, **options),
    ),
}


def build(
    name: str,
    input_size: int,
    hidden_size: Sizes,
    dilations: Sequence[int],
    cell: str | Cell | None = None,
    **options: Any,
) -> Network:
    """Return a new network of a system.

    Parameters
    ----------
    name : one of ``SYSTEMS``. input_size : D. hidden_size : H. dilations : depth and reach, see ``SYSTEMS``.
    cell : for a system that takes one, "rnn" if None; None for the others. options : as in ``Network``.

    Raises
    ------
    ValueError : for an unknown name, for a cell where the system has units of its own, and for settings that the system refuses.

    Examples
    --------
    >>> build("skip", 1, 8, [1, 2, 4, 8], cell="gru", output_size=3).graph().label
    'skip RNN, s = 8'
    """
    system = choose("system", name, SYSTEMS)
    if system.takes_cell:
        options["cell"] = "rnn" if cell is None else cell
    elif cell is not None:
        raise ValueError(f"{name} has units of its own: leave the cell out, got {cell!r}")
    return system.make(input_size, hidden_size, inputs.dilations(dilations), **options)


def hidden_size_for(build: Callable[[int], Network], parameters: int) -> int:
    """Return the largest hidden size whose network has at most ``parameters`` parameters, read-out included.

    Parameters
    ----------
    build : returns the network of a hidden size; its number of parameters must not decrease as the hidden size grows.

    Raises
    ------
    ValueError : if a single hidden unit already takes more.

    Examples
    --------
    >>> size = hidden_size_for(lambda H: build("skip", 10, H, [1, 2, 4], output_size=9, readout="all"), 1000)
    >>> size, build("skip", 10, size, [1, 2, 4], output_size=9, readout="all").num_parameters
    (9, 855)
    """
    parameters = positive_integer("parameters", parameters)
    if parameters > MOST:
        raise ValueError(
            f"parameters must be at most {MOST:,}, got {parameters:,}; for a larger net give its hidden size"
        )

    def count(hidden: int) -> int:
        return build(hidden).num_parameters

    if count(1) > parameters:
        raise ValueError(
            f"parameters must be at least {count(1):,}, which one hidden unit takes, got {parameters:,}; "
            "allow more parameters, or use fewer layers"
        )
    too_many = 2
    while too_many <= parameters and count(too_many) <= parameters:  # a unit takes at least one parameter
        too_many *= 2
    return bisect.bisect_right(range(too_many), parameters, lo=too_many // 2, key=count) - 1
