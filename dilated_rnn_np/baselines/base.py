"""The base class of the compared systems, and the sizes of layers on top of each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..arrays import inputs
from ..arrays.checks import positive_integer
from ..nets.network import Network

Sizes = int | Sequence[int]  # one for all layers, or one per layer


class ComparedSystem(Network):
    """A network that names the arguments of its constructor; a subclass builds the layers.

    Attributes
    ----------
    settings : the names of the arguments besides the sizes and the options of ``Network``; each is also an attribute.
    """

    settings: tuple[str, ...] = ()

    @property
    def num_layers(self) -> int:
        """The number L of layers."""
        return len(self.layers)

    def config(self) -> dict[str, Any]:
        """Return the arguments that build a model of the same architecture, as plain numbers and words."""
        own = {name: getattr(self, name) for name in self.settings}
        sizes = {"input_size": self.input_size, "hidden_size": list(self.hidden_sizes)}
        return sizes | {name: list(v) if isinstance(v, tuple) else v for name, v in own.items()} | super().config()


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
