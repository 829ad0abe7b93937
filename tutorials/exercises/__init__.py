"""Exercises that check themselves: ``check("1.2", my_function)`` says what is wrong the way a teacher would.

An exercise knows its solution, the mistakes that are often made, each with what to say of it, and hints in steps. An answer
that is wrong in none of the known ways is compared number by number: its shape, its sign, a constant factor, a shift in
time. Exercises of tutorial n stand in ``exercises/exNN.py``, their solutions in ``solutions/exNN.py``.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that is often given, as a function, and what a teacher says of it."""

    wrong: Callable[..., Any]
    says: str


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes
    ----------
    solution : the right function, from ``solutions``.
    inputs : a function of a Generator that draws the arguments of one trial.
    returns : the names of what is to be returned, for the messages; one name for a single value.
    mistakes : tried in order; a mistake matches where it gives the student's numbers in every trial.
    hints : from a nudge to nearly the answer.
    """

    solution: Callable[..., Any]
    inputs: Callable[[np.random.Generator], tuple[Any, ...]]
    returns: Sequence[str]
    mistakes: Sequence[Mistake]
    hints: Sequence[str]
    trials: int = 3


def find(name: str) -> Exercise:
    """Return the exercise of a name such as "1.2": the second one of tutorial 1."""
    tutorial, _, number = str(name).partition(".")
    try:
        return importlib.import_module(f"exercises.ex{int(tutorial):02d}").EXERCISES[name]
    except (ModuleNotFoundError, KeyError, ValueError):
        raise ValueError(
            f"there is no exercise {name!r}; names are such as '1.2', the second one of tutorial 1"
        ) from None


def check(name: str, answer: Callable[..., Any]) -> None:
    """Print whether an answer is right, and if not, what is wrong with it."""
    exercise = find(name)
    said = verdict(exercise, answer)
    print(
        f"exercise {name}: {said or 'right.'}" + (f" (hint: hint('{name}', 1) … {len(exercise.hints)})" if said else "")
    )


def hint(name: str, step: int = 1) -> None:
    """Print a hint; each step says more than the one before."""
    hints = find(name).hints
    if not 1 <= step <= len(hints):
        raise ValueError(f"exercise {name} has hints 1 to {len(hints)}, got {step}")
    print(f"hint {step} of {len(hints)}: {hints[step - 1]}")


def verdict(exercise: Exercise, answer: Callable[..., Any]) -> str:
    """Return what is wrong with an answer, in a sentence or two; nothing where it is right."""
    trials = [exercise.inputs(np.random.default_rng(seed)) for seed in range(exercise.trials)]
    expected = [_outputs(exercise.solution(*copy.deepcopy(arguments))) for arguments in trials]
    got = []
    for arguments, wanted in zip(trials, expected, strict=True):
        given = copy.deepcopy(arguments)
        try:
            value = answer(*given)
        except Exception as error:  # whatever a beginner's code raises is told, not thrown
            return f"it stops with {type(error).__name__}: {error}."
        parts = value if isinstance(value, tuple) else (value,)
        if any(isinstance(part, (complex, np.ndarray, np.generic)) and np.iscomplexobj(part) for part in parts):
            return "the answer is complex; take the real or the imaginary part that is asked for."
        if value is None:
            return "nothing is returned yet; write the function's body and return its result."
        if said := _misshapen(_outputs(value), wanted, exercise.returns):
            return said
        if not _same(_outputs(given), _outputs(arguments)):
            return "the numbers are not the point yet: the function changes its arguments in place; work on copies."
        got.append(_outputs(value))
    if all(_same(a, b) for a, b in zip(got, expected, strict=True)):
        return ""
    for mistake in exercise.mistakes:
        wrong = [_outputs(mistake.wrong(*copy.deepcopy(arguments))) for arguments in trials]
        if all(_same(a, b) for a, b in zip(got, wrong, strict=True)):
            return mistake.says
    return _difference(got, expected, exercise.returns)


def _outputs(value: Any) -> list[np.ndarray]:
    """Return a value, or the values of a tuple or dict in order, as a list of arrays; a list of numbers is one array."""
    if isinstance(value, dict):
        value = [value[key] for key in sorted(value)]
    if isinstance(value, tuple) or (isinstance(value, list) and len({np.shape(part) for part in value}) != 1):
        return [array for part in value for array in _outputs(part)]
    try:
        return [np.asarray(value, dtype=float)]
    except (TypeError, ValueError):
        return [np.asarray(np.nan)]  # a function or a word among the arguments


def _misshapen(got: list[np.ndarray], wanted: list[np.ndarray], names: Sequence[str]) -> str:
    if len(got) == 1 and got[0].ndim and len(got[0]) == len(wanted) > 1:
        return f"a tuple ({', '.join(names)}) is wanted, one list or array of {len(wanted)} came."
    if len(got) != len(wanted):
        return f"{len(wanted)} arrays are wanted ({', '.join(names)}), {len(got)} came."
    for i, (a, b) in enumerate(zip(got, wanted, strict=True)):
        if a.shape != b.shape:
            turned = "; it looks transposed" if a.shape == b.shape[::-1] else ""
            return f"{_name(names, i)} has shape {a.shape}, wanted is {b.shape}{turned}."
    return ""


def _same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return len(a) == len(b) and all(
        x.shape == y.shape and np.allclose(x, y, 1e-8, 1e-10, equal_nan=True) for x, y in zip(a, b, strict=True)
    )


def _name(names: Sequence[str], i: int) -> str:
    return names[i] if i < len(names) else f"{names[-1]} (part {i - len(names) + 2})"


def _difference(got: list[list[np.ndarray]], expected: list[list[np.ndarray]], names: Sequence[str]) -> str:
    """Return what can be said of numbers that are wrong in no known way: of the first array that is."""
    trials = list(zip(got, expected, strict=True))
    right = [all(_same([a[j]], [b[j]]) for a, b in trials) for j in range(len(got[0]))]
    praise = ", ".join(_name(names, j) for j, fine in enumerate(right) if fine)
    praise, i = f"{praise} right; " if praise else "", right.index(False)
    pairs, name = [(a[i], b[i]) for a, b in trials], _name(names, i)

    def in_all_trials(relation: Callable[[np.ndarray], np.ndarray]) -> bool:
        return all(_same([a], [relation(b)]) for a, b in pairs)

    def shifted(steps: int) -> bool:
        inner = [(a[1:-1], np.roll(b, steps, axis=0)[1:-1]) for a, b in pairs]
        return all(_same([a], [b]) for a, b in inner)

    a, b = pairs[-1]
    if in_all_trials(lambda b: -b):
        return f"{praise}{name} has the wrong sign."
    if np.isfinite(a).all() and np.isfinite(b).all() and np.any(b):
        factor = float((a * b).sum() / (b * b).sum())
        if factor and in_all_trials(lambda b: factor * b):
            return f"{praise}{name} is off by a factor of {factor:.3g}."
    if a.ndim and len(a) > 2 and (shifted(1) or shifted(-1)):
        return f"{praise}{name} is shifted by one time step: look at the time index."
    if a.ndim == 2 and a.shape[0] == a.shape[1] and in_all_trials(np.transpose):
        return f"{praise}{name} is transposed."
    a, b = next((a, b) for a, b in pairs if not _same([a], [b]))
    both = np.isfinite(a) & np.isfinite(b)
    distance = np.where(both, abs(np.where(both, a, 0) - np.where(both, b, 0)), np.where(a == b, 0, np.inf))
    place = np.unravel_index(int(np.argmax(distance)), a.shape)
    where = f" at {tuple(int(k) for k in place)}" if a.ndim else ""
    return f"{praise}{name} is wrong: {a[place]:.6g} came{where}, {b[place]:.6g} is wanted."
