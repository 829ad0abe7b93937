"""Small panels and forecasters, which train in a fraction of a second."""

import numpy as np

from dilated_rnn_np.forecasting import Forecaster, Panel
from support.slow_forecasts import random_series

HORIZON = 3
SETTINGS = {
    "plain": {"seasons": (4,)},
    "no season": {"seasons": ()},
    "two seasons": {"seasons": (2, 6)},
    "ensemble": {"seasons": (4,), "members": 2},
    "base alone": {"seasons": (4,), "members": 0},
    "lstm, 5 quantiles": {"seasons": (4,), "cell": "lstm", "quantiles": (0.05, 0.25, 0.5, 0.75, 0.95)},
}


def small(**options):
    return Forecaster(HORIZON, **{"seasons": (4,), "hidden_size": 4, "dilations": [1, 4], "rng": 3, **options})


def small_panel(seed=0, lengths=(40, 33, 9, 60), covariates=0, dates=False, missing=0.05):
    """A panel of series a, b, …; with covariates and dates on request."""
    rng = np.random.default_rng(seed)
    ids = np.repeat([chr(ord("a") + i) for i in range(len(lengths))], lengths)
    ds = np.concatenate([np.arange(T) + 1 for T in lengths])
    table = {"unique_id": ids, "ds": np.datetime64("2024-01-05", "D") + ds if dates else ds}
    table["y"] = np.concatenate([20 + random_series(rng, T, missing) for T in lengths])
    for c in range(covariates):
        table[f"x{c}"] = rng.normal(size=len(ds))
    return Panel.of(table)


def fitted(panel, steps=4, **options):
    return small(**options).fit(panel, steps=steps, progress=False)


def head_of(panel, lengths):
    """The panel of the first values of each series."""
    series = tuple(one.cut(slice(0, n)) for one, n in zip(panel, lengths, strict=True))
    return Panel(series, panel.frequency, panel.covariate_names)


def arrays_of(value, place=""):
    """All arrays in the dicts, lists and objects of the package below a value, by place."""
    if isinstance(value, np.ndarray):
        return {place: value}
    parts = value if isinstance(value, dict) else {}
    if type(value).__module__.startswith("dilated_rnn_np"):
        parts = getattr(value, "__dict__", {})
    if isinstance(value, (list, tuple)):
        parts = dict(enumerate(value))
    return {k: v for name, part in parts.items() for k, v in arrays_of(part, f"{place}/{name}").items()}
