"""The compared systems pass the tests of the dilated RNN: naive loops, gradient checks, chunks, ragged rows, training."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cases import assert_equal
from support.systems import CLOCKED, ESTIMATED, SYSTEMS, SystemCase, systems

from dilated_rnn_np import fit, gradcheck, load, memory, paths
from dilated_rnn_np.baselines import HMLSTM, ClockworkRNN, DilatedCNN, PhasedLSTM, SkipRNN, plain_rnn
from dilated_rnn_np.training.optim import Adam

each = pytest.mark.parametrize("system", sorted(SYSTEMS))
FEW = settings(max_examples=20)


@each
@FEW
@given(data=st.data())
def test_every_layer_equals_its_naive_loops(on, system, data):
    case = on(data.draw(systems(system=system, outputs=None, ragged=False, carried=False, most=14)))
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
    state = case.state
    if (
        system in CLOCKED and state is None
    ):  # with random clocks, central differences would cross kinks of the time gate
        state = case.model.zero_state(case.B)
    gradcheck.check(case.model, case.x, state, case.lengths, rng=case.seed, tolerances={"complex": 1e-11})


@pytest.mark.parametrize("system", CLOCKED)
@FEW
@given(data=st.data())
def test_gradients_pass_the_complex_check_at_random_clocks(system, data):
    case = data.draw(systems(system=system, most=6, carried=False))
    gradcheck.check(
        case.model, case.x, None, case.lengths, rng=case.seed, method="complex", tolerances={"complex": 1e-11}
    )


@each
@FEW
@given(data=st.data())
def test_split_sequence_with_carried_state_equals_whole(on, system, data):
    case = on(data.draw(systems(system=system, most=12)))
    cut = data.draw(st.integers(0, case.T))
    whole, end, cache = case.model.forward(case.x, case.state, case.lengths)
    dx, dstate, grads = case.model.backward(case.doutput, cache, case.dstate)
    chunks = [part for part in (slice(0, cut), slice(cut, case.T)) if part.start < part.stop]
    state, passes = case.state, []
    for part in chunks:
        lengths = None if case.lengths is None else np.clip(case.lengths - part.start, 0, part.stop - part.start)
        output, state, cache = case.model.forward(case.x[part], state, lengths)
        passes.append((part, output, cache))
    assert_equal(passes[-1][1] if whole.ndim == 2 else np.concatenate([o for _, o, _ in passes]), whole)
    assert_equal(state, end)

    dcarried, total = case.dstate, {name: 0 for name in grads}
    for part, output, cache in reversed(passes):
        last = case.doutput if part is chunks[-1] else np.zeros_like(output)
        doutput = case.doutput[part] if whole.ndim == 3 else last
        dx_part, dcarried, new = case.model.backward(doutput, cache, dcarried)
        assert_equal(dx_part, dx[part], 1e-9)
        total = {name: total[name] + g for name, g in new.items()}
    assert_equal(total, grads, 1e-9)
    assert_equal(dcarried, dstate, 1e-9)


@each
@FEW
@given(data=st.data())
def test_single_steps_equal_forward(on, system, data):
    case = on(data.draw(systems(system=system, ragged=False)))
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
def test_each_row_of_a_ragged_batch_equals_the_row_alone(on, system, data):
    case = on(data.draw(systems(system=system, ragged=True)))
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


@pytest.mark.parametrize("system", CLOCKED)
@FEW
@given(data=st.data())
def test_rows_with_different_clocks_continue_as_each_row_alone(system, data):
    case = data.draw(systems(system=system, readout="all", B=3, ragged=True, carried=False))
    _, state, _ = case.model.forward(case.x, None, case.lengths)  # each row's clock stops at its end
    for *_, clock in state:
        assert (clock[0, :, 0] == case.lengths).all()
    output, end, _ = case.model.forward(case.x, state)
    for b, n in enumerate(case.lengths):
        row = slice(b, b + 1)
        whole, alone, _ = case.model.forward(np.concatenate([case.x[:n, row], case.x[:, row]]))
        assert_equal(output[:, row], whole[n:], 1e-12)
        assert_equal([tuple(a[:, row] for a in entry) for entry in end], alone, 1e-12)


def test_a_clockwork_net_stores_only_the_weights_of_its_graph():
    for periods in ([1], [1, 2, 4], [2, 3, 5, 7]):
        for layers in (1, 2, 3):
            model = ClockworkRNN(3, 2 * len(periods), periods, layers)
            assert model.num_parameters == paths.num_parameters(model.graph(), 3, 2)


@each
def test_gradients_reach_exactly_the_spans_of_the_graph(system):
    for seed in range(6):
        case = SystemCase(system, 9, 1, 1, 2, 1 + seed % 3, "last", 2, False, False, seed)
        reached = memory.reached_spans(case.model, 12, seed)
        graph = case.model.graph()  # its edges may depend on the time, so each span has its own start
        assert reached.tolist() == [n for n in range(12) if paths.shortest_path(graph, 11 - n, 11)]


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
def test_segments_within_a_budget_give_the_gradients_of_the_whole_sequence(system):
    case = SystemCase(system, 60, 2, 2, 3, 2, "all", 2, True, True, seed=5)
    output, _, cache = case.model.forward(case.x, case.state, case.lengths)
    whole = case.model.backward(case.doutput, cache, case.dstate)
    for budget in range(12_000, 10**6, 2_000):
        try:
            segmented, _, cache = case.model.forward(case.x, case.state, case.lengths, budget=budget)
            break
        except ValueError:
            continue
    assert len(cache.segments) > 1
    assert_equal(segmented, output)
    assert_equal(case.model.backward(case.doutput, cache, case.dstate), whole, 1e-9)


@each
def test_the_budget_estimates_the_memory_of_a_pass_within_a_fifth(system):
    case = SystemCase(system, 4, 32, 2, 24, 3, "last", 2, False, False, seed=2)
    x = np.random.default_rng(0).standard_normal((1_000, 32, 2))
    tracemalloc.start()
    try:
        output, _, cache = case.model.forward(x)
        case.model.backward(np.ones_like(output), cache)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    whole = case.model.forward(x, budget=int(1.2 * peak))[2]
    parts = case.model.forward(x, budget=int(peak / 1.2))[2]
    assert not hasattr(whole, "segments") and len(parts.segments) > 1


@each
@FEW
@given(data=st.data())
def test_buffers_that_are_reused_change_no_result(on, system, data):
    case = on(data.draw(systems(system=system)))
    T, x = case.T, np.random.default_rng(case.seed).standard_normal(case.x.shape)
    arguments = [(x, None, None), (case.x, case.state, case.lengths), (case.x[: T // 2 + 1], case.state, None)]
    cache = None
    results, expected = [], []
    for call in arguments:
        output, state, fresh = case.model.forward(*call)
        expected.append((output, state, case.model.backward(np.cos(output), fresh)))
        output, state, cache = case.model.forward(*call, reuse=cache)
        results.append((output, state, case.model.backward(np.cos(output), cache)))
    assert_equal(results, expected, 0)  # also the results of the first passes, whose buffers were overwritten


@each
@FEW
@given(data=st.data())
def test_passes_keep_the_dtype_and_leave_their_arguments_unchanged(system, data):
    case = data.draw(systems(system=system))
    model, x = case.model.astype("float32"), case.x.astype("float32")
    before = {name: a.copy() for name, a in model.params.items()}
    output, state, cache = model.forward(x, None, case.lengths)
    first = model.backward(np.ones_like(output), cache)
    again = model.backward(np.ones_like(output), cache)
    assert_equal(again, first, 0)
    assert {a.dtype for a in (output, first[0], *first[2].values())} == {np.dtype("float32")}
    assert (x == case.x.astype("float32")).all()
    assert_equal(dict(model.params), before, 0)


WRONG = {
    "a skip of one step": (lambda: SkipRNN(2, 3, 1, 1), ValueError, "skip must be .* at least 2"),
    "no layers": (lambda: SkipRNN(2, 3, 0, 4), ValueError, "num_layers must be .* at least 1"),
    "too few hidden sizes": (lambda: SkipRNN(2, [3, 3], 3, 4), ValueError, "hidden_size"),
    "an unknown cell": (lambda: SkipRNN(2, 3, 1, 4, cell="ltsm"), ValueError, "did you mean 'lstm'"),
    "a hidden size that is no multiple of the number of modules": (
        lambda: ClockworkRNN(2, 8, [1, 2, 4]),
        ValueError,
        "multiple of 3, the number of modules.* got 8; for instance 6",
    ),
    "periods from slow to fast": (lambda: ClockworkRNN(2, 4, [4, 1]), ValueError, "from fast to slow"),
    "a period given twice": (lambda: ClockworkRNN(2, 4, [2, 2]), ValueError, "name each once"),
    "a period of no steps": (lambda: ClockworkRNN(2, 4, [0, 2]), ValueError, r"periods\[0\] must be .* at least 1"),
    "one number for the periods": (lambda: ClockworkRNN(2, 4, 4), TypeError, "periods must be a list"),
    "no periods": (lambda: ClockworkRNN(2, 4, []), ValueError, "periods must hold at least one"),
    "a range of periods in the wrong order": (
        lambda: PhasedLSTM(2, 3, 1, periods=(9, 2)),
        ValueError,
        "got 9 before 2",
    ),
    "one period for a range": (
        lambda: PhasedLSTM(2, 3, 1, periods=9),
        TypeError,
        "periods must be .shortest, longest.",
    ),
    "a period of length 0": (
        lambda: PhasedLSTM(2, 3, 1, periods=(0, 9)),
        ValueError,
        r"periods\[0\] must be .* above 0",
    ),
    "units that never open": (lambda: PhasedLSTM(2, 3, 1, open_ratio=0), ValueError, "would never open"),
    "an open ratio above 1": (
        lambda: PhasedLSTM(2, 3, 1, open_ratio=2),
        ValueError,
        r"open_ratio must lie in \[0, 1\]",
    ),
    "a leak of 1": (lambda: PhasedLSTM(2, 3, 1, leak=1), ValueError, r"leak must lie in \[0, 1\)"),
    "a negative leak": (lambda: PhasedLSTM(2, 3, 1, leak=-0.1), ValueError, "leak must lie in"),
    "phased without layers": (lambda: PhasedLSTM(2, 3, 0), ValueError, "num_layers must be"),
    "plain without layers": (lambda: plain_rnn(2, 3, 0), ValueError, "num_layers must be"),
    "a kernel of one step": (lambda: DilatedCNN(2, 3, [1], kernel=1), ValueError, "kernel must be .* at least 2"),
    "a fractional kernel": (lambda: DilatedCNN(2, 3, [1], kernel=2.5), TypeError, "kernel must be a whole number"),
    "convolutions without dilations": (lambda: DilatedCNN(2, 3, []), ValueError, "dilations must hold at least one"),
    "a dilation of 0": (lambda: DilatedCNN(2, 3, [1, 0]), ValueError, r"dilations\[1\] must be"),
    "fewer hidden sizes than dilations": (lambda: DilatedCNN(2, [3], [1, 2]), ValueError, "hidden_size must be"),
    "a cell for convolutions": (lambda: DilatedCNN(2, 3, [1], cell="gru"), TypeError, "cell"),
    "a single level": (lambda: HMLSTM(2, 3, 1), ValueError, "levels must be .* at least 2"),
    "one hidden size per level": (lambda: HMLSTM(2, [3, 4], 2), TypeError, "hidden_size must be one whole number"),
    "a slope of 0": (lambda: HMLSTM(2, 3, 2, slope=0), ValueError, "slope must be a finite number above 0"),
    "a fraction for relaxed": (lambda: HMLSTM(2, 3, 2, relaxed=0.5), TypeError, "relaxed must be True or False"),
    "a negative epoch": (lambda: HMLSTM(2, 3, 2).anneal(-1), ValueError, "epoch must be .* at least 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_settings_are_refused_with_a_clear_message(name):
    call, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        call()


def test_a_time_gate_keeps_its_phase_after_many_steps():
    model = PhasedLSTM(1, 50, 1, rng=0)
    layer = model.layers[0]
    params = {name.removeprefix("layers.0."): array for name, array in model.params.items()}
    wide = {name: array.astype("float64") for name, array in params.items()}
    for t in (0, 10_000, 1_000_000):
        clock = np.full((1, 1), t, "float32")
        k, slope, cycles = layer.time_gate(params, clock)
        exact, _, _ = layer.time_gate(wide, clock.astype("float64"))
        assert k.dtype == slope.dtype == cycles.dtype == np.float32
        assert abs(k - exact).max() < 1e-5
