"""The unrolled network: time runs to the right, the input row is at the bottom, and each node of the graph has a row above it.

Where everything lies is computed by :func:`layout` and :func:`route`, which know no picture; :func:`network` draws it.
An edge is straight, unless a straight line would run through a node: then it is a curve that keeps clear. So the recurrent skip
connections of Chang et al. 2017 (figures 1 to 3) become arcs, and the taps of a dilated CNN slanted lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch
from matplotlib.path import Path

from ..arrays.checks import positive_integer
from ..theory.paths import INPUT, Graph, Place, dilated_stack, shortest_path, skip_stack
from .style import COLOURS, checked_axes, new_axes

Link = tuple[Place, Place]  # an edge of the unrolled graph: where it starts and where it ends

ROW = 1.5  # height of a row; a time step is 1 wide
RADIUS = 0.2  # of a node
UPWARD, RECURRENT, FUSION, LIT = "#ADADAD", COLOURS[5], "#66C5AB", COLOURS[1]  # in greyscale LIT is the darkest


@dataclass(frozen=True)
class Layout:
    """Where the nodes of an unrolled graph lie, as (x, y) by place, and which edges join them, each once."""

    positions: dict[Place, tuple[float, float]]
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Drawing:
    """What :func:`network` drew: a circle for each place, an arrow for each edge, and the highlighted places in order."""

    ax: Any
    nodes: dict[Place, Any]
    edges: dict[Link, Any]
    path: list[Place]

    @property
    def highlighted(self) -> list[Any]:
        """The arrows along the path."""
        return [self.edges[link] for link in pairwise(self.path)]


# ---------------------------------------------------------------------- geometry


def layout(graph: Graph, steps: int) -> Layout:
    """Return positions and edges of the graph unrolled over ``steps`` time steps; edges from before time 0 are left out.

    A node whose edges repeat with a period is there at the times at which an edge enters or leaves it.

    >>> unrolled = layout(dilated_stack([1, 2]), 3)
    >>> unrolled.positions["layer 2", 1]
    (1.0, 3.0)
    >>> [link for link in unrolled.links if link[1] == ("layer 2", 2)]
    [(('layer 2', 0), ('layer 2', 2)), (('layer 1', 2), ('layer 2', 2))]
    """
    steps = positive_integer("steps", steps)
    turns = {(e.source, e.phase) for e in graph.edges}
    turns |= {(e.target, (e.phase + e.steps) % graph.period) for e in graph.edges}
    positions = {
        (node, t): (float(t), ROW * row)
        for row, node in enumerate((INPUT, *graph.nodes))
        for t in range(steps)
        if node == INPUT or (node, t % graph.period) in turns
    }
    links = {
        ((node, t), (edge.target, t + edge.steps)): None
        for node, t in sorted(positions, key=lambda place: place[1])
        for edge in graph.leaving.get((node, t % graph.period), ())
        if t + edge.steps < steps
    }
    return Layout(positions, tuple(links))


def route(unrolled: Layout, link: Link) -> np.ndarray:
    """Return the points of an edge, from rim to rim: two for a straight line, four for a cubic curve.

    >>> unrolled = layout(dilated_stack([1, 2]), 3)
    >>> len(route(unrolled, (("layer 1", 0), ("layer 1", 1)))), len(route(unrolled, (("layer 2", 0), ("layer 2", 2))))
    (2, 4)
    """
    a, b = (np.array(unrolled.positions[place]) for place in link)
    others = np.array([xy for place, xy in unrolled.positions.items() if place not in link]).reshape(-1, 2)
    along = np.clip((others - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)[:, None]
    if np.all(np.hypot(*(others - a - along * (b - a)).T) > 1.2 * RADIUS):
        points = np.array([a, b])
    elif a[1] == b[1]:
        hop = b[0] - a[0]  # each phase has a height of its own, so that long arcs side by side stay apart
        points = arc(a, b, ROW * (0.62 - 0.24 * (a[0] % hop) / hop) * (1 - 1 / hop))
    else:  # over several rows: of some curves to the left and right, the one farthest from the nodes in between
        aside = [np.array([side, np.sign(b[1] - a[1]) * ROW / 2]) for side in np.linspace(-0.6, 0.6, 9)]
        curves = [np.array([a, a + out, b + out * [1, -1], b]) for out in aside]
        points = max(curves, key=lambda curve: _clearance(curve, others))
    for end, neighbour in ((0, 1), (-1, -2)):
        towards = points[neighbour] - points[end]
        points[end] = points[end] + RADIUS * towards / np.hypot(*towards)
    return points


def _clearance(curve: np.ndarray, others: np.ndarray) -> float:
    """Return how near a cubic curve comes to the nearest of some points."""
    s = np.linspace(0, 1, 50)[:, None]
    along = (1 - s) ** 3 * curve[0] + 3 * (1 - s) ** 2 * s * curve[1] + 3 * (1 - s) * s**2 * curve[2] + s**3 * curve[3]
    return float(np.hypot(*(along[:, None] - others).T).min())


def arc(a: Any, b: Any, height: float) -> np.ndarray:
    """Return the four points of a cubic curve from a to b, so much higher than them in the middle.

    >>> arc((0, 0), (4, 0), 0.75).tolist()
    [[0.0, 0.0], [0.8, 1.0], [3.2, 1.0], [4.0, 0.0]]
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    out = min(0.2 * (b[0] - a[0]), 1.2)  # long arcs rise as steeply as short ones, clear of the first node they pass
    rise = np.array([out, height / 0.75])
    return np.array([a, a + rise, b + rise * [-1, 1], b])


