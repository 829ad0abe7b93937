# %% [markdown]
# # 4. Gates: LSTM and GRU
#
# **What you will do.** Derive the two gated cells, write forward and backward of each with every line beside its equation, and see that they equal
# the library's. Then plant three common mistakes and watch the gradient check name them.
#
# **What you need.** Tutorials [1](01_one_recurrent_neuron.ipynb) and [2](02_backpropagation_through_time.ipynb). Reading time: 25 minutes.

# %%
import numpy as np
from exercises import check, hint
from tools import show

import dilated_rnn_np as drn
from dilated_rnn_np import plot

# %% [markdown]
# ## An additive path
#
# In tutorial 2 a step back multiplied the gradient by a matrix $W_h$ and by $1 - h^2$. Some factors were below one, and over many steps little was left.
# The way out is a memory that is not squeezed through a matrix and a tanh at every step, but kept and *added to*:
#
# $$c_t = f_t \odot c_{t-1} + i_t \odot g_t \qquad\Longrightarrow\qquad dc_{t-1} = f_t \odot dc_t$$
#
# * $g_t$ is what could be written into the memory at step $t$,
# * $i_t$, between 0 and 1, says how much of it is written: the *input gate*,
# * $f_t$, between 0 and 1, says how much of the old memory is kept: the *forget gate*.
#
# Along this path the gradient meets one factor a step, $f_t$, and the net can learn to put it near 1. What is left after 100 steps:

# %%
for f_t in (0.5, 0.9, 0.99, 1.0):
    dc = 1.0
    for _ in range(100):
        dc = dc * f_t  # dc_{t-1} = f_t dc_t
    print(f"f = {f_t:<4}: after 100 steps {dc:.2g} of the gradient is left")
assert dc == 1.0  # with f = 1 all of it

# %% [markdown]
# ## The sigmoid, without an overflow
#
# A gate is a number between 0 and 1, made by the *sigmoid* $\sigma(a) = 1 / (1 + e^{-a})$. Written like this it has a flaw: for very negative $a$ the
# exponential is too large for a float. The tanh has no such trouble, and the two are the same curve, moved and scaled:
#
# $$\tanh\tfrac a2 = \frac{e^{a/2} - e^{-a/2}}{e^{a/2} + e^{-a/2}} = \frac{1 - e^{-a}}{1 + e^{-a}} = 2\,\sigma(a) - 1 \qquad\Longrightarrow\qquad \sigma(a) = \tfrac12 \tanh\tfrac a2 + \tfrac12$$
#
# Its derivative comes out in terms of its output $y = \sigma(a)$, with $\tanh\tfrac a2 = 2y - 1$:
#
# $$\sigma'(a) = \tfrac12 \cdot \tfrac12 \left(1 - \tanh^2 \tfrac a2\right) = \tfrac14 \left(1 - (2y - 1)^2\right) = y\,(1 - y)$$


# %%
def sigmoid(a):
    return np.tanh(a / 2) / 2 + 0.5


a = np.linspace(-8, 8, 33)
y = sigmoid(a)
assert np.allclose(y, 1 / (1 + np.exp(-a)), rtol=1e-12, atol=1e-15)
assert np.allclose((sigmoid(a + 1e-5) - sigmoid(a - 1e-5)) / 2e-5, y * (1 - y), atol=1e-9)
with np.errstate(over="raise"):
    print("through tanh, at a = -1000:", sigmoid(-1000.0))
    try:
        1 / (1 + np.exp(np.float64(1000.0)))
    except FloatingPointError as error:
        print("through exp,  at a = -1000:", error)

# %% [markdown]
# ## Cells see numbers, not matrices
#
# The matrix products of tutorial 2 do not change: $a = W_x x_t + W_h h_{t-1} + b$. A cell with four gates simply has four times as many rows in
# $W_x$, `(4H, D)`, and $W_h$, `(4H, H)`, one block of $H$ rows per gate, and $a$ is cut into four pieces of equal shape. What is new happens *after* the product, number by number.
# So forward takes pre-activations and the previous state and returns the new state, and backward takes the gradient of the new state and returns those of the pre-activations and of the previous state.
# Both are called **pointwise**: each neuron for itself.
#
# ## LSTM, forward
#
# The *long short-term memory* has two state arrays, the memory $c$ and the output $h$, and four gates: $i$, $f$, $g$ and $o$. The *output gate* $o$ says how much of the memory is shown.
#
# | equation | line |
# |---|---|
# | $i = \sigma(a_i),\; f = \sigma(a_f),\; g = \tanh(a_g),\; o = \sigma(a_o)$ | `i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)` |
# | $c_t = f \odot c_{t-1} + i \odot g$ | `c = f * c_prev + i * g` |
# | $h_t = o \odot \tanh(c_t)$ | `h = o * tanh_c` |


