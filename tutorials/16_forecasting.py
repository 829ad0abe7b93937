# %% [markdown]
# # 16. Forecasting: from last year's value to a dilated net
#
# **What you will do.** Forecast three real series, two years ahead: sunspots, the temperature of a sea, and the carbon dioxide in the
# air. Begin with forecasts that need no training, add a dilated net, and find out with a control what its memory is worth.
#
# **What you need.** Tutorial 4 (gates), tutorial 6 (stacks) and tutorial 8 (training). Reading time: 30 minutes.

# %%
from pathlib import Path

import numpy as np
from exercises import check, hint
from tools import axes_below, show, show_scores, show_series, size

from dilated_rnn_np import forecasting, plot
from dilated_rnn_np.forecasting import Forecaster, metrics
from dilated_rnn_np.forecasting.base import inverse_error_weights
from dilated_rnn_np.forecasting.features import base_forecast, inputs, targets
from dilated_rnn_np.forecasting.following import Followed
from dilated_rnn_np.forecasting.smoothing import Smoother
from dilated_rnn_np.forecasting.track import candidate_names

# %% [markdown]
# ## Three series
#
# All are monthly and in the public domain. Monthly mean sunspot numbers come from the National Geophysical Data Center of NOAA; the
# temperature of the sea surface off Peru (the region Niño 1+2) from NOAA's Climate Prediction Center; carbon dioxide at Mauna Loa, as
# monthly means of weekly values, from Keeling and Whorf (2004), Carbon Dioxide Information Analysis Center.
#
# The file has the *long format*: one row per value, with the columns `unique_id` (which series), `ds` (when) and `y` (the value).

# %%
HERE = Path(__file__).parent if "__file__" in globals() else Path()
panel = forecasting.read_csv(HERE / "data" / "monthly.csv")
names = panel.ids
print(f"{len(panel)} series, frequency: {panel.frequency.name}")
for series in panel:
    print(f"{series.unique_id:<16}{len(series):>5} values from {series.ds[0].astype('M8[M]')}")
print(*panel.report(), sep="\n")

# %% [markdown]
# We hide the last 24 years of each series. Here are the 30 years before them. **Cover the text below and guess**: which series could
# you continue with a copy of last year? Which one needs more than that? And for which would you not dare a forecast two years ahead?

# %%
HORIZON, WINDOWS = 24, 12  # months ahead; cutoffs, so 24 years are hidden
past = panel.drop_last(HORIZON * WINDOWS)
show_series({series.unique_id: (series.ds[-360:], series.y[-360:]) for series in past})

# %% [markdown]
# The sea repeats its year, with warm years in between (El Niño). Carbon dioxide repeats its year on a rising line. The sun has no
# year. It has a cycle of about eleven years, but no two cycles have the same length or height.
#
# ## Two forecasts that need no training
#
# **Naive**: the last value, for every month to come. **Seasonal naive**: the same month of the last year. To compare errors of
# sunspots with errors of degrees, divide by the error that seasonal naive made in the history:
#
# $$\text{scaled error} = \frac{\text{mean } |y_{t+k} - f_{t+k}|}{\text{mean } |y_t - y_{t-12}| \text{ over the history}}$$
#
# It is called MASE. One window proves little, so we forecast from twelve *cutoffs*, 24 months apart, and average.

# %%
SEASON = 12
histories = [panel.drop_last(window * HORIZON) for window in range(WINDOWS, 0, -1)]


def after(series):
    """Return the 24 values after the end of a history."""
    return panel[series.unique_id].y[len(series) : len(series) + HORIZON]


def scaled_error(actual, forecast, history):
    """Return the MASE of one forecast."""
    scale = np.nanmean(np.abs(history[SEASON:] - history[:-SEASON]))
    return np.abs(actual - forecast).mean() / scale


def backtest(forecasts):
    """Return the scaled error per series, averaged over the cutoffs."""
    errors = {name: [] for name in names}
    for history, rows in zip(histories, forecasts, strict=True):
        for series, forecast in zip(history, rows, strict=True):
            errors[series.unique_id].append(scaled_error(after(series), forecast, series.y))
    return {name: float(np.mean(values)) for name, values in errors.items()}


def print_scores(scores):
    print(f"{'':<24}" + "".join(f"{name:>17}" for name in names))
    for method, row in scores.items():
        print(f"{method:<24}" + "".join(f"{row[name]:>17.2f}" for name in names))


