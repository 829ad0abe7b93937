"""Weights, batches, held-out sets, noise, shuffling and sampling never share random numbers, for any seed."""

import itertools

import numpy as np
import pytest

from dilated_rnn_np import DilatedRNN
from dilated_rnn_np.arrays.streams import PURPOSES, stream
from dilated_rnn_np.tasks import Adding, Characters, CopyMemory, Digits, generate
from dilated_rnn_np.tasks.digits import PIXELS
from dilated_rnn_np.tasks.epochs import shuffled_rows

SEEDS = (0, 1, 3, 2**32, 2**64 + 5, 2**200)


class BlackDigits(Digits):
    """Six black images per part, each followed by noise."""

    def __init__(self, steps_of_noise):
        self.length, self.pixel_order = PIXELS + steps_of_noise, np.arange(PIXELS)
        self.train_images = self.validation_images = self.test_images = np.zeros((6, 28, 28), np.uint8)
        self.train_labels = self.validation_labels = self.test_labels = np.zeros(6, int)


def initial_weights(seed):
    """The uniform numbers in [0, 1) from which a model's first weights were scaled."""
    bound = np.sqrt(6 / (5 + 6))  # Glorot, H = 5 and D = 6
    weights = DilatedRNN(6, 5, [1], rng=seed, dtype="float64").params["layers.0.W_x"]
    return (weights / bound + 1).ravel() / 2


def pairs(numbers):
    """The consecutive pairs of a sequence of numbers; rounding allows for float32 and for scaling."""
    return set(itertools.pairwise(np.round(np.asarray(numbers, float), 5).tolist()))


def test_the_streams_of_all_purposes_keys_and_seeds_share_no_number():
    keys = ((), (0,), (1,), (0, 0))
    numbers = [stream(seed, purpose, *key).random(20) for seed in SEEDS for purpose in PURPOSES for key in keys]
    assert len(np.unique(numbers)) == len(SEEDS) * len(PURPOSES) * len(keys) * 20


def test_weights_batches_held_out_sets_and_noise_share_no_numbers():
    adding, digits = Adding(30), BlackDigits(30)
    shown = {
        "validation": adding.validation(512)[0][0][..., 0].ravel(),
        "test": adding.test(2048)[0][0][..., 0].ravel(),
    }
    for row in range(6):
        shown["validation noise", row] = digits.validation(6)[0][0][PIXELS:, row, 0]
        shown["test noise", row] = digits.test(6)[0][0][PIXELS:, row, 0]
    for seed in SEEDS:
        shown["weights", seed] = initial_weights(seed)
        for k in range(3):
            shown["batch", seed, k] = adding.batches(2, seed).draw(k)[0][..., 0].ravel()
            shown["noise", seed, k] = digits.batches(2, seed).draw(k)[0][PIXELS:].ravel()
    shared = [(a, b) for a, b in itertools.combinations(shown, 2) if pairs(shown[a]) & pairs(shown[b])]
    assert shared == []


def test_initial_weights_are_recovered_as_uniform_numbers():
    numbers = np.concatenate([initial_weights(seed) for seed in SEEDS])
    assert numbers.min() >= 0 and numbers.max() < 1
    assert abs(numbers.mean() - 1 / 2) < 6 * np.sqrt(1 / 12 / len(numbers))


def test_no_training_sequence_is_in_a_held_out_set():
    task = CopyMemory(T=2)

    def symbols(batches):
        return {tuple(row) for _, targets in batches for row in targets[-10:].T.tolist()}

    training = symbols(task.batches(512, seed).draw(k) for seed in SEEDS for k in range(3))
    validation, test = symbols(task.validation(512)), symbols(task.test(512))
    assert len(training) == 512 * 3 * len(SEEDS) and len(validation) == 512 and len(test) == 2048
    assert not training & validation and not training & test and not validation & test


def test_orders_of_epochs_and_pixels_differ_for_every_seed():
    orders = [tuple(Digits.random_order(seed, 60)) for seed in SEEDS]
    for seed in SEEDS:
        rows = shuffled_rows(60, 60, seed, "images")
        orders += [tuple(rows(epoch)) for epoch in range(3)]
    assert len(set(orders)) == len(orders)


@pytest.mark.parametrize("seed", SEEDS)
def test_generated_characters_are_drawn_from_the_sampling_stream(seed):
    task = Characters(text="abcdefgh" * 60)
    model = DilatedRNN(task.input_size, 4, [1], output_size=8, readout="all")
    model.params["readout.W"][...] = 0  # all 8 characters are equally likely
    numbers = stream(seed, "sampling").random(30)
    assert task.encode(generate(model, task, "a", 30, rng=seed)).tolist() == (8 * numbers).astype(int).tolist()
