"""Pictures of data and of trained models: states and gates over time, confusion matrices, digits as sequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from .style import COLOURS, checked_axes

SIGMOIDS = ("i", "f", "o", "r", "z")  # gates between 0 and 1; other arrays are drawn symmetrically around 0


def hidden_states(layer: Mapping[str, np.ndarray], name: str = "h", row: int = 0, ax: Any = None) -> Any:
    """Draw one of a layer's arrays over time, as a mesh (H, T).

    Parameters
    ----------
    layer : one entry of the list from ``memory.activations``: arrays (T, B, H) by name.
    name : "h", or a gate such as "f". row : the batch row to draw.

    Examples
    --------
    >>> hidden_states({"h": np.zeros((6, 1, 3))}).get_array().shape
    (3, 6)
    """
    ax = checked_axes(ax)
    if name not in layer:
        raise ValueError(f"name must be one of {', '.join(layer)}, got {name!r}")
    values = np.asarray(layer[name])[:, row].T  # (T, B, H) -> (H, T)
    largest = max(1.0, float(abs(values).max()))
    lowest, colours = (0, "cividis") if name in SIGMOIDS else (-largest, "RdBu_r")
    units, times = (np.arange(n + 1) - 0.5 for n in values.shape)
    mesh = ax.pcolormesh(times, units, values, rasterized=True, cmap=colours, vmin=lowest, vmax=largest)
    ax.set(xlabel="time step", ylabel=f"unit of {name}")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.figure.colorbar(mesh, ax=ax, label=name)
    return mesh


def confusion(
    targets: np.ndarray, predictions: np.ndarray, labels: Sequence[str] | None = None, ax: Any = None
) -> np.ndarray:
    """Draw the confusion matrix, coloured by the share of each target class, and return the counts, (target, prediction).

    ``targets`` and ``predictions`` hold one class per sample; ``labels`` name the classes, by default by their numbers.

    >>> confusion(np.array([0, 1, 1]), np.array([0, 1, 0])).tolist()
    [[1, 0], [1, 1]]
    """
    ax = checked_axes(ax, 5.6, 5.0)
    targets, predictions = np.asarray(targets), np.asarray(predictions)
    if targets.shape != predictions.shape or targets.ndim != 1 or not targets.size:
        shapes = f"{targets.shape} and {predictions.shape}"
        raise ValueError(f"targets and predictions must be equally long lists, got shapes {shapes}")
    if targets.dtype.kind not in "iu" or predictions.dtype.kind not in "iu":
        raise TypeError(f"targets and predictions must be whole numbers, got {targets.dtype} and {predictions.dtype}")
    lowest, highest = min(targets.min(), predictions.min()), max(targets.max(), predictions.max())
    names = [str(k) for k in range(highest + 1)] if labels is None else list(labels)
    classes = len(names)
    if lowest < 0 or highest >= classes:
        raise ValueError(f"targets and predictions must lie in 0..{classes - 1}, got {lowest} to {highest}")
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (targets, predictions), 1)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, cmap="cividis", vmin=0, vmax=1)
    for (i, j), count in np.ndenumerate(counts):
        if count:
            ax.text(j, i, count, ha="center", va="center", fontsize=8, color="black" if share[i, j] > 0.5 else "white")
    ax.set_xticks(range(classes), names)
    ax.set_yticks(range(classes), names)
    ax.set(xlabel="prediction", ylabel="target")
    return counts


def digits_as_sequences(images: np.ndarray, pixel_order: np.ndarray, count: int = 3, ax: Any = None) -> list[Any]:
    """Draw the first digits beside the sequences that the model reads, two lines each: pixels row by row, then permuted.

    ``images`` are uint8 (N, 28, 28); ``pixel_order`` is (784,), as ``Digits.pixel_order`` of a permuted task.

    >>> lines = digits_as_sequences(np.zeros((1, 28, 28), "uint8"), np.arange(784)[::-1], count=1)
    >>> [len(line.get_ydata()) for line in lines]
    [784, 784]
    """
    images = np.asarray(images)
    if images.ndim != 3 or images.shape[1:] != (28, 28) or len(images) < count:
        raise ValueError(f"images must have shape (N, 28, 28) with N of at least {count}, got shape {images.shape}")
    ax = checked_axes(ax, 9.0, 1.3 * count)
    ax.set_axis_off()
    lines = []
    for i, image in enumerate(images[:count]):
        low, high = 1 - (i + 1) / count, 0.86 / count
        picture = ax.inset_axes((0.0, low, 0.1, high))
        picture.imshow(image, cmap="gray_r", vmin=0, vmax=255)
        picture.set_axis_off()
        pixels = image.reshape(784) / 255
        for j, (title, values) in enumerate((("row by row", pixels), ("permuted", pixels[pixel_order]))):
            inner = ax.inset_axes((0.14 + 0.44 * j, low, 0.41, high))
            lines += inner.plot(values, color=COLOURS[j], linewidth=0.6)
            inner.set(xlim=(0, 784), ylim=(-0.05, 1.05), yticks=[])
            inner.spines[["top", "right", "left"]].set_visible(False)
            if i == 0:
                inner.set_title(title, fontsize=10)
            if i < count - 1:
                inner.set_xticks([])
            else:
                inner.set_xlabel("time step", fontsize=9)
    return lines
