"""Arrays of a pass: its dtype; what the caller passes in is not changed, what was returned is not written again."""

import copy
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.backends import to_host
from support.cases import Case, assert_equal, cases

from dilated_rnn_np import DilatedRNN, load
from dilated_rnn_np.arrays.streams import stream
from dilated_rnn_np.baselines import SkipRNN
from dilated_rnn_np.nets.layer import RowLengths


def everything(case, **options):
    output, state, cache = case.model.forward(case.x, case.state, case.lengths, **options)
    return output, state, case.model.backward(case.doutput, cache, case.dstate)


@given(cases())
def test_nothing_that_the_caller_passes_is_changed(on, case):
    case = on(case)
    passed = case.x, case.state, case.lengths, case.doutput, case.dstate, case.model.params
    before = copy.deepcopy(to_host(passed))
    everything(case)
    for now, then in zip(to_host(passed), before, strict=True):
        if now is not None:
            assert_equal(now, then, 0)


@given(cases())
def test_calls_are_reentrant_and_results_are_never_written_again(on, case):
    case = on(case)
    first = everything(case)
    kept = copy.deepcopy(first)
    output, _, cache = case.model.forward(case.x, case.state, case.lengths)
    other = case.model.forward(2 * case.x, case.state, case.lengths)  # another call in between
    case.model.backward(case.doutput, other[2])
    again = case.model.backward(case.doutput, cache, case.dstate)
    twice = case.model.backward(case.doutput, cache, case.dstate)
    assert_equal(first, kept, 0)
    assert_equal((again, twice), (kept[2], kept[2]), 0)


@given(cases())
def test_a_change_of_the_parameters_between_forward_and_backward_does_not_reach_the_cache(on, case):
    case = on(case)
    _, _, expected = everything(case)
    _, _, cache = case.model.forward(case.x, case.state, case.lengths)
    for array in case.model.params.values():
        array += 1
    assert_equal(case.model.backward(case.doutput, cache, case.dstate), expected, 0)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("outputs", [None, 1])
@pytest.mark.parametrize("readout", ["last", "all"])
def test_a_cache_shares_no_memory_with_arguments_and_results(cell, outputs, readout):
    case = Case(
        4, 1, 1, [1, 1], [1, 1], cell, readout, outputs, False, True, seed=0
    )  # where transposed views are whole
    _, _, expected = everything(case)
    output, state, cache = case.model.forward(case.x, case.state)
    for array in (case.x, output, *(a for entry in [*case.state, *state] for a in entry)):
        array += 1
    assert_equal(case.model.backward(case.doutput, cache, case.dstate), expected, 0)


def test_models_can_be_copied_and_pickled():
    model = DilatedRNN(1, 2, [1, 2], "lstm", output_size=1)
    x = np.ones((3, 1, 1), "float32")
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert_equal(twin.forward(x)[0], model.forward(x)[0], 0)
        twin.params["readout.b"] += 1
        assert not model.params["readout.b"].any()


COMPLEX = {"float32": "complex64", "float64": "complex128", "complex64": "complex64", "complex128": "complex128"}


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("dtype", COMPLEX)
def test_a_pass_has_the_dtype_of_the_parameters_or_its_complex_counterpart(cell, dtype):
    case = Case(5, 2, 2, [3], [2], cell, "last", 2, True, True, seed=0)
    model, real_state = case.model.astype(dtype), case.state
    complex_state = [tuple(a.astype("complex128") for a in entry) for entry in case.state]

    def dtypes(x_dtype, state):
        x = case.x.astype(x_dtype)
        output, after, cache = model.forward(x, state, case.lengths)
        dx, dstate, grads = model.backward(output, cache)
        y, then = model.step(x[0], state)
        arrays = output, dx, y, *(a for s in (after, dstate, then) for entry in s for a in entry), *grads.values()
        return {a.dtype.name for a in arrays}

    for x_dtype in ("float16", "float32", "float64", "longdouble", "int64", "bool"):
        assert dtypes(x_dtype, None) == dtypes(x_dtype, real_state) == {dtype}
    for x_dtype in ("complex64", "complex128", "clongdouble"):
        assert dtypes(x_dtype, None) == {COMPLEX[dtype]}
    assert dtypes("float64", complex_state) == {COMPLEX[dtype]}


def test_input_of_higher_precision_is_rounded_to_the_dtype_of_the_parameters():
    case = Case(9, 2, 2, [3, 3], [1, 2], "gru", "all", 2, True, True, seed=0)
    model = case.model.astype("float32")
    rounded = [tuple(a.astype("float32") for a in entry) for entry in case.state]
    got = model.forward(case.x, case.state, case.lengths)[:2]
    assert_equal(got, model.forward(case.x.astype("float32"), rounded, case.lengths)[:2], 0)
    chunks = iter([case.x[:4], case.x[4:].astype("float32")])
    assert model.forward(chunks, case.state, keep=False)[0].dtype == np.float32


