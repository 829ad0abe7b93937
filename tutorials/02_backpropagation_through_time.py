# %% [markdown]
# # 2. Backpropagation through time in matrices
#
# **What you will do.** Turn the one neuron of tutorial 1 into a layer. Derive its backward pass in matrices, write it in a dozen lines, and
# see that it equals the library's. Then measure on real gradients why they vanish, why they explode, and what clipping can and cannot do.
#
# **What you need.** [Tutorial 1](01_one_recurrent_neuron.ipynb), matrix products, the chain rule. Reading time: 20 minutes.

# %%
import numpy as np
from exercises import check, hint
from tools import show

import dilated_rnn_np as drn
from dilated_rnn_np import plot

# %% [markdown]
# ## From one neuron to a layer
#
# A layer has $H$ neurons instead of one, reads $D$ numbers per step instead of one, and does so for $B$ sequences at once, the *batch*.
# The equation keeps its form; the numbers become arrays:
#
# $$a_t = W_x x_t + W_h h_{t-1} + b, \qquad h_t = \tanh(a_t)$$
#
# | symbol | shape | |
# |---|---|---|
# | $x$ | `(T, B, D)` | the sequences, **time first**; $x_t$ = `x[t]` is `(B, D)`: one row a sequence |
# | $h_t, a_t$ | `(B, H)` | state and pre-activation at step $t$ |
# | $W_x$ | `(H, D)` | row $j$ holds what neuron $j$ listens for in the input |
# | $W_h$ | `(H, H)` | row $j$ holds what neuron $j$ listens for in the last state; number $(j, k)$ is the weight *from* $k$ *to* $j$ |
# | $b$ | `(H,)` | one bias a neuron |
#
# The equation is written for one sequence, with $x_t$ a column. In a batch each sequence is a *row*, so the product turns round:
# $W_x x_t$ becomes `x[t] @ W_x.T`, of shape `(B, D) @ (D, H) = (B, H)`.

# %%
T, B, D, H = 6, 3, 2, 4
rng = np.random.default_rng(0)
x = rng.standard_normal((T, B, D))
W_x = rng.standard_normal((H, D)) * 0.7
W_h = rng.standard_normal((H, H)) * 0.5
b = rng.standard_normal(H) * 0.1


def forward(x, W_x, W_h, b):
    """Return the states; h[0] is the zero state before the start, so that h[t + 1] is the state at step t."""
    h = [np.zeros((x.shape[1], len(b)))]  # (B, H)
    for t in range(len(x)):
        a_t = x[t] @ W_x.T + h[t] @ W_h.T + b  # a_t = W_x x_t + W_h h_{t-1} + b, in rows: (B, H)
        h.append(np.tanh(a_t))  # h_t = tanh(a_t)
    return np.stack(h)  # (T + 1, B, H)


h = forward(x, W_x, W_h, b)
print("states", h.shape)

