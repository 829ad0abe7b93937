"""The same code on a device: runs with NumPy and with CuPy from one seed have equal results, and few arrays are transferred.

``stand-in`` is no GPU but NumPy with CuPy's interface, stricter than CuPy. With ``pytest -m gpu`` these tests run on a real GPU.
"""

import copy
import math
import pickle
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from support import standin
from support.backends import Placed, moved, to_host
from support.cases import assert_equal

from dilated_rnn_np import (
    Cell,
    DilatedRNN,
    evaluate,
    fit,
    gradcheck,
    load,
    losses,
    memory,
    optim,
    tasks,
    windows,
)
from dilated_rnn_np.arrays import backend
from dilated_rnn_np.arrays.backend import array_module
from dilated_rnn_np.baselines.systems import SYSTEMS, build
from dilated_rnn_np.cli.main import main
from dilated_rnn_np.device import persistent, pointwise
from dilated_rnn_np.device.kernels import KERNELS
from dilated_rnn_np.device.pointwise import fused_cell
from dilated_rnn_np.recurrence import scan

TOLERANCE = 1e-9


class ReLU(Cell):
    """A user's cell that takes real parts, which no fused kernel supports."""

    name, gates = "relu", ("h",)

    def forward(self, a, previous):
        h = a[0] * (a[0].real > 0)
        return (h,), (h,)

    def backward(self, dstate, cache):
        return (dstate[0] * (cache[0].real > 0),), (0,)


def a_model(cell="gru", readout="last", dilations=(1, 2, 4), output_size=3, **options):
    return DilatedRNN(2, 5, dilations, cell, output_size, readout, dtype="float64", rng=1, **options)


