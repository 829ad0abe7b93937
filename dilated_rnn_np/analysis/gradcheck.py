"""Gradient checks: directional derivatives by complex step and by central differences, compared array by array.

For a scalar function f, an array p and a direction v, the hand-written gradient g must give ``<g, v>``. The complex step
``Im f(p + i h v) / h`` (Squire and Trapp 1998) subtracts nothing, so it is exact to rounding. Central differences
``(f(p + h v) - f(p - h v)) / 2h`` lose digits, but need only float64. The error is relative to ``|g| |v|``, because a wrong
gradient that is small would pass an absolute tolerance.

The complex step holds only for analytic operations. It does not hold for ``abs``, norms, ``max``, ``conj``, ``real`` or
comparisons of complex numbers, nor for a ReLU at its kink; a ReLU written as ``a * (a.real > 0)`` is analytic away from 0.
Use ``method="central"`` for functions that contain such operations.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..arrays.checks import choose, one_of, positive
from ..arrays.inputs import unmasked
from ..arrays.streams import checked_rng
from ..nets.network import Network
from ..nets.stack import State
from ..training.losses import Loss
from .objective import objective

Arrays = dict[str, np.ndarray]
Function = Callable[[Arrays], tuple[Any, Arrays]]  # arrays -> (scalar, gradients by the same names)

TOLERANCES = {"complex": 1e-12, "central": 1e-6}  # relative to |gradient| |direction|
METHODS = {"complex": ("complex",), "central": ("central",), "both": ("complex", "central")}
NAMES = {"complex": "complex step", "central": "central differences"}
NOT_ANALYTIC = (
    "central differences agree with the gradient of {}, so the complex step is at fault there: the function contains an "
    "operation without a complex step, such as abs, max, a norm or conj; use method='central'"
)


def check(
    target: Network | Function,
    x: Any = None,
    state: Any = None,
    lengths: Any = None,
    *,
    targets: Any = None,
    loss: Loss | str | None = None,
    method: str = "both",
    rng: int | np.random.Generator = 0,
    tolerances: dict[str, float] | None = None,
) -> dict[str, float]:
    """Check the gradients of a model, or of any scalar function, and return the error of each array.

    Parameters
    ----------
    target : a model; or a function from a dict of float64 arrays to ``(value, gradients)``. A complex step calls it with
        complex128 arrays and uses only the value; the gradients may then be an empty dict.
    x : for a model the input, (T, B, D), by default random with T = 7 and B = 3; for a function the dict of arrays.
    state, lengths : for a model, as in ``forward``; the gradient of the state is checked too, at a random state by default.
    targets, loss : for a model, as in ``fit``; without them the value is a random projection of the output. A random projection
        of the returned state is added, so that ``dstate`` is checked.
    method : "complex", "central" or "both".
    rng : seed of directions and projections. tolerances : by method, replacing 1e-12 for "complex" and 1e-6 for "central".

    Returns
    -------
    errors : the largest relative error of each array over the methods used; 0 where gradient and difference are both 0.

    Raises
    ------
    AssertionError : names each wrong array, with its error and with the cell and the dilation of its layer, and says where only
        the complex step disagrees because the function is not analytic.
    TypeError : where the function cannot compute with complex numbers.

    Examples
    --------
    >>> from dilated_rnn_np import DilatedRNN
    >>> errors = check(DilatedRNN(2, 3, [1, 2], cell="gru", output_size=2))
    >>> max(errors.values()) < 1e-6
    True
    >>> check(lambda arrays: ((arrays["p"] ** 3).sum(), {"p": 2 * arrays["p"]}), {"p": np.ones(2)}, method="complex")
    Traceback (most recent call last):
    AssertionError: the gradient of 1 of 1 arrays is wrong:
      p: relative error ... by complex step (tolerance 1e-12)
    """
    rng = checked_rng("rng", rng, "analysis")
    methods = choose("method", method, METHODS)
    limits = dict(TOLERANCES)
    if not isinstance(tolerances, (dict, type(None))):
        raise TypeError(f"tolerances must be a dict such as {{'central': 1e-6}}, got {tolerances!r}")
    for name, tolerance in (tolerances or {}).items():
        limits[one_of("method in tolerances", name, TOLERANCES)] = positive(f"tolerances[{name!r}]", tolerance)
    if isinstance(target, Network):
        function, arrays = _of_model(target, x, state, lengths, targets, loss, rng)
    elif not callable(target):
        raise TypeError(f"check takes a network or a function, got {type(target).__name__}")
    elif not isinstance(x, dict) or not x:
        raise TypeError(f"a function is checked at a dict of arrays, such as {{'p': array}}, got {type(x).__name__}")
    else:
        function, arrays = target, {name: np.asarray(unmasked(name, a), np.float64) for name, a in x.items()}

    _, grads = function({name: a.copy() for name, a in arrays.items()})
    errors: dict[str, float] = {}
    lines: list[str] = []  # one per array and method that disagree
    wrong: set[str] = set()
    not_analytic: list[str] = []
    for name, array in arrays.items():
        label = _label(target, name)
        got = np.shape(grads[name]) if name in grads else "none"
        if got != array.shape:
            raise AssertionError(f"the gradient of {label} must have shape {array.shape}, got {got}")
        direction = rng.standard_normal(array.shape)
        error_by = partial(_error, function, arrays, name, direction, grads[name])
        found = {used: error_by(used) for used in methods}
        errors[name] = max(found.values())
        for used, error in found.items():
            if not error <= limits[used]:  # NaN counts as wrong
                wrong.add(name)
                lines.append(f"  {label}: relative error {error:.2g} by {NAMES[used]} (tolerance {limits[used]:g})")
        if not found.get("complex", 0) <= limits["central"]:  # large enough for central differences to see it
            central = found["central"] if "central" in found else error_by("central")
            if central <= limits["central"]:
                not_analytic.append(name)
    if not_analytic:
        lines.append(NOT_ANALYTIC.format(", ".join(not_analytic)))
    if wrong:
        raise AssertionError("\n".join([f"the gradient of {len(wrong)} of {len(arrays)} arrays is wrong:", *lines]))
    return errors


def directional_derivative(method: str, function: Function, arrays: Arrays, name: str, direction: np.ndarray) -> float:
    """Return the derivative of a scalar function along a direction of one of its arrays, from values of the function alone.

    ``method`` is "complex" or "central", ``direction`` has the shape of ``arrays[name]``, and the rest is as in ``check``.

    >>> cube = lambda arrays: ((arrays["p"] ** 3).sum(), {})
    >>> directional_derivative("complex", cube, {"p": np.array([2.0])}, "p", np.array([1.0]))
    12.0
    """

    def value(step: complex) -> Any:
        return function({**arrays, name: arrays[name] + step * direction})[0]

    choose("method", method, TOLERANCES)
    if method == "complex":
        h = 1e-30  # so small that h² vanishes beside 1; nothing is subtracted, so no digits cancel
        try:
            return float(np.imag(value(1j * h)) / h)
        except TypeError as error:
            raise TypeError(f"no complex step through this function: {error}; use method='central'") from error
    # Two central differences, weighted so that the error in h² cancels: it falls with h⁴, so h can be large (Richardson).
    h = 3e-4 / max(1.0, float(np.abs(direction).max(initial=0)))
    near, far = value(h) - value(-h), value(2 * h) - value(-2 * h)
    return float((8 * near - far) / (12 * h))


def _error(
    function: Function, arrays: Arrays, name: str, direction: np.ndarray, grad: np.ndarray, method: str
) -> float:
    """Return ``|<g, v> - derivative| / (|g| |v|)``; 0 where numerator and denominator are exactly 0."""
    numeric = directional_derivative(method, function, arrays, name, direction)
    difference = abs(float(np.sum(grad * direction)) - numeric)
    scale = float(np.linalg.norm(grad) * np.linalg.norm(direction))
    if difference == 0:
        return 0.0
    return difference / scale if scale > 0 else float("inf")


def _of_model(
    model: Network, x: Any, state: Any, lengths: Any, targets: Any, loss: Loss | str | None, rng: np.random.Generator
) -> tuple[Function, Arrays]:
    """Return the scalar ``objective(output) + <w, returned state>`` as a function of parameters, input and given state."""
    model = model.to("numpy").astype("float64")
    x = rng.standard_normal((7, 3, model.input_size)) if x is None else np.asarray(unmasked("x", x), np.float64)
    if state is None:
        state = _random_like(model.zero_state(x.shape[1]), rng)
    arrays = model.params | {"x": x} | {name: np.asarray(a, np.float64) for name, a in _by_name(state).items()}
    output, end, _ = model.forward(x, state, lengths, keep=False)  # raises for wrong input
    value_of = objective(output, targets, loss, lengths, rng)
    w = _random_like(end, rng)

    def function(arrays: Arrays) -> tuple[Any, Arrays]:
        twin = model.astype(np.result_type(*arrays.values()))
        twin.params |= {name: arrays[name] for name in model.params}
        given = [tuple(arrays[f"state.{i}.{j}"] for j in range(len(entry))) for i, entry in enumerate(state)]
        output, end, cache = twin.forward(arrays["x"], given, lengths)
        value, doutput = value_of(output)
        value = value + sum((b * a).sum() for e, f in zip(end, w, strict=True) for a, b in zip(e, f, strict=True))
        if np.iscomplexobj(value):
            return value, {}  # a complex step uses the value alone
        assert cache is not None
        dx, dstate, grads = twin.backward(doutput, cache, w)
        return value, grads | {"x": dx} | _by_name(dstate)

    return function, arrays


def _random_like(state: State, rng: np.random.Generator) -> State:
    return [tuple(rng.standard_normal(a.shape) for a in entry) for entry in state]


def _by_name(state: State) -> Arrays:
    """Return the arrays of a state by name, "state.0.1" for the second array of the first layer."""
    return {f"state.{i}.{j}": a for i, entry in enumerate(state) for j, a in enumerate(entry)}


def _label(target: Network | Function, name: str) -> str:
    """Return an array's name, with the cell and dilation of its layer in a model: "layers.2.W_h, lstm, dilation 4"."""
    owner, *index = name.split(".")
    if isinstance(target, Network) and owner in ("layers", "state") and int(index[0]) < len(target.layers):
        layer = target.layer_summaries()[int(index[0])]
        return f"{name}, {layer.kind}, {layer.label}"
    return name
