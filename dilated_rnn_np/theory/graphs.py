"""Cyclic graphs of recurrent architectures: nodes, and edges labelled with the number of time steps they travel.

Unrolled over time, a graph is the network. Builders stand here for the dilated stack with its fusion layer, the plain stack,
the stack with regular skip connections, the dilated CNN, the clockwork RNN and the hierarchical multiscale one; a graph of one's
own is a list of edges.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ..arrays import inputs
from ..arrays.checks import positive_integer

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

    >>> from dilated_rnn_np.paths import shortest_path
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
        for node, phase, back in self.outputs or ():
            if node not in self.nodes or not 0 <= phase < self.period or back < 0:
                raise ValueError(
                    f"an output must be (node, phase below {self.period}, steps back of at least 0), got {(node, phase, back)}"
                )
        if self.fusion is not None and (self.fusion not in self.nodes or len(self.nodes) < 2):
            raise ValueError(f"fusion must name one of several nodes, got {self.fusion!r}; the nodes are {self.nodes}")
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
    >>> from dilated_rnn_np.paths import recurrent_lengths
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

    >>> from dilated_rnn_np.paths import receptive_field
    >>> receptive_field(dilated_cnn([1, 2, 4]))
    8
    """
    dilations, kernel = inputs.dilations(dilations), positive_integer("kernel", kernel)
    nodes = _layers(len(dilations))
    edges = [
        Edge(below, node, k * d)
        for below, node, d in zip((INPUT, *nodes), nodes, dilations, strict=False)
        for k in range(kernel)
    ]
    return Graph(f"dilated CNN {_listed(dilations)}", nodes, tuple(edges))


def clockwork(periods: Sequence[int], num_layers: int = 1) -> Graph:
    """Return the graph of a clockwork RNN (Koutník et al. 2014): module i is computed at multiples of its period alone.

    A module reads the input, itself and the slower modules as they were one step before; between its turns it holds its
    state, which costs no edge. Periods are given from fast to slow; the output, or the layer above, reads all modules.

    >>> from dilated_rnn_np.paths import shortest_path
    >>> shortest_path(clockwork([1, 4]), 0, 5)
    [('input', 0), ('module 2 (4)', 0), ('module 2 (4)', 4)]
    """
    periods, num_layers = inputs.dilations(periods, "periods"), positive_integer("num_layers", num_layers)
    if list(periods) != sorted(periods):
        raise ValueError(f"periods must be given from fast to slow, got {list(periods)}")
    cycle = math.lcm(*periods)
    below, edges, names = [(INPUT, 1)], [], []  # below: what a layer reads, and how often that changes
    for layer in range(num_layers):
        prefix = f"layer {layer + 1}, " if num_layers > 1 else ""
        modules = [(f"{prefix}module {i + 1} ({p})", p) for i, p in enumerate(periods)]
        for i, (node, p) in enumerate(modules):
            for t in range(
                cycle, 2 * cycle, p
            ):  # the module's turn: it reads what the others hold at t, or held at t - 1
                read = [(source, t // q * q) for source, q in below]
                read += [(source, (t - 1) // q * q) for source, q in modules[i:]]
                edges += [Edge(source, node, t - at, at % cycle, f"{source} -> {node}") for source, at in read]
        names += [node for node, _ in modules]
        below = modules
    outputs = tuple((node, t, t % p) for node, p in below for t in range(cycle))
    label = f"clockwork RNN {_listed(periods)}" + (f", {num_layers} layers" if num_layers > 1 else "")
    return Graph(label, tuple(names), tuple(edges), outputs, cycle)


def hierarchical_stack(levels: int) -> Graph:
    """Return the graph of a hierarchical multiscale RNN (Chung et al. 2017): a stack with edges down to the level below.

    All edges that there can be: upward ones, which travel no time, and those of one step from a level to itself and to the level
    below it. The boundaries, which depend on the data, choose among them. The output reads all levels.

    >>> from dilated_rnn_np.paths import shortest_path
    >>> shortest_path(hierarchical_stack(2), 0, 1)
    [('input', 0), ('level 1', 0), ('level 1', 1)]
    """
    nodes = tuple(f"level {i + 1}" for i in range(positive_integer("levels", levels)))
    upward = [Edge(below, node) for below, node in zip((INPUT, *nodes), nodes, strict=False)]
    onward = [Edge(node, node, 1) for node in nodes]
    downward = [Edge(above, node, 1) for node, above in itertools.pairwise(nodes)]
    outputs = tuple((node, 0, 0) for node in nodes)
    return Graph("hierarchical multiscale RNN", nodes, (*upward, *onward, *downward), outputs)


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
    """Return the numbers in words; a geometric series of many is shortened, and nothing else that would be ambiguous.

    >>> _listed([1, 2, 4, 8, 16, 32]), _listed([1, 2, 4, 8, 100])
    ('1, 2, 4, …, 32', '1, 2, 4, 8, 100')
    """
    shown = [str(n) for n in numbers]
    ratio = numbers[1] // numbers[0] if len(numbers) > 1 else 1
    geometric = all(b == a * ratio for a, b in itertools.pairwise(numbers))
    return ", ".join([*shown[:3], "…", shown[-1]] if geometric and len(shown) > 4 else shown)
