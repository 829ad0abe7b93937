"""Speech: recordings are framed and padded, padding has no effect, and the held-out sets are disjoint from training."""

import functools
import gzip
import io
import math
import tarfile
import wave

import numpy as np
import pooch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.places import DATA

from dilated_rnn_np import DilatedRNN, evaluate, fit
from dilated_rnn_np.tasks import TASKS, DataError, Speech, speech
from dilated_rnn_np.tasks.files import DataFile
from dilated_rnn_np.tasks.speech import digest_of_recordings, framed, parse_wav
from dilated_rnn_np.training.optim import Adam

SPEAKERS, PITCH = ("anna", "ben", "carl"), {"anna": 0.3, "ben": 0.9, "carl": 1.9}


def wav(samples, channels=1, width=2):
    """Samples as a wav file."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())
    return content.getvalue()


def recording(digit, speaker, index):
    """A tone at the speaker's pitch; each recording has a different length."""
    n = 40 + 61 * SPEAKERS.index(speaker) + 30 * digit + index
    return np.rint(1000 * (1 + digit) * np.sin(PITCH[speaker] * np.arange(n) + index)).astype(np.int16)


RECORDINGS = {
    f"{digit}_{speaker}_{index}.wav": recording(digit, speaker, index)
    for digit in range(2)
    for speaker in SPEAKERS
    for index in range(14)
}


def archive(files, folder="recordings"):
    """A tar archive with the files in a folder, and one file that is not a recording."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, data in ({f"{folder}/{name}": data for name, data in files.items()} | {"README.md": b"hi"}).items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return content.getvalue()


def build(folder, files=None, expected=None, **options):
    """A task over the given files; ``expected`` is the published archive."""
    content = archive(files or {name: wav(samples) for name, samples in RECORDINGS.items()})
    (folder / "fsdd-recordings.tar.gz").write_bytes(gzip.compress(content))
    digest = digest_of_recordings(expected or content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooch, "os_cache", lambda project: folder / "cache")
        patch.setattr(speech, "ARCHIVE", DataFile("fsdd-recordings.tar", digest, (), digest_of=digest_of_recordings))
        return Speech(data_dir=folder, **options)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A function from options to a small task."""
    folder = tmp_path_factory.mktemp("small")
    return lambda **options: build(folder, **options)


@functools.cache
def expected(frame):
    """The expected frames of each recording."""
    return {name: framed(samples, frame) for name, samples in RECORDINGS.items()}


def names(batch):
    """The names of a batch's recordings; unknown ones are left out."""
    x, _, lengths = batch
    rows = [x[:length, b] for b, length in enumerate(lengths)]
    known = expected(x.shape[2]).items()
    return [name for row in rows for name, steps in known if steps.shape == row.shape and np.array_equal(steps, row)]


@settings(max_examples=20, deadline=None)
@given(frame=st.integers(1, 40), batch_size=st.integers(1, 24), seed=st.integers(0, 2**40), k=st.integers(0, 99))
def test_a_batch_holds_framed_training_recordings_with_their_speakers_and_lengths(small, frame, batch_size, seed, k):
    task = small(frame=frame)
    batch = x, targets, lengths = task.batches(batch_size, seed).draw(k)
    assert x.shape == (lengths.max(), batch_size, frame) and x.dtype == np.float32
    shown = names(batch)
    assert len(set(shown)) == batch_size
    assert [task.classes[t] for t in targets] == [name.split("_")[1] for name in shown]
    assert all(int(name.removesuffix(".wav").split("_")[2]) >= 10 for name in shown)
    assert lengths.tolist() == [math.ceil(len(RECORDINGS[name]) / frame) for name in shown]
    for b, n in enumerate(lengths):
        assert not x[n:, b].any()


@settings(max_examples=20, deadline=None)
@given(batch_size=st.integers(1, 24), seed=st.integers(0, 9), k=st.integers(0, 99), before=st.integers(0, 99))
def test_batch_k_depends_on_the_seed_and_k_only_and_an_epoch_shows_no_recording_twice(
    small, batch_size, seed, k, before
):
    task = small()
    stream = task.batches(batch_size, seed)
    stream.draw(before)
    again = next(iter(small().batches(batch_size, seed).starting_at(k)))
    assert all(np.array_equal(a, b) for a, b in zip(stream.draw(k), again, strict=True))
    steps = task.steps_per_epoch(batch_size)
    assert steps * batch_size <= 24 < (steps + 1) * batch_size
    shown = [name for step in range(steps) for name in names(stream.draw(k * steps + step))]
    assert len(shown) == len(set(shown)) == steps * batch_size


def test_the_split_by_index_is_disjoint_and_complete_and_held_out_batches_hold_each_recording_once(small):
    task = small()
    parts = {part: [n for batch in getattr(task, part)(7) for n in names(batch)] for part in ("validation", "test")}
    parts["train"] = [n for k in range(4) for n in names(task.batches(6).draw(k))]
    assert sorted(name for part in parts.values() for name in part) == sorted(RECORDINGS)
    index = {part: {int(name.removesuffix(".wav").split("_")[2]) for name in names} for part, names in parts.items()}
    assert index == {"test": set(range(5)), "validation": set(range(5, 10)), "train": set(range(10, 14))}
    lengths = np.concatenate([lengths for _, _, lengths in task.test(7)])
    assert (np.diff(lengths) >= 0).all()


def test_the_target_may_be_the_digit(small):
    task = small(target="digit")
    assert task.classes == ["0", "1"] and task.baseline == math.log(2)
    _, targets, _ = batch = task.batches(12).draw(0)
    assert [task.classes[t] for t in targets] == [name[0] for name in names(batch)]


