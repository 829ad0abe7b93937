"""The experiments, and the one driver of training runs that they share with the command line.

Read ``driver`` first: the description of a run, and the functions that train, test and store it. ``net_builder`` builds the nets,
``plan`` describes an experiment as contenders, and each experiment is a short file of its own (``copy_memory``, ``mnist``, …).
``harness`` makes the runs of an experiment, over ``workers`` if there are several processes, and resumes stopped runs;
``tuning`` chooses learning rates on validation data before.
``report`` and ``pictures`` turn the results into tables and curves; ``files`` and ``environment`` are their helpers.
``python -m dilated_rnn_np experiment NAME`` runs one from the command line.
"""

from . import (
    characters,
    copy_memory,
    depth,
    mnist,
    noisy_mnist,
    searched_digits,
    searched_dilations,
    speech,
    start,
)
from .driver import RunSpec, Training
from .harness import conduct
from .plan import Choices, Contender, Experiment, Study

EXPERIMENTS = {
    module.EXPERIMENT.name: module.EXPERIMENT
    for module in (
        copy_memory,
        mnist,
        noisy_mnist,
        characters,
        speech,
        depth,
        start,
        searched_dilations,
        searched_digits,
    )
}

__all__ = ["EXPERIMENTS", "Choices", "Contender", "Experiment", "RunSpec", "Study", "Training", "conduct"]