def a_batch(T=11, B=4, readout="last", ragged=False, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((T, B, 2))
    targets = rng.integers(0, 3, (B,) if readout == "last" else (T, B))
    return (x, targets, rng.integers(1, T + 1, B)) if ragged else (x, targets)


def trained(model, batches, steps=10, optimizer=optim.RMSProp, **options):
    run = fit(model, batches, optimizer(model.params, lr=1e-2), steps, progress=False, **options)
    return to_host(dict(model.params)), run.column("loss")[1], run.column("metric")[1]


def accuracy(output, targets, lengths):
    return (output.argmax(axis=-1) == targets).mean()


OPTIONS = {
    "plain": {},
    "ragged": {"ragged": True},
    "fusion layer": {"dilations": (2, 4)},
    "dropout": {"dropout": 0.4},
    "clipped": {"max_norm": 0.1},
    "sgd": {"optimizer": optim.SGD},
    "adam": {"optimizer": optim.Adam},
    "budget": {"budget": 160_000},
    "truncated": {"truncated": True},
}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("readout", ["last", "all"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", ReLU()], ids=lambda c: getattr(c, "name", c))
def test_ten_training_steps_equal_numpy_s(device, cell, readout, option):
    ten_training_steps(device, cell, readout, option)


@pytest.mark.filterwarnings("ignore:ReLU")  # the warning that it cannot be fused
@pytest.mark.parametrize("level", ["fused", "persistent"])
@pytest.mark.parametrize("option", ["plain", "ragged", "fusion layer", "budget", "truncated"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", ReLU()], ids=lambda c: getattr(c, "name", c))
def test_ten_training_steps_with_other_kernels_equal_numpy_s(device, cell, option, level):
    ten_training_steps(device, cell, "all", option, level)


def ten_training_steps(device, cell, readout, option, kernels="plain"):
    chosen = dict(OPTIONS[option])
    ragged = chosen.pop("ragged", False)
    model = a_model(cell, readout, **{k: chosen.pop(k) for k in ("dilations", "dropout") if k in chosen})
    batches = [a_batch(11 if option != "budget" else 200, readout=readout, ragged=ragged, seed=s) for s in range(2)]
    if option == "truncated":
        x, targets = batches[0]
        batches = windows(x, targets, 4) if readout == "all" else [(x[:4], targets), (x[4:], targets)]
    metric = None if ragged else accuracy
    expected = trained(model.to("numpy"), batches, metric=metric, **chosen)
    assert_equal(trained(model.to(device.xp, kernels), batches, metric=metric, **chosen), expected, TOLERANCE)


@pytest.mark.parametrize("readout", [None, "last", "all"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", ReLU()], ids=lambda c: getattr(c, "name", c))
def test_forward_gradients_and_steps_equal_numpy_s(device, cell, readout):
    model = a_model(cell, readout or "all", (2, 4), output_size=3 if readout else None)
    x, _, lengths = a_batch(ragged=True)
    there, output_grads = Placed(model, device.xp), [[], []]
    results = []
    for where, reached in zip((model, there), output_grads, strict=True):
        output, state, cache = where.forward(x, None, lengths)
        back = where.backward(np.ones_like(output), cache, state, reached)
        results.append((output, state, back, where.step(x[0], state), where.forward(x, keep=False)[:2]))
    assert_equal(results[1], results[0], TOLERANCE)
    assert_equal(output_grads[1], output_grads[0], TOLERANCE)


def of_system(name, readout="all"):
    """A small net of each system; two of its input numbers, three outputs."""
    return build(name, 2, 6, [1, 2], output_size=3, readout=readout, dtype="float64", rng=1)


NETS = {f"dilated {cell}": lambda cell=cell: a_model(cell, "all", (2, 4)) for cell in ("rnn", "lstm", "gru")}
NETS |= {name: lambda name=name: of_system(name) for name in SYSTEMS if name != "dilated"}


@pytest.mark.parametrize("level", ["plain", "fused", "persistent"])
@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("net", NETS)
def test_a_training_step_moves_the_batch_to_the_device_and_one_result_back(stand_in, net, ragged, level):
    def moves(steps):
        model = NETS[net]().to(stand_in.xp, kernels=level)
        optimizer = optim.Adam(model.params)
        batches = [a_batch(readout="all", ragged=ragged)]
        with standin.counted() as count:
            fit(model, batches, optimizer, steps, metric=accuracy, max_norm=1.0, progress=False)
        return count

    few, many = moves(2), moves(7)
    assert many["to device"] - few["to device"] == 5 * (3 if ragged else 2)  # x, targets and lengths
    looks = 5 * (net == "clockwork")  # its layer looks at its clock
    assert many["to host"] - few["to host"] == 5 + looks  # loss, norm and metric together


def test_with_dropout_a_step_moves_one_mask_more_per_layer(stand_in):
    model = a_model(dropout=0.5).to(stand_in.xp)
    with standin.counted() as count:
        model.forward(stand_in.xp.asarray(a_batch()[0]), rng=0)
    assert count == {"to device": 3, "to host": 0}  # x, and the masks between three layers


def test_evaluation_moves_one_result_per_batch_back(stand_in):
    model = a_model().to(stand_in.xp)
    with standin.counted() as count:
        evaluate(model, [a_batch(), a_batch(seed=1)], metric=accuracy)
    assert count == {"to device": 4, "to host": 2}


def test_passes_and_updates_move_nothing(stand_in):
    model, (x, targets, lengths) = a_model().to(stand_in.xp), a_batch(ragged=True)
    x, lengths = stand_in.xp.asarray(x), stand_in.xp.asarray(lengths)
    targets, optimizer = stand_in.xp.asarray(targets), optim.RMSProp(model.params)
    with standin.counted() as count:
        output, state, cache = model.forward(x, None, lengths)
        loss, doutput = losses.softmax_cross_entropy(output, targets)
        _, _, grads = model.backward(doutput, cache)
        optim.clip_grad_norm(grads, 0.1)
        optimizer.step(grads)
        model.step(x[0], state)
        model.forward(x, state, lengths, keep=False)
    assert count == {"to device": 0, "to host": 0}


@pytest.mark.parametrize("net", NETS)
def test_arrays_on_a_device_are_not_changed_and_not_written_again(device, net):
    model, (x, _, lengths) = NETS[net]().to(device.xp), a_batch(ragged=True)
    x, lengths = device.xp.asarray(x), device.xp.asarray(lengths)
    state = model.forward(x)[1]
    output, after, cache = model.forward(x, state, lengths)
    doutput = device.xp.ones_like(output)
    back = model.backward(doutput, cache, after)
    held = [x, lengths, state, dict(model.params), output, after, doutput, back]
    before = copy.deepcopy(to_host(held))
    assert_equal(to_host(model.backward(doutput, cache, after)), before[-1], 0)
    other = model.forward(2 * x, after, lengths, reuse=cache)
    model.backward(doutput, other[2], after)
    assert_equal(to_host(held), before, 0)


def test_batches_on_the_device_train_and_are_evaluated(device):
    (x, targets, lengths), model = a_batch(readout="all", ragged=True), a_model(readout="all")
    here = [(x, targets, lengths)]
    there = [tuple(map(device.xp.asarray, here[0]))]
    assert abs(evaluate(model.to(device.xp), there)[0] - evaluate(model, here)[0]) < TOLERANCE
    expected = trained(model.to("numpy"), here, budget=10**6)
    assert_equal(trained(model.to(device.xp), there, budget=10**6)[:2], expected[:2], TOLERANCE)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "uint64"])
def test_lengths_on_the_device_may_have_any_integer_dtype(device, dtype):
    model, x = a_model(readout="all"), a_batch(T=300)[0]
    lengths = np.array([200, 3, 0, 255], dtype)
    expected = model.forward(x, None, lengths)[:2]
    there, moved_x = model.to(device.xp), device.xp.asarray(x)
    for options in ({}, {"keep": False}, {"budget": 400_000}):
        got = there.forward(moved_x, None, device.xp.asarray(lengths), **options)[:2]
        assert_equal(to_host(got), expected, TOLERANCE)


def test_lists_and_mixed_batches_are_checked_on_the_host_too(device):
    x, targets, lengths = a_batch(readout="all", ragged=True)
    model, bad, wrong = a_model(readout="all").to(device.xp), lengths.copy(), targets.copy()
    bad[1], wrong[0, 0] = 12, 7
    for given in (x.tolist(), device.xp.asarray(x)):
        with pytest.raises(ValueError, match="lengths must lie between 0 and T = 11"):
            evaluate(model, [(given, targets, bad)])
        with pytest.raises(ValueError, match=r"targets must lie in 0\.\.2"):
            evaluate(model, [(given, wrong.tolist(), np.full(4, 11))])
    with pytest.raises(TypeError, match="model is on numpy but lengths is not"):
        a_model(readout="all").forward(x, None, device.xp.asarray(lengths))


@pytest.mark.parametrize("first", ["numpy", "device"])
def test_a_checkpoint_of_one_backend_is_resumed_on_the_other(device, first, tmp_path):
    batches, file = [a_batch(readout="all")], tmp_path / "run.npz"
    options = {"validation": batches, "validate_every": 3, "truncated": True, "checkpoint": file}
    places = [np, device.xp] if first == "numpy" else [device.xp, np]
    expected = trained(a_model(readout="all"), batches, 10, **options | {"checkpoint": None})
    trained(a_model(readout="all").to(places[0]), batches, 6, **options)
    assert_equal(
        trained(a_model(readout="all").to(places[1]), batches, 10, resume=True, **options), expected, TOLERANCE
    )
    assert load(file).xp is np


def test_models_of_one_seed_have_equal_weights_on_both_backends(device):
    here, there = a_model("lstm"), a_model("lstm", xp=device.xp)
    assert_equal(to_host(dict(there.params)), dict(here.params), 0)
    assert_equal(dict(there.to("numpy").params), dict(here.params), 0)
    assert there.astype("float32").xp is device.xp
    again = pickle.loads(pickle.dumps(there))
    assert again.xp is device.xp and copy.deepcopy(there).xp is device.xp
    assert_equal(to_host(dict(again.params)), dict(here.params), 0)


@pytest.mark.parametrize("name", sorted(losses.LOSSES))
def test_losses_equal_numpy_s(device, name):
    rng = np.random.default_rng(0)
    output, wanted = rng.standard_normal((6, 3, 4)), rng.standard_normal((6, 3, 4))
    if name == "softmax_cross_entropy":
        wanted = rng.integers(0, 4, (6, 3))
    elif name == "quantile":
        output = rng.standard_normal((6, 3, 12))
    lengths, loss = np.array([6, 2, 4]), losses.LOSSES[name]
    for weights in (rng.random((6, 3)) < 0.8, rng.random((6, 3)), rng.random(3), None):
        arguments = [a for a in (output, wanted, lengths, weights) if a is not None]
        there = [device.xp.asarray(a) for a in arguments]
        assert_equal(to_host(loss(*there)), loss(*arguments), 1e-12)
        assert float(to_host(loss.count(*there))) == pytest.approx(loss.count(*arguments), rel=1e-12)


def test_a_label_out_of_range_is_refused_on_the_host_and_makes_the_loss_nan_on_the_device(device):
    x, targets = a_batch()
    model, targets[2] = a_model().to(device.xp), 3
    with pytest.raises(ValueError, match=r"targets must lie in 0\.\.2 for 3 logits, got . to 3"):
        fit(model, [(x, targets)], optim.SGD(model.params), 1, progress=False)
    logits = device.xp.asarray(np.zeros((4, 3)))
    loss, _ = losses.softmax_cross_entropy(logits, device.xp.asarray(targets))
    assert math.isnan(float(to_host(loss)))


def test_wrong_lengths_are_refused_on_the_host(device):
    x, targets, lengths = a_batch(ragged=True)
    model, lengths[1] = a_model().to(device.xp), 12
    with pytest.raises(ValueError, match="lengths must lie between 0 and T = 11"):
        evaluate(model, [(x, targets, lengths)])


def test_a_loss_that_is_not_finite_leaves_the_parameters_as_they_were(device):
    x, targets = a_batch()
    x[3, 1] = np.nan
    model = a_model().to(device.xp)
    before = to_host(dict(model.params))
    with pytest.raises(FloatingPointError, match="step 1 is not finite"):
        fit(model, [(x, targets)], optim.SGD(model.params), 3, progress=False)
    assert_equal(to_host(dict(model.params)), before, 0)


def test_arrays_of_the_other_module_are_refused_and_the_error_names_the_conversion(device):
    (x, targets), name = a_batch(), device.xp.__name__
    there, here = a_model().to(device.xp), a_model()
    moved_x = device.xp.asarray(x)
    output, state, cache = there.forward(moved_x)
    calls = {
        rf"model is on {name} but x is a numpy array; pass {name}\.asarray\(x\)": lambda: there.forward(x),
        rf"model is on {name} but x_t is a numpy array": lambda: there.step(x[0]),
        rf"model is on numpy but x is a {name} array; pass x\.get\(\), or move": lambda: here.forward(moved_x),
        rf"model is on {name} but state\[0\] is a numpy array": lambda: there.forward(moved_x, to_host(state)),
        rf"model is on {name} but doutput is a numpy array": lambda: there.backward(to_host(output), cache),
        rf"the model is on {name} but targets is a numpy array": lambda: losses.softmax_cross_entropy(output, targets),
    }
    for message, call in calls.items():
        with pytest.raises(TypeError, match=message):
            call()


def test_tasks_measures_and_checks_work_on_a_device_s_model(device):
    task = tasks.CopyMemory(T=5)
    here = DilatedRNN(task.input_size, 6, [1, 2], "lstm", task.output_size, task.readout, dtype="float64")
    there, batch = here.to(device.xp), task.validation(16)[0]
    assert_equal(
        np.array(evaluate(there, [batch], metric=task.metric)), np.array(evaluate(here, [batch], metric=task.metric))
    )
    x = np.random.default_rng(0).standard_normal((9, 2, task.input_size))
    assert_equal(memory.gradient_flow(there, device.xp.asarray(x)), memory.gradient_flow(here, x), TOLERANCE)
    assert_equal(memory.activations(there, device.xp.asarray(x)), memory.activations(here, x), TOLERANCE)
    assert memory.reached_spans(there, 6).tolist() == memory.reached_spans(here, 6).tolist()
    gradcheck.check(there)
    assert len(moved(there.zero_state(2), lambda a: a)) == 2


# ---------------------------------------------------------------------- fused kernels


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_fused_cell_equals_the_cell_and_is_one_launch_each_way(device, cell):
    cell = a_model(cell).cell
    fused, rng = fused_cell(cell, device.xp), np.random.default_rng(0)
    a = tuple(rng.standard_normal((3, 4)) for _ in range(cell.num_products))
    previous = tuple(rng.standard_normal((3, 4)) for _ in cell.state)
    there = moved((a, previous), device.xp.asarray)
    standin.launches.clear()
    (state, cache), (new, kept) = cell.forward(a, previous), fused.forward(*there)
    assert_equal(to_host((new, kept)), (state, cache), 1e-13)
    back = fused.backward(new, kept)
    for got, expected in zip(to_host(back), cell.backward(state, cache), strict=True):
        for one, other in zip(got, expected, strict=True):
            assert_equal(np.asarray(one), np.asarray(other), 1e-13)
    assert fused.forward.launch is not None and fused.backward.launch is not None  # both were fused
    if repr(device) == "stand-in":
        assert sorted(standin.launches.values()) == [1, 1]


@pytest.mark.parametrize("level", ["fused", "persistent"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_gates_are_shown_with_any_kernels(device, cell, level):
    model, x = a_model(cell, "all", (1, 4)), a_batch(T=7)[0]
    there = model.to(device.xp, kernels=level)
    assert_equal(memory.activations(there, device.xp.asarray(x)), memory.activations(model, x), TOLERANCE)


@pytest.mark.parametrize("level", ["fused", "persistent"])
def test_kernels_are_launched_once_per_folded_step_or_once_per_layer(stand_in, level):
    model, x = a_model("gru", "all", (1, 2)).to(stand_in.xp, kernels=level), stand_in.xp.asarray(a_batch(T=8)[0])
    standin.launches.clear()
    output, _, cache = model.forward(x)
    model.backward(output, cache)
    assert list(standin.launches.values()) == ([8 + 4] * 2 if level == "fused" else [2] * 2)


@pytest.mark.filterwarnings("ignore:ReLU")
def test_a_cell_that_cannot_be_fused_runs_unchanged(device):
    cell = fused_cell(ReLU(), device.xp)
    a = device.xp.asarray(np.array([[1.0, -1.0]]))
    (h,), cache = cell.forward((a,), (a,))
    assert to_host(h).tolist() == [[1.0, 0.0]]
    assert to_host(cell.backward((a,), cache)[0][0]).tolist() == [[1.0, 0.0]]


@dataclass
class Leaky(Cell):
    """A user's cell with a setting; a plain dataclass is not hashable."""

    leak: float = 0.5
    name = "leaky"
    gates = ("h",)

    def forward(self, a, previous):
        xp = array_module(a[0])
        new = xp.tanh(a[0])
        return (self.leak * previous[0] + (1 - self.leak) * new,), (new,)

    def backward(self, dstate, cache):
        dnew = (1 - self.leak) * dstate[0]
        return (dnew * (1 - cache[0] * cache[0]),), (self.leak * dstate[0],)

    def options(self):
        return {"leak": self.leak}


@pytest.mark.parametrize("level", ["plain", "fused", "persistent"])
def test_a_cell_that_is_not_hashable_runs_with_any_kernels_and_keeps_its_own_settings(stand_in, level):
    with pytest.raises(TypeError, match="unhashable"):
        hash(Leaky())
    x = a_batch(T=7)[0]
    for cell in (Leaky(0.5), Leaky(0.9)):
        model = a_model(cell, "all")
        there = Placed(model, stand_in.xp, level)
        standin.launches.clear()
        results = []
        for where in (model, there):
            output, state, cache = where.forward(x)
            results.append((output, state, where.backward(np.ones_like(output), cache, state)))
        assert_equal(results[1], results[0], TOLERANCE)
        assert sorted(standin.launches) == ([] if level == "plain" else ["Leaky_backward", "Leaky_forward"])


def test_kernels_are_a_property_of_the_model(stand_in):
    model, x = a_model("gru", "all"), stand_in.xp.asarray(a_batch()[0])
    models = {level: model.to(stand_in.xp, kernels=level) for level in KERNELS}
    routes = {"plain": scan, "fused": pointwise, "persistent": persistent}
    for _ in range(2):  # in turns, with no switch in between
        for level, there in models.items():
            assert {layer.route for layer in there.forward(x)[2].layers} == {routes[level]}
    fused = models["fused"]
    for copied in (copy.deepcopy(fused), pickle.loads(pickle.dumps(fused)), fused.astype("float32")):
        assert {layer.route for layer in copied.forward(x)[2].layers} == {pointwise}
    assert {layer.kernels for layer in fused.to(stand_in.xp).layers} == {"plain"}  # the default of ``to``
    assert {layer.kernels for layer in model.layers} == {"plain"}
    output, _, cache = models["plain"].forward(x)
    with pytest.raises(ValueError, match="cache is of another model"):
        fused.backward(output, cache)
    assert {layer.route for layer in model.to("numpy", kernels="fused").forward(x.get())[2].layers} == {scan}


def test_unknown_kernels_are_refused():
    with pytest.raises(
        ValueError, match="unknown kernels 'fusd'; known: plain, fused, persistent; did you mean 'fused'"
    ):
        a_model().to("numpy", kernels="fusd")


# ---------------------------------------------------------------------- which backend


def without_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # import raises ImportError


def test_without_cupy_the_error_says_what_to_install(monkeypatch):
    without_cupy(monkeypatch)
    with pytest.raises(ImportError, match=r"not installed; pip install 'dilated_rnn_np\[cuda12\]' or \[cuda13\]"):
        DilatedRNN(1, 2, [1], xp="cupy")
    with pytest.raises(ImportError, match="or use backend 'numpy'"):
        a_model().to("cupy")
    with pytest.raises(ValueError, match="xp must be numpy or cupy, got the module math"):
        DilatedRNN(1, 2, [1], xp=math)


def test_a_cupy_that_fails_to_start_is_not_reported_as_missing(tmp_path, monkeypatch):
    (tmp_path / "cupy.py").write_text("raise ImportError('libnvrtc.so.13: cannot open', name='cupy_backends')")
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match=r"does not start \(libnvrtc"):
        a_model().to("cupy")


def test_cupy_without_a_gpu_or_driver_gives_the_reason(monkeypatch):
    cupy = standin.install(monkeypatch)
    monkeypatch.setattr(cupy, "is_available", lambda: False)
    with pytest.raises(ImportError, match=r"finds no GPU that it can use: there is none; check that nvidia-smi lists"):
        a_model().to("cupy")
    with pytest.raises(ImportError, match="finds no GPU that it can use"):
        DilatedRNN(1, 2, [1], xp=cupy)
    a_model().forward(a_batch()[0])  # a program that only imports CuPy still runs on the host

    def refused():
        raise RuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient")

    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", refused)
    with pytest.raises(ImportError, match=r"cudaErrorInsufficientDriver.*that the driver fits CuPy's CUDA"):
        a_model().to("cupy")


def test_backend_auto_chooses_the_gpu_where_there_is_one_and_prints_nothing(monkeypatch, capsys):
    cupy = standin.install(monkeypatch)
    assert backend.automatic() == (cupy, "backend auto: cupy, there is a GPU")
    assert backend.get_backend("auto") is DilatedRNN(1, 2, [1], xp="auto").xp is cupy
    without_cupy(monkeypatch)
    xp, sentence = backend.automatic()
    assert xp is np and sentence.startswith("backend auto: numpy, because backend 'cupy' needs CuPy")
    assert backend.get_backend("auto") is a_model().to("auto").xp is np
    assert capsys.readouterr() == ("", "")


def test_a_full_device_raises_an_error_with_advice(stand_in, monkeypatch):
    model = a_model().to(stand_in.xp)

    def full(*arguments, **options):
        raise standin.OutOfMemoryError("Out of memory allocating 1,024 bytes")

    advice = r"device's memory is full: Out of memory.*smaller batch, give budget=.*where no gradient is needed$"
    x, batch, optimizer = stand_in.xp.asarray(a_batch()[0]), a_batch(), optim.SGD(model.params)
    for name in ("empty", "asarray", "exp", "zeros_like"):
        with monkeypatch.context() as patch, pytest.raises(MemoryError, match=advice):
            patch.setattr(stand_in.xp, name, full)
            fit(model, [batch], optimizer, 1, progress=False)
    monkeypatch.setattr(stand_in.xp, "empty", full)
    with pytest.raises(MemoryError, match=advice):
        model.forward(x)


def test_the_stand_in_declares_that_it_is_no_gpu_and_refuses_what_cupy_refuses():
    a, host = standin.asarray(np.arange(3.0)), np.arange(3.0)
    assert "no GPU" in repr(a) and "no GPU" in standin.__doc__ and "no GPU" in standin.__version__
    refused = [
        lambda: np.asarray(a),
        lambda: np.tanh(a),
        lambda: np.concatenate([a]),
        lambda: a + host,
        lambda: host + a,
        lambda: standin._module.where(a > 0, host, a),
        lambda: standin._module.tanh(host),
        lambda: standin._module.concatenate([a, host]),
        lambda: a[host.astype(int)],
        lambda: a[a > 1],
        lambda: a.__setitem__(0, host[:1]),
        lambda: [0, 1, 2][standin.asarray(1)],
        lambda: standin._module.fuse(lambda b: (b.real,))(a),
    ]
    for call in refused:
        with pytest.raises((TypeError, AttributeError)):
            call()
    for missing in (lambda: standin._module.random.default_rng(0), lambda: standin._module.busday_count):
        with pytest.raises(AttributeError):
            missing()
    assert a.sum().shape == () and isinstance(a.sum(), standin.ndarray)
    assert to_host(a[standin.asarray(np.array([4]))]).tolist() == [1.0]  # wraps, in silence


def test_the_command_line_trains_and_evaluates_on_a_device(device, tmp_path, capsys):
    train = f"train copy-memory --T 3 --layers 2 --steps 4 --batch-size 4 --validate-every 2 --out {tmp_path}/run"
    assert main([*train.split(), "--backend", "cupy"]) == 0
    assert f"(float32 on {device.xp.__name__})" in capsys.readouterr().out
    for name in ("cupy", "numpy", "auto"):
        assert main(["evaluate", f"{tmp_path}/run/checkpoint.npz", "--backend", name]) == 0
    here, there, automatic = capsys.readouterr().out.split("copy-memory, ")[1:]
    assert here == there == automatic


def test_the_command_line_reports_the_choice_of_auto(monkeypatch, capsys):
    without_cupy(monkeypatch)
    assert main(["summary", "--backend", "auto"]) == 0
    assert "backend auto: numpy, because backend 'cupy' needs CuPy" in capsys.readouterr().err
