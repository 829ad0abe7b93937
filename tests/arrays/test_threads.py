"""Threads change only the time: any split equals the reference, bits repeat, and the process is left as it was."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import passes
from support.cases import assert_equal, cases
from support.passes import results
from support.places import ROOT
from threadpoolctl import ThreadpoolController

import dilated_rnn_np as drn
from dilated_rnn_np import reference
from dilated_rnn_np.arrays import threads
from dilated_rnn_np.nets import dilated_layer

linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")


@pytest.fixture(autouse=True)
def threads_as_before():
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)


def blas_threads():
    return [library["num_threads"] for library in ThreadpoolController().select(user_api="blas").info()]


def settings():
    """The settings of the process that a pass must leave as they were."""
    return blas_threads(), sys.getswitchinterval()


def large_case(cell="gru", dilations=(1, 4, 16)):
    model = drn.DilatedRNN(2, 40, dilations, cell=cell, output_size=3, rng=0)
    x = np.random.default_rng(1).standard_normal((70, 64, 2)).astype("float32")
    assert any(len(layer.parts(64 * layer.dilation, 2)) > 1 for layer in model.layers)
    return model, x


# ---------------------------------------------------------------- any split gives the same numbers


@given(st.integers(1, 50), st.integers(1, 12))
def test_even_slices_cover_everything_once_and_differ_by_at_most_one(length, count):
    places = list(range(length))
    parts = [places[s] for s in threads.even_slices(length, count)]
    assert [place for part in parts for place in part] == places and len(parts) == count
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(cases(), st.integers(1, 5), st.integers(1, 3))
def test_any_split_over_threads_equals_the_reference(case, parts, count):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dilated_layer, "WORTH_A_THREAD", 0)
        patch.setattr(dilated_layer, "LARGEST_PART", parts)
        threads.set_num_threads(count)
        output, state, cache = case.model.forward(case.x, case.state, case.lengths)
        back = case.model.backward(case.doutput, cache, case.dstate)
    arguments = case.model.params, case.x, case.dilations, case.cell
    options = dict(state=case.state, lengths=case.lengths, readout=case.readout)
    expected, after = reference.forward(*arguments, **options)[:2]
    assert_equal(output, expected)
    assert_equal(state, after)
    assert_equal(back, reference.backward(*arguments, case.doutput, dstate=case.dstate, **options))


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_one_number_of_threads_always_gives_the_same_bits(cell):
    threads.set_num_threads(2)
    model, x = large_case(cell, (1, 8, 32))
    first = results(model, x)
    for _ in range(3):
        assert_equal(results(model, x), first, tolerance=0)
    threads.set_num_threads(1)
    assert_equal(results(model, x), first, tolerance=1e-4)


def test_backward_uses_the_split_of_its_forward():
    threads.set_num_threads(2)
    model, x = large_case()
    output, _, cache = model.forward(x)
    expected = model.backward(np.ones_like(output), cache)
    threads.set_num_threads(1)
    assert_equal(model.backward(np.ones_like(output), cache), expected, tolerance=0)


# ---------------------------------------------------------------- the same bits from every thread and process


def test_the_cases_cover_parts_and_the_assistant():
    for name, split in (("small", {1}), ("large", {1, 2})):
        model, x = passes.model_and_batch(name)
        assert {len(layer.parts(layer.dilation * x.shape[1], 2)) for layer in model.layers} == split


@pytest.mark.parametrize("num_threads", [1, 2])
def test_a_worker_thread_has_the_bits_of_the_main_thread(num_threads):
    expected, before = passes.digests(num_threads), settings()
    with ThreadPoolExecutor(1) as pool:
        for _ in range(3):
            assert pool.submit(passes.digests, num_threads).result() == expected
            assert passes.digests(num_threads) == expected
    assert settings() == before


@pytest.mark.parametrize("num_threads", [1, 2])
def test_eight_workers_with_thirty_passes_each_have_the_bits_of_the_main_thread(num_threads):
    expected, before = passes.digests(num_threads), settings()
    names = [list(expected)[i % len(expected)] for i in range(8 * 30)]
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(passes.digest, names))
    assert got == [expected[name] for name in names]
    assert settings() == before


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("method", [pytest.param("fork", marks=linux), "spawn"])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_process_has_the_bits_of_its_parent(method, num_threads):
    expected = passes.digests(num_threads)
    context = get_context(method)
    with context.Pool(1) as pool:
        assert pool.apply_async(passes.digests, (num_threads,)).get(timeout=60) == expected
    assert passes.digests(num_threads) == expected  # the parent goes on


@linux
@pytest.mark.parametrize("num_threads", [1, 2])
def test_the_first_pass_after_a_fork_while_other_threads_train_does_not_hang(num_threads):
    program = f"from support import passes; passes.fork_while_training({num_threads}, repeats=40)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=240, env=environment)
    assert done.returncode == 0, done.stderr


@linux
def test_a_child_forked_during_a_pass_has_all_threads_of_the_blas_after_its_first_pass():
    program = """
import os
from support import passes
from dilated_rnn_np.arrays import threads

def blas_threads():
    return [library["num_threads"] for library in threads._BLAS.info()]

