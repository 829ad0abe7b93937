"""The benchmark runs, refuses contenders that differ, and computes its floor; no test depends on measured times."""

import json
import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from benchmarks import command, equality, floor, process, report, rounds
from benchmarks.cases import CELLS, Case, case_of
from benchmarks.process import ContenderError, Process
from support.places import ROOT

BENCHMARKS = ROOT / "tests" / "benchmarks"
TINY = Case("gru", hidden=2, dilations=(1, 2), T=3, B=1, D=1)


def run_quickly(folder, contenders):
    """Run the command in an empty folder; returns its output and its JSON."""
    line = [sys.executable, str(BENCHMARKS), "--quick", "--contenders", contenders]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads((folder / "benchmark.json").read_text())


def check_results(printed, results, contenders):
    """All cells, kinds and contenders have raw times and a row in a table, and the head names the machine."""
    timed = {(timing["case"]["cell"], timing["kind"]): timing for timing in results["timings"]}
    assert timed.keys() == {(cell, kind) for cell in CELLS for kind in ("train", "forward", "stream")}
    for timing in timed.values():
        assert timing["seconds"].keys() == contenders
        assert all(len(seconds) == results["settings"]["rounds"] for seconds in timing["seconds"].values())
        assert ("floor" in timing) == (timing["kind"] == "train")
    assert results["contenders"].keys() == contenders
    assert [row["seconds"].keys() for row in results["long"]["growth"]] == [contenders] * 2
    if sys.platform == "linux":
        assert all("bytes" in peak for row in results["long"]["memory"] for peak in row["peaks"].values())
    for cell in CELLS:
        assert printed.count(f"| {case_of(cell, '20', quick=True).name} ") == 3
    assert floor.formula() in printed and "Growth with T" in printed
    machine = results["machine"]
    assert f"; {machine['processor']}, {machine['cores']} cores, BLAS kernel: {machine['kernel']}\n" in printed


def test_a_quick_run_of_the_library_alone(tmp_path):
    printed, results = run_quickly(tmp_path, "library")
    check_results(printed, results, {"library"})
    assert "/ library |" not in printed