def path_caption(graph: Graph, path: Sequence[Place]) -> str:
    """Return the length of a path, and of what it is made.

    >>> path_caption(dilated_stack([1, 2, 4]), shortest_path(dilated_stack([1, 2, 4]), 0, 6))
    'length 5: 3 upward, 2 hops'
    """
    row = {node: i for i, node in enumerate((INPUT, *graph.nodes))}
    upward = sum(row[target[0]] > row[source[0]] for source, target in pairwise(path))
    hops = len(path) - 1 - upward
    return f"length {len(path) - 1}: {upward} upward, {hops} hop{'s' * (hops != 1)}"


def _found(graph: Graph, unrolled: Layout, steps: int, path: Any) -> list[Place]:
    """Return the path as a list of places that are drawn; a pair of times stands for the shortest path between them."""
    path = [] if path is None else [path] if isinstance(path, str) or not isinstance(path, Sequence) else list(path)
    if len(path) == 2 and not any(isinstance(end, tuple) for end in path):
        start, end = path
        if positive_integer("end of path", end, least=0) >= steps:
            raise ValueError(f"the path must end within the {steps} steps drawn, got time {end}; raise steps")
        found = shortest_path(graph, start, end)
        if found is None:
            raise ValueError(
                f"{graph.label} has no path from the input at time {start} to the output at time {end}; "
                "paths.reachable_spans(graph, limit) lists the spans that have one"
            )
        return found
    strange = [place for place in path if place not in list(unrolled.positions)]
    strange += [link for link in pairwise(path) if link not in unrolled.links]
    if strange:
        raise ValueError(
            f"path must be a list of places joined by edges within {steps} steps, as paths.shortest_path(graph, start, end) "
            f"returns it, or a pair of times; the graph has no {strange[0]!r}"
        )
    return path


# ---------------------------------------------------------------------- drawing


def network(graph: Graph, steps: int, path: Any = None, ax: Any = None) -> Drawing:
    """Draw the network unrolled over ``steps`` time steps, and highlight and count a path through it.

    Parameters
    ----------
    graph : any of ``paths``, or one's own.
    steps : how many time steps to draw; edges from before the first are left out.
    path : a list of places as ``paths.shortest_path`` returns it, a pair of times from input to output, or None.
    ax : axes to draw on, or None for a new figure as large as the network needs.

    Returns
    -------
    drawing : a :class:`Drawing`: the artists by place and by edge.

    Raises
    ------
    ValueError : where the path leaves what is drawn, or none joins the two times.

    Examples
    --------
    Figure 2 of the paper, the stack with dilations 1, 2 and 4, and in it the shortest path over seven steps:

    >>> drawing = network(dilated_stack([1, 2, 4]), 9, path=(0, 7))
    >>> len(drawing.nodes), len(drawing.edges), len(drawing.highlighted)
    (36, 47, 6)

    The generalised stack, with the fusion layer that joins the steps which never met:

    >>> len(network(dilated_stack([2, 4, 8]), 16).edges)
    113
    """
    unrolled = layout(graph, steps)
    places = _found(graph, unrolled, steps, path)
    rows = 1 + len(graph.nodes)
    unit = min(0.62, max(12.5 / steps, 0.15), 9 / (rows * ROW))
    ax, unit = axes_for(ax, unit, steps, rows * ROW)
    routes = {link: route(unrolled, link) for link in unrolled.links}
    top = max([ROW * (rows - 1) + 2 * RADIUS, *(points[:, 1].max() for points in routes.values())])
    ax.set(xlim=(-0.6, steps - 0.4), ylim=(-2 * RADIUS, top), aspect="equal", anchor="W")
    nodes = {place: ax.add_patch(_circle(graph, place, xy, unit)) for place, xy in unrolled.positions.items()}
    edges = {link: ax.add_patch(_arrow(graph, link, points, unit)) for link, points in routes.items()}
    drawing = Drawing(ax, nodes, edges, places)
    for artist in [*drawing.highlighted, *(nodes[place] for place in places)]:
        light(artist)

    size = float(np.clip(unit * ROW * 45, 4, 10))  # of the text, in points, so that a row has room for its label
    ax.set_yticks([ROW * row for row in range(rows)], row_labels(graph), fontsize=size)
    times = range(0, steps, label_stride(steps, unit, 0.012 * size * (len(str(steps)) + 0.5)))
    ax.set_xticks(times, times, fontsize=size)
    ax.set_xlabel("time step", fontsize=size)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    caption = f"\npath of {path_caption(graph, places)}" if places else ""
    beyond = [e.steps for e in graph.edges if e.steps >= steps]
    if beyond:
        caption = f"\nnot shown: edges of {min(beyond)} steps or more{caption}"
    ax.set_title(graph.label + caption, loc="left", fontsize=size + 1)
    return drawing


