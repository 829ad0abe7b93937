# %% [markdown]
# # 9. Pixel by pixel: sequential, permuted and noisy MNIST
#
# **What you will do.** Show a net an image one pixel at a time and ask at the end what it was. See why the same pixels in a random
# order are a harder test of memory, train a small dilated GRU on both orders, and look at what it confuses and what it keeps.
#
# **What you need.** Tutorials 4 (gates), 6 (stacks) and 8 (a first training run). Reading time: 20 minutes.

# %%
import numpy as np
from exercises import check, hint
from matplotlib.figure import Figure
from tools import FULL, data_dir, show, size

import dilated_rnn_np as drn
from dilated_rnn_np import plot

# %% [markdown]
# ## The digits
#
# MNIST is 70,000 handwritten digits of 28 by 28 pixels. `drn.tasks.Digits` looks for its four files in `data_dir`, then in the folder
# that `$DILATED_RNN_DATA` names, then in a cache, and downloads them where they are nowhere. Where that fails too, this tutorial goes on
# with a stand-in: digits as on a pocket calculator, seven strokes switched on or off, shifted, drawn by a trembling hand. They are
# no handwriting, so take accuracies from the real digits alone.

# %%
STROKES = {  # of a calculator's digit: rows from, to and columns from, to
    "top": (4, 6, 9, 19),
    "upper left": (5, 14, 8, 10),
    "upper right": (5, 14, 18, 20),
    "middle": (13, 15, 9, 19),
    "lower left": (14, 23, 8, 10),
    "lower right": (14, 23, 18, 20),
    "bottom": (22, 24, 9, 19),
}
SWITCHED_ON = [
    "1110111",
    "0010010",
    "1011101",
    "1011011",
    "0111010",
    "1101011",
    "1101111",
    "1010010",
    "1111111",
    "1111011",
]


class CalculatorDigits(drn.tasks.Digits):
    """A stand-in for MNIST with the same attributes: drawn, not read from files."""

    def __init__(self, permuted=False, permutation_seed=0, length=784, held_out=1000, data_dir=None):
        self.permuted, self.permutation_seed = permuted, permutation_seed
        self.length, self.held_out = length, held_out
        self.pixel_order = self.random_order(permutation_seed) if permuted else np.arange(784)
        rng = np.random.default_rng(0)
        self.train_images, self.train_labels = self.draw(rng, 4000)
        self.validation_images, self.validation_labels = self.draw(rng, held_out)
        self.test_images, self.test_labels = self.draw(rng, 1000)

    @staticmethod
    def draw(rng, count):
        """Return images (count, 28, 28) of bytes and labels (count,)."""
        images, labels = np.zeros((count, 28, 28)), rng.integers(0, 10, count)
        for image, label in zip(images, labels, strict=True):
            for on, (top, bottom, left, right) in zip(SWITCHED_ON[label], STROKES.values(), strict=True):
                if on == "1":
                    down, across = rng.integers(-1, 2, 2)  # each stroke is shifted by itself
                    image[top + down : bottom + down, left + across : right + across] = rng.uniform(160, 255)
            for row in range(28):
                image[row] = np.roll(image[row], rng.integers(-2, 3))  # a trembling hand
        return images.astype(np.uint8), labels


try:
    drn.tasks.Digits(data_dir=data_dir())
    Digits, source = drn.tasks.Digits, "MNIST"
except drn.tasks.DataError:
    Digits, source = CalculatorDigits, "the stand-in"
    print("MNIST was not found and could not be downloaded; this run goes on with the stand-in.")
    print("For the real digits, put these files into the folder mnist of the folder $DILATED_RNN_DATA:")
    for file in drn.tasks.digits.FILES.values():
        print(f"  {file.urls[0]}")

rows = Digits(data_dir=data_dir())
permuted = Digits(permuted=True, data_dir=data_dir())
x, targets = next(iter(rows.batches(32)))
total = len(rows.train_images) + len(rows.validation_images) + len(rows.test_images)
assert total == 70_000 or source != "MNIST"
print(f"{source}: {len(rows.train_images):,} images to train on, {len(rows.validation_images):,} held out")
print(f"a batch: x {x.shape} = (T, B, D), from {x.min():.0f} to {x.max():.0f}; targets {targets.shape}")
assert x.shape == (784, 32, 1) and targets.shape == (32,)

