"""Clocks for one call: the host's, or a device's events."""

import time


def seconds_of(work):
    """The seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def event_clock(new_event, milliseconds):
    """A clock like ``seconds_of``, from a library's events and its function for the time between two of them."""

    def seconds(work):
        began, ended = new_event(), new_event()
        began.record()
        work()
        ended.record()
        ended.synchronize()  # the host runs ahead of the device: wait until the device is done
        return milliseconds(began, ended) / 1000

    return seconds


def warmed_up(clock, free_memory):
    """A clock for a device that several contenders share: it times the second of two calls, then frees the memory.

    The first call allocates the memory again and brings an idle device back to full speed.
    """

    def seconds(work):
        work()
        taken = clock(work)
        free_memory()
        return taken

    return seconds
