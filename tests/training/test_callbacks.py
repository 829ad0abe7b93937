"""Callbacks: when they are called, the built-in ones, and their state in checkpoints."""

import math

import numpy as np
import pytest
from support.cases import assert_equal

from dilated_rnn_np import CheckpointError, DilatedRNN, evaluate, fit, load, optim
from dilated_rnn_np.baselines import HMLSTM
from dilated_rnn_np.nets import checkpoint as checkpoints
from dilated_rnn_np.training.callbacks import Annealing, Callback, EarlyStopping, EpochAverage, WeightAverage
from dilated_rnn_np.training.losses import softmax_cross_entropy
from dilated_rnn_np.training.run import copy_with


def net(**options):
    return DilatedRNN(2, 4, [1, 2], "gru", output_size=3, rng=1, **options)


def annealed_net(**options):
    return HMLSTM(2, 4, 2, output_size=3, rng=1, relaxed=True, **options)


def batches(count=3):
    rng = np.random.default_rng(0)
    return [(rng.standard_normal((6, 4, 2)).astype("float32"), rng.integers(0, 3, 4)) for _ in range(count)]


def train(steps, callbacks=(), model=None, **options):
    model = net() if model is None else model
    optimizer = optim.Adam(model.params, lr=2e-2)
    return model, fit(model, batches(), optimizer, steps, callbacks=callbacks, progress=False, **options)


class Recorder(Callback):
    def __init__(self):
        self.calls = []

    def before_step(self, run, model, optimizer):
        self.calls.append(("before", run.step, len(run.history), optimizer.steps))

    def after_step(self, run, model, optimizer):
        assert run.history[-1]["step"] == run.step
        self.calls.append(("after", run.step, len(run.history), optimizer.steps))

    def at_end(self, run, model, optimizer):
        self.calls.append(("end", run.step, run.stopped))


class Snapshots(Callback):
    """Copies of the parameters after each step."""

    def __init__(self):
        self.params = []

    def after_step(self, run, model, optimizer):
        self.params.append(checkpoints.host_params(model))


def test_callbacks_are_called_before_and_after_each_step_and_at_the_end():
    recorder = Recorder()
    train(2, [recorder])
    assert recorder.calls == [
        ("before", 0, 0, 0),
        ("after", 1, 1, 1),
        ("before", 1, 1, 1),
        ("after", 2, 2, 2),
        ("end", 2, "finished"),
    ]


@pytest.mark.parametrize("method", ["before_step", "after_step"])
def test_a_callback_can_stop_the_run_and_the_checkpoint_holds_the_last_step(method, tmp_path):
    def act(self, run, model, optimizer):
        if run.step == 3:
            run.stop("a good time to stop")

    stopper = type("Stopper", (Callback,), {method: act})()
    _, run = train(10, [stopper], checkpoint=tmp_path / "run.npz")
    assert (run.step, run.stopped, len(run.history)) == (3, "a good time to stop", 3)
    assert checkpoints.read(tmp_path / "run.npz")[1]["step"] == 3
    _, run = train(4, checkpoint=tmp_path / "run.npz", resume=True)  # without the callback it continues
    assert (run.step, run.stopped) == (4, "finished")


def test_objects_that_are_no_callbacks_are_refused():
    for wrong in (print, Callback):
        with pytest.raises(TypeError, match=r"callbacks\[1\] must be an object of a subclass of callbacks\.Callback"):
            train(1, [Recorder(), wrong])


def test_patience_is_short_for_the_callback():
    def loss(output, targets):
        value, gradient = softmax_cross_entropy(output, targets)
        return value * 0 + 1, gradient

    options = {"loss": loss, "validation": batches(1), "validate_every": 2}
    runs = [train(30, **options, patience=3)[1], train(30, [EarlyStopping(3)], **options)[1]]
    assert [(run.step, run.stopped, run.best_step) for run in runs] == [(8, "early stop", 2)] * 2
    with pytest.raises(ValueError, match="give validation batches"):
        train(30, [EarlyStopping(3)])


# ---------------------------------------------------------------------- weight averages


def test_the_exponential_average_weights_the_steps_geometrically():
    average, snapshots = WeightAverage(decay=0.7), Snapshots()
    train(6, [average, snapshots], net(dtype="float64"))
    weights = 0.7 ** np.arange(5, -1, -1)
    weights /= weights.sum()
    for name, mean in average.params.items():
        assert_equal(mean, sum(w * params[name] for w, params in zip(weights, snapshots.params, strict=True)), 1e-12)


def test_the_epoch_average_is_the_mean_at_the_last_epoch_ends():
    average, snapshots = EpochAverage(epochs=2, steps_per_epoch=3), Snapshots()
    train(10, [average, snapshots], net(dtype="float64"))
    for name, mean in average.params.items():
        assert_equal(mean, (snapshots.params[5][name] + snapshots.params[8][name]) / 2, 1e-12)


