"""Which kernels a layer runs on the device: the choice is the user's, and it says what has been tried and what has not."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.backend import Array, array_module
from ..arrays.checks import choose
from ..recurrence import scan
from ..recurrence.cells import Cell
from . import persistent, pointwise

KERNELS = {
    "plain": "each array operation is a kernel of its own",
    "fused": "the pointwise work of a step is one kernel, for any cell",
    "persistent": "rnn, lstm and gru of few units run all time steps in one kernel; others are fused",
}
ROUTES: dict[str, Any] = {"scan": scan, "fused": pointwise, "persistent": persistent}  # modules of the same functions

_chosen = {"kernels": "plain"}


def get_device_kernels() -> str:
    """Return the name of the kernels that are chosen for the device.

    >>> get_device_kernels()
    'plain'
    """
    return _chosen["kernels"]


def set_device_kernels(name: str) -> None:
    """Choose the kernels for models on the device, in all models of this process; on the CPU nothing changes.

    Parameters
    ----------
    name : "plain", the default: the same code as on the CPU, operation by operation. "fused": what a cell does in a step is
        one kernel, made by CuPy from the same code; for cells of your own too. "persistent": one kernel for all time steps of
        a layer, wherever ``persistent.supported`` says so, and "fused" elsewhere.

    Notes
    -----
    The fused and the persistent kernels have never run on a device, which is why neither is the default. The persistent ones'
    source is compiled for several architectures, and its results equal the scan's where it is compiled for the CPU. No
    speed was measured.

    Examples
    --------
    >>> set_device_kernels("persistant")
    Traceback (most recent call last):
    ValueError: unknown device kernels 'persistant'; known: plain, fused, persistent; did you mean 'persistent'?
    """
    choose("device kernels", name, KERNELS)
    _chosen["kernels"] = name


def route(cell: Cell, H: int, x: Array) -> str:
    """Return which of ``ROUTES`` a layer of H units takes for a sequence x (D, T*B)."""
    xp, wanted = array_module(x), get_device_kernels()
    if wanted == "plain" or xp is np:
        return "scan"
    return "persistent" if wanted == "persistent" and persistent.supported(xp, cell, H, x.dtype) else "fused"
