"""Long sequences, segment by segment: the state is all that one segment hands to the next.

Without gradients nothing else has to be kept, so memory does not grow with the sequence. Exact gradients need every step's
cache: the forward pass keeps the state before each segment alone, and the backward pass, last segment first, runs each
one forward once more before it goes back through it. That costs a third to a half more time, and memory stays within a
budget (Chen et al. 2016, "Training deep nets with sublinear memory cost"; Gruslys et al. 2016, "Memory-efficient
backpropagation through time").
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import inputs
from ..arrays.backend import Array
from ..arrays.checks import positive_integer
from .cache import Cache, signature

if TYPE_CHECKING:
    from .network import Network, State

BYTES_OF_AN_ARRAY = 250  # beside its numbers
CHUNK = 256  # steps run at once where nothing is kept, if no dilation asks for more


@dataclass
class Segment:
    """A stretch of a sequence, and what is needed to run it once more."""

    x: Array  # (S, B, D)
    lengths: Array | None  # (B,), of the rows within the stretch
    state: Any  # before it
    rng: np.random.Generator | None  # dropout's, as it was before it


@dataclass(eq=False, repr=False)
class SegmentedCache:
    """What ``DilatedRNN.backward`` needs of a sequence in segments: among it a copy of the model as it was."""

    model: str
    signature: tuple[Any, ...]
    twin: Any
    dtype: np.dtype
    segments: list[Segment] = field(default_factory=list)
    output_shape: tuple[int, ...] = ()
    released: bool = False

    def release(self) -> None:
        """Give everything back; backward can no longer be called on this cache."""
        self.segments, self.twin, self.released = [], None, True


AnyCache = Cache | SegmentedCache


def forward(
    model: Network, x: Array, state: State | None, lengths: Array | None, rng: Any, size: int
) -> tuple[Array, State, SegmentedCache]:
    """Run ``x`` (T, B, D) in segments of ``size`` steps, and keep of each the state before it."""
    dtype = inputs.working_dtype(model.dtype, [x, *(array for entry in state or [] for array in entry)])
    cache, outputs = SegmentedCache(repr(model), signature(model), model.to(model.xp), dtype), []
    state = None if state is None else [tuple(array.copy() for array in entry) for entry in state]
    for chunk, chunk_lengths in in_chunks(x, lengths, size):
        cache.segments.append(Segment(chunk.copy(), chunk_lengths, state, copy.deepcopy(rng)))
        output, state, _ = model.forward(chunk, state, chunk_lengths, keep=False, rng=rng)
        outputs.append(output)
    output = outputs[-1] if model.reads_last else model.xp.concatenate(outputs)  # (T, B, O)
    cache.output_shape = output.shape
    assert state is not None
    return output, state, cache


def backward(
    doutput: Array, cache: SegmentedCache, dstate: State | None, flow: list[Array] | None
) -> tuple[Array, State, dict[str, Array]]:
    """Mirror ``forward``: from the last segment to the first, each one forward again and then back."""
    model: Network = cache.twin
    xp, grads = model.xp, dict[str, Array]()
    dxs: list[Array] = []
    flows: list[Any] = []
    stop = sum(len(segment.x) for segment in cache.segments)
    for segment in reversed(cache.segments):
        rng = copy.deepcopy(segment.rng)
        output, _, here = model.forward(segment.x, segment.state, segment.lengths, rng=rng)
        assert here is not None
        if not model.reads_last:
            dhere = doutput[stop - len(segment.x) : stop]
        else:
            dhere = doutput if segment is cache.segments[-1] else xp.zeros_like(output)
        reached: list[Array] | None = None if flow is None else []
        dx, dstate, new = model.backward(dhere, here, dstate, reached)
        grads = {name: grads[name] + g if grads else g for name, g in new.items()}
        dxs.insert(0, dx)
        flows.insert(0, reached)
        here.release()
        stop -= len(segment.x)
    if flow is not None:
        flow += [xp.concatenate(layer) for layer in zip(*flows, strict=True)]  # (T, B, H) each
    assert dstate is not None
    return xp.concatenate(dxs), dstate, grads


def forward_only(
    model: Network, chunks: Iterator[tuple[Any, Array | None]], state: State | None
) -> tuple[Array, State]:
    """Run the chunks ``(x, lengths)`` of a sequence one after the other, and keep the state and the outputs alone."""
    outputs: list[Array] = []
    for x, lengths in chunks:
        output, state, _ = model.forward(x, state, lengths, keep=False)
        if model.reads_last:
            outputs.clear()
        outputs.append(output)
    if not outputs or state is None:
        raise ValueError("x must yield at least one chunk of the sequence, (T, B, D), got none")
    return outputs[0] if len(outputs) == 1 else model.xp.concatenate(outputs), state


def in_chunks(x: Array, lengths: Array | None, size: int) -> Iterator[tuple[Array, Array | None]]:
    """Yield the sequence (T, B, D) in chunks of ``size`` steps, with each row's length within the chunk.

    >>> [(x.shape, lengths.tolist()) for x, lengths in in_chunks(np.zeros((5, 2, 1)), np.array([2, 5]), 3)]
    [((3, 2, 1), [2, 3]), ((2, 2, 1), [0, 2])]
    """
    for start in range(0, len(x), size):
        chunk = x[start : start + size]
        yield chunk, None if lengths is None else (lengths - start).clip(0, len(chunk))


def size_within(model: Network, T: int, B: int, itemsize: int, budget: int) -> int:
    """Return the longest segment, in steps, with which one segment's caches and all kept states fit into a budget.

    Counted are, for each layer and step, the buffer's D + 1 + H numbers, an array of H for each product, state and thing in
    passing, and what Python itself needs for an array; and all states of each segment. The sequence itself is not counted.

    Raises
    ------
    ValueError : where no length fits; names the smallest budget that does.
    """
    embedding = model.params.get("embedding.W")  # (E, D): its output, and a copy of its input
    step = 0.0 if embedding is None else float(B * itemsize * sum(embedding.shape))
    for layer in model.layers:
        numbers, arrays = layer.kept()
        numbers += layer.hidden_size * (model.dropout > 0)
        step += B * itemsize * numbers + arrays * BYTES_OF_AN_ARRAY
    state = itemsize * sum(math.prod(shape) for layer in model.layers for shape in layer.state_shapes(B))
    budget, least = positive_integer("budget", budget), T * step + state
    for count in range(1, T + 1):
        size = -(-T // count)
        needed = size * step + count * state
        if needed <= budget:
            return size
        if needed > 2 * least:  # more segments only mean more states from here on
            break
        least = min(least, needed)
    raise ValueError(
        f"budget must be at least {math.ceil(least):,} bytes for {T} steps of {B} rows in this model, got {budget:,}; "
        "take a smaller batch or a larger budget"
    )
