"""Curves and maps show the numbers that paths and memory compute; nothing global changes and no window opens."""

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from dilated_rnn_np import exponential_dilations, paths, plot
from dilated_rnn_np.plot.style import SYSTEM_COLOURS, system_looks


def overlapping(artists, ax):
    """Draw the picture and return the pairs of texts whose boxes overlap."""
    canvas = FigureCanvasAgg(ax.figure)
    canvas.draw()
    boxes = [a.get_window_extent(canvas.get_renderer()) for a in artists if a.get_visible() and a.get_text()]
    return [(i, j) for i, a in enumerate(boxes) for j, b in enumerate(boxes) if i < j and a.overlaps(b)]


def test_path_length_curves_are_the_recurrent_lengths_with_gaps_without_a_path():
    graphs = [paths.dilated_stack([1, 2, 4]), paths.dilated_cnn([1, 2, 4]), paths.plain_stack(3)]
    lines = plot.path_lengths(graphs, 12)
    for line, graph in zip(lines, graphs, strict=True):
        lengths = paths.recurrent_lengths(graph, 12)
        np.testing.assert_array_equal(line.get_ydata(), np.where(np.isfinite(lengths), lengths, np.nan))
    assert np.isnan(lines[1].get_ydata()[8:]).all()
    looks = system_looks([graph.label for graph in graphs])
    assert [line.get_color() for line in lines] == [
        SYSTEM_COLOURS[name] for name in ("dilated", "dilated-cnn", "plain")
    ]
    assert len({str(look["linestyle"]) for look in looks}) == 3  # distinguishable in greyscale
    assert [t.get_text() for t in lines[0].axes.get_legend().get_texts()] == [graph.label for graph in graphs]


@pytest.mark.parametrize("base", [2, 3])
def test_measured_points_lie_on_the_closed_form_curves(base):
    drawn = plot.mean_recurrent_lengths(5, base)
    assert set(drawn) == {"dilated", "regular skips of m", "plain"}
    for curve, points in drawn.values():
        np.testing.assert_allclose(curve.get_ydata(), points.get_ydata(), rtol=1e-12)
        assert curve.get_xdata().tolist() == [base**k for k in range(1, 5)]


@pytest.mark.parametrize("layers", [3, 9, 12])
def test_the_map_of_path_lengths_has_one_row_per_layer_and_labels_that_do_not_overlap(layers):
    graph = paths.dilated_stack(exponential_dilations(layers))
    mesh = plot.path_length_map(graph, 2**layers)
    expected = paths.layer_lengths(graph, 2**layers)
    np.testing.assert_array_equal(mesh.get_array().data, np.stack(list(expected.values())))
    assert not overlapping(mesh.axes.get_yticklabels(), mesh.axes)
    assert not overlapping(mesh.axes.get_xticklabels(), mesh.axes)


@pytest.mark.parametrize("layers", [3, 9, 12])
def test_the_gradient_has_one_bar_per_nonzero_norm(layers):
    norms = np.zeros((layers, 40))
    for i in range(layers):
        norms[i, :: i + 1] = 1 + np.arange(len(norms[i, :: i + 1]))
    bars = plot.gradient_flow(norms, [f"dilation {2**i}" for i in range(layers)])
    places = {(int(x), round(float(y) + 0.45)) for (x, y), _ in bars.get_segments()}
    assert places == {(n, i) for i, n in np.argwhere(norms > 0)}
    assert bars.get_array().tolist() == norms[norms > 0].tolist()
    assert min(bars.get_linewidths()) >= 1.6  # points: every bar is wide enough to be seen
    assert not overlapping(bars.axes.get_yticklabels(), bars.axes)


def test_the_end_of_a_run_is_drawn_although_the_last_window_is_short():
    [line] = plot.training_curves({"a": (np.arange(1, 21), np.arange(1.0, 21))}, smooth=7)
    assert line.get_xdata().tolist() == [7, 14, 20] and line.get_ydata().tolist() == [4, 11, 17.5]


