"""Errors of the command line: the user's end in one line, bugs of the library keep their traceback."""

import os

import numpy as np
import pytest
from support.tiny_experiments import DATA

from dilated_rnn_np.cli.errors import UserError, user_errors
from dilated_rnn_np.cli.main import main
from dilated_rnn_np.nets.network import Network
from dilated_rnn_np.tasks import Adding

TRAIN = ["train", "adding", "--T", "5", "--steps", "4", "--batch-size", "2"]
EXPERIMENT = [
    "experiment",
    "copy-memory",
    "--systems",
    "dilated",
    "--cells",
    "rnn",
    "--steps",
    "2",
    "--batch-size",
    "2",
]
EVALUATE = ["evaluate", "runs/adding/checkpoint.npz"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def raising(error):
    def bug(*arguments, **options):
        raise error

    return bug


@pytest.mark.parametrize(
    "error", [ValueError("shapes differ"), TypeError("not callable"), KeyError("h"), IndexError(3)]
)
@pytest.mark.parametrize("command", [TRAIN, EVALUATE, EXPERIMENT, ["draw", "runs/adding/checkpoint.npz"]], ids=str)
def test_a_bug_in_the_computation_shows_its_traceback(command, error, monkeypatch):
    if command not in (TRAIN, EXPERIMENT):
        assert main(TRAIN) == 0
    monkeypatch.setattr(Network, "forward", raising(error))
    with pytest.raises(type(error)) as raised:
        main(command)
    assert raised.value is error


@pytest.mark.parametrize("function", ["fit", "evaluate"])
def test_a_bug_in_training_or_testing_shows_its_traceback(function, monkeypatch):
    monkeypatch.setattr(f"dilated_rnn_np.experiments.driver.{function}", raising(ValueError("a bug")))
    assert not (function == "evaluate" and main(TRAIN))
    with pytest.raises(ValueError, match="a bug"):
        main(EVALUATE if function == "evaluate" else TRAIN)


def test_a_bug_in_a_metric_shows_its_traceback(monkeypatch):
    monkeypatch.setattr(Adding, "metric", lambda self, output, targets, lengths: output @ np.ones((3, 3)))
    with pytest.raises(ValueError, match="matmul"):
        main(TRAIN)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("prepare", "command", "message"),
    [
        (lambda: None, [*TRAIN, "--lr", "1e39"], "is not finite"),
        (lambda: open("runs", "w").close(), TRAIN, "give another one (--out FOLDER)"),
        (lambda: open("runs", "w").close(), [*EXPERIMENT, "--out", "runs/e"], "give another one (--out FOLDER)"),
        (lambda: open("broken.npz", "w").close(), ["evaluate", "broken.npz"], "cut off, damaged"),
        (lambda: os.makedirs("e/other"), [*EXPERIMENT, "--out", "e"], "holds no experiment"),
        (lambda: None, ["train", "adding", "--text", "a.txt"], "--text belongs to characters"),
    ],
)
def test_a_documented_error_ends_in_one_line(prepare, command, message, capsys):
    prepare()
    assert main(command) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line and "step/s" not in line]
    assert len(errors) == 1 and errors[0].startswith("error: ") and message in errors[0]


def test_too_little_memory_ends_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(Network, "forward", raising(MemoryError("9 GB")))
    assert main(TRAIN) == 2
    assert "error: not enough memory (9 GB); use fewer or smaller layers" in capsys.readouterr().err


@pytest.mark.skipif(not DATA.is_dir(), reason="the data files are not in ../shared/data")
def test_a_damaged_data_file_ends_in_one_line(capsys):
    os.makedirs("data/mnist")
    for name in os.listdir(DATA / "mnist"):
        open(f"data/mnist/{name}", "w").close()
    assert main(["train", "mnist", "--data-dir", "data", "--steps", "1"]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_errors_of_construction_name_the_option_and_keep_their_cause():
    with pytest.raises(UserError, match="^--memory must be at least 3$") as raised, user_errors():
        raise ValueError("budget must be at least 3")
    assert isinstance(raised.value.__cause__, ValueError)
    with pytest.raises(ZeroDivisionError), user_errors():
        1 / 0  # noqa: B018
