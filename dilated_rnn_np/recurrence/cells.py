"""Recurrent cells as pointwise functions of gate pre-activations: vanilla RNN, LSTM and GRU.

``scan`` computes the matrix products ``a = W_x x + b + W_h h``; a cell receives their results, one array per gate, all of one
shape, and returns the new state. Each backward follows its forward and mirrors it line by line in reverse, with derivatives in
terms of outputs: ``tanh' = 1 - y*y`` and ``sigmoid' = y*(1 - y)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.backend import Array, array_module
from ..arrays.checks import choose, real

Arrays = tuple[Array, ...]


def sigmoid(a: Array) -> Array:
    """Return 1 / (1 + exp(-a)), written as tanh(a/2)/2 + 1/2: it cannot overflow and keeps the dtype.

    >>> float(sigmoid(np.float64(0.0)))
    0.5
    """
    return array_module(a).tanh(a * 0.5) * 0.5 + 0.5


class Cell:
    """The interface of a cell; subclass it to dilate a recurrence of your own.

    Attributes
    ----------
    name : the cell's name in messages, summaries and checkpoints.
    gates : the names of the gates, in the order of their row blocks in ``W_x``, ``W_h`` and ``b``.
    state : the names of the state arrays. The first one is the output, which ``W_h`` multiplies.
    split : the gates whose recurrent part ``W_h h`` is passed apart from their input part ``W_x x + b``. The recurrent parts
        follow after all gates, in the same order.
    recurrent_bias : whether the split recurrent parts have their own bias ``b_h``.

    Notes
    -----
    ``backward`` gets the cache that ``forward`` returned. ``dprevious`` is only the pointwise part of the previous state's
    gradient, or ``0`` where there is none; the scan adds the part through ``W_h``. Parts of a batch run on several threads, so
    a cell stores nothing on itself. The pre-activations are views of one array; a cache that holds one keeps all of them.

    Examples
    --------
    A complete ReLU cell with identity initialisation (Le, Jaitly and Hinton 2015):

    >>> class ReLU(Cell):
    ...     name, gates = "relu", ("h",)
    ...     def forward(self, a, previous):
    ...         h = a[0] * (a[0].real > 0)
    ...         return (h,), (h,)
    ...     def backward(self, dstate, cache):
    ...         return (dstate[0] * (cache[0].real > 0),), (0,)
    ...     def initialise(self, params, rng):
    ...         params["W_h"][...] = np.eye(*params["W_h"].shape)
    """

    name: str = "cell"
    gates: tuple[str, ...] = ()
    state: tuple[str, ...] = ("h",)
    split: tuple[str, ...] = ()
    recurrent_bias: bool = False

    def forward(self, a: Arrays, previous: Arrays) -> tuple[Arrays, Arrays]:
        """Return the new state and a cache from the pre-activations and the previous state, all of one shape."""
        raise NotImplementedError(f"cell {self.name!r} has no forward; define forward(self, a, previous)")

    def backward(self, dstate: Arrays, cache: Arrays) -> tuple[Arrays, Arrays]:
        """Return the gradients of the pre-activations and of the previous state from that of the new state."""
        raise NotImplementedError(f"cell {self.name!r} has no backward; define backward(self, dstate, cache)")

    def gate_values(self, cache: Arrays) -> dict[str, Array]:
        """Return the gates in forward's cache by name, for pictures; the default returns none."""
        return {}

    def initialise(self, params: dict[str, np.ndarray], rng: np.random.Generator) -> None:
        """Change the layer's initial ``W_x``, ``W_h``, ``b`` (and ``b_h``) in place; the default changes nothing."""

    def options(self) -> dict[str, Any]:
        """Return the arguments of the class that build the cell again: ``CELLS[name](**options)``."""
        return {}

    @property
    def num_products(self) -> int:
        """The number of pre-activation arrays: one per gate, and one more per split gate."""
        return len(self.gates) + len(self.split)


class RNN(Cell):
    """The vanilla RNN (Elman 1990): ``h = tanh(a)``.

    >>> RNN().forward((np.zeros(2),), (np.zeros(2),))[0]
    (array([0., 0.]),)
    """

    name = "rnn"
    gates = ("h",)

    def forward(self, a: Arrays, previous: Arrays) -> tuple[Arrays, Arrays]:
        """Return ``h = tanh(a)``; the cache is h itself."""
        h = array_module(a[0]).tanh(a[0])
        return (h,), (h,)

    def backward(self, dstate: Arrays, cache: Arrays) -> tuple[Arrays, Arrays]:
        """Mirror forward: ``da = dh (1 - h²)``; h_prev acts through W_h alone."""
        (dh,), (h,) = dstate, cache
        da = dh * (1 - h * h)
        return (da,), (0,)


