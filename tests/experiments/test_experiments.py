"""Experiments: tables, pictures and records; resuming a stopped experiment; errors."""

import functools
import json
import os
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from support.tiny_experiments import (
    CHOICES,
    DATA,
    TRAINING,
    Interrupting,
    conduct,
    contenders,
    failing_second,
    needs_data,
    result,
    table,
    tiny,
)

import dilated_rnn_np as drn
from dilated_rnn_np.cli.main import main
from dilated_rnn_np.experiments import EXPERIMENTS, Choices, Experiment, Study, Training, driver, environment, report
from dilated_rnn_np.experiments.files import FolderError, read_metrics
from dilated_rnn_np.experiments.plan import net
from dilated_rnn_np.nets import checkpoint as checkpoints
from dilated_rnn_np.tasks import Adding, Digits, make_task
from dilated_rnn_np.tasks.small_digits import SmallDigits


def test_an_experiment_leaves_table_pictures_record_and_a_folder_for_each_run(tmp_path):
    curves = (("step", "loss"), ("seconds", "metric"), ("step", "metric"))
    rows = conduct(tmp_path / "e", tiny(curves=curves))
    assert set(os.listdir(tmp_path / "e")) == {"table.csv", "table.md", "record.json", "runs", "curves-adding.png"}
    assert [row["net"] for row in table(tmp_path / "e")] == ["dilated rnn", "dilated gru", "skip rnn", "skip gru"]
    assert all(row["runs"] == 2 and row["diverged"] == 0 and row["loss_min"] < row["loss_max"] for row in rows)
    assert rows[0]["parameters"] == net(CHOICES, Adding(5), [1, 2], 4)(0).num_parameters
    page = (tmp_path / "e" / "table.md").read_text(encoding="utf-8")
    assert "| skip gru | 4 |" in page and "adding: memoryless baseline 1/6" in page and "2 runs per net: mean" in page
    assert matplotlib.image.imread(tmp_path / "e" / "curves-adding.png").std() > 0
    runs = sorted(os.listdir(tmp_path / "e" / "runs"))
    assert len(runs) == 8 and runs[0] == "adding--dilated-gru--seed-0"
    for run in runs:
        assert set(os.listdir(tmp_path / "e" / "runs" / run)) == {"checkpoint.npz", "metrics.csv", "result.json"}
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
        checkpoint = contender.folder(tmp_path, 0) / "checkpoint.npz"
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
    monkeypatch.setattr(environment, "versions", lambda backend: {"python": "4.0", "numpy": "9.9"})
    monkeypatch.setattr(
        environment, "machine", lambda backend: {"processors": 64, "threads": 3, "architecture": "abacus"}
    )
    conduct(tmp_path, seeds=2)
    first, second = json.loads((tmp_path / "record.json").read_text())["made with"]
    assert first["versions"]["numpy"] == np.__version__ and second["versions"]["numpy"] == "9.9"
    page = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert (
        f"numpy {np.__version__}" in page and "- 4 runs: 0 s of training on 64 processors, 3 threads (abacus)" in page
    )


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
    monkeypatch.setattr("dilated_rnn_np.baselines.annealing.EPOCH", 5)
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
            "experiment is 'tiny' there, 'other' here; make the same choices, or give another folder",
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
    with pytest.raises(FolderError, match="holds no experiment .* and is not empty; give another folder"):
        conduct(tmp_path)
    assert os.listdir(tmp_path) == ["thesis.txt"]


# ---------------------------------------------------------------------- the experiments of the paper


def test_every_experiment_without_data_files_describes_nets_that_can_be_built():
    for name in ("copy-memory", "searched-dilations"):
        for scale in ("quick", "full"):
            rows = EXPERIMENTS[name].contenders(Choices(scale))
            assert len({(c.setting, c.label) for c in rows}) == len(rows)
            assert all(c.build(0).output_size == c.task.output_size for c in rows)


@needs_data
@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_every_experiment_describes_nets_that_fit_its_data(name):
    rows = EXPERIMENTS[name].contenders(Choices("quick", data_dir=str(DATA)))
    assert len({(c.setting, c.label) for c in rows}) == len(rows) >= 2
    for contender in rows:
        x, *_ = contender.task.validation(8)[0]
        assert x.shape[-1] == contender.build(0).input_size
        assert EXPERIMENTS[name].against is None or EXPERIMENTS[name].against in contender.facts


def test_copy_memory_runs_from_the_command_line_to_the_printed_table(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Training, "__init__", short(Training.__init__))
    command = ["experiment", "copy-memory", "--systems", "dilated", "--cells", "rnn,gru,rnn", "--parameters", "900"]
    assert main([*command, "--seeds", "2"]) == 0
    printed = capsys.readouterr().out
    assert "| T = 32 | dilated gru |" in printed and "[4/4]" in printed and "to go" in printed
    assert "at most 900 parameters per net" in printed
    folder = Path("runs/experiments/copy-memory-quick")
    assert {"table.csv", "table.md", "record.json", "curves-t-32.png"} <= set(os.listdir(folder))


def short(init):
    """Training.__init__ with few steps, whatever is given."""
    return lambda self, steps, *args, **kwargs: init(self, 4, *args, **kwargs | {"validate_every": 2, "batch_size": 4})


@needs_data
def test_depth_is_drawn_over_the_number_of_layers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Training, "__init__", short(Training.__init__))
    assert main(["experiment", "depth", "--seeds", "1", "--data-dir", str(DATA), "--out", "e"]) == 0
    assert matplotlib.image.imread("e/over-layers.png").std() > 0
    assert [row["layers"] for row in table(Path("e"))] == [str(layers) for layers in range(2, 10)]


