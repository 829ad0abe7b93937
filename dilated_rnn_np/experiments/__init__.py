"""The experiments, and the one driver of training runs that they share with the command line.

Read ``driver`` first: the description of a run, and the functions that train, test and store it. ``net_builder`` builds the nets,
``plan`` describes an experiment as contenders, and each experiment is a short file of its own (``copy_memory``, ``mnist``, …).
``harness`` makes the runs of an experiment, over ``workers`` if there are several processes, and resumes stopped runs;
``tuning`` chooses learning rates on validation data before.
``report`` and ``pictures`` turn the results into tables and curves; ``files`` and ``environment`` are their helpers.
``python -m dilated_rnn_np experiment NAME`` runs one from the command line; ``forecast_study``, ``forecast_harness`` and
``forecast_report`` do the same for forecasters, with the experiment ``m4_hourly``.
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
from .forecast_harness import conduct_forecasts
from .forecast_study import ForecastStudy
from .harness import conduct
from .m4_hourly import EXPERIMENT as M4_HOURLY
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
FORECAST_EXPERIMENTS = {M4_HOURLY.name: M4_HOURLY}

__all__ = [
    "EXPERIMENTS",
    "FORECAST_EXPERIMENTS",
    "Choices",
    "Contender",
    "Experiment",
    "ForecastStudy",
    "RunSpec",
    "Study",
    "Training",
    "conduct",
    "conduct_forecasts",
]
