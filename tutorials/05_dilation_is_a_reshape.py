# %% [markdown]
# # 5. Dilation is a reshape
#
# **What you will do.** Turn a dilated layer into an ordinary one by looking at its input in another shape. Nothing is computed twice,
# nothing is copied, and d steps run at once. You write the fold, time it against the naive loop, and see what becomes of the state. Then you
# write the library's scan, forward and backward, and read its source.
#
# **What you need.** The dilated layer of tutorial 3, and what `reshape` does to a NumPy array. For the scan itself, the gates of
# tutorial 4. Reading time: 35 minutes.

# %%
import time

import numpy as np
from exercises import check, hint
from tools import explorer_page, show, size

import dilated_rnn_np as drn
from dilated_rnn_np.recurrence import scan
from dilated_rnn_np.recurrence.gates import join_weights, separate_weights

# %% [markdown]
# ## The naive loop
#
# We start from tutorial 3, now with a batch: `x` is time-major, `(T, B, D)`: $T$ steps, $B$ sequences, $D$ numbers. Each $x_t$ and $h_t$ is
# a matrix with one row per sequence, so $W_x x_t$ becomes `x[t] @ W_x.T`:
#
# $$h_t = \tanh(x_t W_x^\top + h_{t-d} W_h^\top + b)$$

# %%
rng = np.random.default_rng(0)
T, B, D, H = 12, 2, 3, 5
W_x, W_h, b = rng.standard_normal((H, D)), 0.5 * rng.standard_normal((H, H)), 0.1 * rng.standard_normal(H)


def naive(x, d):
    """Return h_0 … h_{T-1}, (T, B, H), one time step after the other."""
    c = [np.zeros((x.shape[1], H)) for _ in range(d)]  # c[d + t] is the state at step t
    for t in range(len(x)):
        c.append(np.tanh(x[t] @ W_x.T + c[d + t - d] @ W_h.T + b))  # (B, H)
    return np.array(c[d:])


def ordinary(x, h):
    """Return h_0 … h_{T-1} of an ordinary layer over N rows, (T, N, H); h (N, H) is the state before."""
    states = np.empty((*x.shape[:2], H))
    for t in range(len(x)):
        h = np.tanh(x[t] @ W_x.T + h @ W_h.T + b)  # (N, H)
        states[t] = h
    return states


# %% [markdown]
# ## Phases never meet
#
# Tutorial 3 showed it in passing; here everything rests on it. Step $t$ reads step $t - d$, which reads step $t - 2d$, and so on. All of
# them leave the same remainder when divided by $d$. That remainder $p = t \bmod d$ is the **phase** of step $t$. Steps of different phases have nothing to do with each other:

# %%
x = rng.standard_normal((T, B, D))
d = 4
h = naive(x, d)
for p in range(d):
    alone = ordinary(x[p::d], np.zeros((B, H)))  # phase p: the steps p, p + d, p + 2d, …
    assert np.allclose(h[p::d], alone, rtol=1e-12)
print(f"{d} phases, each an ordinary layer over {T // d} steps:", [list(range(p, T, d)) for p in range(d)])

# %% [markdown]
# So we have $d$ ordinary layers with the same weights, over $d$ sequences that are $d$ times shorter. And several sequences with the same
# weights are nothing new: that is a **batch**. In the picture a dilated layer, and below it the same layer folded. The arrows are the
# states that are handed on; they never leave their row.

# %%
show(drn.plot.fold(T, d))
explorer_page()  # writes explorer.html, which the next link opens

