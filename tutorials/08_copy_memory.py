# %% [markdown]
# # 8. Copy memory: train it, look inside, break it
#
# **What you will do.** Train a dilated net and a plain one on a task that nothing but memory can solve. Look at what their layers
# carry and where their gradients arrive. Then break the dilated net in three ways and see what each breakage costs.
#
# **What you need.** Tutorial 2 (why gradients vanish), tutorial 6 (stacks) and tutorial 7 (path lengths). Reading time: 25 minutes.

# %%
import numpy as np
from exercises import check, hint
from matplotlib.colors import LogNorm
from tools import explorer_page, show, size

import dilated_rnn_np as drn
from dilated_rnn_np import paths, plot

# %% [markdown]
# ## The task
#
# Ten symbols come in, each one out of eight. Then follow $T$ blank steps, the last of them with a marker that says "recite now". In
# the ten steps after it the net has to say the ten symbols, in order. At all other steps the right answer is blank. (Here, as in the
# paper, $T$ counts the blank steps alone; the sequence has $T + 20$ steps.) Symbols are written as digits, `_` is blank and `!` the marker:

# %%
T = size(30, 100)
task = drn.tasks.CopyMemory(T=T)
# x (T + 20, B, 10), one-hot, and targets (T + 20, B)
x, targets = task.draw(np.random.default_rng(0), batch_size=32)


def written(tokens):
    return "".join("01234567_!"[token] for token in tokens)


tokens = x.argmax(axis=-1)  # (T + 20, B)
print("input ", written(tokens[:, 0]))
print("target", written(targets[:, 0]))
span = T + 10
print(f"from a symbol to its recital: {span} steps")
assert np.array_equal(tokens[:10], targets[span:])  # each symbol is wanted again `span` steps later
assert (tokens[span - 1] == 9).all()  # the marker, one step before the recital

# %% [markdown]
# ## How good is a net without memory?
#
# It can still count: it knows when to say blank, and when the recital is on. It cannot know the symbols. Its best answer gives each
# of the eight the probability $\frac18$, and the cross-entropy of that is $-\ln\frac18 = \ln 8$. The other $T + 10$ steps cost nothing. The
# loss is the mean over **all** $T + 20$ steps:
#
# $$\text{baseline} = \frac{10 \ln 8}{T + 20}$$
#
# Below, that answer is written as logits and handed to the library's loss.

# %%
certain = 50.0  # a logit that leaves nothing to the other classes
logits = np.zeros((T + 20, 32, 9))
logits[:span, :, 8] = certain  # "blank"
logits[span:, :, :8] = certain  # "one of the eight symbols, any of them"
loss, _ = drn.losses.softmax_cross_entropy(logits, targets)
baseline = 10 * np.log(8) / (T + 20)
print(f"loss of the memoryless answer {float(loss):.6f}, 10 ln 8 / (T + 20) = {baseline:.6f}")
assert np.isclose(loss, baseline) and np.isclose(baseline, task.baseline)

# %% [markdown]
# A model below this line remembers something. We print losses as fractions of it.
#
# ## Two nets that differ in nothing but the dilations
#
# Both have the same number of layers, ten vanilla units in each, and the same number of parameters. They start from the same
# numbers and see the same batches.

# %%
num_layers = size(6, 7)
dilations = {"dilated": drn.exponential_dilations(num_layers), "plain": [1] * num_layers}
SEED = 0


def build(dilations, rng=SEED):
    """Return a fresh net."""
    return drn.DilatedRNN(task.input_size, 10, dilations, output_size=task.output_size, readout="all", rng=rng)


nets = {label: build(ds) for label, ds in dilations.items()}
for label, net in nets.items():
    hops = drn.search.fewest_hops(net.dilations, span)[span]
    print(f"{label:<8} dilations {net.dilations}: {net.num_parameters} parameters, hops to {span}: {hops:.0f}")
a, b = nets.values()
assert a.num_parameters == b.num_parameters
assert all(np.array_equal(a.params[name], b.params[name]) for name in a.params)

# %% [markdown]
# Gradients of different parameters differ in size by orders of magnitude. **RMSProp** divides each by a running root mean square of
# itself, so that all parameters move at a similar pace. In the code $\rho$ is `decay`, $\eta$ is `lr` and $\varepsilon$ is `eps`:
#
# | equation | line of code |
# |---|---|
# | $v \leftarrow \rho\, v + (1 - \rho)\, g^2$, from $v = 0$ | `v = decay * v + (1 - decay) * g**2` |
# | $p \leftarrow p - \eta\, g / (\sqrt{v} + \varepsilon)$ | `p = p - lr * g / (np.sqrt(v) + eps)` |
#
# Two steps by hand, and the same two by the library:

