"""The kernels that a layer runs on a GPU: a property of the model, ``model.to("cupy", kernels=…)``.

"plain" runs the same code as on the CPU, with one kernel per array operation. "fused" compiles the pointwise work of a
cell, also of a user's cell, to one kernel. "persistent" runs all time steps of a layer in one kernel where
``persistent.supported`` allows it; other layers are "fused". The fused and persistent kernels have never run on a
device and their speed is unknown. The source of the persistent kernels compiles for several architectures; compiled for
the CPU, its results equal those of the scan.
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
    """Return the module whose ``forward`` and ``backward`` run a layer of H units over a sequence x (D, T*B)."""
    xp = array_module(x)
    if kernels == "plain" or xp is np:
        return scan
    return persistent if kernels == "persistent" and persistent.supported(xp, cell, H, x.dtype) else pointwise
