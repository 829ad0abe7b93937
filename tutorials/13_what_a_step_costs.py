# %% [markdown]
# # 13. What a training step costs
#
# **What you will do.** Count what a training step computes, measure what your machine can do, and look for the rest of the time. Then
# take the fast path of the library apart: each trick stands beside the plain way, gives the same numbers, and prints what it is worth on
# your machine. Then what a step costs in memory, and how to pay less. At the end the same code on a GPU: what to expect of one, counted.
#
# **What you need.** The cells of [tutorial 4](04_gates.ipynb), the fold, the buffer $Z$ and the scan of
# [tutorial 5](05_dilation_is_a_reshape.ipynb), and stacks as in [tutorial 6](06_stacks.ipynb). Reading time: 45 minutes.

# %%
import ctypes
import sys
import time
import tracemalloc
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import numpy as np
from exercises import check, hint
from threadpoolctl import threadpool_limits
from tools import show, size

import dilated_rnn_np as drn
from dilated_rnn_np import plot
from dilated_rnn_np.arrays.backend import automatic
from dilated_rnn_np.device import persistent
from dilated_rnn_np.nets import dilated_layer
from dilated_rnn_np.nets.budget import Costs
from dilated_rnn_np.plot.style import COLOURS, plain_log_ticks
from dilated_rnn_np.recurrence import scan
from dilated_rnn_np.recurrence.cells import sigmoid
from dilated_rnn_np.recurrence.gates import join_weights

# %% [markdown]
# ## How to measure
#
# A time belongs to a program, a machine and a moment: other programs run, memory is warm or cold, the processor changes its clock. So
# here
#
# * what is compared takes turns, and of several rounds the **shortest** counts: nothing runs too fast by accident;
# * only **ratios** within one run are compared;
# * no assertion looks at a clock. What is asserted is that the slow and the fast way compute the same.
#
# Your numbers will differ from those in this notebook. Where the text quotes a time that the code does not measure, it was recorded on a
# machine with two cores, in float32. Until the section on threads everything runs on one core.

# %%
drn.set_num_threads(1)
threadpool_limits(limits=1, user_api="blas")
rng = np.random.default_rng(0)


def random(*shape):
    """Return random numbers in float32."""
    return rng.standard_normal(shape, dtype=np.float32)


def same(a, b):
    """Return whether two float32 results are equal to rounding."""
    return all(np.allclose(p, q, rtol=1e-3, atol=1e-4 * np.abs(q).max()) for p, q in zip(a, b, strict=True))


def seconds(*works, rounds=7, times=1):
    """Return the shortest time of each work, done so many times; the works take turns."""
    found = np.empty((rounds, len(works)))
    for row in found:
        for i, work in enumerate(works):
            start = time.perf_counter()
            for _ in range(times):
                work()
            row[i] = time.perf_counter() - start
    return found.min(axis=0)


bought = {}  # of each trick: the time of the plain way over the time of the fast one


def compare(trick, plain, fast, **options):
    """Print how many times as long the plain way takes, and keep it."""
    slow, quick = seconds(plain, fast, **options)
    bought[trick] = slow / quick
    print(f"{trick}: the plain way takes {bought[trick]:.2f} times as long")


# %% [markdown]
# ## Counting: the products
#
# A layer makes three large matrix products. Over the whole sequence, with $G$ gates, the shapes are:
#
# | | product | shapes |
# |---|---|---|
# | forward | $a = W Z$ | $(GH,\; D{+}1{+}H) \cdot (D{+}1{+}H,\; TB)$ |
# | backward, of the weights | $dW = da\, Z^\top$ | $(GH,\; TB) \cdot (TB,\; D{+}1{+}H)$ |
# | backward, of the inputs | $dZ = W^\top da$ | $(D{+}1{+}H,\; GH) \cdot (GH,\; TB)$ |
#
# The same three lengths meet in each, so each takes the same number of multiplications. A multiplication and the addition after it are
# two floating-point operations, *flops*. Together
#
# $$F = 3 \cdot 2 \cdot G H\,(D + 1 + H)\, T B.$$
#
# The dilation is not in it: the fold changes how many products there are and how wide each is, not what they multiply.


# %%
def flops(model, T, B):
    """Return the flops of the products of one training step."""
    G = len(model.cell.gates)
    each = [3 * 2 * G * layer.hidden_size * (layer.input_size + 1 + layer.hidden_size) for layer in model.layers]
    return sum(each) * T * B


nets = {
    cell: drn.DilatedRNN(1, 50, drn.exponential_dilations(7), cell, output_size=10) for cell in ("rnn", "lstm", "gru")
}
T, B = size(256, 784), size(32, 128)
for cell, net in nets.items():
    print(f"{cell:<5}{net.num_parameters:>8,} parameters, {flops(net, T, B) / 1e9:6.2f} billion flops per step")
one_layer = [drn.DilatedRNN(1, 50, [d], output_size=10) for d in (1, 64)]
assert flops(one_layer[0], T, B) == flops(one_layer[1], T, B)

# %% [markdown]
# ## Counting: everything else
#
# Between the products stands the cell, number by number. Per number it computes little, but every NumPy call reads whole arrays and
# writes a whole array. To count that, we hand the library's cells arrays that keep a list of what is done to them:


# %%
class Counted(np.ndarray):
    """An array that notes every NumPy call it takes part in."""

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        calls.append((ufunc.__name__, [id(array) for array in inputs if isinstance(array, np.ndarray)]))
        plain = [array.view(np.ndarray) if isinstance(array, np.ndarray) else array for array in inputs]
        return getattr(ufunc, method)(*plain, **options).view(Counted)


calls = []


def count(function, *groups):
    """Return what a cell's forward or backward does, counted, and what it returns."""
    calls.clear()
    returned = function(*groups)
    given = {id(array) for group in groups for array in group}
    read = {array for _, arrays in calls for array in arrays}
    made = {id(array) for group in returned for array in group if isinstance(array, np.ndarray)} - given
    counted = {
        "calls": len(calls),
        "tanhs": [name for name, _ in calls].count("tanh"),
        "moved": sum(len(arrays) + 1 for _, arrays in calls),  # arrays read, and the one written
        "least": len(given & read) + len(made),  # what comes in is read once, what goes out written once
    }
    return counted, returned


def counted_arrays(number):
    """Return so many small arrays to count with; one of the cell's arrays has H*T*B numbers."""
    return tuple(random(2, 3).view(Counted) for _ in range(number))


counts = {}
print("               calls        tanhs     arrays moved   at least")
for name, net in nets.items():
    cell = net.cell
    there, (_, cache) = count(cell.forward, counted_arrays(cell.num_products), counted_arrays(len(cell.state)))
    back, _ = count(cell.backward, counted_arrays(len(cell.state)), cache)
    counts[name] = there, back
    print(f"{name:<8}", *(f"{there[k]:>7} + {back[k]:<3}" for k in ("calls", "tanhs", "moved", "least")))
assert counts["rnn"][0] == {"calls": 1, "tanhs": 1, "moved": 2, "least": 2}  # h = tanh(a): read a, write h

# %% [markdown]
# The last column is what a program would have to move that did a whole cell in a single sweep over memory. NumPy cannot do that: each
# operation is a sweep of its own, and `f * c_prev + i * g` is three of them. That is the price of code that reads like the equations.
#
# ## What the machine can do
#
# Three rates: flops of a large product, bytes through a sum of arrays that are too large for the cache, and evaluations of tanh.

# %%
p, q, product = random(1024, 1024), random(1024, 1024), np.empty((1024, 1024), np.float32)
u, v, result = (random(2**22) for _ in range(3))  # 16 MB each
times = seconds(lambda: np.matmul(p, q, out=product), lambda: np.add(u, v, out=result), lambda: np.tanh(u, out=result))
rates = {"flops": 2 * 1024**3 / times[0], "bytes": 3 * u.nbytes / times[1], "tanhs": u.size / times[2]}
for name, rate in rates.items():
    print(f"{rate / 1e9:8.2f} billion {name} a second")

# %% [markdown]
# With counts and rates we have a **yardstick**: what a step would take if each kind of work ran at its best rate, one after the other,
# and nothing were done twice. Beside it the real step: forward, loss, backward, and the optimizer.


# %%
def yardstick(model, T, B):
    """Return the seconds of products, of moving arrays, and of tanhs, at the machine's rates."""
    there, back = counts[model.cell.name]
    numbers = sum(layer.hidden_size for layer in model.layers) * T * B
    moved = 4 * (there["least"] + back["least"]) * numbers  # bytes of float32
    return flops(model, T, B) / rates["flops"], moved / rates["bytes"], there["tanhs"] * numbers / rates["tanhs"]


