# %% [markdown]
# # 6. Stacks with exponentially increasing dilations
#
# **What you will do.** Put dilated layers on top of each other so that every span, short or long, is crossed in a few hops. Build
# the stack by hand, let it start at a larger dilation and see why that needs a *fusion layer*, then cut sequences into chunks
# and streams without changing a single number.
#
# **What you need.** The dilated recurrent connection $h_t = \tanh(W_x x_t + b + W_h h_{t-d})$ of
# [tutorial 3](03_dilated_skip_connection.ipynb) and its backward pass; from
# [tutorial 5](05_dilation_is_a_reshape.ipynb), that a layer of dilation $d$ computes $d$ steps at once. Reading time: 25 minutes.

# %%
import time

import numpy as np
from exercises import check, hint
from tools import explorer_page, show, size

import dilated_rnn_np as drn
from dilated_rnn_np import paths, plot

# %% [markdown]
# ## One dilation is not enough
#
# A layer of dilation $d$ has one way through time: hops of $d$ steps. A small $d$ reaches every span, in many hops. A large $d$
# takes few hops, but reaches only its own multiples. `drn.memory.reached_spans` sends a gradient back through a real layer and
# tells which earlier inputs the last output depends on:

# %%
small, large = drn.DilatedRNN(1, 4, [1]), drn.DilatedRNN(1, 4, [8])
print("d = 1 reaches the spans", drn.memory.reached_spans(small, 17).tolist())
print("d = 8 reaches the spans", drn.memory.reached_spans(large, 17).tolist())
assert drn.memory.reached_spans(small, 17).tolist() == list(range(17))
assert drn.memory.reached_spans(large, 17).tolist() == [0, 8, 16]

# %% [markdown]
# ## Many dilations: spans in binary
#
# Put layers on top of each other, and let layer $l$ hop by
#
# $$s(l) = M^{\,l-1}, \qquad l = 1 \dots L$$
#
# | equation | code |
# |---|---|
# | $s(l) = M^{l-1}$ | `drn.exponential_dilations(L, base=M)`, a list; the code counts layers from 0, so $s(l)$ is entry `l - 1` |
#
# With $M = 2$ the dilations are 1, 2, 4, 8, …: the place values of binary numbers. A path goes up through the layers, and in each
# layer it may hop. To cross $n$ steps, write $n$ in binary and hop once in each layer whose digit is 1:

# %%
L, M = 4, 2
dilations = drn.exponential_dilations(L, base=M)
assert dilations == [M ** (layer - 1) for layer in range(1, L + 1)] == [1, 2, 4, 8]
graph = paths.dilated_stack(dilations)
hops = paths.recurrent_lengths(graph, M**L - 1) - L  # edges of the shortest path, less the L upward ones
for n in (1, 8, 11, 15):
    print(f"span {n:2d} = {n:04b} in binary: hops: {hops[n]:.0f}")
assert all(hops[n] == bin(n).count("1") for n in range(M**L))

# %% [markdown]
# So no span below $2^L$ takes more than $L$ hops. Here is the worst of them, all digits 1: one hop in each layer.

# %%
drawing = plot.network(graph, 16, path=(0, 15))
assert len(drawing.path) - 1 == L + L  # L edges upward and L hops
show(drawing)
explorer_page()  # writes explorer.html, which the next link opens

# %% [markdown]
# Try other spans in [the explorer](explorer.html#d=1,2,4,8&T=16&from=0&to=15): type where the path ends, or drag a dilation, and see the
# binary digits as hops. Nine layers cross [300 steps in four hops](explorer.html#d=1,2,4,8,16,32,64,128,256&T=320&from=0&to=300).
#
# [![The explorer: a path over 15 steps takes one hop in each of four layers](pictures/explorer_path.png)](explorer.html#d=1,2,4,8&T=16&from=0&to=15)
#
# For the same number of layers, a stack whose dilations are all 1 needs a hop for every step. We count both for nine layers:

# %%
limit = 511
binary = paths.recurrent_lengths(paths.dilated_stack(drn.exponential_dilations(9)), limit) - 9
plain = paths.recurrent_lengths(paths.plain_stack(9), limit) - 9
assert binary.max() == 9 and plain.max() == limit
ax = plot.new_axes(7.0, 3.4)
ax.plot(plain, color="#D55E00", linestyle="--", label="dilations 1, 1, …, 1")
ax.plot(binary, color="#0072B2", linewidth=0.9, label="dilations 1, 2, …, 256")
ax.set(xlabel="span n (time steps)", ylabel="hops on the shortest path", yscale="symlog", ylim=(0, 1000))
ax.legend(frameon=False)
show(ax)

