"""Optimisers: SGD with momentum, RMSProp, Adam and AdamW; gradient clipping; learning-rate schedules.

An optimiser changes the parameters in place, each update as in its paper. Its state holds arrays for each parameter name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.backend import Array, array_module
from ..arrays.checks import choose, fraction, positive, positive_integer, real
from ..arrays.inputs import finite, numeric, unmasked

Params = dict[str, Array]
Schedule = Callable[[int], float]  # step, counted from 0 -> learning rate


class Optimizer:
    """The base of all optimisers, on live parameters such as ``model.params``, with a learning rate or its schedule."""

    slots: tuple[str, ...] = ()  # the names of each parameter's state arrays
    settings: tuple[str, ...] = ()  # the names of the settings beside the learning rate; each is also an attribute

    def __init__(self, params: Params, lr: float | Schedule) -> None:
        if not isinstance(params, dict) or not params:
            raise TypeError(f"params must be a dict of arrays, as model.params, got {type(params).__name__}")
        for name, p in params.items():
            _check_floats(f"params[{name!r}]", p)
        self.params = params
        self.lr: float | Schedule = lr if callable(lr) else positive("lr", lr)
        self.steps = 0
        self.state: dict[str, Params] = {
            name: {slot: array_module(p).zeros_like(p) for slot in self.slots} for name, p in params.items()
        }

    def learning_rate(self) -> float:
        """Return the learning rate of the next step."""
        if not callable(self.lr):
            return self.lr
        rate = real(f"lr at step {self.steps}", self.lr(self.steps))
        if not 0 <= rate < math.inf:
            raise ValueError(f"lr at step {self.steps} must be a finite number of at least 0, got {rate}")
        return rate

    def step(self, grads: Params) -> None:
        """Change every parameter in place by one step against its gradient.

        Gradients that do not fit the parameters or are not finite raise first, and leave every parameter as it was.
        """
        self._check(grads)
        lr = self.learning_rate()
        self.steps += 1
        updates = {name: self.update(p, grads[name], lr, **self.state[name]) for name, p in self.params.items()}
        for name, p in self.params.items():
            p -= updates[name]

    def update(self, p: Array, g: Array, lr: float, **state: Array) -> Array:
        """Return the amount to subtract from the parameter ``p`` with gradient ``g``, and change its state in place."""
        raise NotImplementedError(f"{type(self).__name__} must define update(self, p, g, lr, **state)")

    def options(self) -> dict[str, float]:
        """Return the settings beside the learning rate, for checkpoints."""
        return {name: getattr(self, name) for name in self.settings}

    def _check(self, grads: Params) -> None:
        if not isinstance(grads, dict) or grads.keys() != self.params.keys():
            got = sorted(set(grads) ^ set(self.params)) if isinstance(grads, dict) else type(grads).__name__
            raise ValueError(
                f"grads must have the keys of the parameters, as model.backward returns them; these differ: {got}"
            )
        for name, p in self.params.items():
            g = grads[name]
            _check_writable(f"params[{name!r}]", p)
            if array_module(unmasked(f"grads[{name!r}]", g)) is not array_module(p) or not hasattr(g, "shape"):
                expected = f"{array_module(p).__name__} array"
                raise TypeError(f"grads[{name!r}] must be a {expected} like its parameter, got {type(g).__name__}")
            numeric(f"grads[{name!r}]", g)
            if g.shape != p.shape:
                raise ValueError(f"grads[{name!r}] must have shape {p.shape}, got {g.shape}")
            if g.dtype.kind == "c" and p.dtype.kind != "c":
                raise TypeError(f"grads[{name!r}] is {g.dtype}, not {p.dtype}: the imaginary part would be lost")
            finite(f"grads[{name!r}]", g)


def _check_floats(what: str, array: Any) -> None:
    """Raise where an array does not hold floats of at least 32 bits; eps would be 0 in float16."""
    dtype = getattr(unmasked(what, array), "dtype", np.dtype(object))
    if dtype.kind not in "fc" or dtype.itemsize < 4:
        got = getattr(array, "dtype", type(array).__name__)
        raise TypeError(f"{what} must be an array of floats, float32 or wider, got {got}")


def _check_writable(what: str, array: Any) -> None:
    if isinstance(array, np.ndarray) and not array.flags.writeable:
        raise ValueError(f"{what} is read-only but is changed in place; pass a copy")


class SGD(Optimizer):
    """Stochastic gradient descent with momentum: ``v = momentum v + g``, ``p -= lr v`` (Polyak 1964).

    The learning rate is not part of v, so a schedule scales the whole step at once.

    >>> p = {"w": np.array([1.0])}
    >>> SGD(p, lr=0.1).step({"w": np.array([2.0])})
    >>> p["w"].tolist()
    [0.8]
    """

    slots, settings = ("v",), ("momentum",)

    def __init__(self, params: Params, lr: float | Schedule = 1e-2, momentum: float = 0.0) -> None:
        super().__init__(params, lr)
        self.momentum = fraction("momentum", momentum)

    def update(self, p: Array, g: Array, lr: float, v: Array) -> Array:  # type: ignore[override]
        """Return ``lr v``."""
        v[...] = self.momentum * v + g
        return lr * v


class RMSProp(Optimizer):
    """Steps divided by a running root mean square of the gradient (Tieleman and Hinton 2012), the dilated RNN paper's choice.

    ``v = decay v + (1 - decay) g²``, ``p -= lr g / (sqrt(v) + eps)``, v from 0.

    >>> p = {"w": np.array([1.0])}
    >>> RMSProp(p, lr=0.1, decay=0.75).step({"w": np.array([5.0])})  # sqrt(v) is half of g
    >>> p["w"].round(6).tolist()
    [0.8]
    """

    slots, settings = ("v",), ("decay", "eps")

    def __init__(self, params: Params, lr: float | Schedule = 1e-3, decay: float = 0.9, eps: float = 1e-8) -> None:
        super().__init__(params, lr)
        self.decay, self.eps = fraction("decay", decay), positive("eps", eps)

    def update(self, p: Array, g: Array, lr: float, v: Array) -> Array:  # type: ignore[override]
        """Return ``lr g / (sqrt(v) + eps)``."""
        v[...] = self.decay * v + (1 - self.decay) * g * g
        return lr * g / (array_module(v).sqrt(v) + self.eps)


class Adam(Optimizer):
    """Running means of gradient and squared gradient, bias-corrected (Kingma and Ba 2015, algorithm 1).

    >>> p = {"w": np.array([1.0])}
    >>> Adam(p, lr=0.1).step({"w": np.array([5.0])})
    >>> p["w"].round(6).tolist()
    [0.9]
    """

    slots = ("m", "v")
    settings: tuple[str, ...] = ("beta1", "beta2", "eps")

    def __init__(
        self, params: Params, lr: float | Schedule = 1e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
    ) -> None:
        super().__init__(params, lr)
        self.beta1, self.beta2, self.eps = fraction("beta1", beta1), fraction("beta2", beta2), positive("eps", eps)

    def update(self, p: Array, g: Array, lr: float, m: Array, v: Array) -> Array:  # type: ignore[override]
        """Return ``lr m̂ / (sqrt(v̂) + eps)``."""
        m[...] = self.beta1 * m + (1 - self.beta1) * g
        v[...] = self.beta2 * v + (1 - self.beta2) * g * g
        m_hat = m / (1 - self.beta1**self.steps)
        v_hat = v / (1 - self.beta2**self.steps)
        return lr * m_hat / (array_module(v).sqrt(v_hat) + self.eps)


class AdamW(Adam):
    """Adam with decoupled weight decay, ``p -= lr (m̂ / (sqrt(v̂) + eps) + weight_decay p)`` (Loshchilov and Hutter 2019).

    The decay applies to every parameter, and is scaled by the learning rate's schedule but not by the gradients. ``options`` are
    Adam's: beta1, beta2 and eps.

    >>> p = {"w": np.array([1.0])}
    >>> AdamW(p, lr=0.1, weight_decay=0.5).step({"w": np.array([5.0])})
    >>> p["w"].round(6).tolist()
    [0.85]
    """

    settings = (*Adam.settings, "weight_decay")

    def __init__(
        self, params: Params, lr: float | Schedule = 1e-3, weight_decay: float = 1e-2, **options: float
    ) -> None:
        super().__init__(params, lr, **options)
        self.weight_decay = fraction("weight_decay", weight_decay)

    def update(self, p: Array, g: Array, lr: float, m: Array, v: Array) -> Array:  # type: ignore[override]
        """Return ``lr (m̂ / (sqrt(v̂) + eps) + weight_decay p)``."""
        return super().update(p, g, lr, m, v) + lr * self.weight_decay * p


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "rmsprop": RMSProp, "adam": Adam, "adamw": AdamW}


def get_optimizer(name: str, params: Params, lr: float | Schedule, **options: Any) -> Optimizer:
    """Return a new optimiser by its name in ``OPTIMIZERS``."""
    return choose("optimizer", name, OPTIMIZERS)(params, lr, **options)


def checked_norm(max_norm: Any) -> float:
    """Return the largest norm of a gradient as a number above 0."""
    max_norm = real("max_norm", max_norm)
    if not max_norm > 0:
        raise ValueError(f"max_norm must be above 0 (infinity clips nothing), got {max_norm}")
    return max_norm


def clip_grad_norm(grads: Params, max_norm: float) -> Array:
    """Scale all gradients in place so that their joint norm is at most ``max_norm`` (Pascanu et al. 2013, algorithm 1).

    Returns the norm before scaling, an array of no dimension that stays on the gradients' device.

    >>> grads = {"a": np.array([3.0]), "b": np.array([4.0])}
    >>> float(clip_grad_norm(grads, 1.0)), grads["a"].round(6).tolist()
    (5.0, [0.6])
    """
    max_norm = checked_norm(max_norm)
    if not grads:
        raise ValueError("grads must hold at least one array, got an empty dict")
    if not isinstance(grads, dict):
        raise TypeError(f"grads must be a dict of arrays, as model.backward returns it, got {type(grads).__name__}")
    for name, g in grads.items():
        _check_floats(f"grads[{name!r}]", g)
        if g.size == 0:
            raise ValueError(f"grads[{name!r}] must hold at least one number, got shape {g.shape}; leave it out")
        if max_norm < np.inf:
            _check_writable(f"grads[{name!r}]", g)
    xp = array_module(next(iter(grads.values())))
    largest = xp.stack([abs(g).max() for g in grads.values()]).max()
    unit = xp.where(largest > 0, largest, 1)  # gradients in this unit have squares that cannot overflow
    norm = unit * xp.sqrt(sum((abs(g / unit) ** 2).sum() for g in grads.values()))
    if max_norm < np.inf:
        scale = max_norm / xp.maximum(norm, max_norm)
        for g in grads.values():
            g *= scale
    return norm


# ---------------------------------------------------------------------- learning-rate schedules


def step_decay(lr: float, factor: float, every: int) -> Schedule:
    """Return the schedule that multiplies the learning rate by ``factor`` after every ``every`` steps.

    >>> schedule = step_decay(0.1, 0.5, every=10)
    >>> schedule(9), schedule(10)
    (0.1, 0.05)
    """
    lr, factor, every = positive("lr", lr), positive("factor", factor), positive_integer("every", every)
    return lambda step: lr * factor ** (step // every)


def cosine_decay(lr: float, steps: int, final: float = 0.01) -> Schedule:
    """Return the schedule that falls from ``lr`` to ``final * lr`` along half a cosine (Loshchilov and Hutter 2017).

    >>> schedule = cosine_decay(0.1, steps=100, final=0.5)
    >>> schedule(0), round(schedule(50), 6), round(schedule(100), 6)
    (0.1, 0.075, 0.05)
    """
    lr, steps, final = positive("lr", lr), positive_integer("steps", steps), fraction("final", final, one_allowed=True)
    return lambda step: lr * (final + (1 - final) * (1 + math.cos(math.pi * min(step, steps) / steps)) / 2)


def warmup(steps: int, then: float | Schedule) -> Schedule:
    """Return the schedule that rises linearly over the first steps and then follows ``then``.

    >>> schedule = warmup(4, then=0.1)
    >>> schedule(0), schedule(4)
    (0.025, 0.1)
    """
    steps = positive_integer("steps", steps)
    rate = 0.0 if callable(then) else positive("lr", then)
    return lambda step: (then(step) if callable(then) else rate) * min(1.0, (step + 1) / steps)