def naive(history):
    return [forecasting.naive(series.y, HORIZON) for series in history]


def seasonal_naive(history):
    return [forecasting.seasonal_naive(series.y, HORIZON, SEASON) for series in history]


sun = panel["sunspots"].y
assert np.isclose(
    scaled_error(sun[-24:], sun[-48:-24], sun[:-24]),
    metrics.mase(sun[-24:], sun[-48:-24], sun[:-24], SEASON),
)
scores = {
    "naive": backtest(map(naive, histories)),
    "seasonal naive": backtest(map(seasonal_naive, histories)),
}
print_scores(scores)
for name in ("sea temperature", "CO2"):
    assert scores["seasonal naive"][name] < scores["naive"][name]
assert scores["naive"]["sunspots"] < scores["seasonal naive"]["sunspots"]

# %% [markdown]
# The sun has no year: there, last year's value is older news than last month's. **Which forecast is good depends on the series.** Both
# are bad for carbon dioxide: they know nothing of the rising line.
#
# ## Exponential smoothing by hand
#
# A *level*, and an entry of the *season* for each month, forecast the next value. The error of that forecast corrects both, each with
# a rate of its own:
#
# | equation | line of code |
# |---|---|
# | $e_t = y_t - (\ell_{t-1} + s_{t \bmod 12})$ | `error = value - (level + season[t % 12])` |
# | $\ell_t = \ell_{t-1} + \alpha\, e_t$ | `level += level_rate * error` |
# | $s_{t \bmod 12} \mathrel{+}= \gamma\, e_t$ | `season[t % 12] += season_rate * error` |


# %%
def smooth(y, level, season, level_rate, season_rate):
    """Return level and season after all values, and the forecasts 12 months ahead at each."""
    season, ahead = season.copy(), []
    for t, value in enumerate(y):
        error = value - (level + season[t % SEASON])
        if not np.isnan(error):  # a missing value corrects nothing
            level += level_rate * error
            season[t % SEASON] += season_rate * error
        ahead.append(level + season[(t + 12) % SEASON])
    return level, season, np.array(ahead)


def start(y):
    """Return level and season of the first two years."""
    level = np.nanmean(y[:24])
    return level, np.nanmean(y[:24].reshape(2, SEASON), axis=0) - level


sea = past["sea temperature"].y
level, season, _ = smooth(sea, *start(sea), 0.1, 0.05)

first_level, first_season = start(sea)
smoother = Smoother(
    np.array([[first_level]]),
    np.zeros((1, 1)),  # no trend
    [first_season[:, None, None].copy()],
)
for t, value in enumerate(sea):
    smoother.update(t, np.array([value]), np.array([0.1, 0.0, 0.05])[:, None, None])
assert np.isclose(smoother.level[0, 0], level)
assert np.allclose(smoother.seasons[0][:, 0, 0], season)
print(f"level {level:.3f}, by hand and by forecasting.smoothing")

# %% [markdown]
# How fast should the level follow? **Guess for each series** before you look: slowly (0.03), or fast (0.9)?

# %%
LEVEL_RATES = (0.03, 0.3, 0.9)
best = {}
print(f"{'mean error, 12 months ahead':<28}" + "".join(f"rate {r:<8}" for r in LEVEL_RATES))
for series in past:
    errors = []
    for rate in LEVEL_RATES:
        _, _, ahead = smooth(series.y, *start(series.y), rate, 0.05)
        errors.append(float(np.nanmean(np.abs(series.y[36:] - ahead[24:-12]))))
    best[series.unique_id] = LEVEL_RATES[int(np.argmin(errors))]
    print(f"{series.unique_id:<28}" + "".join(f"{error:<13.3f}" for error in errors))
assert best["CO2"] == 0.9 and best["sea temperature"] < 0.9

# %% [markdown]
# No rate is good everywhere. So let **each series choose by its own past errors**. The library tries a grid of rates, and a *base
# forecast* is a weighted mean of the smoothing, the naive and a few seasonal naive variants, with weights that fall steeply with the error of
# each method:
#
# $$w_j \propto \left(\frac{\text{error}_j}{\text{least error}}\right)^{-8}$$

