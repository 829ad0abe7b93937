"""Dilated recurrent neural networks from scratch, in NumPy and CuPy, to read and to rely on.

>>> import numpy as np
>>> import dilated_rnn_np as drn
>>> model = drn.DilatedRNN(1, 20, drn.exponential_dilations(9), cell="gru", output_size=10)
>>> output, state, cache = model.forward(np.zeros((784, 4, 1), "float32"))
>>> output.shape
(4, 10)
"""

import importlib

from . import baselines, forecasting, tasks
from .analysis import gradcheck, memory
from .arrays.threads import get_num_threads, set_num_threads
from .nets.checkpoint import CheckpointError, load
from .nets.model import DilatedRNN
from .nets.network import Network
from .nets.torch_weights import from_torch_state_dict, to_torch_state_dict
from .recurrence import cells, init, reference
from .recurrence.cells import GRU, LSTM, RNN, Cell
from .theory import paths, search
from .theory.dilations import exponential_dilations
from .training import callbacks, losses, optim
from .training.batches import windows
from .training.step import evaluate, train_step
from .training.train import fit

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
    "callbacks",
    "cells",
    "evaluate",
    "exponential_dilations",
    "fit",
    "forecasting",
    "from_torch_state_dict",
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
    "set_num_threads",
    "tasks",
    "to_torch_state_dict",
    "train_step",
    "windows",
]
