"""The pictures of experiments: curves of several runs, of few points, and of runs that diverged."""

from dataclasses import replace

import numpy as np
import pytest
from support.tiny_experiments import CHOICES, contenders, result, tiny

import dilated_rnn_np as drn
from dilated_rnn_np.baselines.systems import SYSTEMS
from dilated_rnn_np.experiments import Choices, pictures
from dilated_rnn_np.plot.runs import Curve, run_curves


def test_a_curve_is_the_mean_of_its_runs_within_a_band_from_the_lowest_to_the_highest():
    x = np.array([1.0, 2.0, 3.0])
    runs = [(x, np.array([1.0, 4.0, 9.0])), (x + 1, np.array([3.0, 6.0, np.nan])), (x[:1], np.array([2.0]))]
    line, baseline = run_curves([Curve("a", runs, 1, 2)], "step", "loss", baseline=0.5, logarithmic=True)
    assert line.get_ydata().tolist() == [2.0, 5.0, 9.0]
    assert np.allclose(line.get_xdata(), [4 / 3, 2.5, 3.5])
    band = line.axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == 1.0 and band[:, 1].max() == 9.0
    assert baseline.get_ydata() == [0.5, 0.5] and line.axes.get_yscale() == "log"
    assert (line.axes.get_xlabel(), line.axes.get_ylabel()) == ("step", "loss")


def test_the_curves_of_all_systems_look_different():
    x = np.arange(3.0)
    lines = run_curves([Curve(str(i), [(x, x)], i % 8, i // 8) for i in range(24)], "step", "loss")
    assert len({(line.get_color(), str(line.get_linestyle()), str(line._dash_pattern)) for line in lines}) == 24
    assert len(SYSTEMS) <= 8
    with pytest.raises(ValueError, match="at least one curve"):
        run_curves([], "step", "loss")


def test_points_over_a_wide_range_have_a_tick_each():
    x = np.array([1.0, 4.0, 32.0])
    (line,) = run_curves([Curve("a", [(x, x)])], "first dilation", "accuracy", points=True)
    assert line.axes.get_xscale() == "log" and line.axes.get_xticks().tolist() == [1, 4, 32]
    assert drn.plot is not None


def test_curves_leave_out_runs_that_diverged_and_count_them(tmp_path, monkeypatch):
    one, other, third = contenders(Choices(systems=("dilated", "plain")))[:3]
    metrics = (
        "step,seconds,loss,metric,learning_rate,gradient_norm,validation_loss,validation_metric\n1,1,1,1,1,1,{},1\n"
    )
    results = [
        (one, {"status": "finished", "settings": {"seed": 0}}),
        (one, {"status": "diverged", "settings": {"seed": 1}}),
    ]
    results += [(other, {"status": "diverged", "settings": {"seed": 0}})]
    results += [(third, {"status": "finished", "settings": {"seed": 0}})]
    for loss, (contender, outcome) in zip((3, 9e9, 9e9, 2), results, strict=True):
        place = contender.folder(tmp_path, outcome["settings"]["seed"])
        place.mkdir(parents=True)
        (place / "metrics.csv").write_text(metrics.format(loss))
    seen = []
    monkeypatch.setattr(pictures, "run_curves", lambda *a, **k: seen.append(run_curves(*a, **k)) or seen[-1])
    pictures.draw(tiny(), [one, other, third], results, tmp_path)
    first, second, last, _ = seen[0]
    assert first.get_label() == "dilated rnn (1 of 2 diverged)" and first.get_ydata().tolist() == [3.0]
    assert second.get_label() == "dilated gru (1 of 1 diverged)" and not len(second.get_ydata())
    assert last.get_label() == "plain rnn" and last.get_marker() == "o"  # a single point


def test_pictures_over_a_fact_leave_out_runs_that_diverged(tmp_path, monkeypatch):
    rows = [replace(c, series="s", facts={"layers": k}) for k, c in enumerate(contenders(CHOICES)[:2], 2)]
    results = [(rows[0], result(metric=0.5)), (rows[1], result(status="diverged", seconds_per_step=9e9))]
    seen = []
    monkeypatch.setattr(pictures, "run_curves", lambda *a, **k: seen.append(run_curves(*a, **k)) or seen[-1])
    pictures.draw(tiny(against="layers", curves=()), rows, results, tmp_path)
    metric, speed = (lines[0] for lines in seen)
    assert metric.get_label() == "s (1 of 2 diverged)" and speed.get_ydata().tolist() == [250.0]
