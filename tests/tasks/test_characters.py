"""Characters: the windows cover each piece of the text once and in order, and the state is carried between them."""

import gzip
import math

import numpy as np
import pooch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.places import DATA

from dilated_rnn_np import DilatedRNN, evaluate, fit
from dilated_rnn_np.arrays.streams import stream
from dilated_rnn_np.tasks import Characters, DataError, characters, generate, make_task
from dilated_rnn_np.tasks.files import DataFile, md5_of, sha256_of
from dilated_rnn_np.training.batches import batches_from
from dilated_rnn_np.training.optim import Adam

TEXT = "".join(np.random.default_rng(0).choice(list("abcdé\n "), 900))


def model_for(task, **options):
    options = {"cell": "gru", "rng": 3, "dtype": "float64", **options}
    return DilatedRNN(task.input_size, 8, [1, 2, 4], output_size=task.output_size, readout="all", **options)


def text_of(task, x):
    """The text in each row of a batch (T, B, V)."""
    assert (x.sum(axis=-1) == 1).all() and ((x == 0) | (x == 1)).all()
    return [task.decode(row) for row in x.argmax(axis=-1).T]


@settings(max_examples=30)
@given(batch_size=st.integers(1, 40), window=st.integers(1, 60), seed=st.integers(0, 9))
def test_windows_cover_each_piece_once_in_order_with_the_next_characters_as_targets(batch_size, window, seed):
    task = Characters(text=TEXT, window=window)
    steps = task.steps_per_epoch(batch_size)
    draw = task.batches(batch_size, seed).draw
    batches = [draw(k) for k in range(steps)]
    assert all(x.shape == (window, batch_size, task.input_size) and x.dtype == np.float32 for x, _ in batches[:-1])
    rows = ["".join(parts) for parts in zip(*(text_of(task, x) for x, _ in batches), strict=True)]
    following = ["".join(parts) for parts in zip(*([task.decode(t) for t in y.T] for _, y in batches), strict=True)]
    train = TEXT[: len(TEXT) * 90 // 100]
    read = "".join(rows)
    assert train.startswith(read) and len(train) - batch_size <= len(read) < len(train)
    assert "".join(following) == train[1 : len(read) + 1]
    assert len({len(row) for row in rows}) == 1


def test_passes_repeat_from_any_starting_batch():
    task = Characters(text=TEXT, window=50)
    steps = task.steps_per_epoch(4)
    for first in (0, 3, steps, 2 * steps + 1):
        numbered = batches_from(task.batches(4), first)
        for number in range(first, first + 2 * steps):
            starts_pass, (x, _) = next(numbered)
            assert starts_pass == (number % steps == 0)
            assert np.array_equal(x, task.batches(4).draw(number % steps)[0])


def test_training_validation_and_test_texts_are_consecutive_and_the_vocabulary_is_that_of_training():
    task = Characters(text=TEXT)
    parts = [task.decode(codes) for codes in (task.train_codes, task.validation_codes, task.test_codes)]
    assert "".join(parts) == TEXT and [len(part) for part in parts] == [810, 45, 45]
    assert task.vocabulary == "".join(sorted(set(parts[0])))
    assert task.encode(TEXT).tolist() == [task.vocabulary.index(c) for c in TEXT]


def test_a_character_outside_the_training_text_becomes_the_unknown_symbol():
    text = "ab" * 450
    task = Characters(text=text[:-1] + "z")
    assert task.vocabulary == "ab\N{REPLACEMENT CHARACTER}"
    assert task.decode(task.test_codes[-3:]) == "ba\N{REPLACEMENT CHARACTER}"
    assert set(task.decode(task.train_codes)) == {"a", "b"} and task.baseline == pytest.approx(math.log(2))
    assert Characters(text=text).vocabulary == "ab"


def test_the_baseline_is_the_entropy_of_single_characters():
    task = Characters(text="aaab" * 300)
    assert task.baseline == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)), rel=1e-12)


