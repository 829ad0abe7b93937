"""Checkpoints of every architecture can be loaded; a resume that does not fit changes nothing."""

import re
import subprocess
import sys

import numpy as np
import pytest

import dilated_rnn_np as drn
from dilated_rnn_np import DilatedRNN
from dilated_rnn_np.nets import budget


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
