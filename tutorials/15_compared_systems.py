# %% [markdown]
# # 15. Compared systems: what "on equal terms" means
#
# **What you will do.** Write down seven architectures, one equation each, and see that the library computes just that. Say what
# their graphs predict before anything is trained. Give them equally many parameters, let them race, and read off three different
# questions from one race. Then find out how little a single race shows.
#
# **What you need.** Tutorial 4 (gates), tutorial 7 (path lengths) and tutorial 8 (copy memory). Reading time: 25 minutes.

# %%
import numpy as np
from exercises import check, hint
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from tools import show, size

import dilated_rnn_np as drn
from dilated_rnn_np import paths, plot
from dilated_rnn_np.baselines import HMLSTM, ClockworkRNN, DilatedCNN, PhasedLSTM, SkipRNN, plain_rnn
from dilated_rnn_np.baselines.systems import SYSTEMS, build, hidden_size_for
from dilated_rnn_np.plot.runs import Curve, run_curves

# %% [markdown]
# "Our net remembers longer" is a statement about two nets. It is worth as much as the other one: how large it was, how long it was
# trained, and whether anyone tried to make it good. Nets are compared on equal terms in three ways, and these are three questions:
#
# | equal | the question |
# |---|---|
# | parameters | what does an architecture make of the same number of weights? |
# | steps | how much does it learn from the same sequences? |
# | seconds | how much does it learn while you wait? |
#
# The library knows seven systems by name. All have the same calls: `forward`, `backward`, `fit`, `graph`.

# %%
for name, system in SYSTEMS.items():
    print(f"{name:<12} {system.description}")

# %% [markdown]
# ## Three stacks of ordinary units: plain, skip, dilated
#
# One layer of each, beside the line of code. They differ in the steps that they read:
#
# | system | equation | line of code |
# |---|---|---|
# | plain | $h_t = \tanh(W_x x_t + b + W_h h_{t-1})$ | `reads = {"W_h": 1}` |
# | regular skip | $h_t = \tanh(W_x x_t + b + W_h h_{t-1} + W_s h_{t-s})$ | `reads = {"W_h": 1, "W_s": s}` |
# | dilated | $h_t = \tanh(W_x x_t + b + W_h h_{t-d})$ | `reads = {"W_h": d}` |

# %%
rng = np.random.default_rng(0)
T, D, H = 24, 3, 4
x = rng.standard_normal((T, 1, D))  # one sequence


def weights(net, layer=0):
    """Return the arrays of one layer, by their short names."""
    prefix = f"layers.{layer}."
    return {name.removeprefix(prefix): p for name, p in net.params.items() if name.startswith(prefix)}


def ordinary(p, x, reads):
    """Run one layer of ordinary units over one sequence (T, D)."""
    h = np.zeros((len(x), len(p["b"])))  # (T, H)
    for t, x_t in enumerate(x):
        a = p["W_x"] @ x_t + p["b"]
        for name, steps in reads.items():
            if t >= steps:
                a = a + p[name] @ h[t - steps]
        h[t] = np.tanh(a)
    return h


s = d = 4
for net, reads in (
    (plain_rnn(D, H, 1, dtype="float64", readout="all"), {"W_h": 1}),
    (SkipRNN(D, H, 1, skip=s, dtype="float64", readout="all"), {"W_h": 1, "W_s": s}),
    (drn.DilatedRNN(D, H, [d], dtype="float64", readout="all"), {"W_h": d}),
):
    output, _, _ = net.forward(x)  # (T, 1, H)
    assert np.allclose(output[:, 0], ordinary(weights(net), x[:, 0], reads), rtol=1e-12)
    print(f"reads {reads}: equal to {type(net).__name__}")

# %% [markdown]
# Three layers of each, unrolled, with a shortest path from the input at time 0 to the output at time 7:

# %%
figure = Figure(figsize=(7.2, 10.5), layout="constrained")
three = paths.plain_stack(3), paths.skip_stack(3, 4), paths.dilated_stack([1, 2, 4])
for graph, ax in zip(three, figure.subplots(3), strict=True):
    drawing = plot.network(graph, 9, path=(0, 7), ax=ax)
    print(f"{graph.label:<22} path of {len(drawing.path) - 1} edges")
lengths = [paths.recurrent_lengths(graph, 7)[7] for graph in three]
assert lengths == sorted(lengths, reverse=True)
show(figure)

# %% [markdown]
# ## The clockwork RNN: slow modules
#
# The units of one layer are divided into **modules**, from fast to slow. Module $i$ has the period $p_i$ and is **due** where $p_i$
# divides $t$. It reads itself and the slower modules. At any other time it holds its state, and nothing is computed.
#
# | equation | line of code |
# |---|---|
# | due: $t \bmod p_i = 0$ | `if t % period == 0:` |
# | $h^i_t = \tanh(W_x^i x_t + \sum_{j \ge i} W_h^{ij} h^j_{t-1} + b^i)$ | `h[own] = np.tanh(… + p[f"W_h{i}"] @ h_prev[slower] + …)` |
# | not due: $h^i_t = h^i_{t-1}$ | no line: `h[own]` stays |


