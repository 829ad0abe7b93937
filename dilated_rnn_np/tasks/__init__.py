"""Tasks with a long memory to learn: synthetic ones that need no file, and real data that is found or downloaded."""

from __future__ import annotations

from typing import Any

from ..arrays.checks import choose
from .adding import Adding
from .base import Batch, Stream, Task
from .characters import Characters, generate
from .copy_memory import CopyMemory
from .digits import Digits
from .files import DataError
from .small_digits import SmallDigits
from .speech import Speech
from .vocabulary import Vocabulary

TASKS: dict[str, type[Task]] = {task.name: task for task in (CopyMemory, Adding, Digits, Characters, Speech)}
BY_NAME: dict[str, type[Task]] = {**TASKS, SmallDigits.name: SmallDigits}  # with those of the experiments alone


def make_task(name: str, **settings: Any) -> Task:
    """Return the task of a name, such as "copy-memory", with its settings.

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
