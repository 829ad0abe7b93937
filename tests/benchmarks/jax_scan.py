"""JAX as a contender: lax.scan over the folded sequence, the whole training step under one jit.

XLA's speed depends on the layout of the scan, so several layouts are timed on a shorter sequence and the fastest is used:
the batch as rows with the input products before or inside the scan, and the batch as columns, each with and without
unrolled steps. The GRU resets after the matrix product, as in PyTorch and in the library.
"""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.cases import with_prefix
from benchmarks.clock import seconds_of

ROWS, ROWS_BEFORE, COLUMNS = "batch as rows", "batch as rows, input products before the scan", "batch as columns"
LAYOUTS = (ROWS_BEFORE, ROWS, COLUMNS)
UNROLLS = (1, 4)
LR, DECAY, EPS = 1e-3, 0.9, 1e-8


def rnn(a, r, b_h, state, axis):
    """The new state from the input part a = W_x x + b and the recurrent part r = W_h h; gates are stacked along ``axis``."""
    return (jnp.tanh(a + r),)


def lstm(a, r, b_h, state, axis):
    """Like ``rnn``, with the gates i, f, g, o."""
    i, f, g, o = jnp.split(a + r, 4, axis)
    c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def gru(a, r, b_h, state, axis):
    """Like ``rnn``, with the gates r, z, n."""
    (a_r, a_z, a_n), (r_r, r_z, r_n) = jnp.split(a, 3, axis), jnp.split(r, 3, axis)
    reset, z = jax.nn.sigmoid(a_r + r_r), jax.nn.sigmoid(a_z + r_z)
    n = jnp.tanh(a_n + reset * (r_n + b_h))
    return (n + z * (state[0] - n),)


CELLS = {"rnn": rnn, "lstm": lstm, "gru": gru}


def zeros(case, *shape):
    """Zeros for each state array of the cell."""
    return tuple(jnp.zeros(shape, case.dtype) for _ in range(2 if case.cell == "lstm" else 1))


def dilated_layer(case, p, x, d, layout, unroll):
    """One dilated layer: (T, B, F) -> (T, B, H)."""
    T, B, F = x.shape
    folded = jnp.pad(x, ((0, -T % d), (0, 0), (0, 0))).reshape(-1, d * B, F)  # (T'/d, d*B, F)
    if layout == COLUMNS:
        b, b_h, gates, start = p["b"][:, None], p.get("b_h", p["b"])[:, None], 0, zeros(case, case.hidden, d * B)
        times, inputs = lambda W, z: W @ z, folded.swapaxes(1, 2)  # (T'/d, F, d*B)
    else:
        b, b_h, gates, start = p["b"], p.get("b_h"), -1, zeros(case, d * B, case.hidden)
        times, inputs = lambda W, z: z @ W.T, folded
    if layout == ROWS_BEFORE:
        inputs = times(p["W_x"], inputs) + b  # (T'/d, d*B, G*H)

    def step(state, x_t):
        a = x_t if layout == ROWS_BEFORE else times(p["W_x"], x_t) + b
        state = CELLS[case.cell](a, times(p["W_h"], state[0]), b_h, state, gates)
        return state, state[0]

    _, h = jax.lax.scan(step, start, inputs, unroll=unroll)
    h = h.swapaxes(1, 2) if layout == COLUMNS else h  # (T'/d, d*B, H)
    return h.reshape(-1, B, case.hidden)[:T]


def logits_of(case, layout, unroll, params, x):
    """The stack and its read-out of the last step: (T, B, D) -> (B, O)."""
    for i, d in enumerate(case.dilations):
        x = dilated_layer(case, with_prefix(params, f"layers.{i}."), x, d, layout, unroll)
    return x[-1] @ params["readout.W"].T + params["readout.b"]


def training_step(case, layout, unroll, params, v, x, targets):
    """Loss, gradients, new parameters and new running squares of RMSProp."""

    def loss_of(params):
        log_p = jax.nn.log_softmax(logits_of(case, layout, unroll, params, x))
        return -jnp.take_along_axis(log_p, targets[:, None], axis=1).mean()

    loss, grads = jax.value_and_grad(loss_of)(params)
    v = jax.tree.map(lambda v, g: DECAY * v + (1 - DECAY) * g * g, v, grads)
    params = jax.tree.map(lambda p, g, v: p - LR * g / (jnp.sqrt(v) + EPS), params, grads, v)
    return loss, grads, params, v


