# %% [markdown]
# # 11. Raw sound: who is speaking?
#
# **What you will do.** Let a net listen to recordings of spoken digits, sample by sample as the microphone gave them, and say who spoke. Trade time steps for width, put
# recordings of different lengths into one batch, follow the paths across a whole word, and train the same net with and without dilation.
#
# **What you need.** Tutorials 6 (stacks), 7 (path lengths) and 9 (one answer a sequence). Reading time: 25 minutes.

# %%
import numpy as np
from exercises import check, hint
from matplotlib.figure import Figure
from tools import FULL, data_dir, show, size

import dilated_rnn_np as drn
from dilated_rnn_np import paths, plot
from dilated_rnn_np.tasks import files, speech

# %% [markdown]
# ## The recordings
#
# In the Free Spoken Digit Dataset six people say the ten digits, fifty times each, at 8,000 samples per second. A name such as `7_jackson_32` says the digit, the speaker and
# the index of the recording. `drn.tasks.Speech` looks for the recordings in `data_dir`, then in the folder that `$DILATED_RNN_DATA` names, then in a cache, and downloads
# them where they are nowhere. Where that fails too, this tutorial goes on with a stand-in: synthesised voices, sums of the harmonics of a pitch, louder near the resonances of a mouth.
# Pitch and mouth belong to the speaker, the vowels to the digit, and all wavers as drawn from a seed. They are nobody's voices, so take accuracies from the recordings alone.

# %%
RATE = 8000  # samples per second
VOICES = {  # of the stand-in: pitch in hertz, resonances relative to a common mouth, loudness
    "anna": (205, 1.15, 900),
    "ben": (115, 1.00, 3000),
    "carl": (95, 0.90, 2000),
    "dora": (180, 1.10, 400),
    "emil": (135, 0.97, 1500),
    "fay": (235, 1.22, 250),
}
VOWELS = [(300, 2300), (400, 2000), (550, 1800), (700, 1200), (500, 900), (320, 800)]  # two resonances each, in hertz


