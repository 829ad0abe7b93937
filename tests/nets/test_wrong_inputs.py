"""Each wrong input is refused at the wrong call, with what was expected, what was given and what to do; nothing changes."""

import inspect
import os
from importlib.util import find_spec

import numpy as np
import pytest
from support.cases import assert_equal

import dilated_rnn_np as drn
from dilated_rnn_np import CheckpointError, DilatedRNN, exponential_dilations, fit, gradcheck, load, optim, reference
from dilated_rnn_np.arrays.backend import get_backend
from dilated_rnn_np.tasks import Adding, CopyMemory, Digits, make_task
from dilated_rnn_np.training.losses import mean_squared_error, softmax_cross_entropy

T, B, D = 5, 3, 2
X = np.random.default_rng(0).standard_normal((T, B, D)).astype("float32")
NAN, INF = X.copy(), X.copy()
NAN[1, 2, 0], INF[0, 0, 1] = np.nan, np.inf
LOGITS, TARGETS = np.zeros((T, B, 4)), np.zeros((T, B), int)


def net(cell="gru", **options):
    return DilatedRNN(D, 4, [2, 4], cell, **{"output_size": 3, **options})


MODEL = net()
OUTPUT, STATE, CACHE = MODEL.forward(X)
GRADS = MODEL.backward(OUTPUT, CACHE)[2]


def back(doutput=OUTPUT, cache=CACHE, dstate=None):
    return MODEL.backward(doutput, cache, dstate)


def training(**options):
    model = net()
    settings = {"batches": [(X, np.zeros(B, int))], "optimizer": optim.SGD(model.params), "steps": 2, "progress": False}
    settings |= options
    return fit(model, settings.pop("batches"), settings.pop("optimizer"), settings.pop("steps"), **settings)


def complex_training():
    model = net(dtype="complex128")
    return fit(model, [(X, TARGETS[0])], optim.SGD(model.params), 1)


class Disguised(drn.RNN):
    pass


class Untupled(drn.RNN):
    name = "untupled"

    def forward(self, a, previous):
        return np.tanh(a[0]), ()


class Gateless(drn.Cell):
    name = "gateless"


class SplitsNothing(drn.Cell):
    name, gates, recurrent_bias = "splits", ("h",), True


class SplitsTwice(drn.Cell):
    name, gates, split = "splits twice", ("h",), ("h", "h")


class ReturnsAList(drn.RNN):
    name = "list"

    def forward(self, a, previous):
        new, cache = super().forward(a, previous)
        return list(new), cache


class OneState(drn.LSTM):
    name = "one state"

    def forward(self, a, previous):
        new, cache = super().forward(a, previous)
        return new[:1], cache


class Transposed(drn.RNN):
    name = "transposed"

    def forward(self, a, previous):
        (h,), cache = super().forward(a, previous)
        return (h.T,), cache


class Constant(drn.RNN):
    name = "constant"

    def forward(self, a, previous):
        return (0.5,), ()


class Unfinished(drn.Cell):
    name, gates = "unfinished", ("h",)


class NoBackward(Unfinished):
    name = "no backward"

    def forward(self, a, previous):
        return a, ()


def train(model):
    output, _, cache = model.forward(X)
    model.backward(output, cache)


