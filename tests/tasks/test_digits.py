"""Digits: each sequence is the pixels of one image in a fixed order, and a batch depends on its seed and number only."""

import gzip
import math

import numpy as np
import pooch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.places import DATA

from dilated_rnn_np.arrays.streams import stream
from dilated_rnn_np.tasks import digits
from dilated_rnn_np.tasks.digits import PIXELS, Digits, parse_idx
from dilated_rnn_np.tasks.files import DataError, DataFile, sha256_of

TRAIN, HELD_OUT, TEST = 40, 8, 12


def idx(array):
    """An array as an IDX file."""
    return bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def numbered_images(count, first):
    """Images numbered in their top left pixel, and their labels."""
    images = np.random.default_rng(first).integers(0, 256, (count, 28, 28), dtype=np.uint8)
    number = first + np.arange(count)
    images[:, 0, 0] = number
    return images, (7 * number % 10).astype(np.uint8)


def contents():
    train_images, train_labels = numbered_images(TRAIN, first=0)
    test_images, test_labels = numbered_images(TEST, first=100)
    return dict(zip(digits.FILES, map(idx, (train_images, train_labels, test_images, test_labels)), strict=True))


def build(folder, contents, write=True, **options):
    """A task over four files with the given contents."""
    specs = {name: DataFile(name, sha256_of(content), urls=()) for name, content in contents.items()}
    for name in specs if write else ():
        (folder / f"{name}.gz").write_bytes(gzip.compress(contents[name]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooch, "os_cache", lambda project: folder / "cache")
        patch.setattr(digits, "FILES", specs)
        return Digits(data_dir=folder, **options)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A function from options to a small task."""
    folder = tmp_path_factory.mktemp("small")
    return lambda **options: build(folder, contents(), **{"held_out": HELD_OUT, **options})


def pixels(task, x):
    """The images ``(B, 28, 28)`` of a batch ``(T, B, 1)``, reassembled pixel by pixel."""
    images = np.zeros((x.shape[1], PIXELS), dtype=np.uint8)
    for t, pixel in enumerate(task.pixel_order):
        images[:, pixel] = np.rint(x[t, :, 0] * 255)
    return images.reshape(-1, 28, 28)


def numbers(task, x):
    return pixels(task, x)[:, 0, 0].tolist()


def same(a, b):
    return all(np.array_equal(u, v) for u, v in zip(a, b, strict=True))


options = st.fixed_dictionaries(
    {"permuted": st.booleans(), "permutation_seed": st.integers(0, 3), "length": st.sampled_from([784, 785, 800])}
)


@settings(max_examples=20, deadline=None)
@given(options=options, batch_size=st.integers(1, 32), seed=st.integers(0, 2**40), k=st.integers(0, 100))
def test_a_batch_is_the_pixels_of_training_images_and_their_labels(small, options, batch_size, seed, k):
    task = small(**options)
    x, targets = task.batches(batch_size, seed).draw(k)
    assert x.shape == (options["length"], batch_size, 1) and x.dtype == np.float32
    assert targets.shape == (batch_size,) and targets.dtype == np.int64
    assert x.min() >= 0 and x.max() <= 1
    shown = numbers(task, x)
    assert max(shown) < TRAIN - HELD_OUT
    assert np.array_equal(pixels(task, x), task.train_images[shown])
    assert targets.tolist() == [7 * number % 10 for number in shown]


@settings(max_examples=20, deadline=None)
@given(batch_size=st.integers(1, 32), seed=st.integers(0, 9), k=st.integers(0, 100), before=st.integers(0, 100))
def test_batch_k_depends_on_the_seed_and_k_only(small, batch_size, seed, k, before):
    task = small(length=790)
    batches = task.batches(batch_size, seed)
    batches.draw(before)
    again = next(iter(small(length=790).batches(batch_size, seed).starting_at(k)))
    assert same(batches.draw(k), again)
    assert not same(task.batches(batch_size, seed + 1).draw(k), again)
    assert not same(task.batches(batch_size, seed).draw(k + 1), again)


@settings(max_examples=20, deadline=None)
@given(batch_size=st.integers(1, 32), seed=st.integers(0, 9), epoch=st.integers(0, 3))
def test_an_epoch_shows_each_image_at_most_once_and_has_its_own_order(small, batch_size, seed, epoch):
    task = small()
    steps = task.steps_per_epoch(batch_size)
    assert steps * batch_size <= TRAIN - HELD_OUT < (steps + 1) * batch_size
    draw = task.batches(batch_size, seed).draw
    shown, next_shown = (
        [number for k in range(steps) for number in numbers(task, draw(e * steps + k)[0])] for e in (epoch, epoch + 1)
    )
    assert len(set(shown)) == len(shown) == steps * batch_size
    assert shown != next_shown or len(shown) < 3


@pytest.mark.parametrize("seed", range(3))
def test_the_permutation_is_a_bijection_determined_by_its_seed(small, seed):
    order = small(permuted=True, permutation_seed=seed).pixel_order
    assert sorted(order) == list(range(PIXELS)) != list(order)
    assert np.array_equal(order, stream(seed, "permutation").permutation(PIXELS))
    assert not np.array_equal(order, small(permuted=True, permutation_seed=seed + 1).pixel_order)
    assert np.array_equal(small(permutation_seed=seed).pixel_order, np.arange(PIXELS))


@pytest.mark.parametrize("permuted", [False, True])
@pytest.mark.parametrize("batch_size", [1, 3, 8, 12, 100])
def test_validation_and_test_show_each_of_their_images_once_and_in_order(small, permuted, batch_size):
    task = small(permuted=permuted, length=788)
    for batches, images, first in (
        (task.validation(batch_size), task.validation_images, TRAIN - HELD_OUT),
        (task.test(batch_size), task.test_images, 100),
    ):
        x = np.concatenate([x for x, _ in batches], axis=1)
        assert np.array_equal(pixels(task, x), images)
        assert numbers(task, x) == list(range(first, first + len(images)))
        assert np.concatenate([targets for _, targets in batches]).tolist() == [7 * n % 10 for n in numbers(task, x)]
        assert all(len(targets) == batch_size for _, targets in batches[:-1]) and len(batches[-1][1]) <= batch_size


def test_held_out_batches_are_the_same_in_every_call_and_for_every_batch_size(small):
    task, other = small(length=800), small(length=800)
    for method in ("validation", "test"):
        whole, again = (np.concatenate([x for x, _ in getattr(t, method)(5)], axis=1) for t in (task, other))
        parts = np.concatenate([x for x, _ in getattr(task, method)(3)], axis=1)
        assert np.array_equal(whole, again) and np.array_equal(whole, parts)


def test_noise_after_the_pixels_is_uniform_and_differs_between_images(small):
    task = small(length=PIXELS + 1000)
    drawn = [task.batches(8, seed).draw(k)[0] for seed in (0, 1) for k in (0, 1)]
    noise = np.concatenate([x[PIXELS:, :, 0] for x in (*drawn, task.validation(8)[0][0], task.test(12)[0][0])], axis=1)
    assert noise.shape == (1000, 4 * 8 + HELD_OUT + TEST)
    assert len(np.unique(noise[:2], axis=1).T) == noise.shape[1]
    assert noise.min() >= 0 and noise.max() < 1
    # within 6 standard errors of the mean (1/2) and variance (1/12) of a uniform variable; its kurtosis is 9/5
    assert abs(noise.mean() - 1 / 2) < 6 * math.sqrt(1 / 12 / noise.size)
    assert abs(noise.var() - 1 / 12) < 6 * math.sqrt((9 / 5 - 1) / noise.size) / 12


@settings(max_examples=10, deadline=None)
@given(options=options)
def test_settings_rebuild_the_same_task(small, options):
    task = small(**options)
    found = task.settings()
    assert found.pop("name") == "mnist" and {**options, "held_out": HELD_OUT} == found
    assert same(small(**found).batches(4).draw(5), task.batches(4).draw(5))


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"length": 783}, ValueError, "length must be a whole number of at least 784, got 783"),
        ({"length": 800.0}, TypeError, "length must be a whole number"),
        ({"permutation_seed": -1}, ValueError, "permutation_seed must be a whole number of at least 0, got -1"),
        ({"held_out": 0}, ValueError, "held_out must be a whole number of at least 1, got 0"),
        ({"held_out": TRAIN}, ValueError, "held_out must be less than the 40 training images, got 40"),
    ],
)
def test_a_wrong_option_is_named(small, wrong, error, message):
    with pytest.raises(error, match=message):
        small(**wrong)


def test_a_wrong_batch_size_or_seed_is_named_at_once(small):
    task = small()
    with pytest.raises(ValueError, match="batch_size must be at most 32 images, got 33"):
        task.batches(33)
    for method in (task.batches, task.validation, task.test, task.steps_per_epoch):
        with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1, got 0"):
            method(0)
    with pytest.raises(ValueError, match="seed must be a whole number of at least 0, got -1"):
        task.batches(4, seed=-1)


@given(shape=st.lists(st.integers(0, 5), min_size=1, max_size=3), seed=st.integers(0, 99))
def test_an_idx_file_is_read_back(shape, seed):
    array = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    assert np.array_equal(parse_idx(idx(array), "it", array.ndim), array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it must begin with the magic number 00000801 and 1 sizes .* got an empty file"),
        (b"\0\0\x08\x01\0\0\0", "it must begin with the magic number 00000801 .* got 00000801000000"),
        (b"\0\0\x08\x03\0\0\0\x02ab", "it must begin with the magic number 00000801 .* got 0000080300000002"),
        (b"\0\0\x0d\x01\0\0\0\x02ab", "it must begin with the magic number 00000801 .* got 00000d0100000002"),
        (b"\0\0\x08\x01\0\0\0\x02a", r"it must hold 2 bytes after its header \(2,\), got 1"),
        (b"\0\0\x08\x01\0\0\0\x02abc", r"it must hold 2 bytes after its header \(2,\), got 3"),
        (b"\0\0\x08\x01\xff\xff\xff\xffab", "it must hold 4,294,967,295 bytes after its header .* got 2"),
    ],
)
def test_a_malformed_idx_file_is_reported_with_the_reason(content, message):
    with pytest.raises(DataError, match=message):
        parse_idx(content, "it", ndim=1)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("train-labels-idx1-ubyte", np.zeros(TRAIN - 1, np.uint8), "train-images.* must hold 39 images of 28 x 28"),
        ("t10k-images-idx3-ubyte", np.zeros((TEST, 28, 27), np.uint8), "t10k-images.* must hold 12 images of 28 x 28"),
        ("t10k-labels-idx1-ubyte", np.full(TEST, 10, np.uint8), "t10k-labels.* must hold digits 0 to 9, got 10"),
    ],
)
def test_inconsistent_files_are_named(tmp_path, name, array, message):
    with pytest.raises(DataError, match=message):
        build(tmp_path, {**contents(), name: idx(array)}, held_out=HELD_OUT)


def test_missing_or_unpublished_files_are_reported_when_the_task_is_built(tmp_path):
    with pytest.raises(DataError, match="train-images-idx3-ubyte was not found"):
        build(tmp_path, contents(), write=False)
    build(tmp_path, contents(), held_out=HELD_OUT)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.gz cannot be used: .* has SHA-256"):
        Digits(data_dir=tmp_path)


@pytest.fixture(scope="module")
def real():
    if not (DATA / "mnist").is_dir():
        pytest.skip(f"the MNIST files are not in {DATA / 'mnist'}")
    return Digits(data_dir=DATA)


def test_real_mnist_has_its_known_counts_and_labels(real):
    assert real.train_images.shape == (55000, 28, 28)
    assert real.validation_images.shape == (5000, 28, 28)
    assert real.test_images.shape == (10000, 28, 28)
    assert real.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert real.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    histogram = np.bincount(np.concatenate([real.train_labels, real.validation_labels]))
    assert histogram.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(real.test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_real_mnist_batches_span_the_unit_interval_with_the_known_mean(real):
    batches = real.test(1000)
    assert len(batches) == 10
    assert min(x.min() for x, _ in batches) == 0 and max(x.max() for x, _ in batches) == 1
    assert abs(real.train_images.mean() / 255 - 0.1307) < 1e-3
    assert real.steps_per_epoch(128) == 429
