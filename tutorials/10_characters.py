# %% [markdown]
# # 10. Characters: read in windows, carry the state, write
#
# **What you will do.** Train a dilated GRU to predict the next character of a text that is far too long to go through at once. See what is
# carried from one window of the text to the next, and what the gradient loses at the cut between them. Then let the net write.
#
# **What you need.** Tutorials 2 (backpropagation through time), 6 (state and chunks) and 9 (cross-entropy). Reading time: 25 minutes.

# %%
import itertools
import re
from pathlib import Path

import numpy as np
import tools
from exercises import check, hint
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from tools import data_dir, show, size

import dilated_rnn_np as drn
from dilated_rnn_np import plot

# %% [markdown]
# ## The text
#
# Tiny Shakespeare is a file of Shakespeare's plays that many character models have learned from. `drn.tasks.Characters` looks for it in
# `data_dir`, then in the folder that `$DILATED_RNN_DATA` names, then in a cache, and downloads it where it is nowhere. Where that fails too,
# this tutorial reads a text that is always at hand: the sources of these tutorials. They are shorter, and much of them is code, so take
# numbers from the plays alone.

# %%
try:
    task = drn.tasks.Characters(window=50, data_dir=data_dir())
    source = "Tiny Shakespeare"
except drn.tasks.DataError:
    files = sorted(Path(tools.__file__).parent.glob("[0-9][0-9]_*.py"))
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    task = drn.tasks.Characters(window=50, text=text)
    source = "the tutorials' own sources"
    print("Tiny Shakespeare was not found and could not be downloaded; this run reads the tutorials' own sources.")
    print(f"For the plays, put {drn.tasks.characters.SHAKESPEARE.urls[0]}")
    print("into the folder tinyshakespeare of the folder $DILATED_RNN_DATA.")

V = len(task.vocabulary)
print(f"{source}: {len(task.train_codes):,} characters to train on, {len(task.validation_codes):,} held out, V = {V}")
print(f"the vocabulary: {task.vocabulary!r}")
print("it begins:")
print(task.decode(task.train_codes[:150]))

# %% [markdown]
# A character is a number $k$ from 0 to $V-1$, its place in the vocabulary. At step $t$ the net sees character $k_t$ and has to say the next one, $k_{t+1}$:
# **inputs and targets are the same text, one step apart**. The input is the *one-hot* vector of $k_t$, with a 1 at place $k_t$ and 0 elsewhere.

# %%
x, targets = task.batches(batch_size=16).draw(0)
print(f"a window: x {x.shape} = (T, B, V), targets {targets.shape} = (T, B)")
codes = x.argmax(axis=-1)  # (T, B)
assert np.array_equal(x, np.eye(V)[codes])
assert np.array_equal(codes[1:], targets[:-1])  # the target of a step is the input of the next one
print("stream 0 sees   ", repr(task.decode(codes[:30, 0])))
print("and should say  ", repr(task.decode(targets[:30, 0])))

# %% [markdown]
# ## One-hot times a matrix is a lookup
#
# Most of $x_t$ is zeros. The product $W_x x_t$ picks the column of $W_x$ that belongs to the character, and the gradient of that column is a
# sum over the steps at which the character was seen:
#
# | equation | code |
# |---|---|
# | $W_x\, x_t = W_{x,\,:\,k_t}$ | `x @ W_x.T` equals `W_x.T[codes]` |
# | $dW_{x,\,:\,k} = \sum_{t,b\,:\,k_{tb} = k} da_{tb}$ | `dW_x = da.T @ x`, sums over all steps and rows |
#
# So each character has a vector of its own, one number for each row of $W_x$, and training moves the vectors of the characters that were seen.