def test_held_out_windows_do_not_depend_on_the_batch_size_and_carried_state_equals_one_long_forward():
    task = Characters(text=TEXT * 50, window=7)  # 2,250 characters each: two pieces
    model = model_for(task)
    for method in (task.validation, task.test):
        windows = method(7)
        assert all(
            np.array_equal(u, v) for a, b in zip(windows, method(512), strict=True) for u, v in zip(a, b, strict=True)
        )
        assert len(windows) == -(-1124 // 7) and windows[0][0].shape == (7, 2, task.input_size)
        x, targets = (np.concatenate(part) for part in zip(*windows, strict=True))
        output, _, _ = model.forward(x)
        shifted = output - output.max(axis=-1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        expected = -np.take_along_axis(log_p, targets[..., None].astype(int), axis=-1).mean()
        loss, bits = evaluate(model, windows, task.loss, task.metric, truncated=True)
        assert loss == pytest.approx(expected, rel=1e-12) and bits == pytest.approx(expected / math.log(2), rel=1e-12)
        cut, _ = evaluate(model, windows, task.loss, task.metric)
        assert abs(cut - expected) > 1e-6 * expected  # differs without carried state


def test_a_resumed_run_ends_in_the_same_bits_from_any_step_of_a_pass(tmp_path):
    task = Characters(text=TEXT, window=20)
    steps = task.steps_per_epoch(4)
    assert steps > 7

    def run(name, total, resume=False):
        model = model_for(task, dtype="float32", dropout=0.2)
        fit(
            model, task.batches(4), Adam(model.params), total, metric=task.metric, truncated=True,
            validation=task.validation(), validate_every=5, checkpoint=tmp_path / name, resume=resume, progress=False,
        )  # fmt: skip
        return model.params

    whole = run("whole", steps + 7)
    for stop in (3, steps, steps + 2):
        run(f"{stop}", stop)
        resumed = run(f"{stop}", steps + 7, resume=True)
        assert all((resumed[name] == whole[name]).all() for name in whole)


def test_training_beats_the_entropy_of_single_characters_on_a_text_with_structure():
    task = Characters(text="the quick brown fox jumps over the lazy dog. " * 60, window=20)
    model = model_for(task, dtype="float32")
    fit(model, task.batches(8), Adam(model.params, lr=2e-2), 300, truncated=True, progress=False)
    loss, _ = evaluate(model, task.test(), task.loss, task.metric, truncated=True)
    assert loss < 0.3 * task.baseline
    assert "quick brown fox" in generate(model, task, "the ", length=60, temperature=0)


@pytest.mark.parametrize("prompt", ["a", "abc d", "\n"])
def test_at_temperature_0_each_character_has_the_largest_logit_of_forward(prompt):
    task = Characters(text=TEXT)
    model = model_for(task)
    generated = generate(model, task, prompt, length=12, temperature=0)
    assert generated == generate(model, task, prompt, length=12, temperature=0, rng=99)
    codes = task.encode(prompt + generated)
    output, _, _ = model.forward(np.eye(task.input_size)[codes[:-1], None])
    assert output[len(prompt) - 1 :, 0].argmax(axis=-1).tolist() == codes[len(prompt) :].tolist()


def test_characters_are_drawn_with_the_model_s_probabilities_at_the_temperature():
    task = Characters(text=TEXT)
    model = model_for(task)
    model.params["readout.W"][...] = 0  # each step draws from the same distribution
    model.params["readout.b"][...] = logits = np.linspace(-1, 1, task.output_size)
    for temperature in (0.5, 1.0, 2.0):
        p = np.exp(logits / temperature)
        p /= p.sum()
        drawn = task.encode(generate(model, task, "a", 4000, temperature, rng=5))
        shares = np.bincount(drawn, minlength=len(p)) / 4000
        assert (abs(shares - p) < 5 * np.sqrt(p * (1 - p) / 4000)).all()
    assert generate(model, task, "a", 20, 1.0, rng=1) == generate(model, task, "a", 20, 1.0, rng=stream(1, "sampling"))
    assert generate(model, task, "a", 20, 1.0, rng=1) != generate(model, task, "a", 20, 1.0, rng=2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"prompt": ""}, ValueError, "prompt must hold at least one character"),
        ({"prompt": "aß"}, ValueError, "prompt must keep to characters of the training text, got 'ß'"),
        ({"length": 0}, ValueError, "length must be a whole number of at least 1, got 0"),
        ({"temperature": -0.1}, ValueError, "temperature must be a finite number of at least 0, got -0.1"),
        ({"temperature": math.inf}, ValueError, "temperature must be a finite number"),
        ({"temperature": "hot"}, TypeError, "temperature must be a real number, got 'hot'"),
        ({"rng": -1}, ValueError, "rng must be a whole number of at least 0, got -1"),
    ],
)
def test_an_invalid_argument_of_generate_is_named(arguments, error, message):
    task = Characters(text=TEXT)
    with pytest.raises(error, match=message):
        generate(model_for(task), task, **{"prompt": "a", "length": 3, **arguments})


def test_a_model_of_another_vocabulary_or_readout_cannot_generate():
    task = Characters(text=TEXT)
    for model in (
        DilatedRNN(3, 4, [1], output_size=3, readout="all"),
        DilatedRNN(task.input_size, 4, [1], output_size=task.output_size, readout="last"),
    ):
        with pytest.raises(ValueError, match="model must read and predict each of the task's 7 characters"):
            generate(model, task, "a")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"corpus": "shakespear"}, ValueError, "unknown corpus 'shakespear'.* did you mean 'shakespeare'"),
        ({"text": "short"}, ValueError, "at least 2 characters .* got 4, 0, 1"),
        ({"text": b"bytes"}, TypeError, "text must be a str, got bytes"),
        ({"text": TEXT, "file": "a.txt"}, ValueError, "text and file exclude each other"),
        ({"text": TEXT, "window": 0}, ValueError, "window must be a whole number of at least 1, got 0"),
        ({"file": "nowhere.txt"}, DataError, "nowhere.txt cannot be read"),
    ],
)
def test_a_wrong_option_is_named(options, error, message):
    with pytest.raises(error, match=message):
        Characters(**options)


