"""The forward pass and backpropagation through time, frame by frame over the unrolled network.

Forward, a frame lights the nodes that are computed together: in a layer of dilation d that is d time steps at once, the
phases of the fold. Backward, a frame lights the nodes that the gradient of one output reaches over one more edge. The
frames are sets of places, computed without a picture; a page of its own steps through them by buttons.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from os import PathLike
from pathlib import Path

from matplotlib.animation import Animation, FuncAnimation, HTMLWriter, PillowWriter

from ..arrays.checks import positive_integer
from ..theory.paths import INPUT, Graph, Place
from .network import LIT, Link, layout, network

WAITING, REACHED, PASSED = "#D0D0D0", "#A6CBE3", "#5E9BC4"
BUTTONS = {  # matplotlib's names of the icons, and the words that stand for them in a page without an icon font
    "fa-minus": "slower",
    "fa-fast-backward": "first",
    "fa-step-backward": "back",
    "fa-flip-horizontal": "reverse",
    "fa-pause": "pause",
    "fa-play": "play",
    "fa-step-forward": "next",
    "fa-fast-forward": "last",
    "fa-plus": "faster",
}


@dataclass(frozen=True)
class Frame:
    """What one frame lights: places, the edges that lead there, and a caption that says which."""

    places: frozenset[Place]
    links: frozenset[Link]
    caption: str


# ---------------------------------------------------------------------- frames


def forward_frames(graph: Graph, steps: int) -> list[Frame]:
    """Return the forward pass as the model runs it: layer by layer, in each as many time steps at once as can be.

    Returns
    -------
    frames : the inputs first; a node is lit once, after all that it needs.

    Examples
    --------
    >>> from dilated_rnn_np.paths import dilated_stack
    >>> for frame in forward_frames(dilated_stack([1, 2]), 4):
    ...     print(frame.caption)
    the input is there, time steps 0 to 3
    parallel step 1 of 6: layer 1, time step 0
    parallel step 2 of 6: layer 1, time step 1
    parallel step 3 of 6: layer 1, time step 2
    parallel step 4 of 6: layer 1, time step 3
    parallel step 5 of 6: layer 2, time steps 0 to 1
    parallel step 6 of 6: layer 2, time steps 2 to 3
    """
    unrolled = layout(graph, steps)
    needs = _grouped(unrolled.links, by=1)
    waves: list[set[Place]] = [{place for place in unrolled.positions if place[0] == INPUT}]
    for group in _groups(graph):
        depth: dict[Place, int] = {}  # the longest way to a place within its group; all groups before it are done
        for place in ((node, t) for t in range(steps) for node in graph.order if node in group):
            if place in unrolled.positions:
                depth[place] = max((depth[source] + 1 for source in needs.get(place, ()) if source in depth), default=0)
        waves += [{p for p in depth if depth[p] == level} for level in range(max(depth.values(), default=-1) + 1)]
    return [
        Frame(
            frozenset(wave),
            frozenset((source, place) for place in wave for source in needs.get(place, ())),
            f"parallel step {i} of {len(waves) - 1}: {_named(graph, wave)}, {_times(wave)}"
            if i
            else f"the input is there, {_times(wave)}",
        )
        for i, wave in enumerate(waves)
    ]


def backward_frames(graph: Graph, steps: int, end: int | None = None) -> list[Frame]:
    """Return how far the gradient of the output at time ``end`` has come after 0, 1, 2, … edges, the shortest way.

    Parameters
    ----------
    graph, steps : as in ``network``. end : the time of the output that has a loss; None takes the last.

    Returns
    -------
    frames : the output first; each place that the gradient reaches is lit once.

    Examples
    --------
    >>> from dilated_rnn_np.paths import dilated_stack
    >>> for frame in backward_frames(dilated_stack([1, 2]), 4):
    ...     print(frame.caption)
    loss at time step 3: the gradient starts at layer 2
    1 edge back: 2 nodes more, as far back as time step 1
    2 edges back: 3 nodes more, as far back as time step 1
    3 edges back: 3 nodes more, as far back as time step 0
    4 edges back: 1 node more, as far back as time step 0
    """
    unrolled = layout(graph, steps)
    end = steps - 1 if end is None else positive_integer("end", end, least=0)
    if end >= steps:
        raise ValueError(f"end must lie within the {steps} time steps drawn, got {end}; raise steps")
    sources = _grouped(unrolled.links, by=1)
    front, links = {place for place in graph.read_at(end) if place in unrolled.positions}, set[Link]()
    reached, frames = set(front), list[Frame]()
    while front:
        earliest = min(t for _, t in reached)
        counts = f"{_counted(len(frames), 'edge')} back: {_counted(len(front), 'node')} more"
        caption = f"{counts}, as far back as time step {earliest}"
        caption = caption if frames else f"loss at time step {end}: the gradient starts at {_named(graph, front)}"
        frames.append(Frame(frozenset(front), frozenset(links), caption))
        links = {(source, place) for place in front for source in sources.get(place, ()) if source not in reached}
        front = {source for source, _ in links}
        reached |= front
    return frames


def _grouped(links: Iterable[Link], by: int) -> dict[Place, list[Place]]:
    """Return for each place the other ends of the links that have it at end ``by``."""
    table: dict[Place, list[Place]] = {}
    for link in links:
        table.setdefault(link[by], []).append(link[1 - by])
    return table


def _groups(graph: Graph) -> list[set[str]]:
    """Return the nodes in the order in which they can be computed over the whole sequence.

    Nodes that feed each other through time form one group; in a stack each layer is a group.
    """
    needs = {node: {node} for node in graph.nodes}
    for _ in graph.nodes:
        for edge in graph.edges:
            needs[edge.target] |= needs.get(edge.source, set())
    groups = {frozenset(m for m in needs[node] if node in needs[m]): len(needs[node]) for node in graph.nodes}
    return [set(group) for group in sorted(groups, key=lambda group: groups[group])]  # what needs more comes later


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
    """Return the forward pass as an animation: what lights up together runs in parallel.

    Returns
    -------
    animation : matplotlib's, with one frame for each of :func:`forward_frames`; give it to a save function of this file.

    Examples
    --------
    >>> import tempfile
    >>> from dilated_rnn_np.paths import dilated_stack
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(save_gif(forward_animation(dilated_stack([1, 2]), 4), folder + "/forward.gif").name)
    forward.gif
    """
    return _animated(graph, steps, forward_frames(graph, steps), "forward pass")


def backward_animation(graph: Graph, steps: int, end: int | None = None) -> FuncAnimation:
    """Return backpropagation through time as an animation: the gradient goes back one edge a frame.

    Parameters
    ----------
    graph, steps, end : as in :func:`backward_frames`.

    Returns
    -------
    animation : matplotlib's, with one frame for each of :func:`backward_frames`.

    Examples
    --------
    >>> import tempfile
    >>> from dilated_rnn_np.paths import dilated_stack
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(save_html(backward_animation(dilated_stack([1, 2]), 4), folder + "/backward.html").name)
    backward.html
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
        drawing.ax.figure.suptitle(
            f"{title}, {graph.label}\n{frames[i].caption}", x=0.01, horizontalalignment="left", fontsize=10
        )

    return FuncAnimation(drawing.ax.figure, show, frames=len(frames), interval=1000)


