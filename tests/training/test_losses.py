"""Losses are weighted means over the counted positions, their gradients pass both checks, and parts add up to the whole."""

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cases import assert_equal

from dilated_rnn_np import DilatedRNN, evaluate, fit, losses, optim, train_step, windows
from dilated_rnn_np.analysis.gradcheck import check
from dilated_rnn_np.training.losses import LOSSES, count_of, loss_of, mean_squared_error, softmax_cross_entropy

SMALL = st.integers(1, 4)
SEED = st.integers(0, 2**32 - 1)
NAMES = st.sampled_from(sorted(LOSSES))
WHICH = st.sampled_from(["all", "lengths", "mask", "mask and lengths", "weights", "weights and lengths", "row weights"])
QUANTILES = (0.1, 0.5, 0.9)


def one(name, output, target):
    """The textbook loss of one position: output (O,), target as its loss takes it."""
    if name == "softmax_cross_entropy":
        return -np.log(np.exp(output[target]) / np.exp(output).sum())
    if name == "quantile":
        error = np.repeat(target, 3) - output
        q = np.tile(QUANTILES, len(target))
        return np.maximum(q * error, (q - 1) * error).mean()
    error = np.abs(output - target)
    of_each = {
        "mean_squared_error": error**2,
        "mean_absolute_error": error,
        "huber": np.where(error > 1, error - 0.5, error**2 / 2),
    }
    return of_each[name].mean()


def drawn(name, T, B, O, seed, which):
    """Output, targets, lengths, weights, and the weight of each position, (T, B); no error lies near a kink of its loss."""
    rng = np.random.default_rng(seed)
    if name == "softmax_cross_entropy":
        output, targets = 2 * rng.standard_normal((T, B, O)), rng.integers(0, O, (T, B))
    else:
        targets = rng.standard_normal((T, B, O))
        output = np.repeat(targets, 3 if name == "quantile" else 1, axis=-1)
        error = rng.uniform(0.1, 0.9, output.shape) + rng.integers(0, 2, output.shape)
        output = output + error * rng.choice([-1, 1], output.shape)
    lengths = rng.integers(0, T + 1, B) if "lengths" in which else None
    weights = None
    if "mask" in which:
        weights = rng.random((T, B)) < 0.7
    elif "weights" in which:
        shape = (B,) if "row" in which else (T, B)
        weights = np.where(rng.random(shape) < 0.7, rng.exponential(size=shape), 0)
    each = np.ones((T, B)) if weights is None else np.broadcast_to(weights, (T, B)).astype(float)
    if lengths is not None:
        each = each * (np.arange(T)[:, None] < lengths)
    return output, targets, lengths, weights, each


@given(NAMES, SMALL, SMALL, SMALL, SEED, WHICH)
def test_each_loss_is_the_weighted_mean_over_counted_positions_with_the_right_gradient(name, T, B, O, seed, which):
    output, targets, lengths, weights, each = drawn(name, T, B, O, seed, which)
    loss = LOSSES[name]
    assert loss.count(output, targets, lengths, weights) == pytest.approx(each.sum(), rel=1e-12)
    if not each.any():
        with pytest.raises(ValueError, match="no position counts"):
            loss(output, targets, lengths, weights)
        return
    value, gradient = loss(output, targets, lengths, weights)
    total = sum(each[t, b] * one(name, output[t, b], targets[t, b]) for t, b in np.ndindex(T, B))
    assert value == pytest.approx(total / each.sum(), rel=1e-12, abs=1e-15)
    assert gradient.shape == output.shape and not gradient[each == 0].any()
    if name == "softmax_cross_entropy" and O == 1:
        return  # with one class the gradient is 0

    def function(arrays):
        value, gradient = loss(arrays["output"], targets, lengths, weights)
        return value, {"output": gradient}

    check(function, {"output": output}, rng=seed)


