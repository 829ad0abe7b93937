"""The systems that the dilated RNN is measured against, from scratch, through the same calls as ``DilatedRNN``.

Each is a ``Network`` of layers of its own kind: what differs from the dilated RNN stands in one file, everything else (state
from chunk to chunk, ragged batches, read-out, training, checkpoints, gradient checks) is shared.
"""

from .clockwork import ClockworkRNN
from .dilated_cnn import DilatedCNN
from .hm_lstm import HMLSTM
from .phased_lstm import PhasedLSTM
from .skip import SkipRNN, plain_rnn

__all__ = ["HMLSTM", "ClockworkRNN", "DilatedCNN", "PhasedLSTM", "SkipRNN", "plain_rnn"]
