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
from typing import Any

import numpy as np

from ..arrays.checks import choose
from ..arrays.streams import checked_rng
from ..nets.network import Network
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
    target : a model; or a function from a dict of float64 arrays to ``(value, gradients)``. A complex step calls the function
        with complex128 arrays and uses only the value; the gradients may then be an empty dict.
    x : for a model the input, (T, B, D), by default random with T = 7 and B = 3; for a function the dict of arrays.
    state, lengths : for a model, as in ``forward``; the gradient of the state is checked too, at a random state by default.
    targets, loss : for a model, the value is ``loss(output, targets, lengths)``, with the loss a function or a name, as in
        ``fit``. Without them it is a random projection of the output. A random projection of the returned state is added, so
        that ``dstate`` is checked.
    method : "complex", "central" or "both".
    rng : seed of directions and projections. tolerances : by method, replacing 1e-12 for "complex" and 1e-6 for "central".

    Returns
    -------
    errors : the largest relative error of each array over the methods used; 0 where gradient and difference are both 0.

    Raises
    ------
    AssertionError : names each wrong array, with its error and with the cell and the dilation of its layer. It also says
        where only the complex step disagrees because the function is not analytic.
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
    for name, tolerance in (tolerances or {}).items():
        choose("method in tolerances", name, TOLERANCES)
        limits[name] = tolerance
    if isinstance(target, Network):
        function, arrays = _of_model(target, x, state, lengths, targets, loss, rng)
        describe = _describer(target)
    elif callable(target):
        if not isinstance(x, dict) or not x:
            raise TypeError(
                f"a function is checked at a dict of arrays, check(function, {{'p': array}}), got {type(x).__name__}"
            )
        function, arrays, describe = target, {name: np.asarray(a, np.float64) for name, a in x.items()}, str
    else:
        raise TypeError(f"check takes a network or a function, got {type(target).__name__}")

    _, grads = function({name: a.copy() for name, a in arrays.items()})
    errors: dict[str, float] = {}
    wrong: dict[str, str] = {}  # by array, one line per method that disagrees
    not_analytic: list[str] = []
    for name, array in arrays.items():
        if name not in grads or np.shape(grads[name]) != array.shape:
            got = "is missing" if name not in grads else f"has shape {np.shape(grads[name])}"
            raise AssertionError(f"the gradient of {describe(name)} {got}; expected shape {array.shape}")
        direction = rng.standard_normal(array.shape)
        found = {used: _error(used, function, arrays, name, direction, grads[name]) for used in methods}
        errors[name] = max(found.values())
        lines = [
            f"  {describe(name)}: relative error {error:.2g} by {NAMES[used]} (tolerance {limits[used]:g})"
            for used, error in found.items()
            if not error <= limits[used]  # NaN counts as wrong
        ]
        if lines:
            wrong[name] = "\n".join(lines)
        if not found.get("complex", 0) <= limits["central"]:  # large enough for central differences to see it
            if "central" not in found:
                found["central"] = _error("central", function, arrays, name, direction, grads[name])
            if found["central"] <= limits["central"]:
                not_analytic.append(name)
    if wrong:
        hint = [NOT_ANALYTIC.format(", ".join(not_analytic))] if not_analytic else []
        raise AssertionError(
            "\n".join([f"the gradient of {len(wrong)} of {len(arrays)} arrays is wrong:", *wrong.values(), *hint])
        )
    return errors


def directional_derivative(method: str, function: Function, arrays: Arrays, name: str, direction: np.ndarray) -> float:
    """Return the derivative of a scalar function along a direction of one of its arrays, from values of the function alone.

    Parameters
    ----------
    method : "complex" or "central". function, arrays : as in ``check``. name : the array to move. direction : of its shape.

    Raises
    ------
    TypeError : where a complex step is taken of a function that cannot compute with complex numbers.

    Examples
    --------
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
    method: str, function: Function, arrays: Arrays, name: str, direction: np.ndarray, grad: np.ndarray
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
    x = rng.standard_normal((7, 3, model.input_size)) if x is None else np.asarray(x, np.float64)
    if state is None:
        state = [tuple(rng.standard_normal(a.shape) for a in entry) for entry in model.zero_state(x.shape[1])]
    arrays = dict(model.params) | {"x": x}
    arrays |= {
        f"state.{i}.{j}": np.asarray(a, np.float64) for i, entry in enumerate(state) for j, a in enumerate(entry)
    }
    output, end, _ = model.forward(x, state, lengths, keep=False)  # raises for wrong input
    value_of = objective(output, targets, loss, lengths, rng)
    w = [tuple(rng.standard_normal(a.shape) for a in entry) for entry in end]

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
        dgiven = {f"state.{i}.{j}": a for i, entry in enumerate(dstate) for j, a in enumerate(entry)}
        return value, grads | {"x": dx} | dgiven

    return function, arrays


def _describer(model: Network) -> Callable[[str], str]:
    """Return the function that adds a layer's cell and dilation to an array's name: "layers.2.W_h, lstm, dilation 4"."""

    def describe(name: str) -> str:
        owner, _, rest = name.partition(".")
        index = rest.partition(".")[0]
        if owner in ("layers", "state") and int(index) < len(model.layers):
            layer = model.layer_summaries()[int(index)]
            return f"{name}, {layer.kind}, {layer.label}"
        return name

    return describe
