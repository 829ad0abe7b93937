"""The systems by name, each built from the same few settings, and the hidden size that fits a number of parameters.

For every system ``dilations`` set the depth and the reach of the edges; each entry of ``SYSTEMS`` says how it uses them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..arrays import inputs
from ..arrays.checks import choose, positive_integer
from ..nets.model import DilatedRNN
from ..nets.network import Network
from ..recurrence.cells import Cell
from .clockwork import ClockworkRNN
from .dilated_cnn import DilatedCNN
from .hm_lstm import HMLSTM
from .phased_lstm import PhasedLSTM
from .skip import SkipRNN, plain_rnn

Sizes = int | Sequence[int]


@dataclass(frozen=True)
class System:
    """A kind of network in a comparison.

    Attributes
    ----------
    name : its name on the command line. description : one sentence about its layers.
    takes_cell : whether the cell of its layers can be chosen.
    make : builds it from (input_size, hidden_size, dilations) and the options of ``Network``, with ``cell`` if it takes one.
    """

    name: str
    description: str
    takes_cell: bool
    make: Callable[..., Network]


def _plain(input_size: int, hidden_size: Sizes, dilations: Sequence[int], **options: Any) -> Network:
    return plain_rnn(input_size, hidden_size, len(dilations), **options)


def _skip(input_size: int, hidden_size: Sizes, dilations: Sequence[int], **options: Any) -> Network:
    return SkipRNN(input_size, hidden_size, len(dilations), max(2, *dilations), **options)


def _clockwork(input_size: int, hidden_size: int, dilations: Sequence[int], **options: Any) -> Network:
    if any(slow <= fast for fast, slow in pairwise(dilations)):
        raise ValueError(
            f"dilations of a clockwork RNN are its periods and must increase, got {list(dilations)}; sort them"
        )
    modules = len(dilations)
    rounded = -(-positive_integer("hidden_size", hidden_size) // modules) * modules  # modules are of equal size
    return ClockworkRNN(input_size, rounded, dilations, **options)


def _phased(input_size: int, hidden_size: Sizes, dilations: Sequence[int], **options: Any) -> Network:
    return PhasedLSTM(input_size, hidden_size, len(dilations), **options)


def _multiscale(input_size: int, hidden_size: int, dilations: Sequence[int], **options: Any) -> Network:
    return HMLSTM(input_size, hidden_size, levels=3, **options)


SYSTEMS = {
    system.name: system
    for system in (
        System("dilated", "The dilated RNN: layer l reads its state of dilations[l] steps before.", True, DilatedRNN),
        System("plain", "A stack of equally many ordinary recurrent layers, each of dilation 1.", True, _plain),
        System("skip", "Equally many layers, each with skip connections as long as the largest dilation.", True, _skip),
        System("clockwork", "One clockwork layer; the dilations are the periods of its modules.", False, _clockwork),
        System(
            "phased-lstm", "Equally many LSTM layers; each unit opens with a period that it learns.", False, _phased
        ),
        System("dilated-cnn", "Causal convolutions over two steps, with the same dilations.", False, DilatedCNN),
        System(
            "hm-lstm",
            "Three levels of LSTM that detect the boundaries of segments; the dilations are not used.",
            False,
            _multiscale,
        ),
    )
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
    cell : for a system that takes one, "rnn" if None; None for the others.
    options : output_size, readout, dtype, rng, xp, dropout, input_init, recurrent_init, as in ``DilatedRNN``.

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
    """Return the largest hidden size whose network has at most ``parameters`` parameters.

    Parameters
    ----------
    build : returns the network of a hidden size; its number of parameters must not decrease as the hidden size grows.
    parameters : the largest number of parameters, read-out included.

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

    def fits(hidden: int) -> bool:
        return build(hidden).num_parameters <= parameters

    if not fits(1):
        raise ValueError(
            f"parameters must be at least {build(1).num_parameters:,}, which one hidden unit takes, got {parameters:,}; "
            "allow more parameters, or use fewer layers"
        )
    fitting, too_many = 1, 2
    while too_many <= parameters and fits(too_many):  # a unit takes at least one parameter
        fitting, too_many = too_many, 2 * too_many
    while too_many - fitting > 1:
        middle = (fitting + too_many) // 2
        fitting, too_many = (middle, too_many) if fits(middle) else (fitting, middle)
    return fitting