# %%
rng = np.random.default_rng(0)
W_x = rng.standard_normal((12, V))
da = rng.standard_normal((50, 16, 12))  # (T, B, G*H): a gradient of the pre-activations
assert np.allclose(x @ W_x.T, W_x.T[codes])  # (T, B, 12): a product, and a lookup
dW_x = da.reshape(-1, 12).T @ x.reshape(-1, V)  # (12, V)
e = task.vocabulary.index("e")
assert np.allclose(dW_x[:, e], da[codes == e].sum(axis=0))
unseen = np.setdiff1d(np.arange(V), codes)
assert not dW_x[:, unseen].any()
print(f"this window holds {V - len(unseen)} of the {V} characters; the vectors of the others stay as they are")

# %% [markdown]
# A GRU of $H$ units reads three such vectors of $H$ numbers, one per gate. An **embedding** puts a shorter vector in between: $E$ numbers per
# character, $e_t = W x_t$, which all gates then read. Nothing new is computed; the two matrices multiply to one $W_x$. But there may be fewer numbers to learn:

# %%
H, E = 96, 16
bare = drn.DilatedRNN(V, H, [1, 4], cell="gru", output_size=V, readout="all", dtype="float64", rng=1)
embedded = drn.DilatedRNN(V, H, [1, 4], cell="gru", output_size=V, readout="all", dtype="float64", rng=1, embedding=E)
for name, array in bare.params.items():
    array[...] = (
        embedded.params[name] @ embedded.params["embedding.W"] if name == "layers.0.W_x" else embedded.params[name]
    )
assert np.allclose(bare.forward(x)[0], embedded.forward(x)[0], rtol=1e-12)
print(f"without embedding: {bare.params['layers.0.W_x'].size:,} numbers read the input")
print(f"with E = {E}: {embedded.params['embedding.W'].size + embedded.params['layers.0.W_x'].size:,} numbers do")

# %% [markdown]
# ## What is a good prediction worth? Bits per character
#
# Where the right next character gets the probability $p$, the cross-entropy of tutorial 9 charges $-\ln p$ *nats*. Divided by $\ln 2$ it is $-\log_2 p$
# **bits**: what a compressor would need to write the character down, if it knew the model. Before any net, count. Who knows only how
# frequent each character is pays the *entropy* of the characters; who also knows the last character pays less:
#
# | model | bits of character $k$ | code |
# |---|---|---|
# | guessing | $\log_2 V$ | `np.log2(V)` |
# | unigram | $-\log_2 p_k$ with $p_k$ the share of $k$ in the training text | `-np.log2(p[codes])` |
# | bigram | $-\log_2 P_{jk}$ with $P_{jk}$ the share of $k$ among what follows $j$ | `-np.log2(P[codes[:-1], codes[1:]])` |
#
# The shares are counted in the training text, and judged on the held-out one. One is added to each count, so that no pair is impossible only because it never came.

# %%
train, held = task.train_codes, task.validation_codes
counts = np.bincount(train, minlength=V)  # (V,)
p = (counts + 1) / (counts + 1).sum()
pairs = np.zeros((V, V))
np.add.at(pairs, (train[:-1], train[1:]), 1)
P = (pairs + 1) / (pairs + 1).sum(axis=1, keepdims=True)  # each row adds up to 1

bits = {
    "guessing": np.log2(V),
    "unigram": -np.log2(p[held]).mean(),
    "bigram": -np.log2(P[held[:-1], held[1:]]).mean(),
}
for label, value in bits.items():
    print(f"{label:<9} {value:.2f} bits/char on the held-out text")
assert bits["guessing"] > bits["unigram"] > bits["bigram"]

share = counts[counts > 0] / counts.sum()
entropy = -(share * np.log2(share)).sum()
assert np.isclose(entropy, task.baseline / np.log(2))
print(f"entropy of single characters in the training text: {entropy:.2f} bits")
assert np.isclose(task.metric(np.log(p)[np.newaxis].repeat(len(held), 0), held), bits["unigram"])  # the library's bits

# %% [markdown]
# The unigram model remembers nothing, the bigram model one character. Below the bigram line begins memory that deserves the name.
#
# ## Streams and windows
#
# The training text is one long sequence, and two things are cut. First, **streams**: the text is cut into $B$ stretches of one length, which lie side by side
# as the rows of a batch. Then, **windows**: all streams are read $T$ steps at a time. Here are 3 streams and windows of 4 steps of a short text:

