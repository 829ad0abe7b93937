"""The checkpoint of a training run: written atomically while the run goes on, read again to continue it.

It holds the model, the optimiser's and the callbacks' states, the step, the history and the best parameters. Batches and
dropout follow from seeds and step numbers and need no place in it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays.archive import reason
from ..arrays.backend import to_host
from ..nets import checkpoint as checkpoints
from ..nets.checkpoint import CheckpointError, below
from ..nets.network import Network
from ..nets.stack import State
from .callbacks import Callback
from .optim import Optimizer
from .run import COLUMNS, Run, copy_with
from .step import check_finite

RUN_FORMAT = 2  # 1, which its files do not name, drew its random numbers from other streams
RUN_FIELDS = ("model", "optimizer", "optimizer_steps", "seconds", "best")  # of the metadata; "best" may be null


@dataclass
class RunFile:
    """The checkpoint file of a run; with the path None nothing is written."""

    path: Path | None
    model: Network
    optimizer: Optimizer
    callbacks: Sequence[Callback]
    note: Any = None
    step: int | None = None  # of the run in the file, None where nothing has been written or read

    def __post_init__(self) -> None:
        checked_json("note", self.note)

    def save(self, run: Run, state: State | None = None) -> None:
        """Write everything that the run needs to continue, atomically; ``state`` where it is carried between batches."""
        if self.path is None:
            return
        check_finite(self.model)
        arrays, config = checkpoints.model_record(self.model)
        arrays |= {name: to_host(a) for name, a in _optimizer_arrays(self.optimizer).items()}
        arrays |= {f"best/{name}": a for name, a in (run.best_params or {}).items()}
        rows = [[row[column] for column in COLUMNS] for row in run.history]
        arrays["history"] = np.array(rows).reshape(-1, len(COLUMNS))
        arrays |= {f"state/{i}/{k}": to_host(a) for i, entry in enumerate(state or []) for k, a in enumerate(entry)}
        own: dict[str, dict[str, Any]] = {}
        for key, callback in named(self.callbacks).items():
            values = callback.state()
            found = {name: to_host(value) for name, value in values.items() if hasattr(value, "shape")}
            for name, array in found.items():
                if array.dtype.hasobject:
                    raise TypeError(
                        f"the state of {key} must hold arrays of numbers, got {name} of dtype {array.dtype}"
                    )
                arrays[f"callbacks/{key}/{name}"] = array
            if type(callback).state is not Callback.state:  # also where it is empty now
                own[key] = checked_json(f"the state of {key}", {k: v for k, v in values.items() if k not in found})
        best = {"step": run.best_step, "loss": run.best_loss, "settings": run.best_settings}
        meta = {"run_format": RUN_FORMAT, "model": config, "optimizer": _description(self.optimizer), "callbacks": own}
        meta |= {"best": None if run.best_step is None else best, "note": self.note}
        meta |= {"step": run.step, "seconds": run.seconds, "optimizer_steps": self.optimizer.steps}
        checkpoints.write(self.path, arrays, meta)
        self.step = run.step

    def restore(self, steps: int, truncated: bool = False) -> tuple[Run, State | None]:
        """Bring model, optimiser and callbacks to the file's step; a file of another run is refused before anything is changed.

        Parameters
        ----------
        steps : that the run shall reach. truncated : whether the state is carried between batches; it is returned then.
        """
        assert self.path is not None
        arrays, meta = checkpoints.read(self.path)
        self._check_run(arrays, meta, steps, truncated)
        state = self._carried_state(arrays)
        settings = {name: meta["model"].get(name) for name in self.model.annealed}
        self._check_params(arrays, "params/", settings)
        run = Run([dict(zip(COLUMNS, map(float, row), strict=True)) for row in arrays["history"]], meta["step"])
        run.seconds = float(meta["seconds"])
        if best := meta["best"]:
            run.best_step, run.best_loss = best["step"], float(best["loss"])
            run.best_params, run.best_settings = below("best/", arrays), best.get("settings") or {}
            self._check_params(arrays, "best/", run.best_settings)
            validated, _ = run.column("validation_loss")
            run.worse_in_a_row = int((validated > run.best_step).sum())
        for key, callback in named(self.callbacks).items():
            if key in (meta.get("callbacks") or {}):
                try:
                    callback.restore(meta["callbacks"][key] | below(f"callbacks/{key}/", arrays))
                except Exception as error:  # whatever a callback raises for values that are not its own
                    raise CheckpointError(
                        f"{self.path} holds a state that {key} does not take: {reason(error)}"
                    ) from error
        checkpoints.set_params(self.model, below("params/", arrays), str(self.path))
        for name, value in settings.items():
            setattr(self.model, name, value)
        for name, live in _optimizer_arrays(self.optimizer).items():
            live[...] = self.model.xp.asarray(arrays[name])
        self.optimizer.steps, self.step = meta["optimizer_steps"], run.step
        return run, state

    def _check_run(self, arrays: dict[str, np.ndarray], meta: dict[str, Any], steps: int, truncated: bool) -> None:
        """Raise where the file does not belong to this run, or does not hold a whole run."""
        path, model, step = self.path, self.model, meta.get("step")
        _, config = checkpoints.model_record(model)
        if step is None:
            raise CheckpointError(f"{path} holds a model but no training run; load it with load(path) and train anew")
        if missing := [key for key in RUN_FIELDS if meta.get(key) is None and (key != "best" or key not in meta)]:
            raise CheckpointError(f"{path} lacks {missing[0]!r} of the run; use another copy of it, or train again")
        if meta.get("run_format") != RUN_FORMAT and step < steps:
            raise CheckpointError(
                f"{path} is an unfinished run of an older version, whose random numbers this version cannot continue; "
                "use its model with load(path), or train again with another checkpoint"
            )
        for key in config.keys() - set(model.annealed):
            if meta["model"].get(key) != config[key]:
                there = meta["model"].get(key)
                raise CheckpointError(
                    f"{path} is of another model: {key} is {there!r:.200} there, {config[key]!r:.200} here"
                )
        if meta["optimizer"] != (here := _description(self.optimizer)):
            raise CheckpointError(f"{path} is of another optimizer: {meta['optimizer']!s:.200} there, {here} here")
        expected = {name: array.shape for name, array in _optimizer_arrays(self.optimizer).items()}
        stored = {name: array for name, array in arrays.items() if name.startswith("optimizer/")}
        if words := checkpoints.difference(stored, expected, model.dtype):
            raise CheckpointError(f"{path} holds another state of the optimizer: {words}")
        if missing := [key for key in meta.get("callbacks") or {} if key not in named(self.callbacks)]:
            raise CheckpointError(f"{path} holds the state of {missing[0]}; give fit the same callbacks as before")
        history = arrays.get("history", np.zeros(0))
        fits = history.dtype.kind == "f" and history.shape == (step, len(COLUMNS))
        if not fits or (history[:, 0] != np.arange(1, step + 1)).any():
            raise CheckpointError(f"{path}: history must hold one row for each of {step} steps; use another copy of it")
        if meta["optimizer_steps"] < step or (meta["best"] and not 0 < meta["best"]["step"] <= step):
            raise CheckpointError(f"{path}: its numbers of steps contradict each other; use another copy of it")
        carried = any(name.startswith("state/") for name in arrays)
        if step and truncated != carried:
            holds = "holds" if carried else "does not hold"
            raise CheckpointError(f"{path} {holds} a carried state; resume it with truncated={carried}")

    def _check_params(self, arrays: dict[str, np.ndarray], prefix: str, settings: dict[str, Any]) -> None:
        """Raise where parameters or annealed settings do not fit the model, which is unchanged."""
        shapes, params = {name: array.shape for name, array in self.model.params.items()}, below(prefix, arrays)
        words = checkpoints.difference(params, shapes, self.model.dtype)
        if not words and settings:
            try:
                copy_with(self.model, params, settings)
            except (TypeError, ValueError) as error:
                words = reason(error)
        if words:
            raise CheckpointError(f"{self.path} is of another model: {words}, in {prefix}")

    def _carried_state(self, arrays: dict[str, np.ndarray]) -> State | None:
        """Return the carried state, arrays named ``state/0/0`` and so on, or None where there is none."""
        stored = below("state/", arrays)
        if not stored:
            return None
        B = stored["0/0"].shape[1] if "0/0" in stored and stored["0/0"].ndim == 3 else 0
        layers = [layer.state_shapes(B) for layer in self.model.layers]
        shapes = {f"{i}/{k}": shape for i, entry in enumerate(layers) for k, shape in enumerate(entry)}
        if words := checkpoints.difference(stored, shapes, self.model.dtype):
            raise CheckpointError(f"{self.path} holds a carried state of another model: {words}")
        asarray = self.model.xp.asarray
        return [tuple(asarray(stored[f"{i}/{k}"]) for k in range(len(entry))) for i, entry in enumerate(layers)]


def checked_json(what: str, value: Any) -> Any:
    """Return a value that JSON can hold; anything else raises a TypeError that names it."""
    try:
        json.dumps(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} must hold numbers, strings, lists and dicts that JSON can hold: {error}") from None
    return value


def named(callbacks: Sequence[Callback]) -> dict[str, Callback]:
    """Return the callbacks by the names of their classes, numbered from the second of a class on."""
    seen: Counter[str] = Counter()
    names = {}
    for callback in callbacks:
        name = type(callback).__name__
        seen[name] += 1
        names[name if seen[name] == 1 else f"{name} {seen[name]}"] = callback
    return names


def _optimizer_arrays(optimizer: Optimizer) -> dict[str, Any]:
    """Return the optimiser's live state arrays, named ``optimizer/layers.0.W_x/v``."""
    return {f"optimizer/{name}/{slot}": a for name, slots in optimizer.state.items() for slot, a in slots.items()}


def _description(optimizer: Optimizer) -> dict[str, Any]:
    return {"name": type(optimizer).__name__, "options": optimizer.options()}