# %%
def lstm_forward(a_i, a_f, a_g, a_o, c_prev):
    """Return h, c and what backward needs."""
    i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
    c = f * c_prev + i * g
    tanh_c = np.tanh(c)
    h = o * tanh_c
    return h, c, (i, f, g, o, c_prev, tanh_c)


# %% [markdown]
# ## LSTM, backward
#
# Given are $dh_t$ and $dc_t$: what reaches $h_t$ from above and from the next step's products, and what reaches $c_t$ *from the next step's memory*. Take forward's lines in reverse.
#
# 1. $h = o \odot \tanh(c)$ has two factors. Each gets $dh$ times the other: $do = dh \odot \tanh(c)$, and $\tanh(c)$ gets $dh \odot o$, which becomes $dh \odot o \odot (1 - \tanh^2 c)$ on its way into $c$.
# 2. $c$ is used twice, for $h$ and by the next step, so these two gradients **add up**: $dc \leftarrow dc + dh \odot o \odot (1 - \tanh^2 c)$.
# 3. $c = f \odot c_{t-1} + i \odot g$: each factor gets $dc$ times its partner.
# 4. Each gate's gradient passes its own function: $y(1-y)$ for a sigmoid, $1 - y^2$ for a tanh.
#
# | forward, last line first | backward |
# |---|---|
# | $h = o \odot \tanh(c)$ | $do = dh \odot \tanh(c)$ |
# | | $dc \leftarrow dc + dh \odot o \odot (1 - \tanh^2 c)$ |
# | $c = f \odot c_{t-1} + i \odot g$ | $di = dc \odot g,\quad df = dc \odot c_{t-1},\quad dg = dc \odot i,\quad dc_{t-1} = dc \odot f$ |
# | $i = \sigma(a_i)$ | $da_i = di \odot i \odot (1 - i)$ |
# | $f = \sigma(a_f)$ | $da_f = df \odot f \odot (1 - f)$ |
# | $g = \tanh(a_g)$ | $da_g = dg \odot (1 - g \odot g)$ |
# | $o = \sigma(a_o)$ | $da_o = do \odot o \odot (1 - o)$ |


# %%
def lstm_backward(dh, dc, kept):
    """Return the gradients of the four pre-activations and of c_prev."""
    i, f, g, o, c_prev, tanh_c = kept
    do = dh * tanh_c
    dc = dc + dh * o * (1 - tanh_c * tanh_c)  # c is used twice
    di, df, dg, dc_prev = dc * g, dc * c_prev, dc * i, dc * f
    return di * i * (1 - i), df * f * (1 - f), dg * (1 - g * g), do * o * (1 - o), dc_prev


rng = np.random.default_rng(0)
B, D, H = 3, 2, 4
a_i, a_f, a_g, a_o, c_prev, dh, dc = rng.standard_normal((7, B, H))
h, c, kept = lstm_forward(a_i, a_f, a_g, a_o, c_prev)
da_i, da_f, da_g, da_o, dc_prev = lstm_backward(dh, dc, kept)

cell = drn.cells.LSTM()  # its previous state is (h_prev, c_prev); h_prev acts through W_h alone
(library_h, library_c), cache = cell.forward((a_i, a_f, a_g, a_o), (np.zeros((B, H)), c_prev))
library_da, (_, library_dc_prev) = cell.backward((dh, dc), cache)
assert np.allclose(h, library_h, rtol=1e-12) and np.allclose(c, library_c, rtol=1e-12)
assert np.allclose((da_i, da_f, da_g, da_o), library_da, rtol=1e-12)
assert np.allclose(dc_prev, library_dc_prev, rtol=1e-12)
print("the LSTM cell by hand equals the library's, forward and backward")

# %% [markdown]
# ## The whole layer: tutorial 2's loop around the cell
#
# Nothing else is new. The loop below is that of tutorial 2 with `tanh` replaced by the cell, and with a second gradient, `dc`, that travels along the additive path.

# %%
T = 6
model = drn.DilatedRNN(D, H, dilations=[1], cell="lstm", dtype="float64")
W_x, W_h, b = (model.params[f"layers.0.{name}"] for name in ("W_x", "W_h", "b"))  # (4H, D), (4H, H), (4H,)
x, doutput = rng.standard_normal((T, B, D)), rng.standard_normal((T, B, H))

