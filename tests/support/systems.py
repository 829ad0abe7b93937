"""Small random networks of the compared systems, each with its naive reference loops."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from dilated_rnn_np import reference as dilated
from dilated_rnn_np.baselines import HMLSTM, ClockworkRNN, DilatedCNN, PhasedLSTM, SkipRNN, plain_rnn, reference
from support.backends import to_host

CELLS = ("rnn", "lstm", "gru")


def plain(rng, sizes, layers, options):
    cell = str(rng.choice(CELLS))
    return plain_rnn(*sizes, layers, cell=cell, **options), lambda p, x: dilated_layer(p, x, cell)


def dilated_layer(p, x, cell):
    params = {f"layers.0.{name}": array for name, array in p.items()}
    return dilated.forward(params, x[:, None], [1], cell)[0][:, 0]


def skip(rng, sizes, layers, options):
    cell, s = str(rng.choice(CELLS)), int(rng.integers(2, 6))
    return SkipRNN(*sizes, layers, s, cell=cell, **options), lambda p, x: reference.skip(p, x, cell, s)


def clockwork(rng, sizes, layers, options):
    D, m = sizes
    periods = sorted(rng.choice(np.arange(1, 6), rng.integers(1, 4), replace=False).tolist())
    model = ClockworkRNN(D, m * len(periods), periods, layers, **options)
    return model, lambda p, x: reference.clockwork(p, x, periods)


def phased(rng, sizes, layers, options):
    open_ratio, leak = float(rng.uniform(0.3, 0.8)), 0.05
    model = PhasedLSTM(*sizes, layers, periods=(2, 9), open_ratio=open_ratio, leak=leak, **options)
    for i in range(layers):
        keep_from_kinks(rng, model.params[f"layers.{i}.log_tau"], model.params[f"layers.{i}.s"], open_ratio)
    return model, lambda p, x: reference.phased_lstm(p, x, open_ratio, leak)


def keep_from_kinks(rng, log_tau, s, open_ratio):
    """Draw periods and shifts whose phases lie farther from the gate's kinks than the steps of finite differences."""
    for unit in range(len(s)):
        near = 0.0
        while near < 4e-3:
            log_tau[unit] = rng.uniform(np.log(2), np.log(9))
            s[unit] = rng.uniform(0, np.exp(log_tau[unit]))
            phi = (np.arange(12) - s[unit]) / np.exp(log_tau[unit]) % 1
            near = min(abs(phi - kink).min() for kink in (0, open_ratio / 2, open_ratio, 1))


def cnn(rng, sizes, layers, options):
    dilations, k = [int(d) for d in rng.integers(1, 5, layers)], int(rng.integers(2, 4))
    turns = itertools.cycle(dilations)  # the reference is called once per layer, in order
    return DilatedCNN(*sizes, dilations, kernel=k, **options), lambda p, x: reference.dilated_cnn(p, x, next(turns), k)


def hm_lstm(rng, sizes, layers, options):
    levels, slope = max(2, layers), float(rng.uniform(0.5, 3))
    return HMLSTM(*sizes, levels, slope=slope, **options), lambda p, x: reference.hm_lstm(p, x, levels)


def relaxed_hm_lstm(rng, sizes, layers, options):
    """Set each detector near 0, 1/2 or 1, far from the kinks of the hard sigmoid, where finite differences fail."""
    levels, slope = max(2, layers), 0.1
    model = HMLSTM(*sizes, levels, slope=slope, relaxed=True, **options)
    for l in range(levels - 1):
        model.params[f"layers.0.levels.{l}.b"][-1] = rng.choice([-20, 0, 20])
    return model, lambda p, x: reference.hm_lstm(p, x, levels, slope, lambda z: z)


SYSTEMS = {
    "plain": plain,
    "skip": skip,
    "clockwork": clockwork,
    "phased": phased,
    "cnn": cnn,
    "hm-lstm": hm_lstm,
    "hm-lstm, relaxed": relaxed_hm_lstm,
}
CLOCKED = ("clockwork", "phased")  # the last state array of a layer counts steps
ESTIMATED = {"hm-lstm"}  # straight-through gradients are estimates, not derivatives


@dataclass
class SystemCase:
    """A small network of a system and its input, all determined by the integers and the seed."""

    system: str
    T: int
    B: int
    D: int
    H: int
    layers: int
    readout: str
    outputs: int | None
    ragged: bool
    carried: bool
    seed: int

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        options = {"output_size": self.outputs, "readout": self.readout, "dtype": "float64", "rng": rng}
        self.model, self.loops = SYSTEMS[self.system](rng, (self.D, self.H), self.layers, options)
        self.x = rng.standard_normal((self.T, self.B, self.D))
        self.lengths = rng.integers(0, self.T + 1, self.B) if self.ragged else None
        self.state = self.model.forward(rng.standard_normal((4, self.B, self.D)))[1] if self.carried else None
        output, state, _ = self.model.forward(self.x, self.state, self.lengths)
        self.doutput = rng.standard_normal(output.shape)
        self.dstate = [tuple(rng.standard_normal(a.shape) for a in entry) for entry in state]

    def layer_params(self, i):
        prefix = f"layers.{i}."
        return {
            name.removeprefix(prefix): to_host(a) for name, a in self.model.params.items() if name.startswith(prefix)
        }


@st.composite
def systems(draw, most=9, **fixed):
    small = st.integers(1, 3)
    values: dict[str, Any] = {
        "system": st.sampled_from(sorted(SYSTEMS)),
        "T": st.integers(1, most),
        "B": small,
        "D": small,
        "H": small,
        "layers": small,
        "readout": st.sampled_from(["last", "all"]),
        "outputs": st.sampled_from([None, 1, 3]),
        "ragged": st.booleans(),
        "carried": st.booleans(),
        "seed": st.integers(0, 2**32 - 1),
    }
    return SystemCase(**{name: fixed[name] if name in fixed else draw(values[name]) for name in values})
