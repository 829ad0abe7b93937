"""A file or a table that is no panel is refused in one line: which file, line and column, or which series, and a remedy."""

import os

import numpy as np
import pytest

from dilated_rnn_np.forecasting import Frequency, Panel, Series, read_csv

DAILY = "".join(f"a,2024-01-{day:02},{day}\n" for day in range(1, 11))  # lines 2 to 11
COLUMN_Y = r"sales.csv, line 3, column 'y': "

FILES = {
    "text for a number": ("ds,y\n1,5\n2,n/a\n", COLUMN_Y + "expected a number, got 'n/a' (series '1')"),
    "decimal comma in quotes": ('ds,y\n1,5\n2,"1,5"\n', COLUMN_Y + "expected a number, got '1,5'"),
    "decimal point among commas": (
        "ds;y;x\n1;1,5;1\n2;2.5;1\n",
        COLUMN_Y + "expected a number with a decimal comma, like the other cells, got '2.5'",
    ),
    "thousands": ("ds;y\n1;0\n2;1.234,5\n", COLUMN_Y + "expected a number with a decimal comma"),
    "infinity": ("ds,y\n1,5\n2,inf\n", COLUMN_Y + "expected a finite number, got 'inf'; leave the cell empty"),
    "too large a number": ("ds,y\n1,5\n2,1e400\n", COLUMN_Y + "expected a finite number, got '1e400'"),
    "too many cells": ("ds,y\n1,5\n2,1,5\n", "sales.csv, line 3: expected 2 cells, got 3; numbers with decimal"),
    "too few cells": ("ds;y\n1;5\n2\n", "sales.csv, line 3: expected 2 cells, got 1"),
    "a missing date": ("ds,y\n2024-01-01,5\n,6\n", "sales.csv, line 3, column 'ds': expected a date or a whole"),
    "not a date": ("ds,y\n2024-01-01,5\nMonday,6\n", "sales.csv, line 3, column 'ds': expected a date or a whole"),
    "February 30th": ("ds,y\n2024-01-30,5\n2024-02-30,6\n", "sales.csv, line 3, column 'ds': expected a date, got"),
    "hour 25": ("ds,y\n2024-01-01T25:00,5\n", "sales.csv, line 2, column 'ds': expected a date, got"),
    "a time zone": (
        "ds,y\n2024-01-01T00:00Z,5\n",
        "sales.csv, line 2, column 'ds': expected a time without a time zone, got '2024-01-01T00:00Z'; convert all times",
    ),
    "an offset": ("ds,y\n2024-01-01 00:00:00+02:00,5\n", "expected a time without a time zone"),
    "milliseconds": ("ds,y\n2024-01-01T00:00:00.5,5\n", "sales.csv, line 2, column 'ds': expected a date and time in"),
    "day or month": (
        "ds,y\n03/04/2024,5\n04/04/2024,6\n",
        "sales.csv, line 2, column 'ds': day and month of '03/04/2024' cannot be told apart; write dates as 2015-01-31",
    ),
    "day and month": ("ds,y\n13/04/2024,5\n04/13/2024,6\n", "day and month of '13/04/2024' cannot be told apart"),
    "dates without separators": ("ds,y\n20240131,5\n20240201,6\n", "line 2, column 'ds': '20240131' looks like a date"),
    "months without separators": ("ds,y\n202412,5\n202501,6\n", "line 2, column 'ds': '202412' looks like a date"),
    "integers and dates": ("ds,y\n1,5\n2024-01-01,6\n", "sales.csv, line 2, column 'ds': expected a date or a whole"),
    "fractional time stamps": ("ds,y\n1.5,5\n", "sales.csv, line 2, column 'ds': expected a date or a whole number"),
    "two rows of one time": (
        f"unique_id,ds,y\n{DAILY}a,2024-01-03,7\n",
        "sales.csv, line 12, column 'ds': a second row for series 'a' at 2024-01-03; keep one row",
    ),
    "series without names": ("ds,y\n1,5\n2,5\n1,6\n", "line 4, column 'ds': a second row for series '1' at 1; keep"),
    "an empty name": ("unique_id,y\na,5\n,6\n", "sales.csv, line 3, column 'unique_id': expected the name of a"),
    "no values": ("unique_id,y\na,5\nb,\nb,NA\n", "sales.csv, line 3, column 'y': series 'b' has no value; leave the"),
    "irregular times": (
        "ds,y\n2024-01-01T00:00,5\n2024-01-01T01:00:07,5\n2024-01-01T02:00,5\n",
        "line 2, column 'ds': series '1' has only 3 rows for 7,201 periods of 'second'; make the time stamps",
    ),
    "two frequencies": (
        f"unique_id,ds,y\n{DAILY}b,2024-01-01,1\nb,2024-02-01,1\nb,2024-03-01,1\n",
        "sales.csv, line 12, column 'ds': series 'b' has only 3 rows for 61 periods of 'day'",
    ),
    "one date": ("ds,y\n2024-01-01,5\n", "sales.csv: no series has two time stamps, so the frequency of the dates is"),
    "text covariate": (
        "ds,y,store\n1,5,north\n",
        "sales.csv, line 2, column 'store': expected a number, got 'north'; covariates must be numbers: write text as",
    ),
    "an unknown covariate": (
        "unique_id,ds,y,x\na,1,5,1\na,2,5,\n",
        "sales.csv, line 3, column 'x': covariate of series 'a' without value; covariates must be known everywhere",
    ),
    "static covariate": (
        "unique_id,ds,y,size\na,1,5,10\na,2,5,10\nb,1,5,20\nb,2,5,20\n",
        "sales.csv: column 'size' is constant within every series but differs between them; static covariates are not supported",
    ),
    "several targets": ("ds,y1,y2\n1,5,6\n", "sales.csv: a column y must hold the values, got the columns ds, y1,"),
    "several targets by series": ("unique_id,y1,y2\na,5,6\n", "one target per series: stack y1, y2 as series of"),
    "another name for y": ("ds,value\n1,5\n", "sales.csv: a column y must hold the values, got the columns ds,"),
    "an unknown header": ("id,date,value\na,2024,5\n", "sales.csv, line 1: expected a header unique_id,ds,y (long)"),
    "no header": ("1,5\n2,6\n", "sales.csv, line 1: expected a header"),
    "two columns y": ("y,ds,Y\n5,1,5\n", "sales.csv: column 'y' occurs twice"),
    "a column without name": (",ds,y\n0,1,5\n", "sales.csv: a column has no name; name it or remove it"),
    "a header alone": ("unique_id,ds,y\n", "sales.csv: a panel needs at least one row"),
    "a wide header alone": ("V1,V2\n", "sales.csv: a panel needs at least one row"),
    "an empty file": ("", "sales.csv: expected a header and rows, got an empty file"),
    "an open quote": ('unique_id,y\na,5\n"b,6\n', "sales.csv, line 3: unexpected end of data; check the quotes"),
    "text after a quote": ('unique_id,y\na,5\n"b"c,6\n', "sales.csv, line 3: ',' expected after '\"'; check the"),
    "Latin 1": ("unique_id,y\na,5\nZürich,5\n".encode("latin-1"), "sales.csv, line 3: expected text in UTF-8, got"),
    "UTF-16": ("ds,y\n1,5\n".encode("utf-16"), "sales.csv, line 1: expected text in UTF-8"),
    "half a gzip file": (b"\x1f\x8b\x08\x00\x00\x00", "sales.csv: the gzip stream ends early; use another copy of"),
    "a damaged gzip file": (b"\x1f\x8b" + bytes(30), "sales.csv: the gzip stream is damaged"),
    "wide: text": ("V1,V2,V3\nH1,5,6\nH2,5,x\n", "sales.csv, line 3, column 'V3': expected a number, got 'x' (series"),
    "wide: infinity": ("V1,V2,V3\nH1,5,-inf\n", "line 2, column 'V3': expected a finite number, got '-inf'; leave"),
    "wide: the same name": ("V1,V2\nH1,5\nH1,6\n", "line 3, column 'V1': expected a name of its own for the series,"),
    "wide: no name": ("V1,V2\n,5\n", "line 2, column 'V1': expected a name of its own for the series, got ''"),
    "wide: no values": ("V1,V2,V3\nH1,5,6\nH2,,\n", "sales.csv, line 3: series 'H2' has no value; leave the series"),
    "wide: too many cells": ("V1,V2\nH1,5,6\n", "sales.csv, line 2: expected at most 2 cells, got 3"),
    "wide: decimal point among commas": ("V1;V2;V3\nH1;1,5;1.5\n", "line 2, column 'V3': expected a number with a"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), FILES.values(), ids=FILES)
