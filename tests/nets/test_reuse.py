"""Reuse of a cache: it is consumed and lends its buffers to the next pass; arrays that were returned are never written again."""

import copy
import tracemalloc
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cases import Case, assert_equal, cases

import dilated_rnn_np as drn
from dilated_rnn_np.arrays import threads
from dilated_rnn_np.nets import dilated_layer, network, plans
from dilated_rnn_np.nets.dilated_layer import DilatedLayer

CELLS = ["rnn", "lstm", "gru"]


def net(cell="lstm", **options):
    return drn.DilatedRNN(2, 6, [1, 2, 4], **{"cell": cell, "output_size": 3, "readout": "all", "rng": 0, **options})


def batch(seed, T=20, B=3):
    return np.random.default_rng(seed).standard_normal((T, B, 2)).astype("float32")


def arrays_in(thing):
    """All arrays in nested lists, tuples and dicts."""
    if isinstance(thing, dict):
        thing = list(thing.values())
    if isinstance(thing, (list, tuple)):
        return [array for part in thing for array in arrays_in(part)]
    return [thing] if isinstance(thing, np.ndarray) else []


def buffers(cache):
    return [layer.Z.ctypes.data for layer in cache.layers]


# ---------------------------------------------------------------- sequences of calls


class Calls:
    """Calls of two models in a drawn order; each array that goes in or comes out is compared with a copy after every call."""

    def __init__(self, cell, readout, outputs, dilations, hidden):
        options = dict(output_size=outputs, readout=readout, dropout=0.3)
        self.models = [drn.DilatedRNN(2, hidden, dilations, cell, rng=seed, **options) for seed in (0, 1)]
        self.optimizers = [drn.optim.SGD(model.params, lr=1e-3) for model in self.models]
        self.seen, self.caches, self.states = [], [], []

    def hold(self, *things):
        self.seen += [(array, array.copy()) for array in arrays_in(list(things))]

    def make(self, kind, which, T, B, dtype, ragged, pick, seed):
        """One call, with arguments from a few integers; ``pick`` chooses among earlier caches and states."""
        rng, model = np.random.default_rng(seed), self.models[which]
        x = rng.standard_normal((T, B, 2)).astype(dtype)
        lengths = rng.integers(0, T + 1, B) if ragged else None
        fitting = [s for s in self.states if s[0][0].shape[1] == B]
        state = fitting[pick % len(fitting)] if fitting and pick % 3 else None
        reuse = self.caches.pop(pick % len(self.caches)) if self.caches and kind != "keeps both" else None
        self.hold(x, lengths, state or [])
        if kind == "backward":
            if reuse is not None:
                self.backward(*reuse, rng)
                self.caches.append(reuse)
        elif kind == "step":
            output, after = model.step(x[0], state)
            self.hold(output, after)
            self.states.append(after)
        elif kind == "keep nothing":
            output, after, _ = model.forward(x, state, lengths, keep=False, reuse=reuse and reuse[1])
            self.hold(output, after)
        elif kind == "train":
            self.train(which, x, rng, reuse)
        else:
            options = {"budget": {"budget": 60_000}, "dropout": {"rng": seed}}.get(kind, {})
            output, after, cache = model.forward(x, state, lengths, reuse=reuse and reuse[1], **options)
            self.hold(output, after)
            self.states.append(after)
            self.caches.append((which, cache))
            if kind != "forward":
                self.backward(which, cache, rng)
        for now, then in self.seen:
            assert now.dtype == then.dtype and (now == then).all(), "an array was written again"

    def backward(self, which, cache, rng):
        doutput = rng.standard_normal(cache.output_shape).astype(cache.dtype)
        output_grads = []
        back = self.models[which].backward(doutput, cache, None, output_grads)
        self.hold(doutput, *back, output_grads)

    def train(self, which, x, rng, reuse):
        """A training step, which changes the parameters: they are the only arrays that may change."""
        output, after, cache = self.models[which].forward(x, reuse=reuse and reuse[1])
        target = rng.standard_normal(output.shape).astype(output.dtype)
        if np.iscomplexobj(output):
            return
        _, doutput = drn.losses.mean_squared_error(output, target)
        back = self.models[which].backward(doutput, cache)
        self.hold(output, after, doutput, *back)
        self.optimizers[which].step(back[2])
        self.caches.append((which, cache))


