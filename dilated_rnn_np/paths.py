"""Graphs of recurrent architectures, and how long the paths are that information takes through them.

A cyclic graph has nodes and edges labelled with the number of time steps they travel; unrolled, it is the network. The
recurrent length ``d_i(n)`` is the number of edges on the shortest path from the input at time i to the output at time
i + n, upward edges counted; the mean recurrent length over a cycle m is ``(1/m) sum_{n=1..m} max_i d_i(n)`` (Chang et al.
2017, definition 3.1; Zhang et al. 2016). Integers and arrays alone: nothing here draws.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from . import inputs
from .checks import positive_integer

INPUT = "input"
Place = tuple[str, int]  # a node at a time


@dataclass(frozen=True)
class Edge:
    """An edge from ``source`` at time t to ``target`` at time ``t + steps``.

    Attributes
    ----------
    phase : it is there only at times t of this remainder modulo the graph's period.
    weights : edges with the same name share their weights; None for weights of its own.
    """

    source: str
    target: str
    steps: int = 0
    phase: int = 0
    weights: str | None = None


@dataclass(frozen=True)
class Graph:
    """A cyclic graph of an architecture.

    Parameters
    ----------
    label : what tables and pictures call it.
    nodes : the nodes in the order they are drawn from below; the input, called "input", is not among them.
    edges : edges between nodes, and from "input" to nodes.
    outputs : where the output at time t is read: (node, phase, steps before t); None reads the last node at t.
    period : after how many time steps the edges repeat; 1 where all steps are alike.
    fusion : the name of a node that stands for the fusion layer and is not counted among the nodes.

    Examples
    --------
    A user's own graph: two nodes, one of which skips three steps.

    >>> graph = Graph("own", ("a", "b"), (Edge("input", "a"), Edge("a", "b"), Edge("a", "a", 1), Edge("b", "b", 3)))
    >>> shortest_path(graph, 0, 4)
    [('input', 0), ('a', 0), ('a', 1), ('b', 1), ('b', 4)]
    """

    label: str
    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]
    outputs: tuple[tuple[str, int, int], ...] | None = None
    period: int = 1
    fusion: str | None = None

    def __post_init__(self) -> None:
        positive_integer("period", self.period)
        if not self.nodes or len(set(self.nodes)) < len(self.nodes) or INPUT in self.nodes:
            raise ValueError(f"nodes must be different names, at least one, none of them 'input', got {self.nodes}")
        for edge in self.edges:
            positive_integer(f"steps of {edge.source} -> {edge.target}", edge.steps, least=0)
            if edge.source not in (INPUT, *self.nodes) or edge.target not in self.nodes:
                raise ValueError(
                    f"an edge must join 'input' or a node to a node, got {edge}; the nodes are {self.nodes}"
                )
            if not 0 <= edge.phase < self.period:
                raise ValueError(f"an edge's phase must lie below the period {self.period}, got {edge}")
        self.order  # noqa: B018 (a cycle of edges that travel no time is found here)

    @cached_property
    def leaving(self) -> dict[tuple[str, int], list[Edge]]:
        """The edges by source and phase."""
        table: dict[tuple[str, int], list[Edge]] = {}
        for edge in self.edges:
            table.setdefault((edge.source, edge.phase), []).append(edge)
        return table

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The nodes so that each edge that travels no time leads from an earlier to a later one."""
        before = {
            node: {e.source for e in self.edges if e.target == node and e.steps == 0} - {INPUT} for node in self.nodes
        }
        ordered: list[str] = []
        while len(ordered) < len(self.nodes):
            free = [node for node in self.nodes if node not in ordered and before[node] <= set(ordered)]
            if not free:
                raise ValueError(
                    f"{self.label} has a cycle of edges that travel no time, among {sorted(set(self.nodes) - set(ordered))}"
                )
            ordered += free
        return tuple(ordered)

    def read_at(self, time: int) -> list[Place]:
        """Return the places that the output at a time is read from."""
        if self.outputs is None:
            return [(self.nodes[-1], time)]
        return [(node, time - back) for node, phase, back in self.outputs if time % self.period == phase]


# ---------------------------------------------------------------------- architectures


