"""An experiment with forecasters that takes a second, for the tests of its harness and report."""

import numpy as np

from dilated_rnn_np.experiments import Choices, ForecastStudy, conduct_forecasts
from dilated_rnn_np.experiments.forecast_study import ForecastExperiment, Row
from dilated_rnn_np.forecasting import Panel

HORIZON = 3
PUBLISHED = {"a winner": {"smape": 9.0, "owa": 0.4}}


def panels(choices, shift=0.0):
    t = np.arange(63)
    values = {"a": 20 + np.sin(t * np.pi / 2) + 0.1 * t, "b": 9 + 2 * np.cos(t * np.pi / 2) + np.sin(t)}
    whole = {name: np.concatenate([y[:60], y[60:] + shift]) for name, y in values.items()}
    return Panel.of({name: y[:60] for name, y in values.items()}), Panel.of(whole)


def shifted_panels(choices):
    """The same series with another test part."""
    return panels(choices, shift=5.0)


def rows(choices):
    net = {"seasons": (4,), "hidden_size": 3}
    return [
        Row("none", "base", {**net, "members": 0}),
        Row("errors", "both", {**net}, choices.steps or 2),
        Row("methods", "both", {**net, "dropout": 0.0}, choices.steps or 2),
    ]


def failing_rows(choices):
    """The rows, of which the last one cannot be built."""
    return [*rows(choices)[:2], Row("methods", "both", {"cell": "unknown"})]


def tiny(own_panels=panels, own_rows=rows, **options):
    return ForecastExperiment("tiny", "A test.", own_panels, own_rows, HORIZON, 4, 2, PUBLISHED, **options)


def conduct(folder, experiment=None, choices=None, seeds=1, **options):
    study = ForecastStudy.of(experiment or tiny(), choices or Choices(), seeds)
    return conduct_forecasts(study, folder, **{"progress": False} | options)


def scores_of(row):
    """A row of the table without its times."""
    return {name: value for name, value in row.items() if not name.startswith("seconds")}
