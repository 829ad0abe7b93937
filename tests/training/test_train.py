"""Training: a run follows from its checkpoint, its seeds and step numbers, whatever interrupts it."""

import csv
import itertools
import json
import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from support.cases import assert_equal
from support.places import ROOT

from dilated_rnn_np import CheckpointError, DilatedRNN, evaluate, fit, load, train_step
from dilated_rnn_np.arrays import archive
from dilated_rnn_np.arrays.files import LockedError
from dilated_rnn_np.arrays.streams import stream
from dilated_rnn_np.nets import checkpoint
from dilated_rnn_np.tasks import Adding, Characters, CopyMemory, Stream
from dilated_rnn_np.training.batches import batches_from
from dilated_rnn_np.training.callbacks import Callback, EpochAverage, WeightAverage
from dilated_rnn_np.training.losses import softmax_cross_entropy
from dilated_rnn_np.training.optim import SGD, Adam, RMSProp, cosine_decay
from dilated_rnn_np.training.run import COLUMNS

TASK = CopyMemory(T=6)


def net(seed=0, **options):
    return DilatedRNN(10, 6, [1, 2, 4], "gru", output_size=9, readout="all", rng=seed, dropout=0.1, **options)


def train(steps, folder=None, model=None, make=Adam, **options):
    model = net() if model is None else model
    if folder is not None:
        options |= {"checkpoint": folder / "run.npz", "log": folder / "log.csv"}
    optimizer = make(model.params, lr=cosine_decay(1e-2, 30))
    settings = {"metric": TASK.metric, "validation": TASK.validation(256), "validate_every": 5, "checkpoint_every": 4}
    settings |= {"progress": False, "max_norm": 1.0} | options
    return model, fit(model, TASK.batches(4, seed=3), optimizer, steps, **settings)


def without_time(history):
    return [{k: v for k, v in row.items() if k != "seconds" and not math.isnan(v)} for row in history]


# ---------------------------------------------------------------------- it learns


@pytest.mark.slow
def test_a_dilated_net_learns_copy_memory_and_a_plain_one_does_not():
    task = CopyMemory(T=30)
    losses = {}
    for label, dilations in (("dilated", [1, 2, 4, 8, 16]), ("plain", [1] * 5)):
        model = DilatedRNN(10, 10, dilations, output_size=9, readout="all")
        optimizer = RMSProp(model.params, lr=cosine_decay(8e-3, 1000))
        fit(model, task.batches(32), optimizer, 1000, max_norm=1.0, progress=False)
        losses[label], _ = evaluate(model, task.validation(256))
    assert losses["dilated"] < 0.3 * task.baseline
    assert losses["plain"] > 0.8 * task.baseline


def test_ragged_batches_train_on_the_steps_within_their_lengths():
    rng = np.random.default_rng(0)
    batches = []
    for _ in range(20):  # the class: is the sum of a row's numbers positive? numbers past its end are noise
        lengths, x = rng.integers(2, 9, 16), rng.standard_normal((8, 16, 1))
        inside = np.arange(8)[:, None] < lengths
        batches.append((np.where(inside[..., None], x, 100.0), ((x[..., 0] * inside).sum(0) > 0).astype(int), lengths))
    model = DilatedRNN(1, 8, [1, 2], "gru", output_size=2)
    run = fit(model, batches, Adam(model.params, lr=2e-2), 300, progress=False)
    _, losses = run.column("loss")
    assert losses[-20:].mean() < 0.15


# ---------------------------------------------------------------------- killed and resumed


@pytest.mark.parametrize("make", [SGD, RMSProp, Adam])
def test_a_resumed_run_ends_in_the_same_bits_as_one_never_stopped(make, tmp_path):
    whole, expected = train(23, make=make)
    train(10, tmp_path, make=make)
    model, run = train(23, tmp_path, make=make, model=net(seed=9), resume=True)
    assert_equal(model.params, whole.params, 0)
    assert_equal(run.best_params, expected.best_params, 0)
    assert without_time(run.history) == without_time(expected.history)
    assert (run.step, run.best_step, run.best_loss) == (23, expected.best_step, expected.best_loss)


