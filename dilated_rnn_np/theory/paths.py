"""How long the paths are that information takes through a recurrent architecture.

The recurrent length ``d_i(n)`` is the number of edges on the shortest path from the input at time i to the output at time
i + n, upward edges counted; the mean recurrent length over a cycle m is ``(1/m) sum_{n=1..m} max_i d_i(n)`` (Chang et al.
2017, definition 3.1; Zhang et al. 2016). Integers and arrays alone: nothing here draws.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..arrays.checks import positive_integer
from .graphs import (
    INPUT,
    Edge,
    Graph,
    Place,
    clockwork,
    dilated_cnn,
    dilated_stack,
    hierarchical_stack,
    plain_stack,
    skip_stack,
)

# ---------------------------------------------------------------------- paths


LONGEST = 20_000_000  # spans that are listed at once


def shortest_path(graph: Graph, start: int, end: int) -> list[Place] | None:
    """Return a shortest path from the input at time ``start`` to the output at time ``end``, or None where there is none.

    Returns
    -------
    path : places (node, time), the input first; its recurrent length is ``len(path) - 1``.
    """
    start, end = positive_integer("start", start, least=0), positive_integer("end", end, least=0)
    if end < start:
        raise ValueError(f"end must not lie before start, got {start} and {end}: edges never travel back in time")
    wanted = set(graph.read_at(end))
    before: dict[Place, Place | None] = {(INPUT, start): None}
    queue = deque([(INPUT, start)])
    while queue:
        place: Place | None = queue.popleft()
        if place in wanted:
            path = []
            while place is not None:
                path.append(place)
                place = before[place]
            return path[::-1]
        node, time = place  # type: ignore[misc]
        for edge in graph.leaving.get((node, time % graph.period), ()):
            reached = (edge.target, time + edge.steps)
            if reached[1] <= end and reached not in before:
                before[reached] = place
                queue.append(reached)
    return None


def recurrent_lengths(graph: Graph, limit: int, start: int | None = None) -> np.ndarray:
    """Return ``d_i(n)`` for all spans n = 0 … limit; infinity where no path is.

    Parameters
    ----------
    graph : any. limit : the longest span. start : the time i; None takes the largest over all i.

    Returns
    -------
    lengths : (limit + 1,) float64.
    """
    limit = _checked_limit(limit)
    start = None if start is None else positive_integer("start", start, least=0)
    if graph.period == 1 and _only_loops_are_self_loops(graph):
        return layer_lengths(graph, limit)[graph.nodes[-1]]
    starts = range(graph.period) if start is None else [start]
    return np.max([_searched(graph, i, limit) for i in starts], axis=0)


def layer_lengths(graph: Graph, limit: int) -> dict[str, np.ndarray]:
    """Return for each node the shortest path from the input at time 0, for all spans 0 … limit; the fast special case.

    A node's own loops commute, so each is closed by itself: over the folded spans, the best of all numbers of hops is a
    running minimum.

    Raises
    ------
    ValueError : where steps are not alike or a cycle leads through several nodes; ``recurrent_lengths`` searches there.
    """
    if not is_stack(graph):
        raise ValueError(f"{graph.label} is no stack: its steps differ or a cycle leads through several nodes")
    limit = _checked_limit(limit)
    lengths = {node: np.full(limit + 1, np.inf) for node in graph.nodes}
    lengths[INPUT] = np.where(np.arange(limit + 1) == 0, 0.0, np.inf)
    for node in _feeding_order(graph):
        here = lengths[node]
        for edge in (e for e in graph.edges if e.target == node and e.source != node and e.steps <= limit):
            here[edge.steps :] = np.minimum(here[edge.steps :], lengths[edge.source][: limit + 1 - edge.steps] + 1)
        for edge in (e for e in graph.edges if e.target == node == e.source and e.steps <= limit):
            here[:] = with_hops(here, edge.steps)
    del lengths[INPUT]
    return lengths


def _checked_limit(limit: int) -> int:
    if positive_integer("limit", limit, least=0) > LONGEST:
        raise ValueError(
            f"spans up to {limit:,} are too many to list, at most {LONGEST:,}; give a smaller limit or cycle"
        )
    return limit


def with_hops(lengths: np.ndarray, d: int) -> np.ndarray:
    """Return min over k >= 0 of ``lengths[n - k d] + k``, for all n at once."""
    rows = -(-len(lengths) // d)
    padded = np.full(rows * d, np.inf)
    padded[: len(lengths)] = lengths
    folded = padded.reshape(rows, d)  # (spans / d, d): a hop leads one row down
    hops = np.arange(rows)[:, None]
    return (np.minimum.accumulate(folded - hops, axis=0) + hops).reshape(-1)[: len(lengths)]


def _searched(graph: Graph, start: int, limit: int) -> np.ndarray:
    """Return ``d_start(n)`` for n = 0 … limit by breadth-first search over the unrolled graph."""
    distance: dict[Place, int] = {(INPUT, start): 0}
    queue = deque([(INPUT, start)])
    while queue:
        node, time = queue.popleft()
        for edge in graph.leaving.get((node, time % graph.period), ()):
            reached = (edge.target, time + edge.steps)
            if reached[1] <= start + limit and reached not in distance:
                distance[reached] = distance[node, time] + 1
                queue.append(reached)
    return np.array(
        [min((distance.get(p, math.inf) for p in graph.read_at(start + n)), default=math.inf) for n in range(limit + 1)]
    )


def _feeding_order(graph: Graph) -> list[str]:
    """Return the nodes so that all edges but loops lead from an earlier to a later one; shorter where a cycle forbids it."""
    ordered: list[str] = []
    sources = {node: {e.source for e in graph.edges if e.target == node} - {INPUT, node} for node in graph.nodes}
    while free := [node for node in graph.nodes if node not in ordered and sources[node] <= set(ordered)]:
        ordered += free
    return ordered


def is_stack(graph: Graph) -> bool:
    """Return whether all steps are alike and no cycle leads through several nodes, as ``layer_lengths`` needs it."""
    return graph.period == 1 and _only_loops_are_self_loops(graph)


def _only_loops_are_self_loops(graph: Graph) -> bool:
    return graph.outputs is None and len(_feeding_order(graph)) == len(graph.nodes)


# ---------------------------------------------------------------------- measures


def mean_recurrent_length(graph: Graph, cycle: int) -> float:
    """Return ``(1/m) sum_{n=1..m} max_i d_i(n)`` over a cycle m; infinity where a span is not reached.

    >>> round(mean_recurrent_length(dilated_stack([2**l for l in range(9)]), 256), 4)
    13.0039
    """
    cycle = positive_integer("cycle", cycle)
    if cycle % graph.period:
        raise ValueError(f"cycle must be a multiple of the graph's period {graph.period}, got {cycle}")
    return float(recurrent_lengths(graph, cycle)[1:].mean())


def recurrent_edges_per_node(graph: Graph) -> float:
    """Return the number of edges that travel time over the number of nodes of the cyclic graph.

    Inputs, read-out and fusion layer are no nodes, and edges into the fusion layer are not counted. In a graph of period m a
    node counts once for each of the m time indices at which it is computed.

    >>> recurrent_edges_per_node(dilated_stack([1, 2, 4])), recurrent_edges_per_node(skip_stack(3, 4))
    (1.0, 2.0)
    """
    edges = [e for e in graph.edges if e.steps > 0 and e.target != graph.fusion]
    places = {(e.target, (e.phase + e.steps) % graph.period) for e in graph.edges if e.target != graph.fusion}
    return len(edges) / len(places) if places else 0.0


def receptive_field(graph: Graph) -> float:
    """Return how many inputs, its own included, an output can depend on; infinity where a cycle carries them on and on.

    Notes
    -----
    For a graph without cycle it is one more than the longest span; holes in between are not looked for.
    """
    p = graph.period
    onward = {
        (node, t): [((e.target, (t + e.steps) % p), e.steps) for e in graph.leaving.get((node, t), ())]
        for node in (INPUT, *graph.nodes)
        for t in range(p)
    }
    if graph.outputs is None:
        read = {(graph.nodes[-1], t): 0 for t in range(p)}
    else:
        read = {}
        for node, phase, back in graph.outputs:
            place = (node, (phase - back) % p)
            read[place] = max(back, read.get(place, 0))
    between = _reached(onward, {(INPUT, t) for t in range(p)})
    backward: dict[Place, list[tuple[Place, int]]] = {place: [] for place in onward}
    for place, edges in onward.items():
        for target, steps in edges:
            backward[target].append((place, steps))
    between &= _reached(backward, set(read))
    waiting = {place: sum(source in between for source, _ in backward[place]) for place in between}
    longest = dict.fromkeys(between, 0)
    free = [place for place, count in waiting.items() if count == 0]
    for place in free:  # grows while it is gone through: each place comes after all that lead to it
        for target, steps in onward[place]:
            if target in between:
                longest[target] = max(longest[target], longest[place] + steps)
                waiting[target] -= 1
                if waiting[target] == 0:
                    free.append(target)
    if len(free) < len(between):
        return math.inf
    return max((longest[place] + back + 1 for place, back in read.items() if place in between), default=0)


def _reached(edges: dict[Place, list[tuple[Place, int]]], starts: set[Place]) -> set[Place]:
    """Return all places that edges lead to from some starts, the starts included."""
    reached, queue = set(starts), list(starts)
    while queue:
        new = {target for target, _ in edges[queue.pop()]} - reached
        reached |= new
        queue += new
    return reached


def num_parameters(graph: Graph, input_size: int, hidden_size: int, gates: int = 1) -> int:
    """Return the number of parameters of the recurrent part: a matrix an edge, a bias a node, times the gates of the cell.

    >>> from dilated_rnn_np import DilatedRNN
    >>> num_parameters(dilated_stack([1, 2, 4]), 3, 10, gates=4) == DilatedRNN(3, 10, [1, 2, 4], "lstm").num_parameters
    True
    """
    D, H = positive_integer("input_size", input_size), positive_integer("hidden_size", hidden_size)
    matrices = sum(
        H * (D if source == INPUT else H) for source, _, target, _ in _weights(graph) if target != graph.fusion
    )
    return positive_integer("gates", gates) * (matrices + H * _num_nodes(graph))


def parameters_per_recurrent_edge(graph: Graph, input_size: int, hidden_size: int, gates: int = 1) -> float:
    """Return the parameters over the recurrent weights: what one way through time costs; infinity where there is none."""
    ways = sum(1 for _, steps, target, _ in _weights(graph, recurrent=True) if target != graph.fusion)
    return num_parameters(graph, input_size, hidden_size, gates) / ways if ways else math.inf


def _num_nodes(graph: Graph) -> int:
    return len(graph.nodes) - (graph.fusion is not None)


def _weights(graph: Graph, recurrent: bool = False) -> set[tuple[str, Any, str, str | None]]:
    """Return the distinct weights of the edges, or of those that travel time."""
    edges = [e for e in graph.edges if e.steps > 0 or not recurrent]
    return {(e.source, e.steps if e.weights is None else None, e.target, e.weights) for e in edges}


# ---------------------------------------------------------------------- closed forms


def closed_form_dilated(base: int, num_layers: int) -> float:
    """Return the mean recurrent length of dilations 1, M, … M^(L-1) over m = M^(L-1): ``L + (M-1)/2 log_M m + 1/m``.

    >>> round(closed_form_dilated(2, 9), 4)
    13.0039
    """
    base, num_layers = positive_integer("base", base), positive_integer("num_layers", num_layers)
    m = base ** (num_layers - 1)
    return num_layers + (base - 1) / 2 * (num_layers - 1) + 1 / m


def closed_form_skip(num_layers: int, cycle: int) -> float:
    """Return the mean recurrent length of unit edges beside skips of length m, over m: ``L + (m-1)/2 + 1/m``.

    >>> round(closed_form_skip(9, 256), 4)
    136.5039
    """
    num_layers, cycle = positive_integer("num_layers", num_layers), positive_integer("cycle", cycle)
    return num_layers + (cycle - 1) / 2 + 1 / cycle


def closed_form_plain(num_layers: int, cycle: int) -> float:
    """Return the mean recurrent length of a plain stack over m: ``L + (m+1)/2``.

    >>> closed_form_plain(9, 256)
    137.5
    """
    return positive_integer("num_layers", num_layers) + (positive_integer("cycle", cycle) + 1) / 2


def reachable_spans(graph: Graph, limit: int) -> np.ndarray:
    """Return the spans n = 0 … limit for which there is a path, whatever the start.

    >>> reachable_spans(dilated_stack([4, 6], fusion=False), 12).tolist()
    [0, 4, 6, 8, 10, 12]
    """
    return np.flatnonzero(np.isfinite(recurrent_lengths(graph, limit)))


def table(graphs: Iterable[Graph], cycle: int, input_size: int, hidden_size: int) -> list[dict[str, Any]]:
    """Return one row of measures a graph, for printing: label, mean and longest recurrent length and so on."""
    rows, cycle = [], positive_integer("cycle", cycle)
    for graph in graphs:
        mean = mean_recurrent_length(graph, cycle)
        rows.append(
            {
                "architecture": graph.label,
                "mean length": mean,
                "longest": float(recurrent_lengths(graph, cycle)[1:].max()),
                "edges per node": recurrent_edges_per_node(graph),
                "parameters": num_parameters(graph, input_size, hidden_size),
                "per edge": parameters_per_recurrent_edge(graph, input_size, hidden_size),
                "receptive field": receptive_field(graph),
            }
        )
    return rows


__all__ = [
    "Edge",
    "Graph",
    "clockwork",
    "closed_form_dilated",
    "closed_form_plain",
    "closed_form_skip",
    "dilated_cnn",
    "dilated_stack",
    "hierarchical_stack",
    "layer_lengths",
    "mean_recurrent_length",
    "num_parameters",
    "parameters_per_recurrent_edge",
    "plain_stack",
    "reachable_spans",
    "receptive_field",
    "recurrent_edges_per_node",
    "recurrent_lengths",
    "shortest_path",
    "skip_stack",
    "table",
    "with_hops",
]
