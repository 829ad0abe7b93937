"""The cache: all that a backward pass needs of its forward pass. Nothing hides on the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..arrays.backend import Array
from ..recurrence.cells import Cell
from . import workspace
from .embedding import EmbeddingCache
from .layers import Ends
from .readout import ReadoutCache


def signature(model: Any) -> tuple[Any, ...]:
    """Return what two models must share for the cache of one to serve the other: all settings and sizes, and the cell's.

    Cells are compared by name and options, so that copies of a model are as good as the model.
    """
    layers = [{k: v for k, v in vars(layer).items() if not isinstance(v, Cell)} for layer in model.layers]
    return repr(model), model.xp.__name__, layers, model.cell and (model.cell.name, model.cell.options())


@dataclass(eq=False, repr=False)
class Cache:
    """What ``DilatedRNN.backward`` needs; it owns its buffers until it is released or dropped.

    Then they wait in the workspace and the next forward pass writes into them: copy what you take out of a cache to keep.
    """

    model: str
    signature: tuple[Any, ...]
    x_shape: tuple[int, int, int]
    ends: Ends
    dtype: np.dtype
    split: bool  # whether a layer is run by several threads
    key: Any  # of the workspace
    output_shape: tuple[int, ...] = ()  # set last
    layers: list[Any] = field(default_factory=list)
    masks: list[Array | None] = field(default_factory=list)  # dropout's, one a layer, (H, T*B)
    embedding: EmbeddingCache | None = None
    readout: ReadoutCache | None = None
    released: bool = False

    def release(self) -> None:
        """Give the buffers to the workspace; backward can no longer be called on this cache."""
        self.embedding, self.readout, self.masks, self.released = None, None, [], True
        if self.output_shape:  # else the forward pass ended early, by an error
            workspace.keep(self.key, self)
        self.layers = []

    def __del__(self) -> None:
        if not self.released and workspace is not None:  # modules are gone when the interpreter stops
            self.release()