# %% [markdown]
# ## The backward pass, derived
#
# As before, `d<name>` is the gradient of the loss in `<name>`, and it has the shape of `<name>`. Suppose we know $dh_t$, of shape `(B, H)`.
#
# **Through the tanh.** It acts on each number alone, so tutorial 1 holds number by number: $da_t = dh_t \odot (1 - h_t \odot h_t)$, where
# $\odot$ multiplies number by number (`*` in NumPy).
#
# **Through the matrix product.** Write out one number of $a_t$, for the sequence (row) $r$ and the neuron $j$; the index $t$ is left out, and $h^{\text{prev}}$ is $h_{t-1}$:
#
# $$a_{rj} = \sum_k x_{rk} W_{x,jk} + \sum_k h^{\text{prev}}_{rk} W_{h,jk} + b_j$$
#
# Now ask for each number on the right: *where does it occur, and with what factor?* The chain rule adds up over all those places.
#
# * $W_{x,jk}$ occurs in $a_{rj}$ for every row $r$, with the factor $x_{rk}$. So $dW_{x,jk} = \sum_r da_{rj}\,x_{rk}$: this is entry $(j, k)$ of $da^\top x$.
# * $W_{h,jk}$ likewise, with the factor $h^{\text{prev}}_{rk}$: $dW_h = da^\top h_{t-1}$.
# * $b_j$ occurs in $a_{rj}$ for every row, with the factor 1: $db_j = \sum_r da_{rj}$.
# * $x_{rk}$ occurs in $a_{rj}$ for every neuron $j$, with the factor $W_{x,jk}$: $dx_{rk} = \sum_j da_{rj} W_{x,jk}$, that is $dx = da\,W_x$.
# * $h^{\text{prev}}_{rk}$ likewise: $dh_{t-1} = da\,W_h$.
#
# There is one more thing. The state $h_{t-1}$ is used twice: by the next step, and by whoever reads the layer's output (a loss, a further layer).
# Two uses, two gradients, and they add up: $dh_{t-1}$ gets $da_t W_h$ from the step after it, plus `doutput[t - 1]` from outside.
#
# | forward | backward, in reverse order | shape |
# |---|---|---|
# | $h_t$ is read from outside and by the next step | $dh_t = d\text{output}_t + da_{t+1} W_h$ | `(B, H)` |
# | $h_t = \tanh(a_t)$ | $da_t = dh_t \odot (1 - h_t \odot h_t)$ | `(B, H)` |
# | $a_t = W_x x_t + \dots$ | $dW_x \mathrel{+}= da_t^\top x_t$, $\quad dx_t = da_t W_x$ | `(H, D)`, `(B, D)` |
# | $\dots + W_h h_{t-1} + \dots$ | $dW_h \mathrel{+}= da_t^\top h_{t-1}$, $\quad dh_{t-1} = da_t W_h$ | `(H, H)`, `(B, H)` |
# | $\dots + b$ | $db \mathrel{+}= \sum_r da_{t,r}$ | `(H,)` |
#
# The `+=` is that of tutorial 1: the same parameters are used at every step. Walking the steps in reverse, adding up as we go, is called
# **backpropagation through time**. Here is all of it:


# %%
def backward(doutput, x, h, W_x, W_h):
    """Return dx, dW_x, dW_h, db and the gradient of the state before the start."""
    dx, dW_x, dW_h, db = np.zeros_like(x), np.zeros_like(W_x), np.zeros_like(W_h), np.zeros(len(W_h))
    dh_next = np.zeros_like(h[0])  # what the step after hands back; after the last step there is none
    for t in reversed(range(len(x))):
        dh = doutput[t] + dh_next  # two uses, two gradients
        da = dh * (1 - h[t + 1] * h[t + 1])  # h[t + 1] is h_t
        dW_x += da.T @ x[t]  # (H, B) @ (B, D) = (H, D)
        dW_h += da.T @ h[t]  # h[t] is h_{t-1}
        db += da.sum(axis=0)
        dx[t] = da @ W_x  # (B, H) @ (H, D) = (B, D)
        dh_next = da @ W_h  # dh_{t-1}: (B, H) @ (H, H) = (B, H)
    return dx, dW_x, dW_h, db, dh_next


doutput = rng.standard_normal((T, B, H))  # the gradient where the loss is sum(doutput * output)
dx, dW_x, dW_h, db, dh_start = backward(doutput, x, h, W_x, W_h)
assert (dx.shape, dW_x.shape, dW_h.shape, db.shape) == (x.shape, W_x.shape, W_h.shape, b.shape)
print("each gradient has the shape of what it is the gradient of")

# %% [markdown]
# A help for the memory: **the shapes leave only one choice.** `dW_x` must be `(H, D)`, and of `da`, `(B, H)`, and `x[t]`, `(B, D)`, there is one
# product of that shape. Only for $W_h$, which is square, do shapes not tell `da @ W_h` from `da @ W_h.T`. That is why this mistake is so
# common, and why we check.
#
# ## The same layer in the library
#
# `DilatedRNN` with the single dilation 1 is this layer. `drn.reference` is the library's slow twin, plain loops over sequences and steps
# that share no code with the fast path. All three agree to rounding:

# %%
model = drn.DilatedRNN(D, H, dilations=[1], dtype="float64")
for name, array in {"W_x": W_x, "W_h": W_h, "b": b}.items():
    model.params[f"layers.0.{name}"][...] = array

