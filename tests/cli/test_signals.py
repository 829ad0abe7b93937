"""Signals: whenever a command is stopped, it prints one sentence, and training can be resumed."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.places import ROOT

import dilated_rnn_np as drn
from dilated_rnn_np.cli.main import main
from dilated_rnn_np.cli.start import start
from dilated_rnn_np.nets import checkpoint as checkpoints

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").is_file(), reason="reads the states of processes from /proc"
)
TRAIN = ["train", "adding", "--T", "9", "--steps", "3000", "--batch-size", "4", "--checkpoint-every", "3000"]
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def signals_are_not_ignored():
    """Commands inherit ignored signals, and nohup or a background job may have started the tests with some."""
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def started(*command, **options):
    """A command in a process of its own, as soon as it handles signals."""
    process = subprocess.Popen(
        [sys.executable, *(command or ["-m", "dilated_rnn_np", *TRAIN])],
        **{"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True} | options,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    while not caught(process, signal.SIGTERM) and process.poll() is None:
        time.sleep(0.0005)
    return process


def caught(process, number):
    status = Path(f"/proc/{process.pid}/status").read_text()
    mask = int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16)
    return bool(mask >> (number - 1) & 1)


def training(process, folder="runs/adding"):
    """Wait for the first steps of a run."""
    while process.poll() is None and (
        not Path(f"{folder}/metrics.csv").exists() or Path(f"{folder}/metrics.csv").stat().st_size < 500
    ):
        time.sleep(0.002)


def sentence(process):
    """The one line that a stopped command has printed beside its progress bar."""
    _, errors = process.communicate(timeout=60)
    lines = [line for line in errors.splitlines() if line and "step/s" not in line]
    assert len(lines) == 1 and "Traceback" not in errors, errors
    return lines[0]


@pytest.mark.parametrize("delay", [0, 0.02, 0.1, 0.2, 0.3, 0.4])
def test_a_signal_during_the_imports_ends_the_command_in_one_sentence(delay):
    process = started()
    time.sleep(delay)
    process.send_signal(SIGNALS[int(delay * 100) % 2])
    assert sentence(process).startswith("stopped")
    assert process.returncode in (130, 143)


def test_the_console_command_handles_signals_in_its_imports_too():
    process = started("-c", "import sys; from dilated_rnn_np.cli.start import start; sys.exit(start())", *TRAIN)
    process.send_signal(signal.SIGINT)
    assert sentence(process).startswith("stopped at once") and process.returncode == 130
    assert '"dilated-rnn = dilated_rnn_np.cli.start:start"' in (ROOT / "setup.py").read_text() and callable(start)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_during_training_saves_and_the_resumed_run_ends_in_the_same_bits(number):
    command = [word.replace("3000", "400") for word in TRAIN]
    process = started("-m", "dilated_rnn_np", *command)
    training(process)
    process.send_signal(number)
    text = sentence(process)
    assert process.returncode == 128 + number
    assert text.startswith("stopped after step ") and text.endswith("continue with the same command and --resume")
    step = checkpoints.read("runs/adding/checkpoint.npz")[1]["step"]
    assert 0 < step < 400 and text.startswith(f"stopped after step {step} of 400")
    assert main([*command, "--resume"]) == main([*command, "--out", "whole"]) == 0
    one, other = drn.load("runs/adding/checkpoint.npz"), drn.load("whole/checkpoint.npz")
    assert all((one.params[name] == other.params[name]).all() for name in one.params)


@pytest.mark.parametrize("pause", [0, 0.001, 0.01])
@pytest.mark.parametrize(("first", "second"), [("SIGINT", "SIGINT"), ("SIGTERM", "SIGINT"), ("SIGINT", "SIGTERM")])
def test_a_second_signal_adds_no_line(first, second, pause):
    process = started()
    training(process)
    process.send_signal(signal.Signals[first])
    time.sleep(pause)
    process.send_signal(signal.Signals[second])
    assert sentence(process).startswith("stopped")
    assert process.returncode in (130, 143)
    assert sorted(checkpoints.read("runs/adding/checkpoint.npz")[0])[0].startswith("history")  # whole


def test_an_ignored_signal_stays_ignored():
    process = started(
        "-m",
        "dilated_rnn_np",
        *(word.replace("3000", "60") for word in TRAIN),
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )  # as nohup does
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_closed_terminal_saves_the_run():
    ours, theirs = pty.openpty()

    def in_terminal():
        os.setsid()
        os.close(os.open(os.ttyname(theirs), os.O_RDWR))  # becomes the controlling terminal

    process = started(stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=in_terminal, text=False)
    os.close(theirs)
    training(process)
    os.close(ours)  # the terminal is gone: SIGHUP, and nothing can be printed any more
    process.wait(timeout=60)
    assert process.returncode == 128 + signal.SIGHUP
    assert 0 < checkpoints.read("runs/adding/checkpoint.npz")[1]["step"] < 3000


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_to_all_processes_of_an_experiment_saves_their_runs(number):
    command = [
        "experiment",
        "copy-memory",
        "--systems",
        "dilated,plain",
        "--cells",
        "rnn",
        "--steps",
        "5000",
        "--out",
        "e",
    ]
    process = started("-m", "dilated_rnn_np", *command, "--jobs", "2", start_new_session=True)
    while process.poll() is None and len(list(Path("e").glob("runs/*/metrics.csv"))) < 2:
        time.sleep(0.01)
    for folder in Path("e").glob("runs/*"):
        training(process, folder)
    os.killpg(process.pid, number)
    assert sentence(process) == "stopped: 0 of 2 runs are done, their table is in e; the same command goes on"
    assert process.returncode == 128 + number
    steps = [checkpoints.read(file)[1]["step"] for file in Path("e").glob("runs/*/checkpoint.npz")]
    assert len(steps) == 2 and min(steps) > 0
