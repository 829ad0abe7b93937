# %% [markdown]
# # 14. Your own cell, dilated
#
# **What you will do.** Write a recurrent cell of your own in ten lines. It then dilates, stacks, trains, draws, saves and loads like
# the built-in ones. You derive its backward pass, let the gradient check judge it, and plant an error to see what the check says.
#
# **What you need.** The cells of [tutorial 4](04_gates.ipynb), stacks and states as in [tutorial 6](06_stacks.ipynb), and an idea of the
# gradient checks of [tutorial 12](12_trust.ipynb). Reading time: 25 minutes.

# %%
import tempfile
from pathlib import Path

import numpy as np
from exercises import check, hint
from tools import show, size

import dilated_rnn_np as drn
from dilated_rnn_np import plot
from dilated_rnn_np.recurrence.cells import sigmoid

# %% [markdown]
# ## What a cell is, and what it is not
#
# Every recurrent layer in this series does two things at a time step. First, matrix products: one *pre-activation* for each gate,
#
# $$a_t = W_x x_t + b + W_h h_{t-d}$$
#
# Then something pointwise: the new state from the pre-activations and the previous state. The first half is the same for all cells, and so is
# the dilation. The second half is the cell. To the library a cell is an object with these parts:
#
# | part | what it says | default |
# |---|---|---|
# | `name` | what summaries and files call it | |
# | `gates` | names of the gates, in the order of the row blocks of `W_x`, `W_h`, `b` | |
# | `state` | names of the state arrays; the first one is the output | `("h",)` |
# | `split`, `recurrent_bias` | gates whose recurrent part is wanted apart (further below) | none |
# | `forward(a, previous)` | returns the new state, and a cache of what backward will need | |
# | `backward(dstate, cache)` | returns the gradients of the pre-activations, and of the previous state | |
# | `initialise(params, rng)` | changes the layer's first weights in place | leaves them |
# | `gate_values(cache)` | the gates by name, for pictures | none |
#
# `a`, `previous`, `dstate` and what is returned are tuples of arrays, all of one shape. The cell need not know which shape.
#
# ## Ten lines
#
# Le, Jaitly and Hinton (2015) proposed an ordinary recurrent net with a *rectified linear unit* in place of the tanh, and with
# the identity matrix as its first $W_h$:
#
# | | equation | code |
# |---|---|---|
# | forward | $h = \max(0, a)$ | `h = a[0] * (a[0].real > 0)` |
# | backward | $da = dh$ where $h > 0$, else $0$ | `dstate[0] * (h.real > 0)` |
# | start | $W_h = I$ | `np.eye(...)` |
#
# The state of the step before enters through $W_h$ alone. The library takes care of that way, so the cell returns `0` as the
# gradient of the previous state.


# %%
class ReLU(drn.Cell):
    name, gates = "relu", ("h",)

    def forward(self, a, previous):
        h = a[0] * (a[0].real > 0)
        return (h,), (h,)

    def backward(self, dstate, cache):
        (dh,), (h,) = dstate, cache
        return (dh * (h.real > 0),), (0,)

    def initialise(self, params, rng):
        params["W_h"][...] = np.eye(*params["W_h"].shape)


# %% [markdown]
# That is all. We stack it with the dilations 1, 2, 4 and look at it; then a plain loop over $h_t = \max(0, W_x x_t + b + W_h h_{t-d})$
# for one layer must give the same numbers:

# %%
model = drn.DilatedRNN(2, 6, drn.exponential_dilations(3), cell=ReLU(), output_size=1, dtype="float64")
model.summary()
assert (model.params["layers.2.W_h"] == np.eye(6)).all()

rng = np.random.default_rng(0)
T, B, d = 11, 2, 3
x = rng.standard_normal((T, B, 2))
layer = drn.DilatedRNN(2, 6, [d], cell=ReLU(), dtype="float64")
W_x, W_h, b = (layer.params[f"layers.0.{name}"] for name in ("W_x", "W_h", "b"))
h = np.zeros((d + T, B, 6))  # h[d + t] is the state at time t, after d steps of zeros
for t in range(T):
    h[d + t] = np.maximum(0, x[t] @ W_x.T + b + h[t] @ W_h.T)
