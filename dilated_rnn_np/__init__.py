"""Dilated recurrent neural networks from scratch, in NumPy and CuPy, to read and to rely on.

>>> import numpy as np
>>> import dilated_rnn_np as drn
>>> model = drn.DilatedRNN(1, 20, drn.exponential_dilations(9), cell="gru", output_size=10)
>>> output, state, cache = model.forward(np.zeros((784, 4, 1), "float32"))
>>> output.shape
(4, 10)
"""

import importlib

from . import baselines, cells, gradcheck, init, losses, memory, optim, paths, reference, search, tasks
from .batches import windows
from .cells import GRU, LSTM, RNN, Cell
from .checkpoint import CheckpointError, load
from .dilations import exponential_dilations
from .kernels import get_device_kernels, set_device_kernels
from .model import DilatedRNN
from .network import Network
from .threads import get_num_threads, set_num_threads
from .torch_weights import from_torch_state_dict, to_torch_state_dict
from .train import evaluate, fit, train_step
from .workspace import free_workspace

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import the pictures, and Matplotlib with them, when they are first asked for."""
    if name == "plot":
        return importlib.import_module(".plot", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Cell",
    "CheckpointError",
    "DilatedRNN",
    "Network",
    "baselines",
    "cells",
    "evaluate",
    "exponential_dilations",
    "fit",
    "free_workspace",
    "from_torch_state_dict",
    "get_device_kernels",
    "get_num_threads",
    "gradcheck",
    "init",
    "load",
    "losses",
    "memory",
    "optim",
    "paths",
    "plot",
    "reference",
    "search",
    "set_device_kernels",
    "set_num_threads",
    "tasks",
    "to_torch_state_dict",
    "train_step",
    "windows",
]
