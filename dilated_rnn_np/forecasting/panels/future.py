"""Read the covariates that are known over the horizon."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...arrays.checks import positive_integer
from .cells import CellError, listed, numbers
from .csv_text import read_text
from .panel import Panel
from .read_csv import csv_columns, placed
from .tables import LONG, TEXT, columns_of, same_length, series_codes
from .timestamps import shown, timestamps


def read_future(data: Any, panel: Panel, horizon: int) -> np.ndarray:
    """Return the covariates over the next ``horizon`` time stamps of every series, float64 (N, horizon, C).

    Parameters
    ----------
    data : the path of a CSV file, a data frame or a mapping with the columns unique_id, ds and one per covariate; or an array
        (N, horizon, C). Rows outside the horizon are left out; over the horizon, a column y must be empty.
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
    if hasattr(data, "columns") or isinstance(data, Mapping):
        return _from_columns(columns_of(data), panel, horizon)
    return _from_array(data, panel, horizon)


def _from_array(data: Any, panel: Panel, horizon: int) -> np.ndarray:
    expected = (len(panel), horizon, len(panel.covariate_names))
    try:
        array = np.array(data, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"future must be a path, a table or an array of numbers, got {type(data).__name__}") from None
    if array.shape != expected:
        raise ValueError(f"future must be a table or an array of shape {expected}, (N, horizon, C), got {array.shape}")
    if len(wrong := np.argwhere(~np.isfinite(array))):
        i, step, column = wrong[0]
        where = f"series {panel.ids[i]!r}, step {step + 1}, column {panel.covariate_names[column]!r}"
        raise ValueError(f"future: {where}: expected a finite number, got {array[i, step, column]}")
    return array


def _from_columns(columns: dict[str, Any], panel: Panel, horizon: int) -> np.ndarray:
    wanted = ["ds", *panel.covariate_names, *(["unique_id"] if len(panel) > 1 else [])]
    if missing := [name for name in wanted if name not in columns]:
        raise ValueError(f"column {missing[0]!r} is missing; the future needs the columns {listed(wanted)}")
    if strange := [name for name in columns if name not in (*LONG, *panel.covariate_names)]:
        known = listed(panel.covariate_names) or "none"
        raise ValueError(f"column {strange[0]!r} is not in the history, whose covariates are: {known}; remove it")
    same_length(columns)
    ds = timestamps("ds", columns["ds"])
    if len(ds) and ds.dtype != panel.series[0].ds.dtype:
        kind = "a whole number" if panel.series[0].ds.dtype.kind == "i" else "a date"
        raise CellError(0, "ds", f"expected {kind}, as in the history, got {shown(ds[0])}")
    if "unique_id" in columns:
        ids, codes = series_codes(columns["unique_id"], len(ds))
    else:
        ids, codes = list(panel.ids), np.zeros(len(ds), np.int64)
    known_ids = set(panel.ids)
    for code, unique_id in enumerate(ids):
        if unique_id not in known_ids:
            row = int((codes == code).argmax())
            raise CellError(row, "unique_id", f"series {unique_id!r} is not in the history; remove its rows")
    rows = _next_rows(panel, horizon, ids, codes, ds)  # (N, horizon)
    y = numbers("y", columns["y"]) if "y" in columns else np.full(len(ds), np.nan)
    if len(known := rows[~np.isnan(y[rows])]):
        raise CellError(int(known[0]), "y", f"expected an empty cell, since the future is unknown, got {y[known[0]]:g}")
    future = np.empty((*rows.shape, len(panel.covariate_names)))
    for column, name in enumerate(panel.covariate_names):
        future[..., column] = numbers(name, columns[name], TEXT)[rows]
        if len(empty := np.argwhere(np.isnan(future[..., column]))):
            i, step = empty[0]
            where = f"series {panel.ids[i]!r} at {shown(ds[rows[i, step]])}"
            raise CellError(int(rows[i, step]), name, f"expected the covariate of {where}, got an empty cell")
    return future


def _next_rows(panel: Panel, horizon: int, ids: list[str], codes: np.ndarray, ds: np.ndarray) -> np.ndarray:
    """Return the rows that hold each series' next time stamps, (N, horizon).

    Parameters
    ----------
    ids : names of series. codes : the number of each row's series in ``ids``. ds : the time stamp of each row.
    """
    order = np.lexsort((ds, codes))
    parts = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)  # the rows of each series, in time order
    rows_of = {ids[codes[part[0]]]: part for part in parts if len(part)}
    found = np.empty((len(panel), horizon), np.int64)
    for i, series in enumerate(panel):
        rows = rows_of.get(series.unique_id, order[:0])
        wanted = panel.frequency.after(series.ds, horizon)
        first = np.searchsorted(ds[rows], wanted)
        count = np.searchsorted(ds[rows], wanted, side="right") - first
        for step in np.flatnonzero(count != 1)[:1]:
            moment = f"series {series.unique_id!r} at {shown(wanted[step])}"
            if count[step] == 0:
                raise ValueError(f"no row for {moment}; every series needs rows for its next {horizon} time stamps")
            raise CellError(int(rows[first[step] + 1]), "ds", f"a second row for {moment}; keep one")
        found[i] = rows[first]
    return found
