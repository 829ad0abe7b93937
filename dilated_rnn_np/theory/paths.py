"""Shortest paths through a recurrent architecture, and the mean recurrent length that summarises them.

The recurrent length ``d_i(n)`` is the number of edges on the shortest path from the input at time i to the output at time
i + n, upward edges counted; it is infinite where there is no path. The mean recurrent length over a cycle m is
``(1/m) sum_{n=1..m} max_i d_i(n)`` (Chang et al. 2017, definition 3.1; Zhang et al. 2016). With L layers and m = M^(L-1):

- dilations 1, M, …, M^(L-1): ``L + (M-1)/2 log_M m + 1/m``
- regular skips of length m beside the unit edges: ``L + (m-1)/2 + 1/m``
- a plain stack: ``L + (m+1)/2``

The names of ``graphs`` and ``measures`` are offered here too, as ``drn.paths``.
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
    topological_order,
)
from .measures import num_parameters, parameters_per_recurrent_edge, receptive_field, recurrent_edges_per_node

MAX_SPANS = 20_000_000  # an array of so many float64 takes 160 MB

# ---------------------------------------------------------------------- definitions


def shortest_path(graph: Graph, start: int, end: int) -> list[Place] | None:
    """Return a shortest path from the input at time ``start`` to the output at time ``end``, or None if there is none.

    The path is a list of places (node, time), the input first; its recurrent length is ``len(path) - 1``.

    >>> shortest_path(dilated_stack([1, 4]), 0, 5)
    [('input', 0), ('layer 1', 0), ('layer 1', 1), ('layer 2', 1), ('layer 2', 5)]
    """
    start, end = positive_integer("start", start, least=0), positive_integer("end", end, least=0)
    if end < start:
        raise ValueError(f"end must not lie before start, got {start} and {end}: edges never travel back in time")
    previous = _breadth_first(graph, start, end)
    outputs = set(graph.read_at(end))
    place = next((place for place in previous if place in outputs), None)  # the nearest one comes first
    path = []
    while place is not None:
        path.append(place)
        place = previous[place]
    return path[::-1] or None


def recurrent_lengths(graph: Graph, limit: int, start: int | None = None) -> np.ndarray:
    """Return ``d_i(n)`` for the spans n = 0 … limit, (limit + 1,) float64; infinity where there is no path.

    ``start`` is the time i; None takes the maximum over all i.

    >>> recurrent_lengths(dilated_stack([1, 4]), 5).tolist()
    [2.0, 3.0, 4.0, 5.0, 3.0, 4.0]
    """
    limit = _checked_limit(limit)
    start = None if start is None else positive_integer("start", start, least=0)
    if is_stack(graph):
        return layer_lengths(graph, limit)[graph.nodes[-1]]
    starts = range(graph.period) if start is None else [start]
    return np.max([_searched_lengths(graph, i, limit) for i in starts], axis=0)


def mean_recurrent_length(graph: Graph, cycle: int) -> float:
    """Return ``(1/m) sum_{n=1..m} max_i d_i(n)`` over a cycle m; infinity if one of the spans has no path.

    >>> round(mean_recurrent_length(dilated_stack([2**l for l in range(9)]), 256), 4)
    13.0039
    """
    cycle = positive_integer("cycle", cycle)
    if cycle % graph.period:
        raise ValueError(f"cycle must be a multiple of the graph's period {graph.period}, got {cycle}")
    return float(recurrent_lengths(graph, cycle)[1:].mean())


def reachable_spans(graph: Graph, limit: int) -> np.ndarray:
    """Return the spans n = 0 … limit that have a path, whatever the start.

    >>> reachable_spans(dilated_stack([4, 6], fusion=False), 12).tolist()
    [0, 4, 6, 8, 10, 12]
    """
    return np.flatnonzero(np.isfinite(recurrent_lengths(graph, limit)))


# ---------------------------------------------------------------------- closed forms of the mean recurrent length


def closed_form_dilated(base: int, num_layers: int) -> float:
    """Return the mean of dilations 1, M, … M^(L-1) over the cycle m = M^(L-1): ``L + (M-1)/2 log_M m + 1/m``.

    >>> round(closed_form_dilated(2, 9), 4)
    13.0039
    """
    base, num_layers = positive_integer("base", base), positive_integer("num_layers", num_layers)
    m = base ** (num_layers - 1)
    return num_layers + (base - 1) / 2 * (num_layers - 1) + 1 / m


def closed_form_skip(num_layers: int, cycle: int) -> float:
    """Return the mean of unit edges beside skips of length m, over the cycle m: ``L + (m-1)/2 + 1/m``.

    >>> round(closed_form_skip(9, 256), 4)
    136.5039
    """
    num_layers, cycle = positive_integer("num_layers", num_layers), positive_integer("cycle", cycle)
    return num_layers + (cycle - 1) / 2 + 1 / cycle


def closed_form_plain(num_layers: int, cycle: int) -> float:
    """Return the mean of a plain stack over the cycle m: ``L + (m+1)/2``.

    >>> closed_form_plain(9, 256)
    137.5
    """
    return positive_integer("num_layers", num_layers) + (positive_integer("cycle", cycle) + 1) / 2


# ---------------------------------------------------------------------- all spans at once


def is_stack(graph: Graph) -> bool:
    """Return whether ``layer_lengths`` applies: all steps are alike, and only edges from a node to itself form cycles."""
    return _stack_order(graph) is not None


def layer_lengths(graph: Graph, limit: int) -> dict[str, np.ndarray]:
    """Return the shortest path from the input at time 0 to each node of a stack, for the spans 0 … limit: (limit + 1,) each.

    Nodes are handled in feeding order. A node's own loops can be taken in any order, so each loop is applied separately. A
    graph that is not a stack raises a ValueError; ``recurrent_lengths`` accepts any graph.

    >>> {node: lengths.tolist() for node, lengths in layer_lengths(dilated_stack([1, 2]), 2).items()}
    {'layer 1': [1.0, 2.0, 3.0], 'layer 2': [2.0, 3.0, 3.0]}
    """
    order = _stack_order(graph)
    if order is None:
        reasons = "its steps differ, it reads several nodes, or a cycle leads through several nodes"
        raise ValueError(f"{graph.label} is not a stack: {reasons}")
    limit = _checked_limit(limit)
    lengths = {node: np.full(limit + 1, np.inf) for node in graph.nodes}
    lengths[INPUT] = np.where(np.arange(limit + 1) == 0, 0.0, np.inf)
    for node in order:
        here = lengths[node]
        entering = [e for e in graph.edges if e.target == node and e.steps <= limit]
        for edge in (e for e in entering if e.source != node):
            here[edge.steps :] = np.minimum(here[edge.steps :], lengths[edge.source][: limit + 1 - edge.steps] + 1)
        for edge in (e for e in entering if e.source == node):
            here[:] = with_hops(here, edge.steps)
    del lengths[INPUT]
    return lengths


def with_hops(lengths: np.ndarray, d: int) -> np.ndarray:
    """Return min over k >= 0 of ``lengths[n - k d] + k`` for all n: any number of hops of d steps may be added.

    >>> with_hops(np.array([0.0, np.inf, np.inf, np.inf, np.inf]), 2).tolist()
    [0.0, inf, 1.0, inf, 2.0]
    """
    rows = -(-len(lengths) // positive_integer("d", d))
    padded = np.full(rows * d, np.inf)
    padded[: len(lengths)] = lengths
    folded = padded.reshape(rows, d)  # (spans / d, d): a hop leads one row down
    hops = np.arange(rows)[:, None]
    return (np.minimum.accumulate(folded - hops, axis=0) + hops).reshape(-1)[: len(lengths)]


def _stack_order(graph: Graph) -> list[str] | None:
    """Return a stack's nodes so that all edges but loops lead from an earlier to a later node; None for other graphs."""
    if graph.period > 1 or graph.outputs is not None:
        return None
    edges = [e for e in graph.edges if e.source not in (INPUT, e.target)]
    return topological_order({node: [e.source for e in edges if e.target == node] for node in graph.nodes})


