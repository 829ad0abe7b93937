"""Forecasting of time series: read a panel of series, forecast it, and score the forecasts.

The folder ``panels`` reads and checks data. ``naive`` holds the forecasts to beat, ``metrics`` the scores of the M4 competition,
and ``m4`` finds its hourly series. ``scaling``, ``smoothing``, ``track`` and ``base`` make the forecaster's base forecast;
``features``, ``quantiles`` and ``crops`` are inputs, outputs and batches of the nets, and ``training`` trains them.
``forecaster`` joins these, ``frozen`` and ``following`` run it over whole series, ``stream`` value by value. ``backtest``
scores it, ``saving`` writes it, and ``arguments`` checks what it is given.
"""

from . import metrics
from .backtest import Backtest
from .forecast import Forecast
from .forecaster import Forecaster, load
from .m4 import m4_hourly
from .naive import naive, naive2, seasonal_naive
from .panels.calendar import calendar_features, calendar_names
from .panels.frequency import Frequency, find_frequency
from .panels.future import read_future
from .panels.panel import Panel
from .panels.read_csv import read_csv
from .panels.series import Gap, Series

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
