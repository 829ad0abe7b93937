"""The user interface of a training run: the progress bar, the metrics file, and Ctrl-C."""

from __future__ import annotations

import csv
import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from .run import COLUMNS, Run


class Bar(tqdm):
    """The progress bar: loss, metric, the last validation loss, steps per second and the time left."""

    validated = math.nan

    def show(self, row: dict[str, float]) -> None:
        """Show the row of the newest step."""
        if not math.isnan(row["validation_loss"]):
            self.validated = row["validation_loss"]
        figures = {"loss": row["loss"], "metric": row["metric"], "validation": self.validated}
        self.set_postfix({name: f"{x:.4f}" for name, x in figures.items() if not math.isnan(x)}, refresh=False)
        self.update()


def progress_bar(steps: int, run: Run, progress: bool, description: str) -> Bar:
    """Return the bar, opened at the run's current step."""
    interval = 0.5 if sys.stderr.isatty() else 15.0  # seldom, where the output goes to a log file
    return Bar(desc=description, total=steps, initial=run.step, unit="step", mininterval=interval, disable=not progress)


@contextmanager
def metrics_file(path: Any, run: Run) -> Iterator[Callable[[dict[str, float]], None]]:
    """Open the metrics file and yield the function that writes a row.

    A resumed run rewrites the rows up to its checkpoint; rows of later steps, which it repeats, are dropped.
    """
    if path is None:
        yield lambda row: None
        return
    with open(path, "w", newline="", encoding="utf-8", buffering=1) as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)

        def write_row(row: dict[str, float]) -> None:
            writer.writerow("" if math.isnan(row[name]) else f"{row[name]:.8g}" for name in COLUMNS)

        for row in run.history:
            write_row(row)
        yield write_row


@contextmanager
def on_signal(number: int, handler: Any) -> Iterator[Any]:
    """Give a signal a handler within the block, and yield the one before; in a thread, which cannot set one, nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield None
        return
    before = signal.signal(number, handler)
    try:
        yield before
    finally:
        signal.signal(number, before)


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a flag, to be read between two steps; the second one stops at once."""
    pressed = threading.Event()

    def handler(number: int, frame: Any) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, before)

    with on_signal(signal.SIGINT, handler) as before:
        yield pressed.is_set
