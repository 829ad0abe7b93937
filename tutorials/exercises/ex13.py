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
                "the first layer reads D numbers a step, not H.",
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
                "one array of H too few: a_nh is kept too, since r reaches its gradient through it.",
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
}