def dilated_stack(dilations: Sequence[int], fusion: bool = True) -> Graph:
    """Return the graph of a dilated RNN: each layer's node has one edge to itself, d steps ahead.

    Parameters
    ----------
    dilations : one a layer. fusion : whether a common divisor K > 1 brings a fusion layer, one node that reads K steps.

    Examples
    --------
    >>> recurrent_lengths(dilated_stack([1, 2, 4]), 7).tolist()  # 3 upward edges and the hops
    [3.0, 4.0, 4.0, 5.0, 4.0, 5.0, 5.0, 6.0]
    """
    dilations = inputs.dilations(dilations)
    width = math.gcd(*dilations)
    graph = _stack(f"dilated RNN {_listed(dilations)}", len(dilations), [(d,) for d in dilations])
    if not fusion or width == 1:
        return graph
    taps = tuple(Edge(graph.nodes[-1], "fusion", k) for k in range(width))
    return Graph(graph.label, (*graph.nodes, "fusion"), graph.edges + taps, fusion="fusion")


def plain_stack(num_layers: int) -> Graph:
    """Return the graph of an ordinary stacked RNN: all edges travel one step."""
    num_layers = positive_integer("num_layers", num_layers)
    return _stack("plain RNN", num_layers, [(1,)] * num_layers)


def skip_stack(num_layers: int, skip: int) -> Graph:
    """Return the graph of a stack with regular skip connections, ``c_t = f(x_t, c_{t-1}, c_{t-s})`` in each layer."""
    num_layers, skip = positive_integer("num_layers", num_layers), positive_integer("skip", skip, least=2)
    return _stack(f"skip RNN, s = {skip}", num_layers, [(1, skip)] * num_layers)


def dilated_cnn(dilations: Sequence[int], kernel: int = 2) -> Graph:
    """Return the graph of a causal dilated CNN: ``kernel`` upward edges a layer, which travel 0, d, 2d, … steps.

    >>> receptive_field(dilated_cnn([1, 2, 4]))
    8.0
    """
    dilations, kernel = inputs.dilations(dilations), positive_integer("kernel", kernel)
    nodes = _layers(len(dilations))
    edges = [
        Edge(below, node, k * d)
        for below, node, d in zip((INPUT, *nodes), nodes, dilations, strict=False)
        for k in range(kernel)
    ]
    return Graph(f"dilated CNN {_listed(dilations)}", nodes, tuple(edges))


def clockwork(periods: Sequence[int]) -> Graph:
    """Return the graph of a clockwork RNN (Koutník et al. 2014): module i is computed at multiples of its period alone.

    A module reads the input, itself and the slower modules as they were one step before; between its turns it holds its
    state, which costs no edge. Periods are given from fast to slow; the output reads all modules.

    >>> shortest_path(clockwork([1, 4]), 0, 5)
    [('input', 0), ('module 2 (4)', 0), ('module 2 (4)', 4)]
    """
    periods = inputs.dilations(periods)
    if list(periods) != sorted(periods):
        raise ValueError(f"periods must be given from fast to slow, got {list(periods)}")
    cycle = math.lcm(*periods)
    nodes = tuple(f"module {i + 1} ({p})" for i, p in enumerate(periods))
    edges, outputs = [], []
    for i, (node, p) in enumerate(zip(nodes, periods, strict=True)):
        edges += [Edge(INPUT, node, 0, t, f"{INPUT} -> {node}") for t in range(0, cycle, p)]
        outputs += [(node, t, t % p) for t in range(cycle)]
        for source, slow in zip(nodes[i:], periods[i:], strict=True):
            for t in range(cycle, 2 * cycle, p):  # the module's turn; it reads what the slow one held at t - 1
                last = (t - 1) // slow * slow
                edges.append(Edge(source, node, t - last, last % cycle, f"{source} -> {node}"))
    return Graph(f"clockwork RNN {_listed(periods)}", nodes, tuple(edges), tuple(outputs), cycle)


