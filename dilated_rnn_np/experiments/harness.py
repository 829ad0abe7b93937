"""Runs a study: each contender once per seed, each run in a folder of its own.

Finished runs are not repeated, and stopped ones resume, so the same call continues a stopped study, to the same table.
"""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from ..arrays.checks import positive_integer
from ..arrays.files import locked
from . import report, tuning
from .driver import Result
from .files import FolderError, check_same, made_folder, read_json
from .plan import Contender, Study
from .workers import make, spread


def conduct(
    study: Study, folder: str | os.PathLike[str], progress: bool = True, jobs: int = 1, threads: int = 1
) -> list[dict[str, Any]]:
    """Make all runs of a study that are not finished yet, write table, pictures and record, and return the table's rows.

    Parameters
    ----------
    folder : created if missing; a folder of the same study is continued. Seeds, systems and cells may be added to it.
    progress : whether to show progress. jobs : number of local processes that share the runs.
    threads : that each run computes with. The numbers in the table depend on it by rounding, but not on ``jobs``.

    Raises
    ------
    FolderError : if the folder or a run in it belongs to something else, or a file in it is damaged.
    LockedError : an OSError, if another process works in the folder.
    KeyboardInterrupt : on Ctrl-C, after the runs in progress have saved and the table of all finished runs is written.
    """
    folder, jobs, threads = Path(folder), positive_integer("jobs", jobs), positive_integer("threads", threads)
    _check_folder(folder, study)
    with made_folder(folder), locked(folder / "record.json"):
        return _conduct(study, folder, progress, jobs, threads)


def _conduct(study: Study, folder: Path, progress: bool, jobs: int, threads: int) -> list[dict[str, Any]]:
    """Conduct a study whose checked folder no other process writes."""
    if not (folder / "record.json").exists():  # from here on the folder belongs to this study
        report.write_record(study, folder, [], finished=False)
    if study.choices.tune:
        conduct(tuning.search(study), folder / "rates", progress, jobs, threads)
        study = tuning.tuned(study, folder / "rates")

    trials, done = study.trials, dict[int, Result]()
    stored = [n for n, (c, seed) in enumerate(trials) if (c.folder(folder, seed) / "result.json").exists()]
    missing = [n for n in range(len(trials)) if n not in stored]

    def results() -> list[tuple[Contender, Result]]:
        return [(trials[number][0], done[number]) for number in sorted(done)]

    try:
        done |= {number: make(study, folder, number, threads) for number in stored}
        started = time.perf_counter()
        if jobs == 1 or not missing:
            finished = ((number, make(study, folder, number, threads, progress)) for number in missing)
        else:
            finished = spread(study, folder, missing, jobs, threads)
        with closing(finished):
            for made, (number, result) in enumerate(finished, 1):
                done[number] = result
                if progress:
                    left = (time.perf_counter() - started) / made * (len(missing) - made)
                    outcome = f"diverged after step {result['steps']}"
                    if result["status"] == "finished":
                        outcome = (
                            f"loss {result['loss']:.4f}, {trials[number][0].task.metric_name} {result['metric']:.3f}"
                        )
                    print(f"{study.title(number)}: {outcome}; about {report.duration(left)} to go", flush=True)
    except Exception:
        if len(done) > len(stored):  # an error in one run does not hide the finished ones
            report.write(study, folder, results(), finished=False)
        raise
    except KeyboardInterrupt:
        report.write(study, folder, results(), finished=False)
        raise KeyboardInterrupt(
            f"stopped: {len(done)} of {len(trials)} runs are done, their table is in {folder}; the same command goes on"
        ) from None
    return report.write(study, folder, results(), finished=True)


def _check_folder(folder: Path, study: Study) -> None:
    """Raise a FolderError if a folder holds something else than this study."""
    if not folder.exists() or (folder.is_dir() and all(path.suffix in (".part", ".lock") for path in folder.iterdir())):
        return  # a killed start leaves temporary files and locks
    file = folder / "record.json"
    if not file.is_file():
        raise FolderError(
            f"{folder} is not empty and holds no experiment (record.json); give another folder (--out FOLDER)"
        )
    stored = read_json(file, "give another folder (--out FOLDER), or restore a copy of the file")
    check_same("experiment", stored, study.identity(), folder)