assert np.allclose(h[d:], layer.forward(x)[0], rtol=1e-12)
print("the loop equals the library")

# %% [markdown]
# Why the identity? Where a unit is switched on, its derivative is exactly 1. With $W_h = I$ the gradient is then handed back
# unchanged, hop after hop. We switch all units on with a large bias and follow the gradient from the last step back; beside it, the tanh cell with
# its orthogonal $W_h$:

# %%
noise = rng.standard_normal((33, 4, 2))
open_relu = drn.DilatedRNN(2, 16, [4], cell=ReLU(), dtype="float64")
open_relu.params["layers.0.b"][...] = 5.0
tanh = drn.DilatedRNN(2, 16, [4], cell="rnn", dtype="float64")
assert (open_relu.forward(noise)[0] > 0).all()
kept = drn.memory.gradient_flow(open_relu, noise)[0, ::4]  # at the spans 0, 4, 8, …
lost = drn.memory.gradient_flow(tanh, noise)[0, ::4]
print("ReLU, all units on:", kept.round(3))
print("tanh:              ", lost.round(3))
assert np.allclose(kept, kept[0], rtol=1e-12) and (np.diff(lost) < 0).all()

# %% [markdown]
# ## Is the backward right?
#
# `drn.gradcheck.check` builds random states and directions, goes through the whole net forward and backward, and compares each gradient
# with derivatives that need the forward pass alone. There are two methods:
#
# * **Central differences** move an array by a small step up and down, as in tutorial 1. For a ReLU the step must not carry a pre-activation
#   across 0, where the slope jumps; with random numbers that is rare, but it happens. Then try another seed.
# * **The complex step** moves it by $i\varepsilon$ with $\varepsilon = 10^{-30}$ and reads the imaginary part:
#   $f(a + i\varepsilon) = f(a) + i\varepsilon f'(a) + \dots$ Nothing is subtracted, so it is exact to rounding.

# %%
errors = drn.gradcheck.check(model, method="complex")
print(f"complex step:        {len(errors)} arrays, largest relative error {max(errors.values()):.1e}")
errors = drn.gradcheck.check(model, method="central")
print(f"central differences: {len(errors)} arrays, largest relative error {max(errors.values()):.1e}")

# %% [markdown]
# The complex step asks one thing of your `forward`: complex numbers must be able to pass through it as through a smooth function. Decisions go by
# the real part, hence `a * (a.real > 0)`. What loses the imaginary part loses the derivative. Here are two ways to write the same
# real function, $\max(0, a)$, and what the complex step makes of them:

# %%
a, eps = np.array([-2.0, -0.5, 0.5, 2.0]), 1e-30
writings = {
    "a * (a.real > 0)": lambda a: a * (a.real > 0),
    "(a + abs(a)) / 2": lambda a: (a + abs(a)) / 2,
}
slopes = {text: f(a + 1j * eps).imag / eps for text, f in writings.items()}
for text, f in writings.items():
    assert np.array_equal(f(a), np.maximum(0, a))  # the same real function
    print(f"{text}: slopes at {a}: {slopes[text]}")
assert np.array_equal(slopes["a * (a.real > 0)"], [0, 0, 1, 1])
assert np.array_equal(slopes["(a + abs(a)) / 2"], [0.5, 0.5, 0.5, 0.5])  # abs dropped the imaginary part