# %%
errors = np.array([1.0, 1.1, 2.0])
by_hand = (errors / errors.min()) ** -8
by_hand /= by_hand.sum()
assert np.allclose(by_hand, inverse_error_weights(errors))
print("errors", errors, "give weights", by_hand.round(3))

base = Forecaster(HORIZON, seasons=(SEASON,), members=0)  # no net: the base alone
base.fit(past, progress=False)
print(f"\n{'':<18}" + "".join(f"{name:>17}" for name in names))
for j, method in enumerate(candidate_names((SEASON,))):
    print(f"{method:<18}" + "".join(f"{weight:>17.2f}" for weight in base.frozen.base.mix[:, j]))
assert np.allclose(base.frozen.base.mix.sum(axis=1), 1)

base_forecasts = [base.predict(history) for history in histories]
scores["base"] = backtest(forecast.mean for forecast in base_forecasts)
print()
print_scores(scores)
for name in names:
    assert scores["base"][name] < scores["seasonal naive"][name]

# %% [markdown]
# The base beats seasonal naive on all three series. On carbon dioxide it halves the error. On sunspots it is still no better than the
# naive forecast, although that is one of its methods: the errors of the past did not foretell which method would be best.
#
# ## What is left?
#
# The net will not forecast the series. It will forecast **the error of the base**, the *residual*. Here it is for a forecast of 12
# months ahead, in units of its mean size ($\sigma$), at the month in which the forecast was made. Which of the three curves could you
# continue?


# %%
def residuals(name, ahead):
    """Return per step the net's inputs (T, 3), and the base's error some months ahead (T,)."""
    frozen, series = base.frozen, panel[name]
    own = base.frozen.base.rows(np.array([frozen.rows[name]]))
    track = Followed.of([series.y], own, frozen.seasons, frozen.warm_up).track
    forecast = base_forecast(track, own, HORIZON)
    x = inputs(track, own)[0]
    z = np.concatenate([track.z[0, -len(series) :], np.full(HORIZON, np.nan)])
    return x, targets(z[None], forecast, own.sigma)[0, :, ahead - 1]


left = {name: residuals(name, 12) for name in names}
recent = {name: (panel[name].ds[-480:], rest[-480:]) for name, (_, rest) in left.items()}
show_series({f"{name}, error of the base in σ": line for name, line in recent.items()})

# %% [markdown]
# All three swing. Is that something to learn? **Not necessarily**: a warm year that nobody saw coming is missed by twelve forecasts in a
# row, so errors 12 months ahead always come in waves. The question is whether a wave was *announced*.
#
# For the sun we can say what would announce it. While the cycle rises, the base is too low; while it falls, too high. So at a given
# number of sunspots: is the cycle rising or falling? One value does not tell. The last years do.
#
# That can be measured without any net. Fit two linear regressions to the residual, on the first 60 % of the months, and see how much
# of its variance they explain in the rest. One sees what is known *now*: the last error of the smoothing and the distance of the
# value from its level. The other sees the same two numbers *over three years*.


# %%
def explained(features, target):
    """Return the share of the later months' variance that a regression explains."""
    X = np.column_stack([np.ones(len(features)), features])
    cut = int(0.6 * len(X))
    w = np.linalg.solve(X[:cut].T @ X[:cut] + np.eye(X.shape[1]), X[:cut].T @ target[:cut])
    later, known = target[cut + 12 :], target[:cut].mean()  # 12 months apart: no shared values
    return 1 - ((later - X[cut + 12 :] @ w) ** 2).sum() / ((later - known) ** 2).sum()


shares = {}
for name, (x, rest) in left.items():
    steps = np.arange(60, len(rest) - HORIZON)
    now = x[steps, :2]
    years = np.concatenate([x[steps - lag, :2] for lag in range(37)], axis=1)
    shares[name] = explained(now, rest[steps]), explained(years, rest[steps])
    short, long = shares[name]
    print(f"{name:<16} explained by now {short:>5.0%}, by three years {long:>5.0%}")
assert shares["sunspots"][1] > 0.3 > 0.1 > shares["sunspots"][0]
assert max(shares["sea temperature"]) < 0.1

# %% [markdown]
# For the sun, memory should pay. For the sea, a line through the past explains nothing. (A negative share is worse than the mean.)
# Keep these numbers in mind as a prediction.
#
# ## The dilated net
#
# At every month the net gets three numbers: the last error, the distance from the level, and the logarithm of $\sigma$. At every month
# it answers with the base's errors of the next 24 months. It is one GRU for all series with two layers, and its dilations are the lengths
# that matter: 1 month and the **season**. The sequence is the whole history, in crops.

