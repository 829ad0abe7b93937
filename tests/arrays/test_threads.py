"""Threads change nothing but the time: any split equals the reference, bits repeat, and the process is left as it was."""

import sys
import threading
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cases import assert_equal, cases
from threadpoolctl import ThreadpoolController

import dilated_rnn_np as drn
from dilated_rnn_np import reference
from dilated_rnn_np.arrays import threads
from dilated_rnn_np.nets import layers


@pytest.fixture(autouse=True)
def threads_as_before():
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)


def blas_threads():
    return [library["num_threads"] for library in ThreadpoolController().select(user_api="blas").info()]


def large_case(cell="gru", dilations=(1, 4, 16)):
    model = drn.DilatedRNN(2, 40, dilations, cell=cell, output_size=3, rng=0)
    x = np.random.default_rng(1).standard_normal((70, 64, 2)).astype("float32")
    assert any(len(layer.parts(64)) > 1 for layer in model.layers)
    return model, x


def results(model, x):
    output, state, cache = model.forward(x)
    return output, state, *model.backward(np.ones_like(output), cache)


@given(st.integers(1, 50), st.integers(1, 12))
def test_even_slices_cover_everything_once_and_differ_by_one_at_most(length, count):
    places = list(range(length))
    parts = [places[s] for s in threads.even_slices(length, count)]
    assert [place for part in parts for place in part] == places and len(parts) == count
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(cases(), st.integers(1, 5), st.integers(1, 3))
def test_any_split_over_threads_equals_the_reference(case, parts, count):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layers, "WORTH_A_THREAD", 0)
        patch.setattr(layers, "LARGEST_PART", parts)
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


def test_backward_goes_with_the_split_of_its_forward():
    threads.set_num_threads(2)
    model, x = large_case()
    output, _, cache = model.forward(x)
    expected = model.backward(np.ones_like(output), cache)
    threads.set_num_threads(1)
    assert_equal(model.backward(np.ones_like(output), cache), expected, tolerance=0)


class Failing(drn.GRU):
    name = "failing"

    def backward(self, dstate, cache):
        raise ArithmeticError("no way back")


def test_blas_threads_and_switch_interval_are_put_back_also_after_an_error():
    threads.set_num_threads(2)
    before = blas_threads(), sys.getswitchinterval()
    model, x = large_case(Failing())
    output, _, cache = model.forward(x)
    assert (blas_threads(), sys.getswitchinterval()) == before
    with pytest.raises(ArithmeticError, match="no way back"):
        model.backward(np.ones_like(output), cache)
    assert (blas_threads(), sys.getswitchinterval()) == before


def test_while_layers_are_split_the_blas_keeps_to_one_thread():
    seen = []

    class Looking(drn.GRU):
        name = "looking"

        def forward(self, a, previous):
            seen.append(max(blas_threads()))
            return super().forward(a, previous)

    threads.set_num_threads(2)
    model, x = large_case(Looking())
    model.forward(x[:3])
    assert set(seen) == {1}


def test_models_may_run_in_several_threads_of_the_user_at_once():
    threads.set_num_threads(2)
    before = blas_threads(), sys.getswitchinterval()
    model, x = large_case()
    expected, got = results(model, x), [None] * 4

    def work(i):
        for _ in range(3):
            got[i] = results(model, x)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(len(got))]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    for one in got:
        assert_equal(one, expected, tolerance=0)
    assert (blas_threads(), sys.getswitchinterval()) == before


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


def in_a_child(connection):
    model, x = large_case()
    connection.send(results(model, x)[0])


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    threads.set_num_threads(2)
    model, x = large_case()
    expected = results(model, x)[0]
    ours, theirs = get_context("fork").Pipe()
    child = get_context("fork").Process(target=in_a_child, args=(theirs,))
    child.start()
    assert ours.poll(60), "the child hangs"
    assert_equal(ours.recv(), expected, tolerance=0)
    child.join()


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "two", None, True])
def test_a_wrong_number_of_threads_is_refused_and_changes_nothing(wrong):
    before = drn.get_num_threads()
    with pytest.raises((TypeError, ValueError), match="num_threads"):
        drn.set_num_threads(wrong)
    assert drn.get_num_threads() == before