# %%
def clockwork(p, x, periods):
    """Run one clockwork layer over one sequence (T, D)."""
    m = len(p["b"]) // len(periods)  # units of a module
    h, hs = np.zeros(len(p["b"])), []
    for t, x_t in enumerate(x):
        h_prev = h.copy()
        for i, period in enumerate(periods):
            own, slower = slice(i * m, i * m + m), slice(i * m, None)
            if t % period == 0:
                h[own] = np.tanh(p["W_x"][own] @ x_t + p[f"W_h{i}"] @ h_prev[slower] + p["b"][own])
        hs.append(h.copy())
    return np.array(hs)


periods, m = [1, 2, 4, 8], 2
net = ClockworkRNN(D, m * len(periods), periods, dtype="float64", readout="all")
output, _, _ = net.forward(x)  # (T, 1, 8)
assert np.allclose(output[:, 0], clockwork(weights(net), x[:, 0], periods), rtol=1e-12)

# %% [markdown]
# Which module moves when? Below, a square is filled where a module's output differs from that of the step before. That is measured on
# the library's output, and it is exactly where the module is due.

# %%
before = np.concatenate([np.zeros_like(output[:1]), output[:-1]])  # (T, 1, 8)
moved = (output != before).reshape(T, len(periods), m).any(axis=-1)  # (T, modules)
due = np.arange(T)[:, None] % np.array(periods) == 0
assert np.array_equal(moved, due)
print(f"modules computed: {due.sum()} of {due.size}")

ax = plot.new_axes(7.4, 2.3)
ax.pcolormesh(due.T, cmap="Blues", vmax=1.4, edgecolors="white", linewidth=1.5)
labels = [f"module {i + 1}, period {p}" for i, p in enumerate(periods)]
ax.set(xlabel="time step", yticks=np.arange(len(periods)) + 0.5, yticklabels=labels)
ax.set_xticks(np.arange(0, T, 4) + 0.5, range(0, T, 4))
ax.set_title("clockwork RNN: the modules that are due", fontsize=11)
show(ax)

# %% [markdown]
# In the graph a module has nodes at its own times alone. Holding takes no edge, so a slow module carries far in one hop. But the
# slow modules see only the inputs that come at their times. From a good moment to start the path is short; from a bad one it runs
# step by step in the fast module. That does not read a faster one, and no slower one reads it.

# %%
graph = paths.clockwork([1, 2, 4])
good, bad = (paths.recurrent_lengths(graph, 8, start=i)[8] for i in (0, 1))
print(f"span 8: {good:.0f} edges from time 0, {bad:.0f} from time 1")
assert good < bad
assert bad == paths.recurrent_lengths(paths.plain_stack(1), 8)[8]  # no better than one plain layer
show(plot.network(graph, 10, path=(1, 9)))

# %% [markdown]
# ## The dilated CNN: a span without recurrence
#
# The layers of WaveNet: each reads the layer below at $t$ and at $t - d$. Nothing is fed back. A gate multiplies what a filter
# finds, and the input is added to the result. Where input and output differ in width, $W_p$ projects the input first.
#
# | equation | line of code |
# |---|---|
# | $u_t = [x_{t-d};\, x_t]$ | `u = np.concatenate([x_before, x], axis=1)` |
# | $z = \tanh(W_f u + b_f) \odot \sigma(W_g u + b_g)$ | `z = np.tanh(u @ p["W_f"].T + p["b_f"]) * sigmoid(…)` |
# | $y = W_r z + b_r + W_p x$ | `z @ p["W_r"].T + p["b_r"] + x @ p["W_p"].T` |


# %%
def sigmoid(a):
    return np.tanh(a / 2) / 2 + 1 / 2


def convolution(p, x, d):
    """Run one layer over one sequence (T, D), all times at once."""
    x_before = np.concatenate([np.zeros((d, x.shape[1])), x])[: len(x)]  # x_{t-d}, zeros before the start
    u = np.concatenate([x_before, x], axis=1)  # (T, 2*D)
    z = np.tanh(u @ p["W_f"].T + p["b_f"]) * sigmoid(u @ p["W_g"].T + p["b_g"])  # (T, H)
    return z @ p["W_r"].T + p["b_r"] + x @ p["W_p"].T


net = DilatedCNN(D, H, [4], dtype="float64", readout="all")
output, _, _ = net.forward(x)
assert np.allclose(output[:, 0], convolution(weights(net), x[:, 0], 4), rtol=1e-12)
show(plot.network(paths.dilated_cnn([1, 2, 4]), 9, path=(0, 7)))