# %%
toy = drn.tasks.Characters(text="to be, or not to be, that is the question:", window=4)
toy_windows = [toy.batches(3).draw(k) for k in range(toy.steps_per_epoch(3))]
figure = Figure(figsize=(8, 3.1), layout="constrained")
ax = figure.add_subplot()
for k, (x_k, targets_k) in enumerate(toy_windows):
    for b in range(3):
        ax.add_patch(Rectangle((4 * k, -b - 0.38), 3.8, 0.76, color=plot.style.COLOURS[k], alpha=0.2, lw=0))
        if k:
            ax.annotate(
                "",
                (4 * k, -b),
                (4 * k - 0.2, -b),
                arrowprops={"arrowstyle": "->", "lw": 1.6, "shrinkA": 0, "shrinkB": 0},
            )
        for t in range(4):
            seen, wanted = toy.decode(x_k[t, [b]].argmax(axis=-1)), toy.decode(targets_k[t, [b]])
            ax.text(4 * k + t + 0.4, -b + 0.08, seen.replace(" ", "␣"), ha="center", va="center", fontsize=13)
            ax.text(
                4 * k + t + 0.4, -b - 0.25, wanted.replace(" ", "␣"), ha="center", va="center", fontsize=8, color="0.4"
            )
    ax.text(4 * k + 1.9, 0.6, f"batch {k}", ha="center", fontsize=10)
ax.set(xlim=(-0.2, 12), ylim=(-2.5, 0.9), yticks=[0, -1, -2], yticklabels=["stream 0", "stream 1", "stream 2"])
ax.set(xticks=np.arange(12) + 0.4, xticklabels=range(12), xlabel="time step of the stream")
ax.tick_params(length=0)
ax.spines[:].set_visible(False)
show(figure)

whole = toy.decode(toy.train_codes)
streams = ["".join(toy.decode(x_k[:, b].argmax(axis=-1)) for x_k, _ in toy_windows) for b in range(3)]
assert "".join(streams) == whole[:-1]  # read stream after stream, it is the text
for (_, before), (after, _) in itertools.pairwise(toy_windows):
    assert np.array_equal(before[-1], after[0].argmax(axis=-1))  # row b of the next batch goes on where row b ended

# %% [markdown]
# Large: what is seen; small below: what should be said. The three columns of boxes are three batches. Row $b$ of each batch goes on where row $b$ of the batch before ended,
# so the state that the net has there fits: the arrows hand it on. Were the batches shuffled, as images may be, the state would belong to another place of the text.
#
# ## What is carried
#
# Forward, nothing is lost. Tutorial 6 showed that a state, a layer's last $d$ steps, is all that a later step can know of the past. So windows with carried state
# give the outputs of the whole, to rounding. A small net in `float64`, on two windows of 8 steps:

# %%
W = 8
small = drn.DilatedRNN(V, 6, [1, 2, 4], output_size=V, readout="all", dtype="float64", rng=3)
x16, y16 = x[: 2 * W, :4].astype("float64"), targets[: 2 * W, :4]

output, _, cache = small.forward(x16)
first, state, cache_1 = small.forward(x16[:W])
second, _, cache_2 = small.forward(x16[W:], state)
assert np.allclose(np.concatenate([first, second]), output, rtol=1e-12)
print("the carried state, (d, B, H) for each layer:", [h.shape for (h,) in state])

forgotten, _, _ = small.forward(x16[W:])  # the state is not carried
print(f"without it the second window's outputs are off by up to {abs(forgotten - output[W:]).max():.2f}")
assert abs(forgotten - output[W:]).max() > 0.01

