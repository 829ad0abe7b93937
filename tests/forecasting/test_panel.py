"""A panel is the same from every form of its data; gaps become NaN and are reported, and cuts fit together."""

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dilated_rnn_np.forecasting import Frequency, Panel, Series

SEEDS = st.integers(0, 2**32 - 1)
FREQUENCIES = st.sampled_from(
    [
        *((Frequency("integer", step), np.int64(4)) for step in (1, 3)),
        *((Frequency("second", step), np.datetime64("2023-12-29T01", "s")) for step in (900, 3600, 86400, 7 * 86400)),
        (Frequency("business day"), np.datetime64("2023-12-29", "s")),
        (Frequency("month"), np.datetime64("2023-11-01", "s")),
        (Frequency("month end", 3), np.datetime64("2023-09-30", "s")),
    ]
)


class Frame:
    """A stand-in for a data frame: columns by name, and nothing else."""

    def __init__(self, columns):
        self._columns = columns

    @property
    def columns(self):
        return list(self._columns)

    def __getitem__(self, name):
        return Column(self._columns[name])


class Column:
    """A stand-in for a column of a data frame: numpy.asarray accepts it."""

    def __init__(self, values):
        self._values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self._values, dtype=dtype)

    def __len__(self):
        return len(self._values)


def long_table(frequency, first, rng, covariates=2):
    """Three series of different lengths as columns of a table, in order."""
    ids, ds, y = [], [], []
    for name, start, length in (("b", 0, 30), ("a", 5, 12), ("c", 40, 1)):
        ids += [name] * length
        ds.append(frequency.range(first, start + length)[start:])
        y.append(rng.normal(size=length))
    table = {"unique_id": ids, "ds": np.concatenate(ds), "y": np.concatenate(y)}
    return table | {f"x{k}": rng.normal(size=len(ids)) for k in range(covariates)}


def rows(table, kept):
    return {name: np.asarray(column)[kept] for name, column in table.items()}