# %% [markdown]
# Every path has as many edges as there are layers, whatever its span. The price: a layer adds its $d$ to the longest span, and that is
# all. The **receptive field** is $1 + \sum d$ steps. Beyond it the gradient is not small but **exactly 0**. `memory.reached_spans` sends a
# random gradient back and lists the spans where it arrives:

# %%
cnn, dilated = DilatedCNN(1, H, [1, 2, 4]), drn.DilatedRNN(1, H, [1, 2, 4])
reached = drn.memory.reached_spans(cnn, T)
print("dilated CNN, receptive field", cnn.receptive_field, "steps, reached spans", reached.tolist())
assert cnn.receptive_field == 1 + 1 + 2 + 4 == paths.receptive_field(cnn.graph())
assert reached.tolist() == list(range(cnn.receptive_field))
assert drn.memory.reached_spans(dilated, T).tolist() == list(range(T))  # the dilated RNN: all of them

# %% [markdown]
# ## The phased LSTM: a gate that opens by the clock
#
# An LSTM with one more gate, $k$. It depends on nothing but the time. Each unit has a period $\tau$ and a shift $s$, both learned. In the
# first part of its period, the **open ratio** $r$, the gate rises to 1 and falls again. Else only a small **leak** $\alpha$ is open.
#
# | equation | line of code |
# |---|---|
# | $\varphi = \frac{(t - s) \bmod \tau}{\tau}$ | `phi = (t - s) % tau / tau` |
# | $k = 2\varphi / r$ where $\varphi < r/2$ | `np.where(phi < r / 2, 2 * phi / r, …)` |
# | $k = 2 - 2\varphi / r$ where $r/2 \le \varphi < r$ | `np.where(phi < r, 2 - 2 * phi / r, …)` |
# | $k = \alpha\varphi$ else | `alpha * phi` |
# | $c_t = k\,\tilde c + (1 - k)\,c_{t-1}$, with $\tilde c$ of the LSTM | `c = k * c_open + (1 - k) * c` |
# | $h_t = k\,\tilde h + (1 - k)\,h_{t-1}$ | `h = k * h_open + (1 - k) * h` |


# %%
def time_gate(t, tau, s, r, alpha):
    """Return the gate of each unit at the time t."""
    phi = (t - s) % tau / tau
    return np.where(phi < r / 2, 2 * phi / r, np.where(phi < r, 2 - 2 * phi / r, alpha * phi))


def phased(p, x, r, alpha):
    """Run one phased LSTM layer over one sequence (T, D); return its outputs and its time gates."""
    h, c = np.zeros((2, len(p["s"])))
    hs, ks = [], []
    for t, x_t in enumerate(x):
        k = time_gate(t, np.exp(p["log_tau"]), p["s"], r, alpha)
        i, f, g, o = np.split(p["W_x"] @ x_t + p["b"] + p["W_h"] @ h, 4)
        c_open = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h_open = sigmoid(o) * np.tanh(c_open)
        c = k * c_open + (1 - k) * c
        h = k * h_open + (1 - k) * h
        hs.append(h)
        ks.append(k)
    return np.array(hs), np.array(ks)


r, alpha = 0.3, 0.02
net = PhasedLSTM(D, 3, 1, periods=(5, 40), open_ratio=r, leak=alpha, dtype="float64", readout="all", rng=3)
long = rng.standard_normal((60, 1, D))
seen = drn.memory.activations(net, long)[0]
hs, ks = phased(weights(net), long[:, 0], r, alpha)
assert np.allclose(seen["h"][:, 0], hs, rtol=1e-10) and np.allclose(seen["k"][:, 0], ks, rtol=1e-10)

# %% [markdown]
# The gates of three units. The lines are the formula at all times, the points the gates that the library has used:

# %%
p = weights(net)
tau, times = np.exp(p["log_tau"]), np.linspace(0, 59, 2000)
figure = Figure(figsize=(7.4, 4.2), layout="constrained")
axes = figure.subplots(3, sharex=True)
for unit, ax in enumerate(axes):
    ax.plot(times, time_gate(times, tau[unit], p["s"][unit], r, alpha), color="#0072B2", linewidth=1.3)
    ax.plot(np.arange(60), seen["k"][:, 0, unit], "o", color="#D55E00", markersize=3.5)
    ax.set(ylabel="k", ylim=(-0.05, 1.1))
    ax.set_title(f"unit {unit + 1}: period {tau[unit]:.1f} steps, shift {p['s'][unit]:.1f}", fontsize=9, loc="left")
    ax.spines[["top", "right"]].set_visible(False)
axes[-1].set_xlabel("time step")
show(figure)
print("steps at which a unit is open, of 60:", (ks > alpha).sum(axis=0).tolist())
assert (ks > alpha).mean() < 0.5

