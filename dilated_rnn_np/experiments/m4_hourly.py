"""M4 Hourly: what do base forecast, net, recurrence and dilation contribute to the forecaster's error?

414 hourly series of the M4 competition, horizon 48; the published figures are those of the competition's own evaluation. The
controls are the same net without memory (all dilations are longer than any series) and with all dilations 1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..forecasting import Panel, Series, m4_hourly
from ..forecasting.training import dilations_of
from .forecast_study import ForecastExperiment, Results, Row
from .plan import Choices

HORIZON, SEASONS = 48, (24, 168)
DILATIONS = dilations_of(SEASONS)
BEYOND = 1200  # steps, more than the longest series has
QUICK_SERIES, QUICK_LENGTH = 12, 600  # how many series, and how many of their last training values
PUBLISHED = {
    "Naive2": {"smape": 18.383, "mase": 2.395, "owa": 1.0},
    "seasonal naive": {"smape": 13.912, "mase": 1.193, "owa": 0.627},
    "MLP benchmark": {"owa": 0.921},
    "RNN benchmark": {"owa": 1.036},
    "winner, submission 118": {"smape": 9.328, "mase": 0.893, "owa": 0.440, "msis": 7.928},
    "best on Hourly, submission 238": {"smape": 8.913, "mase": 0.801, "owa": 0.410, "msis": 6.139},
}
BASE, NO_BASE, BOTH, FOUR = "base alone", "net without a base", "net and base", "four nets and base"
ON_NAIVE = "net and seasonal naive"
MEMORYLESS, ONES = "net and base, memoryless", "net and base, all dilations 1"


def panels(choices: Choices) -> tuple[Panel, Panel]:
    """Return the training part, and the same series with the test part after it."""
    train, test = m4_hourly(choices.data_dir)
    if choices.quick:
        chosen = train.series[:: len(train) // QUICK_SERIES][:QUICK_SERIES]
        train = replace(train, series=tuple(series.cut(slice(-QUICK_LENGTH, None)) for series in chosen))
    whole = []
    for series in train:
        parts = series, test[series.unique_id]
        ds, y, covariates = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("ds", "y", "covariates")
        )
        whole.append(Series(series.unique_id, ds, y, covariates))
    return train, replace(train, series=tuple(whole))


def rows(choices: Choices) -> list[Row]:
    """Return the base alone, the net without a base, with a simple one and with the whole one, and the controls."""
    steps = choices.steps or (8 if choices.quick else 200)
    variants: list[tuple[str, str, dict[str, Any]]] = [
        ("base", BASE, {"members": 0}),
        ("net", NO_BASE, {"seasons": (), "dilations": DILATIONS, "methods": ("naive",)}),
        ("net", ON_NAIVE, {"methods": ("seasonal naive",)}),
        ("net", BOTH, {}),
        ("control", MEMORYLESS, {"dilations": [BEYOND] * len(DILATIONS)}),
        ("control", ONES, {"dilations": [1] * len(DILATIONS)}),
        ("ensemble", FOUR, {"members": 4}),
    ]
    net = {"seasons": SEASONS, "hidden_size": 8 if choices.quick else 40}
    return [Row(kind, label, net | options, steps) for kind, label, options in variants]


CONTRIBUTIONS = (
    ("The net", BASE, BOTH),
    ("Any base forecast", NO_BASE, ON_NAIVE),
    ("A base of several methods", ON_NAIVE, BOTH),
    ("Recurrence", MEMORYLESS, BOTH),
    ("Dilation", ONES, BOTH),
    ("Averaging four nets", BOTH, FOUR),
)


def findings(results: Results) -> list[str]:
    """Return a sentence per contribution: the validation OWA without it and with it, seed by seed."""
    owas = {(row.label, seed): result["validation"]["forecaster"]["owa"] for (row, seed), result in results}
    sentences = []
    for what, without, with_it in CONTRIBUTIONS:
        pairs = []
        for seed in sorted({seed for _, seed in owas}):
            control, own = owas.get((without, 0 if without == BASE else seed)), owas.get((with_it, seed))
            pairs += [(control, own)] if control is not None and own is not None else []
        if pairs:
            sentences.append(_contribution(what, np.array(pairs)))
    return sentences


def _contribution(what: str, owas: np.ndarray) -> str:
    """Return a sentence on the OWA without a part and with it, (seeds, 2)."""
    gains = owas[:, 0] - owas[:, 1]  # (seeds,)
    without, with_it = owas.mean(axis=0)
    text = f"validation OWA {without:.4f} without, {with_it:.4f} with"
    if len(gains) == 1:
        return f"{what}: {text}; one seed, so a small difference proves nothing."
    decided = "lowers" if (gains > 0).all() else "raises" if (gains < 0).all() else "does not clearly change"
    return f"{what} {decided} the error: {text}; the gain per seed is {gains.min():+.4f} to {gains.max():+.4f}."


EXPERIMENT = ForecastExperiment(
    "m4-hourly",
    "Forecasts of 414 hourly series over 48 hours: base forecast, net, both, and controls without memory or dilation.",
    panels,
    rows,
    HORIZON,
    SEASONS[0],
    published=PUBLISHED,
    notes=(
        "Published: Makridakis, Spiliotis and Assimakopoulos, The M4 Competition, International Journal of Forecasting 36, "
        "2020. "
        "The quick scale forecasts a few of the series, so its figures are not comparable with these.",
        "The net has three inputs per step: the last error, the distance from the smoothed level, and the scale of the errors.",
        "net without a base: the net predicts the distance from the last value, without any seasonal forecast or seasonal "
        "smoothing in its inputs; it learns of the seasons by its dilations alone.",
        "net and seasonal naive: the base is the seasonal naive forecast; the inputs know the errors of the smoothing.",
        f"memoryless: all dilations are {BEYOND:,}, longer than any series. All nets have the same size.",
    ),
    findings=findings,
)
