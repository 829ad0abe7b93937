"""Runs a study of forecasters: each row once per seed, with the result of each run in a folder of its own.

Finished runs are not repeated, so the same call continues a stopped study, to the same table.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..arrays.checks import positive_integer
from ..arrays.files import atomic
from ..arrays.threads import get_num_threads, set_num_threads
from ..forecasting import Forecaster
from ..forecasting.backtest import Backtest, run_backtest
from . import environment, forecast_report
from .driver import Result
from .files import FolderError, check_same, made_folder, read_json
from .forecast_study import ForecastStudy
from .report import duration


def conduct_forecasts(
    study: ForecastStudy, folder: str | os.PathLike[str], progress: bool = True, jobs: int = 1, threads: int = 1
) -> list[dict[str, Any]]:
    """Make all runs of a study that are not finished yet, write table.md, table.csv and record.json, and return the table's rows.

    Parameters
    ----------
    folder : created if missing; a folder of the same study is continued. progress : whether to show progress.
    jobs : number of local processes that share the runs. threads : that each run computes with.

    Raises
    ------
    FolderError : if the folder or a run in it belongs to something else, or a file in it is damaged.
    KeyboardInterrupt : on Ctrl-C, after the table of all finished runs is written; the runs in progress start anew next time.
    """
    folder, jobs, threads = Path(folder), positive_integer("jobs", jobs), positive_integer("threads", threads)
    _check_folder(folder, study)
    numbers, done = range(len(study.trials)), dict[int, Result]()

    def report(finished: bool) -> list[dict[str, Any]]:
        results = [(study.trials[number], done[number]) for number in sorted(done)]
        return forecast_report.write(study, folder, results, finished)

    with made_folder(folder):
        report(finished=False)  # from here on the folder belongs to this study
    done |= {n: make(study, folder, n, threads) for n in numbers if study.file(folder, n).exists()}
    missing = [number for number in numbers if number not in done]
    started = time.perf_counter()
    try:
        with closing(_runs(study, folder, missing, jobs, threads, progress)) as runs:
            for made, (number, result) in enumerate(runs, 1):
                done[number] = result
                if progress:
                    left = duration((time.perf_counter() - started) / made * (len(missing) - made))
                    owa = result["validation"]["forecaster"]["owa"]
                    print(f"{study.title(number)}: validation OWA {owa:.4f}; about {left} to go", flush=True)
    except BaseException as error:
        report(finished=False)  # an error in one run does not hide the finished ones
        if not isinstance(error, KeyboardInterrupt):
            raise
        count = f"{len(done)} of {len(study.trials)} runs are done"
        raise KeyboardInterrupt(f"stopped: {count}, their table is in {folder}; the same command goes on") from None
    return report(finished=True)


def _runs(
    study: ForecastStudy, folder: Path, numbers: Sequence[int], jobs: int, threads: int, progress: bool
) -> Generator[tuple[int, Result], None, None]:
    """Make the runs of the given numbers and yield (number, result) as they finish."""
    if jobs == 1:
        yield from ((number, make(study, folder, number, threads, progress)) for number in numbers)
        return
    context, default = multiprocessing.get_context("spawn"), (signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends a worker
    with ProcessPoolExecutor(jobs, context, signal.signal, default) as pool:
        try:
            futures = {pool.submit(make, study, folder, number, threads): number for number in numbers}
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def make(study: ForecastStudy, folder: Path, number: int, threads: int, progress: bool = False) -> Result:
    """Fit and score a row with a seed, or return the result that its folder already holds."""
    (row, seed), file, experiment = study.trials[number], study.file(folder, number), study.experiment
    settings = json.loads(json.dumps({"seed": seed, **asdict(row)}))
    if file.exists():
        result = read_json(file, "delete it, and the run is repeated")
        check_same("run", result["settings"], settings, folder)
        return result
    before = get_num_threads()
    set_num_threads(threads)
    try:
        history, whole = experiment.panels(study.choices)
        h, windows = experiment.horizon, experiment.windows
        result = {"settings": settings}
        parts = {"validation": (history.drop_last(windows * h), history, windows), "test": (history, whole, 1)}
        for part, (training, panel, cutoffs) in parts.items():
            started = time.perf_counter()
            forecaster = Forecaster(h, rng=seed, **row.options).fit(training, row.steps, progress=progress)
            result["seconds"] = time.perf_counter() - started  # of the last fit, to the whole training part
            result[part] = _scores(run_backtest(panel, h, cutoffs, experiment.season, forecaster.predict))
        result["parameters"] = sum(model.num_parameters for model in forecaster.frozen.nets.models)
        result |= environment.record("numpy")
    finally:
        set_num_threads(before)
    with made_folder(file.parent), atomic(file) as out:
        json.dump(result, out, indent=1)
    return result


def _scores(backtest: Backtest) -> dict[str, dict[str, float]]:
    """Return the scores of all forecasts, averaged over the cutoffs."""
    return {name: {**asdict(scores), "owa": backtest.owa(name)} for name, scores in backtest.mean.items()}


def _check_folder(folder: Path, study: ForecastStudy) -> None:
    """Raise a FolderError if a folder holds something else than this study."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    file = folder / "record.json"
    if not file.is_file():
        raise FolderError(f"{folder} is not empty and holds no experiment; give another folder (--out FOLDER)")
    check_same("experiment", read_json(file, "give another folder (--out FOLDER)"), study.identity(), folder)
