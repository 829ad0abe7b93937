"""Exercises of tutorial 9: pixel by pixel."""

import numpy as np
from solutions import ex09 as solutions

from . import Exercise, Mistake


def digits(rng):
    return rng.integers(0, 256, (3, 28, 28)).astype(np.uint8), rng.permutation(784)


def sequences(rng):
    images, order = digits(rng)
    return solutions.pixels_to_sequence(images, order), order


def scores(rng):
    logits = 2 * rng.standard_normal((4, 5))
    logits[0] += 1000  # softmax does not change, but exp(1000) is infinite
    return logits, rng.integers(0, 5, 4)


def answers(rng):
    targets = rng.permutation(np.concatenate([np.arange(4), rng.integers(0, 4, 16)]))
    return targets, np.where(rng.random(20) < 0.5, targets, rng.integers(0, 4, 20)), 4


def mixed_axes(images, order):
    return images.reshape(len(images), -1)[:, order].reshape(784, len(images), 1) / 255


def loss_and_gradient(logits, targets, *, shift=True, mean=(True, True), one_hot=1.0, sign=1, axis=1):
    """The loss and its gradient with one thing changed."""
    B, rows = len(logits), np.arange(len(logits))
    with np.errstate(all="ignore"):
        exp = np.exp(logits - (logits.max(axis=axis, keepdims=True) if shift else 0))
        p = exp / exp.sum(axis=axis, keepdims=True)
        loss = -np.log(p[rows, targets]).sum() / (B if mean[0] else 1)
    dlogits = p.copy()
    dlogits[rows, targets] -= one_hot
    return loss, sign * dlogits / (B if mean[1] else 1)


def with_change(**changes):
    return lambda *arguments: loss_and_gradient(*arguments, **changes)


def counted_once(targets, predictions, classes):
    counts = np.zeros((classes, classes))
    counts[targets, predictions] += 1
    return counts, np.diag(counts) / counts.sum(axis=1)


def of_predictions(targets, predictions, classes):
    counts, _ = solutions.confusion(targets, predictions, classes)
    return counts, np.diag(counts) / np.maximum(counts.sum(axis=0), 1)


def of_all(targets, predictions, classes):
    counts, _ = solutions.confusion(targets, predictions, classes)
    return counts, np.diag(counts) / counts.sum()


EXERCISES = {
    "9.1": Exercise(
        solutions.pixels_to_sequence,
        digits,
        ["x"],
        [
            Mistake(
                lambda images, order: 255 * solutions.pixels_to_sequence(images, order),
                "the pixels are still bytes, 0 to 255: divide by 255.",
            ),
            Mistake(
                lambda images, order: solutions.pixels_to_sequence(images, np.arange(784)),
                "the pixels come row by row: order is not used.",
            ),
            Mistake(
                lambda images, order: solutions.pixels_to_sequence(images, np.argsort(order)),
                "this is the inverse order: step t shows pixel order[t], you put pixel t at step order[t].",
            ),
            Mistake(
                mixed_axes,
                "reshape has mixed the images: it does not swap axes. From (B, 784) to (784, B) it takes a transpose.",
            ),
        ],
        [
            "flatten each image first: (B, 28, 28) becomes (B, 784) with reshape.",
            "pixels[:, order] puts the pixels of every image in order; then time has to become the first axis.",
            "return pixels[:, order].T[:, :, np.newaxis] / 255.",
        ],
    ),
    "9.2": Exercise(
        solutions.sequence_to_images,
        sequences,
        ["images"],
        [
            Mistake(
                lambda x, order: solutions.sequence_to_images(x, np.argsort(order)),
                "the order is applied a second time and not undone: what came at step t belongs at pixel order[t].",
            ),
            Mistake(
                lambda x, order: solutions.sequence_to_images(x, np.arange(784)),
                "the pixels stay where they came: order is not used.",
            ),
            Mistake(
                lambda x, order: x[np.argsort(order)].reshape(-1, 28, 28),
                "reshape has mixed the images: x is time-major, so bring the batch to the front with a transpose first.",
            ),
            Mistake(
                lambda x, order: solutions.sequence_to_images(x, order).transpose(0, 2, 1),
                "rows and columns are swapped: pixels are counted row by row.",
            ),
        ],
        [
            "step t holds pixel order[t], so it has to be written to place order[t].",
            "pixels = np.empty((B, 784)); then pixels[:, order] = … is an assignment to places.",
            "the right side is x[:, :, 0].T, (B, 784); return pixels.reshape(-1, 28, 28).",
        ],
    ),
    "9.3": Exercise(
        solutions.cross_entropy,
        scores,
        ["loss", "dlogits"],
        [
            Mistake(
                with_change(shift=False),
                "exp overflows where logits are large: take the largest of each row away first; the softmax stays the same.",
            ),
            Mistake(
                lambda logits, targets: loss_and_gradient(logits - logits.max(), targets, shift=False),
                "a row underflows: take away the largest of each row (axis=1, keepdims=True), not the largest of all.",
            ),
            Mistake(with_change(sign=-1), "dlogits has the wrong sign: it is softmax minus one-hot."),
            Mistake(with_change(one_hot=0.0), "dlogits is the softmax alone: take 1 away at the target."),
            Mistake(
                with_change(mean=(True, False)),
                "the loss is a mean over the batch, but its gradient is not: divide dlogits by B too.",
            ),
            Mistake(with_change(mean=(False, False)), "both are sums over the batch; the mean is wanted: divide by B."),
            Mistake(
                with_change(axis=0),
                "the softmax runs over the batch: the probabilities of one row (axis 1) have to add up to 1.",
            ),
        ],
        [
            "softmax first: p = exp / exp.sum(axis=1, keepdims=True), with exp = np.exp(logits - the largest of each row).",
            "the loss is the mean of -log p[b, targets[b]]: p[np.arange(B), targets] picks those numbers.",
            "dlogits = (p - one_hot) / B.",
        ],
    ),
    "9.4": Exercise(
        solutions.confusion,
        answers,
        ["counts", "accuracy"],
        [
            Mistake(
                lambda targets, predictions, classes: solutions.confusion(predictions, targets, classes),
                "counts is turned over: rows are targets, columns are predictions.",
            ),
            Mistake(
                counted_once,
                "counts[targets, predictions] += 1 counts each pair once, however often it comes: loop, or use np.add.at.",
            ),
            Mistake(
                of_predictions,
                "counts is right; the accuracy of a class is over its targets (the row), you divide by its predictions.",
            ),
            Mistake(
                of_all,
                "counts is right; the accuracy of a class is over the images of that class, you divide by all images.",
            ),
        ],
        [
            "start from zeros of (classes, classes) and add 1 for each pair of target and prediction.",
            "what is right lies on the diagonal: np.diag(counts).",
            "accuracy = np.diag(counts) / counts.sum(axis=1): the hits of each row over all of the row.",
        ],
    ),
}