# %% [markdown]
# ## A cell with a way of its own through time
#
# The ReLU's state travels through $W_h$ and the nonlinearity. Gated cells have a second way, past both. The smallest such cell has a single gate
# $f$, between 0 and 1, which says how much of the state is *replaced*:
#
# $$f = \sigma(a_f), \qquad g = \tanh(a_g), \qquad h = (1 - f)\,h_{t-d} + f\,g$$
#
# It is a leaky integrator that chooses its own leak. Derive its backward from the last line to the first. $dh$ comes in; each
# quantity on the right of the last equation gets its share, and then the sigmoid and the tanh pass it on:
#
# | forward | backward, in reverse order |
# |---|---|
# | $h = (1 - f)\,h_{t-d} + f\,g$ | $df = dh\,(g - h_{t-d})$, $\;dg = dh\,f$, $\;dh_{t-d} = dh\,(1 - f)$ |
# | $g = \tanh(a_g)$ | $da_g = dg\,(1 - g^2)$ |
# | $f = \sigma(a_f)$ | $da_f = df\,f\,(1 - f)$ |


# %%
class OneGate(drn.Cell):
    name, gates = "one-gate", ("f", "g")

    def forward(self, a, previous):
        (a_f, a_g), (h_prev,) = a, previous
        f, g = sigmoid(a_f), np.tanh(a_g)
        h = (1 - f) * h_prev + f * g
        return (h,), (f, g, h_prev)

    def backward(self, dstate, cache):
        (dh,), (f, g, h_prev) = dstate, cache
        df, dg, dh_prev = dh * (g - h_prev), dh * f, dh * (1 - f)
        return (df * f * (1 - f), dg * (1 - g * g)), (dh_prev,)

    def gate_values(self, cache):
        return {"f": cache[0]}


gated = drn.DilatedRNN(2, 6, [1, 2, 4], cell=OneGate(), output_size=1, dtype="float64")
errors = drn.gradcheck.check(gated)
print(f"{len(errors)} arrays, largest relative error {max(errors.values()):.1e}")

# %% [markdown]
# ## Backpropagation through time around your cell
#
# What does the library do with `forward` and `backward`? Here is the whole of it for one layer of dilation $d$, as plain loops. The line to
# look at is the one marked with an arrow: the state $h_{t-d}$ gets its gradient by **two** ways, the pointwise one, which the cell returns,
# and the one through $W_h$, which the layer adds.

# %%
d, H = 3, 6
cell, layer = OneGate(), drn.DilatedRNN(2, 6, [3], cell=OneGate(), dtype="float64")
W_x, W_h, b = (layer.params[f"layers.0.{name}"] for name in ("W_x", "W_h", "b"))  # (2H, D), (2H, H), (2H,)

h, caches = np.zeros((d + T, B, H)), []
for t in range(T):
    a = x[t] @ W_x.T + b + h[t] @ W_h.T  # (B, 2H): the blocks of f and g
    (h[d + t],), cache = cell.forward((a[:, :H], a[:, H:]), (h[t],))
    caches.append(cache)

doutput = rng.standard_normal((T, B, H))
dh = np.concatenate([np.zeros((d, B, H)), doutput])
dx, dW_x, dW_h, db = np.zeros_like(x), np.zeros_like(W_x), np.zeros_like(W_h), np.zeros_like(b)
for t in reversed(range(T)):
    (da_f, da_g), (dh_prev,) = cell.backward((dh[d + t],), caches[t])
    da = np.concatenate([da_f, da_g], axis=1)  # (B, 2H)
    dW_x += da.T @ x[t]
    dW_h += da.T @ h[t]
    db += da.sum(axis=0)
    dx[t] = da @ W_x
    dh[t] += dh_prev + da @ W_h  # ← h[t] is the state d steps before

output, _, cache = layer.forward(x)
dx_library, dstate, grads = layer.backward(doutput, cache)
assert np.allclose(h[d:], output, rtol=1e-12)
for by_hand, name in ((dW_x, "W_x"), (dW_h, "W_h"), (db, "b")):
    assert np.allclose(by_hand, grads[f"layers.0.{name}"], rtol=1e-10)
assert np.allclose(dx, dx_library, rtol=1e-10) and np.allclose(dh[:d], dstate[0][0], rtol=1e-10)
print("the loops equal the library, down to the gradient of the initial state")