before = blas_threads()
assert max(before) > 1
with threads.workers():
    if (child := os.fork()) == 0:
        passes.digest("small")
        grandchild = os.fork()
        if grandchild == 0:  # forked outside a pass: it inherits no limit, and its pass must set its own
            with threads.workers():
                os._exit(0 if set(blas_threads()) == {1} else 2)
        status = os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1])
        os._exit(status or (0 if blas_threads() == before else 1))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
raise SystemExit(code)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr


# ---------------------------------------------------------------- the process is left as it was


class Failing(drn.GRU):
    """Raises in forward or in backward, in the second layer's parts too."""

    name = "failing"

    def __init__(self, where):
        self.where = where

    def forward(self, a, previous):
        if self.where == "forward" and threading.current_thread() is not threading.main_thread():
            raise ArithmeticError("fails in forward")
        return super().forward(a, previous)

    def backward(self, dstate, cache):
        raise ArithmeticError("fails in backward")


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_settings_are_restored_after_an_error(where):
    threads.set_num_threads(2)
    before = settings()
    model, x = large_case(Failing(where))

    def run():
        output, _, cache = model.forward(x)
        assert settings() == before
        model.backward(np.ones_like(output), cache)

    for _ in range(2):
        with pytest.raises(ArithmeticError, match=f"fails in {where}"):
            run()
        assert settings() == before
    with ThreadPoolExecutor(1) as pool, pytest.raises(ArithmeticError):
        pool.submit(run).result()
    assert settings() == before
    results(*passes.model_and_batch("large"))
    assert settings() == before


class Watching(drn.GRU):
    """Notes the settings of the process in each step."""

    name = "watching"

    def __init__(self):
        self.seen = []

    def forward(self, a, previous):
        self.seen.append(settings())
        return super().forward(a, previous)

    def backward(self, dstate, cache):
        self.seen.append(settings())
        return super().backward(dstate, cache)


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("worker", [False, True])
def test_during_a_pass_the_blas_has_one_thread_and_the_switch_interval_is_unchanged(num_threads, worker):
    threads.set_num_threads(num_threads)
    interval, before = sys.getswitchinterval(), settings()
    model, x = large_case(cell := Watching())
    if worker:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(results, model, x[:3]).result()
    else:
        results(model, x[:3])
    assert cell.seen and {(max(blas), seen) for blas, seen in cell.seen} == {(1, interval)}
    assert settings() == before


def test_overlapping_passes_share_the_limit_which_the_last_one_gives_back():
    before = blas_threads()
    with threads.workers():
        other = threads.workers()
        entered, leave = threading.Event(), threading.Event()

        def hold():
            with other:
                entered.set()
                leave.wait(60)

        thread = threading.Thread(target=hold)
        thread.start()
        assert entered.wait(60) and set(blas_threads()) == {1}
    assert set(blas_threads()) == {1}  # the other one still runs
    leave.set()
    thread.join()
    assert blas_threads() == before


def test_passes_that_start_at_the_same_moment_count_together(monkeypatch):
    class Slow(threads._Process):
        def __init__(self):
            time.sleep(0.05)
            super().__init__()

    monkeypatch.setattr(threads, "_Process", Slow)
    monkeypatch.setattr(threads, "_processes", {})
    before = blas_threads()
    together = threading.Barrier(4)

    def run():
        together.wait()
        with threads.workers():
            together.wait()
            assert set(blas_threads()) == {1}
            together.wait()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: run(), range(4)))
    assert blas_threads() == before and len(threads._processes) == 1


def test_an_error_state_of_numpy_holds_in_every_thread():
    class Overflowing(drn.RNN):
        name = "overflowing"

        def forward(self, a, previous):
            return super().forward((a[0] * np.float32(1e38) * np.float32(1e38),), previous)

    threads.set_num_threads(2)
    model, x = large_case(Overflowing(), (16, 32))
    with np.errstate(over="ignore", invalid="ignore"):
        model.forward(np.abs(x))
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        model.forward(np.abs(x))


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "two", None, True])
def test_a_wrong_number_of_threads_is_refused_and_changes_nothing(wrong):
    before = drn.get_num_threads()
    with pytest.raises((TypeError, ValueError), match="num_threads"):
        drn.set_num_threads(wrong)
    assert drn.get_num_threads() == before


def test_a_pass_in_a_thread_that_outlives_the_main_thread_still_runs():
    code = """
import sys, threading, time
import numpy as np
import dilated_rnn_np as drn
drn.set_num_threads(2)
model = drn.DilatedRNN(1, 4, [1, 2])
def late():
    threading.main_thread().join()
    time.sleep(0.2)  # the interpreter closes its pools
    output, _, cache = model.forward(np.ones((9, 2, 1), "float32"))
    model.backward(output, cache)
    print("ran")
threading.Thread(target=late).start()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT
    )  # ROOT holds the package
    assert done.stdout == "ran\n", done.stderr


def test_at_most_two_calls_of_an_assistant_are_pending():
    gate, running, most = threading.Event(), [0], []

    def task():
        running[0] += 1

    with threads.Workers(2).assistant() as submit:
        submit(gate.wait)
        submit(task)
        late = threading.Thread(target=lambda: (submit(task), most.append(running[0])))
        late.start()
        late.join(0.2)
        assert late.is_alive()  # the third call waits until the first one has ended
        gate.set()
        late.join()
    assert running == [2]
