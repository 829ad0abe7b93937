"""The command ``forecast``: read a file, backtest and train a forecaster, or take a saved one, and write its forecasts."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..arrays.files import atomic
from ..arrays.threads import get_num_threads, set_num_threads
from ..experiments.files import check_same, made_folder, read_json
from ..forecasting import Forecaster, Panel, load, read_csv, read_future
from ..forecasting.backtest import check_windows
from ..forecasting.panels.timestamps import shown
from .errors import UserError, user_errors
from .gallery import forecast_picture
from .options import typed
from .parser import parser

GIVEN_WITH_A_MODEL = ("file", "future", "model", "out", "threads")
GAPS = 3  # printed; the others are counted


def forecast_command(options: argparse.Namespace) -> None:
    """Forecast the series of a file into a folder with forecast.csv, backtest.csv, forecast.png and model.npz."""
    set_num_threads(options.threads or get_num_threads())
    saved = _saved_forecaster(options)
    with user_errors():
        panel = read_csv(options.file, saved.panel.frequency if saved else None)
    forecaster = saved or _new_forecaster(options)
    future = _checked_future(options, panel, forecaster)
    folder = Path(options.out or f"runs/forecast/{Path(options.file).name.partition('.')[0]}")
    print(_described(Path(options.file).name, panel, forecaster.frozen.seasons if saved else forecaster.seasons))
    if saved:
        _refuse(folder / "forecast.csv", resume=False)
    else:
        _train(options, panel, forecaster, folder)
    forecast = forecaster.predict(panel, future)
    with made_folder(folder):
        forecast.to_csv(folder / "forecast.csv")
    past = max(3 * max(forecaster.frozen.seasons, default=1), 4 * forecaster.horizon)
    forecast_picture(panel, forecast, past, folder / "forecast.png")
    if not saved:
        forecaster.save(folder / "model.npz")
    written = ("forecast.csv", "backtest.csv", "forecast.png", "model.npz")
    print(f"{', '.join(name for name in written if (folder / name).exists())} are in {folder}")


def _train(options: argparse.Namespace, panel: Panel, forecaster: Forecaster, folder: Path) -> None:
    """Backtest a forecaster and fit it, with checkpoints in the folder."""
    windows = _windows(options, panel)
    given = forecaster.settings() | {"steps": options.steps, "backtest": windows}
    given["content of the file"] = hashlib.sha256(Path(options.file).read_bytes()).hexdigest()[:16]
    settings: dict[str, Any] = json.loads(json.dumps(given))
    file, training = folder / "run.json", folder / "training"
    _refuse(file, options.resume)
    if file.exists():
        check_same("run", read_json(file, "give another folder (--out FOLDER)"), settings, folder)
    with made_folder(training), atomic(file) as out:
        json.dump(settings, out, indent=1)
    if windows:
        held_out = windows * forecaster.horizon
        print(f"Backtest: training without the last {held_out} values of each series.")
        checkpoint = training / "backtest.npz"
        backtest = forecaster.backtest(panel, windows, options.steps, checkpoint=checkpoint, resume=True)
        backtest.to_csv(folder / "backtest.csv")
        print(f"{backtest}\nTraining on all values.")
    forecaster.fit(panel, options.steps, checkpoint=training / "net.npz", resume=True)
    print(*(f"Note: {note}." for note in forecaster.notes), sep="\n", end="\n" if forecaster.notes else "")


def _refuse(file: Path, resume: bool) -> None:
    """Raise a FileExistsError where a folder already holds a run that is not resumed."""
    if file.exists() and not resume:
        raise FileExistsError(f"{file} exists: resume that run (--resume), or give another folder (--out FOLDER)")


# ---------------------------------------------------------------------- from options to objects


def _saved_forecaster(options: argparse.Namespace) -> Forecaster | None:
    """Return the forecaster of --model, or None without one."""
    if options.model is None:
        if options.horizon is None:
            raise UserError("--horizon must give the number of time steps to forecast")
        return None
    defaults = vars(parser().parse_args(["forecast", options.file]))
    own = [k for k, value in vars(options).items() if value != defaults[k] and k not in GIVEN_WITH_A_MODEL]
    if own:
        raise UserError(f"a saved forecaster has its own settings: leave {typed(own[0])} out")
    return load(options.model)


def _new_forecaster(options: argparse.Namespace) -> Forecaster:
    with user_errors():
        return Forecaster(
            options.horizon,
            options.season,
            options.cell,
            options.hidden,
            options.dilations,
            sorted({0.5, *options.quantiles}),  # the median is the point forecast
            options.seed,
            members=options.members,
        )


def _windows(options: argparse.Namespace, panel: Panel) -> int:
    """Return the number of cutoffs of the backtest."""
    if options.backtest is None:
        return int(max(map(len, panel)) > options.horizon + 1)
    with user_errors():
        check_windows(panel, options.horizon, options.backtest)
    return options.backtest


def _checked_future(options: argparse.Namespace, panel: Panel, forecaster: Forecaster) -> Any:
    """Return the covariates over the horizon, (N, horizon, C), from --future or the file itself; None without covariates."""
    known = panel.covariate_names
    if options.model and known != forecaster.panel.covariate_names:
        there = ", ".join(forecaster.panel.covariate_names) or "none"
        raise UserError(f"FILE must have the covariates of the model, {there}; it has {', '.join(known) or 'none'}")
    if not known:
        if options.future:
            raise UserError(f"--future must be left out: {Path(options.file).name} has no covariates")
        return None
    if not options.future and not any(gap.known_future for gap in panel.gaps):
        raise UserError(
            f"--future must name a file with the next {forecaster.horizon} values of {', '.join(known)}; "
            "or add these rows to FILE, with an empty y"
        )
    with user_errors():
        return read_future(options.future or options.file, panel, forecaster.horizon)


def _described(name: str, panel: Panel, seasons: Sequence[int] | None) -> str:
    """Return a description of a panel in a few lines: series, lengths, time stamps, covariates, seasons and gaps."""
    shortest, longest = (f"{pick(map(len, panel)):,}" for pick in (min, max))
    lengths = longest if shortest == longest else f"{shortest} to {longest}"
    first, last = min(series.ds[0] for series in panel), max(series.ds[-1] for series in panel)
    lines = [f"{name}: {len(panel):,} series of {lengths} values from {shown(first)} to {shown(last)}"]
    if panel.covariate_names:
        lines.append(f"covariates: {', '.join(panel.covariate_names)}")
    usual = seasons is None
    seasons = panel.frequency.seasons if seasons is None else seasons
    words = f"frequency: {panel.frequency.name}; seasons: {', '.join(map(str, seasons)) or 'none'}"
    if usual and not seasons:
        words += " known; give --season if there are any"
    lines += [words, *(f"season {m} is left out: no series is longer" for m in seasons if m >= max(map(len, panel)))]
    missing = replace(panel, gaps=tuple(gap for gap in panel.gaps if not gap.known_future))
    return "\n".join([*lines, *missing.report(most=GAPS)])