def _stack(label: str, num_layers: int, hops: Sequence[tuple[int, ...]]) -> Graph:
    """Return a stack whose l-th layer has an edge to itself for each of ``hops[l]``."""
    nodes = _layers(num_layers)
    upward = [Edge(below, node) for below, node in zip((INPUT, *nodes), nodes, strict=False)]
    return Graph(
        label, nodes, tuple(upward + [Edge(node, node, d) for node, ds in zip(nodes, hops, strict=True) for d in ds])
    )


def _layers(num_layers: int) -> tuple[str, ...]:
    return tuple(f"layer {i + 1}" for i in range(num_layers))


def _listed(numbers: Sequence[int]) -> str:
    shown = [str(n) for n in numbers]
    return ", ".join(shown if len(shown) <= 4 else [*shown[:3], "…", shown[-1]])


# ---------------------------------------------------------------------- paths


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
    limit = positive_integer("limit", limit, least=0)
    if graph.period == 1 and _only_loops_are_self_loops(graph):
        return layer_lengths(graph, limit)[graph.nodes[-1]]
    starts = range(graph.period) if start is None else [positive_integer("start", start, least=0)]
    return np.max([_searched(graph, i, limit) for i in starts], axis=0)


def layer_lengths(graph: Graph, limit: int) -> dict[str, np.ndarray]:
    """Return for each node the shortest path from the input at time 0, for all spans 0 … limit; the fast special case.

    A node's own loops commute, so each is closed by itself: over the folded spans, the best of all numbers of hops is a
    running minimum.

    Raises
    ------
    ValueError : where steps are not alike or a cycle leads through several nodes; ``recurrent_lengths`` searches there.
    """
    if graph.period != 1 or not _only_loops_are_self_loops(graph):
        raise ValueError(f"{graph.label} is no stack: its steps differ or a cycle leads through several nodes")
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
    """Return the number of edges that travel time over the number of nodes; inputs, read-out and fusion are no nodes.

    >>> recurrent_edges_per_node(dilated_stack([1, 2, 4])), recurrent_edges_per_node(skip_stack(3, 4))
    (1.0, 2.0)
    """
    return len(_weights(graph, recurrent=True)) / _num_nodes(graph)


def receptive_field(graph: Graph) -> float:
    """Return how many inputs, its own included, an output can depend on; infinity where a cycle carries them on and on.

    Notes
    -----
    For a graph without cycle it is one more than the longest span; holes in between are not looked for.
    """
    if len(_feeding_order(graph)) < len(graph.nodes) or any(e.source == e.target for e in graph.edges):
        return math.inf
    longest = {INPUT: 0.0} | {node: -math.inf for node in graph.nodes}
    for node in _feeding_order(graph):
        longest[node] = max((longest[e.source] + e.steps for e in graph.edges if e.target == node), default=-math.inf)
    return max(longest[graph.nodes[-1]] + 1, 0)


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
    """Return the parameters over the edges that travel time: what one way through time costs."""
    edges = len(_weights(graph, recurrent=True))
    return num_parameters(graph, input_size, hidden_size, gates) / edges if edges else math.inf


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
    m = base ** (num_layers - 1)
    return num_layers + (base - 1) / 2 * (num_layers - 1) + 1 / m


def closed_form_skip(num_layers: int, cycle: int) -> float:
    """Return the mean recurrent length of unit edges beside skips of length m, over m: ``L + (m-1)/2 + 1/m``.

    >>> round(closed_form_skip(9, 256), 4)
    136.5039
    """
    return num_layers + (cycle - 1) / 2 + 1 / cycle


def closed_form_plain(num_layers: int, cycle: int) -> float:
    """Return the mean recurrent length of a plain stack over m: ``L + (m+1)/2``.

    >>> closed_form_plain(9, 256)
    137.5
    """
    return num_layers + (cycle + 1) / 2


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
        lengths = recurrent_lengths(graph, cycle)[1:]
        rows.append(
            {
                "architecture": graph.label,
                "mean length": float(lengths.mean()),
                "longest": float(lengths.max()),
                "edges per node": recurrent_edges_per_node(graph),
                "parameters": num_parameters(graph, input_size, hidden_size),
                "per edge": parameters_per_recurrent_edge(graph, input_size, hidden_size),
                "receptive field": receptive_field(graph),
            }
        )
    return rows
