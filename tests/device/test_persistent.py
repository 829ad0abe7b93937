"""The persistent kernels equal the scan. There is no GPU here: their source runs on the CPU, see ``cuda_emulator``."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cuda_emulator
from support.backends import Placed, to_host
from support.cases import assert_equal

import dilated_rnn_np as drn
from dilated_rnn_np.device import kernels, persistent, pointwise
from dilated_rnn_np.recurrence import scan
from dilated_rnn_np.recurrence.cells import get_cell
from dilated_rnn_np.recurrence.gates import join_weights

CELLS = ["rnn", "lstm", "gru"]
pytestmark = pytest.mark.skipif(
    cuda_emulator.COMPILER is None, reason="g++ is missing, which compiles the CUDA source here"
)


class NumPyWithKernels(ModuleType):
    """NumPy under CuPy's name, with raw kernels that are emulated."""

    RawModule = cuda_emulator.RawModule
    cuda = SimpleNamespace(Device=cuda_emulator.Device)

    def get_array_module(self, *arrays):
        return self

    def __getattr__(self, name):
        return getattr(np, name)


@pytest.fixture(autouse=True, scope="module")
def xp():
    """The module that all arrays of this file belong to."""
    module = NumPyWithKernels("cupy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "cupy", module)
        yield module


class Layer:
    """One layer's weights, input, state and gradients, from a few integers and a seed; it runs with either kernels."""

    def __init__(self, cell, T, B, D, H, d, ragged, seed, dtype="float64", scale=0.7):
        def draw(*shape):
            return (scale * rng.standard_normal(shape)).astype(dtype)

        self.cell, self.D, self.H, self.n = get_cell(cell), D, H, d * B
        rng = np.random.default_rng(seed)
        G, states = len(self.cell.gates), len(self.cell.state)
        b_h = {"b_h": draw(H)} if self.cell.recurrent_bias else {}
        self.W = join_weights(self.cell, draw(G * H, D), draw(G * H, H), draw(G * H), **b_h)
        self.x, self.dh = draw(D, T * B), draw(H, T * B)
        self.state = tuple(draw(d * B, H) for _ in range(states))
        self.dstate = tuple(draw(d * B, H) for _ in range(states))
        lengths = rng.integers(0, T + 1, B)
        self.valid = (np.arange(T)[:, None] < lengths).reshape(-1) if ragged else None
        if ragged:
            self.dh[:, ~self.valid] = 0  # as the layers above leave it

    def run(self, route, keep=True, over_dh=False):
        """All that forward and backward return or fill; ``over_dh`` writes dx over dh."""
        columns, part = self.x.shape[1], slice(0, self.n)
        Z = np.full((self.D + 1 + self.H, columns + self.n), np.nan, self.x.dtype)
        Z[self.D] = 1
        states = tuple(s.copy() for s in self.state)
        caches = [None] * -(-columns // self.n) if keep else None
        route.forward(self.cell, self.W, Z, self.x, states, part, caches, self.valid)
        h = Z[self.D + 1 :]
        if not keep:
            return h, states
        dh, reached = self.dh.copy(), np.full_like(self.dh, np.nan)
        dx = dh if over_dh else np.full_like(self.x, np.nan)
        dstates = tuple(ds.copy() for ds in self.dstate)
        arrays = self.W, Z, dh, dx, dstates
        dW = route.backward(self.cell, *arrays, part, caches, self.valid, reached)
        without = tuple(ds.copy() for ds in self.dstate)
        again = route.backward(self.cell, self.W, Z, self.dh, dx.copy(), without, part, caches, self.valid)
        assert_equal((again, without), (dW, dstates), 0)  # a cache serves again, also without ``reached``
        gates = {}
        route.gate_values(self.cell, caches, gates, Z[-self.H :, self.n :], self.n, part)
        return h, states, dx, dstates, dW, reached, gates


@given(
    cell=st.sampled_from(CELLS),
    T=st.integers(1, 9),
    B=st.integers(1, 3),
    D=st.integers(1, 3),
    H=st.sampled_from([1, 2, 3, 5]),
    d=st.integers(1, 11),
    ragged=st.booleans(),
    order=st.sampled_from(list(cuda_emulator.ORDERS)),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=100)
def test_forward_and_backward_equal_the_scan(cell, T, B, D, H, d, ragged, order, seed):
    layer = Layer(cell, T, B, D, H, d, ragged, seed)
    with cuda_emulator.order(order):
        assert_equal(layer.run(persistent), layer.run(scan))


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize("H, T, B, d", [(20, 30, 3, 4), (64, 9, 2, 1)])
@pytest.mark.parametrize("cell", CELLS)
def test_kernels_equal_the_scan_at_the_sizes_of_the_paper(cell, H, T, B, d, dtype, tolerance):
    layer = Layer(cell, T, B, 7, H, d, True, 0, dtype, scale=0.2)
    for order in cuda_emulator.ORDERS:
        with cuda_emulator.order(order):
            assert_equal(layer.run(persistent), layer.run(scan), tolerance)


@pytest.mark.parametrize("in_registers", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_weights_may_lie_in_registers_or_in_shared_memory(cell, in_registers, monkeypatch):
    of = persistent.Layout.of

    def with_weights(cell, H, dtype):
        layout = of(cell, H, dtype)
        weights = 0 if in_registers else len(cell.gates) * H * layout.pitch * 8
        return layout._replace(in_registers=in_registers, bytes_of_weights=weights)

    monkeypatch.setattr(persistent.Layout, "of", with_weights)
    monkeypatch.setattr(persistent, "_module", persistent._module.__wrapped__)
    layer = Layer(cell, 7, 2, 1, 6, 3, True, 0)
    assert_equal(layer.run(persistent), layer.run(scan))


@pytest.mark.parametrize("order", cuda_emulator.ORDERS)
@pytest.mark.parametrize("cell", CELLS)
def test_a_block_takes_several_groups_of_columns_where_there_are_many(cell, order, monkeypatch):
    monkeypatch.setattr(persistent, "MOST_BLOCKS", 2)
    monkeypatch.setattr(persistent, "ENOUGH_BLOCKS", 1)
    layer = Layer(cell, 11, 30, 2, 5, 5, True, 0)  # 150 columns in groups of 32; the last steps run without some groups
    with cuda_emulator.order(order):
        assert_equal(layer.run(persistent), layer.run(scan))


@pytest.mark.parametrize("cell", CELLS)
def test_dx_may_be_written_over_dh(cell):
    layer = Layer(cell, 7, 2, 3, 3, 3, True, 0)
    assert_equal(layer.run(persistent, over_dh=True), layer.run(scan))


@pytest.mark.parametrize("cell", CELLS)
def test_without_a_cache_the_outputs_are_the_same_and_nothing_is_kept(cell):
    layer = Layer(cell, 7, 2, 2, 3, 3, True, 0)
    assert_equal(layer.run(persistent, keep=False), layer.run(scan, keep=False))


def test_the_kernels_support_built_in_cells_of_few_units_in_real_dtypes(xp):
    class MyLSTM(drn.LSTM):
        """A user's cell, derived from a built-in one."""

        name = "mine"

    for cell in map(get_cell, CELLS):
        assert all(persistent.supported(xp, cell, H, "float32") for H in range(1, 65))
        assert not persistent.supported(xp, cell, 20, "complex128")
        assert not persistent.supported(np, cell, 20, "float32")
        assert not persistent.supported(xp, cell, 1000, "float32")
    assert persistent.supported(xp, drn.LSTM(), 50, "float64")
    assert not persistent.supported(xp, MyLSTM(), 20, "float32")


@pytest.mark.parametrize("cell", CELLS)
def test_a_model_gives_the_same_with_either_kernels(stand_in, cell):
    rng = np.random.default_rng(0)
    model = drn.DilatedRNN(5, 5, [1, 2, 4], cell, 3, "all", dtype="float64", rng=0)
    x, lengths = rng.standard_normal((11, 3, 5)), np.array([11, 4, 0])
    state = [tuple(rng.standard_normal(a.shape) for a in entry) for entry in model.zero_state(3)]
    doutput = rng.standard_normal((11, 3, 3))

    def run(kernels):
        placed = Placed(model, stand_in.xp, kernels)
        results, old = [], None
        for _ in range(2):  # in new buffers, and in those of the first pass
            output, new, cache = placed.forward(x, state, lengths, reuse=old)
            assert {layer.route for layer in cache.layers} == {persistent if kernels == "persistent" else scan}
            reached = []
            back = placed.backward(doutput, cache, state, reached)
            assert_equal(placed.backward(doutput, cache, state), back, tolerance=0)
            results.append((output, new, *back, reached))
            old = cache
        return results

    assert_equal(run("persistent"), run("plain"))


def test_results_of_a_model_are_never_written_again(stand_in):
    model = drn.DilatedRNN(2, 4, [1, 2], "lstm", rng=0).to(stand_in.xp, kernels="persistent")
    kept, cache = [], None
    for seed in range(3):
        x = stand_in.xp.asarray(np.random.default_rng(seed).standard_normal((9, 2, 2)).astype("float32"))
        output, state, cache = model.forward(x, reuse=cache)
        returned = [output, state, model.backward(stand_in.xp.ones_like(output), cache)]
        kept.append((returned, to_host(returned)))
    for returned, copies in kept:
        assert_equal(to_host(returned), copies, tolerance=0)


def test_other_cells_have_fused_kernels_and_the_cpu_has_the_scan():
    x = np.zeros((1, 1), "float32")
    assert kernels.route("persistent", drn.LSTM(), 20, x) is persistent
    assert kernels.route("persistent", drn.LSTM(), 20, x.astype("complex128")) is pointwise
    assert kernels.route("persistent", drn.LSTM(), 1000, x) is pointwise
    assert kernels.route("plain", drn.LSTM(), 20, x) is scan
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "cupy")
        assert kernels.route("persistent", drn.LSTM(), 20, x) is scan