# %% [markdown]
# Its **graph is that of the plain stack**: each unit reads the step before. What the time gate changes is the *weight* of an edge.
# A closed unit hands its state on nearly unchanged: the factor is $1 - k$, close to 1. A path length does not see that.

# %%
assert PhasedLSTM(D, H, 3).graph() == paths.plain_stack(3)

# %% [markdown]
# ## The hierarchical multiscale LSTM: boundaries that are found
#
# Levels of LSTMs. Each level but the top has a detector that says at each step whether a segment ends here, a **boundary** $z = 1$,
# or not, $z = 0$. Nobody sets a time scale. For a level, $z_{t-1}$ is its own boundary of the step before and $z^{\text{below}}_t$ that of
# the level below, now; below the lowest level it is always 1. One of three things happens:
#
# | operation | when | equation | line of code |
# |---|---|---|---|
# | **flush**: the segment has ended, start anew | $z_{t-1} = 1$ | $c_t = i \odot g$ | `c[l] = i * g` |
# | **update**: the level below has news | $z_{t-1} = 0$, $z^{\text{below}}_t = 1$ | $c_t = f \odot c_{t-1} + i \odot g$ | `c[l] = f * c[l] + i * g` |
# | **copy**: nothing new | both 0 | $c_t = c_{t-1}$, $h_t = h_{t-1}$ | no line: both stay |
#
# After a flush or an update $h_t = o \odot \tanh(c_t)$. The gates read the level itself, at a boundary below the level below, and after a
# boundary of its own the level above: $a = U h_{t-1} + z^{\text{below}}_t W h^{\text{below}}_t + z_{t-1} V h^{\text{above}}_{t-1} + b$.


# %%
def multiscale(p, x, levels):
    """Run all levels over one sequence (T, D); return the outputs and what each level did at each step."""
    H = p["levels.0.U"].shape[1]
    h, c, z = np.zeros((levels, H)), np.zeros((levels, H)), np.zeros(levels)  # z of the top level stays 0
    hs, done = [], []
    for x_t in x:
        h_prev, z_prev = h.copy(), z.copy()
        h_below, z_below = x_t, 1
        for l in range(levels):
            W, U, b = (p[f"levels.{l}.{name}"] for name in "WUb")
            a = U @ h_prev[l] + z_below * (W @ h_below) + b
            if l < levels - 1:
                a = a + z_prev[l] * (p[f"levels.{l}.V"] @ h_prev[l + 1])
            f, i, o, g = sigmoid(a[:H]), sigmoid(a[H : 2 * H]), sigmoid(a[2 * H : 3 * H]), np.tanh(a[3 * H : 4 * H])
            operation = "flush" if z_prev[l] else "update" if z_below else "copy"
            if operation == "flush":
                c[l] = i * g
            if operation == "update":
                c[l] = f * c[l] + i * g
            if operation != "copy":
                h[l] = o * np.tanh(c[l])
            if l < levels - 1:
                z[l] = a[4 * H] > 0  # the detector
            h_below, z_below = h[l], z[l]
            done.append(operation)
        hs.append(h.ravel().copy())
    return np.array(hs), np.array(done).reshape(len(x), levels)


levels = 3
net = HMLSTM(D, H, levels, dtype="float64", readout="all", rng=4)
seen = drn.memory.activations(net, x)[0]
hs, done = multiscale(weights(net), x[:, 0], levels)
assert np.allclose(seen["h"][:, 0], hs, rtol=1e-10)
print({operation: int((done == operation).sum()) for operation in ("flush", "update", "copy")})

# %% [markdown]
# What an untrained net does with random input, step by step. A dot marks a boundary that the level has found. Follow it: the level
# itself flushes one step later, and the level above updates (or flushes) at once.

# %%
z = seen["z"][:, 0]  # (T, levels - 1)
kinds = {"copy": "#E6E6E6", "update": "#9CCBE8", "flush": "#E69F00"}
ax = plot.new_axes(7.8, 2.4)
code = np.select([done == operation for operation in kinds], range(3))  # (T, levels)
ax.pcolormesh(code.T, cmap=ListedColormap(list(kinds.values())), vmin=0, vmax=2, edgecolors="white", linewidth=1.5)
for (t, l), operation in np.ndenumerate(done):
    ax.text(t + 0.5, l + 0.55, operation[0].upper(), ha="center", va="center", fontsize=9)
    if l < levels - 1 and z[t, l]:
        ax.plot(t + 0.5, l + 0.17, "ko", markersize=3.5)
ax.set(xlabel="time step", yticks=np.arange(levels) + 0.5, yticklabels=[f"level {l + 1}" for l in range(levels)])
ax.set_xticks(np.arange(0, T, 4) + 0.5, range(0, T, 4))
ax.set_title("U update, C copy, F flush; a dot is a boundary", fontsize=11)
show(ax)
for t, l in np.argwhere(z[:-1] == 1):
    assert done[t + 1, l] == "flush" and done[t, l + 1] != "copy"