# %% [markdown]
# ## What the truncation cuts off
#
# Backward, something is lost. Let $s$ be the state at the cut. The loss is that of the first window plus that of the second, and the second one depends on the
# parameters $\theta$ in two ways: by what they do in its own window, and by the state that they made before it:
#
# $$\mathcal L = \mathcal L_1(\theta) + \mathcal L_2(\theta, s(\theta)) \qquad\Rightarrow\qquad
# d\theta = \underbrace{\frac{\partial\mathcal L_1}{\partial\theta} + \frac{\partial\mathcal L_2}{\partial\theta}}_{\text{truncated}} + \underbrace{\frac{\partial\mathcal L_2}{\partial s}\,\frac{\partial s}{\partial\theta}}_{\text{crosses the cut}}$$
#
# **Truncated backpropagation through time** takes $s$ as given and leaves the last term out. Then each window can be forgotten once its gradient is computed, however long the text is.
# The library's backward pass can compute each term, so let us see that they add up:
#
# | term | code |
# |---|---|
# | $\partial\mathcal L_1 / \partial\theta$ | `small.backward(do[:W], cache_1)` |
# | $\partial\mathcal L_2 / \partial\theta$, and $ds = \partial\mathcal L_2 / \partial s$ | `small.backward(do[W:], cache_2)` |
# | $ds\;\partial s / \partial\theta$ | `small.backward(no_loss, cache_1, ds)` |

# %%
_, do = drn.losses.softmax_cross_entropy(output, y16)  # (2W, B, V): the loss is the mean over both windows
_, _, full = small.backward(do, cache)
_, _, own_1 = small.backward(do[:W], cache_1)
_, ds, own_2 = small.backward(do[W:], cache_2)
no_loss = np.zeros_like(do[:W])
_, _, crossing = small.backward(no_loss, cache_1, ds)

truncated = {name: own_1[name] + own_2[name] for name in full}
for name in full:
    assert np.allclose(truncated[name], full[name] - crossing[name], rtol=1e-10, atol=1e-13)
print("what crosses the cut, as a share of the full gradient's norm")
for name in ("layers.0.W_h", "layers.1.W_h", "layers.2.W_h", "readout.W"):
    print(f"{name:<13} {np.linalg.norm(crossing[name]) / np.linalg.norm(full[name]):.1%}")
assert not crossing["readout.W"].any()  # the read-out stands above the recurrence: nothing of it crosses
assert all(crossing[f"layers.{i}.W_h"].any() for i in range(3))

# %% [markdown]
# A picture shows where it is lost. Take the loss of one step $t$ alone, and see how much of its gradient reaches the first layer's state at step $u$. Below, each row is such a $t$, each column a $u$:
# on the left by full backpropagation over 32 steps, on the right in four windows of 8.

# %%
steps = 4 * W
x32, y32 = x[:steps, :4].astype("float64"), targets[:steps, :4]
reach = {"full": np.zeros((steps, steps)), "truncated": np.zeros((steps, steps))}
for label, length in (("full", steps), ("truncated", W)):
    state = None
    for start in range(0, steps, length):
        output, state, cache = small.forward(x32[start : start + length], state)
        _, do = drn.losses.softmax_cross_entropy(output, y32[start : start + length])
        for t in range(length):
            only, output_grads = np.zeros_like(do), []
            only[t] = do[t] * length  # the loss of step t alone, a mean over the rows
            small.backward(only, cache, output_grads=output_grads)
            in_layer_1 = np.linalg.norm(output_grads[0], axis=(1, 2))  # (T, B, H) -> (T,)
            reach[label][start + t, start : start + length] = in_layer_1

figure = Figure(figsize=(8.4, 4), layout="constrained")
scale = reach["full"][reach["full"] > 0].min(), reach["full"].max()
for ax, (label, norms) in zip(figure.subplots(1, 2, sharey=True), reach.items(), strict=True):
    shown = np.ma.masked_equal(norms, 0)
    mesh = ax.pcolormesh(shown, cmap="cividis", norm=LogNorm(*scale), rasterized=True)
    for cut in range(W, steps, W):
        ax.axvline(cut, color="#D55E00", lw=0.8, ls=":")
        ax.axhline(cut, color="#D55E00", lw=0.8, ls=":")
    ax.set(title=label, xlabel="state at step u", aspect="equal", ylim=(steps, 0))
