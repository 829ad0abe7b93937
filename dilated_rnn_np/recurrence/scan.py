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
from .cells import Arrays, Cell, check_state

TOGETHER = 2048  # columns whose products for dx and dW are handed over at once


def at_once(task: Callable[..., Any], *arguments: Any) -> None:
    """Call a task with its arguments."""
    task(*arguments)


def forward(
    cell: Cell,
    W: Array,
    Z: Array,
    x: Array,
    states: Arrays,
    n: int,
    part: slice,
    caches: list[Any] | None,
    valid: Array | None = None,
) -> None:
    """Run the cell over all folded steps, for a part of their columns.

    Parameters
    ----------
    W : (P*H, D+1+H), from ``join_weights``. Z : (D+1+H, T*B + n), to be filled; its row of ones is filled already.
    x : (D, T*B). states : one array (n, H) per state array of the cell, row p*B + b for the newest state of phase p and batch
        row b; changed in place from the state before the sequence to that after it.
    n : d*B, the columns of a folded step. part : the columns of each step to run.
    caches : one entry per folded step, to be filled with the cell's cache; None keeps nothing. Each old entry is freed just
        before its replacement is allocated, so the memory is reused.
    valid : (T*B,) booleans, or None where all steps are; a step past a row's end copies the state it reads.
    """
    xp, D, (_, H), k = array_module(Z), len(x), states[0].shape, 0
    Z[-H:, part] = states[0][part].T
    for i, z in enumerate(fold(Z[:, :-n], n, part)):  # (D+1+H, T/d, w), then the rest, (D+1+H, 1, w')
        _, steps, w = z.shape
        x_i, h_later = fold(x, n, part)[i], fold(Z[-H:, n:], n, part)[i]  # (D, T/d, w), (H, T/d, w)
        live = None if valid is None else fold(valid[None], n, part)[i]
        newest = tuple(s[part][:w].T.copy() for s in states)  # (w, H) -> (H, w) each
        for t in range(steps):
            if caches is not None:
                caches[k] = None
            z[:D, t] = x_i[:, t]
            previous = (z[-H:, t], *newest[1:])
            a = W @ z[:, t]  # (P*H, w)
            newest, cache = cell.forward(tuple(a.reshape(-1, H, w)), previous)  # P pre-activations (H, w)
            if k == 0:
                check_state(cell, newest, previous)
            if live is not None:
                newest = tuple(xp.where(live[:, t], s, s_prev) for s, s_prev in zip(newest, previous, strict=True))
            h_later[:, t] = newest[0]
            if caches is not None:
                caches[k] = cache
            k += 1
        for s, s_new in zip(states, newest, strict=True):
            s[part][:w] = s_new.T


def backward(
    cell: Cell,
    W: Array,
    Z: Array,
    dh: Array,
    dx: Array,
    dstates: Arrays,
    n: int,
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
    xp, (_, H), D, k = array_module(Z), dstates[0].shape, len(dx), len(caches)
    seen = len(cell.gates) * H  # rows of W that see x; below them are the recurrent parts of split gates
    W_x, W_h, dW = W[:seen, :D], W[:, D + 1 :], xp.zeros_like(W)

    def products(da: Array, z: Array, dx: Array) -> None:
        xp.matmul(W_x.T, da[:seen].transpose(1, 0, 2), out=dx.transpose(1, 0, 2))  # for each step (D, w)
        dW[...] += da.reshape(len(da), -1) @ z.reshape(len(z), -1).T  # for all steps at once

    for i, z in reversed(list(enumerate(fold(Z[:, :-n], n, part)))):
        _, steps, w = z.shape
        dh_i, dx_i = fold(dh, n, part)[i], fold(dx, n, part)[i]  # (H, T/d, w), (D, T/d, w)
        reached_i = None if reached is None else fold(reached, n, part)[i]
        live = None if valid is None else fold(valid[None], n, part)[i]
        dnewest = tuple(ds[part][:w].T.copy() for ds in dstates)  # (w, H) -> (H, w) each
        together = max(1, TOGETHER // w)
        for stop in range(steps, 0, -together):
            group = range(max(0, stop - together), stop)
            da = xp.empty((len(W), len(group), w), dtype=W.dtype)
            for t in reversed(group):
                k -= 1
                dnew = (dnewest[0] + dh_i[:, t], *dnewest[1:])
                if live is not None:
                    dkept = tuple(xp.where(live[:, t], 0, ds) for ds in dnew)
                    dnew = tuple(xp.where(live[:, t], ds, 0) for ds in dnew)
                if reached_i is not None:
                    reached_i[:, t] = dnew[0]
                da_t, dprevious = cell.backward(dnew, caches[k])
                xp.concatenate(da_t, out=da[:, t - group.start])  # P times (H, w) -> (P*H, w)
                dnewest = (dprevious[0] + W_h.T @ da[:, t - group.start], *dprevious[1:])
                if live is not None:
                    dnewest = tuple(ds + ds_kept for ds, ds_kept in zip(dnewest, dkept, strict=True))
            now = slice(group.start, group.stop)
            submit(products, da, z[:, now], dx_i[:, now])
        for ds, ds_before in zip(dstates, dnewest, strict=True):
            ds[part][:w] = ds_before if isinstance(ds_before, int) else ds_before.T
    return dW


def gate_values(cell: Cell, caches: list[Any], gates: dict[str, Array], outputs: Array, n: int, part: slice) -> None:
    """Add to ``gates`` the values that the cell shows of a part's columns, by name, (H, T*B) each; outputs is (H, T*B)."""
    for k, cache in enumerate(caches):
        for name, values in cell.gate_values(cache).items():
            if name not in gates:
                gates[name] = array_module(outputs).empty((len(values), outputs.shape[1]), dtype=values.dtype)
            gates[name][:, k * n :][:, part][:, : values.shape[1]] = values


def fold(columns: Array, n: int, part: slice) -> list[Array]:
    """Fold (rows, T*B) into the steps of n columns: views (rows, T/d, w) of the part's columns, and (rows, 1, w') of the rest.

    >>> import numpy as np
    >>> [view.tolist() for view in fold(np.arange(7)[None], 3, slice(0, 2))]
    [[[[0, 1], [3, 4]]], [[[6]]]]
    """
    steps = columns.shape[1] // n
    whole, rest = columns[:, : steps * n], columns[:, steps * n :]
    views = whole.reshape(len(columns), steps, n)[:, :, part], rest[:, None, part]
    return [view for view in views if view.size]