def _checked_limit(limit: int) -> int:
    if positive_integer("limit", limit, least=0) > MAX_SPANS:
        raise ValueError(f"spans up to {limit:,} are too many to list; limit or cycle must be at most {MAX_SPANS:,}")
    return limit


def _searched_lengths(graph: Graph, start: int, limit: int) -> np.ndarray:
    """Return ``d_start(n)`` for n = 0 … limit of any graph, by breadth-first search."""
    distance: dict[Place, float] = {}
    for place, previous in _breadth_first(graph, start, start + limit).items():
        distance[place] = 0 if previous is None else distance[previous] + 1
    outputs = (graph.read_at(start + n) for n in range(limit + 1))
    return np.array([min((distance.get(place, math.inf) for place in read), default=math.inf) for read in outputs])


def _breadth_first(graph: Graph, start: int, end: int) -> dict[Place, Place | None]:
    """Return the places reached from the input at ``start`` by time ``end``, nearest first, each with its predecessor."""
    previous: dict[Place, Place | None] = {(INPUT, start): None}
    queue = deque(previous)
    while queue:
        node, time = queue.popleft()
        for edge in graph.leaving.get((node, time % graph.period), ()):
            reached = (edge.target, time + edge.steps)
            if reached[1] <= end and reached not in previous:
                previous[reached] = (node, time)
                queue.append(reached)
    return previous


# ---------------------------------------------------------------------- comparison of architectures


def table(graphs: Iterable[Graph], cycle: int, input_size: int, hidden_size: int) -> list[dict[str, Any]]:
    """Return one row of measures per graph, for printing.

    ``cycle`` is m, a multiple of each graph's period; ``input_size`` and ``hidden_size`` are D and H.

    >>> [row] = table([dilated_stack([1, 2, 4])], 4, input_size=1, hidden_size=10)
    >>> row["mean length"], row["longest"], row["edges per node"], row["parameters"]
    (4.25, 5.0, 1.0, 540)
    """
    return [
        {
            "architecture": graph.label,
            "mean length": mean_recurrent_length(graph, cycle),
            "longest": float(recurrent_lengths(graph, cycle)[1:].max()),
            "edges per node": recurrent_edges_per_node(graph),
            "parameters": num_parameters(graph, input_size, hidden_size),
            "per edge": parameters_per_recurrent_edge(graph, input_size, hidden_size),
            "receptive field": receptive_field(graph),
        }
        for graph in graphs
    ]


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
