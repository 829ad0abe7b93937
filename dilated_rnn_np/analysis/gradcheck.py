"""Gradient checks: directional derivatives by complex step and by central differences, compared array by array.

For a scalar function f, an array p and a direction v, the hand-written gradient g must give ``<g, v>``. The complex step
``Im f(p + i h v) / h`` (Squire and Trapp 1998) subtracts nothing, so it is exact to rounding; central differences
``(f(p + h v) - f(p - h v)) / 2h`` lose digits, but need only float64. The error is measured against ``|g| |v|``, never
against an absolute number: a wrong gradient that is small would pass such a test.

The complex step holds for analytic operations. It does not hold for ``abs``, norms, ``max``, ``conj``, ``real`` or comparisons
of complex numbers, nor for a ReLU at its tie; write a ReLU as ``a * (a.real > 0)`` and it holds away from 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.checks import checked_rng, choose
from ..nets.network import Network
from ..training.losses import Loss, loss_of

Arrays = dict[str, np.ndarray]
Function = Callable[[Arrays], tuple[Any, Arrays]]  # arrays -> (scalar, gradients by the same names)

TOLERANCES = {"complex": 1e-12, "central": 1e-6}  # relative to |gradient| |direction|
METHODS = {"complex": ("complex",), "central": ("central",), "both": ("complex", "central")}


def check(
    target: Network | Function,
    x: Any = None,
    state: Any = None,
    lengths: Any = None,
    *,
    targets: Any = None,
    loss: Loss | None = None,
    method: str = "both",
    rng: int | np.random.Generator = 0,
    tolerances: dict[str, float] | None = None,
) -> dict[str, float]:
    """Check the gradients of a model, or of any scalar function, and return the error of each array.

    Parameters
    ----------
    target : a model; or a function from a dict of arrays to ``(value, gradients)``, given float64 arrays. For a complex step
        they are complex128, and only the value is asked for: the gradients may then be an empty dict.
    x : for a model its input, (T, B, D), random with T = 7 and B = 3 where None; for a function the dict of arrays.
    state, lengths : for a model, as in ``forward``; the gradient of the state is checked too, at random where None.
    targets, loss : for a model, ends the chain in ``loss(output, targets, lengths)``; without them it ends in a random
        projection of the output. A random projection of the returned state is added, so that ``dstate`` is checked.
    method : "complex", "central" or "both".
    rng : seed of directions and projections. tolerances : by method, in place of 1e-12 and 1e-6.

    Returns
    -------
    errors : the largest relative error of each array over the methods used; 0 where both are exactly 0.

    Raises
    ------
    AssertionError : names each array that is wrong, with the cell and the dilation of its layer, and by how much.

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
    rng = checked_rng("rng", rng)
    methods = choose("method", method, METHODS)
    limits = TOLERANCES | (tolerances or {})
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
    wrong: list[str] = []
    for name, array in arrays.items():
        if name not in grads or np.shape(grads[name]) != array.shape:
            got = "is missing" if name not in grads else f"has shape {np.shape(grads[name])}"
            raise AssertionError(f"the gradient of {describe(name)} {got}; expected shape {array.shape}")
        direction = rng.standard_normal(array.shape)
        errors[name] = 0.0
        for used in methods:
            error = _error(used, function, arrays, name, direction, grads[name])
            errors[name] = max(errors[name], error)
            if not error <= limits[used]:
                by = {"complex": "complex step", "central": "central differences"}[used]
                wrong.append(f"  {describe(name)}: relative error {error:.2g} by {by} (tolerance {limits[used]:g})")
    if wrong:
        names = {line.split(":")[0] for line in wrong}
        raise AssertionError(f"the gradient of {len(names)} of {len(arrays)} arrays is wrong:\n" + "\n".join(wrong))
    return errors


def directional_derivative(method: str, function: Function, arrays: Arrays, name: str, direction: np.ndarray) -> float:
    """Return the derivative of a scalar function along a direction of one of its arrays, by differences alone.

    Parameters
    ----------
    method : "complex" or "central". function, arrays : as in ``check``. name : the array that moves.
    direction : of the array's shape.

    Examples
    --------
    >>> cube = lambda arrays: ((arrays["p"] ** 3).sum(), {})
    >>> directional_derivative("complex", cube, {"p": np.array([2.0])}, "p", np.array([1.0]))
    12.0
    """

    def value(step: complex) -> Any:
        return function({**arrays, name: arrays[name] + step * direction})[0]

    if choose("method", method, TOLERANCES) and method == "complex":
        h = 1e-30  # so small that h² vanishes beside 1; nothing is subtracted, so nothing cancels
        return float(np.imag(value(1j * h)) / h)
    # Two central differences, weighed so that the error in h² cancels: it falls with h⁴, and h can be large (Richardson).
    h = 3e-4 / max(1.0, float(np.abs(direction).max(initial=0)))
    near, far = value(h) - value(-h), value(2 * h) - value(-2 * h)
    return float((8 * near - far) / (12 * h))


def _error(
    method: str, function: Function, arrays: Arrays, name: str, direction: np.ndarray, grad: np.ndarray
) -> float:
    """Return ``|<g, v> - derivative| / (|g| |v|)``; 0 where both are exactly 0."""
    numeric = directional_derivative(method, function, arrays, name, direction)
    difference = abs(float(np.sum(grad * direction)) - numeric)
    scale = float(np.linalg.norm(grad) * np.linalg.norm(direction))
    if difference == 0:
        return 0.0
    return difference / scale if scale > 0 else float("inf")


def _of_model(
    model: Network, x: Any, state: Any, lengths: Any, targets: Any, loss: Loss | None, rng: np.random.Generator
) -> tuple[Function, Arrays]:
    """Return the scalar ``loss(output) + <w, returned state>`` as a function of parameters, input and given state."""
    if (targets is None) != (loss is None):
        raise TypeError("targets and loss go together: give both, or neither for a random projection of the output")
    model = model.to("numpy").astype("float64")
    x = rng.standard_normal((7, 3, model.input_size)) if x is None else np.asarray(x, np.float64)
    if state is None:
        state = [tuple(rng.standard_normal(a.shape) for a in entry) for entry in model.zero_state(x.shape[1])]
    arrays = dict(model.params) | {"x": x}
    arrays |= {
        f"state.{i}.{j}": np.asarray(a, np.float64) for i, entry in enumerate(state) for j, a in enumerate(entry)
    }
    output, end, _ = model.forward(x, state, lengths, keep=False)  # wrong input is refused here
    u = rng.standard_normal(output.shape)
    w = [tuple(rng.standard_normal(a.shape) for a in entry) for entry in end]

    def function(arrays: Arrays) -> tuple[Any, Arrays]:
        twin = model.astype(np.result_type(*arrays.values()))
        twin.params |= {name: arrays[name] for name in model.params}
        given = [tuple(arrays[f"state.{i}.{j}"] for j in range(len(entry))) for i, entry in enumerate(state)]
        output, end, cache = twin.forward(arrays["x"], given, lengths)
        if loss is None:
            value, doutput = (u * output).sum(), u
        else:
            value, doutput = loss_of(loss, output, targets, lengths)
        value = value + sum((b * a).sum() for e, f in zip(end, w, strict=True) for a, b in zip(e, f, strict=True))
        if np.iscomplexobj(value):
            return value, {}  # a complex step asks for the value alone
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