output, state, cache = model.forward(x)
library_dx, library_dstate, grads = model.backward(doutput, cache)
slow_output, _, _ = drn.reference.forward(model.params, x, [1], "rnn", "all")
slow_dx, _, slow_grads = drn.reference.backward(model.params, x, [1], "rnn", doutput, "all")

for ours, library, slow in (
    (h[1:], output, slow_output),
    (dx, library_dx, slow_dx),
    (dW_x, grads["layers.0.W_x"], slow_grads["layers.0.W_x"]),
    (dW_h, grads["layers.0.W_h"], slow_grads["layers.0.W_h"]),
    (db, grads["layers.0.b"], slow_grads["layers.0.b"]),
):
    assert np.allclose(ours, library, rtol=1e-12, atol=1e-14)
    assert np.allclose(ours, slow, rtol=1e-12, atol=1e-14)
assert np.allclose(dh_start, library_dstate[0][0][0], rtol=1e-12)
print("by hand, fast and slow: the same output, dx, dW_x, dW_h, db")

# %% [markdown]
# ## Checking whole arrays at once
#
# In tutorial 1 each parameter was moved up and down on its own. With thousands of parameters that takes too long. Move a whole array at
# once instead, along a random **direction** $v$ of its shape. The loss then changes by
#
# $$\frac{\mathcal{L}(W_h + \varepsilon v) - \mathcal{L}(W_h - \varepsilon v)}{2\varepsilon} \;\approx\; \langle dW_h, v\rangle = \sum_{jk} dW_{h,jk}\,v_{jk}$$
#
# Two forward passes test all numbers of the array together: where one of them is wrong, a random $v$ shows it.

# %%
v = rng.standard_normal(W_h.shape)
eps = 1e-5
up = (doutput * forward(x, W_x, W_h + eps * v, b)[1:]).sum()
down = (doutput * forward(x, W_x, W_h - eps * v, b)[1:]).sum()
by_differences, by_hand = (up - down) / (2 * eps), (dW_h * v).sum()
print(f"by differences {by_differences:.8f}   by hand <dW_h, v> = {by_hand:.8f}")
assert abs(by_differences - by_hand) < 1e-8 * np.linalg.norm(dW_h) * np.linalg.norm(v)

# %% [markdown]
# `drn.gradcheck.check` does this for every array of a function that returns a value and its gradients, and raises an error that names the
# wrong ones. It has two methods and by default uses both: finer differences than ours, and the *complex step*, which moves the array by an
# imaginary number and is exact to rounding. Our own pass goes through it, and
# so does one with the mistake that shapes do not see:


# %%
def value_and_gradients(arrays, backward=backward):
    """The hand-written layer as a function of its arrays."""
    x, W_x, W_h, b = (arrays[name] for name in ("x", "W_x", "W_h", "b"))
    h = forward(x, W_x, W_h, b)
    value = (doutput * h[1:]).sum()
    if np.iscomplexobj(value):
        return value, {}  # a complex step asks for the value alone
    dx, dW_x, dW_h, db, _ = backward(doutput, x, h, W_x, W_h)
    return value, {"x": dx, "W_x": dW_x, "W_h": dW_h, "b": db}


def transposed(doutput, x, h, W_x, W_h):
    """A backward pass that hands back da @ W_h.T."""
    return backward(doutput, x, h, W_x, W_h.T)


arrays = {"x": x, "W_x": W_x, "W_h": W_h, "b": b}
errors = drn.gradcheck.check(value_and_gradients, arrays)
print("relative errors:", {name: f"{error:.1e}" for name, error in errors.items()})
try:
    drn.gradcheck.check(lambda arrays: value_and_gradients(arrays, transposed), arrays, method="complex")
except AssertionError as error:
    print("with W_h.T:", error)
else:
    raise AssertionError("the mistake was not found")

# %% [markdown]
# One transposition, and *every* gradient is wrong, because every gradient is built from the $dh$ that travels back.
#
# ## What one step back does to the gradient
#
# Put the two lines that carry $dh$ from step to step together, for one sequence (one row). The loss looks at one step alone, so that nothing
# comes from outside on the way:
#
# $$dh_{t-1} = dh_t \; \mathrm{diag}(1 - h_t \odot h_t) \; W_h = dh_t \, J_t$$
#
# The matrix $J_t$ is the **Jacobian** of one step: entry $(j, k)$ says how $h_{t,j}$ answers to $h_{t-1,k}$. Over $n$ steps they are multiplied:
#
# $$dh_{t-n} = dh_t \; J_t \, J_{t-1} \cdots J_{t-n+1}$$