# %% [markdown]
# ## An image is a sequence
#
# At step $t$ the net sees one number, pixel $\pi(t)$ of the image, the pixels counted row by row:
#
# | equation | code |
# |---|---|
# | $x_t = \mathrm{pixel}_{\pi(t)} / 255$ | `pixels[:, order].T / 255` |
# | row by row: $\pi(t) = t$ | `order = np.arange(784)` |
# | permuted: $\pi$ one random permutation, the same for all images | `order = permuted.pixel_order` |

# %%
images = rows.validation_images[:32]
for task in (rows, permuted):
    by_hand = images.reshape(32, 784)[:, task.pixel_order].T[:, :, np.newaxis] / 255  # (784, 32, 1)
    assert np.allclose(by_hand, task.validation(32)[0][0])  # the library's sequences of the same images
assert sorted(permuted.pixel_order) == list(range(784))  # each pixel once: nothing is lost
show(plot.digits_as_sequences(images, permuted.pixel_order, count=4))

# %% [markdown]
# On the left the image, in the middle its rows one after the other, on the right the same 784 numbers permuted. You could learn to
# read the middle column: strokes come back every 28 steps. The right column looks like noise, but it holds exactly the same numbers.
#
# ## Why the permuted order is harder
#
# Pixels that belong to one stroke tell of each other: they are *correlated*. To use that, the net must hold one until the other
# comes. So how far apart are they? Take all pairs of pixels whose correlation over the training images is above 0.5 in size, and look
# at the number of steps between the two:

# %%
pixels = rows.train_images[:4000].reshape(-1, 784) / 255
used = np.flatnonzero(pixels.std(axis=0) > 0.1)  # pixels at the border are always white
correlation = np.corrcoef(pixels[:, used].T)
first, second = np.nonzero(np.triu(abs(correlation) > 0.5, k=1))
distances = {}
for label, task in (("row by row", rows), ("permuted", permuted)):
    step_of = np.argsort(task.pixel_order)  # the inverse order: pixel p is seen at step step_of[p]
    distances[label] = abs(step_of[used[first]] - step_of[used[second]])
    print(f"{label:<11} {len(first)} pairs, {distances[label].mean():6.1f} steps apart on average")
t = np.arange(784)
any_two = abs(t[:, np.newaxis] - t).sum() / (784 * 783)  # over all pairs of different steps
print(f"any two of 784 steps are {any_two:.1f} steps apart on average")
assert distances["permuted"].mean() > 3 * distances["row by row"].mean()
assert abs(distances["permuted"].mean() / any_two - 1) < 0.1

ax = plot.new_axes()
for (label, d), fill in zip(distances.items(), (True, False), strict=True):
    ax.hist(
        d,
        bins=np.arange(-3.5, 784, 7),
        histtype="stepfilled" if fill else "step",
        alpha=0.6 if fill else 1,
        label=label,
        lw=1.8,
    )
ax.set(xlabel="steps between two correlated pixels", ylabel="number of pairs", yscale="log")
ax.legend(frameon=False)
show(ax)

# %% [markdown]
# Row by row, what belongs together is near: in the same row, or one, two, three rows below (the peaks at multiples of 28). Permuted,
# the related pixels are as far apart as any two steps, and **dependencies spread over all spans**, up to nearly the whole sequence. A
# net that only sees far by many short hops is at a loss there.
#
# ## Noise behind the digit
#
# A third version makes the memory longer without changing the image: after the 784 pixels comes noise, and only after the noise the
# question. Even the last pixel then has to survive all of it.

# %%
noisy = Digits(length=1000, data_dir=data_dir())
x_noisy, _ = next(iter(noisy.batches(32)))
assert x_noisy.shape == (1000, 32, 1) and np.array_equal(x_noisy[:784], x)  # the same digits, then noise
noise = x_noisy[784:]
print(f"{len(noise)} steps of noise, uniform in [0, 1): mean {noise.mean():.3f}, ink before {x.mean():.3f}")
ax = plot.new_axes(8, 2.4)
ax.plot(x_noisy[:, 0, 0], lw=0.7)
ax.axvline(784, color="black", ls=":")
ax.set(xlabel="time step", ylabel="input", xlim=(0, 1000))
show(ax)

