"""Pictures: each function draws on ``ax`` (or on a new figure), returns what it drew, and never calls ``show``.

``drn.plot.network(…)`` and the like; save a picture with ``drawing.ax.figure.savefig(path)``.
"""

from .animation import backward_animation, backward_frames, forward_animation, forward_frames, save_gif, save_html
from .curves import gradient_flow, mean_recurrent_lengths, path_length_map, path_lengths, training_curves
from .data import confusion, digits_as_sequences, hidden_states
from .fold import fold
from .network import layout, network, skip_comparison
from .style import checked_picture, new_axes

__all__ = [
    "backward_animation",
    "backward_frames",
    "checked_picture",
    "confusion",
    "digits_as_sequences",
    "fold",
    "forward_animation",
    "forward_frames",
    "gradient_flow",
    "hidden_states",
    "layout",
    "mean_recurrent_lengths",
    "network",
    "new_axes",
    "path_length_map",
    "path_lengths",
    "save_gif",
    "save_html",
    "skip_comparison",
    "training_curves",
]
