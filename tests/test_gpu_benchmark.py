"""The GPU benchmark, rehearsed without a GPU on stand-ins; no test depends on measured times."""

import json
import subprocess
import sys
from argparse import Namespace

import numpy as np
import pytest
from benchmarks import command, gpu, gpu_library, gpu_report
from benchmarks.cases import small_case, write_start
from benchmarks.clock import event_clock, warmed_up
from benchmarks.process import ContenderError
from support import cuda_emulator, standin
from support.places import ROOT

BENCHMARKS = ROOT / "tests" / "benchmarks"
TINY = small_case("gru").replace(dilations=(1, 2), T=5)
# without a GPU the persistent kernels need a C++ compiler
KERNELS = [kernels for kernels in gpu_library.KERNELS if kernels != "persistent" or cuda_emulator.COMPILER]


def rehearse(folder, *options):
    """Run the rehearsal; returns its output and its JSON."""
    line = [sys.executable, str(BENCHMARKS), "--device", "rehearsal", "--quick", *options]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads((folder / "benchmark-gpu.json").read_text())


@pytest.mark.parametrize(
    "names", [["numpy", "plain", "cudnn"], pytest.param(["numpy", *KERNELS, "cudnn"], marks=pytest.mark.slow)], ids=len
)
def test_a_rehearsal_compares_and_times_all_contenders_and_says_that_there_is_no_gpu(names, tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    printed, results = rehearse(tmp_path, "--cells", "lstm", "--contenders", ",".join(names))
    assert printed.startswith("NO GPU: a rehearsal on a stand-in") and results["rehearsal"] is True
    assert "no GPU" in results["device"]["name"] and "quick: small cases" in printed
    assert all(
        "no GPU" in about["version"] for name, about in results["contenders"].items() if name in (*KERNELS, "cudnn")
    )
    assert [list(timing["seconds"]) for timing in results["timings"]] == [names]
    assert [check["case"]["dtype"] for check in results["equality"]] == ["float64", "float32"]
    assert all(list(check["deviations"]) == names[1:] for check in results["equality"])  # compared with NumPy
    assert printed.count("| lstm, 2 x 20 ") == 1 and not results["left out"]
    header = next(line for line in printed.splitlines() if line.startswith("| cell"))
    columns = [column.strip() for column in header.split("|")[1:-1]]
    assert columns[2] == "numpy" and "no GPU: cudnn / plain" in columns
    assert all(column.startswith("no GPU: ") for column in columns[3:])


@pytest.mark.parametrize("names", [["plain"], ["plain", "cudnn"]])
def test_without_a_gpu_it_ends_with_code_2_and_one_line_that_says_what_is_missing(names, tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    output = tmp_path / "times.json"
    line = ["--device", "gpu", "--contenders", ",".join(names), "--output", str(output)]
    monkeypatch.setitem(sys.modules, "cupy", None)  # not installed
    assert command.main(line) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("no GPU benchmark: backend 'cupy' needs CuPy, which is not installed; pip install")
    assert printed.err.count("\n") == 1 and not printed.out and not output.exists()
    assert ("PyTorch" in printed.err) == ("cudnn" in names)
    cupy = standin.install(monkeypatch)
    monkeypatch.setattr(cupy, "is_available", lambda: False)
    assert command.main(line) == 2
    assert "finds no GPU that it can use" in capsys.readouterr().err


def test_a_pytorch_build_without_cuda_is_reported(monkeypatch):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    standin.install(monkeypatch)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    assert gpu.missing(["plain", "cudnn"]) == f"PyTorch {torch.__version__} is a build without CUDA"
    assert gpu.missing(["plain"]) == ""


# ---------------------------------------------------------------------- the clock


def test_the_time_of_a_step_is_measured_between_two_events_around_it():
    happened = []

    class Event:
        def record(self):
            happened.append("record")

        def synchronize(self):
            happened.append("wait")

    def milliseconds(began, ended):
        assert began is not ended
        return 2.5

    assert event_clock(Event, milliseconds)(lambda: happened.append("work")) == 0.0025
    assert happened == ["record", "work", "record", "wait"]


def test_a_turn_warms_up_times_one_step_and_frees_its_memory():
    happened = []

    def clock(work):
        work()
        happened.append("timed")
        return 1.5

    seconds = warmed_up(clock, lambda: happened.append("freed"))
    assert seconds(lambda: happened.append("step")) == 1.5
    assert happened == ["step", "step", "timed", "freed"]


def test_the_stand_in_refuses_times_that_cuda_refuses():
    Event, elapsed = standin.cuda.Event, standin.cuda.get_elapsed_time
    began, ended = Event(), Event()
    began.record()
    for wrong in (ended, Event(disable_timing=True)):
        with pytest.raises(RuntimeError, match="InvalidResourceHandle"):
            elapsed(began, wrong)
    ended.record()
    with pytest.raises(RuntimeError, match="NotReady"):
        elapsed(began, ended)
    ended.synchronize()
    assert elapsed(began, ended) >= 0


@pytest.mark.parametrize("kernels", KERNELS)
def test_a_timed_step_runs_the_chosen_kernels_and_transfers_nothing(kernels, stand_in, tmp_path):
    write_start(TINY, tmp_path / "start.npz")
    with np.load(tmp_path / "start.npz") as file:
        contender = gpu_library.Contender(TINY, dict(file), threads=1, kernels=kernels)
    standin.launches.clear()
    with standin.counted() as count:
        assert contender.clock(contender.train) > 0
    assert count == {"to device": 0, "to host": 0}
    expected = {"plain": set(), "fused": {"GRU_forward", "GRU_backward"}, "persistent": {"forward", "backward"}}
    assert standin.launches.keys() == expected[kernels] | {"free_all_blocks"}
    assert "variant" not in contender.describe() and contender.cache is None


# ---------------------------------------------------------------------- contenders that are left out


class Recorded:
    """The process of a contender that computes the given arrays, or fails without any."""

    def __init__(self, arrays=None):
        self.arrays = arrays

    def ask(self, request, **arguments):
        if self.arrays is None:
            raise ContenderError("gpu_library failed:\nTraceback …\nMemoryError: the device's memory is full")
        if request == "check":
            np.savez(arguments["path"], **self.arrays)
        return {"version": "1", "threads": "one"}


def test_a_contender_that_fails_or_differs_is_reported_and_the_others_continue(tmp_path):
    right = {"loss": np.float64(2.0), "gradient of layers.0.b": np.array([1.0, 2.0])}
    wrong = right | {"gradient of layers.0.b": np.array([1.0, 2.1])}
    processes = {"numpy": Recorded(right), "plain": Recorded(), "persistent": Recorded(wrong), "cudnn": Recorded(right)}
    results = {"contenders": {}, "equality": [], "left out": []}
    options = Namespace(quick=True, rehearsal=True)
    able, _ = gpu.agreeing(TINY, processes, options, tmp_path, results)
    assert list(able) == ["numpy", "cudnn"]
    assert results["equality"][0]["deviations"] == {"cudnn": {"loss": 0.0, "arrays": 0.0}}
    lines = [gpu_report.left_out(entry) for entry in results["left out"]]
    assert lines[0] == "left out: plain, gru, 2 x 8 (T=5, B=3, D=2, float64): MemoryError: the device's memory is full"
    assert (
        lines[1].startswith("left out: persistent, gru") and "gradient of layers.0.b of persistent differs" in lines[1]
    )
    assert results["contenders"].keys() == {"numpy", "cudnn"}


def test_if_numpy_fails_the_others_are_compared_with_the_next_contender(tmp_path):
    arrays = {"loss": np.float64(2.0)}
    processes = {"numpy": Recorded(), "plain": Recorded(arrays), "cudnn": Recorded({"loss": np.float64(2.1)})}
    results = {"contenders": {}, "equality": [], "left out": []}
    able, _ = gpu.agreeing(TINY, processes, Namespace(quick=True, rehearsal=True), tmp_path, results)
    assert list(able) == ["plain"] and [entry["contender"] for entry in results["left out"]] == ["numpy", "cudnn"]


# ---------------------------------------------------------------------- the table


def test_the_table_holds_medians_ratios_and_gaps_in_milliseconds():
    names = ["numpy", "plain", "persistent", "cudnn"]
    seconds = {"numpy": [0.5, 0.4, 0.6], "plain": [0.02] * 3, "persistent": [0.005] * 3, "cudnn": [0.01] * 3}
    with_gap = {name: taken for name, taken in seconds.items() if name in ("plain", "cudnn")}
    timings = [
        {"case": TINY.as_message(), "names": names, "seconds": seconds, "variants": {}},
        {"case": TINY.as_message(), "names": names, "seconds": with_gap, "variants": {"persistent": "as fused"}},
    ]
    header, _, first, second = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in gpu_report.steps_table(timings).splitlines()
    )
    assert header[2:6] == names
    assert header[6:] == ["cudnn / plain", "cudnn / persistent", "numpy / fastest of these"]
    assert first == [
        *("gru, 2 x 8", "5, 3, 2", "500 (400 … 600)", "20.0 (20.0 … 20.0)", "5.00 (5.00 … 5.00)", "10.0 (10.0 … 10.0)"),
        *("0.50", "2.00", "100.00"),
    ]
    assert second[2:] == ["-", "20.0 (20.0 … 20.0)", "-", "10.0 (10.0 … 10.0)", "0.50", "-", "-"]
    assert list(gpu_report.variants(timings)) == ["persistent runs as fused: gru, 2 x 8"]


def test_large_cases_have_1024_rows_of_784_steps_beside_every_size_of_the_cpu():
    assert list(gpu.CASES) == ["20", "50", "256", "20-large", "50-large", "256-large"]
    assert gpu.options_of([]).sizes == list(gpu.CASES)
    assert gpu.LARGE == {"T": 784, "B": 1024}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--sizes 30", "expected one or more of 20, 50, 256, 20-large"),
        ("--contenders jax", "expected one or more of numpy, plain"),
        ("--contenders numpy,cudnn", "the library on the GPU"),
        ("--output nowhere/benchmark.json", "expected a file in a folder that exists"),
    ],
)
def test_a_wrong_option_says_what_was_expected(line, message, capsys):
    with pytest.raises(SystemExit):
        command.main(["--device", "gpu", *line.split()])
    assert message in capsys.readouterr().err
