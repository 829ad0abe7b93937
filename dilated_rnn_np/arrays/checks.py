"""Checks that several rooms share. Each error says what was expected, what was given and what to do.

Each function returns the value in the form that the library uses, or raises.
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def suggestion(name: object, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'lstm'?"`` for the known name nearest to ``name``, or an empty string.

    >>> suggestion("ltsm", ["rnn", "lstm", "gru"])
    "; did you mean 'lstm'?"
    """
    near = difflib.get_close_matches(str(name).lower(), list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def one_of(what: str, name: object, known: Collection[str]) -> str:
    """Return ``name`` where it is a known name, or raise a ValueError that lists the known names and suggests the nearest.

    >>> one_of("readout", "al", ("last", "all"))
    Traceback (most recent call last):
    ValueError: unknown readout 'al'; known: last, all; did you mean 'all'?
    """
    if isinstance(name, str) and name in known:
        return name
    raise ValueError(f"unknown {what} {name!r}; known: {', '.join(known)}{suggestion(name, known)}")


def choose(what: str, name: object, known: Mapping[str, T]) -> T:
    """Return ``known[name]``; an unknown name raises as in ``one_of``.

    >>> choose("cell", "lstm", {"rnn": 1, "lstm": 2})
    2
    """
    return known[one_of(what, name, known)]


def positive_integer(what: str, value: Any, least: int = 1) -> int:
    """Return ``value`` as an int of at least ``least``; a float, a bool or a smaller number raises.

    >>> positive_integer("batch_size", 1.5)
    Traceback (most recent call last):
    TypeError: batch_size must be a whole number of at least 1, got 1.5 (float)
    """
    expected = f"{what} must be a whole number of at least {least}"
    if isinstance(value, bool):
        raise TypeError(f"{expected}, got {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{expected}, got {value!r} ({type(value).__name__})") from None
    if number < least:
        raise ValueError(f"{expected}, got {number}")
    return number


def fraction(what: str, value: Any, one_allowed: bool = False) -> float:
    """Return ``value`` as a float in [0, 1), or in [0, 1] where ``one_allowed``."""
    interval = "[0, 1]" if one_allowed else "[0, 1)"
    number = real(what, value)
    if not 0 <= number < 1 and not (one_allowed and number == 1):
        raise ValueError(f"{what} must lie in {interval}, got {number}")
    return number


def real(what: str, value: Any) -> float:
    """Return ``value`` as a float; anything but one real number raises.

    >>> real("lr", "fast")
    Traceback (most recent call last):
    TypeError: lr must be a real number, got 'fast' (str)
    """
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{what} must be a real number, got {value!r} ({type(value).__name__})") from None


def positive(what: str, value: Any) -> float:
    """Return ``value`` as a finite float above zero."""
    number = real(what, value)
    if not 0 < number < float("inf"):
        raise ValueError(f"{what} must be a finite number above 0, got {number}")
    return number
