"""Forecasting of time series: read a panel of series, forecast it, and score the forecasts.

Read ``series`` and ``panel`` first: a panel holds many series at one ``frequency``, with the covariates that are known in
advance. ``read_csv`` reads a panel from a file; ``tables``, ``cells`` and ``timestamps`` convert its columns, and
``assemble`` sorts, checks and fills its series. ``calendar`` makes features from time stamps, ``future`` reads the covariates
over the horizon, and ``m4`` finds the hourly series of the M4 competition. ``naive`` holds the forecasts to beat, and
``metrics`` the scores.

The forecaster in order: ``scaling``, ``smoothing``, ``track`` and ``base`` make the base forecast; ``features``, ``quantiles``
and ``crops`` are inputs, outputs and batches of the net. ``forecaster`` trains it, ``frozen`` and ``following`` run it over whole
series, ``stream`` value by value; ``backtest`` scores it, ``saving`` writes it, and ``arguments`` checks what it is given.
"""

from . import metrics
from .backtest import Backtest
from .calendar import calendar_features, calendar_names
from .forecast import Forecast
from .forecaster import Forecaster, load
from .frequency import Frequency, find_frequency
from .future import read_future
from .m4 import m4_hourly
from .naive import naive, naive2, seasonal_naive
from .panel import Panel
from .read_csv import read_csv
from .series import Gap, Series

__all__ = [
    "Backtest",
    "Forecast",
    "Forecaster",
    "Frequency",
    "Gap",
    "Panel",
    "Series",
    "calendar_features",
    "calendar_names",
    "find_frequency",
    "load",
    "m4_hourly",
    "metrics",
    "naive",
    "naive2",
    "read_csv",
    "read_future",
    "seasonal_naive",
]
