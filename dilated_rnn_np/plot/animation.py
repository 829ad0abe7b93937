"""Animations of the forward pass and of backpropagation through time over the unrolled network.

In the forward pass, a frame lights the nodes that are computed together: in a layer of dilation d these are d time steps at
once, the phases of the fold. In the backward pass, a frame lights the nodes that the gradient of one output reaches over one
more edge. Frames are sets of places, computed without drawing; an animation is saved as a GIF. The page of ``explorer`` steps
through the same frames in a browser, backward along every edge.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from matplotlib.animation import Animation, FuncAnimation, PillowWriter

from ..arrays.checks import positive_integer
from ..arrays.files import atomic
from ..theory.graphs import INPUT, Graph, Place
from .geometry import Link, layout
from .network import LIT, network

WAITING, REACHED, PASSED = "#D0D0D0", "#A6CBE3", "#5E9BC4"


@dataclass(frozen=True)
class Frame:
    """The places that one frame lights, the edges that lead there, and a caption."""

    places: frozenset[Place]
    links: frozenset[Link]
    caption: str


# ---------------------------------------------------------------------- frames


def forward_frames(graph: Graph, steps: int) -> list[Frame]:
    """Return the forward pass as the model runs it: layer by layer, each with as many time steps at once as possible.

    The inputs come first; each node is lit once, after all nodes that it reads.

    >>> from dilated_rnn_np import paths
    >>> for frame in forward_frames(paths.dilated_stack([1, 2]), 4):
    ...     print(frame.caption)
    the input, time steps 0 to 3
    parallel step 1 of 6: layer 1, time step 0
    parallel step 2 of 6: layer 1, time step 1
    parallel step 3 of 6: layer 1, time step 2
    parallel step 4 of 6: layer 1, time step 3
    parallel step 5 of 6: layer 2, time steps 0 to 1
    parallel step 6 of 6: layer 2, time steps 2 to 3
    """
    unrolled = layout(graph, steps)
    sources = _sources(unrolled.links)
    waves: list[set[Place]] = []
    for group in _groups(graph):
        depth: dict[Place, int] = {}  # the longest path to a place within its group; earlier groups are already lit
        for place in ((node, t) for t in range(steps) for node in graph.order if node in group):
            if place in unrolled.positions:
                depth[place] = max((depth[s] + 1 for s in sources[place] if s in depth), default=0)
        waves += [{p for p in depth if depth[p] == level} for level in range(max(depth.values(), default=-1) + 1)]

    inputs = frozenset((INPUT, t) for t in range(steps))
    frames = [Frame(inputs, frozenset(), f"the input, {_times(inputs)}")]
    for i, wave in enumerate(waves, 1):
        links = frozenset((source, place) for place in wave for source in sources[place])
        caption = f"parallel step {i} of {len(waves)}: {_named(graph, wave)}, {_times(wave)}"
        frames.append(Frame(frozenset(wave), links, caption))
    return frames


def backward_frames(graph: Graph, steps: int, end: int | None = None) -> list[Frame]:
    """Return the places that the gradient of the output at time ``end`` first reaches after 0, 1, 2, … edges.

    The output comes first; each place that the gradient reaches is lit once. ``end`` None takes the last output.

    >>> from dilated_rnn_np import paths
    >>> for frame in backward_frames(paths.dilated_stack([1, 2]), 4):
    ...     print(frame.caption)
    loss at time step 3: the gradient starts at layer 2
    1 edge back: 2 more nodes, as far back as time step 1
    2 edges back: 3 more nodes, as far back as time step 1
    3 edges back: 3 more nodes, as far back as time step 0
    4 edges back: 1 more node, as far back as time step 0
    """
    unrolled = layout(graph, steps)
    end = steps - 1 if end is None else positive_integer("end", end, least=0)
    if end >= steps:
        raise ValueError(f"end must lie within the {steps} time steps drawn, got {end}; raise steps")
    sources = _sources(unrolled.links)
    front = {place for place in graph.read_at(end) if place in unrolled.positions}
    caption = f"loss at time step {end}: the gradient starts at {_named(graph, front)}"
    frames, reached = [Frame(frozenset(front), frozenset(), caption)], set(front)
    while links := {(source, place) for place in front for source in sources[place] if source not in reached}:
        front = {source for source, _ in links}
        reached |= front
        counts = f"{_counted(len(frames), 'edge')} back: {_counted(len(front), 'more node')}"
        caption = f"{counts}, as far back as time step {min(t for _, t in reached)}"
        frames.append(Frame(frozenset(front), frozenset(links), caption))
    return frames


def _sources(links: Iterable[Link]) -> defaultdict[Place, list[Place]]:
    """Return for each place the sources of the edges that lead to it."""
    table: defaultdict[Place, list[Place]] = defaultdict(list)
    for source, target in links:
        table[target].append(source)
    return table


def _groups(graph: Graph) -> list[frozenset[str]]:
    """Return groups of nodes in an order in which each group can be computed over the whole sequence.

    Nodes that feed each other through time form one group; in a stack each layer is a group.
    """
    needs = {node: {node} for node in graph.nodes}  # the nodes that influence each node, at any time
    for _ in graph.nodes:
        for edge in graph.edges:
            needs[edge.target] |= needs.get(edge.source, set())
    groups = {frozenset(m for m in needs[node] if node in needs[m]): len(needs[node]) for node in graph.nodes}
    return sorted(groups, key=groups.__getitem__)  # a group needs more nodes than its sources


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _named(graph: Graph, places: Iterable[Place]) -> str:
    lit = {node for node, _ in places}
    names = [node for node in (INPUT, *graph.nodes) if node in lit]
    return ", ".join(names) if len(names) <= 2 else f"{names[0]} … {names[-1]}"


def _times(places: Iterable[Place]) -> str:
    times = sorted({t for _, t in places})
    if len(times) == 1:
        return f"time step {times[0]}"
    if times == list(range(times[0], times[-1] + 1)):
        return f"time steps {times[0]} to {times[-1]}"
    return f"{len(times)} time steps from {times[0]} to {times[-1]}"


# ---------------------------------------------------------------------- animations


def forward_animation(graph: Graph, steps: int) -> FuncAnimation:
    """Return the :func:`forward_frames` as an animation, for :func:`save_gif`.

    >>> import tempfile
    >>> from dilated_rnn_np import paths
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(save_gif(forward_animation(paths.dilated_stack([1, 2]), 4), folder + "/forward.gif").name)
    forward.gif
    """
    return _animated(graph, steps, forward_frames(graph, steps), "forward pass")


def backward_animation(graph: Graph, steps: int, end: int | None = None) -> FuncAnimation:
    """Return the :func:`backward_frames` as an animation, for :func:`save_gif`.

    >>> import tempfile
    >>> from dilated_rnn_np import paths
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(save_gif(backward_animation(paths.dilated_stack([1, 2]), 4), folder + "/backward.gif").name)
    backward.gif
    """
    return _animated(graph, steps, backward_frames(graph, steps, end), "backward pass")


def _animated(graph: Graph, steps: int, frames: list[Frame], title: str) -> FuncAnimation:
    drawing = network(graph, steps)
    drawing.ax.set_title("", loc="left")
    first = {place: i for i, frame in enumerate(frames) for place in frame.places}
    passed = {link: i for i, frame in enumerate(frames) for link in frame.links}
    widths = {link: arrow.get_linewidth() for link, arrow in drawing.edges.items()}

    def show(i: int) -> None:
        for place, circle in drawing.nodes.items():
            circle.set_facecolor(("white", LIT, REACHED)[_state(i, first.get(place))])
        for link, arrow in drawing.edges.items():
            state = _state(i, passed.get(link))
            arrow.set_color((WAITING, LIT, PASSED)[state])
            arrow.set(linewidth=(1, 2.6, 1)[state] * widths[link], zorder=(2, 4, 2.5)[state])
        caption = f"{title}, {graph.label}\n{frames[i].caption}"
        drawing.ax.figure.suptitle(caption, x=0.01, horizontalalignment="left", fontsize=10)

    return FuncAnimation(drawing.ax.figure, show, frames=len(frames), interval=1000)


def _state(now: int, lit: int | None) -> int:
    """Return 0 before the frame ``lit``, 1 in this frame and 2 after it."""
    return 0 if lit is None or now < lit else 1 if now == lit else 2


def save_gif(animation: FuncAnimation, path: str | PathLike[str]) -> Path:
    """Write an animation as a GIF to a path that ends in ".gif", and return the path."""
    if not isinstance(animation, Animation):
        given = type(animation).__name__
        raise TypeError(f"animation must be a matplotlib animation, see forward_animation, got {given}")
    file = Path(path)
    if file.suffix.lower() != ".gif":
        raise ValueError(f"path must end in '.gif', got {str(path)!r}")
    with tempfile.TemporaryDirectory() as folder:  # Matplotlib's writers take only the path of a file
        drawn = Path(folder, "animation.gif")
        animation.save(drawn, writer=PillowWriter(fps=1))
        with atomic(file, "wb") as out:
            out.write(drawn.read_bytes())
    return file
