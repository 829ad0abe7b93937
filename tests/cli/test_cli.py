"""The command line as a user types it: output, files, and answers to mistakes."""

import csv
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from support.places import ROOT

import dilated_rnn_np as drn
from dilated_rnn_np.cli.demo import demonstrate
from dilated_rnn_np.cli.main import COMMANDS, main
from dilated_rnn_np.cli.parser import parser
from dilated_rnn_np.nets import checkpoint as checkpoints
from dilated_rnn_np.nets.summary import describe
from dilated_rnn_np.plot import new_axes, training_curves

MNIST = ROOT.parent / "shared" / "data"
SMALL = ["--steps", "20", "--validate-every", "10", "--batch-size", "4"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_train_writes_checkpoint_metrics_and_picture_and_evaluate_reads_them(capsys):
    assert main(["train", "copy-memory", "--T", "8", *SMALL]) == 0
    printed = capsys.readouterr().out
    assert "memoryless baseline 10 ln 8 / (T + 20), mean over all T + 20 steps" in printed
    assert re.search(r"finished after step 20", printed)
    folder = Path("runs/copy-memory")
    assert sorted(os.listdir(folder)) == ["checkpoint.npz", "curve.png", "metrics.csv"]
    with open(folder / "metrics.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 20
    assert matplotlib.image.imread(folder / "curve.png").shape[1] > 600

    assert main(["evaluate", str(folder / "checkpoint.npz")]) == 0
    printed = capsys.readouterr().out
    model = drn.load(folder / "checkpoint.npz", best=True)
    task = drn.tasks.CopyMemory(T=8)
    loss, recall = drn.evaluate(model, task.test(512), metric=task.metric)
    assert f"loss {loss:.4f}" in printed and f"recall {recall:.4f}" in printed

    assert main(["summary", str(folder / "checkpoint.npz")]) == 0
    assert capsys.readouterr().out == describe(model) + "\n"


def test_ctrl_c_saves_and_a_resumed_run_ends_in_the_same_bits(capsys):
    command = ["train", "adding", "--T", "9", "--steps", "600", "--batch-size", "4"]
    assert main([*command, "--out", "whole"]) == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "dilated_rnn_np", *command, "--out", "stopped"],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    while not os.path.exists("stopped/checkpoint.npz") and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert re.search(r"stopped after step \d+ of 600: stopped/checkpoint.npz holds it; .*resume", errors)
    assert 0 < checkpoints.read("stopped/checkpoint.npz")[1]["step"] < 600
    assert main([*command, "--out", "stopped", "--resume"]) == 0
    whole, stopped = drn.load("whole/checkpoint.npz"), drn.load("stopped/checkpoint.npz")
    assert all((whole.params[name] == stopped.params[name]).all() for name in whole.params)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "copymemory"], "did you mean 'copy-memory'"),
        (["train", "copy-memory", "--cell", "grue"], "did you mean 'gru'"),
        (
            ["train", "copy-memory", "--dilations", "1,0"],
            "--dilations must be whole numbers of at least 1",
        ),
        (["train", "copy-memory", "--dilations", "1;2"], "got '1;2'"),
        (["train", "copy-memory", "--hidden", "many"], "--hidden must be whole numbers of at least 1"),
        (["train", "copy-memory", "--epochs", "2"], "give --steps"),
        (["train", "copy-memory", "--permuted"], "--permuted belongs to mnist; copy-memory has --T"),
        (
            ["train", "mnist", "--T", "3"],
            "--T belongs to copy-memory and adding; mnist has --permuted, --permutation-seed, --length",
        ),
        (["train", "mnist", "--data-dir", "nowhere"], "must be an existing folder"),
        (["train", "adding", "--optimizer", "adm"], "did you mean 'adam'"),
        (["train", "adding", "--input-init", "glorot"], "did you mean 'glorot_uniform'"),
        (["train", "adding", "--forget-bias", "1"], "belongs to --cell lstm"),
        (["train", "adding", "--lr", "-1"], "--lr must be a finite number above 0, got '-1'"),
        (["train", "adding", "--layers", "0"], "--layers must be a whole number of at least 1, got '0'"),
        (["train", "adding", "--validate-every", "0"], "--validate-every must be"),
        (["train", "adding", "--max-norm", "0"], "--max-norm must be a number above 0"),
        (["train", "adding", "--seed", "-1"], "--seed must be a whole number of at least 0, got '-1'"),
        (["train", "adding", "--cell", "gru", "--system", "clockwork"], "clockwork has units of its own"),
        (["train", "characters", "--cell", "gru", "--system", "clockwork", "--text", __file__], "units of its own"),
        (["train", "adding", "--forget-bias", "1", "--system", "skip"], "belongs to --cell lstm, not to rnn"),
        (["train", "adding", "--forget-bias", "1", "--system", "hm-lstm"], "hm-lstm has units of its own"),
        (["train", "adding", "--system", "clockwork", "--dilations", "4,2,1"], "--dilations of a clockwork RNN"),
        (["train", "adding", "--layers", "3", "--dilations", "1,2"], "--dilations: not allowed with argument --layers"),
        (["train", "adding", "--decay", "0.5", "--optimizer", "adam"], "--decay belongs to --optimizer rmsprop"),
        (["train", "characters", "--text", "a.txt", "--corpus", "ptb"], "--corpus: not allowed with argument --text"),
        (["summary", "run.npz", "--layers", "3"], "a checkpoint has its own architecture: leave --layers out"),
        (["evaluate", "run.npz", "--batch-size", "0"], "--batch-size must be a whole number of at least 1, got '0'"),
        (["evaluate", "."], ". is a folder: give checkpoint.npz"),
        (["train", "adding", "--threads", "0"], "--threads must be a whole number from 1 to 1,024, got '0'"),
        (["train", "adding", "--memory", "-1"], "--memory must be a finite number above 0"),
        (["train", "adding", "--memory", "0.001"], "MB) for 200 steps of 128 rows in this model, got 1,000 (0.001 MB)"),
        (["train", "adding", "--memory", "0.001"], "--memory must be at least"),
        (["train", "adding", "--no-fusion", "--system", "skip"], "--no-fusion belongs to --system dilated"),
        (["train", "adding", "--system", "clockwork", "--hidden", "4,8"], "--hidden must be a whole number"),
        (["train", "adding", "--parameters", "3"], "--parameters must be at least"),
        (["train", "adding", "--parameters", "100000000000"], "--parameters must be at most 100,000,000, got"),
        (
            ["experiment", "copy-memory", "--parameters", "100000000000"],
            "--parameters must be at most 100,000,000, got",
        ),
        (
            ["train", "adding", "--parameters", "300", "--hidden", "5"],
            "--hidden: not allowed with argument --parameters",
        ),
        (["train", "adding", "--backend", "torch"], "unknown backend 'torch'; known: numpy, cupy, auto"),
        (["train", "adding", "--steps"], "--steps: expected one argument"),
        (["train", "adding", "--stepz", "3"], "unrecognized arguments: --stepz 3"),
        (["trian", "adding"], "COMMAND: invalid choice: 'trian'"),
        (["--picture", "demo.xyz"], "must end in one of"),
        (["evaluate", "nothing.npz"], "there is no checkpoint nothing.npz"),
        (["summary", "nothing.npz"], "there is no checkpoint nothing.npz"),
        (["--picture", "missing/demo.png"], "must be a writable folder"),
    ],
)
def test_a_user_error_ends_in_one_line_and_exit_code_2(arguments, message, capsys, tmp_path):
    assert main(arguments) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("error: ") and errors.count("\n") == 1 and message in errors
    assert not any(files for _, _, files in os.walk(tmp_path))


