"""The forecaster as arrays and JSON values, for one file without pickle, and the checks of such a file.

The settings of the constructor stand beside them in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..nets import checkpoint as checkpoints
from ..nets.checkpoint import CheckpointError
from .base import Base, Prior
from .exogenous import Exogenous
from .features import INPUTS
from .following import Nets
from .frozen import Frozen
from .panels.calendar import calendar_names
from .panels.frequency import Frequency
from .panels.panel import Panel
from .panels.series import Series
from .quantiles import QuantileHead
from .smoothing import LEVEL_RATES, SEASON_RATES, TREND_RATES
from .track import candidate_names

Arrays = dict[str, np.ndarray]
T = TypeVar("T")
REMEDY = "use another copy of the file, or fit and save again"
POSITIVE = ("base/scale", "base/sigma", "exogenous/std", "head/distances", "panel/lengths")


def pack(frozen: Frozen, panel: Panel) -> tuple[Arrays, dict[str, Any]]:
    """Return the arrays and JSON values of a fitted forecaster and its panel."""
    nets, exogenous = frozen.nets, frozen.exogenous
    arrays = {f"base/{field.name}": getattr(frozen.base, field.name) for field in fields(Base)}
    arrays |= {"prior/rates": frozen.prior.rates, "prior/methods": frozen.prior.methods}
    arrays |= {"head/distances": nets.head.distances, "exogenous/mean": exogenous.mean, "exogenous/std": exogenous.std}
    models = []
    for k, model in enumerate(nets.models):
        params, described = checkpoints.model_record(model)
        models.append(described)
        arrays |= {f"nets/{k}/{name.removeprefix('params/')}": array for name, array in params.items()}
    arrays |= {
        "panel/first": np.array([series.ds[0].astype(np.int64) for series in panel]),
        "panel/lengths": np.array([len(series) for series in panel]),
        "panel/y": np.concatenate([series.y for series in panel]),
        "panel/covariates": np.concatenate([series.covariates for series in panel]),
    }
    described = {
        "seasons": frozen.seasons,
        "warm_up": frozen.warm_up,
        "fit_length": frozen.fit_length,
        "rows": dict(frozen.rows),
        "prior_sigma": frozen.prior.sigma,
        "models": models,
        "ids": panel.ids,
        "frequency": [panel.frequency.unit, panel.frequency.step],
        "dates": panel.series[0].ds.dtype.kind == "M",
        "covariates": panel.covariate_names,
    }
    return arrays, described


def unpack(path: Path, arrays: Arrays, described: dict[str, Any], settings: Mapping[str, Any]) -> tuple[Frozen, Panel]:
    """Return what ``pack`` was given; ``settings`` are those of the forecaster.

    Raises
    ------
    CheckpointError : an entry or an array is missing, of a wrong type or shape, or does not go with the others.
    """
    check_entries(path, described, ENTRIES)
    frequency = _made(path, "frequency", lambda: Frequency(*described["frequency"]))
    names, seasons, horizon = tuple(described["covariates"]), tuple(described["seasons"]), settings["horizon"]
    levels = settings["quantiles"]
    _check_arrays(path, arrays, described, horizon, len(levels))
    size = INPUTS + len(calendar_names(frequency)) + horizon * len(names)
    models = []
    for k, model in enumerate(described["models"]):
        prefix = f"nets/{k}/"
        params = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
        models.append(checkpoints.build(path, model, params))
        sizes = models[-1].input_size, models[-1].output_size, models[-1].readout
        if sizes != (size, horizon * len(levels), "all"):
            raise CheckpointError(f"{path}: net {k} is of another forecaster: input, output and read-out are {sizes}")
        if wrong := [name for name, array in models[-1].params.items() if not np.isfinite(array).all()]:
            raise CheckpointError(f"{path}: {prefix}{wrong[0]} must hold finite numbers; {REMEDY}")
    frozen = Frozen(
        seasons,
        described["warm_up"],
        described["fit_length"],
        settings["methods"],
        described["rows"],
        Base(**{field.name: arrays[f"base/{field.name}"] for field in fields(Base)}),
        Prior(arrays["prior/rates"], arrays["prior/methods"], described["prior_sigma"]),
        Exogenous(frequency, horizon, names, arrays["exogenous/mean"], arrays["exogenous/std"]),
        Nets(models, QuantileHead(levels, arrays["head/distances"]), horizon),
    )
    ends = np.cumsum(arrays["panel/lengths"])[:-1]
    parts = np.split(arrays["panel/y"], ends), np.split(arrays["panel/covariates"], ends)
    firsts = arrays["panel/first"].astype("datetime64[s]" if described["dates"] else np.int64)
    series = []
    for unique_id, first, y, covariates in zip(described["ids"], firsts, *parts, strict=True):
        ds = _made(path, "panel/first", partial(frequency.range, first, len(y)))
        series.append(Series(unique_id, ds, y, covariates))
    return frozen, Panel(tuple(series), frequency, names)


# ---------------------------------------------------------------------- checks of a file


class Kind(NamedTuple):
    """A kind of value in the description: its words for messages, and its test."""

    words: str
    fits: Callable[[Any], bool]


def _whole(value: Any, least: int) -> bool:
    return type(value) is int and least <= value < 2**53


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value) and len(set(value)) == len(value)


OBJECT = Kind("a JSON object", lambda value: isinstance(value, dict))
TEXTS = Kind("a list of different texts", _texts)
ENTRIES = {
    "seasons": Kind(
        "a list of increasing whole numbers of at least 2",
        lambda value: isinstance(value, list) and all(_whole(m, 2) for m in value) and sorted(set(value)) == value,
    ),
    "warm_up": Kind("a whole number of at least 2", lambda value: _whole(value, 2)),
    "fit_length": Kind("a whole number of at least 1", lambda value: _whole(value, 1)),
    "rows": Kind(
        "an object with the numbers 0, 1, … by name",
        lambda value: (
            isinstance(value, dict)
            and all(type(row) is int for row in value.values())
            and sorted(value.values()) == list(range(len(value)))
        ),
    ),
    "prior_sigma": Kind("a finite number above 0", lambda v: type(v) in (int, float) and 0 < v < 1e300),
    "models": Kind("a list of JSON objects", lambda value: isinstance(value, list) and all(map(OBJECT.fits, value))),
    "ids": Kind("a list of different texts, at least one", lambda value: _texts(value) and bool(value)),
    "frequency": Kind("a unit and a step", lambda value: isinstance(value, list) and len(value) == 2),
    "dates": Kind("true or false", lambda value: isinstance(value, bool)),
    "covariates": TEXTS,
}


def check_entries(path: Path, values: Any, entries: Mapping[str, Kind]) -> None:
    """Raise a CheckpointError that names the first entry that is missing or not of its kind."""
    for name, kind in entries.items():
        value = values.get(name, "nothing")
        if not kind.fits(value):
            raise CheckpointError(f"{path}: {name} must be {kind.words}, got {value!r:.80}; {REMEDY}")


def _made(path: Path, name: str, make: Callable[[], T]) -> T:
    """Return ``make()``; its errors become a CheckpointError that names the entry."""
    try:
        return make()
    except (TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(f"{path}: {name} makes no sense ({error}); {REMEDY}") from None


def _check_arrays(path: Path, arrays: Arrays, described: dict[str, Any], h: int, Q: int) -> None:
    """Raise a CheckpointError that names the first array that is missing, of a wrong shape, or holds senseless numbers."""
    N, M, S = len(described["rows"]), len(described["ids"]), len(described["seasons"])
    J, C = len(candidate_names(described["seasons"])), len(described["covariates"])
    G = len(LEVEL_RATES) * len(TREND_RATES) * len(SEASON_RATES) ** S  # sets of rates
    K = (0, *arrays.get("base/shares", np.zeros(0)).shape)[-1]
    shapes: dict[str, tuple[int, ...]] = {"panel/first": (M,), "panel/lengths": (M,)}
    for name, shape in shapes.items():
        _check_array(path, arrays, name, shape, np.int64)
    T = int(arrays["panel/lengths"].sum())
    shapes = {"base/shares": (N, K), "base/rates": (2 + S, N, K), "base/scale": (N,), "base/mix": (N, J)}
    shapes |= {
        "base/sigma": (N,),
        "base/least": (N,),
        "prior/rates": (G,),
        "prior/methods": (J,),
        "head/distances": (h, Q),
    }
    shapes |= {"exogenous/mean": (C,), "exogenous/std": (C,), "panel/y": (T,), "panel/covariates": (T, C)}
    for name, shape in shapes.items():
        _check_array(path, arrays, name, shape, np.float64)


def _check_array(path: Path, arrays: Arrays, name: str, shape: tuple[int, ...], dtype: type) -> None:
    array = arrays.get(name)
    if array is None or array.shape != shape or array.dtype != dtype:
        got = "nothing" if array is None else f"{array.dtype} {array.shape}"
        raise CheckpointError(f"{path}: {name} must be {np.dtype(dtype)} {shape}, got {got}; {REMEDY}")
    finite = ~np.isinf(array) if name == "panel/y" else np.isfinite(array)
    if not finite.all() or (name in POSITIVE and (array <= 0).any()):
        words = "finite numbers above 0" if name in POSITIVE else "finite numbers"
        raise CheckpointError(f"{path}: {name} must hold {words}; {REMEDY}")
