"""Read the covariates that are known over the horizon."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..arrays.checks import positive_integer
from .cells import CellError, numbers
from .csv_text import read_text
from .panel import Panel
from .read_csv import csv_columns, placed
from .tables import LONG, TEXT, columns_of, series_codes
from .timestamps import shown, timestamps


def read_future(data: Any, panel: Panel, horizon: int) -> np.ndarray:
    """Return the covariates over the next ``horizon`` time stamps of every series, float64 (N, horizon, C).

    Parameters
    ----------
    data : the path of a CSV file, a data frame or a mapping with the columns unique_id, ds and one per covariate; or an array
        (N, horizon, C). Rows before and after the horizon are left out; y may be there where it is empty.
    panel : the history. horizon : time stamps to forecast.

    Raises
    ------
    ValueError : a covariate, or one of the series' next time stamps, is missing; the message names series, time and column.

    Examples
    --------
    >>> panel = Panel.of({"ds": [1, 2], "y": [5, 6], "price": [9.0, 8.0]})
    >>> read_future({"ds": [4, 3], "price": [6.0, 7.0]}, panel, 2).tolist()
    [[[7.0], [6.0]]]
    """
    horizon = positive_integer("horizon", horizon)
    if isinstance(data, (str, os.PathLike)):
        csv = read_text(data)
        return placed(csv, lambda: _from_columns(csv_columns(csv), panel, horizon))
    if hasattr(data, "columns") or hasattr(data, "keys"):
        return _from_columns(columns_of(data), panel, horizon)
    expected = (len(panel), horizon, len(panel.covariate_names))
    array = np.array(data, dtype=np.float64)
    if array.shape != expected:
        raise ValueError(f"future must be a table or an array of shape {expected}, (N, horizon, C), got {array.shape}")
    if not np.isfinite(array).all():
        i, step, column = np.argwhere(~np.isfinite(array))[0]
        where = f"series {panel.ids[i]!r}, step {step + 1}, column {panel.covariate_names[column]!r}"
        raise ValueError(f"future: {where}: expected a finite number, got {array[i, step, column]}")
    return array


def _from_columns(columns: dict[str, Any], panel: Panel, horizon: int) -> np.ndarray:
    if missing := [name for name in panel.covariate_names if name not in columns]:
        raise ValueError(f"column {missing[0]!r} is missing; the future needs every covariate of the history")
    if "ds" not in columns:
        raise ValueError("column 'ds' is missing; the future needs the time stamp of every row")
    if strange := [name for name in columns if name not in (*LONG, *panel.covariate_names)]:
        known = ", ".join(panel.covariate_names) or "none"
        raise ValueError(f"column {strange[0]!r} is not in the history, whose covariates are: {known}; remove it")
    ds = timestamps("ds", columns["ds"])
    if "unique_id" not in columns and len(panel) > 1:
        raise ValueError(f"column 'unique_id' is missing; the history has {len(panel)} series")
    given, codes = series_codes(columns.get("unique_id"), len(ds))
    if "unique_id" not in columns:
        given = list(panel.ids)
    if "y" in columns and not np.isnan(y := numbers("y", columns["y"])).all():
        row = int((~np.isnan(y)).argmax())
        raise CellError(row, "y", f"expected an empty cell, since the future is unknown, got {columns['y'][row]!r}")
    values = [numbers(name, columns[name], TEXT) for name in panel.covariate_names]
    matrix = np.stack(values, axis=1) if values else np.empty((len(ds), 0))  # (rows, C)
    return _at_the_next_time_stamps(panel, horizon, given, codes, ds, matrix)


def _at_the_next_time_stamps(
    panel: Panel, horizon: int, given: list[str], codes: np.ndarray, ds: np.ndarray, matrix: np.ndarray
) -> np.ndarray:
    if unknown := set(given) - set(panel.ids):
        row = next(row for row, code in enumerate(codes) if given[code] in unknown)
        raise CellError(row, "unique_id", f"series {given[codes[row]]!r} is not in the history")
    if ds.dtype != panel.series[0].ds.dtype:
        kind = "whole numbers" if panel.series[0].ds.dtype.kind == "i" else "dates"
        raise CellError(0, "ds", f"expected {kind}, as in the history, got {shown(ds[0])}")
    order = np.lexsort((ds, codes))
    number_of = {name: number for number, name in enumerate(given)}
    future = np.empty((len(panel), horizon, matrix.shape[1]))  # (N, horizon, C)
    for i, series in enumerate(panel):
        rows = order[codes[order] == number_of[series.unique_id]] if series.unique_id in number_of else order[:0]
        wanted = panel.frequency.after(series.ds, horizon)
        where = np.searchsorted(ds[rows], wanted)
        found = where < np.searchsorted(ds[rows], wanted, side="right")
        if not found.all():
            when = shown(wanted[~found][0])
            raise ValueError(f"series {series.unique_id!r} has no row for {when}; the future needs its next {horizon}")
        twice = np.searchsorted(ds[rows], wanted, side="right") - where > 1
        if twice.any():
            row = rows[where[twice.argmax()] + 1]
            raise CellError(int(row), "ds", f"a second row for series {series.unique_id!r} at {shown(ds[row])}")
        chosen = rows[where]
        future[i] = matrix[chosen]
        if np.isnan(future[i]).any():
            step, column = np.argwhere(np.isnan(future[i]))[0]
            problem = f"covariate of series {series.unique_id!r} at {shown(wanted[step])} without value"
            raise CellError(int(chosen[step]), panel.covariate_names[column], problem)
    return future
