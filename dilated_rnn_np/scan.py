"""The scan: one dilated recurrence, forward and backward, over a sequence that lies feature-major.

``c_t = f(x_t, c_{t-d})`` never mixes time steps of different phase ``t mod d``, so d consecutive steps are computed at
once (Chang et al. 2017, section 2.1 and figure 1, right). The layer's buffer ``Z = [x; 1; h_{t-d}]`` has one column for each
(time, batch row), time-major. A block of ``n = d*B`` columns is a step of the folded sequence: one product ``W Z`` serves
input, bias and recurrence, and the block's output goes to the h rows of the block after it. No padding: where d does
not divide T, the last block is narrower and runs on the first phases.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .backend import Array, array_module
from .cells import Arrays, Cell


def fuse(cell: Cell, W_x: Array, W_h: Array, b: Array, b_h: Array | None = None) -> Array:
    """Return ``W = [W_x, b, W_h]``, (P*H, D+1+H); a split gate's W_h stands in a row block of its own, with b_h."""
    xp, H, D, G = array_module(W_x), W_h.shape[1], W_x.shape[1], len(cell.gates)
    W = xp.zeros((cell.num_products * H, D + 1 + H), dtype=W_x.dtype)
    W[: G * H, :D], W[: G * H, D], W[: G * H, D + 1 :] = W_x, b, W_h
    for whole, apart, own in _split_rows(cell, H):
        W[apart, D + 1 :] = W[whole, D + 1 :]
        W[whole, D + 1 :] = 0
        if b_h is not None:
            W[apart, D] = b_h[own]
    return W


def unfuse(cell: Cell, dW: Array, D: int) -> dict[str, Array]:
    """Mirror ``fuse``: return the gradients of ``W_x``, ``W_h``, ``b`` (and ``b_h``) from that of W."""
    H, G = dW.shape[1] - D - 1, len(cell.gates)
    dW_x, db, dW_h = dW[: G * H, :D].copy(), dW[: G * H, D].copy(), dW[: G * H, D + 1 :].copy()
    grads = {"W_x": dW_x, "W_h": dW_h, "b": db}
    for whole, apart, _ in _split_rows(cell, H):
        dW_h[whole] = dW[apart, D + 1 :]
    if cell.recurrent_bias:
        grads["b_h"] = dW[G * H :, D].copy()
    return grads


def _split_rows(cell: Cell, H: int) -> Iterator[tuple[slice, slice, slice]]:
    """For each split gate yield its rows among the gates, its recurrent part's rows in W, and its rows in b_h."""
    for j, gate in enumerate(cell.split):
        g, apart = cell.gates.index(gate), len(cell.gates) + j
        yield slice(g * H, (g + 1) * H), slice(apart * H, (apart + 1) * H), slice(j * H, (j + 1) * H)


def forward(
    cell: Cell, W: Array, Z: Array, state: Arrays, valid: Array | None = None, keep: bool = True
) -> tuple[Arrays, list[Any]]:
    """Run the cell over all blocks and write h_t into the rows of Z where it is needed d steps later.

    Parameters
    ----------
    W : (P*H, D+1+H), from ``fuse``. Z : (D+1+H, (T+d)*B), its x and 1 rows and the first d*B columns of its h rows filled.
    state : one (H, d*B) array a state name, phase-major: column p*B + b belongs to the newest step of phase p.
    valid : (T*B,) booleans, or None where all are; the state of a row whose sequence has ended stays as it is.
    keep : whether the cells' caches are kept for ``backward``.

    Returns
    -------
    state : the new state, phase-major again. caches : the cell's cache of each block.
    """
    xp, H, n = array_module(Z), state[0].shape[0], state[0].shape[1]
    caches = []
    for now, then, w in _blocks(Z.shape[1] - n, n):
        previous = tuple(s[:, :w] for s in state)  # (H, w)
        a = W @ Z[:, now]  # (P*H, w)
        new, cache = cell.forward(tuple(a[p : p + H] for p in range(0, len(a), H)), previous)
        if not isinstance(new, tuple) or [s.shape for s in new] != [s.shape for s in previous]:
            raise TypeError(
                f"forward of cell {cell.name!r} must return a tuple of its states {cell.state}, shaped as before"
            )
        if valid is not None:
            new = tuple(xp.where(valid[now], s, s_prev) for s, s_prev in zip(new, previous, strict=True))
        Z[-H:, then] = new[0]
        state = _replace_first(xp, state, new, w)
        if keep:
            caches.append(cache)
    return state, caches


def backward(
    cell: Cell,
    W: Array,
    Z: Array,
    caches: list[Any],
    dh: Array,
    dstate: Arrays,
    valid: Array | None = None,
    flow: Array | None = None,
) -> tuple[Array, Arrays, Array]:
    """Mirror ``forward``, last block first: backpropagation through time.

    Parameters
    ----------
    W, Z, caches, valid : as ``forward`` had and left them.
    dh : (H, T*B), the gradient that reaches each output from above. dstate : that of the returned state, phase-major.
    flow : (H, T*B) to be filled with the whole gradient that reaches each output, from above and through time; or None.

    Returns
    -------
    dx : (D, T*B). dstate : the gradient of the given state, phase-major. dW : (P*H, D+1+H).
    """
    xp, H, n = array_module(Z), dh.shape[0], dstate[0].shape[1]
    D = Z.shape[0] - H - 1
    dx = xp.empty((D, dh.shape[1]), dtype=Z.dtype)
    dW = xp.zeros_like(W)
    for (now, _, w), cache in reversed(list(zip(_blocks(dh.shape[1], n), caches, strict=True))):
        dnew = [s[:, :w] for s in dstate]  # (H, w)
        dnew[0] = dnew[0] + dh[:, now]
        if flow is not None:
            flow[:, now] = dnew[0]
        if valid is not None:
            dkept = [xp.where(valid[now], 0, ds) for ds in dnew]
            dnew = [xp.where(valid[now], ds, 0) for ds in dnew]
        da, dprevious = cell.backward(tuple(dnew), cache)
        da = xp.concatenate(da)  # (P*H, w)
        dW += da @ Z[:, now].T
        dZ = W.T @ da  # (D+1+H, w): gradients of x, 1 and h_{t-d}
        dx[:, now] = dZ[:D]
        dprev = [dprevious[0] + dZ[D + 1 :], *dprevious[1:]]
        if valid is not None:
            dprev = [ds + kept for ds, kept in zip(dprev, dkept, strict=True)]
        dstate = _replace_first(xp, dstate, tuple(dprev), w)
    return dx, dstate, dW


def _blocks(columns: int, n: int) -> Iterator[tuple[slice, slice, int]]:
    """Yield each block's columns, the columns d steps later, and its width: n, less in the last where d leaves a rest."""
    for start in range(0, columns, n):
        stop = min(start + n, columns)
        yield slice(start, stop), slice(start + n, stop + n), stop - start


def _replace_first(xp: Any, state: Arrays, new: Arrays, w: int) -> Arrays:
    """Return the state with its first w columns, the phases that took a step, replaced."""
    if w == state[0].shape[1]:
        return new
    return tuple(xp.concatenate([s_new, s[:, w:]], axis=1) for s_new, s in zip(new, state, strict=True))