@pytest.mark.parametrize("average", [WeightAverage(0.5), EpochAverage(2, 2)])
def test_an_average_serves_as_a_model_and_leaves_the_trained_one_alone(average):
    with pytest.raises(ValueError, match="no average before the first"):
        average.model(net())
    model, _ = train(6, [average])
    alone, _ = train(6)
    assert_equal(dict(model.params), dict(alone.params), 0)
    averaged = average.model(model)
    assert averaged.dtype == model.dtype
    assert_equal(dict(averaged.params), average.params, 1e-6)
    assert math.isfinite(evaluate(averaged, batches(1))[0])
    averaged.params["readout.b"][:] = 7
    assert not (average.params["readout.b"] == 7).any() and not (model.params["readout.b"] == 7).any()


def test_fit_validates_and_keeps_the_average_at_each_validation(tmp_path):
    options = {"validation": batches(1), "validate_every": 3}
    average, snapshots = WeightAverage(decay=0.7), Snapshots()
    model, run = train(6, [snapshots], average=average, **options)
    plain, _ = train(6, **options)
    assert_equal(dict(model.params), dict(plain.params), 0)
    for step, loss in zip(*run.column("validation_loss"), strict=True):
        weights = 0.7 ** np.arange(step - 1, -1, -1)
        weights /= weights.sum()
        averaged = {
            name: sum(w * params[name] for w, params in zip(weights, snapshots.params, strict=False))
            for name in model.params
        }
        assert loss == pytest.approx(evaluate(copy_with(model, averaged), options["validation"])[0], rel=1e-6)
        if step == run.best_step:
            assert_equal(run.best_params, averaged, 1e-6)
    assert_equal(average.params, averaged, 1e-6)
    train(3, average=WeightAverage(0.7), checkpoint=tmp_path / "run.npz", **options)
    again = WeightAverage(0.7)
    _, resumed = train(6, average=again, checkpoint=tmp_path / "run.npz", resume=True, **options)
    assert_equal(resumed.best_params, run.best_params, 0)
    assert_equal(again.params, average.params, 0)


def test_averages_on_a_device_equal_numpy_s(device):
    averages = []
    for xp in (np, device.xp):
        callbacks = [WeightAverage(0.5), EpochAverage(2, 2)]
        train(5, callbacks, net(dtype="float64", xp=xp))
        averages.append([callback.params for callback in callbacks])
    assert_equal(averages[1], averages[0], 1e-9)


# ---------------------------------------------------------------------- annealing


def test_annealing_sets_the_epoch_before_each_step_and_leaves_other_models_alone():
    slopes = []

    class Slopes(Callback):
        def before_step(self, run, model, optimizer):
            slopes.append(model.slope)

    train(7, [Annealing(3), Slopes()], annealed_net())
    assert slopes == [1, 1, 1, 1.04, 1.04, 1.04, 1.08]
    assert_equal(dict(train(3, [Annealing(1)])[0].params), dict(train(3)[0].params), 0)


def test_the_best_model_of_an_annealed_run_has_the_slope_of_the_best_step(tmp_path):
    values = iter([3.0, 1.0, 2.0, 2.0])

    def loss(output, targets):
        value, gradient = softmax_cross_entropy(output, targets)
        return (value * 0 + next(values), gradient) if len(targets) == 9 else (value, gradient)

    rng = np.random.default_rng(0)
    validation = [(rng.standard_normal((6, 9, 2)), rng.integers(0, 3, 9))]
    options = {"validation": validation, "validate_every": 2, "checkpoint": tmp_path / "run.npz"}
    model, run = train(8, [Annealing(1)], annealed_net(), loss=loss, **options)
    assert run.best_step == 4 and model.slope == pytest.approx(1.28)
    best = load(tmp_path / "run.npz", best=True)
    assert best.slope == run.best_model(model).slope == pytest.approx(1.12)
    assert load(tmp_path / "run.npz").slope == model.slope == pytest.approx(1.28)
    assert_equal(dict(run.best_model(model).params), dict(best.params), 0)
    resumed = annealed_net()
    _, run = train(8, [Annealing(1)], resumed, loss=loss, resume=True, **options)
    assert run.best_model(resumed).slope == pytest.approx(1.12)