# %% [markdown]
# ## One answer a sequence
#
# With `readout="last"` the net speaks once, after the last step $T-1$. The top layer's state becomes ten numbers, the *logits*, the
# softmax turns them into probabilities, and the loss is small where the right digit $y$ is probable:
#
# | equation | code |
# |---|---|
# | $o = W h_{T-1} + b$ | `output`, `(B, 10)` |
# | $p_k = e^{o_k} / \sum_j e^{o_j}$ | `p = exp / exp.sum(axis=1, keepdims=True)` |
# | $\mathcal{L} = -\frac1B \sum_b \log p_{b, y_b}$ | `loss = -np.log(p[range(B), y]).mean()` |
# | $d o_k = (p_k - [k = y]) / B$ | `do = (p - one_hot) / B` |
#
# The last line is the whole derivative; $[k = y]$ is 1 where $k = y$ and 0 elsewhere, the *one-hot* row. Write $-\log p_y = -o_y + \log \sum_j e^{o_j}$. The derivative of the first term by $o_k$ is
# $-1$ where $k = y$ and 0 elsewhere. That of the second is $e^{o_k} / \sum_j e^{o_j} = p_k$. The mean over $B$ images divides by $B$.

# %%
fresh = drn.DilatedRNN(1, 10, drn.exponential_dilations(9), cell="gru", output_size=10, readout="last", rng=0)
output, _, cache = fresh.forward(x)
assert output.shape == (32, 10)

B, y = len(output), targets
exp = np.exp(output - output.max(axis=1, keepdims=True))  # the same softmax, and exp cannot overflow
p = exp / exp.sum(axis=1, keepdims=True)
loss = -np.log(p[range(B), y]).mean()
one_hot = np.eye(10)[y]
do = (p - one_hot) / B

library_loss, library_do = drn.losses.softmax_cross_entropy(output, targets)
assert np.isclose(loss, library_loss, rtol=1e-5) and np.allclose(do, library_do, atol=1e-7)
print(f"loss of a fresh net {loss:.3f}; guessing costs ln 10 = {np.log(10):.3f}")

# %% [markdown]
# The gradient enters at the last step and has to find its way back to every pixel. How much of it arrives? `drn.memory.gradient_flow`
# measures the norm of $\partial\mathcal{L}/\partial h_{T-1-n}$ in each layer, over the span $n$. Here are a dilated and a plain stack of nine
# layers, both fresh, over all 784 steps:

# %%
plain = drn.DilatedRNN(1, 10, [1] * 9, cell="gru", output_size=10, readout="last", rng=0)
flows = {}
for label, model in (("dilated", fresh), ("plain", plain)):
    flows[label] = drn.memory.gradient_flow(
        model.astype("float64"), x[:, :8].astype("float64"), y[:8], drn.losses.softmax_cross_entropy
    )
    assert flows[label].shape == (9, 784)
    relative = flows[label][0] / flows[label][0].max()
    print(f"{label:<8} first layer: the state 783 steps back gets {relative[783]:.1e} of the most")
assert flows["dilated"][0, 783] > 1e6 * flows["plain"][0, 783]
assert flows["plain"][0, 783] < 1e-16 * flows["plain"][0].max()  # below the rounding of float64

figure = Figure(figsize=(8, 6), layout="constrained")
panels = figure.subplots(2, sharex=True)
for ax, (label, flow), model in zip(panels, flows.items(), (fresh, plain), strict=True):
    plot.gradient_flow(flow, [f"layer {i + 1}, d = {d}" for i, d in enumerate(model.dilations)], ax=ax)
    ax.set(title=label, xlabel="" if label == "dilated" else "span n (time steps)")
show(figure)

# %% [markdown]
# Mind the two colour scales; the lower one ends where the picture turns all dark. In the plain stack the gradient of the first pixels is a rounding error of that of the last ones; in the
# dilated stack each layer doubles how far a hop goes, and the gradient comes through.
#
# ## Train it
#
# All of it, nine layers, 784 steps and many epochs, takes long; the [README](../README.md) has the results, under "Measured results".
# Here we want to see learning within seconds, and take two shortcuts. The net sees **every fourth pixel**, `x[::4]`, so a sequence has a
# quarter of the steps. And four layers with the dilations 1, 4, 16, 64 (base 4 instead of 2) span it. With `TUTORIAL_SIZE=full` the
# net sees every pixel, has nine layers and takes more steps.

# %%
every = size(4, 1)
dilations = drn.exponential_dilations(9) if FULL else drn.exponential_dilations(4, base=4)
steps = size(200, 1500)
assert 4 * len(x[::4]) == len(x)


def thinned(batches):
    """Yield the batches with every fourth (or every) pixel."""
    for x, y in batches:
        yield x[::every], y


