# %% [markdown]
# # 7. Memory capacity: how long are the paths?
#
# **What you will do.** Count the edges that information passes on its way through a recurrent net. Turn the count into one number
# for an architecture, derive its closed form for three architectures, and measure that the formulas are right. Then let a program
# look for better dilations than the powers of two.
#
# **What you need.** Tutorial 3 (the dilated skip connection) and tutorial 6 (stacks). No calculus here: digits and sums. Reading
# time: 25 minutes.

# %%
import numpy as np
from exercises import check, hint
from tools import explorer_page, show, size

import dilated_rnn_np as drn
from dilated_rnn_np import paths, plot, search

# %% [markdown]
# ## A graph with a handful of edges
#
# A recurrent net has the same edges at every time step. So it is enough to draw each edge once and to write on it how many time
# steps it travels. That is a **cyclic graph**. A stack with the dilations 1, 2, 4 has three nodes, one per layer, and six edges:

# %%
dilated = paths.dilated_stack([1, 2, 4])
for edge in dilated.edges:
    print(f"{edge.source} -> {edge.target}: time steps travelled: {edge.steps}")
assert len(dilated.nodes) == 3 and len(dilated.edges) == 6

# %% [markdown]
# Three edges lead **upward** and travel no time. Three are **recurrent**: a layer's edge to itself, d steps ahead. Taking a
# recurrent edge is a **hop**. Unrolled over time, the six edges become the network. Below it is drawn with a shortest path from the
# input at time 0 to the output at time 7.

# %%
path = paths.shortest_path(dilated, 0, 7)
print(" -> ".join(f"{node} at {time}" for node, time in path))
print("edges passed:", len(path) - 1)
assert len(path) - 1 == 3 + 3  # three upward edges, three hops: 7 = 4 + 2 + 1
show(plot.network(dilated, 9, path=(0, 7)))

# %% [markdown]
# Each edge on the path is a matrix product and a tanh. Tutorial 2 showed what a long row of them does to a gradient. So the number
# of edges on the shortest path is what we want to know:
#
# | symbol | name | |
# |---|---|---|
# | $n$ | span | how many time steps lie between an input and an output |
# | $d_i(n)$ | recurrent length | edges on the shortest path from the input at time $i$ to the output at time $i + n$; infinite where there is none |
# | $L$ | layers | upward edges on every path: input to layer 1, to layer 2, … |
# | $M$ | base | the dilations are $1, M, M^2, \dots, M^{L-1}$ |
# | $m$ | cycle | the spans that we average over are $1 \dots m$ |
#
# ## By hand: the dilations 1, 2, 4
#
# A path passes the $L = 3$ upward edges, and its hops must add up to $n$. The order does not matter: a path visits layer 1 first, then
# layer 2, then layer 3, and hops in each as often as it likes. So the question is how few numbers out of 1, 2, 4 add up to $n$.
#
# Two hops of 1 can be replaced by one hop of 2, and two hops of 2 by one of 4. A *shortest* path therefore uses 1 and 2 at most once.
# Below 8, it uses 4 at most once too. Then the hops are the **binary digits of n**: a digit one is a hop.
#
# $$d(n) = L + \text{number of ones in } n$$

# %%
L = 3
lengths = paths.recurrent_lengths(dilated, 7)
for n in range(8):
    ones = f"{n:03b}".count("1")
    print(f"{n} = {n:03b} in binary: upward edges {L} + hops {ones} = {L + ones}, measured {lengths[n]:.0f}")
    assert lengths[n] == L + ones

# %% [markdown]
# ## From many numbers to one
#
# The **mean recurrent length** over a cycle $m$ takes the worst start $i$ for each span, and averages over the spans:
#
# $$\bar d = \frac1m \sum_{n=1}^{m} \max_i\, d_i(n)$$

# %%
m = 4
mean = sum(lengths[n] for n in range(1, m + 1)) / m
print(f"(1/{m}) ({' + '.join(f'{lengths[n]:.0f}' for n in range(1, m + 1))}) = {mean}")
assert mean == paths.mean_recurrent_length(dilated, m)

