"""The base class of the compared systems, and the sizes of layers on top of each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ..arrays import inputs
from ..arrays.checks import positive_integer
from ..nets.network import Network

Sizes = int | Sequence[int]  # one for all layers, or one per layer


class ComparedSystem(Network):
    """A network whose number of layers is named; a subclass builds the layers."""

    @property
    def num_layers(self) -> int:
        """The number L of layers."""
        return len(self.layers)


def layer_sizes(input_size: int, hidden_size: Sizes, num_layers: int) -> list[tuple[int, int]]:
    """Return the input size and the hidden size of each layer; a layer reads the outputs of the one below it.

    Parameters
    ----------
    input_size : D. hidden_size : H, one for all layers or a list with one per layer. num_layers : L.

    Examples
    --------
    >>> layer_sizes(3, [8, 4], 2)
    [(3, 8), (8, 4)]
    """
    sizes = inputs.hidden_sizes(hidden_size, positive_integer("num_layers", num_layers))
    return list(pairwise([positive_integer("input_size", input_size), *sizes]))