def in_parts(rng, arguments, T, B):
    """Parts of a batch: of its rows, of its time steps, or of its positions by masks, each drawn at random."""
    output, targets, lengths, weights = arguments
    how = rng.integers(3)
    if how == 0:  # rows
        for rows in np.array_split(rng.permutation(B), rng.integers(1, B + 1)):
            own = None if weights is None else weights[..., rows]
            place = np.ix_(range(T), rows)
            yield place, (output[place], targets[place], None if lengths is None else lengths[rows], own)
    elif how == 1:  # time steps
        cuts = np.flatnonzero(rng.random(T - 1) < 0.5) + 1
        for times in np.split(np.arange(T), cuts):
            inside = None if lengths is None else np.clip(lengths - times[0], 0, len(times))
            own = weights if weights is None or weights.ndim == 1 else weights[times]
            yield times, (output[times], targets[times], inside, own)
    else:  # positions
        of_part = rng.integers(0, 3, (T, B))
        for part in range(3):
            yield (), (output, targets, lengths, (of_part == part) * (1 if weights is None else weights))


@given(NAMES, SMALL, SMALL, SMALL, SEED, WHICH)
def test_parts_weighted_by_their_counts_equal_the_whole(name, T, B, O, seed, which):
    *whole, each = drawn(name, T, B, O, seed, which)
    if not each.any():
        return
    loss, value, gradient, count = LOSSES[name], 0.0, np.zeros_like(whole[0]), 0.0
    for place, part in in_parts(np.random.default_rng(seed), whole, T, B):
        weight = loss.count(*part)
        if weight:
            own_value, own_gradient = loss(*part)
            value, count = value + weight * own_value, count + weight
            gradient[place] += weight * own_gradient
    expected, dexpected = loss(*whole)
    assert count == pytest.approx(loss.count(*whole), rel=1e-12)
    assert value / count == pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert_equal(gradient / count, dexpected, 1e-12)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_one_output_per_sequence_is_weighted_by_rows(name):
    output, targets, _, _, _ = drawn(name, 1, 4, 2, 0, "all")
    weights = np.array([1.0, 0, 2, 0.5])
    value, gradient = LOSSES[name](output[0], targets[0], weights=weights)
    expected, dexpected = LOSSES[name](output, targets, weights=weights)
    assert_equal((value, gradient), (expected, dexpected[0]), 1e-12)
    assert LOSSES[name].count(output[0], targets[0], None, weights) == 3.5
    assert LOSSES[name].count(output[0], targets[0]) == 4


@pytest.mark.parametrize("name", sorted(LOSSES))
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_losses_keep_the_dtype_and_leave_their_arguments(name, dtype):
    output, targets, lengths, weights, _ = drawn(name, 4, 3, 2, 1, "weights and lengths")
    output, lengths = output.astype(dtype), np.array([1, 2, 4])
    arguments = output, targets, lengths, weights
    before = [array.copy() for array in arguments]
    value, gradient = LOSSES[name](*arguments)
    assert value.dtype == gradient.dtype == dtype
    for array, was in zip(arguments, before, strict=True):
        assert (array == was).all()


@pytest.mark.parametrize("shift", [0, 1e4, -1e4])
def test_cross_entropy_does_not_change_when_all_logits_shift(shift):
    logits = np.array([[1.0, 2.0, 3.0]])
    loss, dlogits = softmax_cross_entropy(logits + shift, np.array([0]))
    expected, dexpected = softmax_cross_entropy(logits, np.array([0]))
    assert loss == pytest.approx(expected, rel=1e-9)
    assert_equal(dlogits, dexpected, 1e-9)