# %% [markdown]
# [The explorer](explorer.html#d=1,2,4&fold=4&folded=1) moves the steps from the sequence into the batch and back, for any dilation: scroll
# to *Dilation is a reshape* and press *Fold*.
#
# [![The explorer: 14 steps of a layer of dilation 4, folded into four phases](pictures/explorer_fold.png)](explorer.html#d=1,2,4&fold=4&folded=1)
#
# ## The fold
#
# Write the step as $t = q\,d + p$: the $q$-th step of phase $p$. In memory the array `x` lies step after step:
#
# | shape | index | |
# |---|---|---|
# | `(T, B, D)` | `[t, b]` | as it came |
# | `(T/d, d, B, D)` | `[q, p, b]` | $t$ is written as $q\,d + p$; the numbers lie where they lay |
# | `(T/d, d*B, D)` | `[q, p*B + b]` | phase and row are read as one index: $d B$ sequences of $T/d$ steps |
#
# So the fold is a single `reshape`. It copies nothing: the new array is a *view*, the same memory with other labels.

# %%
x_folded = x.reshape(T // d, d * B, D)
assert np.shares_memory(x_folded, x)
for t in range(T):
    q, p = t // d, t % d
    for row in range(B):
        assert np.array_equal(x_folded[q, p * B + row], x[t, row])
print("x", x.shape, "is folded to", x_folded.shape)

# %% [markdown]
# Now run the ordinary layer over it, and read the result in the old shape. This is the whole trick:


# %%
def folded(x, d):
    """Return h_0 … h_{T-1}, (T, B, H); d divides T."""
    T, B, D = x.shape
    states = ordinary(x.reshape(T // d, d * B, D), np.zeros((d * B, H)))  # (T/d, d*B, H)
    return states.reshape(T, B, H)


assert np.allclose(folded(x, d), naive(x, d), rtol=1e-12)
print(f"naive loop: {T} steps over {B} rows; fold: {T // d} steps over {d * B} rows; the states are equal")

# %% [markdown]
# The way back needs no new thought: the backward pass of the fold is the ordinary backward pass on the same view. We let the library
# show it. A layer of dilation $d$ over `x`, and a layer of dilation 1 over the view, with the same weights, have the same gradients:

# %%
dilated_layer = drn.DilatedRNN(D, H, dilations=[d], dtype="float64")
ordinary_layer = drn.DilatedRNN(D, H, dilations=[1], dtype="float64")
for layer in (dilated_layer, ordinary_layer):
    for name, value in {"W_x": W_x, "W_h": W_h, "b": b}.items():
        layer.params[f"layers.0.{name}"][...] = value

doutput = rng.standard_normal((T, B, H))
output, _, cache = dilated_layer.forward(x)
dx, _, grads = dilated_layer.backward(doutput, cache)
_, _, cache = ordinary_layer.forward(x_folded)
dx_folded, _, grads_folded = ordinary_layer.backward(doutput.reshape(T // d, d * B, H), cache)

assert np.allclose(output, folded(x, d), rtol=1e-12)  # and our fold is the library's layer
assert np.allclose(dx, dx_folded.reshape(T, B, D), rtol=1e-10)
for name in grads:
    assert np.allclose(grads[name], grads_folded[name], rtol=1e-10)
print("the same gradients:", ["dx", *grads])

# %% [markdown]
# ## What it is worth
#
# The fold does the same arithmetic: in both loops $T B$ rows go through the matrices. But it does so in $d$ times fewer steps, each of them
# with a $d$ times larger matrix product. A step costs something before the first number is multiplied: the loop of Python, the calls
# into NumPy, small products that keep no processor busy. Let us time both, for dilations from 1 to 64.


# %%
def seconds(function, *arguments):
    """Return the shortest of several runs."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return min(times)


long_x = rng.standard_normal((size(1024, 8192), 8, D))  # (T, B, D)
dilations = [1, 2, 4, 8, 16, 32, 64]
ratios = []
for dilation in dilations:
    assert np.allclose(naive(long_x, dilation), folded(long_x, dilation), rtol=1e-9, atol=1e-12)
    ratios.append(seconds(naive, long_x, dilation) / seconds(folded, long_x, dilation))
    folded_steps = len(long_x) // dilation
    print(f"d = {dilation:2d}: {folded_steps:5d} steps, the fold is {ratios[-1]:5.1f} times as fast")

# %%
ax = drn.plot.new_axes()
ax.loglog(dilations, ratios, "o-", base=2, label="measured")
ax.loglog(dilations, dilations, "--", base=2, color="grey", label="d: if every step cost the same")
ax.set_xticks(dilations, dilations)
ax.set_yticks(dilations, dilations)
ax.set(xlabel="dilation d", ylabel="time of the naive loop / time of the fold")
ax.legend(frameon=False)
show(ax)

# %% [markdown]
# For small dilations the steps are what costs, and the curve stays near the dashed line. For large ones the arithmetic itself is what
# is left, which cannot be folded away, and the curve bends. **Looking back further does not cost more, it costs less.** (Your numbers will
# differ from run to run.)
#
# ## Where d does not divide T
#
# Eleven steps in four phases: the phases are no longer equally long. One could append zeros until $d$ divides $T$. There is no need: the
# last folded step simply runs on fewer rows. And since the steps that remain are of the *first* phases, they are the first rows.

# %%
show(drn.plot.fold(11, 4))
print("steps in each phase:", [len(range(p, 11, 4)) for p in range(4)])


# %%
def folded_any(x, h, d):
    """Return h_0 … h_{T-1}, (T, B, H), and the state after them; h is the state before, (d*B, H)."""
    T, B, D = x.shape
    rows, n = x.reshape(T * B, D), d * B  # row t*B + b; a folded step is a block of n rows
    states, h = np.empty((T * B, H)), h.copy()
    for start in range(0, T * B, n):
        block = rows[start : start + n]  # (w, D)
        w = len(block)  # n, less in the last block
        h[:w] = np.tanh(block @ W_x.T + h[:w] @ W_h.T + b)  # the other rows keep their state
        states[start : start + w] = h[:w]
    return states.reshape(T, B, H), h


tried = 0
for length in range(1, 13):
    for dilation in range(1, 15):  # also larger than the sequence
        states, _ = folded_any(x[:length], np.zeros((dilation * B, H)), dilation)
        assert np.allclose(states, naive(x[:length], dilation), rtol=1e-12)
        tried += 1
print(f"equal to the naive loop for {tried} pairs of T and d")

# %% [markdown]
# ## The state: two orders
#
# A dilated layer that is to go on later must keep its last $d$ states. After the loop above, row block $p$ of `h` holds the *newest* step
# of phase $p$. Which step is that? Let us write the number of the step into each place:

# %%
T = 11
newest = np.full(d, -1)
for t in range(T):
    newest[t % d] = t
in_time = np.roll(newest, -(T % d))
print("phase order:", newest, "  time order:", in_time)
assert in_time.tolist() == list(range(T - d, T))

# %% [markdown]
# The two orders differ by a roll: in phase order the oldest of the $d$ steps stands at place $T \bmod d$, in time order it comes first.
#
# | | place $j$ holds the step |
# |---|---|
# | phase order | the newest $t$ with $t \bmod d = j$ |
# | time order | $T - d + j$, which has the phase $(T + j) \bmod d$ |
#
# The library returns time order, `(d, B, H)`. That is the order a reader expects, and it has a second virtue. A next chunk counts its
# steps from 0 again; its step $j$ is the step $T + j$ of the whole and needs the state of step $T + j - d$. That is place $j$ of the time
# order. **Time order is the phase order of the next chunk**, so it can be fed in as it is.

# %%
x = rng.standard_normal((T, B, D))
states, h = folded_any(x, np.zeros((d * B, H)), d)
in_time = np.roll(h.reshape(d, B, H), -(T % d), axis=0)  # (d*B, H) -> (d, B, H)
_, state, _ = dilated_layer.forward(x)
assert np.allclose(in_time, states[-d:], rtol=1e-12)  # the last d states
assert np.allclose(in_time, state[0][0], rtol=1e-12)  # and what the library returns

# %% [markdown]
# A sequence cut into chunks must give what the whole gives, wherever it is cut. Some of the chunks here are shorter than the dilation:
# then the new state still holds some of the old one.

# %%
whole = rng.standard_normal((25, B, D))
chunks = np.split(whole, [3, 5, 16, 17])
h, state, pieces = np.zeros((d * B, H)), None, []
for chunk in chunks:
    states, h = folded_any(chunk, h, d)
    in_time = np.roll(h.reshape(d, B, H), -(len(chunk) % d), axis=0)
    output, state, _ = dilated_layer.forward(chunk, state)
    assert np.allclose(states, output, rtol=1e-12) and np.allclose(in_time, state[0][0], rtol=1e-12)
    h = in_time.reshape(d * B, H)  # ready for the next chunk
    pieces.append(states)
assert np.allclose(np.concatenate(pieces), naive(whole, d), rtol=1e-12)
print("chunks of", [len(chunk) for chunk in chunks], f"steps equal the whole of {len(whole)}")

# %% [markdown]
# ## How the library lays it out
#
# [recurrence/scan.py](../dilated_rnn_np/recurrence/scan.py) does the same with two changes. First, it lies *feature-major*: a column for
# each (time, row), `t*B + b`, and a row for each number. With several gates, each gate is then a block of whole rows. Second, it puts all
# that a step needs into one buffer $Z$, and all weights into one matrix $W$, which `join_weights` in
# [recurrence/gates.py](../dilated_rnn_np/recurrence/gates.py) builds:
#
# $$a = W_x x_t + b + W_h h_{t-d} \;=\; \underbrace{[\,W_x,\; b,\; W_h\,]}_{W} \; \underbrace{\begin{bmatrix} x_t \\ 1 \\ h_{t-d} \end{bmatrix}}_{Z}$$
#
# so that **one** matrix product per step serves input, bias and recurrence. A folded step is a block of $n = dB$ neighbouring columns of $Z$.
# The states that it computes are written into the $h$ rows of the *next* block, because there they are $h_{t-d}$.

# %%
cell, n = dilated_layer.layers[0].cell, d * B
W = join_weights(cell, W_x, W_h, b)  # (H, D+1+H)
assert np.array_equal(W, np.concatenate([W_x, b[:, None], W_h], axis=1))

Z = np.zeros((D + 1 + H, (T + d) * B))  # d steps longer than the sequence: the last block hands its states on too
Z[:D, :-n], Z[D] = x.reshape(T * B, D).T, 1  # the first h rows stay zero: the state before the start
for start in range(0, T * B, n):
    now = slice(start, min(start + n, T * B))
    later = slice(start + n, now.stop + n)  # d steps later
    a = W @ Z[:, now]  # (H, w): the only matrix product of the step
    assert np.allclose(a, W_x @ Z[:D, now] + b[:, None] + W_h @ Z[D + 1 :, now], rtol=1e-12)
    Z[D + 1 :, later] = np.tanh(a)

states = Z[D + 1 :, n:].T.reshape(T, B, H)  # (H, T*B) -> (T, B, H)
output, _, cache = dilated_layer.forward(x)
assert np.allclose(states, naive(x, d), rtol=1e-12) and np.allclose(states, output, rtol=1e-12)
assert np.allclose(Z[:, :-n], cache.layers[0].Z[:, :-n], rtol=1e-12)  # the buffer that the library keeps for backward
print("W", W.shape, "  Z", Z.shape, f"  {len(range(0, T * B, n))} products W @ Z[:, now] for {T} steps")

# %% [markdown]
# ## The scan, forward
#
# Slices of columns need indices, and indices hide the idea. So the scan folds its arrays first. `scan.fold` returns two views of an
# array `(rows, T*B)`: all whole steps, `(rows, steps, n)`, and the narrow step that remains where $d$ does not divide $T$,
# `(rows, 1, w)`. In the first view, `[:, t]` is a folded step:

# %%
for view in scan.fold(Z[:, :-n], n, slice(0, n)):
    assert np.shares_memory(view, Z)  # nothing is copied
    print(view.shape)
z, h_next = (scan.fold(columns, n, slice(0, n))[0] for columns in (Z[:, :-n], Z[-H:, n:]))
h_next[:, 0] += 1  # the h rows of Z, n columns later …
assert np.array_equal(z[-H:, 1], h_next[:, 0])  # … are the h rows of the next folded step
h_next[:, 0] -= 1

# %% [markdown]
# Here is `scan.forward` without its options, for any cell. The cell is a function of its pre-activations and its previous state
# ([tutorial 4](04_gates.ipynb)); $P$ is the number of its pre-activations. `states` holds the newest state of each phase, in phase order,
# before and after.


# %%
def forward(cell, W, Z, x, states):
    """Fill Z and return the cell's caches, one per folded step; states, (n, H) per state array, are changed in place."""
    (n, H), D, caches = states[0].shape, len(x), []
    Z[-H:, :n] = states[0].T  # what the first folded step reads
    whole_and_rest = [scan.fold(columns, n, slice(0, n)) for columns in (Z[:, :-n], x, Z[-H:, n:])]
    for z, x_z, h_next in zip(*whole_and_rest, strict=True):  # the whole steps, then the narrow one
        steps, w = z.shape[1:]
        newest = tuple(s[:w].T.copy() for s in states)  # (w, H) -> (H, w); copied, because the caches keep it
        for t in range(steps):  # an ordinary recurrence: each step reads the state that the step before wrote
            z[:D, t] = x_z[:, t]
            a = W @ z[:, t]  # (P*H, w)
            newest, cache = cell.forward(tuple(a.reshape(-1, H, w)), (z[-H:, t], *newest[1:]))
            h_next[:, t] = newest[0]
            caches.append(cache)
        for s, s_new in zip(states, newest, strict=True):
            s[:w] = s_new.T
    return caches


x_columns = np.ascontiguousarray(x.reshape(T * B, D).T)  # (T, B, D) -> (D, T*B)
by_hand = {}
for name in ("rnn", "lstm", "gru"):
    layer = drn.DilatedRNN(D, H, dilations=[d], cell=name, dtype="float64", rng=1)
    weights = {key.removeprefix("layers.0."): p for key, p in layer.params.items()}
    for p in weights.values():
        p += 0.1 * rng.standard_normal(p.shape)  # so that no bias is 0
    W = join_weights(layer.cell, **weights)  # (P*H, D+1+H)
    Z = np.ones((D + 1 + H, (T + d) * B))
    states = [np.zeros((n, H)) for _ in layer.cell.state]
    caches = forward(layer.cell, W, Z, x_columns, states)
    output, state, cache = layer.forward(x)
    assert np.allclose(Z[-H:, n:].T.reshape(T, B, H), output, rtol=1e-12)
    for s, in_time in zip(states, state[0], strict=True):
        assert np.allclose(np.roll(s.reshape(d, B, H), -(T % d), axis=0), in_time, rtol=1e-12)
    by_hand[name] = layer, W, Z, caches, cache
    print(f"{name:<5} W {W.shape}, {len(caches)} folded steps: the library's outputs and state")

# %% [markdown]
# The GRU has three gates and four pre-activations, $P = 4$. Its candidate wants the input part $W_x x + b$ and the recurrent part
# $W_h h + b_h$ apart, and the cell adds them itself. In $W$ the two are rows of their own, with zeros in the other part:

# %%
W = by_hand["gru"][1]
for block, rows in zip(("r", "z", "n", "n, recurrent part"), np.split(W, 4), strict=True):
    from_x, from_h = rows[:, :D].any(), rows[:, D + 1 :].any()
    print(f"rows of {block:<18}", "W_x and b" if from_x else "zeros and b_h", "|", "W_h" if from_h else "zeros")
assert not W[2 * H : 3 * H, D + 1 :].any() and not W[3 * H :, :D].any()

# %% [markdown]
# ## The scan, backward
#
# The backward pass mirrors the forward pass, last step first. With `da` the gradient of a step's pre-activations, three products follow:
#
# | product | gradient of | has to wait for |
# |---|---|---|
# | `W_h.T @ da` | $h_{t-d}$ | the step after it: it is part of that step's own `dnew` |
# | `W_x.T @ da` | $x_t$ | nothing |
# | `da @ z[:, t].T` | $W$: all weights and biases at once | nothing |
#
# The second one uses only the rows of $W$ that see $x$, `W[:G*H]`; below them stand the recurrent parts of split gates.


# %%
def backward(cell, W, Z, dh, dstates, caches):
    """Return dx (D, T*B) and dW; dh is (H, T*B); dstates, (n, H) per state array, are changed in place."""
    n, D, k = len(dstates[0]), len(Z) - 1 - len(dh), len(caches)
    input_rows = len(cell.gates) * len(dh)  # G*H
    W_x, W_h = W[:input_rows, :D], W[:, D + 1 :]
    dx, dW = np.empty((D, dh.shape[1])), np.zeros_like(W)
    whole_and_rest = [scan.fold(columns, n, slice(0, n)) for columns in (Z[:, :-n], dh, dx)]
    for z, dh_z, dx_z in reversed(list(zip(*whole_and_rest, strict=True))):  # the narrow step, then the whole ones
        steps, w = z.shape[1:]
        dnewest = tuple(ds[:w].T.copy() for ds in dstates)  # (w, H) -> (H, w)
        for t in reversed(range(steps)):
            k -= 1
            dnew = (dnewest[0] + dh_z[:, t], *dnewest[1:])  # through time, and from above
            da, dprevious = cell.backward(dnew, caches[k])
            da = np.concatenate(da)  # P times (H, w) -> (P*H, w)
            dnewest = (dprevious[0] + W_h.T @ da, *dprevious[1:])
            dx_z[:, t] = W_x.T @ da[:input_rows]
            dW += da @ z[:, t].T
        for ds, ds_before in zip(dstates, dnewest, strict=True):
            ds[:w] = ds_before.T
    return dx, dW


doutput = rng.standard_normal((T, B, H))
for name, (layer, W, Z, caches, cache) in by_hand.items():
    dstates = [np.zeros((n, H)) for _ in layer.cell.state]
    dx, dW = backward(layer.cell, W, Z, doutput.reshape(T * B, H).T, dstates, caches)
    dx_library, dstate, grads = layer.backward(doutput, cache)
    assert np.allclose(dx.T.reshape(T, B, D), dx_library, rtol=1e-10)
    for key, gradient in separate_weights(layer.cell, dW, D).items():  # mirrors join_weights
        assert np.allclose(gradient, grads[f"layers.0.{key}"], rtol=1e-10)
    for ds, in_time in zip(dstates, dstate[0], strict=True):
        assert np.allclose(ds.reshape(d, B, H), in_time, rtol=1e-10)  # of the state before the sequence
    print(f"{name:<5} dx, dstate and the gradients of {len(grads)} arrays: the library's")

# %% [markdown]
# ## Read the library's version
#
# Now open [scan.py](../dilated_rnn_np/recurrence/scan.py). The two loops over `t` are functions of their own there, `steps_forward` and
# `steps_backward`: an ordinary recurrence over folded steps, forward and back. `forward` and `backward` fold the arrays, call them for the
# whole steps and for the narrow one, and put the states back. All else that you meet:
#
# | in the code | purpose |
# |---|---|
# | `part` | The columns of a folded step never meet, so some of them can go through all steps by themselves, on another thread. Above, `part` was `slice(0, n)`. |
# | `caches`, `first` | The list is given and has one entry per folded step. An old entry is freed just before its replacement is allocated, so the memory is reused. |
# | `valid` | Rows may end before step $T$. A step past a row's end copies the state that it reads; backward passes that state's gradient on unchanged, and sets `da` to 0. |
# | `steps_per_product`, `products`, `submit` | The two products that wait for nothing are computed for many steps at once, and on another core where one is free. `at_once` computes them on the spot. |
# | `.transpose(1, 0, 2)` | `(D, k, w)` becomes `(k, D, w)`: `matmul` multiplies the last two axes, for each of k steps. |
# | `dh_total` | Receives `dnew[0]`, the whole gradient of each output; `drn.memory.gradient_flow` measures it. |
# | `check_state` | Raises an error where a cell of your own returns states of a wrong shape. |
# | `others` | The gradients of the other state arrays; a cell may return the number 0 in place of an array of zeros. |
# | `gate_values` | Collects the gates in the caches, for pictures. |
#
# What `part`, `caches` and `submit` are worth is measured in [13. What a training step costs](13_what_a_step_costs.ipynb).
#
# One level up, [nets/dilated_layer.py](../dilated_rnn_np/nets/dilated_layer.py) does what we did around our `forward`: it joins the weights,
# makes the buffer $Z$, runs the parts, and brings the states from phase order into time order. A roll does that where all rows have $T$
# steps. With `lengths`, each row ends at a step of its own and needs a roll of its own. `_phases` writes all of them as one index: place $j$
# of row $b$ in time order has the phase $(\mathrm{lengths}_b + j) \bmod d$.

# %%
lengths = np.array([11, 6])
phases = (lengths + np.arange(d)[:, None]) % d  # (d, B)
print("row 0 ends after 11 steps, its places have the phases", phases[:, 0])
print("row 1 ends after  6 steps, its places have the phases", phases[:, 1])
by_phase = np.empty((d, B, H))
for row, length in enumerate(lengths):
    _, newest = folded_any(x[:length, [row]], np.zeros((d, H)), d)  # this row alone, (d, H)
    by_phase[:, row] = newest
_, state, _ = dilated_layer.forward(x, lengths=lengths)
assert np.allclose(by_phase[phases, np.arange(B)], state[0][0], rtol=1e-12)

# %% [markdown]
# ## Exercises
#
# Fill in the functions and run the cell: the checker says what is wrong. `hint("5.1", 1)` gives a nudge, higher numbers more; the
# solutions are in `solutions/ex05.py`.
#
# **5.1** The fold, for a sequence whose length $d$ divides, with $F$ numbers per step: `(T, B, F)` becomes `(T/d, d*B, F)`, and row `p*B + b` of step `q` is row `b` of
# time step `q*d + p`.


# %%
def fold(x, d):
    """Return x (T, B, F) folded, (T/d, d*B, F)."""


check("5.1", fold)

# %% [markdown]
# **5.2** A dilated vanilla layer by folding, for any $T$, without padding. `x` is `(T, B, D)`, the state before the start is zero. Return the
# states `(T, B, H)`. Take $d$ time steps at once.


# %%
def layer_states(x, W_x, W_h, b, d):
    """Return h_0 … h_{T-1}, (T, B, H)."""


check("5.2", layer_states)

# %% [markdown]
# **5.3** The state in time order. `h` is in phase order, `(d*B, H)`: row `p*B + b` holds the newest step of phase `p`, after `T` steps. Return
# the last $d$ states, oldest first, `(d, B, H)`.


# %%
def time_order(h, T, d):
    """Return the state (d*B, H) in time order, (d, B, H)."""


check("5.3", time_order)
hint("5.3", 1)

# %% [markdown]
# ## Where next
#
# One dilated layer sees few of its inputs; now that it is cheap, put several on top of each other:
# [6. Stacks](06_stacks.ipynb).
