"""Characters and speech on the command line: their own defaults, carried state, generation, and mistakes."""

import re
from pathlib import Path

import numpy as np
import pytest
from support.places import DATA

import dilated_rnn_np as drn
from dilated_rnn_np.cli.main import main
from dilated_rnn_np.cli.parser import parser
from dilated_rnn_np.cli.task_options import DEFAULTS, NOT_FOR_ALL, OWN_OPTIONS
from dilated_rnn_np.nets import checkpoint as checkpoints
from dilated_rnn_np.tasks import TASKS, Characters, generate

TEXT = "the quick brown fox jumps over the lazy dog.\n" * 40
SMALL = ["--text", "own.txt", "--hidden", "8", "--layers", "2", "--window", "20", "--batch-size", "4"]
CHECKPOINT = "runs/characters/checkpoint.npz"


@pytest.fixture(autouse=True)
def in_a_folder_with_a_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("own.txt").write_text(TEXT, encoding="utf-8")


def test_characters_are_trained_measured_in_bits_and_generated(capsys):
    assert main(["train", "characters", *SMALL, "--embedding", "5", "--epochs", "2", "--lr", "0.02"]) == 0
    assert "entropy of single characters" in capsys.readouterr().out
    model, task = drn.load(CHECKPOINT, best=True), Characters(file="own.txt", window=20)
    assert model.params["embedding.W"].shape == (5, task.input_size) and model.cell.name == "gru"
    arrays, meta = checkpoints.read(CHECKPOINT)
    assert meta["step"] == 2 * task.steps_per_epoch(4) and "state/0/0" in arrays  # the state is carried

    assert main(["evaluate", CHECKPOINT]) == 0
    loss, bits = drn.evaluate(model, task.test(), task.loss, task.metric, truncated=True)
    printed = capsys.readouterr().out
    assert f"loss {loss:.4f}" in printed and f"bits/char {bits:.4f}" in printed

    assert (
        main(["generate", CHECKPOINT, "--prompt", "the ", "--length", "30", "--temperature", "0.5", "--seed", "3"]) == 0
    )
    assert capsys.readouterr().out == "the " + generate(model, task, "the ", 30, 0.5, rng=3) + "\n"
    assert main(["generate", CHECKPOINT, "--length", "5", "--temperature", "0"]) == 0
    assert capsys.readouterr().out == "\n" + generate(model, task, "\n", 5, 0) + "\n"


def test_a_resumed_run_carries_its_state_on_and_ends_in_the_same_bits():
    command = ["train", "characters", *SMALL, "--schedule", "constant"]
    assert main([*command, "--steps", "30", "--out", "whole"]) == 0
    assert main([*command, "--steps", "13", "--out", "stopped"]) == 0
    assert main([*command, "--steps", "30", "--out", "stopped", "--resume"]) == 0
    whole, stopped = drn.load("whole/checkpoint.npz"), drn.load("stopped/checkpoint.npz")
    assert all((whole.params[name] == stopped.params[name]).all() for name in whole.params)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["train", "characters", "--T", "9"],
            "--T belongs to copy-memory and adding; characters has --corpus, --text, --window",
        ),
        (["train", "adding", "--text", "own.txt"], "--text belongs to characters; adding has --T"),
        (["train", "speech", "--window", "9"], "--window belongs to characters; speech has --frame, --target"),
        (["train", "characters", "--corpus", "pbt"], "did you mean 'ptb'"),
        (["train", "characters", "--text", "other.txt"], "other.txt cannot be read"),
        (
            ["train", "characters", "--text", "own.txt", "--window", "0"],
            "--window must be a whole number of at least 1",
        ),
        (["train", "characters", "--text", "own.txt", "--embedding", "0"], "--embedding must be a whole number"),
        (
            ["train", "characters", "--text", "own.txt", "--batch-size", "9999"],
            "--batch-size must be less than the text's",
        ),
        (["generate", "nothing.npz"], "there is no checkpoint nothing.npz"),
    ],
)
def test_a_user_error_ends_in_one_line_and_exit_code_2(arguments, message, capsys):
    assert main(arguments) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("error: ") and errors.count("\n") == 1 and message in errors
    assert not Path("runs").exists()


def test_generate_refuses_a_model_of_another_task(capsys):
    assert main(["train", "adding", "--T", "5", "--steps", "1", "--batch-size", "2"]) == 0
    assert main(["generate", "runs/adding/checkpoint.npz"]) == 2
    assert "is of adding; use a checkpoint of 'dilated-rnn train characters'" in capsys.readouterr().err


