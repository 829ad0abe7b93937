# %% [markdown]
# # 12. Trust: find the planted bug
#
# **What you will do.** Write tests that say what must *always* hold and let a machine look for a counterexample; check gradients to the
# last digit; then hunt five planted bugs, and see which test finds which.
#
# **What you need.** Tutorials 2 (backpropagation through time) and 3 (the dilated skip connection). Reading time: 25 minutes.

# %%
from tempfile import TemporaryDirectory

import numpy as np
from exercises import check, hint
from hypothesis import configuration, given, settings
from hypothesis import strategies as st
from tools import show

import dilated_rnn_np as drn
from dilated_rnn_np import plot, reference

scratch = TemporaryDirectory()  # what hypothesis notes down for itself vanishes when this ends
configuration.set_hypothesis_home_dir(scratch.name)

# %% [markdown]
# ## The layer under test
#
# One dilated layer of vanilla units, written by hand. `c` holds the states from time $-d$ on, so `c[d + t]` is the state at time $t$, and
# the state it came from, at time $t - d$, is `c[t]`:
#
# | equation | code |
# |---|---|
# | $h_t = \tanh(W_x x_t + W_h h_{t-d} + b)$ | `np.tanh(x[t] @ W_x.T + c[t] @ W_h.T + b)` |
# | $da_t = dh_t\,(1 - h_t^2)$ | `da = dc[d + t] * (1 - c[d + t] ** 2)` |
# | $dW_x \mathrel{+}= da_t x_t^\top,\; dW_h \mathrel{+}= da_t h_{t-d}^\top,\; db \mathrel{+}= da_t$ | `da.T @ x[t]`, `da.T @ c[t]`, `da.sum(axis=0)` |
# | $dx_t = W_x^\top da_t,\; dh_{t-d} \mathrel{+}= W_h^\top da_t$ | `da @ W_x`, `dc[t] += da @ W_h` |


# %%
def forward(p, d):
    """Return all states c (d + T, B, H): the d given ones, p["start"], and those of the steps of p["x"]."""
    x, c = p["x"], list(p["start"])
    for t in range(len(x)):
        c.append(np.tanh(x[t] @ p["W_x"].T + c[t] @ p["W_h"].T + p["b"]))
    return np.array(c)


def backward(p, d, c, dh):
    """Return the gradients of all arrays in p, from the gradients dh (T, B, H) of the states."""
    x, dc = p["x"], np.concatenate([np.zeros_like(p["start"]), dh])
    g = {name: np.zeros_like(array) for name, array in p.items()}
    for t in reversed(range(len(x))):
        da = dc[d + t] * (1 - c[d + t] ** 2)
        g["W_x"] += da.T @ x[t]
        g["W_h"] += da.T @ c[t]
        g["b"] += da.sum(axis=0)
        g["x"][t] = da @ p["W_x"]
        dc[t] += da @ p["W_h"]
    g["start"] = dc[:d]
    return g


def draw(T, B, D, H, d, seed):
    """Return random arrays of the given sizes: everything follows from six small integers."""
    rng = np.random.default_rng(seed)
    shapes = {"x": (T, B, D), "start": (d, B, H), "W_x": (H, D), "W_h": (H, H), "b": (H,)}
    return {name: 0.7 * rng.standard_normal(shape) for name, shape in shapes.items()}


correct = (forward, backward)
p = draw(T=7, B=2, D=3, H=4, d=3, seed=0)
c = forward(p, 3)
dh = np.random.default_rng(1).standard_normal((7, 2, 4))
g = backward(p, 3, c, dh)

model = drn.DilatedRNN(3, 4, [3], dtype="float64")
for name in ("W_x", "W_h", "b"):
    model.params[f"layers.0.{name}"][...] = p[name]
h, state, cache = model.forward(p["x"], [(p["start"],)])
dx, dstart, grads = model.backward(dh, cache)
assert np.allclose(c[3:], h, rtol=1e-12) and np.allclose(g["x"], dx, rtol=1e-12)
assert np.allclose(g["start"], dstart[0][0], rtol=1e-12)
assert all(np.allclose(g[name], grads[f"layers.0.{name}"], rtol=1e-12) for name in ("W_x", "W_h", "b"))
print("the layer and its gradients equal the library's")

# %% [markdown]
# ## A test of shapes proves nothing
#
# A common first test sends zeros or random numbers in and looks at the shapes of what comes out. Here is a layer that passes it:


