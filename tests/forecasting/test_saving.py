"""A saved forecaster predicts the same bits and goes on; a damaged or senseless file ends in one CheckpointError."""

import copy
import re

import numpy as np
import pytest
from support.forecasters import HORIZON, SETTINGS, fitted, small, small_panel

import dilated_rnn_np as drn
from dilated_rnn_np.arrays import archive
from dilated_rnn_np.forecasting import Forecaster, load
from dilated_rnn_np.nets import checkpoint as checkpoints
from dilated_rnn_np.nets.checkpoint import CheckpointError


@pytest.mark.parametrize("name", SETTINGS)
def test_a_loaded_forecaster_predicts_the_same_bits(tmp_path, name):
    forecaster = fitted(small_panel(), **SETTINGS[name])
    forecaster.save(tmp_path / "model.npz")
    again = load(tmp_path / "model.npz")
    assert again.settings() == forecaster.settings() and again.notes == forecaster.notes
    ours, others = forecaster.predict(), again.predict()
    np.testing.assert_array_equal(others.values, ours.values)
    np.testing.assert_array_equal(others.ds, ours.ds)
    assert others.ids == ours.ids and others.levels == ours.levels
    new = {"new": small_panel(seed=1)["a"].y}
    np.testing.assert_array_equal(again.predict(new).values, forecaster.predict(new).values)
    for one in (forecaster, again):
        one.update("a", 20.0)
        one.update("a", 21.0)
    np.testing.assert_array_equal(again.predict().values, forecaster.predict().values)


@pytest.mark.parametrize("dates", [False, True])
def test_a_loaded_forecaster_holds_the_panel(tmp_path, dates):
    panel = small_panel(covariates=2, dates=dates)
    forecaster = fitted(panel)
    forecaster.save(tmp_path / "model.npz")
    again = load(tmp_path / "model.npz")
    future = np.ones((4, HORIZON, 2))
    np.testing.assert_array_equal(again.predict(future=future).values, forecaster.predict(future=future).values)
    for ours, other in zip(panel, again.panel, strict=True):
        assert ours.unique_id == other.unique_id and ours.ds.dtype == other.ds.dtype
        for part in ("ds", "y", "covariates"):
            np.testing.assert_array_equal(getattr(ours, part), getattr(other, part))


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    forecaster = fitted(small_panel())
    forecaster.save(tmp_path / "model.npz")
    before = (tmp_path / "model.npz").read_bytes()
    forecaster.update("a", 20.0)
    written = []

    def cut_off(file, array, **options):
        written.append(array)
        if len(written) > 3:
            raise OSError("no space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", cut_off)
    with pytest.raises(OSError, match="no space left"):
        forecaster.save(tmp_path / "model.npz")
    assert (tmp_path / "model.npz").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["model.npz"]
    np.testing.assert_array_equal(load(tmp_path / "model.npz").panel["a"].y, small_panel()["a"].y)


def test_files_of_other_kinds_are_told_apart(tmp_path):
    drn.DilatedRNN(1, 2, [1]).save(tmp_path / "net.npz")
    with pytest.raises(CheckpointError, match="holds no forecaster; load a net with drn.load"):
        load(tmp_path / "net.npz")
    fitted(small_panel()).save(tmp_path / "model.npz")
    with pytest.raises(CheckpointError, match="does not describe a model"):
        drn.load(tmp_path / "model.npz")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "no.npz")
    with pytest.raises(OSError, match="its folder must exist"):
        fitted(small_panel(), members=0).save(tmp_path / "no" / "model.npz")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model.npz"
    fitted(small_panel(covariates=1, dates=True)).save(path)
    return path, *checkpoints.read(path)


def test_a_damaged_file_is_refused(saved, tmp_path):
    raw = saved[0].read_bytes()
    path = tmp_path / "model.npz"
    rng = np.random.default_rng(0)
    for k in range(40):
        data = bytearray(raw if k % 2 else raw[: rng.integers(1, len(raw))])
        if k % 2:
            data[rng.integers(len(raw))] ^= 0xFF
        path.write_bytes(data)
        try:
            assert np.isfinite(load(path).predict(future=np.ones((4, HORIZON, 1))).values).all()
        except CheckpointError as error:
            assert str(path) in str(error) and "\n" not in str(error)
        else:
            assert k % 2  # a byte of the archive's index that does not matter