# %%
lr, decay, eps = 0.1, 0.9, 1e-8
p, v = np.array([1.0, -2.0]), np.zeros(2)
params = {"p": p.copy()}
optimizer = drn.optim.RMSProp(params, lr=lr, decay=decay, eps=eps)
for g in (np.array([0.5, 0.001]), np.array([0.4, 0.002])):  # one parameter has tiny gradients
    v = decay * v + (1 - decay) * g**2
    p = p - lr * g / (np.sqrt(v) + eps)
    optimizer.step({"p": g})
    print("p =", p.round(4), "  library", params["p"].round(4))
moves = np.abs(p - [1.0, -2.0])
assert moves.max() < 2 * moves.min()  # and yet both have moved by a similar amount
assert np.allclose(p, params["p"], rtol=1e-12)

# %% [markdown]
# ## Train
#
# The learning rate falls along half a cosine. The gradient's norm is clipped to 1. Both nets get the same number of steps.

# %%
STEPS = size(700, 3000)


def train(net):
    """Train a net; return its run, and on unseen sequences its loss over the baseline and its recall."""
    schedule = drn.optim.cosine_decay(size(8, 4) * 1e-3, STEPS)
    optimizer = drn.optim.RMSProp(net.params, lr=schedule)
    run = drn.fit(net, task.batches(32, SEED), optimizer, STEPS, max_norm=1.0, progress=False)
    loss, recall = drn.evaluate(net, task.validation(256), metric=task.metric)
    return run, loss / task.baseline, recall


fresh = {label: build(ds) for label, ds in dilations.items()}  # kept as they are, to compare with
results = {label: train(net) for label, net in nets.items()}
for label, (_, relative, recall) in results.items():
    print(f"{label:<8} loss / baseline {relative:.3f}   recall {recall:.0%}   (guessing: {1 / 8:.1%})")
assert results["dilated"][1] < 0.3 and results["plain"][1] > 0.8
assert results["dilated"][2] > 0.7 and results["plain"][2] < 0.4

