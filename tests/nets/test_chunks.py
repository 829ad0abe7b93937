"""A sequence may be cut anywhere: with the carried state, chunks and single steps equal the whole."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support.backends import to_host
from support.cases import assert_equal, cases

from dilated_rnn_np import DilatedRNN


def split(case, cuts):
    """The first and the last time of each chunk; a chunk may be shorter than a dilation."""
    places = sorted({1 + c % max(case.T - 1, 1) for c in cuts if case.T > 1})
    return list(zip([0, *places], [*places, case.T], strict=True))


def chunk_lengths(case, start, stop):
    return None if case.lengths is None else np.clip(case.lengths - start, 0, stop - start)


def in_chunks(case, chunks):
    state, outputs, caches = case.state, [], []
    for start, stop in chunks:
        output, state, cache = case.model.forward(case.x[start:stop], state, chunk_lengths(case, start, stop))
        outputs.append(output)
        caches.append(cache)
    return outputs, state, caches


@given(cases(most=12), st.lists(st.integers(0, 11), max_size=4))
def test_split_sequence_with_carried_state_equals_whole(on, case, cuts):
    case = on(case)
    whole, state, _ = case.model.forward(case.x, case.state, case.lengths)
    outputs, carried, _ = in_chunks(case, split(case, cuts))
    assert_equal(outputs[-1] if whole.ndim == 2 else np.concatenate(outputs), whole)
    assert_equal(carried, state)


@given(cases(most=12), st.lists(st.integers(0, 11), max_size=4))
def test_gradients_through_carried_state_equal_those_of_the_whole(on, case, cuts):
    case = on(case)
    _, _, cache = case.model.forward(case.x, case.state, case.lengths)
    dx, dstate, grads = case.model.backward(case.doutput, cache, case.dstate)

    chunks = split(case, cuts)
    outputs, _, caches = in_chunks(case, chunks)
    dcarried, total, dxs = case.dstate, None, []
    for (start, stop), cache, output in reversed(list(zip(chunks, caches, outputs, strict=True))):
        if case.doutput.ndim == 3:
            doutput = case.doutput[start:stop]
        else:  # one output a sequence: the last chunk's
            doutput = case.doutput if stop == case.T else np.zeros_like(output)
        dchunk, dcarried, some = case.model.backward(doutput, cache, dcarried)
        dxs.insert(0, dchunk)
        total = some if total is None else {name: total[name] + some[name] for name in some}
    assert_equal((np.concatenate(dxs), dcarried, total), (dx, dstate, grads))


@given(cases(ragged=False))
def test_single_steps_equal_forward(on, case):
    case = on(case)
    whole, expected, _ = case.model.forward(case.x, case.state)
    state, outputs = case.state, []
    for x_t in case.x:
        output, state = case.model.step(x_t, state)
        outputs.append(output)
    assert_equal(outputs[-1] if whole.ndim == 2 else np.stack(outputs), whole)
    assert_equal(state, expected)


@given(cases())
def test_the_state_is_one_tuple_per_layer_and_its_top_layer_ends_with_the_newest_outputs(on, case):
    case = on(case)
    _, state, _ = case.model.forward(case.x, case.state, case.lengths)
    names = len(case.model.cell.state)
    shapes = [[(d, case.B, H)] * names for d, H in zip(case.dilations, case.hidden, strict=True)]
    assert [[a.shape for a in entry] for entry in state] == shapes
    stack = DilatedRNN(case.D, case.hidden, case.dilations, case.cell, dtype="float64", embedding=case.embedding)
    for name, array in stack.params.items():
        array[...] = to_host(case.model.params[name])
    outputs, K = stack.forward(case.x, case.state, case.lengths)[0], case.model.width
    before = np.zeros((K, case.B, case.hidden[-1])) if case.state is None else case.state[-1][0][-K:]
    history = np.concatenate([before, outputs])  # (K + T, B, H)
    lengths = [case.T] * case.B if case.lengths is None else case.lengths
    newest = np.stack([history[n : n + K, b] for b, n in enumerate(lengths)], axis=1)  # (K, B, H)
    assert_equal(state[-1][0][-K:], newest)


@given(cases())
def test_forward_without_a_cache_returns_the_same(on, case):
    case = on(case)
    output, state, cache = case.model.forward(case.x, case.state, case.lengths)
    same_output, same_state, none = case.model.forward(case.x, case.state, case.lengths, keep=False)
    assert_equal((same_output, same_state), (output, state), 0)
    assert none is None and cache is not None