def synthesised(rng, digit, pitch, mouth, loudness):
    """Return the samples (N,) of a word of two vowels."""
    n = int(rng.integers(1600, 5200))
    along = np.linspace(0, 1, n)
    frequency = pitch * (1 + 0.06 * rng.standard_normal()) * (1.08 - 0.16 * along)  # it falls along the word
    phase = 2 * np.pi * np.cumsum(frequency) / RATE
    start, end = np.array(VOWELS[digit % 6]), np.array(VOWELS[(digit + 1 + digit // 6) % 6])
    resonances = mouth * (start[:, np.newaxis] * (1 - along) + end[:, np.newaxis] * along)  # (2, N)
    sound = 0.02 * rng.standard_normal(n)
    for k in range(1, int(3500 / pitch)):
        sound += (1 / (1 + ((k * frequency - resonances) / 120) ** 2)).sum(axis=0) * np.sin(k * phase)
    sound *= np.sqrt(np.sin(np.pi * along))
    return (
        np.rint(loudness * rng.uniform(0.6, 1.6) * sound / np.sqrt(np.mean(sound**2)))
        .clip(-32768, 32767)
        .astype(np.int16)
    )


class Voices(drn.tasks.Speech):
    """A stand-in for the recordings with the same attributes: synthesised, not read from files."""

    def __init__(self, recordings, frame):
        self.frame = self.input_size = frame
        self.classes, self.output_size, self.baseline = sorted(VOICES), len(VOICES), np.log(len(VOICES))
        self._parts = {"test": [], "validation": [], "train": []}
        for name, samples in recordings.items():
            _, speaker, index = name.split("_")
            self._parts[("test", "validation", "train")[min(int(index) // 5, 2)]].append((samples, speaker))


FRAME = size(32, 16)
try:
    task = drn.tasks.Speech(frame=FRAME, data_dir=data_dir())
    archive = speech.recordings_in(files.read(speech.ARCHIVE, data_dir()))
    recordings = {name.removesuffix(".wav"): speech.parse_wav(content, name) for name, content in archive.items()}
    source = "the Free Spoken Digit Dataset"
except drn.tasks.DataError:
    rng = np.random.default_rng(0)
    recordings = {
        f"{digit}_{speaker}_{index}": synthesised(rng, digit, *voice)
        for digit in range(10)
        for speaker, voice in VOICES.items()
        for index in range(25)
    }
    task = Voices(recordings, FRAME)
    source = "synthesised voices"
    print("The recordings were not found and could not be downloaded; this run goes on with synthesised voices.")
    print(f"For the real ones, put {speech.ARCHIVE.urls[0]}")
    print("into the folder fsdd of the folder $DILATED_RNN_DATA.")

lengths = np.array([len(samples) for samples in recordings.values()])
print(f"{source}: {len(recordings):,} recordings of {', '.join(task.classes)}")
print(f"from {lengths.min():,} to {lengths.max():,} samples, half of them longer than {np.median(lengths):,.0f},")
print(f"which is {lengths.min() / RATE:.2f} to {lengths.max() / RATE:.2f} seconds")
assert len(task.classes) == 6

# %% [markdown]
# Here each speaker says "seven": on the left the whole word, all on one scale, on the right 40 milliseconds from its loudest place, each on its own scale.

# %%
figure = Figure(figsize=(8.4, 6.6), layout="constrained")
panels = figure.subplots(6, 2, sharex="col", width_ratios=(3, 2))
tallest = max(abs(recordings[f"7_{speaker}_10"].astype(float)).max() for speaker in task.classes)
for (whole, part), speaker in zip(panels, task.classes, strict=True):
    samples = recordings[f"7_{speaker}_10"].astype(float)
    power = np.convolve(samples**2, np.ones(320), mode="valid")
    loudest = int(power.argmax())
    whole.plot(np.arange(len(samples)) / RATE * 1000, samples, lw=0.5)
    whole.set(ylim=(-tallest, tallest), yticks=[0], ylabel=speaker)
    part.plot(np.arange(320) / RATE * 1000, samples[loudest : loudest + 320], lw=1, color=plot.style.COLOURS[1])
    part.set(yticks=[])
panels[-1, 0].set_xlabel("milliseconds")
panels[-1, 1].set_xlabel("milliseconds")
show(figure)

# %% [markdown]
# Two things meet the eye. On the right the waves *repeat*: the vocal cords open and close, and the time from one opening to the next is the **period** of the pitch. How many samples is that?
# The wave is most like itself when shifted by one period, so take the shift with the largest correlation, between the periods of 60 and 400 hertz:


# %%
def period(samples):
    """Return after how many samples the loudest place of a recording repeats itself."""
    samples = samples.astype(float)
    start = int(np.convolve(samples**2, np.ones(512), mode="valid").argmax()) if len(samples) > 512 else 0
    place = samples[start : start + 512]
    shifts = range(RATE // 400, RATE // 60)
    alike = [place[shift:] @ place[:-shift] / (len(place) - shift) for shift in shifts]
    return shifts[int(np.argmax(alike))]


some = {name: samples for name, samples in recordings.items() if name.endswith(("_10", "_11", "_12"))}
periods = {
    speaker: np.median([period(samples) for name, samples in some.items() if f"_{speaker}_" in name])
    for speaker in task.classes
}
for speaker, samples in periods.items():
    print(f"{speaker:<9} repeats after {samples:3.0f} samples, {RATE / samples:3.0f} hertz")
slowest, word = max(periods.values()), np.median(lengths)
print(f"a word is {word / slowest:.0f} to {word / min(periods.values()):.0f} periods long")
assert word > 20 * slowest

# %% [markdown]
# So there are **two time scales**: what happens within a period (the sound of the voice) takes tens of samples, and the word takes thousands. A net for raw sound
# needs memory for both, and for all between.
#
# ## Never trained on
#
# The second thing that meets the eye is on the left: some are louder than others. We come to that. First the split. The recordings 0 to 4 of each
# speaker and digit are the test set, as their publisher says, 5 to 9 the validation set, and all others are trained on:

# %%
parts = {"train": [], "validation": [], "test": []}
for name, samples in recordings.items():
    digit, speaker, index = name.split("_")
    part = "test" if int(index) < 5 else "validation" if int(index) < 10 else "train"
    parts[part].append((samples, speaker))
for part, content in parts.items():
    print(f"{part:<11}{len(content):>5} recordings")
assert len(parts["test"]) == len(parts["validation"]) == 6 * 10 * 5
assert sum(len(y) for _, y, _ in task.test(100)) == len(parts["test"])
assert task.steps_per_epoch(1) == len(parts["train"])

# %% [markdown]
# The speakers are the same in all three: the question is who of the six it was, not whether a stranger spoke.
#
# ## The same loudness for all
#
# How far does one get by loudness alone? Take each speaker's typical root mean square (**RMS**) in the training set, and call a test recording by the nearest:

# %%
rms = {part: np.array([np.sqrt(np.mean(s.astype(float) ** 2)) for s, _ in parts[part]]) for part in parts}
who = {part: np.array([task.classes.index(speaker) for _, speaker in parts[part]]) for part in parts}
typical = np.array([np.median(np.log(rms["train"][who["train"] == k])) for k in range(6)])
called = abs(np.log(rms["test"])[:, np.newaxis] - typical).argmin(axis=1)
by_loudness = (called == who["test"]).mean()
for k, speaker in enumerate(task.classes):
    print(
        f"{speaker:<9} typical RMS {np.exp(typical[k]):5.0f}, recognised by it {(called == who['test'])[who['test'] == k].mean():.0%}"
    )
print(f"by loudness alone: {by_loudness:.1%} right; by guessing: {1 / 6:.1%}")
print(f"over 32,768 the quietest speaker's typical RMS is {np.exp(typical.min()) / 32768:.4f}")
assert by_loudness > 1.5 / 6

# %% [markdown]
# That is the microphone and where it stood, no voice. A net would learn it gladly, but it is not what we ask for. So each recording is scaled to a mean square
# of 1. That also gives the net inputs of ordinary size. Samples over 32,768, the largest number in a file, would not be: see the last line printed.
#
# | equation | code |
# |---|---|
# | $\mathrm{RMS} = \sqrt{\frac1N \sum_n s_n^2}$ | `np.sqrt(np.mean(samples**2))` |
# | $s_n \leftarrow s_n / \mathrm{RMS}$ | `samples / rms` |
#
# ## Frames: steps for width
#
# A net that takes one sample a step needs as many steps as there are samples. A **frame** brings several at once: cut the $N$ samples into pieces of $D$, the last one filled
# up with zeros, and each piece is one input $x_t$. There are $T = \lceil N / D \rceil$ of them:

# %%
D, samples = FRAME, parts["train"][0][0].astype(float)
N = len(samples)
scaled = samples / np.sqrt(np.mean(samples**2))  # the scale first: zeros at the end do not count
T = -(-N // D)  # division that rounds up
frames = np.append(scaled, np.zeros(T * D - N)).reshape(T, D)  # (N,) -> (T, D)
assert np.isclose(np.mean(scaled**2), 1)
assert np.allclose(frames, speech.framed(parts["train"][0][0], D), rtol=1e-5)
print(f"{N:,} samples are {T} frames of {D}; the last frame has {T * D - N} zeros")

print(f"\n{'frame':>5} {'a step is':>11} {'T, typical':>11} {'T, longest':>11} {'numbers in W_x':>15}")
for frame in (1, 8, 16, 32, 64, 128):
    net = drn.DilatedRNN(frame, 24, [1], cell="gru")
    typical_T, longest_T = (int(-(-n // frame)) for n in (np.median(lengths), lengths.max()))
    print(
        f"{frame:>5} {frame / RATE * 1000:>8.2f} ms {typical_T:>11,} {longest_T:>11,} {net.params['layers.0.W_x'].size:>15,}"
    )
    assert net.params["layers.0.W_x"].shape == (3 * 24, frame)

# %% [markdown]
# Nothing is thrown away: all samples come in. What changes is how they meet. Those of one frame meet at once, each with a weight of its own in $W_x$; those of different frames meet through the recurrence.
# A wide frame means few steps, but $W_x$ grows, and it has to learn each wave at each place where it may begin within a frame. The
# frames of this tutorial are shorter than a period, so that every period is spread over steps:

# %%
assert min(periods.values()) > FRAME
print(
    f"frames of {FRAME} samples; a period is {min(periods.values()) / FRAME:.1f} to {slowest / FRAME:.1f} steps, a typical word {word / FRAME:.0f} steps"
)

# %% [markdown]
# ## A batch of different lengths
#
# A batch is one array, so all its rows have the steps of its longest recording; shorter ones are followed by zeros, the **padding**, and `lengths` says where each one ends.
# Row $b$ is read out after its own last step, not after the batch's: $o_b = W h_{\mathrm{lengths}_b - 1,\, b} + b$.

# %%
x, targets, row_lengths = task.batches(32).draw(0)
T, B, _ = x.shape
valid = np.arange(T)[:, np.newaxis] < row_lengths  # (T, B)
assert not x[~valid].any()
print(
    f"x {x.shape} = (T, B, D), lengths from {row_lengths.min()} to {row_lengths.max()}; {1 - valid.mean():.0%} of it is padding"
)
ax = plot.new_axes(8, 3.6)
energy = np.ma.masked_where(~valid, np.log10((x**2).mean(axis=2) + 1e-4)).T  # (B, T)
mesh = ax.pcolormesh(energy, cmap="cividis", rasterized=True)
ax.plot(row_lengths, np.arange(B) + 0.5, "|", color="#D55E00", markersize=9, markeredgewidth=2, label="read out here")
ax.set(xlabel="time step", ylabel="recording", ylim=(B, 0), yticks=[0.5, B - 0.5], yticklabels=["0", f"{B - 1}"])
ax.figure.colorbar(mesh, ax=ax, label="log10 of the frame's mean square")
ax.legend(frameon=False, loc="lower right")
show(ax)

# %% [markdown]
# White is padding. Does it leave no trace? Put noise there in place of the zeros, and compare everything that comes out, forward and backward. Then run each recording alone, without padding:

# %%
small = drn.DilatedRNN(FRAME, 8, [1, 2, 4], cell="gru", output_size=6, dtype="float64", rng=0)
shortest = np.argsort(row_lengths)[:4]
lengths4, targets4 = row_lengths[shortest], targets[shortest]
clean = x[: lengths4.max(), shortest].astype("float64")  # (T, 4, D)
inside = np.arange(len(clean))[:, np.newaxis] < lengths4
noise = np.random.default_rng(0).standard_normal(clean.shape)
dirty = np.where(inside[:, :, np.newaxis], clean, 5 * noise)
assert (~inside).any()


def everything(batch):
    """Return output, state, dx and gradients of a batch with lengths."""
    output, state, cache = small.forward(batch, lengths=lengths4)
    _, doutput = drn.losses.softmax_cross_entropy(output, targets4)
    dx, _, grads = small.backward(doutput, cache)
    return output, state, dx, grads, doutput


output, state, dx, grads, doutput = everything(clean)
output_dirty, state_dirty, dx_dirty, grads_dirty, _ = everything(dirty)
assert np.array_equal(output, output_dirty) and np.array_equal(dx, dx_dirty)
assert all(np.array_equal(grads[name], grads_dirty[name]) for name in grads)
assert all(np.array_equal(h, g) for (h,), (g,) in zip(state, state_dirty, strict=True))
assert not dx[~inside].any()  # and no gradient flows into it

total = {name: np.zeros_like(array) for name, array in grads.items()}
for b, length in enumerate(lengths4):
    alone, state_alone, cache = small.forward(clean[:length, [b]])
    assert np.allclose(alone[0], output[b], rtol=1e-10)
    for (h,), (h_alone,) in zip(state, state_alone, strict=True):
        assert np.allclose(h[:, b], h_alone[:, 0], rtol=1e-10)  # the state of row b is that of its own last d steps
    _, _, own = small.backward(doutput[[b]], cache)
    total = {name: total[name] + own[name] for name in total}
assert all(np.allclose(total[name], grads[name], rtol=1e-9, atol=1e-13) for name in grads)
careless, _, _ = small.forward(clean)
print(
    f"with lengths: equal to the last bit. Without them the outputs are off by up to {abs(careless - output).max():.3f}"
)
assert abs(careless - output).max() > 1e-3

# %% [markdown]
# ## Paths across a word
#
# The sound of the voice is in all of the word, also in its first frames, and the question comes at the end. How many edges lie between? Dilations in base 4 grow from one frame
# to a good part of a word:

# %%
dilations = drn.exponential_dilations(8) if FULL else drn.exponential_dilations(4, base=4)
for i, d in enumerate(dilations):
    print(
        f"layer {i + 1}: d = {d:>3} steps = {d * FRAME:>6,} samples = {d * FRAME / RATE * 1000:6.1f} ms, {d * FRAME / slowest:5.1f} slow periods"
    )
assert dilations[-1] * FRAME > 10 * slowest and dilations[0] * FRAME < slowest  # from within a period to many

stacks = {"dilated": paths.dilated_stack(dilations), "plain": paths.plain_stack(len(dilations))}
longest, typical_T = -(-int(lengths.max()) // FRAME), -(-int(word) // FRAME)
edges = {label: paths.recurrent_lengths(stack, longest) for label, stack in stacks.items()}
print("edges on the shortest path from the first frame to the answer")
for label, by_span in edges.items():
    print(f"{label:<8} typical recording {by_span[typical_T - 1]:4.0f}, longest {by_span[longest - 1]:4.0f}")
assert edges["plain"][longest - 1] == len(dilations) + longest - 1
assert edges["dilated"][longest - 1] < 0.2 * edges["plain"][longest - 1]
ax = plot.new_axes(7, 3.4)
plot.path_lengths(stacks.values(), longest, ax=ax)
ax.axvline(typical_T - 1, color="black", lw=1, ls=":")
ax.text(typical_T + 4, 0.92 * edges["plain"].max(), "typical recording", fontsize=9)
show(ax)

# %% [markdown]
# ## Train both
#
# The same net twice, once with these dilations and once with all of them 1: the same parameters at the start, the same batches in the same order, as many steps. Recordings of the validation and the test set are
# never trained on.

# %%
H, steps = size(24, 32), size(120, 1500)
nets, curves, accuracy = {}, {}, {}
for label, ds in (("dilated", dilations), ("plain", [1] * len(dilations))):
    net = drn.DilatedRNN(FRAME, H, ds, cell="gru", output_size=6, rng=0)
    optimizer = drn.optim.Adam(net.params, lr=drn.optim.cosine_decay(size(10, 3) * 1e-3, steps))
    run = drn.fit(net, task.batches(32), optimizer, steps, metric=task.metric, max_norm=1.0, progress=False)
    nets[label], curves[label] = net, run.column("loss")
    for part, batches in (("validation", task.validation(100)), ("test", task.test(100))):
        _, accuracy[label, part] = drn.evaluate(net, batches, metric=task.metric)
print(f"{nets['dilated'].num_parameters:,} parameters each, {steps} steps of 32 recordings")
assert nets["dilated"].num_parameters == nets["plain"].num_parameters
print(f"{'held-out accuracy':<18} {'validation':>10} {'test':>7}")
for label in nets:
    print(f"{label:<18} {accuracy[label, 'validation']:>10.1%} {accuracy[label, 'test']:>7.1%}")
print(f"{'guessing':<18} {1 / 6:>10.1%} {1 / 6:>7.1%}")
assert accuracy["dilated", "test"] > 0.5
show(plot.training_curves(curves, task.baseline, "guessing, ln 6", ylabel="cross-entropy", smooth=max(1, steps // 30)))

# %% [markdown]
# These are the accuracies as they came, of one seed, one width of frames and a training of seconds: see what can be learned from raw samples at all, and do not read a ranking
# out of two numbers. `dilated-rnn train speech` trains a larger net for longer, with shorter frames; at its default settings that takes minutes.
#
# ## Who is taken for whom

# %%
said = {label: [] for label in nets}
true = []
for x_test, y_test, lengths_test in task.test(100):
    true.append(y_test)
    for label, net in nets.items():
        said[label].append(net.forward(x_test, lengths=lengths_test, keep=False)[0].argmax(axis=1))
true = np.concatenate(true)
figure = Figure(figsize=(9, 4.6), layout="constrained")
for ax, label in zip(figure.subplots(1, 2), nets, strict=True):
    counts = plot.confusion(true, np.concatenate(said[label]), task.classes, ax=ax)
    assert np.isclose(np.trace(counts) / counts.sum(), accuracy[label, "test"])
    ax.tick_params(axis="x", rotation=40)
    ax.set_title(label)
    off = counts - np.diag(np.diag(counts))
    a, b = np.unravel_index(off.argmax(), off.shape)
    print(
        f"{label:<8} most often: {task.classes[a]} taken for {task.classes[b]}, {off.max()} times of {counts[a].sum()}"
    )
show(figure)

# %% [markdown]
# ## How much has to be heard?
#
# Lengths are good for another question. Tell the nets that each test recording ends after so many steps, and they answer on what they have heard until then:

# %%
heard = np.unique(np.geomspace(4, longest, 9).astype(int))
by_heard = {label: [] for label in nets}
for label, net in nets.items():
    for limit in heard:
        cut = [(x[:limit], y, np.minimum(n, limit)) for x, y, n in task.test(100)]
        by_heard[label].append(drn.evaluate(net, cut, metric=task.metric)[1])
    assert np.isclose(by_heard[label][-1], accuracy[label, "test"])  # nothing is cut off the longest
ax = plot.new_axes(7, 3.4)
for label, values in by_heard.items():
    ax.plot(heard * FRAME / RATE * 1000, values, "o-", label=label)
ax.axhline(1 / 6, color="black", lw=1, ls=":", label="guessing")
ax.set(xlabel="milliseconds heard at most", ylabel="accuracy on the test set", xscale="log", ylim=(0, 1))
ticks = heard * FRAME / RATE * 1000
ax.set_xticks(ticks, [f"{tick:.0f}" for tick in ticks])
ax.minorticks_off()
ax.legend(frameon=False)
show(ax)
assert max(by_heard["dilated"]) > by_heard["dilated"][0]

# %% [markdown]
# The nets were trained on whole words, so an answer in the middle of one is more than they were asked for. How fast the dilated curve rises says how soon the voice shows.
#
# ## Exercises
#
# The checker says what is wrong; solutions are in `solutions/ex11.py`.
#
# **11.1** From samples `(N,)` to frames `(T, frame)`: scaled to a mean square of 1, the last frame filled up with zeros. (No recording is silent.)


# %%
def to_frames(samples, frame):
    """Return frames (T, frame)."""


check("11.1", to_frames)
hint("11.1", 1)

# %% [markdown]
# **11.2** A batch: from a tuple of recordings in frames, `(T_b, D)` each, the padded array `x` `(T, B, D)` and the lengths `(B,)`.


# %%
def to_batch(recordings):
    """Return x (T, B, D) and lengths (B,)."""


check("11.2", to_batch)

# %% [markdown]
# **11.3** Read each row at its own end: from the states `h` `(T, B, H)` and the lengths, the states `last` `(B, H)`. And backward: from the gradient `dlast` `(B, H)`, the gradient `dh`
# `(T, B, H)`. Every length is at least 1.


# %%
def read_at_the_end(h, lengths, dlast):
    """Return last (B, H) and dh (T, B, H)."""


check("11.3", read_at_the_end)
hint("11.3", 1)

# %% [markdown]
# **11.4** The loss with one answer *each step* (as if each frame had to be labelled): from the losses of the single steps `(T, B)` and the lengths, the mean over the positions that count,
# and its gradient with respect to them.


# %%
def mean_over_valid(step_losses, lengths):
    """Return the mean loss and its gradient (T, B)."""


check("11.4", mean_over_valid)

# %% [markdown]
# ## Where next
#
# You have trusted many gradients by now. How far can that trust go, and which tests earn it?
# [12. Trust](12_trust.ipynb) plants bugs and hunts them.