# %%
def nonsense(p, d):
    """Random numbers of the right shape."""
    T, B, _ = p["x"].shape
    return np.random.default_rng(0).standard_normal((d + T, B, len(p["b"])))


def no_gradient(p, d, c, dh):
    """Zeros of the right shape."""
    return {name: np.zeros_like(array) for name, array in p.items()}


def shapes(layer, T, B, D, H, d, seed):
    run, run_back = layer
    p = draw(T, B, D, H, d, seed)
    c = run(p, d)
    assert c.shape == (d + T, B, H)
    g = run_back(p, d, c, c[d:])
    assert all(g[name].shape == p[name].shape for name in p)


shapes(correct, 7, 2, 3, 4, 3, seed=0)
shapes((nonsense, no_gradient), 7, 2, 3, 4, 3, seed=0)
print("both pass")

# %% [markdown]
# ## From examples to properties
#
# An *example* says: for this input, that output. A *property* says: for **every** input, this holds. `hypothesis` tries to refute it:
# `@given` draws the arguments, runs the function many times, and where it fails, shrinks the arguments to a smallest counterexample.
#
# We draw a handful of small integers and a seed, and build the arrays from the seed. Small sizes suffice, since an index that is wrong is
# wrong at 3 steps too; and a counterexample such as `T=2, d=1` can be followed with a pencil. Here is a first property, of the library:
# it equals the naive loops of `drn.reference`, for any cell and dilations, larger than the sequence or with repeats.

# %%
quietly = settings(deadline=None, derandomize=True, max_examples=20, database=None)
tried = []


@quietly
@given(
    T=st.integers(1, 8),
    B=st.integers(1, 3),
    H=st.integers(1, 3),
    dilations=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    cell=st.sampled_from(["rnn", "lstm", "gru"]),
    seed=st.integers(0, 2**32 - 1),
)
def library_equals_reference(T, B, H, dilations, cell, seed):
    rng = np.random.default_rng(seed)
    model = drn.DilatedRNN(2, H, dilations, cell, output_size=2, readout="all", dtype="float64", rng=rng)
    x, doutput = rng.standard_normal((2, T, B, 2))
    output, _, cache = model.forward(x)
    dx, _, grads = model.backward(doutput, cache)
    naive, _, _ = reference.forward(model.params, x, dilations, cell, "all")
    naive_dx, _, naive_grads = reference.backward(model.params, x, dilations, cell, doutput, "all")
    pairs = [(output, naive), (dx, naive_dx), *((grads[name], naive_grads[name]) for name in grads)]
    assert all(np.allclose(fast, slow, rtol=1e-9, atol=1e-12) for fast, slow in pairs)
    tried.append((cell, T, dilations))


library_equals_reference()
print(f"{len(tried)} nets tried, among them {tried[1]}, {tried[-1]}")

# %% [markdown]
# ## Four properties of a dilated layer
#
# A property needs no known answer, only a law. These four are laws of every dilated layer:
#
# 1. **It equals the reference**: the slow and obvious loop, written by somebody else.
# 2. **Chunks equal the whole**: cut the sequence anywhere, carry the last $d$ states over, and nothing changes.
# 3. **Dilation 1 is a plain RNN**: $h_t = \tanh(W_x x_t + W_h h_{t-1} + b)$, with one state in a variable.
# 4. **Padding influences nothing**: whatever follows after step $n$ leaves the first $n$ states as they are.


# %%
def close(a, b):
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=1e-12)


def equals_reference(layer, T, B, D, H, d, seed):
    run, _ = layer
    p = draw(T, B, D, H, d, seed)
    c = run(p, d)
    for b in range(B):  # the reference takes one sequence at a time, its states as tuples
        start = [(s,) for s in p["start"][:, b]]
        states = [h for (h,) in reference.layer_forward("rnn", p, p["x"][:, b], start)]
        assert close(c[:, b], np.array(states))


def chunks_equal_whole(layer, T, B, D, H, d, seed):
    run, _ = layer
    p = draw(T, B, D, H, d, seed)
    cut = seed % T
    first = run({**p, "x": p["x"][:cut]}, d)
    second = run({**p, "x": p["x"][cut:], "start": first[-d:]}, d)
    assert close(np.concatenate([first, second[d:]]), run(p, d))


def dilation_1_is_plain(layer, T, B, D, H, d, seed):
    run, _ = layer
    p = draw(T, B, D, H, 1, seed)
    h, states = p["start"][0], []
    for x_t in p["x"]:
        h = np.tanh(x_t @ p["W_x"].T + h @ p["W_h"].T + p["b"])
        states.append(h)
    assert close(run(p, 1)[1:], np.array(states))