# %%
curves = {label: run.column("loss") for label, (run, _, _) in results.items()}
show(plot.training_curves(curves, task.baseline, ylabel="cross-entropy", smooth=max(1, STEPS // 100)))

# %% [markdown]
# The **recall** is the fraction of right symbols in the ten last steps. It shows what the loss hides: most steps are blank, and blanks
# are easy. Here is one sequence, recited by both:

# %%
print("wanted ", written(targets[:, 0]))
for label, net in nets.items():
    output, _, _ = net.forward(x)
    said = output.argmax(axis=-1)  # (T + 20, B)
    print(f"{label:<7}", written(said[:, 0]))
    blanks = (said[:span] == 8).mean()
    print(f"{'':<8}blank where blank is right: {blanks:.0%}")
    assert blanks > 0.95

# %% [markdown]
# Both nets know when to speak. Only one knows what to say.
#
# ## Look inside: the states
#
# `drn.memory.activations` gives every layer's states over time. Below are the first and the last layer of the dilated net, for one
# sequence. The dotted lines stand where the symbols end and where the recital begins.

# %%
layers = drn.memory.activations(nets["dilated"], x)
for index in (0, num_layers - 1):
    d = nets["dilated"].dilations[index]
    mesh = plot.hidden_states(layers[index], ax=plot.new_axes(7, 2.8))
    for time in (10, span):
        mesh.axes.axvline(time, color="black", linestyle=":")
    mesh.axes.set_title(f"dilated net, layer {index + 1} (d = {d})", fontsize=11)
    show(mesh)

# %% [markdown]
# A state is a mixture of all that a layer knows, and hard to read. So we ask a sharper question: **who carries the first symbol?** Change
# the first symbol of every sequence and nothing else, and see by how much each layer's state moves, at each time.

# %%
other = x.copy()
other[0, :, :8] = np.roll(x[0, :, :8], 1, axis=-1)  # symbol k becomes symbol k + 1
moved = {}
for label, net in nets.items():
    pairs = zip(drn.memory.activations(net, x), drn.memory.activations(net, other), strict=True)
    moved[label] = np.stack([np.abs(p["h"] - q["h"]).mean(axis=(1, 2)) for p, q in pairs])  # (L, T + 20)

for label, differences in moved.items():
    ax = plot.new_axes(7, 2.8)
    scale = LogNorm(1e-3, 1.0)
    mesh = ax.pcolormesh(np.maximum(differences, 1e-3), cmap="cividis", norm=scale, rasterized=True)
    ticks = [f"layer {i + 1}, d = {d}" for i, d in enumerate(nets[label].dilations)]
    ax.set(xlabel="time step", yticks=np.arange(num_layers) + 0.5, yticklabels=ticks)
    ax.set_title(f"{label} net: how much the first symbol moves each state", fontsize=11)
    ax.figure.colorbar(mesh, ax=ax, label="mean change")
    show(ax)

# %% [markdown]
# The first symbol has to be recited at step $T + 10$. Look at the last layer there, and at the steps of the recital after it, where
# other symbols are due:

# %%
due = {label: differences[-1, span] for label, differences in moved.items()}
later = {label: differences[-1, span + 1 :].mean() for label, differences in moved.items()}
for label in nets:
    print(f"{label:<8} last layer moved by {due[label]:.2g} when the symbol is due, {later[label]:.2g} after")
assert due["dilated"] > 5 * later["dilated"] and due["dilated"] > 2 * due["plain"]
top = moved["dilated"][-1]
print(f"dilated, last layer, over all times: most {top.max():.2g}, median {np.median(top):.2g}")
assert top.max() > 10 * np.median(top)  # the bright columns of the picture

# %% [markdown]
# The dilated net hands the symbol over at its own moment, and leaves the other moments alone. The bright columns of its picture say
# how: in the layers of long hops the symbol lives at a few time steps, and the steps in between hardly know of it. So what came
# in at different times is kept apart. In the plain net all that is remembered passes through the same states, one step at a time.
#
# ## Look inside: the gradients
#
# A net can only learn to use a symbol if the gradient from the recital arrives where the symbol came in. Take the loss of the last
# step alone. Its target came in $T + 10$ steps earlier. `drn.memory.gradient_flow` measures the gradient at each layer and span.

# %%
flows = {}
print("the gradient's norm")
for state, group in (("fresh", fresh), ("trained", nets)):
    for label, net in group.items():
        flow = drn.memory.gradient_flow(net, x, targets[-1], drn.losses.softmax_cross_entropy)  # (L, T + 20)
        flows[state, label] = flow
        arrives = flow[0, span] / flow[-1, 0]
        print(f"{state:<8} {label:<8} layer 1, span {span}, over layer {num_layers}, span 0: {arrives:.2g}")
for label, net in fresh.items():
    ticks = [f"layer {i + 1}, d = {d}" for i, d in enumerate(net.dilations)]
    mesh = plot.gradient_flow(flows["fresh", label], ticks, ax=plot.new_axes(7, 2.8))
    mesh.axes.axvline(span, color="#D55E00", linestyle=":", linewidth=2)
    mesh.axes.set_title(f"fresh {label} net: the gradient of the last step's loss", fontsize=11)
    show(mesh)


def arrival(state, label):
    """Return how much of the gradient arrives at the symbol."""
    return flows[state, label][0, span] / flows[state, label][-1, 0]


assert arrival("fresh", "dilated") > arrival("fresh", "plain")
reached = np.flatnonzero(flows["fresh", "dilated"][-1])  # spans where the last layer has a gradient
assert (reached % max(dilations["dilated"]) == 0).all()

# %% [markdown]
# In the fresh plain net the gradient fades along the span; what arrives at the symbol (the dotted line) is small beside what arrives
# elsewhere. In the dilated net it takes a few hops. White cells are unreachable: the last layer, for instance, is reached only
# in multiples of its dilation.
#
# How much arrives in a plain net depends on the weights that were drawn, so one pair of nets proves little. Here are ten fresh
# pairs:

# %%
arrivals = {}
for label, ds in dilations.items():
    drawn = [
        drn.memory.gradient_flow(build(ds, rng), x, targets[-1], drn.losses.softmax_cross_entropy) for rng in range(10)
    ]
    arrivals[label] = np.array([flow[0, span] / flow[-1, 0] for flow in drawn])
    low, middle, high = np.quantile(arrivals[label], [0, 0.5, 1])
    print(f"ten fresh {label} nets: from {low:.2g} to {high:.2g}, median {middle:.2g}")
ratios = arrivals["dilated"] / arrivals["plain"]
print(
    f"dilated over plain: from {ratios.min():.1f} to {ratios.max():,.0f} times, geometric mean {np.exp(np.log(ratios).mean()):,.0f}"
)
assert ratios.min() > 1 and arrivals["dilated"].min() > 0.1 > np.median(arrivals["plain"])
explorer_page()  # writes explorer.html, which the next link opens

# %% [markdown]
# Why does so little arrive in a plain net? [The explorer](explorer.html#system=plain&d=1,2,4,8&T=32&mode=backward&r=0.8) shows it with
# one factor per hop: a plain net multiplies by it once per step. `dilated-rnn explore CHECKPOINT` draws the *measured* gradient of a trained net
# into the same picture, with its states and gates.
#
# [![The explorer: in a plain net the gradient fades within a few steps](pictures/explorer_plain.png)](explorer.html#system=plain&d=1,2,4,8&T=32&mode=backward&r=0.8)
#
# In every pair more arrives in the dilated net, and in all dilated nets a good part arrives. In plain nets it is a matter of luck. Is
# luck enough? Let us train the plain net in which the most arrives:

# %%
lucky = build(dilations["plain"], int(arrivals["plain"].argmax()))
_, relative, recall = train(lucky)
print(
    f"at the start {arrivals['plain'].max():.2g} of the gradient arrives; after training: loss / baseline {relative:.3f}, recall {recall:.0%}"
)
assert relative > 0.8 and recall < 0.4

# %% [markdown]
# It has not learned the task in the time that the dilated net took. **A gradient that arrives is needed, but it is not enough**: in a plain
# net it has to find the symbol in a state that has been overwritten at every step since.
#
# Training does not open the way either. Compare the printed rows of the fresh and the trained plain net: after training even less of the
# gradient comes through.

# %%
closed = arrival("trained", "plain") / arrival("fresh", "plain")
print(f"plain net, gradient at the symbol, trained over fresh: {closed:.2g}")
assert closed < 1

# %% [markdown]
# ## Break it: cut a layer of the trained net
#
# Take the trained dilated net and cut one layer's recurrent edges: set its `W_h` to zero. The layer still computes, but it
# remembers nothing. Then put the weights back and cut the next.

# %%
net = nets["dilated"]
print(f"nothing cut: recall {results['dilated'][2]:.0%}")
cut = []
for i, d in enumerate(net.dilations):
    W_h = net.params[f"layers.{i}.W_h"]
    kept = W_h.copy()
    W_h[...] = 0
    loss, recall = drn.evaluate(net, task.validation(256), metric=task.metric)
    cut.append(recall)
    print(f"layer {i + 1} (d = {d:>2}) cut: recall {recall:.0%}")
    W_h[...] = kept
assert max(cut) <= results["dilated"][2]  # no cut helps …
assert min(cut) < 0.5  # … and the worst one takes more than half
_, recall = drn.evaluate(net, task.validation(256), metric=task.metric)
assert recall == results["dilated"][2]  # the net is whole again

# %% [markdown]
# ## Break it: remove the large dilations and train again
#
# Cutting is rough: the rest of the net never learned to do without. So train again from the start, with the large dilations
# replaced by smaller ones: no dilation above a cap. The number of parameters stays. The shortest path from a symbol to its recital
# grows.

# %%
caps = [max(dilations["dilated"]), *size((8, 2), (32, 16, 8, 4, 2)), 1]
after = {caps[0]: results["dilated"], 1: results["plain"]}
print(f"{'dilations':<27}{'hops for the span':>18}{'loss / baseline':>17}{'recall':>8}")
for cap in caps:
    capped = [min(d, cap) for d in dilations["dilated"]]
    if cap not in after:
        after[cap] = train(build(capped))
    hops = drn.search.fewest_hops(capped, span)[span]
    _, relative, recall = after[cap]
    print(f"{', '.join(map(str, capped)):<27}{hops:>18.0f}{relative:>17.3f}{recall:>8.0%}")
assert after[2][1] > 2 * after[caps[0]][1]  # dilations of at most 2 are far worse
stacks = [paths.dilated_stack(np.minimum(dilations["dilated"], cap)) for cap in caps]
hops = [paths.recurrent_lengths(stack, span)[span] for stack in stacks]
assert hops == sorted(hops)  # the lower the cap, the longer the path

# %% [markdown]
# Do not read more out of the table than it says: it is one seed, and two nets with paths of nearly the same length may swap places with
# another. But where the paths are long, little is learned in this time.
#
# ## Break it: the initial weights
#
# The dilations make paths short. What a path *multiplies* is up to the weights, and there are many edges on it: one upward edge a
# layer, and the hops. The library starts recurrent matrices **orthogonal**: they keep the length of every vector. A common other
# choice is uniform in $\pm 1/\sqrt H$. Such an entry has the variance $\frac{1}{3H}$, so a vector's squared length is on average multiplied by
# $H \cdot \frac{1}{3H} = \frac13$ at *every edge*:

# %%
H, rng = 10, np.random.default_rng(0)
vectors = rng.standard_normal((4000, H))
for scheme in ("orthogonal", "uniform"):
    matrices = np.stack([drn.init.SCHEMES[scheme](rng, H, H) for _ in vectors])  # (4000, H, H)
    after_edge = np.einsum("nij,nj->ni", matrices, vectors)
    ratio = (after_edge**2).sum() / (vectors**2).sum()
    print(f"{scheme:<11} squared length after one edge: {ratio:.3f}")
    assert abs(ratio - {"orthogonal": 1, "uniform": 1 / 3}[scheme]) < 0.03

# %% [markdown]
# How much that matters depends on the number of edges, and so on the depth. A deep net shows it quickly. Below, the dilations 1, 2, 4,
# 8, 16 stand four times on top of one another: twenty layers. The task is shorter, and the nets differ in nothing but the initial
# weights.

# %%
short = drn.tasks.CopyMemory(T=20)
steps = size(300, 1500)
starts = {"orthogonal": {}, "uniform": {"input_init": "uniform", "recurrent_init": "uniform"}}
curves, end = {}, {}
for label, options in starts.items():
    net = drn.DilatedRNN(10, 10, [1, 2, 4, 8, 16] * 4, output_size=9, readout="all", rng=SEED, **options)
    xs, ys = short.draw(np.random.default_rng(0), 32)
    flow = drn.memory.gradient_flow(net, xs, ys[-1], drn.losses.softmax_cross_entropy)
    optimizer = drn.optim.RMSProp(net.params, lr=2e-3)
    run = drn.fit(net, short.batches(16, SEED), optimizer, steps, max_norm=1.0, progress=False)
    curves[label] = run.column("loss")
    end[label] = curves[label][1][-50:].mean() / short.baseline
    print(f"{label:<11} fresh gradient at the symbol: {flow[0, 30] / flow[-1, 0]:.2g}")
    print(f"{'':<11} after {steps} steps: loss / baseline {end[label]:.3f}")
assert end["orthogonal"] < 0.9 and end["uniform"] > end["orthogonal"] + 0.1
show(plot.training_curves(curves, short.baseline, ylabel="cross-entropy", smooth=10))

# %% [markdown]
# So two things have to come together: short paths, and weights that do not swallow what passes along them.
#
# ## Exercises
#
# Fill in the functions and run the cell. `hint("8.1", 1)` gives a nudge; the solutions are in `solutions/ex08.py`.
#
# **8.1** Lay out a sequence of the task. Given ten symbols (0 to 7) and $T$, return the tokens and the targets, each of length $T + 20$.
# Blank is 8 and the marker 9.


# %%
def sequence(symbols, T):
    """Return tokens and targets."""


check("8.1", sequence)

# %% [markdown]
# **8.2** The memoryless baseline of a more general task: $R$ symbols out of $K$, recited after $T$ blank steps, $T + 2R$ steps in all.


# %%
def memoryless_baseline(num_symbols, recall, T):
    """Return the mean loss over all T + 2 * recall steps, in nats."""


check("8.2", memoryless_baseline)

# %% [markdown]
# **8.3** One step of RMSProp. Return the new parameter and the new running mean.


# %%
def rmsprop_step(p, g, v, lr, decay, eps):
    """Return the new p and the new v."""


check("8.3", rmsprop_step)

# %% [markdown]
# **8.4** The recall: `output` has the shape `(T + 20, B, 9)` and holds logits, `targets` has `(T + 20, B)`.


# %%
def recall_of(output, targets):
    """Return the fraction of right symbols in the ten last steps."""


check("8.4", recall_of)
hint("8.4", 1)

# %% [markdown]
# ## Where next
#
# Copy memory is made for the purpose. A picture read one pixel at a time is a long sequence too, and a real one:
# [9. Pixel by pixel](09_pixel_by_pixel.ipynb).
