"""The driver: descriptions of runs, folders that belong to one run, and stored results."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest

import dilated_rnn_np as drn
from dilated_rnn_np.experiments import RunSpec, Training
from dilated_rnn_np.experiments.driver import MAY_CHANGE, check_folder, measure, run, train
from dilated_rnn_np.experiments.files import FolderError
from dilated_rnn_np.nets import checkpoint as checkpoints
from dilated_rnn_np.tasks import Adding, CopyMemory

TRAINING = Training(6, batch_size=4, validate_every=3)


def spec(seed=0, task=None, hidden=3, **changes):
    model = drn.DilatedRNN(2, hidden, [1, 2], output_size=1, rng=seed)
    return RunSpec(model, task or Adding(5), replace(TRAINING, **changes), seed)


def equal(one, other):
    return all((one.params[name] == other.params[name]).all() for name in one.params)


def test_a_run_without_a_folder_writes_nothing_and_equals_one_with_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    free, kept = spec(), spec()
    train(free, progress=False)
    assert not os.listdir(tmp_path)
    history = train(kept, tmp_path / "run", progress=False)
    assert equal(free.model, kept.model) and history.column("validation_loss")[0].tolist() == [3, 6]
    assert sorted(os.listdir("run")) == ["checkpoint.npz", "metrics.csv"]


def test_the_training_determines_optimizer_schedule_clipping_and_validation():
    history = train(spec(optimizer="sgd", schedule="constant", lr=0.5, validate_on=None), progress=False)
    assert set(history.column("learning_rate")[1]) == {0.5} and not len(history.column("validation_loss")[0])
    lr = train(spec(lr=0.5, final=0.1, max_norm=1e-3), progress=False).column("learning_rate")[1]
    assert lr[0] == 0.5 and 0.05 < lr[-1] < 0.1 and (np.diff(lr) < 0).all()
    assert spec(decay=0.3).training.optimizer_for(spec().model).decay == 0.3
    assert isinstance(spec(optimizer="adam").training.optimizer_for(spec().model), drn.optim.Adam)
    stopped = train(spec(steps=30, validate_every=1, patience=2, lr=9.0), progress=False)
    assert stopped.stopped == "early stop" and stopped.step < 30


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        ({"patience": 0}, "patience must be"),
        ({"budget": -1}, "budget must be"),
        ({"optimizer": "adm"}, "did you mean 'adam'"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"validate_on": "tests"}, "did you mean 'test'"),
        ({"max_norm": 0}, "max_norm must be above 0"),
        ({"lr": -1}, "lr must be a finite number above 0"),
        ({"decay": 1}, r"decay must lie in \[0, 1\)"),
    ],
)
def test_a_wrong_setting_is_refused_by_the_description(changes, message):
    with pytest.raises(ValueError, match=message):
        spec(**changes)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: spec(seed=1), "seed is 0 there, 1 here"),
        (lambda: spec(task=Adding(6)), "T is 5 there, 6 here"),
        (lambda: spec(task=CopyMemory(5)), "name is 'adding' there, 'copy-memory' here"),
        (lambda: spec(hidden=4), r"hidden-size is \[3, 3\] there, \[4, 4\] here"),
        (lambda: spec(steps=7), "steps is 6 there, 7 here"),
        (lambda: spec(final=0.5), "final is 0.02 there, 0.5 here"),
        (lambda: spec(schedule="constant"), "schedule is 'cosine' there, 'constant' here"),
    ],
)
def test_a_folder_of_another_run_is_refused_before_anything_changes(other, message, tmp_path):
    train(spec(), tmp_path, progress=False)
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}
    for resume in (train, run):
        changed = other()
        untrained = changed.model.astype(changed.model.dtype)
        with pytest.raises(FolderError, match=f"{message}; use the same settings, or give another folder"):
            resume(changed, tmp_path, True) if resume is train else resume(changed, tmp_path)
        assert equal(changed.model, untrained)
    assert before == {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}


def test_settings_that_do_not_change_the_steps_may_differ_on_resuming(tmp_path):
    train(spec(steps=3, schedule="constant"), tmp_path, progress=False)
    changes = {"validate_every": 2, "patience": 9, "checkpoint_every": 1, "budget": 10**6}
    assert set(changes) == set(MAY_CHANGE)
    resumed, whole = spec(schedule="constant", **changes), spec(schedule="constant")
    train(resumed, tmp_path, resume=True, progress=False)
    train(whole, progress=False)
    assert equal(resumed.model, whole.model)


def test_a_checkpoint_is_neither_overwritten_nor_resumed_unasked(tmp_path):
    train(spec(), tmp_path, progress=False)
    before = (tmp_path / "checkpoint.npz").read_bytes()
    with pytest.raises(FileExistsError, match=r"checkpoint.npz exists: resume that run \(--resume\), or give another"):
        train(spec(), tmp_path, progress=False)
    check_folder(spec(), tmp_path, resume=True)
    check_folder(spec(), tmp_path / "missing", resume=False)
    assert (tmp_path / "checkpoint.npz").read_bytes() == before


def test_a_result_holds_the_test_loss_of_the_best_parameters_and_is_not_computed_again(tmp_path):
    described = spec(lr=0.5, final=1.0, validate_every=1)
    result = run(described, tmp_path, after=lambda model: f"{model.num_parameters} parameters")
    best = drn.load(tmp_path / "checkpoint.npz", best=True)
    assert (result["loss"], result["metric"]) == measure(best, described.task)
    assert result["loss"] != measure(described.model, described.task)[0]  # the last parameters are not the best
    assert result["text"] == f"{best.num_parameters} parameters" and result["status"] == "finished"
    assert checkpoints.read(tmp_path / "checkpoint.npz")[1]["note"] == described.settings() == result["settings"]
    (tmp_path / "checkpoint.npz").unlink()
    assert run(spec(lr=0.5, final=1.0, validate_every=1), tmp_path) == result
    assert json.loads((tmp_path / "result.json").read_text()) == result


def test_a_budget_too_small_for_the_first_batch_is_refused():
    spec(budget=10**6).check_budget()
    spec().check_budget()
    with pytest.raises(ValueError, match="budget must be at least"):
        spec(budget=10).check_budget()
