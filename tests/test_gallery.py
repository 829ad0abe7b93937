"""The commands paths and draw: the table is what paths computes, and every picture is written."""

import os
import re

import matplotlib.image
import pytest

import dilated_rnn_np as drn
from dilated_rnn_np.__main__ import main


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_paths_prints_the_measures_of_each_architecture_and_draws_them(capsys):
    powers = ",".join(str(d) for d in drn.exponential_dilations(9))
    assert main(["paths", "--dilations", powers, "--against", "skip,plain,cnn", "--plot", "lengths.png"]) == 0
    printed = capsys.readouterr().out
    rows = {line.split("  ")[0].strip(): line for line in printed.splitlines()}
    assert re.search(r"13\.0039 +17 +1\.00 +1,800 +200 +unlimited", rows["dilated RNN 1, 2, 4, …, 256"])
    assert re.search(r"136\.5039 +264 +2\.00 +2,700 +150 +unlimited", rows["skip RNN, s = 256"])
    assert re.search(r"137\.5000 +265 +1\.00 +1,800 +200 +unlimited", rows["plain RNN"])
    assert re.search(r"9\.0000 +9 +1\.00 +1,710 +190 +512", rows["dilated CNN 1, 2, 4, …, 256"])
    assert matplotlib.image.imread("lengths.png").std() > 0


ARCHITECTURE = {
    "network.png",
    "path.png",
    "fold.png",
    "path_lengths.png",
    "mean_recurrent_length.png",
    "path_length_map.png",
}
ARCHITECTURE |= {"forward.html", "forward.gif", "backward.html", "backward.gif"}


def test_draw_writes_every_picture_of_an_architecture(capsys):
    assert main(["draw", "--dilations", "1,2,4", "--steps", "9", "--out", "pictures"]) == 0
    assert set(os.listdir("pictures")) == ARCHITECTURE
    assert "10 pictures are in pictures" in capsys.readouterr().out
    for name in ARCHITECTURE:
        if name.endswith(".png"):
            assert matplotlib.image.imread(f"pictures/{name}").std() > 0


def test_draw_adds_what_a_trained_net_does():
    train = [
        "train",
        "copy-memory",
        "--T",
        "6",
        "--steps",
        "12",
        "--batch-size",
        "4",
        "--cell",
        "lstm",
        "--hidden",
        "3",
    ]
    assert main([*train, "--dilations", "1,2", "--out", "run"]) == 0
    assert main(["draw", "run/checkpoint.npz", "--steps", "7", "--out", "pictures"]) == 0
    layers = {f"layer{i}_{name}.png" for i in (1, 2) for name in ("h", "i", "f", "g", "o")}
    assert set(os.listdir("pictures")) == ARCHITECTURE | layers | {"training.png", "gradient_flow.png"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["paths", "--dilations", "1,-2"], "dilations[1] must be a whole number of at least 1, got '-2'"),
        (["paths", "--against", "skips"], "did you mean 'skip'"),
        (["paths", "--cycle", "0"], "cycle must be a whole number of at least 1, got 0"),
        (["paths", "--plot", "missing/a.png"], "must exist and be writable"),
        (["draw", "--steps", "0"], "steps"),
        (["draw", "missing.npz"], "there is no checkpoint"),
        (["draw", "--dilations", "two"], "got 'two'"),
    ],
)
def test_a_mistake_is_answered_by_one_line_and_nothing_is_written(arguments, message, capsys, tmp_path):
    assert main(arguments) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("error: ") and errors.count("\n") == 1 and message in errors
    assert not any(files for _, _, files in os.walk(tmp_path))