def training_step(model, T, B):
    """Return a function that makes a training step on a random batch."""
    batch = random(T, B, 1), rng.integers(0, 10, B)
    optimizer = drn.optim.RMSProp(model.params)
    return lambda: drn.train_step(model, optimizer, batch, drn.losses.softmax_cross_entropy)


ideal = {cell: yardstick(net, T, B) for cell, net in nets.items()}
measured = {cell: seconds(training_step(net, T, B), rounds=5)[0] for cell, net in nets.items()}
for cell in nets:
    best, real = 1e3 * sum(ideal[cell]), 1e3 * measured[cell]
    print(f"{cell:<5} yardstick {best:6.1f} ms, step {real:6.1f} ms: {real / best:.1f} times")

# %%
ax = plot.new_axes(7, 3.2)
for i, cell in enumerate(nets):
    left = 0.0
    for part, name, colour in zip(ideal[cell], ("products", "moving arrays", "tanhs"), COLOURS, strict=False):
        ax.barh(i - 0.2, 1e3 * part, 0.36, left=1e3 * left, color=colour, label=None if i else f"yardstick: {name}")
        left += part
    ax.barh(i + 0.2, 1e3 * measured[cell], 0.36, color="grey", label=None if i else "measured step")
ax.set(yticks=range(len(nets)), yticklabels=nets, xlabel="milliseconds")
ax.invert_yaxis()
ax.legend(frameon=False)
show(ax)

# %% [markdown]
# The yardstick is no strict bound: what stays in the cache need not come from memory, and the kinds of work overlap a little. But it
# tells how much there is left to win. Where does the rest go?
#
# ## Where the time goes
#
# Here is the loop of `scan.steps_forward` for an LSTM layer, stripped to what counts and with a clock in it. A *block* of $n = dB$ columns
# is one step of the folded sequence. We stop the time of the products, of the cell, and of all that is in between: views, copies and the
# loop itself.


# %%
def run_blocks(cell, W, Z, x, c, n):
    """Run blocks of n columns as the scan does; return the seconds of products, cell, and the rest."""
    D, H, clock = len(x), len(c), time.perf_counter
    z, x_z, h_next = (scan.fold(columns, n, slice(0, n))[0] for columns in (Z[:, :-n], x, Z[-H:, n:]))
    caches, in_products, in_cell = [], 0.0, 0.0
    begin = clock()
    for t in range(z.shape[1]):
        z[:D, t] = x_z[:, t]
        before = clock()
        a = W @ z[:, t]  # (G*H, n)
        between = clock()
        (h, c), cache = cell.forward(tuple(a.reshape(-1, H, n)), (z[-H:, t], c))
        after = clock()
        h_next[:, t] = h  # d steps later
        caches.append(cache)
        in_products += between - before
        in_cell += after - between
    return in_products, in_cell, clock() - begin - in_products - in_cell


