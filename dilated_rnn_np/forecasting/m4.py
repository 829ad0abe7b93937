"""The hourly series of the M4 competition: 414 series of 700 or 960 values, and their next 48 values."""

from __future__ import annotations

import os
from dataclasses import replace

from ..tasks.files import DataFile, read
from .panels.csv_text import text_of
from .panels.panel import Panel
from .panels.read_csv import panel_of

URL = "https://raw.githubusercontent.com/Mcompetitions/M4-methods/6c1067e5a57161249b17289a565178dc7a3fb3ca/Dataset/"
TRAIN = DataFile(
    "Hourly-train.csv",
    "ea59b7783573c49077a835ab6465c7d66f1474783360f310988a9a737fbca62f",
    (f"{URL}Train/Hourly-train.csv",),
    folder="m4",
)
TEST = DataFile(
    "Hourly-test.csv",
    "71a57fccb15e534d973626ada4fb87febf789e9317715b7cc6dd3b5f90db6f42",
    (f"{URL}Test/Hourly-test.csv",),
    folder="m4",
)


def m4_hourly(data_dir: str | os.PathLike[str] | None = None) -> tuple[Panel, Panel]:
    """Return the training and the test panel of M4 Hourly; the time stamps are whole numbers, hours from 1.

    Parameters
    ----------
    data_dir : the first folder to search for the files.

    Raises
    ------
    DataError : a file is damaged, or can neither be found nor downloaded.

    Notes
    -----
    Makridakis, Spiliotis and Assimakopoulos, *The M4 Competition*, International Journal of Forecasting 36, 2020.
    """
    train, test = (panel_of(text_of(file.name, read(file, data_dir))) for file in (TRAIN, TEST))
    following = [
        replace(test[series.unique_id], ds=train.frequency.after(series.ds, len(test[series.unique_id])))
        for series in train
    ]
    return train, replace(test, series=tuple(following))
