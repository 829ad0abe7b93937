"""The scalar function of a model's output that is differentiated: a loss, or a random projection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.backend import Array, array_module
from ..arrays.checks import choose
from ..training.losses import LOSSES, Loss, loss_of

Objective = Callable[[Array], tuple[Any, Array]]  # output -> (value, gradient of the output)


def objective(
    output: Array, targets: Any, loss: Loss | str | None, lengths: Any, rng: np.random.Generator
) -> Objective:
    """Return the function from an output to ``(value, gradient of the output)``.

    Parameters
    ----------
    output : an output of the same shape, dtype and module; its values are not used.
    targets, loss : the value is ``loss(output, targets, lengths)``, with the loss a function or a name, as in ``fit``. Without
        them it is a random projection ``<u, output>``, with u drawn from ``rng``.

    Examples
    --------
    >>> value_of = objective(np.zeros((1, 2)), np.ones((1, 2)), "mean_squared_error", None, np.random.default_rng(0))
    >>> value, gradient = value_of(np.array([[3.0, 1.0]]))
    >>> float(value), gradient.tolist()
    (2.0, [[2.0, 0.0]])
    """
    if (targets is None) != (loss is None):
        raise TypeError("targets and loss go together: give both, or neither for a random projection of the output")
    if loss is None:
        u = array_module(output).asarray(rng.standard_normal(output.shape).astype(output.dtype))
        return lambda output: ((u * output).sum(), u)
    function = loss if callable(loss) else choose("loss", loss, LOSSES)
    return lambda output: loss_of(function, output, targets, lengths)
