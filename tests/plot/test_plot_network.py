"""Pictures of the unrolled network and of the fold: counts, positions, highlighted paths, labels that do not overlap."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from support.graphs import DILATIONS, GRAPHS, STEPS

from dilated_rnn_np import paths
from dilated_rnn_np.plot.fold import fold
from dilated_rnn_np.plot.geometry import RADIUS, layout, route
from dilated_rnn_np.plot.network import network, skip_comparison
from dilated_rnn_np.plot.style import label_stride
from dilated_rnn_np.theory.paths import INPUT, Edge, Graph, clockwork, dilated_cnn, dilated_stack, shortest_path

FEW = settings(max_examples=20)  # for tests that draw a picture per example


def labels_of(ax):
    """Draw the picture and return all labels with a text."""
    FigureCanvasAgg(ax.figure).draw()
    ticks = [*ax.get_xticklabels(), *ax.get_yticklabels()]
    texts = [*ticks, *ax.texts, ax.xaxis.label, ax.title, *[t for t in ax.get_children() if hasattr(t, "get_text")]]
    return [t for t in dict.fromkeys(texts) if t.get_text()]


def assert_labels_are_apart(ax):
    labels = labels_of(ax)
    boxes = [(label.get_text(), label.get_window_extent()) for label in labels]
    for (one, a), (other, b) in combinations(boxes, 2):
        assert not a.overlaps(b), f"{one!r} overlaps {other!r}"
    width, height = ax.figure.canvas.get_width_height()
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, f"{text!r} is cut"
    return [text for text, _ in boxes]


# ---------------------------------------------------------------------- geometry


@given(DILATIONS, STEPS)
def test_a_dilated_stack_has_one_node_per_layer_and_step_and_all_edges_of_its_graph(dilations, T):
    unrolled = layout(dilated_stack(dilations, fusion=False), T)
    assert len(unrolled.positions) == (1 + len(dilations)) * T
    assert len(unrolled.links) == len(dilations) * T + sum(max(T - d, 0) for d in dilations)


@given(GRAPHS, STEPS)
def test_each_edge_of_the_graph_appears_once_per_step(graph, T):
    expected = [
        ((e.source, t), (e.target, t + e.steps))
        for e in graph.edges
        for t in range(T - e.steps)
        if t % graph.period == e.phase
    ]
    assert sorted(layout(graph, T).links) == sorted(expected)


@given(DILATIONS.map(sorted), STEPS)
def test_a_clockwork_module_has_nodes_only_at_its_updates(periods, T):
    graph = clockwork(periods)
    for node, period in zip(graph.nodes, periods, strict=True):
        assert [t for name, t in layout(graph, T).positions if name == node] == list(range(0, T, period))


@given(GRAPHS, STEPS)
def test_time_runs_to_the_right_and_layers_lie_above_each_other(graph, T):
    positions = layout(graph, T).positions
    assert all(x == t for (_, t), (x, _) in positions.items())
    heights = [{y for (name, _), (_, y) in positions.items() if name == node} for node in (INPUT, *graph.nodes)]
    assert all(len(row) <= 1 for row in heights)
    drawn = [row.pop() for row in heights if row]
    assert drawn == sorted(set(drawn)) and drawn[0] == 0


@given(GRAPHS, st.integers(1, 10))
def test_no_edge_crosses_a_node(graph, T):
    assert_edges_are_clear(layout(graph, T))


def test_no_long_edge_crosses_a_node():
    assert_edges_are_clear(layout(dilated_stack([16, 31], fusion=False), 62))


@pytest.mark.parametrize("rows, travels", [(2, 0), (9, 0), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3), (4, 1), (6, 5)])
def test_no_edge_over_several_rows_crosses_a_node(rows, travels):
    names = tuple("abcdefghi"[:rows])
    upward = tuple(Edge(below, node) for below, node in pairwise((INPUT, *names)))
    assert_edges_are_clear(layout(Graph("own", names, (*upward, Edge(INPUT, names[-1], travels))), 6))


def assert_edges_are_clear(unrolled):
    s = np.linspace(0, 1, 200)[:, None]
    for link in unrolled.links:
        points = route(unrolled, link)
        weights = [1 - s, s] if len(points) == 2 else [(1 - s) ** 3, 3 * (1 - s) ** 2 * s, 3 * (1 - s) * s**2, s**3]
        curve = sum(w * p for w, p in zip(weights, points, strict=True))
        for place, xy in unrolled.positions.items():
            nearest = np.hypot(*(curve - xy).T).min()
            if place in link:
                assert nearest == pytest.approx(RADIUS), (link, place)  # from rim to rim
            else:
                assert nearest > RADIUS, (link, place)


@given(st.integers(2, 31), st.integers(0, 20))
def test_an_edge_within_a_row_is_straight_for_one_step_and_an_arc_for_more(d, t):
    unrolled = layout(dilated_stack([1, d]), t + d + 1)
    assert len(route(unrolled, (("layer 1", t), ("layer 1", t + 1)))) == 2
    points = route(unrolled, (("layer 2", t), ("layer 2", t + d)))
    assert len(points) == 4 and (points[1:3, 1] > unrolled.positions["layer 2", t][1] + RADIUS).all()


@given(DILATIONS, st.integers(2, 12))
def test_taps_of_a_cnn_are_slanted_straight_lines(dilations, T):
    unrolled = layout(dilated_cnn(dilations), T)
    assert all(len(route(unrolled, link)) == 2 for link in unrolled.links)


@given(st.integers(1, 500), st.floats(0.01, 1), st.floats(0.01, 3))
def test_labels_are_thinned_until_they_fit(count, room, needed):
    stride = label_stride(count, room, needed)
    assert stride * room >= needed or stride >= count  # or a single label is left
    assert stride == 1 or stride / 2 * room < needed


# ---------------------------------------------------------------------- drawing


@FEW
@given(GRAPHS, STEPS)
def test_the_drawing_matches_the_layout(graph, T):
    drawing, unrolled = network(graph, T), layout(graph, T)
    assert {place: circle.center for place, circle in drawing.nodes.items()} == unrolled.positions
    assert list(drawing.edges) == list(unrolled.links)
    assert set(drawing.ax.patches) == {*drawing.nodes.values(), *drawing.edges.values()}
    assert drawing.path == drawing.highlighted == []


@FEW
@given(DILATIONS.map(dilated_stack) | DILATIONS.map(dilated_cnn), st.integers(0, 3), st.integers(0, 8))
def test_the_highlighted_path_has_the_recurrent_length_and_stands_out(graph, start, span):
    length = paths.recurrent_lengths(graph, span)[-1]
    if np.isinf(length):
        with pytest.raises(ValueError, match=f"no path from the input at time {start} to the output at time"):
            network(graph, start + span + 1, path=(start, start + span))
        return
    drawing = network(graph, start + span + 1, path=(start, start + span))
    assert len(drawing.highlighted) == length == len(drawing.path) - 1
    assert f"path of length {length:.0f}: " in drawing.ax.get_title(loc="left")
    others = [arrow for arrow in drawing.edges.values() if arrow not in drawing.highlighted]
    grey = {arrow: np.dot(arrow.get_edgecolor()[:3], (0.3, 0.59, 0.11)) for arrow in drawing.edges.values()}
    for arrow in drawing.highlighted:  # in greyscale too: thicker, darker and above the edges it crosses
        assert all(arrow.get_linewidth() > 2 * o.get_linewidth() and arrow.zorder > o.zorder for o in others)
        assert all(grey[arrow] < grey[o] - 0.1 for o in others)
    lit = {place for place, c in drawing.nodes.items() if c.get_facecolor() == drawing.highlighted[0].get_edgecolor()}
    assert lit == set(drawing.path)


def test_the_caption_counts_upward_edges_and_hops():
    drawing = network(dilated_stack([1, 2, 4]), 9, path=(0, 7))
    assert drawing.ax.get_title(loc="left") == "dilated RNN 1, 2, 4\npath of length 6: 3 upward, 3 hops"


def test_a_path_may_be_a_list_of_places():
    graph = dilated_stack([1, 2, 4])
    assert network(graph, 9, path=shortest_path(graph, 1, 8)).path == network(graph, 9, path=(1, 8)).path
    longer = [(INPUT, 0), *[("layer 1", t) for t in range(5)], ("layer 2", 4)]
    assert len(network(graph, 9, path=longer).highlighted) == 6


@pytest.mark.parametrize("layers", [3, 9, 12])
@pytest.mark.parametrize("T", [1, 9, 17, 32])
def test_labels_do_not_overlap_and_are_not_cut(layers, T):
    graph = dilated_stack([2**l for l in range(layers)])
    texts = assert_labels_are_apart(network(graph, T, path=(0, T - 1)).ax)
    assert {"input", f"layer {layers}, d = {2 ** (layers - 1)}", "time step", "0"} <= set(texts)


def test_time_labels_are_thinned_in_a_long_picture():
    texts = assert_labels_are_apart(network(dilated_stack([1]), 200).ax)
    assert "0" in texts and "1" not in texts


@pytest.mark.parametrize("layers", [3, 9, 12])
def test_labels_do_not_overlap_on_given_axes(layers):
    ax = Figure(figsize=(6, 4), layout="constrained").add_subplot()
    assert network(dilated_stack([2**l for l in range(layers)]), 32, ax=ax).ax is ax
    assert_labels_are_apart(ax)


def test_regular_skips_are_the_dilated_edges_and_the_unit_edges():
    regular, dilated = skip_comparison(skip=4, steps=13, num_layers=2)
    units = {((node, t), (node, t + 1)) for node in ("layer 1", "layer 2") for t in range(12)}
    assert regular.edges.keys() - dilated.edges.keys() == units
    assert not dilated.edges.keys() - regular.edges.keys()
    assert regular.ax.figure is dilated.ax.figure and regular.ax is not dilated.ax
    assert_labels_are_apart(regular.ax)
    assert_labels_are_apart(dilated.ax)


def test_the_fusion_layer_reads_one_step_of_each_phase():
    drawing = network(dilated_stack([4, 8]), 12)
    read = [source for source, target in drawing.edges if target == ("fusion", 9)]
    assert sorted(read) == [("layer 2", t) for t in (6, 7, 8, 9)]


@pytest.mark.parametrize(
    "wrong, error, message",
    [
        ({"steps": 0}, ValueError, "steps must be a whole number of at least 1, got 0"),
        ({"steps": 2.0}, TypeError, "steps must be a whole number"),
        ({"ax": Figure()}, TypeError, "ax must be a matplotlib Axes.*got Figure"),
        ({"path": (0, 8)}, ValueError, "must end within the 8 steps drawn, got time 8; raise steps"),
        ({"path": (3, 1)}, ValueError, "end must not lie before start"),
        ({"path": [(INPUT, 0), ("layer 2", 0)]}, ValueError, "joined by edges .* has no .*'layer 2', 0"),
        ({"path": [(INPUT, 0), ("layer 7", 0)]}, ValueError, "the graph has no .'layer 7', 0"),
        ({"path": 3}, ValueError, "path must be a list of places"),
    ],
)
def test_wrong_input_is_refused_with_a_clear_message(wrong, error, message):
    with pytest.raises(error, match=message):
        network(**{"graph": dilated_stack([1, 2]), "steps": 8, **wrong})
    with pytest.raises(ValueError, match="axes must be two Axes.*got 1"):
        skip_comparison(axes=Figure().add_subplot())


# ---------------------------------------------------------------------- fold


@FEW
@given(st.integers(1, 24), st.integers(1, 9))
def test_the_fold_draws_T_cells_twice_and_no_padding(T, d):
    folded = fold(T, d)
    assert len(folded.sequence) == len(folded.grid) == T
    assert set(folded.ax.patches) == {*folded.sequence, *folded.grid.values(), *folded.arcs, *folded.arrows}
    assert len(folded.arcs) == len(folded.arrows) == max(T - d, 0)
    columns = [sorted(phase for phase, step in folded.grid if step == k) for k in range(-(-T // d))]
    assert columns[:-1] == [list(range(d))] * (len(columns) - 1)
    assert columns[-1] == list(range(T - d * (len(columns) - 1)))


def test_rows_of_the_grid_lie_below_each_other_and_steps_run_to_the_right():
    grid = {place: cell.get_xy() for place, cell in fold(11, 4).grid.items()}
    for phase, step in grid:
        assert (phase, step + 1) not in grid or grid[phase, step + 1][0] > grid[phase, step][0] + 1
        assert (phase + 1, step) not in grid or grid[phase + 1, step][1] == grid[phase, step][1] - 1


@pytest.mark.parametrize("d", [4, 8, 16])
def test_each_phase_has_its_own_look_in_greyscale_too(d):
    folded = fold(2 * d, d)
    looks = [(cell.get_facecolor(), cell.get_hatch()) for cell in folded.sequence]
    assert looks[:d] == looks[d:] and len(set(looks)) == d
    assert [
        (folded.grid[t % d, t // d].get_facecolor(), folded.grid[t % d, t // d].get_hatch()) for t in range(2 * d)
    ] == looks
    assert all(a[1] != b[1] for a, b in pairwise(looks[:d]))  # neighbours differ in their hatches


@pytest.mark.parametrize("T, d", [(12, 4), (11, 4), (30, 8), (16, 1), (3, 5), (60, 16)])
def test_each_cell_shows_its_number_and_labels_do_not_overlap(T, d):
    folded = fold(T, d)
    texts = assert_labels_are_apart(folded.ax)
    assert sorted(int(text) for text in texts if text.isdigit()) == sorted(2 * list(range(T)))
    middles = {(round(t.get_position()[0], 6), round(t.get_position()[1], 6)): t.get_text() for t in folded.ax.texts}
    for (phase, step), cell in folded.grid.items():
        middle = round(cell.get_x() + 0.5, 6), round(cell.get_y() + 0.5, 6)
        assert middles[middle] == str(step * d + phase)


@pytest.mark.parametrize("wrong", [{"seq_len": 0}, {"dilation": 0}, {"dilation": -2}])
def test_the_fold_requires_positive_numbers(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be a whole number of at least 1"):
        fold(**{"seq_len": 8, "dilation": 2, **wrong})


def test_the_fold_requires_axes():
    with pytest.raises(TypeError, match="ax must be a matplotlib Axes"):
        fold(8, 2, ax="here")
