"""Types of option values: each turns the typed text into a checked value, or raises an error that states the expected value."""

from __future__ import annotations

import math
import os
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from ..arrays import checks

T = TypeVar("T")


def _parser(convert: Callable[[str], T], expected: str, valid: Callable[[T], bool]) -> Callable[[str], T]:
    """Return the type whose values ``convert`` reads and ``valid`` accepts."""

    def parse(text: str) -> T:
        try:
            if valid(value := convert(text)):
                return value
        except ValueError:
            pass
        raise ArgumentTypeError(f"must be {expected}, got {text!r}")

    return parse


def _wholes(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def _seasons(text: str) -> list[int]:
    return [] if text == "none" else _wholes(text)


def _numbers(text: str) -> list[float]:
    return [float(word) for word in text.split(",")]


def _increasing(numbers: Sequence[float], above: float, below: float = math.inf) -> bool:
    """Return whether numbers increase between two limits, which they do not reach."""
    return all(a < b for a, b in pairwise([above, *numbers, below]))


count = _parser(int, "a whole number of at least 1", lambda number: number >= 1)
whole = _parser(int, "a whole number of at least 0", lambda number: number >= 0)
wholes = _parser(_wholes, "whole numbers of at least 1, such as 1,2,4", lambda numbers: min(numbers) >= 1)
seasons = _parser(_seasons, "none, or increasing whole numbers above 1, such as 24,168", lambda n: _increasing(n, 1))
levels = _parser(_numbers, "increasing numbers between 0 and 1, such as 0.1,0.5,0.9", lambda q: _increasing(q, 0, 1))
finite = _parser(float, "a finite number", math.isfinite)
positive = _parser(float, "a finite number above 0", lambda number: 0 < number < math.inf)
not_negative = _parser(float, "a finite number of at least 0", lambda number: 0 <= number < math.inf)
norm = _parser(float, "a number above 0 (inf clips nothing)", lambda number: number > 0)
fraction = _parser(float, "a number in [0, 1)", lambda number: 0 <= number < 1)
file = _parser(str, "an existing file", os.path.isfile)


def up_to(most: int) -> Callable[[str], int]:
    """Return the type of the whole numbers from 1 to ``most``."""
    return _parser(int, f"a whole number from 1 to {most:,}", lambda number: 1 <= number <= most)


def one_of(what: str, known: Mapping[str, Any]) -> Callable[[str], str]:
    """Return the type of the names in ``known``; an unknown one is answered with the nearest.

    >>> one_of("cell", {"rnn": 1, "gru": 2})("grue")
    Traceback (most recent call last):
    argparse.ArgumentTypeError: unknown cell 'grue'; known: rnn, gru; did you mean 'gru'?
    """

    def parse(text: str) -> str:
        try:
            return checks.one_of(what, text, known)
        except ValueError as error:
            raise ArgumentTypeError(str(error)) from None

    return parse


def some_of(what: str, known: Mapping[str, Any]) -> Callable[[str], tuple[str, ...]]:
    """Return the type of comma-separated lists of names in ``known``, without repeats.

    >>> some_of("cell", {"rnn": 1, "gru": 2})("gru, rnn,gru")
    ('gru', 'rnn')
    """
    single = one_of(what, known)
    return lambda text: tuple(dict.fromkeys(single(name.strip()) for name in text.split(",")))


def checkpoint(text: str) -> str:
    """Return the path of a checkpoint; a folder raises an error that names the file in it."""
    if Path(text).is_dir():
        raise ArgumentTypeError(f"{text} is a folder: give {Path(text) / 'checkpoint.npz'}")
    return text
