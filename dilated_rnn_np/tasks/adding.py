"""The adding problem: sum the two marked numbers of a long random sequence.

Each step has a number, uniform in [0, 1), and a mark. The mark is 1 at one step of the first half and at one step of the
second half, and 0 elsewhere. The target is the sum of the two marked numbers (after Hochreiter and Schmidhuber 1997, section
5.4; in this form Le, Jaitly and Hinton 2015, section 4.1, and Arjovsky, Shah and Bengio 2016, section 4.2).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.checks import positive_integer
from .base import Batch, mean_over_positions
from .synthetic import Synthetic


class Adding(Synthetic):
    """The adding problem over T steps, a regression: inputs (T, B, 2), targets (B, 1), mean squared error.

    Parameters
    ----------
    T : sequence length, at least 2.

    Examples
    --------
    >>> x, targets = Adding(T=6).draw(np.random.default_rng(0), batch_size=4)
    >>> bool(np.allclose((x[..., 0] * x[..., 1]).sum(axis=0), targets[:, 0]))
    True
    """

    name = "adding"
    input_size = 2
    output_size = 1
    readout = "last"
    loss = "mean_squared_error"
    metric_name = "within_0.1"
    baseline = 1 / 6
    baseline_note = "memoryless baseline 1/6, the variance of the sum: always predicting its mean, 1"

    def __init__(self, T: int = 200) -> None:
        self.T = positive_integer("T", T, least=2)

    def draw(self, rng: np.random.Generator, batch_size: int) -> Batch:
        """Return one batch: x (T, B, 2) and targets (B, 1), float32."""
        rows, half = np.arange(batch_size), self.T // 2
        numbers = rng.random((self.T, batch_size))
        marks = np.zeros_like(numbers)
        marks[rng.integers(0, half, batch_size), rows] = 1
        marks[rng.integers(half, self.T, batch_size), rows] = 1
        targets = (numbers * marks).sum(axis=0)[:, None]  # (T, B) -> (B, 1)
        return np.stack([numbers, marks], axis=-1).astype(np.float32), targets.astype(np.float32)  # (T, B, 2)

    def metric(self, output: Any, targets: Any, lengths: Any = None, weights: Any = None) -> Any:
        """Return the weighted share of sums that are predicted to within 0.1."""
        close = (abs(output - targets) < 0.1).all(axis=-1)  # (B, 1) -> (B,)
        return mean_over_positions(close, lengths, weights)
