"""MNIST at a lower resolution, for quick experiments: one time step per square of pixels, so 196 or 49 steps per image."""

from __future__ import annotations

import os

import numpy as np

from ..arrays.checks import positive_integer
from .digits import PIXELS, Digits

SIDE = 28


class SmallDigits(Digits):
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

    def __init__(
        self,
        permuted: bool = False,
        permutation_seed: int = 0,
        block: int = 2,
        noise: int = 0,
        held_out: int = 500,
        data_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        self.block, self.noise = positive_integer("block", block), positive_integer("noise", noise, least=0)
        if SIDE % block:
            raise ValueError(f"block must divide {SIDE}, got {block}")
        super().__init__(False, permutation_seed, PIXELS + self.noise, held_out, data_dir)
        self.permuted, across = bool(permuted), SIDE // block
        self.test_images, self.test_labels = self.test_images[:held_out], self.test_labels[:held_out]
        self.order = self.random_order(permutation_seed, across**2) if permuted else np.arange(across**2)
        size = f"{across} x {across} means, {across**2} steps" + (f" and {noise} of noise" if noise else "")
        self.data_note = f"images of {size}; the first {held_out} test images"

    def _sequences(self, images: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Return images and noise as in ``Digits``, the pixels averaged over squares: (S + noise, B, 1)."""
        x, block, across = super()._sequences(images, noise), self.block, SIDE // self.block
        squares = x[:PIXELS].reshape(across, block, across, block, -1).mean(axis=(1, 3))  # (across, across, B)
        ordered = squares.reshape(across**2, -1, 1)[self.order]  # (S, B, 1)
        return np.concatenate([ordered, x[PIXELS:]])
