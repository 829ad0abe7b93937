"""The registry of systems: each is built from the same settings, fits a parameter budget, and runs on the command line."""

import os

import matplotlib.image
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dilated_rnn_np as drn
from dilated_rnn_np.baselines.systems import SYSTEMS, build, hidden_size_for
from dilated_rnn_np.cli.gallery import _farthest_path
from dilated_rnn_np.cli.main import main

each = pytest.mark.parametrize("name", sorted(SYSTEMS))
MIXED = sorted(name for name, system in SYSTEMS.items() if system.takes_cell)


@each
@settings(max_examples=15)
@given(layers=st.integers(1, 4), outputs=st.integers(1, 3), readout=st.sampled_from(["last", "all"]))
def test_every_system_is_built_from_the_same_settings(name, layers, outputs, readout):
    model = build(name, 2, 4, drn.exponential_dilations(layers), output_size=outputs, readout=readout, dtype="float64")
    output, _, _ = model.forward(np.zeros((5, 3, 2)))
    assert output.shape == ((3, outputs) if readout == "last" else (5, 3, outputs)) and output.dtype == np.float64
    assert SYSTEMS[name].description.endswith(".")
    assert (model.cell is not None) == SYSTEMS[name].takes_cell


@each
def test_equal_seeds_give_equal_parameters_and_other_seeds_do_not(name):
    models = [build(name, 2, 4, [1, 2], output_size=3, rng=seed) for seed in (1, 1, 2)]
    same, again, other = ({k: a.tobytes() for k, a in model.params.items()} for model in models)
    assert same == again != other


@each
@settings(max_examples=15)
@given(
    budget=st.integers(100, 20_000),
    layers=st.integers(1, 5),
    cell=st.sampled_from(["rnn", "lstm", "gru"]),
    start=st.integers(0, 1),
)
def test_the_hidden_size_is_the_largest_within_the_budget(name, budget, layers, cell, start):
    def net(hidden):
        own = {"cell": cell} if SYSTEMS[name].takes_cell else {}
        return build(name, 3, hidden, drn.exponential_dilations(layers, start=start), output_size=2, **own)

    if net(1).num_parameters > budget:
        with pytest.raises(ValueError, match=f"at least {net(1).num_parameters:,}, which one hidden unit takes"):
            hidden_size_for(net, budget)
    else:
        hidden = hidden_size_for(net, budget)
        assert net(hidden).num_parameters <= budget < net(hidden + 1).num_parameters


@pytest.mark.parametrize("name", sorted(set(SYSTEMS) - set(MIXED)))
def test_a_system_with_units_of_its_own_refuses_a_cell(name):
    with pytest.raises(ValueError, match="leave the cell out, got 'gru'"):
        build(name, 1, 4, [1, 2], cell="gru")


def test_an_unknown_system_raises_with_a_suggestion():
    with pytest.raises(ValueError, match=r"unknown system 'plan'; known: dilated, .*did you mean 'plain'"):
        build("plan", 1, 4, [1, 2])
    with pytest.raises(ValueError, match="parameters must be a whole number of at least 1, got 0"):
        hidden_size_for(lambda hidden: build("plain", 1, hidden, [1]), 0)


# ---------------------------------------------------------------------- the command line


@pytest.fixture
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "name", [n if n == "dilated-cnn" else pytest.param(n, marks=pytest.mark.slow) for n in sorted(SYSTEMS)]
)
def test_every_system_is_summarised_trained_evaluated_and_drawn(name, in_an_empty_folder, capsys):
    net = ["--system", name, "--parameters", "900", "--dilations", "1,2,4"]
    assert main(["summary", *net]) == 0
    assert f"{build(name, 1, 1, [1, 2, 4]).layer_summaries()[0].kind} " in capsys.readouterr().out
    assert main(["train", "adding", "--T", "6", "--steps", "4", "--batch-size", "2", *net, "--out", "run"]) == 0
    model = drn.load("run/checkpoint.npz")
    assert type(model) is type(build(name, 1, 1, [1, 2, 4])) and 450 < model.num_parameters <= 900
    assert main(["evaluate", "run/checkpoint.npz"]) == 0
    assert main(["draw", "run/checkpoint.npz", "--steps", "5", "--out", "trained"]) == 0
    assert main(["draw", "--system", name, "--dilations", "1,2,4", "--steps", "5", "--out", "drawn"]) == 0
    always = {"network.png", "path.png", "path_lengths.png", "forward.gif", "backward.gif"}
    always |= {"explorer.html"} if name != "hm-lstm" else set()  # the page does not draw edges that lead down
    assert always <= set(os.listdir("drawn")) and always | {"training.png"} <= set(os.listdir("trained"))
    assert ("fold.png" in os.listdir("drawn")) == isinstance(model, drn.DilatedRNN)
    for file in os.listdir("drawn"):
        if file.endswith(".png"):
            assert matplotlib.image.imread(f"drawn/{file}").std() > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["summary", "--system", "dilatd"], "did you mean 'dilated'"),
        (["draw", "--system", "skp"], "did you mean 'skip'"),
        (["draw", "missing.npz", "--system", "skip"], "leave --system out"),
        (["summary", "--parameters", "10"], "parameters must be at least 47, which one hidden unit takes, got 10"),
        (["summary", "--parameters", "0"], "parameters must be a whole number of at least 1"),
    ],
)
def test_a_mistake_prints_one_line_and_writes_nothing(arguments, message, in_an_empty_folder, capsys, tmp_path):
    assert main(arguments) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("error: ") and errors.count("\n") == 1 and message in errors
    assert not any(files for _, _, files in os.walk(tmp_path))


def test_the_longest_path_is_shown_and_of_equal_paths_the_one_with_the_longest_span():
    assert _farthest_path(drn.paths.dilated_cnn([1, 2, 4]), 17) == (9, 16)  # all spans up to 7 take three edges
    assert _farthest_path(drn.paths.dilated_stack([1, 2, 4]), 8) == (0, 7)  # 7 = 4 + 2 + 1