SCRIPT = """
import sys, pathlib
sys.path[:0] = {path!r}
import test_train
test_train.train(400, pathlib.Path({folder!r}), resume=True, callbacks=test_train.averages())
"""


def averages():
    return [WeightAverage(decay=0.9), EpochAverage(epochs=2, steps_per_epoch=30)]


def step_of(path):
    return checkpoint.read(path)[1]["step"] if path.exists() else -1


def test_a_run_killed_at_any_moment_and_resumed_ends_in_the_same_bits(tmp_path):
    expected, callbacks = averages(), averages()
    whole, _ = train(400, callbacks=expected)
    code = SCRIPT.format(path=[str(ROOT / "tests" / "training"), str(ROOT / "tests"), *sys.path], folder=str(tmp_path))
    reached = []
    for wait in (0.0, 0.05, 0.11):
        before = step_of(tmp_path / "run.npz")
        process = subprocess.Popen([sys.executable, "-c", code])
        while step_of(tmp_path / "run.npz") <= max(before, 0) and process.poll() is None:
            time.sleep(0.002)
        time.sleep(wait)
        process.kill()
        process.wait()
        reached.append(step_of(tmp_path / "run.npz"))
    assert 0 < reached[0] < reached[1] < reached[2]  # each process continued where the one before was killed
    model, _ = train(400, tmp_path, model=net(seed=9), resume=True, callbacks=callbacks)
    assert_equal(model.params, whole.params, 0)
    for own, other in zip(callbacks, expected, strict=True):
        assert_equal(own.params, other.params, 0)
    assert sorted(os.listdir(tmp_path)) == ["log.csv", "run.npz"]


def test_a_stream_is_counted_from_its_first_batch():
    later = Stream(lambda k: k, steps_per_pass=30).starting_at(100)
    for step in (0, 7, 20, 50):
        taken = list(itertools.islice(batches_from(later, step), 45))
        assert taken == [(k in (100, 120, 150, 180), k) for k in range(100 + step, 145 + step)]
    endless = Stream(lambda k: k).starting_at(100)
    assert list(itertools.islice(batches_from(endless, 0), 3)) == [(True, 100), (False, 101), (False, 102)]


def test_a_plain_list_of_batches_continues_where_it_stopped(tmp_path):
    batches = list(itertools.islice(TASK.batches(4), 5))

    def run(steps, **options):
        model = net()
        fit(model, batches, Adam(model.params), steps, progress=False, **options)
        return model

    run(7, checkpoint=tmp_path / "run.npz")
    resumed = run(13, checkpoint=tmp_path / "run.npz", resume=True)
    assert_equal(resumed.params, run(13).params, 0)


def test_fit_equals_single_steps_and_buffers_handed_on_do_not_change_them():
    batches, models = list(itertools.islice(TASK.batches(4), 3)), [net() for _ in range(3)]
    fit(models[0], batches, Adam(models[0].params), 3, max_norm=1.0, progress=False)
    for model, hands_on in ((models[1], False), (models[2], True)):
        optimizer, cache = Adam(model.params), None
        for step, batch in enumerate(batches):
            rng = stream(0, "dropout", step)
            result = train_step(model, optimizer, batch, softmax_cross_entropy, 1.0, rng, reuse=cache)
            cache = result.cache if hands_on else None
        assert_equal(model.params, models[0].params, 0)


def old(path):
    """Make a checkpoint one of before the random streams had purposes."""
    arrays, meta = checkpoint.read(path)
    del meta["run_format"], meta["callbacks"], meta["best"]["settings"]
    checkpoint.write(path, arrays, meta)