def padding_influences_nothing(layer, T, B, D, H, d, seed):
    run, _ = layer
    p = draw(T, B, D, H, d, seed)
    n = seed % T
    padded = {**p, "x": p["x"].copy()}
    padded["x"][n:] = 100.0
    assert close(run(padded, d)[: d + n], run(p, d)[: d + n])


def hunt(law, layer):
    """Let hypothesis look for a counterexample of a law; return the smallest one, or None."""
    last = {}

    @quietly
    @given(
        T=st.integers(1, 6),
        B=st.integers(1, 2),
        D=st.integers(1, 2),
        H=st.integers(1, 3),
        d=st.integers(1, 4),
        seed=st.integers(0, 1000),
    )
    def attempt(**sizes):
        last.update(sizes)
        law(layer, **sizes)

    try:
        attempt()
    except AssertionError:
        return last  # hypothesis ends with the smallest example that it has found
    return None


laws = [equals_reference, chunks_equal_whole, dilation_1_is_plain, padding_influences_nothing]
for law in laws:
    assert hunt(law, correct) is None
    example = hunt(law, (nonsense, no_gradient))
    print(f"{law.__name__:<27} correct layer: no counterexample; nonsense: {example}")
    assert (example is None) == (law is padding_influences_nothing)
assert hunt(shapes, (nonsense, no_gradient)) is None

# %% [markdown]
# Look at the last line: the nonsense layer keeps the padding law, since it looks at nothing at all. **One law is not enough.**
#
# ## The gradient check
#
# The laws speak of the forward pass. For the backward pass, send the states into a scalar, $f = \sum u \cdot h$ with random $u$. Then $dh = u$,
# and for any array $p$ and any direction $v$ the gradient $g$ has to satisfy
#
# $$\langle g, v \rangle = \lim_{h \to 0} \frac{f(p + h v) - f(p)}{h}$$
#
# One random direction asks all numbers of $g$ at once: a wrong one shows unless its error is at a right angle to $v$, which does not
# happen by chance. There are two ways to the right side. Expand $f$ along $v$, with $f', f'', f'''$ for its derivatives there:
#
# $$f(p \pm h v) = f \pm h f' + \tfrac{h^2}{2} f'' \pm \tfrac{h^3}{6} f''' + \dots \quad\Rightarrow\quad \frac{f(p + hv) - f(p - hv)}{2h} = f' + \tfrac{h^2}{6} f''' + \dots$$
#
# That is the **central difference**. And with an imaginary step, $(ih)^2 = -h^2$ and $(ih)^3 = -i h^3$:
#
# $$f(p + i h v) = f + i h f' - \tfrac{h^2}{2} f'' - i \tfrac{h^3}{6} f''' + \dots \quad\Rightarrow\quad \frac{\mathrm{Im}\, f(p + i h v)}{h} = f' - \tfrac{h^2}{6} f''' + \dots$$
#
# That is the **complex step**. Both err by $h^2$. But the first subtracts two nearly equal numbers, whose rounding errors stay while the
# difference shrinks; the second subtracts nothing, so $h$ may be as small as you like.


# %%
def central(f, p, v, h):
    return (f(p + h * v) - f(p - h * v)) / (2 * h)


def complex_step(f, p, v, h=1e-30):
    return np.imag(f(p + 1j * h * v)) / h


def relative_error(g, v, derivative):
    difference = abs(np.sum(g * v) - derivative)
    scale = np.linalg.norm(g) * np.linalg.norm(v)
    return 0.0 if difference == 0 else difference / scale if scale > 0 else np.inf


def scalar(run, p, d, u, name):
    """Return f as a function of one array of p."""
    return lambda array: np.sum(u * run({**p, name: array}, d)[d:])


f = scalar(forward, p, 3, dh, "W_h")
steps = 10.0 ** np.arange(-1, -17, -0.5)
# the mean error over 20 directions
directions = np.random.default_rng(2).standard_normal((20, *p["W_h"].shape))


def mean_error(way, h):
    return np.mean([relative_error(g["W_h"], v, way(f, p["W_h"], v, h)) for v in directions])


