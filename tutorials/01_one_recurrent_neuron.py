# %% [markdown]
# # 1. One recurrent neuron by hand
#
# **What you will do.** Take a single neuron that reads a sequence and remembers. Walk three steps forward with numbers that fit
# on paper, then three steps back, and check the gradient with nothing but the forward pass.
#
# **What you need.** The chain rule. No recurrent nets: everything here is a handful of sums, products and `tanh`. The library comes in at the very end.
# Reading time: 15 minutes.

# %%
import numpy as np
from exercises import check, hint

import dilated_rnn_np as drn

# %% [markdown]
# ## A neuron that remembers
#
# An ordinary neuron sees its input and forgets it. A recurrent neuron also sees *its own last output*:
#
# $$a_t = w_x x_t + w_h h_{t-1} + b, \qquad h_t = \tanh(a_t)$$
#
# | symbol | name | |
# |---|---|---|
# | $x_t$ | input | the number that arrives at step $t$ |
# | $h_t$ | state | what the neuron says at step $t$, and all it remembers; $h_{-1} = 0$ |
# | $a_t$ | pre-activation | what goes into the tanh |
# | $w_x, w_h, b$ | parameters | the same three numbers at every step |
#
# The weight $w_h$ is where memory lives. Let us fix small numbers and a sequence that says something once and then is silent:

# %%
w_x, w_h, b = 0.5, 0.8, 0.1
x = [1.0, 0.0, 0.0]

# %% [markdown]
# ## Three steps forward
#
# The equation and its line of code are the same thing. Follow the table with a pocket calculator.

# %%
h = [0.0]  # h[0] is the state before the first step, so that h[t + 1] is the state at step t
for t in range(3):
    a_t = w_x * x[t] + w_h * h[t] + b
    h.append(np.tanh(a_t))
    print(f"step {t}:  a = {w_x} * {x[t]} + {w_h} * {h[t]:.4f} + {b} = {a_t:.4f}   h = tanh(a) = {h[-1]:.4f}")

# %% [markdown]
# The input fell silent after step 0, and yet the state at step 2 still knows of it. With the bias alone, without any input, the
# last state would have been smaller; the difference is the memory:

# %%
silent = 0.0
for _ in range(3):
    silent = np.tanh(w_h * silent + b)
print(f"h_2 with the input {h[3]:.4f}, without it {silent:.4f}: what is left of x_0 is {h[3] - silent:.4f}")
assert h[3] > silent

# %% [markdown]
# ## A loss at the end
#
# Say the last state should have been $y = 0.7$. The loss measures how far off it is:
#
# $$\mathcal{L} = \tfrac12 (h_2 - y)^2$$

# %%
y = 0.7
loss = 0.5 * (h[3] - y) ** 2
print(f"loss = {loss:.6f}")

# %% [markdown]
# ## Three steps back
#
# We want to know how the loss changes when a parameter changes a little: $\partial\mathcal{L}/\partial w_h$ and its siblings. We
# write `dh` for $\partial\mathcal{L}/\partial h$, and so on: **a gradient is named after what it is the gradient of.**
#
# Start at the end and take the steps in reverse. Each line of the forward pass has a mirror image:
#
# | forward | backward, in reverse order |
# |---|---|
# | $\mathcal{L} = \tfrac12(h_2 - y)^2$ | $dh_2 = h_2 - y$ |
# | $h_t = \tanh(a_t)$ | $da_t = dh_t\,(1 - h_t^2)$ |
# | $a_t = w_x x_t + w_h h_{t-1} + b$ | $dw_x \mathrel{+}= da_t\,x_t$, $\;dw_h \mathrel{+}= da_t\,h_{t-1}$, $\;db \mathrel{+}= da_t$, $\;dh_{t-1} = da_t\,w_h$ |
#
# Two things deserve a pause:
#
# * $\tanh'(a) = 1 - \tanh^2(a) = 1 - h^2$: the derivative is written in terms of the *output*, which we have kept.
# * The parameters are **used at every step, so their gradients add up** over the steps: that is the `+=`. And $dh_{t-1}$ is what the
#   step before receives: the gradient travels back through the very connection by which the state travelled forward.

# %%
dw_x = dw_h = db = 0.0
dh = h[3] - y
for t in reversed(range(3)):
    da = dh * (1 - h[t + 1] ** 2)
    dw_x += da * x[t]
    dw_h += da * h[t]
    db += da
    handed_back = da * w_h
    print(f"step {t}:  dh = {dh:+.5f}   da = dh * (1 - h²) = {da:+.5f}   back: da * w_h = {handed_back:+.5f}")
    assert abs(handed_back) < abs(dh)  # it shrinks at every step
    dh = handed_back
print(f"dw_x = {dw_x:+.5f}   dw_h = {dw_h:+.5f}   db = {db:+.5f}")