def test_an_old_checkpoint_loads_but_an_unfinished_old_run_is_not_resumed(tmp_path):
    trained, run = train(10, tmp_path)
    old(tmp_path / "run.npz")
    assert_equal(load(tmp_path / "run.npz").params, trained.params, 0)
    assert_equal(load(tmp_path / "run.npz", best=True).params, run.best_params, 0)
    model = net(seed=9)
    before = {name: array.copy() for name, array in model.params.items()}
    with pytest.raises(CheckpointError, match=r"unfinished run of an older version.*load\(path\), or train again"):
        train(20, tmp_path, model=model, resume=True)
    assert_equal(model.params, before, 0)
    _, finished = train(10, tmp_path, model=model, resume=True)
    assert_equal(model.params, trained.params, 0)
    assert without_time(finished.history) == without_time(run.history)


def test_a_run_in_the_older_file_format_continues_to_the_same_bits(tmp_path):
    whole, _ = train(20)
    train(10, tmp_path)
    arrays, meta = checkpoint.read(tmp_path / "run.npz")
    np.savez(tmp_path / "run.npz", meta=np.array(json.dumps({"format": archive.UNLISTED, **meta})), **arrays)
    model, _ = train(20, tmp_path, model=net(seed=9), resume=True)
    assert_equal(model.params, whole.params, 0)


def test_a_second_run_on_a_checkpoint_is_refused_and_the_first_goes_on(tmp_path):
    class Second(Callback):
        def after_step(self, run, model, optimizer):
            if run.step == 3:
                with pytest.raises(
                    LockedError, match=r"run\.npz is being written by another run; wait for it, stop it"
                ):
                    train(9, tmp_path, resume=True)

    whole, _ = train(8)
    model, _ = train(8, tmp_path, callbacks=[Second()])
    assert_equal(model.params, whole.params, 0)
    assert sorted(os.listdir(tmp_path)) == ["log.csv", "run.npz"]


def test_a_resumed_run_removes_the_temporary_files_of_a_killed_one(tmp_path):
    train(4, tmp_path)
    (tmp_path / ".run.npz.0123456789abcdef.part").write_text("half a checkp")
    train(6, tmp_path, resume=True)
    assert sorted(os.listdir(tmp_path)) == ["log.csv", "run.npz"]


def test_a_state_of_other_batch_rows_is_refused_before_the_first_step(tmp_path):
    def run(steps, rows, **options):
        task = Characters(text="to be or not to be, " * 30, window=5)
        model = DilatedRNN(task.input_size, 3, [1, 2], output_size=task.output_size, readout="all")
        options |= {"truncated": True, "checkpoint": tmp_path / "run.npz", "progress": False}
        fit(model, task.batches(rows), Adam(model.params), steps, **options)

    run(2, rows=4)
    with pytest.raises(CheckpointError, match="carries a state of 4 batch rows, got batches of 3; use the same size"):
        run(4, rows=3, resume=True)
    run(4, rows=4, resume=True)


def test_repeated_fits_on_one_optimiser_continue_the_dropout_stream():
    batches = [next(iter(TASK.batches(4)))]
    in_pieces, whole, again = net(), net(), net()
    for model, pieces in ((in_pieces, (3, 4)), (whole, (7,))):
        optimizer = Adam(model.params)
        for steps in pieces:
            fit(model, batches, optimizer, steps, progress=False)
    assert_equal(in_pieces.params, whole.params, 0)
    optimizer = Adam(again.params)
    fit(again, batches, optimizer, 3, seed=1, progress=False)
    fit(again, batches, optimizer, 4, progress=False)
    assert any((again.params[name] != whole.params[name]).any() for name in whole.params)  # the masks matter


def test_ctrl_c_saves_between_two_steps_and_says_how_to_resume(tmp_path):
    whole, _ = train(20)

    def pressing_ctrl_c(output, targets, lengths):
        if next(presses) == 8:
            os.kill(os.getpid(), signal.SIGINT)
        return 0.0

    presses = itertools.count(1)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match=r"stopped after step \d+ of 20: .*run\.npz holds it; .*resume=True"):
        train(20, tmp_path, metric=pressing_ctrl_c)
    assert signal.getsignal(signal.SIGINT) is before
    model, _ = train(20, tmp_path, model=net(seed=9), resume=True)
    assert_equal(model.params, whole.params, 0)


# ---------------------------------------------------------------------- errors


