"""Callbacks: actions before and after each step of ``fit``, and at its end.

A callback may have a state, which the checkpoint keeps, so that an interrupted run continues to the same bits.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from ..arrays.backend import Array, to_host
from ..arrays.checks import fraction, positive_integer
from ..nets import checkpoint as checkpoints
from ..nets.network import Network
from .optim import Optimizer
from .run import N, Run, copy_with

CallbackState = dict[str, Any]  # names -> JSON values or arrays


class Callback:
    """The base of all callbacks; a subclass overrides the methods it needs.

    ``run.step`` counts the completed steps, and ``run.history[-1]`` is the row of the last one. ``run.stop(reason)`` ends the
    run before its next step.

    >>> from dilated_rnn_np import DilatedRNN, fit, optim
    >>> class Norms(Callback):
    ...     def after_step(self, run, model, optimizer):
    ...         print(run.step, sorted(model.params))
    >>> model = DilatedRNN(1, 4, [1, 2])
    >>> batch = np.ones((5, 2, 1)), np.ones((5, 2, 4))
    >>> run = fit(model, [batch], optim.SGD(model.params), 1, loss="huber", callbacks=[Norms()], progress=False)
    1 ['layers.0.W_h', 'layers.0.W_x', 'layers.0.b', 'layers.1.W_h', 'layers.1.W_x', 'layers.1.b']
    """

    def before_step(self, run: Run, model: Network, optimizer: Optimizer) -> None:
        """Act before a step is made."""

    def after_step(self, run: Run, model: Network, optimizer: Optimizer) -> None:
        """Act after a step, and its validation if there was one, before the checkpoint is written."""

    def at_end(self, run: Run, model: Network, optimizer: Optimizer) -> None:
        """Act when the run has ended normally, after the last checkpoint has been written."""

    def state(self) -> CallbackState:
        """Return the values that ``restore`` needs, by name: numbers, strings, lists and dicts of them, or arrays."""
        return {}

    def restore(self, state: CallbackState) -> None:
        """Restore the values that ``state`` returned, with arrays on the host."""


class EarlyStopping(Callback):
    """Stop after ``patience`` validations in a row without a lower loss."""

    def __init__(self, patience: int) -> None:
        self.patience = positive_integer("patience", patience)

    def before_step(self, run: Run, model: Network, optimizer: Optimizer) -> None:
        """Stop the run where its last validations brought no lower loss."""
        if run.worse_in_a_row >= self.patience:
            run.stop("early stop")


class Annealing(Callback):
    """Call ``model.anneal(epoch)`` before each step, where the model has annealed settings.

    The epoch is the number of completed steps divided by ``steps_per_epoch``, rounded down.

    >>> from dilated_rnn_np import baselines, fit, optim
    >>> model, batches = baselines.HMLSTM(1, 8, 2, output_size=1), [(np.ones((5, 4, 1)), np.ones((4, 1)))]
    >>> optimizer, slopes = optim.Adam(model.params), [Annealing(steps_per_epoch=10)]
    >>> run = fit(model, batches, optimizer, 25, loss="mean_squared_error", callbacks=slopes, progress=False)
    >>> model.slope
    1.08
    """

    def __init__(self, steps_per_epoch: int) -> None:
        self.steps_per_epoch = positive_integer("steps_per_epoch", steps_per_epoch)

    def before_step(self, run: Run, model: Network, optimizer: Optimizer) -> None:
        """Set the model to the epoch of the step."""
        if model.annealed:
            model.anneal(run.step // self.steps_per_epoch)  # type: ignore[attr-defined]


class _Average(Callback):
    """The base of the weight averages: a copy of the model with the averaged parameters."""

    @property
    @abstractmethod
    def params(self) -> dict[str, np.ndarray]:
        """The averaged parameters by name, on the host."""

    def model(self, model: N) -> N:
        """Return a copy of the trained model with the averaged parameters, to evaluate or to save."""
        return copy_with(model, self.params)


class WeightAverage(_Average):
    """The exponential average of the parameters over the steps, bias-corrected as in Adam.

    ``mean = decay mean + (1 - decay) p`` after each step, from 0; the average is ``mean / (1 - decay^steps)``. With ``decay``
    in [0, 1) it looks back over about ``1 / (1 - decay)`` steps.

    >>> average = WeightAverage(decay=0.99)  # run fit(…, callbacks=[average]), then evaluate average.model(model)
    """

    def __init__(self, decay: float = 0.999) -> None:
        self.decay, self.steps = fraction("decay", decay), 0
        self.means: dict[str, Array] = {}

    def after_step(self, run: Run, model: Network, optimizer: Optimizer) -> None:
        """Move the means towards the parameters."""
        self.steps += 1
        for name, p in model.params.items():
            mean = model.xp.asarray(self.means[name]) if name in self.means else model.xp.zeros_like(p)
            self.means[name] = self.decay * mean + (1 - self.decay) * p

    @property
    def params(self) -> dict[str, np.ndarray]:
        """The averaged parameters by name, on the host."""
        if not self.steps:
            raise ValueError("there is no average before the first step; give the callback to fit")
        return {name: to_host(mean) / (1 - self.decay**self.steps) for name, mean in self.means.items()}

    def state(self) -> CallbackState:
        """Return the step count and the means."""
        return {"steps": self.steps, **self.means}

    def restore(self, state: CallbackState) -> None:
        """Take over the step count and the means."""
        self.means = dict(state)
        self.steps = self.means.pop("steps")


class EpochAverage(_Average):
    """The mean of the parameters at the ends of the last epochs (Izmailov et al. 2018, "stochastic weight averaging").

    The last ``epochs`` ones enter, and a copy of the parameters is kept for each. An epoch ends where the number of completed
    steps is a multiple of ``steps_per_epoch``.
    """

    def __init__(self, epochs: int, steps_per_epoch: int) -> None:
        self.epochs = positive_integer("epochs", epochs)
        self.steps_per_epoch = positive_integer("steps_per_epoch", steps_per_epoch)
        self.ends: dict[str, np.ndarray] = {}  # each parameter at the ends of the last epochs, (epochs, …)

    def after_step(self, run: Run, model: Network, optimizer: Optimizer) -> None:
        """Copy the parameters at the end of an epoch, and drop the oldest copy."""
        if run.step % self.steps_per_epoch == 0:
            for name, p in checkpoints.host_params(model).items():
                self.ends[name] = np.stack([*self.ends.get(name, ()), p][-self.epochs :])

    @property
    def params(self) -> dict[str, np.ndarray]:
        """The averaged parameters by name, on the host."""
        if not self.ends:
            raise ValueError(f"there is no average before the first epoch of {self.steps_per_epoch} steps has ended")
        return {name: ends.mean(axis=0) for name, ends in self.ends.items()}

    def state(self) -> CallbackState:
        """Return the copies."""
        return dict(self.ends)

    def restore(self, state: CallbackState) -> None:
        """Take over the copies."""
        self.ends = dict(state)
