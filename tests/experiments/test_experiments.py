"""Experiments: tables, pictures and records; resuming a stopped experiment; errors."""

import functools
import json
import os
import re
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest
from support.tiny_experiments import (
    CHOICES,
    TRAINING,
    Interrupting,
    conduct,
    contenders,
    failing_second,
    result,
    table,
    tiny,
)

import dilated_rnn_np as drn
from dilated_rnn_np.baselines.systems import build
from dilated_rnn_np.cli.main import main
from dilated_rnn_np.experiments import Choices, Experiment, Study, Training, driver, environment, report
from dilated_rnn_np.experiments.files import FolderError, read_metrics
from dilated_rnn_np.nets import checkpoint as checkpoints
from dilated_rnn_np.tasks import Adding


def test_an_experiment_leaves_table_pictures_record_and_a_folder_for_each_run(tmp_path):
    curves = (("step", "loss"), ("seconds", "metric"), ("step", "metric"))
    rows = conduct(tmp_path / "e", tiny(curves=curves))
    assert set(os.listdir(tmp_path / "e")) == {"table.csv", "table.md", "record.json", "runs", "curves-adding.png"}
    assert [row["net"] for row in table(tmp_path / "e")] == ["dilated rnn", "dilated gru", "skip rnn", "skip gru"]
    assert all(row["runs"] == 2 and row["diverged"] == 0 and row["loss_min"] < row["loss_max"] for row in rows)
    assert rows[0]["parameters"] == build("dilated", 2, 4, [1, 2], output_size=1).num_parameters
    page = (tmp_path / "e" / "table.md").read_text(encoding="utf-8")
    assert "| skip gru | 4 |" in page and "adding: memoryless baseline 1/6" in page and "2 runs per net: mean" in page
    assert matplotlib.image.imread(tmp_path / "e" / "curves-adding.png").std() > 0
    runs = sorted(os.listdir(tmp_path / "e" / "runs"))
    assert len(runs) == 8 and runs[0] == "adding--dilated-gru--seed-0"
    for run in runs:
        assert set(os.listdir(tmp_path / "e" / "runs" / run)) == {
            "checkpoint.npz",
            "metrics.csv",
            "net.npz",
            "result.json",
        }
    record = json.loads((tmp_path / "e" / "record.json").read_text())
    assert record["seeds"] == [0, 1] and record["finished"] and record["runs"] == 8
    (origin,) = record["made with"]
    assert origin["versions"]["numpy"] == np.__version__ and origin["machine"]["processors"] == os.cpu_count()
    assert origin["runs"] == 8 and origin["seconds of training"] == record["seconds of training"]
    assert record["contenders"][0]["task"] == {"name": "adding", "T": 5} and record["contenders"][0]["steps"] == 12
    assert record["seconds of training"] > 0 and record["started"] <= record["written"]


def test_the_table_shows_what_evaluate_measures_of_the_best_parameters(tmp_path, capsys):
    jumpy = Training(12, batch_size=4, lr=0.3, final=1.0, validate_every=1)
    experiment = Experiment("jumpy", "A test.", lambda c: contenders(c, training=jumpy), compares_systems=True)
    best_steps = []
    for row, contender in zip(conduct(tmp_path, experiment, seeds=1), contenders(CHOICES), strict=True):
        for name in ("net.npz", "checkpoint.npz"):
            checkpoint = contender.folder(tmp_path, 0) / name
            assert main(["evaluate", str(checkpoint), "--batch-size", "512"]) == 0
            assert f"loss {row['loss']:.4f}" in capsys.readouterr().out
        best_steps.append(checkpoints.read(checkpoint)[1]["best"]["step"])
    assert min(best_steps) < 12


@pytest.mark.parametrize("at", [1, 6, 12, 30, 95])
def test_a_resumed_experiment_ends_in_the_table_of_one_that_was_never_stopped(at, tmp_path, monkeypatch):
    conduct(tmp_path / "whole")
    with pytest.raises(
        KeyboardInterrupt, match=rf"stopped: {(at - 1) // 12} of 8 runs are done.*the same command goes on"
    ):
        conduct(tmp_path / "stopped", tiny(Interrupting(5, at)))
    assert len([row for row in table(tmp_path / "stopped") if row["runs"] != "0"]) == min((at - 1) // 12, 4)
    assert not json.loads((tmp_path / "stopped" / "record.json").read_text())["finished"]
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "stopped").rglob("result.json")}
    assert len(done) == (at - 1) // 12
    task = Interrupting(5, at=-1)
    conduct(tmp_path / "stopped", tiny(task))
    assert table(tmp_path / "stopped") == table(tmp_path / "whole")
    assert all(path.stat().st_mtime_ns == time for path, time in done.items())
    assert 8 * 12 - at <= -1 - task.left <= 8 * 12 + 8  # saved steps are not repeated; resuming may evaluate one


