"""Weights from and to PyTorch's recurrent layers, as plain dicts of arrays; PyTorch itself is not imported.

Weights have PyTorch's orientation and order of gates, so they are copied. PyTorch has two biases per gate where one is enough. On
import the two are added; on export the second one is 0, except in the GRU's candidate, which needs both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..arrays.backend import to_host
from ..arrays.checks import one_of
from .checkpoint import host_params
from .model import DilatedRNN

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
SUPPORTED = ("rnn", "lstm", "gru")


def to_torch_state_dict(model: DilatedRNN, module_list: str | None = None) -> dict[str, np.ndarray]:
    """Return the model's weights under PyTorch's names.

    Parameters
    ----------
    model : of the cell rnn, lstm or gru.
    module_list : None gives the names of one ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU`` with L layers ("weight_ih_l2"). The name of
        a ModuleList gives those of single-layer modules in it ("layers.2.weight_ih_l0").

    Returns
    -------
    state_dict : arrays on the host. A read-out adds "readout.weight" (O, K*H) and "readout.bias" (O,), as of an nn.Linear; an
        embedding adds "embedding.weight" (D, E), as of an nn.Embedding.

    Examples
    --------
    >>> list(to_torch_state_dict(DilatedRNN(1, 2, [1], output_size=1)))
    ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0', 'readout.weight', 'readout.bias']
    """
    one_of("cell of PyTorch", model.cell.name, SUPPORTED)
    params = host_params(model)
    state_dict: dict[str, np.ndarray] = {}
    if "embedding.W" in params:
        state_dict["embedding.weight"] = params["embedding.W"].T.copy()  # (E, D) -> (D, E), one row per symbol
    for i in range(len(model.layers)):
        W_x, W_h, b = (params[f"layers.{i}.{name}"] for name in ("W_x", "W_h", "b"))
        b_hh = np.zeros_like(b)
        if model.cell.recurrent_bias:
            b_hh[-len(params[f"layers.{i}.b_h"]) :] = params[f"layers.{i}.b_h"]
        for name, array in zip(NAMES, (W_x, W_h, b, b_hh), strict=True):
            state_dict[f"{name}_l{i}" if module_list is None else f"{module_list}.{i}.{name}_l0"] = array
    if model.output_size is not None:
        state_dict |= {"readout.weight": params["readout.W"], "readout.bias": params["readout.b"]}
    return state_dict


def from_torch_state_dict(model: DilatedRNN, state_dict: Mapping[str, Any]) -> DilatedRNN:
    """Copy weights under PyTorch's names into the model's live parameters, and return the model.

    Parameters
    ----------
    model : of the same cell, sizes and number of layers.
    state_dict : arrays, or tensors on the host, with either kind of names of ``to_torch_state_dict``. A missing embedding or
        read-out leaves the model's unchanged; missing biases (``bias=False``) become 0.

    Raises
    ------
    ValueError : where a layer is missing, a name is unknown or a shape differs; the model is then unchanged.

    Examples
    --------
    >>> one, other = DilatedRNN(1, 2, [1, 2], rng=1), DilatedRNN(1, 2, [1, 2], rng=2)
    >>> _ = from_torch_state_dict(other, to_torch_state_dict(one))
    >>> bool((other.params["layers.1.W_h"] == one.params["layers.1.W_h"]).all())
    True
    """
    one_of("cell of PyTorch", model.cell.name, SUPPORTED)
    renamed = {_own_name(name): to_host(array) for name, array in state_dict.items()}
    if "embedding.W" in renamed:
        renamed["embedding.W"] = renamed["embedding.W"].T  # (D, E) -> (E, D)
    incoming: dict[str, np.ndarray] = {}
    for i, layer in enumerate(model.layers):
        rows = len(model.cell.gates) * layer.hidden_size
        if missing := [name for name in ("weight_ih", "weight_hh") if f"{i}.{name}" not in renamed]:
            raise ValueError(f"state_dict lacks {missing[0]} of layer {i}; it has {', '.join(state_dict) or 'nothing'}")
        b_ih, b_hh = (renamed.pop(f"{i}.{name}", np.zeros(rows)) for name in ("bias_ih", "bias_hh"))
        if b_ih.shape != (rows,) or b_hh.shape != (rows,):
            raise ValueError(f"the biases of layer {i} must have shape ({rows},), got {b_ih.shape} and {b_hh.shape}")
        b = b_ih + b_hh
        if model.cell.recurrent_bias:
            own = len(model.cell.split) * layer.hidden_size
            b[-own:] = b_ih[-own:]
            incoming[f"layers.{i}.b_h"] = b_hh[-own:]
        incoming[f"layers.{i}.W_x"], incoming[f"layers.{i}.W_h"] = (renamed.pop(f"{i}.{name}") for name in NAMES[:2])
        incoming[f"layers.{i}.b"] = b
    if unknown := [name for name in renamed if name in incoming or name not in model.params]:
        raise ValueError(f"state_dict has weights that the model does not have: {', '.join(unknown)}")
    incoming |= renamed  # of the embedding and the read-out
    for name, array in incoming.items():
        if array.shape != model.params[name].shape:
            raise ValueError(f"{name} must have shape {model.params[name].shape}, got {array.shape} in the state_dict")
    for name, array in incoming.items():
        model.params[name][...] = model.xp.asarray(array)
    return model


def _own_name(torch_name: str) -> str:
    """Return "2.weight_ih" for either name of layer 2's input weight, and "readout.W" for the read-out's weight."""
    if match := re.fullmatch(rf"(?:.*\.)?(\d+)\.({'|'.join(NAMES)})_l0", torch_name):
        return f"{match[1]}.{match[2]}"
    if match := re.fullmatch(rf"(?:.*\.)?({'|'.join(NAMES)})_l(\d+)", torch_name):
        return f"{match[2]}.{match[1]}"
    own = {"embedding.weight": "embedding.W", "readout.weight": "readout.W", "readout.bias": "readout.b"}
    return own.get(torch_name, torch_name)
