"""A panel is the same from every kind of CSV file: long and wide, any separator, gzipped, quoted, with missing values."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dilated_rnn_np.forecasting import Panel, read_csv
from dilated_rnn_np.forecasting.panels import csv_text

LONG = """unique_id,ds,y,price
north,2024-01-01T00:00,1.5,9
north,2024-01-01T01:00,,9.5
north,2024-01-01T02:00,-3e2,9
south,2024-01-01T05:00,4,8
south,2024-01-01T06:00,0,8.25
"""
WIDE = '"V1","V2","V3","V4"\n"H1","1.5","","-300"\n"H2","4","0",""\n'


@pytest.fixture
def write(tmp_path):
    """Returns a function that writes a file and returns its path."""

    def to_file(content, name="sales.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to_file


def check_long(panel):
    assert panel.ids == ("north", "south")
    assert panel.frequency.name == "hour" and panel.covariate_names == ("price",)
    assert panel.report() == ["series 'north': 1 value missing at 2024-01-01T01:00"]
    np.testing.assert_array_equal(panel["north"].y, [1.5, np.nan, -300])
    np.testing.assert_array_equal(panel["south"].covariates, [[8], [8.25]])
    assert panel["south"].ds[1] == np.datetime64("2024-01-01T06:00:00")


def decimal_commas(text, separator):
    return text.replace(",", separator).replace(".", ",")


FORMS = {
    "as it is": LONG,
    "another order of columns": "\n".join(
        ",".join(line.split(",")[k] for k in (2, 3, 0, 1)) for line in LONG.splitlines()
    ),
    "other cases and blanks": LONG.replace("unique_id,ds,y", "Unique_ID, DS ,Y"),
    "carriage returns": LONG.replace("\n", "\r\n"),
    "old line ends": LONG.replace("\n", "\r"),
    "a byte order mark": LONG.encode("utf-8-sig"),
    "no line end": LONG.rstrip("\n"),
    "blank lines": LONG.replace("\n", "\n\n") + ",,,\n",
    "semicolons": LONG.replace(",", ";"),
    "tabs": LONG.replace(",", "\t"),
    "decimal commas and semicolons": decimal_commas(LONG, ";"),
    "decimal commas and tabs": decimal_commas(LONG, "\t"),
    "quotes": "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in LONG.splitlines()),
    "NA": LONG.replace(",,", ",NA,"),
    "NaN": LONG.replace(",,", ",nan,"),
    "null": LONG.replace(",,", ",NULL,"),
    "blank dates": LONG.replace("T0", " 0"),
    "seconds": LONG.replace(":00,", ":00:00,"),
    "day first": LONG.replace("2024-01-01T", "01.01.2024 "),
    "gzip": gzip.compress(LONG.encode()),
    "gzip of two members": gzip.compress(LONG[:60].encode()) + gzip.compress(LONG[60:].encode()),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_a_long_file_gives_the_same_panel(form, write):
    check_long(read_csv(write(form)))


WIDE_FORMS = {
    "as published": WIDE,
    "a numbered header": WIDE.replace("V1", "unique_id").replace('"V', '"'),
    "empty cells": WIDE.replace("\n", ",,\n"),
    "semicolons": WIDE.replace(",", ";"),
    "decimal commas": decimal_commas(WIDE, ";"),
    "short rows": WIDE.replace(',""\n', "\n"),
    "gzip": gzip.compress(WIDE.encode()),
}


@pytest.mark.parametrize("form", WIDE_FORMS.values(), ids=WIDE_FORMS)
def test_every_form_of_a_wide_file_gives_the_same_panel(form, write):
    panel = read_csv(write(form))
    assert panel.ids == ("H1", "H2") and panel.frequency.name == "integer"
    assert panel["H1"].ds.tolist() == [1, 2, 3] and panel["H2"].ds.tolist() == [1, 2]
    np.testing.assert_array_equal(panel["H1"].y, [1.5, np.nan, -300])
    assert panel.report() == ["series 'H1': 1 value missing at 2"]


def test_a_file_of_values_alone_is_one_series(write):
    panel = read_csv(write("y\n5\n\n6\n"))
    assert panel["1"].y.tolist() == [5, 6] and panel["1"].ds.tolist() == [1, 2]


@given(st.integers(0, 2**32 - 1))
def test_numbers_are_read_exactly(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=20) * 10.0 ** rng.integers(-30, 30, 20)
    path = tmp_path_factory.getbasetemp() / "exact.csv"
    path.write_text("ds;y\n" + "".join(f"{k};{value!r}\n".replace(".", ",") for k, value in enumerate(y.tolist())))
    np.testing.assert_array_equal(read_csv(path)["1"].y, y)


def test_a_name_may_hold_separators_quotes_and_line_ends(write):
    panel = read_csv(write('unique_id,y\n"north, ""1""\nupper",5\nsouth,6\n'))
    assert panel.ids == ('north, "1"\nupper', "south")
    with pytest.raises(ValueError, match=r"^sales\.csv, line 4, column 'y': expected a number, got 'x'"):
        read_csv(write('unique_id,y\n"north\nupper",5\nsouth,x\n'))


def test_a_long_file_equals_the_mapping_of_its_columns(write):
    header, *lines = [line.split(",") for line in LONG.splitlines()]
    mapping = dict(zip(header, map(list, zip(*lines, strict=True)), strict=True))
    check_long(Panel.of(mapping))


def test_a_file_may_be_as_large_as_the_limit_and_no_larger(write):
    size = len(LONG)
    for content in (LONG, gzip.compress(LONG.encode())):
        path = write(content)
        assert csv_text.read_text(path, most_bytes=size).text == LONG
        with pytest.raises(ValueError, match=rf"^sales\.csv: expected at most {size - 1} bytes"):
            csv_text.read_text(path, most_bytes=size - 1)


def test_a_gzip_bomb_is_refused_before_it_is_unpacked(write):
    path = write(gzip.compress(bytes(2**26)), "bomb.csv.gz")
    with pytest.raises(ValueError, match=r"^bomb\.csv\.gz: expected at most 1,000 bytes"):
        csv_text.read_text(path, most_bytes=1000)


@given(st.sampled_from([LONG, WIDE, decimal_commas(LONG, ";")]), st.data())
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path_factory, text, data):
    """Cuts, repeats and replaces a piece of the file, also by characters with a meaning."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 12)))
    pieces = st.sampled_from([*',;"\t\n\r\0-.eT_ ', "NA", "inf", "1e999", "9" * 30, "2024-13-01", text[start:end] * 2])
    piece = data.draw(st.one_of(pieces, st.text(max_size=4)))
    content = (text[:start] + piece + text[end:]).encode("utf-8", "surrogatepass")
    path = tmp_path_factory.getbasetemp() / "damaged.csv"
    for damaged in (content, gzip.compress(content)[: data.draw(st.integers(1, 200))]):
        path.write_bytes(damaged)
        try:
            panel = read_csv(path)
        except ValueError as error:
            assert str(error).startswith("damaged.csv") and str(error).isprintable()
        else:
            assert len(panel) and all(np.isfinite(series.y[[0, -1]]).all() for series in panel)