# %% [markdown]
# The graph below has all edges that there can be. At each step the data chooses among them: a copied level has none but its own.

# %%
graph = paths.hierarchical_stack(3)
assert net.graph() == graph
show(plot.network(graph, 8, path=(0, 6)))

# %% [markdown]
# ## A gradient that is an estimate
#
# A boundary is a step function of its detector: 0 or 1, and flat on both sides. Its derivative is 0 wherever there is one. So a true
# gradient would never move a detector. Backward cheats, and says so: it takes the slope of a ramp, the *hard sigmoid*, in place of
# the step. This is the **straight-through estimator**.
#
# | equation | line of code |
# |---|---|
# | ramp: $\hat z = \max(0, \min(1, \frac{a + 1}{2}))$ | `z_soft = _hard_sigmoid(xp, …)` |
# | forward: $z = 1$ where $\hat z > \frac12$, else 0 | `z = (z_soft.real > 0.5)` |
# | backward: $d\hat z = dz$, as if there were no step | `dz_soft = dz_all[:, l : l + 1]` |
#
# (In the library a slope multiplies the $a$ of the ramp. The callback `drn.callbacks.Annealing` raises it from epoch to epoch of a
# training, which brings the ramp nearer to the step.)
#
# With `relaxed=True` the step is left out of the forward pass too: $z = \hat z$. Such a net has kinks but no jumps, and its gradient is
# exact. We shift the bias of the lowest detector and look at the loss (a random projection of the outputs):

# %%
hard = HMLSTM(D, H, levels, dtype="float64", readout="all", rng=4)
relaxed = HMLSTM(D, H, levels, dtype="float64", readout="all", rng=4, relaxed=True)
u = rng.standard_normal((T, 1, levels * H)) / T  # the projection


def loss_at(net, shift):
    """Return the loss with the lowest detector's bias shifted."""
    bias = net.params["layers.0.levels.0.b"]
    kept = bias[-1]
    bias[-1] = kept + shift
    output, _, _ = net.forward(x, keep=False)
    bias[-1] = kept
    return (u * output).sum()


eps = 1e-6
slopes = {}
for label, net in (("hard", hard), ("relaxed", relaxed)):
    _, _, cache = net.forward(x)
    _, _, grads = net.backward(u, cache)
    by_backward = grads["layers.0.levels.0.b"][-1]
    quotient = (loss_at(net, eps) - loss_at(net, -eps)) / (2 * eps)
    slopes[label] = by_backward
    print(f"{label:<8} backward {by_backward:+.6f}, difference quotient {quotient:+.6f}")
    if label == "hard":
        assert quotient == 0 and by_backward != 0  # the estimate agrees with nothing
    else:
        assert np.isclose(by_backward, quotient, rtol=1e-5)  # exact

# %% [markdown]
# The same as a picture. The loss of the hard net is a staircase: it moves only where some boundary appears or goes. A short line is what
# backward says at shift 0. For the relaxed net it is the tangent.

# %%
shifts = np.linspace(-0.6, 0.6, 241)
figure = Figure(figsize=(7.8, 3.2), layout="constrained")
for ax, (label, net) in zip(figure.subplots(1, 2), (("hard", hard), ("relaxed", relaxed)), strict=True):
    losses = np.array([loss_at(net, shift) for shift in shifts])
    near = np.array([-0.2, 0.2])
    ax.plot(shifts, losses, "." if label == "hard" else "-", color="#0072B2", markersize=2.5)
    ax.plot(near, loss_at(net, 0) + slopes[label] * near, color="#D55E00", linewidth=2.5)
    ax.set(xlabel="shift of the detector's bias", ylabel="loss")
    ax.set_title(f"{label} boundaries", fontsize=11)
    ax.spines[["top", "right"]].set_visible(False)
    print(f"{label:<8} different values of the loss among {len(shifts)}: {len(set(losses.round(12)))}")
show(figure)

# %% [markdown]
# So the gradient check of tutorial 12 has to refuse the one net and to pass the other. Both run the same backward; the forward differs
# in the one line that makes the step. That is how an estimate can be trusted at all: all that surrounds it is checked.

# %%
errors = drn.gradcheck.check(relaxed, x)
print(f"relaxed: passed, largest relative error {max(errors.values()):.1e}")
try:
    drn.gradcheck.check(hard, x)
    refused = False
except AssertionError as error:
    refused = True
    print("hard:", str(error).split("\n")[0])
assert refused

# %% [markdown]
# ## What the graphs predict
#
# Now all seven, at the size of a task: copy memory (tutorial 8), where a symbol is wanted again $T + 10$ steps later. All nets are
# built from one list of dilations. The CNN and the dilated RNN use it as it is, the clockwork takes it for its periods, the skip
# net its largest entry. Before any training, the graphs say:

