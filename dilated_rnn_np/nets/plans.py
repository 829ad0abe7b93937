"""The plans for long sequences. All plans call the same inner pass, ``Stack.forward`` and ``Stack.backward``.

The ordinary plan, the whole sequence at once, is one call of that pass and needs no code here. In chunks without gradients
only the state is kept, so memory does not grow with the sequence. In segments, exact gradients fit into a budget: the forward
pass keeps only the state before each segment, and the backward pass, last segment first, runs each segment forward again before
it goes back through it. That takes a third to a half more time (Chen et al. 2016, "Training deep nets with sublinear memory
cost"; Gruslys et al. 2016, "Memory-efficient backpropagation through time").
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ..arrays.backend import Array, array_module
from .layer import Params
from .stack import Cache, PassCache, Stack, State

CHUNK = 256  # steps of a chunk, unless the longest dilation is more than half of it


@dataclass
class Segment:
    """A stretch of a sequence, with all inputs for running it again."""

    x: Array  # (S, B, D)
    lengths: Array | None  # (B,), of the rows within the stretch
    state: State  # before the segment
    rng: np.random.Generator | None  # of dropout, as it was before the segment


@dataclass(eq=False, repr=False)
class SegmentedCache(PassCache):
    """The data of a sequence in segments for ``backward``: the segments, and copies of the parameters."""

    stack: Stack
    params: Params
    dropout: float
    segments: list[Segment] = field(default_factory=list)


def segments(
    stack: Stack,
    params: Params,
    x: Array,
    state: State,
    lengths: Array | None,
    dropout: float,
    rng: np.random.Generator | None,
    size: int,
) -> tuple[Array, State, SegmentedCache]:
    """Run x (T, B, D) in segments of ``size`` steps, and keep the state before each one."""
    cache = SegmentedCache(x.shape, x.dtype, stack, {name: p.copy() for name, p in params.items()}, dropout)
    outputs, state = [], [tuple(a.copy() for a in entry) for entry in state]
    for part, part_lengths in in_chunks(x, lengths, size):
        cache.segments.append(Segment(part.copy(), part_lengths, state, copy.deepcopy(rng)))
        output, state, _ = stack.forward(params, part, state, part_lengths, False, dropout, rng)
        outputs.append(output)
    return joined(stack, outputs), state, cache


def segments_backward(
    doutput: Array, cache: SegmentedCache, dstate: State, output_grads: list[Array] | None = None
) -> tuple[Array, State, Params]:
    """Mirror ``segments``: from the last segment to the first, each one forward again and then back."""
    xp, stack, grads = array_module(doutput), cache.stack, dict[str, Array]()
    dxs: list[Array] = []
    reached: list[list[Array]] = []
    here: Cache | None = None
    stop = cache.x_shape[0]
    for segment in reversed(cache.segments):
        reuse = here.layers if here and here.x_shape == segment.x.shape else None
        here = None  # frees the buffers that cannot be reused, before new ones are allocated
        arguments = segment.x, segment.state, segment.lengths, True, cache.dropout, copy.deepcopy(segment.rng), reuse
        output, here = stack.forward(cache.params, *arguments)[::2]
        del arguments, reuse
        if not stack.reads_last:
            dhere = doutput[stop - len(segment.x) : stop]
        else:
            dhere = doutput if segment is cache.segments[-1] else xp.zeros_like(output)
        reached.insert(0, [])
        dx, dstate, new = stack.backward(dhere, here, dstate, None if output_grads is None else reached[0])
        for name, g in new.items():
            grads[name] = g if name not in grads else grads[name] + g
        dxs.insert(0, dx)
        stop -= len(segment.x)
    if output_grads is not None:
        output_grads += [xp.concatenate(layer) for layer in zip(*reached, strict=True)]  # (T, B, H) each
    return xp.concatenate(dxs), dstate, grads


def chunks(
    stack: Stack, params: Params, parts: Iterator[tuple[Array, Array | None]], state: State
) -> tuple[Array, State]:
    """Run the chunks ``(x, lengths)`` of a sequence one after the other; keep only the state and the outputs."""
    outputs: list[Array] = []
    for x, lengths in parts:
        output, state, _ = stack.forward(params, x, state, lengths, False)
        if stack.reads_last:
            outputs.clear()
        outputs.append(output)
    return joined(stack, outputs), state


def in_chunks(x: Array, lengths: Array | None, size: int) -> Iterator[tuple[Array, Array | None]]:
    """Yield the sequence (T, B, D) in chunks of ``size`` steps, with each row's length within the chunk.

    >>> [(x.shape, lengths.tolist()) for x, lengths in in_chunks(np.zeros((5, 2, 1)), np.array([2, 5]), 3)]
    [((3, 2, 1), [2, 3]), ((2, 2, 1), [0, 2])]
    """
    for start in range(0, len(x), size):
        chunk = x[start : start + size]
        yield chunk, None if lengths is None else (lengths - start).clip(0, len(chunk))


def joined(stack: Stack, outputs: list[Array]) -> Array:
    """Return the output of a sequence from those of its parts: the last one, or all of them over time."""
    if stack.reads_last or len(outputs) == 1:
        return outputs[-1]
    return array_module(outputs[0]).concatenate(outputs)  # (T, B, O)
