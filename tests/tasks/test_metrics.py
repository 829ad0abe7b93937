"""Metrics are weighted means over the counted positions: padding and positions of weight 0 have no effect."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dilated_rnn_np.tasks import BY_NAME, Adding, Characters, CopyMemory, Digits
from dilated_rnn_np.tasks.base import mean_over_positions
from dilated_rnn_np.tasks.copy_memory import BLANK


def value_at(kind, output, target):
    """The metric of one position: output (O,), and a class, or (O,) for a regression."""
    if kind is Adding:
        return float(abs(output[0] - target[0]) < 0.1)
    if kind is Characters:
        return -math.log2(math.exp(output[target]) / sum(map(math.exp, output)))
    return float(output.argmax() == target)


def batch_for(kind, positions, rng):
    """Outputs and targets that agree at about half of all positions."""
    output = rng.standard_normal((*positions, 1 if kind is Adding else 9))
    if kind is Adding:
        return output, output + rng.choice([0.05, 0.2], output.shape)
    targets = np.where(rng.random(positions) < 0.5, output.argmax(axis=-1), rng.integers(0, 9, positions))
    return output, targets


@pytest.mark.parametrize("kind", BY_NAME.values(), ids=BY_NAME)
@given(T=st.integers(1, 6), B=st.integers(1, 4), ragged=st.booleans(), weighted=st.booleans(), seed=st.integers(0, 999))
def test_every_metric_is_the_weighted_mean_over_the_counted_positions(kind, T, B, ragged, weighted, seed):
    rng = np.random.default_rng(seed)
    positions = (T, B) if kind.readout == "all" else (B,)
    output, targets = batch_for(kind, positions, rng)
    lengths = rng.integers(0, T + 1, B) if ragged else None
    weights = rng.integers(0, 3, positions) / 2 if weighted else None
    if weighted and kind is Characters:
        weights = weights > 0  # a mask
    total = count = 0
    for position in np.ndindex(positions):
        padding = ragged and kind.readout == "all" and position[0] >= lengths[position[1]]
        if not padding and not (kind is CopyMemory and targets[position] == BLANK):
            weight = weights[position] if weighted else 1
            total += weight * value_at(kind, output[position], targets[position])
            count += weight
    assume(count > 0)
    task = kind.__new__(kind)  # a metric does not depend on the task's data
    assert float(task.metric(output, targets, lengths, weights)) == pytest.approx(total / count, rel=1e-12)


def test_padding_does_not_lower_the_accuracy():
    targets = np.array([[1, 2], [0, 7], [2, 7], [1, 7]])  # (T, B); the second row has one step
    output = np.eye(8)[[[1, 2], [0, 0], [2, 0], [1, 0]]]  # (T, B, O): right at every counted position
    for kind in (Digits, CopyMemory):  # accuracy and recall
        assert kind.__new__(kind).metric(output, targets, np.array([4, 1])) == 1


def test_one_output_per_row_ignores_lengths_and_one_weight_per_row_counts_for_all_its_steps():
    assert mean_over_positions(np.array([1.0, 0.0]), lengths=np.array([3, 0])) == 0.5
    right = np.array([[True, False], [True, True]])  # (T, B)
    assert mean_over_positions(right, weights=np.array([1.0, 3.0])) == 5 / 8
