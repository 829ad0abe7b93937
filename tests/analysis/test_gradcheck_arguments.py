"""Arguments of the gradient check: losses by name, tolerances, and functions without a complex step."""

import numpy as np
import pytest
from support.cases import Case

from dilated_rnn_np import losses
from dilated_rnn_np.analysis.gradcheck import check


@pytest.mark.parametrize("readout", ["last", "all"])
def test_a_loss_is_given_by_name_as_in_fit(readout):
    case = Case(6, 2, 2, [3], [2], "gru", readout, 3, True, False, seed=1)
    targets = np.random.default_rng(0).standard_normal(case.doutput.shape)
    arguments = case.model, case.x, case.state, case.lengths
    by_name = check(*arguments, targets=targets, loss="mean_squared_error")
    assert by_name == check(*arguments, targets=targets, loss=losses.mean_squared_error)
    with pytest.raises(ValueError, match="unknown loss 'mean_square_error'.*did you mean 'mean_squared_error'"):
        check(*arguments, targets=targets, loss="mean_square_error")
    with pytest.raises(TypeError, match="targets and loss go together"):
        check(*arguments, loss="mean_squared_error")


def absolute(arrays):
    return abs(arrays["p"]).sum(), {"p": np.sign(arrays["p"].real)}


@pytest.mark.parametrize("method", ["complex", "both"])
def test_a_right_gradient_of_a_function_without_complex_step_is_reported_as_such(method):
    with pytest.raises(AssertionError, match="p: relative error .* by complex step") as caught:
        check(absolute, {"p": np.array([-1.0, 2.0])}, method=method)
    hint = str(caught.value).splitlines()[-1]
    assert hint.startswith("central differences agree with the gradient of p, so the complex step is at fault")
    assert "abs" in hint and hint.endswith("use method='central'")


def test_a_function_without_complex_step_passes_by_central_differences():
    check(absolute, {"p": np.array([-1.0, 2.0])}, method="central")


def test_the_complex_step_is_blamed_only_for_the_arrays_where_it_is_at_fault():
    def function(arrays):
        value = absolute(arrays)[0] + (arrays["q"] ** 2).sum()
        return value, {**absolute(arrays)[1], "q": 3 * arrays["q"]}

    with pytest.raises(AssertionError, match="the gradient of 2 of 2 arrays is wrong") as caught:
        check(function, {"p": np.ones(2), "q": np.ones(2)})
    assert "agree with the gradient of p, so" in str(caught.value)


@pytest.mark.parametrize("factor", [1 + 1e-9, 2])
def test_the_complex_step_is_not_blamed_for_a_wrong_gradient(factor):
    with pytest.raises(AssertionError) as caught:
        check(lambda p: ((p["p"] ** 3).sum(), {"p": factor * 3 * p["p"] ** 2}), {"p": np.ones(2)})
    assert "at fault" not in str(caught.value)


def test_a_function_that_refuses_complex_numbers_is_reported_with_the_way_out():
    def function(arrays):
        return np.arctan2(arrays["p"], 1.0).sum(), {"p": 1 / (1 + arrays["p"] ** 2)}

    check(function, {"p": np.ones(2)}, method="central")
    with pytest.raises(TypeError, match="no complex step through this function: .*arctan2.*; use method='central'"):
        check(function, {"p": np.ones(2)})


def test_an_unknown_method_in_tolerances_is_refused():
    with pytest.raises(ValueError, match="unknown method in tolerances 'centrel'.*did you mean 'central'"):
        check(absolute, {"p": np.ones(2)}, method="central", tolerances={"centrel": 1e-3})


def test_a_given_tolerance_replaces_the_default():
    wrong = {"p": np.ones(2)}
    check(lambda p: ((p["p"] ** 2).sum(), {"p": 2.002 * p["p"]}), wrong, tolerances={"complex": 0.1, "central": 0.1})
    with pytest.raises(AssertionError, match="tolerance 1e-05"):
        check(lambda p: ((p["p"] ** 2).sum(), {"p": 2.002 * p["p"]}), wrong, tolerances={"complex": 1e-5})