# %% [markdown]
# Where is the $\max_i$? In a stack all time steps are alike, so $d_i(n)$ does not depend on $i$ and we wrote $d(n)$. Other architectures
# have good and bad moments to start. A *clockwork* RNN with the periods 1 and 4 computes its slow module at every fourth step alone.
# In between, the module holds its state, and holding takes no edge. An input that comes at such a step ($i = 0$) can travel that way; any
# other enters the fast module and goes on step by step:

# %%
clockwork = paths.clockwork([1, 4])
by_start = np.stack([paths.recurrent_lengths(clockwork, 8, start=i) for i in range(4)])  # (i, n)
for i, row in enumerate(by_start):
    print(f"i = {i}: d_i(1 … 8) =", *row[1:].astype(int))
print("max over i:       ", *by_start.max(axis=0)[1:].astype(int))
assert len({tuple(row) for row in by_start}) > 1  # the start matters
assert by_start.max(axis=0)[1:].mean() == paths.mean_recurrent_length(clockwork, 8)

# %% [markdown]
# ## The closed form of the dilated stack
#
# Take the dilations $1, M, \dots, M^{L-1}$ and the cycle $m = M^{L-1}$, the largest dilation. The argument from above in base $M$:
#
# 1. $M$ hops of $M^k$ can be replaced by one hop of $M^{k+1}$. So a shortest path uses each dilation but the largest at most $M - 1$
#    times. Its hops are the **digits of n in base M**, and their number is the sum of the digits.
# 2. The spans $0 \dots m-1$ have $L - 1 = \log_M m$ digits each. Going through all of them, every digit takes the values $0 \dots M-1$ equally
#    often, so it is $\frac{M-1}{2}$ on average. The mean number of hops over $0 \dots m-1$ is $\frac{M-1}{2} \log_M m$.
# 3. The mean that we want runs over $1 \dots m$: the span 0, without a hop, leaves, and the span $m$ comes. It takes **one** hop of the
#    largest dilation. That adds $\frac1m$.
# 4. Every path has $L$ upward edges.
#
# $$\bar d_{\text{dilated}} = L + \frac{M-1}{2} \log_M m + \frac1m, \qquad m = M^{L-1}$$