# %%
dh = doutput[-1, 0]  # one row, at the last step
for t in reversed(range(1, T)):
    J = np.diag(1 - h[t + 1, 0] ** 2) @ W_h
    dh = dh @ J

only_last = np.zeros_like(doutput)
only_last[-1] = doutput[-1]  # a loss that looks at the last step alone
output_grads = []
model.backward(only_last, cache, output_grads=output_grads)  # filled with dh at every step, (T, B, H), for each layer
print("product of the Jacobians", dh.round(6), "  backward pass", output_grads[0][0, 0].round(6))
assert np.allclose(dh, output_grads[0][0, 0], rtol=1e-12)

# %% [markdown]
# A product of $n$ matrices of one kind behaves like a power. To see it without disturbance, take $W_h = s\,Q$ with an **orthogonal** $Q$: it turns
# vectors and leaves their length alone, so that $s$ is the only thing that changes a length. And $1 - h^2$ is never above 1. Together:
#
# $$\lVert dh_{t-n} \rVert \;\le\; s^n \, \lVert dh_t \rVert \qquad \text{with near equality where all states are near 0}$$
#
# * $s < 1$: the gradient **vanishes**. The bound holds whatever the inputs are.
# * $s > 1$: the gradient **can explode**; how far it does is up to the tanh.
# * $s = 1$: the edge between the two.
#
# (For any other matrix, its largest singular value, the most by which it lengthens a vector, takes the place of $s$ in the bound.)
#
# ## Measured
#
# `drn.memory.gradient_flow` runs the library's forward and backward and returns the norm of $dh_{t-n}$ for each span $n$, where $t$ is the last step.
# First with inputs so quiet that the states stay near 0: tanh is then nearly a straight line.

# %%
steps, units = 41, 32
spans = np.arange(steps)
inputs = np.random.default_rng(1).standard_normal((steps, 8, 4))


def scaled_model(s):
    """A layer with W_h = s Q; the library's initial W_h is orthogonal already."""
    model = drn.DilatedRNN(4, units, dilations=[1], dtype="float64", rng=2)
    model.params["layers.0.W_h"][...] *= s
    return model


scales = (0.7, 1.0, 1.4)
colours = dict(zip(scales, plot.style.COLOURS, strict=False))
quiet = {s: drn.memory.gradient_flow(scaled_model(s), 1e-9 * inputs)[0] for s in scales}  # (T,) each
loud = {s: drn.memory.gradient_flow(scaled_model(s), inputs)[0] for s in scales}

ax = plot.new_axes()
for s in scales:
    ax.plot(spans, quiet[s] / quiet[s][0], "o", markersize=4, color=colours[s], label=f"measured, s = {s}")
    ax.plot(spans, s**spans, color=colours[s], linewidth=1, label=f"predicted, {s}ⁿ")
ax.set(xlabel="span n (time steps)", ylabel="norm of dh at t - n, relative to that at t", yscale="log")
ax.set_title("quiet inputs: tanh is nearly a straight line", fontsize=10)
ax.legend(frameon=False, fontsize=9, ncols=3)
show(ax)
for s in scales:
    assert np.allclose(quiet[s], quiet[s][0] * s**spans, rtol=1e-6)  # the law, on real gradients
    print(f"s = {s}: after {steps - 1} steps {quiet[s][-1] / quiet[s][0]:.1e} of the gradient is left")

# %% [markdown]
# The points lie on the lines: on a logarithmic axis a power is a straight line with the slope $\log s$. Now with inputs of ordinary size:

# %%
ax = plot.new_axes()
for s in scales:
    ax.plot(spans, loud[s] / loud[s][0], "o-", markersize=4, color=colours[s], label=f"measured, s = {s}")
    ax.plot(spans, s**spans, linewidth=1, linestyle=(0, (4, 2)), color=colours[s], label=f"bound, {s}ⁿ")
