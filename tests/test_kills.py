"""Kills: runs of all tasks and systems that are killed again and again end in the same bits as uninterrupted ones.

The slow tests share the kills among all configurations: ``KILLS=200 python -m pytest -m slow -k kills -s`` makes 200 and prints
how many of them hit a write.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from support.places import DATA, ROOT

from dilated_rnn_np.arrays import archive
from dilated_rnn_np.nets import checkpoint as checkpoints
from dilated_rnn_np.training.run import COLUMNS

SMALL = ["--threads", "1", "--batch-size", "4", "--hidden", "8", "--layers", "3"]
SYNTHETIC = [*SMALL, "--T", "20", "--validate-every", "10"]
RUNS = {
    "skip": ["adding", *SYNTHETIC, "--system", "skip", "--cell", "lstm", "--dropout", "0.2"],
    "dilated": ["copy-memory", *SYNTHETIC, "--cell", "gru", "--memory", "1", "--optimizer", "adamw"],
    "plain": ["adding", *SYNTHETIC, "--system", "plain", "--embedding", "3", "--optimizer", "sgd"],
    "clockwork": ["copy-memory", *SYNTHETIC, "--system", "clockwork", "--hidden", "9"],
    "phased-lstm": ["adding", *SYNTHETIC, "--system", "phased-lstm"],
    "dilated-cnn": ["copy-memory", *SYNTHETIC, "--system", "dilated-cnn", "--start", "1"],
    "hm-lstm": ["adding", *SYNTHETIC, "--system", "hm-lstm", "--optimizer", "adam"],
    "characters": ["characters", *SMALL, "--window", "15", "--validate-every", "10"],
    "characters, hm-lstm": ["characters", *SMALL, "--window", "15", "--validate-every", "10", "--system", "hm-lstm"],
    "digits": ["mnist", *SMALL, "--permuted", "--validate-every", "100000", "--data-dir", str(DATA)],
    "speech": ["speech", *SMALL, "--frame", "64", "--validate-every", "30", "--data-dir", str(DATA)],
}
STEPS_PER_KILL = 8
SHARE = -(-int(os.environ.get("KILLS", "22")) // (len(RUNS) + 1))  # kills of each configuration and of the forecaster


def process(*options, command="train"):
    command = [sys.executable, "-m", "dilated_rnn_np", command, *options]
    return subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def steps_made(folder):
    """The steps in a run's metrics file, which has a line for each beside its header."""
    file = folder / "metrics.csv"
    return file.read_bytes().count(b"\n") - 1 if file.exists() else -1


def content(folder):
    """All that a run has computed, without the times."""
    arrays, meta = checkpoints.read(folder / "checkpoint.npz")
    arrays["history"][:, COLUMNS.index("seconds")] = 0
    return {name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()}, meta | {"seconds": 0}


def killed_again_and_again(options, kills, rng):
    """Kill a run at random steps, and each time within a few milliseconds more; return how many kills hit a write."""
    folder, step, during_a_write = Path("killed"), 0, 0
    for made in range(kills):
        target = int(rng.integers(made, made + 2) * STEPS_PER_KILL) + 1
        running = process(*options, "--out", str(folder), "--resume")
        while steps_made(folder) < max(target, step + 1) and running.poll() is None:
            time.sleep(0.001)
        time.sleep(float(rng.uniform(0, 0.02)))
        running.kill()
        _, errors = running.communicate()
        assert running.returncode == -9, errors
        during_a_write += len(list(folder.glob(".*.part")))
        before, step = step, checkpoints.read(folder / "checkpoint.npz")[1]["step"]
        assert step >= before
    return during_a_write


@pytest.mark.parametrize(
    "run", [name if name == "skip" else pytest.param(name, marks=pytest.mark.slow) for name in RUNS]
)
def test_kills_lose_nothing_and_change_no_bit(run, tmp_path, monkeypatch):
    if str(DATA) in RUNS[run] and not DATA.is_dir():
        pytest.skip("the data files are not in ../shared/data")
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("to be or not to be, that is the question. " * 200)
    options = RUNS[run] + (["--text", "text.txt"] if run.startswith("characters") else [])
    rng = np.random.default_rng(list(RUNS).index(run))
    options += ["--steps", str((SHARE + 2) * STEPS_PER_KILL), "--checkpoint-every", str(rng.integers(1, 4))]
    during_a_write = killed_again_and_again(options, SHARE, rng)
    for folder in ("killed", "whole"):
        running = process(*options, "--out", folder, "--resume")
        assert running.communicate()[1] is not None and running.returncode == 0
        assert sorted(os.listdir(folder)) == ["checkpoint.npz", "curve.png", "metrics.csv"]
    assert content(Path("killed")) == content(Path("whole"))
    print(f"{run}: {SHARE} kills, {during_a_write} of them during a write")


@pytest.mark.slow
def test_kills_of_a_forecaster_lose_nothing_and_change_no_bit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng, t = np.random.default_rng(len(RUNS)), np.arange(150)
    values = 20 + 5 * np.sin(t * np.pi / 6) + rng.standard_normal((3, 150))
    rows = [
        f"{name},{step},{y}" for name, series in zip("abc", values, strict=True) for step, y in enumerate(series, 1)
    ]
    Path("series.csv").write_text("\n".join(["unique_id,ds,y", *rows]))
    options = ["series.csv", "--horizon", "6", "--season", "12", "--hidden", "4", "--members", "2", "--steps", "220"]
    started = time.perf_counter()
    whole = process(*options, "--threads", "1", "--out", "whole", command="forecast")
    assert whole.communicate()[1] is not None and whole.returncode == 0
    duration, killed = time.perf_counter() - started, 0
    while killed < SHARE:
        running = process(*options, "--threads", "1", "--out", "killed", "--resume", command="forecast")
        time.sleep(float(rng.uniform(0.1, 1.1)) * duration)
        running.kill()
        running.communicate()
        if running.returncode == 0:  # it was faster: begin anew
            shutil.rmtree("killed")
        killed += running.returncode == -9
    last = process(*options, "--threads", "1", "--out", "killed", "--resume", command="forecast")
    assert last.communicate()[1] is not None and last.returncode == 0
    for name in ("forecast.csv", "backtest.csv"):
        assert Path("killed", name).read_bytes() == Path("whole", name).read_bytes()
    arrays, others = (archive.read(Path(folder, "model.npz"))[0] for folder in ("killed", "whole"))
    assert {name: a.tobytes() for name, a in arrays.items()} == {name: a.tobytes() for name, a in others.items()}
    print(f"forecaster: {killed} kills")
