"""Geometry of the unrolled network: the position of each node and the course of each edge, without drawing anything.

Time runs to the right, the input row is at the bottom, and each node of the graph has a row above it. An edge is straight, unless
a straight line would cross a node: then it is a curve that avoids the nodes. So the recurrent skip connections of Chang et al.
2017 (figures 1 to 3) become arcs, and the taps of a dilated CNN slanted lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays.checks import positive_integer
from ..theory.graphs import INPUT, Graph, Place

Link = tuple[Place, Place]  # an edge of the unrolled graph: its start and its end

ROW = 1.5  # height of a row; a time step is 1 wide
RADIUS = 0.2  # of a node
MOST_STEPS = 1000  # of a picture; drawing takes time that grows with the square of the steps


@dataclass(frozen=True)
class Layout:
    """The positions (x, y) of the nodes of an unrolled graph, by place, and the edges between them, each once."""

    positions: dict[Place, tuple[float, float]]
    links: tuple[Link, ...]


def layout(graph: Graph, steps: int) -> Layout:
    """Return positions and edges of the graph unrolled over ``steps`` time steps; edges from before time 0 are left out.

    In a graph with a period above 1, a node has a position only at the times at which an edge enters or leaves it.

    >>> from dilated_rnn_np import paths
    >>> unrolled = layout(paths.dilated_stack([1, 2]), 3)
    >>> unrolled.positions["layer 2", 1]
    (1.0, 3.0)
    >>> [link for link in unrolled.links if link[1] == ("layer 2", 2)]
    [(('layer 2', 0), ('layer 2', 2)), (('layer 1', 2), ('layer 2', 2))]
    """
    steps = positive_integer("steps", steps)
    if steps > MOST_STEPS:
        raise ValueError(f"steps must be at most {MOST_STEPS:,} in a picture, got {steps:,}")
    active = {(e.source, e.phase) for e in graph.edges}
    active |= {(e.target, (e.phase + e.steps) % graph.period) for e in graph.edges}
    positions = {
        (node, t): (float(t), ROW * row)
        for row, node in enumerate((INPUT, *graph.nodes))
        for t in range(steps)
        if node == INPUT or (node, t % graph.period) in active
    }
    links = {
        ((node, t), (edge.target, t + edge.steps)): None
        for node, t in sorted(positions, key=lambda place: place[1])
        for edge in graph.leaving.get((node, t % graph.period), ())
        if t + edge.steps < steps
    }
    return Layout(positions, tuple(links))


def route(unrolled: Layout, link: Link) -> np.ndarray:
    """Return the points of an edge, from rim to rim: two for a straight line, four for a cubic Bézier curve.

    >>> from dilated_rnn_np import paths
    >>> unrolled = layout(paths.dilated_stack([1, 2]), 3)
    >>> len(route(unrolled, (("layer 1", 0), ("layer 1", 1)))), len(route(unrolled, (("layer 2", 0), ("layer 2", 2))))
    (2, 4)
    """
    a, b = (np.array(unrolled.positions[place]) for place in link)
    others = np.array([xy for place, xy in unrolled.positions.items() if place not in link]).reshape(-1, 2)
    along = np.clip((others - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)[:, None]
    if np.all(np.hypot(*(others - a - along * (b - a)).T) > 1.2 * RADIUS):
        points = np.array([a, b])
    elif a[1] == b[1]:
        hop = b[0] - a[0]  # each phase has its own height, so that long arcs side by side stay apart
        points = arc(a, b, ROW * (0.62 - 0.24 * (a[0] % hop) / hop) * (1 - 1 / hop))
    else:  # over several rows: of nine curves to the left and right, the farthest from the nodes in between
        asides = [np.array([side, np.sign(b[1] - a[1]) * ROW / 2]) for side in np.linspace(-0.6, 0.6, 9)]
        curves = [np.array([a, a + out, b + out * [1, -1], b]) for out in asides]
        points = max(curves, key=lambda curve: _clearance(curve, others))
    for end, neighbour in ((0, 1), (-1, -2)):
        towards = points[neighbour] - points[end]
        points[end] = points[end] + RADIUS * towards / np.hypot(*towards)
    return points


def arc(a: Any, b: Any, height: float) -> np.ndarray:
    """Return the four points of a cubic Bézier curve from a to b whose middle lies ``height`` above them.

    >>> arc((0, 0), (4, 0), 0.75).tolist()
    [[0.0, 0.0], [0.8, 1.0], [3.2, 1.0], [4.0, 0.0]]
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    out = min(0.2 * (b[0] - a[0]), 1.2)  # long arcs rise as steeply as short ones, and clear the first node they pass
    rise = np.array([out, height / 0.75])
    return np.array([a, a + rise, b + rise * [-1, 1], b])


def _clearance(curve: np.ndarray, others: np.ndarray) -> float:
    """Return the smallest distance between a cubic Bézier curve and some points."""
    s = np.linspace(0, 1, 50)[:, None]
    along = (1 - s) ** 3 * curve[0] + 3 * (1 - s) ** 2 * s * curve[1] + 3 * (1 - s) * s**2 * curve[2] + s**3 * curve[3]
    return float(np.hypot(*(along[:, None] - others).T).min())
