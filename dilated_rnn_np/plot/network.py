"""Pictures of the unrolled network, with a shortest path highlighted and counted; ``geometry`` computes where everything lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch

from ..arrays.checks import positive_integer
from ..theory.graphs import INPUT, Graph, Place, dilated_stack, skip_stack
from ..theory.paths import shortest_path
from .geometry import RADIUS, ROW, Layout, Link, layout, route
from .style import COLOURS, arrow, axes_for, label_stride

UPWARD, RECURRENT, FUSION, LIT = "#ADADAD", COLOURS[5], "#66C5AB", COLOURS[1]  # in greyscale LIT is the darkest


@dataclass(frozen=True)
class Drawing:
    """The artists of :func:`network`: a circle for each place, an arrow for each edge, and the highlighted places in order."""

    ax: Any
    nodes: dict[Place, Any]
    edges: dict[Link, Any]
    path: list[Place]

    @property
    def highlighted(self) -> list[Any]:
        """The arrows along the path."""
        return [self.edges[link] for link in pairwise(self.path)]


def network(graph: Graph, steps: int, path: Any = None, ax: Any = None) -> Drawing:
    """Draw the network unrolled over ``steps`` time steps, and highlight and count a path through it.

    Parameters
    ----------
    graph : from ``paths``, or one's own. steps : edges from before the first step are left out.
    path : a list of places as ``paths.shortest_path`` returns it, a pair of times from input to output, or None.

    Raises
    ------
    ValueError : where the path is not within the drawing, or no path joins the two times.

    Examples
    --------
    Figure 2 of the paper, the stack with dilations 1, 2 and 4, and in it the shortest path over seven steps:

    >>> drawing = network(dilated_stack([1, 2, 4]), 9, path=(0, 7))
    >>> len(drawing.nodes), len(drawing.edges), len(drawing.highlighted)
    (36, 47, 6)

    The generalised stack, with the fusion layer that joins the phases:

    >>> len(network(dilated_stack([2, 4, 8]), 16).edges)
    113
    """
    unrolled = layout(graph, steps)
    places = _checked_path(graph, unrolled, steps, path)
    rows = 1 + len(graph.nodes)
    ax, unit = axes_for(ax, _unit(steps, rows * ROW), steps, rows * ROW)
    routes = {link: route(unrolled, link) for link in unrolled.links}
    top = max([ROW * (rows - 1) + 2 * RADIUS, *(points[:, 1].max() for points in routes.values())])
    ax.set(xlim=(-0.6, steps - 0.4), ylim=(-2 * RADIUS, top), aspect="equal", anchor="W")
    nodes = {place: ax.add_patch(_circle(graph, place, xy, unit)) for place, xy in unrolled.positions.items()}
    edges = {link: ax.add_patch(_edge(graph, link, points, unit)) for link, points in routes.items()}
    drawing = Drawing(ax, nodes, edges, places)
    for artist in [*drawing.highlighted, *(nodes[place] for place in places)]:
        _light(artist)

    size = float(np.clip(unit * ROW * 45, 4, 10))  # of the text, in points: a row has room for its label
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
    """Draw figure 1 of the paper: regular skip connections above, dilated skip connections below.

    Parameters
    ----------
    skip : the number of time steps that a skip connection travels, in all layers. steps, path : as in :func:`network`.
    axes : two, by default of a new figure.

    Examples
    --------
    >>> regular, dilated = skip_comparison(skip=4, steps=9)
    >>> len(regular.edges) - len(dilated.edges)  # the unit edges, which prevent the steps from running in parallel
    8
    """
    regular, dilated = skip_stack(num_layers, skip), dilated_stack([skip] * num_layers, fusion=False)
    if axes is None:
        unit = _unit(positive_integer("steps", steps))
        size = max(5.2, unit * steps + 1.7), 2 * unit * (1 + num_layers) * ROW + 2.2
        axes = Figure(figsize=size, layout="constrained").subplots(2)
    if np.size(axes) != 2:
        raise ValueError(f"axes must be two Axes, one for each network, got {np.size(axes)}")
    return network(regular, steps, path, axes[0]), network(dilated, steps, path, axes[1])


def path_caption(graph: Graph, path: Sequence[Place]) -> str:
    """Return the length of a path as text, split into upward edges and hops.

    >>> path_caption(dilated_stack([1, 2, 4]), shortest_path(dilated_stack([1, 2, 4]), 0, 6))
    'length 5: 3 upward, 2 hops'
    """
    row = {node: i for i, node in enumerate((INPUT, *graph.nodes))}
    upward = sum(row[target[0]] > row[source[0]] for source, target in pairwise(path))
    hops = len(path) - 1 - upward
    return f"length {len(path) - 1}: {upward} upward, {hops} hop{'s' * (hops != 1)}"


def row_labels(graph: Graph) -> list[str]:
    """Return the label of each row: the node, and its dilations where the graph's steps are all alike."""
    loops = {node: sorted({e.steps for e in graph.edges if e.source == e.target == node}) for node in graph.nodes}
    shown = {node: ", ".join(map(str, lengths)) for node, lengths in loops.items() if lengths and graph.period == 1}
    return [f"{node}, d = {shown[node]}" if node in shown else node for node in (INPUT, *graph.nodes)]


def _checked_path(graph: Graph, unrolled: Layout, steps: int, path: Any) -> list[Place]:
    """Return the path as a list of drawn places; a pair of times stands for the shortest path between them."""
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
    unknown = [place for place in path if place not in list(unrolled.positions)]
    unknown += [link for link in pairwise(path) if link not in unrolled.links]
    if unknown:
        raise ValueError(
            f"path must be a list of places joined by edges within {steps} steps, as paths.shortest_path(graph, start, end) "
            f"returns it, or a pair of times; the graph has no {unknown[0]!r}"
        )
    return path


def _unit(steps: int, height: float = 1.0) -> float:
    """Return the inches per time step of a new figure: smaller for a long or a high network."""
    return min(0.62, max(12.5 / steps, 0.15), 9 / height)


def _light(artist: Any) -> None:
    """Highlight a node or an edge, in colour and in greyscale: filled, thicker, above the others."""
    artist.set(color=LIT, linewidth=2.6 * artist.get_linewidth(), zorder=artist.get_zorder() + 2)


def _circle(graph: Graph, place: Place, xy: tuple[float, float], unit: float) -> Circle:
    face = {INPUT: "#DDDDDD", graph.fusion: "#BFE6D9"}.get(place[0], "white")
    return Circle(xy, RADIUS, facecolor=face, edgecolor="#333333", linewidth=min(2.2 * unit, 1.2), zorder=3)


def _edge(graph: Graph, link: Link, points: np.ndarray, unit: float) -> FancyArrowPatch:
    (_, start), (target, end) = link
    colour = FUSION if target == graph.fusion else RECURRENT if end > start else UPWARD
    return arrow(points, colour, linewidth=min(2.2 * unit, 1.2), head=min(20 * unit, 10))
