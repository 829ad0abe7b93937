"""Pictures: each function draws on ``ax`` (or on a new figure), returns what it drew, and never calls ``show``.

``drn.plot.training_curves(…)`` and the like; save a picture with ``ax.figure.savefig(path)``.
"""

from .curves import gradient_flow, mean_recurrent_lengths, path_length_map, path_lengths, training_curves
from .data import confusion, digits_as_sequences, hidden_states
from .style import new_axes

__all__ = [
    "confusion",
    "digits_as_sequences",
    "gradient_flow",
    "hidden_states",
    "mean_recurrent_lengths",
    "new_axes",
    "path_length_map",
    "path_lengths",
    "training_curves",
]
