"""The commands paths and draw: the table shows the numbers of ``paths``, and every picture is written."""

import json
import os
import re
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from support.places import DATA

import dilated_rnn_np as drn
from dilated_rnn_np.baselines.systems import SYSTEMS
from dilated_rnn_np.cli import gallery
from dilated_rnn_np.cli.main import main
from dilated_rnn_np.tasks import Adding


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


def test_a_dilated_net_can_be_compared_with_every_system(capsys):
    names = ",".join(SYSTEMS)
    assert main(["paths", "--dilations", "1,2,4", "--against", names]) == 0
    printed = capsys.readouterr().out
    assert all(
        label in printed
        for label in ("clockwork RNN", "plain RNN", "hierarchical multiscale RNN", "dilated CNN", "skip RNN")
    )
    assert len(printed.splitlines()) == 3 + len(SYSTEMS)


ARCHITECTURE = {
    "network.png",
    "path.png",
    "fold.png",
    "path_lengths.png",
    "mean_recurrent_length.png",
    "path_length_map.png",
}
ARCHITECTURE |= {"forward.gif", "backward.gif", "explorer.html"}


def test_draw_writes_every_picture_of_an_architecture(capsys):
    assert main(["draw", "--dilations", "1,2,4", "--steps", "9", "--out", "pictures"]) == 0
    assert set(os.listdir("pictures")) == ARCHITECTURE
    assert "9 files are in pictures" in capsys.readouterr().out
    for name in ARCHITECTURE:
        if name.endswith(".png"):
            assert matplotlib.image.imread(f"pictures/{name}").std() > 0


def titles(function, monkeypatch):
    """The titles of the pictures that are saved while a function runs, by file name."""
    from dilated_rnn_np.cli import gallery

    seen, saved = {}, gallery.plot.save_picture

    def saving(ax, path, dpi):
        seen[path.name] = ax.get_title("left") or ax.get_title(), ax
        return saved(ax, path, dpi)

    monkeypatch.setattr(gallery.plot, "save_picture", saving)
    function()
    return seen


def test_the_pictures_are_of_the_given_architecture(monkeypatch):
    seen = titles(lambda: main(["draw", "--dilations", "3,9", "--steps", "12"]), monkeypatch)
    assert "dilated RNN 3, 9" in seen["network.png"][0] and "dilated RNN 3, 9" in seen["path_length_map.png"][0]
    figure = seen["fold.png"][1].figure
    assert any(
        "one layer of dilation 3 over 8 time steps" in text
        for ax in figure.axes
        for text in (ax.get_title("left"), ax.get_title())
    )
    legend = [text.get_text() for text in seen["mean_recurrent_length.png"][1].get_legend().get_texts()]
    assert "dilated RNN 3, 9" in legend


@pytest.mark.skipif(not DATA.is_dir(), reason="the MNIST files are not in ../shared/data")
def test_draw_shows_the_errors_of_a_net_that_reads_digits(monkeypatch):
    net = ["--cell", "gru", "--hidden", "2", "--dilations", "4,16", "--steps", "1", "--batch-size", "8"]
    assert main(["train", "mnist", *net, "--data-dir", str(DATA), "--out", "run"]) == 0
    from dilated_rnn_np import plot

    given = {}
    confusion = plot.confusion
    monkeypatch.setattr(plot, "confusion", lambda *a, **k: given.update(targets=a[0]) or confusion(*a, **k))
    assert main(["draw", "run/checkpoint.npz", "--data-dir", str(DATA), "--steps", "5"]) == 0
    assert {"confusion.png", "digits.png"} <= set(os.listdir("pictures"))
    assert given["targets"][:5].tolist() == [7, 2, 1, 0, 4]  # the labels of the first test images


class Ragged(Adding):
    """Adding whose test rows end early, all but two of them, and are padded with 7."""

    def test(self, batch_size):
        x, targets = self.draw(np.random.default_rng(0), 6)
        lengths = np.array([3, 5, 4, 5, 2, 4])
        x[np.arange(5)[:, None] >= lengths] = 7
        return [(x, targets.ravel().astype(int), lengths)]


def test_pictures_of_a_net_show_no_padding(tmp_path, monkeypatch):
    seen = []
    for name in ("gradient_flow", "activations"):
        original = getattr(gallery, name)
        monkeypatch.setattr(
            gallery, name, lambda model, x, *a, original=original: seen.append((x, *a)) or original(model, x, *a)
        )
    model, task = drn.DilatedRNN(2, 3, [1, 2], output_size=2), Ragged(5)
    task.loss = "softmax_cross_entropy"
    model.save("m.npz")
    gallery.draw_checkpoint("m.npz", model, task, tmp_path / "pictures")
    x, targets, _ = task.test(64)[0]
    (flow, last, _), (shown,) = seen
    assert np.array_equal(flow, x[:, [1, 3]]) and np.array_equal(last, targets[[1, 3]])
    assert np.array_equal(shown, x[:, [1]]) and not (flow == 7).any()
    assert np.array_equal(gallery.example_of(model, task).x, x[:, [1]])