KINDS = [
    "forward",
    "forward and backward",
    "keeps both",
    "backward",
    "keep nothing",
    "train",
    "step",
    "budget",
    "dropout",
]
CALL = st.tuples(
    st.sampled_from(KINDS),
    st.integers(0, 1),  # the model
    st.sampled_from([1, 3, 7, 60]),
    st.sampled_from([1, 2]),
    st.sampled_from(["float32", "float32", "float64", "complex64"]),
    st.booleans(),
    st.integers(0, 5),
    st.integers(0, 2**32 - 1),
)
NETS = {
    "cell": st.sampled_from(CELLS),
    "readout": st.sampled_from(["last", "all"]),
    "outputs": st.sampled_from([None, 1, 3]),
    "dilations": st.sampled_from([[1], [1, 2], [2, 4], [3, 1]]),
    "hidden": st.sampled_from([1, 2, 4]),
}
SEQUENCES = st.lists(CALL, min_size=2, max_size=10)


@given(**NETS, calls=SEQUENCES)
def test_no_returned_array_changes_in_any_sequence_of_calls(cell, readout, outputs, dilations, hidden, calls):
    sequence = Calls(cell, readout, outputs, dilations, hidden)
    for call in calls:
        sequence.make(*call)


FEW_CALLS = [("forward", 0, 7, 2, "float32", False, 0, seed) for seed in range(3)]


@pytest.mark.parametrize("returned", ["output", "state"])
def test_the_test_of_call_sequences_finds_arrays_that_lie_in_reused_memory(returned, monkeypatch):
    def run():
        sequence = Calls("rnn", "last", None, [1, 2], 2)
        for call in FEW_CALLS:
            sequence.make(*call)

    run()
    forward = network.Stack.forward

    def with_a_view(self, params, x, *rest):
        output, state, cache = forward(self, params, x, *rest)
        T, B, _ = x.shape
        rows = self.layers[-1].outputs(cache.layers[-1])  # (H, T*B), a view of the buffer
        if returned == "output":
            return rows.T.reshape(T, B, -1), state, cache
        return output, [*state[:-1], (rows.T.reshape(T, B, -1)[-2:],)], cache

    monkeypatch.setattr(network.Stack, "forward", with_a_view)
    with pytest.raises(AssertionError, match="an array was written again"):
        run()


# ---------------------------------------------------------------- results and buffers


def train(case, x, reuse=None):
    output, state, cache = case.model.forward(x, case.state, case.lengths, reuse=reuse)
    return (output, state, *case.model.backward(case.doutput, cache, case.dstate)), cache


@given(cases(), st.integers(1, 3), st.integers(1, 3))
def test_a_pass_in_reused_buffers_equals_one_in_new_buffers(case, part, count):
    before = threads.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dilated_layer, "WORTH_A_THREAD", 0)
        patch.setattr(dilated_layer, "LARGEST_PART", part)
        threads.set_num_threads(count)
        try:
            expected, _ = train(case, case.x)
            _, cache = train(case, -2 * case.x)
            got, again = train(case, case.x, reuse=cache)
            assert_equal(got, expected, tolerance=0)
            assert_equal(train(case, case.x, reuse=again)[0], expected, tolerance=0)
        finally:
            threads.set_num_threads(before)


@pytest.mark.parametrize("cell", CELLS)
def test_buffers_of_equal_shape_are_used_again_and_others_are_not(cell):
    model = net(cell)
    _, _, cache = model.forward(batch(0))
    expected = buffers(cache)
    _, _, cache = model.forward(batch(1), reuse=cache)
    assert buffers(cache) == expected
    _, _, cache = model.forward(batch(1), lengths=[3, 20, 0], reuse=cache)
    assert buffers(cache) == expected
    held = list(cache.layers)
    _, _, other = model.forward(batch(1), reuse=None)
    assert not any(np.shares_memory(a.Z, b.Z) for a, b in zip(held, other.layers, strict=True))
    for x in (batch(2, T=19), batch(2, B=2), batch(2).astype("complex64")):
        _, _, longer = model.forward(x, reuse=cache)
        assert not any(np.shares_memory(a.Z, b.Z) for a, b in zip(held, longer.layers, strict=True))
        _, _, cache = model.forward(batch(0))
        held = list(cache.layers)