def equal(panel, other):
    assert panel.ids == other.ids
    assert (panel.frequency, panel.covariate_names) == (other.frequency, other.covariate_names)
    assert panel.report() == other.report()
    for one, two in zip(panel, other, strict=True):
        assert one.ds.dtype == two.ds.dtype
        for name in ("ds", "y", "covariates"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    return True


@given(FREQUENCIES, SEEDS)
def test_a_complete_table_becomes_its_series(case, seed):
    table = long_table(*case, np.random.default_rng(seed))
    panel = Panel.of(table)
    assert panel.ids == ("b", "a", "c") and len(panel) == 3
    assert panel.frequency == case[0] and panel.covariate_names == ("x0", "x1") and panel.report() == []
    for series in panel:
        own = np.array(table["unique_id"]) == series.unique_id
        np.testing.assert_array_equal(series.ds, table["ds"][own])
        np.testing.assert_array_equal(series.y, table["y"][own])
        np.testing.assert_array_equal(series.covariates, np.stack([table["x0"], table["x1"]], axis=1)[own])


@given(FREQUENCIES, SEEDS)
def test_the_order_of_rows_and_columns_does_not_matter(case, seed):
    rng = np.random.default_rng(seed)
    table = long_table(*case, rng)
    order = np.concatenate([[0, 30, 42], 1 + rng.permutation(29), 31 + rng.permutation(11)])  # "b", "a", "c" come first
    shuffled = rows(table, order)
    shuffled = {name: shuffled[name] for name in ("x0", "y", "x1", "unique_id", "ds")}
    assert equal(Panel.of(shuffled), Panel.of(table))


@given(FREQUENCIES, SEEDS)
def test_every_form_of_a_table_gives_the_same_panel(case, seed):
    table = long_table(*case, np.random.default_rng(seed))
    panel = Panel.of(table)
    texts = {name: np.asarray(column).astype(str).tolist() for name, column in table.items()}
    objects = {name: np.asarray(column).astype(object) for name, column in table.items()}
    upper = {name.upper() if name in ("ds", "y") else name: column for name, column in table.items()}
    for form in (Frame(table), texts, objects, upper):
        assert equal(Panel.of(form), panel)
    assert Panel.of(panel) is panel


@given(FREQUENCIES, SEEDS, st.booleans())
def test_missing_rows_and_missing_values_become_reported_gaps(case, seed, drop_rows):
    rng = np.random.default_rng(seed)
    table = long_table(*case, rng, covariates=1)
    missing = np.zeros(43, bool)
    missing[[4, 5, 6, 20]] = True  # of series b
    changed = rows(table, ~missing) if drop_rows else table | {"y": np.where(missing, np.nan, table["y"])}
    panel, whole = Panel.of(changed), Panel.of(table)
    np.testing.assert_array_equal(panel["b"].ds, whole["b"].ds)
    np.testing.assert_array_equal(panel["b"].y, np.where(missing, np.nan, table["y"])[:30])
    source = np.array([3 if drop_rows and k in (4, 5, 6) else 19 if drop_rows and k == 20 else k for k in range(30)])
    np.testing.assert_array_equal(panel["b"].covariates, whole["b"].covariates[source])
    long, short = panel.gaps
    assert (long.unique_id, long.first, long.last, long.periods, long.place) == ("b", *table["ds"][[4, 6]], 3, "inside")
    assert (short.first, short.last, short.periods) == (table["ds"][20], table["ds"][20], 1)
    assert panel.report()[0].startswith("series 'b': 3 values missing from ")
    assert panel.report()[1].startswith("series 'b': 1 value missing at ")
    assert panel.report(1)[1:] == ["and 1 more"]


def test_missing_values_at_the_ends_are_left_out_and_reported():
    table = {"ds": [1, 2, 3, 4, 5, 6], "y": [None, 2, 3, "NA", 5, float("nan")]}
    panel = Panel.of(table)
    assert panel["1"].ds.tolist() == [2, 3, 4, 5]
    assert panel.report() == [
        "series '1': 1 value missing at 1, at the start of the series, left out",
        "series '1': 1 value missing at 4",
        "series '1': 1 value missing at 6, at the end of the series, left out",
    ]
    with_price = Panel.of(table | {"price": [1, 2, 3, 4, 5, 6]})
    assert with_price.report()[-1].endswith("these rows are the known future: pass them to predict(future=...)")


@pytest.mark.parametrize(
    "data",
    [
        {"1": [1, 2, 3], "2": [4, np.nan, 6]},
        [[1, 2, 3], [4, np.nan, 6]],
        [np.array([1, 2, 3]), (4, None, 6)],
        np.array([[1, 2, 3], [4, np.nan, 6]]),
        np.array([[1, 2, 3, np.nan], [4, np.nan, 6, np.nan]]),
        np.ma.masked_array([[1, 2, 3], [4, 5, 6]], mask=[[0, 0, 0], [0, 1, 0]]),
        {"unique_id": [1, 1, 1, 2, 2, 2], "y": [1, 2, 3, 4, "", 6]},
    ],
    ids=["mapping", "lists", "arrays", "2-d array", "padded array", "masked array", "table without ds"],
)
def test_values_alone_count_from_1(data):
    panel = Panel.of(data)
    assert panel.ids == ("1", "2") and panel.frequency == Frequency("integer")
    assert [series.ds.tolist() for series in panel] == [[1, 2, 3], [1, 2, 3]]
    np.testing.assert_array_equal([series.y for series in panel], [[1, 2, 3], [4, np.nan, 6]])
    assert "series '2': 1 value missing at 2" in panel.report()


@pytest.mark.parametrize("data", [[7.0], np.array([7]), {"y": [7]}, {"1": [7]}, [[7]], Column([7.0])])
def test_one_value_is_a_panel(data):
    (series,) = Panel.of(data)
    assert (series.unique_id, series.ds.tolist(), series.y.tolist(), series.covariates.shape) == ("1", [1], [7], (1, 0))


@pytest.mark.parametrize(
    ("ds", "name"),
    [
        ([datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)], "day"),
        ([datetime.datetime(2024, 1, 1, 5), datetime.datetime(2024, 1, 1, 6)], "hour"),
        (np.array(["2024-01", "2024-02"], "datetime64[M]"), "month"),
        (np.array(["2024-01-01", "2024-01-02"], "datetime64[ns]"), "day"),
        (["2024-01", "2024-02"], "month"),
        (["31.01.2024", "29.02.2024"], "month end"),
        (["12/31/2023", "1/31/2024"], "month end"),
        (["31/12/2023", "1/1/2024"], "day"),
        (["2024/1/1 00:00", "2024/1/1 00:30"], "30 minutes"),
        (["2024-01-01", "2024-01-01T06:00:00"], "6 hours"),
        (["2024-01-01T00", "2024-01-01T06"], "6 hours"),
        (["2024-01-01 00:00:00.000", "2024-01-01 00:00:01.000"], "second"),
        (["-1", " 0 "], "integer"),
        ([2000.0, 2001.0], "integer"),
    ],
)
def test_time_stamps_are_read_from_every_unambiguous_form(ds, name):
    assert Panel.of({"ds": ds, "y": [1, 2]}).frequency.name == name