def test_targets_that_do_not_count_may_be_any_number():
    logits = np.zeros((2, 1, 3))
    loss, _ = softmax_cross_entropy(logits, np.array([[1], [-1]]), weights=np.array([[True], [False]]))
    assert loss == pytest.approx(np.log(3))
    wild = np.array([[[1.0]], [[np.nan]]])
    for name in sorted(set(LOSSES) - {"softmax_cross_entropy", "quantile"}):
        for options in ({"lengths": [1]}, {"weights": [[2.0], [0.0]]}):
            loss, gradient = LOSSES[name](np.zeros((2, 1, 1)), wild, **options)
            assert loss == (0.5 if name == "huber" else 1) and np.isfinite(gradient).all()


def test_weights_past_a_row_s_length_may_be_any_number():
    output, targets = np.zeros((2, 1, 1)), np.ones((2, 1, 1))
    assert mean_squared_error(output, targets, [1], np.array([[2.0], [np.nan]]))[0] == 1


def test_options_of_huber_and_quantile_change_the_loss():
    error = np.array([[0.5, 3.0]])
    assert losses.huber(error, np.zeros((1, 2)), delta=0.1)[0] == pytest.approx((0.1 * 0.45 + 0.1 * 2.95) / 2)
    rng = np.random.default_rng(0)
    targets, sample = rng.standard_normal(4001), []
    loss = functools.partial(losses.quantile, quantiles=(0.25,))
    grid = np.linspace(-2, 2, 401)
    sample = [loss(np.full((4001, 1), at), targets)[0] for at in grid]
    assert grid[np.argmin(sample)] == pytest.approx(np.quantile(targets, 0.25), abs=0.01)


def test_several_targets_have_their_quantiles_side_by_side():
    output, targets = np.arange(12.0).reshape(1, 2, 6), np.array([[[1.0, 4.0], [2.0, 3.0]]])
    value, gradient = losses.quantile(output, targets)
    parts = [losses.quantile(output[..., 3 * k : 3 * k + 3], targets[..., k]) for k in range(2)]
    assert value == pytest.approx(np.mean([part[0] for part in parts]))
    assert_equal(gradient, np.concatenate([part[1] for part in parts], axis=-1) / 2, 1e-15)


# ---------------------------------------------------------------------- wrong arguments