# %% [markdown]
# Another base works the same way. With $M = 3$ a digit is 0, 1 or 2, so a layer hops up to twice, and fewer layers cover the
# same span. The number of hops is the sum of the digits:


# %%
def digits(n, M):
    """Return the digits of n in base M, the lowest first."""
    return [n % M, *digits(n // M, M)] if n else []


ternary = paths.recurrent_lengths(paths.dilated_stack(drn.exponential_dilations(4, base=3)), 80) - 4
assert drn.exponential_dilations(4, base=3) == [1, 3, 9, 27]
assert all(ternary[n] == sum(digits(n, 3)) for n in range(3**4))
print("span 80 in base 3:", digits(80, 3), f"→ {ternary[80]:.0f} hops with 4 layers")

# %% [markdown]
# ## The stack by hand
#
# A stack is composition: the outputs of layer $l$ are the inputs of layer $l + 1$, at every time step.
#
# $$x_t^{(1)} = x_t, \qquad h_t^{(l)} = \tanh\big(W_x^{(l)} x_t^{(l)} + b^{(l)} + W_h^{(l)} h_{t-s(l)}^{(l)}\big), \qquad x_t^{(l+1)} = h_t^{(l)}$$
#
# We make the stack and, beside it, one model a layer with the same numbers in it. Going back is composition in reverse: the
# gradient `dx` of a layer's input *is* the gradient of the output of the layer below.

# %%
T, B, D, H = 21, 2, 3, 5
rng = np.random.default_rng(0)
x = rng.standard_normal((T, B, D))
stack = drn.DilatedRNN(D, H, [1, 2, 4], dtype="float64")

layers = []
for l, d in enumerate(stack.dilations):
    layer = drn.DilatedRNN(D if l == 0 else H, H, [d], dtype="float64")
    for name in ("W_x", "W_h", "b"):
        layer.params[f"layers.0.{name}"][...] = stack.params[f"layers.{l}.{name}"]
    layers.append(layer)

h, caches = x, []
for layer in layers:  # forward, bottom to top
    h, _, cache = layer.forward(h)
    caches.append(cache)
output, _, cache = stack.forward(x)
assert np.allclose(h, output, rtol=1e-12)

doutput = rng.standard_normal(output.shape)
dx_stack, _, grads = stack.backward(doutput, cache)
dh = doutput
for l in reversed(range(3)):  # backward, top to bottom
    dh, _, own = layers[l].backward(dh, caches[l])
    for name in ("W_x", "W_h", "b"):
        assert np.allclose(own[f"layers.0.{name}"], grads[f"layers.{l}.{name}"], rtol=1e-10)
assert np.allclose(dh, dx_stack, rtol=1e-10)
print("three layers by hand equal the stack, forward and backward")

# %% [markdown]
# Nothing in this asks for powers, for increasing order, or for equal layers. Any positive whole numbers will do, with one hidden size
# for all layers or one for each. `summary` says what came of it:

# %%
odd = drn.DilatedRNN(3, [16, 8, 4], dilations=[5, 1, 3], cell="gru", output_size=2)
odd.summary()
assert [odd.params[f"layers.{l}.W_h"].shape for l in range(3)] == [(3 * 16, 16), (3 * 8, 8), (3 * 4, 4)]

# %% [markdown]
# ## The generalised net: start at a larger dilation
#
# The layers with the small dilations are the slow ones: tutorial 5 showed that a layer of dilation $d$ takes $T / d$ steps
# one after the other. If the input changes slowly, we may leave the small dilations out and begin at $M^{l_0}$:
#
# $$s(l) = M^{\,l - 1 + l_0}$$
#
# The price shows at once. All dilations are multiples of $K = M^{l_0}$, so every path has a length that is a multiple of $K$: a time step
# never meets a step whose remainder modulo $K$ is different. We look at the stack without a read-out:

# %%
l0 = 2
dilations = drn.exponential_dilations(3, base=2, start=l0)
K = 2**l0
assert dilations == [4, 8, 16] and np.gcd.reduce(dilations) == K
bare = drn.DilatedRNN(D, H, dilations, dtype="float64")
spans = drn.memory.reached_spans(bare, 25)
print("dilations", dilations, "reach the spans", spans.tolist())
assert spans.tolist() == list(range(0, 25, K))

# %% [markdown]
# Inside the stack there are now $K$ nets that share their weights and never talk: one for each residue. They must be joined at the end. The
# *fusion layer* is a convolution over time, $1 \times K$, on the top layer's outputs: a weighted sum over a window of the newest $K$ steps,
# one from each of the $K$ nets, with the same weights at every $t$. With it, every span is reached:

# %%
model = drn.DilatedRNN(D, H, dilations, output_size=2, readout="all", dtype="float64")
for name in bare.params:
    model.params[name][...] = bare.params[name]
spans = drn.memory.reached_spans(model, 25)
print("with the fusion layer    ", spans.tolist())
assert spans.tolist() == list(range(25))
show(plot.network(paths.dilated_stack([2, 4, 8]), 16, path=(0, 15)))

# %% [markdown]
# The picture shows $l_0 = 1$: even and odd steps are two nets, and only the fusion layer on top (green) lets a step see both. The
# highlighted path crosses an odd span, and can do it only through the fusion layer's slanted edge.
#
# ### Fusion by hand
#
# In equations, with $h_t$ the top layer's output and zeros before the start:
#
# $$y_t = b + \sum_{k=0}^{K-1} W_k\, h_{t-K+1+k}$$
#
# | symbol | code | shape |
# |---|---|---|
# | $[W_0 \; W_1 \dots W_{K-1}]$ | `readout.W` | `(O, K*H)`: $K$ column blocks, that of the newest step last |
# | $W_k$ | `W[:, k * H : (k + 1) * H]` | `(O, H)` |
# | $b$ | `readout.b` | `(O,)` |
#
# For $K = 1$ the sum has one term, and the fusion layer is the ordinary read-out $y_t = b + W h_t$.

# %%
W, b = model.params["readout.W"], model.params["readout.b"]
assert W.shape == (2, K * H)
h, _, _ = bare.forward(x)  # (T, B, H)
y = np.zeros((T, B, 2))
for t in range(T):
    y[t] = b
    for k in range(K):
        if t - K + 1 + k >= 0:
            W_k = W[:, k * H : (k + 1) * H]
            y[t] += h[t - K + 1 + k] @ W_k.T
output, state, cache = model.forward(x)
assert np.allclose(y, output, rtol=1e-12)
print("fusion by hand equals the library")

# %% [markdown]
# The read-out comes in two kinds. `readout="all"` gives an output at every step, `(T, B, O)`, for tasks such as predicting the next
# value. `readout="last"` gives one at the end, `(B, O)`, for tasks such as naming what the sequence was. The second is the last step of the
# first:

# %%
at_end = drn.DilatedRNN(D, H, dilations, output_size=2, readout="last", dtype="float64")
for name in model.params:
    at_end.params[name][...] = model.params[name]
last, _, _ = at_end.forward(x)
print("all:", output.shape, " last:", last.shape)
assert np.allclose(last, output[-1], rtol=1e-12)

# %% [markdown]
# ## The state: what a layer must remember
#
# An ordinary recurrent layer can be stopped and continued if we keep its last state. A layer of dilation $d$ reads $h_{t-d}$, so to go on it
# needs the outputs of its last $d$ steps: the next step reads the oldest of them. `forward` returns a list with one tuple per layer. It
# holds one array `(d, B, H)` per state array of the cell (`h`, and in an LSTM also `c`): the last $d$ steps in time order, so `[-1]` is the newest.
#
# What of the fusion layer? At the first step of the next chunk it looks back at the top layer's last $K - 1$ outputs. It needs no entry
# of its own: $K$ divides every dilation, so the top layer's state already holds its last $K$ outputs and more.

# %%
assert len(state) == len(dilations)
for l, (h_last,) in enumerate(state):
    print(f"layer {l}, dilation {dilations[l]:2d}: {h_last.shape}")
for (h_last,), shown, d in zip(state, drn.memory.activations(model, x), dilations, strict=True):
    assert np.array_equal(h_last, shown["h"][-d:])  # the last d steps, in time order
assert np.array_equal(state[-1][0][-(K - 1) :], h[-(K - 1) :])  # what the fusion layer will look back at

# %% [markdown]
# ## Chunks
#
# Hand the state to the next call, and a sequence may be cut anywhere, also into pieces shorter than a dilation. We cut at random
# places and compare outputs and the final state:

# %%
for _ in range(20):
    cuts = np.sort(rng.choice(np.arange(1, T), size=4, replace=False))
    carried, parts = None, []
    for chunk in np.split(x, cuts):
        part, carried, _ = model.forward(chunk, carried)
        parts.append(part)
    assert np.allclose(np.concatenate(parts), output, rtol=1e-12)
    assert all(np.allclose(a, e, rtol=1e-12) for (a,), (e,) in zip(carried, state, strict=True))
print("last cut into pieces of", [len(chunk) for chunk in np.split(x, cuts)], "steps: the same outputs")

# %% [markdown]
# ### Gradients through the state
#
# What is handed forward as `state` is handed back as `dstate`. Each chunk's backward takes the gradient of the state it
# returned and gives the gradient of the state it was given; the parameters' gradients add up over the chunks, as they do over
# steps:

# %%
carried, caches = None, []
for chunk in np.split(x, cuts):
    _, carried, cache_of_chunk = model.forward(chunk, carried)
    caches.append(cache_of_chunk)

doutput = rng.standard_normal(output.shape)
dx, _, grads = model.backward(doutput, cache)  # the whole sequence at once
dstate, dx_parts, total = None, [], {name: 0.0 for name in grads}
for dchunk, cache_of_chunk in reversed(list(zip(np.split(doutput, cuts), caches, strict=True))):
    dx_part, dstate, own = model.backward(dchunk, cache_of_chunk, dstate)
    dx_parts.insert(0, dx_part)
    total = {name: total[name] + own[name] for name in own}
assert np.allclose(np.concatenate(dx_parts), dx, rtol=1e-10)
assert all(np.allclose(total[name], grads[name], rtol=1e-10) for name in grads)
print("chunked backward equals backward over the whole, for dx and", len(grads), "parameters")

# %% [markdown]
# ### Truncated on purpose
#
# A long stream has no end to start the backward pass from. *Truncated* backpropagation carries the state forward from chunk to chunk, and
# leaves `dstate` out on the way back. The outputs are exact; the gradient stops at the chunk's first step. Below, a loss at the very
# last step of a sequence, and how strongly each input acts on it according to the full and the truncated backward pass:

# %%
steps, piece = 96, 24
long = rng.standard_normal((steps, 8, 1))
net = drn.DilatedRNN(1, 16, drn.exponential_dilations(5), output_size=1, readout="all", dtype="float64")
carried, caches = None, []
for chunk in np.split(long, steps // piece):
    _, carried, cache_of_chunk = net.forward(chunk, carried)
    caches.append(cache_of_chunk)
dlast = np.zeros((piece, 8, 1))
dlast[-1] = 1.0  # the loss looks at the last step alone


def strength(hand_on):
    """Return the norm of dx at each step, going back through all chunks, with dstate handed on or dropped."""
    dstate, dchunk, out = None, dlast, []
    for cache_of_chunk in reversed(caches):
        dx_part, dstate, _ = net.backward(dchunk, cache_of_chunk, dstate if hand_on else None)
        dchunk = np.zeros_like(dlast)
        out.insert(0, np.linalg.norm(dx_part, axis=(1, 2)))
    return np.concatenate(out)


full, truncated = strength(hand_on=True), strength(hand_on=False)
assert np.allclose(truncated[-piece:], full[-piece:], rtol=1e-12)  # the same within the last chunk
assert (truncated[:-piece] == 0).all() and (full[:-piece] > 0).all()  # before it nothing
ax = plot.new_axes(7.0, 3.4)
ax.plot(full, color="#0072B2", label="dstate handed on: the full gradient")
ax.plot(truncated, color="#D55E00", linestyle="--", linewidth=2, label="dstate dropped: truncated")
for edge in range(piece, steps, piece):
    ax.axvline(edge - 0.5, color="#999999", linewidth=0.8)
ax.set(xlabel="time step of the input", ylabel="norm of dx", ylim=(-0.03, 1.3 * full.max()))
ax.legend(frameon=False, loc="upper left", ncols=2)
show(ax)

# %% [markdown]
# The grey lines are the chunk borders. A truncated net can still *use* what came earlier, as the state carries it; it is only not *taught*
# to keep what will be needed after the border. So a chunk should be longer than the spans that matter.
#
# ## Streaming: one step at a time
#
# In use there is often no sequence, only the next input: a microphone, a sensor. `model.step` takes one time step and the state, and gives
# one output and the next state. $T$ steps equal one forward pass over $T$ steps:

# %%
carried, streamed = None, []
for x_t in x:  # (B, D) each
    y_t, carried = model.step(x_t, carried)
    streamed.append(y_t)
assert np.allclose(streamed, output, rtol=1e-12)
print(f"{T} single steps equal the forward pass over all of them")

# %% [markdown]
# The state does not grow, so a step costs the same at the start of the stream and after any number of steps. We time the first and the last
# stretch of a stream; the ratio should be near one:

# %%
net = drn.DilatedRNN(1, 16, drn.exponential_dilations(8), output_size=1)
stretch, total_steps = 200, size(1200, 20000)
stream = rng.standard_normal((total_steps, 1, 1)).astype("float32")
carried, seconds, numbers = net.zero_state(1), [], []
for x_t in stream:
    start = time.perf_counter()
    _, carried = net.step(x_t, carried)
    seconds.append(time.perf_counter() - start)
    numbers.append(sum(array.size for entry in carried for array in entry))
early, late = np.median(seconds[:stretch]), np.median(seconds[-stretch:])
print(f"time of a step, the last {stretch} of {total_steps} against the first {stretch}: {late / early:.2f}")
print(f"numbers in the state: {numbers[0]} after the first step, {numbers[-1]} after the last")
assert set(numbers) == {16 * sum(net.dilations)}

# %% [markdown]
# ## Rows of different length
#
# A batch often holds sequences of different lengths. `lengths` says where each row ends: what lies behind the end influences nothing, its
# outputs are exactly 0, and the row's state is that of *its own* last step. Each row equals a run of that row alone:

# %%
lengths = np.array([21, 9])
padded, ended, _ = model.forward(x, lengths=lengths)
for row, length in enumerate(lengths):
    alone, state_alone, _ = model.forward(x[:length, row : row + 1])
    assert np.allclose(padded[:length, row], alone[:, 0], rtol=1e-12)
    assert (padded[length:, row] == 0).all()
    for (of_row,), (wanted,) in zip(ended, state_alone, strict=True):
        assert np.allclose(of_row[:, row], wanted[:, 0], rtol=1e-12)
print("each row of the ragged batch equals a run of its own")

# %% [markdown]
# ## Exercises
#
# Fill in the functions and run the cell: the checker says what is wrong. `hint("6.1", 1)` gives a nudge, higher numbers more; the
# solutions are in `solutions/ex06.py`.
#
# **6.1** How deep must a stack be? It has the dilations $1, M, M^2, \dots$ (with $M$ at least 2). Return the smallest number of
# layers with which every span up to `span` can be crossed with at most $M - 1$ hops in each layer, and the number of hops that `span`
# itself then takes.


# %%
def depth(span, M):
    """Return (num_layers, hops)."""


check("6.1", depth)

# %% [markdown]
# **6.2** The fusion layer. `h` is one sequence of the top layer's outputs, `(T, H)`; return $y$, `(T, O)`. The width $K$ follows from the
# shapes.


# %%
def fuse(h, W, b):
    """Return y_t = b + sum over k of W_k h_{t-K+1+k} for all t; h is 0 before the start, W is (O, K*H)."""


check("6.2", fuse)

# %% [markdown]
# **6.3** A dilated layer that can be continued. `x` is `(T, B, D)`, `state` is `(d, B, H)`: the outputs of the $d$ steps before the chunk, in
# time order. Return the outputs, `(T, B, H)`, and the state for the next chunk. $T$ may be smaller than $d$.


# %%
def forward_chunk(x, state, W_x, W_h, b):
    """Return (h, new_state) of a vanilla layer h_t = tanh(W_x x_t + b + W_h h_{t-d})."""


check("6.3", forward_chunk)
hint("6.3", 1)

# %% [markdown]
# **6.4** The read-out "last" for ragged rows. `h` is `(T, B, H)`, `lengths` holds a number from 1 to $T$ for each row, and `W` is
# `(O, K*H)` as in 6.2. Return `(B, O)`: the fusion layer at each row's own last step.


# %%
def read_last(h, lengths, W, b):
    """Return the fused output of each row at t = lengths[row] - 1."""


check("6.4", read_last)

# %% [markdown]
# ## Where next
#
# We counted hops for single spans. How good is a whole architecture, over all spans, and are powers of two the best one can do?
# [7. Memory capacity](07_memory_capacity.ipynb).