h, c, all_kept = [np.zeros((B, H))], [np.zeros((B, H))], []
for t in range(T):
    a = x[t] @ W_x.T + h[t] @ W_h.T + b  # (B, 4H)
    h_t, c_t, kept = lstm_forward(*np.split(a, 4, axis=1), c[t])
    h.append(h_t)
    c.append(c_t)
    all_kept.append(kept)

dW_x, dW_h, db = np.zeros_like(W_x), np.zeros_like(W_h), np.zeros_like(b)
dh_next, dc_next = np.zeros((B, H)), np.zeros((B, H))
for t in reversed(range(T)):
    *da, dc_next = lstm_backward(doutput[t] + dh_next, dc_next, all_kept[t])
    da = np.concatenate(da, axis=1)  # (B, 4H)
    dW_x += da.T @ x[t]
    dW_h += da.T @ h[t]  # h[t] is h_{t-1}
    db += da.sum(axis=0)
    dh_next = da @ W_h

output, _, cache = model.forward(x)
_, _, grads = model.backward(doutput, cache)
assert np.allclose(output, h[1:], rtol=1e-12)
for name, gradient in {"W_x": dW_x, "W_h": dW_h, "b": db}.items():
    assert np.allclose(gradient, grads[f"layers.0.{name}"], rtol=1e-10, atol=1e-13)
print("an LSTM layer by hand equals the library's: output, dW_x, dW_h, db")

# %% [markdown]
# ## GRU, forward
#
# The *gated recurrent unit* gets by with one state array and three gates. Its memory is $h$ itself, and one gate $z$ does the work of two: what is kept and what is written add up to 1.
#
# $$h_t = (1 - z) \odot n + z \odot h_{t-1}$$
#
# The *candidate* $n$ is the vanilla cell's tanh, with one change: the *reset gate* $r$ says how much of the recurrent part takes part.
#
# $$n = \tanh\bigl(\underbrace{W_{xn} x_t + b_n}_{a_n} + r \odot \underbrace{(W_{hn} h_{t-1} + b_h)}_{a_{nh}}\bigr)$$
#
# Look where $r$ stands: between the two matrix products. Adding them up first, as all other gates do, would leave nothing for $r$ to multiply. That is why the candidate's pre-activation
# arrives **in two parts**, $a_n$ from the input and $a_{nh}$ from the state, and why there is an **extra bias** $b_h$ inside the reset: $b_n$ and $b_h$ are no longer the same thing.
# (In the first version of the GRU the reset came before the matrix product, $W_{hn}(r \odot h_{t-1})$. After the product, as here, all products of a step can be made at once.)
#
# | equation | line |
# |---|---|
# | $r = \sigma(a_r),\quad z = \sigma(a_z)$ | `r, z = sigmoid(a_r), sigmoid(a_z)` |
# | $n = \tanh(a_n + r \odot a_{nh})$ | `n = np.tanh(a_n + r * a_nh)` |
# | $h_t = (1 - z) \odot n + z \odot h_{t-1}$ | `h = (1 - z) * n + z * h_prev` |


# %%
def gru_forward(a_r, a_z, a_n, a_nh, h_prev):
    """Return h and what backward needs."""
    r, z = sigmoid(a_r), sigmoid(a_z)
    n = np.tanh(a_n + r * a_nh)
    h = (1 - z) * n + z * h_prev
    return h, (r, z, n, a_nh, h_prev)


# %% [markdown]
# ## GRU, backward
#
# | forward, last line first | backward |
# |---|---|
# | $h = (1 - z) \odot n + z \odot h_{t-1}$ | $dn = dh \odot (1 - z),\quad dz = dh \odot (h_{t-1} - n),\quad dh_{t-1} = dh \odot z$ |
# | $n = \tanh(a_n + r \odot a_{nh})$ | $da_n = dn \odot (1 - n \odot n),\quad dr = da_n \odot a_{nh},\quad da_{nh} = da_n \odot r$ |
# | $z = \sigma(a_z)$ | $da_z = dz \odot z \odot (1 - z)$ |
# | $r = \sigma(a_r)$ | $da_r = dr \odot r \odot (1 - r)$ |
#
# In $dz$, $z$ occurs twice, as $-z \odot n$ and as $z \odot h_{t-1}$; the two add up to $h_{t-1} - n$. And $dh_{t-1} = dh \odot z$ is the GRU's additive path: it is what reaches the
# previous state *past* all matrices. What comes through $W_h$ is added to it by the loop.


