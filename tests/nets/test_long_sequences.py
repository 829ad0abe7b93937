"""Long sequences: chunks without gradients, exact gradients within a budget, truncated ones with the carried state."""

import gc
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cases import assert_equal, cases

import dilated_rnn_np as drn
from dilated_rnn_np.nets import network, plans
from dilated_rnn_np.nets.budget import Costs, segment_size
from dilated_rnn_np.training.batches import windows


@pytest.fixture
def num_threads():
    """Sets the number of threads for one test."""
    before = drn.get_num_threads()
    yield drn.set_num_threads
    drn.set_num_threads(before)


def peak_of(work):
    """The peak of memory, in bytes, that Python and NumPy allocate."""
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# ---------------------------------------------------------------- exact gradients, segment by segment


@given(cases(most=14), st.integers(1, 14))
def test_segmented_gradients_equal_those_of_the_whole(on, case, size):
    case = on(case)
    output, after, cache = case.model.forward(case.x, case.state, case.lengths)
    expected_grads = []
    expected = case.model.backward(case.doutput, cache, case.dstate, expected_grads)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "segment_size", lambda *_: size)
        got, got_after, cache = case.model.forward(case.x, case.state, case.lengths, budget=1)
    assert isinstance(cache, plans.SegmentedCache) == (size < case.T)
    assert_equal((got, got_after), (output, after))
    for _ in range(2):  # a cache can be used again
        output_grads = []
        assert_equal(case.model.backward(case.doutput, cache, case.dstate, output_grads), expected)
        assert_equal(output_grads, expected_grads)


def test_dropout_draws_the_same_masks_when_a_segment_is_run_again():
    model = drn.DilatedRNN(2, 5, [1, 2, 4], "gru", output_size=2, readout="all", dtype="float64", dropout=0.5)
    x = np.random.default_rng(0).standard_normal((60, 3, 2))
    doutput = np.random.default_rng(1).standard_normal((60, 3, 2))
    budget = 100_000

    def loss(scale):
        output, _, cache = model.forward(scale * x, rng=7, budget=budget)
        return (output * doutput).sum(), cache

    _, cache = loss(1.0)
    assert len(cache.segments) > 2
    dx, _, _ = model.backward(doutput, cache)
    numeric = (loss(1 + 1e-6)[0] - loss(1 - 1e-6)[0]) / 2e-6
    assert abs((dx * x).sum() - numeric) < 1e-6 * abs(numeric)


def train_one_step(model, x, budget=None):
    output, _, cache = model.forward(x, budget=budget)
    model.backward(np.ones_like(output), cache)
    return cache


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_memory_stays_within_the_budget_and_far_below_that_of_the_whole(cell, threads, num_threads):
    num_threads(threads)
    model = drn.DilatedRNN(1, 20, drn.exponential_dilations(5), cell=cell, output_size=4)
    x = np.random.default_rng(0).standard_normal((3_000, 10, 1)).astype("float32")
    budget = 7_000_000
    within, whole = peak_of(lambda: train_one_step(model, x, budget)), peak_of(lambda: train_one_step(model, x))
    assert within < budget + 4 * x.nbytes  # x, its copy and dx are not part of the budget
    assert whole > 3 * within


