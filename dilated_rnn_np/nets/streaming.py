"""One time step of the whole stack, for streams: constant work and memory, whatever came before.

``c_t = f(x_t, c_{t-d})`` as it is written: batch rows lie as rows here, the state's oldest entry goes in and the newest one
comes out. For so few numbers the layouts of ``scan`` would cost more than they save.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..arrays.backend import Array
from ..recurrence.cells import check_state, pre_activations

if TYPE_CHECKING:
    from .model import DilatedRNN, State


def step(model: DilatedRNN, x_t: Array, state: State, dtype: np.dtype) -> tuple[Array, State]:
    """Run the checked x_t (B, D) through all layers and the read-out; see ``DilatedRNN.step``."""
    xp, new_state = model.xp, []
    params = model.params
    if dtype != model.dtype:
        params = {name: array.astype(dtype, copy=False) for name, array in params.items()}
    rows = x_t.astype(dtype, copy=False)  # (B, D)
    if "embedding.W" in params:
        rows = rows @ params["embedding.W"].T  # (B, E)
    for i, entry in enumerate(state[: len(model.layers)]):
        oldest, layer = tuple(s[0] for s in entry), f"layers.{i}."  # (B, H) each
        from_x = rows @ params[layer + "W_x"].T + params[layer + "b"]  # (B, G*H)
        from_h = oldest[0] @ params[layer + "W_h"].T  # (B, G*H)
        a = pre_activations(model.cell, from_x, from_h, params.get(layer + "b_h"))
        new, _ = model.cell.forward(a, oldest)  # (B, H) each
        if type(new) is not tuple:  # wrong shapes show when the state is put together
            check_state(model.cell, new, oldest)
        if new[0].dtype != dtype:
            new = tuple(s.astype(dtype) for s in new)
        rows = new[0]
        new_state.append(tuple(xp.concatenate([s[1:], s_new[None]]) for s, s_new in zip(entry, new, strict=True)))
    if model.output_size is None:
        return rows.copy(), new_state
    W, output = params["readout.W"], params["readout.b"]
    if model.width == 1:
        return rows @ W.T + output, new_state
    newest = xp.concatenate([state[-1][0], rows[None]])  # (K, B, H)
    for k, h in enumerate(newest):
        output = output + h @ W[:, k * h.shape[1] : (k + 1) * h.shape[1]].T  # (B, O)
    return output, [*new_state, (newest[1:],)]
