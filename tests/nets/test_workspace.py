"""Buffers are used again only when nobody needs them, and what was returned is never written again."""

import copy
import gc
import tracemalloc
import weakref

import numpy as np
import pytest
from hypothesis import given
from support.cases import assert_equal, cases

import dilated_rnn_np as drn
from dilated_rnn_np.nets.layers import DilatedLayer

CELLS = ["rnn", "lstm", "gru"]


def net(cell="lstm", **options):
    return drn.DilatedRNN(2, 6, [1, 2, 4], cell=cell, output_size=3, readout="all", rng=0, **options)


def batch(seed, T=20, B=3):
    return np.random.default_rng(seed).standard_normal((T, B, 2)).astype("float32")


def step(model, x):
    """Everything that a step returns, and copies of it made at once; the cache is dropped."""
    output, state, cache = model.forward(x)
    returned = output, state, *model.backward(np.ones_like(output), cache)
    return returned, copy.deepcopy(returned)


@pytest.mark.parametrize("cell", CELLS)
def test_what_was_returned_is_never_written_again(cell):
    model = net(cell)
    pairs = [step(model, batch(seed)) for seed in range(4)]
    for returned, copies in pairs:
        assert_equal(returned, copies, tolerance=0)


@given(cases())
def test_a_pass_in_used_buffers_equals_one_in_fresh_buffers(case):
    def run(x):
        output, state, cache = case.model.forward(x, case.state, case.lengths)
        return output, state, *case.model.backward(case.doutput, cache, case.dstate)

    drn.free_workspace()
    expected = run(case.x)
    run(-2 * case.x)
    assert_equal(run(case.x), expected, tolerance=0)


@pytest.mark.parametrize("let_go", ["release", "drop"])
def test_the_buffers_of_a_cache_that_was_let_go_are_used_again(let_go):
    model = net()
    _, _, cache = model.forward(batch(0))
    addresses = [layer.Z.ctypes.data for layer in cache.layers]
    if let_go == "release":
        cache.release()
    del cache
    gc.collect()
    _, _, cache = model.forward(batch(1))
    assert [layer.Z.ctypes.data for layer in cache.layers] == addresses


def test_caches_that_live_at_once_share_no_memory_and_both_go_back():
    model = net()
    x, y = batch(0), batch(1)
    doutput, _, first = model.forward(x)
    expected = model.backward(doutput, first)
    _, _, second = model.forward(y)
    assert not any(np.shares_memory(a.Z, b.Z) for a, b in zip(first.layers, second.layers, strict=True))
    second.release()
    model.forward(batch(2))
    assert_equal(model.backward(doutput, first), expected, tolerance=0)


def test_a_copied_cache_keeps_its_buffers_when_the_other_copy_is_let_go():
    model = net()
    doutput, _, cache = model.forward(batch(0))
    expected = model.backward(doutput, cache)
    twin = copy.copy(cache)
    cache.release()
    del cache
    for seed in range(3):
        model.forward(batch(seed))[2].release()
    assert_equal(model.backward(doutput, twin), expected, tolerance=0)


def test_memory_of_many_steps_is_that_of_one_and_can_be_given_back():
    model, x = net("gru"), batch(0, T=300, B=20)
    drn.free_workspace()
    tracemalloc.start()
    try:
        step(model, x)
        _, peak_of_one = tracemalloc.get_traced_memory()
        for _ in range(3):
            step(model, x)
        kept, peak = tracemalloc.get_traced_memory()
        assert peak < 1.1 * peak_of_one
        drn.free_workspace()
        gc.collect()
        left, _ = tracemalloc.get_traced_memory()
        assert kept > 20 * x.nbytes and left < x.nbytes
    finally:
        tracemalloc.stop()


def test_a_pass_of_another_shape_does_not_wait_on_the_old_buffers():
    model = net()
    _, _, cache = model.forward(batch(0, T=500))
    buffer = weakref.ref(cache.layers[0].Z)
    cache.release()
    assert buffer() is not None
    model.forward(batch(0, T=5))
    assert buffer() is None


class FailsOnce(drn.RNN):
    """Raises at its eighth call, in the second layer."""

    name, calls = "fails once", 0

    def forward(self, a, previous):
        self.calls += 1
        if self.calls == 8:
            raise KeyboardInterrupt
        return super().forward(a, previous)


def test_a_pass_that_was_interrupted_leaves_nothing_behind_that_another_could_stumble_over():
    model = drn.DilatedRNN(1, 3, [1, 2], cell=FailsOnce(), output_size=1)
    x = np.ones((6, 2, 1), "float32")
    with pytest.raises(KeyboardInterrupt):
        model.forward(x)
    gc.collect()
    first, _, cache = model.forward(x)
    cache.release()
    assert_equal(model.forward(x)[0], first, tolerance=0)


class KeepsWhatItIsLent(drn.Cell):
    """A linear cell that hands its pre-activations on as they are, as state and in its cache."""

    name, gates = "keeps", ("h", "g")

    def forward(self, a, previous):
        return (a[0],), (a[0], a[1])

    def backward(self, dstate, cache):
        return (dstate[0] * (1 + 0 * cache[0]), 0 * cache[1]), (0,)


class KeepsSquares(drn.Cell):
    """Its gradient is wrong as soon as a cached pre-activation has been written over."""

    name, gates = "squares", ("h",)

    def forward(self, a, previous):
        return (0.1 * a[0] * a[0],), (a[0],)

    def backward(self, dstate, cache):
        return (0.2 * cache[0] * dstate[0],), (0,)


@pytest.mark.parametrize("cell", [KeepsWhatItIsLent(), KeepsSquares()])
def test_a_cell_may_keep_the_pre_activations_it_was_given(cell):
    model = drn.DilatedRNN(2, 4, [1, 3], cell=cell, output_size=2, dtype="float64", rng=3)
    for array in model.params.values():
        array *= 0.5
    drn.gradcheck.check(model)


def test_a_cache_and_its_buffers_serve_models_of_the_same_sizes_and_cell_alone():
    class Slope(drn.Cell):
        name, gates = "slope", ("h",)

        def __init__(self, slope):
            self.slope = slope

        def forward(self, a, previous):
            return (self.slope * a[0],), (self.slope,)

        def backward(self, dstate, cache):
            return (cache[0] * dstate[0],), (0,)

        def options(self):
            return {"slope": self.slope}

    class Own(drn.Network):
        def __init__(self, hidden_size, dilation, slope):
            self.cell = Slope(slope)
            super().__init__([DilatedLayer(self.cell, 1, hidden_size, dilation)], 1, dtype="float64")

    x = np.ones((6, 1, 1))
    models = [Own(4, 2, 1.0), Own(5, 2, 1.0), Own(4, 3, 1.0), Own(4, 2, 0.5)]
    expected = [model.forward(x)[0] for model in models]
    for model, output in zip(models, expected, strict=True):
        for other in models:
            cache = other.forward(x)[2]
            if other is not model:
                with pytest.raises(ValueError, match="cache is of another model"):
                    model.backward(output, cache)
            cache.release()
            assert_equal(model.forward(x)[0], output, 0)
    copied = copy.deepcopy(models[0])
    copied.backward(expected[0], models[0].forward(x)[2])
