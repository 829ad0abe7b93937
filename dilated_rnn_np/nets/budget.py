"""The budget: how long a segment may be so that exact gradients of a long sequence fit into a given memory.

With T steps in segments of n steps, backward holds the caches of one segment and the states before all of them:

    memory(n) = n * step + (ceil(T / n) + 3) * state + 4 * weights + group(n)

``step`` is the cache of one time step plus the gradients of outputs that backward holds beside it. ``state`` is one
state of all layers; three more are in the buffers and in the gradients of states. ``weights`` are the bytes of all
parameters: backward holds their copies, the joined matrices, the gradients of a segment and their sum. ``group`` are
the gradients of pre-activations whose products are computed together, with two groups waiting and one being filled. The
memory is least near ``T / n = sqrt(T * step / state)`` segments; with fewer and longer segments it grows, so the
longest one that fits is found by bisection. The cache of a step is not computed from formulas but measured: each layer
runs over two short sequences.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Any

import numpy as np

from ..arrays.checks import positive_integer
from ..arrays.threads import Workers
from ..recurrence.scan import TOGETHER
from .layer import Layer, Params, RowLengths
from .stack import Stack, owned_by

BYTES_PER_ARRAY = 250  # of Python and NumPy, beside the numbers


@dataclass(frozen=True)
class Costs:
    """The bytes that backward holds, see the head of this file."""

    step: float
    state: int
    weights: int
    groups: list[tuple[int, int]]  # for each layer, the bytes per step and at most

    @classmethod
    def of(cls, stack: Stack, params: Params, B: int, itemsize: int, dropout: bool) -> Costs:
        """Return the costs of a stack for batches of B rows."""
        numbers, arrays, gradients, groups = 0.0, 0.0, 0, []
        if stack.embedding is not None:
            numbers += stack.embedding.input_size + stack.embedding.size  # its input and its output
        for i, layer in enumerate(stack.layers):
            own = owned_by(f"layers.{i}", params)
            of_layer = cost_of_a_step(layer, own)
            mask = layer.input_size if dropout and i > 0 else 0
            numbers, arrays = numbers + of_layer[0] + mask, arrays + of_layer[1]
            gradients = max(gradients, layer.hidden_size + layer.input_size)
            per_column = 3 * itemsize * max(len(p) for p in own.values())  # two groups wait, one is being filled
            groups.append((per_column * B, per_column * max(TOGETHER, layer.steps_in_state * B)))
        return cls(
            step=B * itemsize * (numbers + gradients) + BYTES_PER_ARRAY * arrays,
            state=itemsize * stack.state_size(B),
            weights=itemsize * stack.num_parameters,
            groups=groups,
        )

    def memory(self, T: int, n: int) -> float:
        """Return the bytes for T steps in segments of n steps."""
        group = max(min(n * per_step, most) for per_step, most in self.groups)
        return n * self.step + (math.ceil(T / n) + 3) * self.state + 4 * self.weights + group


def segment_size(stack: Stack, params: Params, T: int, B: int, itemsize: int, dropout: bool, budget: int) -> int:
    """Return the longest segment, in steps, with which ``memory(n)`` is at most ``budget`` bytes; T where all of it fits.

    Raises
    ------
    ValueError : where no length fits; names the smallest budget that does.
    """
    budget = positive_integer("budget", budget)
    costs = Costs.of(stack, params, B, itemsize, dropout)
    if costs.memory(T, T) <= budget:
        return T
    count = math.sqrt(T * costs.step / costs.state)
    candidates = {math.ceil(T / c) for c in (max(1, math.floor(count)), math.ceil(count))}
    needed, cheapest = min((costs.memory(T, n), n) for n in candidates)
    if needed > budget:
        raise ValueError(
            f"budget must be at least {math.ceil(needed):,} bytes ({math.ceil(needed / 1e4) / 100:,} MB) for {T} steps of "
            f"{B} rows in this model, got {budget:,} ({budget / 1e6:g} MB); use a smaller batch or allow more"
        )
    fits, too_long = cheapest, T
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        fits, too_long = (middle, too_long) if costs.memory(T, middle) <= budget else (fits, middle)
    return fits


def cost_of_a_step(layer: Layer, params: Params) -> tuple[float, float]:
    """Return the contents of a layer's cache per time step: numbers per batch row, and arrays."""
    params = {name: np.zeros(p.shape, np.float32) for name, p in params.items()}
    state = tuple(np.zeros(shape, np.float32) for shape in layer.state_shapes(1))
    held, steps = [], layer.steps_in_state
    for T in (steps, 2 * steps):
        x, rows = np.zeros((layer.input_size, T), np.float32), RowLengths.of(np, T, 1, None)
        _, cache = layer.forward(params, x, state, rows, Workers())
        held.append(contents(cache))
    (numbers, arrays), (numbers_twice, arrays_twice) = held
    return (numbers_twice - numbers) / steps, (arrays_twice - arrays) / steps


def contents(cache: Any) -> tuple[int, int]:
    """Return how many numbers and how many arrays an object holds, memory that several arrays share counted once.

    >>> a = np.zeros(6)
    >>> contents({"a": a, "views": [a[:2], a[2:]]})
    (6, 3)
    """
    arrays, owners = list(arrays_in(cache)), {}
    for array in arrays:
        while isinstance(array.base, np.ndarray):  # a view
            array = array.base
        owners[id(array)] = array
    return sum(owner.size for owner in owners.values()), len(arrays)


def arrays_in(thing: Any) -> Iterator[np.ndarray]:
    """Yield the arrays in nested dataclasses, mappings, lists and tuples."""
    if isinstance(thing, np.ndarray):
        yield thing
    elif is_dataclass(thing):
        yield from arrays_in(vars(thing))
    elif isinstance(thing, (Mapping, list, tuple)):
        for part in thing.values() if isinstance(thing, Mapping) else thing:
            yield from arrays_in(part)
