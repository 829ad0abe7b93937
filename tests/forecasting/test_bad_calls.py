"""A wrong call of the forecaster ends in one line: the expectation, the given value and the remedy."""

import re

import numpy as np
import pytest
from support.forecasters import HORIZON, fitted, small, small_panel

from dilated_rnn_np.forecasting import Forecaster, Frequency, Panel, read_csv
from dilated_rnn_np.nets.checkpoint import CheckpointError

BUILD = {
    "horizon 0": (0, {}, "horizon must be a whole number of at least 1, got 0"),
    "horizon as text": ("a", {}, "horizon must be a whole number of at least 1, got 'a' (str)"),
    "horizon 2.5": (2.5, {}, "horizon must be a whole number of at least 1, got 2.5 (float)"),
    "one season": (3, {"seasons": 24}, "seasons must be a sequence such as (24, 168), got 24"),
    "seasons as text": (3, {"seasons": "24"}, "seasons must be a sequence such as (24, 168), got '24'"),
    "seasons of text": (3, {"seasons": ("day",)}, "season must be a whole number of at least 2, got 'day' (str)"),
    "decreasing seasons": (
        3,
        {"seasons": (168, 24)},
        "seasons must increase, shortest first, got (168, 24); pass (24,",
    ),
    "a season twice": (3, {"seasons": (7, 7)}, "seasons must increase, shortest first, got (7, 7); pass (7,)"),
    "season 1": (3, {"seasons": (1,)}, "season must be a whole number of at least 2, got 1"),
    "unsorted quantiles": (
        3,
        {"quantiles": (0.9, 0.5)},
        "quantiles must be increasing numbers between 0 and 1, got (0.9,",
    ),
    "no quantile": (3, {"quantiles": ()}, "quantiles must be increasing numbers between 0 and 1, got ()"),
    "quantile 0": (3, {"quantiles": (0, 0.5)}, "quantiles must be increasing numbers between 0 and 1, got (0.0, 0.5)"),
    "quantile 1": (3, {"quantiles": (0.5, 1)}, "quantile must lie in [0, 1), got 1.0"),
    "quantiles in percent": (3, {"quantiles": (50, 90)}, "quantile must lie in [0, 1), got 50.0"),
    "quantile NaN": (3, {"quantiles": (float("nan"),)}, "quantile must lie in [0, 1), got nan"),
    "one number for quantiles": (3, {"quantiles": 0.5}, "quantiles must be a sequence such as (0.025, 0.5, 0.975)"),
    "no quantile near the median": (
        3,
        {"quantiles": (0.1, 0.9)},
        "quantiles must hold a level from 0.4 to 0.6 for the point forecast, got (0.1, 0.9); add 0.5",
    ),
    "unknown cell": (3, {"cell": "ltsm"}, "unknown cell 'ltsm'; known: rnn, lstm, gru; did you mean 'lstm'?"),
    "hidden size 0": (3, {"hidden_size": 0}, "hidden_size must be a whole number of at least 1, got 0"),
    "members -1": (3, {"members": -1}, "members must be a whole number of at least 0, got -1"),
    "a generator for rng": (3, {"rng": np.random.default_rng()}, "rng must be a whole number of at least 0, got Gen"),
    "dropout 1": (3, {"dropout": 1}, "dropout must lie in [0, 1), got 1.0"),
    "lr 0": (3, {"lr": 0}, "lr must be a finite number above 0, got 0.0"),
    "no dilation": (3, {"dilations": []}, "dilations must hold one number per layer, got none; None takes them"),
    "one dilation": (3, {"dilations": 4}, "dilations must be a sequence such as (1, 4, 24), got 4"),
    "dilation 0": (3, {"dilations": [0]}, "dilation must be a whole number of at least 1, got 0"),
    "no method": (3, {"methods": []}, "methods must name at least one base method, got none; None takes all"),
    "one method as text": (3, {"methods": "smoothing"}, 'methods must be a sequence such as ("smoothing",), got'),
}


def refused(call, message, kinds=(TypeError, ValueError)):
    with pytest.raises(kinds, match=re.escape(message)) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", BUILD)
def test_wrong_settings_are_refused_by_the_constructor(name):
    horizon, options, message = BUILD[name]
    refused(lambda: Forecaster(horizon, **options), message)


