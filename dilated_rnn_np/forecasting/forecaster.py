"""The forecaster: per series a base forecast, and one dilated net for all series that predicts what the base misses."""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays.checks import fraction, one_of, positive, positive_integer, real
from ..nets import checkpoint as checkpoints
from ..recurrence.cells import CELLS
from .arguments import (
    LARGEST,
    checked_covariates,
    checked_dilations,
    checked_levels,
    checked_methods,
    checked_seasons,
    checked_stamp,
    checked_values,
    checkpoint_files,
    fingerprint,
    first_step,
)
from .backtest import Backtest, check_windows, run_backtest
from .base import fit_base
from .exogenous import Exogenous
from .following import Nets
from .forecast import Forecast
from .frozen import Frozen
from .growing import GrowingSeries
from .panels.future import read_future
from .panels.panel import Panel
from .quantiles import QuantileHead, distances
from .saving import OBJECT, REMEDY, TEXTS, check_entries, pack, unpack
from .stream import Stream
from .training import steps_of, train_nets


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
        dropout: float = 0.1,
        lr: float = 5e-3,
        methods: Sequence[str] | None = None,
    ) -> None:
        self.horizon = positive_integer("horizon", horizon)
        self.seasons = None if seasons is None else checked_seasons(seasons)
        self.cell, self.hidden_size = one_of("cell", cell, CELLS), positive_integer("hidden_size", hidden_size)
        self.dilations = None if dilations is None else checked_dilations(dilations)
        self.quantiles = checked_levels(quantiles)
        self.rng = positive_integer("rng", rng, least=0)
        self.members = positive_integer("members", members, least=0)
        self.dropout, self.lr = fraction("dropout", dropout), positive("lr", lr)
        self.methods = None if methods is None else checked_methods(methods)
        self.notes: list[str] = []

    # ------------------------------------------------------------------ training

    def fit(
        self,
        panel: Any,
        steps: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = False,
        progress: bool = True,
    ) -> Forecaster:
        """Choose the base forecasts, train the nets, and return the forecaster.

        Scales, smoothing rates and weights are frozen from here on, so a later forecast depends on the history alone.

        Parameters
        ----------
        panel : a Panel, or data that ``Panel.of`` accepts. steps : training steps per net; None for ``steps_of(panel)``.
        checkpoint : a file of the training run, as in ``drn.fit``; of net k > 0 with "-k" before the suffix.
        resume : continue from the checkpoints that exist. progress : whether to show a progress bar.
        """
        panel = checked_values(Panel.of(panel))
        steps = steps_of(panel) if steps is None else positive_integer("steps", steps)
        note = fingerprint(self.settings(), panel)
        files = checkpoint_files(checkpoint, self.members, resume, note)
        seasons = panel.frequency.seasons if self.seasons is None else self.seasons
        lengths = [len(series) for series in panel]
        seasons = tuple(m for m in seasons if m < max(lengths))
        warm_up = max(2, min(2 * max(seasons, default=4), int(np.median(lengths)) // 2))
        values = [series.y for series in panel]
        base, prior, errors = fit_base(values, seasons, self.horizon, warm_up, methods=self.methods)
        head = QuantileHead(self.quantiles, distances(np.concatenate(errors), self.quantiles))
        frozen = Frozen(
            seasons=seasons,
            warm_up=warm_up,
            fit_length=warm_up + max(2 * self.horizon, max(seasons, default=1)),
            methods=self.methods,
            rows={unique_id: i for i, unique_id in enumerate(panel.ids)},
            base=base,
            prior=prior,
            exogenous=Exogenous.of(panel, self.horizon),
            nets=Nets([], head, self.horizon),
        )
        self.notes = []
        if self.members:
            frozen.nets.models = train_nets(panel, frozen, self.settings(), steps, files, note, progress)
            if not frozen.nets.models:
                self.notes.append(
                    f"no series has more than {warm_up} values, so no net was trained: the base forecasts alone"
                )
        self._adopt(frozen, panel)
        return self

    def _adopt(self, frozen: Frozen, panel: Panel) -> None:
        self.panel, self.frozen = panel, frozen
        self.growing: dict[str, GrowingSeries] = {}  # the series with updates
        self.streams: dict[str, Stream] = {}

    # ------------------------------------------------------------------ forecasts

    def predict(self, panel: Any = None, future: Any = None) -> Forecast:
        """Return the forecasts of the next ``horizon`` values of every series.

        Parameters
        ----------
        panel : the whole history of the series, which may be new ones; None for those of ``fit`` with all updates.
        future : the covariates over the horizon, see ``read_future``; needed where the panel has covariates, but not of series
            with updates, which have theirs.
        """
        self._check_fitted()
        if panel is not None:
            panel = self._checked_panel(panel)
            values = self.frozen.forecast(panel.series, self._known_future(panel, future))
        else:
            panel = self.current_panel()
            waiting = tuple(series for series in panel if series.unique_id not in self.streams)
            if future is not None and not waiting:
                raise ValueError(
                    "future must be None: update was given the covariates over the horizon of every series"
                )
            found = {unique_id: stream.quantiles(self.frozen.nets) for unique_id, stream in self.streams.items()}
            if waiting:
                known = self._known_future(replace(panel, series=waiting), future)
                quantiles = self.frozen.forecast(waiting, known)
                found |= {series.unique_id: q for series, q in zip(waiting, quantiles, strict=True)}
            values = np.stack([found[unique_id] for unique_id in panel.ids])
        ds = np.stack([panel.frequency.after(series.ds, self.horizon) for series in panel])
        return Forecast(panel.ids, ds, self.quantiles, values)

    def current_panel(self) -> Panel:
        """Return the panel of ``fit`` with all updates."""
        old = [series for series in self.panel if series.unique_id not in self.growing]
        series = {one.unique_id: one for one in (*old, *(growing.whole() for growing in self.growing.values()))}
        new = [unique_id for unique_id in self.growing if unique_id not in self.panel]
        return replace(self.panel, series=tuple(series[unique_id] for unique_id in (*self.panel.ids, *new)))

    def _checked_panel(self, data: Any) -> Panel:
        panel = checked_values(Panel.of(data, None if isinstance(data, Panel) else self.panel.frequency))
        if panel.frequency != self.panel.frequency or panel.covariate_names != self.panel.covariate_names:
            raise ValueError(
                f"panel must have the frequency and the covariates of fit, {self.panel.frequency.name!r} and "
                f"{self.panel.covariate_names}, got {panel.frequency.name!r} and {panel.covariate_names}; "
                "a frequency can be given to Panel.of or read_csv"
            )
        return panel

    def _known_future(self, panel: Panel, future: Any) -> Sequence[np.ndarray | None]:
        """Return the covariates over the horizon, one (horizon, C) or None per series."""
        if panel.covariate_names and future is None:
            names = ", ".join(panel.covariate_names)
            raise ValueError(
                f"future must hold the covariates {names} over the horizon of {self.horizon} steps, got None"
            )
        if future is not None and not panel.covariate_names:
            raise ValueError("future must be None: the panel has no covariates")
        return [None] * len(panel) if future is None else list(read_future(future, panel, self.horizon))

    def update(self, unique_id: str, y: float, covariates: Any = None, ds: Any = None) -> None:
        """Advance a series by one value, in time that does not depend on its length.

        The next ``predict()`` equals that of the frozen forecaster over the whole history.

        Parameters
        ----------
        unique_id : of a series of ``fit``, or of a new one. y : its next value, NaN where it is missing.
        covariates : (1 + horizon, C), of this value's time stamp and the following ones, where the panel has covariates.
        ds : its time stamp. A new series needs it, except that None is 1 where time stamps are whole numbers; for other
            series it is checked where it is given.
        """
        self._check_fitted()
        if not isinstance(unique_id, str) or abs(y := real("y", y)) > LARGEST:
            raise ValueError(f"update takes the name of a series and a number or NaN, got {unique_id!r} and {y}")
        known = checked_covariates(covariates, self.panel.covariate_names, self.horizon)  # (1 + horizon, C)
        growing = self.growing.get(unique_id)
        if growing is None and unique_id in self.panel:
            growing = GrowingSeries(self.panel[unique_id], self.panel.frequency)
        if growing is None:
            series = first_step(unique_id, y, known[:1], ds, self.panel)
            growing = GrowingSeries(series, self.panel.frequency)
        else:
            checked_stamp(ds, self.panel.frequency.after(growing.ds, 1)[0], unique_id)
            series = growing.append(y, known[0])
        self.growing[unique_id] = growing
        stream = self.streams.get(unique_id)
        if stream is not None and self.frozen.is_settled(unique_id, stream.steps):
            stream.update(y, self.frozen.exogenous.inputs(series, known[1:])[0], self.frozen.nets)
        else:
            ((_, self.streams[unique_id]),) = self.frozen.streams([growing.whole()], [known[1:]])

    # ------------------------------------------------------------------ backtests and files

    def backtest(self, panel: Any, windows: int = 3, steps: int | None = None, **training: Any) -> Backtest:
        """Return the scores of forecasts from past cutoffs, beside those of the naive forecasts.

        A new forecaster with the same settings is fitted once, to the values before the first cutoff; at each later cutoff it
        forecasts from the longer history. This one is not changed.

        Parameters
        ----------
        panel, steps : as in ``fit``. training : checkpoint, resume and progress, as there.
        windows : number of cutoffs, ``horizon`` steps apart; the last one is ``horizon`` steps before the end.
        """
        panel, windows = Panel.of(panel), positive_integer("windows", windows)
        check_windows(panel, self.horizon, windows)
        other = Forecaster(**self.settings())
        other.fit(panel.drop_last(windows * self.horizon), steps, **training)
        season = other.frozen.seasons[0] if other.frozen.seasons else 1
        return run_backtest(panel, self.horizon, windows, season, other.predict)

    def settings(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {name: getattr(self, name) for name in inspect.signature(Forecaster).parameters}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted forecaster with the histories of its series to a file, atomically."""
        self._check_fitted()
        arrays, described = pack(self.frozen, self.current_panel())
        note = {"settings": self.settings(), "fitted": described, "notes": self.notes}
        checkpoints.write(path, arrays, {"forecaster": note})

    def _check_fitted(self) -> None:
        if not hasattr(self, "frozen"):
            raise ValueError("the forecaster is not fitted: call fit(panel) first, or load a saved one")


def load(path: str | os.PathLike[str]) -> Forecaster:
    """Return the forecaster that ``save`` wrote.

    Raises
    ------
    FileNotFoundError or CheckpointError : where the file is missing, damaged, or not of a forecaster.
    """
    path = Path(path)
    arrays, meta = checkpoints.read(path)
    if "forecaster" not in meta:
        raise checkpoints.CheckpointError(f"{path} holds no forecaster; load a net with drn.load")
    check_entries(path, meta, {"forecaster": OBJECT})
    note = meta["forecaster"]
    check_entries(path, note, {"settings": OBJECT, "fitted": OBJECT, "notes": TEXTS})
    try:
        forecaster = Forecaster(**note["settings"])
    except (TypeError, ValueError) as error:
        raise checkpoints.CheckpointError(f"{path}: settings make no sense ({error}); {REMEDY}") from None
    forecaster._adopt(*unpack(path, arrays, note["fitted"], forecaster.settings()))
    forecaster.notes = note["notes"]
    return forecaster