def test_a_further_graph_is_marked_at_its_period():
    graph = paths.dilated_stack([1, 5, 8])
    (point,) = plot.mean_recurrent_lengths(4, own=graph, period=16)["own"]
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (16, paths.mean_recurrent_length(graph, 16))


def test_states_are_drawn_with_one_row_per_unit():
    values = np.random.default_rng(0).uniform(-1, 1, (7, 2, 3))
    mesh = plot.hidden_states({"h": values, "z": abs(values)}, row=1)
    np.testing.assert_array_equal(mesh.get_array(), values[:, 1].T)
    assert mesh.get_clim() == (-1, 1)
    assert plot.hidden_states({"h": values, "z": abs(values)}, "z").get_clim() == (0, 1)


def test_confusion_counts_targets_by_row_and_predictions_by_column():
    ax = plot.new_axes()
    counts = plot.confusion([2, 2, 0, 1], [2, 0, 0, 1], ["a", "b", "c"], ax)
    assert counts.tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 1]]
    assert sorted(text.get_text() for text in ax.texts) == ["1"] * 4
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b", "c"]


def test_digits_are_drawn_in_both_orders():
    images = np.random.default_rng(0).integers(0, 256, (2, 28, 28), dtype=np.uint8)
    order = np.random.default_rng(1).permutation(784)
    lines = plot.digits_as_sequences(images, order, count=2)
    np.testing.assert_allclose(lines[2].get_ydata(), images[1].reshape(784) / 255)
    np.testing.assert_allclose(lines[3].get_ydata(), images[1].reshape(784)[order] / 255)


def test_pictures_leave_the_global_style_alone_and_open_no_window():
    before = dict(matplotlib.rcParams)
    plot.path_lengths([paths.plain_stack(1)], 3)
    plot.training_curves({"a": (np.arange(3), np.ones(3))})
    assert dict(matplotlib.rcParams) == before
    pyplot = __import__("sys").modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


WRONG = {
    "text for axes": (
        lambda: plot.path_lengths([paths.plain_stack(1)], 3, ax="here"),
        TypeError,
        "must be a matplotlib Axes",
    ),
    "figure for axes": (
        lambda: plot.training_curves({"a": (np.ones(1), np.ones(1))}, ax=plot.new_axes().figure),
        TypeError,
        "got Figure",
    ),
    "norms of one axis": (lambda: plot.gradient_flow(np.ones(3)), ValueError, r"\(L, T\)"),
    "no curves": (lambda: plot.training_curves({}), ValueError, "at least one curve"),
    "smoothing over 0 values": (
        lambda: plot.training_curves({"a": (np.ones(1), np.ones(1))}, smooth=0),
        ValueError,
        "smooth",
    ),
    "class of -1": (lambda: plot.confusion([0, 1], [0, -1]), ValueError, r"in 0\.\.1, got -1 to 1"),
    "class without label": (lambda: plot.confusion([0, 2], [0, 1], ["a", "b"]), ValueError, "got 0 to 2"),
    "fractional classes": (lambda: plot.confusion([0.5], [1.0]), TypeError, "whole numbers"),
    "one layer": (lambda: plot.mean_recurrent_lengths(1), ValueError, "at least 2"),
    "unknown gate": (
        lambda: plot.hidden_states({"h": np.ones((2, 1, 1))}, "f"),
        ValueError,
        "must be one of h, got 'f'",
    ),
    "lists of different lengths": (lambda: plot.confusion([1], [1, 2]), ValueError, "equally long"),
    "images of another size": (
        lambda: plot.digits_as_sequences(np.ones((3, 8, 8)), np.arange(784)),
        ValueError,
        r"\(N, 28, 28\) with N of at least 3, got shape \(3, 8, 8\)",
    ),
    "map of a clockwork": (lambda: plot.path_length_map(paths.clockwork([1, 2]), 4), ValueError, "is not a stack"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_refused_with_a_clear_message(name):
    call, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        call()