def test_a_wrong_batch_size_or_seed_is_named_at_once():
    task = Characters(text=TEXT)
    with pytest.raises(ValueError, match="batch_size must be less than the text's 810 characters, got 810"):
        task.batches(810)
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1, got 0"):
        task.batches(0)
    with pytest.raises(ValueError, match="seed must be a whole number of at least 0, got -1"):
        task.batches(4, seed=-1)


def test_settings_rebuild_the_same_task_and_a_changed_file_is_refused(tmp_path):
    path = tmp_path / "own.txt"
    path.write_bytes(TEXT.encode())
    for task in (Characters(text=TEXT, window=9), Characters(file=path, window=9)):
        again = make_task(**task.settings())
        assert again.vocabulary == task.vocabulary and again.window == 9
        assert np.array_equal(again.train_codes, task.train_codes)
    path.write_bytes(TEXT.encode() + b"!")
    with pytest.raises(DataError, match="own.txt has changed: its SHA-256 is"):
        make_task(**task.settings())
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())  # a byte order mark
    assert Characters(file=path).vocabulary == task.vocabulary
    path.write_bytes(b"\xff\xfe" + TEXT.encode())
    with pytest.raises(DataError, match="own.txt must be a text in UTF-8, got other bytes at 0"):
        Characters(file=path)


def test_a_text_is_read_with_a_given_vocabulary():
    known = Characters(text=TEXT, vocabulary="".join(sorted("0123" + Characters(text=TEXT).vocabulary)))
    assert known.input_size == len(known.vocabulary) and known.decode(known.train_codes[:20]) == TEXT[:20]
    with pytest.raises(ValueError, match="text must keep to characters of the training text, got"):
        Characters(text=TEXT, vocabulary="ab")
    with pytest.raises(ValueError, match="each character once, in sorted order, got 'ba'"):
        Characters(text=TEXT, vocabulary="ba")


def test_a_temperature_near_zero_equals_temperature_0_without_a_warning():
    task = Characters(text=TEXT)
    model = model_for(task)
    assert generate(model, task, "a", 9, 5e-324) == generate(model, task, "a", 9, 0)


def test_corpora_are_read_from_their_files_and_damaged_ones_are_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache")
    parts = [TEXT[:700], TEXT[700:800], TEXT[800:]]
    names = ["ptb.train.txt", "ptb.valid.txt", "ptb.test.txt"]
    files = [DataFile(n, md5_of(p.encode()), (), "ptb", md5_of, "MD5") for n, p in zip(names, parts, strict=True)]
    own = DataFile("input.txt", sha256_of(TEXT.encode()), (), "tinyshakespeare")
    monkeypatch.setattr(characters, "CORPORA", {"shakespeare": (own,), "ptb": tuple(files)})
    (tmp_path / "ptb").mkdir()
    (tmp_path / "tinyshakespeare").mkdir()
    (tmp_path / "tinyshakespeare" / "input.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    for file, part in zip(files, parts, strict=True):
        (tmp_path / "ptb" / file.name).write_bytes(part.encode())
    assert np.array_equal(Characters(data_dir=tmp_path).train_codes, Characters(text=TEXT).train_codes)
    task = Characters("ptb", data_dir=tmp_path)
    read = [task.decode(codes) for codes in (task.train_codes, task.validation_codes, task.test_codes)]
    assert read == parts
    (tmp_path / "ptb" / "ptb.valid.txt").write_bytes(b"damaged")
    with pytest.raises(DataError, match="ptb.valid.txt cannot be used: .* has MD5"):
        Characters("ptb", data_dir=tmp_path)
    (tmp_path / "tinyshakespeare" / "input.txt.gz").write_bytes(gzip.compress(b"damaged"))
    with pytest.raises(DataError, match="input.txt.gz cannot be used: .* has SHA-256"):
        Characters(data_dir=tmp_path)


def test_tiny_shakespeare_has_its_known_size_and_vocabulary():
    if not (DATA / "tinyshakespeare").is_dir():
        pytest.skip(f"Tiny Shakespeare is not in {DATA / 'tinyshakespeare'}")
    task = Characters(data_dir=DATA)
    assert [len(part) for part in (task.train_codes, task.validation_codes, task.test_codes)] == [1003854, 55770, 55770]
    assert len(task.vocabulary) == 65 and task.decode(task.train_codes[:14]) == "First Citizen:"
    assert 4.7 < task.baseline / math.log(2) < 4.8


def test_training_and_generation_on_a_device_equal_those_on_the_host(device):
    task = Characters(text=TEXT, window=20)
    there, here = (model_for(task, embedding=3).to(xp) for xp in (device.xp, np))
    runs = [
        fit(m, task.batches(4), Adam(m.params), 15, metric=task.metric, truncated=True, progress=False)
        for m in (there, here)
    ]
    bits = [run.column("metric")[1] for run in runs]
    assert np.allclose(*bits, rtol=1e-9) and len(bits[0]) == 15
    assert generate(there, task, "a", 20, rng=1) == generate(here, task, "a", 20, rng=1)