WRONG = {
    # the architecture
    "dilation of 0": (lambda: DilatedRNN(1, 2, [1, 0]), ValueError, r"dilations\[1\].*at least 1, got 0"),
    "dilation of 1.5": (lambda: DilatedRNN(1, 2, [1.5]), TypeError, r"dilations\[0\].*whole number.*got 1.5"),
    "negative dilation": (lambda: DilatedRNN(1, 2, [-2]), ValueError, "at least 1, got -2"),
    "no dilations": (lambda: DilatedRNN(1, 2, []), ValueError, "at least one number"),
    "dilations as one number": (lambda: DilatedRNN(1, 2, 4), TypeError, "list of whole numbers"),
    "dilations as text": (lambda: DilatedRNN(1, 2, "124"), TypeError, "list of whole numbers"),
    "dilation that is a truth value": (lambda: DilatedRNN(1, 2, [True]), TypeError, "got True"),
    "hidden size of 0": (lambda: DilatedRNN(1, 0, [1]), ValueError, "hidden_size.*at least 1, got 0"),
    "too few hidden sizes": (
        lambda: DilatedRNN(1, [2, 3], [1, 2, 4]),
        ValueError,
        "list of 3, one per dilation, got 2",
    ),
    "input size of 2.0": (lambda: DilatedRNN(2.0, 2, [1]), TypeError, "input_size.*got 2.0"),
    "output size of 0": (lambda: DilatedRNN(1, 2, [1], output_size=0), ValueError, "output_size"),
    "unknown cell": (
        lambda: net("ltsm"),
        ValueError,
        "unknown cell 'ltsm'; known: rnn, lstm, gru; did you mean 'lstm'",
    ),
    "cell class instead of object": (lambda: net(drn.LSTM), TypeError, r"write LSTM\(\)"),
    "cell without gates": (lambda: net(Gateless()), ValueError, "at least one gate"),
    "gate split twice": (lambda: net(SplitsTwice()), ValueError, "splits once"),
    "cell that returns a list": (lambda: net(ReturnsAList()).forward(X), TypeError, "must return a tuple"),
    "cell that returns a list, a step": (lambda: net(ReturnsAList()).step(X[0]), TypeError, "must return a tuple"),
    "cell with a state too few": (lambda: net(OneState()).forward(X), TypeError, r"shape \(4, 6\), got .*\(4, 6\)\]"),
    "cell with a state too few, a step": (lambda: net(OneState()).step(X[0]), TypeError, r"shape \(4, 3\), got"),
    "cell with a transposed state": (lambda: net(Transposed()).forward(X), TypeError, r"\(4, 6\), got .*\(6, 4\)"),
    "cell with a transposed state, a step": (lambda: net(Transposed()).step(X[0]), TypeError, r"got .*\(3, 4\)"),
    "cell whose state is a number": (lambda: net(Constant()).forward(X), TypeError, r"got a tuple of \[None\]"),
    "cell whose state is a number, a step": (lambda: net(Constant()).step(X[0]), TypeError, "must return a tuple"),
    "recurrent bias without split": (lambda: net(SplitsNothing()), ValueError, "splits no gate"),
    "cell without forward": (lambda: net(Unfinished()).forward(X), NotImplementedError, "define forward"),
    "cell without forward, a step": (lambda: net(Unfinished()).step(X[0]), NotImplementedError, "define forward"),
    "cell without backward": (lambda: train(net(NoBackward())), NotImplementedError, "define backward"),
    "unknown option": (lambda: net(dropuot=0.1), TypeError, "unexpected keyword argument 'dropuot'"),
    "unknown readout": (lambda: net(readout="al"), ValueError, "unknown readout 'al'.*did you mean 'all'"),
    "unknown dtype": (lambda: net(dtype="float16"), TypeError, "dtype must be one of float32"),
    "dtype that is none": (lambda: net(dtype="float23"), TypeError, "got 'float23'"),
    "dropout of 1": (lambda: net(dropout=1.0), ValueError, r"dropout must lie in \[0, 1\), got 1"),
    "unknown initial weights": (lambda: net(input_init="glorot"), ValueError, "did you mean 'glorot_uniform'"),
    "forget bias that is text": (lambda: drn.LSTM("one"), TypeError, "forget_bias must be a real number"),
    "unknown backend": (lambda: net(xp="numby"), ValueError, "did you mean 'numpy'"),
    "layers of -1": (lambda: exponential_dilations(-1), ValueError, "num_layers.*got -1"),
    "start of -1": (lambda: exponential_dilations(2, start=-1), ValueError, "start.*at least 0, got -1"),
    "base of 2.5": (lambda: exponential_dilations(2, base=2.5), TypeError, "base.*got 2.5"),
    "complex model made real": (
        lambda: net(dtype="complex128").astype("float32"),
        TypeError,
        "imaginary parts would be lost",
    ),
    # forward
    "x without batch axis": (lambda: MODEL.forward(X[:, 0]), ValueError, r"x must be time-major.*x\[:, None, :\]"),
    "x with other features": (lambda: MODEL.forward(X[..., :1]), ValueError, r"\(T, B, 2\), got shape \(5, 3, 1\)"),
    "empty sequence": (lambda: MODEL.forward(X[:0]), ValueError, "at least one time step"),
    "empty batch": (lambda: MODEL.forward(X[:, :0]), ValueError, "one batch row"),
    "x of text": (lambda: MODEL.forward(X.astype(str)), TypeError, "x must hold numbers"),
    "x of objects": (lambda: MODEL.forward(X.astype(object)), TypeError, "dtype object"),
    "x with rows of different length": (
        lambda: MODEL.forward([[[1.0, 2.0]], [[1.0]]]),
        ValueError,
        "equally long rows",
    ),
    "x with NaN": (lambda: MODEL.forward(NAN), ValueError, r"x must be finite, got nan at index \(1, 2, 0\)"),
    "x with infinity": (lambda: MODEL.forward(INF), ValueError, r"got inf at index \(0, 0, 1\)"),
    "lengths above T": (lambda: MODEL.forward(X, lengths=[1, 2, 6]), ValueError, "between 0 and T = 5, got 1 to 6"),
    "negative length": (lambda: MODEL.forward(X, lengths=[-1, 2, 3]), ValueError, "got -1 to 3"),
    "too few lengths": (lambda: MODEL.forward(X, lengths=[1, 2]), ValueError, r"shape \(3,\)"),
    "lengths of 1.5": (lambda: MODEL.forward(X, lengths=[1.5, 2, 3]), TypeError, "whole numbers"),
    "state of another batch": (lambda: MODEL.forward(X[:, :2], STATE), ValueError, "of another model or batch size"),
    "state of too few layers": (lambda: MODEL.forward(X, STATE[:1]), ValueError, "must have 2 entries"),
    "state of too many layers": (lambda: MODEL.forward(X, [*STATE, STATE[-1]]), ValueError, "must have 2 entries"),
    "state of another cell": (lambda: net("lstm").forward(X, STATE), ValueError, "tuple of 2 arrays"),
    "state that is an array": (lambda: MODEL.forward(X, STATE[0][0]), TypeError, "list with one tuple"),
    "state with NaN": (
        lambda: MODEL.forward(X, [(a * np.nan,) for (a,) in STATE]),
        ValueError,
        r"state\[0\] must be finite",
    ),
    "step with a time axis": (lambda: MODEL.step(X), ValueError, "one time step"),
    # backward
    "gradient of another shape": (lambda: back(OUTPUT[:1]), ValueError, "doutput must have the shape of the output"),
    "complex gradient of a real pass": (lambda: back(OUTPUT * 1j), TypeError, "use model.astype"),
    "no cache": (lambda: back(cache=None), TypeError, "keep=True"),
    "cache of another model": (
        lambda: DilatedRNN(D, 5, [2, 4], output_size=3).backward(OUTPUT, CACHE),
        ValueError,
        "of another model, DilatedRNN",
    ),
    "state gradient of another shape": (lambda: back(dstate=STATE[:1]), ValueError, "dstate must have 2 entries"),
    "cache of another cell": (lambda: net("rnn").backward(OUTPUT, CACHE), ValueError, "of another model"),
    "cell with the name of a built-in": (lambda: net(Disguised()), ValueError, "'rnn'; give it a name of its own"),
    "cell that returns no tuple": (lambda: net(Untupled()).forward(X), TypeError, "must return a tuple of its states"),
    "seed of -1": (lambda: net(rng=-1), ValueError, "rng must be a whole number of at least 0"),
    "forget bias that is NaN": (lambda: drn.LSTM(float("nan")), ValueError, "must be finite"),
    "unknown readout of the reference": (
        lambda: reference.forward(MODEL.params, X, [2, 4], "gru", "lst"),
        ValueError,
        "did you mean 'last'",
    ),
    # losses
    "complex targets": (lambda: mean_squared_error(LOGITS, LOGITS * 1j), TypeError, "imaginary part would be lost"),
    "labels out of range": (lambda: softmax_cross_entropy(LOGITS, TARGETS + 4), ValueError, r"in 0\.\.3 for 4 logits"),
    "negative labels": (lambda: softmax_cross_entropy(LOGITS, TARGETS - 1), ValueError, "got -1 to -1"),
    "labels that are not whole": (
        lambda: softmax_cross_entropy(LOGITS, TARGETS * 1.0),
        TypeError,
        r"targets\.astype\(int\)",
    ),
    "labels of another shape": (lambda: softmax_cross_entropy(LOGITS, TARGETS[0]), ValueError, r"shape \(5, 3\)"),
    "logits of one axis": (lambda: softmax_cross_entropy(np.zeros(4), 0), ValueError, r"\(T, B, O\) or \(B, O\)"),
    "logits with NaN": (lambda: softmax_cross_entropy(LOGITS * np.nan, TARGETS), FloatingPointError, "diverged"),
    "lengths for one output a row": (
        lambda: softmax_cross_entropy(LOGITS[0], TARGETS[0], [1, 1, 1]),
        ValueError,
        "use a mask",
    ),
    "mask of another shape": (
        lambda: softmax_cross_entropy(LOGITS, TARGETS, weights=TARGETS[:2] == 0),
        ValueError,
        "weights must have shape",
    ),
    "nothing counts": (
        lambda: softmax_cross_entropy(LOGITS, TARGETS, lengths=[0, 0, 0]),
        ValueError,
        "no position counts",
    ),
    "targets of another shape": (lambda: mean_squared_error(LOGITS, LOGITS[0]), ValueError, "shape of the outputs"),
    "targets with NaN": (lambda: mean_squared_error(LOGITS, LOGITS * np.nan), ValueError, "targets must be finite"),
    # optimisers
    "learning rate of 0": (lambda: optim.SGD(MODEL.params, lr=0), ValueError, "lr must be a finite number above 0"),
    "learning rate that is text": (lambda: optim.Adam(MODEL.params, lr="fast"), TypeError, "lr must be a real number"),
    "decay of 1": (lambda: optim.RMSProp(MODEL.params, decay=1), ValueError, r"decay must lie in \[0, 1\)"),
    "parameters as a list": (lambda: optim.SGD(list(MODEL.params.values())), TypeError, "dict of arrays"),
    "gradients of another model": (
        lambda: optim.SGD(MODEL.params).step({"a": X}),
        ValueError,
        "keys of the parameters",
    ),
    "gradient of another form": (
        lambda: optim.SGD(MODEL.params).step(GRADS | {"readout.b": X}),
        ValueError,
        r"'readout\.b'.*shape \(3,\)",
    ),
    "schedule that falls below 0": (
        lambda: optim.SGD(MODEL.params, lr=lambda k: -1.0).step(GRADS),
        ValueError,
        "lr at step 0",
    ),
    "norm of 0": (lambda: optim.clip_grad_norm(dict(GRADS), 0), ValueError, "max_norm must be above 0"),
    "norm that is NaN": (lambda: optim.clip_grad_norm(dict(GRADS), np.nan), ValueError, "max_norm must be above 0"),
    "unknown optimiser": (
        lambda: optim.get_optimizer("rmsporp", MODEL.params, 0.1),
        ValueError,
        "did you mean 'rmsprop'",
    ),
    "gradient with NaN": (
        lambda: optim.SGD(MODEL.params).step(GRADS | {"readout.b": GRADS["readout.b"] * np.nan}),
        ValueError,
        "must be finite",
    ),
    "complex gradient": (
        lambda: optim.SGD(MODEL.params).step(GRADS | {"readout.b": GRADS["readout.b"] * 1j}),
        TypeError,
        "imaginary part would be lost",
    ),
    # training
    "complex parameters": (lambda: complex_training(), TypeError, "fit trains real parameters"),
    "steps of 0": (lambda: training(steps=0), ValueError, "steps.*at least 1, got 0"),
    "no batches": (lambda: training(batches=[]), ValueError, "batches ended at once"),
    "generator that ends": (
        lambda: training(batches=iter([(X, np.zeros(B, int))])),
        ValueError,
        "after its first pass",
    ),
    "batch that is an array": (lambda: training(batches=[X]), TypeError, r"a batch must be \(x, targets\)"),
    "optimiser of another model": (
        lambda: training(optimizer=optim.SGD(net().params)),
        ValueError,
        "this model's parameters",
    ),
    "unknown loss": (lambda: training(loss="mean_square_error"), ValueError, "did you mean 'mean_squared_error'"),
    "patience without validation": (lambda: training(patience=3), ValueError, "give validation batches"),
    "validation that is a generator": (lambda: training(validation=iter([])), TypeError, "give a list"),
    "resume from nothing": (lambda: training(resume=True), ValueError, "checkpoint=path"),
    "evaluation of nothing": (lambda: drn.evaluate(MODEL, []), ValueError, "at least one batch"),
    # tasks, gradient check, reference
    "unknown task": (lambda: make_task("copymemory"), ValueError, "did you mean 'copy-memory'"),
    "copy memory over 0 steps": (lambda: CopyMemory(T=0), ValueError, "T must be.*got 0"),
    "adding over one step": (lambda: Adding(T=1), ValueError, "at least 2, got 1"),
    "batch of half a row": (lambda: CopyMemory().batches(0.5), TypeError, "batch_size"),
    "digits shorter than an image": (lambda: Digits(length=100), ValueError, "length.*at least 784"),
    "unknown method": (lambda: gradcheck.check(MODEL, method="centre"), ValueError, "did you mean 'central'"),
    "function without arrays": (lambda: gradcheck.check(lambda p: p), TypeError, "dict of arrays"),
    "check of something else": (lambda: gradcheck.check(3), TypeError, "network or a function"),
    "loss without targets": (lambda: gradcheck.check(MODEL, loss=mean_squared_error), TypeError, "go together"),
    "torch weights of another model": (
        lambda: drn.from_torch_state_dict(MODEL, {}),
        ValueError,
        "lacks weight_ih of layer 0",
    ),
    "torch weights too many": (
        lambda: drn.from_torch_state_dict(MODEL, drn.to_torch_state_dict(net()) | {"weight_ih_l7": X}),
        ValueError,
        "does not have: 7.weight_ih",
    ),
    "torch weights of another size": (
        lambda: drn.from_torch_state_dict(MODEL, drn.to_torch_state_dict(DilatedRNN(D, 5, [2, 4], "gru"))),
        ValueError,
        "must have shape",
    ),
    "unknown cell of the reference": (
        lambda: reference.forward(MODEL.params, X, [2, 4], "ltsm"),
        ValueError,
        "did you mean 'lstm'",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_refused_with_a_clear_message_and_changes_nothing(name):
    call, error, message = WRONG[name]
    kept = (
        {key: array.copy() for key, array in MODEL.params.items()},
        {key: array.copy() for key, array in GRADS.items()},
    )
    with pytest.raises(error, match=message):
        call()
    assert_equal((MODEL.params, GRADS), kept, 0)


def test_the_constructor_shows_its_documented_arguments():
    documented = ["input_size", "hidden_size", "dilations", "cell", "output_size", "readout", "dtype", "rng", "xp"]
    shown = inspect.signature(DilatedRNN).parameters
    assert list(shown)[: len(documented)] == documented
    assert [shown[name].default for name in documented[3:]] == ["rnn", None, "last", "float32", 0, np]


def test_there_are_at_least_fifty_wrong_inputs():
    assert len(WRONG) >= 50


@pytest.mark.skipif(find_spec("cupy") is not None, reason="CuPy is installed")
def test_without_cupy_the_error_says_what_to_install():
    with pytest.raises(ImportError, match=r"pip install 'dilated_rnn_np\[cuda12\]'"):
        get_backend("cupy")


# ---------------------------------------------------------------------- files


def files_in(folder):
    return {name: (folder / name).read_bytes() for name in os.listdir(folder)}


@pytest.mark.parametrize("keep", [0, 1, 30, 0.5, -1, -30])
def test_a_truncated_checkpoint_is_refused_by_name(tmp_path, keep):
    path = tmp_path / "model.npz"
    MODEL.save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if keep == 0.5 else keep])
    before = files_in(tmp_path)
    with pytest.raises(CheckpointError, match=r"model\.npz is cut off, damaged, or not a checkpoint"):
        load(path)
    assert files_in(tmp_path) == before


