"""Baselines: the systems that the dilated RNN is compared with, through the same calls as ``DilatedRNN``.

Each system is a ``Network`` with layers of its own kind: its file holds the equations, and everything else (carried state,
ragged batches, read-out, training, checkpoints, gradient checks) is shared. Read ``reference`` first: every system as naive
loops. ``recurrent`` is the loop over time of the recurrent systems; ``skip``, ``clockwork``, ``phased_lstm`` and ``hm_lstm``
define one step each, from the simplest to the hardest. ``dilated_cnn`` has no recurrence and computes all steps at once.
``systems`` builds each of them from the same few settings.
"""

from .clockwork import ClockworkRNN
from .dilated_cnn import DilatedCNN
from .hm_lstm import HMLSTM
from .phased_lstm import PhasedLSTM
from .skip import SkipRNN, plain_rnn

__all__ = ["HMLSTM", "ClockworkRNN", "DilatedCNN", "PhasedLSTM", "SkipRNN", "plain_rnn"]
