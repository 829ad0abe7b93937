# %% [markdown]
# # 3. The dilated skip connection
#
# **What you will do.** Change one line in the loop of a recurrent layer, so that a step reads the state d steps before it and not
# the one right before. Then see what that one line does: to the path that information takes, and to the way the gradient takes back.
#
# **What you need.** The recurrent layer in matrices and its backward pass: tutorials 1 and 2. Reading time: 20 minutes.

# %%
import numpy as np
from exercises import check, hint
from tools import explorer_page, show

import dilated_rnn_np as drn

# %% [markdown]
# ## One line changes
#
# Write $c_t$ for the state of a recurrent layer and $f$ for what one step computes. An ordinary layer hands its state to the next
# step. A **dilated** layer hands it $d$ steps ahead; $d$ is called the *dilation*:
#
# | | equation | the line of code |
# |---|---|---|
# | ordinary | $c_t = f(x_t, c_{t-1})$ | `c.append(f(x[t], c[1 + t - 1]))` |
# | dilated | $c_t = f(x_t, c_{t-d})$ | `c.append(f(x[t], c[d + t - d]))` |
#
# The list starts with the states before the first step, which are zero. An ordinary layer needs one of them. A dilated layer needs
# $d$, because the steps $0, 1, \dots, d-1$ all look back to before the start. So the state of step $t$ stands at place $d + t$ of the
# list. For $f$ we take the vanilla layer, whose state is the vector $h$ of its outputs:
#
# $$f(x_t, h) = \tanh(W_x x_t + W_h h + b)$$

# %%
rng = np.random.default_rng(0)
T, D, H = 13, 2, 3  # steps, numbers per step, units
x = rng.standard_normal((T, D))
W_x, W_h, b = rng.standard_normal((H, D)), 0.6 * rng.standard_normal((H, H)), 0.1 * rng.standard_normal(H)


def f(x_t, h):
    """One step of a vanilla layer."""
    return np.tanh(W_x @ x_t + W_h @ h + b)  # (H,)


def ordinary(x):
    """Return h_0 … h_{T-1}, (T, H)."""
    c = [np.zeros(H)]  # c[1 + t] is the state at step t
    for t in range(len(x)):
        c.append(f(x[t], c[1 + t - 1]))
    return np.array(c[1:])


def dilated(x, d):
    """Return h_0 … h_{T-1}, (T, H)."""
    c = [np.zeros(H) for _ in range(d)]  # c[d + t] is the state at step t
    for t in range(len(x)):
        c.append(f(x[t], c[d + t - d]))
    return np.array(c[d:])


assert np.array_equal(dilated(x, 1), ordinary(x))  # dilation 1 is the ordinary layer

# %% [markdown]
# We wrote `c[d + t - d]` so that the line looks like the equation. It is of course `c[t]`: with $d$ zeros in front, the state $d$ steps
# before step $t$ stands at place $t$.
#
# Is that what the library computes? One layer of `DilatedRNN` with our three arrays must give the same states, and so must
# `drn.reference`, the paper's equations as plain loops. Sequences are time-major there, `(T, B, D)`, so we add a batch of one.

# %%
d = 4
model = drn.DilatedRNN(D, H, dilations=[d], dtype="float64")
for name, value in {"W_x": W_x, "W_h": W_h, "b": b}.items():
    model.params[f"layers.0.{name}"][...] = value

h = dilated(x, d)
output, state, cache = model.forward(x[:, None])  # (T, D) -> (T, 1, D)
slow, _, _ = drn.reference.forward(model.params, x[:, None], [d])
assert np.allclose(h, output[:, 0], rtol=1e-12) and np.allclose(h, slow[:, 0], rtol=1e-12)
print("the last state, by hand and in the library:", h[-1].round(4), output[-1, 0].round(4))

# %% [markdown]
# ## Not the same as a skip connection
#
# The idea to look further back is older. A *regular* skip connection keeps the ordinary edge and adds a second one, from $s$ steps before:
#
# $$c_t = f(x_t, c_{t-1}, c_{t-s}), \qquad \text{for instance} \qquad h_t = \tanh(W_x x_t + W_h h_{t-1} + W_s h_{t-s} + b)$$
#
# The dilated connection *replaces* the ordinary edge. Both are drawn below, unrolled over time. Each arrow upward carries an input
# into its step, each arrow to the right carries a state through time. A shortest path over the whole span is highlighted.

# %%
show(drn.plot.skip_comparison(skip=d, steps=T, path=(0, T - 1)))

# %% [markdown]
# The way from the first step to the last is equally short in both. Two things differ:
#
# * **Parameters.** The regular skip has a matrix $W_s$ more, and one more edge through time at each step.
# * **Waiting.** With the edge from $t-1$ no step can start before its neighbour is done. Without it, $d$ neighbours can be computed at
#   the same time. Tutorial 5 makes use of that; here we count the stages.