# %% [markdown]
# ## When the backward is wrong
#
# Now plant an error that is easily made: forget the factor $(1 - f)$ on the way to the previous state. The forward is untouched, so the net
# computes the right outputs. What does the check say?


# %%
class Forgetful(OneGate):
    name = "forgetful"

    def backward(self, dstate, cache):
        da, _ = super().backward(dstate, cache)
        return da, (dstate[0],)  # wrong: dh instead of dh * (1 - f)


def complaint(target, *arguments, **options):
    """Return what the gradient check complains of; nothing where all is right."""
    try:
        drn.gradcheck.check(target, *arguments, **options)
    except AssertionError as error:
        return str(error)
    return ""


said = complaint(drn.DilatedRNN(2, 6, [1, 2, 4], cell=Forgetful(), output_size=1), method="complex")
print(said)
assert "13 of 15 arrays" in said and "readout" not in said  # 9 of the layers, 3 states, and x

# %% [markdown]
# The read-out is right, and everything below it is wrong: a wrong gradient of the state spoils all that comes before it in time, and all
# layers below. To find the culprit, make the net smaller until only one thing is named. With one layer and a *single step*, nothing is handed
# on between steps, and only the gradient of the given state is left:

# %%
x_one = rng.standard_normal((1, 3, 2))
said = complaint(drn.DilatedRNN(2, 6, [1], cell=Forgetful()), x_one, method="complex")
print(said)
assert "1 of 5 arrays" in said and "state.0.0" in said

# %% [markdown]
# Smaller still: the cell without any net. `check` also takes a function from arrays to a number and its gradients. Now each pre-activation
# has its own name, and so has each mistake. We plant a different one, the missing slope of the sigmoid:


# %%
class NoSlope(OneGate):
    name = "no-slope"

    def backward(self, dstate, cache):
        (dh,), (f, g, h_prev) = dstate, cache
        df, dg, dh_prev = dh * (g - h_prev), dh * f, dh * (1 - f)
        return (df, dg * (1 - g * g)), (dh_prev,)  # wrong: df instead of df * f * (1 - f)


def alone(cell):
    """Return what the check says of a cell without weights: <u, h> as a function of a_f, a_g, h_prev."""
    rng = np.random.default_rng(1)
    arrays = {name: rng.standard_normal(8) for name in ("a_f", "a_g", "h_prev")}
    u = rng.standard_normal(8)

    def function(arrays):
        (h,), cache = cell.forward((arrays["a_f"], arrays["a_g"]), (arrays["h_prev"],))
        (da_f, da_g), (dh_prev,) = cell.backward((u,), cache)
        return (u * h).sum(), {"a_f": da_f, "a_g": da_g, "h_prev": dh_prev}

    return complaint(function, arrays, method="complex")


for wrong, culprit in ((Forgetful(), "h_prev"), (NoSlope(), "a_f")):
    print(f"{wrong.name}:", alone(wrong))
    assert "1 of 3 arrays" in alone(wrong) and f"  {culprit}: " in alone(wrong)
assert alone(OneGate()) == ""

# %% [markdown]
# ## Does it learn?
#
# The adding problem: each step brings a number and a mark, two steps are marked, and the sum of the two marked numbers is wanted at the
# end. Without memory the best answer is always 1, with a mean squared error of 1/6: the baseline. Both cells train like any other:

# %%
task = drn.tasks.Adding(T=30)
steps = size(1000, 6000)
trained, curves = {}, {}
for cell in (ReLU(), OneGate()):
    net = drn.DilatedRNN(2, 24, drn.exponential_dilations(4), cell=cell, output_size=1)
    optimizer = drn.optim.RMSProp(net.params, lr=drn.optim.cosine_decay(3e-3, steps=steps))
    run = drn.fit(net, task.batches(32), optimizer, steps, loss=task.loss, max_norm=1.0, progress=False)
    loss, _ = drn.evaluate(net, task.validation(256), task.loss)
    print(f"{cell.name:<9} validation loss {loss:.4f}, {loss / task.baseline:.3f} of the baseline")
    assert loss < task.baseline / 5
    trained[cell.name], curves[cell.name] = net, run.column("loss")
