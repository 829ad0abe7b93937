"""Several worker processes: the same table as one process, and orderly ends on errors and on Ctrl-C."""

import functools
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.places import ROOT
from support.tiny_experiments import CHOICES, conduct, contenders, diverging_second, failing_second, table, tiny

from dilated_rnn_np.arrays.threads import get_num_threads
from dilated_rnn_np.experiments import EXPERIMENTS, Choices, Experiment

TIMES = ("seconds", "seconds_per_step")


def results(folder):
    """All results of a folder without times and paths, by run."""
    texts = {file.parent.name: file.read_text().replace(str(folder), "") for file in folder.rglob("result.json")}
    found = {name: json.loads(text) for name, text in texts.items()}
    return {name: {k: v for k, v in result.items() if k not in TIMES} for name, result in found.items()}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_table_and_all_results_are_those_of_one_process(tmp_path, capfd):
    experiment = Experiment("wild", "A test.", diverging_second, ("loss", "metric", "halved"), compares_systems=True)
    threads = get_num_threads()
    conduct(tmp_path / "one", experiment)
    conduct(tmp_path / "two", experiment, jobs=2, progress=True)
    assert table(tmp_path / "two") == table(tmp_path / "one") and table(tmp_path / "one")[1]["diverged"] == "2"
    assert results(tmp_path / "two") == results(tmp_path / "one") and len(results(tmp_path / "one")) == 8
    assert {result["machine"]["threads"] for result in results(tmp_path / "two").values()} == {1}
    assert get_num_threads() == threads
    printed = capfd.readouterr().out
    assert printed.count("to go") == 8 and all(f"[{k}/8]" in printed for k in range(1, 9))


def test_finished_runs_are_not_repeated_by_other_processes(tmp_path):
    conduct(tmp_path, choices=Choices(systems=("dilated",)))
    done = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("result.json")}
    rows = conduct(tmp_path, jobs=9)  # more than there are runs
    assert len(done) == 4 and all(file.stat().st_mtime_ns == at for file, at in done.items())
    assert [row["runs"] for row in rows] == [2, 2, 2, 2]


def test_an_error_in_a_worker_is_raised_with_its_traceback_after_the_table_is_written(tmp_path):
    some = functools.partial(failing_second, error=MemoryError("too much"))
    with pytest.raises(MemoryError, match="too much") as raised:
        conduct(tmp_path, Experiment("greedy", "A test.", some, compares_systems=True), jobs=1, seeds=1)
    assert [row["runs"] for row in table(tmp_path)] == ["1", "0", "0", "0"]
    with pytest.raises(MemoryError, match="too much") as raised:
        conduct(tmp_path, Experiment("greedy", "A test.", some, compares_systems=True), jobs=2, seeds=1)
    assert "in a worker process" in str(raised.value.__cause__) and "Failing" not in str(raised.value)
    assert "raise self.error" in str(raised.value.__cause__)


def test_a_worker_that_dies_is_reported(tmp_path):
    some = functools.partial(failing_second, error=None)
    with pytest.raises(ChildProcessError, match="a worker process ended with code 3, .*use fewer --jobs"):
        conduct(tmp_path, Experiment("deadly", "A test.", some, compares_systems=True), jobs=2, seeds=1)


def test_an_experiment_that_cannot_be_sent_to_a_process_is_refused(tmp_path):
    experiment = Experiment("local", "A test.", lambda choices: contenders(choices), compares_systems=True)
    with pytest.raises(TypeError, match="local can run with one job only: .*; define it in a module"):
        conduct(tmp_path, experiment, jobs=2)
    assert all(pickle.loads(pickle.dumps(experiment)) == experiment for experiment in EXPERIMENTS.values())
    with pytest.raises(ValueError, match="jobs must be a whole number of at least 1, got 0"):
        conduct(tmp_path, tiny(), CHOICES, jobs=0)


def alive(processes):
    """The processes among the given ids that still run."""
    return [
        pid for pid in processes if Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_text()
    ]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="lists processes through /proc")
@pytest.mark.parametrize("whole_group", [pytest.param(False, marks=pytest.mark.slow), True], ids=["parent", "group"])
def test_ctrl_c_ends_all_processes_writes_the_table_and_the_same_command_resumes(whole_group, tmp_path):
    command = [sys.executable, "-m", "dilated_rnn_np", "experiment", "copy-memory", "--systems", "dilated,plain"]
    command += ["--cells", "rnn", "--steps", "120", "--batch-size", "4", "--seeds", "2"]
    settings = {"env": os.environ | {"PYTHONPATH": str(ROOT)}, "cwd": tmp_path, "text": True}
    process = subprocess.Popen(
        [*command, "--jobs", "2", "--out", "e"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        **settings,
    )
    while not list(tmp_path.rglob("checkpoint.npz")) and process.poll() is None:
        time.sleep(0.02)
    children = [int(p) for p in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 130, errors
    assert len(children) >= 2 and not alive(children)
    assert "runs are done, their table is in e; the same command goes on" in errors and "Traceback" not in errors
    stopped = json.loads((tmp_path / "e" / "record.json").read_text())
    assert not stopped["finished"] and len(table(tmp_path / "e")) == 2
    subprocess.run([*command, "--jobs", "2", "--out", "e"], check=True, capture_output=True, **settings)
    subprocess.run([*command, "--out", "whole"], check=True, capture_output=True, **settings)
    assert table(tmp_path / "e") == table(tmp_path / "whole")
    assert results(tmp_path / "e") == results(tmp_path / "whole")