PANEL = small_panel(lengths=(40, 30))
FIT = {
    "a file name": (lambda: small().fit("sales.csv"), "for a file use read_csv"),
    "no series": (lambda: small().fit({}), "a panel"),
    "0 steps": (lambda: small().fit(PANEL, steps=0), "steps must be a whole number of at least 1, got 0"),
    "unknown method": (
        lambda: small(methods=("seasonal",)).fit(PANEL),
        "unknown method 'seasonal'; known: smoothing, naive, seasonal naive, drift 4, drift 2 4",
    ),
    "method of a season that no series has": (
        lambda: small(seasons=(4, 50), methods=("drift 50",)).fit(PANEL),
        "unknown method 'drift 50'; known: smoothing, naive, seasonal naive, drift 4, drift 2 4",
    ),
    "resume without checkpoint": (
        lambda: small().fit(PANEL, resume=True),
        "resume=True needs the checkpoint to continue from: give checkpoint=path",
    ),
    "infinite value": (lambda: small().fit({"a": [1.0, np.inf]}), "series 'a', value 1: expected a finite number"),
    "values that overflow": (
        lambda: small().fit({"a": [1.0] * 20 + [1e307] * 20}),
        "series 'a' has values beyond 1e+100; divide them by a constant",
    ),
    "a series without value": (lambda: small().fit({"a": [np.nan]}), "series 'a' has no value; leave the series out"),
    "predict before fit": (lambda: small().predict(), "the forecaster is not fitted: call fit(panel) first, or load"),
    "update before fit": (lambda: small().update("a", 1.0), "the forecaster is not fitted"),
    "save before fit": (lambda: small().save("model.npz"), "the forecaster is not fitted"),
    "backtest of a short panel": (
        lambda: small().backtest({"a": range(10)}, windows=3),
        "a backtest of 3 windows of 3 steps needs a series of at least 11 values, the longest has 10; use fewer windows",
    ),
    "0 windows": (lambda: small().backtest(PANEL, windows=0), "windows must be a whole number of at least 1, got 0"),
}


@pytest.mark.parametrize("name", FIT)
def test_wrong_calls_are_refused(name):
    refused(*FIT[name])


def test_existing_and_impossible_checkpoints_are_refused_before_the_training(tmp_path, monkeypatch):
    monkeypatch.setattr("dilated_rnn_np.forecasting.forecaster.fit_base", None)
    refused(lambda: small().fit(PANEL, checkpoint=tmp_path / "no" / "run.npz"), "its folder must exist", OSError)
    (tmp_path / "run-1.npz").touch()
    call = lambda: small(members=2).fit(PANEL, checkpoint=tmp_path / "run.npz")  # noqa: E731
    refused(call, "run-1.npz exists; continue from it with resume=True, remove it", FileExistsError)


@pytest.mark.parametrize("options", [{"hidden_size": 5}, {"rng": 4}, {"dropout": 0.3}, {"quantiles": (0.1, 0.5, 0.9)}])
def test_a_checkpoint_of_other_settings_is_not_resumed(tmp_path, options):
    small().fit(PANEL, 2, tmp_path / "run.npz", progress=False)
    words = (
        "run.npz is of another panel or of other settings of the forecaster; resume with those, or give another name"
    )
    refused(lambda: small(**options).fit(PANEL, 4, tmp_path / "run.npz", True, False), words, CheckpointError)


def test_a_checkpoint_of_other_values_is_not_resumed_but_one_of_fewer_members_is(tmp_path):
    small().fit(PANEL, 2, tmp_path / "run.npz", progress=False)
    refused(lambda: small().fit(PANEL.drop_last(1), 2, tmp_path / "run.npz", True, False), "is of another panel")
    small(members=2).fit(PANEL, 2, tmp_path / "run.npz", True, False)


@pytest.fixture(scope="module")
def plain():
    return fitted(PANEL)


@pytest.fixture(scope="module")
def dated():
    return fitted(small_panel(lengths=(40, 30), covariates=2, dates=True))