# %%
regular_graph, dilated_graph = drn.paths.skip_stack(1, d), drn.paths.dilated_stack([d], fusion=False)
for graph in (regular_graph, dilated_graph):
    frames = drn.plot.forward_frames(graph, T)  # first x, then a frame for each stage
    edges = drn.paths.recurrent_edges_per_node(graph)
    print(
        f"{graph.label:<17} {drn.paths.num_parameters(graph, D, H)} parameters, "
        f"{edges:.0f} edge(s) through time a step, {T} steps in {len(frames) - 1} stages"
    )
more, fewer = (drn.paths.num_parameters(graph, D, H) for graph in (regular_graph, dilated_graph))
assert more - fewer == H * H  # W_s
long_way, short_way = (drn.paths.shortest_path(graph, 0, T - 1) for graph in (regular_graph, dilated_graph))
assert len(long_way) == len(short_way)

# %% [markdown]
# ## Which inputs does the last output know of?
#
# What is dropped is dropped: look at the lower picture again. From the last step the arrows lead back $d$ steps, then $d$ more. The
# inputs in between are never met. We test it without any theory: change one input, and see whether the last state moves.

# %%
known = []
for n in range(T):  # n is the span: how many steps before the last one
    moved = x.copy()
    moved[T - 1 - n] += 1.0
    if not np.array_equal(dilated(moved, d)[-1], h[-1]):
        known.append(n)
print(f"the last state of the layer with d = {d} depends on the inputs", known, "steps before")
assert known == list(range(0, T, d))  # the multiples of d, no others
# the library asks the gradient (where is it not zero?) and the graph (where does a path lead?)
assert known == drn.memory.reached_spans(model, T).tolist()
assert known == drn.paths.reachable_spans(dilated_graph, T - 1).tolist()

# %% [markdown]
# Three ways to ask, one answer: **a dilated layer alone is blind for all spans that are no multiples of $d$.** It is really $d$ separate
# ordinary layers with shared weights, each of which reads every $d$-th input:

# %%
for first in range(d):
    assert np.array_equal(h[first::d], ordinary(x[first::d]))  # the steps first, first + d, first + 2d, …
print(f"{d} ordinary layers, over the inputs", [list(range(first, T, d)) for first in range(d)])

# %% [markdown]
# ## Two layers see everything
#
# The cure is a second layer. Let layer 1 have the dilation 1 and layer 2 the dilation $d$: layer 1 carries an input over a few
# steps, fewer than $d$, and layer 2 takes it the rest of the way in strides of $d$. The picture shows a shortest path over a span that
# is no multiple of $d$, and counts its edges.

# %%
span = 11
stack = drn.paths.dilated_stack([1, d])
path = drn.paths.shortest_path(stack, 0, span)
show(drn.plot.network(stack, span + 1, path=path))

# %%
upward = 2  # input to layer 1, layer 1 to layer 2
ones, fours = span % d, span // d  # hops in layer 1 and in layer 2
print(f"span {span} = {ones} * 1 + {fours} * {d}: {ones} + {fours} hops and {upward} edges upward")
assert len(path) - 1 == ones + fours + upward
two_layers = drn.DilatedRNN(D, H, dilations=[1, d], dtype="float64")
assert drn.memory.reached_spans(two_layers, T).tolist() == list(range(T))  # no span is left out

# %% [markdown]
# ## The number of hops
#
# Let a *hop* be one edge through time. Each hop is one product with $W_h$ and one `tanh`, and each leaves its mark on what is passed
# on. An ordinary layer needs $n$ hops for a span $n$; a dilated one needs $n/d$ for the spans that it reaches: **$d$ times fewer**. The
# stack of two layers needs a few more, for all spans.

# %%
limit = 40
one, four = drn.paths.dilated_stack([1]), drn.paths.dilated_stack([d], fusion=False)
spans = np.arange(0, limit + 1, d)
assert np.array_equal(drn.paths.recurrent_lengths(one, limit)[spans] - 1, spans)  # 1 edge leads upward
assert np.array_equal(drn.paths.recurrent_lengths(four, limit)[spans] - 1, spans / d)

ax = drn.plot.new_axes()
for graph, marker in ((one, "."), (four, "s"), (stack, "x")):
    hops = drn.paths.recurrent_lengths(graph, limit) - len(graph.nodes)  # infinite, not drawn: no path
    ax.plot(np.arange(limit + 1), hops, marker, label=graph.label.replace("RNN", "RNN, d ="))
ax.set(xlabel="span n (time steps)", ylabel="hops on the shortest path")
ax.legend(frameon=False)
show(ax)