def test_reloading_the_best_of_an_annealed_run_gives_its_best_loss(tmp_path):
    options = {"validation": batches(1), "validate_every": 1, "checkpoint": tmp_path / "run.npz"}
    model = annealed_net(dtype="float64")
    optimizer = optim.SGD(model.params, lr=lambda step: 0.1 if step < 3 else 0.0)
    values = []

    class SteepAtTheEnd(Callback):
        def before_step(self, run, model, optimizer):
            model.slope = 1.0 if run.step < 3 else 5.0

        def after_step(self, run, model, optimizer):
            values.append(run.history[-1]["validation_loss"])

    run = fit(model, batches(), optimizer, 6, callbacks=[SteepAtTheEnd()], progress=False, **options)
    assert evaluate(load(tmp_path / "run.npz", best=True), batches(1))[0] == run.best_loss == min(values)
    assert evaluate(run.best_model(model), batches(1))[0] == run.best_loss
    assert len(set(values)) > 1  # the slope matters


# ---------------------------------------------------------------------- killed and resumed


class Counting(Callback):
    """A callback of one's own: JSON values and an array as its state."""

    def __init__(self):
        self.rows, self.total = [], np.zeros(3)

    def after_step(self, run, model, optimizer):
        self.rows.append({"step": run.step, "loss": run.history[-1]["loss"]})
        self.total = self.total + model.params["readout.b"]

    def state(self):
        return {"rows": self.rows, "total": self.total}

    def restore(self, state):
        self.rows, self.total = state["rows"], state["total"]


def all_callbacks():
    return [Annealing(3), WeightAverage(0.6), WeightAverage(0.9), EpochAverage(2, 3), Counting(), EarlyStopping(100)]


@pytest.mark.parametrize("first", [1, 4, 6, 11])
def test_a_resumed_run_with_callbacks_ends_in_the_same_bits(first, tmp_path):
    options = {"validation": batches(1), "validate_every": 2}
    expected, whole = all_callbacks(), annealed_net()
    _, expected_run = train(12, expected, whole, **options)
    options["checkpoint"] = tmp_path / "run.npz"
    train(first, all_callbacks(), annealed_net(), **options)
    callbacks, model = all_callbacks(), annealed_net()
    _, run = train(12, callbacks, model, resume=True, **options)
    assert_equal(dict(model.params), dict(whole.params), 0)
    assert model.slope == whole.slope and run.best_settings == expected_run.best_settings
    for own, other in zip(callbacks[1:4], expected[1:4], strict=True):
        assert_equal(own.params, other.params, 0)
    assert callbacks[4].rows == expected[4].rows and len(callbacks[4].rows) == 12
    assert_equal(callbacks[4].total, expected[4].total, 0)


def test_a_run_is_not_resumed_without_a_callback_that_has_state(tmp_path):
    path = tmp_path / "run.npz"
    train(3, [WeightAverage(0.5), WeightAverage(0.9)], checkpoint=path)
    model = net()
    before = checkpoints.host_params(model)
    with pytest.raises(CheckpointError, match="holds the state of WeightAverage 2; give fit the same callbacks"):
        train(6, [WeightAverage(0.5)], model, checkpoint=path, resume=True)
    assert_equal(dict(model.params), before, 0)


def test_a_state_that_cannot_be_saved_is_named(tmp_path):
    class Odd(Callback):
        def state(self):
            return {"what": {1, 2}}

    with pytest.raises(TypeError, match="the state of Odd must hold"):
        train(1, [Odd()], checkpoint=tmp_path / "run.npz")


def test_a_callback_whose_saved_state_was_empty_starts_empty_again(tmp_path):
    def run(average, resume, fail):
        model = DilatedRNN(1, 3, [1], output_size=1, dtype="float64")
        optimizer = optim.SGD(model.params, lr=0.1)

        class Failing(Callback):
            def before_step(self, run, model, optimizer):
                if fail and run.step == 11:
                    raise OSError("stop here")

        options = {"loss": "mean_squared_error", "progress": False, "checkpoint_every": 7, "resume": resume}
        batches = [(np.ones((4, 2, 1)), np.full((2, 1), float(k))) for k in range(5)]
        return fit(
            model, batches, optimizer, 20, checkpoint=tmp_path / "run.npz", callbacks=[average, Failing()], **options
        )

    average, whole = EpochAverage(3, 10), EpochAverage(3, 10)
    with pytest.raises(OSError, match="stop here"):
        run(average, False, fail=True)  # saved at step 7, before the first epoch ended
    run(average, True, fail=False)
    (tmp_path / "run.npz").unlink()
    run(whole, False, fail=False)
    assert_equal(average.params, whole.params, 0)


def test_an_error_of_a_callback_keeps_its_own_words():
    class Dividing(Callback):
        def after_step(self, run, model, optimizer):
            raise FloatingPointError("divided by zero in a callback")

    model = DilatedRNN(1, 3, [1], output_size=1)
    batches = [(np.ones((4, 2, 1)), np.ones((2, 1)))]
    with pytest.raises(FloatingPointError, match="^divided by zero in a callback$"):
        fit(
            model,
            batches,
            optim.SGD(model.params),
            2,
            loss="mean_squared_error",
            callbacks=[Dividing()],
            progress=False,
        )
