"""How long a call takes."""

import time


def seconds_of(work):
    """The seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