def test_numbers_too_large_for_the_dtype_of_the_parameters_are_refused():
    model = DilatedRNN(1, 2, [1])
    with pytest.raises(ValueError, match="x must be finite, got inf"), np.errstate(over="ignore"):
        model.forward(np.full((3, 1, 1), 1e300))


def test_float32_agrees_with_float64_to_its_precision():
    case = Case(30, 4, 2, [8] * 4, [1, 2, 4, 8], "lstm", "all", 3, False, False, seed=0)
    output, _, _ = case.model.forward(case.x)
    single, _, _ = case.model.astype("float32").forward(case.x.astype("float32"))
    assert_equal(single, output.astype("float32"), 1e-5)


def test_large_pre_activations_do_not_overflow():
    for cell in ("rnn", "lstm", "gru"):
        model = DilatedRNN(1, 2, [1], cell)
        with np.errstate(all="raise", under="ignore"):
            output, _, _ = model.forward(np.array([[[1e30]], [[-1e30]]], "float32"))
        assert np.isfinite(output).all()


def test_writing_into_the_parameters_changes_the_model():
    model = DilatedRNN(1, 2, [1, 2], output_size=1)
    x = np.ones((3, 1, 1), "float32")
    model.params["readout.b"][...] = 5
    model.params["readout.W"][...] = 0
    assert model.forward(x)[0] == 5


@given(st.integers(0, 2**32 - 1))
def test_initial_weights_depend_on_the_generator_alone(seed):
    np.random.seed(seed % 1000)  # noqa: NPY002 (the global state must not matter)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    one, other = DilatedRNN(2, 3, [1, 2], rng=seed), DilatedRNN(2, 3, [1, 2], rng=stream(seed, "weights"))
    assert_equal(one.params, other.params, 0)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_dropout_acts_between_layers_in_training_only_and_depends_on_its_generator(tmp_path):
    model = DilatedRNN(2, 50, [1, 2], output_size=1, dropout=0.4, dtype="float64")
    plain = DilatedRNN(2, 50, [1, 2], output_size=1, dtype="float64")
    x = np.random.default_rng(0).standard_normal((6, 3, 2))
    assert_equal(model.forward(x)[0], plain.forward(x)[0], 0)
    trained = [model.forward(x, rng=seed)[0] for seed in (1, 1, 2)]
    assert (trained[0] == trained[1]).all() and (trained[0] != trained[2]).any()
    mask = model.forward(x, rng=1)[2].masks[1]
    assert abs((mask == 0).mean() - 0.4) < 0.05 and np.unique(mask).round(12).tolist() == [0, round(1 / 0.6, 12)]
    model.save(tmp_path / "m.npz")
    assert load(tmp_path / "m.npz").dropout == 0.4


def test_the_gradient_goes_through_the_same_dropout_mask():
    model = DilatedRNN(1, 6, [1, 2, 4], "gru", output_size=1, dropout=0.5, dtype="float64")
    x = np.random.default_rng(0).standard_normal((5, 2, 1))
    _, _, cache = model.forward(x, rng=7)
    dx, _, _ = model.backward(np.ones((2, 1)), cache)
    step = 1e-30j * np.ones_like(x)
    moved = model.astype("complex128").forward(x + step, rng=7)[0].sum()
    assert_equal(dx.sum(), np.float64(moved.imag / 1e-30), 1e-12)


def test_copies_in_another_dtype_share_nothing():
    model = DilatedRNN(1, 2, [1])
    for twin in (model.astype("float32"), model.to("numpy")):
        twin.params["layers.0.b"][...] = 1
        assert not model.params["layers.0.b"].any()


def test_a_model_without_a_seed_has_the_weights_of_seed_0():
    for call in (lambda **seed: DilatedRNN(2, 3, [1], **seed), lambda **seed: SkipRNN(2, 3, 1, 2, **seed)):
        assert_equal(call().params, call(rng=0).params, 0)


def test_sizes_of_layers_and_graphs_cannot_be_changed():
    model = DilatedRNN(2, 3, [2], output_size=1, embedding=2)
    graph = model.graph()
    rows = RowLengths.of(np, 1, 1, None)
    for thing in (rows, model.stack, model.stack.embedding, model.stack.readout, *model.layers, graph, graph.edges[0]):
        with pytest.raises(FrozenInstanceError):
            setattr(thing, next(iter(vars(thing))), None)


@given(cases(ragged=True))
def test_the_gradients_that_reach_the_layers_outputs_are_0_past_a_row_s_end(case):
    _, _, cache = case.model.forward(case.x, case.state, case.lengths)
    output_grads = []
    case.model.backward(case.doutput, cache, case.dstate, output_grads)
    assert [g.shape for g in output_grads] == [(*case.x.shape[:2], H) for H in case.model.hidden_sizes]
    assert not any(g[n:, b].any() for g in output_grads for b, n in enumerate(case.lengths))
