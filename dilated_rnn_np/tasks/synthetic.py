"""The common part of synthetic tasks: training, validation and test sequences are all drawn by one method."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from ..arrays.checks import positive_integer
from ..arrays.streams import stream
from .base import Batch, Stream, Task


class Synthetic(Task):
    """A task over randomly drawn sequences; a subclass implements ``draw``.

    Attributes
    ----------
    T : the length that makes the task hard, in time steps.
    """

    options = ("T",)
    T: int

    @abstractmethod
    def draw(self, rng: np.random.Generator, batch_size: int) -> Batch:
        """Return one batch ``(x, targets)``: x (time steps, B, D), targets (B, …), or (time steps, B) with readout "all"."""

    def batches(self, batch_size: int, seed: int = 0) -> Stream:
        """Return the endless training stream for a seed."""
        batch_size, seed = positive_integer("batch_size", batch_size), positive_integer("seed", seed, least=0)
        return Stream(lambda k: self.draw(stream(seed, "batches", k), batch_size))

    def validation(self, batch_size: int) -> Sequence[Batch]:
        """Return 512 fixed sequences, which no training seed draws."""
        return self._held_out("validation", 512, batch_size)

    def test(self, batch_size: int) -> Sequence[Batch]:
        """Return 2,048 fixed sequences, different from those for validation."""
        return self._held_out("test", 2048, batch_size)

    def _held_out(self, purpose: str, count: int, batch_size: int) -> list[Batch]:
        """Return ``count`` sequences in batches of at most ``batch_size``; they do not depend on the batch size."""
        x, targets = self.draw(stream(0, purpose), count)
        cuts = range(positive_integer("batch_size", batch_size), count, batch_size)
        batch_axis = 1 if self.readout == "all" else 0  # of the targets
        return list(zip(np.split(x, cuts, axis=1), np.split(targets, cuts, axis=batch_axis), strict=True))
