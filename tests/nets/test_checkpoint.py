"""Checkpoints of every architecture can be loaded, around the stored weights; a resume that does not fit changes nothing."""

import re
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from support.systems import systems

import dilated_rnn_np as drn
from dilated_rnn_np import DilatedRNN
from dilated_rnn_np.nets import budget, checkpoint
from dilated_rnn_np.nets.layer import Layer
from dilated_rnn_np.nets.stack import Stack


def test_a_compared_system_is_loaded_without_being_imported_first(tmp_path):
    drn.baselines.SkipRNN(1, 2, 1, 2).save(tmp_path / "skip.npz")
    program = f"import dilated_rnn_np as drn; print(drn.load({str(tmp_path / 'skip.npz')!r}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("SkipRNN(")


def test_a_class_of_the_same_name_does_not_take_a_library_model_s_files(tmp_path):
    DilatedRNN(1, 2, [1]).save(tmp_path / "model.npz")
    type("DilatedRNN", (DilatedRNN,), {"__init__": lambda self, D: None})
    assert type(drn.load(tmp_path / "model.npz")) is DilatedRNN


def test_a_resume_that_does_not_fit_leaves_the_model_as_it_was(tmp_path):
    batches = [(np.ones((3, 2, 1), "float32"), np.ones((3, 2, 1), "float32"))]

    def train(model, **options):
        optimizer, options = drn.optim.SGD(model.params), {"loss": "mean_squared_error", "progress": False} | options
        drn.fit(model, batches, optimizer, 2, checkpoint=tmp_path / "run.npz", **options)

    train(DilatedRNN(1, 2, [1], output_size=1, readout="all"))
    model = DilatedRNN(1, 2, [1], output_size=1, readout="all", rng=1)
    before = {name: a.copy() for name, a in model.params.items()}
    with pytest.raises(ValueError, match="does not hold a carried state"):
        train(model, resume=True, truncated=True)
    assert all((before[name] == a).all() for name, a in model.params.items())


def test_a_budget_too_small_is_refused_before_anything_is_written(tmp_path):
    model = DilatedRNN(1, 4, [1], output_size=1, readout="all")
    x = np.ones((100, 2, 1))  # float64; a float32 model computes in float32
    with pytest.raises(ValueError, match="budget must be at least") as error:
        budget.segment_size(model.stack, model.params, 100, 2, 4, False, 1)
    least = int(re.search("at least ([0-9,]+) bytes", str(error.value))[1].replace(",", ""))

    def train(budget):
        drn.fit(
            model, [(x, x)], drn.optim.SGD(model.params), 1, loss="mean_squared_error", budget=budget,
            checkpoint=tmp_path / "run.npz", progress=False,
        )  # fmt: skip

    with pytest.raises(ValueError, match="budget must be at least"):
        train(least - 1)
    assert not (tmp_path / "run.npz").exists()
    train(least)
    assert (tmp_path / "run.npz").exists()


def test_a_cell_may_be_named_when_a_file_is_loaded(tmp_path):
    DilatedRNN(1, 2, [1], "lstm").save(tmp_path / "model.npz")
    assert drn.load(tmp_path / "model.npz", cell="lstm").cell.name == "lstm"
    with pytest.raises(drn.CheckpointError, match="holds a model of the cell 'lstm', got cell='gru'"):
        drn.load(tmp_path / "model.npz", cell="gru")


def test_a_class_of_ones_own_cannot_take_the_name_of_a_library_class(tmp_path):
    library = drn.baselines.SkipRNN

    class SkipRNN(drn.DilatedRNN):
        """Named like a baseline, which lies in another room than the registry."""

    library(1, 3, 1, skip=2).save(tmp_path / "model.npz")
    assert type(drn.load(tmp_path / "model.npz")) is library


# ---------------------------------------------------------------------- sizes before weights


def check_shapes(model):
    """The stack knows the shape of every parameter without drawing it, in the same order."""
    assert list(model.stack.param_shapes().items()) == [(name, p.shape) for name, p in model.params.items()]
    for i, layer in enumerate(model.layers):  # the default, for layers of one's own
        assert Layer.param_shapes(layer) == {
            name.removeprefix(f"layers.{i}."): p.shape
            for name, p in model.params.items()
            if name.startswith(f"layers.{i}.")
        }


@given(systems())
def test_the_shapes_of_all_systems_are_known_before_their_weights(case):
    check_shapes(case.model)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_shapes_of_dilated_nets_are_known_before_their_weights(cell):
    check_shapes(DilatedRNN(3, [4, 5], [2, 4], cell, 2, embedding=6))
    check_shapes(DilatedRNN(1, 4, [3], cell))


def test_a_loaded_model_draws_no_weights_and_keeps_the_order_of_its_parameters(tmp_path, monkeypatch):
    model = drn.baselines.HMLSTM(2, 3, 2, output_size=1, rng=5)
    arrays, config = checkpoint.model_record(model)
    checkpoint.write(tmp_path / "model.npz", dict(reversed(arrays.items())), {"model": config})
    monkeypatch.setattr(Stack, "initial_params", None)
    again = drn.load(tmp_path / "model.npz")
    assert list(again.params) == list(model.params)
    assert all((again.params[name] == model.params[name]).all() for name in model.params)


@pytest.mark.parametrize(
    "sizes", [{"hidden_size": [5000, 5000]}, {"output_size": 10**9}, {"embedding": 10**9}, {"dilations": [1] * 10**5}]
)
def test_large_sizes_in_a_small_file_are_refused_before_memory_is_allocated(sizes, tmp_path):
    arrays, config = checkpoint.model_record(DilatedRNN(1, 3, [1, 2], "lstm", output_size=1))
    checkpoint.write(tmp_path / "model.npz", arrays, {"model": config | sizes})
    tracemalloc.start()
    try:
        with pytest.raises(drn.CheckpointError, match=r"model\.npz does not describe a model of its parameters"):
            drn.load(tmp_path / "model.npz")
        assert tracemalloc.get_traced_memory()[1] < 10**6 + 4 * (tmp_path / "model.npz").stat().st_size
    finally:
        tracemalloc.stop()


def test_parameters_of_another_shape_or_name_are_refused_by_the_constructor():
    params = DilatedRNN(1, 3, [1], output_size=1).params
    for wrong, message in (
        ({name: p for name, p in params.items() if name != "readout.b"}, r"only one of the two has \['readout.b'\]"),
        (params | {"readout.b": np.zeros(2, "f4")}, r"readout.b is float32 \(2,\), expected float32 \(1,\)"),
        (params | {"readout.b": np.zeros(1, "c8")}, "readout.b is complex64"),
    ):
        with pytest.raises(ValueError, match=f"params must fit the architecture: {message}"):
            DilatedRNN(1, 3, [1], output_size=1, params=wrong)