ax.set(xlabel="span n (time steps)", ylabel="norm of dh at t - n, relative to that at t", yscale="log")
ax.set_title("ordinary inputs: tanh saturates", fontsize=10)
ax.set_ylim(1e-12, 1e7)  # room for the legend
ax.legend(frameon=False, fontsize=9, ncols=3)
show(ax)
mean_slopes = []
for s in scales:
    assert np.all(loud[s] <= loud[s][0] * s**spans * (1 + 1e-9))  # never above the bound
    h_loud = drn.memory.activations(scaled_model(s), inputs)[0]["h"]
    print(
        f"s = {s}: after {steps - 1} steps {loud[s][-1] / loud[s][0]:.1e} of the gradient is left; "
        f"the mean of 1 - h² is {(1 - h_loud**2).mean():.2f}"
    )
    mean_slopes.append((1 - h_loud**2).mean())
assert loud[1.0][-1] < 1e-2 * loud[1.0][0] and loud[1.4][-1] < loud[1.4][0]
assert mean_slopes[0] > mean_slopes[1] > mean_slopes[2]

# %% [markdown]
# Every curve stays below its line. Even $s = 1$, which loses nothing where tanh is straight, now vanishes: each step multiplies by numbers $1 - h^2$ below
# one. A larger $s$ makes the states larger, and with that $1 - h^2$ smaller: what the weights give, saturation takes. So the measured curve of $s = 1.4$ does not
# explode here at all; with quiet inputs it did. How long a gradient lives depends on the weights *and* on the data, and no single $s$ is right for quiet and loud inputs alike.
#
# ## Clipping cures one of the two
#
# An exploding gradient still has a useful *direction*; only its length is out of hand. **Clipping by norm** shortens it to a length $m$ where it is longer.
# The norm is taken over *all* gradients together, so that the direction stays:
#
# $$\lVert g \rVert = \sqrt{\textstyle\sum g^2} \quad\text{over all arrays}, \qquad g \leftarrow g \cdot \min\!\left(1, \frac{m}{\lVert g \rVert}\right)$$

# %%
grads = {"W": np.array([[30.0, 0.0], [0.0, 0.0]]), "b": np.array([40.0, 0.0])}
norm = drn.optim.clip_grad_norm(grads, max_norm=1.0)  # scales in place, returns the norm before
print(f"the norm was {norm:.0f}; clipped:", {name: g.round(3).tolist() for name, g in grads.items()})
assert np.isclose(np.sqrt(sum((g**2).sum() for g in grads.values())), 1.0)

# %% [markdown]
# What does it do for training? A small memory task: at step 0 a sequence shows its numbers, then it is silent, and at the last step the layer has to say
# whether the first of those numbers was positive ($+1$) or negative ($-1$). A model without memory can do no better than predict the mean of the targets; the loss of that prediction, their variance, is the memoryless baseline.
# `output_size=1` puts a *read-out* on the last state: a matrix and a bias that turn $H$ numbers into one.
# We train with plain gradient descent: the exploding layer ($s = 1.4$) without and with clipping, and the vanishing one ($s = 0.7$) with clipping.

# %%
x_task = np.zeros_like(inputs)
x_task[0] = 0.1 * inputs[0]
y_task = np.sign(inputs[0, :, :1])  # (B, 1)
baseline = float(y_task.var())


def train(s, max_norm, count):
    """Return the loss and the norm of the gradient at each training step."""
    model = drn.DilatedRNN(4, units, dilations=[1], output_size=1, dtype="float64", rng=2)
    model.params["layers.0.W_h"][...] *= s
    optimizer = drn.optim.SGD(model.params, lr=0.05)
    losses, norms = [], []
    for _ in range(count):
        output, _, cache = model.forward(x_task)
        loss, doutput = drn.losses.mean_squared_error(output, y_task)
        _, _, grads = model.backward(doutput, cache)
        norms.append(float(drn.optim.clip_grad_norm(grads, max_norm)))
        optimizer.step(grads)
        losses.append(float(loss))
    return np.array(losses), np.array(norms)