def test_each_result_stores_versions_and_machine(tmp_path, monkeypatch):
    conduct(tmp_path, seeds=1)
    machine = {"processors": 64, "threads": 3, "architecture": "abacus"}
    other = {"versions": {"python": "4.0", "numpy": "9.9"}, "machine": machine}
    monkeypatch.setattr(environment, "record", lambda backend: other)
    conduct(tmp_path, seeds=2)
    first, second = json.loads((tmp_path / "record.json").read_text())["made with"]
    assert first["versions"]["numpy"] == np.__version__ and second["versions"]["numpy"] == "9.9"
    page = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert f"numpy {np.__version__}" in page
    assert re.search(r"- 4 runs: \d+ s of training on 64 processors, 3 threads \(abacus\)", page)


def test_seeds_and_systems_may_be_added_later(tmp_path):
    conduct(tmp_path / "grown", seeds=1, choices=Choices(systems=("dilated",)))
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "grown").rglob("result.json")}
    conduct(tmp_path / "grown")
    conduct(tmp_path / "whole")
    assert len(done) == 2 and all(path.stat().st_mtime_ns == time for path, time in done.items())
    assert table(tmp_path / "grown") == table(tmp_path / "whole")


def test_the_table_shows_mean_lowest_and_highest_of_the_runs_that_did_not_diverge(tmp_path):
    one, other = contenders(Choices(systems=("plain",)))
    results = [
        (one, result(loss=1.0, metric=0.5)),
        (one, result(loss=2.0, metric=0.25, halved=None, seconds=4.0)),
        (one, result(loss=6.0, metric=0.75, seconds=9.0)),
        (one, result(status="diverged")),
        (other, result(status="diverged")),
    ]
    study = Study(tiny(), CHOICES, [one, other], seeds=4)
    first, second = report.write(study, tmp_path, results, finished=True)
    assert (first["loss"], first["loss_min"], first["loss_max"]) == (3.0, 1.0, 6.0)
    assert (first["within_0.1"], first["within_0.1_min"], first["within_0.1_max"]) == (0.5, 0.25, 0.75)
    assert (first["seconds"], first["ms per step"], first["runs"], first["diverged"]) == (5.0, 250.0, 4, 1)
    assert first["steps to half baseline"] is None  # one run never reached it
    assert second["loss"] is None and second["diverged"] == 1
    page = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "| 4 | 1 | 3.0000 (1.0000 to 6.0000) | 0.5000 (0.2500 to 0.7500) | – | 250.0 |" in page
    assert json.loads((tmp_path / "record.json").read_text())["seconds of training"] == 19.0


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_run_that_diverges_is_counted_in_the_table_and_the_others_continue(tmp_path):
    def both(choices):
        (calm,) = contenders(choices)
        wild = replace(calm, label="wild", training=replace(TRAINING, lr=1e30))
        return [wild, calm]

    choices = Choices(systems=("dilated",), cells=("rnn",))
    experiment = Experiment("wild", "A test.", both, compares_systems=True)
    rows = conduct(tmp_path, experiment, choices)
    assert [(row["diverged"], row["loss"] is None) for row in rows] == [(2, True), (0, False)]
    assert "| 2 | 2 | – | – |" in (tmp_path / "table.md").read_text(encoding="utf-8")
    assert conduct(tmp_path, experiment, choices) == rows


def test_a_short_run_is_validated_often_enough_to_be_drawn(tmp_path):
    rows = Study.of(tiny(), replace(CHOICES, steps=3)).contenders
    assert {(c.training.steps, c.training.validate_every) for c in rows} == {(3, 1)}
    rows = Study.of(tiny(), replace(CHOICES, steps=1000)).contenders
    assert {(c.training.steps, c.training.validate_every) for c in rows} == {(1000, 4)}  # unchanged


