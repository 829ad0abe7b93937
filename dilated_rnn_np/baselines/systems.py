"""The systems by name, each built from the same few settings, and the hidden size that gives them equally many parameters.

``dilations`` say for every system how deep it is and how far its edges reach; each entry below says what it makes of them.
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
MOST = 10**8  # parameters for which ``hidden_size_for`` builds nets; those it tries hold up to four times as many


@dataclass(frozen=True)
class System:
    """A kind of network that others are compared with.

    Attributes
    ----------
    name : what it is called on the command line. description : one sentence that says what it is.
    takes_cell : whether its layers are made of a cell of choice.
    make : from (input_size, hidden_size, dilations) and the options of ``Network``, with ``cell`` where it takes one.
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
            f"dilations of a clockwork RNN, its modules' periods, must grow, got {list(dilations)}; sort them"
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
        System("dilated", "The dilated RNN: layer l sees its state of dilation[l] steps before.", True, DilatedRNN),
        System("plain", "A stack of as many ordinary recurrent layers, each of dilation 1.", True, _plain),
        System("skip", "As many layers, each with skip connections as long as the largest dilation.", True, _skip),
        System(
            "clockwork", "One clockwork layer, whose modules have the dilations as their periods.", False, _clockwork
        ),
        System("phased-lstm", "As many LSTM layers, whose units open in rhythms that they learn.", False, _phased),
        System("dilated-cnn", "Causal convolutions over two steps, of the same dilations.", False, DilatedCNN),
        System(
            "hm-lstm",
            "Three levels of LSTM that find the boundaries of segments, whatever the dilations.",
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
    name : one of ``SYSTEMS``. input_size : D. hidden_size : H. dilations : how deep and how far, see ``SYSTEMS``.
    cell : for the systems that take one, "rnn" if None; for the others None.
    options : output_size, readout, dtype, rng, xp, dropout, input_init, recurrent_init, as in ``DilatedRNN``.

    Raises
    ------
    ValueError : for an unknown name, a cell where the system has its own, and what the system itself refuses.

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
    """Return the largest hidden size whose network has at most so many parameters.

    Parameters
    ----------
    build : from a hidden size to a network, whose number of parameters does not fall as the hidden size grows.
    parameters : how many there may be, read-out included.

    Raises
    ------
    ValueError : where a single hidden unit already takes more.

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

    def fits(hidden: int) -> bool:
        return build(hidden).num_parameters <= parameters

    if not fits(1):
        raise ValueError(
            f"parameters must be at least {build(1).num_parameters:,}, which one hidden unit takes, got {parameters:,}; "
            "allow more, or make the net less deep"
        )
    fitting, too_many = 1, 2
    while too_many <= parameters and fits(too_many):  # a unit takes at least one parameter
        fitting, too_many = too_many, 2 * too_many
    while too_many - fitting > 1:
        middle = (fitting + too_many) // 2
        fitting, too_many = (middle, too_many) if fits(middle) else (fitting, middle)
    return fitting
