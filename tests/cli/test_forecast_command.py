"""The command ``forecast`` as a user types it: output, files, resuming, saved models, and answers to mistakes."""

import csv
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from support.places import ROOT

from dilated_rnn_np.cli.main import main
from dilated_rnn_np.forecasting import Forecaster, load, read_csv

SMALL = ["--hidden", "3", "--steps", "4"]
COMMAND = ["forecast", "sales.csv", "--horizon", "5", *SMALL]
FILES = ["backtest.csv", "forecast.csv", "forecast.png", "model.npz", "run.json", "training"]


def write(name, series, covariate=None, without_y=0, first="2024-01-01"):
    """Write daily series in the long format; the last ``without_y`` rows of each series have an empty y."""
    with open(name, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["unique_id", "ds", "y", *([] if covariate is None else [covariate])])
        for unique_id, values in series.items():
            for t, y in enumerate(values):
                if y == y:
                    known = "" if t >= len(values) - without_y else y
                    date = np.datetime64(first) + t
                    writer.writerow([unique_id, date, known, *([] if covariate is None else [t % 3])])


def weekly(n, level=20.0):
    return level + 5 * np.sin(np.arange(n) * 2 * np.pi / 7) + 0.01 * np.arange(n)


@pytest.fixture(autouse=True)
def in_a_folder_with_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gap = weekly(60)
    gap[30:32] = np.nan
    write("sales.csv", {"north": gap, "south": weekly(50, 40.0)})
    write("promoted.csv", {"north": weekly(60)}, "promotion", without_y=5)
    Path("model.csv").write_text("unique_id,ds,y\nnorth,2024-01-01,1\nnorth,2024-01-02,two\n")


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_it_prints_the_data_and_the_backtest_and_writes_all_files(capsys):
    assert main([*COMMAND, "--backtest", "2", "--quantiles", "0.1,0.9"]) == 0
    printed, progress = capsys.readouterr()
    assert printed.startswith(
        "sales.csv: 2 series of 50 to 60 values from 2024-01-01 to 2024-02-29\nfrequency: day; seasons: 7\n"
        "series 'north': 2 values missing from 2024-01-31 to 2024-02-01\n"
    )
    assert re.search(r"^forecaster +\d", printed, re.M) and re.search(r"^seasonal naive +\d", printed, re.M)
    assert re.search(r"Means over 2 cutoffs. The forecaster was .* the seasonal naive forecast: OWA", printed)
    assert "net 1 of 1: 100%" in progress
    folder = Path("runs/forecast/sales")
    assert sorted(os.listdir(folder)) == FILES
    rows = read(folder / "forecast.csv")
    assert list(rows[0]) == ["unique_id", "ds", "y", "q0.1", "q0.5", "q0.9"]
    assert [(row["unique_id"], row["ds"]) for row in rows[4:6]] == [("north", "2024-03-05"), ("south", "2024-02-20")]
    assert {row["values_after_cutoff"] for row in read(folder / "backtest.csv")} == {"10", "5"}
    assert matplotlib.image.imread(folder / "forecast.png").shape[0] > 400
    forecast = load(folder / "model.npz").predict()
    assert [float(row["y"]) for row in rows] == forecast.mean.ravel().tolist()


def test_the_files_hold_the_forecasts_of_the_library():
    assert main([*COMMAND, "--season", "7", "--seed", "3", "--members", "2", "--backtest", "0"]) == 0
    forecaster = Forecaster(5, (7,), hidden_size=3, rng=3, members=2)
    expected = forecaster.fit(read_csv("sales.csv"), steps=4, progress=False).predict()
    found = [
        [float(row[name]) for name in ("q0.025", "q0.5", "q0.975")] for row in read("runs/forecast/sales/forecast.csv")
    ]
    assert np.array_equal(found, expected.values.reshape(-1, 3))
    assert not Path("runs/forecast/sales/backtest.csv").exists()


def test_a_stopped_run_resumes_to_the_same_forecasts(capsys):
    command = [*COMMAND[:-1], "60", "--backtest", "1"]
    assert main([*command, "--out", "whole"]) == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "dilated_rnn_np", *command, "--out", "stopped"],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    while not os.path.exists("stopped/training/backtest.npz") and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert re.search(r"stopped after step \d+ of 60: .*continue with the same command and --resume", errors)
    capsys.readouterr()
    assert main([*command, "--out", "stopped"]) == 2
    assert "run.json exists: resume that run (--resume), or give another folder" in capsys.readouterr().err
    assert main([*command, "--out", "stopped", "--seed", "1", "--resume"]) == 2
    assert "stopped is of another run: rng is 0 there, 1 here" in capsys.readouterr().err
    assert main([*command, "--out", "stopped", "--resume"]) == 0
    for name in ("forecast.csv", "backtest.csv"):
        assert Path("stopped", name).read_bytes() == Path("whole", name).read_bytes()


def test_a_changed_file_is_not_resumed(capsys):
    assert main([*COMMAND, "--out", "run"]) == 0
    write("sales.csv", {"north": weekly(61)})
    assert main([*COMMAND, "--out", "run", "--resume"]) == 2
    assert "run is of another run: content of the file is" in capsys.readouterr().err