# %%
STEPS = size(160, 400)
SETTINGS = {"seasons": (SEASON,), "hidden_size": 16, "dropout": 0.1}


def trained(**options):
    """Return a forecaster fitted to the values before the first cutoff."""
    return Forecaster(HORIZON, **SETTINGS, **options).fit(past, STEPS, progress=False)


net = trained()
model = net.frozen.nets.models[0]
print(f"dilations {model.dilations}, {model.num_parameters:,} parameters, {STEPS} training steps")
net_forecasts = [net.predict(history) for history in histories]
scores["base + dilated net"] = backtest(forecast.mean for forecast in net_forecasts)
print_scores(scores)
dilated = scores["base + dilated net"]
assert dilated["sunspots"] < 0.9 * scores["base"]["sunspots"]
assert dilated["sunspots"] < scores["naive"]["sunspots"]
assert dilated["CO2"] < scores["base"]["CO2"]

# %% [markdown]
# On sunspots the net is the first to beat the naive forecast, and on carbon dioxide it beats the base. On the sea it does not help.
#
# So memory pays? **Not so fast.** The net may as well have found a correction that depends on the last value alone. Many reports stop
# here. How would you find out?
#
# ## The honest control
#
# Take the same net, features, seed and batches, and make all dilations **longer than the longest series**. Every recurrent edge now
# comes from before the start: the net has layers, but no memory. A second control keeps the memory and drops the dilation: all
# dilations 1. **On which series will the memoryless net lose?**

# %%
BEYOND = max(len(series) for series in panel) + 1
controls = {"memoryless net": [BEYOND] * 2, "all dilations 1": [1] * 2}
fitted = {label: trained(dilations=ds) for label, ds in controls.items()}
for label, control in fitted.items():
    assert control.frozen.nets.models[0].num_parameters == model.num_parameters
    scores[f"base + {label}"] = backtest(control.predict(history).mean for history in histories)
print_scores(scores)
show_scores(scores, "scaled error")

# %%
memoryless = scores["base + memoryless net"]
ones = scores["base + all dilations 1"]
for name in names:
    ratio = memoryless[name] / dilated[name]
    print(f"{name:<16} error without memory over error with it: {ratio:.2f}")
assert memoryless["sunspots"] > 1.2 * dilated["sunspots"]
assert memoryless["CO2"] < min(dilated["CO2"], scores["base"]["CO2"])
assert memoryless["sunspots"] > 0.9 * scores["base"]["sunspots"]
assert ones["sunspots"] < memoryless["sunspots"]

# %% [markdown]
# - **Sunspots:** without memory the net is no better than the base, as the regression predicted. The whole gain is memory.
# - **Sea:** no net beats the base. The regression found nothing to learn, and that is how it is.
# - **Carbon dioxide:** the memoryless net is by far the best. Only 238 months are left to train on after the warm-up, and a net with
#   memory finds more in them than there is.
# - **Dilation** is another question than memory, and here the answer is mixed: on sunspots the net with all dilations 1 is better, on
#   carbon dioxide the dilated one. A likely reason: a layer of dilation 12 sees every twelfth month, and the sun has no year.
#   Tutorials 8 and 9 have sequences where dilation decides.
#
# One seed proves little. Three seeds, of 160 steps each, gave these scaled errors, lowest to highest:
#
# | | sunspots | sea temperature | CO2 |
# |---|---|---|---|
# | dilated | 0.84 to 1.05 | 0.81 to 1.12 | 0.75 to 0.82 |
# | memoryless | 1.55 to 1.56 | 0.91 to 0.92 | 0.58 to 0.63 |
# | all dilations 1 | 0.78 to 0.82 | 0.84 to 1.03 | 0.93 to 1.06 |
#
# So the differences on sunspots and on carbon dioxide are safe, and those on the sea are not. The experiment `m4-hourly` asks
# the same questions of 414 series.
#
# ## How sure is it? Quantiles that cannot cross
#
# A number without an interval is half a forecast. The net gives three numbers per month, and they become the quantiles 2.5 %, 50 %
# and 97.5 %. If each were free, nothing would keep the lower one below the upper one. So only the middle one is free; the others lie
# at *positive distances* from it:
#
# $$q_{50} = o_2,\qquad q_{97.5} = q_{50} + s_3\,\text{softplus}(o_3),\qquad q_{2.5} = q_{50} - s_1\,\text{softplus}(o_1)$$
#
# with $\text{softplus}(o) = \ln(1 + e^o) > 0$. The scales $s$ are taken from the errors of the base, so an untrained net starts with the
# intervals of the base.