def test_a_changed_text_and_an_unknown_character_in_the_prompt_are_named(capsys):
    assert main(["train", "characters", *SMALL, "--steps", "1"]) == 0
    assert main(["generate", CHECKPOINT, "--prompt", "the %"]) == 2
    assert "prompt must keep to characters of the training text, got '%'\n" in capsys.readouterr().err
    Path("own.txt").write_text(TEXT + "!", encoding="utf-8")
    assert main(["evaluate", CHECKPOINT]) == 2
    assert "own.txt has changed" in capsys.readouterr().err


def test_a_checkpoint_generates_without_its_text_and_is_evaluated_with_the_moved_text(tmp_path, monkeypatch, capsys):
    assert main(["train", "characters", *SMALL, "--steps", "1"]) == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    checkpoint, commands = f"../{CHECKPOINT}", {"evaluate": [], "draw": ["--steps", "3"]}
    capsys.readouterr()
    assert main(["evaluate", checkpoint]) == 0  # from another folder
    measured = capsys.readouterr().out
    Path("../own.txt").rename("moved.txt")
    assert main(["generate", checkpoint, "--length", "9"]) == 0
    for command, options in commands.items():
        assert main([command, checkpoint, *options]) == 2
        assert "own.txt cannot be read" in (error := capsys.readouterr().err) and "(--text FILE)" in error
        assert main([command, checkpoint, *options, "--text", "moved.txt"]) == 0
    assert main(["evaluate", checkpoint, "--text", "moved.txt"]) == 0
    assert capsys.readouterr().out.endswith(measured)
    drn.DilatedRNN(1, 2, [1]).save("m.npz")
    assert main(["evaluate", "m.npz", "--text", "moved.txt"]) == 2
    assert "--text belongs to checkpoints of 'train characters --text'" in capsys.readouterr().err


def test_an_older_checkpoint_generates_with_its_text(capsys):
    assert main(["train", "characters", *SMALL, "--steps", "1"]) == 0
    capsys.readouterr()
    assert main(["generate", CHECKPOINT, "--length", "9"]) == 0
    arrays, meta = checkpoints.read(CHECKPOINT)
    del meta["note"]["task"]["vocabulary"]
    checkpoints.write("older.npz", arrays, meta)
    written = capsys.readouterr().out
    assert main(["generate", "older.npz", "--length", "9"]) == 0
    assert capsys.readouterr().out == written


def test_given_dilations_replace_a_task_s_layers_and_a_system_s_units_replace_its_cell():
    for options in (["--dilations", "1,2,4"], ["--system", "hm-lstm"]):
        command = ["train", "characters", "--text", "own.txt", "--hidden", "4", "--steps", "1", "--batch-size", "2"]
        assert main([*command, *options, "--out", options[1]]) == 0
    assert len(drn.load("1,2,4/checkpoint.npz").layers) == 3 and drn.load("1,2,4/checkpoint.npz").cell.name == "gru"


def test_typed_options_replace_a_task_s_defaults():
    assert set(DEFAULTS) <= set(TASKS) and set(OWN_OPTIONS) == set(TASKS)
    for task in DEFAULTS:
        options = parser(task).parse_args(["train", task])
        for name in set(DEFAULTS[task]) - set(NOT_FOR_ALL):
            value = getattr(options, name)
            assert (str(value[0]) if name == "hidden" else value) == DEFAULTS[task][name]
        assert parser(task).parse_args(["train", task, "--cell", "rnn"]).cell == "rnn"
    assert parser("adding").parse_args(["train", "adding"]) == parser().parse_args(["train", "adding"])


@pytest.mark.skipif(not (DATA / "fsdd").is_dir(), reason="the recordings are not in ../shared/data")
def test_speech_trains_from_real_recordings(capsys):
    arguments = ["--data-dir", str(DATA), "--frame", "64", "--hidden", "4", "--layers", "2", "--steps", "2"]
    assert main(["train", "speech", *arguments]) == 0
    assert main(["evaluate", "runs/speech/checkpoint.npz", "--data-dir", str(DATA)]) == 0
    assert re.search(r"accuracy 0\.\d{4}", capsys.readouterr().out)


@pytest.mark.skipif(not (DATA / "tinyshakespeare").is_dir(), reason="the text is not in ../shared/data")
def test_characters_train_from_the_real_text(capsys):
    arguments = ["--data-dir", str(DATA), "--hidden", "4", "--layers", "1", "--steps", "2"]
    assert main(["train", "characters", *arguments]) == 0
    assert main(["generate", CHECKPOINT, "--length", "40"]) == 0
    assert np.isin(list(capsys.readouterr().out[-40:]), list(Characters(data_dir=DATA).vocabulary)).all()
