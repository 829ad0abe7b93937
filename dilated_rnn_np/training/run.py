"""A training run: its history, and the checkpoint that it can be taken up from.

The checkpoint holds the model, the optimiser's state, the step, the history and the best parameters; batches and dropout
are functions of (seed, step) and need no place in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..arrays.backend import to_host
from ..nets import checkpoint as checkpoints
from ..nets.network import Network, State
from .optim import Optimizer

COLUMNS = (
    "step", "seconds", "loss", "metric", "learning_rate", "gradient_norm", "validation_loss", "validation_metric",
)  # fmt: skip


@dataclass
class Run:
    """What ``fit`` returns: how the run went.

    Attributes
    ----------
    history : one row a step with the names of ``COLUMNS``, NaN where nothing was measured.
    step : steps made. stopped : "finished" or "early stop".
    best_step, best_loss : of the best validation; best_params : copies of the parameters then; None without validation.
    worse_in_a_row : validations since then.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    step: int = 0
    stopped: str = "finished"
    best_step: int | None = None
    best_loss: float = math.inf
    best_params: dict[str, np.ndarray] | None = None
    worse_in_a_row: int = 0

    def validated(self, model: Network, loss: float) -> None:
        """Take note of a validation: keep the parameters where they are the best so far."""
        if not math.isfinite(loss):
            raise FloatingPointError(f"validation loss {loss}")
        self.worse_in_a_row += 1
        if loss < self.best_loss:
            self.best_step, self.best_loss, self.worse_in_a_row = self.step, loss, 0
            self.best_params = checkpoints.host_params(model)

    def column(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the steps at which a column was measured, and its values, for drawing.

        >>> Run(history=[{"step": 1, "loss": 0.5}, {"step": 2, "loss": math.nan}]).column("loss")
        (array([1.]), array([0.5]))
        """
        rows = np.array([(row["step"], row.get(name, math.nan)) for row in self.history], dtype=float).reshape(-1, 2)
        rows = rows[~np.isnan(rows[:, 1])]
        return rows[:, 0], rows[:, 1]


def save(
    path: Any, model: Network, optimizer: Optimizer, run: Run, seconds: float, note: Any, state: State | None = None
) -> None:
    """Write everything that a run needs to go on, atomically; ``state`` where it is carried from batch to batch."""
    arrays, config = checkpoints.model_record(model)
    arrays |= {name: to_host(a) for name, a in _optimizer_arrays(optimizer).items()}
    arrays |= {f"best/{name}": a for name, a in (run.best_params or {}).items()}
    arrays["history"] = np.array([[row[column] for column in COLUMNS] for row in run.history]).reshape(-1, len(COLUMNS))
    arrays |= {f"state/{i}/{k}": to_host(a) for i, entry in enumerate(state or []) for k, a in enumerate(entry)}
    best = None if run.best_step is None else {"step": run.best_step, "loss": run.best_loss}
    meta = {"model": config, "optimizer": _description(optimizer), "best": best, "note": note}
    meta |= {"step": run.step, "seconds": seconds, "optimizer_steps": optimizer.steps}
    checkpoints.write(path, arrays, meta)


def restore(
    path: Any, model: Network, optimizer: Optimizer, truncated: bool = False
) -> tuple[Run, State | None, float]:
    """Bring model and optimizer to where the checkpoint is; what does not fit raises before anything is changed.

    Returns
    -------
    run : the history. state : the one that was carried from batch to batch, or None. seconds : that the run has taken.
    """
    arrays, meta = checkpoints.read(path)
    _, config = checkpoints.model_record(model)
    if "step" not in meta:
        raise checkpoints.CheckpointError(
            f"{path} holds a model but no training run; load it with load(path) and train anew"
        )
    fixed = config.keys() - set(model.annealed)
    if differ := [key for key, value in config.items() if key in fixed and meta["model"].get(key) != value]:
        raise checkpoints.CheckpointError(
            f"{path} is of another model: {differ[0]} is {meta['model'].get(differ[0])!r} there, {config[differ[0]]!r} here"
        )
    if meta["optimizer"] != _description(optimizer):
        raise checkpoints.CheckpointError(
            f"{path} is of another optimizer: {meta['optimizer']} there, {_description(optimizer)} here"
        )
    slots = _optimizer_arrays(optimizer)
    if missing := [name for name, a in slots.items() if name not in arrays or arrays[name].shape != a.shape]:
        raise checkpoints.CheckpointError(
            f"{path} lacks the optimizer's state {missing[0]}; is it of another optimizer?"
        )

    carried = any(name.startswith("state/") for name in arrays)
    if meta["step"] and truncated != carried:
        kept = "holds" if carried else "does not hold"
        raise ValueError(f"{path} {kept} a carried state; resume it with truncated={carried}")

    params = {name.removeprefix("params/"): a for name, a in arrays.items() if name.startswith("params/")}
    checkpoints.set_params(model, params, str(path))
    for setting in model.annealed:
        setattr(model, setting, meta["model"][setting])
    for name, live in slots.items():
        live[...] = model.xp.asarray(arrays[name])
    optimizer.steps = meta["optimizer_steps"]
    run = Run([dict(zip(COLUMNS, map(float, row), strict=True)) for row in arrays["history"]], meta["step"])
    if meta["best"]:
        run.best_step, run.best_loss = meta["best"]["step"], meta["best"]["loss"]
        run.best_params = {name.removeprefix("best/"): a for name, a in arrays.items() if name.startswith("best/")}
        validated, _ = run.column("validation_loss")
        run.worse_in_a_row = int((validated > run.best_step).sum())
    return run, _state(model, arrays), meta["seconds"]


def _state(model: Network, arrays: dict[str, np.ndarray]) -> State | None:
    """Return the carried state, arrays named ``state/0/0`` and so on, or None where there is none."""
    names = sorted(tuple(map(int, name.split("/")[1:])) for name in arrays if name.startswith("state/"))
    layers = sorted({i for i, _ in names})
    return [tuple(model.xp.asarray(arrays[f"state/{i}/{k}"]) for j, k in names if j == i) for i in layers] or None


def _optimizer_arrays(optimizer: Optimizer) -> dict[str, Any]:
    """Return the optimiser's live state arrays, named ``optimizer/layers.0.W_x/v``."""
    return {f"optimizer/{name}/{slot}": a for name, slots in optimizer.state.items() for slot, a in slots.items()}


def _description(optimizer: Optimizer) -> dict[str, Any]:
    return {"name": type(optimizer).__name__, "options": optimizer.options()}