def test_hm_lstm_is_annealed_and_a_resumed_run_ends_in_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(driver, "ENDLESS_EPOCH", 5)
    choices = Choices(systems=("hm-lstm",))
    (whole,), (stopped,) = contenders(choices), contenders(choices, Interrupting(5, at=8))
    driver.run(whole.spec(0), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        driver.run(stopped.spec(0), tmp_path / "stopped")
    driver.run(whole.spec(0), tmp_path / "stopped")
    one, other = (drn.load(tmp_path / name / "checkpoint.npz") for name in ("whole", "stopped"))
    assert one.slope == other.slope == 1 + 0.04 * (11 // 5)
    assert all((one.params[name] == other.params[name]).all() for name in one.params)


def test_the_first_step_below_half_the_baseline_is_a_validation_step(tmp_path):
    (contender, *_) = contenders(
        Choices(systems=("dilated",)), training=Training(200, batch_size=16, lr=2e-2, validate_every=10)
    )
    outcome = driver.run(contender.spec(0), tmp_path / "run")
    history = read_metrics(tmp_path / "run" / "metrics.csv")
    below = [step for step, loss in zip(history["step"], history["validation_loss"], strict=True) if loss <= 1 / 12]
    assert outcome["halved"] == min(below) and outcome["halved"] % 10 == 0
    assert outcome["steps"] == 200 == len(history["loss"])


def test_a_number_of_parameters_determines_each_hidden_size():
    for contender in contenders(Choices(parameters=1000)):
        assert 600 < contender.build(0).num_parameters <= 1000


@pytest.mark.parametrize(
    ("experiment", "choices", "message"),
    [
        (
            tiny(name="other"),
            CHOICES,
            "experiment is 'tiny' there, 'other' here; use the same settings, or give another folder",
        ),
        (tiny(), Choices("full", systems=("dilated",)), "scale is 'quick' there, 'full' here"),
        (tiny(), Choices(parameters=500), "parameters is None there, 500 here"),
        (tiny(Adding(6)), CHOICES, "is of another run: T is 5 there, 6 here"),
    ],
)
def test_a_folder_of_something_else_is_refused_and_unchanged(experiment, choices, message, tmp_path):
    conduct(tmp_path, seeds=1)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*.*")}
    with pytest.raises(FolderError, match=message):
        conduct(tmp_path, experiment, choices, seeds=1)
    assert before == {file: file.read_bytes() for file in tmp_path.rglob("*.*")}


def test_a_folder_left_by_a_killed_start_is_used(tmp_path):
    (tmp_path / ".record.json.part").write_text("{")
    assert len(conduct(tmp_path, seeds=1)) == 4


def test_a_damaged_file_is_named_with_a_remedy(tmp_path):
    rows = conduct(tmp_path, seeds=1)
    file = contenders(CHOICES)[1].folder(tmp_path, 0) / "result.json"
    file.write_text("{")
    with pytest.raises(FolderError, match=r"gru--seed-0.result.json is damaged .*; delete it, and the run is repeated"):
        conduct(tmp_path, seeds=1)
    file.unlink()
    assert conduct(tmp_path, seeds=1) == rows
    (tmp_path / "record.json").write_text("")
    with pytest.raises(FolderError, match=r"record.json is damaged .*; give another folder"):
        conduct(tmp_path, seeds=1)


def test_the_page_counts_the_runs_that_are_not_in_the_table(tmp_path):
    def page():
        return (tmp_path / "table.md").read_text(encoding="utf-8")

    conduct(tmp_path)
    assert "Not in this table" not in page()
    conduct(tmp_path, choices=Choices(systems=("skip",)), seeds=1)
    assert "Not in this table: 6 runs in the folder" in page()


def test_the_table_of_finished_runs_is_written_when_a_later_run_fails(tmp_path):
    some = functools.partial(failing_second, error=MemoryError("too much"))
    with pytest.raises(MemoryError, match="too much"):
        conduct(tmp_path, Experiment("greedy", "A test.", some, compares_systems=True), seeds=1)
    assert [row["runs"] for row in table(tmp_path)] == ["1", "0", "0", "0"]


def test_a_result_without_a_newer_setting_is_accepted(tmp_path):
    (contender, *_) = contenders(CHOICES)
    first = driver.run(contender.spec(0), tmp_path)
    file = tmp_path / "result.json"
    del first["settings"]["training"]["max_norm"]
    file.write_text(json.dumps(first))
    assert driver.run(contender.spec(0), tmp_path) == first


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("words")
    with pytest.raises(FolderError, match="is not empty and holds no experiment .*; give another folder"):
        conduct(tmp_path)
    assert os.listdir(tmp_path) == ["thesis.txt"]
