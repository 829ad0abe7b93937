"""The explorer: one self-contained HTML page in which the reader changes an architecture and follows its paths and gradient.

The page's sources are in the folder ``page``: a template, a style sheet and JavaScript, which computes every path length, mean
and stage by itself. Python joins the files and adds the colours, the architecture to start with, and the arrays of an example.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from ..arrays.files import atomic
from ..nets.model import DilatedRNN
from ..nets.network import Network
from ..theory.dilations import exponential_dilations
from ..theory.graphs import Graph, clockwork, dilated_cnn, dilated_stack, plain_stack, skip_stack
from .example import Example, example_record
from .style import COLOURS, SYSTEM_COLOURS

PAGE = Path(__file__).parent / "page"
SCRIPTS = (  # each file uses names of the files before it
    *("graphs", "lengths", "stages", "search", "surface", "network", "chart", "fold", "checkpoint"),
    *("state", "texts", "page", "controls", "pointer"),
)
MOST_LAYERS, LARGEST_DILATION = 12, 4096  # that the page draws, as in graphs.js


def explorer(
    model: Network | Sequence[int],
    path: str | os.PathLike[str],
    example: Example | None = None,
    title: str = "Explorer of dilated recurrent nets",
) -> Path:
    """Write the explorer as one HTML file without any network access, and return its path.

    Parameters
    ----------
    model : a dilated, plain, skip or clockwork RNN or a dilated CNN of kernel size 2; or the dilations of a dilated RNN.
    path : the file to write; ends in ".html".
    example : one sequence for the model, whose states, gates and gradients the page then shows; None for none.
    title : of the browser's window.

    Raises
    ------
    ValueError : for an architecture that the page does not draw, and for another ending of the path.
    TypeError : for an example without a model.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = explorer([1, 2, 4], f"{folder}/explorer.html").read_text(encoding="utf-8")
    >>> page.count("<script"), len(page) < 200_000
    (2, True)
    """
    file, start = checked_page(model, path)
    given: dict[str, Any] = {"colours": SYSTEM_COLOURS, "phases": COLOURS, "start": start, "example": None}
    if example is not None:
        if not isinstance(model, Network):
            raise TypeError("an example needs a model, not only dilations: give the network as model")
        given["example"] = example_record(model, example) | {"system": start["system"]}
        start |= {"T": given["example"]["steps"], "to": min(start["to"], given["example"]["steps"] - 1)}
    with atomic(file) as stream:
        stream.write(_joined(given, title))
    return file


def checked_page(model: Network | Sequence[int], path: str | os.PathLike[str]) -> tuple[Path, dict[str, Any]]:
    """Return the page's path and the settings to start with; a page that cannot be written raises a ValueError."""
    file, graph = Path(path), model.graph() if isinstance(model, Network) else dilated_stack(model)
    if file.suffix.lower() != ".html":
        raise ValueError(f"path must end in '.html', got {str(path)!r}")
    start = architecture(graph)
    if start is None:
        drawn = "dilated, plain and skip RNNs, clockwork RNNs of one layer and dilated CNNs of kernel size 2"
        limits = f"with at most {MOST_LAYERS} layers and dilations up to {LARGEST_DILATION:,}"
        raise ValueError(f"the explorer draws {drawn}, {limits}, got {graph.label}")
    if isinstance(model, DilatedRNN):
        start["fusion"] = model.fusion and model.output_size is not None
    return file, start


def architecture(graph: Graph) -> dict[str, Any] | None:
    """Return the page's settings for a graph: system, dilations, skip, and the steps and path to start with; None for others.

    >>> architecture(skip_stack(2, 8))
    {'system': 'skip', 'd': [1, 2], 's': 8, 'T': 16, 'from': 0, 'to': 3}
    """
    nodes = [node for node in graph.nodes if node != graph.fusion]
    loops = [{e.steps for e in graph.edges if e.source == e.target == node} for node in nodes]
    layers, longest = len(nodes), [max((e.steps for e in graph.edges if e.target == node), default=0) for node in nodes]
    powers = exponential_dilations(layers)  # the dilations of the page's other systems, where the graph has none
    found: dict[str, Any] = {}
    if graph == plain_stack(layers):
        found = {"system": "plain", "d": powers}
    elif all(len(steps) == 1 for steps in loops) and graph == dilated_stack(longest, fusion=graph.fusion is not None):
        found = {"system": "dilated", "d": longest}
    elif longest[0] > 1 and graph == skip_stack(layers, longest[0]):
        found = {"system": "skip", "d": powers, "s": longest[0]}
    elif all(longest) and graph == dilated_cnn(longest):
        found = {"system": "dilated-cnn", "d": longest}
    elif all(loops) and graph == clockwork([min(steps) for steps in loops]):
        found = {"system": "clockwork", "d": [min(steps) for steps in loops]}
    if not found or layers > MOST_LAYERS or max(found["d"]) > LARGEST_DILATION:
        return None
    largest = max(found["d"])
    steps = max(16, min(2 * largest, 320))
    return found | {
        "T": steps,
        "from": 0,
        "to": min(2 * largest, steps) - 1,
    }  # all dilations of an exponential stack at work


def _joined(given: dict[str, Any], title: str) -> str:
    """Return the page: the template with its style sheet, its scripts as one closed scope, and the given data."""
    scripts = "\n".join((PAGE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    parts = {
        "title": escape(title),
        "style": (PAGE / "page.css").read_text(encoding="utf-8"),
        "given": json.dumps(given).replace("</", "<\\/"),  # no text of the data may end the script element
        "script": f'(() => {{\n"use strict";\n{scripts}}})();',
    }
    page = (PAGE / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], page)