# %%
task = drn.tasks.CopyMemory(T=20)
dilations = [1, 2, 4, 8, 16]
span, cycle = task.T + 10, 16


def build_net(name, hidden_size, seed=1, dilations=dilations):
    """Return a fresh net of a system for the task."""
    options = {"output_size": task.output_size, "readout": "all", "rng": seed}
    return build(name, task.input_size, hidden_size, dilations, **options)


graphs = {name: build_net(name, 20).graph() for name in SYSTEMS}
predicted = {}
print(f"{'':<13}{'mean length':>12}{'longest':>9}{f'span {span}':>9}{'edges/node':>12}{'receptive field':>17}")
for name, graph in graphs.items():
    lengths = paths.recurrent_lengths(graph, span)
    predicted[name] = lengths[span]
    mean = paths.mean_recurrent_length(graph, cycle)
    edges, field = paths.recurrent_edges_per_node(graph), paths.receptive_field(graph)
    longest = lengths[1 : cycle + 1].max()
    print(f"{name:<13}{mean:>12.2f}{longest:>9.0f}{lengths[span]:>9.0f}{edges:>12.2f}{field:>17.0f}")
assert sorted(predicted, key=predicted.get)[:2] == ["dilated-cnn", "dilated"]

# %% [markdown]
# "mean" and "longest" are over the spans 1 … 16, and the worst start counts. Read the table slowly; each row has its catch:

# %%
print("from plain to skip, recurrent edges per node: times", paths.recurrent_edges_per_node(graphs["skip"]))
by_start = [paths.recurrent_lengths(graphs["clockwork"], span, start=i)[span] for i in range(cycle)]
print(f"clockwork, span {span}, by the time of the start: best {min(by_start):.0f}, worst {max(by_start):.0f}")
print(f"dilated CNN: reaches spans up to {paths.receptive_field(graphs['dilated-cnn']) - 1:.0f}, the task needs {span}")
assert np.array_equal(*(paths.recurrent_lengths(graphs[name], span) for name in ("plain", "phased-lstm")))
assert np.array_equal(*(paths.recurrent_lengths(graphs[name], span) for name in ("clockwork", "hm-lstm")))

# %% [markdown]
# * **plain** and **phased LSTM** have the same lengths: the graph does not see the time gate.
# * **HM-LSTM**: here, too, each step counts as an edge, also one that copies. Whether it copies is up to the data.
# * **clockwork**: its times are known beforehand, so holding takes no edge. But the number above is for the worst start, and there it
#   is as long as the HM-LSTM's.
# * **skip** has two recurrent matrices a layer, and they help most at the multiples of its one skip.
# * **dilated CNN**: the shortest path for what the task asks. The span lies just inside its receptive field.
#
# The same for all spans. The curve of the CNN ends where its field ends:

# %%
curves = {name: graph for name, graph in graphs.items() if name not in ("phased-lstm", "hm-lstm")}  # equal to others
lines = plot.path_lengths(curves.values(), 40)
for line, name in zip(lines, curves, strict=True):
    line.set_label({"plain": "plain, phased-lstm", "clockwork": "clockwork, hm-lstm"}.get(name, name))
lines[0].axes.axvline(span, color="black", linestyle=":", linewidth=1)
lines[0].axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
show(lines)

# %% [markdown]
# ## Equal parameters
#
# Equal hidden sizes are not equal terms. Give each system 20 units per layer and count. Then turn it round: give a **budget**, and ask
# for the largest hidden size that stays within it. `hidden_size_for` doubles the size until it is too much, then halves the interval.

# %%
BUDGET = 3000
hidden = {}
print(f"{'':<13}{'parameters at H = 20':>22}{'H in the budget':>17}{'parameters':>12}")
for name in SYSTEMS:
    hidden[name] = hidden_size_for(lambda H: build_net(name, H), BUDGET)  # noqa: B023 (called at once)
    net = build_net(name, hidden[name])
    print(f"{name:<13}{build_net(name, 20).num_parameters:>22,}{hidden[name]:>17}{net.num_parameters:>12,}")
    assert net.num_parameters <= BUDGET < build_net(name, hidden[name] + 1).num_parameters
assert hidden["dilated"] == hidden["plain"]  # a dilation is not a parameter

# %% [markdown]
# Each gate costs as much as a layer of ordinary units, so the LSTMs become narrow. The clockwork's `H` is divided among the modules
# of its one layer; the others have `H` units in each layer or level.
#
# ## Equal seconds
#
# A training step does not take equally long either. Some systems wait for every time step, some run $d$ phases at once, the CNN waits
# for nothing. This is measured on the computer that has run this page, and on another one the ratios will differ:

# %%
per_step = {}
for name in SYSTEMS:
    net = build_net(name, hidden[name])
    optimizer = drn.optim.RMSProp(net.params, lr=1e-3)
    seconds = [row["seconds"] for row in drn.fit(net, task.batches(16, 1), optimizer, 6, progress=False).history]
    per_step[name] = np.median(np.diff(seconds))
