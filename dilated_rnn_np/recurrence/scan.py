"""The scan: one dilated recurrence, forward and backward, over a sequence that lies feature-major.

``c_t = f(x_t, c_{t-d})`` never mixes time steps of different phase ``t mod d``, so d consecutive steps are computed at
once (Chang et al. 2017, section 2.1 and figure 1, right). The layer's buffer ``Z = [x; 1; h_{t-d}]`` has one column for each
(time, batch row), time-major. A block of ``n = d*B`` columns is a step of the folded sequence: one product ``W Z`` serves
input, bias and recurrence (see ``fused`` for gates that ask for them apart), and the block's output goes to the h rows of
the block after it. No padding: where d does not divide T, the last block is narrower and runs on the first phases. The
columns of a block never meet, so any part of them can go through all blocks by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..arrays.backend import Array, array_module
from .cells import Arrays, Cell, check_state
from .fused import fuse, rectangles, row_blocks, split_rows, unfuse

__all__ = ["backward", "blocks", "forward", "fuse", "gate_values", "unfuse"]

ENOUGH = 256  # columns for one product da Z^T; narrow blocks wait for each other, worth 1.12 at H = 256


def forward(
    cell: Cell,
    W: Array,
    Z: Array,
    x: Array,
    state: Arrays,
    after: Arrays,
    part: slice,
    valid: Array | None = None,
    keep: bool = True,
    spare: list[Any] | None = None,
) -> list[Any]:
    """Run the cell over all blocks, for some of their columns, and write h_t into Z where it is needed d steps later.

    Parameters
    ----------
    W : (P*H, D+1+H), from ``fuse``. Z : (D+1+H, (T+d)*B), to be filled; its row of ones is filled already.
    x : (D, T*B). state : one (d*B, H) array a state name, phase-major: row p*B + b belongs to the newest step of phase p.
    after : arrays like those of the state, to be filled with the state after the sequence.
    part : the columns of each block that are run; they need none of the others.
    valid : (T*B,) booleans, or None where all are; the state of a row whose sequence has ended stays as it is.
    keep : whether the cells' caches are kept for ``backward``.
    spare : caches of an earlier pass that nobody needs; they are let go one by one, so that the allocator gives the same
        memory, which is mapped already, to the new ones.

    Returns
    -------
    caches : the cell's cache of each block.
    """
    xp, (n, H) = array_module(Z), state[0].shape
    products = [(W[rows, columns], columns) for rows, columns in rectangles(cell, H, len(x))]
    arguments = [block.argument for block in row_blocks(cell)]
    order = sorted(range(len(arguments)), key=arguments.__getitem__)  # the row block of each argument of the cell
    newest, caches = tuple(s[part].T.copy() for s in state), []  # (w, H) -> (H, w); a copy, as the first cache keeps it
    Z[-H:, part] = newest[0]
    for now, then, w in blocks(Z.shape[1] - n, n, part):
        if spare:
            spare.pop()
        Z[: len(x), now] = x[:, now]
        previous = (Z[-H:, now], *(s[:, :w] for s in newest[1:]))  # (H, w) each
        a = [rows for W_k, columns in products for rows in split_rows(W_k @ Z[columns, now], H)]  # (H, w) each
        new, cache = cell.forward(tuple(a[i] for i in order), previous)
        check_state(cell, new, previous)
        if valid is not None:
            new = tuple(xp.where(valid[now], s, s_prev) for s, s_prev in zip(new, previous, strict=True))
        Z[-H:, then] = new[0]
        newest = _replace_first(xp, newest, new, w)
        if keep:
            caches.append(cache)
    for s, s_new in zip(after, newest, strict=True):
        s[part] = s_new.T
    return caches


def backward(
    cell: Cell,
    W: Array,
    Z: Array,
    dh: Array,
    dx: Array,
    dstate: Arrays,
    caches: list[Any],
    part: slice,
    valid: Array | None = None,
    flow: Array | None = None,
) -> Array:
    """Mirror ``forward``, last block first: backpropagation through time.

    Parameters
    ----------
    W, Z, caches, part, valid : as ``forward`` had and left them.
    dh : (H, T*B), the gradient that reaches each output from above. dx : (D, T*B), to be filled with the gradient of x.
    dstate : that of the state after the sequence, (d*B, H) each, phase-major; changed in place to that of the state before.
    flow : (H, T*B) to be filled with the whole gradient that reaches each output, from above and through time, 0 past a row's
        end; or None.

    Returns
    -------
    dW : (P*H, D+1+H).
    """
    xp, (n, H), D = array_module(Z), dstate[0].shape, len(dx)
    products = rectangles(cell, H, D)
    order = [block.argument for block in row_blocks(cell)]  # the argument of each row block
    sees_x, sees_h = slice(0, len(cell.gates) * H), slice(len(cell.split) * H, None)
    W_x, W_h = W[sees_x, :D], W[sees_h, D + 1 :]
    waiting: list[tuple[Array, Array]] = []
    dnewest, dW = tuple(ds[part].T.copy() for ds in dstate), xp.zeros_like(W)  # (w, H) -> (H, w)
    for (now, _, w), cache in reversed(list(zip(blocks(dh.shape[1], n, part), caches, strict=True))):
        dnew = [s[:, :w] for s in dnewest]  # (H, w) each
        dnew[0] = dnew[0] + dh[:, now]
        if valid is not None:
            dkept = [xp.where(valid[now], 0, ds) for ds in dnew]
            dnew = [xp.where(valid[now], ds, 0) for ds in dnew]
        if flow is not None:
            flow[:, now] = dnew[0]
        da, dprevious = cell.backward(tuple(dnew), cache)
        da = xp.concatenate([da[i] for i in order])  # (P*H, w)
        waiting.append((da, Z[:, now]))
        if len(waiting) * w >= ENOUGH:
            _add_products(dW, waiting, products)
        xp.matmul(W_x.T, da[sees_x], out=dx[:, now])
        dprev = [dprevious[0] + W_h.T @ da[sees_h]]
        dprev += [d if hasattr(d, "shape") else xp.full_like(dprev[0], d) for d in dprevious[1:]]  # a cell may return 0
        if valid is not None:
            dprev = [ds + kept for ds, kept in zip(dprev, dkept, strict=True)]
        dnewest = _replace_first(xp, dnewest, tuple(dprev), w)
    _add_products(dW, waiting, products)
    for ds, ds_new in zip(dstate, dnewest, strict=True):
        ds[part] = ds_new.T
    return dW


def gate_values(
    cell: Cell, caches: list[Any], columns: int, n: int, part: slice
) -> Iterator[tuple[slice, dict[str, Array]]]:
    """Yield the columns of each block of forward's caches and the gates that the cell shows there, (H, w) each."""
    for (now, _, _), block in zip(blocks(columns, n, part), caches, strict=True):
        yield now, cell.gate_values(block)


