"""Exercises of tutorial 13: what a training step costs."""

import weakref

import numpy as np
from solutions import ex13 as solutions

from . import Exercise, Mistake

# ---------------------------------------------------------------------- counting


def net(rng):
    T, B, D, H, G = (int(rng.integers(low, high)) for low, high in ((50, 90), (4, 9), (2, 5), (10, 30), (2, 5)))
    return T, B, D, H, G, (1, 2, 4)


def flops(T, B, D, H, G, dilations, *, passes=3, each=2, bias=1, below=None, count=None, shrink=False, narrow=False):
    """The flops with one thing changed."""
    inputs = [D] + [H if below is None else D] * (len(dilations) - 1)
    inputs = inputs[:count]
    steps = [T / d if shrink else T for d in dilations]
    rows = 1 if narrow else B
    return sum(passes * each * G * H * (n + bias + H) * t * rows for n, t in zip(inputs, steps, strict=False))


def layer(rng):
    T, B, D, H, d = (int(rng.integers(low, high)) for low, high in ((50, 90), (4, 9), (2, 5), (10, 30), (3, 8)))
    return T, B, D, H, d, int(rng.choice([4, 8]))


def kept(T, B, D, H, d, itemsize, *, arrays=4, longer=True, one=1, Z=True, all_longer=False, blocks=True):
    """The bytes of a GRU's cache with one thing changed."""
    columns = (T + d) * B
    buffer = (D + one + H) * (columns if longer else T * B) if Z else 0
    caches = arrays * H * (columns if all_longer else T * B if blocks else d * B)
    return itemsize * (buffer + caches)


# ---------------------------------------------------------------------- segments


