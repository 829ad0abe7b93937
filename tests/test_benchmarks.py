"""The benchmark runs, refuses contenders that differ, and counts its floor right; its times decide nothing here."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks import command, equality, floor, report, rounds
from benchmarks.cases import CELLS, Case, case_of
from benchmarks.process import ContenderError, Process

BENCHMARKS = Path(__file__).parent / "benchmarks"
TINY = Case("gru", hidden=2, dilations=(1, 2), T=3, B=1, D=1)


def run_quickly(folder, contenders):
    """Run the benchmark as a person does, in an empty folder; returns what it printed and its JSON."""
    line = [sys.executable, str(BENCHMARKS), "--quick", "--contenders", contenders]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads((folder / "benchmark.json").read_text())


def check_results(printed, results, contenders):
    """All cells, kinds and contenders are there, each with its raw times, and each has a row in a table."""
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


def test_a_quick_run_of_the_library_alone(tmp_path):
    printed, results = run_quickly(tmp_path, "library")
    check_results(printed, results, {"library"})
    assert "/ library |" not in printed


def test_a_quick_run_beside_pytorch(tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    printed, results = run_quickly(tmp_path, "library,pytorch")
    check_results(printed, results, {"library", "pytorch"})
    assert "pytorch / library" in printed
    checked = [(check["case"]["dtype"], check["case"]["cell"]) for check in results["equality"]]
    assert sorted(checked) == sorted((dtype, cell) for dtype in ("float32", "float64") for cell in CELLS)
    assert all(check["deviations"].keys() == {"pytorch"} for check in results["equality"])


# A column of the tiny net needs, in its first layer, for each of 2 units and each gate 1 product with the input, 1 with the
# bias and 2 with the state, together 8 a gate; in its second layer 2 * (2 + 1 + 2) = 10 a gate. There are 3 columns, three
# such products (forward, gradient of inputs, of weights), and a multiply-add is 2: 18 * 18 flops a gate.
@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_the_floor_counts_the_flops_of_a_tiny_net(cell, gates):
    assert floor.flops(TINY.but(cell=cell)) == gates * 18 * 18


# Its states have 2 units in 2 layers and 3 columns: 12 numbers, 48 bytes an array.
@pytest.mark.parametrize(("cell", "arrays", "tanhs"), [("rnn", 5, 1), ("gru", 20, 3), ("lstm", 25, 5)])
def test_the_floor_adds_up_products_traffic_and_tanhs(cell, arrays, tanhs):
    case = TINY.but(cell=cell)
    assert floor.elementwise_bytes(case) == arrays * 48
    products, never = floor.flops(case), np.inf
    assert floor.floor(case, {"flops": products, "bytes": never, "tanhs": never}) == 1
    assert floor.floor(case, {"flops": never, "bytes": arrays * 48, "tanhs": never}) == 1
    assert floor.floor(case, {"flops": never, "bytes": never, "tanhs": tanhs * 12}) == 1
    assert floor.floor(case, {"flops": products, "bytes": arrays * 24, "tanhs": tanhs * 4}) == 1 + 2 + 3


def test_a_contender_that_differs_is_named_with_its_array():
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


def test_a_contender_that_fails_or_dies_is_named():
    with Process("hardware", 1) as process:
        with pytest.raises(ContenderError, match="hardware failed:(.|\n)*no attribute 'sing'"):
            process.ask("sing")
        process.popen.kill()
        with pytest.raises(ContenderError, match="the process of hardware ended early"):
            process.ask("measure")


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
    assert "".join(asked) == "CAB" + "ABC" + "BCA" + "CAB"  # the first round does not count
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
        ("--threads 100000", "the cores that there are, got '100000'"),
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
