"""The common part of synthetic tasks: training, validation and test sequences are all drawn by one method."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from ..arrays.checks import positive_integer
from ..arrays.memory import check_memory
from ..arrays.streams import stream
from .base import Batch, Stream, Task


class Synthetic(Task):
    """A task over randomly drawn sequences, with 512 for validation and 2,048 for tests; a subclass implements ``draw``."""

    options = ("T",)
    T: int  # the length that makes the task hard, in time steps

    @abstractmethod
    def draw(self, rng: np.random.Generator, batch_size: int) -> Batch:
        """Return one batch ``(x, targets)``: x (time steps, B, D), targets (B, …), or (time steps, B) with readout "all"."""

    def batches(self, batch_size: int, seed: int = 0) -> Stream:
        """Return the endless training stream for a seed."""
        batch_size, seed = positive_integer("batch_size", batch_size), positive_integer("seed", seed, least=0)
        self._check_memory(batch_size)
        return Stream(lambda k: self.draw(stream(seed, "batches", k), batch_size))

    def held_out_batches(self, part: str, batch_size: int) -> list[Batch]:
        """Return fixed sequences in batches of at most ``batch_size``; no training seed draws them."""
        count = 512 if part == "validation" else 2048
        batch_size = positive_integer("batch_size", batch_size)
        self._check_memory(count)
        x, targets = self.draw(stream(0, part), count)
        cuts = range(batch_size, count, batch_size)
        batch_axis = 1 if self.readout == "all" else 0  # of the targets
        return list(zip(np.split(x, cuts, axis=1), np.split(targets, cuts, axis=batch_axis), strict=True))

    def _check_memory(self, rows: int) -> None:
        """Refuse a length whose sequences, float32 (T, rows, D), need more memory than the machine has."""
        larger = f"T {self.T}" if rows <= self.T else f"batch_size {rows}"
        check_memory(larger, 4 * self.T * rows * self.input_size, f"{rows:,} sequences of {self.T:,} steps")