def test_a_loss_that_is_not_finite_stops_the_run_at_its_step_and_keeps_the_last_checkpoint(tmp_path):
    calls = itertools.count(0)  # call 0 only tries the batch

    def loss(output, targets, lengths=None):
        value, gradient = softmax_cross_entropy(output, targets)
        return (value * np.nan, gradient) if next(calls) == 7 else (value, gradient)

    model = net()
    with pytest.raises(FloatingPointError, match=r"step 7 is not finite: loss nan.*run\.npz holds step 4"):
        train(20, tmp_path, model=model, loss=loss, validation=None)
    assert all(np.isfinite(array).all() for array in model.params.values())
    expected, _ = train(6)
    assert_equal(model.params, expected.params, 0)  # the bad step changed nothing
    four, _ = train(4)
    assert_equal(load(tmp_path / "run.npz").params, four.params, 0)


def test_parameters_that_are_not_finite_stop_the_run():
    model = net()
    model.params["readout.b"][0] = np.inf
    with pytest.raises(FloatingPointError, match="step 1 is not finite: logits must be finite"):
        train(5, model=model, validation=None)


def test_an_update_that_makes_parameters_infinite_is_never_saved(tmp_path):
    model = net()
    rates = [1e-3, 1e-3, 1e-3, 1e-3, 1e39]
    optimizer = RMSProp(model.params, lr=lambda k: rates[k])
    with (
        np.errstate(over="ignore"),
        pytest.raises(FloatingPointError, match=r"step 5 is not finite: the update has made"),
    ):
        fit(model, TASK.batches(4), optimizer, 5, checkpoint=tmp_path / "run.npz", checkpoint_every=4, progress=False)
    assert step_of(tmp_path / "run.npz") == 4
    assert all(np.isfinite(array).all() for array in load(tmp_path / "run.npz").params.values())


def test_a_validation_loss_that_is_not_finite_names_the_step():
    calls = itertools.count(1)

    def loss(output, targets, lengths=None):
        value, gradient = softmax_cross_entropy(output, targets)
        return (value * np.inf, gradient) if output.shape[1] == 256 and next(calls) == 3 else (value, gradient)

    with pytest.raises(FloatingPointError, match=r"step 10 is not finite: validation loss inf"):
        train(20, loss=loss)


def test_a_run_with_an_optimiser_that_has_made_steps_before_resumes_to_the_same_bits(tmp_path):
    def run(steps, **options):
        model = net()
        optimizer = Adam(model.params, lr=cosine_decay(1e-2, 30))
        fit(model, TASK.batches(4, seed=8), optimizer, 5, progress=False)
        fit(model, TASK.batches(4, seed=3), optimizer, steps, progress=False, **options)
        return model

    run(8, checkpoint=tmp_path / "run.npz")
    assert_equal(run(15, checkpoint=tmp_path / "run.npz", resume=True).params, run(15).params, 0)


def test_a_wrong_call_of_fit_changes_neither_model_nor_files(tmp_path):
    (tmp_path / "log.csv").write_text("older")
    wrong = [
        {"max_norm": 0},
        {"metric": "accuracy"},
        {"validation": []},
        {"loss": lambda output, targets: 3},
        {"batches": iter([])},
        {"batches": [(np.ones((3, 2, 4)), np.zeros((3, 2), int))]},
        {"checkpoint": tmp_path / "missing" / "run.npz"},
        {"steps": 0},
    ]
    for options in wrong:
        model = net()
        before = {name: array.copy() for name, array in model.params.items()}
        settings = {"batches": TASK.batches(4), "optimizer": SGD(model.params), "steps": 3, "progress": False}
        settings |= {"checkpoint": tmp_path / "run.npz", "log": tmp_path / "log.csv"} | options
        with pytest.raises((ValueError, TypeError, OSError)):
            fit(model, settings.pop("batches"), settings.pop("optimizer"), settings.pop("steps"), **settings)
        assert_equal(model.params, before, 0)
        assert os.listdir(tmp_path) == ["log.csv"] and (tmp_path / "log.csv").read_text() == "older"