def skip_comparison(
    skip: int = 4, steps: int = 13, num_layers: int = 1, path: Any = None, axes: Any = None
) -> tuple[Drawing, Drawing]:
    """Draw figure 1 of the paper: regular skip connections above, dilated ones below.

    Parameters
    ----------
    skip : how many time steps a skip connection travels. steps, path : as in :func:`network`, for both.
    num_layers : all with the same skip. axes : two axes to draw on, or None for a new figure.

    Returns
    -------
    drawings : the two :class:`Drawing`, regular and dilated.

    Examples
    --------
    >>> regular, dilated = skip_comparison(skip=4, steps=9)
    >>> len(regular.edges) - len(dilated.edges)  # the unit edges, which keep the steps from running in parallel
    8
    """
    graphs = skip_stack(num_layers, skip), dilated_stack([skip] * positive_integer("num_layers", num_layers), False)
    if axes is None:
        unit = min(0.62, max(12.5 / positive_integer("steps", steps), 0.15))
        size = max(5.2, unit * steps + 1.7), 2 * unit * (1 + num_layers) * ROW + 2.2
        axes = Figure(figsize=size, layout="constrained").subplots(2)
    if np.size(axes) != 2:
        raise ValueError(f"axes must be two Axes, one for each network, got {np.size(axes)}")
    return network(graphs[0], steps, path, axes[0]), network(graphs[1], steps, path, axes[1])


def axes_for(ax: Any, unit: float, width: float, height: float) -> tuple[Any, float]:
    """Return axes to draw so many units on, and a unit in inches: as wished on a new figure, else as large as fits."""
    if ax is None:
        return new_axes(max(5.2, unit * width + 1.7), unit * height + 1.2), unit
    box = checked_axes(ax).get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    return ax, min(unit, box.width / width, box.height / height)


def label_stride(count: int, room: float, needed: float) -> int:
    """Return how many places one label stands for, so that labels which need more than a place's room do not touch.

    >>> label_stride(32, room=0.2, needed=0.3)
    2
    """
    stride = 1
    while stride < count and stride * room < needed:
        stride *= 2
    return stride


def light(artist: Any) -> None:
    """Make a node or an edge stand out, in colour and in greyscale: filled, thicker, above the others."""
    artist.set(color=LIT, linewidth=2.6 * artist.get_linewidth(), zorder=artist.get_zorder() + 2)


def _circle(graph: Graph, place: Place, xy: tuple[float, float], unit: float) -> Circle:
    face = {INPUT: "#DDDDDD", graph.fusion: "#BFE6D9"}.get(place[0], "white")
    return Circle(xy, RADIUS, facecolor=face, edgecolor="#333333", linewidth=min(2.2 * unit, 1.2), zorder=3)


def _arrow(graph: Graph, link: Link, points: np.ndarray, unit: float) -> FancyArrowPatch:
    codes = [Path.MOVETO, Path.LINETO] if len(points) == 2 else [Path.MOVETO] + 3 * [Path.CURVE4]
    (_, start), (target, end) = link
    colour = FUSION if target == graph.fusion else RECURRENT if end > start else UPWARD
    arrow = FancyArrowPatch(path=Path(points, codes), arrowstyle="-|>", color=colour, zorder=2, capstyle="butt")
    arrow.set(linewidth=min(2.2 * unit, 1.2), mutation_scale=min(20 * unit, 10))
    return arrow


def row_labels(graph: Graph) -> list[str]:
    """Return the nodes' names, with the lengths of a node's own recurrent edges where all steps are alike."""
    loops = {node: sorted({e.steps for e in graph.edges if e.source == e.target == node}) for node in graph.nodes}
    shown = {node: ", ".join(map(str, lengths)) for node, lengths in loops.items() if lengths and graph.period == 1}
    return [f"{node}, d = {shown[node]}" if node in shown else node for node in (INPUT, *graph.nodes)]
