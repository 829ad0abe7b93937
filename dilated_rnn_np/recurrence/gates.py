"""From weights to gates: the pre-activations that a cell receives, and the one matrix W that computes all of them.

A gate's pre-activation is the sum of an input part ``W_x x + b`` and a recurrent part ``W_h h``. A split gate passes both apart,
as the GRU needs for its candidate. This rule, ``pre_activations``, is linear: for ``from_x = [W_x b 0]`` and
``from_h = [0 0 W_h]`` it returns the rows of W, and its transpose separates their gradients again.
"""

from __future__ import annotations

from ..arrays.backend import Array, array_module
from .cells import Arrays, Cell


def pre_activations(cell: Cell, from_x: Array, from_h: Array, b_h: Array | None = None) -> Arrays:
    """Return the cell's pre-activations, one (H, …) array per argument: all gates, then the recurrent parts of split gates.

    Parameters
    ----------
    from_x : input parts ``W_x x + b``, (G*H, …). from_h : recurrent parts ``W_h h``, (G*H, …).
    b_h : the recurrent bias of the split gates, (S*H, …), or None.
    """
    H = len(from_x) // len(cell.gates)
    together = from_x + from_h
    a = [(from_x if gate in cell.split else together)[g * H : (g + 1) * H] for g, gate in enumerate(cell.gates)]
    for j, gate in enumerate(cell.split):
        g = cell.gates.index(gate)
        recurrent = from_h[g * H : (g + 1) * H]
        a.append(recurrent if b_h is None else recurrent + b_h[j * H : (j + 1) * H])
    return tuple(a)


def pre_activations_backward(cell: Cell, da: Arrays) -> tuple[Array, Array, Array]:
    """Mirror ``pre_activations``: return the gradients of ``from_x`` and ``from_h``, (G*H, …), and of ``b_h``, (S*H, …)."""
    xp, G = array_module(da[0]), len(cell.gates)
    recurrent = dict(zip(cell.split, da[G:], strict=True))
    dfrom_x = xp.concatenate(da[:G])  # G times (H, …) -> (G*H, …)
    dfrom_h = xp.concatenate([recurrent.get(gate, d) for gate, d in zip(cell.gates, da[:G], strict=True)])
    db_h = xp.concatenate(da[G:]) if cell.split else dfrom_h[:0]
    return dfrom_x, dfrom_h, db_h


def join_weights(cell: Cell, W_x: Array, W_h: Array, b: Array, b_h: Array | None = None) -> Array:
    """Return W (P*H, D+1+H): ``W [x; 1; h]`` is all P pre-activations, one below the other in the cell's order.

    A whole gate has the rows ``[W_x, b, W_h]``; a split gate has ``[W_x, b, 0]`` and ``[0, b_h, W_h]``.
    """
    xp, D, H = array_module(W_x), W_x.shape[1], W_h.shape[1]
    from_x, from_h = xp.zeros((2, len(W_x), D + 1 + H), dtype=W_x.dtype)
    from_x[:, :D], from_x[:, D], from_h[:, D + 1 :] = W_x, b, W_h
    bias = None
    if b_h is not None:
        bias = xp.zeros((len(b_h), D + 1 + H), dtype=W_x.dtype)
        bias[:, D] = b_h
    return xp.concatenate(pre_activations(cell, from_x, from_h, bias))


def separate_weights(cell: Cell, dW: Array, D: int) -> dict[str, Array]:
    """Mirror ``join_weights``: return the gradients of ``W_x``, ``W_h``, ``b`` (and ``b_h``) from that of W."""
    H = len(dW) // cell.num_products
    dfrom_x, dfrom_h, dbias = pre_activations_backward(cell, tuple(dW.reshape(-1, H, dW.shape[1])))
    grads = {"W_x": dfrom_x[:, :D].copy(), "W_h": dfrom_h[:, D + 1 :].copy(), "b": dfrom_x[:, D].copy()}
    return grads | ({"b_h": dbias[:, D].copy()} if cell.recurrent_bias else {})