figure.axes[0].set_ylabel("loss of step t")
figure.colorbar(mesh, ax=figure.axes, label="norm of the gradient, layer 1")
show(figure)

window_of = np.arange(steps) // W
same = window_of[:, np.newaxis] == window_of
assert np.allclose(reach["truncated"], np.where(same, reach["full"], 0), rtol=1e-9)  # inside a window nothing changes
back = np.array([np.flatnonzero(row)[0] for row in reach["truncated"]])  # the earliest state that is reached
print(
    f"windows of {W}: a step's loss reaches back {(np.arange(steps) - back).mean():.1f} steps on average, (W - 1) / 2 = {(W - 1) / 2}"
)
assert (np.arange(steps) - back).mean() == (W - 1) / 2

# %% [markdown]
# Inside a window every gradient is what it was; across a cut it is zero. The first step of a window learns nothing of the past at all, the last one
# looks back a whole window. White above the diagonal is the future, which no gradient reaches.
#
# And yet the *output* of a late step does depend on early windows, because the state is carried: change the first character, and see.

# %%
other = x32.copy()
other[0] = np.roll(x32[0], 1, axis=-1)  # another first character
moved = abs(small.forward(other)[0] - small.forward(x32)[0]).max(axis=(1, 2))  # (T,)
print(
    "the first character moves the outputs of the windows by", [f"{moved[window_of == k].max():.1e}" for k in range(4)]
)
assert moved[window_of == 1].max() > 0 and not reach["truncated"][W:, 0].any()

# %% [markdown]
# That is the bargain: **the net may use what came before the cut, but no gradient teaches it to store it there**. What it has learned to keep
# within windows, it also keeps across them.
#
# ## How long should a window be?
#
# A hop of a layer with dilation $d$ goes from step $t - d$ to $t$. In a window of $W$ steps, those of the first $\min(d, W)$ steps start before the cut. Where
# $d \ge W$, all of them do: forward such a layer works as ever, but no gradient ever travels along its hops. The steps of the carried state
# that get a gradient in the backward pass are the hops that were cut:

# %%
W_long = 50
print(f"windows of {W_long} steps")
for d in (1, 4, 16, 64):
    layer = drn.DilatedRNN(V, 3, [d], dtype="float64")
    output, state, _ = layer.forward(x[:, :1].astype("float64"))
    _, _, cache = layer.forward(x[:, :1].astype("float64"), state)
    _, dstate, _ = layer.backward(np.ones_like(output), cache)
    cut_hops = int(dstate[0][0].any(axis=(1, 2)).sum())  # of (d, B, H)
    print(f"d = {d:>2}: {cut_hops:>2} of {W_long} hops are cut, {cut_hops / W_long:.0%}")
    assert cut_hops == min(d, W_long)

# %% [markdown]
# So a window should be several times as long as the largest dilation.
#
# ## The training loop
#
# In code the whole of truncated backpropagation is one variable that lives longer than the loop's body. `drn.fit(…, truncated=True)` does the same:

# %%
loop, fitted = (drn.DilatedRNN(V, 6, [1, 2], output_size=V, readout="all", rng=4) for _ in range(2))
ten = [task.batches(16).draw(k) for k in range(10)]

optimizer = drn.optim.SGD(loop.params, lr=0.5)
state = None  # zeros, at the start of the text
for x_k, targets_k in ten:
    output, state, cache = loop.forward(x_k, state)  # the state goes on to the next window
    _, doutput = drn.losses.softmax_cross_entropy(output, targets_k)
    _, _, grads = loop.backward(doutput, cache)  # no dstate comes in: here the gradient is cut
    optimizer.step(grads)

drn.fit(fitted, ten, drn.optim.SGD(fitted.params, lr=0.5), 10, truncated=True, progress=False)
assert all(np.array_equal(loop.params[name], fitted.params[name]) for name in loop.params)
print("by hand and by fit: the same parameters after ten windows")