class LSTM(Cell):
    """Long short-term memory with forget gate (Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000).

    Parameters
    ----------
    forget_bias : initial bias of the forget gate; with 1 the cell keeps most of its state at first (Jozefowicz, Zaremba and
        Sutskever 2015). With the default 0 all biases are equal.

    Examples
    --------
    >>> (h, c), cache = LSTM().forward((np.zeros(1),) * 4, (np.zeros(1), np.ones(1)))
    >>> float(c[0])
    0.5
    """

    name = "lstm"
    gates = ("i", "f", "g", "o")
    state = ("h", "c")

    def __init__(self, forget_bias: float = 0.0) -> None:
        self.forget_bias = real("forget_bias", forget_bias)
        if not np.isfinite(self.forget_bias):
            raise ValueError(f"forget_bias must be finite, got {self.forget_bias}")

    def forward(self, a: Arrays, previous: Arrays) -> tuple[Arrays, Arrays]:
        """Return ``c = f c_prev + i g`` and ``h = o tanh(c)``."""
        xp = array_module(a[0])
        (a_i, a_f, a_g, a_o), (_, c_prev) = a, previous
        i, f, g, o = sigmoid(a_i), sigmoid(a_f), xp.tanh(a_g), sigmoid(a_o)
        c = f * c_prev + i * g
        tanh_c = xp.tanh(c)
        h = o * tanh_c
        return (h, c), (i, f, g, o, c_prev, c)

    def backward(self, dstate: Arrays, cache: Arrays) -> tuple[Arrays, Arrays]:
        """Mirror forward, last line first."""
        (dh, dc), (i, f, g, o, c_prev, c) = dstate, cache
        tanh_c = array_module(c).tanh(c)  # computed again: caching it takes an eighth more memory and saves no time
        do = dh * tanh_c
        dc = dc + dh * o * (1 - tanh_c * tanh_c)
        di, df, dg, dc_prev = dc * g, dc * c_prev, dc * i, dc * f
        da = (di * i * (1 - i), df * f * (1 - f), dg * (1 - g * g), do * o * (1 - o))
        return da, (0, dc_prev)

    def gate_values(self, cache: Arrays) -> dict[str, Array]:
        """Return i, f, g and o."""
        return dict(zip(self.gates, cache, strict=False))

    def initialise(self, params: dict[str, np.ndarray], rng: np.random.Generator) -> None:
        """Set the forget gate's bias."""
        H = params["W_h"].shape[1]
        params["b"][H : 2 * H] = self.forget_bias

    def options(self) -> dict[str, Any]:
        """Return the forget bias."""
        return {"forget_bias": self.forget_bias}


class GRU(Cell):
    """Gated recurrent unit (Cho et al. 2014), with the reset after the matrix product as in cuDNN and PyTorch.

    The candidate ``n = tanh(a_n + r * a_nh)`` needs its input part ``a_n = W_xn x + b_n`` and its recurrent part
    ``a_nh = W_hn h + b_h`` apart.

    >>> (h,), cache = GRU().forward((np.zeros(1),) * 4, (np.ones(1),))
    >>> float(h[0])
    0.5
    """

    name = "gru"
    gates = ("r", "z", "n")
    split = ("n",)
    recurrent_bias = True

    def forward(self, a: Arrays, previous: Arrays) -> tuple[Arrays, Arrays]:
        """Return ``h = (1 - z) n + z h_prev``."""
        xp = array_module(a[0])
        (a_r, a_z, a_n, a_nh), (h_prev,) = a, previous
        r, z = sigmoid(a_r), sigmoid(a_z)
        m = r * a_nh
        n = xp.tanh(a_n + m)
        h = n + z * (h_prev - n)
        return (h,), (r, z, n, m, h_prev)  # not a_nh: it is a view, which would keep the whole array of pre-activations

    def backward(self, dstate: Arrays, cache: Arrays) -> tuple[Arrays, Arrays]:
        """Mirror forward, last line first."""
        (dh,), (r, z, n, m, h_prev) = dstate, cache
        dn, dz, dh_prev = dh * (1 - z), dh * (h_prev - n), dh * z
        da_n = dn * (1 - n * n)
        da_r, da_nh = da_n * m * (1 - r), da_n * r  # from dr = da_n * a_nh and da_r = dr * r * (1 - r)
        da = (da_r, dz * z * (1 - z), da_n, da_nh)
        return da, (dh_prev,)

    def gate_values(self, cache: Arrays) -> dict[str, Array]:
        """Return r, z and n."""
        return dict(zip(self.gates, cache, strict=False))


CELLS: dict[str, type[Cell]] = {cell.name: cell for cell in (RNN, LSTM, GRU)}


def get_cell(cell: str | Cell) -> Cell:
    """Return the cell of a name, or the given cell, checked.

    >>> get_cell("lstm").gates
    ('i', 'f', 'g', 'o')
    """
    if isinstance(cell, type) and issubclass(cell, Cell):
        raise TypeError(f"cell must be a name or a Cell object, got the class {cell.__name__}; write {cell.__name__}()")
    if not isinstance(cell, Cell):
        return choose("cell", cell, CELLS)()
    if not cell.gates or not cell.state:
        raise ValueError(f"cell {cell.name!r} must name at least one gate and one state array")
    if unknown := [gate for gate in cell.split if gate not in cell.gates]:
        raise ValueError(f"cell {cell.name!r} splits {unknown}, which are not among its gates {cell.gates}")
    if len(set(cell.split)) < len(cell.split):
        raise ValueError(f"cell {cell.name!r} must name each gate that it splits once, got {cell.split}")
    if cell.recurrent_bias and not cell.split:
        raise ValueError(f"cell {cell.name!r} has a recurrent bias but splits no gate to add it to")
    if type(cell) is not CELLS.get(cell.name, type(cell)):
        raise ValueError(
            f"{type(cell).__name__} has the name of a built-in cell, {cell.name!r}; give it a name of its own"
        )
    return cell


def check_state(cell: Cell, new: Any, previous: Arrays) -> None:
    """Raise a TypeError where a cell's ``forward`` has not returned a tuple of states of the shapes of the previous ones."""
    given = [getattr(s, "shape", None) for s in new] if isinstance(new, tuple) else type(new).__name__
    if given != [s.shape for s in previous]:
        raise TypeError(
            f"forward of cell {cell.name!r} must return a tuple of its states {cell.state}, arrays of shape "
            f"{previous[0].shape}, got {given if isinstance(given, str) else f'a tuple of {given}'}"
        )