def blocks(columns: int, n: int, part: slice) -> Iterator[tuple[slice, slice, int]]:
    """Yield the part's columns of each block, those d steps later, and their number: fewer where d leaves a rest."""
    for start in range(0, columns, n):
        first, stop = start + part.start, min(start + part.stop, columns)
        if first < stop:
            yield slice(first, stop), slice(first + n, stop + n), stop - first


def _add_products(dW: Array, waiting: list[tuple[Array, Array]], products: list[tuple[slice, slice]]) -> None:
    """Add to dW what the waiting blocks, (P*H, w) and (D+1+H, w) each, give to it; then none waits."""
    if waiting:
        xp = array_module(dW)
        da, Z = waiting[0]
        if len(waiting) > 1:
            da, Z = (xp.concatenate(arrays, axis=1) for arrays in zip(*waiting, strict=True))
        for rows, columns in products:
            dW[rows, columns] += da[rows] @ Z[columns].T
        waiting.clear()


def _replace_first(xp: Any, state: Arrays, new: Arrays, w: int) -> Arrays:
    """Return the state with its first w columns, the phases that took a step, replaced."""
    if w == state[0].shape[1]:
        return new
    return tuple(xp.concatenate([s_new, s[:, w:]], axis=1) for s_new, s in zip(new, state, strict=True))