# %% [markdown]
# One thing is not quite exact: the state was made by the parameters of earlier steps, which have moved since. With small steps that does little harm.
#
# ## Train it
#
# Two dilated layers for some seconds; `TUTORIAL_SIZE=full` takes more layers and steps. Every so often the net predicts the first windows of the held-out text, also with carried state.

# %%
dilations = drn.exponential_dilations(size(2, 3), base=4)
steps = size(600, 6000)
model = drn.DilatedRNN(V, H, dilations, cell="gru", output_size=V, readout="all", rng=0)
untrained = model.astype("float32")  # a copy, to compare with
optimizer = drn.optim.Adam(model.params, lr=drn.optim.cosine_decay(1e-2, steps))
held_out = task.validation()
some = [held_out[k] for k in range(min(14, len(held_out)))]
run = drn.fit(
    model,
    task.batches(16),
    optimizer,
    steps,
    metric=task.metric,
    max_norm=1.0,
    truncated=True,
    validation=some,
    validate_every=steps // 10,
    progress=False,
)
_, bits["dilated GRU"] = drn.evaluate(model, held_out, metric=task.metric, truncated=True)
_, restarted = drn.evaluate(model, held_out, metric=task.metric)  # zeros at the start of each window
for label, value in bits.items():
    print(f"{label:<12} {value:.2f} bits/char on the held-out text")
print(f"without carrying the state from window to window: {restarted:.2f}")
assert bits["dilated GRU"] < 0.95 * bits["bigram"] and restarted > bits["dilated GRU"]