# T, B, D, H, layers, and the part of the whole sequence's memory that is the budget
SHAPES = {
    "many rows": (784, 32, 1, 20, 8, 0.5),
    "one row, more units": (2000, 1, 1, 50, 9, 0.5),
    "wide layers, short segments": (600, 64, 2, 50, 4, 0.2),
    "large weights": (300, 16, 3, 128, 4, 0.3),
    "the whole sequence": (1000, 10, 1, 20, 5, 1.01),
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_estimate_of_memory_is_within_a_fifth_of_the_measured_peak_in_both_directions(
    cell, shape, threads, num_threads
):
    num_threads(threads)
    T, B, D, H, layers, part = SHAPES[shape]
    model = drn.DilatedRNN(D, H, drn.exponential_dilations(layers), cell=cell, output_size=4)
    x = np.random.default_rng(0).standard_normal((T, B, D)).astype("float32")
    costs = Costs.of(model.stack, model.params, B, 4, False)
    budget = int(part * costs.memory(T, T))
    size = segment_size(model.stack, model.params, T, B, 4, False, budget)
    assert (size == T) == (shape == "the whole sequence")
    estimate = costs.memory(T, size)  # of the segments that were chosen: at most the budget
    assert estimate <= budget
    model.forward(x[:2])  # starts threads and fills caches of Python before memory is measured
    peak = peak_of(lambda: train_one_step(model, x, budget))
    copies = x.nbytes * (3 if size < T else 2)  # of x and dx, which are not part of the budget
    assert estimate / 1.2 < peak - copies and peak < 1.2 * estimate + copies


def test_buffers_of_a_shorter_segment_are_freed_before_those_of_the_next_are_allocated():
    model = drn.DilatedRNN(1, 50, [1, 2, 4], "lstm", output_size=1)
    x = np.zeros((399, 4, 1), "float32")  # segments of 200 and 199 steps

    def step(size):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(network, "segment_size", lambda *_: size)
            train_one_step(model, x, budget=1)

    step(200)
    assert peak_of(lambda: step(200)) < 1.1 * peak_of(lambda: step(201)) < 1.2 * peak_of(lambda: step(200))
    assert peak_of(lambda: step(200)) < 0.65 * peak_of(lambda: train_one_step(model, x))


def test_a_budget_that_suffices_for_the_whole_changes_nothing():
    model = drn.DilatedRNN(1, 4, [1, 2], output_size=1)
    _, _, cache = model.forward(np.zeros((9, 2, 1), "float32"), budget=10**9)
    assert type(cache) is type(model.forward(np.zeros((9, 2, 1), "float32"))[2])


def test_a_budget_too_small_is_refused_and_the_error_names_one_that_suffices():
    model = drn.DilatedRNN(1, 20, drn.exponential_dilations(5), cell="gru", output_size=4)
    x = np.zeros((1000, 2, 1), "float32")
    with pytest.raises(ValueError, match="budget must be at least") as error:
        model.forward(x, budget=10_000)
    least = int(str(error.value).split("at least ")[1].split(" bytes")[0].replace(",", ""))
    assert len(model.forward(x, budget=least)[2].segments) > 1
    for wrong in (0, -5, 1.5, "much"):
        with pytest.raises((TypeError, ValueError), match="budget"):
            model.forward(x, budget=wrong)


def test_a_segmented_cache_holds_all_that_backward_needs():
    model = drn.DilatedRNN(1, 3, [1, 2], "gru", output_size=1, dtype="float64")
    x = np.random.default_rng(0).standard_normal((300, 2, 1))
    _, state, _ = model.forward(x)
    output, _, cache = model.forward(x, state, budget=60_000)
    assert isinstance(cache, plans.SegmentedCache)
    expected = model.backward(np.ones_like(output), cache)
    x[...] = 0
    for array in [*model.params.values(), *(array for entry in state for array in entry)]:
        array[...] = 1
    assert_equal(model.backward(np.ones_like(output), cache), expected, tolerance=0)
    with pytest.raises(ValueError, match="doutput"):
        model.backward(np.ones((5, 2, 1)), cache)


# ---------------------------------------------------------------- without gradients


@given(cases(most=40))
def test_forward_in_chunks_without_a_cache_equals_forward(on, case):
    case = on(case)
    output, state, _ = case.model.forward(case.x, case.state, case.lengths)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plans, "CHUNK", 1)
        got, got_state, cache = case.model.forward(case.x, case.state, case.lengths, keep=False)
    assert cache is None
    assert_equal((got, got_state), (output, state))


@given(cases(most=20, ragged=False), st.integers(1, 20))
def test_an_iterator_of_chunks_equals_the_whole(on, case, size):
    case = on(case)
    output, state, _ = case.model.forward(case.x, case.state)
    chunks = (case.x[start : start + size] for start in range(0, case.T, size))
    got, got_state, _ = case.model.forward(chunks, case.state, keep=False)
    assert_equal((got, got_state), (output, state))


def test_memory_without_gradients_does_not_grow_with_the_sequence():
    model = drn.DilatedRNN(1, 20, drn.exponential_dilations(6), cell="lstm", output_size=4)

    def chunks(steps):
        rng = np.random.default_rng(0)
        return (rng.standard_normal((100, 4, 1)).astype("float32") for _ in range(0, steps, 100))

    short, long = (peak_of(lambda steps=steps: model.forward(chunks(steps), keep=False)) for steps in (500, 5_000))
    assert long < 1.3 * short


def test_wrong_iterators_are_refused():
    model = drn.DilatedRNN(1, 3, [1, 2], output_size=1)
    chunk = np.zeros((4, 2, 1), "float32")
    with pytest.raises(TypeError, match="keep=False"):
        model.forward(iter([chunk]))
    for wrong in ({"lengths": [4, 4]}, {"rng": 1}, {"budget": 10**6}):
        with pytest.raises(TypeError, match="without lengths"):
            model.forward(iter([chunk]), keep=False, **wrong)
    with pytest.raises(ValueError, match="at least one chunk"):
        model.forward(iter([]), model.zero_state(2), keep=False)
    with pytest.raises(ValueError, match="time-major"):
        model.forward(iter([chunk, chunk[0]]), keep=False)


