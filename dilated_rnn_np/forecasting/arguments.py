"""Checks of the forecaster's arguments. Each error says what was expected, what was given and what to do."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays.checks import fraction, positive_integer
from ..nets.checkpoint import CheckpointError, checked_place, read
from .panels.panel import Panel
from .panels.series import Series
from .panels.timestamps import shown, timestamps

LARGEST = 1e100  # absolute value
FARTHEST = 0.1  # distance of the point forecast's quantile from the median


def sequence(what: str, values: Any, example: str) -> list[Any]:
    """Return the values of a sequence; a single number or a text raises a TypeError.

    >>> sequence("seasons", 24, "(24, 168)")
    Traceback (most recent call last):
    TypeError: seasons must be a sequence such as (24, 168), got 24
    """
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise TypeError(f"{what} must be a sequence such as {example}, got {values!r}")
    return list(values)


def checked_seasons(seasons: Any) -> tuple[int, ...]:
    """Return season lengths, each at least 2, shortest first."""
    found = [positive_integer("season", season, least=2) for season in sequence("seasons", seasons, "(24, 168)")]
    if sorted(set(found)) != found:
        raise ValueError(f"seasons must increase, shortest first, got {tuple(found)}; pass {tuple(sorted(set(found)))}")
    return tuple(found)


def checked_dilations(dilations: Any) -> list[int]:
    """Return dilations, at least one."""
    found = [positive_integer("dilation", d) for d in sequence("dilations", dilations, "(1, 4, 24)")]
    if not found:
        raise ValueError("dilations must hold one number per layer, got none; None takes them from the seasons")
    return found


def checked_levels(quantiles: Any) -> tuple[float, ...]:
    """Return the levels of quantiles; one of them must be near the median, since it is the point forecast."""
    levels = tuple(fraction("quantile", level) for level in sequence("quantiles", quantiles, "(0.025, 0.5, 0.975)"))
    if not levels or sorted(set(levels)) != list(levels) or levels[0] <= 0:
        raise ValueError(f"quantiles must be increasing numbers between 0 and 1, got {levels}")
    if min(abs(level - 0.5) for level in levels) > FARTHEST + 1e-9:
        raise ValueError(f"quantiles must hold a level from 0.4 to 0.6 for the point forecast, got {levels}; add 0.5")
    return levels


def checked_values(panel: Panel) -> Panel:
    """Return a panel whose values can be squared without overflow; larger ones raise a ValueError."""
    for series in panel:
        if np.nanmax(np.abs(series.y)) > LARGEST:
            raise ValueError(f"series {series.unique_id!r} has values beyond {LARGEST:g}; divide them by a constant")
    return panel


def checked_methods(methods: Any) -> tuple[str, ...]:
    """Return names of base methods, at least one; ``fit_base`` checks them against those of the seasons."""
    if not (names := sequence("methods", methods, '("smoothing",)')):
        raise ValueError("methods must name at least one base method, got none; None takes all")
    return tuple(names)


def member_file(path: Path, member: int) -> Path:
    """Return the checkpoint of a net of an ensemble: ``run.npz``, ``run-1.npz``, and so on."""
    return path.with_name(f"{path.stem}-{member}{path.suffix}") if member else path


def fingerprint(settings: Mapping[str, Any], panel: Panel) -> str:
    """Return a hash of all that a net's training depends on: the settings, but for the number of members, and the panel."""
    described = {name: value for name, value in settings.items() if name != "members"}
    found = hashlib.sha256(json.dumps([described, panel.ids, panel.covariate_names]).encode())
    for series in panel:
        for part in (series.ds.astype(np.int64), series.y, series.covariates):
            found.update(part.tobytes())
    return found.hexdigest()


def checkpoint_files(
    checkpoint: str | os.PathLike[str] | None, members: int, resume: bool, fingerprint: str
) -> list[Path]:
    """Return one file per net, or none; raise where they cannot be written, or exist and are not to be, or cannot be, resumed.

    Parameters
    ----------
    fingerprint : of this training; it is the note of its checkpoints.
    """
    if resume and checkpoint is None:
        raise ValueError("resume=True needs the checkpoint to continue from: give checkpoint=path")
    files = [] if checkpoint is None else [member_file(Path(checkpoint), member) for member in range(members)]
    for file in files:
        checked_place(file)
        if file.exists() and not resume:
            raise FileExistsError(f"{file} exists; continue from it with resume=True, remove it, or give another name")
        if file.exists() and read(file)[1].get("note") != fingerprint:
            raise CheckpointError(
                f"{file} is of another panel or of other settings of the forecaster; resume with those, or give another name"
            )
    return files


def checked_covariates(covariates: Any, names: Sequence[str], horizon: int) -> np.ndarray:
    """Return the covariates of an update, (1 + horizon, C)."""
    expected = (1 + horizon, len(names))
    if covariates is None and not names:
        return np.zeros(expected)
    try:
        known = np.asarray(np.nan if covariates is None else covariates, np.float64)
    except (TypeError, ValueError):
        known = np.full((), np.nan)
    if known.shape != expected or not np.isfinite(known).all():
        got = f"an array of shape {known.shape}" if known.ndim else type(covariates).__name__
        if known.shape == expected:
            got = f"{known[~np.isfinite(known)][0]}"
        raise ValueError(
            f"covariates must hold {', '.join(names) or 'nothing'} for this time stamp and the next {horizon}, "
            f"finite numbers of shape {expected}, got {got}"
        )
    return known


def checked_stamp(ds: Any, following: np.datetime64 | np.int64, unique_id: str) -> None:
    """Raise a ValueError where the time stamp of an update is not the next one of its series."""
    if ds is not None and not np.array_equal(timestamps("ds", [ds]), [following]):
        raise ValueError(
            f"ds must be the next time stamp of series {unique_id!r}, {shown(following)}, got {ds}; "
            "update every time stamp in turn, with y=nan where a value is missing"
        )


def first_step(unique_id: str, y: float, covariates: np.ndarray, ds: Any, panel: Panel) -> Series:
    """Return a new series of one step, at the frequency of a panel.

    Parameters
    ----------
    covariates : (1, C). ds : its time stamp; None for 1 where time stamps are whole numbers.
    """
    if y != y:
        raise ValueError(f"y must be a number: the new series {unique_id!r} cannot start with a missing value")
    kind = panel.series[0].ds.dtype.kind
    expected = f"ds must be the time stamp of the first value of the new series {unique_id!r}"
    if ds is None and kind == "M":
        raise ValueError(f"{expected}, got None")
    stamps = timestamps("ds", [1 if ds is None else ds])
    if stamps.dtype.kind != kind or panel.frequency.range(stamps[0], 1)[0] != stamps[0]:
        words = f"of the frequency {panel.frequency.name!r} like {shown(panel.series[0].ds[-1])}"
        raise ValueError(f"{expected}, {words}, got {ds}")
    return Series(unique_id, stamps, np.array([y]), covariates)