def test_the_fusion_layer_can_be_left_out(capsys):
    command = ["summary", "--layers", "2", "--start", "3"]
    assert main(command) == 0
    assert "fuses 8 steps" in (printed := capsys.readouterr().out) and "(--no-fusion) leaves it out" in printed
    assert main([*command, "--no-fusion"]) == 0
    assert "fus" not in capsys.readouterr().out
    assert main(["train", "adding", "--T", "5", *SMALL, "--layers", "2", "--start", "3", "--no-fusion"]) == 0
    assert drn.load("runs/adding/checkpoint.npz").width == 1


@pytest.mark.parametrize("command", ["evaluate", "draw"])
def test_a_net_of_an_older_permutation_of_the_pixels_is_refused(command, capsys, tmp_path):
    arrays, config = checkpoints.model_record(drn.DilatedRNN(1, 2, [1, 2], output_size=10))
    for name in ("mnist", "small-mnist"):
        note = {"task": {"name": name, "permuted": True}}
        checkpoints.write("old.npz", arrays, {"model": config, "step": 3, "note": note})
        assert main([command, "old.npz"]) == 2
        assert "old.npz was trained by an older version, on another order of the pixels" in capsys.readouterr().err
    note["task"]["permuted"] = False
    checkpoints.write("old.npz", arrays, {"model": config, "step": 3, "note": note})
    assert main([command, "old.npz", "--data-dir", str(tmp_path / "nowhere")]) == 2
    assert "must be an existing folder" in capsys.readouterr().err


def test_a_rounded_hidden_size_is_reported(capsys):
    assert main(["summary", "--system", "clockwork", "--dilations", "1,2,4", "--hidden", "10"]) == 0
    assert "12 hidden units instead of 10: as many for each of the 3 modules\n" in capsys.readouterr().err
    assert main(["summary", "--system", "clockwork", "--dilations", "1,2,4", "--hidden", "12"]) == 0
    assert not capsys.readouterr().err


def test_hm_lstm_is_annealed_epoch_by_epoch():
    command = ["train", "adding", "--T", "5", "--steps", "201", "--batch-size", "2", "--hidden", "2"]
    assert main([*command, "--system", "hm-lstm"]) == 0
    assert drn.load("runs/adding/checkpoint.npz").slope == 1.08


