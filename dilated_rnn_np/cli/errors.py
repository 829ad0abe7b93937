"""Errors of the user, which end in one line, as opposed to bugs of the library, which show their traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

SAME = ("T", "batch_size", "dilations", "embedding", "frame", "length", "parameters", "window")
OPTIONS = {name: "--" + name.replace("_", "-") for name in SAME}  # the option that gave an argument of the library
OPTIONS |= {"hidden_size": "--hidden", "num_layers": "--layers", "budget": "--memory", "seasons": "--season"}


class UserError(Exception):
    """A mistake in the options or the files that they name; its message is the line that the user reads."""


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn the errors of a block that builds objects from options into a UserError that names the option.

    Only construction belongs into the block: an error in training or evaluation is a bug, and has to keep its traceback.

    >>> with user_errors():
    ...     raise ValueError("hidden_size must be a whole number")
    Traceback (most recent call last):
    dilated_rnn_np.cli.errors.UserError: --hidden must be a whole number
    """
    try:
        yield
    except (ValueError, TypeError, ImportError) as error:
        name, *rest = str(error).split(" ", 1)
        raise UserError(" ".join([OPTIONS.get(name, name), *rest])) from error
