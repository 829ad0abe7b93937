"""Exponential smoothing and the base methods of one series, as plain loops over numbers, and random series to try them on."""

import math

import numpy as np

from dilated_rnn_np.forecasting.smoothing import DAMPING


def random_series(rng, T, missing=0.1):
    """A seasonal random walk (T,) of positive and negative values; some are missing, but neither the first nor the last."""
    level, season = 10 * rng.normal(), rng.normal(size=4)
    y = level + np.cumsum(rng.normal(size=T)) + 3 * season[np.arange(T) % 4]
    y[1:-1][rng.random(max(0, T - 2)) < missing] = np.nan
    return y


def random_rates(rng, seasons, K):
    """Rates (2 + seasons, K), and shares (K,) that sum to 1."""
    shares = rng.random(K)
    return rng.random((2 + len(seasons), K)), shares / shares.sum()


class SlowSmoother:
    """Exponential smoothing of one series with one set of rates."""

    def __init__(self, z, seasons, rates, warm_up):
        first = [float(v) for v in z[:warm_up]] + [math.nan] * (warm_up - len(z))
        half, known = warm_up // 2, [v for v in first if not math.isnan(v)]
        self.trend = 0.0
        if len(known) == warm_up:
            early, late = sum(first[:half]) / half, sum(first[warm_up - half :]) / half
            self.trend = (late - early) / (warm_up - half)
        middle = (warm_up - 1) / 2
        self.level = sum(known) / len(known) - self.trend * (middle + 1)  # of step -1
        rest = [v - self.level - self.trend * (t + 1) for t, v in enumerate(first)]
        self.seasons, self.rates = [], [float(rate) for rate in rates]
        for m in seasons:
            season = []
            for phase in range(m):
                same = [v for v in rest[phase::m] if not math.isnan(v)]
                season.append(sum(same) / len(same) if same else 0.0)
            mean = sum(season) / m
            self.seasons.append([v - mean for v in season])
            rest = [v - self.seasons[-1][t % m] for t, v in enumerate(rest)]

    def forecast(self, t, k):
        """The forecast of step t + k, after step t."""
        trend = sum(DAMPING**i for i in range(1, k + 1)) * self.trend
        return self.level + trend + sum(season[(t + k) % len(season)] for season in self.seasons)

    def update(self, t, z):
        """Correct the components by the value of step t; return the error of its forecast."""
        error = z - self.forecast(t - 1, 1)
        error = 0.0 if math.isnan(error) else error
        self.level += DAMPING * self.trend + self.rates[0] * error
        self.trend = DAMPING * self.trend + self.rates[1] * error
        for season, rate in zip(self.seasons, self.rates[2:], strict=True):
            season[t % len(season)] += rate * error
        return error


def slow_track(z, seasons, rates, shares, warm_up, horizon):
    """One series followed by several smoothers, weighted by their shares.

    Returns
    -------
    values (T,) without gaps, errors (T,), levels (T,), trends (T,), the seasons' entries (T,) each, and the smoothing's
    forecasts (T, horizon).
    """
    smoothers = [SlowSmoother(z, seasons, own, warm_up) for own in rates.T]

    def mean(numbers):
        return sum(share * number for share, number in zip(shares, numbers, strict=True))

    steps, paths = [], []
    for t, value in enumerate(z):
        if math.isnan(value):
            value = mean(s.forecast(t - 1, 1) for s in smoothers)
        error = mean([s.update(t, value) for s in smoothers])
        entries = [mean(s.seasons[j][t % m] for s in smoothers) for j, m in enumerate(seasons)]
        steps.append([value, error, mean(s.level for s in smoothers), mean(s.trend for s in smoothers), *entries])
        paths.append([mean(s.forecast(t, k) for s in smoothers) for k in range(1, horizon + 1)])
    return np.array(steps).T, np.array(paths)


def slow_methods(z, seasons, smoothing):
    """The forecasts of every method by its formula, by name, (T, horizon) each; z without gaps, the smoothing's given."""
    T, horizon = smoothing.shape

    def at(t):
        return z[t] if t >= 0 else math.nan

    def R(t):
        return sum(at(t - i) for i in range(seasons[0])) / seasons[0]

    def back(k, m):
        return m * math.ceil(k / m)

    def seasonal(t, k, m):
        return at(t + k - back(k, m))

    formulas = {"smoothing": lambda t, k: math.nan, "naive": lambda t, k: z[t]}
    if seasons:
        short, long = seasons[0], seasons[-1]
        formulas["seasonal naive"] = lambda t, k: seasonal(t, k, short)
        for m in seasons:

            def one(t, k, m=m):
                return seasonal(t, k, m) + R(t) - R(t - m)

            def two(t, k, m=m):
                return (one(t, k, m) + at(t + k - back(k, m) - m) + R(t) - R(t - 2 * m)) / 2

            formulas |= {f"drift {m}": one, f"drift 2 {m}": two}
        if long > short:
            formulas["difference"] = lambda t, k: (
                seasonal(t, k, short) + seasonal(t, k, long) - at(t + k - back(k, short) - long)
            )
    found = {}
    for name, formula in formulas.items():
        path = np.array([[formula(t, k) for k in range(1, horizon + 1)] for t in range(T)])
        found[name] = np.where(np.isnan(path), smoothing, path)
    return found
