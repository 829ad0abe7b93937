"""Exercises of tutorial 16: forecasting."""

import numpy as np
from solutions import ex16 as solutions

from . import Exercise, Mistake


def history(rng):
    season = int(rng.integers(3, 6))
    return rng.standard_normal(4 * season + 1), 2 * season + int(rng.integers(1, season)), season


def one_window(rng):
    season = int(rng.integers(2, 5))
    return rng.standard_normal(4), rng.standard_normal(4), rng.standard_normal(5 * season), season


def scaled(actual, forecast, history, season, *, lag=None, where=None, size=np.abs, scaled=True, whole=False):
    """The scaled error with one thing changed."""
    known = history if where is None else where
    lag = season if lag is None else lag
    scale = size(known[lag:] - known[:-lag]).mean() if scaled else 1.0
    errors = size(actual - forecast)
    return (errors.sum() if whole else errors.mean()) / scale


def smoother(rng):
    m = int(rng.integers(3, 6))
    season = rng.standard_normal(m)
    return rng.normal(), season, int(rng.integers(m, 4 * m)), rng.normal(), rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.5)


def step(level, season, t, value, a, b, *, seasonal=True, phase=0, twice=False, swap=False, sign=1, blend=False):
    """A step of smoothing with one thing changed."""
    p = (t + phase) % len(season)
    a, b = (b, a) if swap else (a, b)
    error = sign * (value - level - (season[p] if seasonal else 0))
    new = a * value + (1 - a) * level if blend else level + a * error
    season = season.copy()
    season[p] += b * (value - new - season[p] if twice else error)
    return new, season


def changed(function, **changes):
    return lambda *arguments: function(*arguments, **changes)


def outputs(rng):
    return rng.standard_normal(3), rng.uniform(0.5, 2, 3)


def softplus(o):
    return np.log1p(np.exp(o))


