"""A sequence may be cut anywhere: with the carried state, chunks and single steps equal the whole."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support.cases import assert_equal, cases


def split(case, cuts):
    """The first and the last time of each chunk; a chunk may be shorter than a dilation."""
    places = sorted({1 + c % max(case.T - 1, 1) for c in cuts if case.T > 1})
    return list(zip([0, *places], [*places, case.T], strict=True))


def chunk_lengths(case, start, stop):
    return None if case.lengths is None else np.clip(case.lengths - start, 0, stop - start)


def given_state(case):
    """None, or what a sequence before has left; the newest outputs in it agree with the fusion layer's copy of them."""
    return case.model.forward(-case.x[::-1])[1] if case.carried else None


def as_one_copy(case, dstate):
    """The gradient of a state, those of the fusion layer's copy of the newest outputs added to the top layer's own."""
    if case.model.width == 1 or case.outputs is None:
        return dstate
    dtop, (dcopy,) = [a.copy() for a in dstate[-2]], dstate[-1]
    dtop[0][-len(dcopy) :] += dcopy
    return [*dstate[:-2], tuple(dtop)]


def in_chunks(case, chunks):
    state, outputs, caches = given_state(case), [], []
    for start, stop in chunks:
        output, state, cache = case.model.forward(case.x[start:stop], state, chunk_lengths(case, start, stop))
        outputs.append(output)
        caches.append(cache)
    return outputs, state, caches


@given(cases(most=12), st.lists(st.integers(0, 11), max_size=4))
def test_split_sequence_with_carried_state_equals_whole(on, case, cuts):
    case = on(case)
    whole, state, _ = case.model.forward(case.x, given_state(case), case.lengths)
    outputs, carried, _ = in_chunks(case, split(case, cuts))
    assert_equal(outputs[-1] if whole.ndim == 2 else np.concatenate(outputs), whole)
    assert_equal(carried, state)


@given(cases(most=12), st.lists(st.integers(0, 11), max_size=4))
def test_gradients_through_carried_state_equal_those_of_the_whole(on, case, cuts):
    case = on(case)
    _, _, cache = case.model.forward(case.x, given_state(case), case.lengths)
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
    assert_equal((np.concatenate(dxs), total), (dx, grads))
    assert_equal(as_one_copy(case, dcarried), as_one_copy(case, dstate))


@given(cases(ragged=False))
def test_steps_one_by_one_equal_forward(on, case):
    case = on(case)
    whole, expected, _ = case.model.forward(case.x, case.state)
    state, outputs = case.state, []
    for x_t in case.x:
        output, state = case.model.step(x_t, state)
        outputs.append(output)
    assert_equal(outputs[-1] if whole.ndim == 2 else np.stack(outputs), whole)
    assert_equal(state, expected)


@given(cases())
def test_forward_that_keeps_nothing_returns_the_same(on, case):
    case = on(case)
    output, state, cache = case.model.forward(case.x, case.state, case.lengths)
    same_output, same_state, none = case.model.forward(case.x, case.state, case.lengths, keep=False)
    assert_equal((same_output, same_state), (output, state), 0)
    assert none is None and cache is not None
