"""Sizes beyond the machine end at once with the memory they need; refused commands leave no folders and no empty files."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from support.places import DATA

from dilated_rnn_np.cli.main import main
from dilated_rnn_np.experiments.files import made_folder, read_json, read_metrics

HUGE = "99999999999"
TRAIN = ["train", "adding", "--T", "9", "--steps", "2", "--batch-size", "2"]
mnist = pytest.mark.skipif(not DATA.is_dir(), reason="the data files are not in ../shared/data")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ["train", "adding", "--hidden", "99999999"],
            "--hidden 99999999 needs 1.2 EB for its parameters; this machine has ",
        ),
        (["summary", "--hidden", f"10,{HUGE}", "--layers", "2"], f"--hidden {HUGE} needs "),
        (["summary", "--hidden", "9" * 999], "needs more than 1,000 EB for its parameters"),
        (["summary", "--input-size", HUGE], f"input_size {HUGE} needs "),
        (["summary", "--output-size", HUGE], f"output_size {HUGE} needs "),
        (["summary", "--embedding", HUGE], f"--embedding {HUGE} needs "),
        (["summary", "--system", "hm-lstm", "--hidden", HUGE], "needs more than 1,000 EB for its parameters"),
        (["summary", "--dilations", f"1,{HUGE}"], f"dilation {HUGE} needs 4.0 TB for the state of one batch row"),
        (["summary", "--start", "40"], "fusion layer of width 1099511627776 needs 880 TB for its parameters"),
        (["summary", "--start", HUGE], f"--layers 9, base 2 and start {HUGE} give a dilation of 2**63 or more"),
        (["summary", "--base", HUGE], f"--layers 9, base {HUGE} and start 0 give a dilation of 2**63 or more"),
        (["summary", "--layers", "99"], "--layers 99, base 2 and start 0 give a dilation of 2**63 or more"),
        (["summary", "--layers", HUGE, "--base", "1"], f"--layers {HUGE} needs 200 TB for its layers"),
        (["train", "copy-memory", "--T", "999999999", "--layers", "2"], "--T 999999999 needs 5.1 TB for 128 sequences"),
        (["train", "adding", "--T", HUGE], "dilation 68719476736 needs "),
        (["train", "adding", "--batch-size", HUGE], f"--batch-size {HUGE} needs "),
        (["train", "adding", "--threads", HUGE], f"--threads must be a whole number from 1 to 1,024, got '{HUGE}'"),
        (["draw", "--steps", HUGE], f"--steps must be a whole number from 1 to 1,000, got '{HUGE}'"),
        (["draw", "--dilations", HUGE], f"dilation {HUGE} needs "),
        (["experiment", "copy-memory", "--seeds", HUGE], f"seeds {HUGE} needs "),
        ([*TRAIN, "--memory", "1e-9"], "--memory must be at least "),
        pytest.param(
            ["train", "mnist", "--length", HUGE, "--data-dir", str(DATA)], f"--length {HUGE} needs ", marks=mnist
        ),
        pytest.param(
            ["train", "speech", "--frame", HUGE, "--data-dir", str(DATA)], f"input_size {HUGE} needs ", marks=mnist
        ),
        (["train", "characters", "--text", "/dev/zero"], "/dev/zero must be a regular file, not a device"),
    ],
)
def test_an_absurd_size_ends_at_once_in_one_line(arguments, message, capsys):
    started = time.monotonic()
    assert main(arguments) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("error: ") and errors.count("\n") == 1 and message in errors and "budget" not in errors
    assert time.monotonic() - started < 20
    assert os.listdir() == []


# ---------------------------------------------------------------- folders and files


def test_a_folder_made_for_a_command_that_fails_is_removed_if_it_is_empty():
    Path("kept").mkdir()
    for folder, content in (("new/inner", False), ("kept/inner", False), ("kept", False), ("full/inner", True)):
        with pytest.raises(KeyError), made_folder(Path(folder)):
            if content:
                Path(folder, "file").write_text("content")
            raise KeyError
    assert sorted(map(str, Path().rglob("*"))) == ["full", "full/inner", "full/inner/file", "kept"]
    with made_folder(Path("new/inner")) as folder:
        pass
    assert folder.is_dir()


@pytest.mark.parametrize(
    "arguments", [["draw", "missing.npz"], ["draw", "--dilations", HUGE], [*TRAIN, "--out", "a/b"]], ids=str
)
def test_a_refused_command_leaves_no_folder(arguments, monkeypatch, capsys):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("dilated_rnn_np.experiments.driver.fit", full)
    assert main(arguments) == 2
    assert os.listdir() == [] and capsys.readouterr().err.count("\n") >= 1


@pytest.mark.parametrize(
    "arguments, picture",
    [
        (TRAIN, "runs/adding/curve.png"),
        (["draw", "--steps", "5"], "pictures/network.png"),
        (["paths", "--plot", "p.svg"], "p.svg"),
    ],
)
def test_a_picture_on_a_full_disk_is_named_and_leaves_no_file(arguments, picture, monkeypatch, capsys):
    def full(figure, file, **options):
        file.write(b"the first bytes")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    assert main(arguments) == 2
    assert f"error: cannot write {picture}: [Errno 28] No space left on device" in capsys.readouterr().err
    assert not [path for path in Path().rglob("*") if "png" in path.name or "svg" in path.name]
    assert not Path("pictures").exists()


def test_a_picture_that_cannot_be_written_keeps_the_older_one(monkeypatch):
    assert main(["paths", "--plot", "p.png"]) == 0
    before = Path("p.png").read_bytes()
    monkeypatch.setattr(Figure, "savefig", lambda figure, file, **options: file.write(b"half") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["paths", "--plot", "p.png"])
    assert Path("p.png").read_bytes() == before and os.listdir() == ["p.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes in folders")
def test_pipes_in_the_place_of_files_are_refused_without_waiting(capsys):
    os.makedirs("runs/adding")
    os.mkfifo("runs/adding/metrics.csv")
    os.mkfifo("text")
    os.mkfifo("curve.png")
    os.mkfifo("record.json")
    for arguments in (TRAIN, ["train", "characters", "--text", "text"], ["paths", "--plot", "curve.png"]):
        assert main(arguments) == 2
        assert "must be a regular file, not a pipe" in capsys.readouterr().err
    for read in (lambda: read_metrics(Path("text")), lambda: read_json(Path("record.json"), "")):
        with pytest.raises(OSError, match="must be a regular file, not a pipe"):
            read()
    assert os.listdir("runs/adding") == ["metrics.csv"]


# ---------------------------------------------------------------- terminals


@pytest.mark.parametrize(
    "arguments", [["train", "--help"], ["draw", "--help"], ["summary"], ["experiment", "--help"]], ids=str
)
def test_a_terminal_of_ascii_shows_all_texts(arguments):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "dilated_rnn_np", *arguments]
    done = subprocess.run(command, capture_output=True, timeout=120, env=environment)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert len(done.stdout.decode("ascii").splitlines()) > 5
