"""Locks on the command line: one run per folder; a second one is refused in one line."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.places import ROOT

from dilated_rnn_np.arrays.files import locked
from dilated_rnn_np.cli.main import main

TRAIN = ["train", "adding", "--T", "9", "--steps", "100000", "--batch-size", "4", "--out", "run"]
EXPERIMENT = [
    "experiment",
    "copy-memory",
    "--systems",
    "dilated",
    "--cells",
    "rnn",
    "--steps",
    "100000",
    "--out",
    "run",
]


@pytest.mark.parametrize(
    ("command", "again", "files"),
    [
        (TRAIN, [*TRAIN, "--resume"], ["checkpoint.npz"]),
        (EXPERIMENT, EXPERIMENT, ["record.json", "checkpoint.npz", "result.json"]),
    ],
    ids=["train", "experiment"],
)
def test_a_second_run_is_refused_while_the_first_goes_on_and_not_after_it_was_killed(
    command, again, files, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    first = subprocess.Popen(
        [sys.executable, "-m", "dilated_rnn_np", *command],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not list(Path().rglob("checkpoint.npz")) and first.poll() is None:
        time.sleep(0.01)
    assert main(again) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if "step/s" not in line]
    busy = f"run/{files[0]} is being written by another run"
    assert errors == [f"error: {busy}; wait for it, stop it, or give another name"]
    locks = sorted(Path("run").rglob(".*.lock"))
    assert [lock.name for lock in locks] == [f".{name}.lock" for name in files] and first.poll() is None
    first.kill()
    first.wait()
    for lock in locks:
        with locked(lock.with_name(lock.name[1:].removesuffix(".lock"))):
            pass
