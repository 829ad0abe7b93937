"""The forecaster as arrays and JSON values, for one file without pickle."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ..nets import checkpoint as checkpoints
from .base import Base, Prior
from .exogenous import Exogenous
from .following import Nets
from .frequency import Frequency
from .frozen import Frozen
from .panel import Panel
from .quantiles import QuantileHead
from .series import Series

Arrays = dict[str, np.ndarray]
KIND = "forecaster 1"


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
        "methods": frozen.methods,
        "rows": dict(frozen.rows),
        "prior_sigma": frozen.prior.sigma,
        "horizon": nets.horizon,
        "levels": nets.head.levels,
        "models": models,
        "ids": panel.ids,
        "frequency": [panel.frequency.unit, panel.frequency.step],
        "dates": panel.series[0].ds.dtype.kind == "M",
        "covariates": panel.covariate_names,
    }
    return arrays, described


def unpack(path: Path, arrays: Arrays, described: dict[str, Any]) -> tuple[Frozen, Panel]:
    """Return what ``pack`` was given."""
    frequency = Frequency(*described["frequency"])
    names, levels, horizon = tuple(described["covariates"]), tuple(described["levels"]), described["horizon"]
    models = []
    for k, model in enumerate(described["models"]):
        prefix = f"nets/{k}/"
        params = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
        models.append(checkpoints.build(path, model, params))
    frozen = Frozen(
        tuple(described["seasons"]),
        described["warm_up"],
        described["fit_length"],
        None if described["methods"] is None else tuple(described["methods"]),
        described["rows"],
        Base(**{field.name: arrays[f"base/{field.name}"] for field in fields(Base)}),
        Prior(arrays["prior/rates"], arrays["prior/methods"], described["prior_sigma"]),
        Exogenous(frequency, horizon, names, arrays["exogenous/mean"], arrays["exogenous/std"]),
        Nets(models, QuantileHead(levels, arrays["head/distances"]), horizon),
    )
    ends = np.cumsum(arrays["panel/lengths"])[:-1]
    parts = np.split(arrays["panel/y"], ends), np.split(arrays["panel/covariates"], ends)
    series = []
    for unique_id, first, y, covariates in zip(described["ids"], arrays["panel/first"], *parts, strict=True):
        moment = first.astype("datetime64[s]") if described["dates"] else first
        series.append(Series(unique_id, frequency.range(moment, len(y)), y, covariates))
    return frozen, Panel(tuple(series), frequency, names)