# %%
o = np.random.default_rng(0).standard_normal((1000, HORIZON, 3))
head = net.frozen.nets.head
distance = head.distances * np.logaddexp(o, 0)
q = np.stack([o[..., 1] - distance[..., 0], o[..., 1], o[..., 1] + distance[..., 2]], axis=-1)
assert np.allclose(q, head.quantiles(o.reshape(1000, -1)))
free, ordered = (np.diff(values, axis=-1) < 0 for values in (o, q))
print(f"free outputs cross in {free.any(axis=-1).mean():.0%} of the cases", end=", ")
print(f"ordered ones in {ordered.any(axis=-1).mean():.0%}")
assert free.any() and not ordered.any()

# %% [markdown]
# Each quantile is trained with the *pinball loss*: a value above the 97.5 % quantile costs 39 times its distance, a value below it
# only once its distance, so that 97.5 % of the values should lie below. Does an interval of 95 % hold 95 % of the values? Count, over the hidden 24 years:


# %%
def coverage(forecasts):
    """Return the share of the hidden values inside the interval, per series."""
    inside = {name: [] for name in names}
    for history, forecast in zip(histories, forecasts, strict=True):
        low, high = forecast.quantile(0.025), forecast.quantile(0.975)
        for i, series in enumerate(history):
            inside[series.unique_id].append((low[i] <= after(series)) & (after(series) <= high[i]))
    return {name: float(np.mean(values)) for name, values in inside.items()}


covered = {"base": coverage(base_forecasts), "base + dilated net": coverage(net_forecasts)}
print_scores(covered)
assert all(share > 0.8 for share in covered["base"].values())
assert all(share > 0.85 for share in covered["base + dilated net"].values())

# %% [markdown]
# All are near 95 %, a little above on the sun and a little below on carbon dioxide. Part of that is a correction: intervals that fit
# the training data are too narrow for what comes after, so the forecaster widens them by 15 %. **Only values that the training has
# not seen can show that.**

# %% [markdown]
# Now look at two moments with the same number of sunspots: December 1998 had 82, and December 2002 had 81. **What will the next two
# years bring, each time?** Guess before you look at the pictures.

# %%
rising, falling = 7, 9  # of the twelve cutoffs
pictured = zip(axes_below(2), (rising, falling), strict=True)
for ax, cutoff in pictured:
    T, forecast = len(histories[cutoff]["sunspots"]), net_forecasts[cutoff]
    plot.forecast(
        sun[T - 180 : T],
        forecast.mean[0],
        {level: values[0] for level, values in forecast.quantiles.items()},
        actual=sun[T : T + HORIZON],
        ds=panel["sunspots"].ds[T - 180 : T + HORIZON],
        title=f"sunspots from {forecast.ds[0, 0].astype('M8[M]')} on",
        ax=ax,
    )
show(ax)


def at_the_end(forecasts, cutoff):
    """Return the mean of the last half year of a forecast of sunspots."""
    return float(forecasts[cutoff].mean[0, -6:].mean())


for label, forecasts in (("base", base_forecasts), ("with the net", net_forecasts)):
    up, down = at_the_end(forecasts, rising), at_the_end(forecasts, falling)
    print(f"{label:<14} two years after 1998: {up:>4.0f}, after 2002: {down:>4.0f}")
actual = [after(histories[cutoff]["sunspots"])[-6:].mean() for cutoff in (rising, falling)]
print(f"{'actual':<14} two years after 1998: {actual[0]:>4.0f}, after 2002: {actual[1]:>4.0f}")
assert at_the_end(net_forecasts, rising) > 1.5 * at_the_end(net_forecasts, falling)
assert at_the_end(net_forecasts, falling) < 0.8 * at_the_end(base_forecasts, falling)