def stream_step(case, params, state, t, x_t):
    """One time step; a layer's state is a ring of the last d steps, (d, B, H), whose oldest entry is replaced."""
    new_state = []
    for i, d in enumerate(case.dilations):
        p, rings = with_prefix(params, f"layers.{i}."), state[i]
        old = tuple(ring[t % d] for ring in rings)
        new = CELLS[case.cell](x_t @ p["W_x"].T + p["b"], old[0] @ p["W_h"].T, p.get("b_h"), old, -1)
        new_state.append(tuple(ring.at[t % d].set(s) for ring, s in zip(rings, new, strict=True)))
        x_t = new[0]
    return x_t @ params["readout.W"].T + params["readout.b"], new_state, t + 1


class Contender:
    """Parameters, RMSProp's running squares and one batch, and the compiled functions."""

    def __init__(self, case, start, threads, quick=False):
        jax.config.update("jax_enable_x64", case.dtype == "float64")
        jax.config.update("jax_disable_most_optimizations", quick)  # compiles faster
        self.case, self.threads = case, threads
        self.x, self.targets = jnp.asarray(start["x"]), jnp.asarray(start["targets"])
        self.params = {name: jnp.asarray(array) for name, array in with_prefix(start, "params/").items()}
        self.v = jax.tree.map(jnp.zeros_like, self.params)
        self.layout, self.unroll = (COLUMNS, 1) if quick else self.fastest()
        self.compiled_step = jax.jit(partial(training_step, case, self.layout, self.unroll))
        self.compiled_logits = jax.jit(partial(logits_of, case, self.layout, self.unroll))
        constant = self.params  # of the compiled stream, since weights do not change in use; faster than arguments
        self.compiled_stream = jax.jit(partial(stream_step, case, constant), donate_argnums=0)

    def fastest(self):
        """The fastest layout and unrolling on the first quarter of the sequence, without layers of too large a dilation."""
        T = -(-self.case.T // 4)
        short = self.case.replace(T=T, dilations=tuple(d for d in self.case.dilations if 2 * d <= T))
        left_out = tuple(f"layers.{i}." for i in range(len(short.dilations), len(self.case.dilations)))
        params, v = ({n: a for n, a in d.items() if not n.startswith(left_out)} for d in (self.params, self.v))

        @cache
        def seconds(layout, unroll):
            step = jax.jit(partial(training_step, short, layout, unroll))
            runs = [
                seconds_of(lambda: jax.block_until_ready(step(params, v, self.x[:T], self.targets))) for _ in range(4)
            ]
            return min(runs[1:])  # the first one compiles

        layout = min(LAYOUTS, key=lambda layout: seconds(layout, UNROLLS[0]))
        return layout, min(UNROLLS, key=lambda unroll: seconds(layout, unroll))

    def describe(self):
        """Versions, threads, and the chosen layout, for the report."""
        return {
            "version": f"JAX {jax.__version__}",
            "threads": f"pool of {self.threads}",
            "variant": f"{self.layout}, unroll {self.unroll}",
        }

    def train(self):
        """One training step."""
        results = self.compiled_step(self.params, self.v, self.x, self.targets)
        self.loss, self.grads, self.params, self.v = jax.block_until_ready(results)

    def results(self):
        """Loss and gradients of the last training step."""
        return float(self.loss), {name: np.asarray(grad) for name, grad in self.grads.items()}

    def forward(self):
        """The logits of the batch."""
        return np.asarray(self.compiled_logits(self.params, self.x))

    def inputs_of(self, x):
        """The time steps of a sequence (T, B, D) in the form that ``stream`` takes."""
        return [jnp.asarray(x_t) for x_t in x]

    def stream(self, inputs, state=None):
        """Take one step at a time; returns the last logits and the state after them."""
        state, t = state or self.zero_rings(len(inputs[0]))
        for x_t in inputs:
            output, state, t = self.compiled_stream(state, t, x_t)
            output.block_until_ready()
        return np.asarray(output), (state, t)

    def zero_rings(self, B):
        """A ring of d steps, (d, B, H), per layer and state array, and the time 0."""
        return [zeros(self.case, d, B, self.case.hidden) for d in self.case.dilations], jnp.zeros((), jnp.int32)
