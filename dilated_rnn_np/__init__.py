"""Dilated recurrent neural networks from scratch, in NumPy and CuPy, to read and to rely on.

>>> import numpy as np
>>> import dilated_rnn_np as drn
>>> model = drn.DilatedRNN(1, 20, drn.exponential_dilations(9), cell="gru", output_size=10)
>>> output, state, cache = model.forward(np.zeros((784, 4, 1), "float32"))
>>> output.shape
(4, 10)

The public names are listed in ``cli/library.py``; they are imported when the first of them is used.
"""

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cli.library import *  # noqa: F403

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import all public names, but Matplotlib only with ``plot``."""
    library = importlib.import_module(".cli.library", __name__)
    if name == "__all__":
        return [*library.__all__, "plot"]
    if name == "plot":
        return importlib.import_module(".plot", __name__)
    if name in library.__all__:
        return getattr(library, name)
    if name in globals():  # a room, which the library has imported
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *importlib.import_module(".cli.library", __name__).__all__, "plot"})
