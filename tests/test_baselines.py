"""The compared systems hold what the dilated RNN holds: reference, chunks, ragged rows, both gradient checks, training."""

import numpy as np
import pytest
from cases import assert_equal
from hypothesis import given, settings
from hypothesis import strategies as st
from systems import ESTIMATED, SYSTEMS, SystemCase, systems

from dilated_rnn_np import fit, gradcheck, load, memory, paths
from dilated_rnn_np.baselines import HMLSTM, DilatedCNN, SkipRNN, plain_rnn
from dilated_rnn_np.optim import Adam

each = pytest.mark.parametrize("system", sorted(SYSTEMS))
FEW = settings(max_examples=20)


@each
@FEW
@given(data=st.data())
def test_every_layer_equals_its_naive_loops(system, data):
    case = data.draw(systems(system=system, outputs=None, ragged=False, carried=False, most=14))
    output, _, _ = case.model.forward(case.x)
    for b in range(case.B):
        rows = case.x[:, b]
        for i in range(len(case.model.layers)):
            rows = case.loops(case.layer_params(i), rows)
        assert_equal(output[:, b], rows)


@pytest.mark.parametrize("system", sorted(SYSTEMS.keys() - ESTIMATED))
@FEW
@given(data=st.data())
def test_gradients_pass_both_checks(system, data):
    case = data.draw(systems(system=system, most=6))
    gradcheck.check(case.model, case.x, case.state, case.lengths, rng=case.seed, tolerances={"complex": 1e-11})


@each
@FEW
@given(data=st.data())
def test_split_sequence_with_carried_state_equals_whole(system, data):
    case = data.draw(systems(system=system, most=12))
    cut = data.draw(st.integers(0, case.T))
    whole, end, cache = case.model.forward(case.x, case.state, case.lengths)
    dx, dstate, grads = case.model.backward(case.doutput, cache, case.dstate)
    chunks = [part for part in (slice(0, cut), slice(cut, case.T)) if part.start < part.stop]
    state, passes = case.state, []
    for part in chunks:
        lengths = None if case.lengths is None else np.clip(case.lengths - part.start, 0, part.stop - part.start)
        output, state, kept = case.model.forward(case.x[part], state, lengths)
        passes.append((part, output, kept))
    assert_equal(passes[-1][1] if whole.ndim == 2 else np.concatenate([o for _, o, _ in passes]), whole)
    assert_equal(state, end)

    dcarried, total = case.dstate, {name: 0 for name in grads}
    for part, output, kept in reversed(passes):
        last = case.doutput if part is chunks[-1] else np.zeros_like(output)
        doutput = case.doutput[part] if whole.ndim == 3 else last
        dx_part, dcarried, new = case.model.backward(doutput, kept, dcarried)
        assert_equal(dx_part, dx[part], 1e-9)
        total = {name: total[name] + g for name, g in new.items()}
    assert_equal(total, grads, 1e-9)
    assert_equal(dcarried, dstate, 1e-9)


@each
@FEW
@given(data=st.data())
def test_single_steps_equal_forward(system, data):
    case = data.draw(systems(system=system, ragged=False))
    output, end, _ = case.model.forward(case.x, case.state)
    state = case.state
    for t, x_t in enumerate(case.x):
        got, state = case.model.step(x_t, state)
        if output.ndim == 3:
            assert_equal(got, output[t])
    assert_equal(got, output if output.ndim == 2 else output[-1])
    assert_equal(state, end)


@each
@FEW
@given(data=st.data())
def test_each_row_of_a_ragged_batch_equals_the_row_alone(system, data):
    case = data.draw(systems(system=system, ragged=True))
    output, state, cache = case.model.forward(case.x, case.state, case.lengths)
    dx, _, _ = case.model.backward(case.doutput, cache, case.dstate)
    for b, n in enumerate(case.lengths):
        if output.ndim == 3:
            assert not output[n:, b].any()
        assert not dx[n:, b].any()
        row = slice(b, b + 1)
        before = case.model.zero_state(1) if case.state is None else [tuple(a[:, row] for a in e) for e in case.state]
        expected = before
        if n:
            alone, expected, _ = case.model.forward(case.x[:n, row], before)
            assert_equal(output[row] if output.ndim == 2 else output[:n, row], alone, 1e-12)
        assert_equal([tuple(a[:, row] for a in entry) for entry in state], list(expected), 1e-12)


@each
def test_gradients_reach_exactly_the_spans_that_the_graph_says(system):
    for seed in range(6):
        case = SystemCase(system, 9, 1, 1, 2, 1 + seed % 3, "last", 2, False, False, seed)
        reached = memory.reached_spans(case.model, 12, seed)
        assert reached.tolist() == paths.reachable_spans(case.model.graph(), 11).tolist()