by_central = np.array([mean_error(central, h) for h in steps])
by_complex = np.array([mean_error(complex_step, h) for h in steps])
best = int(np.argmin(by_central))
small = slice(len(steps) // 2, None)  # the smaller half of the step sizes
tiny = mean_error(complex_step, 1e-30)
print(f"central differences: best error {by_central[best]:.1e} at h = {steps[best]:.0e}")
print(f"                     {by_central[-1]:.1e} at the smallest h")
print(f"complex step:        at most {by_complex[small].max():.1e} over the smaller half")
print(f"                     {tiny:.1e} at h = 1e-30")
assert by_complex[small].max() < 1e-15 and tiny < 1e-15
assert 0 < best < len(steps) - 1 and 1e3 * by_complex[small].max() < by_central[best] < 1e-8 < by_central[-1]
for errors in (by_central, by_complex):
    assert errors[0] / errors[2] > 50  # a tenth of h: about a hundredth of the error

floor = 1e-17  # an error of exactly 0 has no logarithm
ax = plot.new_axes()
ax.loglog(steps, np.maximum(by_central, floor), "o-", ms=4, label="central differences")
ax.loglog(steps, np.maximum(by_complex, floor), "s--", ms=4, label="complex step")
ax.set(xlabel="step size h", ylabel="relative error")
ax.invert_xaxis()
ax.legend(frameon=False)
show(ax)

# %% [markdown]
# On the way to smaller $h$ (to the right) both fall with $h^2$. Then the central difference turns: a V. The complex step reaches rounding
# and stays there: a flat line.
#
# ## What the complex step does not hold for
#
# The expansion above holds for *analytic* functions. `abs`, norms, `max`, `conj` and `real` of a complex number are not. With them the
# imaginary part is lost, or is something else than the derivative:

# %%
one = np.ones(1)
at = np.array([2.0])
for text, f_at, derivative, expected in (
    ("|p|", lambda p: np.abs(p).sum(), 1, 0),
    ("|p|² as p p*", lambda p: (p * np.conj(p)).sum(), 4, 0),
    ("p p", lambda p: (p * p).sum(), 4, 4),
    ("a ReLU, p * (p.real > 0)", lambda p: (p * (p.real > 0)).sum(), 1, 1),
):
    says = complex_step(f_at, at, one)
    print(f"{text:<25} at p = 2: derivative {derivative}, complex step says {says:.0f}")
    assert np.isclose(says, expected)

# %% [markdown]
# The last line shows the way out for a ReLU: only the *decision* looks at the real part. It holds away from 0.
#
# ## Relative, never absolute
#
# How large may the difference of $\langle g, v \rangle$ and the derivative be? It is tempting to say "less than $10^{-6}$". Here is what that lets
# through. Over 16 steps with small weights the gradient of the starting state vanishes; take one that is **twice** as large as it should be:

# %%
long = draw(T=16, B=1, D=2, H=3, d=1, seed=4)
u = np.zeros((16, 1, 3))
u[-1] = 1.0  # the last step alone counts
long["W_h"] *= 0.4
g_start = backward(long, 1, forward(long, 1), u)["start"]
v = np.random.default_rng(3).standard_normal(g_start.shape)
derivative = complex_step(scalar(forward, long, 1, u, "start"), long["start"], v)
for label, wrong in (("right", g_start), ("twice", 2 * g_start)):
    absolute, relative = abs(np.sum(wrong * v) - derivative), relative_error(wrong, v, derivative)
    print(f"{label}: <g, v> = {np.sum(wrong * v):+.2e}, derivative {derivative:+.2e},", end=" ")
    print(f"absolute error {absolute:.1e}, relative {relative:.1e}")
assert absolute < 1e-8 and relative > 1e-2
assert np.allclose(2 * g_start, g_start)  # NumPy's default tolerance has an absolute part of 1e-8
assert relative_error(g_start, v, derivative) < 1e-12

# %% [markdown]
# The absolute error is tiny, since everything is. `np.allclose` with its default tolerance even calls the two gradients equal. **Measure the
# error against the size of the thing**: $|\langle g, v\rangle - f'| \,/\, (|g|\,|v|)$. (Why not against $|f'|$? Because $f'$ may be near 0 by chance, where $v$ is
# nearly at a right angle to $g$.)
#
# The check of all five arrays of the layer, as one more law, once for each way:


# %%
def gradient_errors(layer, derivative_of, T, B, D, H, d, seed):
    """Return the relative error of each array's gradient."""
    run, run_back = layer
    p = draw(T, B, D, H, d, seed)
    rng = np.random.default_rng([seed, 1])
    u = rng.standard_normal((T, B, H))
    g = run_back(p, d, run(p, d), u)
    directions = {name: rng.standard_normal(array.shape) for name, array in p.items()}
    return {
        name: relative_error(g[name], v, derivative_of(scalar(run, p, d, u, name), p[name], v))
        for name, v in directions.items()
    }


def gradients_by_central(layer, **sizes):
    def derivative_of(f, p, v):  # two differences, weighed so that the error in h² cancels
        return (4 * central(f, p, v, 3e-4) - central(f, p, v, 6e-4)) / 3

    assert max(gradient_errors(layer, derivative_of, **sizes).values()) < 1e-6


def gradients_by_complex_step(layer, **sizes):
    assert max(gradient_errors(layer, complex_step, **sizes).values()) < 1e-12


for law in (gradients_by_central, gradients_by_complex_step):
    assert hunt(law, correct) is None
    example = hunt(law, (forward, no_gradient))
    print(f"{law.__name__:<27} correct layer: no counterexample; no gradient at all: {example}")
    assert example is not None

# %% [markdown]
# ## Find the planted bug
#
# Five versions of the layer, each with one bug. Read the code and say which law breaks, before you run the table.


# %%
def bug_1():
    """Off by one in the dilation: for d > 1 the state at t - d + 1 is taken, forward and backward alike."""

    def run(p, d):
        x, c = p["x"], list(p["start"])
        for t in range(len(x)):
            c.append(np.tanh(x[t] @ p["W_x"].T + c[t + (d > 1)] @ p["W_h"].T + p["b"]))
        return np.array(c)

    def run_back(p, d, c, dh):
        x, dc = p["x"], np.concatenate([np.zeros_like(p["start"]), dh])
        g = {name: np.zeros_like(array) for name, array in p.items()}
        for t in reversed(range(len(x))):
            da = dc[d + t] * (1 - c[d + t] ** 2)
            g["W_x"] += da.T @ x[t]
            g["W_h"] += da.T @ c[t + (d > 1)]
            g["b"] += da.sum(axis=0)
            g["x"][t] = da @ p["W_x"]
            dc[t + (d > 1)] += da @ p["W_h"]
        g["start"] = dc[:d]
        return g

    return run, run_back


def bug_2():
    """The gradient of the state is not carried back."""

    def run_back(p, d, c, dh):
        x, dc = p["x"], np.concatenate([np.zeros_like(p["start"]), dh])
        g = {name: np.zeros_like(array) for name, array in p.items()}
        for t in reversed(range(len(x))):
            da = dc[d + t] * (1 - c[d + t] ** 2)
            g["W_x"] += da.T @ x[t]
            g["W_h"] += da.T @ c[t]
            g["b"] += da.sum(axis=0)
            g["x"][t] = da @ p["W_x"]
        g["start"] = dc[:d]
        return g

    return forward, run_back


def bug_3():
    """The bias gets no gradient."""
    return forward, lambda p, d, c, dh: {**backward(p, d, c, dh), "b": np.zeros_like(p["b"])}


def bug_4():
    """One gradient is half a millionth too large."""

    def run_back(p, d, c, dh):
        g = backward(p, d, c, dh)
        return {**g, "W_h": (1 + 5e-7) * g["W_h"]}

    return forward, run_back


def bug_5():
    """A helpful normalisation: the mean over the whole sequence is taken away, forward and backward alike."""

    def centred(x):
        return x - x.sum(axis=0) / max(len(x), 1)

    def run(p, d):
        return forward({**p, "x": centred(p["x"])}, d)

    def run_back(p, d, c, dh):
        g = backward({**p, "x": centred(p["x"])}, d, c, dh)
        return {**g, "x": centred(g["x"])}

    return run, run_back


bugs = {
    "the correct layer": correct,
    "1: off by one in d": bug_1(),
    "2: state gradient not carried": bug_2(),
    "3: no bias gradient": bug_3(),
    "4: half a millionth too large": bug_4(),
    "5: sees the whole sequence": bug_5(),
}
all_laws = [shapes, *laws, gradients_by_central, gradients_by_complex_step]
found = {bug: {law.__name__: hunt(law, layer) for law in all_laws} for bug, layer in bugs.items()}
caught = np.array([[example is not None for example in row.values()] for row in found.values()])

ax = plot.new_axes(8, 4)
ax.imshow(caught, cmap="Blues", vmin=0, vmax=1.6, aspect="auto")
for (i, j), yes in np.ndenumerate(caught):
    ax.text(j, i, "caught" if yes else "–", ha="center", va="center")
ax.set(xlabel="test", ylabel="layer")
ax.set_xticks(range(len(all_laws)), [law.__name__.replace("_", "\n") for law in all_laws], fontsize=8)
ax.set_yticks(range(len(bugs)), list(bugs))
show(ax)
for bug, row in found.items():
    names = [name for name, example in row.items() if example is not None]
    print(f"{bug:<30} caught by {', '.join(names) or 'none'}")

# %% [markdown]
# Check what you guessed against the table; these assertions say the same:

# %%
catches = {bug: {name for name, example in row.items() if example is not None} for bug, row in found.items()}
gradient_checks = {"gradients_by_central", "gradients_by_complex_step"}
assert catches["the correct layer"] == set()
assert catches["1: off by one in d"] == {"equals_reference"}
assert catches["2: state gradient not carried"] == catches["3: no bias gradient"] == gradient_checks
assert catches["4: half a millionth too large"] == {"gradients_by_complex_step"}
for law in (equals_reference, chunks_equal_whole, padding_influences_nothing):
    assert law.__name__ in catches["5: sees the whole sequence"]
assert not catches["5: sees the whole sequence"] & gradient_checks
assert not caught[:, 0].any()  # shapes
example = found["1: off by one in d"]["equals_reference"]
print("smallest counterexample of bug 1:", example)
assert example["d"] == 2

# %% [markdown]
# Four lessons:
#
# * Shapes catch nothing.
# * **A gradient check compares the backward with the forward pass. Where both are wrong alike** (bugs 1 and 5), it is content: the gradient is right,
#   of the wrong function. Only an independent account of what the function should be finds that: the reference, or a law that the wrong
#   function breaks. Bug 1 is a good layer of another dilation and keeps every other law.
# * The laws of the forward pass are blind to the backward pass (bugs 2, 3, 4).
# * An error of half a millionth needs the complex step; the tolerance of central differences, a millionth, lets it pass.
#
# And look at the counterexample of bug 1: hypothesis shrank it to the smallest dilation at which the bug lives.
#
# ## The library's own check
#
# All of this is one call in the library: every array of a net, initial state and input included, both ways. It raises an
# `AssertionError` that names the wrong array.

# %%
net = drn.DilatedRNN(2, 3, [1, 2, 4], cell="lstm", output_size=2)
errors = drn.gradcheck.check(net)
print(f"{len(errors)} arrays, largest relative error {max(errors.values()):.1e}")
assert max(errors.values()) < 1e-6


def wrong(arrays):
    c = forward(arrays, 3)
    return np.sum(dh * c[3:]), {} if np.iscomplexobj(c) else bug_4()[1](arrays, 3, c, dh)


try:
    drn.gradcheck.check(wrong, p)
except AssertionError as error:
    print(error)
    assert "W_h" in str(error)
else:
    raise AssertionError("the planted bug was not found")

# %% [markdown]
# ## Exercises
#
# The checker says what is wrong; solutions are in `solutions/ex12.py`. In all of them `f` is a function of one array, and `v` a direction of its shape.
#
# **12.1** The directional derivative by central differences.


# %%
def central_difference(f, p, v, h):
    """Return the derivative of f at p along v, with the step size h."""


check("12.1", central_difference)

# %% [markdown]
# **12.2** The directional derivative by the complex step. Choose $h$ yourself.


# %%
def imaginary_step(f, p, v):
    """Return the derivative of f at p along v."""


check("12.2", imaginary_step)
hint("12.2", 1)

# %% [markdown]
# **12.3** The relative error of a gradient `g` of any shape, given the directional derivative along `v`.


# %%
def error_of(g, v, derivative):
    """Return the error of <g, v>, relative to |g| |v|."""


check("12.3", error_of)

# %% [markdown]
# **12.4** A property. Return `True` where a layer gives the same states in two chunks, `x[:cut]` and `x[cut:]`, as in one piece, and `False`
# where it does not. Here `layer(x, start, d, W_x, W_h, b)` returns the states of the steps alone, `(T, B, H)`; `weights` is `(W_x, W_h, b)`,
# `start` has the shape `(d, B, H)`, and that of the whole is zeros. Mind that the first chunk may be shorter than $d$. The checker sends right
# layers and wrong ones.


# %%
def chunks_equal_the_whole(layer, x, d, cut, weights):
    """Return whether chunked equals whole for this layer."""


check("12.4", chunks_equal_the_whole)

# %% [markdown]
# ## Where next
#
# With these checks code may be made fast without fear: whatever is done to it, it must still equal the plain loops. How it was made
# fast, and what each trick is worth: [13. What a training step costs](13_what_a_step_costs.ipynb).