def test_a_file_with_an_error_is_refused_in_one_line(content, message, tmp_path):
    path = tmp_path / "sales.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError) as caught:
        read_csv(path)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert type(caught.value) is ValueError and str(caught.value).startswith("sales.csv")


def test_only_regular_files_are_opened(tmp_path):
    with pytest.raises(ValueError, match=r"expected a regular file, got a folder$"):
        read_csv(tmp_path)
    with pytest.raises(ValueError, match=r"^null: expected a regular file, got a device or pipe$"):
        read_csv(os.devnull)
    with pytest.raises(FileNotFoundError, match=r"sales\.csv"):
        read_csv(tmp_path / "sales.csv")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path):
    os.mkfifo(tmp_path / "sales.csv")
    with pytest.raises(ValueError, match=r"^sales\.csv: expected a regular file, got a device or pipe$"):
        read_csv(tmp_path / "sales.csv")


def dated(days, **columns):
    return {"ds": [f"2024-01-{day:02}" for day in days], "y": np.ones(len(days))} | columns


CALLS = {
    "nothing": (None, "got NoneType; for a file use read_csv"),
    "a path": ("sales.csv", "a panel must be a table with the columns unique_id, ds, y, a mapping or an array, got"),
    "a number": (np.float64(5), "a panel must be a table"),
    "a set": ({1, 2}, "got set"),
    "no series": ({}, "a panel needs at least one row"),
    "no rows": ({"y": []}, "a panel needs at least one row"),
    "an empty series": ({"a": [1], "b": []}, "series 'b' has no value; leave the series out"),
    "an empty array": (np.empty((2, 0)), "series '1' has no value"),
    "an unknown series": ({"a": [1], "b": [np.nan, None]}, "series 'b' has no value; leave the series out"),
    "an infinite value": ({"a": [1], "b": [1, np.inf]}, "series 'b', value 1: expected a finite number, got 'inf'"),
    "an infinite value in a table": (
        {"unique_id": ["a", "b"], "y": [1, -np.inf]},
        "row 1, column 'y': expected a finite number, got '-inf'; leave the cell empty if unknown (series 'b')",
    ),
    "text": ({"a": [1, "high"]}, "series 'a', value 1: expected a number, got 'high'"),
    "complex values": ({"a": [1j]}, "series 'a': column 'y' must hold numbers, got dtype complex128"),
    "three axes": (np.ones((2, 2, 2)), "series '1': column 'y' must hold one value per row"),
    "two targets in y": ({"ds": [1, 2], "y": np.ones((2, 2))}, "column 'y' must hold one value per row; one target"),
    "ragged values": ({"ds": [1, 2], "y": [[1], [2, 3]]}, "column 'y' must hold one value per row; one target"),
    "a short column": ({"y": [1, 2], "ds": [1]}, "column 'ds' must have 2 rows like 'y', got 1"),
    "one name for all": ({"y": [1, 2], "unique_id": "a"}, "column 'unique_id' must hold one value per row"),
    "the same name": ({1: [5], "1": [6]}, "two series have the same name"),
    "a missing name": ({"unique_id": ["a", None], "y": [1, 2]}, "row 1, column 'unique_id': expected the name of a"),
    "no y": ({"ds": [1], "sales": [5]}, "a column y must hold the values, got the columns ds, sales"),
    "fractional time stamps": ({"ds": [1, 1.5], "y": [1, 2]}, "row 1, column 'ds': expected a whole number or a"),
    "dates as numbers": ({"ds": [20240131, 20240201], "y": [1, 2]}, "row 0, column 'ds': '20240131' looks like a date; write"),
    "no time": ({"ds": np.array(["2024-01-01", "NaT"], "M8[s]"), "y": [1, 2]}, "row 1, column 'ds': expected a date,"),
    "truth for time": ({"ds": [True, False], "y": [1, 2]}, "column 'ds' must hold whole numbers or dates, got dtype"),
    "nanoseconds": ({"ds": np.array([1, 2], "M8[ns]"), "y": [1, 2]}, "row 0, column 'ds': expected a date and time"),
    "times of y": ({"y": np.array(["2024-01-01"], "M8[s]")}, "column 'y' must hold numbers, got dtype datetime64[s]"),
    "two rows of one time": (dated([1, 2, 1]), "row 2, column 'ds': a second row for series '1' at 2024-01-01; keep"),
    "a covariate of text": (dated([1, 2], wind=["N", "S"]), "row 0, column 'wind': expected a number, got 'N';"),
    "a covariate without value": (dated([1, 2], wind=[1, None]), "row 1, column 'wind': covariate of series '1'"),
    "a static covariate": (
        {"unique_id": ["a", "a", "b"], "y": [1, 2, 3], "size": [5, 5, 6]},
        "column 'size' is constant within every series but differs between them",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "message"), CALLS.values(), ids=CALLS)