# ---------------------------------------------------------------- truncated backpropagation


def series(T=24, B=2):
    x = np.random.default_rng(0).standard_normal((T, B, 1)).astype("float32")
    return x, np.roll(x, 3, axis=0)


def new_model():
    model = drn.DilatedRNN(1, 6, [1, 2, 4], "gru", output_size=1, readout="all", rng=0)
    return model, drn.optim.Adam(model.params, lr=1e-2)


def fitted(steps, **options):
    model, optimizer = new_model()
    x, targets = series()
    options = {"loss": "mean_squared_error", "progress": False, "truncated": True} | options
    run = drn.fit(model, windows(x, targets, 6), optimizer, steps, **options)
    return model, run


def test_truncated_training_carries_the_state_and_starts_each_pass_with_zeros():
    model, optimizer = new_model()
    state = None
    for step in range(10):
        x, targets = windows(*series(), 6)[step % 4]
        state = None if step % 4 == 0 else state
        output, state, cache = model.forward(x, state)
        _, doutput = drn.losses.mean_squared_error(output, targets)
        optimizer.step(model.backward(doutput, cache)[2])
    got, _ = fitted(10)
    assert_equal(got.params, model.params, tolerance=0)
    without, _ = fitted(10, truncated=False)
    assert not np.allclose(without.params["layers.0.W_h"], model.params["layers.0.W_h"], rtol=1e-3)


def test_truncated_run_that_was_stopped_and_resumed_ends_in_the_same_bits(tmp_path):
    path = tmp_path / "run.npz"
    whole, run = fitted(11)
    fitted(6, checkpoint=path)
    resumed, again = fitted(11, checkpoint=path, resume=True)
    assert_equal(resumed.params, whole.params, tolerance=0)
    assert again.column("loss")[1].tolist() == run.column("loss")[1].tolist()
    with pytest.raises(ValueError, match="truncated=True"):
        fitted(12, checkpoint=path, resume=True, truncated=False)


def test_evaluation_of_windows_with_the_carried_state_equals_that_of_the_whole():
    model, _ = new_model()
    x, targets = series(T=23)
    whole, _ = drn.evaluate(model, [(x, targets)], "mean_squared_error")
    parts, _ = drn.evaluate(model, windows(x, targets, 5), "mean_squared_error", truncated=True)
    assert abs(parts - whole) < 1e-6 * whole


def test_a_budget_trains_to_the_same_parameters():
    model, optimizer = new_model()
    x, targets = series(T=400)
    drn.fit(model, [(x, targets)], optimizer, 3, loss="mean_squared_error", progress=False)
    other, its_optimizer = new_model()
    drn.fit(other, [(x, targets)], its_optimizer, 3, loss="mean_squared_error", progress=False, budget=90_000)
    assert_equal(other.params, model.params, tolerance=1e-4)


def test_windows_of_unequal_sequences_are_refused():
    with pytest.raises(ValueError, match="one entry per time step"):
        windows(np.zeros((5, 1, 1)), np.zeros((4, 1), int), 2)
    with pytest.raises((TypeError, ValueError), match="steps"):
        windows(np.zeros((5, 1, 1)), np.zeros((5, 1), int), 0)


def test_the_longest_segment_that_fits_is_found_for_every_budget():
    model = drn.DilatedRNN(2, 5, [1, 2, 4], cell="gru", output_size=1)
    T, B = 200, 3
    costs = Costs.of(model.stack, model.params, B, 4, False)
    memory = [costs.memory(T, n) for n in range(1, T + 1)]
    for budget in np.linspace(min(memory[:-1]) + 10_000, memory[-1] - 1, 60, dtype=int):
        size = segment_size(model.stack, model.params, T, B, 4, False, budget)
        longest = max(n for n, needed in enumerate(memory, 1) if needed <= budget)
        assert costs.memory(T, size) <= budget < costs.memory(T, size + 1) and size == longest


def test_a_budget_counts_the_dropout_masks_between_the_layers():
    model = drn.DilatedRNN(2, [5, 7, 4], [1, 2, 4], output_size=1, dropout=0.5)
    with_masks, without = (Costs.of(model.stack, model.params, 3, 4, dropout) for dropout in (True, False))
    assert with_masks.step - without.step == 3 * 4 * (5 + 7)  # the inputs of the second and third layer
    assert with_masks.state == without.state == 4 * 3 * (1 * 5 + 2 * 7 + 4 * 4)
    assert with_masks.weights == without.weights == 4 * model.num_parameters