# %% [markdown]
# ## The way back
#
# The gradient goes back along the edges on which the state came. So the backward pass changes in one place too: what a step hands
# back goes to the state $d$ steps before. As ever, `dh` is $\partial\mathcal{L}/\partial h$. We have one sequence here and no batch, so $x_t$,
# $h_t$ and $da_t$ are columns, and what was $da_t^\top x_t$ for the rows of tutorial 2 is now $da_t\,x_t^\top$.
#
# | forward | backward, in reverse order |
# |---|---|
# | $h_t$ is an output of the layer | $dh_t$ starts as the gradient from above |
# | $h_t = \tanh(a_t)$ | $da_t = dh_t \odot (1 - h_t^2)$ |
# | $a_t = W_x x_t + W_h h_{t-d} + b$ | $dW_x \mathrel{+}= da_t\,x_t^\top$, $\;dW_h \mathrel{+}= da_t\,h_{t-d}^\top$, $\;db \mathrel{+}= da_t$ |
# | | $dx_t = W_x^\top da_t$, $\;dh_{t-d} \mathrel{+}= W_h^\top da_t$ |
#
# Two things deserve a pause:
#
# * The last line says `+=`: $h_{t-d}$ was used twice, as an output and by step $t$. It gets a gradient from above *and* one through time.
# * In tutorial 2 one vector `dh` was enough to carry back. Now $d$ of them are on their way at once, so we keep a list `dc` in step with
#   the list `c`: place $d + t$ belongs to step $t$, place $t$ to the state it read.


# %%
def dilated_backward(x, h, doutput, d):
    """Return dx, dW_x, dW_h and db; doutput (T, H) is the gradient of each h_t from above."""
    c = [np.zeros(H)] * d + list(h)
    dc = [np.zeros(H)] * d + list(doutput)  # dc[d + t] is the gradient of h_t
    dx, dW_x, dW_h, db = np.zeros_like(x), np.zeros_like(W_x), np.zeros_like(W_h), np.zeros_like(b)
    for t in reversed(range(len(x))):
        da = dc[d + t] * (1 - h[t] ** 2)
        dW_x += np.outer(da, x[t])
        dW_h += np.outer(da, c[d + t - d])
        db += da
        dx[t] = W_x.T @ da
        dc[d + t - d] = dc[d + t - d] + W_h.T @ da  # d steps back; += would write into doutput
    return dx, dW_x, dW_h, db


doutput = rng.standard_normal((T, H))  # some gradient from above at every step
by_hand = dilated_backward(x, h, doutput, d)
dx, _, grads = model.backward(doutput[:, None], cache)
slow_dx, _, slow_grads = drn.reference.backward(model.params, x[:, None], [d], "rnn", doutput[:, None])
fast_ones, slow_ones = (dx[:, 0], *grads.values()), (slow_dx[:, 0], *slow_grads.values())
for mine, fast, slow in zip(by_hand, fast_ones, slow_ones, strict=True):
    assert np.allclose(mine, fast, rtol=1e-10) and np.allclose(mine, slow, rtol=1e-10)
print("equal to the library and to the reference:", ["dx", *grads])

# %% [markdown]
# Equal is good, but is it right? As in tutorial 1, the forward pass is the judge. With the loss $\sum_t d\text{output}_t \cdot h_t$ the gradient
# of each $h_t$ from above is just $d\text{output}_t$. Move one weight up and down, and compare:

# %%
eps, losses = 1e-6, []
for sign in (1, -1):
    W_h[0, 1] += sign * eps
    losses.append((doutput * dilated(x, d)).sum())
    W_h[0, 1] -= sign * eps
by_differences = (losses[0] - losses[1]) / (2 * eps)
print(f"dW_h[0, 1] by hand {by_hand[2][0, 1]:+.7f}   by differences {by_differences:+.7f}")
assert abs(by_hand[2][0, 1] - by_differences) < 1e-7 * max(1, abs(by_differences))

# %% [markdown]
# And where does the gradient go? Let the last step alone have a loss, and see which inputs get a gradient that is not zero. They are
# the same that the last output knows of:

# %%
last_only = np.zeros((T, H))
last_only[-1] = doutput[-1]
dx_last = dilated_backward(x, h, last_only, d)[0]
for n in known:
    print(f"{n:2d} steps back, {n // d} hop(s): the norm of dx is {np.linalg.norm(dx_last[T - 1 - n]):.5f}")
assert [n for n in range(T) if dx_last[T - 1 - n].any()] == known
explorer_page()  # writes explorer.html, which the next link opens