# %%
def gru_backward(dh, kept):
    """Return the gradients of the four pre-activations and, past the matrices, of h_prev."""
    r, z, n, a_nh, h_prev = kept
    dn, dz, dh_prev = dh * (1 - z), dh * (h_prev - n), dh * z
    da_n = dn * (1 - n * n)
    dr, da_nh = da_n * a_nh, da_n * r
    return dr * r * (1 - r), dz * z * (1 - z), da_n, da_nh, dh_prev


a_r, a_z, a_n, a_nh, h_prev, dh = rng.standard_normal((6, B, H))
h, kept = gru_forward(a_r, a_z, a_n, a_nh, h_prev)
*da, dh_prev = gru_backward(dh, kept)

cell = drn.cells.GRU()
(library_h,), cache = cell.forward((a_r, a_z, a_n, a_nh), (h_prev,))
library_da, (library_dh_prev,) = cell.backward((dh,), cache)
assert np.allclose(h, library_h, rtol=1e-12)
assert np.allclose(da, library_da, rtol=1e-12) and np.allclose(dh_prev, library_dh_prev, rtol=1e-12)
print("the GRU cell by hand equals the library's, forward and backward")

# %% [markdown]
# ## Does the gradient survive?
#
# The measurement of tutorial 2, on fresh layers of 32 units with dilation 1: the norm of $dh_{t-n}$ for each span $n$.

# %%
inputs = np.random.default_rng(1).standard_normal((101, 8, 4))
cells = {
    "rnn": "rnn",
    "gru": "gru",
    "lstm": "lstm",
    "lstm, forget bias 1": drn.LSTM(forget_bias=1.0),
    "lstm, forget bias 3": drn.LSTM(forget_bias=3.0),
}
flows = {}
ax = plot.new_axes()
for i, (label, cell) in enumerate(cells.items()):
    model = drn.DilatedRNN(4, 32, dilations=[1], cell=cell, dtype="float64", rng=2)
    norms = drn.memory.gradient_flow(model, inputs)[0]
    flows[label] = norms / norms[0]
    ax.plot(flows[label], color=plot.style.COLOURS[i], linestyle=plot.style.STYLES[i], label=label)
ax.set(xlabel="span n (time steps)", ylabel="norm of dh at t - n, relative to that at t", yscale="log")
ax.legend(frameon=False, fontsize=9)
show(ax)
for label, flow in flows.items():
    print(f"{label:<20} after 100 steps {flow[-1]:.1e} of the gradient is left")
for bias in (0.0, 1.0, 3.0):
    model = drn.DilatedRNN(4, 32, dilations=[1], cell=drn.LSTM(forget_bias=bias), dtype="float64", rng=2)
    f_mean = drn.memory.activations(model, inputs)[0]["f"].mean()
    print(f"forget bias {bias:.0f}: sigmoid of it {sigmoid(bias):.2f}, mean of the forget gates {f_mean:.2f}")
    assert abs(f_mean - sigmoid(bias)) < 0.05
assert flows["lstm"][-1] < flows["rnn"][-1] and flows["gru"][-1] < flows["rnn"][-1]
assert flows["lstm, forget bias 3"][-1] > flows["lstm, forget bias 3"][20]  # it even rises
assert flows["lstm"][-1] < flows["lstm, forget bias 1"][-1] < flows["lstm, forget bias 3"][-1]

# %% [markdown]
# This may surprise: a *fresh* LSTM or GRU loses the gradient even sooner than the vanilla layer. With biases of 0 its gates stand near one half, and a factor of one half a step is
# what the first numbers of this tutorial showed to be hopeless. The path is there, but the gate on it is half shut. A larger bias of the forget gate opens it at the start
# (`drn.LSTM(forget_bias=1.0)`), and training can open it further, unit by unit, as the task needs. **Gates make a long memory possible, not automatic.**
#
# The curve of forget bias 3 even rises in the end: to what is kept along $c$ comes what passes through $W_h$ and the gates, and the two together can be more than one. Gates cure vanishing; against exploding
# one still clips. And all this is at dilation 1, a step at a time: the dilations of this series, which shorten the way itself, work for gated cells as well.
#
# ## Three wrong versions
#
# Here are three mistakes that are easily made, each as a class of its own. A cell for the library is just this: a name and a pointwise forward and backward; the names
# must differ from the built-in ones. The library's LSTM keeps $c$ for backward and takes $\tanh(c)$ a second time, which saves memory. It returns 0 as the gradient of $h_{t-1}$, because $h_{t-1}$ acts through $W_h$ alone.


