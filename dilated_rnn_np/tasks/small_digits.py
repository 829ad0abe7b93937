"""Digits small enough for minutes: each square of pixels is one time step, so that an image is 196 or 49 steps long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays.checks import positive_integer
from .base import Batch, Stream, Task
from .digits import Digits

SIDE = 28


class SmallDigits(Task):
    """The task ``Digits`` with the mean of each square of pixels in the pixels' place.

    Parameters
    ----------
    block : pixels along a square's side; divides 28. permuted, permutation_seed : as in ``Digits``, of the squares.
    noise : how many steps of noise follow. held_out : how many images validation and test have each.
    data_dir : the folder to look for the files in first.

    Attributes
    ----------
    order : (S,), S = (28 / block)**2: the square that is seen at each step.
    """

    name = "small-mnist"
    input_size, output_size, readout = Digits.input_size, Digits.output_size, Digits.readout
    baseline, baseline_note, reads_files = Digits.baseline, Digits.baseline_note, True

    def __init__(
        self,
        permuted: bool = False,
        permutation_seed: int = 0,
        block: int = 2,
        noise: int = 0,
        held_out: int = 500,
        data_dir: Any = None,
    ) -> None:
        if SIDE % positive_integer("block", block):
            raise ValueError(f"block must divide {SIDE}, got {block}")
        self.across, self.noise = SIDE // block, positive_integer("noise", noise, least=0)
        self.permuted, self.permutation_seed, self.held_out = permuted, permutation_seed, held_out
        self.digits = Digits(length=SIDE * SIDE + noise, held_out=held_out, data_dir=data_dir)
        self.digits.test_images = self.digits.test_images[:held_out]
        self.digits.test_labels = self.digits.test_labels[:held_out]
        squares = self.across**2
        self.data_note = (
            f"images of {self.across} x {self.across} means, {squares} steps"
            + (f" and {self.noise} of noise" if self.noise else "")
            + f"; the first {held_out} test images"
        )
        self.order = np.random.default_rng(permutation_seed).permutation(squares) if permuted else np.arange(squares)

    def batches(self, batch_size: int, seed: int = 0) -> Stream:
        """Return the endless training stream for a seed."""
        whole = self.digits.batches(batch_size, seed)
        return Stream(lambda k: self._small(whole.draw(k)))

    def steps_per_epoch(self, batch_size: int) -> int:
        """Return how many full batches an epoch has."""
        return self.digits.steps_per_epoch(batch_size)

    def validation(self, batch_size: int) -> Sequence[Batch]:
        """Return the held-out training images."""
        return [self._small(batch) for batch in self.digits.validation(batch_size)]

    def test(self, batch_size: int) -> Sequence[Batch]:
        """Return the first of the test images."""
        return [self._small(batch) for batch in self.digits.test(batch_size)]

    def settings(self) -> dict[str, Any]:
        """Return what tells two such tasks apart."""
        own = {"permuted": self.permuted, "permutation_seed": self.permutation_seed}
        return {"name": self.name, **own, "block": SIDE // self.across, "noise": self.noise, "held_out": self.held_out}

    def _small(self, batch: Batch) -> Batch:
        """Return a batch with the image's steps as means over squares: x (784 + noise, B, 1) -> (S + noise, B, 1)."""
        x, labels = batch
        n, block = self.across, SIDE // self.across
        squares = x[: SIDE * SIDE].reshape(n, block, n, block, -1).mean(axis=(1, 3))  # (n, n, B)
        ordered = squares.reshape(n * n, -1, 1)[self.order]  # (S, B, 1)
        return np.concatenate([ordered, x[SIDE * SIDE :]]), labels