@each
def test_training_lowers_the_loss_and_a_resumed_run_ends_in_the_same_bits(system, tmp_path):
    def run(steps, **options):
        case = SystemCase(system, 9, 4, 2, 6, 2, "last", 3, False, False, seed=3)
        targets = np.random.default_rng(0).integers(0, 3, 4)
        optimizer = Adam(case.model.params, lr=3e-2)
        return case.model, fit(case.model, [(case.x, targets)], optimizer, steps, progress=False, **options)

    whole, history = run(40)
    _, losses = history.column("loss")
    assert losses[-1] < 0.5 * losses[0]
    run(15, checkpoint=tmp_path / "run.npz")
    resumed, _ = run(40, checkpoint=tmp_path / "run.npz", resume=True)
    again = load(tmp_path / "run.npz")
    for name, array in whole.params.items():
        assert (array == resumed.params[name]).all() and (array == again.params[name]).all()
    assert type(again) is type(whole) and repr(again) == repr(whole)


@each
def test_segments_within_a_budget_give_the_whole_s_gradients(system):
    case = SystemCase(system, 60, 2, 2, 3, 2, "all", 2, True, True, seed=5)
    output, _, cache = case.model.forward(case.x, case.state, case.lengths)
    whole = case.model.backward(case.doutput, cache, case.dstate)
    for budget in range(12_000, 10**6, 2_000):
        try:
            segmented, _, kept = case.model.forward(case.x, case.state, case.lengths, budget=budget)
            break
        except ValueError:
            continue
    assert len(kept.segments) > 1
    assert_equal(segmented, output)
    assert_equal(case.model.backward(case.doutput, kept, case.dstate), whole, 1e-9)


@each
@FEW
@given(data=st.data())
def test_passes_keep_the_dtype_and_change_nothing_that_they_are_given(system, data):
    case = data.draw(systems(system=system))
    model, x = case.model.astype("float32"), case.x.astype("float32")
    kept = {name: a.copy() for name, a in model.params.items()}
    output, state, cache = model.forward(x, None, case.lengths)
    first = model.backward(np.ones_like(output), cache)
    again = model.backward(np.ones_like(output), cache)
    assert_equal(again, first, 0)
    assert {a.dtype for a in (output, first[0], *first[2].values())} == {np.dtype("float32")}
    assert (x == case.x.astype("float32")).all()
    assert_equal(dict(model.params), kept, 0)


WRONG = {
    "a skip of one step": (lambda: SkipRNN(2, 3, 1, 1), ValueError, "skip must be .* at least 2"),
    "no layers": (lambda: SkipRNN(2, 3, 0, 4), ValueError, "num_layers must be .* at least 1"),
    "hidden sizes of another number": (lambda: SkipRNN(2, [3, 3], 3, 4), ValueError, "hidden_size"),
    "an unknown cell": (lambda: SkipRNN(2, 3, 1, 4, cell="ltsm"), ValueError, "did you mean 'lstm'"),
    "plain without layers": (lambda: plain_rnn(2, 3, 0), ValueError, "num_layers must be"),
    "a kernel of one step": (lambda: DilatedCNN(2, 3, [1], kernel=1), ValueError, "kernel must be .* at least 2"),
    "half a kernel": (lambda: DilatedCNN(2, 3, [1], kernel=2.5), TypeError, "kernel must be a whole number"),
    "convolutions without dilations": (lambda: DilatedCNN(2, 3, []), ValueError, "dilations must hold at least one"),
    "a dilation of 0": (lambda: DilatedCNN(2, 3, [1, 0]), ValueError, r"dilations\[1\] must be"),
    "hidden sizes for other layers": (lambda: DilatedCNN(2, [3], [1, 2]), ValueError, "hidden_size must be"),
    "a cell for convolutions": (lambda: DilatedCNN(2, 3, [1], cell="gru"), TypeError, "cell"),
    "one level": (lambda: HMLSTM(2, 3, 1), ValueError, "levels must be .* at least 2"),
    "sizes of levels": (lambda: HMLSTM(2, [3, 4], 2), TypeError, "hidden_size must be one whole number"),
    "a flat slope": (lambda: HMLSTM(2, 3, 2, slope=0), ValueError, "slope must be a finite number above 0"),
    "half relaxed": (lambda: HMLSTM(2, 3, 2, relaxed=0.5), TypeError, "relaxed must be True or False"),
    "an epoch before the first": (lambda: HMLSTM(2, 3, 2).anneal(-1), ValueError, "epoch must be .* at least 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_settings_are_refused_with_a_clear_message(name):
    call, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        call()
