"""Measures of an architecture's graph beside its path lengths: recurrent edges, receptive field and parameters."""

from __future__ import annotations

import math

from ..arrays.checks import positive_integer
from .graphs import INPUT, Edge, Graph, Place, topological_order


def recurrent_edges_per_node(graph: Graph) -> float:
    """Return the number of edges that travel time, divided by the number of nodes of the cyclic graph.

    Inputs, read-out and fusion layer are not nodes, and edges into the fusion layer are not counted. In a graph of period m a
    node counts once for each of the m time indices at which it is computed.

    >>> from dilated_rnn_np import paths
    >>> recurrent_edges_per_node(paths.dilated_stack([1, 2, 4])), recurrent_edges_per_node(paths.skip_stack(3, 4))
    (1.0, 2.0)
    """
    edges = _edges(graph)
    places = {(e.target, (e.phase + e.steps) % graph.period) for e in edges}
    return sum(e.steps > 0 for e in edges) / len(places) if places else 0.0


def receptive_field(graph: Graph) -> float:
    """Return how many inputs, up to the present one, an output can depend on; infinity where a cycle carries them on.

    Without such a cycle it is the longest span with a path, plus one; shorter spans without a path are not subtracted.

    >>> from dilated_rnn_np import paths
    >>> receptive_field(paths.dilated_cnn([1, 2, 4])), receptive_field(paths.plain_stack(1))
    (8, inf)
    """
    p = graph.period  # here the time of a place is taken modulo p
    links = [((e.source, e.phase), (e.target, (e.phase + e.steps) % p), e.steps) for e in graph.edges]
    read = [((node, time % p), t - time) for t in range(p) for node, time in graph.read_at(t)]  # (place, steps back)
    fed = _reached({(INPUT, t) for t in range(p)}, [(a, b) for a, b, _ in links])
    between = fed & _reached({place for place, _ in read}, [(b, a) for a, b, _ in links])

    entering: dict[Place, list[tuple[Place, int]]] = {place: [] for place in between}
    for source, target, steps in links:
        if source in between and target in between:
            entering[target].append((source, steps))
    order = topological_order({place: [source for source, _ in edges] for place, edges in entering.items()})
    if order is None:
        return math.inf
    longest: dict[Place, int] = {}  # time steps from an input
    for place in order:
        longest[place] = max((longest[source] + steps for source, steps in entering[place]), default=0)
    return max((longest[place] + back + 1 for place, back in read if place in between), default=0)


def _reached(starts: set[Place], links: list[tuple[Place, Place]]) -> set[Place]:
    """Return all places that links lead to from the starts, the starts included."""
    reached = set(starts)
    while new := {target for source, target in links if source in reached} - reached:
        reached |= new
    return reached


def num_parameters(graph: Graph, input_size: int, hidden_size: int, gates: int = 1) -> int:
    """Return the number of parameters without the read-out: one matrix per edge, one bias per node, times the gates.

    >>> from dilated_rnn_np import DilatedRNN, paths
    >>> num_parameters(paths.dilated_stack([1, 2]), 3, 10, gates=4) == DilatedRNN(3, 10, [1, 2], "lstm").num_parameters
    True
    """
    D, H = positive_integer("input_size", input_size), positive_integer("hidden_size", hidden_size)
    matrices = sum(H * (D if source == INPUT else H) for source, _, _ in _weights(_edges(graph)))
    num_nodes = len(graph.nodes) - (graph.fusion is not None)
    return positive_integer("gates", gates) * (matrices + H * num_nodes)


def parameters_per_recurrent_edge(graph: Graph, input_size: int, hidden_size: int, gates: int = 1) -> float:
    """Return the number of parameters divided by the number of recurrent weight matrices; infinity without any."""
    recurrent = _weights([e for e in _edges(graph) if e.steps > 0])
    return num_parameters(graph, input_size, hidden_size, gates) / len(recurrent) if recurrent else math.inf


def _edges(graph: Graph) -> list[Edge]:
    """Return all edges but those into the fusion layer."""
    return [e for e in graph.edges if e.target != graph.fusion]


def _weights(edges: list[Edge]) -> set[tuple[str, str, int | str]]:
    """Return a key (source, target, name or steps) for each weight matrix; edges that share one give the same key."""
    return {(e.source, e.target, e.steps if e.weights is None else e.weights) for e in edges}
