"""The fast path equals the naive loops, forward and backward, for any net and input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.backends import to_host
from support.cases import Case, assert_equal, cases

from dilated_rnn_np import reference
from dilated_rnn_np.recurrence import scan


def reference_of(case):
    arguments = {"readout": case.readout, "state": case.state, "lengths": case.lengths}
    forward = reference.forward(to_host(case.model.params), case.x, case.dilations, case.cell, **arguments)[:2]
    backward = reference.backward(
        to_host(case.model.params), case.x, case.dilations, case.cell, case.doutput, dstate=case.dstate, **arguments
    )
    return forward, backward


@given(cases())
def test_fast_path_equals_reference_forward_and_all_gradients(on, case):
    case = on(case)
    output, state, cache = case.model.forward(case.x, case.state, case.lengths)
    expected, expected_back = reference_of(case)
    assert_equal((output, state), expected)
    assert_equal(case.model.backward(case.doutput, cache, case.dstate), expected_back)


def test_fast_path_equals_reference_on_a_deep_net(on):
    case = on(Case(40, 2, 3, [5] * 5, [1, 2, 4, 8, 16], "lstm", "all", 4, True, True, seed=1))
    output, state, cache = case.model.forward(case.x, case.state, case.lengths)
    expected, expected_back = reference_of(case)
    assert_equal((output, state), expected)
    assert_equal(case.model.backward(case.doutput, cache, case.dstate), expected_back)


@given(cases(), st.integers(1, 12))
def test_gradients_do_not_depend_on_the_number_of_steps_whose_products_are_computed_together(case, columns):
    _, _, cache = case.model.forward(case.x, case.state, case.lengths)
    expected = case.model.backward(case.doutput, cache, case.dstate)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "TOGETHER", columns)
        assert_equal(case.model.backward(case.doutput, cache, case.dstate), expected)


@given(cases(ragged=True))
def test_each_row_of_a_ragged_batch_equals_the_row_alone(on, case):
    case = on(case)
    output, state, cache = case.model.forward(case.x, case.state, case.lengths)
    dx, _, _ = case.model.backward(case.doutput, cache, case.dstate)
    for b, n in enumerate(case.lengths):
        if case.model.readout == "all" or case.outputs is None:
            assert not output[n:, b].any()
        assert not dx[n:, b].any()
        row = slice(b, b + 1)
        given = None if case.state is None else [tuple(a[:, row] for a in entry) for entry in case.state]
        if n == 0:  # the state is handed on unchanged
            expected = given or case.model.zero_state(1)
        else:
            alone, expected, _ = case.model.forward(case.x[:n, row], given)
            got = output[row] if output.ndim == 2 else output[:n, row]
            assert_equal(got, alone, 1e-12)
        assert_equal([tuple(a[:, row] for a in entry) for entry in state], list(expected), 1e-12)


@given(cases(ragged=True))
def test_positions_past_a_row_s_length_influence_nothing_even_if_not_finite(on, case):
    case = on(case)
    padded = case.x.copy()
    for b, n in enumerate(case.lengths):
        padded[n:, b] = float("nan")
    results = []
    for x in (case.x, padded):
        output, state, cache = case.model.forward(x, case.state, case.lengths)
        results.append((output, state, case.model.backward(case.doutput, cache, case.dstate)))
    assert_equal(results[1], results[0], 0)
