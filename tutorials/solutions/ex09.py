"""Solutions of tutorial 9: pixel by pixel."""

import numpy as np


def pixels_to_sequence(images, order):
    """Return images (B, 28, 28) of bytes as sequences x (T, B, 1) in [0, 1]; at step t the net sees pixel order[t]."""
    pixels = images.reshape(len(images), -1)  # (B, 784), row by row
    return pixels[:, order].T[:, :, np.newaxis] / 255  # (T, B, 1)


def sequence_to_images(x, order):
    """Return the images (B, 28, 28), in [0, 1], that were shown as x (T, B, 1)."""
    pixels = np.empty((x.shape[1], len(order)))  # (B, 784)
    pixels[:, order] = x[:, :, 0].T
    return pixels.reshape(-1, 28, 28)


def cross_entropy(logits, targets):
    """Return the mean loss and its gradient, from logits (B, O) and targets (B,)."""
    B = len(logits)
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))  # the largest is exp(0) = 1: nothing overflows
    p = exp / exp.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(B), targets]).mean()
    dlogits = p.copy()
    dlogits[np.arange(B), targets] -= 1
    return loss, dlogits / B


def confusion(targets, predictions, classes):
    """Return counts (classes, classes), row the target and column the prediction, and the accuracy of each class."""
    counts = np.zeros((classes, classes))
    for target, prediction in zip(targets, predictions, strict=True):
        counts[target, prediction] += 1
    return counts, np.diag(counts) / counts.sum(axis=1)