def test_threads_and_memory_change_the_computation_but_not_the_result(capsys):
    command = ["train", "copy-memory", "--T", "200", *SMALL, "--dtype", "float64"]
    before = drn.get_num_threads()
    try:
        assert main([*command, "--out", "plain"]) == 0
        assert main([*command, "--out", "bounded", "--threads", "1", "--memory", "1.3"]) == 0
        assert drn.get_num_threads() == 1
    finally:
        drn.set_num_threads(before)
    plain, bounded = drn.load("plain/checkpoint.npz"), drn.load("bounded/checkpoint.npz")
    assert all(np.allclose(plain.params[name], bounded.params[name], rtol=1e-8) for name in plain.params)


def test_a_run_is_not_overwritten(capsys):
    assert main(["train", "adding", "--T", "5", *SMALL]) == 0
    before = Path("runs/adding/checkpoint.npz").read_bytes()
    assert main(["train", "adding", "--T", "5", *SMALL]) == 2
    assert "resume that run (--resume), or give another folder (--out FOLDER)" in capsys.readouterr().err
    assert Path("runs/adding/checkpoint.npz").read_bytes() == before


@pytest.mark.parametrize(
    ("option", "named"),
    [
        (["--T", "6"], "T is 5 there, 6 here"),
        (["--seed", "1"], "seed is 0 there, 1 here"),
        (["--batch-size", "5"], "batch-size is 4 there, 5 here"),
        (["--decay", "0.5"], "decay is 0.9 there, 0.5 here"),
        (["--validate-on", "test"], "validate-on is 'validation' there, 'test' here"),
        (["--lr", "1"], "lr is 0.004 there"),
        (["--steps", "40"], "steps is 20 there, 40 here"),
    ],
)
def test_a_run_is_not_resumed_with_other_settings(option, named, capsys):
    command = ["train", "adding", "--T", "5", *SMALL]
    assert main(command) == 0
    assert main([*command, "--resume", *option]) == 2
    assert named in capsys.readouterr().err


def test_the_batch_size_does_not_change_what_evaluate_measures(capsys):
    assert main(["train", "adding", "--T", "5", *SMALL]) == 0
    printed = []
    for size in ("7", "512"):
        capsys.readouterr()
        assert main(["evaluate", "runs/adding/checkpoint.npz", "--batch-size", size]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


def test_a_model_saved_by_hand_cannot_be_evaluated_without_a_task(capsys):
    drn.DilatedRNN(1, 2, [1]).save("m.npz")
    assert main(["evaluate", "m.npz"]) == 2
    assert "does not say which task" in capsys.readouterr().err


@pytest.mark.skipif(not (MNIST / "mnist").is_dir(), reason="the MNIST files are not in ../shared/data")
def test_mnist_trains_pixel_by_pixel_from_real_files(capsys):
    model = ["--cell", "gru", "--hidden", "4", "--layers", "3"]
    arguments = ["--permuted", "--data-dir", str(MNIST), "--steps", "2", "--batch-size", "16", *model]
    assert main(["train", "mnist", *arguments]) == 0
    assert main(["evaluate", "runs/mnist/checkpoint.npz", "--data-dir", str(MNIST)]) == 0
    assert re.search(r"accuracy 0\.\d{4}", capsys.readouterr().out)


def test_demonstration_prints_the_table_and_draws_both_curves(capsys):
    nets = demonstrate("demo.png", steps=6, progress=False)
    assert list(nets) == ["dilated", "plain"]
    assert nets["dilated"].num_parameters == nets["plain"].num_parameters
    printed = capsys.readouterr().out
    assert (
        re.search(r"dilated +1, 2, 4, 8, 16, 32, 64 +\d\.\d{4}", printed) and "memoryless baseline 10 ln 8" in printed
    )
    assert matplotlib.image.imread("demo.png").std() > 0


def test_training_curves_show_means_over_windows_and_the_baseline():
    ax = new_axes()
    curves = {"a": (np.arange(1, 8), np.arange(7.0)), "b": (np.array([1]), np.array([3.0]))}
    lines = training_curves(curves, 0.5, smooth=3, ax=ax)
    assert lines[0].get_xdata().tolist() == [3, 6, 7] and lines[0].get_ydata().tolist() == [1, 4, 6]
    assert lines[1].get_ydata().tolist() == [3]
    assert lines[2].get_ydata() == [0.5, 0.5]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b", "memoryless baseline"]
    assert lines[0].get_linestyle() != lines[1].get_linestyle()


def readme_blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_example_in_the_readme_prints_the_output_in_the_readme():
    code, expected = readme_blocks("python")[0], readme_blocks("text")[0]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == expected
    assert len(code.strip().splitlines()) <= 12


def test_the_commands_in_the_readme_parse():
    for line in readme_blocks("bash")[0].splitlines():
        words = line.split("#")[0].split()
        assert words[0] == "dilated-rnn"
        if words[-1] != "--help":
            assert parser().parse_args(words[1:]).command in COMMANDS
