"""The known future is the covariates at each series' own next time stamps, in the order of the panel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dilated_rnn_np.forecasting import Frequency, Panel, read_future

DAY = Frequency("second", 86400)
START = np.datetime64("2024-02-27", "s")


def history():
    """Series b ends on February 29th, a on March 2nd."""
    ids, ds = ["b"] * 3 + ["a"] * 5, np.concatenate([DAY.range(START, 3), DAY.range(START, 5)])
    return Panel.of({"unique_id": ids, "ds": ds, "y": np.arange(8.0), "x": np.arange(8) % 3, "z": np.arange(8) % 5})


def future(horizon=4, more=3):
    """Rows from before the end of the histories until after the horizon; x and z tell series and day."""
    ids, ds, x = [], [], []
    for name, length in (("a", 5), ("b", 3)):
        days = DAY.range(START, length + horizon + more)[length - 2 :]
        ids += [name] * len(days)
        ds.append(days)
        x.append((1000 if name == "a" else 0) + days.astype("datetime64[D]").astype(int))
    x = np.concatenate(x)
    return {"unique_id": ids, "ds": np.concatenate(ds), "x": x.astype(float), "z": -x}


def expected(horizon):
    days = np.stack([np.arange(19783, 19783 + horizon), 1000 + np.arange(19785, 19785 + horizon)])  # b, a
    return np.stack([days, -days], axis=-1).astype(float)


@given(st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_rows_in_any_order_are_placed_by_series_and_time(horizon, seed):
    table = future(horizon)
    order = np.random.default_rng(seed).permutation(len(table["ds"]))
    shuffled = {name: np.asarray(column)[order] for name, column in table.items()}
    result = read_future(shuffled, history(), horizon)
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, expected(horizon))


def test_a_file_and_an_array_give_the_same_future_as_a_table(tmp_path):
    table = future()
    lines = [f"{i};{d};{x};{z};" for i, d, x, z in zip(*table.values(), strict=True)]
    path = tmp_path / "future.csv"
    path.write_text("\n".join(["unique_id;ds;x;z;y", *lines]))
    np.testing.assert_array_equal(read_future(path, history(), 4), expected(4))
    given_array = expected(4)
    copied = read_future(given_array, history(), 4)
    np.testing.assert_array_equal(copied, given_array)
    copied[:] = 0
    assert given_array.any()


def test_the_rows_of_the_history_may_be_there_with_their_values():
    table = future()
    y = np.where(np.isin(np.arange(len(table["ds"])), [0, 1, 9, 10]), 5.0, np.nan)  # the last two days of each history
    np.testing.assert_array_equal(read_future(table | {"y": y}, history(), 4), expected(4))


def test_one_series_needs_no_unique_id_and_no_covariates_give_an_empty_future():
    panel = Panel.of({"y": [1, 2, 3]})
    assert read_future({"ds": [4, 5]}, panel, 2).shape == (1, 2, 0)


def changed(**columns):
    return future() | columns


def without(*names):
    return {name: column for name, column in future().items() if name not in names}


def with_cell(name, row, value):
    column = list(future()[name])
    column[row] = value
    return changed(**{name: column})


def dropped(row):
    return {name: np.delete(np.asarray(column), row) for name, column in future().items()}


WRONG = {
    "no row": (dropped(3), "no row for series 'a' at 2024-03-04; every series needs rows for its next 4 time"),
    "no series": (
        {name: np.asarray(column)[:9] for name, column in future().items()},
        "no row for series 'b' at 2024-03-01",
    ),
    "no covariate": (without("z"), "column 'z' is missing; the future needs the columns ds, x, z, unique_id"),
    "no time stamps": (without("ds"), "column 'ds' is missing"),
    "no names": (without("unique_id"), "column 'unique_id' is missing"),
    "a new covariate": (
        changed(w=future()["x"]),
        "column 'w' is not in the history, whose covariates are: x, z; remove",
    ),
    "a new series": (with_cell("unique_id", 4, "c"), "row 4, column 'unique_id': series 'c' is not in the history"),
    "an empty cell": (
        with_cell("x", 3, None),
        "row 3, column 'x': expected the covariate of series 'a' at 2024-03-04, got an empty cell",
    ),
    "text": (with_cell("x", 3, "high"), "row 3, column 'x': expected a number, got 'high'"),
    "known values": (
        changed(y=np.arange(18.0)),
        "row 11, column 'y': expected an empty cell, since the future is unknown",
    ),
    "no rows": ({name: [] for name in future()}, "no row for series 'b' at 2024-03-01"),
    "two rows": (
        {name: np.append(np.asarray(column), np.asarray(column)[3]) for name, column in future().items()},
        "row 18, column 'ds': a second row for series 'a' at 2024-03-04",
    ),
    "numbers for dates": (changed(ds=np.arange(18)), "row 0, column 'ds': expected a date, as in the history, got 0"),
    "a short column": (changed(x=[1.0]), "column 'x' must have 18 rows like 'unique_id', got 1"),
    "an array of another shape": (np.ones((2, 4)), r"an array of shape (2, 4, 2), (N, horizon, C), got (2, 4)"),
    "an infinite array": (
        expected(4) * np.inf,
        "future: series 'b', step 1, column 'x': expected a finite number, got inf",
    ),
    "text for an array": (["high"], "future must be a path, a table or an array of numbers, got list"),
}


@pytest.mark.parametrize(("data", "message"), WRONG.values(), ids=WRONG)
def test_an_incomplete_or_wrong_future_is_refused(data, message):
    with pytest.raises((ValueError, TypeError)) as caught:
        read_future(data, history(), 4)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_an_error_in_a_file_names_file_line_and_column(tmp_path):
    path = tmp_path / "future.csv"
    path.write_text("ds,x\n4,1\n5,n/a\n")
    panel = Panel.of({"ds": [1, 2, 3], "y": [1, 2, 3], "x": [1, 2, 3]})
    with pytest.raises(ValueError, match=r"^future\.csv, line 3, column 'x': expected a number, got 'n/a'"):
        read_future(path, panel, 2)
    path.write_text("ds,x\n4,1\n")
    with pytest.raises(ValueError, match=r"^future\.csv: no row for series '1' at 5"):
        read_future(path, panel, 2)