for name, seconds in sorted(per_step.items(), key=lambda item: item[1]):
    print(f"{name:<13} a training step takes {seconds / per_step['dilated']:.1f} times that of the dilated RNN")

# %% [markdown]
# These ratios are a property of *this code* as well as of the architecture. The library's loop over time for the compared systems is
# plain NumPy, one step after the other; tutorial 13 is about how much that matters.
#
# ## The race
#
# Equal budgets, the same sequences in the same order, the same optimiser and learning rate. At the small size of this tutorial four
# systems run; with `TUTORIAL_SIZE=full` all of them, and longer.

# %%
STEPS = size(250, 1000)
racing = ["dilated", "plain", "clockwork", "dilated-cnn"]
if size(0, 1):
    racing = list(SYSTEMS)
look = {name: number for number, name in enumerate(SYSTEMS)}


def train(name, seed=1, lr=1e-2):
    """Return the steps, the seconds and the loss over the memoryless baseline, smoothed over 10 steps."""
    net = build_net(name, hidden[name], seed)
    optimizer = drn.optim.RMSProp(net.params, lr=drn.optim.cosine_decay(lr, STEPS))
    run = drn.fit(net, task.batches(16, seed), optimizer, STEPS, max_norm=1.0, progress=False)
    columns = np.array([[row["step"], row["seconds"], row["loss"] / task.baseline] for row in run.history])
    last = columns.reshape(-1, 10, 3)
    return last[:, -1, 0], last[:, -1, 1], last[:, :, 2].mean(axis=1)


runs = {name: train(name) for name in racing}
figure = Figure(figsize=(9, 3.8), layout="constrained")
for ax, column, xlabel in zip(figure.subplots(1, 2, sharey=True), (0, 1), ("training step", "seconds"), strict=True):
    curves = [Curve(name, [(run[column], run[2])], look[name], look[name]) for name, run in runs.items()]
    run_curves(curves, xlabel, "loss over the memoryless baseline", 1.0, logarithmic=True, ax=ax)
ax.legend(frameon=False, fontsize=8, loc="lower right")
show(figure)

# %% [markdown]
# On the left the race at equal steps, on the right the same runs against the clock. Three questions, three answers:

# %%
end = {name: loss[-1] for name, (_, _, loss) in runs.items()}
first = min(seconds[-1] for _, seconds, _ in runs.values())  # when the fastest has finished
at_first = {name: loss[np.searchsorted(seconds, first, "right") - 1] for name, (_, seconds, loss) in runs.items()}
halved = {name: np.flatnonzero(loss < 0.5) for name, (_, _, loss) in runs.items()}
print(f"{'loss / baseline':<16}{f'after {STEPS} steps':>17}{'in equal seconds':>18}{'steps to 1/2':>14}{'path':>6}")
for name in sorted(end, key=end.get):
    steps = f"{runs[name][0][halved[name][0]]:.0f}" if halved[name].size else "not reached"
    print(f"{name:<16}{end[name]:>17.3f}{at_first[name]:>18.3f}{steps:>14}{predicted[name]:>6.0f}")
print("\nlowest loss at equal steps:  ", min(end, key=end.get))
print("lowest loss at equal seconds:", min(at_first, key=at_first.get))
when = {name: [column[hit[0]] for column in runs[name][:2]] for name, hit in halved.items() if hit.size}
for number, unit in enumerate(("steps", "seconds")):
    least = min((moments[number] for moments in when.values()), default=0)
    winners = [name for name, moments in when.items() if moments[number] == least]
    print(f"fewest {unit} to half the baseline:", " and ".join(winners) or "none")
assert end["dilated"] < 0.8 * end["plain"]

# %% [markdown]
# "path" is the prediction, the edges for the span that the task asks about. Compare the order of the rows with it. It predicts
# which systems *can* learn easily, not which one wins.
#
# One prediction cannot fail: where there is no path there is no learning. Take one layer away from the CNN. Its receptive field
# no longer covers the span, and no training will get it below the memoryless baseline on new sequences:

# %%
short = dilations[:-1]
H_short = hidden_size_for(lambda H: build_net("dilated-cnn", H, dilations=short), BUDGET)
net = build_net("dilated-cnn", H_short, dilations=short)
optimizer = drn.optim.RMSProp(net.params, lr=drn.optim.cosine_decay(1e-2, STEPS))
drn.fit(net, task.batches(16, 1), optimizer, STEPS, max_norm=1.0, progress=False)
loss, _ = drn.evaluate(net, task.validation(256))
print(f"receptive field {net.receptive_field}, span {span}: loss / baseline {loss / task.baseline:.3f}")
assert net.receptive_field <= span and loss / task.baseline > 0.97