# %%
def digit_sum(n, M):
    """Return the sum of the digits of n in base M."""
    return 0 if n == 0 else n % M + digit_sum(n // M, M)


def mean_dilated(M, L):
    """Return the closed form, term by term."""
    m = M ** (L - 1)
    log_m = L - 1  # log_M m
    return L + (M - 1) / 2 * log_m + 1 / m


M, L = 3, 4
m = M ** (L - 1)
hops = paths.recurrent_lengths(paths.dilated_stack(drn.exponential_dilations(L, M)), m) - L
assert all(hops[n] == digit_sum(n, M) for n in range(m))  # step 1
assert np.isclose(np.mean([digit_sum(n, M) for n in range(m)]), (M - 1) / 2 * (L - 1))  # step 2
assert hops[m] == 1  # step 3
print(f"{'M':>2}{'L':>3}{'m':>6}{'closed form':>13}{'measured':>11}")
for M, L in [(2, 2), (2, 5), (2, 9), (3, 3), (3, 5), (4, 4), (5, 3), (8, 3)]:
    m = M ** (L - 1)
    measured = paths.mean_recurrent_length(paths.dilated_stack(drn.exponential_dilations(L, M)), m)
    print(f"{M:>2}{L:>3}{m:>6}{mean_dilated(M, L):>13.4f}{measured:>11.4f}")
    assert np.isclose(mean_dilated(M, L), measured)
    assert np.isclose(mean_dilated(M, L), paths.closed_form_dilated(M, L))

# %% [markdown]
# ## The skip stack and the plain stack
#
# A **regular skip connection** keeps the unit edge and adds one of length $s$: $c_t = f(x_t, c_{t-1}, c_{t-s})$. Give every layer a skip
# of $s = m$. It helps with the span $m$ alone: one hop. All shorter spans $n$ take $n$ unit hops. With
# $1 + 2 + \dots + (m-1) = \frac{(m-1)m}{2}$:
#
# $$\bar d_{\text{skip}} = L + \frac1m \left( \frac{(m-1)\,m}{2} + 1 \right) = L + \frac{m-1}{2} + \frac1m$$
#
# A **plain stack** has unit edges only, so the span $n$ takes $n$ hops:
#
# $$\bar d_{\text{plain}} = L + \frac1m \cdot \frac{m\,(m+1)}{2} = L + \frac{m+1}{2}$$


# %%
def mean_skip(L, m):
    return L + (m - 1) / 2 + 1 / m


def mean_plain(L, m):
    return L + (m + 1) / 2


print(f"{'L':>2}{'m':>5}{'skip':>11}{'measured':>11}{'plain':>11}{'measured':>11}")
for L, m in [(2, 2), (3, 4), (3, 10), (5, 16), (9, 256)]:
    skip = paths.mean_recurrent_length(paths.skip_stack(L, m), m)
    plain = paths.mean_recurrent_length(paths.plain_stack(L), m)
    print(f"{L:>2}{m:>5}{mean_skip(L, m):>11.4f}{skip:>11.4f}{mean_plain(L, m):>11.4f}{plain:>11.4f}")
    assert np.isclose(mean_skip(L, m), skip) and np.isclose(mean_skip(L, m), paths.closed_form_skip(L, m))
    assert np.isclose(mean_plain(L, m), plain) and np.isclose(mean_plain(L, m), paths.closed_form_plain(L, m))

# %% [markdown]
# In the skip stack and the plain stack $m$ itself stands in the formula, in the dilated stack its logarithm. The picture has the
# formulas as lines and the measurements as points, for $M = 2$ and growing $L$; both axes are logarithmic, and "period" is the cycle $m$.

# %%
drawn = plot.mean_recurrent_lengths(size(9, 11))
for curve, points in drawn.values():
    assert np.allclose(curve.get_ydata(), points.get_ydata())
show(drawn["dilated"][0].axes)

# %% [markdown]
# ## Layer by layer
#
# Who carries what? Below, the shortest path from an input to each layer of a dilated stack. Layer 1 knows one dilation, 1, and its
# paths grow with the span. Each further layer brings a longer hop, and the paths become short.

# %%
five = paths.dilated_stack(drn.exponential_dilations(5))
by_layer = paths.layer_lengths(five, 40)
longest = [by_layer[node].max() for node in five.nodes]
print("longest path up to span 40, from layer 1 to layer 5:", *[f"{edges:.0f}" for edges in longest])
assert longest == sorted(longest, reverse=True) and longest[0] > longest[-1]
show(plot.path_length_map(five, 40))

# %% [markdown]
# ## A convolution with the same dilations
#
# A **dilated CNN** (kernel 2, as in WaveNet) has the same dilations but no recurrence. From each layer to the next there are two
# upward edges: one travels 0 steps, the other $d$. A path takes exactly one of them a layer. So it has $L$ edges whatever its span,
# which is shorter than any recurrent path with a hop. But it takes each dilation at most once, so the largest span is
# $1 + 2 + \dots + 2^{L-1} = 2^L - 1$. Beyond it there is nothing.

# %%
L = 9
dilations = drn.exponential_dilations(L)
m = max(dilations)
rnn, cnn = paths.dilated_stack(dilations), paths.dilated_cnn(dilations)
reach = int(paths.receptive_field(cnn))
print(f"receptive field of the CNN: {reach} inputs, that is the spans 0 … {reach - 1}")
d_rnn, d_cnn = paths.recurrent_lengths(rnn, 2 * reach), paths.recurrent_lengths(cnn, 2 * reach)
assert reach == 2**L == sum(dilations) + 1
assert np.all(d_cnn[:reach] == L) and np.all(d_cnn[1:reach] < d_rnn[1:reach])  # shorter within …
assert np.all(np.isinf(d_cnn[reach:])) and np.all(np.isfinite(d_rnn))  # … and nothing beyond
graphs = [rnn, paths.skip_stack(L, m), paths.plain_stack(L), cnn]
show(plot.path_lengths(graphs, size(600, 1200)))
explorer_page()  # writes explorer.html, which the next link opens

# %% [markdown]
# In [the explorer](explorer.html#d=1,2,4,8,16,32,64,128,256&T=320&from=0&to=300&n=300) these curves answer to every change of the
# dilations. Hover over a span to see its path, and press *Take searched dilations* for the sets that *Are the powers of M the best
# dilations?* below is about.
#
# [![The explorer: path lengths over the span for four systems, and their means beside them](pictures/explorer_lengths.png)](explorer.html#d=1,2,4,8,16,32,64,128,256&T=320&from=0&to=300&n=300)
#
# The CNN's curve ends at its receptive field. The recurrent nets go on without end.
#
# ## What does it cost?
#
# Short paths are easy to have if one adds edges, and each edge is a weight matrix. So we compare two more numbers:
#
# * **recurrent edges per node**: edges that travel time, over nodes;
# * **parameters per recurrent edge**: what one way through time costs.
#
# Here are all four architectures with $H = 20$ units per layer and one input number per step, over the cycle $m = 256$.

# %%
rows = paths.table(graphs, m, input_size=1, hidden_size=20)
columns = list(rows[0])
print(f"{columns[0]:<29}" + "".join(f"{name:>17}" for name in columns[1:]))
for row in rows:
    print(f"{row['architecture']:<29}" + "".join(f"{row[name]:>17.6g}" for name in columns[1:]))
by = dict(zip(("rnn", "skip", "plain", "cnn"), rows, strict=True))
assert by["rnn"]["parameters"] == by["plain"]["parameters"] < by["skip"]["parameters"]
assert by["rnn"]["edges per node"] == by["plain"]["edges per node"] == 1 and by["skip"]["edges per node"] == 2
assert by["skip"]["mean length"] / by["rnn"]["mean length"] > 10
assert by["skip"]["per edge"] < by["rnn"]["per edge"]

# %% [markdown]
# The column "longest" says how many edges the worst span takes. The dilated RNN costs exactly what the plain stack costs: a dilation
# is not a parameter. The skip stack pays for twice as many recurrent edges, and its mean length is still more than ten times that of
# the dilated RNN. "per edge" alone is lower for the skip stack: it has many edges, all in the wrong place.
#
# ## Are the powers of M the best dilations?
#
# The upward edges are the same for all dilations, so we compare hops. First among **divisor chains**: $1 \mid d_2 \mid d_3 \mid \dots$, where each
# dilation divides the next. There are few enough to try them all. Over the cycle $M^L$ no chain beats the powers of $M$, and one
# other is as good:

# %%
for M, L in [(2, 3), (2, 4), (2, 5), (3, 2), (3, 3), (4, 2), (4, 3), (5, 2)]:
    powers = tuple(drn.exponential_dilations(L, M))
    lowest, winners = search.best_of(search.divisor_chains(L, M**L), M**L)
    print(f"M = {M}, L = {L}, cycle {M**L:>2}: mean hops {lowest:.4f}, best chains {winners}")
    other = (*powers[:-1], powers[-1] + powers[-2])  # the last dilation is M^(L-1) + M^(L-2)
    assert winners == [powers, other]

# %% [markdown]
# Over the shorter cycle $m = M^{L-1}$, which the closed form uses, it is another matter. The largest power is $m$ itself, and serves
# the span $m$ alone. For $M = 2$ the powers still win. For the larger $M$ below, other chains spend that layer better:

# %%
for M, L in [(2, 3), (2, 4), (2, 5), (3, 3), (4, 3), (5, 2)]:
    powers, m = tuple(drn.exponential_dilations(L, M)), M ** (L - 1)
    lowest, winners = search.best_of(search.divisor_chains(L, m), m)
    mean = search.mean_hops(powers, m)
    print(f"M = {M}, cycle {m:>2}: powers {powers} {mean:.4f}   best {lowest:.4f} {winners}")
    assert (powers in winners) == (M == 2)

# %% [markdown]
# And why should one dilation divide the next at all? Among **all sets** of dilations, digits no longer help. Finding the fewest
# hops is now the *coin-change problem*: pay the amount $n$ with as few coins as possible, from coins $d_1, \dots, d_L$. Taking the largest
# coin first can fail:

# %%
dilations = [1, 4, 6]
print("fewest hops for the span 8 with", dilations, "is", int(search.fewest_hops(dilations, 8)[8]))
assert search.fewest_hops(dilations, 8)[8] == 2  # 4 + 4; the largest first would be 6 + 1 + 1

# %% [markdown]
# How much is there to gain? We look for nine dilations over a cycle of 256. There are too many sets to try. `search_dilations` starts
# from a random set and sets one dilation after the other to its best value, until none improves; then it starts again. Beside its
# result stand the powers of two and a set that such a search found earlier.

# %%
m = 256
powers = drn.exponential_dilations(9)
known = [1, 5, 8, 17, 27, 48, 63, 100, 123]
found = search.search_dilations(9, m, seed=0, restarts=size(3, 40))
for label, dilations in (("powers of two", powers), ("found earlier", known), ("found now", found)):
    hops = search.fewest_hops(dilations, m)[1:]
    print(f"{label:<14} {dilations}: mean hops {hops.mean():.3f}, at most {hops.max():.0f}")
assert round(search.mean_hops(powers, m), 3) == 4.004 and round(search.mean_hops(known, m), 3) == 3.078
assert search.mean_hops(found, m) <= search.mean_hops(known, m)  # as good or better
# hops and upward edges together: the closed form again
assert np.isclose(search.mean_hops(powers, m) + 9, mean_dilated(2, 9))

# %% [markdown]
# The same as a picture: how many of the spans $1 \dots 256$ take how many hops.

# %%
ax = plot.new_axes()
for label, dilations, shift, colour in (
    ("powers of two", powers, -0.2, "#0072B2"),
    ("found by the search", found, 0.2, "#E69F00"),
):
    counts = np.bincount(search.fewest_hops(dilations, m)[1:].astype(int))
    ax.bar(np.arange(1, len(counts)) + shift, counts[1:], width=0.4, color=colour, label=label)
ax.set(xlabel="hops", ylabel=f"number of spans in 1 … {m}", xticks=range(1, 9))
ax.legend(frameon=False)
show(ax)

# %% [markdown]
# **Read this with care.** A shorter mean path means fewer edges between an input and an output. It does not say that a net with these
# dilations learns faster, or better. A path length counts the *shortest* path; the gradient runs along all of them. Which spans matter
# depends on the task. And there are things that no length sees. Reverse the order of the dilations, and every length stays as it was;
# but now the first layer takes the longest hops, and what the layers can compute from one another has changed.

# %%
there, back = (paths.recurrent_lengths(paths.dilated_stack(order), m) for order in (powers, powers[::-1]))
print("all lengths equal in both orders:", bool(np.array_equal(there, back)))
assert np.array_equal(there, back)

# %% [markdown]
# Fewer hops need not mean faster learning. The honest test is to train.
#
# ## Exercises
#
# Fill in the functions and run the cell. `hint("7.1", 1)` gives a nudge; the solutions are in `solutions/ex07.py`.
#
# **7.1** The fewest hops, by dynamic programming: the coin-change problem for any set of dilations. Return an array with the entries
# for the spans $0 \dots$ `limit`, infinity where a span cannot be made up.


# %%
def fewest_hops(dilations, limit):
    """Return the fewest hops for the spans 0 … limit, as an array of length limit + 1."""


check("7.1", fewest_hops)

# %% [markdown]
# **7.2** The mean recurrent length. `lengths[i, n]` is $d_i(n)$ for the starts $i$ of a period and the spans $n = 0 \dots m$.


# %%
def mean_recurrent_length(lengths):
    """Return (1/m) times the sum over n = 1 … m of max over i of lengths[i, n]."""


check("7.2", mean_recurrent_length)

# %% [markdown]
# **7.3** The skip stack for spans beyond its skip: `num_layers` layers, each with a unit edge and an edge of `skip` steps. Return $d(n)$
# for $n = 0 \dots$ `limit`, upward edges counted.


# %%
def skip_lengths(num_layers, skip, limit):
    """Return d(0) … d(limit), as an array of length limit + 1."""


check("7.3", skip_lengths)

# %% [markdown]
# **7.4** A closed form of your own. The dilations are $1, M, \dots, M^{L-1}$ as before, but the cycle is $m = M^L$. Derive the mean recurrent
# length, upward edges counted, in the four steps from above. Which of them change?


# %%
def closed_form(base, num_layers):
    """Return the mean recurrent length over m = base**num_layers."""


check("7.4", closed_form)
hint("7.4", 1)

# %% [markdown]
# ## Where next
#
# So much for how far information *could* travel. The next tutorial trains a net that has to remember, looks inside it, and breaks it:
# [8. Copy memory](08_copy_memory.ipynb).