def test_a_consumed_cache_is_refused_by_backward_and_by_another_reuse():
    model = net()
    output, _, cache = model.forward(batch(0))
    model.backward(np.ones_like(output), cache)
    _, _, new = model.forward(batch(1), reuse=cache)
    assert cache.consumed and vars(cache) == {"consumed": True} and not new.consumed  # its buffers are gone
    with pytest.raises(ValueError, match=r"consumed by forward\(…, reuse=cache\); call forward again"):
        model.backward(output, cache)
    assert_equal(model.forward(batch(1), reuse=cache)[0], model.forward(batch(1))[0], 0)  # nothing is left to reuse
    model.backward(output, new)


@pytest.mark.parametrize("options", [{"keep": False}, {"budget": 150_000}])
def test_every_plan_consumes_the_cache(options):
    model, x = net(), batch(0, T=400)
    output, _, cache = model.forward(x)
    expected = model.forward(x, **options)[:2]
    assert_equal(model.forward(x, **options, reuse=cache)[:2], expected, tolerance=0)
    with pytest.raises(ValueError, match="consumed"):
        model.backward(output, cache)


def test_a_cache_in_segments_can_be_consumed_and_frees_its_copies_of_x():
    model, x = net(), batch(0, T=400)
    output, _, cache = model.forward(x, budget=150_000)
    assert isinstance(cache, plans.SegmentedCache)
    expected = model.forward(x)[0]
    assert_equal(model.forward(x, reuse=cache)[0], expected, tolerance=0)
    assert vars(cache) == {"consumed": True}
    with pytest.raises(ValueError, match="consumed"):
        model.backward(output, cache)


def nan(x):
    x = x.copy()
    x[1, 0, 0] = np.nan
    return x