@given(FREQUENCIES, SEEDS, st.integers(1, 11))
def test_drop_last_and_last_share_their_series_and_make_up_the_panel(case, seed, n):
    panel = Panel.of(long_table(*case, np.random.default_rng(seed)))
    history, actual = panel.drop_last(n), panel.last(n)
    assert history.ids == actual.ids == ("b", "a")  # c has a single value
    for before, after in zip(history, actual, strict=True):
        whole = panel[before.unique_id]
        assert len(after) == n
        for name in ("ds", "y", "covariates"):
            np.testing.assert_array_equal(
                np.concatenate([getattr(before, name), getattr(after, name)]), getattr(whole, name)
            )
    assert equal(panel.drop_last(0), panel)


def test_cuts_keep_the_gaps_that_they_contain():
    panel = Panel.of({"a": [1, np.nan, 3, 4, np.nan, 6], "b": [7, np.nan, 9]})
    assert panel.drop_last(3).report() == ["series 'a': 1 value missing at 2"]
    assert panel.last(3).report() == ["series 'a': 1 value missing at 5"]


def test_the_frequency_can_be_given():
    week = Frequency("second", 7 * 86400)
    panel = Panel.of({"ds": ["2024-01-01"], "y": [1]}, frequency=week)
    assert panel.frequency == week
    assert Panel.of({"ds": [1, 5], "y": [1, 5]}, frequency=Frequency("integer", 2))["1"].ds.tolist() == [1, 3, 5]


def test_the_callers_arrays_are_not_changed_and_those_of_a_series_are_read_only():
    y, ds = np.array([1.0, 2.0]), np.array([1, 2])
    series = Series("a", ds, y, np.empty((2, 0)))
    for array in (series.y, series.ds, Panel.of(y)["1"].y):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5
    y[0], ds[0] = 3, 0  # still writeable
    table = {"ds": np.array([2, 1]), "y": np.array([5.0, 4.0])}
    Panel.of(table)
    assert table["ds"].tolist() == [2, 1] and table["y"].tolist() == [5, 4]


def test_ids_keep_the_order_of_their_first_rows():
    ids = [f"H{k}" for k in (1, 10, 2)]
    assert Panel.of({"unique_id": ids, "y": [1, 2, 3]}).ids == ("H1", "H10", "H2")
    assert Panel.of({"unique_id": ["NA", "x"], "y": [1, 2]}).ids == ("NA", "x")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames_of_other_libraries_are_tables(library):
    frames = pytest.importorskip(library)
    rng = np.random.default_rng(0)
    table = long_table(Frequency("second", 3600), np.datetime64("2024-01-01", "s"), rng, covariates=1)
    table |= {"ds": table["ds"].astype("datetime64[ms]")}  # polars knows no seconds
    table["y"][3] = np.nan
    assert equal(Panel.of(frames.DataFrame(table)), Panel.of(table))
    zoned = frames.DataFrame(table)
    if library == "pandas":
        zoned["ds"] = zoned["ds"].dt.tz_localize("Europe/Berlin")
    else:
        zoned = zoned.with_columns(ds=frames.col("ds").dt.replace_time_zone("Europe/Berlin"))
    with pytest.raises(ValueError, match=r"column 'ds'.* without a time zone"):
        Panel.of(zoned)
