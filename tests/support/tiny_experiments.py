"""Experiments that take a second, for the tests of the harness, the report and the worker processes."""

import csv
import functools
import os
import signal
from dataclasses import replace

import pytest

from dilated_rnn_np.experiments import Choices, Experiment, Study, Training, harness, report
from dilated_rnn_np.experiments.plan import compare_systems
from dilated_rnn_np.tasks import Adding

from .places import DATA

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the data files are not in ../shared/data")
TRAINING = Training(12, batch_size=4, validate_every=4)


def contenders(choices, task=None, training=TRAINING):
    return compare_systems(choices, "adding", task or Adding(5), [1, 2], 4, training, ("rnn", "gru"))


def tiny(task=None, name="tiny", **options):
    columns, build = ("loss", "metric", "halved"), functools.partial(contenders, task=task)
    return Experiment(name, "A test.", build, columns, compares_systems=True, **options)


CHOICES = Choices(systems=("dilated", "skip"))


def conduct(folder, experiment=None, choices=CHOICES, seeds=2, **options):
    return harness.conduct(Study.of(experiment or tiny(), choices, seeds), folder, **{"progress": False} | options)


def table(folder):
    """The table's cells, without the columns of times."""
    with open(folder / "table.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        {k: v for k, v in row.items() if k.removesuffix("_min").removesuffix("_max") not in report.TIMES}
        for row in rows
    ]


class Interrupting(Adding):
    """The adding task; its n-th batch raises the signal of Ctrl-C."""

    def __init__(self, T, at):
        super().__init__(T)
        self.left = at

    def draw(self, rng, batch_size):
        self.left -= batch_size == 4
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)
        return super().draw(rng, batch_size)


def result(**values):
    common = {
        "status": "finished",
        "hidden": [4],
        "parameters": 9,
        "seconds": 2.0,
        "seconds_per_step": 0.25,
        "halved": 5,
    }
    return common | {"settings": {"seed": 0}, "steps": 12} | values


class Failing(Adding):
    """Adding whose batches raise an error, or end the process."""

    def __init__(self, T, error=None):
        super().__init__(T)
        self.error = error

    def batches(self, batch_size, seed=0):
        if self.error is None:
            os._exit(3)
        raise self.error


def failing_second(choices, error):
    """The tiny contenders, of which the second fails."""
    rows = contenders(choices)
    return [rows[0], replace(rows[1], task=Failing(5, error)), *rows[2:]]


def diverging_second(choices):
    """The tiny contenders, of which the second diverges."""
    rows = contenders(choices)
    return [rows[0], replace(rows[1], training=replace(TRAINING, lr=1e30)), *rows[2:]]