def test_a_saved_model_forecasts_a_longer_file_without_training(capsys):
    assert main([*COMMAND, "--backtest", "0"]) == 0
    write("longer.csv", {"north": weekly(70), "new": weekly(40, 3.0)})
    capsys.readouterr()
    assert main(["forecast", "longer.csv", "--model", "runs/forecast/sales/model.npz"]) == 0
    assert "step" not in (printed := capsys.readouterr()).err and "seasons: 7" in printed.out
    folder = Path("runs/forecast/longer")
    assert sorted(os.listdir(folder)) == ["forecast.csv", "forecast.png"]
    expected = load("runs/forecast/sales/model.npz").predict(read_csv("longer.csv"))
    assert [float(row["y"]) for row in read(folder / "forecast.csv")] == expected.mean.ravel().tolist()
    assert main(["forecast", "longer.csv", "--model", "runs/forecast/sales/model.npz"]) == 2
    assert "longer/forecast.csv exists: " in capsys.readouterr().err
    assert main(["forecast", "promoted.csv", "--model", "runs/forecast/sales/model.npz"]) == 2
    assert capsys.readouterr().err == "error: FILE must have the covariates of the model, none; it has promotion\n"


def test_covariates_of_the_future_come_from_the_file_or_from_another_one(capsys):
    command = ["forecast", "promoted.csv", "--horizon", "5", *SMALL, "--backtest", "0"]
    assert main([*command, "--out", "own"]) == 0
    assert "covariates: promotion\n" in (printed := capsys.readouterr().out) and "missing" not in printed
    write("history.csv", {"north": weekly(60)[:-5]}, "promotion")
    assert main(["forecast", "history.csv", *command[2:], "--out", "other", "--future", "promoted.csv"]) == 0
    assert Path("own/forecast.csv").read_bytes() == Path("other/forecast.csv").read_bytes()
    capsys.readouterr()
    assert main(["forecast", "history.csv", *command[2:], "--out", "none"]) == 2
    assert "--future must name a file with the next 5 values of promotion" in capsys.readouterr().err


@pytest.mark.filterwarnings("error")
def test_seasons_and_backtest_give_way_where_series_are_short(capsys):
    write("short.csv", {"a": weekly(6), "b": weekly(4)})
    assert main(["forecast", "short.csv", "--horizon", "9", *SMALL]) == 0
    printed = capsys.readouterr().out
    assert "season 7 is left out: no series is longer\n" in printed and "Backtest" not in printed
    Path("numbered.csv").write_text("V1,V2,V3,V4\na,1,2,3\n")
    assert main(["forecast", "numbered.csv", "--horizon", "1", *SMALL]) == 0
    printed = capsys.readouterr().out
    assert "frequency: integer; seasons: none known; give --season if there are any\n" in printed
    assert "the naive forecast" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: FILE"),
        (["missing.csv"], "FILE must be an existing file, got 'missing.csv'"),
        (["."], "FILE must be an existing file, got '.'"),
        (["sales.csv"], "--horizon must give the number of time steps to forecast"),
        (["sales.csv", "--horizon", "0"], "--horizon must be a whole number of at least 1, got '0'"),
        (["sales.csv", "--season", "24;168"], "--season must be none, or increasing whole numbers above 1"),
        (["sales.csv", "--season", "168,24"], "--season must be none, or increasing whole numbers above 1"),
        (["sales.csv", "--season", "1"], "got '1'"),
        (["sales.csv", "--quantiles", "0.9,0.1"], "--quantiles must be increasing numbers between 0 and 1"),
        (["sales.csv", "--quantiles", "0,0.5"], "--quantiles must be increasing numbers between 0 and 1"),
        (["sales.csv", "--quantiles", "nan"], "--quantiles must be increasing numbers between 0 and 1"),
        (["sales.csv", "--backtest", "-1"], "--backtest must be a whole number of at least 0, got '-1'"),
        (["sales.csv", "--horizon", "5", "--backtest", "12"], "a backtest of 12 windows of 5 steps needs a series of"),
        (["sales.csv", "--horizon", "5", "--future", "sales.csv"], "--future must be left out: sales.csv has no covariates"),
        (["sales.csv", "--horizon", "5", "--future", "none.csv"], "--future must be an existing file"),
        (["promoted.csv", "--horizon", "6"], "no row for series 'north' at 2024-03-01; every series needs rows for its"),
        (["promoted.csv", "--horizon", "5", "--future", "sales.csv"], "sales.csv: column 'promotion' is missing"),
        (["model.csv", "--horizon", "5"], "model.csv, line 3, column 'y': expected a number, got 'two'"),
        (["sales.csv", "--horizon", "5", "--cell", "grue"], "did you mean 'gru'"),
        (["sales.csv", "--horizon", "5", "--dilations", "0"], "--dilations must be whole numbers of at least 1"),
        (["sales.csv", "--horizon", "5", "--members", "-1"], "--members must be a whole number of at least 0"),
        (["sales.csv", "--horizon", "5", "--steps", "0"], "--steps must be a whole number of at least 1"),
        (["sales.csv", "--horizon", "5", "--out", "model.csv"], "cannot make the folder model.csv"),
        (["sales.csv", "--model", "model.csv"], "model.csv is cut off, damaged, or not a checkpoint"),
        (["sales.csv", "--model", "model.csv", "--horizon", "5"], "a saved forecaster has its own settings: leave --horizon out"),
        (["sales.csv", "--model", "model.csv", "--resume"], "a saved forecaster has its own settings: leave --resume out"),
    ],
)  # fmt: skip
def test_a_user_error_ends_in_one_line_and_writes_nothing(arguments, message, capsys, tmp_path):
    before = sorted(os.listdir(tmp_path))
    assert main(["forecast", *arguments]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("error: ") and errors.count("\n") == 1 and message in errors
    assert sorted(os.listdir(tmp_path)) == before
