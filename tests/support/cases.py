"""Random networks and inputs, built from a few small integers and a seed."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from dilated_rnn_np import DilatedRNN


@dataclass
class Case:
    """A network, its input, and random gradients of its output and state; all determined by the integers and the seed."""

    T: int
    B: int
    D: int
    hidden: list
    dilations: list
    cell: object
    readout: str
    outputs: int | None
    ragged: bool
    carried: bool
    seed: int
    scale: float = 0.7
    embedding: int | None = None

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        self.model = DilatedRNN(
            self.D,
            self.hidden,
            self.dilations,
            self.cell,
            self.outputs,
            self.readout,
            dtype="float64",
            rng=rng,
            embedding=self.embedding,
        )
        for array in self.model.params.values():
            array[...] = self.scale * rng.standard_normal(array.shape)
        self.x = rng.standard_normal((self.T, self.B, self.D))
        self.lengths = rng.integers(0, self.T + 1, self.B) if self.ragged else None
        self.state = self.random_state(rng) if self.carried else None
        output, _, _ = self.model.forward(self.x, self.state, self.lengths)
        self.doutput = rng.standard_normal(output.shape)
        self.dstate = self.random_state(rng)

    def random_state(self, rng):
        """Random numbers in the shape of a state."""
        return [tuple(rng.standard_normal(a.shape) for a in entry) for entry in self.model.zero_state(self.B)]


@st.composite
def cases(draw, cell=None, most=9, readout=None, outputs=None, ragged=None):
    """Cases with small T, B, D, H; dilations in any order, repeated, with common divisors, or larger than T."""
    small = st.integers(1, 3)
    layers = draw(small)
    divisor = draw(st.sampled_from([1, 1, 2, 3]))
    return Case(
        T=draw(st.integers(1, most)),
        B=draw(small),
        D=draw(small),
        hidden=draw(st.lists(small, min_size=layers, max_size=layers)),
        dilations=[divisor * d for d in draw(st.lists(st.integers(1, 5), min_size=layers, max_size=layers))],
        cell=cell or draw(st.sampled_from(["rnn", "lstm", "gru"])),
        readout=readout or draw(st.sampled_from(["last", "all"])),
        outputs=outputs or draw(st.sampled_from([None, 1, 3])),
        ragged=draw(st.booleans()) if ragged is None else ragged,
        carried=draw(st.booleans()),
        seed=draw(st.integers(0, 2**32 - 1)),
        embedding=draw(st.sampled_from([None, None, 2])),
    )


def assert_equal(got, expected, tolerance=1e-10, name=""):
    """Compare arrays, or nested lists, tuples and dicts of them, relative to the largest expected number of each array."""
    if isinstance(expected, dict):
        assert got.keys() == expected.keys()
        for key in expected:
            assert_equal(got[key], expected[key], tolerance, f"{name}{key}")
    elif isinstance(expected, (list, tuple)):
        assert len(got) == len(expected), name
        for i, (a, b) in enumerate(zip(got, expected, strict=True)):
            assert_equal(a, b, tolerance, f"{name}[{i}]")
    else:
        assert got.shape == expected.shape, (name, got.shape, expected.shape)
        if expected.size:
            error, size = abs(got - expected).max(), abs(expected).max()
            assert error <= tolerance * size, f"{name}: off by {error:.2g}, relative to {size:.2g}"
