"""One time step of a dilated stack, for streams: constant work and memory, whatever came before.

``c_t = f(x_t, c_{t-d})`` as it is written: the oldest entry of the state goes in, the newest one comes out. For so few numbers
the layout of the scan would cost more than it saves.
"""

from __future__ import annotations

from ..arrays.backend import Array, array_module
from ..recurrence.cells import Cell, check_state
from ..recurrence.gates import pre_activations
from .layer import Params
from .stack import Stack, State


def step(stack: Stack, cell: Cell, params: Params, x_t: Array, state: State) -> tuple[Array, State]:
    """Run the checked x_t (B, D) through all layers and the read-out; see ``DilatedRNN.step``."""
    xp, new_state = array_module(x_t), []
    rows = x_t.T  # (D, B)
    if stack.embedding:
        rows = params["embedding.W"] @ rows  # (E, B)
    for i, entry in enumerate(state):
        layer = f"layers.{i}."
        before = tuple(s[0].T for s in entry)  # the oldest step, (H, B) each
        from_x = params[layer + "W_x"] @ rows + params[layer + "b"][:, None]  # (G*H, B)
        from_h = params[layer + "W_h"] @ before[0]  # (G*H, B)
        b_h = params[layer + "b_h"][:, None] if cell.recurrent_bias else None  # (S*H, 1)
        new, _ = cell.forward(pre_activations(cell, from_x, from_h, b_h), before)
        check_state(cell, new, before)
        new = tuple(s.astype(x_t.dtype, copy=False) for s in new)
        rows = new[0]
        new_state.append(tuple(xp.concatenate([s[1:], s_new.T[None]]) for s, s_new in zip(entry, new, strict=True)))
    if stack.readout is None:
        return rows.T.copy(), new_state
    output, newest = params["readout.b"], new_state[-1][0][-stack.readout.width :]  # (O,), (K, B, H)
    for W_k, h in zip(stack.readout.blocks(params["readout.W"]), newest, strict=True):
        output = output + h @ W_k.T  # (B, O)
    return output, new_state
