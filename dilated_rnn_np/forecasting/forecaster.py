"""The forecaster: per series a base forecast, and one dilated net for all series that predicts what the base misses."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays.checks import fraction, one_of, positive, positive_integer
from ..arrays.streams import stream
from ..nets.model import DilatedRNN
from ..training.callbacks import EpochAverage
from ..training.optim import Adam, cosine_decay, warmup
from ..training.train import fit
from .base import Base, fit_base
from .crops import Crops
from .exogenous import Exogenous
from .features import INPUTS, input_size
from .following import Followed, Nets
from .forecast import Forecast
from .future import read_future
from .panel import Panel
from .quantiles import QuantileHead, distances
from .ragged import groups
from .stream import Stream

BATCH = 32  # crops per training step
WARM_UP_STEPS = 26  # of the learning rate
AVERAGED = 3  # epochs, tenths of the training, whose parameters are averaged


class Forecaster:
    """Forecasts many time series at once, with prediction intervals.

    Each series is scaled (``scaling``) and gets a base forecast, a mean of simple methods weighted by their past errors
    (``base``). A dilated net over all series, with the time steps as its sequence, predicts at every step the next ``horizon``
    values relative to the base (``features``), as quantiles that do not cross (``quantiles``).

    Parameters
    ----------
    horizon : time steps to forecast.
    seasons : season lengths in time steps, such as (24, 168) for hourly values; None takes those of the panel's frequency.
    cell, hidden_size, dropout : of the net. dilations : one per layer; None for ``dilations_of(seasons)``.
    quantiles : increasing numbers between 0 and 1; the one nearest to 0.5 is the point forecast.
    rng : the seed of all random numbers.
    members : nets that differ by their seeds and whose forecasts are averaged; 0 forecasts with the base alone.
    methods : names of the base methods to use, see ``candidate_names``; None for all.
    inputs : "methods" gives the net the forecasts of all methods, "errors" only the last error and value.

    Examples
    --------
    >>> t = np.arange(120)
    >>> panel = {"a": 10 + np.sin(t * np.pi / 6), "b": 20 + 3 * np.cos(t * np.pi / 6)}
    >>> forecaster = Forecaster(horizon=6, seasons=(12,), hidden_size=8)
    >>> forecast = forecaster.fit(panel, steps=5, progress=False).predict()
    >>> forecast.mean.shape, forecast.quantile(0.975).shape
    ((2, 6), (2, 6))
    """

    def __init__(
        self,
        horizon: int,
        seasons: Sequence[int] | None = None,
        cell: str = "gru",
        hidden_size: int = 40,
        dilations: Sequence[int] | None = None,
        quantiles: Sequence[float] = (0.025, 0.5, 0.975),
        rng: int = 0,
        *,
        members: int = 1,
        dropout: float = 0.25,
        lr: float = 5e-3,
        methods: Sequence[str] | None = None,
        inputs: str = "methods",
    ) -> None:
        self.horizon = positive_integer("horizon", horizon)
        self.seasons = None if seasons is None else _checked_seasons(seasons)
        self.cell, self.hidden_size = cell, positive_integer("hidden_size", hidden_size)
        self.dilations = None if dilations is None else [positive_integer("dilation", d) for d in dilations]
        self.quantiles = _checked_levels(quantiles)
        self.rng = positive_integer("rng", rng, least=0)
        self.members = positive_integer("members", members, least=0)
        self.dropout, self.lr = fraction("dropout", dropout), positive("lr", lr)
        self.methods = None if methods is None else tuple(methods)
        self.inputs = one_of("inputs", inputs, INPUTS)
        self.notes: list[str] = []

    # ------------------------------------------------------------------ training

    def fit(
        self,
        panel: Any,
        steps: int = 200,
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = False,
        progress: bool = True,
    ) -> Forecaster:
        """Choose the base forecasts, train the nets, and return the forecaster.

        Scales, smoothing rates and weights are frozen from here on, so a later forecast depends on the history alone.

        Parameters
        ----------
        panel : a Panel, or data that ``Panel.of`` accepts. steps : training steps per net.
        checkpoint : a file of the training run, as in ``drn.fit``; of net k > 0 with "-k" before the suffix.
        resume : continue from the checkpoints that exist. progress : whether to show a progress bar.
        """
        panel, steps = Panel.of(panel), positive_integer("steps", steps)
        self.panel, self.frequency = panel, panel.frequency
        seasons = panel.frequency.seasons if self.seasons is None else self.seasons
        longest = max(map(len, panel))
        self.used_seasons = tuple(m for m in seasons if m < longest)
        median = int(np.median([len(series) for series in panel]))
        self.warm_up = max(2, min(2 * max(self.used_seasons, default=4), median // 2))
        self.fit_length = self.warm_up + max(2 * self.horizon, *self.used_seasons, 1)
        values = [series.y for series in panel]
        self.base, self.prior, errors = fit_base(
            values, self.used_seasons, self.horizon, self.warm_up, methods=self.methods
        )
        self.index = {unique_id: i for i, unique_id in enumerate(panel.ids)}
        self.exogenous = Exogenous.of(panel, self.horizon)
        self.head = QuantileHead(self.quantiles, distances(np.concatenate(errors), self.quantiles))
        models = self._trained(panel, steps, checkpoint, resume, progress) if self.members else []
        self.nets = Nets(models, self.head, self.inputs, self.horizon)
        self.streams: dict[str, Stream] = {}
        return self

    def _trained(
        self, panel: Panel, steps: int, checkpoint: str | os.PathLike[str] | None, resume: bool, progress: bool
    ) -> list[DilatedRNN]:
        values = [series.y for series in panel]
        tracks: list[Any] = [None] * len(panel)
        for rows in groups(values):
            group = Followed.of([values[i] for i in rows], self.base.rows(rows), self.used_seasons, self.warm_up)
            for row, i in enumerate(rows):
                tracks[i] = group.track_of(row)
        exogenous = [self.exogenous.inputs(series) for series in panel]
        season = self.used_seasons[0] if self.used_seasons else 1
        size = max(3 * max(self.used_seasons, default=1) + self.horizon, 128)
        models = []
        for member in range(self.members):
            seed = int(stream(self.rng, "members", member).integers(2**62))
            crops = Crops(
                values, tracks, exogenous, self.base, season, self.horizon, self.inputs, self.warm_up, size, BATCH, seed
            )
            if not len(crops.rows):
                self.notes.append(
                    f"no series has more than {self.warm_up} values, so no net was trained: the base forecasts alone"
                )
                return []
            model = self._new_model(crops.batch(0)[0].shape[-1], seed)
            rise = min(WARM_UP_STEPS, max(1, steps // 4))
            average = EpochAverage(AVERAGED, max(1, steps // 10))
            file = None if checkpoint is None else member_file(Path(checkpoint), member)
            fit(
                model,
                crops,  # type: ignore[arg-type]
                Adam(model.params, warmup(rise, cosine_decay(self.lr, steps, 0.02))),
                steps,
                loss=self.head,  # type: ignore[arg-type]
                max_norm=1.0,
                callbacks=[average],
                checkpoint=file,
                resume=resume and file is not None and file.exists(),
                seed=seed,
                progress=progress,
                description=f"net {member + 1} of {self.members}",
            )
            models.append(average.model(model))
        return models

    def _new_model(self, size: int, seed: int) -> DilatedRNN:
        model = DilatedRNN(
            size,
            self.hidden_size,
            dilations_of(self.used_seasons) if self.dilations is None else self.dilations,
            self.cell,
            output_size=self.horizon * len(self.quantiles),
            readout="all",
            rng=seed,
            dropout=self.dropout,
            fusion=False,
        )
        model.params["readout.W"] *= 0.1  # starts near the base forecast
        return model

    # ------------------------------------------------------------------ forecasts

    def predict(self, panel: Any = None, future: Any = None) -> Forecast:
        """Return the forecasts of the next ``horizon`` values of every series.

        Parameters
        ----------
        panel : the whole history of the series, which may be new ones; None for those of ``fit`` with all updates.
        future : the covariates over the horizon, see ``read_future``; needed where the panel has covariates.
        """
        self._check_fitted()
        panel = self._checked_panel(self.panel if panel is None else panel)
        known = self._known_future(panel, future)
        base, values = self._bases(panel), [series.y for series in panel]
        exogenous = [self.exogenous.inputs(series, f) for series, f in zip(panel, known, strict=True)]
        found = np.empty((len(panel), self.horizon, len(self.quantiles)))
        for rows in groups(values):
            group = Followed.of([values[i] for i in rows], base.rows(rows), self.used_seasons, self.warm_up)
            outputs, _ = self.nets.outputs(group, [exogenous[i] for i in rows])
            last = group.track.cut(np.arange(len(rows)), group.lengths - 1, 1)
            found[rows] = self.nets.quantiles(last, group.base, outputs)
        ds = np.stack([panel.frequency.after(series.ds, self.horizon) for series in panel])
        return Forecast(panel.ids, ds, self.quantiles, found)

    def _bases(self, panel: Panel) -> Base:
        """Return the frozen base forecaster of known series; new ones choose theirs by their first values."""
        new = [series.y[: self.fit_length] for series in panel if series.unique_id not in self.index]
        parts, rows = self.base, []
        if new:
            added, _, _ = fit_base(new, self.used_seasons, self.horizon, self.warm_up, self.prior, self.methods)
            parts = Base.joined([self.base, added])
        count = len(self.index)
        for series in panel:
            rows.append(self.index.get(series.unique_id, count))
            count += series.unique_id not in self.index
        return parts.rows(np.array(rows))

    def _checked_panel(self, data: Any) -> Panel:
        panel = Panel.of(data, None if isinstance(data, Panel) else self.frequency)
        if panel.frequency != self.frequency or panel.covariate_names != self.panel.covariate_names:
            raise ValueError(
                f"panel must have the frequency and the covariates of fit, {self.frequency.name!r} and "
                f"{self.panel.covariate_names}, got {panel.frequency.name!r} and {panel.covariate_names}"
            )
        return panel

    def _known_future(self, panel: Panel, future: Any) -> Sequence[np.ndarray | None]:
        if panel.covariate_names and future is None:
            names = ", ".join(panel.covariate_names)
            raise ValueError(f"future must hold the covariates {names} over the horizon of {self.horizon} steps, got None")
        if future is not None and not panel.covariate_names:
            raise ValueError("future must be None: the panel has no covariates")
        return [None] * len(panel) if future is None else list(read_future(future, panel, self.horizon))

    def _check_fitted(self) -> None:
        if not hasattr(self, "nets"):
            raise ValueError("the forecaster is not fitted: call fit(panel) first, or load a saved one")


def member_file(path: Path, member: int) -> Path:
    """Return the checkpoint of a net of an ensemble: ``run.npz``, ``run-1.npz``, and so on."""
    return path.with_name(f"{path.stem}-{member}{path.suffix}") if member else path


def dilations_of(seasons: Sequence[int]) -> list[int]:
    """Return 1, the largest divisor of the shortest season up to its square root, and the seasons; 1, 2, 4, 8 without any.

    >>> dilations_of((24, 168)), dilations_of((7,)), dilations_of(())
    ([1, 4, 24, 168], [1, 7], [1, 2, 4, 8])
    """
    if not seasons:
        return [1, 2, 4, 8]
    middle = max(d for d in range(1, math.isqrt(seasons[0]) + 1) if seasons[0] % d == 0)
    return sorted({1, middle, *seasons})


def _checked_seasons(seasons: Sequence[int]) -> tuple[int, ...]:
    found = [positive_integer("season", season, least=2) for season in seasons]
    if sorted(set(found)) != found:
        raise ValueError(f"seasons must increase, shortest first, got {tuple(seasons)}")
    return tuple(found)


def _checked_levels(quantiles: Sequence[float]) -> tuple[float, ...]:
    levels = tuple(fraction("quantile", level) for level in quantiles)
    if not levels or sorted(set(levels)) != list(levels) or levels[0] <= 0:
        raise ValueError(f"quantiles must be increasing numbers between 0 and 1, got {tuple(quantiles)}")
    return levels