@given(n=st.integers(1, 50), frame=st.integers(1, 60), seed=st.integers(0, 99))
def test_frames_hold_the_samples_in_order_scaled_to_a_mean_square_of_one(n, frame, seed):
    samples = np.random.default_rng(seed).integers(-3000, 3000, n).astype(np.int16)
    samples[0] = 5
    frames = framed(samples, frame)
    assert frames.shape == (math.ceil(n / frame), frame) and frames.dtype == np.float32
    flat = frames.reshape(-1)
    assert not flat[n:].any()
    assert np.allclose(flat[:n] * np.sqrt(np.mean(samples.astype(float) ** 2)), samples, rtol=1e-5)
    assert np.allclose(frames, framed(7 * samples, frame), rtol=1e-6)
    assert not framed(np.zeros(n, np.int16), frame).any()


@given(n=st.integers(1, 300), seed=st.integers(0, 99))
def test_a_wav_file_is_read_back(n, seed):
    samples = np.random.default_rng(seed).integers(-(2**15), 2**15, n, dtype=np.int16)
    assert np.array_equal(parse_wav(wav(samples), "it"), samples)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it must be a wav file of plain samples"),
        (b"not a wav file at all", "it must be a wav file of plain samples"),
        (wav(np.zeros(8, np.int16), channels=2), "it must have one channel of 16 bits, got 2 of 16 bits"),
        (wav(np.zeros(8, np.uint8), width=1), "it must have one channel of 16 bits, got 1 of 8 bits"),
        (wav(np.zeros(8, np.int16))[:-6], "it must hold 8 samples, got 5"),
        (wav(np.zeros(0, np.int16)), "it must hold 1 samples, got 0"),
        (
            wav(np.zeros(8, np.int16)).replace(b"\x10\0\0\0\x01\0", b"\x10\0\0\0\x03\0"),
            "plain samples .*unknown format",
        ),
    ],
)
def test_an_unusable_wav_file_is_reported_with_the_reason(content, message):
    with pytest.raises(DataError, match=message):
        parse_wav(content, "it")


def test_an_archive_may_be_repacked_but_its_recordings_may_not_change(tmp_path):
    files = {name: wav(samples) for name, samples in RECORDINGS.items()}
    published = archive(files, "free-spoken-digit-dataset-26eb9aa/recordings")
    build(tmp_path, dict(reversed(files.items())), expected=published)
    first, second = list(files)[:2]
    for changed in (
        files | {first: files[first][:-1] + b"!"},
        files | {first: files[second], second: files[first]},
        {name: content for name, content in files.items() if name != first},
    ):
        with pytest.raises(DataError, match=r"fsdd-recordings.tar.gz cannot be used: .* has SHA-256"):
            build(tmp_path, changed, expected=published)
    (tmp_path / "fsdd-recordings.tar.gz").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"fsdd-recordings.tar.gz cannot be used: it is not a tar archive"):
        Speech(data_dir=tmp_path)
    with pytest.raises(DataError, match=r"0_anna_0.wav must have one channel of 16 bits"):
        build(tmp_path, {"0_anna_0.wav": wav(np.zeros(8, np.uint8), width=1)})
    with pytest.raises(DataError, match="has no recordings for train"):
        build(tmp_path, {"0_anna_0.wav": wav(np.ones(8, np.int16))})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"frame": 0}, ValueError, "frame must be a whole number of at least 1, got 0"),
        ({"frame": 1.5}, TypeError, "frame must be a whole number"),
        ({"target": "speker"}, ValueError, "unknown target 'speker'; .* did you mean 'speaker'"),
    ],
)
def test_a_wrong_option_is_named(small, options, error, message):
    with pytest.raises(error, match=message):
        small(**options)


def test_a_wrong_batch_size_or_seed_is_named_at_once(small):
    task = small()
    with pytest.raises(ValueError, match="batch_size must be at most 24 recordings, got 25"):
        task.batches(25)
    for method in (task.batches, task.validation, task.test):
        with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1, got 0"):
            method(0)
    with pytest.raises(ValueError, match="seed must be a whole number of at least 0, got -1"):
        task.batches(4, seed=-1)


def test_settings_rebuild_the_same_task(small):
    task = small(frame=5, target="digit")
    found = task.settings()
    assert TASKS[found.pop("name")] is Speech
    again = small(**found)
    assert all(np.array_equal(a, b) for a, b in zip(task.batches(4).draw(3), again.batches(4).draw(3), strict=True))


def test_a_model_learns_to_identify_speakers_and_padding_does_not_count(small):
    task = small(frame=4)
    model = DilatedRNN(4, 12, [1, 2, 4, 8], cell="gru", output_size=3)
    fit(model, task.batches(12), Adam(model.params, lr=1e-2), 60, metric=task.metric, progress=False)
    alone, accuracy = evaluate(model, task.test(1), task.loss, task.metric)
    together, _ = evaluate(model, task.test(100), task.loss, task.metric)
    assert accuracy > 0.9
    assert together == pytest.approx(alone, rel=1e-5)


def test_the_real_recordings_have_their_known_counts():
    if not (DATA / "fsdd").is_dir():
        pytest.skip(f"the Free Spoken Digit Dataset is not in {DATA / 'fsdd'}")
    task = Speech(frame=1, data_dir=DATA)
    assert task.classes == ["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]
    assert task.steps_per_epoch(1) == 2400
    for batches in (task.validation(300), task.test(300)):
        ((_, targets, _),) = batches
        assert np.bincount(targets).tolist() == [50] * 6
    lengths = [task.batches(2400).draw(0)[2], task.validation(300)[0][2], task.test(300)[0][2]]
    together = np.concatenate(lengths)
    assert (together.min(), together.max(), len(together)) == (1148, 18262, 3000)
