"""Learning rates chosen on validation data; regularisation chosen by the user; the command on the page."""

import shlex
from dataclasses import replace

import pytest
from support.tiny_experiments import CHOICES, TRAINING, conduct, contenders, table, tiny

from dilated_rnn_np.cli.parser import parser
from dilated_rnn_np.experiments import EXPERIMENTS, Choices, Study, Training, driver, tuning
from dilated_rnn_np.experiments.files import read_json
from dilated_rnn_np.experiments.report import command
from dilated_rnn_np.nets import checkpoint as checkpoints
from dilated_rnn_np.tasks import Adding

TUNE = replace(CHOICES, steps=20, tune=True)


def test_each_net_runs_at_the_rate_of_the_lowest_validation_loss(tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "RATES", (1e-3, 3e-2, 10.0))
    rows = conduct(tmp_path, choices=TUNE, seeds=1)
    for row, contender in zip(rows, contenders(CHOICES), strict=True):
        losses = {}
        for rate in tuning.RATES:
            training = replace(TRAINING, steps=2, lr=rate, validate_every=1)
            folder = tmp_path / "again" / f"{contender.label}-{rate}"
            short = driver.run(replace(contender, training=training).spec(0), folder)
            best = checkpoints.load(folder / "checkpoint.npz", best=True)
            losses[rate] = driver.measure(best, contender.task, part="validation")[0]
            assert losses[rate] != short["loss"]  # that of the test data
        assert row["lr"] == min(losses, key=losses.get)
        stored = read_json(contender.folder(tmp_path, 0) / "result.json", "")["settings"]["training"]
        assert (stored["lr"], stored["steps"]) == (row["lr"], 20)
        line = f"| adding | {contender.label} | " + " | ".join(
            f"**{loss:.4f}**" if rate == row["lr"] else f"{loss:.4f}" for rate, loss in losses.items()
        )
        assert line in (tmp_path / "table.md").read_text(encoding="utf-8")
    assert {row["lr"] for row in rows} == {3e-2}


def test_a_tuned_study_is_the_same_in_two_processes_and_is_not_repeated(tmp_path):
    conduct(tmp_path / "one", choices=TUNE, seeds=1)
    conduct(tmp_path / "two", choices=TUNE, seeds=1, jobs=2)
    assert table(tmp_path / "two") == table(tmp_path / "one")
    done = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("result.json")}
    conduct(tmp_path / "one", choices=TUNE, seeds=1)
    assert len(done) == 2 * (4 + 4 * 4) and all(file.stat().st_mtime_ns == at for file, at in done.items())


class WithoutTest(Adding):
    def held_out_batches(self, part, batch_size):
        assert part == "validation"
        return super().held_out_batches(part, batch_size)


def test_the_search_reads_no_test_data_and_makes_a_tenth_of_the_steps(tmp_path):
    search = tuning.search(Study.of(tiny(WithoutTest(5)), TUNE))
    rows = conduct(tmp_path, search.experiment, search.choices, seeds=1)
    assert len(rows) == 4 * len(tuning.RATES) and {c.training.steps for c in search.contenders} == {2}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_rate_that_diverges_is_not_chosen(tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "RATES", (1e30, 1e-3))
    rows = conduct(tmp_path, choices=replace(TUNE, steps=60), seeds=1)
    assert {row["lr"] for row in rows} == {1e-3}
    assert "| diverged | **" in (tmp_path / "table.md").read_text(encoding="utf-8")


def test_the_average_of_the_weights_is_validated_tested_and_stored(tmp_path):
    (contender, *_) = contenders(Choices(systems=("dilated",)))
    training = Training(12, batch_size=4, validate_every=4, lr=3e-2)
    results = {}
    for decay in (None, 0.0, 0.9):
        described = replace(contender, training=replace(training, average=decay)).spec(0)
        results[decay] = driver.run(described, tmp_path / str(decay))
        best = checkpoints.load(tmp_path / str(decay) / "checkpoint.npz", best=True)
        assert results[decay]["loss"] == driver.measure(best, contender.task)[0]
    last = {decay: checkpoints.load(tmp_path / str(decay) / "checkpoint.npz").params for decay in results}
    assert all((last[None][name] == last[0.9][name]).all() for name in last[None])  # training does not depend on it
    assert results[0.0]["loss"] == results[None]["loss"] != results[0.9]["loss"]


def test_the_page_names_command_training_and_dropout(tmp_path):
    conduct(tmp_path, choices=replace(CHOICES, dropout=0.25, average=0.5), seeds=1)
    page = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert (
        "`dilated-rnn experiment tiny --systems dilated,skip --dropout 0.25 --average 0.5 --seeds 1`"
        in page.replace("--scale quick ", "")
    )
    assert (
        "12 steps of 4 sequences, rmsprop, learning rate 0.004, cosine schedule, gradient norm at most 1, weights"
        in page
    )
    assert "adding: dropout 0.25 between the layers." in page


def test_dropout_average_and_weight_decay_reach_nets_and_training():
    rows = Study.of(tiny(), replace(CHOICES, dropout=0.25, average=0.5)).contenders
    assert {(row.build(0).dropout, row.training.average) for row in rows} == {(0.25, 0.5)}
    model = rows[0].build(0)
    assert Training(1, optimizer="adamw", weight_decay=0.125).optimizer_for(model).options()["weight_decay"] == 0.125
    with pytest.raises(ValueError, match=r"average must lie in \[0, 1\), got 1"):
        Choices(average=1.0)


@pytest.mark.parametrize(
    "choices",
    [
        Choices(),
        Choices("full", ("dilated", "plain"), ("rnn", "gru"), 2000, settings=("T = 500",), steps=7, batch_size=3),
        Choices("full", ("dilated",), dropout=0.1, average=0.99, tune=True, embedding=4),
    ],
)
def test_the_command_on_the_page_gives_the_same_choices(choices):
    words = shlex.split(command(Study.of(EXPERIMENTS["copy-memory"], choices, seeds=2)))
    options = parser(None).parse_args(words[1:])
    given = {name: getattr(options, name) for name in vars(choices)}
    given["settings"] = given["settings"] and tuple(given["settings"])
    assert Choices(**given) == choices and options.seeds == 2