@pytest.mark.slow
def test_a_quick_run_beside_pytorch(tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    printed, results = run_quickly(tmp_path, "library,pytorch")
    check_results(printed, results, {"library", "pytorch"})
    assert "pytorch / library" in printed
    checked = [(check["case"]["dtype"], check["case"]["cell"]) for check in results["equality"]]
    assert sorted(checked) == sorted((dtype, cell) for dtype in ("float32", "float64") for cell in CELLS)
    assert all(check["deviations"].keys() == {"pytorch"} for check in results["equality"])


# For each column and gate of the tiny net, the first layer multiplies for each of 2 units once with the input, once with the
# bias and twice with the state: 8 multiply-adds. The second layer has 2 * (2 + 1 + 2) = 10. With 3 columns, 3 products
# (forward, gradients of inputs and of weights) and 2 flops per multiply-add, a gate takes 18 * 18 flops.
@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_the_floor_counts_the_flops_of_a_tiny_net(cell, gates):
    assert floor.flops(TINY.replace(cell=cell)) == gates * 18 * 18


# Its states have 2 units in 2 layers and 3 columns: 12 numbers, 48 bytes per array.
@pytest.mark.parametrize(("cell", "arrays", "tanhs"), [("rnn", 5, 1), ("gru", 20, 3), ("lstm", 25, 5)])
def test_the_floor_adds_up_products_traffic_and_tanhs(cell, arrays, tanhs):
    case = TINY.replace(cell=cell)
    assert floor.elementwise_bytes(case) == arrays * 48
    products, infinite = floor.flops(case), np.inf
    assert floor.floor(case, {"flops": products, "bytes": infinite, "tanhs": infinite}) == 1
    assert floor.floor(case, {"flops": infinite, "bytes": arrays * 48, "tanhs": infinite}) == 1
    assert floor.floor(case, {"flops": infinite, "bytes": infinite, "tanhs": tanhs * 12}) == 1
    assert floor.floor(case, {"flops": products, "bytes": arrays * 24, "tanhs": tanhs * 4}) == 1 + 2 + 3


def test_a_contender_that_differs_is_reported_with_the_array():
    expected = {"loss": np.float32(2.0), "gradient of layers.0.b": np.array([1.0, 2.0], "float32")}
    close = {"loss": np.float32(2.0), "gradient of layers.0.b": np.array([1.0, 2.002], "float32")}
    deviations = equality.compare(TINY, "pytorch", close, expected)
    assert deviations == {"loss": 0.0, "arrays": pytest.approx(1e-3, rel=1e-3)}
    wrong = close | {"gradient of layers.0.b": np.array([1.1, 2.0], "float32")}
    with pytest.raises(ContenderError, match=r"gradient of layers\.0\.b of pytorch differs .* by 5\.0e-02"):
        equality.compare(TINY, "pytorch", wrong, expected)
    with pytest.raises(ContenderError, match="gradient of layers.0.b of pytorch differs .* by nan"):
        equality.compare(TINY, "pytorch", close | {"gradient of layers.0.b": np.full(2, np.nan)}, expected)
    with pytest.raises(ContenderError, match=r"gradient of layers\.0\.b"):
        equality.compare(TINY, "pytorch", {"loss": expected["loss"]}, expected)
    with pytest.raises(ContenderError, match=r"must be floats of shape \(2,\), got float64 of shape \(1,\)"):
        equality.compare(TINY, "pytorch", close | {"gradient of layers.0.b": np.ones(1)}, expected)


def test_a_contender_that_fails_or_ends_early_is_reported():
    with Process("hardware", 1) as contender:
        with pytest.raises(ContenderError, match="hardware failed:(.|\n)*no attribute 'sing'"):
            contender.ask("sing")
        contender.popen.kill()
        with pytest.raises(ContenderError, match="the process of hardware ended early"):
            contender.ask("measure")


def test_forced_kernels_are_unset_for_contenders_alone(monkeypatch):
    forced = {"OPENBLAS_CORETYPE": "Nehalem", "OPENBLAS_L2_SIZE": "512"}
    for name, value in forced.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OPENBLAS_VERBOSE", "0")
    found = process.environment(threads=3)
    assert not forced.keys() & found.keys() and found["OPENBLAS_VERBOSE"] == "0"
    assert found["OPENBLAS_NUM_THREADS"] == "3" and found["PATH"] == os.environ["PATH"]
    assert forced.items() <= os.environ.items()


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the forced kernel is one of x86-64")
def test_the_reported_kernel_is_the_contenders_and_not_the_forced_one(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Nehalem")
    with Process("hardware", 1) as contender:
        kernel = contender.ask("kernel")
    monkeypatch.setattr(process, "KERNEL_SETTINGS", ())
    with Process("hardware", 1) as contender:
        forced = contender.ask("kernel")
    if not forced.startswith("openblas"):
        pytest.skip(f"NumPy's BLAS is not OpenBLAS: {forced}")
    assert forced == "openblas Nehalem" and kernel.startswith("openblas ") and kernel != forced


def test_contenders_measure_the_library_beside_the_benchmark(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    folders = process.environment(1)["PYTHONPATH"].split(os.pathsep)
    assert folders == [str(ROOT), str(ROOT / "tests"), "elsewhere"]


def test_contenders_take_turns_in_an_order_that_rotates():
    asked = []

    class Recorder:
        def __init__(self, name):
            self.name = name

        def ask(self, kind):
            asked.append(self.name)
            return float(len(asked))

    processes = {name: Recorder(name) for name in "ABC"}
    seconds = rounds.take_turns(processes, "train", 3, rest=0)
    assert "".join(asked) == "CAB" + "ABC" + "BCA" + "CAB"  # the first round is the warm-up
    assert seconds == {"A": [4.0, 9.0, 11.0], "B": [5.0, 7.0, 12.0], "C": [6.0, 8.0, 10.0]}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--cells lstm,elman", "expected one or more of rnn, lstm, gru, separated by commas, got 'lstm,elman'"),
        ("--sizes 30", "expected one or more of 20, 50, 256"),
        ("--kinds backward", "expected one or more of train, forward, stream, long"),
        ("--contenders keras", "expected one or more of library, pytorch, jax"),
        ("--contenders pytorch", "expected library among them"),
        ("--rounds 0", "expected a whole number from 1 up, got '0'"),
        ("--threads 100000", "the number of cores, got '100000'"),
        ("--output nowhere/benchmark.json", "expected a file in a folder that exists"),
    ],
)
def test_a_wrong_option_says_what_was_expected(line, message, capsys):
    with pytest.raises(SystemExit):
        command.options_of(line.split())
    assert message in capsys.readouterr().err


def test_a_table_is_aligned_markdown():
    assert report.table(["cell", "a"], [["lstm, 9 x 20", "0.351"], ["gru", "12"]]).splitlines() == [
        "| cell         |     a |",
        "|:-------------|------:|",
        "| lstm, 9 x 20 | 0.351 |",
        "| gru          |    12 |",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="the peaks of memory are read from Linux's /proc")
def test_a_quick_run_of_the_forecaster(capfd):
    assert command.main(["--forecasting", "--quick"]) == 0
    head, _, *rows = capfd.readouterr().out.splitlines()
    assert head.startswith("| series | values each | base (s) |") and len(rows) == 2
    for row in rows:
        _, _, base, step, predict, peak, per_value = map(float, row.replace(",", "").strip("| ").split("|"))
        assert min(base, predict, peak, per_value) > 0 and np.isfinite(step)
