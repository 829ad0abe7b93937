"""Runs an experiment: every contender once a seed, each run in a folder of its own, so that what is done is never done again.

A run that is finished has a ``result.json``; one that was stopped has a checkpoint, from which ``fit`` goes on. Called again
with the same choices, an experiment therefore takes up where it was, and ends in the table of one that was never stopped.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays.checks import positive_integer
from ..baselines.annealing import batches_for
from ..nets import checkpoint as checkpoints
from ..training.optim import cosine_decay, get_optimizer
from ..training.train import evaluate, fit
from . import report
from .files import read_json, read_metrics, run_folder, write_text
from .plan import Choices, Contender, Experiment, chosen

Result = dict[str, Any]


def conduct(
    experiment: Experiment,
    choices: Choices,
    folder: str | os.PathLike[str],
    seeds: int | None = None,
    progress: bool = True,
) -> list[dict[str, Any]]:
    """Run what is not yet done of an experiment, write table, pictures and record, and return the rows of the table.

    Parameters
    ----------
    folder : is made where it is missing; one of the same experiment is gone on with. seeds : runs of each contender, with
        the seeds 0, 1, …; None for as many as the scale asks for. More seeds, systems or cells may be added later.
    progress : whether to show progress.

    Raises
    ------
    ValueError : where the folder is of something else, or a run in it is of other settings.
    KeyboardInterrupt : on Ctrl-C, after the table of what is done has been written.
    """
    folder = Path(folder)
    seeds = experiment.seeds[choices.scale] if seeds is None else positive_integer("seeds", seeds)
    contenders = chosen(experiment, choices)
    if not contenders:
        raise ValueError(f"{experiment.name} has nothing to run with these systems and cells; choose others")
    _check_folder(folder, experiment, choices)
    folder.mkdir(parents=True, exist_ok=True)
    record = report.Record(experiment, choices, folder, seeds)
    if not (folder / "record.json").exists():  # from here on the folder is this experiment's
        record.write(contenders, [], finished=False)

    trials = [(contender, seed) for seed in range(seeds) for contender in contenders]
    results: list[tuple[Contender, Result]] = []
    started, made = time.perf_counter(), 0
    try:
        for number, (contender, seed) in enumerate(trials, 1):
            place = run_folder(folder, contender, seed)
            is_new = not (place / "result.json").exists()
            title = f"[{number}/{len(trials)}] {contender.setting}, {contender.label}, seed {seed}"
            results.append((contender, run(contender, seed, place, progress, title)))
            made += is_new
            if progress and is_new:
                left = (time.perf_counter() - started) / made * (len(trials) - number)
                print(
                    f"{title}: {_outcome(contender, results[-1][1])}; about {report.duration(left)} to go", flush=True
                )
    except Exception:
        if made:  # what is done is told, whatever stopped the next one
            report.write(record, contenders, results, finished=False)
        raise
    except KeyboardInterrupt:
        report.write(record, contenders, results, finished=False)
        raise KeyboardInterrupt(
            f"stopped: {len(results)} of {len(trials)} runs are done, their table is in {folder}; the same command goes on"
        ) from None
    return report.write(record, contenders, results, finished=True)


def run(contender: Contender, seed: int, place: Path, progress: bool = False, title: str = "training") -> Result:
    """Train and test one contender with one seed, or return the result of the run that is already there.

    Parameters
    ----------
    place : the run's folder: checkpoint.npz, metrics.csv, and result.json when it is finished.

    Returns
    -------
    result : what ``result.json`` holds; "status" is "finished" or "diverged".
    """
    task, training = contender.task, contender.training
    model = contender.build(seed)
    settings = contender.settings(seed) | {"model": checkpoints.model_record(model)[1]}
    settings = json.loads(json.dumps(settings))  # as it will be read again
    file, checkpoint = place / "result.json", place / "checkpoint.npz"
    if file.exists():
        result = read_json(file, "delete it: its run is then made again")
        _check_same(result["settings"], settings, place)
        return result
    if checkpoint.exists():
        _check_same(checkpoints.read(checkpoint)[1]["note"], settings, place)
    place.mkdir(parents=True, exist_ok=True)
    lr = cosine_decay(training.lr, training.steps, final=training.final)
    extra = {"decay": training.decay} if training.optimizer == "rmsprop" else {}
    optimizer = get_optimizer(training.optimizer, model.params, lr, **extra)
    result = {"status": "finished", "settings": settings, "parameters": model.num_parameters}
    result["hidden"] = sorted(set(model.hidden_sizes))
    try:
        fit(
            model,
            batches_for(model, task, training.batch_size, seed),
            optimizer,
            training.steps,
            loss=task.loss,
            metric=task.metric,
            max_norm=training.max_norm,
            truncated=task.truncated,
            validation=task.validation(512),
            validate_every=training.validate_every,
            checkpoint=checkpoint,
            checkpoint_every=training.validate_every,
            resume=True,
            log=place / "metrics.csv",
            seed=seed,
            note=settings,
            progress=progress,
            description=title,
        )
        best = checkpoints.load(checkpoint, best=True).to(model.xp)
        result["loss"], result["metric"] = evaluate(best, task.test(512), task.loss, task.metric, task.truncated)
        if contender.after is not None:
            result["text"] = contender.after(best)
    except FloatingPointError as error:
        result |= {"status": "diverged", "message": str(error)}
    history = read_metrics(place / "metrics.csv")
    result["steps"] = len(history["step"])
    result["halved"] = _first_at_most(history, None if task.baseline is None else task.baseline / 2)
    result["seconds"] = float(history["seconds"][-1]) if result["steps"] else 0.0
    result["seconds_per_step"] = float(np.median(np.diff(history["seconds"], prepend=0.0))) if result["steps"] else None
    xp = model.xp.__name__
    result |= {"versions": report.versions(xp), "machine": report.machine(xp)}
    write_text(file, json.dumps(result, indent=1))
    return result


def _first_at_most(history: dict[str, np.ndarray], bound: float | None) -> int | None:
    """Return the first step whose validation loss is at most a bound, or None."""
    if bound is None:
        return None
    reached = history["step"][history["validation_loss"] <= bound]
    return int(reached[0]) if len(reached) else None


def _outcome(contender: Contender, result: Result) -> str:
    if result["status"] == "diverged":
        return f"diverged after step {result['steps']}"
    return f"loss {result['loss']:.4f}, {contender.task.metric_name} {result['metric']:.3f}"


def _check_folder(folder: Path, experiment: Experiment, choices: Choices) -> None:
    """Refuse a folder that holds something else than this experiment."""
    if not folder.exists():
        return
    if folder.is_dir() and all(path.suffix == ".part" for path in folder.iterdir()):  # left by a start that was killed
        return
    file = folder / "record.json"
    if not file.is_file():
        raise ValueError(f"{folder} holds no experiment (no record.json) and is not empty; give another folder")
    kept = read_json(file, "give another folder, or put a copy of it in its place")
    for name, value in report.identity(experiment, choices).items():
        if kept.get(name) != value:
            raise ValueError(
                f"{folder} is of another experiment: {name} is {kept.get(name)!r} there, {value!r} here; "
                "give another folder, or the same choices"
            )


def _check_same(kept: dict[str, Any], settings: dict[str, Any], place: Path) -> None:
    """Refuse to mix runs of different settings, naming the first that differs; what an older run does not tell is let be."""
    for part, here in settings.items():
        there = kept.get(part)
        if isinstance(here, dict) and isinstance(there, dict):
            there = here | there
        if there != here:
            if isinstance(here, dict) and isinstance(there, dict):
                name = next(k for k in there if here.get(k) != there[k])
                part, there, here = f"{part} {name}", there.get(name), here.get(name)
            raise ValueError(
                f"{place} is of another run: {part} is {there!r} there, {here!r} here; give another folder"
            )