def test_the_note_comes_back_with_the_loaded_model_and_names_itself_where_json_cannot_hold_it(tmp_path):
    note = {"data": "sales.csv", "scales": [1.5, 2]}
    train(4, tmp_path, note=note)
    assert load(tmp_path / "run.npz").note == load(tmp_path / "run.npz", best=True).note == note
    net().save(tmp_path / "model.npz")
    assert load(tmp_path / "model.npz").note is None
    with pytest.raises(TypeError, match=r"note must hold .* JSON .*ndarray"):
        train(4, tmp_path, note={"scales": np.ones(2)}, resume=True)


def test_an_existing_checkpoint_is_not_overwritten_without_resume(tmp_path):
    train(4, tmp_path)
    before = (tmp_path / "run.npz").read_bytes()
    with pytest.raises(FileExistsError, match="resume=True"):
        train(4, tmp_path)
    assert (tmp_path / "run.npz").read_bytes() == before


def test_a_checkpoint_of_another_model_or_optimiser_changes_nothing(tmp_path):
    train(4, tmp_path)
    other = DilatedRNN(10, 6, [1, 2, 8], "gru", output_size=9, readout="all", dropout=0.1)
    for model, make, match in ((other, Adam, "dilations"), (net(seed=9), SGD, "another optimizer")):
        before = {name: array.copy() for name, array in model.params.items()}
        with pytest.raises(CheckpointError, match=match):
            train(8, tmp_path, model=model, make=make, resume=True)
        assert_equal(model.params, before, 0)


# ---------------------------------------------------------------------- validation, early stopping, metrics


def test_the_best_parameters_are_those_of_the_lowest_validation_loss(tmp_path):
    model, run = train(20, tmp_path)
    steps, losses = run.column("validation_loss")
    assert steps.tolist() == [5, 10, 15, 20]
    assert run.best_step == steps[losses.argmin()] and run.best_loss == losses.min()
    best = load(tmp_path / "run.npz", best=True)
    assert evaluate(best, TASK.validation(256), metric=TASK.metric)[0] == run.best_loss
    assert_equal(load(tmp_path / "run.npz").params, model.params, 0)


def test_the_best_model_is_available_without_a_checkpoint():
    model, run = train(20, make=SGD)
    last = {name: array.copy() for name, array in model.params.items()}
    best = run.best_model(model)
    assert evaluate(best, TASK.validation(256), metric=TASK.metric)[0] == run.best_loss
    assert_equal(model.params, last, 0)
    _, run = train(3, validation=None)
    with pytest.raises(ValueError, match="no validation; give fit validation batches"):
        run.best_model(model)


def test_early_stopping_counts_validations_without_a_lower_loss():
    scores = iter([3.0, 2.0, 2.5, 2.1, 1.0, 0.5])

    def loss(output, targets, lengths=None):
        value, gradient = softmax_cross_entropy(output, targets)
        return (value * 0 + next(scores), gradient) if output.shape[1] == 512 else (value, gradient)

    _, run = train(100, loss=loss, patience=2, validation=TASK.validation(512))
    assert (run.stopped, run.step, run.best_step, run.best_loss) == ("early stop", 20, 10, 2.0)


def test_early_stopping_keeps_its_count_after_a_resume(tmp_path):
    def run(steps, model, **options):
        flat = {"loss": lambda output, targets: (np.float32(1), np.zeros_like(output))}  # the loss never falls
        return train(steps, tmp_path, model=model, make=SGD, patience=3, **flat, **options)[1]

    run(12, net())
    assert run(100, net(), resume=True).step == 15  # step 5 is the best; 10, 12 (the first run's last) and 15 are not