def test_draw_takes_either_a_checkpoint_or_dilations(capsys):
    drn.DilatedRNN(1, 2, [1, 2]).save("m.npz")
    assert main(["draw", "m.npz", "--dilations", "1,2"]) == 2
    assert "leave --dilations out" in capsys.readouterr().err


def test_draw_adds_the_pictures_of_a_trained_net():
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
    assert '"task": "copy-memory"' in Path("pictures/explorer.html").read_text(encoding="utf-8")


# ---------------------------------------------------------------------- explore


def page_data(file="explorer.html"):
    """The data that an explorer's page holds."""
    text = Path(file).read_text(encoding="utf-8")
    return json.loads(re.search(r'<script id="given"[^>]*>(.*?)</script>', text, re.S)[1])


@pytest.mark.parametrize(
    ("arguments", "dilations"),
    [
        ([], [1, 2, 4]),
        (["--dilations", "3,1,5"], [3, 1, 5]),
        (["--layers", "4"], [1, 2, 4, 8]),
        (["--layers", "2", "--base", "3", "--start", "1"], [3, 9]),
        (["--base", "4"], [1, 4, 16]),
    ],
)
def test_explore_writes_the_page_of_the_given_dilations(arguments, dilations, capsys):
    assert main(["explore", *arguments]) == 0
    assert os.listdir() == ["explorer.html"]
    assert page_data()["start"]["d"] == dilations and page_data()["example"] is None
    assert "explorer.html is written" in capsys.readouterr().out


@pytest.mark.parametrize("system", ["dilated", "clockwork"])
def test_explore_shows_an_example_of_a_checkpoints_task(system):
    train = [
        "train",
        "copy-memory",
        "--T",
        "6",
        "--steps",
        "2",
        "--batch-size",
        "4",
        "--hidden",
        "4",
        "--dilations",
        "1,2",
    ]
    assert main([*train, "--system", system, "--out", "run"]) == 0
    assert main(["explore", "run/checkpoint.npz", "--out", "page.html"]) == 0
    data = page_data("page.html")
    assert data["start"]["system"] == system and data["start"]["T"] == data["example"]["steps"] == 26
    x, targets = drn.tasks.CopyMemory(6).test(64)[0]
    symbols = x[:, 0].argmax(axis=-1).tolist()
    expected = ["blank" if s == 8 else "the marker" if s == 9 else f"symbol {s}" for s in symbols]
    assert data["example"]["inputs"] == [f"input {word}" for word in expected]
    assert f"the target is class {targets[-1, 0]}" in data["example"]["text"]


def test_explore_shows_a_checkpoint_without_a_task_and_regressions():
    drn.DilatedRNN(2, 3, [2, 4], output_size=1).save("m.npz")
    assert main(["explore", "m.npz"]) == 0
    assert "names no task" in page_data()["example"]["text"] and page_data()["start"]["d"] == [2, 4]
    train = ["train", "adding", "--T", "12", "--steps", "2", "--batch-size", "4", "--hidden", "4", "--dilations", "1,2"]
    assert main([*train, "--out", "run"]) == 0
    assert main(["explore", "run/checkpoint.npz"]) == 0
    assert "the net answers [" in page_data()["example"]["text"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["paths", "--dilations", "1,-2"],
            "--dilations must be whole numbers of at least 1, such as 1,2,4, got '1,-2'",
        ),
        (["paths", "--against", "skips"], "did you mean 'skip'"),
        (["paths", "--cycle", "0"], "--cycle must be a whole number of at least 1, got '0'"),
        (["paths", "--plot", "missing/a.png"], "must be a writable folder"),
        (["paths", "--plot", "a.xyz"], "must end in one of"),
        (["paths", "--dilations", "1,100000000000"], "too many to list"),
        (["draw", "--steps", "0"], "--steps must be a whole number from 1 to 1,000, got '0'"),
        (["draw", "missing.npz"], "there is no checkpoint"),
        (["draw", "--dilations", "two"], "got 'two'"),
        (["explore", "--dilations", "1,2", "--layers", "3"], "--dilations names every dilation: leave --layers out"),
        (["explore", "missing.npz", "--base", "3"], "a checkpoint has its own dilations: leave --base out"),
        (["explore", "missing.npz"], "there is no checkpoint"),
        (["explore", "--out", "page.png"], "must end in '.html'"),
        (["explore", "--layers", "20"], "at most 12 layers and dilations up to 4,096"),
    ],
)
def test_a_user_error_ends_in_one_line_and_writes_nothing(arguments, message, capsys, tmp_path):
    assert main(arguments) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("error: ") and errors.count("\n") == 1 and message in errors
    assert not any(files for _, _, files in os.walk(tmp_path))
