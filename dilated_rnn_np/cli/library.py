"""The public names of the library; the package root imports this file at the first use of one of them.

So ``python -m dilated_rnn_np`` starts without NumPy, and handles Ctrl-C before anything large is imported.
"""

from .. import baselines, forecasting, tasks
from ..analysis import gradcheck, memory
from ..arrays.threads import get_num_threads, set_num_threads
from ..nets.checkpoint import CheckpointError, load
from ..nets.model import DilatedRNN
from ..nets.network import Network
from ..nets.torch_weights import from_torch_state_dict, to_torch_state_dict
from ..recurrence import cells, init, reference
from ..recurrence.cells import GRU, LSTM, RNN, Cell
from ..theory import paths, search
from ..theory.dilations import exponential_dilations
from ..training import callbacks, losses, optim
from ..training.batches import windows
from ..training.step import evaluate, train_step
from ..training.train import fit

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
    "reference",
    "search",
    "set_num_threads",
    "tasks",
    "to_torch_state_dict",
    "train_step",
    "windows",
]