WRONG = {
    "x of another shape": lambda model, x, cache: model.forward(x[0], reuse=cache),
    "x with NaN": lambda model, x, cache: model.forward(nan(x), reuse=cache),
    "lengths": lambda model, x, cache: model.forward(x, lengths=[1, 2, 99], reuse=cache),
    "state": lambda model, x, cache: model.forward(x, state=[(np.zeros(1),)], reuse=cache),
    "rng": lambda model, x, cache: model.forward(x, rng=-1, reuse=cache),
    "budget": lambda model, x, cache: model.forward(x, budget=1, reuse=cache),
    "chunks with a cache": lambda model, x, cache: model.forward(iter([x]), reuse=cache),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_call_that_is_refused_does_not_consume_the_cache(wrong):
    model, x = net(dropout=0.1), batch(0)
    output, _, cache = model.forward(x)
    expected = model.backward(output, cache)
    with pytest.raises((ValueError, TypeError)):
        WRONG[wrong](model, x, cache)
    assert not cache.consumed
    assert_equal(model.backward(output, cache), expected, tolerance=0)


@pytest.mark.parametrize("wrong", ["cache", 3, batch(0), [], {"layers": []}])
def test_reuse_of_something_else_is_refused(wrong):
    with pytest.raises(TypeError, match="reuse must be a cache that forward returned"):
        net().forward(batch(0), reuse=wrong)


def test_an_iterator_of_chunks_does_not_take_a_cache():
    model = net()
    output, _, cache = model.forward(batch(0))
    with pytest.raises(TypeError, match="reuse"):
        model.forward(iter([batch(0)]), keep=False, reuse=cache)
    model.backward(output, cache)


def test_caches_that_are_not_consumed_stay_valid():
    model = net()
    output, _, first = model.forward(batch(0))
    expected = model.backward(output, first)
    _, _, second = model.forward(batch(1))
    model.forward(batch(2), reuse=second)
    assert_equal(model.backward(output, first), expected, tolerance=0)


def test_memory_of_many_steps_with_reuse_is_that_of_one():
    model, x = net("gru"), batch(0, T=300, B=20)

    def steps(count):
        cache = None
        for _ in range(count):
            output, _, cache = model.forward(x, reuse=cache)
            model.backward(output, cache)

    def peak(count):
        tracemalloc.start()
        try:
            steps(count)
            return tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    steps(1)
    (left, peak_of_one), (left_after_four, peak_of_four) = peak(1), peak(4)
    assert peak_of_four < 1.1 * peak_of_one
    assert max(left, left_after_four) < x.nbytes  # nothing stays after the cache is dropped


class FailsOnce(drn.RNN):
    """Raises at its eighth call, in the second layer."""

    name, calls = "fails once", 0

    def forward(self, a, previous):
        self.calls += 1
        if self.calls == 8:
            raise KeyboardInterrupt
        return super().forward(a, previous)


def test_an_interrupted_pass_consumes_the_cache_and_leaves_the_model_as_it_was():
    model = drn.DilatedRNN(1, 3, [1, 2], cell=FailsOnce(), output_size=1)
    x, cell = np.ones((6, 2, 1), "float32"), model.cell
    cell.calls = 100
    output, _, cache = model.forward(x)
    cell.calls = 0
    with pytest.raises(KeyboardInterrupt):
        model.forward(x, reuse=cache)
    with pytest.raises(ValueError, match="consumed"):
        model.backward(output, cache)
    assert_equal(model.forward(x)[0], output, tolerance=0)


class KeepsPreActivations(drn.Cell):
    """A linear cell that returns its pre-activations themselves, as its state and in its cache."""

    name, gates = "keeps", ("h", "g")

    def forward(self, a, previous):
        return (a[0],), (a[0], a[1])

    def backward(self, dstate, cache):
        return (dstate[0] * (1 + 0 * cache[0]), 0 * cache[1]), (0,)


class Squares(drn.Cell):
    """Its gradient is wrong if a cached pre-activation is overwritten."""

    name, gates = "squares", ("h",)

    def forward(self, a, previous):
        return (0.1 * a[0] * a[0],), (a[0],)

    def backward(self, dstate, cache):
        return (0.2 * cache[0] * dstate[0],), (0,)


@pytest.mark.parametrize("cell", [KeepsPreActivations(), Squares()])
def test_a_cell_may_keep_the_pre_activations_it_was_given(cell):
    model = drn.DilatedRNN(2, 4, [1, 3], cell=cell, output_size=2, dtype="float64", rng=3)
    for array in model.params.values():
        array *= 0.5
    drn.gradcheck.check(model)
    case = Case(7, 2, 2, [3, 2], [2, 1], cell, "all", 2, True, True, seed=0, scale=0.3)
    expected, cache = train(case, case.x)
    assert_equal(train(case, case.x, reuse=cache)[0], expected, tolerance=0)


# ---------------------------------------------------------------- several models


class Slope(drn.Cell):
    """A linear cell with an option."""

    name, gates = "slope", ("h",)

    def __init__(self, slope):
        self.slope = slope

    def forward(self, a, previous):
        return (self.slope * a[0],), (self.slope,)

    def backward(self, dstate, cache):
        return (cache[0] * dstate[0],), (0,)

    def options(self):
        return {"slope": self.slope}


def test_a_cache_serves_models_of_the_same_sizes_and_cell_alone():
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
            back = model.backward(output, model.forward(x, reuse=cache)[2])  # consumed; its buffers only where they fit
            assert_equal(back, model.backward(output, model.forward(x)[2]), 0)
            assert cache.consumed
    copied = copy.deepcopy(models[0])
    copied.backward(expected[0], models[0].forward(x)[2])
    cache = models[0].forward(x)[2]
    expected = buffers(cache)
    assert buffers(copied.forward(x, reuse=cache)[2]) == expected


def test_a_cache_of_another_length_is_freed_before_the_pass_allocates_its_own():
    model = drn.DilatedRNN(1, 20, [1, 2, 4], "gru")

    _, _, held = model.forward(np.zeros((1000, 8, 1), "float32"))
    references = [weakref.ref(layer.Z) for layer in held.layers]

    seen = []
    original = type(model.stack).forward

    def forward(self, *arguments, **options):
        seen.append([reference() is None for reference in references])
        return original(self, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(model.stack), "forward", forward)
        model.forward(np.zeros((1010, 8, 1), "float32"), reuse=held)
    assert seen == [[True, True, True]]