D = H = 20
widths = [4**k for k in range(8)]
spent = []  # nanoseconds per column: products, cell, the rest
for n in widths:
    N = n * min(max(32768 // n, 4), 1024)  # columns in all
    model = drn.DilatedRNN(D, H, [n], "lstm")  # one row, dilation n: blocks of n columns
    W = join_weights(model.cell, **{name: model.params[f"layers.0.{name}"] for name in ("W_x", "W_h", "b")})
    x, Z = random(D, N), np.zeros((D + 1 + H, N + n), np.float32)
    Z[D] = 1
    runs = [run_blocks(model.cell, W, Z, x, np.zeros((H, n), np.float32), n) for _ in range(3)]
    output, _, _ = model.forward(x.T[:, None])  # (D, N) -> (T, 1, D)
    assert same([Z[-H:, n:]], [output[:, 0].T])  # the loop is the library's
    assert 3 * (N // n) * 2 * W.size * n == flops(model, N, 1)  # and its products are a third of what we counted
    spent.append(1e9 * np.array(min(runs, key=sum)) / N)
    print(f"n = {n:5d}:", *(f"{s:9.1f}" for s in spent[-1]), f"   {sum(spent[-1]):9.1f} ns per column")

# %%
spent = np.array(spent)
ax = plot.new_axes()
for i, (name, style) in enumerate({"products": "--", "cell": "-.", "the rest": ":"}.items()):
    ax.loglog(widths, spent[:, i], style, marker="o", ms=4, color=COLOURS[i], label=name)
ax.loglog(widths, spent.sum(axis=1), "k-", marker="o", ms=4, label="together")
ax.loglog(widths, spent[0].sum() / np.array(widths), color="grey", lw=1, label="if every block cost the same")
ax.set_xticks(widths, widths)
ax.minorticks_off()
plain_log_ticks(ax.yaxis, [1, 1000])
ax.set(xlabel="columns in a block, n = d B", ylabel="nanoseconds per column", ylim=(spent.min() / 2, None))
ax.legend(frameon=False)
show(ax)

numpy_calls = counts["lstm"][0]["calls"] + 3  # those of the cell, the product, and two copies into Z
print(f"a block of one column: {spent[0].sum() / 1e3:.0f} microseconds for {numpy_calls} NumPy calls")
print(f"that is {spent[0].sum() / 1e3 / numpy_calls:.2f} microseconds per call")
cheapest = int(spent.sum(axis=1).argmin())
print(f"a column is cheapest in blocks of {widths[cheapest]}; in blocks of {widths[-1]} it costs")
print(f"{spent[-1].sum() / spent[cheapest].sum():.2f} times as much")

# %% [markdown]
# Read the picture from the left. In **narrow** blocks the curve falls along the grey line: a block costs the same whatever its width.
# What is paid there is Python and the way into NumPy, call by call, not arithmetic. To the right the curve flattens: the arithmetic
# itself. In very **wide** blocks it usually rises again: the arrays of a block no longer fit the cache, and every call fetches them from
# memory.
#
# Two things follow. A layer wants $dB$ of some hundreds, so the layers with the *small* dilations are the expensive ones. And while the
# blocks are narrow, a larger batch is nearly free.
#
# ## Fewer calls: the fold
#
# The first trick is the one of tutorial 5: $d$ time steps at once. Here are the same columns once in pieces of $B$, a time step each, and
# once in pieces of $dB$:

# %%
B, d, T = 8, 64, 2048
W, Z = 0.2 * random(H, D + 1 + H), np.zeros((D + 1 + H, (T + d) * B), np.float32)
Z[:D, : -d * B], Z[D] = random(D, T * B), 1


def in_pieces(width):
    """Run h_t = tanh(W Z) over all columns, so many at once; each state is needed d*B columns later."""
    for start in range(0, T * B, width):
        Z[-H:, start + d * B : start + d * B + width] = np.tanh(W @ Z[:, start : start + width])
    return Z[-H:].copy()


assert same([in_pieces(B)], [in_pieces(d * B)])
compare("the fold, d = 64", lambda: in_pieces(B), lambda: in_pieces(d * B), rounds=3)

# %% [markdown]
# ## Fewer calls: one product for input, bias and recurrence
#
# $W_x x + b + W_h h$ is two products and two sums. With the three side by side in one buffer it is one product,
# $[W_x, b, W_h]\,[x; 1; h]$:

# %%
n, G = 256, 4
W_x, b, W_h, Z = random(G * H, D), random(G * H, 1), random(G * H, H), random(D + 1 + H, n)
W, x, h, Z[D] = np.concatenate([W_x, b, W_h], axis=1), Z[:D], Z[D + 1 :], 1
assert same([W_x @ x + b + W_h @ h], [W @ Z])
compare("one product, H = 20", lambda: W_x @ x + b + W_h @ h, lambda: W @ Z, times=100)

# %% [markdown]
# ## Fewer calls: weight gradients of many steps at once
#
# In the backward pass each block adds `da @ z[:, t].T` to `dW`. However narrow the block is, all of `dW` is read and written. But no step
# waits for `dW`, and none for `dx`: only `W_h.T @ da` is needed by the step before. So `scan.steps_backward` writes the gradients of as
# many steps as make `scan.TOGETHER` columns side by side, and then one product serves them all,
# $\sum_t da_t z_t^\top = [da_1, da_2, \dots]\,[z_1, z_2, \dots]^\top$:

# %%
large, n = 256, 32
steps = scan.TOGETHER // n
da, z = random(G * large, steps, n), random(2 * large + 1, steps, n)


def one_by_one():
    """Add each block's product to dW."""
    dW = np.zeros((G * large, 2 * large + 1), np.float32)
    for t in range(steps):
        dW += da[:, t] @ z[:, t].T
    return dW


def together():
    """Multiply once, for all blocks."""
    return da.reshape(len(da), -1) @ z.reshape(len(z), -1).T


print(f"{steps} blocks of {n} columns share one product")
assert same([one_by_one()], [together()])
compare("weight gradients together, H = 256", one_by_one, together)

# %% [markdown]
# ## Work that is not saved: products with zero
#
# The GRU's candidate wants its input part and its recurrent part apart (tutorial 5; tutorial 14 says more of such *split* gates). As rows
# of $W$ they are $[W_x, b, 0]$ and $[0, b_h, W_h]$, and one product over all rows multiplies the zeros like any other number. Two smaller
# products could leave them out: one for the rows that see $x$ and one for those that see $h$. What would that be worth?

# %%
gru, n = drn.GRU(), 128
for units in (20, 256):
    W = join_weights(gru, random(3 * units, units), random(3 * units, units), random(3 * units), random(units))
    z, whole = random(2 * units + 1, n), slice(0, 2 * units)
    no_x, no_h = slice(3 * units, None), slice(2 * units, 3 * units)  # rows of the recurrent part, of the input part

    def without_zeros(W=W, z=z, H=units, whole=whole, no_x=no_x, no_h=no_h):
        a = np.empty((len(W), n), np.float32)
        np.matmul(W[whole], z, out=a[whole])
        np.matmul(W[no_h, : H + 1], z[: H + 1], out=a[no_h])
        np.matmul(W[no_x, H:], z[H:], out=a[no_x])
        return a

    assert same([W @ z], [without_zeros()])
    with_zeros, without = seconds(lambda W=W, z=z: W @ z, without_zeros, times=200 if units < 100 else 5)
    zeros = 1 - np.count_nonzero(W) / W.size
    print(
        f"{units} units: {zeros:.0%} of W are zeros; one product takes {with_zeros / without:.2f} times as long as three"
    )

# %% [markdown]
# A quarter of the numbers are zeros. Where the arithmetic counts, leaving them out saves up to a quarter of the product; in narrow layers
# the two additional calls cost more than that. And the scan would have to know which rows see what. The library multiplies the zeros: an
# optimisation that makes the scan harder to read has to pay clearly in a whole training step.
#
# ## Less work: the sigmoid as a tanh
#
# $\sigma(a) = \frac{1}{1 + e^{-a}} = \frac12 \tanh\frac a2 + \frac12$. Both forms take four sweeps; a division is dearer than a product.
# The second form has a better reason, though: nothing in it can overflow.


# %%
def by_exp(a):
    """Return the sigmoid as it is mostly written."""
    return 1 / (1 + np.exp(-a))


for form in (by_exp, sigmoid):
    assert count(lambda group: [[form(group[0])]], counted_arrays(1))[0]["calls"] == 4  # noqa: B023
a = random(20000)
assert same([sigmoid(a)], [by_exp(a)]) and np.array_equal(sigmoid(a), np.tanh(a * 0.5) * 0.5 + 0.5)
compare("sigmoid by tanh", lambda: by_exp(a), lambda: sigmoid(a), times=20)
with np.errstate(over="raise"):
    assert sigmoid(np.float32([-200])) == 0
    try:
        by_exp(np.float32([-200]))
    except FloatingPointError as error:
        print("with exp, at a = -200:", error)

# %% [markdown]
# ## Memory: gates as blocks of rows
#
# Batch rows as rows, `(n, G*H)`, is the usual layout. A gate is then a block of *columns*: $H$ numbers, a gap, $H$ numbers, a gap. NumPy
# walks through it in $n$ short runs. Feature-major, `(G*H, n)`, a gate is a block of whole rows: one contiguous piece of memory.

# %%
n, lstm = 2048, drn.LSTM()
a, c = random(G * H, n), random(H, n)
a_turned, c_turned = a.T.copy(), c.T.copy()  # (n, G*H), (n, H)
rows = tuple(a[g * H : g * H + H] for g in range(G))
columns = tuple(a_turned[:, g * H : g * H + H] for g in range(G))
assert rows[1].flags.c_contiguous and not columns[1].flags.c_contiguous
(h, _), _ = lstm.forward(rows, (c, c))
(h_turned, _), _ = lstm.forward(columns, (c_turned, c_turned))
assert same([h_turned.T], [h])
compare(
    "gates as rows, lstm, H = 20",
    lambda: lstm.forward(columns, (c_turned, c_turned)),
    lambda: lstm.forward(rows, (c, c)),
    times=5,
)

# %% [markdown]
# ## Memory: parts that fit the cache
#
# The columns of a block never meet: each batch row and each phase goes its own way. So a wide block need not be run as one. The library
# cuts it into parts of at most `dilated_layer.LARGEST_PART` numbers and sends one part after the other through *all* blocks.


# %%
@contextmanager
def setting(module, name, value):
    """Change a constant of the library for an experiment, and put it back."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def layer_step(model, x):
    """Return output and gradients of a layer; the cache is dropped."""
    output, _, cache = model.forward(x)
    dx, _, grads = model.backward(np.ones_like(output), cache)
    return output, dx, *grads.values()


def uncut():
    """Make a step with every block in one piece."""
    with setting(dilated_layer, "LARGEST_PART", 10**9):
        return layer_step(model, x)


model, x = drn.DilatedRNN(50, 50, [256], "lstm"), random(1024, 32, 50)
print(f"a block of {256 * 32} columns of 50 units is cut into {len(model.layers[0].parts(256 * 32, 1))} parts")
assert same(uncut(), layer_step(model, x))
compare("parts that fit the cache, H = 50", uncut, lambda: layer_step(model, x), rounds=3)

# %% [markdown]
# ## Memory: buffers used again
#
# When a program asks for memory, the operating system promises it, and gives it page by page at the moment when a page is first
# *written*. Each time the program stops, a page (mostly of 4 KB) is cleared and mapped, and the program goes on: a **page fault**. The
# system counts them.

# %%
try:
    import resource
except ImportError:  # Windows has another way to count
    resource = None


def page_faults():
    """Return how many page faults this process had so far; 0 where the system does not tell."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt if resource else 0


def observed(work, *arguments):
    """Return the seconds and the page faults of one call, and its result."""
    faults, start = page_faults(), time.perf_counter()
    result = work(*arguments)
    return time.perf_counter() - start, page_faults() - faults, result


# %% [markdown]
# A training step keeps a few arrays of every block for the backward pass. At its end all of them are free, and the next step needs just
# the same again. If all are freed at once, the allocator hands so much free memory back to the system, and gets it again page by page. So
# the library takes over the cache of an earlier step, `model.forward(x, reuse=cache)`: the buffer $Z$ is filled anew, and each of the other
# old arrays is freed **just before its replacement is allocated**. Then there is always a hole of the right size, whose pages are mapped
# already, and that is where the allocator puts the new array.


# %%
def all_at_once(old):
    """Free all old arrays, then make the new ones."""
    number = len(old)
    old.clear()
    return [np.full(shape, 1.0, np.float32) for _ in range(number)]


def one_before_each(old):
    """Free one old array before each new one is made."""
    new = []
    for _ in range(len(old)):
        old.pop()
        new.append(np.full(shape, 1.0, np.float32))
    return new


shape, number, shortest = (50, 2048), 300, {}  # as of one array of a block; 120 MB in all
for way in (all_at_once, one_before_each):
    arrays, times = [np.full(shape, 1.0, np.float32) for _ in range(number)], []
    for _ in range(5):
        took, faults, arrays = observed(way, arrays)
        times.append(took)
    shortest[way] = min(times)
    print(f"{way.__name__:<16}{faults:>8,} page faults for {number} arrays of {arrays[0].nbytes:,} bytes")
    assert len(arrays) == number and all((array == 1).all() for array in arrays)
    del arrays
bought["memory used again, arrays"] = shortest[all_at_once] / shortest[one_before_each]
print(f"memory used again: all at once takes {bought['memory used again, arrays']:.2f} times as long")

# %% [markdown]
# Nothing but the order differs. (What an allocator does with free memory is its own affair; on another system both ways may be alike.) In
# the library it looks like this. Before a pass in new memory we drop the old cache and, on Linux, ask the allocator to give back all that
# is free:

# %%
model, x = drn.DilatedRNN(50, 50, [64], "lstm"), random(2048, 32, 50)


def forward_pass(old=None):
    """Run the layer forward, in the memory of an old cache if there is one; return output and cache."""
    output, _, cache = model.forward(x, reuse=old)
    return output, cache


def give_free_memory_back():
    """Give the memory that is free to the system, where the allocator can be told to."""
    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), "malloc_trim", int)(0)


in_new, in_used, cache = np.inf, np.inf, None
for _ in range(4):
    cache = None
    give_free_memory_back()
    took, faults_new, (expected, cache) = observed(forward_pass)
    in_new, address = min(in_new, took), cache.layers[0].Z.ctypes.data
    took, faults_used, (output, cache) = observed(forward_pass, cache)
    in_used = min(in_used, took)
    assert np.array_equal(output, expected) and cache.layers[0].Z.ctypes.data == address  # equal bits, in the same Z
print(f"in new memory  {faults_new:>8,} page faults")
print(f"in used memory {faults_used:>8,} page faults")
bought["memory used again, lstm, H = 50"] = in_new / in_used
print(f"the pass in new memory takes {bought['memory used again, lstm, H = 50']:.2f} times as long")

# %% [markdown]
# Of a whole training step this saves 3 to 9 %: most of the freed memory stays with the program anyhow. `fit` passes each step's cache to
# the next one, and `train_step(…, reuse=result.cache)` does so in a loop of your own. Nothing is reused that you have not handed over: a
# cache that you keep stays as it is, and one that was reused is *consumed*:

# %%
output, used = forward_pass()
output, cache = forward_pass(used)
try:
    model.backward(np.ones_like(output), used)
except ValueError as error:
    print(error)
    refused = True
assert refused
del used, cache

# %% [markdown]
# ## Two cores, and Python's lock
#
# Since the columns of a block never meet, two parts can run on two cores at the same time. But only one thread at a time may run Python:
# whoever does holds a lock, the *global interpreter lock*. NumPy gives it up while it computes on more than a few hundred numbers, and
# takes it again between two calls.
#
# So cut the time of a block in two: $p$, spent in Python with the lock, whatever the width, and $c$, spent in NumPy without it. One
# thread takes $p + c$. With two threads each has half of the columns but *all* of the calls: it takes at least $p + c/2$. And since the
# two cannot hold the lock at once, the two of them take at least $2p$:
#
# $$\text{speed-up} \;\le\; \frac{p + c}{\max(2p,\; p + c/2)}$$
#
# That is 2 where $c \gg p$, and one half where $p \gg c$: in narrow blocks a second core makes it *slower*. We have measured both: $p$ is
# nearly all of a block of one column, and $c$ is what wider blocks take beyond it. Beside the bound for 20 units, three layers of the
# library with one and with two threads.

# %%
p = spent[0].sum()  # nanoseconds a block
c = np.maximum(spent.sum(axis=1) * widths - p, 0)
bound = (p + c) / np.maximum(2 * p, p + c / 2)


def with_threads(number, model, x):
    """Make a step that is split among so many threads, however little there is to do."""
    drn.set_num_threads(number)
    with setting(dilated_layer, "WORTH_A_THREAD", 0):
        results = layer_step(model, x)
    drn.set_num_threads(1)
    return results


cases = [(20, 64), (20, 256), (20, 1024), (20, 4096), (50, 2048)]  # units, columns in a block
speed_up = {}
for units, n in cases:
    model = drn.DilatedRNN(1, units, [n // 16] * 3, "lstm", output_size=2)
    x = random(max(n, 512), 16, 1)  # 16 rows: blocks of n columns, at least 16 of them
    assert same(with_threads(2, model, x), with_threads(1, model, x))
    one, two = seconds(lambda: with_threads(1, model, x), lambda: with_threads(2, model, x), rounds=3)  # noqa: B023
    speed_up[units, n] = one / two
    print(f"{units} units, blocks of {n:4d} columns: two threads are {one / two:.2f} times as fast as one")

# %%
ax = plot.new_axes()
ax.semilogx(widths, bound, "-", base=2, color=COLOURS[0], label="bound, from the times above")
for units, colour, marker in ((20, COLOURS[1], "o"), (50, COLOURS[2], "s")):
    points = np.array([(n, ratio) for (H_of, n), ratio in speed_up.items() if H_of == units]).T
    ax.semilogx(*points, marker, base=2, color=colour, label=f"measured, {units} units")
ax.axhline(1, color="grey", lw=1)
ax.set_xticks(widths, widths)
ax.set(xlabel="columns in a block, n = d B", ylabel="speed-up by a second thread", ylim=(0, 2.2))
ax.legend(frameon=False, loc="upper left")
show(ax)

# %% [markdown]
# Points below the bound are no surprise: a thread that wants the lock has to wait for it and then to wake up, and how long that takes is up
# to the machine. Other programs on the second core push the points down too. When it was recorded on two idle cores, a second thread made
# blocks of 2048 columns and 50 units 1.7 times as fast, and with 20 units blocks of 4096 columns 1.5 times, blocks of 1024 columns about
# equally fast and blocks of 64 columns half as fast. So a layer is split only if a block has enough
# multiplications, `dilated_layer.WORTH_A_THREAD`. In narrower layers a second core still has something to do. The products for $dx$ and $dW$
# are large, few, and no step waits for them. So the backward pass submits them to an *assistant*, a thread that computes them in order
# while the main thread goes on to the steps before:

# %%
model, x = drn.DilatedRNN(50, 50, [4], "lstm"), random(512, 32, 50)
assert len(model.layers[0].parts(4 * 32, 2)) == 1  # not split
output, _, cache = model.forward(x)


def backward_with(number):
    """Return the gradients, computed with so many threads."""
    drn.set_num_threads(number)
    dx, _, grads = model.backward(np.ones_like(output), cache)
    drn.set_num_threads(1)
    return dx, *grads.values()


assert all(np.array_equal(a, b) for a, b in zip(backward_with(1), backward_with(2), strict=True))
alone, assisted = seconds(lambda: backward_with(1), lambda: backward_with(2), rounds=5)
print(f"backward with an assistant is {alone / assisted:.2f} times as fast")

# %% [markdown]
# On two idle cores it was 1.5 times as fast.
#
# The matrix library has threads of its own. While a pass runs, [arrays/threads.py](../dilated_rnn_np/arrays/threads.py) holds it to one:
# more of them would compete with the threads of the library for the same cores, and the bits of a product would depend on their number.
# When the last pass ends, the matrix library has its threads back. `drn.set_num_threads(number)` sets the number of threads for all models of
# the process; at first it is that of the cores. One number of threads always gives the same bits.
#
# ## What it adds up to
#
# Each ratio above is of its own piece of work, in a case where it matters, so they do not multiply. What counts is a whole step. Here is
# the plain program for an LSTM layer, one time step after the other as in tutorial 14. It calls the same cell, so all that differs is
# what we have gone through. With $d = 1$ there is no fold to help:


# %%
def plain_step(model, x, dh_from_above):
    """Return output and gradients of a dilated lstm layer, one time step at a time."""
    (T, B, _), layer = x.shape, model.layers[0]
    W_x, W_h, b = (model.params[f"layers.0.{name}"] for name in ("W_x", "W_h", "b"))
    d, (h, c), caches = layer.dilation, np.zeros((2, layer.dilation + T, B, layer.hidden_size), x.dtype), []
    for t in range(T):
        a = x[t] @ W_x.T + b + h[t] @ W_h.T  # (B, 4H); h[d + t] is the state at time t
        (h[d + t], c[d + t]), cache = layer.cell.forward(np.split(a, 4, axis=1), (h[t], c[t]))
        caches.append(cache)
    dh, dc, dx = np.zeros_like(h), np.zeros_like(c), np.zeros_like(x)
    dh[d:] = dh_from_above
    dW_x, dW_h, db = np.zeros_like(W_x), np.zeros_like(W_h), np.zeros_like(b)
    for t in reversed(range(T)):
        da, (_, dc[t]) = layer.cell.backward((dh[d + t], dc[d + t]), caches[t])
        da = np.concatenate(da, axis=1)  # (B, 4H)
        dW_x += da.T @ x[t]
        dW_h += da.T @ h[t]
        db += da.sum(axis=0)
        dx[t] = da @ W_x
        dh[t] += da @ W_h
    return h[d:], dx, dW_x, dW_h, db


x = random(1024, 16, H)
for d in (1, 8, 64):
    model = drn.DilatedRNN(H, H, [d], "lstm")
    assert same(plain_step(model, x, 1), layer_step(model, x))
    plain, fast = seconds(lambda: plain_step(model, x, 1), lambda: layer_step(model, x), rounds=3)  # noqa: B023
    print(f"d = {d:2d}, blocks of {16 * d:4d} columns: the plain program takes {plain / fast:4.1f} times as long")

# %% [markdown]
# Without a fold, blocks of 16 columns are nearly all calls, and both programs make about as many. All ratios of this run side by side:

# %%
ax = plot.new_axes(7, 3.6)
ordered = sorted(bought.items(), key=lambda item: item[1])
ratios = np.array([ratio for _, ratio in ordered])
bars = ax.barh([trick for trick, _ in ordered], ratios - 1, left=1, color=COLOURS[0])
ax.bar_label(bars, [f"{ratio:.2f}" for ratio in ratios], padding=3)
ax.axvline(1, color="black", lw=1)
ax.set(xscale="log", xlabel="time of the plain way / time of the fast one", xlim=(0.8, 1.5 * ratios.max()))
plain_log_ticks(ax.xaxis, ratios)
show(ax)

# %% [markdown]
# ## Memory: what a cache holds
#
# The backward pass wants what the forward pass knew. What a layer keeps is its buffer $Z$ with $D + 1 + H$ numbers a column, and what the
# cell put into its cache. How many *arrays* is that? Count the numbers that are really there, each piece of memory once, for some are
# views of others:


# %%
def memory_of(layer_cache):
    """Return the bytes of Z and of all that the cells keep, each piece of memory once."""
    arrays = [layer_cache.Z, *(array for part in layer_cache.blocks for block in part for array in block)]
    owners = [array if array.base is None else array.base for array in arrays]
    return sum({id(owner): owner.nbytes for owner in owners}.values())


T, B, D, H, d = 640, 8, 3, 20, 16
found = {}
for cell in ("rnn", "lstm", "gru"):
    _, _, cache = drn.DilatedRNN(D, H, [d], cell).forward(random(T, B, D))
    found[cell] = memory_of(cache.layers[0])
    arrays = [array.shape for array in cache.layers[0].blocks[0][0]]
    print(f"{cell:<5} {len(arrays)} arrays in a block's cache, {found[cell]:>9,} bytes in all")
    assert set(arrays) == {(H, d * B)}
Z_bytes = 4 * (D + 1 + H) * (T + d) * B  # d steps longer than the sequence
assert found["rnn"] == Z_bytes + 4 * H * T * B  # h: that in the cache and that in Z are two
assert found["lstm"] == Z_bytes + 4 * 5 * H * T * B + 4 * H * d * B  # i f g o c; c_prev is the c of the block before

# %% [markdown]
# The LSTM's block has six arrays and five count: `c_prev` is the `c` of the block before, the same array; only the very first one is on
# its own. The GRU is exercise 13.2. (Why does the LSTM keep no $\tanh c$? To compute it once more takes no longer than to fetch it.)
#
# So memory grows with $T$. For a net of nine layers with 50 units on rows of 784 pixels, 128 at once:

# %%
for cell, arrays in {"rnn": 1, "lstm": 5}.items():
    total = sum(4 * (size_below + 1 + 50 + arrays * 50) * 784 * 128 for size_below in [1] + 8 * [50])
    print(f"{cell:<5}{total / 1e9:6.2f} GB")

# %% [markdown]
# ## Memory: without gradients
#
# `keep=False` keeps nothing. The sequence then runs in chunks, and the state is all that one chunk hands to the next. `tracemalloc` tells
# the most memory that was held at any time, here for a sequence and for one that is twice as long:


# %%
def peak(work):
    """Return the most bytes that a call held above what there was before, and its result."""
    tracemalloc.start()
    result = work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most, result


model = drn.DilatedRNN(1, 20, drn.exponential_dilations(5), "gru", output_size=4)
short, long = random(500, 16, 1), random(1000, 16, 1)
peaks = {}
for keep in (True, False):
    peaks[keep] = [peak(lambda x=x: model.forward(x, keep=keep)[:2])[0] for x in (short, long)]  # noqa: B023
    print(f"keep={keep!s:<6}", *(f"{most / 1e6:8.2f} MB" for most in peaks[keep]))
assert peaks[True][1] > 1.8 * peaks[True][0] and peaks[False][1] < 1.2 * peaks[False][0]
assert same([model.forward(long, keep=False)[0]], [model.forward(long)[0]])

# %% [markdown]
# For a stream there is `model.step`: one time step, whose work and memory do not depend on how many came before. It returns what
# `forward` would. The state holds the last $d$ steps of each layer and nothing else:

# %%
state, times = None, []
for x_t in long:
    start = time.perf_counter()
    output, state = model.step(x_t, state)
    times.append(time.perf_counter() - start)
assert same([output], [model.forward(long)[0]])
held = sum(array.nbytes for entry in state for array in entry)
assert held == 4 * 16 * 20 * sum(model.dilations)  # 4 bytes, 16 rows, 20 units, d steps per layer
print(f"the state holds {held:,} bytes")
print(f"a late step takes {np.median(times[-100:]) / np.median(times[:100]):.2f} times as long as an early one")

# %% [markdown]
# ## Memory: exact gradients within a budget
#
# Gradients need the cache of every step, but not of all steps *at once*. Cut the sequence into $k$ segments.
#
# 1. **Forward**: run through all of them, and keep the state before each one, nothing else.
# 2. **Backward**, last segment first: run the segment forward once more from its state, now with a cache. Go back through it. What comes
#    out is the gradient of the state before the segment, and that is what the segment before it needs. Drop the cache, and go on with
#    that one.
#
# Nothing is left out, so the gradients are those of the whole sequence. Memory is that of one segment and of $k$ states,
#
# $$\text{bytes}(k) = \lceil T/k \rceil \cdot \text{step} + k \cdot \text{state}.$$
#
# More segments make the first term smaller and the second larger. With `budget=`, the library takes the longest segments whose memory
# suffices (Chen et al. 2016; Gruslys et al. 2016). Its estimate adds smaller terms, such as the gradients of the weights, and it *measures*
# what a step costs: each layer runs over two short sequences, and the difference of the two caches is counted
# ([nets/budget.py](../dilated_rnn_np/nets/budget.py)). Below, the estimate beside the truth.

# %%
target = random(16, 4)


def exact(budget=None):
    """Return the gradients of a training step, and the steps of a segment."""
    output, _, cache = model.forward(long, budget=budget)
    grads = model.backward(output - target, cache)[2]
    return grads, len(cache.segments[0].x) if hasattr(cache, "segments") else len(long)


whole, (expected, _) = peak(exact)
budgets = [whole // part for part in (2, 4, 10)]
times = seconds(exact, *(lambda budget=budget: exact(budget) for budget in budgets), rounds=2)
print(f"all at once:  {whole / 1e6:6.1f} MB")
rows = []
for budget, took in zip(budgets, times[1:], strict=True):
    most, (grads, n) = peak(lambda budget=budget: exact(budget))
    assert same(grads.values(), expected.values())
    rows.append((len(long) / n, most))
    k = -(-len(long) // n)
    print(f"{k:2d} segments:  {most / 1e6:6.1f} MB, budget {budget / 1e6:5.1f} MB, {took / times[0]:.2f} times as long")
assert rows[0][1] > rows[1][1] > rows[2][1] and rows[2][1] < whole / 6
assert all(most < 1.2 * budget for (_, most), budget in zip(rows, budgets, strict=True))

# %%
costs = Costs.of(model.stack, model.params, B=16, itemsize=4, dropout=False)
assert costs.state == held  # bytes of one state; costs.step are those of a time step
lengths = np.arange(5, len(long) + 1)  # steps in a segment
ks = len(long) / lengths
estimate = np.array([costs.memory(len(long), n) for n in lengths])
ax = plot.new_axes()
ax.loglog(ks, estimate / 1e6, color=COLOURS[0], label="the library's estimate")
ax.loglog(ks, lengths * costs.step / 1e6, "--", color="grey", label="one segment alone")
ax.loglog(ks, ks * costs.state / 1e6, ":", color="grey", label="the k states alone")
k, most = np.array([(1, whole), *rows]).T
ax.loglog(k, most / 1e6, "o", color=COLOURS[1], label="measured")
ax.set(xlabel="T / steps in a segment", ylabel="MB", ylim=(costs.state / 1e6, None))
plain_log_ticks(ax.xaxis, ks)
plain_log_ticks(ax.yaxis, [0.01, 100])
ax.legend(frameon=False)
show(ax)
root = np.sqrt(len(long) * costs.step / costs.state)
print(f"least memory at k = {ks[estimate.argmin()]:.0f}; the root of T * step / state is {root:.0f}")

# %% [markdown]
# The least memory lies where both terms are alike, near $k = \sqrt{T \cdot \text{step} / \text{state}}$: memory grows with $\sqrt T$
# instead of $T$. And the price? One forward pass more. That is a third of the products, but of the NumPy calls, in a GRU, it is nearly
# half:

# %%
there, back = (side["calls"] for side in counts["gru"])
print(f"calls of a cell: {there} + {back} at once, {there} + {there} + {back} in segments,")
print(f"which is {(2 * there + back) / (there + back):.2f} times as many")

# %% [markdown]
# So it costs most where blocks are narrow. On the other side, small buffers that are used again are cheaper than large new ones, and the
# longer the sequence, the more that counts. When it was recorded, gradients over 100,000 steps of nine GRU layers with 50 units, one row,
# took 1,238 MB and 8 to 12 seconds at once, and 122 MB and 12 to 13 seconds in 12 segments.
#
# ## Truncated is something else
#
# *Truncated* backpropagation also cuts the sequence. It carries the state from window to window, but not the gradient: backward ends at
# the window's first step. One loop, no second forward pass, and memory of one window. But it computes **another gradient**:


# %%
def truncated(window):
    """Return the sum of the windows' gradients; no gradient goes from a window to the one before."""
    state, total = None, {name: 0 for name in model.params}
    for start in range(0, len(x), window):
        _, state, cache = model.forward(x[start : start + window], state)
        _, _, grads = model.backward(doutput[start : start + window], cache)  # no dstate
        total = {name: total[name] + grads[name] for name in total}
    return total


model = drn.DilatedRNN(1, 20, [1, 2, 4, 8], "gru", output_size=4, readout="all", dtype="float64")
x, doutput = rng.standard_normal((256, 4, 1)), rng.standard_normal((256, 4, 4))
_, _, cache = model.forward(x)
_, _, expected = model.backward(doutput, cache)
_, _, cache = model.forward(x, budget=1_200_000)
_, _, segmented = model.backward(doutput, cache)


def distance(grads):
    """Return how far gradients are from the exact ones, over the length of these."""
    squares = [(np.sum((grads[name] - g) ** 2), np.sum(g**2)) for name, g in expected.items()]
    return float(np.sqrt(np.divide(*np.sum(squares, axis=0))))


away = {window: distance(truncated(window)) for window in (4, 16, 64, 256)}
for window, far in away.items():
    print(f"truncated, windows of {window:3d} steps: {far:.1e}")
print(f"exact, in {len(cache.segments)} segments:        {distance(segmented):.1e}")
assert len(cache.segments) > 1 and distance(segmented) < 1e-12
assert away[256] < 1e-12 and min(away[4], away[16], away[64]) > 1e-3

# %% [markdown]
# Truncation saves the second pass and gives up what reaches further back than a window. For a net that is built to remember across
# hundreds of steps, that is the point of the whole. It has its place where a sequence never ends: `drn.fit(…, truncated=True)`.
#
# ## Against frameworks
#
# How does this compare with a framework? `python tests/benchmarks` measures the library beside PyTorch and JAX, after all have computed
# the same; the [README](../README.md) tells what came out. What to expect follows from the above. A recurrent net is a long chain of
# small operations, and a framework pays for each of them too: for the way through its dispatcher, and for the record that its automatic
# differentiation needs. Here the calls are lean, the backward pass is written by hand, and the fold makes them few. So NumPy can win
# where layers are small or middling and cores are few. It loses its lead where the products are nearly all of a step, for then everyone
# calls the same kind of matrix library and waits for it. It can lose where others make one sweep of a whole cell, in a compiled step or
# in a forward pass that keeps nothing, for NumPy cannot do that. And it will lose on many cores, since Python's lock lets only few
# threads work side by side.

# %% [markdown]
# ## The same code on a GPU
#
# A GPU has thousands of small arithmetic units and fast memory of its own. CuPy is NumPy for it: arrays that lie there, with the same
# functions. The library never says `np.tanh`; it takes the module from the arrays (`array_module`, in `arrays/backend.py`). So one argument
# moves everything:
#
# ```python
# model = drn.DilatedRNN(1, 20, [1, 2, 4], output_size=10, xp="cupy")   # made there
# model = model.to("cupy")                                               # or moved there; .to("numpy") brings it back
# ```
#
# and `--backend cupy` does it on the command line. Random numbers are drawn on the host in both cases, so both runs start alike. `"auto"`
# takes a GPU where there is one; the command line reports the choice and its reason:

# %%
chosen, why = automatic()
print(why)

# %% [markdown]
# **No GPU was measured for this text.** What follows counts; it does not time. Counting needs no GPU, only arrays that *play* the part:
# here is an array that cannot be seen until the host fetches it, and notes what a GPU would have to do. Every operation on whole arrays
# is a small program there, a **kernel**, and the host has to **launch** it.


# %%
noted = {"launches": 0, "moves to the device": 0, "moves to the host": 0, "bytes moved": 0}
VIEWS = ("reshape", "transpose", "broadcast_to", "empty", "empty_like")  # they compute nothing: no kernel


def plain(thing):
    """Return arrays, or tuples, lists and dicts of them, as NumPy's."""
    if isinstance(thing, (tuple, list)):
        return type(thing)(map(plain, thing))
    if isinstance(thing, dict):
        return {name: plain(part) for name, part in thing.items()}
    return thing.host if isinstance(thing, Placed) else thing


def placed(thing):
    """Return what NumPy has computed as if it lay on the device."""
    return Placed(np.asarray(thing)) if isinstance(thing, (np.ndarray, np.generic)) else thing


def launched(name, function):
    """Return the function as the device has it: it takes and returns placed arrays, and is a launch."""

    def launch(*arguments, **options):
        noted["launches"] += name not in VIEWS
        return placed(function(*plain(arguments), **plain(options)))

    return launch


class Placed(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that plays one on a device: this is no GPU."""

    def __init__(self, host):
        self.host = host

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):  # all arithmetic, with @
        result = launched(ufunc.__name__, getattr(ufunc, method))(*inputs, **options)
        if out is None:
            return result
        out[0].host[...] = result.host
        return out[0]

    def __getitem__(self, key):
        gathers = any(isinstance(part, Placed) for part in (key if isinstance(key, tuple) else (key,)))
        noted["launches"] += gathers  # a slice is a view
        return placed(self.host[plain(key)])

    def __setitem__(self, key, value):
        noted["launches"] += 1
        self.host[plain(key)] = plain(value)

    def __getattr__(self, name):  # shape, dtype, T, reshape, copy, sum, …
        found = getattr(self.host, name)
        return launched(name, found) if callable(found) else placed(found)

    def __len__(self):
        return len(self.host)

    def get(self):
        noted["moves to the host"] += 1
        noted["bytes moved"] += self.host.nbytes
        return self.host.copy()


# %% [markdown]
# And the module that goes with it, in CuPy's place:


# %%
class Module(ModuleType):
    """NumPy's functions for placed arrays."""

    def __getattr__(self, name):
        found = getattr(np, name)
        return launched(name, found) if callable(found) and not isinstance(found, type) else found

    def asarray(self, a, dtype=None):
        if isinstance(a, Placed):
            return a
        noted["moves to the device"] += 1
        noted["bytes moved"] += np.asarray(a).nbytes
        return Placed(np.array(a, dtype))

    def is_available(self):
        return True

    def get_array_module(self, *arrays):
        return self if any(isinstance(array, Placed) for array in arrays) else np


@contextmanager
def counting():
    """Put the module in CuPy's place; in the end everything is as before."""
    before, sys.modules["cupy"] = sys.modules.get("cupy"), device
    noted.update(dict.fromkeys(noted, 0))
    try:
        yield noted
    finally:
        sys.modules.pop("cupy") if before is None else sys.modules.update(cupy=before)


device = Module("cupy")
with counting():
    a = device.asarray(random(3, 4))
    b = (a @ a.T).sum()
assert noted["launches"] == 2 and b.shape == () and b.get() == b.host
print("a product and a sum:", noted)

# %% [markdown]
# ## What a transfer costs
#
# The device's memory is not the host's. Bytes go from one to the other through a narrow door, and a way *back* costs more than its bytes:
# the host runs far ahead of the device, it only writes down what is to be launched. When it wants to see a number, it has to wait until
# everything before that number is done, and meanwhile it writes down nothing more.
#
# So the number of moves matters more than their size. An `if loss < 1:` in the middle of a step would be such a move. Count those of a
# whole step, with its optimizer, clipping, and a metric:

# %%
T, B = 64, 16
batch = random(T, B, 1), rng.integers(0, 10, B)


def accuracy(output, targets, lengths):
    """Return the part of the rows that are named right."""
    return (output.argmax(axis=-1) == targets).mean()


def step_on(model, batch):
    """Make one training step and return loss, norm of the gradient, and metric."""
    optimizer = drn.optim.RMSProp(model.params)
    counted_before = dict(noted)
    loss = drn.losses.softmax_cross_entropy
    result = drn.train_step(model, optimizer, batch, loss, max_norm=1.0, metric=accuracy)
    moved = {name: noted[name] - counted_before[name] for name in noted}
    return (result.loss, result.gradient_norm, result.metric), moved


model = drn.DilatedRNN(1, 8, [1, 2, 4], "lstm", output_size=10)
here, _ = step_on(model.to("numpy"), batch)
with counting():
    there, moved = step_on(model.to(device), batch)
assert np.allclose(here, there, rtol=1e-5)  # the same loss, norm and metric
print(*(f"{name}: {number:,}" for name, number in moved.items()), sep="\n")
assert moved["moves to the device"] == 2  # the batch: x and targets
assert moved["moves to the host"] == 1  # loss, norm and metric together, three numbers
assert moved["bytes moved"] == batch[0].nbytes + batch[1].nbytes + 3 * 8

# %% [markdown]
# The batch goes there, three numbers come back, together. Everything else stays: parameters, states, gradients, the optimizer's averages.
# Even whether the gradient is finite is seen on the host from its norm, which comes back anyhow.
#
# ## Launch-bound
#
# Look at the other count. That was a tiny net. How many launches does a block of $dB$ columns take? The difference between a sequence of
# $2T$ steps and one of $T$ says it, however much is launched once per layer. The kernels are a property of the model, and there are three
# sets to choose from, `model.to("cupy", kernels=name)`:
#
# * `"plain"`: each operation is a kernel of its own, as the code is written;
# * `"fused"`: CuPy's `fuse` runs a cell's forward once on symbols, writes down what it does, and makes one kernel of it;
# * `"persistent"`: below.
#
# Our module needs a `fuse` to count with: it makes one launch of a whole function.


# %%
def fuse(function):
    """Return the function as one kernel."""
    kernel = launched("fused", function)
    return lambda *arrays: tuple(map(placed, kernel(*arrays)))


device.fuse = fuse


def launches(cell, dilations, T, B, kernels):
    """Return how many launches a training step makes."""
    model = drn.DilatedRNN(1, 4, dilations, cell, output_size=10)
    with counting():
        return step_on(model.to(device, kernels), (random(T, B, 1), rng.integers(0, 10, B)))[1]["launches"]


B, d = 128, 2
print("launches per block     plain   fused")
for cell in ("rnn", "lstm", "gru"):
    a_block = {}
    for kernels in ("plain", "fused"):
        short, long = (launches(cell, [d], T, B, kernels) for T in (32, 64))
        a_block[kernels] = (long - short) / (32 // d)  # a mean: several blocks share the products for dx and dW
    there, back = (side["calls"] for side in counts[cell])
    print(f"{cell:<20} {a_block['plain']:>7.1f} {a_block['fused']:>7.1f}    the cell: {there} + {back} operations")
    assert np.isclose(a_block["plain"] - a_block["fused"], there + back - 2)  # forward and backward are one kernel each

# %% [markdown]
# So the cell shrinks to two kernels, and what is left are products, copies, and the sums around them. (Our count is a lower bound: CuPy
# may launch more than one kernel for a function such as `concatenate`.) Now the whole net of the paper: nine layers, 784 pixels. A layer
# of dilation $d$ walks $\lceil T/d \rceil$ blocks, so the small dilations launch the most:

# %%
T, dilations = 784, drn.exponential_dilations(9)
blocks = [-(-T // d) for d in dilations]
print("blocks per layer:", *blocks, "  together:", sum(blocks))
total = {kernels: launches("lstm", dilations, T, B, kernels) for kernels in ("plain", "fused")}
for kernels, number in total.items():
    print(f"lstm, {kernels:<7} {number:>7,} launches per training step, {number / sum(blocks):.1f} per block")
of_8_rows = {kernels: launches("lstm", dilations, T, 8, kernels) for kernels in total}
print(f"with 8 rows instead of {B}:", *(f"{kernels} {number:,}" for kernels, number in of_8_rows.items()))
assert total["fused"] < 0.6 * total["plain"]
assert all(abs(of_8_rows[kernels] - total[kernels]) < 0.1 * total["plain"] for kernels in total)

# %% [markdown]
# $H$ is not in these numbers, and $B$ hardly: it only decides how many narrow blocks share one product. A launch costs the host some
# time $\lambda$, however little there is to compute, and the launches of one step wait for each other, for a state needs the state
# before. So a step takes at least $\lambda$ times its launches, **on the fastest GPU there could be**. A step that takes hardly more is
# *launch-bound*.
#
# When does such a loop lose against the processor you have? We can say it without a GPU: time the step here, with NumPy on one core, and
# ask how dear a launch may be. (With two batches, for that is the point.)

# %%
net, allowed = drn.DilatedRNN(1, 20, dilations, "lstm", output_size=10), {}
lambdas = np.array([0.3, 30.0])  # microseconds
ax = plot.new_axes()
for (kernels, number), colour in zip(total.items(), COLOURS, strict=False):
    ax.loglog(lambdas, number * lambdas / 1e6, color=colour, label=f"all launches, {kernels}")
for rows, style in ((8, ":"), (128, "--")):
    took = seconds(training_step(net, T, rows), rounds=1 if rows > 8 else 2)[0]
    ax.axhline(took, color="grey", ls=style, label=f"NumPy here, batch of {rows}")
    allowed[rows] = {kernels: 1e6 * took / number for kernels, number in (of_8_rows if rows == 8 else total).items()}
ax.set(xlabel="cost of one launch, microseconds", ylabel="seconds per training step")
plain_log_ticks(ax.xaxis, lambdas)
plain_log_ticks(ax.yaxis, [0.01, 3])
ax.legend(frameon=False, fontsize=8, loc="lower right")
show(ax)
for rows, by_kernels in allowed.items():
    for kernels, most in by_kernels.items():
        print(f"batch of {rows:3d}: {kernels} kernels lose if a launch costs more than {most:.1f} microseconds")

# %% [markdown]
# Where a coloured line is above a grey one, the GPU loses against this one core, though it computes in no time. What a launch costs on
# yours, you can time: [CuPy's guide](https://docs.cupy.dev/en/stable/user_guide/performance.html) tells how. But a larger batch raises
# the grey line and leaves the coloured ones where they are, and so do wider layers: **with small batches and narrow layers a GPU does not
# pay.**
#
# ## The persistent kernel
#
# Fewer launches by far need another cut. Look once more at the fold: a block has $n = dB$ columns, and they never meet. Column $k$ of a
# block needs column $k$ of the block before, and no other. So do not launch time step by time step, all columns at once. Launch **once**,
# and let each group of threads take a few columns through *all* time steps by itself. Nobody has to wait for a step of anybody else.
#
# What a group needs over and over is the recurrent weights $W_h$, and the state that it hands on. If they stay **on the chip**, in
# registers or in the small memory that a block of threads shares, a step fetches only its own pre-activations. Do they fit? $W_h$ has
# $GH \cdot H$ numbers. A kernel gets 48 KB of shared memory without asking, and on a large recent device up to 227 KB:

# %%
WITHOUT_ASKING, MOST = persistent.DEFAULT_SHARED_BYTES, 227 * 1024
print("KB of W_h      " + "".join(f"{cell:>22}" for cell in nets))
for units in (20, 50, 64, 128, 256):
    line = f"H = {units:3d}        "
    for net in nets.values():
        size_of_W = 4 * len(net.cell.gates) * units**2
        room = "48 KB" if size_of_W <= WITHOUT_ASKING else "227 KB" if size_of_W <= MOST else "no room"
        line += f"{size_of_W / 1024:>11.1f} {f'({room})':<10}"
    print(line)
assert WITHOUT_ASKING == 48 * 1024
served = {
    cell: [H for H in (20, 50, 64, 128, 256) if persistent.Layout.of(net.cell, H, np.dtype("f4")).groups(H, MOST)]
    for cell, net in nets.items()
}
print("units that the library's kernels take:", served)
in_registers = {
    cell: [H for H in served[cell] if persistent.Layout.of(net.cell, H, np.dtype("f4")).in_registers]
    for cell, net in nets.items()
}
print("of these, with weights in registers:  ", in_registers)
assert all({20, 50, 64} <= set(sizes) and 256 not in sizes for sizes in served.values())

# %% [markdown]
# So the paper's sizes fit, and $H = 256$ does not: there a step is a product and one fused kernel, as before. (Beside shared memory there
# are the registers. In narrow layers each thread holds the weights of its own unit there, and only the states, which the other units of
# the column read, go through shared memory.)
#
# What does *not* wait for the step before is left outside, as large products over all time steps at once: $W_x x + b$ before, $dx$ and
# $dW$ after. Here is the forward pass as a plain program. The outer loop is what the device does side by side, the inner one is inside
# the kernel:


# %%
def persistent_forward(cell, W_x, b, W_h, x, n, group):
    """Return all states (H, T*B) for x (D, T*B), from a state of zeros: a few columns at a time go through all steps."""
    H = W_h.shape[1]
    a = W_x @ x + b[:, None]  # (G*H, T*B): one large product
    h = np.empty((H, x.shape[1]), x.dtype)
    for first in range(0, n, group):  # on the device at the same time, a block of threads each
        width = min(group, n - first)
        state = [np.zeros((H, width), x.dtype) for _ in cell.state]  # on the chip, as W_h is
        for start in range(first, x.shape[1], n):  # all time steps of these columns
            now = slice(start, min(start + width, x.shape[1]))
            a_now = a[:, now] + W_h @ state[0][:, : now.stop - now.start]
            state, _ = cell.forward(tuple(np.split(a_now, len(cell.gates))), state)
            h[:, now] = state[0]
    return h


T, B, D, H, d = 48, 6, 3, 20, 4
x = random(T, B, D)
columns = np.ascontiguousarray(x.reshape(T * B, D).T)  # (T, B, D) -> (D, T*B)
for cell in ("rnn", "lstm"):
    model = drn.DilatedRNN(D, H, [d], cell)
    output, _, _ = model.forward(x)
    W_x, b, W_h = (model.params[f"layers.0.{name}"] for name in ("W_x", "b", "W_h"))
    for group in (1, 5, d * B):  # 5 does not divide 24: the last group is smaller
        h = persistent_forward(model.layers[0].cell, W_x, b, W_h, columns, d * B, group)
        assert same([h.T.reshape(T, B, H)], [output])
print("whatever the groups, the states are those of the layer")

# %% [markdown]
# How many launches are left? We let the library run with a kernel that does nothing, since there is no device to run it, and count:


# %%
class NoKernels:
    """In place of CuPy's RawModule: its kernels can be launched, and compute nothing."""

    def __init__(self, code):
        assert "__global__" in code  # CUDA source

    def get_function(self, name):
        ran.append(name)
        return launched(name, lambda *arguments, **options: None)


ran = []
device.RawModule = NoKernels
device.cuda = SimpleNamespace(
    Device=lambda number=0: SimpleNamespace(id=0, attributes={"MaxSharedMemoryPerBlockOptin": MOST})
)
device.empty, device.empty_like = device.zeros, device.zeros_like  # nothing computes them: not even noise
T, B = 784, 128
once, twice = (launches("lstm", dilations, steps, B, "persistent") for steps in (T, 2 * T))
assert once == twice  # the length of the sequence is not in it
assert ran.count("forward") == ran.count("backward") == 2 * len(dilations)  # one each way and layer, in both runs
total["persistent"] = once
print(*(f"lstm, {kernels:<11}{number:>8,} launches per training step" for kernels, number in total.items()), sep="\n")

# %% [markdown]
# The number no longer grows with the sequence: two persistent kernels per layer and a few large products. Most of the rest is small work
# that comes once per training step: putting the weights side by side, clipping, the optimizer, array by array. What the GPU then needs is enough
# columns: a layer of dilation 1 has just $B$ of them, to spread over all its multiprocessors. Once more a small batch leaves it idle.
#
# The library's kernels are in `device/persistent.cu`, their host side in `device/persistent.py`. They compile for several generations of
# devices, and run by an emulation on a processor they equal the scan to rounding. **Neither they nor the fused ones have ever run on a device**, so
# `"plain"` is the default; `model.to("cupy", kernels="persistent")` turns them on for `rnn`, `lstm` and `gru`, and the fused ones for your
# own cell. On the machine in front of you,
#
# ```console
# $ python tests/benchmarks --device gpu
# ```
#
# checks that all of them compute what NumPy and PyTorch's cuDNN layers do, and prints the table that this text cannot show.
#
# ## Exercises
#
# Fill in the functions and run the cell: the checker says what is wrong. `hint("13.1", 1)` gives a nudge, higher numbers more; the
# solutions are in `solutions/ex13.py`.
#
# **13.1** Count the flops of the products of one training step: forward, and both products of backward. The first layer reads $D$ numbers
# a step, every other layer the $H$ outputs of the one below. `dilations` holds one dilation a layer. Leave out the read-out.


# %%
def step_flops(T, B, D, H, G, dilations):
    """Return the number of flops."""


check("13.1", step_flops)

# %% [markdown]
# **13.2** Predict the bytes that a GRU layer keeps for its backward pass: `Z`, and what is in the cells' caches,
# `(r, z, n, m, h_prev)` for each block, with $m = r \odot a_{nh}$. `h_prev` is a view of the $h$ rows of `Z`. `itemsize` is the number of bytes of a number.


# %%
def gru_cache_bytes(T, B, D, H, d, itemsize):
    """Return the number of bytes, each piece of memory counted once."""


check("13.2", gru_cache_bytes)

# %% [markdown]
# **13.3** Choose the segments for a budget. Cut into $k$ segments, a sequence needs $\lceil T/k \rceil \cdot$ `step` $+\; k \cdot$
# `state` bytes. Return the longest segment, $\lceil T/k \rceil$ steps for the smallest $k$, with which that is at most `budget`. (There
# is one.)


# %%
def segment_size(T, step, state, budget):
    """Return the number of steps in a segment."""


check("13.3", segment_size)

# %% [markdown]
# **13.4** Exact gradients of a layer, segment by segment. You are given two functions:
#
# * `forward(x, h)` runs some steps `x` `(S, B, D)` from the state `h` `(B, H)`, and returns `(outputs, h_after, cache)`, where `outputs`
#   is `(S, B, H)`;
# * `backward(dh, cache, dh_after)` takes the gradient `dh` of the outputs and that of the state after these steps, `dh_after` (zeros
#   where nothing comes later). It returns `(dx, dh_before, dW)`.
#
# Return `(dx, dh0, dW)` of the whole sequence `x` `(T, B, D)` from the state `h0`, where `dh` `(T, B, H)` is the gradient of all outputs.
# A segment has `size` steps, the last one may be shorter. Memory is short: the checker's `forward` raises a `MemoryError` where it is
# given more steps than that, and where more than three caches live at once.


# %%
def in_segments(forward, backward, x, h0, dh, size):
    """Return (dx, dh0, dW)."""


check("13.4", in_segments)
hint("13.4", 1)

# %% [markdown]
# **13.5** How dear may a launch be? In a training step each layer launches `there` kernels a block forward and `back` kernels a block
# backward, and `once` more, whatever the length of the sequence. Each launch costs the host the same time. Return the number of launches
# of all layers, and the most seconds that one of them may cost if the step is to take no longer than `limit` seconds.


# %%
def launch_budget(T, dilations, there, back, once, limit):
    """Return (launches, the most seconds a launch)."""


check("13.5", launch_budget)

# %% [markdown]
# **13.6** Walk through time on the chip. You are given the pre-activations `a` `(T, n, H)` of a folded sequence, $W_x x + b$, its state
# before the first step, `h0` `(n, H)`, and a `chip` that holds the recurrent weights and has room for the states of `R` rows:
#
# * `chip.load(h)` puts the states `h` of at most `R` rows there. This is dear, and the chip refuses to be loaded more often than needed.
# * `chip.step(a_t)` takes the pre-activations of the rows that are on the chip, makes one time step, and returns their new states. These
#   stay on the chip.
#
# Return the states of all rows after each step, `(T, n, H)`. `R` need not divide `n`.


# %%
def on_chip(chip, a, h0, R):
    """Return h (T, n, H)."""


check("13.6", on_chip)

# %% [markdown]
# ## Where next
#
# All that was timed here runs around one small pointwise function, the cell. It is yours to write:
# [14. Your own cell, dilated](14_your_own_cell.ipynb).
