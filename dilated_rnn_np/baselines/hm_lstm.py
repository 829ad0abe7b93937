"""The hierarchical multiscale LSTM: levels that find their own time scales by detecting boundaries.

Level l reads the level below only where that level has detected a boundary, ``z^{l-1}_t = 1``; otherwise it copies its state to
the next step. After a boundary of its own it restarts (Chung, Ahn and Bengio 2017, "Hierarchical multiscale recurrent neural
networks", section 3). A boundary is a step function, whose derivative is 0 almost everywhere; backward uses the derivative of
the hard sigmoid instead (straight-through estimator, section 3.3). **The gradient is therefore an estimate, and no difference
quotient agrees with it**; with ``relaxed=True`` the step is left out and the gradient is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arrays.backend import Array, array_module
from ..arrays.checks import positive, positive_integer
from ..nets.layer import Params
from ..nets.summary import LayerSummary
from ..recurrence.cells import Arrays, sigmoid
from ..recurrence.init import Scheme, draw_blocks
from ..theory.graphs import Graph, hierarchical_stack
from .base import ComparedSystem
from .recurrent import RecurrentCache, RecurrentLayer, StepGrads


class HMLSTM(ComparedSystem):
    """A hierarchical multiscale LSTM.

    The levels form one layer, since each reads the level below at the same step and the level above at the previous step. The
    outputs of the layer are the h of all levels, L*H numbers, lowest level first. Two parts of the paper differ: the library's
    linear read-out of all levels replaces the output module, a gated sum of the levels through a rectified embedding; and the
    layer normalisation of the paper's language models is left out. A boundary detector is evaluated at every step, also at
    COPY, where it reads only the level's own state.

    Parameters
    ----------
    hidden_size : H, of each level. levels : L, at least 2; the top level detects no boundaries.
    slope : a of the hard sigmoid ``max(0, min(1, (a s + 1) / 2))``; see ``anneal``.
    relaxed : whether a boundary is the hard sigmoid itself, between 0 and 1, instead of a step at 1/2; such a network has exact
        gradients, for gradient checks. input_size, options : as in ``DilatedRNN``.

    Examples
    --------
    >>> model = HMLSTM(1, 8, 3, output_size=5)
    >>> output, state, _ = model.forward(np.ones((20, 4, 1), "float32"))
    >>> output.shape, [s.shape for s in state[0]]
    ((4, 5), [(1, 4, 24), (1, 4, 24), (1, 4, 2)])
    """

    annealed = ("slope",)
    settings = ("levels", "slope", "relaxed")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        levels: int,
        *,
        slope: float = 1.0,
        relaxed: bool = False,
        **options: Any,
    ) -> None:
        if not isinstance(relaxed, (bool, np.bool_)):
            raise TypeError(f"relaxed must be True or False, got {relaxed!r} ({type(relaxed).__name__})")
        if np.ndim(hidden_size):
            raise TypeError(f"hidden_size must be one whole number, the size of all levels, got {hidden_size!r}")
        self.levels, self.relaxed = positive_integer("levels", levels, least=2), bool(relaxed)
        self.level_size = positive_integer("hidden_size", hidden_size)
        D, size = positive_integer("input_size", input_size), self.levels * self.level_size
        super().__init__([HMLSTMLayer(D, size, self.levels, positive("slope", slope), self.relaxed)], **options)

    @property
    def slope(self) -> float:
        """The slope a of the boundary detectors; ``backward`` refuses a cache that was made with another slope."""
        return self.layers[0].slope  # type: ignore[attr-defined]

    @slope.setter
    def slope(self, slope: float) -> None:
        layer = replace(self.layers[0], slope=positive("slope", slope))  # type: ignore[type-var]
        self.stack = replace(self.stack, layers=(layer,))

    def anneal(self, epoch: int) -> float:
        """Set the slope to ``min(5, 1 + 0.04 epoch)``, the schedule of the paper's language models, and return it.

        A steeper hard sigmoid is closer to the step, so the gradient's estimate improves. The callback ``Annealing`` calls this.

        Parameters
        ----------
        epoch : the number of completed passes through the training data, at least 0.

        Examples
        --------
        >>> model = HMLSTM(1, 8, 2, output_size=1)
        >>> model.anneal(2)
        1.08
        """
        self.slope = min(5.0, 1 + 0.04 * positive_integer("epoch", epoch, least=0))
        return self.slope

    def config(self) -> dict[str, Any]:
        """Return the arguments that build a model of the same architecture, as plain numbers and words."""
        return super().config() | {"hidden_size": self.level_size}

    def graph(self) -> Graph:
        """Return the graph of all possible edges; the boundaries decide which of them are used."""
        return hierarchical_stack(self.levels)

    def layer_summaries(self) -> list[LayerSummary]:
        """Return the number of levels, and the steps that the layer reads."""
        label = f"{self.levels} levels"
        return [LayerSummary("hm-lstm", label, 1, f"t-1, t-2, … in {label} of {self.level_size}")]


@dataclass
class LevelCache:
    """The data of one level and step for backward: arrays (B, H), and (B, 1) for the boundaries."""

    h_below: Array  # (B, D) at the lowest level
    z_below: Any  # 1 at the lowest level
    z_prev: Any  # 0 at the top level
    gates: Arrays  # f, i, o and g
    tanh_c: Array
    z_soft: Array | None  # None at the top level


@dataclass(frozen=True)
class HMLSTMLayer(RecurrentLayer):
    """All levels of a hierarchical multiscale LSTM, one step at a time; ``hidden_size`` is L*H.

    The state holds h and c of all levels, (1, B, L*H) each, and the boundaries z of all levels except the top, (1, B, L-1).

    The weights of level l have H rows for each of f, i, o and g, and one row for its boundary detector: ``levels.l.W (4*H+1, H)``
    reads the level below ((4*H+1, D) at the lowest level, which reads x), ``levels.l.U (4*H+1, H)`` the level itself, and
    ``levels.l.V (4*H+1, H)`` the level above; the bias is ``levels.l.b (4*H+1,)``. The top level has no V and only 4*H rows.
    """

    levels: int
    slope: float
    relaxed: bool

    @property
    def level_size(self) -> int:
        """H, the units of a level."""
        return self.hidden_size // self.levels

    def state_shapes(self, batch_size: int) -> list[tuple[int, ...]]:
        """Return (1, B, L*H) for h and c, and (1, B, L-1) for z."""
        return [(1, batch_size, n) for n in (self.hidden_size, self.hidden_size, self.levels - 1)]

    @property
    def num_parameters(self) -> int:
        """How many numbers W, U, V and b of all levels hold."""
        H, total = self.level_size, 0
        for l in range(self.levels):
            top, D = l == self.levels - 1, self.input_size if l == 0 else H
            total += 4 * H * (D + H + 1) if top else (4 * H + 1) * (D + 2 * H + 1)
        return total

    def initial_params(self, rng: np.random.Generator, input_init: Scheme, recurrent_init: Scheme) -> Params:
        """Draw each gate block for itself, ``V`` with the scheme of ``W``; biases are 0."""
        H, params = self.level_size, {}
        for l in range(self.levels):
            top, D = l == self.levels - 1, self.input_size if l == 0 else H
            heights = [H] * 4 if top else [H] * 4 + [1]  # the rows of f, i, o, g, and the boundary
            params[f"levels.{l}.W"] = draw_blocks(rng, input_init, heights, D)
            params[f"levels.{l}.U"] = draw_blocks(rng, recurrent_init, heights, H)
            if not top:
                params[f"levels.{l}.V"] = draw_blocks(rng, input_init, heights, H)
            params[f"levels.{l}.b"] = np.zeros(sum(heights))
        return params

    def step(self, params: Params, x: Array, previous: Arrays) -> tuple[Arrays, Any]:
        """Run all levels for one time step, the lowest first; see ``RecurrentLayer.step``.

        One sum covers the paper's three operations. With boundaries of 0 or 1 it selects one of them: FLUSH after a boundary of
        the level itself, UPDATE at a boundary of the level below, COPY otherwise.
        """
        xp, H, (h_all, c_all, z_all) = array_module(x), self.level_size, [s[0] for s in previous]
        hs, cs, zs, caches = [], [], [], []
        h, z = x, 1.0  # x acts as a level with a boundary at every step
        for l in range(self.levels):
            W, U, V, b = self._params_of(params, l)
            own, above = self._columns(l), self._columns(l + 1)
            h_prev, c_prev = h_all[:, own], c_all[:, own]  # (B, H)
            h_below, z_below, z_prev = h, z, 0.0 if V is None else z_all[:, l : l + 1]  # (B, H or D), (B, 1), (B, 1)
            a = h_prev @ U.T + z_below * (h_below @ W.T) + b  # (B, 4*H or 4*H+1)
            if V is not None:
                a = a + z_prev * (h_all[:, above] @ V.T)
            f, i, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
            g = xp.tanh(a[:, 3 * H : 4 * H])  # (B, H)
            flush, update, copy = z_prev, (1 - z_prev) * z_below, (1 - z_prev) * (1 - z_below)  # (B, 1)
            c = flush * (i * g) + update * (f * c_prev + i * g) + copy * c_prev
            tanh_c = xp.tanh(c)
            h = copy * h_prev + (1 - copy) * (o * tanh_c)
            z_soft = None if V is None else _hard_sigmoid(xp, self.slope * a[:, 4 * H :])  # (B, 1)
            if z_soft is not None:
                z = z_soft if self.relaxed else (z_soft.real > 0.5).astype(a.dtype)
                zs.append(z)
            hs.append(h)
            cs.append(c)
            caches.append(LevelCache(h_below, z_below, z_prev, (f, i, o, g), tanh_c, z_soft))
        return tuple(xp.concatenate(arrays, axis=1) for arrays in (hs, cs, zs)), caches

    def step_backward(self, params: Params, x: Array, previous: Arrays, cache: Any, grads: StepGrads) -> Array:
        """Mirror ``step``, top level and last line first.

        Each level adds its gradients with respect to the level below to ``grads.new`` in place.
        The gradient passes straight through the step from ``z_soft`` to z: ``dz_soft = dz``.
        """
        xp, (h_all, c_all, _) = array_module(x), [s[0] for s in previous]
        dh_all, dc_all, dz_all = grads.new
        dh_before, dc_before, dz_before = [ds[0] for ds in grads.previous]
        for l in reversed(range(self.levels)):
            W, U, V, _ = self._params_of(params, l)
            dW, dU, dV, db = self._params_of(grads.params, l)
            own, above = self._columns(l), self._columns(l + 1)
            k, h_prev, c_prev = cache[l], h_all[:, own], c_all[:, own]
            f, i, o, g = k.gates
            flush, update, copy = k.z_prev, (1 - k.z_prev) * k.z_below, (1 - k.z_prev) * (1 - k.z_below)
            dh, dc = dh_all[:, own], dc_all[:, own]
            # h = copy * h_prev + (1 - copy) * (o * tanh_c)
            dcopy = _total(dh * (h_prev - o * k.tanh_c))  # (B, 1)
            dh_prev, do = copy * dh, (1 - copy) * dh * k.tanh_c
            dc = dc + (1 - copy) * dh * o * (1 - k.tanh_c * k.tanh_c)
            # c = flush * (i * g) + update * (f * c_prev + i * g) + copy * c_prev
            dflush, dupdate = _total(dc * (i * g)), _total(dc * (f * c_prev + i * g))
            dcopy = dcopy + _total(dc * c_prev)
            dc_before[:, own] += (update * f + copy) * dc
            df, di, dg = update * dc * c_prev, (flush + update) * dc * g, (flush + update) * dc * i
            # flush, update, copy = z_prev, (1 - z_prev) * z_below, (1 - z_prev) * (1 - z_below)
            dz_prev = dflush - k.z_below * dupdate - (1 - k.z_below) * dcopy
            dz_below = (1 - k.z_prev) * (dupdate - dcopy)
            da = [df * f * (1 - f), di * i * (1 - i), do * o * (1 - o), dg * (1 - g * g)]
            if k.z_soft is not None:
                dz_soft = dz_all[:, l : l + 1]  # without the derivative of the step: the straight-through estimate
                da.append(dz_soft * self.slope / 2 * ((k.z_soft.real > 0) & (k.z_soft.real < 1)))
            da = xp.concatenate(da, axis=1)  # (B, 4*H or 4*H+1)
            # a = h_prev @ U.T + z_below * (h_below @ W.T) + b + z_prev * (h_above @ V.T)
            if V is not None:
                h_above, from_above = h_all[:, above], da @ V  # (B, H)
                dV += (k.z_prev * da).T @ h_above
                dh_before[:, above] += k.z_prev * from_above
                dz_before[:, l : l + 1] += dz_prev + _total(from_above * h_above)
            db += da.sum(axis=0)
            from_below = da @ W  # (B, H or D)
            dW += (k.z_below * da).T @ k.h_below
            dU += da.T @ h_prev
            dh_before[:, own] += dh_prev + da @ U
            if l > 0:
                dh_all[:, self._columns(l - 1)] += k.z_below * from_below
                dz_all[:, l - 1 : l] += dz_below + _total(from_below * k.h_below)
        return from_below

    def gate_values(self, cache: RecurrentCache) -> dict[str, Array]:
        """Return the boundaries, (L-1, T*B)."""
        return {"z": cache.buffers[2][1:].reshape(-1, self.levels - 1).T}  # (T, B, L-1) -> (L-1, T*B)

    def _params_of(self, params: Params, l: int) -> tuple[Array, Array, Array | None, Array]:
        """Return W, U, V and b of a level; V is None at the top."""
        level = f"levels.{l}."
        return params[level + "W"], params[level + "U"], params.get(level + "V"), params[level + "b"]

    def _columns(self, l: int) -> slice:
        """Return the columns of h and c of a level."""
        return slice(l * self.level_size, (l + 1) * self.level_size)


def _hard_sigmoid(xp: Any, a: Array) -> Array:
    """Return ``max(0, min(1, (a + 1) / 2))``; for complex numbers the real part decides."""
    y = (a + 1) / 2
    return xp.where(y.real <= 0, 0, xp.where(y.real >= 1, 1, y))


def _total(terms: Array) -> Array:
    """Return the sum over a row's units, (B, H) -> (B, 1)."""
    return terms.sum(axis=1, keepdims=True)