def sequence(rng):
    T, step = int(rng.integers(700, 1500)), int(rng.integers(100, 300))
    state = step * int(rng.integers(10, 25))
    k = int(rng.integers(4, 7))
    return T, step, state, -(-T // k) * step + k * state + int(rng.integers(0, step))


def fitting(T, step, state, budget, *, needs, size=lambda T, k: -(-T // k), last=False):
    """The size for the first, or the last, k whose need fits the budget."""
    ks = [k for k in range(1, T + 1) if needs(-(-T // k), k, step, state) <= budget]
    return size(T, ks[-1] if last else ks[0])


def both(size, k, step, state):
    return size * step + k * state


def recurrence(rng):
    """A layer h_t = tanh(W [x; 1; h]) with little memory: short segments, and no more than three caches at once."""
    T, B, D, H, size = 17, 2, 3, 4, 3
    W = rng.standard_normal((H, D + 1 + H)) / 2
    alive = weakref.WeakSet()

    class Cache:
        def __init__(self):
            if len(alive) == 3:
                raise MemoryError(
                    "a fourth cache would live now; keep none in the first pass, and use each one at once"
                )
            alive.add(self)

    def forward(x, h):
        if len(x) > size:
            raise MemoryError(f"{len(x)} steps at once are too many; a segment has {size}")
        cache, states, rows = Cache(), [], []
        for x_t in x:
            rows.append(np.concatenate([x_t, np.ones((len(x_t), 1)), h], axis=1))  # (B, D+1+H)
            h = np.tanh(rows[-1] @ W.T)
            states.append(h)
        cache.rows, cache.states = rows, states
        return np.array(states), h, cache

    def backward(dh, cache, dh_after):
        dxs, dW = [], np.zeros_like(W)
        for row, h, dh_t in zip(reversed(cache.rows), reversed(cache.states), dh[::-1], strict=True):
            da = (dh_t + dh_after) * (1 - h * h)
            drow = da @ W
            dW += da.T @ row
            dxs.insert(0, drow[:, :D])
            dh_after = drow[:, D + 1 :]
        return np.array(dxs), dh_after, dW

    x, h0, dh = rng.standard_normal((T, B, D)), rng.standard_normal((B, H)), rng.standard_normal((T, B, H))
    return forward, backward, x, h0, dh, size


def segmented(
    forward,
    backward,
    x,
    h0,
    dh,
    size,
    *,
    hand_on=True,
    order=reversed,
    start="before",
    add=True,
    turn=False,
    last=False,
):
    """Segment by segment, with one thing changed."""
    cuts = [slice(start, start + size) for start in range(0, len(x), size)]
    states = [h0 if start != "zeros" else 0 * h0]
    for cut in cuts:
        states.append(forward(x[cut], states[-1])[1])
    before = {"after": states[1:], "h0": [h0] * len(cuts)}.get(start, states[:-1])
    dxs, dh_after, dW, all_after = {}, np.zeros_like(h0), 0, []
    for i in order(range(len(cuts))):
        dx, after, here = backward(dh[cuts[i]], forward(x[cuts[i]], before[i])[2], dh_after)
        all_after.append(after)
        dh_after = after if hand_on else np.zeros_like(h0)
        dW = dW + here if add else here
        dxs[i] = dx
    parts = [dxs[i] for i in sorted(dxs)]
    return np.concatenate(parts[::-1] if turn else parts), all_after[0] if last else all_after[-1], dW


def changed(function, **changes):
    return lambda *arguments: function(*arguments, **changes)


# ---------------------------------------------------------------------- launches


def launching(rng):
    T, there, back, once = (int(rng.integers(low, high)) for low, high in ((101, 199), (5, 12), (13, 25), (30, 60)))
    return 2 * T + 1, (1, 2, 4, 8), there, back, once, float(rng.uniform(0.1, 1.0))


def launched(T, dilations, there, back, once, limit, *, blocks=lambda T, d: -(-T // d), each=None, more=None, per=None):
    """The launches and what one may cost, with one thing changed."""
    a_block = there + back if each is None else each(there, back)
    fixed = once * len(dilations) if more is None else more(once, len(dilations))
    launches = sum(blocks(T, d) for d in dilations) * a_block + fixed
    return launches, limit / launches if per is None else per(limit, launches)


class Chip:
    """Recurrent weights W (H, H), and room for the states of R rows, loaded no more often than needed."""

    def __init__(self, W, R, loads):
        self.W, self.R, self.loads, self.h = W, R, loads, None

    def load(self, h):
        if len(h) > self.R:
            raise MemoryError(f"{len(h)} rows do not fit on the chip; it has room for {self.R}")
        if not self.loads:
            raise RuntimeError("the chip is loaded too often; once a group of rows, for all time steps")
        self.loads, self.h = self.loads - 1, h.copy()

    def step(self, a_t):
        if self.h is None:
            raise RuntimeError("nothing is on the chip yet; load the states before the first step")
        if len(a_t) > len(self.h):
            raise RuntimeError(f"a has {len(a_t)} rows, on the chip are {len(self.h)}")
        self.h = np.tanh(a_t + self.h[: len(a_t)] @ self.W.T)
        return self.h.copy()


def chip(rng):
    T, n, H, R = 5, 8, 3, 3
    W, a, h0 = rng.standard_normal((H, H)), rng.standard_normal((T, n, H)), rng.standard_normal((n, H))
    return Chip(W, R, -(-n // R)), a, h0, R


def walked(chip, a, h0, R, *, start="own", rest=True, order=iter, before=False, held=True):
    """The states of all rows, group by group, with one thing changed."""
    h, state = np.zeros_like(a), h0[:R]
    for first in range(0, len(h0) if rest else len(h0) // R * R, R):
        rows = slice(first, first + R)
        width = len(h0[rows])
        state = {"own": h0[rows], "zeros": 0 * h0[rows], "first": h0[:width], "last": state[:width]}[start]
        given = state
        for t in order(range(len(a))):
            new = np.tanh(a[t, rows] + (state if held else given) @ chip.W.T)
            h[t, rows] = state if before else new
            state = new
    return h


EXERCISES = {
    "13.1": Exercise(
        solutions.step_flops,
        net,
        ["flops"],
        [
            Mistake(
                changed(flops, passes=1),
                "that is the forward pass alone; backward makes two products of the same size.",
            ),
            Mistake(
                changed(flops, passes=2),
                "backward counts twice: one product for the gradient of the weights, one for that of the inputs.",
            ),
            Mistake(
                changed(flops, each=1),
                "these are the multiplications; each comes with an addition, and flops count both.",
            ),
            Mistake(
                changed(flops, bias=0),
                "the bias is missing: the buffer Z has a row of ones, so a column has D + 1 + H numbers.",
            ),
            Mistake(
                lambda T, B, D, H, G, dilations: solutions.step_flops(T, B, D, H, 1, dilations),
                "that is a cell with one gate; W has G*H rows.",
            ),
            Mistake(
                changed(flops, below=True),
                "only the first layer reads D numbers; the others read the H outputs of the layer below.",
            ),
            Mistake(
                lambda T, B, D, H, G, dilations: solutions.step_flops(T, B, H, H, G, dilations),
                "the first layer reads D numbers per step, not H.",
            ),
            Mistake(changed(flops, count=1), "that is the first layer alone; sum over all layers."),
            Mistake(
                changed(flops, shrink=True),
                "the dilation does not save arithmetic: T/d products, but each is d times as wide. T*B columns in all.",
            ),
            Mistake(changed(flops, narrow=True), "that is a batch of one row: there are T*B columns."),
        ],
        [
            "one product (m, k) times (k, n) takes m*k*n multiplications and as many additions.",
            "in each of a layer's three products the same lengths meet: G*H, the rows of Z, and T*B. The dilation is not among them.",
            "3 * 2 * G*H * (inputs + 1 + H) * T*B, summed over the layers, with D inputs in the first and H in the others.",
        ],
    ),
    "13.2": Exercise(
        solutions.gru_cache_bytes,
        layer,
        ["bytes"],
        [
            Mistake(
                changed(kept, arrays=5),
                "one array of H too many: h_prev is a view of the h rows of Z, which is counted already.",
            ),
            Mistake(
                changed(kept, arrays=3),
                "one array of H too few: m = r * a_nh is kept too; the gradient of a_r needs it.",
            ),
            Mistake(changed(kept, longer=False), "Z is d steps longer than the sequence: it has (T + d)*B columns."),
            Mistake(
                changed(kept, all_longer=True),
                "only Z is d steps longer than the sequence; the cells' arrays cover the T steps.",
            ),
            Mistake(changed(kept, one=0), "the row of ones is missing: Z has D + 1 + H rows."),
            Mistake(
                changed(kept, Z=False),
                "Z is missing: backward multiplies da with it to get the gradient of the weights.",
            ),
            Mistake(
                changed(kept, blocks=False),
                "that is the cache of a single block; backward needs those of all blocks, T*B columns together.",
            ),
            Mistake(
                lambda T, B, D, H, d, itemsize: kept(T, B, D, H, d, 1),
                "these are numbers; each takes itemsize bytes.",
            ),
            Mistake(
                lambda T, B, D, H, d, itemsize: kept(T, B, D, H, d, 8 * itemsize),
                "these are bits; a byte has eight of them.",
            ),
        ],
        [
            "two terms: the rows of Z times its columns, and the arrays of the caches, each of H rows.",
            "Z is (D+1+H, (T+d)*B). Of the five arrays in a block's cache one lies in Z.",
            "itemsize * ((D + 1 + H) * (T + d) * B + 4 * H * T * B)",
        ],
    ),
    "13.3": Exercise(
        solutions.segment_size,
        sequence,
        ["the size"],
        [
            Mistake(
                changed(fitting, needs=lambda size, k, step, state: size * step),
                "the states are missing: the one before each segment is kept as well.",
            ),
            Mistake(
                changed(fitting, needs=lambda size, k, step, state: size * step + state),
                "one state is counted; there are k, one before each segment.",
            ),
            Mistake(
                changed(fitting, needs=both, size=lambda T, k: k),
                "that is the number of segments; the size is wanted, ceil(T / k) steps.",
            ),
            Mistake(
                changed(fitting, needs=both, size=lambda T, k: T // k),
                "rounded down: k segments of T // k steps do not cover the sequence. Round up: -(-T // k).",
            ),
            Mistake(
                changed(fitting, needs=both, size=lambda T, k: T / k),
                "that is not a whole number: a segment has ceil(T / k) steps.",
            ),
            Mistake(
                changed(fitting, needs=both, last=True),
                "these are the shortest segments that fit; the longest are wanted: the smallest k.",
            ),
            Mistake(
                lambda T, step, state, budget: (
                    -(-T // min(range(1, T + 1), key=lambda k: both(-(-T // k), k, step, state)))
                ),
                "these segments need the least memory; wanted are the longest ones that still fit.",
            ),
            Mistake(
                lambda T, step, state, budget: budget // step,
                "that many steps would fit if there were no states; and the segments must be as equal as can be, ceil(T / k).",
            ),
        ],
        [
            "try k = 1, 2, 3, … and stop at the first one that fits.",
            "-(-T // k) is T / k rounded up, in whole numbers.",
            "for k in range(1, T + 1): size = -(-T // k); if size * step + k * state <= budget: return size",
        ],
        trials=10,
    ),
    "13.4": Exercise(
        solutions.in_segments,
        recurrence,
        ["dx", "dh0", "dW"],
        [
            Mistake(
                changed(segmented, hand_on=False),
                "that is truncated backpropagation: hand the gradient of the state before a segment to the segment before it, as dh_after.",
            ),
            Mistake(
                changed(segmented, order=list),
                "the segments go back from the first to the last; the gradient of the state comes from later steps, so the last is first.",
            ),
            Mistake(
                changed(segmented, start="after"),
                "each segment runs again from the state after it; it must start from the state before it.",
            ),
            Mistake(
                changed(segmented, start="h0"),
                "every segment starts from h0; only the first one does, the others start where the one before has ended.",
            ),
            Mistake(changed(segmented, start="zeros"), "the sequence starts from zeros; it must start from h0."),
            Mistake(
                changed(segmented, add=False),
                "dx and dh0 are right; dW is that of one segment: all segments share W, so add them up.",
            ),
            Mistake(
                changed(segmented, turn=True),
                "dh0 and dW are right; the pieces of dx come in the order in which they were made, the last segment first. Turn them round.",
            ),
            Mistake(
                changed(segmented, last=True),
                "dx and dW are right; dh0 is the gradient of the state before the last segment, wanted is that before the first.",
            ),
        ],
        [
            "two loops: one forward over the segments, which keeps the state before each; one backward over them, last first.",
            "in the second loop: forward once more from the kept state, then backward with the dh_after that the later segment returned.",
            "start with dh_after = np.zeros_like(h0); in each turn: dx, dh_after, dW_here = backward(dh[segment], cache, dh_after).",
            "at the end: np.concatenate of the dx in the order of time, the last dh_after, and the sum of all dW_here.",
        ],
    ),
    "13.5": Exercise(
        solutions.launch_budget,
        launching,
        ["launches", "the most seconds a launch"],
        [
            Mistake(
                changed(launched, blocks=lambda T, d: T // d),
                "rounded down: where d does not divide T, the last block is narrower, but launched all the same. Round up: -(-T // d).",
            ),
            Mistake(
                changed(launched, blocks=lambda T, d: T / d),
                "there are no fractions of a block: a layer walks ceil(T / d) of them.",
            ),
            Mistake(
                changed(launched, blocks=lambda T, d: T),
                "every layer walks T blocks here, as if there were no fold; d time steps are one block.",
            ),
            Mistake(
                changed(launched, each=lambda there, back: there),
                "the backward pass is missing: it goes through all blocks once more, with its own kernels.",
            ),
            Mistake(
                changed(launched, more=lambda once, layers: 0),
                "what is launched once a layer, whatever its length, is missing.",
            ),
            Mistake(
                changed(launched, more=lambda once, layers: once),
                "once is launched in each layer; here it is counted for the whole net.",
            ),
            Mistake(
                lambda T, dilations, there, back, once, limit: launched(T, dilations, there + once, back, 0, limit),
                "once is launched once a layer, not once a block.",
            ),
            Mistake(
                changed(launched, per=lambda limit, launches: launches / limit),
                "launches right; launches / limit is how many of them there must be a second. The seconds of one are limit / launches.",
            ),
            Mistake(
                changed(launched, per=lambda limit, launches: 1e6 * limit / launches),
                "launches right; these are microseconds, seconds are wanted.",
            ),
        ],
        [
            "count the blocks of each layer first: ceil(T / d).",
            "a layer launches blocks * (there + back) + once kernels; add up the layers.",
            "launches = sum(-(-T // d) * (there + back) + once for d in dilations); the second result is limit / launches.",
        ],
    ),
    "13.6": Exercise(
        solutions.on_chip,
        chip,
        ["h"],
        [
            Mistake(
                changed(walked, start="last"),
                "the second group goes on from where the first one has ended; each group of rows starts from its own rows of h0, so load them.",
            ),
            Mistake(changed(walked, start="zeros"), "the rows start from zeros; load their states h0."),
            Mistake(
                changed(walked, start="first"),
                "every group starts from the first rows of h0; load the rows that the group has in a.",
            ),
            Mistake(
                changed(walked, rest=False),
                "the last rows are missing: R does not divide n, and the last group is smaller.",
            ),
            Mistake(
                changed(walked, order=lambda steps: reversed(list(steps))),
                "time runs backwards; the state before step t is that after step t - 1.",
            ),
            Mistake(
                changed(walked, before=True),
                "these are the states before each step; h[t] is the one after it, which chip.step returns.",
            ),
            Mistake(
                changed(walked, held=False),
                "every step starts from h0 again; the state has to stay on the chip from step to step.",
            ),
        ],
        [
            "two loops: the outer one over groups of rows, the inner one over time.",
            "load a group's rows of h0 before its inner loop, and nowhere else.",
            "for first in range(0, len(h0), R): rows = slice(first, first + R); a slice that reaches past the end just ends there.",
            "chip.load(h0[rows]); for t in range(len(a)): h[t, rows] = chip.step(a[t, rows])",
        ],
    ),
}