HOURLY = Panel.of({"ds": ["2024-01-01T00:00", "2024-01-01T01:00"], "y": [1, 2]})
BOTH = np.zeros((1 + HORIZON, 2))
NAMES = "covariates must hold x0, x1 for this time stamp and the next 3, finite numbers of shape (4, 2), got "
CALLS = {
    "covariates for none": (
        lambda p, d: p.predict(future=np.zeros((2, 3, 1))),
        "future must be None: the panel has no cov",
    ),
    "no future": (
        lambda p, d: d.predict(),
        "future must hold the covariates x0, x1 over the horizon of 3 steps, got None",
    ),
    "future of a wrong shape": (
        lambda p, d: d.predict(future=np.zeros((2, 2, 2))),
        "future must be a table or an array of shape (2, 3, 2), (N, horizon, C), got (2, 2, 2)",
    ),
    "another frequency": (
        lambda p, d: d.predict(HOURLY),
        "panel must have the frequency and the covariates of fit, 'day' and ('x0', 'x1'), got 'hour' and ()",
    ),
    "dates for whole numbers": (
        lambda p, d: p.predict({"ds": ["2024-01-01", "2024-01-02"], "y": [1, 2]}),
        "expected whole numbers for the frequency 'integer', got 2024-01-01",
    ),
    "whole numbers for dates": (
        lambda p, d: d.predict({"a": [1.0, 2.0]}),
        "expected dates for the frequency 'day', got 1",
    ),
    "covariates of another name": (
        lambda p, d: p.predict({"y": [1, 2, 3], "price": [1, 2, 1]}),
        "panel must have the frequency and the covariates of fit, 'integer' and (), got 'integer' and ('price',)",
    ),
    "a file to predict": (lambda p, d: p.predict("sales.csv"), "for a file use read_csv"),
    "unknown quantile": (
        lambda p, d: p.predict().quantile(0.9),
        "quantile must be one of 0.025, 0.5, 0.975, got 0.9; build the Forecaster with quantiles=(…)",
    ),
    "unknown series": (lambda p, d: p.current_panel()["x"], "no series 'x' among the 2 of the panel, such as 'a'"),
    "a number as name": (
        lambda p, d: p.update(1, 2.0),
        "update takes the name of a series and a number or NaN, got 1",
    ),
    "a list of names": (lambda p, d: p.update(["a", "b"], 2.0), "update takes the name of a series"),
    "text as value": (lambda p, d: p.update("a", "5"), "y must be a real number, got '5' (str)"),
    "no value": (lambda p, d: p.update("a", None), "y must be a real number, got None"),
    "several values": (lambda p, d: p.update("a", np.ones(2)), "y must be a real number, got array"),
    "an infinite value": (lambda p, d: p.update("a", np.inf), "a number or NaN, got 'a' and inf"),
    "a new series without value": (
        lambda p, d: p.update("new", np.nan),
        "y must be a number: the new series 'new' cannot start with a missing value",
    ),
    "a new series without date": (
        lambda p, d: d.update("new", 1.0, BOTH),
        "ds must be the time stamp of the first value of the new series 'new', got None",
    ),
    "a new series with a number for a date": (
        lambda p, d: d.update("new", 1.0, BOTH, 7),
        "ds must be the time stamp of the first value of the new series 'new', of the frequency 'day' like 2024-02-14, got 7",
    ),
    "a new series with a date for a number": (
        lambda p, d: p.update("new", 1.0, ds="2024-01-01"),
        "of the frequency 'integer' like 40, got 2024-01-01",
    ),
    "text as date": (lambda p, d: d.update("new", 1.0, BOTH, "Monday"), "expected a date or a whole number"),
    "a skipped time stamp": (
        lambda p, d: p.update("a", 1.0, ds=42),
        "ds must be the next time stamp of series 'a', 41, got 42; update every time stamp in turn, with y=nan where",
    ),
    "no covariates": (lambda p, d: d.update("a", 1.0), NAMES + "NoneType"),
    "covariates of the wrong shape": (lambda p, d: d.update("a", 1.0, BOTH[1:]), NAMES + "an array of shape (3, 2)"),
    "missing covariates": (lambda p, d: d.update("a", 1.0, BOTH + np.nan), NAMES + "nan"),
    "covariates as text": (lambda p, d: d.update("a", 1.0, "high"), NAMES + "str"),
    "covariates that the panel has not": (
        lambda p, d: p.update("a", 1.0, BOTH),
        "covariates must hold nothing for this time stamp and the next 3, finite numbers of shape (4, 0), got an array",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_wrong_calls_of_a_fitted_forecaster_are_refused_and_change_nothing(name, plain, dated):
    call, message = CALLS[name]
    refused(lambda: call(plain, dated), message)
    assert not (plain.growing or plain.streams or dated.growing or dated.streams)


def test_future_of_series_with_updates_is_refused():
    forecaster = fitted(small_panel(lengths=(30,), covariates=1))
    forecaster.update("a", 20.0, np.zeros((1 + HORIZON, 1)))
    refused(
        lambda: forecaster.predict(future=np.zeros((1, 3, 1))), "future must be None: update was given the covariates"
    )


def test_a_new_series_must_start_on_the_frequency():
    monthly = Panel.of({"ds": ["2024-01-31", "2024-02-29", "2024-03-31"], "y": [1, 2, 3]})
    assert monthly.frequency == Frequency("month end")
    forecaster = fitted(monthly, members=0)
    refused(
        lambda: forecaster.update("new", 1.0, ds="2024-01-15"), "of the frequency 'month end' like 2024-03-31, got 2024"
    )
    forecaster.update("new", 1.0, ds="2024-01-31")
    assert forecaster.predict().ds[1].astype("datetime64[D]").astype(str).tolist()[0] == "2024-02-29"


def test_the_file_of_a_wrong_future_is_named(tmp_path, dated):
    (tmp_path / "future.csv").write_text("unique_id,ds,x0,x1\na,2024-02-15,1,\n")
    refused(lambda: dated.predict(future=tmp_path / "future.csv"), "future.csv")
    with pytest.raises(FileNotFoundError):
        read_csv(tmp_path / "no.csv")