def test_a_flipped_bit_in_a_checkpoint_s_arrays_is_noticed(tmp_path):
    path = tmp_path / "model.npz"
    MODEL.save(path)
    content = bytearray(path.read_bytes())
    place = content.find(MODEL.params["layers.1.W_h"].tobytes())
    assert place > 0
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        load(path)


def test_files_that_are_not_checkpoints_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    np.save(tmp_path / "array.npz.npy", np.ones(3))
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "pickle.npz", meta=np.array({"an": "object"}, dtype=object))
    for name in os.listdir(tmp_path):
        with pytest.raises(CheckpointError, match="not a checkpoint"):
            load(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        load(tmp_path / "missing.npz")


def test_a_checkpoint_with_a_user_s_cell_asks_for_the_cell(tmp_path):
    class Own(drn.RNN):
        name = "own"

    model = DilatedRNN(1, 2, [1], Own())
    model.save(tmp_path / "own.npz")
    with pytest.raises(CheckpointError, match="'own'.*cell=…"):
        load(tmp_path / "own.npz")
    with pytest.raises(CheckpointError, match="got cell='rnn'"):
        load(tmp_path / "own.npz", cell=drn.RNN())
    assert_equal(load(tmp_path / "own.npz", cell=Own()).params, model.params, 0)


def test_a_saved_model_has_no_best_parameters_and_no_run_to_resume(tmp_path):
    model = net()
    model.save(tmp_path / "m.npz")
    with pytest.raises(CheckpointError, match="no best parameters"):
        load(tmp_path / "m.npz", best=True)
    with pytest.raises(CheckpointError, match="no training run"):
        training(checkpoint=tmp_path / "m.npz", resume=True)


@pytest.mark.parametrize("where", ["missing/m.npz", "file/m.npz"])
def test_an_unwritable_folder_is_refused_before_anything_is_written(tmp_path, where):
    (tmp_path / "file").write_text("not a folder")
    before = files_in(tmp_path)
    with pytest.raises(OSError, match="cannot write .*folder must exist"):
        MODEL.save(tmp_path / where)
    with pytest.raises(OSError, match="cannot write .*folder must exist"):
        training(checkpoint=tmp_path / where)
    with pytest.raises(OSError, match="cannot write .*folder must exist"):
        training(log=tmp_path / where)
    assert files_in(tmp_path) == before


def test_a_failed_save_leaves_the_older_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "m.npz"
    MODEL.save(path)
    before = files_in(tmp_path)

    def disk_full(file, array, **options):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", disk_full)
    with pytest.raises(OSError, match="No space left on device; an older file of that name is unchanged"):
        net("lstm").save(path)
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_loaded_model_equals_the_saved_one(tmp_path, cell):
    model = DilatedRNN(D, [3, 5], [2, 4], cell, 3, "all", "float64", 5, dropout=0.25, recurrent_init="normal")
    model.save(tmp_path / "m.npz")
    again = load(tmp_path / "m.npz")
    assert again.config() == model.config() and repr(again) == repr(model)
    assert_equal(again.params, model.params, 0)
    assert_equal(again.forward(X)[0], model.forward(X)[0], 0)
