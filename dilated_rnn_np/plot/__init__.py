"""Pictures: each function draws on the axes ``ax``, by default of a new figure, returns the artists, and never calls ``show``.

Read ``style`` first: the colours, axes and arrows that all pictures share. ``geometry`` places the unrolled network, ``network``
draws it, and ``animation`` lights it up frame by frame; ``fold`` shows that dilation is a reshape. ``curves`` draws path
lengths, gradients and training runs, ``runs`` the mean and range of several runs, ``data`` states, confusions and digits,
``forecast`` a series with its forecast and prediction intervals. ``explorer`` writes one HTML page in which the reader changes
an architecture, from the sources in ``page``; ``example`` adds the arrays of a trained net. ``saving`` writes pictures:
``save_picture(artist.axes, path)``.
"""

from .animation import backward_animation, backward_frames, forward_animation, forward_frames, save_gif
from .curves import gradient_flow, mean_recurrent_lengths, path_length_map, path_lengths, training_curves
from .data import confusion, digits_as_sequences, hidden_states
from .example import Example
from .explorer import explorer
from .fold import fold
from .forecast import forecast
from .geometry import layout
from .network import network, skip_comparison
from .saving import checked_picture, save_picture
from .style import new_axes

__all__ = [
    "Example",
    "backward_animation",
    "backward_frames",
    "checked_picture",
    "confusion",
    "digits_as_sequences",
    "explorer",
    "fold",
    "forecast",
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
    "save_picture",
    "skip_comparison",
    "training_curves",
]
