"""How long a call takes: by the host's clock, or by events that a device notes in the order of its work."""

import time


def seconds_of(work):
    """The seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def event_clock(new_event, milliseconds):
    """A clock as ``seconds_of``, from a library's events and its function of two of them."""

    def seconds(work):
        began, ended = new_event(), new_event()
        began.record()
        work()
        ended.record()
        ended.synchronize()  # the host is far ahead of the device: wait until all that was asked is done
        return milliseconds(began, ended) / 1000

    return seconds


def after_one_that_does_not_count(clock, free):
    """The same clock for a device that several take turns on: it times a second call, then gives the memory back.

    The first call fetches the memory again, and the device, which slows down when it is idle, its full speed.
    """

    def seconds(work):
        work()
        taken = clock(work)
        free()
        return taken

    return seconds
