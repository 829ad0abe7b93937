"""The scan in one kernel launch: the host side of ``persistent.cu``, with the interface of ``scan``.

A small recurrent step takes less time than a kernel launch. Here one kernel runs all time steps of a layer, with the
state and the recurrent weights on the chip. Products that do not depend on the previous step remain large matrix
products: ``W_x x + b`` before forward, dx and dW after backward. Only the built-in cells are supported, since the CUDA
source contains their formulas; ``supported`` decides which sizes and dtypes can run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..arrays.backend import Array, array_module
from ..arrays.threads import at_once
from ..recurrence.cells import GRU, LSTM, RNN, Arrays, Cell, get_cell
from ..recurrence.gates import separate_weights

SOURCE = Path(__file__).with_suffix(".cu")
NAMES: dict[type[Cell], str] = {RNN: "RNN", LSTM: "LSTM", GRU: "GRU"}  # of the cells in the source
REALS = {"float32": "float", "float64": "double"}

REGISTERS = 65536  # 32-bit registers per multiprocessor; a thread has at most 255
OTHER_REGISTERS = 56  # per thread, beside the weights, in float32
GROUPS = (32, 16, 8, 4, 2, 1)  # columns that a block may run at once
ENOUGH_BLOCKS = 128  # about the multiprocessors of a large device; where there are fewer blocks, groups are smaller
MOST_BLOCKS = 1024  # with more, a block runs several groups of columns and reads its weights only once
DEFAULT_SHARED_BYTES = 48 * 1024  # of shared memory per block, unless a kernel raises its limit
NULL = np.intp(0)


class Layout(NamedTuple):
    """The layout of a cell of H units on the chip."""

    in_registers: bool  # whether each thread holds the weights of its unit in registers, or all are in shared memory
    pitch: int  # numbers from one row in shared memory to the next
    threads: int  # at most, per block
    bytes_of_weights: int  # in shared memory
    bytes_of_column: int  # in shared memory, in two buffers, for backward, which needs more than forward

    @classmethod
    def of(cls, cell: Cell, H: int, dtype: np.dtype) -> Layout:
        """Return the layout, which may need more than any device has."""
        products, size = len(cell.gates), dtype.itemsize  # products with the state
        registers = products * H * size // 4 + OTHER_REGISTERS * size // 4
        in_registers = registers <= 256
        threads = REGISTERS // min(registers, 255) // 128 * 128 if in_registers else 512  # in groups of 4 warps
        numbers = 16 // size  # a thread reads 16 bytes at once
        pitch = numbers * (-(-H // numbers) | 1)
        weights = 0 if in_registers else products * H * pitch * size
        return cls(in_registers, pitch, min(threads, 1024), weights, 2 * products * pitch * size)

    def groups(self, H: int, limit: int) -> list[int]:
        """Return the numbers of columns that a block can run at once, the largest first."""
        most = limit - self.bytes_of_weights
        return [R for R in GROUPS if self.threads >= R * H and most >= R * self.bytes_of_column]


def supported(xp: Any, cell: Cell, H: int, dtype: Any) -> bool:
    """Return whether the kernels support this array module, cell, number of units and dtype on the current device.

    >>> supported(np, LSTM(), 20, "float32")
    False
    """
    if not hasattr(xp, "RawModule") or type(cell) not in NAMES or np.dtype(dtype).name not in REALS:
        return False
    return bool(Layout.of(cell, H, np.dtype(dtype)).groups(H, _most_shared_bytes(xp)))


def forward(
    cell: Cell,
    W: Array,
    Z: Array,
    x: Array,
    states: Arrays,
    part: slice,
    caches: list[Any] | None,
    valid: Array | None = None,
) -> None:
    """Compute the same as ``scan.forward``, from the same arguments; ``part`` must be all columns.

    The first entry of ``caches`` receives the gates and split pre-activations of all steps, (P*H, T*B), in the order of the
    cell's arguments, and the LSTM's c with the columns of h in Z, (H, T*B + n). The vanilla cell's backward needs neither.
    """
    xp, (n, H), (D, columns), keep = array_module(Z), states[0].shape, x.shape, caches is not None
    G, Z[:D, :columns] = len(cell.gates) * H, x
    weights = separate_weights(cell, W, D)
    if caches is not None:
        caches[:] = [None] * len(caches)  # frees the old arrays before their replacements are allocated
    a = xp.empty((len(W) if keep else G, columns), dtype=Z.dtype)
    c = xp.empty((H, columns + n), dtype=Z.dtype) if keep and len(states) == 2 else NULL
    xp.matmul(W[:G, : D + 1], Z[: D + 1, :columns], out=a[:G])  # W_x x + b, (G*H, T*B)
    optional = NULL if valid is None else valid
    pointers = (weights["W_h"], weights.get("b_h", NULL), a, Z[-H:], c, *_two(list(states)), optional)
    _launch(xp, "forward", cell, Z.dtype, n, H, (*pointers, np.int64(columns), np.int32(n), np.bool_(keep)))
    if caches is not None:
        caches[0] = (NULL, NULL) if type(cell) is RNN else (a, c)


def backward(
    cell: Cell,
    W: Array,
    Z: Array,
    dh: Array,
    dx: Array,
    dstates: Arrays,
    part: slice,
    caches: list[Any],
    valid: Array | None = None,
    dh_total: Array | None = None,
    submit: Callable[..., Any] = at_once,
) -> Array:
    """Compute the same as ``scan.backward``, from the same arguments; return dW (P*H, D+1+H)."""
    xp, (H, columns), D, n, (a, c) = array_module(Z), dh.shape, len(dx), len(dstates[0]), caches[0]
    G, W_h = len(cell.gates) * H, separate_weights(cell, W, D)["W_h"]  # (G*H, H)
    da = xp.empty((len(W), columns), dtype=Z.dtype)
    pointers = (W_h, a, Z[-H:], c, xp.ascontiguousarray(dh), da, *_two(list(dstates)))
    optional = [NULL if array is None else array for array in (valid, dh_total)]
    _launch(xp, "backward", cell, Z.dtype, n, H, (*pointers, *optional, np.int64(columns), np.int32(n)))
    dx[...] = W[:G, :D].T @ da[:G]  # (D, T*B)
    return da @ Z[:, :columns].T


def gate_values(cell: Cell, caches: list[Any], gates: dict[str, Array], outputs: Array, n: int, part: slice) -> None:
    """Compute the same as ``scan.gate_values``, from the same arguments."""
    if type(cell) is not RNN:
        a, _ = caches[0]
        values = a.reshape(cell.num_products, -1, outputs.shape[1])  # (P*H, T*B) -> (P, H, T*B)
        gates |= dict(zip(cell.gates, values, strict=False))


def source(cell: Cell, H: int, dtype: np.dtype) -> str:
    """Return the CUDA source for one cell, number of units and dtype; all loops have constant lengths and are unrolled."""
    layout = Layout.of(cell, H, dtype)
    lines = {
        NAMES[type(cell)]: "",
        "H": H,
        "REAL": REALS[dtype.name],
        "THREADS": layout.threads,
        "PITCH": layout.pitch,
        "IN_REGISTERS": int(layout.in_registers),
    }
    return "".join(f"#define {name} {value}\n" for name, value in lines.items()) + SOURCE.read_text(encoding="utf-8")


def group_of_columns(layout: Layout, H: int, n: int, limit: int) -> int:
    """Return how many of n columns a block runs at once: as many as leave enough blocks to fill the device."""
    groups = layout.groups(H, limit)
    return next((R for R in groups if n >= R * ENOUGH_BLOCKS), groups[-1])


def _launch(xp: Any, name: str, cell: Cell, dtype: np.dtype, n: int, H: int, arguments: tuple[Any, ...]) -> None:
    layout = Layout.of(cell, H, dtype)
    R = group_of_columns(layout, H, n, _most_shared_bytes(xp))
    kernel = _module(xp, cell.name, H, dtype).get_function(name)
    shared = layout.bytes_of_weights + R * layout.bytes_of_column
    if shared > DEFAULT_SHARED_BYTES:
        kernel.max_dynamic_shared_size_bytes = shared
    kernel((min(-(-n // R), MOST_BLOCKS),), (R, H), arguments, shared_mem=shared)


@cache
def _module(xp: Any, cell: str, H: int, dtype: np.dtype) -> Any:
    return xp.RawModule(code=source(get_cell(cell), H, dtype))


@cache
def _shared_bytes(xp: Any, device: int) -> int:
    return xp.cuda.Device(device).attributes["MaxSharedMemoryPerBlockOptin"]


def _most_shared_bytes(xp: Any) -> int:
    """Return the most bytes of shared memory per block on the current device."""
    return _shared_bytes(xp, xp.cuda.Device().id)


def _two(arrays: list[Any]) -> list[Any]:
    """Return the arrays of h and c, with a null pointer for c where the cell has none."""
    return [*arrays, NULL][:2]