nets, curves, answers = {}, {}, {}
for label, task in (("row by row", rows), ("permuted", permuted)):
    model = drn.DilatedRNN(
        task.input_size, 20, dilations, cell="gru", output_size=task.output_size, readout="last", rng=0
    )
    optimizer = drn.optim.RMSProp(model.params, lr=drn.optim.cosine_decay(size(15, 4) * 1e-3, steps))
    run = drn.fit(model, thinned(task.batches(32)), optimizer, steps, max_norm=1.0, progress=False)
    held_x, held_y = task.validation(1000)[0]  # images that were never trained on
    output, _, _ = model.forward(held_x[::every], keep=False)
    nets[label], curves[label], answers[label] = model, run.column("loss"), output.argmax(axis=1)
    accuracy = (answers[label] == held_y).mean()
    print(f"{label:<11} {len(held_x[::every])} steps a sequence: accuracy on held-out digits {accuracy:.1%}")
    assert accuracy > 0.3  # by guessing: one in ten
print(f"each was trained on {32 * steps:,} images")
show(plot.training_curves(curves, rows.baseline, "guessing, ln 10", smooth=10))

# %% [markdown]
# Both learn. Do not read much into which is ahead: that takes full sequences and full training,
# and more than one seed.
#
# ## What it confuses
#
# The *confusion matrix* counts, for each true digit (row), what the net said (column). What is right lies on the diagonal.

# %%
ax = plot.new_axes(5.6, 5.0)
counts = plot.confusion(held_y, answers["row by row"], ax=ax)
ax.set_title("row by row")
show(ax)
assert counts.sum() == 1000 and np.trace(counts) == (answers["row by row"] == held_y).sum()
off = counts - np.diag(np.diag(counts))
truth, said = np.unravel_index(off.argmax(), off.shape)
print(f"most often confused: {truth} taken for {said}, {off.max()} times of {counts[truth].sum()}")

# %% [markdown]
# ## Looking inside: the gates over one digit
#
# The update gate $z_t$ of tutorial 4 says how much of the old state is kept: $h_t = (1 - z_t)\,n_t + z_t\,h_{t-d}$. Near 1 (bright) a
# unit holds what it has, near 0 (dark) it takes what is new. Below, one digit, row by row: its ink, and $z$ in the first and the last layer.

# %%
digit = rows.validation(1)[0][0][::every]  # (T, 1, 1)
layers = drn.memory.activations(nets["row by row"], digit)
figure = Figure(figsize=(8, 6.5), layout="constrained")
upper, middle, lower = figure.subplots(3, sharex=True, height_ratios=(1, 2, 2))
upper.plot(digit[:, 0, 0], lw=1)
upper.set(ylabel="input", title=f"a {rows.validation_labels[0]}")
for ax, i in ((middle, 0), (lower, len(dilations) - 1)):
    plot.hidden_states(layers[i], "z", ax=ax)
    ax.set_title(f"update gates of layer {i + 1}, dilation {dilations[i]}")
middle.set_xlabel("")
show(figure)
ink = digit[:, 0, 0] > 0.5
first_layer = layers[0]["z"][:, 0]  # (T, H)
change = abs(first_layer[ink].mean(axis=0) - first_layer[~ink].mean(axis=0))
print(f"first layer: the unit that answers most to ink changes its gate by {change.max():.2f} on average")
assert change.max() > 0.05

# %% [markdown]
# The first layer's gates follow the ink: there the strokes are read. The last layer sees what the layers below made of it, and
# takes it up over many steps.
#
# ## Exercises
#
# The checker says what is wrong; solutions are in `solutions/ex09.py`.
#
# **9.1** From images to sequences: bytes `(B, 28, 28)` to numbers in $[0, 1]$, time-major `(784, B, 1)`; step $t$ shows pixel `order[t]`.


# %%
def pixels_to_sequence(images, order):
    """Return the sequences x (784, B, 1)."""


check("9.1", pixels_to_sequence)

# %% [markdown]
# **9.2** And back: from the sequences and the order, the images `(B, 28, 28)`, in $[0, 1]$.


# %%
def sequence_to_images(x, order):
    """Return the images (B, 28, 28) that were shown as x (784, B, 1)."""


check("9.2", sequence_to_images)
hint("9.2", 1)

# %% [markdown]
# **9.3** The softmax cross-entropy with its gradient, the mean over the batch. One row of the logits is very large.


# %%
def cross_entropy(logits, targets):
    """Return loss and dlogits, from logits (B, O) and targets (B,)."""


check("9.3", cross_entropy)

# %% [markdown]
# **9.4** The confusion matrix, `(classes, classes)` with a row for each target, and the accuracy of each class.


# %%
def confusion(targets, predictions, classes):
    """Return counts and accuracy."""


check("9.4", confusion)

# %% [markdown]
# ## Where next
#
# A digit is one sequence with one answer. A text never ends, and has an answer at every character. How a net learns from what it
# cannot go through at once: [10. Characters](10_characters.ipynb).
