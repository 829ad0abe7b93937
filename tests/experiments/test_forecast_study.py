"""Experiments with forecasters: scores of validation windows and test part, stopped studies, findings, and M4 Hourly."""

import csv
import json
from dataclasses import asdict

import numpy as np
import pytest
from support.places import DATA
from support.tiny_experiments import needs_data
from support.tiny_forecasts import HORIZON, conduct, failing_rows, panels, rows, scores_of, shifted_panels, tiny

from dilated_rnn_np.cli.main import main
from dilated_rnn_np.experiments import Choices, ForecastStudy, forecast_harness, m4_hourly
from dilated_rnn_np.experiments.files import FolderError
from dilated_rnn_np.forecasting import Forecaster, m4


def test_the_scores_are_those_of_backtests_on_the_training_part_and_on_the_test_part(tmp_path):
    table = {(row["kind"], row["forecast"]): row for row in conduct(tmp_path)}
    history, whole = panels(Choices())
    for row in rows(Choices()):
        forecaster = Forecaster(HORIZON, rng=0, **row.options)
        for part, panel, windows in (("validation", history, 2), ("test", whole, 1)):
            backtest = forecaster.backtest(panel, windows, row.steps, progress=False)
            own = table[row.setting, row.label]
            assert own[f"{part} OWA"] == backtest.owa()
            assert own[f"{part} MSIS"] == asdict(backtest.mean["forecaster"])["msis"]
            assert table["naive", "seasonal naive"][f"{part} sMAPE"] == backtest.mean["seasonal naive"].smape
    assert table["published", "a winner"]["test OWA"] == 0.4
    assert table["none", "base"]["parameters"] == 0 < table["errors", "both"]["parameters"]


def test_the_test_part_changes_no_validation_score(tmp_path):
    one, other = conduct(tmp_path / "one"), conduct(tmp_path / "other", tiny(shifted_panels))
    changed = {name for a, b in zip(one, other, strict=True) for name in scores_of(a) if a[name] != b[name]}
    assert changed and all(name.startswith("test ") for name in changed)


def test_tables_page_and_record_are_written(tmp_path):
    conduct(tmp_path, tiny(findings=lambda results: [f"{len(results)} results."], notes=("A note.",)), seeds=2)
    page = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "| published | a winner |" in page and "| errors | both | 2 |" in page
    assert "- 5 results." in page and "- A note." in page and " to " in page
    with open(tmp_path / "table.csv", newline="", encoding="utf-8") as file:
        assert [row["forecast"] for row in csv.DictReader(file)] == [
            "a winner",
            "Naive2",
            "seasonal naive",
            "base",
            "both",
            "both",
        ]
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["finished"] and record["seeds"] == 2 and record["made with"][0]["runs"] == 5
    assert record["made with"][0]["machine"]["threads"] == 1


def test_a_stopped_study_goes_on_without_repeating_finished_rows(tmp_path, monkeypatch):
    whole = conduct(tmp_path / "whole")
    make, calls = forecast_harness.make, []

    def stopping(study, folder, number, *rest):
        if number == 1 and not calls:
            calls.append(number)
            raise KeyboardInterrupt
        return make(study, folder, number, *rest)

    monkeypatch.setattr(forecast_harness, "make", stopping)
    with pytest.raises(KeyboardInterrupt, match=r"stopped: 1 of 3 runs are done.*the same command goes on"):
        conduct(tmp_path / "e")
    assert not json.loads((tmp_path / "e" / "record.json").read_text())["finished"]
    (first,) = (tmp_path / "e").rglob("result.json")
    time = first.stat().st_mtime_ns
    assert [scores_of(row) for row in conduct(tmp_path / "e")] == [scores_of(row) for row in whole]
    assert first.stat().st_mtime_ns == time


def test_an_error_in_one_row_keeps_the_table_of_the_others(tmp_path):
    with pytest.raises(ValueError, match="cell"):
        conduct(tmp_path, tiny(own_rows=failing_rows))
    assert len(list(tmp_path.rglob("result.json"))) == 2
    assert "| errors | both | 1 |" in (tmp_path / "table.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_table_does_not_depend_on_the_number_of_jobs(tmp_path):
    one, two = conduct(tmp_path / "one"), conduct(tmp_path / "two", jobs=2)
    assert [scores_of(row) for row in one] == [scores_of(row) for row in two]


def test_choices_and_folders_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ValueError, match="tiny has no systems to choose: leave --systems out"):
        ForecastStudy.of(tiny(), Choices(systems=("dilated",)))
    with pytest.raises(ValueError, match="setting"):
        ForecastStudy.of(tiny(), Choices(settings=("unknown",)))
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match="is not empty and holds no experiment"):
        conduct(tmp_path)
    conduct(tmp_path / "e", choices=Choices(settings=("none",)))
    with pytest.raises(FolderError, match="is of another experiment: steps is None there, 7 here"):
        conduct(tmp_path / "e", choices=Choices(steps=7))


# ---------------------------------------------------------------------- M4 Hourly


def results(both, memoryless):
    """Results of two rows, with one validation OWA per seed."""
    pairs = {m4_hourly.BOTH: both, m4_hourly.MEMORYLESS: memoryless}
    return [
        ((m4_hourly.Row("errors", label, {}), seed), {"validation": {"forecaster": {"owa": owa}}})
        for label, owas in pairs.items()
        for seed, owa in enumerate(owas)
    ]


@pytest.mark.parametrize(
    ("memoryless", "verb"),
    [
        ((0.42, 0.43), "lowers"),
        ((0.38, 0.39), "raises"),
        ((0.42, 0.39), "does not clearly change"),
    ],
)
def test_a_part_contributes_only_if_every_seed_agrees(memoryless, verb):
    (sentence,) = m4_hourly.findings(results((0.40, 0.41), memoryless))
    assert sentence.startswith(f"Recurrence {verb} the error: validation OWA ") and "per seed" in sentence


def test_one_seed_is_called_one_seed():
    (sentence,) = m4_hourly.findings(results((0.40,), (0.41,)))
    assert "0.4100 without, 0.4000 with; one seed, so a small difference proves nothing" in sentence


@needs_data
def test_m4_rows_have_equal_sizes_and_the_control_reaches_beyond_every_series():
    train, test = m4.m4_hourly(str(DATA))
    history, whole = m4_hourly.panels(Choices("full", data_dir=str(DATA)))
    assert history.ids == train.ids == whole.ids and max(map(len, whole)) < m4_hourly.BEYOND
    assert np.array_equal(whole["H1"].y, np.concatenate([train["H1"].y, test["H1"].y]))
    quick, _ = m4_hourly.panels(Choices("quick", data_dir=str(DATA)))
    assert len(quick) == m4_hourly.QUICK_SERIES and max(map(len, quick)) == m4_hourly.QUICK_LENGTH
    for scale in ("quick", "full"):
        found = m4_hourly.rows(Choices(scale))
        assert len({(row.setting, row.label) for row in found}) == len(found)
        nets = {row.label: Forecaster(48, **row.options) for row in found if row.setting != "base"}
        assert len(nets) == 6 and len(found) == 7
        assert len({len(f.dilations or m4_hourly.DILATIONS) for f in nets.values()}) == 1


@needs_data
@pytest.mark.slow
def test_m4_hourly_runs_from_the_command_line_to_the_printed_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(m4_hourly, "QUICK_SERIES", 3)
    command = ["experiment", "m4-hourly", "--data-dir", str(DATA), "--out", str(tmp_path / "e"), "--steps", "2"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "| published | winner, submission 118 |" in printed and "[7/7]" in printed
    assert "Recurrence" in printed