# %% [markdown]
# Look at the column `dh`: at each step back it is multiplied by $w_h (1 - h_t^2)$, here a number below one. So it shrinks at every
# step, and over many steps little would be left. Tutorial 2 is about this shrinking, and the rest of the series about a cure.
#
# ## Is it right? The first gradient check
#
# A derivative is a limit of differences, and differences need only the forward pass. Move $w_h$ up and down by a small $\varepsilon$ and
# see how the loss answers:
#
# $$\frac{\partial\mathcal{L}}{\partial w_h} \approx \frac{\mathcal{L}(w_h + \varepsilon) - \mathcal{L}(w_h - \varepsilon)}{2\varepsilon}$$


# %%
def loss_of(w_x, w_h, b):
    """The whole forward pass as one function of the parameters."""
    state = 0.0
    for x_t in x:
        state = np.tanh(w_x * x_t + w_h * state + b)
    return 0.5 * (state - y) ** 2


eps = 1e-5
checked = {
    "dw_x": (loss_of(w_x + eps, w_h, b) - loss_of(w_x - eps, w_h, b)) / (2 * eps),
    "dw_h": (loss_of(w_x, w_h + eps, b) - loss_of(w_x, w_h - eps, b)) / (2 * eps),
    "db": (loss_of(w_x, w_h, b + eps) - loss_of(w_x, w_h, b - eps)) / (2 * eps),
}
for (name, by_differences), by_hand in zip(checked.items(), (dw_x, dw_h, db), strict=True):
    print(f"{name:<5} by hand {by_hand:+.8f}   by differences {by_differences:+.8f}")
    assert abs(by_hand - by_differences) < 1e-8 * max(1, abs(by_hand))

# %% [markdown]
# They agree to eight places after the point. This is how we will trust every gradient in this series: **the backward pass is checked against the forward pass.**
#
# ## The same neuron in the library
#
# The library's `DilatedRNN` with one layer, one unit and dilation 1 is exactly this neuron. Its arrays are time-major: `x` has the
# shape `(T, B, D)`, here 3 steps, 1 sequence, 1 number a step. `forward` returns the outputs, the state that a next piece of the
# sequence would start from, and the *cache*: what it keeps for `backward`. Our hand-made numbers and the library's agree:

# %%
neuron = drn.DilatedRNN(input_size=1, hidden_size=1, dilations=[1], dtype="float64")
neuron.params["layers.0.W_x"][...] = w_x
neuron.params["layers.0.W_h"][...] = w_h
neuron.params["layers.0.b"][...] = b
output, state, cache = neuron.forward(np.array(x).reshape(3, 1, 1))  # (T, B, D)
doutput = np.zeros_like(output)
doutput[-1] = output[-1] - y  # the loss looks at the last step alone
_, _, grads = neuron.backward(doutput, cache)
by_library = np.array([grads[f"layers.0.{name}"].item() for name in ("W_x", "W_h", "b")])
print("states   ", output.ravel().round(4), "  by hand", np.round(h[1:], 4))
print("gradients", by_library.round(5), "  by hand", np.round([dw_x, dw_h, db], 5))
assert np.allclose(output.ravel(), h[1:], rtol=1e-12)
assert np.allclose(by_library, [dw_x, dw_h, db], rtol=1e-12)

# %% [markdown]
# ## Exercises
#
# Fill in the functions and run the cell: the checker says what is wrong. `hint("1.1", 1)` gives a nudge, higher numbers more; the
# solutions are in `solutions/ex01.py`.
#
# **1.1** The forward pass over a sequence of any length. Return the list of states $h_0 \dots h_{T-1}$; before the first step the state is 0.


# %%
def states(x, w_x, w_h, b):
    """Return h_0 … h_{T-1}."""


check("1.1", states)

# %% [markdown]
# **1.2** The backward pass. The loss looks at the last state alone, and `dh_last` is its gradient there. Return `(dw_x, dw_h, db)`.


# %%
def gradients(x, h, w_h, dh_last):
    """Return dw_x, dw_h and db; h[t] is h_t, and before h[0] the state was 0."""


check("1.2", gradients)

# %% [markdown]
# **1.3** How much of the gradient survives? Return the factor by which $dh$ is multiplied on its way from the last step to step 0:
# the product of $w_h (1 - h_t^2)$ over the steps it crosses.


# %%
def survival(h, w_h):
    """Return dh_0 / dh_{T-1}, given the states h_0 … h_{T-1}."""


check("1.3", survival)
hint("1.3", 1)

# %% [markdown]
# ## Where next
#
# One neuron is a toy; a layer of them is matrices, and the shrinking `dh` becomes a law:
# [2. Backpropagation through time in matrices](02_backpropagation_through_time.ipynb).
