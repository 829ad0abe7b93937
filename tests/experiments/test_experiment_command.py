"""The experiments of the library, through the command line: tasks and nets that fit, tables, samples, and user errors."""

import json
import os
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from support.tiny_experiments import DATA, needs_data, table

from dilated_rnn_np.cli.main import main
from dilated_rnn_np.experiments import EXPERIMENTS, Choices, Training
from dilated_rnn_np.tasks import Digits, make_task
from dilated_rnn_np.tasks.small_digits import SmallDigits


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


@pytest.mark.slow
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
