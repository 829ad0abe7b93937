"""The budget: how long a segment may be so that exact gradients of a long sequence fit into a given memory.

With T steps in segments of n steps, the caches of one segment and the states before all of them are held at once:

    memory(n) = n * step + ceil(T / n) * state

``step`` is the cache of one time step plus the gradients that backward holds beside it, ``state`` is one state of all layers. The
memory is least near ``T / n = sqrt(T * step / state)`` segments; with fewer and longer segments it grows, so the longest one that
fits is found by bisection. The cache of a step is measured, not computed from formulas: each layer runs over two short
sequences.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from ..arrays.backend import Array
from ..arrays.checks import positive_integer
from ..arrays.threads import Workers
from .layer import Layer, Params, RowLengths
from .stack import Stack, owned_by

BYTES_PER_ARRAY = 250  # of Python and NumPy, beside the numbers


def segment_size(stack: Stack, params: Params, T: int, B: int, itemsize: int, dropout: bool, budget: int) -> int:
    """Return the longest segment, in steps, with which ``memory(n)`` is at most ``budget`` bytes; T where all of it fits.

    Raises
    ------
    ValueError : where no length fits; names the smallest budget that does.
    """
    budget = positive_integer("budget", budget)
    step, state = step_bytes(stack, params, B, itemsize, dropout), state_bytes(stack, B, itemsize)

    def memory(n: int) -> float:
        return n * step + math.ceil(T / n) * state

    if T * step + state <= budget:
        return T
    count = math.sqrt(T * step / state)
    cheapest = min((math.ceil(T / c) for c in (max(1, math.floor(count)), math.ceil(count))), key=memory)
    if memory(cheapest) > budget:
        raise ValueError(
            f"budget must be at least {math.ceil(memory(cheapest)):,} bytes for {T} steps of {B} rows in this model, "
            f"got {budget:,}; use a smaller batch or a larger budget"
        )
    fits, too_long = cheapest, T
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        fits, too_long = (middle, too_long) if memory(middle) <= budget else (fits, middle)
    return fits


def state_bytes(stack: Stack, B: int, itemsize: int) -> int:
    """Return the bytes of one state of all layers."""
    return itemsize * sum(math.prod(shape) for layer in stack.layers for shape in layer.state_shapes(B))


def step_bytes(stack: Stack, params: Params, B: int, itemsize: int, dropout: bool) -> float:
    """Return the bytes that one time step takes during backward: all caches, and the gradients of one layer."""
    numbers, arrays, gradients = 0.0, 0.0, 0.0
    if stack.embedding is not None:
        numbers += stack.embedding.input_size + stack.embedding.size  # its input is kept, its output made
    for i, layer in enumerate(stack.layers):
        of_layer = cost_of_a_step(layer, owned_by(f"layers.{i}", params))
        numbers, arrays = numbers + of_layer[0], arrays + of_layer[1]
        numbers += layer.hidden_size if dropout and i + 1 < len(stack.layers) else 0  # a mask
        of_states = sum(shape[-1] for shape in layer.state_shapes(1))
        gradients = max(gradients, of_states + layer.hidden_size + layer.input_size)
    return B * itemsize * (numbers + gradients) + BYTES_PER_ARRAY * arrays


def cost_of_a_step(layer: Layer, params: Params) -> tuple[float, float]:
    """Return what a layer's cache holds per time step: numbers per batch row, and arrays."""
    period = max(shape[0] for shape in layer.state_shapes(1))  # steps that are computed at once
    params = {name: np.zeros(p.shape, np.float32) for name, p in params.items()}
    held = []
    for T in (period, 2 * period):
        state = tuple(np.zeros(shape, np.float32) for shape in layer.state_shapes(1))
        x, rows = np.zeros((layer.input_size, T), np.float32), RowLengths.of(np, T, 1, None)
        _, cache = layer.forward(params, x, state, rows, Workers())
        held.append(contents(cache))
    (numbers, arrays), (numbers_twice, arrays_twice) = held
    return (numbers_twice - numbers) / period, (arrays_twice - arrays) / period


def contents(cache: Any) -> tuple[int, int]:
    """Return how many numbers and how many arrays an object holds, memory that several arrays share counted once.

    >>> a = np.zeros(6)
    >>> contents({"a": a, "views": [a[:2], a[2:]]})
    (6, 3)
    """
    owners: dict[int, Array] = {}
    arrays = 0

    def visit(thing: Any) -> None:
        nonlocal arrays
        if isinstance(thing, np.ndarray):
            arrays += 1
            while isinstance(thing.base, np.ndarray):
                thing = thing.base
            owners[id(thing)] = thing
        elif isinstance(thing, Mapping):
            visit(list(thing.values()))
        elif isinstance(thing, Sequence) and not isinstance(thing, str):
            for part in thing:
                visit(part)
        elif is_dataclass(thing) and not isinstance(thing, type):
            visit([getattr(thing, field.name) for field in fields(thing)])

    visit(cache)
    return sum(owner.nbytes // owner.itemsize for owner in owners.values()), arrays