# %%
class DropsTheMemory(drn.LSTM):
    """Forgets that c is used twice: what the next step's memory hands back is lost."""

    name = "lstm without dc"

    def backward(self, dstate, cache):
        (dh, dc), (i, f, g, o, c_prev, c) = dstate, cache
        tanh_c = np.tanh(c)
        do = dh * tanh_c
        dc = dh * o * (1 - tanh_c * tanh_c)  # wrong: dc + … is right
        di, df, dg, dc_prev = dc * g, dc * c_prev, dc * i, dc * f
        return (di * i * (1 - i), df * f * (1 - f), dg * (1 - g * g), do * o * (1 - o)), (0, dc_prev)


class WrongSlope(drn.LSTM):
    """Takes the derivative of the sigmoid for the gate g, which is a tanh."""

    name = "lstm with a wrong slope"

    def backward(self, dstate, cache):
        (dh, dc), (i, f, g, o, c_prev, c) = dstate, cache
        tanh_c = np.tanh(c)
        do = dh * tanh_c
        dc = dc + dh * o * (1 - tanh_c * tanh_c)
        di, df, dg, dc_prev = dc * g, dc * c_prev, dc * i, dc * f
        da_g = dg * g * (1 - g)  # wrong: dg * (1 - g * g) is right
        return (di * i * (1 - i), df * f * (1 - f), da_g, do * o * (1 - o)), (0, dc_prev)


class ResetForgotten(drn.GRU):
    """Hands a_n's gradient to a_nh as it is, as if r did not stand between them."""

    name = "gru without reset"

    def backward(self, dstate, cache):
        (da_r, da_z, da_n, _), dprevious = super().backward(dstate, cache)
        return (da_r, da_z, da_n, da_n), dprevious  # wrong: da_n * r is right


# %% [markdown]
# What makes such mistakes dangerous: **a wrong backward raises no error, and training may go on as if nothing were wrong.** Let the three learn to say, after four silent steps, whether
# the first number of a sequence was positive. (`Adam` is a refined gradient descent, and `drn.fit` is the training loop of tutorial 2.)

# %%
x_task = np.zeros((5, 64, 1))
x_task[0] = np.random.default_rng(3).standard_normal((64, 1))
y_task = np.sign(x_task[0])
for cell in (DropsTheMemory(), WrongSlope(), ResetForgotten()):
    model = drn.DilatedRNN(1, 8, dilations=[1], cell=cell, output_size=1, dtype="float64")
    optimizer = drn.optim.Adam(model.params, lr=1e-2)
    run = drn.fit(model, [(x_task, y_task)], optimizer, steps=400, loss="mean_squared_error", progress=False)
    losses = run.column("loss")[1]
    print(f"{cell.name:<24} loss {losses[0]:.3f} at the start, {losses[-1]:.3f} after {len(losses)} steps")
    assert losses[-1] < 0.5 * losses[0]

# %% [markdown]
# The loss falls for all of them, though more slowly with the wrong slope. But a slow start has many harmless causes, such as unlucky
# weights or a small learning rate. A falling loss proves nothing; the gradient check does.


# %%
def complaint(target, *arguments):
    """Return what the gradient check says, by the complex step, of a model or a function."""
    try:
        drn.gradcheck.check(target, *arguments, method="complex")
    except AssertionError as error:
        return str(error)
    return "all gradients are right"


for cell in (drn.LSTM(), drn.GRU(), DropsTheMemory(), WrongSlope(), ResetForgotten()):
    message = complaint(drn.DilatedRNN(D, H, dilations=[1], cell=cell))
    print(f"{cell.name}: {message}\n")
    assert (message == "all gradients are right") == (cell.name in ("lstm", "gru"))

# %% [markdown]
# All three are found, but the messages say little about *where*: a wrong number at step $t$ travels back and spoils everything on its way. The art of reading a gradient check is to
# **make the piece smaller**. Two cuts help most.
#
# **One time step instead of many.** With $T = 1$ nothing travels, and what is right shows as right:

# %%
one_step = rng.standard_normal((1, 3, D))  # (T, B, D) with T = 1
message = complaint(drn.DilatedRNN(D, H, dilations=[1], cell=ResetForgotten()), one_step)
print(message)
assert all(f"layers.0.{name}," in message for name in ("W_h", "b_h")) and "state.0.0" in message
assert not any(f"layers.0.{name}," in message for name in ("W_x", "b")) and "  x:" not in message