def test_the_metrics_file_has_one_row_per_step_after_a_resume_too(tmp_path):
    train(6, tmp_path, checkpoint_every=4)
    train(9, tmp_path, resume=True)
    with open(tmp_path / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [int(row["step"]) for row in rows] == list(range(1, 10))
    assert [bool(row["validation_loss"]) for row in rows] == [k in (5, 6, 9) for k in range(1, 10)]
    assert all(float(row["loss"]) > 0 and float(row["gradient_norm"]) > 0 for row in rows)


def test_ragged_sequences_are_weighted_by_their_steps_in_training_and_evaluation():
    rng = np.random.default_rng(0)
    x, targets = rng.standard_normal((9, 4, 10)).astype("float32"), rng.integers(0, 9, (9, 4))
    lengths = np.array([9, 9, 1, 1])
    model = DilatedRNN(10, 6, [1, 2], output_size=9, readout="all")
    output, _, _ = model.forward(x, lengths=lengths)
    each = -np.log(np.exp(output) / np.exp(output).sum(-1, keepdims=True))
    expected = np.mean([each[t, b, targets[t, b]] for b in range(4) for t in range(lengths[b])])
    parts = [(x[:, r], targets[:, r], lengths[r]) for r in (slice(0, 2), slice(2, 4))]
    assert evaluate(model, [(x, targets, lengths)])[0] == pytest.approx(expected, rel=1e-5)
    assert evaluate(model, parts)[0] == pytest.approx(expected, rel=1e-5)
    run = fit(model, [(x, targets, lengths)], SGD(model.params), 1, progress=False)
    assert run.history[0]["loss"] == pytest.approx(expected, rel=1e-5)


def test_evaluation_weights_batches_by_their_rows_and_does_not_change_the_model():
    model = net()
    before = {name: array.copy() for name, array in model.params.items()}
    x, targets = TASK.validation(9)[0]
    parts = [(x[:, :2], targets[:, :2]), (x[:, 2:], targets[:, 2:])]
    assert evaluate(model, parts, metric=TASK.metric) == pytest.approx(
        evaluate(model, [(x, targets)], metric=TASK.metric)
    )
    assert_equal(model.params, before, 0)


# ---------------------------------------------------------------------- the synthetic tasks


@pytest.mark.parametrize("task", [CopyMemory(T=5), Adding(T=12)], ids=lambda task: task.name)
def test_a_batch_depends_only_on_seed_and_number_and_the_validation_set_on_neither(task):
    stream = list(itertools.islice(task.batches(3, seed=1), 4))
    assert_equal(next(iter(task.batches(3, seed=1).starting_at(2))), stream[2], 0)
    assert any((a != b).any() for a, b in zip(stream[0], stream[1], strict=True))
    assert any((a != b).any() for a, b in zip(stream[0], next(iter(task.batches(3, seed=2))), strict=True))
    assert_equal(task.validation(3), task.validation(3), 0)


def test_copy_memory_shows_ten_symbols_then_a_marker_and_has_the_symbols_as_last_targets():
    x, targets = next(iter(CopyMemory(T=7).batches(50)))
    tokens = x.argmax(-1)
    assert x.shape == (27, 50, 10) and (x.sum(-1) == 1).all()
    assert tokens[:10].min() == 0 and tokens[:10].max() == 7
    assert (tokens[10:16] == 8).all() and (tokens[16] == 9).all() and (tokens[17:] == 8).all()
    assert (targets[:17] == 8).all() and (targets[17:] == tokens[:10]).all()


def test_the_copy_memory_baseline_is_the_loss_of_blanks_and_then_uniform_guesses():
    task = CopyMemory(T=7)
    x, targets = task.validation(20)[0]
    logits = np.full((27, 20, 9), -1e9)
    logits[:17, :, 8] = 0
    logits[17:, :, :8] = 0
    assert softmax_cross_entropy(logits, targets)[0] == pytest.approx(task.baseline)
    assert task.metric(np.eye(9)[targets], targets) == 1


def test_adding_marks_one_number_in_each_half():
    x, targets = next(iter(Adding(T=11).batches(200)))
    marks = x[..., 1]
    assert (marks[:5].sum(0) == 1).all() and (marks[5:].sum(0) == 1).all() and set(np.unique(marks)) == {0, 1}
    np.testing.assert_allclose((x[..., 0] * marks).sum(0), targets[:, 0], rtol=1e-5)
    assert ((targets - 1) ** 2).mean() == pytest.approx(Adding.baseline, rel=0.2)
