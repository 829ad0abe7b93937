"""The memory that given sizes need, compared with the machine's before anything is allocated."""

from __future__ import annotations

import os

UNITS = ("kB", "MB", "GB", "TB", "PB", "EB")


class TooLarge(ValueError, MemoryError):
    """An argument asks for more memory than the machine has; the message names the argument and both amounts."""


def machine_memory() -> int | None:
    """Return the machine's memory in bytes, or None where the system does not tell it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def check_memory(argument: str, needed: int, purpose: str) -> None:
    """Raise a TooLarge where ``needed`` bytes are more than the machine has.

    >>> check_memory("hidden_size 99999999", 32 * 10**17, "its parameters")
    Traceback (most recent call last):
    dilated_rnn_np.arrays.memory.TooLarge: hidden_size 99999999 needs 3.2 EB for its parameters; this machine has ...
    """
    limit = machine_memory()
    if limit is not None and needed > limit:
        raise TooLarge(f"{argument} needs {readable(needed)} for {purpose}; this machine has {readable(limit)}")


def readable(size: int) -> str:
    """Return a number of bytes in a decimal unit.

    >>> readable(999), readable(24_100_000_000), readable(10**400)
    ('999 bytes', '24 GB', 'more than 1,000 EB')
    """
    if size < 1000:
        return f"{size} bytes"
    if size > 10**21:
        return "more than 1,000 EB"
    power = min((len(str(size)) - 1) // 3, len(UNITS))
    number = size / 1000**power
    return f"{number:.1f} {UNITS[power - 1]}" if number < 10 else f"{number:,.0f} {UNITS[power - 1]}"
