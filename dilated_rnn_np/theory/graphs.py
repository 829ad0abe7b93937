"""Architectures as cyclic graphs: nodes, and edges labelled with the number of time steps they travel.

Unrolling the graph over time gives the network. There is one builder per architecture; any other architecture is a
:class:`Graph` with its own list of edges.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import TypeVar

from ..arrays import inputs
from ..arrays.checks import positive_integer

INPUT = "input"
Place = tuple[str, int]  # (node, time)
T = TypeVar("T")


@dataclass(frozen=True)
class Edge:
    """An edge from ``source`` at time t to ``target`` at time ``t + steps``.

    Attributes
    ----------
    phase : the edge exists at the times t with ``t % period == phase``, where the period is the graph's.
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
    label : the name in tables and pictures.
    nodes : the nodes from bottom to top, as they are drawn; the input, called "input", is not one of them.
    edges : edges between nodes, and from "input" to nodes.
    outputs : the nodes that the output at time t reads, as (node, phase of t, steps before t); None reads the last node at t.
    period : the number of time steps after which the edges repeat; 1 where all steps are alike.
    fusion : the node that stands for the fusion layer; it is drawn, but not counted as a node.

    Examples
    --------
    A graph of one's own: two nodes, one of which skips three steps.

    >>> from dilated_rnn_np import paths
    >>> graph = Graph("own", ("a", "b"), (Edge("input", "a"), Edge("a", "b"), Edge("a", "a", 1), Edge("b", "b", 3)))
    >>> paths.shortest_path(graph, 0, 4)
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
                raise ValueError(f"edges must lead from 'input' or a node to a node of {self.nodes}, got {edge}")
            if not 0 <= edge.phase < self.period:
                raise ValueError(f"the phase of an edge must lie in 0..{self.period - 1}, below the period, got {edge}")
        for node, phase, back in self.outputs or ():
            if node not in self.nodes or not 0 <= phase < self.period or back < 0:
                expected = f"(node, phase in 0..{self.period - 1}, steps back of at least 0)"
                raise ValueError(f"an output must be {expected}, got {(node, phase, back)}")
        if self.fusion is not None and (self.fusion not in self.nodes or len(self.nodes) < 2):
            raise ValueError(f"fusion must name one of several nodes, got {self.fusion!r}; the nodes are {self.nodes}")
        self.order  # noqa: B018 (raises where edges that travel no time form a cycle)

    @cached_property
    def leaving(self) -> dict[tuple[str, int], list[Edge]]:
        """The edges by source and phase."""
        table: dict[tuple[str, int], list[Edge]] = {}
        for edge in self.edges:
            table.setdefault((edge.source, edge.phase), []).append(edge)
        return table

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The nodes in an order in which they can be computed within one time step."""
        instant = [e for e in self.edges if e.steps == 0 and e.source != INPUT]
        sources = {node: [e.source for e in instant if e.target == node] for node in self.nodes}
        try:
            return tuple(TopologicalSorter(sources).static_order())
        except CycleError as error:
            cycle = " -> ".join(error.args[1])
            raise ValueError(f"{self.label} has a cycle of edges that travel no time: {cycle}") from None

    def read_at(self, time: int) -> list[Place]:
        """Return the places that the output at a time reads."""
        if self.outputs is None:
            return [(self.nodes[-1], time)]
        return [(node, time - back) for node, phase, back in self.outputs if time % self.period == phase]


def topological_order(sources: Mapping[T, Iterable[T]]) -> list[T] | None:
    """Return the keys so that each follows its sources, or None if they form a cycle.

    >>> topological_order({"b": ["a"], "a": []}), topological_order({"a": ["a"]})
    (['a', 'b'], None)
    """
    try:
        return list(TopologicalSorter(sources).static_order())
    except CycleError:
        return None


# ---------------------------------------------------------------------- architectures


def dilated_stack(dilations: Sequence[int], fusion: bool = True) -> Graph:
    """Return the graph of a dilated RNN: each layer's node has one edge to itself, d steps ahead.

    With ``fusion``, dilations with a common divisor K > 1 get a fusion layer, a node that reads the last K steps.

    >>> from dilated_rnn_np import paths
    >>> paths.recurrent_lengths(dilated_stack([1, 2, 4]), 7).tolist()  # 3 upward edges and the hops
    [3.0, 4.0, 4.0, 5.0, 4.0, 5.0, 5.0, 6.0]
    """
    dilations = inputs.dilations(dilations)
    width = math.gcd(*dilations)
    graph = _stack(f"dilated RNN {_listed(dilations)}", [(d,) for d in dilations])
    if not fusion or width == 1:
        return graph
    taps = tuple(Edge(graph.nodes[-1], "fusion", k) for k in range(width))
    return Graph(graph.label, (*graph.nodes, "fusion"), graph.edges + taps, fusion="fusion")


def plain_stack(num_layers: int) -> Graph:
    """Return the graph of an ordinary stacked RNN: each recurrent edge travels one step."""
    return _stack("plain RNN", [(1,)] * positive_integer("num_layers", num_layers))


def skip_stack(num_layers: int, skip: int) -> Graph:
    """Return the graph of a stack with regular skip connections, ``c_t = f(x_t, c_{t-1}, c_{t-s})`` in each layer."""
    num_layers, skip = positive_integer("num_layers", num_layers), positive_integer("skip", skip, least=2)
    return _stack(f"skip RNN, s = {skip}", [(1, skip)] * num_layers)


def dilated_cnn(dilations: Sequence[int], kernel: int = 2) -> Graph:
    """Return the graph of a causal dilated CNN: ``kernel`` upward edges per layer, which travel 0, d, 2d, … steps.

    >>> from dilated_rnn_np import paths
    >>> paths.receptive_field(dilated_cnn([1, 2, 4]))
    8
    """
    dilations, kernel = inputs.dilations(dilations), positive_integer("kernel", kernel)
    nodes = _layers(len(dilations))
    layers = zip(itertools.pairwise((INPUT, *nodes)), dilations, strict=True)
    edges = tuple(Edge(below, node, k * d) for (below, node), d in layers for k in range(kernel))
    return Graph(f"dilated CNN {_listed(dilations)}", nodes, edges)


def clockwork(periods: Sequence[int], num_layers: int = 1) -> Graph:
    """Return the graph of a clockwork RNN (Koutník et al. 2014): module i is updated only at multiples of its period.

    When a module is updated, it reads the input and the previous values of itself and of the slower modules. Between its
    updates a module holds its state, which costs no edge. The output, or the next layer, reads all modules. ``periods`` has
    one entry per module, from fast to slow; each of the stacked layers has these modules.

    >>> from dilated_rnn_np import paths
    >>> paths.shortest_path(clockwork([1, 4]), 0, 5)
    [('input', 0), ('module 2 (4)', 0), ('module 2 (4)', 4)]
    """
    periods, num_layers = inputs.dilations(periods, "periods"), positive_integer("num_layers", num_layers)
    if list(periods) != sorted(periods):
        raise ValueError(f"periods must be given from fast to slow, got {list(periods)}")
    cycle = math.lcm(*periods)
    below, edges, names = [(INPUT, 1)], [], []  # below: the nodes that a layer reads, each with its period
    for layer in range(num_layers):
        prefix = f"layer {layer + 1}, " if num_layers > 1 else ""
        modules = [(f"{prefix}module {i + 1} ({p})", p) for i, p in enumerate(periods)]
        for i, (node, p) in enumerate(modules):
            for t in range(cycle, 2 * cycle, p):  # the updates of one cycle, late enough that no source lies before 0
                updated = [(source, t // q * q) for source, q in below]  # when the value read at t was computed
                updated += [(source, (t - 1) // q * q) for source, q in modules[i:]]
                edges += [Edge(source, node, t - at, at % cycle, f"{source} -> {node}") for source, at in updated]
        names += [node for node, _ in modules]
        below = modules
    outputs = tuple((node, t, t % p) for node, p in below for t in range(cycle))
    label = f"clockwork RNN {_listed(periods)}" + (f", {num_layers} layers" if num_layers > 1 else "")
    return Graph(label, tuple(names), tuple(edges), outputs, cycle)


def hierarchical_stack(levels: int) -> Graph:
    """Return the graph of a hierarchical multiscale RNN (Chung et al. 2017): a stack with edges down to the level below.

    The graph holds every possible edge: upward edges, which travel no time, and edges of one step from each level to itself
    and to the level below. In the network the boundaries, which depend on the data, select some of them. The output reads
    all levels.

    >>> from dilated_rnn_np import paths
    >>> paths.shortest_path(hierarchical_stack(2), 0, 1)
    [('input', 0), ('level 1', 0), ('level 1', 1)]
    """
    nodes = tuple(f"level {i + 1}" for i in range(positive_integer("levels", levels)))
    onward = [Edge(node, node, 1) for node in nodes]
    downward = [Edge(above, node, 1) for node, above in itertools.pairwise(nodes)]
    outputs = tuple((node, 0, 0) for node in nodes)
    return Graph("hierarchical multiscale RNN", nodes, (*_upward(nodes), *onward, *downward), outputs)


def _stack(label: str, hops: Sequence[tuple[int, ...]]) -> Graph:
    """Return a stack whose l-th layer has one edge to itself for each number of steps in ``hops[l]``."""
    nodes = _layers(len(hops))
    loops = [Edge(node, node, d) for node, steps in zip(nodes, hops, strict=True) for d in steps]
    return Graph(label, nodes, (*_upward(nodes), *loops))


def _layers(num_layers: int) -> tuple[str, ...]:
    return tuple(f"layer {i + 1}" for i in range(num_layers))


def _upward(nodes: tuple[str, ...]) -> list[Edge]:
    """Return the edges input -> first node -> … -> last node, which travel no time."""
    return [Edge(below, node) for below, node in itertools.pairwise((INPUT, *nodes))]


def _listed(numbers: Sequence[int]) -> str:
    """Return the numbers as text; only a geometric series can be shortened without becoming ambiguous.

    >>> _listed([1, 2, 4, 8, 16, 32]), _listed([1, 2, 4, 8, 100])
    ('1, 2, 4, …, 32', '1, 2, 4, 8, 100')
    """
    shown = [str(n) for n in numbers]
    ratio = numbers[1] // numbers[0] if len(numbers) > 1 else 1
    geometric = all(b == a * ratio for a, b in itertools.pairwise(numbers))
    return ", ".join([*shown[:3], "…", shown[-1]] if geometric and len(shown) > 4 else shown)
