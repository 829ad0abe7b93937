"""The start of ``dilated-rnn`` and ``python -m dilated_rnn_np``: signals are handled before anything large is imported.

SIGTERM and SIGHUP, which batch schedulers and closed terminals send, act like Ctrl-C: training saves between two steps, other
work is interrupted. During imports, and at a second signal, the process ends at once. Each way prints one sentence and ends with
the exit code 128 plus the number of the signal.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import Any

SIGNALS = [number for number in signal.Signals if number.name in ("SIGINT", "SIGTERM", "SIGHUP")]


class Stopping:
    """The handler of the signals that stop a command.

    Attributes
    ----------
    received : the number of the first signal, None before it.
    interrupts : whether the next signal raises a KeyboardInterrupt; otherwise it ends the process.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.interrupts = False
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP, and a background job SIGINT
                signal.signal(number, self.handle)

    def handle(self, number: int, frame: Any) -> None:
        """Interrupt the command, or end the process if that was asked before."""
        if self.received or not self.interrupts:
            with suppress(OSError):
                os.write(2, b"\nstopped at once; a checkpoint that was written before is kept\n")
            os._exit(128 + (self.received or number))
        self.received = number
        training = signal.getsignal(signal.SIGINT)  # of a training loop: it waits for the end of the step
        if not callable(training) or training == self.handle:
            raise KeyboardInterrupt
        training(number, frame)

    def end(self, sentence: str) -> int:
        """Print the sentence, ignore all further signals, and return the exit code."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        with suppress(OSError):  # of a terminal that was closed
            print(f"\n{sentence}", file=sys.stderr)
        return 128 + (self.received or signal.SIGINT)


def start() -> int:
    """Run the command line of this process and return its exit code."""
    stopping = Stopping()
    try:
        from .main import main

        stopping.interrupts = True
        code = main(sys.argv[1:])
        stopping.interrupts = False
        return code
    except KeyboardInterrupt as stopped:
        stopping.interrupts = False  # first, without a call in which Python would look for signals
        return stopping.end(str(stopped).replace("resume=True", "the same command and --resume") or "stopped")