def test_data_that_is_no_panel_is_refused_in_one_line(data, message):
    with pytest.raises((ValueError, TypeError)) as caught:
        Panel.of(data)
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda panel: panel["H3"], "no series 'H3' among the 2 of the panel, such as 'H1'"),
        (lambda panel: panel.drop_last(3), "n must be below 3, the number of values of the longest series, got 3"),
        (lambda panel: panel.drop_last(-1), "n must be a whole number of at least 0, got -1"),
        (lambda panel: panel.last(0), "n must be a whole number of at least 1, got 0"),
        (lambda panel: Panel.of({"y": [1, 2]}, Frequency("month")), "row 0, column 'ds': expected dates for the"),
        (lambda panel: Panel.of(dated([1, 2]), Frequency("integer")), "expected whole numbers for the frequency"),
        (
            lambda panel: Panel.of(dated([1, 4]), Frequency("second", 2 * 86400)),
            "row 1, column 'ds': series '1' has 2024-01-04 between two periods of '2 days' from 2024-01-01 on",
        ),
        (lambda panel: Panel.of(dated([5, 6]), Frequency("business day")), "series '1' has 2024-01-06 between two"),
        (lambda panel: Series("a", np.arange(2), np.ones(3), np.ones((3, 0))), "ds must have 3 time stamps like y,"),
    ],
)  # fmt: skip
def test_wrong_calls_are_refused(call, message):
    with pytest.raises(ValueError) as caught:
        call(Panel.of({"H1": [1, 2, 3], "H2": [4]}))
    assert message in str(caught.value) and "\n" not in str(caught.value)