# %% [markdown]
# ## Step through it
#
# A stack with the dilations 1, 2 and 4 over sixteen steps, with a loss at the last one. Open
# [the explorer](explorer.html#d=1,2,4&T=16&mode=backward&r=0.8) in a browser and press *Play*: the gradient takes the stages of the
# forward pass in reverse, along every edge. The top layer throws it far, the layers below fill the gaps. The slider sets the factor per
# hop; choose the plain RNN to see the same factor applied once per step. (`dilated-rnn explore` writes this page for any net.)
#
# [![The explorer: the gradient of the last output on its way back, strong along few hops](pictures/explorer_backward.png)](explorer.html#d=1,2,4&T=16&mode=backward&r=0.8)
#
# The captions below follow the shortest way back, one edge per line, over ten steps:

# %%
deep, plain = drn.paths.dilated_stack([1, 2, 4]), drn.paths.plain_stack(3)
for frame in drn.plot.backward_frames(deep, steps=10):
    print(frame.caption)

# %%
for graph in (deep, plain):
    edges = drn.paths.recurrent_lengths(graph, 9)[9]
    print(f"{graph.label}: {edges:.0f} edges from the loss at step 9 to the input at step 0")
assert drn.paths.recurrent_lengths(deep, 9)[9] < drn.paths.recurrent_lengths(plain, 9)[9]

# %% [markdown]
# ## What fewer hops do to the gradient
#
# Each hop multiplies the gradient by $W_h^\top$ and by $1 - h^2 \le 1$. Fewer hops, fewer factors. We take two layers with the *same*
# weights, dilations 1 and 8, send the same sequences through, put a random loss on the last output, and measure the norm of the
# gradient that reaches the state $n$ steps before.

# %%
steps, units, far = 65, 16, 8
sequences = 1.5 * rng.standard_normal((steps, 8, D))  # (T, B, D)
norms = {}
for dilation in (1, far):
    layer = drn.DilatedRNN(D, units, dilations=[dilation], dtype="float64", rng=0)  # rng=0: the same weights
    norms[dilation] = drn.memory.gradient_flow(layer, sequences)[0]  # (T,), by span

ax = drn.plot.new_axes()
for (dilation, norm), marker in zip(norms.items(), ("-", "o--"), strict=True):
    reached = np.flatnonzero(norm)
    ax.semilogy(reached, norm[reached] / norm[0], marker, label=f"dilation {dilation}")
ax.set(xlabel="span n (time steps)", ylabel="norm of the gradient, 1 at the last step")
ax.legend(frameon=False)
show(ax)

# %%
left = {dilation: norm / norm[0] for dilation, norm in norms.items()}
longest = steps - 1
hops = longest // far
for dilation in left:
    taken, rest = longest // dilation, left[dilation][longest]
    print(f"dilation {dilation}: over {longest} steps in {taken:2d} hops {rest:.1e} is left")
print(f"dilation 1: over {hops:2d} steps in {hops:2d} hops {left[1][hops]:.1e} is left")
assert left[far][longest] > 1000 * left[1][longest]
assert 0.5 < left[far][longest] / left[1][hops] < 2  # the same number of hops
assert np.array_equal(np.flatnonzero(norms[far]), np.arange(0, steps, far))  # exactly zero in between

# %% [markdown]
# The gradient still shrinks with each hop, as before: after the same *number of hops* both layers have about as much left. But a hop
# now covers $d$ steps. **Dilation does not stop the shrinking, it slows it down in time by a factor of $d$.** What is done against the
# shrinking in a single hop is another story, and it is told next.
#
# ## Exercises
#
# Fill in the functions and run the cell: the checker says what is wrong. `hint("3.1", 1)` gives a nudge, higher numbers more; the
# solutions are in `solutions/ex03.py`.
#
# **3.1** The forward pass of a dilated layer over one sequence `x` of shape `(T, D)`. Return the states $h_0 \dots h_{T-1}$ as an array
# `(T, H)`; before the first step they are zero.


# %%
def states(x, W_x, W_h, b, d):
    """Return h_0 … h_{T-1} as an array (T, H)."""


check("3.1", states)

# %% [markdown]
# **3.2** The backward pass. `h` holds the states $h_0 \dots h_{T-1}$, `dh` the gradient of each of them from above, both `(T, H)`. Return
# `(dW_x, dW_h, db)`. Leave `dh` as it is: work on a copy.


# %%
def gradients(x, h, dh, W_h, d):
    """Return dW_x (H, D), dW_h (H, H) and db (H,)."""


check("3.2", gradients)

# %% [markdown]
# **3.3** Which spans does a *stack* reach? Given the list of its dilations, return a list of `limit + 1` booleans: entry `n` says whether
# a path leads from the input $n$ steps before to the last output. Each layer may take any number of hops, also none.


# %%
def reached(dilations, limit):
    """Return whether the span n is reached, for n = 0 … limit."""


check("3.3", reached)
hint("3.3", 1)

# %% [markdown]
# ## Where next
#
# Fewer hops are one half of the cure. The other half is what happens within a hop:
# [4. Gates](04_gates.ipynb).