def _state(now: int, lit: int | None) -> int:
    """Return 0 before the frame that lights it, 1 in it, 2 after it."""
    return 0 if lit is None or now < lit else 1 if now == lit else 2


def save_gif(animation: FuncAnimation, path: str | PathLike[str]) -> Path:
    """Write an animation as a GIF, and return its path.

    Raises
    ------
    ValueError : where the path does not end in ".gif".
    """
    file = _checked(animation, path, ".gif")
    animation.save(file, writer=PillowWriter(fps=1))
    return file


def save_html(animation: FuncAnimation, path: str | PathLike[str], title: str = "Unrolled network") -> Path:
    """Write an animation as a page with buttons that step forward and back; it holds all it needs, so it opens offline.

    Parameters
    ----------
    animation : of this file, or any of matplotlib's. path : where to write, ending in ".html". title : of the page.

    Raises
    ------
    ValueError : where the path does not end in ".html".
    """
    file = _checked(animation, path, ".html")
    animation.save(file, writer=HTMLWriter(fps=1, embed_frames=True, embed_limit=1000, default_mode="once"))
    player = re.sub(
        r"<link[^>]*>", "", file.read_text(encoding="utf-8")
    )  # the icon font lies on another server; words need none
    player = re.sub(r'<i class="[^"]*?([\w-]+)"></i>', lambda icon: BUTTONS.get(icon[1], icon[1]), player)
    style = "<style>.anim-buttons button { width: auto; padding: 2px 8px; } img { max-width: 100%; }</style>"
    head = f'<meta charset="utf-8"><title>{escape(title)}</title>'
    page = f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>{player}{style}</body></html>\n'
    file.write_text(page, encoding="utf-8")
    return file


def _checked(animation: FuncAnimation, path: str | PathLike[str], suffix: str) -> Path:
    if not isinstance(animation, Animation):
        raise TypeError(
            f"animation must be one of matplotlib's, as forward_animation returns it, got {type(animation).__name__}"
        )
    file = Path(path)
    if file.suffix.lower() != suffix:
        raise ValueError(f"path must end in {suffix!r}, got {str(path)!r}")
    return file
