"""Random values anywhere in the metadata of a run: a CheckpointError, or a model and a run that work."""

import copy

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dilated_rnn_np import CheckpointError, baselines, fit, load
from dilated_rnn_np.arrays import archive
from dilated_rnn_np.tasks import Adding
from dilated_rnn_np.training.callbacks import Annealing, EpochAverage
from dilated_rnn_np.training.optim import Adam

TASK = Adding(5)
NUMBERS = st.one_of(st.integers(-3, 8), st.sampled_from([10**9, 2**62, 10**30, -(2**63)]), st.floats())
JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        NUMBERS,
        st.text(max_size=5),
        st.sampled_from(["lstm", "DilatedRNN", "float64", "all"]),
    ),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=5), values, max_size=3),
    max_leaves=6,
)


def resumed(file, steps=4):
    model = baselines.HMLSTM(2, 3, 2, output_size=1)
    callbacks = [Annealing(2), EpochAverage(2, 2)]
    run = fit(
        model,
        TASK.batches(3),
        Adam(model.params),
        steps,
        loss=TASK.loss,
        validation=TASK.validation(4),
        validate_every=2,
        callbacks=callbacks,
        checkpoint=file,
        resume=True,
        progress=False,
    )
    return run.best_model(model) if run.best_params else model


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    file = tmp_path_factory.mktemp("run") / "run.npz"
    resumed(file)
    return archive.read(file)


def places(value, path=()):
    """The paths of all values in JSON content."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.filterwarnings("ignore:overflow encountered", "ignore:invalid value encountered")
def test_random_metadata_raises_a_checkpoint_error_or_makes_sense(data, original, tmp_path):
    arrays, meta = original[0], copy.deepcopy(original[1])
    for path in data.draw(st.lists(st.sampled_from(list(places(meta))[1:]), min_size=1, max_size=2)):
        inner = meta
        for key in path[:-1]:
            inner = inner[key] if isinstance(inner, dict) and key in inner else {}
        if isinstance(inner, dict):
            inner[path[-1]] = data.draw(JSON)
    archive.write(tmp_path / "run.npz", arrays, meta)
    x = np.ones((5, 3, 2), "f4")
    uses = (
        lambda: load(tmp_path / "run.npz").forward(x),
        lambda: load(tmp_path / "run.npz", best=True).forward(x),
        lambda: resumed(tmp_path / "run.npz", 6).forward(x),
    )
    for use in uses:
        try:
            use()
        except CheckpointError as error:
            assert "\n" not in str(error) and len(str(error)) < 1000
