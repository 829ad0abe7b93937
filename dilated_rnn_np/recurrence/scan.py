"""The scan: one dilated recurrence ``c_t = f(x_t, c_{t-d})``, forward and backward, over a batch of sequences.

Sequences lie feature-major: column ``t*B + b`` of an array holds time t of batch row b. The buffer ``Z = [x; 1; h]`` of a
layer has such columns, with h shifted by d steps: column t holds x_t above h_{t-d}, all that step t reads. Steps of different
phase ``t mod d`` never meet, so d consecutive steps are computed at once (Chang et al. 2017, section 2.1 and figure 1, right): a
folded step of ``n = d*B`` columns. Folded, the recurrence is an ordinary one: each step reads the state that the step before
wrote. Where d does not divide T, a last, narrower step remains. Columns of a step never meet either, so a part of them can
go through all steps by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arrays.backend import Array, array_module
from ..arrays.threads import at_once
from .cells import Arrays, Cell, check_state

TOGETHER = 2048  # columns whose products for dx and dW are handed over at once


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
    """Run the cell over all folded steps, for a part of their columns.

    Parameters
    ----------
    W : (P*H, D+1+H), from ``join_weights``. Z : (D+1+H, T*B + n), to be filled; its row of ones is filled already.
    x : (D, T*B). states : one array (n, H) per state array of the cell, row p*B + b for the newest state of phase p and batch
        row b; changed in place from the state before the sequence to that after it. part : the columns of each step to run.
    caches : one entry per folded step, to be filled with the cell's cache; None keeps nothing. Each old entry is freed just
        before its replacement is allocated, so the memory is reused.
    valid : (T*B,) booleans, or None where all steps are; a step past a row's end copies the state it reads.
    """
    n, H = states[0].shape
    Z[-H:, part] = states[0][part].T
    first = 0
    for z, x_z, h_later, live in zip(*(fold(a, n, part) for a in (Z[:, :-n], x, Z[-H:, n:], valid)), strict=False):
        newest = tuple(s[part][: z.shape[2]].T.copy() for s in states)  # (w, H) -> (H, w) each
        newest = steps_forward(cell, W, z, x_z, h_later, newest, caches, first, live)
        for s, s_new in zip(states, newest, strict=True):
            s[part][: z.shape[2]] = s_new.T
        first += z.shape[1]


def steps_forward(
    cell: Cell,
    W: Array,
    z: Array,
    x: Array,
    h_later: Array,
    newest: Arrays,
    caches: list[Any] | None,
    first: int,
    live: Array | None,
) -> Arrays:
    """Run an ordinary recurrence over folded steps: z (D+1+H, steps, w), x (D, steps, w), h_later (H, steps, w).

    ``newest`` is the state before the steps, (H, w) per array; the state after them is returned. ``caches`` is filled from
    entry ``first`` on.
    """
    xp, D, (_, steps, w), H = array_module(z), len(x), z.shape, len(h_later)
    for t in range(steps):
        if caches is not None:
            caches[first + t] = None
        z[:D, t] = x[:, t]
        previous = (z[-H:, t], *newest[1:])
        a = W @ z[:, t]  # (P*H, w)
        newest, cache = cell.forward(tuple(a.reshape(-1, H, w)), previous)  # from P pre-activations (H, w)
        if t == 0:
            check_state(cell, newest, previous)
        if live is not None:
            newest = tuple(xp.where(live[:, t], s, s_prev) for s, s_prev in zip(newest, previous, strict=True))
        h_later[:, t] = newest[0]
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
    reached: Array | None = None,
    submit: Callable[..., Any] = at_once,
) -> Array:
    """Mirror ``forward``, last step first: backpropagation through time.

    Only ``W_h^T da`` has to wait for the step after it. The products for dx and dW serve many steps at once and are handed to
    ``submit``, which may run them on another core.

    Parameters
    ----------
    dh : (H, T*B), the gradient of the outputs from above. dx : (D, T*B), to be filled; may be dh.
    dstates : one array (n, H) per state array, changed in place from the gradient of the state after the sequence to that of the
        state before it.
    reached : (H, T*B), to be filled with the whole gradient that reaches each output, or None.
    submit : calls a function with arguments, now or later, in the order of submission.

    Returns
    -------
    dW : (P*H, D+1+H); complete once all submitted calls have run.
    """
    n, first, dW = len(dstates[0]), len(caches), array_module(Z).zeros_like(W)
    folded = [fold(a, n, part) for a in (Z[:, :-n], dh, dx, valid, reached)]
    for z, dh_z, dx_z, live, reached_z in reversed(list(zip(*folded, strict=False))):
        first -= z.shape[1]
        dnewest = tuple(ds[part][: z.shape[2]].T.copy() for ds in dstates)  # (w, H) -> (H, w) each
        dnewest = steps_backward(cell, W, z, dh_z, dx_z, dnewest, dW, caches, first, live, reached_z, submit)
        for ds, ds_before in zip(dstates, dnewest, strict=True):
            ds[part][: z.shape[2]] = ds_before.T if hasattr(ds_before, "T") else ds_before
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
    live: Array | None,
    reached: Array | None,
    submit: Callable[..., Any],
) -> Arrays:
    """Mirror ``steps_forward``, last step first: fill dx, add to dW, and return the gradient of the state before the steps."""
    xp, D, (_, steps, w) = array_module(z), len(dx), z.shape
    seen = len(cell.gates) * len(dh)  # rows of W that see x; below them are the recurrent parts of split gates
    W_x, W_h = W[:seen, :D], W[:, D + 1 :]

    def products(da: Array, z: Array, dx: Array) -> None:
        xp.matmul(W_x.T, da[:seen].transpose(1, 0, 2), out=dx.transpose(1, 0, 2))  # for each step (D, w)
        dW[...] += da.reshape(len(da), -1) @ z.reshape(len(z), -1).T  # for all steps at once

    together = max(1, TOGETHER // w)
    for stop in range(steps, 0, -together):
        start = max(0, stop - together)
        da = xp.empty((len(W), stop - start, w), dtype=W.dtype)
        for t in reversed(range(start, stop)):
            dnew = (dnewest[0] + dh[:, t], *dnewest[1:])
            if live is not None:
                dkept = tuple(xp.where(live[:, t], 0, ds) for ds in dnew)
                dnew = tuple(xp.where(live[:, t], ds, 0) for ds in dnew)
            if reached is not None:
                reached[:, t] = dnew[0]
            da_t, dprevious = cell.backward(dnew, caches[first + t])
            xp.concatenate(da_t, out=da[:, t - start])  # P times (H, w) -> (P*H, w)
            dnewest = (dprevious[0] + W_h.T @ da[:, t - start], *dprevious[1:])
            if live is not None:
                dnewest = tuple(ds + ds_kept for ds, ds_kept in zip(dnewest, dkept, strict=True))
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
    """Fold (rows, T*B) into the steps of n columns: views (rows, T/d, w) of the part's columns, and (rows, 1, w') of the rest.

    A vector (T*B,) counts as one row; None folds into None.

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