# the loss of the very first step
assert curves["relu"][1][0] > 100 * task.baseline and curves["one-gate"][1][0] < 20 * task.baseline
show(plot.training_curves(curves, baseline=task.baseline, smooth=20, ylabel="mean squared error"))

# %% [markdown]
# The ReLU net starts far above the baseline. Nothing bounds a ReLU, and with $W_h = I$ each layer adds up all it has read. The clipped
# gradient (`max_norm`) lets it come down from there. The one-gate cell, whose state is an average, has no such start.
#
# ## Pictures
#
# All pictures of the series work for it. The gradient of the last step's output, at each layer and span, in the trained ReLU net:

# %%
batch, _ = task.draw(np.random.default_rng(3), 32)
norms = drn.memory.gradient_flow(trained["relu"], batch)
labels = [f"layer {i + 1}, d = {d}" for i, d in enumerate(trained["relu"].dilations)]
show(plot.gradient_flow(norms, labels))
assert np.flatnonzero(norms[3]).tolist() == [0, 8, 16, 24]  # the top layer is reached in hops of 8

# %% [markdown]
# And since `gate_values` names $f$, we can watch the gate. This is the bottom layer of the one-gate net on one sequence; the red triangles
# point at the two marked steps. The gates answer most one step later, when the mark is in the state that $W_h$ multiplies. Over the whole
# batch, how far is a gate from its usual value?

# %%
gates = drn.memory.activations(trained["one-gate"], batch)[0]
marks = batch[:, :, 1] > 0  # (T, B)
# the step after a mark, if it is not marked too
after = np.concatenate([np.zeros_like(marks[:1]), marks[:-1] & ~marks[1:]])
row = 2
mesh = plot.hidden_states(gates, "f", row=row)
for t in np.flatnonzero(marks[:, row]):
    mesh.axes.plot(t, 1.03, "v", color="#D55E00", transform=mesh.axes.get_xaxis_transform(), clip_on=False)
show(mesh)
away = abs(gates["f"] - gates["f"].mean(axis=(0, 1))).mean(axis=2)  # (T, B)
groups = {"a marked step": marks, "the step after it": after, "any other step": ~(marks | after)}
for place, where in groups.items():
    print(f"at {place}: {away[where].mean():.3f}")
assert away[after].mean() > 1.5 * away[groups["any other step"]].mean()
assert away[after].mean() > away[marks].mean()

# %% [markdown]
# ## Saving and loading
#
# A file holds numbers and words, no code. So a model with a cell of your own is loaded with the cell beside it, and the file says so where
# it is forgotten:

# %%
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "own.npz"
    trained["one-gate"].save(path)
    again = drn.load(path, cell=OneGate())
    try:
        drn.load(path)
    except drn.CheckpointError as error:
        print(str(error).replace(folder, "…"))
assert np.array_equal(again.forward(batch)[0], trained["one-gate"].forward(batch)[0])

# %% [markdown]
# ## What split gates are for
#
# So far each gate arrived as one sum, $W_x x_t + b + W_h h_{t-d}$. Some cells want its two parts apart. The GRU's candidate is one:
# a gate $r$ decides how much of the *recurrent* part counts, so that the cell can look at the input alone:
#
# $$r = \sigma(a_r), \qquad h = \tanh(a_n + r\,a_{nh}), \qquad a_n = W_{xn} x_t + b_n, \quad a_{nh} = W_{hn} h_{t-d} + b_h$$
#
# With the sum $a_n + a_{nh}$ alone nobody could compute this. `split = ("n",)` asks for the parts: the recurrent parts follow after all
# gates. `recurrent_bias = True` gives them the bias $b_h$, which sits inside the product with $r$. The gradients go back the same way, one for
# each array that came:
#
# | forward | backward, in reverse order |
# |---|---|
# | $h = \tanh(a_n + r\,a_{nh})$ | $da_n = dh\,(1 - h^2)$, $\;da_{nh} = da_n\,r$, $\;dr = da_n\,a_{nh}$ |
# | $r = \sigma(a_r)$ | $da_r = dr\,r\,(1 - r)$ |


