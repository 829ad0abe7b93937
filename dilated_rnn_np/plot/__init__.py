"""Pictures: each function draws on ``ax`` (or on a new figure), returns what it drew, and never calls ``show``.

``drn.plot.training_curves(…)`` and the like; save a picture with ``ax.figure.savefig(path)``.
"""

from .curves import training_curves
from .style import new_axes

__all__ = ["new_axes", "training_curves"]
