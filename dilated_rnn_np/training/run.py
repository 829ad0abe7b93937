"""The history of a training run, and its best parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from ..nets import checkpoint as checkpoints
from ..nets.network import Network

N = TypeVar("N", bound=Network)
COLUMNS = (
    "step", "seconds", "loss", "metric", "learning_rate", "gradient_norm", "validation_loss", "validation_metric",
)  # fmt: skip


@dataclass
class Run:
    """The result of ``fit``.

    Attributes
    ----------
    history : one row per step with the names of ``COLUMNS``, NaN where nothing was measured.
    step : steps made. seconds : that they took, validation included.
    stopped : None while the run goes on, then "finished" or the reason of an earlier stop, such as "early stop".
    best_step, best_loss : of the best validation. best_params : copies of the parameters at that step, best_settings : of the
        model's annealed settings; None and empty without validation.
    worse_in_a_row : validations since then.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    step: int = 0
    seconds: float = 0.0
    stopped: str | None = None
    best_step: int | None = None
    best_loss: float = math.inf
    best_params: dict[str, np.ndarray] | None = None
    best_settings: dict[str, Any] = field(default_factory=dict)
    worse_in_a_row: int = 0

    def stop(self, reason: str) -> None:
        """End the run before its next step; for callbacks. A resumed run decides again, from the callbacks' restored states."""
        self.stopped = reason

    def validated(self, model: Network, loss: float) -> None:
        """Record a validation loss, and copy the parameters if it is the lowest so far."""
        if not math.isfinite(loss):
            raise FloatingPointError(f"validation loss {loss}")
        self.worse_in_a_row += 1
        if loss < self.best_loss:
            self.best_step, self.best_loss, self.worse_in_a_row = self.step, loss, 0
            self.best_params = checkpoints.host_params(model)
            self.best_settings = annealed_settings(model)

    def best_model(self, model: N) -> N:
        """Return a copy of the trained model with the parameters of the best validation.

        >>> from dilated_rnn_np import DilatedRNN, fit, optim
        >>> model, batches = DilatedRNN(1, 4, [1, 2], output_size=1), [(np.ones((5, 2, 1)), np.ones((2, 1)))]
        >>> optimizer = optim.Adam(model.params)
        >>> run = fit(model, batches, optimizer, 5, loss="huber", validation=batches, validate_every=2, progress=False)
        >>> run.best_step, run.best_model(model).params.keys() == model.params.keys()
        (5, True)
        """
        if self.best_params is None:
            raise ValueError("the run has no best parameters, for it had no validation; give fit validation batches")
        return copy_with(model, self.best_params, self.best_settings)

    def column(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the steps at which a column was measured, and its values, for drawing.

        >>> Run(history=[{"step": 1, "loss": 0.5}, {"step": 2, "loss": math.nan}]).column("loss")
        (array([1.]), array([0.5]))
        """
        rows = np.array([(row["step"], row.get(name, math.nan)) for row in self.history], dtype=float).reshape(-1, 2)
        rows = rows[~np.isnan(rows[:, 1])]
        return rows[:, 0], rows[:, 1]


def annealed_settings(model: Network) -> dict[str, Any]:
    """Return the settings that training changes beside the parameters, such as a slope."""
    return {name: getattr(model, name) for name in model.annealed}


def copy_with(model: N, params: dict[str, np.ndarray], settings: dict[str, Any] | None = None) -> N:
    """Return a copy of a model with other parameters, of the host, and other annealed settings."""
    twin = model.to(model.xp)
    checkpoints.set_params(twin, params, "the copy")
    for name, value in (settings or {}).items():
        if name not in model.annealed:
            raise ValueError(f"{name} is not an annealed setting of {type(model).__name__}")
        setattr(twin, name, value)
    return twin
