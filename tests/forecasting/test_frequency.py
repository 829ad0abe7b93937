"""The frequency of a panel is found from its time stamps, whatever their order of magnitude, phase and gaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dilated_rnn_np.forecasting import Frequency, calendar_features, calendar_names, find_frequency

HOUR, DAY = 3600, 86400
# frequency, name, first time stamp, usual seasons, names of the calendar's cycles
CASES = [
    (Frequency("integer"), "integer", 1, (), ""),
    (Frequency("integer", 10), "10 integers", -5, (), ""),
    (Frequency("second"), "second", "2024-02-29T23:59:58", (60, 3600), "hour weekday day month"),
    (Frequency("second", 60), "minute", "2024-02-29T23:58", (60, 1440), "hour weekday day month"),
    (Frequency("second", 900), "15 minutes", "2015-01-01T00:15", (96, 672), "hour weekday day month"),
    (Frequency("second", 1800), "30 minutes", "1969-12-31T23:00", (48, 336), "hour weekday day month"),
    (Frequency("second", HOUR), "hour", "2015-01-01T04:30", (24, 168), "hour weekday day month"),
    (Frequency("second", 6 * HOUR), "6 hours", "2015-01-01T06:00", (4, 28), "hour weekday day month"),
    (Frequency("second", DAY), "day", "2023-12-30", (7,), "weekday day month"),
    (Frequency("second", 2 * DAY), "2 days", "2023-12-30", (), "weekday day month"),
    (Frequency("second", 7 * DAY), "week", "2023-12-27", (52,), "day month"),
    (Frequency("second", 14 * DAY), "2 weeks", "2023-12-27", (26,), "day month"),
    (Frequency("business day"), "business day", "2023-12-28T16:00", (5,), "weekday day month"),
    (Frequency("month"), "month", "2023-11-01", (12,), "month"),
    (Frequency("month"), "month", "2023-11-28T12:00", (12,), "month"),
    (Frequency("month", 2), "2 months", "2023-11-01", (6,), "month"),
    (Frequency("month", 3), "quarter", "2023-10-01", (4,), "month"),
    (Frequency("month", 12), "year", "1896-01-01", (), ""),
    (Frequency("month end"), "month end", "2023-11-30", (12,), "month"),
    (Frequency("month end", 3), "quarter end", "1900-03-31", (4,), "month"),
    (Frequency("month end", 12), "year end", "2024-12-31", (), ""),
]
FREQUENCIES = st.sampled_from(CASES)


def stamp(first):
    return np.int64(first) if isinstance(first, int) else np.datetime64(first, "s")


@pytest.mark.parametrize(("frequency", "name", "first", "seasons", "cycles"), CASES, ids=[case[1] for case in CASES])
def test_name_seasons_and_calendar_of_a_frequency(frequency, name, first, seasons, cycles):
    assert frequency.name == name
    assert frequency.seasons == seasons
    long = {"hour": "hour of day", "weekday": "day of week", "day": "day of month", "month": "month of year"}
    expected = [f"{long[cycle]}, {part}" for cycle in cycles.split() for part in ("sine", "cosine")]
    assert calendar_names(frequency) == tuple(expected)


@given(FREQUENCIES, st.integers(15, 40), st.integers(0, 1000))
def test_the_frequency_of_consecutive_time_stamps_is_found(case, n, start):
    frequency, _, first, *_ = case
    ds = frequency.range(frequency.range(stamp(first), start + 1)[-1], n)
    assert find_frequency([ds]) == frequency
    np.testing.assert_array_equal(frequency.index(ds), np.arange(n))


@given(FREQUENCIES, st.integers(1, 30), st.integers(1, 30))
def test_after_continues_range_in_the_same_dtype(case, n, more):
    frequency, _, first, *_ = case
    ds = frequency.range(stamp(first), n + more)
    following = frequency.after(ds[:n], more)
    np.testing.assert_array_equal(following, ds[n:])
    assert following.dtype == ds.dtype == (np.int64 if isinstance(first, int) else np.dtype("datetime64[s]"))
    assert (np.diff(ds) > 0).all() if n + more > 1 else True
    np.testing.assert_array_equal(frequency.after(ds[n - 1], more), following)


@given(FREQUENCIES, st.integers(0, 2**32 - 1))
def test_gaps_do_not_change_the_frequency(case, seed):
    frequency, _, first, *_ = case
    rng = np.random.default_rng(seed)
    ds = frequency.range(stamp(first), 40)
    kept = np.sort(np.concatenate([[0, 1, 39], 2 + rng.permutation(37)[:30]]))
    assert find_frequency([ds[kept]]) == frequency
    np.testing.assert_array_equal(frequency.index(ds[kept]), kept)


@given(FREQUENCIES)
def test_series_of_other_lengths_and_phases_share_the_frequency(case):
    frequency, _, first, *_ = case
    ds = frequency.range(stamp(first), 60)
    assert find_frequency([ds[:30], ds[7:9], ds[50:51]]) == frequency
    if frequency.unit == "integer":
        assert find_frequency([ds, ds + 1]) == frequency
    if frequency == Frequency("second", 7 * DAY):  # weeks that begin on other days
        assert find_frequency([ds, ds + 3 * DAY]) == frequency


def test_days_of_one_week_are_days_but_weekdays_of_two_weeks_are_business_days():
    monday = np.datetime64("2024-01-01", "s")
    weekdays = Frequency("business day").range(monday, 10)
    assert find_frequency([weekdays[:5]]).name == "day"
    assert find_frequency([weekdays]).name == "business day"
    assert find_frequency([weekdays, weekdays[:1] + 5 * DAY]).name == "day"  # a Saturday in another series


def test_months_end_on_their_last_day():
    ends = Frequency("month end").after(np.datetime64("2023-12-31", "s"), 12).astype("datetime64[D]")
    assert ends[[0, 1, 3]].astype(str).tolist() == ["2024-01-31", "2024-02-29", "2024-04-30"]
    assert ((ends + 1).astype("datetime64[M]").astype("datetime64[D]") == ends + 1).all()


def test_series_without_a_second_value_have_an_unknown_frequency_unless_they_count():
    assert find_frequency([np.array([5]), np.array([9])]) == Frequency("integer")
    with pytest.raises(ValueError, match=r"no series has two time stamps, .* pass frequency="):
        find_frequency([np.array(["2024-01-01"], "datetime64[s]")])


@pytest.mark.parametrize(("unit", "step", "message"), [("hour", 1, "unknown unit 'hour'"), ("month", 0, "step must")])
def test_a_wrong_frequency_is_refused(unit, step, message):
    with pytest.raises(ValueError, match=message):
        Frequency(unit, step)


# ---------------------------------------------------------------------- calendar features


@given(FREQUENCIES, st.integers(1, 50))
def test_calendar_features_are_points_on_circles(case, n):
    frequency, _, first, *_ = case
    ds = frequency.range(stamp(first), n)
    features = calendar_features(ds, frequency)
    assert features.shape == (n, len(calendar_names(frequency))) and features.dtype == np.float64
    assert (abs(features) <= 1).all()
    np.testing.assert_allclose((features.reshape(n, -1, 2) ** 2).sum(axis=-1), 1)


def test_calendar_features_have_the_periods_of_the_calendar():
    hourly = Frequency("second", HOUR)
    ds = hourly.range(np.datetime64("2023-01-01", "s"), 24 * 365)
    columns = dict(zip(calendar_names(hourly), calendar_features(ds, hourly).T, strict=True))
    days, moment = ds.astype("datetime64[D]"), ds.astype(object)
    expected = {
        "hour of day": [t.hour / 24 for t in moment],
        "day of week": [t.weekday() / 7 for t in moment],
        "month of year": [(t.month - 1) / 12 for t in moment],
    }
    for cycle, fraction in expected.items():
        np.testing.assert_allclose(columns[f"{cycle}, sine"], np.sin(2 * np.pi * np.array(fraction)), atol=1e-12)
        np.testing.assert_allclose(columns[f"{cycle}, cosine"], np.cos(2 * np.pi * np.array(fraction)), atol=1e-12)
    for first in ("2023-02-01", "2023-03-01", "2023-12-01"):  # each month starts at the same point
        np.testing.assert_allclose(columns["day of month, cosine"][days == np.datetime64(first)], 1)
    last = columns["day of month, sine"][days == np.datetime64("2023-02-28")]
    np.testing.assert_allclose(last, np.sin(2 * np.pi * 27 / 28))
