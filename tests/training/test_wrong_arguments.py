"""Arguments of a wrong kind are refused at the call that passes them, with a sentence that names the argument."""

import os

import numpy as np
import pytest

import dilated_rnn_np as drn
from dilated_rnn_np import optim
from dilated_rnn_np.training.callbacks import Callback
from dilated_rnn_np.training.positions import weighted_mean

x, classes = np.zeros((5, 2, 2), np.float32), np.zeros(2, int)
ONES = np.ones(2)


def net():
    return drn.DilatedRNN(2, 4, [1, 2], output_size=3)


def fit(model=None, optimizer=None, batches=((x, classes),), **options):
    model = model or net()
    return drn.fit(model, batches, optimizer or optim.SGD(model.params), 1, progress=False, **options)


def read_only(array):
    array.flags.writeable = False
    return array


WRONG = {
    "a model of another kind": (lambda: fit(model=3, optimizer=3), TypeError, "model must be a network .*, got 3"),
    "the name of an optimizer": (
        lambda: fit(optimizer="adam"),
        TypeError,
        r"optimizer must be an object such as .*'adam'",
    ),
    "the class of an optimizer": (lambda: fit(optimizer=optim.SGD), TypeError, "optimizer must be an object .*SGD"),
    "batches of a number": (
        lambda: fit(batches=3),
        TypeError,
        "batches must be a list or another iterable .*, got int",
    ),
    "a batch without a list": (
        lambda: fit(batches=(x, classes)),
        TypeError,
        r"got ndarray; put a single batch into a list",
    ),
    "validation of a number": (lambda: fit(validation=3), TypeError, "validation must be a list .*, got int"),
    "evaluation of a number": (lambda: drn.evaluate(net(), 3), TypeError, "batches must be a list .*, got int"),
    "callbacks of a number": (
        lambda: fit(callbacks=3),
        TypeError,
        "callbacks must be a list of Callback objects, got 3",
    ),
    "a single callback": (lambda: fit(callbacks=Callback()), TypeError, "callbacks must be a list of Callback objects"),
    "a checkpoint of a number": (lambda: fit(checkpoint=3), TypeError, "checkpoint must be the path of a file, got 3"),
    "a log of a number": (lambda: fit(log=3), TypeError, "log must be the path of a file, got 3"),
    "a loss that returns a text": (
        lambda: fit(loss=lambda o, t: ("a", o)),
        TypeError,
        "a loss must return numbers, .*<U1",
    ),
    "a loss with a gradient of texts": (
        lambda: fit(loss=lambda o, t: (1.0, np.full(o.shape, "a"))),
        TypeError,
        "a loss must return numbers, .*<U1",
    ),
    "a metric that returns nothing": (
        lambda: fit(metric=lambda *_: None),
        TypeError,
        "metric must return one number, .*object",
    ),
    "a metric that returns a text": (
        lambda: fit(metric=lambda *_: "a"),
        TypeError,
        "metric must return one number, .*<U1",
    ),
    "a metric that returns an array": (
        lambda: fit(metric=lambda o, *_: o),
        TypeError,
        r"metric must return one number, a mean over the batch, got float32 of shape \(2, 3\)",
    ),
    "a note that JSON cannot hold": (
        lambda: fit(note={"a": object()}),
        TypeError,
        "note must hold numbers, .* JSON can hold",
    ),
    "gradients in lists": (
        lambda: optim.SGD({"p": ONES}).step({"p": [1.0, 2.0]}),
        TypeError,
        r"grads\['p'\] must be a numpy array like its parameter, got list",
    ),
    "gradients of texts": (
        lambda: optim.SGD({"p": ONES}).step({"p": np.array(["a", "b"])}),
        TypeError,
        r"grads\['p'\] must hold numbers, got dtype <U1",
    ),
    "a list to clip": (
        lambda: optim.clip_grad_norm([ONES], 1),
        TypeError,
        "grads must be a dict of arrays, .*, got list",
    ),
    "lists to clip": (
        lambda: optim.clip_grad_norm({"p": [1.0]}, 1),
        TypeError,
        r"must be an array of floats, .*got list",
    ),
    "integers to clip": (
        lambda: optim.clip_grad_norm({"p": np.ones(2, int)}, 1),
        TypeError,
        r"grads\['p'\] must be an array of floats, float32 or wider, got int64",
    ),
    "an empty array to clip": (
        lambda: optim.clip_grad_norm({"q": np.ones(2), "p": np.ones((0, 3))}, 1),
        ValueError,
        r"grads\['p'\] must hold at least one number, got shape \(0, 3\)",
    ),
    "a read-only array to clip": (
        lambda: optim.clip_grad_norm({"p": read_only(np.ones(2))}, 1),
        ValueError,
        r"grads\['p'\] is read-only but is changed in place; pass a copy",
    ),
    "a tolerance of an unknown method": (
        lambda: drn.gradcheck.check(net(), tolerances={"x": 1}),
        ValueError,
        "unknown method in tolerances 'x'; known: complex, central",
    ),
    "a tolerance that is no number": (
        lambda: drn.gradcheck.check(net(), tolerances={"central": "x"}),
        TypeError,
        r"tolerances\['central'\] must be a real number, got 'x'",
    ),
    "a tolerance of 0": (
        lambda: drn.gradcheck.check(net(), tolerances={"central": 0}),
        ValueError,
        r"tolerances\['central'\] must be a finite number above 0",
    ),
    "tolerances without names": (
        lambda: drn.gradcheck.check(net(), tolerances=1e-3),
        TypeError,
        "tolerances must be a dict",
    ),
    "spans of a text": (lambda: drn.memory.reached_spans(net(), "a"), TypeError, "seq_len must be a whole number"),
    "hops of 0 steps": (
        lambda: drn.paths.with_hops(ONES, 0),
        ValueError,
        "d must be a whole number of at least 1, got 0",
    ),
    "a code below 0": (
        lambda: drn.tasks.Vocabulary("abc").decode([-1]),
        ValueError,
        r"codes must lie in 0..2, got -1 to -1",
    ),
    "a code above all": (
        lambda: drn.tasks.Vocabulary("abc").decode([0, 3]),
        ValueError,
        r"codes must lie in 0..2, got 0 to 3",
    ),
    "codes of fractions": (
        lambda: drn.tasks.Vocabulary("abc").decode([0.5]),
        TypeError,
        "codes must be whole numbers .*float64",
    ),
    "codes of two dimensions": (
        lambda: drn.tasks.Vocabulary("abc").decode([[0]]),
        TypeError,
        r"whole numbers .*\(1, 1\)",
    ),
    "a seed of a text": (lambda: drn.tasks.CopyMemory().batches(2, "a"), TypeError, "seed must be a whole number"),
    "an lr beyond float64": (lambda: optim.SGD({"p": ONES}, lr=10**400), TypeError, "lr must be a real number"),
}
REFERENCE = {
    "x of two dimensions": (
        lambda p: drn.reference.forward(p, x[0], [1, 2]),
        "x must be time-major, .*; add the batch",
    ),
    "x of another size": (lambda p: drn.reference.forward(p, x[..., :1], [1, 2]), r"x must be time-major, \(T, B, 2\)"),
    "a dilation too many": (lambda p: drn.reference.forward(p, x, [1, 2, 4]), "dilations must be 2 numbers, .*, got 3"),
    "another cell": (
        lambda p: drn.reference.forward(p, x, [1, 2], "lstm"),
        "cell must be .* have 1 gates, got 'lstm'",
    ),
    "a gradient of another shape": (
        lambda p: drn.reference.backward(p, x, [1, 2], "rnn", np.ones((2, 4))),
        r"doutput must have the shape of the output, \(2, 3\), got \(2, 4\)",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_argument_is_refused_by_name(case):
    call, error, message = WRONG[case]
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("case", REFERENCE)
def test_the_naive_reference_refuses_arguments_that_do_not_fit(case):
    call, message = REFERENCE[case]
    with pytest.raises(ValueError, match=message):
        call(net().params)


@pytest.mark.parametrize("name", optim.OPTIMIZERS)
def test_a_step_that_is_refused_changes_nothing(name):
    params = {"a": np.ones(3), "b": np.ones(3), "c": read_only(np.ones(3))}
    optimizer = optim.get_optimizer(name, params, 0.1)
    good = dict.fromkeys(params, np.ones(3))
    wrong = [good]
    for g in ([1.0] * 3, np.ones(2), np.full(3, np.nan), np.ones(3, complex), np.array(["a"] * 3)):
        wrong.append({**good, "b": g})
    for grads in wrong:
        with pytest.raises((TypeError, ValueError)):
            optimizer.step(grads)
        params["c"].flags.writeable = True  # at first it was read-only
        assert optimizer.steps == 0 and all((p == 1).all() for p in params.values())
        assert all((a == 0).all() for slots in optimizer.state.values() for a in slots.values())
    optimizer.step(good)
    assert all((p < 1).all() for p in params.values())


def test_refused_gradients_are_not_scaled_in_part():
    grads = {"a": np.full(2, 100.0), "b": read_only(np.full(2, 100.0))}
    with pytest.raises(ValueError, match="read-only"):
        optim.clip_grad_norm(grads, 1.0)
    assert (grads["a"] == 100).all()
    assert float(optim.clip_grad_norm(grads, np.inf)) == 200  # only measured


@pytest.mark.parametrize("loss", drn.losses.LOSSES.values(), ids=drn.losses.LOSSES)
def test_float16_outputs_of_many_positions_are_computed_in_float32(loss):
    rng = np.random.default_rng(0)
    output = rng.standard_normal((400, 300, 3)).astype(np.float16)
    targets = rng.integers(0, 3, (400, 300)) if loss is drn.losses.softmax_cross_entropy else output[::-1]
    targets = targets[..., 0] if loss is drn.losses.quantile else targets
    for weights in (None, rng.random((400, 300))):
        value, gradient = loss(output, targets, None, weights)
        expected, expected_gradient = loss(output.astype(np.float64), targets, None, weights)
        assert value.dtype == gradient.dtype == np.float32
        assert float(value) == pytest.approx(float(expected), rel=1e-4)
        np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-4, atol=1e-11)


def test_a_weighted_mean_of_float16_does_not_overflow():
    value, gradient = weighted_mean(np.full((400, 300), 2, np.float16), np.full((400, 300, 1), 2, np.float16))
    assert value == 2 and gradient.ravel()[0] == pytest.approx(2 / 120_000)


def test_activations_of_a_list_are_those_of_its_array():
    model = net()
    for given, expected in zip(
        drn.memory.activations(model, x.tolist()), drn.memory.activations(model, x), strict=True
    ):
        assert given.keys() == expected.keys() and all((given[name] == expected[name]).all() for name in given)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes in folders")
def test_a_log_that_is_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "metrics.csv")
    with pytest.raises(OSError, match="metrics.csv must be a regular file, not a pipe"):
        fit(log=tmp_path / "metrics.csv")
