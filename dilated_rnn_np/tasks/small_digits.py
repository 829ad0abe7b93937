"""MNIST at a lower resolution, for quick experiments: one time step per square of pixels, so 196 or 49 steps per image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays.checks import positive_integer
from .base import Batch, Stream, Task
from .digits import PIXELS, Digits

SIDE = 28


class SmallDigits(Task):
    """The task ``Digits`` with each square of pixels replaced by its mean.

    Parameters
    ----------
    block : side of a square in pixels; must divide 28. permuted, permutation_seed : as in ``Digits``, for the squares.
    noise : number of noise steps after the image. held_out : number of validation images, and of test images.
    data_dir : the first folder to search for the files.

    Attributes
    ----------
    order : (S,), S = (28 / block)**2; the square read at each step.
    """

    name = "small-mnist"
    options = ("permuted", "permutation_seed", "block", "noise", "held_out")
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
        self.block, self.noise = positive_integer("block", block), positive_integer("noise", noise, least=0)
        if SIDE % block:
            raise ValueError(f"block must divide {SIDE}, got {block}")
        self.permuted, self.permutation_seed, self.held_out = permuted, permutation_seed, held_out
        self.digits = Digits(length=PIXELS + self.noise, held_out=held_out, data_dir=data_dir)
        self.digits.test_images = self.digits.test_images[:held_out]
        self.digits.test_labels = self.digits.test_labels[:held_out]
        across = SIDE // block
        noise_note = f" and {self.noise} of noise" if self.noise else ""
        self.data_note = (
            f"images of {across} x {across} means, {across**2} steps{noise_note}; the first {held_out} test images"
        )
        self.order = Digits.random_order(permutation_seed, across**2) if permuted else np.arange(across**2)

    def batches(self, batch_size: int, seed: int = 0) -> Stream:
        """Return the endless training stream for a seed."""
        full_size = self.digits.batches(batch_size, seed)
        return Stream(lambda k: self._small(full_size.draw(k)))

    def steps_per_epoch(self, batch_size: int) -> int:
        """Return the number of full batches per epoch."""
        return self.digits.steps_per_epoch(batch_size)

    def validation(self, batch_size: int) -> Sequence[Batch]:
        """Return the validation images, which are never trained on."""
        return [self._small(batch) for batch in self.digits.validation(batch_size)]

    def test(self, batch_size: int) -> Sequence[Batch]:
        """Return the first ``held_out`` test images."""
        return [self._small(batch) for batch in self.digits.test(batch_size)]

    def _small(self, batch: Batch) -> Batch:
        """Return a batch with the pixels averaged over squares: x (784 + noise, B, 1) -> (S + noise, B, 1)."""
        x, labels = batch
        block, across = self.block, SIDE // self.block
        squares = x[:PIXELS].reshape(across, block, across, block, -1).mean(axis=(1, 3))  # (across, across, B)
        ordered = squares.reshape(across**2, -1, 1)[self.order]  # (S, B, 1)
        return np.concatenate([ordered, x[PIXELS:]]), labels