EXERCISES = {
    "16.1": Exercise(
        solutions.seasonal_naive,
        history,
        ["forecast"],
        [
            Mistake(
                lambda y, h, m: np.full(h, y[-1]),
                "that is the naive forecast, the last value again and again; wanted is the same position of the last season.",
            ),
            Mistake(
                lambda y, h, m: np.full(h, y[-m]),
                "that is one value of the last season, repeated; each step of the horizon has its own position.",
            ),
            Mistake(
                lambda y, h, m: y[np.arange(h) % m],
                "that is the first season of the history; the last one is wanted, it starts at len(y) - season.",
            ),
            Mistake(
                lambda y, h, m: y[len(y) - m - 1 + np.arange(h) % m],
                "the season starts one step early: its first value is y[len(y) - season].",
            ),
            Mistake(
                lambda y, h, m: y[-1 - np.arange(h) % m],
                "the season runs backward: step k of the horizon comes season steps after its model.",
            ),
            Mistake(
                lambda y, h, m: np.resize(y[-h:], h),
                "those are the last horizon values, which begin at another position of the season unless the horizon is a "
                "multiple of it.",
            ),
        ],
        [
            "the last season is y[-season:]; which of its values belongs to step k of the horizon?",
            "position k % season, with k counted from 0.",
            "y[len(y) - season + np.arange(horizon) % season]",
        ],
    ),
    "16.2": Exercise(
        solutions.scaled_error,
        one_window,
        ["error"],
        [
            Mistake(
                changed(scaled, scaled=False),
                "that is the mean absolute error in the units of the series; divide it by the error of seasonal naive in the "
                "history.",
            ),
            Mistake(
                changed(scaled, lag=1),
                "the scale is that of the naive forecast, with a lag of 1; here the lag is the season.",
            ),
            Mistake(
                changed(scaled, size=np.square),
                "errors and scale are squared; the scaled error takes absolute values.",
            ),
            Mistake(
                changed(scaled, whole=True),
                "the errors over the horizon are added up; take their mean.",
            ),
            Mistake(
                lambda actual, forecast, history, season: scaled(
                    actual, forecast, history, season, where=np.concatenate([history, actual])
                ),
                "the scale has seen the values to be forecast: take the history alone, or the score depends on the future.",
            ),
            Mistake(
                lambda actual, forecast, history, season: (
                    np.abs((actual - forecast).mean()) / np.abs(history[season:] - history[:-season]).mean()
                ),
                "positive and negative errors cancel: take the absolute value of each error, then the mean.",
            ),
            Mistake(
                lambda actual, forecast, history, season: np.abs(actual - forecast).mean() / np.abs(history).mean(),
                "that is scaled by the size of the values; the scale is the error of seasonal naive in the history.",
            ),
        ],
        [
            "two means of absolute differences, one over the other.",
            "below the bar: how wrong was it in the history to repeat the value of one season before?",
            "np.abs(history[season:] - history[:-season]).mean()",
        ],
    ),
    "16.3": Exercise(
        solutions.smoothing_step,
        smoother,
        ["level", "season"],
        [
            Mistake(
                changed(step, seasonal=False),
                "the forecast leaves out the season: the error is value - (level + season's entry).",
            ),
            Mistake(
                changed(step, phase=1),
                "the wrong entry of the season: step t belongs to entry t % m.",
            ),
            Mistake(
                changed(step, twice=True),
                "the level is right; the season is corrected by what is left after the new level. Both are corrected by the "
                "same error.",
            ),
            Mistake(changed(step, swap=True), "the rates are swapped: level_rate belongs to the level."),
            Mistake(
                changed(step, sign=-1),
                "the correction goes the wrong way: the error is the value minus its forecast.",
            ),
            Mistake(
                changed(step, blend=True),
                "the season is right; the level moves to the value with its season in it. Move it by level_rate times the error.",
            ),
            Mistake(
                lambda level, season, t, value, a, b: (step(level, season, t, value, a, b)[0], season),
                "the level is right, but the season is unchanged: its entry moves by season_rate times the error.",
            ),
            Mistake(
                lambda level, season, t, value, a, b: (
                    step(level, season, t, value, a, b)[0],
                    season + b * (value - level - season[t % len(season)]),
                ),
                "all entries of the season are moved; only that of step t is.",
            ),
        ],
        [
            "first the forecast, from the old level and the old entry; then its error; then two corrections.",
            "error = value - (level + season[t % m])",
            "copy the season, then season[t % m] += season_rate * error; the level moves by level_rate * error.",
        ],
    ),
    "16.4": Exercise(
        solutions.ordered_quantiles,
        outputs,
        ["quantiles"],
        [
            Mistake(
                lambda o, s: np.sort(o), "sorting also keeps them in order, but it mixes up which output is which."
            ),
            Mistake(
                lambda o, s: np.array([o[1] - s[0] * np.exp(o[0]), o[1], o[1] + s[2] * np.exp(o[2])]),
                "exp is positive too, but it explodes for large outputs; wanted is the softplus, log(1 + exp(o)).",
            ),
            Mistake(
                lambda o, s: np.array([o[1] - softplus(o[0]), o[1], o[1] + softplus(o[2])]),
                "the scales are missing: each distance is gaps times the softplus.",
            ),
            Mistake(
                lambda o, s: np.array([o[1] - s[0] * o[0], o[1], o[1] + s[2] * o[2]]),
                "a distance of gaps times an output may be negative, and then the quantiles cross: pass it through the softplus.",
            ),
            Mistake(
                lambda o, s: np.array([o[1] + s[0] * softplus(o[0]), o[1], o[1] + s[2] * softplus(o[2])]),
                "the lowest quantile lies above the middle one: its distance is subtracted.",
            ),
            Mistake(
                lambda o, s: np.cumsum([o[0], s[1] * softplus(o[1]), s[2] * softplus(o[2])]),
                "these are in order, but counted from the lowest one; here the middle output is the middle quantile.",
            ),
            Mistake(
                lambda o, s: np.array(
                    [s[1] * o[1] - s[0] * softplus(o[0]), s[1] * o[1], s[1] * o[1] + s[2] * softplus(o[2])]
                ),
                "the middle quantile is its output as it is, without a scale.",
            ),
            Mistake(
                lambda o, s: np.array([o[1] - s[0] * softplus(-o[0]), o[1], o[1] + s[2] * softplus(o[2])]),
                "the sign of the first output is turned: a distance is gaps * softplus(o) on both sides.",
            ),
        ],
        [
            "the middle one is o[1]; the others lie at positive distances from it.",
            "np.logaddexp(o, 0) is log(1 + exp(o)) without overflow.",
            "[o[1] - gaps[0] * softplus(o[0]), o[1], o[1] + gaps[2] * softplus(o[2])]",
        ],
    ),
}
