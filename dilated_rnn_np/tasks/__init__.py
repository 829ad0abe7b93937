"""Learning tasks with long-range dependencies: their batches, loss, metric and baseline.

``base`` defines the interface ``Task`` and the endless ``Stream`` of training batches; read it first. ``copy_memory`` and
``adding`` draw their sequences at random and need no file; ``synthetic`` holds the part they share. ``digits`` (MNIST read
pixel by pixel), ``small_digits``, ``characters`` and ``speech`` use published data, which ``files`` finds, downloads and
verifies; ``epochs`` shuffles it. ``vocabulary`` numbers the characters of a text, and ``generation`` writes text with a
trained model. Batches, validation, test, shuffling and noise each draw from a random stream of their own.
"""

from __future__ import annotations

from typing import Any

from ..arrays.checks import choose
from .adding import Adding
from .base import Batch, Stream, Task
from .characters import Characters
from .copy_memory import CopyMemory
from .digits import Digits
from .files import DataError
from .generation import generate
from .small_digits import SmallDigits
from .speech import Speech
from .vocabulary import Vocabulary

TASKS: dict[str, type[Task]] = {task.name: task for task in (CopyMemory, Adding, Digits, Characters, Speech)}
BY_NAME: dict[str, type[Task]] = {**TASKS, SmallDigits.name: SmallDigits}  # SmallDigits occurs in experiments only


def make_task(name: str, **settings: Any) -> Task:
    """Return the task with a name, such as "copy-memory", built from its settings.

    >>> make_task("copy-memory", T=500).T
    500
    """
    return choose("task", name, BY_NAME)(**settings)


__all__ = [
    "BY_NAME",
    "TASKS",
    "Adding",
    "Batch",
    "Characters",
    "CopyMemory",
    "DataError",
    "Digits",
    "Speech",
    "Stream",
    "Task",
    "Vocabulary",
    "generate",
    "make_task",
]