count = 300
runs = {
    "s = 1.4, not clipped": train(1.4, np.inf, 20),
    "s = 1.4, clipped to 0.1": train(1.4, 0.1, count),
    "s = 0.7, clipped to 0.1": train(0.7, 0.1, count),
}
ax = plot.new_axes()
curves = {label: (np.arange(1, len(losses) + 1), losses) for label, (losses, _) in runs.items()}
plot.training_curves(curves, baseline=baseline, ax=ax)
ax.set_ylim(1e-4, 1e5)
show(ax)
print(f"memoryless baseline: loss {baseline:.3g}")
for label, (losses, norms) in runs.items():
    print(f"{label}: largest gradient {norms.max():.3g}, loss from {losses[0]:.3g} to {losses[-1]:.3g}")
exploding, clipped, vanishing = (losses for losses, _ in runs.values())
assert exploding.max() > 10 * exploding[0]  # without clipping the loss grows
assert clipped[-50:].mean() < 0.1 * baseline  # with clipping the first step is remembered to the last
assert abs(vanishing[-1] - baseline) < 1e-3  # and what has vanished stays vanished

# %% [markdown]
# Without clipping a single step along the huge gradient throws the weights far away, and the loss climbs. With clipping the very same layer learns to carry one bit from the
# first step to the last. The vanishing layer sinks to the baseline and stays there: it learns the mean and nothing else.
#
# Clipping cannot help it: it only ever shortens. Nor is a larger learning rate a cure. The gradient of a parameter is a *sum over steps*, and a common factor changes all its
# terms alike: the term of a step far back stays as small *beside the near ones* as it was. Here are the terms $\sum_r da_t$ of $db$, the first step's against the last one's:

# %%
model = scaled_model(0.7)
output, _, cache = model.forward(x_task)
only_last = np.zeros_like(output)
only_last[-1] = np.random.default_rng(3).standard_normal(output[-1].shape)
output_grads = []
_, _, grads = model.backward(only_last, cache, output_grads=output_grads)
terms = (output_grads[0] * (1 - output * output)).sum(axis=1)  # (T, H): what each step adds to db
assert np.allclose(terms.sum(axis=0), grads["layers.0.b"], rtol=1e-10, atol=1e-13)
share = np.linalg.norm(terms[0]) / np.linalg.norm(terms[-1])
print(f"s = 0.7: the first step's term is {share:.1e} of the last step's")
assert share < 1e-5

# %% [markdown]
# What can help is to make the way shorter. With $n$ multiplications on the way, the factor is $s^n$; if the gradient took hops of $d$ steps, it would be $s^{n/d}$:

# %%
for d in (1, 4, 8):
    hops = (steps - 1) // d
    print(f"s = 0.7, {steps - 1} steps back in hops of {d}: 0.7^{hops} = {0.7**hops:.1e}")

# %% [markdown]
# Such hops are what a dilated layer makes, and they are the subject of the next tutorial.
#
# ## Exercises
#
# **2.1** One step forward for a batch. Return $h_t$, of shape `(B, H)`.


# %%
def step_forward(x_t, h_prev, W_x, W_h, b):
    """Return h_t from x_t (B, D), h_{t-1} (B, H), W_x (H, D), W_h (H, H) and b (H,)."""


check("2.1", step_forward)

# %% [markdown]
# **2.2** One step backward. `dh` is the whole gradient of $h_t$. Return `(dx_t, dh_prev, dW_x, dW_h, db)`: what this one step contributes.


# %%
def step_backward(dh, x_t, h_prev, h_t, W_x, W_h):
    """Return dx_t (B, D), dh_prev (B, H), dW_x (H, D), dW_h (H, H) and db (H,)."""


check("2.2", step_backward)
hint("2.2", 1)

# %% [markdown]
# **2.3** Clip by norm. `grads` is a dict of arrays. Return a new dict with the same names, scaled so that the norm over all arrays together is at most `max_norm`.


# %%
def clip(grads, max_norm):
    """Return the gradients, scaled together where their norm is above max_norm."""


check("2.3", clip)

# %% [markdown]
# ## Where next
#
# One line changes, and the gradient takes long hops: [3. The dilated skip connection](03_dilated_skip_connection.ipynb).