ax = plot.new_axes()
for label, name, smooth in (("trained on", "metric", max(1, steps // 80)), ("held out", "validation_metric", 1)):
    at, values = run.column(name)
    at, values = (column[: len(column) // smooth * smooth].reshape(-1, smooth) for column in (at, values))
    ax.plot(at[:, -1], values.mean(axis=1), "o-" if smooth == 1 else "-", markersize=4, label=label)
for label, style in (("unigram", ":"), ("bigram", "--")):
    ax.axhline(bits[label], color="black", lw=1, ls=style, label=label)
ax.set(xlabel="training step", ylabel="bits per character")
ax.legend(frameon=False, loc="right", bbox_to_anchor=(1, 0.64))
show(ax)

# %% [markdown]
# The curve falls through both lines, first the one of counting characters, then the one of counting pairs. What lies below the second line the net can only have from characters further
# back than the last one. And the held-out text costs more when the state is not carried: each window then begins without a past.
#
# ## Temperature
#
# After some characters the net holds logits $o_k$ for the next one. To write, draw one from the softmax. The **temperature** $\tau$ divides the logits first:
#
# $$p_k = \frac{e^{o_k / \tau}}{\sum_j e^{o_j / \tau}}$$
#
# At $\tau = 1$ these are the model's own probabilities. Below 1, large ones grow at the cost of small ones, and near 0 all goes to the likeliest. Above 1 they become alike.
# Here is the distribution after a prompt, its ten likeliest characters, and its entropy in bits:


# %%
def tempered(logits, temperature):
    """Return softmax(logits / temperature), (V,)."""
    weights = np.exp((logits - logits.max()) / temperature)
    return weights / weights.sum()


prompt = "the wo"
state = None
for code in task.encode(prompt):
    logits, state = model.step(np.eye(V, dtype="float32")[[code]], state)  # (1, V)
logits = logits[0].astype("float64")

temperatures = (0.3, 0.7, 1.0, 1.5)
likeliest = np.argsort(logits)[::-1][:10]
figure = Figure(figsize=(8, 2.8), layout="constrained")
entropies = []
for ax, tau in zip(figure.subplots(1, 4, sharey=True), temperatures, strict=True):
    q = tempered(logits, tau)
    entropies.append(-(q * np.log2(np.maximum(q, 1e-300))).sum())
    ax.bar(range(10), q[likeliest], color=plot.style.COLOURS[0])
    names = [task.vocabulary[k].replace(" ", "␣").replace("\n", "↵") for k in likeliest]
    ax.set(title=f"τ = {tau}, {entropies[-1]:.1f} bits", xticks=range(10), xlabel="next character")
    ax.set_xticklabels(names, fontsize=9)
figure.axes[0].set_ylabel(f"probability after '{prompt}'")
show(figure)
assert entropies == sorted(entropies)  # the warmer, the more surprising
assert tempered(logits, 0.01).argmax() == logits.argmax() and tempered(logits, 0.01).max() > 0.5
assert np.allclose(tempered(logits, 1e6), 1 / V, rtol=1e-3)

# %% [markdown]
# ## Let it write
#
# `drn.tasks.generate` reads a prompt, draws a character, feeds it back as the next input, and so on; each step is one call of `model.step`, and the state is carried as in
# training. First the untrained net, then the trained one, cold to warm. Two measures stand beside the impression: the share of its words that occur in the
# training text, and the share that are new, that is, that it has not written before.

# %%
known = set(re.findall(r"\w+", task.decode(task.train_codes)))
real, new = {}, {}
for label, net, tau in (("untrained", untrained, 1.0), *(("trained", model, tau) for tau in temperatures)):
    written = drn.tasks.generate(net, task, prompt="\n", length=1000, temperature=tau, rng=0)
    words = re.findall(r"\w+", written)
    real[label, tau] = sum(word in known for word in words) / len(words)
    new[label, tau] = len(set(words)) / len(words)
    print(f"--- {label}, temperature {tau}: {real[label, tau]:.0%} of its words are known, {new[label, tau]:.0%} new")
    print(written[:240].strip() + "\n")
assert real["trained", 0.7] > real["untrained", 1.0]
assert real["trained", 0.3] > real["trained", 1.5] and new["trained", 0.3] < new["trained", 1.5]

# %% [markdown]
# The untrained net draws characters nearly at random. The trained one has learned words, line breaks and where capitals go; it has not learned what it is
# talking about. Cold, it keeps to what it is sure of and repeats itself; warm, it invents. For a net that writes better, train longer:
# `dilated-rnn train characters`, then `dilated-rnn generate`.
#
# ## Exercises
#
# The checker says what is wrong; solutions are in `solutions/ex10.py`.
#
# **10.1** Cut window number `k` out of a text `codes` of $N$ numbers, in $B$ streams. A stream has $S = \lfloor (N-1) / B \rfloor$ steps; stream $b$ starts at character $bS$.
# Return inputs and targets, `(T, B)` each, as numbers.


# %%
def window(codes, B, T, k):
    """Return the inputs (T, B) and the targets (T, B) of window k."""


check("10.1", window)
hint("10.1", 1)

# %% [markdown]
# **10.2** The gradient of $W_x$ for one-hot inputs, without ever building them: from `da` `(T, B, G*H)` and the characters `codes` `(T, B)`.


# %%
def lookup_gradient(da, codes, V):
    """Return dW_x (G*H, V)."""


check("10.2", lookup_gradient)

# %% [markdown]
# **10.3** Truncated backpropagation by hand, on the smallest net there is: $h_t = w\,h_{t-1} + x_t$ with $h_{-1} = 0$, and a loss with the given derivatives $\partial\mathcal L/\partial h_t$ =
# `do[t]`. Return the truncated $dw$ over all windows of `W` steps: states are carried, gradients end at the window's first step. (The last window may be shorter.)


# %%
def truncated_gradient(x, do, w, W):
    """Return dw, from x (T,) and do (T,)."""


check("10.3", truncated_gradient)
hint("10.3", 1)

# %% [markdown]
# **10.4** The probabilities at a temperature, for many rows of logits at once. Some logits are very large.


# %%
def probabilities(logits, temperature):
    """Return p (B, V) from logits (B, V)."""


check("10.4", probabilities)

# %% [markdown]
# ## Where next
#
# A text has many steps, but one kind of them. Sound has thousands per second, and recordings end when they end:
# [11. Raw sound](11_raw_sound.ipynb).
