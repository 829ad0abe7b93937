"""MNIST read pixel by pixel: the model reads one pixel per time step and classifies the digit after the last one.

Three versions: the pixels row by row (784 steps), the pixels in one fixed random order, and either of them followed by
noise, so that the model has to remember the image across hundreds of uninformative steps. The files by LeCun, Cortes and
Burges are in the IDX format: a header of big-endian integers, then one byte per pixel or label.
"""

from __future__ import annotations

import math
import os

import numpy as np

from ..arrays.checks import positive_integer
from ..arrays.memory import check_memory
from ..arrays.streams import stream
from .base import Batch, Stream, Task
from .epochs import full_batches, shuffled_rows
from .files import DataError, DataFile, read

MIRRORS = ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/")
FILES = {
    name: DataFile(name, sha256, tuple(f"{mirror}{name}.gz" for mirror in MIRRORS), folder="mnist", most=size)
    for name, size, sha256 in (
        ("train-images-idx3-ubyte", 47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        ("train-labels-idx1-ubyte", 60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        ("t10k-images-idx3-ubyte", 7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        ("t10k-labels-idx1-ubyte", 10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    )
}
PIXELS = 28 * 28


class Digits(Task):
    """The ten handwritten digits as sequences: x float32 ``(T, B, 1)`` with values in [0, 1], targets int64 ``(B,)``.

    The last ``held_out`` images of the training file are the validation set and are never trained on. Noise is
    uniform in [0, 1), as in the paper; each validation and test image has its own fixed noise.

    Parameters
    ----------
    permuted : whether the pixels are read in one fixed random order, the same for all images, drawn from ``permutation_seed``.
    length : T in time steps; the steps after the 784 pixels are noise.
    held_out : number of training images held out for validation.
    data_dir : the first folder to search for the four files.

    Attributes
    ----------
    train_images, validation_images, test_images : uint8 ``(N, 28, 28)``, read-only.
    train_labels, validation_labels, test_labels : int64 ``(N,)``.
    pixel_order : int64 ``(784,)``; the pixel read at step t, numbered row by row.

    Raises
    ------
    DataError : a file is damaged, or can neither be found nor downloaded.

    Notes
    -----
    Pixel by pixel, permuted or not: Le, Jaitly and Hinton, *A Simple Way to Initialize Recurrent Networks of Rectified
    Linear Units*, 2015. Followed by noise (T = 1000 and 2000): Chang et al. 2017, section 4.2.
    """

    name = "mnist"
    options: tuple[str, ...] = ("permuted", "permutation_seed", "length", "held_out")
    input_size = 1
    output_size = 10
    readout = "last"
    reads_files = True
    baseline = math.log(10)
    baseline_note = "ln 10: equal probabilities for all digits, since the last step alone is almost uninformative"

    def __init__(
        self,
        permuted: bool = False,
        permutation_seed: int = 0,
        length: int = PIXELS,
        held_out: int = 5000,
        data_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        self.permuted = bool(permuted)
        self.permutation_seed = positive_integer("permutation_seed", permutation_seed, least=0)
        self.length = positive_integer("length", length, least=PIXELS)
        self.held_out = positive_integer("held_out", held_out)
        self.pixel_order = self.random_order(self.permutation_seed) if self.permuted else np.arange(PIXELS)

        images, labels = _load("train", data_dir)
        count = len(images) - self.held_out
        if count < 1:
            raise ValueError(f"held_out must be less than the {len(images):,} training images, got {self.held_out:,}")
        self.train_images, self.validation_images = images[:count], images[count:]
        self.train_labels, self.validation_labels = labels[:count], labels[count:]
        self.test_images, self.test_labels = _load("t10k", data_dir)

    @staticmethod
    def random_order(permutation_seed: int, count: int = PIXELS) -> np.ndarray:
        """Return the permutation of ``count`` pixels for a seed."""
        return stream(permutation_seed, "permutation").permutation(count)

    def steps_per_epoch(self, batch_size: int) -> int:
        """Return the number of full batches per epoch; each epoch leaves the remaining images out."""
        return full_batches(len(self.train_images), batch_size, "images")

    def batches(self, batch_size: int, seed: int = 0) -> Stream:
        """Return the endless training stream for a seed; each epoch has an order of its own."""
        rows_of = shuffled_rows(len(self.train_images), batch_size, seed, "images")
        self._check_memory(batch_size)

        def draw(k: int) -> Batch:
            rows = rows_of(k)
            noise = stream(seed, "noise", k).random((self.length - PIXELS, batch_size), dtype=np.float32)
            return self._sequences(self.train_images[rows], noise), self.train_labels[rows]

        return Stream(draw)

    def held_out_batches(self, part: str, batch_size: int) -> list[Batch]:
        """Return all images in order; each has its own noise, so the sequences do not depend on ``batch_size``."""
        images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
        self._check_memory(len(images))
        batches = []
        for first in range(0, len(images), positive_integer("batch_size", batch_size)):
            rows = range(first, min(first + batch_size, len(images)))
            noise = [stream(0, part, row).random(self.length - PIXELS, dtype=np.float32) for row in rows]
            x = self._sequences(images[rows], np.stack(noise, axis=1))  # noise: (T - 784, B)
            batches.append((x, labels[rows]))
        return batches

    def _check_memory(self, rows: int) -> None:
        """Refuse a length whose sequences, float32 (T, rows, 1), need more memory than the machine has."""
        check_memory(f"length {self.length}", 4 * self.length * rows, f"{rows:,} sequences")

    def _sequences(self, images: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Return images ``(B, 28, 28)`` followed by noise ``(T - 784, B)`` as sequences ``(T, B, 1)``."""
        pixels = images.reshape(len(images), PIXELS)[:, self.pixel_order]  # (B, 784)
        return np.concatenate([pixels.T / np.float32(255), noise])[:, :, np.newaxis]  # (T, B, 1)


def parse_idx(content: bytes, name: str, ndim: int) -> np.ndarray:
    """Return the content of an IDX file of bytes as a read-only uint8 array.

    Parameters
    ----------
    content : the whole file, decompressed. name : the name of the file in errors.
    ndim : the expected number of dimensions: 3 for images, 1 for labels.

    Raises
    ------
    DataError : the magic number is wrong, or the number of bytes does not match the sizes in the header.

    Examples
    --------
    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4]), "labels", ndim=1)
    array([5, 0, 4], dtype=uint8)
    """
    header = 4 * (1 + ndim)  # bytes: the magic number, then one size per dimension
    magic = bytes([0, 0, 8, ndim])  # 8: unsigned bytes
    if len(content) < header or content[:4] != magic:
        raise DataError(
            f"{name} must begin with the magic number {magic.hex()} and {ndim} sizes of 4 bytes (an IDX file of "
            f"unsigned bytes), got {content[:header].hex() or 'an empty file'}; use another copy of it"
        )
    shape = tuple(np.frombuffer(content, dtype=">u4", count=ndim, offset=4).tolist())
    expected, got = math.prod(shape), len(content) - header
    if got != expected:
        raise DataError(f"{name} must hold {expected:,} bytes after its header {shape}, got {got:,}; use another copy")
    try:
        return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)
    except ValueError as error:  # no bytes, but sizes beyond what an array can have
        raise DataError(f"{name} has a damaged header {shape} ({error}); use another copy") from None


def _load(part: str, data_dir: str | os.PathLike[str] | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the images ``(N, 28, 28)`` and the labels ``(N,)`` of ``"train"`` or ``"t10k"``."""
    images_name, labels_name = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
    images = parse_idx(read(FILES[images_name], data_dir), images_name, ndim=3)
    labels = parse_idx(read(FILES[labels_name], data_dir), labels_name, ndim=1).astype(np.int64)
    if images.shape != (len(labels), 28, 28):
        raise DataError(f"{images_name} must hold {len(labels):,} images of 28 x 28, one per label, got {images.shape}")
    if labels.size and labels.max() > 9:
        raise DataError(f"{labels_name} must hold digits 0 to 9, got {labels.max()}")
    return images, labels
