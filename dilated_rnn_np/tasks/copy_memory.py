"""The copy-memory task: remember ten symbols over T blank steps, then reproduce them.

A sequence of T + 20 steps holds 10 random symbols out of 8, then blanks, with a marker at step T + 10 that asks for the
symbols. The target is blank up to that step and the ten symbols after it (Hochreiter and Schmidhuber 1997; in this form
Arjovsky, Shah and Bengio 2016, section 4.1; used by Chang et al. 2017, section 4.1). The memoryless baseline knows when
to output symbols, but guesses them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays.checks import positive_integer
from .base import Batch
from .synthetic import Synthetic

SYMBOLS, BLANK, MARKER = 8, 8, 9  # symbols are 0..7
RECALL = 10  # symbols per sequence


class CopyMemory(Synthetic):
    """Copy memory over T blank steps; inputs are one-hot, (T + 20, B, 10), targets classes 0..8, (T + 20, B).

    Parameters
    ----------
    T : time steps between the symbols and their recall, at least 1.

    Examples
    --------
    >>> task = CopyMemory(T=3)
    >>> x, targets = task.draw(np.random.default_rng(0), batch_size=1)
    >>> "".join("01234567_!"[i] for i in x[:, 0].argmax(axis=-1))
    '6542200016__!__________'
    >>> "".join("01234567_"[i] for i in targets[:, 0])
    '_____________6542200016'
    >>> round(task.baseline, 4)  # 10 ln 8 / 23
    0.9041
    """

    name = "copy-memory"
    input_size = SYMBOLS + 2
    output_size = SYMBOLS + 1
    readout = "all"
    metric_name = "recall"
    baseline_note = (
        "memoryless baseline 10 ln 8 / (T + 20), mean over all T + 20 steps: blanks are known, ten symbols guessed"
    )

    def __init__(self, T: int = 100) -> None:
        self.T = positive_integer("T", T)
        self.baseline = RECALL * math.log(SYMBOLS) / (self.T + 2 * RECALL)

    def draw(self, rng: np.random.Generator, batch_size: int) -> Batch:
        """Return one batch: x (T + 20, B, 10) float32 and targets (T + 20, B)."""
        steps = self.T + 2 * RECALL
        symbols = rng.integers(0, SYMBOLS, (RECALL, batch_size))
        tokens = np.full((steps, batch_size), BLANK)
        tokens[:RECALL] = symbols
        tokens[steps - RECALL - 1] = MARKER
        targets = np.full((steps, batch_size), BLANK)
        targets[-RECALL:] = symbols
        return np.eye(self.input_size, dtype=np.float32)[tokens], targets  # (T + 20, B) -> (T + 20, B, 10)

    def metric(self, output: Any, targets: Any, lengths: Any = None, weights: Any = None) -> Any:
        """Return the recall: the weighted share of correct predictions among the positions whose target is a symbol."""
        symbols = targets != BLANK  # (T + 20, B)
        return super().metric(output, targets, lengths, symbols if weights is None else symbols * weights)