LOGITS, CLASSES, VALUES = np.zeros((3, 2, 4)), np.zeros((3, 2), int), np.zeros((3, 2, 4))
WRONG = {
    "float targets": (
        lambda: softmax_cross_entropy(LOGITS, VALUES),
        TypeError,
        r"regression loss \(mean_squared_error, mean_absolute_error, huber, quantile\).*targets\.astype\(int\)",
    ),
    "weights of another shape": (
        lambda: mean_squared_error(VALUES, VALUES, weights=np.ones((2, 2))),
        ValueError,
        r"weights must have shape \(3, 2\) or \(2,\), got \(2, 2\)",
    ),
    "negative weights": (
        lambda: mean_squared_error(VALUES, VALUES, weights=[1, -2]),
        ValueError,
        "weights must be finite and at least 0, got -2",
    ),
    "weights with NaN": (
        lambda: mean_squared_error(VALUES, VALUES, weights=[1, np.nan]),
        ValueError,
        "weights must be finite and at least 0, got nan",
    ),
    "complex weights": (lambda: mean_squared_error(VALUES, VALUES, weights=[1j, 1]), TypeError, "real numbers"),
    "weights of nothing": (lambda: losses.huber(VALUES, VALUES, weights=[0, 0]), ValueError, "no position counts"),
    "targets with NaN": (lambda: losses.huber(VALUES, VALUES * np.nan), ValueError, "targets must be finite, got nan"),
    "delta of 0": (lambda: losses.huber(VALUES, VALUES, delta=0), ValueError, "delta must be"),
    "quantile of 1": (lambda: losses.quantile(VALUES, VALUES, quantiles=(1,)), ValueError, "between 0 and 1"),
    "no quantiles": (lambda: losses.quantile(VALUES, VALUES, quantiles=()), ValueError, "between 0 and 1"),
    "too few outputs for the quantiles": (
        lambda: losses.quantile(VALUES, VALUES[..., 0]),
        ValueError,
        r"3 quantiles for each target.*shape \(3, 2, 3\), got \(3, 2, 4\)",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_refused_with_a_clear_message(name):
    call, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        call()


# ---------------------------------------------------------------------- losses of one's own


def net(**options):
    return DilatedRNN(2, 5, [1, 2], "gru", **{"output_size": 3, "readout": "all", "dtype": "float64", **options})


def batch_of(T, B, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((T, B, 2)), rng.standard_normal((T, B, 3))


def last_step_error(output, targets, lengths=None, weights=None):
    error, gradient = output[-1] - targets[-1], np.zeros_like(output)
    gradient[-1] = 2 * error / error.size
    return (error**2).mean(), gradient


last_step_error.count = lambda output, targets, lengths=None, weights=None: output.shape[1]


def test_evaluation_weights_batches_by_the_count_of_a_loss_of_one_s_own():
    model, batches = net(), [batch_of(6, 1), batch_of(2, 3, seed=1)]
    values = [last_step_error(model.forward(x)[0], targets)[0] for x, targets in batches]
    expected = (values[0] + 3 * values[1]) / 4
    assert evaluate(model, batches, last_step_error)[0] == pytest.approx(expected, rel=1e-12)


def test_a_loss_without_count_is_weighted_by_its_positions():
    def loss(output, targets, lengths=None, weights=None):
        return mean_squared_error(output, targets, lengths, weights)

    output = np.zeros((4, 2, 3))
    assert count_of(loss, output, None) == 8
    assert count_of(loss, output, None, lengths=[4, 1]) == 5
    assert count_of(loss, output, None, lengths=[4, 1], weights=[0.5, 2]) == 4
    assert count_of(loss, output[0], None, lengths=[4, 1]) == 2  # one output per sequence, whatever its length


def test_a_position_without_weight_may_be_nan_in_a_loss_of_one_s_own_too():
    each, gradient = np.array([[1.0, 2.0], [np.nan, 4.0]]), np.ones((2, 2, 3))
    gradient[1, 0] = np.nan
    for options in ({"lengths": [1, 2]}, {"weights": [[1, 1], [0, 1]]}):
        value, dvalue = losses.weighted_mean(each, gradient, **options)
        assert value == pytest.approx(7 / 3) and dvalue[1, 0].tolist() == [0, 0, 0]
        assert np.isfinite(dvalue).all()


def test_a_loss_is_called_with_what_the_batch_has_and_no_more():
    seen = []

    def loss(*arguments):
        seen.append(len(arguments))
        return mean_squared_error(arguments[0], arguments[1])

    output, rows = np.zeros((4, 2, 3)), np.zeros((2, 3))
    for lengths, weights in ((None, None), ([4, 4], None), (None, [1, 1])):
        loss_of(loss, output, output, lengths, weights)
    loss_of(loss, rows, rows, [4, 4], None)
    assert seen == [2, 3, 4, 2]


@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        (lambda output, targets: np.float32(3), TypeError, r"must return \(value, gradient of the output\).*float32"),
        (lambda output, targets: (1.0, output, 2), TypeError, "returned 3 values"),
        (lambda output, targets: (1.0, output[0]), ValueError, r"gradient of the output's shape \(4, 2, 3\)"),
        (lambda output, targets: (output[..., 0], output), ValueError, "must return one number"),
        (lambda output: (1.0, output), TypeError, r"define your loss as loss\(output, targets, lengths=None"),
    ],
)
def test_a_loss_that_breaks_the_protocol_is_told_so(loss, error, message):
    x, targets = batch_of(4, 2)
    model = net()
    with pytest.raises(error, match=message):
        fit(model, [(x, targets)], optim.SGD(model.params), 1, loss=loss, progress=False)


def test_a_loss_or_metric_that_takes_no_weights_is_told_so_where_the_batch_has_them():
    batch = (*batch_of(4, 2), None, np.ones((4, 2)))
    for options in (
        {"loss": lambda output, targets, lengths=None: mean_squared_error(output, targets)},
        {"loss": "huber", "metric": lambda output, targets, lengths: 0.0},
    ):
        with pytest.raises(TypeError, match=r"this batch calls for .*\(output, targets, lengths, weights\)"):
            evaluate(net(), [batch], **options)


# ---------------------------------------------------------------------- weights in training


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_fit_and_evaluate_count_alike_and_a_weight_of_zero_leaves_a_row_out(name):
    model = net(output_size=3)
    output, targets, _, weights, _ = drawn(name, 5, 4, 1 if name == "quantile" else 3, 2, "weights")
    x, lengths = np.random.default_rng(0).standard_normal((5, 4, 2)), np.array([5, 3, 4, 1])
    weights = weights.copy()
    weights[:, 0], weights[0, 1:] = 0, 1
    batch = (x, targets, lengths, weights)
    without = (x[:, 1:], targets[:, 1:], lengths[1:], weights[:, 1:])
    parts = [
        tuple(array[..., k : k + 1] if array.ndim < 3 else array[:, k : k + 1] for array in batch) for k in range(4)
    ]
    whole, _ = evaluate(model, [batch], name)
    assert evaluate(model, [without], name)[0] == pytest.approx(whole, rel=1e-12)
    assert evaluate(model, parts, name)[0] == pytest.approx(whole, rel=1e-12)  # part 0 counts nothing
    run = fit(model, [batch], optim.SGD(model.params), 1, loss=name, progress=False)
    assert run.history[0]["loss"] == pytest.approx(whole, rel=1e-12)
    twin, other = net(output_size=3), net(output_size=3)
    for own, seen in ((twin, batch), (other, without)):
        train_step(own, optim.SGD(own.params, lr=0.1), seen, name)
    assert_equal(dict(twin.params), dict(other.params), 1e-12)


def test_a_metric_gets_weights_only_where_the_batch_has_them():
    seen = []
    x, targets = batch_of(4, 2)
    for batch in ((x, targets), (x, targets, [4, 1]), (x, targets, None, [1.0, 3.0])):
        evaluate(net(), [batch], "huber", metric=lambda *arguments: seen.append(len(arguments)) or 1.0)
    assert seen == [3, 3, 4]


def test_windows_carry_weights_of_positions_and_of_rows():
    x, targets = batch_of(7, 2)
    of_positions = np.arange(14.0).reshape(7, 2)
    cut = windows(x, targets, 3, of_positions)
    assert_equal(np.concatenate([batch[3] for batch in cut]), of_positions, 0)
    assert all(batch[2] is None and len(batch[0]) == len(batch[3]) for batch in cut)
    model = net()
    for weights in (of_positions, np.array([1.0, 2.0])):
        whole, _ = evaluate(model, [(x, targets, None, weights)], "huber")
        parts, _ = evaluate(model, windows(x, targets, 3, weights), "huber", truncated=True)
        assert parts == pytest.approx(whole, rel=1e-12)
    with pytest.raises(ValueError, match="one entry per time step, 7, got 6"):
        windows(x, targets, 3, of_positions[:6])


def test_nan_in_targets_is_named_with_a_loss_of_one_s_own_too():
    x, targets = batch_of(4, 2)
    targets[2, 1, 0] = np.nan

    def own(output, targets, lengths=None, weights=None):
        return ((output - targets) ** 2).mean(), 2 * (output - targets) / output.size

    model, message = net(), r"targets must be finite, got nan at index \(2, 1, 0\)"
    for loss in ("mean_squared_error", own):
        with pytest.raises(ValueError, match=message):
            fit(model, [(x, targets)], optim.SGD(model.params), 1, loss=loss, progress=False)
        with pytest.raises(ValueError, match=message):
            train_step(model, optim.SGD(model.params), (x, targets), loss)
    masked = (x, targets, [4, 2])  # the NaN does not count: an own loss that forgets the lengths has diverged
    with pytest.raises(FloatingPointError, match="loss nan"):
        train_step(model, optim.SGD(model.params), masked, own)


def test_a_batch_that_counts_nothing_is_skipped_in_evaluation_and_in_training():
    x, targets = batch_of(4, 2)
    empty, full = (x, targets, None, np.zeros((4, 2))), (x, targets)
    model = net()
    assert evaluate(model, [empty, full], "huber") == pytest.approx(evaluate(model, [full], "huber"), nan_ok=True)
    with pytest.raises(ValueError, match="position that counts"):
        evaluate(model, [empty], "huber")
    twin, histories = model.to("numpy"), []
    for trained, batches, steps in ((model, [full], 2), (twin, [empty, full], 4)):
        optimizer = optim.Adam(trained.params)
        run = fit(trained, batches, optimizer, steps, loss="huber", progress=False)
        histories.append([row["loss"] for row in run.history])
        assert optimizer.steps == 2 and run.step == steps
    assert histories[1][1::2] == histories[0] and np.isnan(histories[1][::2]).all()
    assert all((twin.params[name] == p).all() for name, p in model.params.items())


def test_a_partial_of_a_loss_is_counted_by_the_loss_s_own_count():
    def last_step(output, targets, lengths=None, weights=None, scale=1.0):
        error, gradient = output[-1] - targets[-1], np.zeros_like(output)
        gradient[-1] = 2 * scale * error / error.size
        return scale * (error**2).mean(), gradient

    last_step.count = lambda output, *_: output.shape[1]
    model = DilatedRNN(1, 4, [1], output_size=1, readout="all")
    batches = [(np.ones((T, 2, 1)), np.full((T, 2, 1), float(T))) for T in (2, 20)]
    partial = functools.partial(last_step, scale=1.0)
    assert evaluate(model, batches, partial)[0] == evaluate(model, batches, last_step)[0]


@pytest.mark.parametrize("shape", [(4, 2, 3), (2, 3)], ids=["steps", "rows"])
def test_only_targets_that_count_are_suspected_where_a_loss_is_not_finite(shape):
    output, targets = np.zeros(shape), np.zeros(shape)
    weights = np.ones(shape[:-1])
    weights[0, ...] = 0
    losses.check_targets(output, np.zeros(shape[:-1], int))  # classes are always finite
    losses.check_targets(output, targets, None, weights)
    targets[0, ..., 1] = np.nan
    losses.check_targets(output, targets, None, weights)
    targets[-1, ..., -1] = np.inf
    for counted in (weights, None):
        with pytest.raises(ValueError, match="targets must be finite"):
            losses.check_targets(output, targets, None, counted)
    if len(shape) == 3:
        losses.check_targets(output, targets, [0, 0])
        with pytest.raises(ValueError, match="targets must be finite"):
            losses.check_targets(output, targets, [0, 4])


@pytest.mark.parametrize("loss", [losses.mean_squared_error, losses.mean_absolute_error, losses.huber])
def test_complex_targets_need_complex_outputs(loss):
    output, targets = np.full((2, 3), 0.5), np.full((2, 3), 0.25 + 0.5j)
    with pytest.raises(TypeError, match="targets are complex128 but output float64: the imaginary part would be lost"):
        loss(output, targets)
    value, gradient = loss(output.astype(complex), targets)
    assert value.dtype == gradient.dtype == complex and value.imag != 0
    assert loss(output, targets.real)[0].dtype == float


def test_a_loss_without_targets_is_called_with_none():
    def energy(output, targets):
        assert targets is None
        return (output**2).mean(), 2 * output / output.size

    model, x = net(), batch_of(4, 2)[0]
    run = fit(model, [(x, None)], optim.SGD(model.params), 1, loss=energy, progress=False)
    assert run.history[0]["loss"] > 0 and evaluate(model, [(x, None)], energy)[0] < run.history[0]["loss"]
