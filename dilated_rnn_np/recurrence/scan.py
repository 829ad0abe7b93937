"""The scan: one dilated recurrence ``c_t = f(x_t, c_{t-d})``, forward and backward, over a batch of sequences.

Letters in shapes: T time steps, B batch rows, D inputs, H hidden units, G gates, P pre-activations (the gates, and the recurrent
parts of split gates), n = d*B columns of a folded step, w columns of a part of it.

Column ``t*B + b`` of an array holds time t of batch row b. The buffer ``Z = [x; 1; h]`` has h shifted by d steps, so a column
holds all that one step reads. For T = 5, d = 2 and B = 1 its columns are

    x   x_0   x_1   x_2  x_3  x_4   -    -
    1    1     1     1    1    1    1    1
    h  h_-2  h_-1   h_0  h_1  h_2  h_3  h_4

Steps of different phase ``t mod d`` do not depend on each other, so d consecutive steps are computed at once (Chang et al. 2017,
section 2.1 and figure 1, right): here columns 0-1, then 2-3, then the rest, column 4. These are the steps of an ordinary
recurrence: each reads the state that the step before wrote n columns further. Columns of one step are independent too, so a
part of them can go through all steps on a thread of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arrays.backend import Array, array_module
from ..arrays.threads import at_once
from .cells import Arrays, Cell, check_state

TOGETHER = 4096  # columns per product for dx and dW: fewer and larger calls interrupt the other thread less


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
    """Run the cell over all folded steps, for a part of their columns; the outputs are the rows of h in ``Z[:, n:]``.

    Parameters
    ----------
    W : (P*H, D+1+H), from ``join_weights``. Z : (D+1+H, T*B + n), to be filled; its row of ones is filled already.
    x : (D, T*B). states : one array (n, H) per state array of the cell, row p*B + b for the newest state of phase p and batch
        row b; changed in place from the state before the sequence to that after it.
    part : the columns of each step to run. caches : one entry per step, to be filled with the cell's; None keeps nothing.
    valid : (T*B,) booleans, or None where all steps are; a step past a row's end copies the state it reads.
    """
    n, H = states[0].shape
    Z[-H:, part] = states[0][part].T  # the outputs before the sequence; other states stay out of Z
    first = 0  # entry of ``caches``
    # The loop runs at most twice: over the whole steps, then over the rest, which has fewer columns.
    whole_and_rest = (fold(a, n, part) for a in (Z[:, :-n], x, Z[-H:, n:], valid))
    for z, x_z, h_next, valid_z in zip(*whole_and_rest, strict=False):
        w = z.shape[2]
        newest = tuple(s[part][:w].T.copy() for s in states)  # (w, H) -> (H, w) each
        newest = steps_forward(cell, W, z, x_z, h_next, newest, caches, first, valid_z)
        for s, s_new in zip(states, newest, strict=True):
            s[part][:w] = s_new.T
        first += z.shape[1]


def steps_forward(
    cell: Cell,
    W: Array,
    z: Array,
    x: Array,
    h_next: Array,
    newest: Arrays,
    caches: list[Any] | None,
    first: int,
    valid: Array | None,
) -> Arrays:
    """Run an ordinary recurrence over z (D+1+H, steps, w) and x (D, steps, w), and return the state after it.

    h_next (H, steps, w) are the rows of h that the following step reads, ``newest`` is the state before the steps, (H, w) per
    array, ``caches`` is filled from entry ``first`` on, and ``valid`` is (1, steps, w) or None.
    """
    xp, D, (_, steps, w), H = array_module(z), len(x), z.shape, len(h_next)
    for t in range(steps):
        if caches is not None:
            caches[first + t] = None  # frees the old arrays just before new ones are allocated, so the memory is reused
        z[:D, t] = x[:, t]
        previous = (z[-H:, t], *newest[1:])
        a = W @ z[:, t]  # (P*H, w)
        newest, cache = cell.forward(tuple(a.reshape(-1, H, w)), previous)  # from P pre-activations (H, w)
        if t == 0:
            check_state(cell, newest, previous)
        if valid is not None:
            newest = tuple(xp.where(valid[:, t], s, s_prev) for s, s_prev in zip(newest, previous, strict=True))
        h_next[:, t] = newest[0]
        if caches is not None:
            caches[first + t] = cache
    return newest


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
    """Mirror ``forward``, last step first: backpropagation through time.

    Only ``W_h^T da`` has to wait for the step after it. The products for dx and dW serve many steps at once and are passed to
    ``submit``, which may run them on another core.

    Parameters
    ----------
    dh : (H, T*B), the gradient of the outputs from above, 0 past each row's end.
    dx : (D, T*B), to be filled; may be dh, as each step of dh is read before dx is written there.
    dstates : one array (n, H) per state array, changed in place from the gradient of the state after the sequence to that of the
        state before it.
    dh_total : (H, T*B), to be filled with the whole gradient of each output, from above and through time; or None.
    submit : calls a function with arguments, now or later, in the order of submission.

    Returns
    -------
    dW : (P*H, D+1+H); complete once all submitted calls have run.
    """
    n, first, dW = len(dstates[0]), len(caches), array_module(Z).zeros_like(W)
    whole_and_rest = [fold(a, n, part) for a in (Z[:, :-n], dh, dx, valid, dh_total)]
    for z, dh_z, dx_z, valid_z, dh_total_z in reversed(list(zip(*whole_and_rest, strict=False))):
        first, w = first - z.shape[1], z.shape[2]
        dnewest = tuple(ds[part][:w].T.copy() for ds in dstates)  # (w, H) -> (H, w) each
        dnewest = steps_backward(cell, W, z, dh_z, dx_z, dnewest, dW, caches, first, valid_z, dh_total_z, submit)
        for ds, ds_before in zip(dstates, dnewest, strict=True):
            ds[part][:w] = ds_before.T
    return dW


def steps_backward(
    cell: Cell,
    W: Array,
    z: Array,
    dh: Array,
    dx: Array,
    dnewest: Arrays,
    dW: Array,
    caches: list[Any],
    first: int,
    valid: Array | None,
    dh_total: Array | None,
    submit: Callable[..., Any],
) -> Arrays:
    """Mirror ``steps_forward``, last step first: fill dx, add to dW, and return the gradient of the state before the steps."""
    xp, D, (_, steps, w) = array_module(z), len(dx), z.shape
    input_rows = len(cell.gates) * len(dh)  # of W; the recurrent parts of split gates, below them, do not see x
    W_x, W_h = W[:input_rows, :D], W[:, D + 1 :]  # (G*H, D), (P*H, H)

    def products(da: Array, z: Array, dx: Array) -> None:  # (P*H, k, w), (D+1+H, k, w), (D, k, w) for k steps
        xp.matmul(W_x.T, da[:input_rows].transpose(1, 0, 2), out=dx.transpose(1, 0, 2))  # k times (D, G*H) @ (G*H, w)
        dW[...] += da.reshape(len(da), -1) @ z.reshape(len(z), -1).T  # (P*H, k*w) @ (k*w, D+1+H)

    steps_per_product = max(1, TOGETHER // w)
    for stop in range(steps, 0, -steps_per_product):
        start = max(0, stop - steps_per_product)
        da = xp.empty((len(W), stop - start, w), dtype=W.dtype)
        for t in reversed(range(start, stop)):
            dnew = dtotal = (dnewest[0] + dh[:, t], *dnewest[1:])
            if valid is not None:
                dnew = tuple(xp.where(valid[:, t], ds, 0) for ds in dtotal)
            if dh_total is not None:
                dh_total[:, t] = dnew[0]
            da_t, dprevious = cell.backward(dnew, caches[first + t])
            xp.concatenate(da_t, out=da[:, t - start])  # P times (H, w) -> (P*H, w)
            if valid is not None:
                da[:, t - start] = xp.where(valid[:, t], da[:, t - start], 0)
            # A cell may return the number 0 for a state that it does not read.
            others = (ds if hasattr(ds, "shape") else xp.zeros_like(dnew[0]) for ds in dprevious[1:])
            dnewest = (dprevious[0] + W_h.T @ da[:, t - start], *others)
            if valid is not None:  # an ended row copied its state, so its gradient passes unchanged
                dnewest = tuple(xp.where(valid[:, t], ds, ds_kept) for ds, ds_kept in zip(dnewest, dtotal, strict=True))
        submit(products, da, z[:, start:stop], dx[:, start:stop])
    return dnewest


def gate_values(cell: Cell, caches: list[Any], gates: dict[str, Array], outputs: Array, n: int, part: slice) -> None:
    """Add to ``gates`` the values that the cell shows of a part's columns, by name, (H, T*B) each; outputs is (H, T*B)."""
    for k, cache in enumerate(caches):
        for name, values in cell.gate_values(cache).items():
            if name not in gates:
                gates[name] = array_module(outputs).empty((len(values), outputs.shape[1]), dtype=values.dtype)
            gates[name][:, k * n :][:, part][:, : values.shape[1]] = values


def fold(columns: Array | None, n: int, part: slice) -> list[Any]:
    """Fold (rows, T*B) into steps of n columns: views (rows, T/d, w) of the whole steps, and (rows, 1, w') of the rest.

    Columns of a step are adjacent, so no data moves. A vector counts as one row, None stays None, and empty views are left out.

    >>> import numpy as np
    >>> [view.tolist() for view in fold(np.arange(7)[None], 3, slice(0, 2))]
    [[[[0, 1], [3, 4]]], [[[6]]]]
    """
    if columns is None:
        return [None, None]
    columns = columns.reshape(-1, columns.shape[-1])
    steps = columns.shape[1] // n
    whole, rest = columns[:, : steps * n], columns[:, steps * n :]
    views = whole.reshape(len(columns), steps, n)[:, :, part], rest[:, None, part]
    return [view for view in views if view.size]