def loads(tmp_path, arrays, meta):
    """Whether a changed file is loaded and forecasts; if not, it is a CheckpointError in one line that names the file."""
    path = tmp_path / "model.npz"
    archive.write(path, arrays, meta)
    try:
        forecaster = load(path)
    except CheckpointError as error:
        assert str(path) in str(error) and "\n" not in str(error) and len(str(error)) < 600
        return str(error)
    forecaster.predict(future=np.ones((len(forecaster.panel), HORIZON, 1)))
    return ""


WRONG = [None, "x", -1, 1.5, 0, True, [], {}, [None], [[]], {"a": 1}, [1, 1], 2**70, ["day", 1], [-5.0], "gru" * 50]
HARMLESS = {"seasons", "models", "warm_up", "fit_length", "dates", "prior_sigma"}  # some of WRONG make sense there


@pytest.mark.parametrize(
    "entry",
    ["seasons", "warm_up", "fit_length", "rows", "prior_sigma", "models", "ids", "frequency", "dates", "covariates"],
)
def test_wrong_entries_are_refused(saved, tmp_path, entry):
    _, arrays, meta = saved
    accepted = []
    for wrong in WRONG:
        changed = copy.deepcopy(meta)
        changed["forecaster"]["fitted"][entry] = wrong
        if not (message := loads(tmp_path, arrays, changed)):
            accepted.append(wrong)
        elif not isinstance(wrong, (list, dict)):
            assert f": {entry} must be " in message or accepted
    assert not accepted or entry in HARMLESS
    del changed["forecaster"]["fitted"][entry]
    assert f": {entry} must be " in loads(tmp_path, arrays, changed)


def test_every_entry_and_array_is_needed(saved, tmp_path):
    _, arrays, meta = saved
    assert not loads(tmp_path, arrays, meta)
    assert set(meta["forecaster"]["fitted"]) == {
        *("seasons", "warm_up", "fit_length", "rows", "prior_sigma"),
        *("models", "ids", "frequency", "dates", "covariates"),
    }
    for entry in ("settings", "fitted", "notes"):
        for wrong in (None, 5, "text", [1]):
            changed = copy.deepcopy(meta)
            changed["forecaster"][entry] = wrong
            assert f": {entry} must be " in loads(tmp_path, arrays, changed)
    for name in arrays:
        message = loads(tmp_path, {key: a for key, a in arrays.items() if key != name}, meta)
        assert name.removeprefix("nets/0/") in message


@pytest.mark.parametrize("setting", list(small().settings()))
def test_wrong_settings_are_refused(saved, tmp_path, setting):
    _, arrays, meta = saved
    refused = 0
    for wrong in ("x", -1, 1.5, [None], {}, 2, 10**9, [0.5]):
        changed = copy.deepcopy(meta)
        changed["forecaster"]["settings"][setting] = wrong
        refused += bool(loads(tmp_path, arrays, changed))
    assert refused >= 4


def test_settings_of_another_version_are_refused(saved, tmp_path):
    _, arrays, meta = saved
    changed = copy.deepcopy(meta)
    changed["forecaster"]["settings"]["colour"] = "red"
    assert re.search("settings make no sense .*colour", loads(tmp_path, arrays, changed))
    changed = copy.deepcopy(meta)
    changed["forecaster"] = [1]
    assert ": forecaster must be a JSON object" in loads(tmp_path, arrays, changed)


def test_arrays_of_wrong_shapes_dtypes_and_numbers_are_refused(saved, tmp_path):
    _, arrays, meta = saved
    for name, array in arrays.items():
        wrong = [array[..., None], array.astype("U8"), array.astype(np.complex128), np.zeros(0)]
        if array.size:
            wrong.append(array[:-1])
        if array.dtype.kind == "f" and array.size:
            wrong.append(np.full_like(array, np.inf))
        if name in ("base/scale", "base/sigma", "head/distances", "exogenous/std", "panel/lengths"):
            wrong.append(-array)
        for changed in wrong:
            message = loads(tmp_path, {**arrays, name: changed}, meta)
            assert name in message or (name.startswith("nets/") and message), (name, changed)


def test_files_need_no_pickle(saved):
    with np.load(saved[0], allow_pickle=False) as archive:
        assert all(archive[name].dtype.kind in "fiU" for name in archive.files)


def test_unfitted_forecasters_have_nothing_to_save(tmp_path):
    with pytest.raises(ValueError, match="not fitted"):
        Forecaster(3).save(tmp_path / "model.npz")