# %% [markdown]
# ## What such a race does not show
#
# It was one seed and one learning rate, and nobody tuned anything. Do the two leaders of the prediction stay in their order if we
# change just these? Below, the final loss of each for two learning rates and two seeds:

# %%
pair = ("dilated", "dilated-cnn")
rates, seeds = size((1e-2, 2e-2), (5e-3, 1e-2, 2e-2)), size((1, 2), (1, 2, 3))
final = {}
print(f"{'learning rate':<15}{'seed':>5}" + "".join(f"{name:>13}" for name in pair) + f"{'lower':>14}")
for lr in rates:
    for seed in seeds:
        for name in pair:
            loss = runs[name][2] if (lr, seed) == (1e-2, 1) else train(name, seed, lr)[2]
            final[name, lr, seed] = loss[-1]
        row = {name: final[name, lr, seed] for name in pair}
        losses = "".join(f"{value:>13.3f}" for value in row.values())
        print(f"{lr:<15}{seed:>5}{losses}{min(row, key=row.get):>14}")
every = {name: [loss for (of, *_), loss in final.items() if of == name] for name in pair}
for name in pair:
    print(f"{name:<12} from {min(every[name]):.3f} to {max(every[name]):.3f}")
overlap = max(min(losses) for losses in every.values()) < min(max(losses) for losses in every.values())
print("the two ranges overlap:", bool(overlap))

# %% [markdown]
# Look at the column "lower": where it names different systems, a choice that has nothing to do with memory decides who wins. Where the
# ranges overlap, one run of each says little about two architectures. So a comparison that is to be believed
#
# 1. says **what was equal**, and what was not;
# 2. runs **several seeds** and shows the spread beside the mean;
# 3. gives **each** system a learning rate that suits it, with as many tries for the rivals as for the favourite;
# 4. trains until the curves are flat, or says that they were not;
# 5. is glad of a task on which its favourite loses.
#
# The race above does only the first for all of its systems. The library's experiments do the first two, with all systems and more steps:
#
# ```bash
# dilated-rnn experiment copy-memory --seeds 3 --parameters 3000
# ```
#
# They write a table with mean and spread, the curves, and a record of every setting. A run that was stopped goes on where it was.
#
# ## Exercises
#
# Fill in the functions and run the cell: the checker says what is wrong. `hint("15.1", 1)` gives a nudge, higher numbers more; the
# solutions are in `solutions/ex15.py`.
#
# **15.1** One step of a clockwork layer. `a` `(H,)` holds the pre-activations of all units at the time `t` (products and biases are in it),
# `h_prev` `(H,)` the outputs of the step before. The modules, one per period, are of equal size and lie one after the other.


# %%
def clockwork_step(a, h_prev, t, periods):
    """Return h (H,): the due modules anew, the others held."""


check("15.1", clockwork_step)

# %% [markdown]
# **15.2** The time gate of the phased LSTM, for whole arrays of times `t` of the same shape as `tau` and `s`.


# %%
def gate(t, tau, s, r, alpha):
    """Return k."""


check("15.2", gate)

# %% [markdown]
# **15.3** Flush, update and copy as one sum, without `if`. All arrays are `(B, H)`; `z_prev` and `z_below` are `(B, 1)` and lie between
# 0 and 1, as in the relaxed net. At 0 and 1 the sum has to be each of the three operations; in between, $z_{t-1}$ is the part that
# is flushed, and of the rest $z^{\text{below}}$ is the part that is updated. $h$ is mixed likewise: the copied part is $h_{t-1}$, all the rest is
# $o \odot \tanh(c)$ of the new $c$.


# %%
def one_sum(f, i, o, g, c_prev, h_prev, z_prev, z_below):
    """Return (c, h)."""


check("15.3", one_sum)

# %% [markdown]
# **15.4** The largest hidden size of a dilated stack of ordinary units within a budget. `D` numbers come in, `L` layers have `H` units each
# ($W_x$, $W_h$ and a bias), and a linear read-out with a bias gives `O` numbers. Return `H` and the number of parameters.


# %%
def largest(D, O, L, budget):
    """Return (H, parameters)."""


check("15.4", largest)
hint("15.4", 1)

# %% [markdown]
# ## Where next
#
# You know what each of the systems computes, what can be said of it before it is trained, and what a
# race between them is worth. Each is a file of its own, in the same form as the dilated RNN: [clockwork.py](../dilated_rnn_np/baselines/clockwork.py),
# [phased_lstm.py](../dilated_rnn_np/baselines/phased_lstm.py), [hm_lstm.py](../dilated_rnn_np/baselines/hm_lstm.py) and their
# neighbours; all of them once more as plain loops are in [reference.py](../dilated_rnn_np/baselines/reference.py). Next, a dilated net forecasts
# real series, beside forecasts that need no net: [16. Forecasting](16_forecasting.ipynb).
