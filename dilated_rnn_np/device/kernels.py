"""The kernels that a layer runs on a GPU: a property of the model, ``model.to("cupy", kernels=…)``.

"plain" runs the same code as on the CPU, one kernel per array operation. "fused" makes one kernel of a cell's pointwise work,
with CuPy and from the same code, also for cells of your own. "persistent" runs all time steps of a layer in one kernel, where
``persistent.supported`` allows it, and "fused" elsewhere. The fused and persistent kernels have never run on a device; the
source of the persistent ones is compiled for several architectures, and its results equal the scan's where it is compiled for
the CPU. No speed was measured.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.backend import Array, array_module
from ..recurrence import scan
from ..recurrence.cells import Cell
from . import persistent, pointwise

KERNELS = {
    "plain": "one kernel per array operation",
    "fused": "one kernel for the pointwise work of a step, for any cell",
    "persistent": "one kernel for all time steps of an rnn, lstm or gru layer of few units; others are fused",
}


def route(kernels: str, cell: Cell, H: int, x: Array) -> Any:
    """Return the module whose forward and backward a layer of H units takes for a sequence x (D, T*B)."""
    xp = array_module(x)
    if kernels == "plain" or xp is np:
        return scan
    return persistent if kernels == "persistent" and persistent.supported(xp, cell, H, x.dtype) else pointwise