# %% [markdown]
# $W_x$, $b$ and $x$ are right; $W_h$, $b_h$ and the state are wrong. So every gate's *input* part is right, and the mistake lies in a recurrent part. Only the candidate
# has a recurrent part apart from its input part, $a_{nh}$: the mistake must be in $da_{nh}$.
#
# **The cell alone.** The cell is a function of its pre-activations and its previous state; so check it as one. Now each gate is an array with a name:


# %%
def check_cell(cell, random_state=2):
    """Run the gradient check on a cell alone; each pre-activation and each state is an array of its own."""
    rng = np.random.default_rng(random_state)
    names = [f"a_{gate}" for gate in cell.gates] + [f"a_{gate}h" for gate in cell.split]
    arrays = {name: rng.standard_normal((B, H)) for name in [*names, *(f"{s}_prev" for s in cell.state)]}
    weights = [rng.standard_normal((B, H)) for _ in cell.state]  # the value is sum(weights * new state)

    def function(arrays):
        a, previous = [tuple(part) for part in np.split(list(arrays.values()), [len(names)])]
        new, cache = cell.forward(a, previous)
        value = sum((w * s).sum() for w, s in zip(weights, new, strict=True))
        if np.iscomplexobj(value):
            return value, {}  # a complex step asks for the value alone
        da, dprevious = cell.backward(tuple(weights), cache)
        gradients = [g + np.zeros((B, H)) for g in (*da, *dprevious)]  # a 0 stands for an array of zeros
        return value, dict(zip(arrays, gradients, strict=True))

    return complaint(function, arrays)


wrong_arrays = {
    DropsTheMemory: ["a_i", "a_f", "a_g", "c_prev"],
    WrongSlope: ["a_g"],
    ResetForgotten: ["a_nh"],
}
for cell, wrong in wrong_arrays.items():
    message = check_cell(cell())
    print(f"{cell.name}: {message}\n")
    assert [line.split(":")[0].strip() for line in message.splitlines()[1:]] == wrong
assert check_cell(drn.LSTM()) == check_cell(drn.GRU()) == "all gradients are right"

# %% [markdown]
# Read it like a detective. `WrongSlope` and `ResetForgotten` are named outright. `DropsTheMemory` is wrong in `a_i`, `a_f`, `a_g` and `c_prev`, and right in `a_o`: exactly the four that
# are made from $dc$. So it is $dc$ itself.
#
# ## Exercises
#
# **4.1** One step back through the LSTM. Return `(da_i, da_f, da_g, da_o, dc_prev)`.


# %%
def lstm_backward_step(dh, dc, i, f, g, o, c_prev, c):
    """Return da_i, da_f, da_g, da_o and dc_prev; dc is what the next step's memory handed back."""


check("4.1", lstm_backward_step)
hint("4.1", 1)

# %% [markdown]
# **4.2** One step of the GRU forward, matrices included, for a batch of rows. `W_x` is `(3H, D)`, `W_h` is `(3H, H)` and `b` is `(3H,)`, with the gates in the order r, z, n; `b_h` is `(H,)` and
# belongs to the candidate's recurrent part. Return $h_t$, `(B, H)`.


# %%
def gru_forward_step(x_t, h_prev, W_x, W_h, b, b_h):
    """Return h_t; np.split(W_h, 3) cuts the rows into the three gates."""


check("4.2", gru_forward_step)

# %% [markdown]
# **4.3** Find the mistake. One line of this backward pass is wrong. Read what the check of the cell alone says, then write the pass as it should be.


# %%
class Broken(drn.GRU):
    name = "broken gru"

    def backward(self, dstate, cache):
        (dh,), (r, z, n, a_nh, h_prev) = dstate, cache
        dn, dz, dh_prev = dh * (1 - z), dh * (h_prev - n), dh * z
        da_n = dn * (1 - n * n)
        dr, da_nh = dn * a_nh, da_n * r
        return (dr * r * (1 - r), dz * z * (1 - z), da_n, da_nh), (dh_prev,)


print(check_cell(Broken()))


def gru_backward_step(dh, r, z, n, a_nh, h_prev):
    """Return da_r, da_z, da_n, da_nh and dh_prev."""


check("4.3", gru_backward_step)

# %% [markdown]
# ## Where next
#
# Cells are pointwise, so a layer is a loop of matrix products. With a dilation, that loop gets shorter and wider:
# [5. Dilation is a reshape](05_dilation_is_a_reshape.ipynb).
