"""The pointwise work of a cell as one kernel on a GPU, compiled from the expressions that NumPy runs.

In a small recurrent step kernel launches take longer than arithmetic, and each operation such as ``i * g`` is a launch.
CuPy's ``fuse`` runs a function once on symbols, records its operations and compiles them to one kernel. Such a function
takes and returns only arrays. So the nested tuples of a cell's ``forward`` and ``backward`` are flattened, each array
once; a trial run on the host shows which results are arguments or plain numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from ..arrays.backend import Array, array_module
from ..recurrence import scan
from ..recurrence.cells import Arrays, Cell

Two = tuple[Arrays, Arrays]  # (state, cache) of forward, (dpre-activations, dprevious) of backward


def forward(cell: Cell, W: Array, Z: Array, *rest: Any) -> None:
    """Compute the same as ``scan.forward``, with one kernel per folded step for the cell."""
    scan.forward(fused_cell(cell, array_module(Z)), W, Z, *rest)


def backward(cell: Cell, W: Array, Z: Array, *rest: Any) -> Array:
    """Compute the same as ``scan.backward``, with one kernel per folded step for the cell."""
    return scan.backward(fused_cell(cell, array_module(Z)), W, Z, *rest)


gate_values = scan.gate_values


class FusedCell:
    """A cell whose ``forward`` and ``backward`` are one kernel each; all other attributes are the cell's.

    A cell that does more than arithmetic on whole arrays cannot be fused and runs unchanged. A kernel is compiled once, with the
    cell's settings as constants, so the settings must not change afterwards.
    """

    def __init__(self, cell: Cell, fuse: Callable[[Callable], Callable]) -> None:
        self.cell = cell
        a, previous = _ones(cell.num_products), _ones(len(cell.state))
        state, cache = cell.forward(a, previous)
        self.forward = FusedFunction(cell.forward, (a, previous), fuse)
        self.backward = FusedFunction(cell.backward, (state, cache), fuse)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cell, name)


def fused_cell(cell: Cell, xp: Any) -> Any:
    """Return the cell with fused kernels, or unchanged where the module or the cell does not support fusing."""
    return _fused_cell(_ByIdentity(cell), xp)


class _ByIdentity:
    """A key for a cell of any class, also one that is not hashable."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell

    def __hash__(self) -> int:
        return id(self.cell)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and self.cell is other.cell


@lru_cache(maxsize=32)
def _fused_cell(key: _ByIdentity, xp: Any) -> Any:
    if not hasattr(xp, "fuse"):
        return key.cell
    try:
        return FusedCell(key.cell, xp.fuse)
    except Exception:  # the trial run failed; the scan will raise the cell's own error
        return key.cell


class FusedFunction:
    """A function from two tuples of arrays to two tuples of arrays and numbers, as one kernel.

    Parameters
    ----------
    trial : example arguments on the host. fuse : compiles a function to a kernel.

    Attributes
    ----------
    launch : the kernel, from the flattened arguments to the new arrays; None where the function cannot be fused.
    """

    def __init__(
        self, function: Callable[[Arrays, Arrays], Two], trial: Two, fuse: Callable[[Callable], Callable]
    ) -> None:
        self.function, self.launch = function, None
        first, second = trial
        if not _all_arrays(first) or not _all_arrays(second):
            return
        arguments, results = [*first, *second], function(first, second)
        if not all(isinstance(part, tuple) for part in results):
            return
        self.first_results = len(results[0])
        self.results = [part for result in results for part in result]
        self.given = [_place(part, arguments) for part in self.results]  # results that are arguments
        computed = [i for i, part in enumerate(self.results) if self.given[i] is None and hasattr(part, "shape")]
        self.new = [i for i in computed if _place(self.results[i], self.results) == i]  # each array once

        def kernel(*arrays: Any) -> Arrays:
            one, other = function(arrays[: len(first)], arrays[len(first) :])
            together = (*one, *other)
            return tuple(together[i] for i in self.new)

        kernel.__name__ = f"{type(getattr(function, '__self__', None)).__name__}_{function.__name__}"
        self.launch = fuse(kernel)

    def __call__(self, one: Arrays, other: Arrays) -> Two:
        """Return the function's results."""
        given = (*one, *other)
        if self.launch is None or not _all_arrays(given):  # a gradient may be the number 0
            return self.function(one, other)
        try:
            made = dict(zip(self.new, self.launch(*given), strict=True))
        except MemoryError:
            raise
        except (
            Exception
        ) as refusal:  # CuPy has several for functions that it cannot fuse; others are raised again below
            self.launch = None
            warnings.warn(f"{self.function.__qualname__} cannot be fused and runs unchanged: {refusal}", stacklevel=2)
            return self.function(one, other)
        whole = tuple(
            given[place] if place is not None else made[_place(part, self.results)] if hasattr(part, "shape") else part
            for part, place in zip(self.results, self.given, strict=True)
        )
        return whole[: self.first_results], whole[self.first_results :]


def _ones(count: int) -> Arrays:
    return tuple(np.ones(1) for _ in range(count))


def _all_arrays(parts: Any) -> bool:
    return isinstance(parts, tuple) and all(hasattr(part, "shape") for part in parts)


def _place(part: Any, parts: list[Any]) -> Any:
    """Return the first index of the same object in a list, or None."""
    return next((i for i, other in enumerate(parts) if other is part), None)