@needs_data
def test_characters_put_a_sample_into_the_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Training, "__init__", short(Training.__init__))
    command = ["experiment", "characters", "--systems", "dilated", "--data-dir", str(DATA), "--out", "e"]
    assert main(command) == 0
    sample = json.loads(next(Path("e").rglob("result.json")).read_text())["text"]
    assert len(sample) == 300 and sample.strip() in capsys.readouterr().out


@needs_data
def test_small_digits_are_means_of_squares_in_a_fixed_order():
    small, whole = (
        SmallDigits(True, block=4, noise=5, data_dir=DATA),
        Digits(length=784 + 5, held_out=500, data_dir=DATA),
    )
    for own, all_pixels in (
        (small.batches(3, seed=2).draw(7), whole.batches(3, seed=2).draw(7)),
        (small.validation(6)[1], whole.validation(6)[1]),
        (small.test(4)[0], whole.test(4)[0]),
    ):
        (x, labels), (pixels, expected) = own, all_pixels
        assert (labels == expected).all() and (x[49:] == pixels[784:]).all() and x.dtype == np.float32
        image = pixels[:784, 0, 0].reshape(28, 28)
        for step, square in enumerate(small.order):
            row, column = 4 * (square // 7), 4 * (square % 7)
            assert np.isclose(x[step, 0, 0], image[row : row + 4, column : column + 4].mean(), atol=1e-6)
    assert sorted(small.order) == list(range(49)) and len(small.test(250)) == 2
    with pytest.raises(ValueError, match="block must divide 28, got 5"):
        SmallDigits(block=5, data_dir=DATA)


@needs_data
def test_small_digits_of_an_experiment_can_be_evaluated_and_drawn_and_the_page_says_what_they_are(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    data = ["--data-dir", str(DATA)]
    run = ["--systems", "dilated", "--setting", "permuted", "--steps", "2", "--batch-size", "3", "--out", "e"]
    assert main(["experiment", "mnist", *run, *data]) == 0
    assert "permuted: images of 14 x 14 means, 196 steps; the first 500 test images." in capsys.readouterr().out
    (folder,) = Path("e/runs").iterdir()
    loss = json.loads((folder / "result.json").read_text())["loss"]
    assert main(["evaluate", f"{folder}/checkpoint.npz", *data]) == 0
    assert f"loss {loss:.4f}" in capsys.readouterr().out
    assert main(["draw", f"{folder}/checkpoint.npz", "--steps", "3", *data]) == 0
    assert {"confusion.png", "gradient_flow.png"} <= set(os.listdir("pictures"))
    small = SmallDigits(block=4, noise=5, data_dir=DATA)
    again = make_task(**small.settings(), data_dir=DATA)
    assert again.data_note == "images of 7 x 7 means, 49 steps and 5 of noise; the first 500 test images"
    assert again.steps_per_epoch(100) == 595 and (again.test(9)[0][0] == small.test(9)[0][0]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["copymemory"], "unknown experiment 'copymemory'"),
        (["copymemory"], "did you mean 'copy-memory'"),
        (["copy-memory", "--scale", "ful"], "did you mean 'full'"),
        (["copy-memory", "--systems", "dilated,skp"], "did you mean 'skip'"),
        (["copy-memory", "--cells", "grue"], "did you mean 'gru'"),
        (["copy-memory", "--backend", "torch"], "torch"),
        (["copy-memory", "--systems", "clockwork", "--cells", "lstm"], "clockwork takes no cell"),
        (["copy-memory", "--seeds", "0"], "--seeds must be a whole number of at least 1, got '0'"),
        (["copy-memory", "--parameters", "3"], "--parameters must be at least"),
        (["searched-dilations", "--systems", "skip"], "leave the systems out (--systems)"),
        (["copy-memory", "--frame", "1"], "leave the frame out (--frame)"),
        (["characters", "--corpus", "pbt"], "did you mean 'ptb'"),
        (["copy-memory", "--embedding", "0"], "--embedding must be a whole number of at least 1, got '0'"),
        (["mnist", "--data-dir", "nowhere"], "must be an existing folder"),
    ],
)
def test_a_user_error_ends_in_one_line_and_writes_nothing(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["experiment", *arguments]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("error: ") and errors.count("\n") == 1 and message in errors
    assert not any(files for _, _, files in os.walk(tmp_path))


def test_missing_data_names_the_option(tmp_path, monkeypatch, capsys):
    def unreachable(self, url, *arguments):
        raise OSError("no network")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pooch.HTTPDownloader.__call__", unreachable)
    monkeypatch.setattr("dilated_rnn_np.tasks.files.cache_folder", lambda: tmp_path / "cache")
    monkeypatch.delenv("DILATED_RNN_DATA", raising=False)
    assert main(["experiment", "mnist"]) == 2
    assert "--data-dir" in capsys.readouterr().err


@needs_data
def test_settings_steps_and_batch_size_can_be_chosen(tmp_path, capsys):
    command = ["experiment", "mnist", "--systems", "dilated", "--steps", "2", "--batch-size", "3"]
    data = ["--data-dir", str(DATA), "--out", str(tmp_path)]
    assert main([*command, *data, "--setting", "permuted"]) == 0
    out = capsys.readouterr().out
    assert "| permuted | dilated rnn |" in out and "unpermuted" not in out and "2 steps of 3 sequences" in out
    assert main([*command, *data, "--setting", "permuted", "--steps", "3"]) == 2
    assert "steps is 2 there, 3 here" in capsys.readouterr().err
    assert main([*command, *data, "--setting", "permutated"]) == 2
    assert "did you mean 'permuted'?" in capsys.readouterr().err