# %% [markdown]
# The net has seen the rise before December 1998, and the maximum before December 2002. That is what its memory is for.
#
# Coverage near 95 % is not enough by itself: an interval that is always huge has it too. MSIS, the score of the M4 competition, adds
# to the width 40 times the distance of each missed value, scaled as above.
#
# ## The backtest, in one call
#
# `forecaster.backtest` does what we did by hand: it fits a fresh forecaster with the same settings **to the values before the first
# cutoff only**, forecasts at each cutoff from the longer history, and puts naive forecasts beside. For the base it gives our number:

# %%
result = base.backtest(panel, WINDOWS, progress=False)
print(result)
assert np.isclose(result.mean["forecaster"].mase, np.mean(list(scores["base"].values())))

# %% [markdown]
# A mistake that makes any forecaster look good: to choose a setting by the score of a window, and then to report that window. Choose
# on earlier windows; look at the last ones once. We broke this rule a little ourselves: the 160 training steps were chosen with these
# windows in view, so the scores of the nets are a little too good.
#
# ## One value at a time
#
# A forecaster in use gets one new value a month. `update` advances smoothing and net by one step, in a time that does not depend on
# the length of the history. The forecast must be the same as if the whole history were read again:

# %%
longer = panel.drop_last(HORIZON * WINDOWS - 12)  # a year more
for series in longer:
    for value in series.y[-12:]:
        net.update(series.unique_id, value)
streamed, whole = net.predict(), net.predict(longer)
distance = np.abs(streamed.values - whole.values).max(axis=(1, 2)) / whole.values.max(axis=(1, 2))
for name, d in zip(names, distance, strict=True):
    print(f"{name:<16} largest relative difference {d:.1e}")
assert np.allclose(streamed.values, whole.values, rtol=1e-4, atol=1e-3)
assert np.array_equal(streamed.ds, whole.ds)

# %% [markdown]
# ## When not to use a net
#
# - **When the base is as good.** It is fitted in a second, its weights can be read, and on the sea no net beats it.
# - **When the control ties or wins.** If the memoryless net is as good, you need a regression, not a recurrent net.
# - **When there are few values.** With 238 months to learn from, less memory was better. Hundreds of related series are the home of a net.
# - **When the future breaks with the past.** No method here knows of anything that is not in the history.
#
# Always show naive, seasonal naive and the base beside a net. A score by itself says nothing.
#
# ## Exercises
#
# Fill in the functions and run the cell. `hint("16.1", 1)` gives a nudge; the solutions are in `solutions/ex16.py`.
#
# **16.1** The seasonal naive forecast of a history `y` (T,), for any horizon, also a longer one than the season.


# %%
def seasonal_naive_forecast(y, horizon, season):
    """Return the forecast (horizon,)."""


check("16.1", seasonal_naive_forecast)

# %% [markdown]
# **16.2** The scaled error of a forecast, for any season.


# %%
def mase(actual, forecast, history, season):
    """Return the scaled error."""


check("16.2", mase)

# %% [markdown]
# **16.3** One step of exponential smoothing. `season` holds m entries; the value is that of step `t`. Return the new level and the
# new seasons, and leave the given array as it is.


# %%
def smoothing_step(level, season, t, value, level_rate, season_rate):
    """Return the new level, and the new seasons (m,)."""


check("16.3", smoothing_step)

# %% [markdown]
# **16.4** Three increasing quantiles from three free numbers `o`: the middle one is `o[1]`, the others lie at the distances
# `gaps[0] * softplus(o[0])` below it and `gaps[2] * softplus(o[2])` above it.


# %%
def ordered_quantiles(o, gaps):
    """Return the three quantiles, lowest first."""


check("16.4", ordered_quantiles)
hint("16.4", 1)

# %% [markdown]
# ## Where next
#
# Bring a series of your own: `drn.forecasting.read_csv` reads it, `Forecaster(horizon).fit(panel)` takes the seasons from the frequency,
# and `backtest` says whether it was worth it. The steps of the forecaster, each usable by itself, are in
# [forecaster.py](../dilated_rnn_np/forecasting/forecaster.py), [base.py](../dilated_rnn_np/forecasting/base.py) and
# [quantiles.py](../dilated_rnn_np/forecasting/quantiles.py). If gates or gradients were a black box on the way, begin at
# [1. One recurrent neuron by hand](01_one_recurrent_neuron.ipynb).
