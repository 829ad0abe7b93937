"""Checkpoints with a valid digest and senseless content: every command refuses them in one line."""

import copy

import numpy as np
import pytest

import dilated_rnn_np as drn
from dilated_rnn_np.arrays.archive import write
from dilated_rnn_np.cli.main import main
from dilated_rnn_np.nets import checkpoint as checkpoints

TRAIN = ["train", "adding", "--T", "5", "--batch-size", "2", "--validate-every", "2", "--hidden", "3", "--layers", "2"]
TRAIN += ["--optimizer", "adam", "--schedule", "constant", "--out", "run"]
RESUME = [*TRAIN, "--steps", "6", "--resume"]
FILE = "run/checkpoint.npz"
COMMANDS = {"evaluate": ["evaluate", FILE], "summary": ["summary", FILE], "resume": RESUME}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """The arrays and the metadata of a run of four steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("original"))
        assert main([*TRAIN, "--steps", "4"]) == 0
        return checkpoints.read(FILE)


def changed(original, change):
    """A deep copy of arrays and metadata, after a change."""
    arrays, meta = {name: a.copy() for name, a in original[0].items()}, copy.deepcopy(original[1])
    change(arrays, meta)
    return arrays, meta


def in_meta(*path, to=None, delete=False):
    """A change of the metadata at a path of keys."""

    def change(arrays, meta):
        for key in path[:-1]:
            meta = meta[key]
        if delete:
            del meta[path[-1]]
        else:
            meta[path[-1]] = to

    return change


def in_array(name, to=None, delete=False):
    """A change of one array."""

    def change(arrays, meta):
        if delete:
            del arrays[name]
        else:
            arrays[name] = to(arrays[name].copy())

    return change


def filled(value):
    def fill(array):
        array.flat[0] = value
        return array

    return fill


W = "layers.0.W_x"
RESUMED = ["resume"]  # what only a run that goes on reads
ALL = list(COMMANDS)
USED = ["evaluate", "resume"]
CASES = {
    "no model": (in_meta("model", delete=True), ALL),
    "model of a wrong type": (in_meta("model", to=[1]), ALL),
    "no architecture": (in_meta("model", "architecture", delete=True), ALL),
    "unknown architecture": (in_meta("model", "architecture", to="Nothing"), ALL),
    "architecture of a wrong type": (in_meta("model", "architecture", to=["DilatedRNN"]), ALL),
    "huge hidden sizes": (in_meta("model", "hidden_size", to=[5000, 5000]), ALL),
    "huge numbers of everything": (in_meta("model", "hidden_size", to=10**30), ALL),
    "huge input size": (in_meta("model", "input_size", to=2**40), ALL),
    "huge output size": (in_meta("model", "output_size", to=2**40), ALL),
    "huge embedding": (in_meta("model", "embedding", to=2**40), ALL),
    "negative hidden size": (in_meta("model", "hidden_size", to=[-1, 3]), ALL),
    "a hundred thousand layers": (in_meta("model", "dilations", to=[1] * 100_000), ALL),
    "a billion layers": (
        in_meta(
            "model", to={"architecture": "SkipRNN", "input_size": 2, "hidden_size": 3, "num_layers": 10**9, "skip": 2}
        ),
        ALL,
    ),
    "a billion levels": (
        in_meta("model", to={"architecture": "HMLSTM", "input_size": 2, "hidden_size": 3, "levels": 10**9}),
        ALL,
    ),
    "dilations of a wrong type": (in_meta("model", "dilations", to="1,2"), ALL),
    "cell of a wrong type": (in_meta("model", "cell", to="rnn"), ALL),
    "cell without a name": (in_meta("model", "cell", to={"options": {}}), ALL),
    "cell with options of its own": (in_meta("model", "cell", "options", to={"size": 3}), ALL),
    "unknown setting": (in_meta("model", "colour", to="red"), ["evaluate", "summary"]),
    "dtype of a wrong type": (in_meta("model", "dtype", to=[]), ALL),
    "step of a wrong type": (in_meta("step", to="4"), ALL),
    "huge step": (in_meta("step", to=10**30), ALL),
    "large step": (in_meta("step", to=10**9), RESUMED),
    "negative step": (in_meta("step", to=-1), ALL),
    "step is true": (in_meta("step", to=True), ALL),
    "no optimizer": (in_meta("optimizer", delete=True), RESUMED),
    "optimizer of a wrong type": (in_meta("optimizer", to="adam"), ALL),
    "options of a wrong type": (in_meta("optimizer", "options", to=3), ALL),
    "no optimizer steps": (in_meta("optimizer_steps", delete=True), RESUMED),
    "optimizer steps of a wrong type": (in_meta("optimizer_steps", to="x"), ALL),
    "too few optimizer steps": (in_meta("optimizer_steps", to=1), RESUMED),
    "no seconds": (in_meta("seconds", delete=True), RESUMED),
    "seconds not a number": (in_meta("seconds", to=float("nan")), ALL),
    "no best": (in_meta("best", delete=True), RESUMED),
    "best of a wrong type": (in_meta("best", to=[4, 0.5]), ALL),
    "best without a step": (in_meta("best", "step", delete=True), ALL),
    "best after the last step": (in_meta("best", "step", to=5), RESUMED),
    "best loss infinite": (in_meta("best", "loss", to=float("inf")), ALL),
    "settings of a wrong type": (in_meta("best", "settings", to=[]), ALL),
    "a best setting of another model": (in_meta("best", "settings", to={"params": 3}), USED),
    "callbacks of a wrong type": (in_meta("callbacks", to=[]), ALL),
    "state of a callback of a wrong type": (in_meta("callbacks", to={"Annealing": 3}), ALL),
    "state of an unknown callback": (in_meta("callbacks", to={"Other": {}}), RESUMED),
    "run format of a wrong type": (in_meta("run_format", to="2"), ALL),
    "unknown run format": (in_meta("run_format", to=99), RESUMED),
    "note of a wrong type": (in_meta("note", to=[1, 2]), USED),
    "task of a wrong type": (in_meta("note", "task", to="adding"), USED),
    "task without a name": (in_meta("note", "task", to={"T": 5}), ["evaluate"]),
    "task with a name of a wrong type": (in_meta("note", "task", "name", to=[]), USED),
    "task with an option of its own": (in_meta("note", "task", "colour", to="red"), ["evaluate"]),
    "task with a length of a wrong type": (in_meta("note", "task", "T", to={}), USED),
    "a huge task": (in_meta("note", "task", "T", to=2**62), USED),
    "another task": (in_meta("note", "task", to={"name": "copy-memory", "T": 5}), USED),
    "training of a wrong type": (in_meta("note", "training", to=3), RESUMED),
    "no model, but null": (in_meta("model", to=None), ALL),
    "no optimizer, but null": (in_meta("optimizer", to=None), RESUMED),
    "no optimizer steps, but null": (in_meta("optimizer_steps", to=None), RESUMED),
    "no seconds, but null": (in_meta("seconds", to=None), RESUMED),
    "huge dilations": (in_meta("model", "dilations", to=[1, 2**62]), ALL),
    "parameters of another dtype": (in_meta("model", "dtype", to="complex128"), ALL),
    "no history": (in_array("history", delete=True), RESUMED),
    "history too short": (in_array("history", lambda a: a[:2]), RESUMED),
    "history of one axis": (in_array("history", np.ravel), RESUMED),
    "history of text": (in_array("history", lambda a: a.astype("U8")), RESUMED),
    "history without steps": (in_array("history", filled(np.nan)), RESUMED),
    "a parameter not a number": (in_array(f"params/{W}", filled(np.nan)), ALL),
    "a parameter of text": (in_array(f"params/{W}", lambda a: a.astype("U8")), ALL),
    "a complex parameter": (in_array(f"params/{W}", lambda a: a.astype("c8")), ALL),
    "a parameter of another shape": (in_array(f"params/{W}", np.transpose), ["summary", "resume"]),
    "no parameter of a name": (in_array(f"params/{W}", delete=True), ["summary", "resume"]),
    "a best parameter not a number": (in_array(f"best/{W}", filled(np.inf)), ALL),
    "a best parameter of another shape": (in_array(f"best/{W}", np.transpose), USED),
    "a best parameter of text": (in_array(f"best/{W}", lambda a: a.astype("U8")), ALL),
    "no best parameter of a name": (in_array(f"best/{W}", delete=True), USED),
    "no state of the optimizer": (in_array(f"optimizer/{W}/m", delete=True), RESUMED),
    "state of the optimizer not a number": (in_array(f"optimizer/{W}/m", filled(np.nan)), ALL),
    "complex state of the optimizer": (in_array(f"optimizer/{W}/m", lambda a: a.astype("c8")), RESUMED),
    "state of the optimizer of another shape": (in_array(f"optimizer/{W}/m", lambda a: a[:1]), RESUMED),
    "a carried state of another task": (
        lambda arrays, meta: arrays.update({"state/0/0": np.zeros((1, 2, 3), "f4")}),
        RESUMED,
    ),
    "a carried state of a wrong name": (lambda arrays, meta: arrays.update({"state/x": np.zeros(3, "f4")}), RESUMED),
}


@pytest.mark.parametrize(
    ("case", "command"), [(case, command) for case, (_, commands) in CASES.items() for command in commands]
)
def test_a_senseless_checkpoint_is_refused_in_one_line(case, command, original, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    write(FILE, *changed(original, CASES[case][0]))
    before = (tmp_path / FILE).read_bytes()
    assert main(COMMANDS[command]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1 and errors[0].startswith("error: ") and len(errors[0]) < 600, errors
    assert (tmp_path / FILE).read_bytes() == before


@pytest.mark.parametrize("command", COMMANDS)
def test_the_unchanged_content_is_accepted(command, original, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    write(FILE, *changed(original, lambda arrays, meta: None))
    assert main(COMMANDS[command]) == 0


@pytest.mark.parametrize(
    ("vocabulary", "changes"),
    [("ab", {}), (["a", "b", "c"], {}), (3, {}), (None, {}), ("aab", {}), ("abc", {"readout": "last"})],
)
def test_a_senseless_vocabulary_is_refused_in_one_line(vocabulary, changes, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arrays, config = checkpoints.model_record(drn.DilatedRNN(3, 4, [1, 2], output_size=3, readout="all"))
    note = {"task": {"name": "characters", "vocabulary": "abc"}}
    checkpoints.write("right.npz", arrays, {"model": config, "note": note})
    assert main(["generate", "right.npz", "--prompt", "a", "--length", "3"]) == 0
    note["task"]["vocabulary"] = vocabulary
    checkpoints.write("wrong.npz", arrays, {"model": config | changes, "note": note})
    capsys.readouterr()
    assert main(["generate", "wrong.npz", "--prompt", "a", "--length", "3"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1 and errors[0].startswith("error: ")


def test_dilations_too_long_for_pictures_are_refused_in_one_line(original, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write("run.npz", *changed(original, in_meta("model", "dilations", to=[1, 2**24])))
    assert main(["draw", "run.npz"]) == 2
    assert capsys.readouterr().err.startswith("error: pictures show at most 2,000,000 time steps, got 33,554,432")
