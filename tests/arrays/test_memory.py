"""Sizes that need more than the machine's memory are refused before anything is allocated, with both amounts."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dilated_rnn_np as drn
from dilated_rnn_np.arrays import memory
from dilated_rnn_np.arrays.memory import TooLarge, check_memory, machine_memory, readable
from dilated_rnn_np.baselines.systems import SYSTEMS, build
from dilated_rnn_np.tasks import Adding, Characters, CopyMemory

HUGE = 10**11


def test_the_limit_is_the_machine_s_memory(monkeypatch):
    assert 10**8 < machine_memory() < 10**15
    check_memory("size 1", machine_memory(), "its parameters")
    with pytest.raises(TooLarge, match=r"^size 1 needs .*B for its parameters; this machine has .*B$"):
        check_memory("size 1", machine_memory() + 1, "its parameters")
    monkeypatch.setattr(memory, "machine_memory", lambda: None)  # a system that does not tell
    check_memory("size 1", 10**30, "its parameters")


@given(st.integers(0, 10**40))
def test_an_amount_has_at_most_four_digits_and_is_right(size):
    number, unit = readable(size).removeprefix("more than ").split()
    value = float(number.replace(",", "")) * 1000.0 ** ("bytes", *memory.UNITS).index(unit)
    assert value == pytest.approx(min(size, 10**21), rel=0.06) and len(number) <= 5


@given(
    st.sampled_from(sorted(SYSTEMS)),
    st.integers(1, 4),
    st.sampled_from([3, 6]),
    st.sampled_from(["rnn", "lstm", "gru"]),
    st.sampled_from([None, 5]),
    st.sampled_from([None, 2]),
)
def test_the_number_of_parameters_is_known_before_they_are_drawn(system, D, H, cell, embedding, output_size):
    cell = cell if SYSTEMS[system].takes_cell else None
    model = build(system, D, H, [2, 4, 8], cell, embedding=embedding, output_size=output_size)
    assert model.stack.num_parameters == sum(array.size for array in model.params.values())
    assert model.stack.state_size(3) == sum(array.size for entry in model.zero_state(3) for array in entry)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("place", ["input_size", "hidden_size", "output_size", "embedding"])
def test_a_net_that_is_too_large_is_refused_at_once(system, place):
    sizes = {"input_size": 1, "hidden_size": 3, "output_size": 1, "embedding": 2, place: HUGE}
    started = time.monotonic()
    with pytest.raises(TooLarge, match=rf"^{place} \d+ needs .* for its parameters; this machine has"):
        build(system, dilations=[1, 2, 4], **sizes)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("system", ["dilated", "skip", "dilated-cnn"])
def test_dilations_whose_state_is_too_large_are_refused(system):
    with pytest.raises(TooLarge, match=f"^dilation {HUGE} needs .* for the state of one batch row"):
        build(system, 1, 1, [1, HUGE])


def test_exactly_the_memory_of_the_drawn_parameters_and_of_one_row_s_state_is_enough(monkeypatch):
    def limited(size):
        monkeypatch.setattr(memory, "machine_memory", lambda: size)
        return drn.DilatedRNN(2, 3, [1, dilation], output_size=1)

    dilation, parameters = 2, 3 * (2 + 3 + 1) + 3 * (3 + 3 + 1) + 3 + 1
    limited(8 * parameters)  # bytes of float64, in which they are drawn
    with pytest.raises(TooLarge, match="its parameters"):
        limited(8 * parameters - 1)
    dilation, state = 999, 1000 * 3
    limited(4 * state)  # bytes of float32
    with pytest.raises(TooLarge, match="dilation 999 needs 12 kB for the state of one batch row"):
        limited(4 * state - 1)


def test_a_fusion_layer_that_is_too_large_is_refused():
    with pytest.raises(TooLarge, match=r"^fusion layer of width 1099511627776 needs 88 TB for its parameters"):
        drn.DilatedRNN(1, 10, [2**40], output_size=1)


def test_tasks_refuse_sequences_that_are_too_long_or_too_many():
    for call in (lambda: Adding(HUGE).batches(2), lambda: Adding(HUGE).test(), lambda: Adding(HUGE).validation()):
        with pytest.raises(TooLarge, match=f"^T {HUGE} needs "):
            call()
    with pytest.raises(TooLarge, match=f"^batch_size {HUGE} needs "):
        CopyMemory(5).batches(HUGE)
    text = Characters(text="".join(chr(0x4E00 + k) for k in range(20_000)) * 10, window=HUGE)
    with pytest.raises(TooLarge, match=f"^window {HUGE} needs .*; this machine has"):
        for _ in range(100):  # a machine of much memory
            text.input_size *= 10
            text.batches(1)


def test_a_batch_that_cannot_be_trained_on_is_refused_before_the_forward_pass():
    model = drn.DilatedRNN(1, 4, [1, 2], output_size=1)
    batches = [(np.broadcast_to(np.float32(0), (10**7, 10**5, 1)), np.zeros((10**5, 1)))]
    with pytest.raises(TooLarge, match="^a batch of 10000000 steps and 100000 rows needs .* for parameters, states"):
        drn.fit(model, batches, drn.optim.SGD(model.params), 1, loss="huber", progress=False)