# %%
class Reset(drn.Cell):
    name, gates, split, recurrent_bias = "reset", ("r", "n"), ("n",), True

    def forward(self, a, previous):
        a_r, a_n, a_nh = a
        r = sigmoid(a_r)
        h = np.tanh(a_n + r * a_nh)
        return (h,), (r, h, a_nh)

    def backward(self, dstate, cache):
        (dh,), (r, h, a_nh) = dstate, cache
        da_n = dh * (1 - h * h)
        da_nh, dr = da_n * r, da_n * a_nh
        return (dr * r * (1 - r), da_n, da_nh), (0,)


net = drn.DilatedRNN(2, 6, [1, 2, 4], cell=Reset(), output_size=1, dtype="float64")
print({name: array.shape for name, array in net.params.items() if name.startswith("layers.0")})
assert net.params["layers.0.b_h"].shape == (6,)
errors = drn.gradcheck.check(net)
print(f"{len(errors)} arrays, largest relative error {max(errors.values()):.1e}")

# %% [markdown]
# The last part of the table at the top is `state`. A cell that carries more than its output, such as the LSTM with its $c$, names both,
# `state = ("h", "c")`. Then `previous`, the returned state and `dstate` are pairs. Exercise 14.3 is such a cell.
#
# ## Exercises
#
# Fill in the functions and run the cell: the checker says what is wrong. `hint("14.1", 1)` gives a nudge, higher numbers more; the
# solutions are in `solutions/ex14.py`.
#
# **14.1** The *minimal gated unit* (Zhou et al. 2016) uses its one gate twice: as in our one-gate cell, and to reset the candidate. With
# the reset after the product, $g$ is a split gate:
#
# $$f = \sigma(a_f), \qquad g = \tanh(a_g + f\,a_{gh}), \qquad h = (1 - f)\,h_{t-d} + f\,g$$


# %%
def mgu_forward(a_f, a_g, a_gh, h_prev):
    """Return (h, f, g)."""


check("14.1", mgu_forward)

# %% [markdown]
# **14.2** Its backward. Mind that $f$ acts on $h$ in two ways.


# %%
def mgu_backward(dh, f, g, a_gh, h_prev):
    """Return (da_f, da_g, da_gh, dh_prev)."""


check("14.2", mgu_backward)
hint("14.2", 1)

# %% [markdown]
# **14.3** An LSTM whose input and forget gates are coupled: what is forgotten makes room for what comes in, $f = 1 - i$.
#
# $$i = \sigma(a_i), \quad g = \tanh(a_g), \quad o = \sigma(a_o), \qquad c = (1 - i)\,c_{t-d} + i\,g, \qquad h = o \tanh(c)$$
#
# `dh` and `dc` are the gradients of both state arrays, and `tanh_c` is $\tanh(c)$.


# %%
def coupled_backward(dh, dc, i, g, o, c_prev, tanh_c):
    """Return (da_i, da_g, da_o, dc_prev)."""


check("14.3", coupled_backward)

# %% [markdown]
# Solved? Then put your functions into two classes, stack them, and let `drn.gradcheck.check` have the last word.
#
# ## Where next
#
# You can derive and write backpropagation through time for a dilated cell, and prove it right. The library's own cells read like
# yours: [cells.py](../dilated_rnn_np/recurrence/cells.py); the whole net as plain loops is in
# [reference.py](../dilated_rnn_np/recurrence/reference.py). One question is left: is it better than what others have built? The last tutorial
# says what that means: [15. Compared systems](15_compared_systems.ipynb).
