"""The animations: nodes that light up together, and the places the gradient reaches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.animation import AbstractMovieWriter
from matplotlib.colors import to_rgba
from matplotlib.patches import Circle
from PIL import Image
from support.graphs import DILATIONS, GRAPHS, STEPS

from dilated_rnn_np.plot.animation import (
    backward_animation,
    backward_frames,
    forward_animation,
    forward_frames,
    save_gif,
)
from dilated_rnn_np.plot.geometry import layout
from dilated_rnn_np.plot.network import LIT
from dilated_rnn_np.theory.paths import (
    INPUT,
    Edge,
    Graph,
    dilated_cnn,
    dilated_stack,
    plain_stack,
    shortest_path,
    skip_stack,
)

FEEDBACK = Graph("feedback", ("a", "b"), (Edge(INPUT, "a"), Edge("a", "b"), Edge("b", "a", 1), Edge("b", "b", 3)))
GRAPHS = GRAPHS | st.just(FEEDBACK)


# ---------------------------------------------------------------------- frames


@given(GRAPHS, STEPS)
def test_forward_lights_every_node_and_edge_exactly_once(graph, T):
    frames, unrolled = forward_frames(graph, T), layout(graph, T)
    assert sorted(place for frame in frames for place in frame.places) == sorted(unrolled.positions)
    assert sorted(link for frame in frames for link in frame.links) == sorted(unrolled.links)
    assert all(frame.places for frame in frames)


@given(GRAPHS, STEPS)
def test_a_node_is_lit_after_all_its_sources(graph, T):
    lit = {place: i for i, frame in enumerate(forward_frames(graph, T)) for place in frame.places}
    assert all(lit[source] < lit[target] for source, target in layout(graph, T).links)


@given(DILATIONS, STEPS)
def test_a_layer_of_dilation_d_lights_d_steps_together(dilations, T):
    frames = forward_frames(dilated_stack(dilations, fusion=False), T)
    expected = [{(INPUT, t) for t in range(T)}]
    for l, d in enumerate(dilations):
        expected += [{(f"layer {l + 1}", t) for t in range(k, min(k + d, T))} for k in range(0, T, d)]
    assert [frame.places for frame in frames] == expected


@given(st.integers(1, 4), STEPS)
def test_regular_skips_allow_no_parallel_steps_and_a_cnn_computes_each_layer_at_once(L, T):
    for graph in (plain_stack(L), skip_stack(L, 4)):
        assert [len(frame.places) for frame in forward_frames(graph, T)] == [T] + [1] * (L * T)
    assert [len(frame.places) for frame in forward_frames(dilated_cnn([2] * L), T)] == [T] * (L + 1)


def test_nodes_that_feed_each_other_through_time_alternate():
    lit = [sorted(frame.places) for frame in forward_frames(FEEDBACK, 2)]
    assert lit == [[(INPUT, 0), (INPUT, 1)], [("a", 0)], [("b", 0)], [("a", 1)], [("b", 1)]]


@given(GRAPHS, STEPS, st.data())
def test_backward_frames_are_the_breadth_first_distances(graph, T, data):
    end = data.draw(st.integers(0, T - 1))
    unrolled = layout(graph, T)
    distance = {place: 0 for place in graph.read_at(end)}
    for _ in unrolled.positions:  # Bellman-Ford: no shortest path has more edges than there are places
        for source, target in unrolled.links:
            if target in distance:
                distance[source] = min(distance.get(source, T + 99), distance[target] + 1)
    frames = backward_frames(graph, T, end)
    assert {place: i for i, frame in enumerate(frames) for place in frame.places} == distance
    assert sum(len(frame.places) for frame in frames) == len(distance)
    shortest = {(a, b) for a, b in unrolled.links if a in distance and b in distance and distance[a] == distance[b] + 1}
    assert {link for frame in frames for link in frame.links} == shortest


@given(GRAPHS, STEPS)
def test_the_gradient_reaches_an_input_after_the_length_of_the_shortest_path(graph, T):
    reached = {place: i for i, frame in enumerate(backward_frames(graph, T)) for place in frame.places}
    for t in range(T):
        path = shortest_path(graph, t, T - 1)
        assert reached.get((INPUT, t)) == (None if path is None else len(path) - 1)


def test_captions_name_the_nodes_and_count_the_edges():
    graph = dilated_stack([1, 4])
    assert forward_frames(graph, 8)[-1].caption == "parallel step 10 of 10: layer 2, time steps 4 to 7"
    assert backward_frames(graph, 8)[0].caption == "loss at time step 7: the gradient starts at layer 2"
    assert backward_frames(graph, 8)[1].caption == "1 edge back: 2 more nodes, as far back as time step 3"


# ---------------------------------------------------------------------- animations


class Recorder(AbstractMovieWriter):
    """A writer that records the lit circles and the caption of each frame instead of writing pictures."""

    def setup(self, fig, outfile, dpi=None):
        super().setup(fig, outfile, dpi)
        self.seen = []

    def grab_frame(self, **options):
        circles = [patch for patch in self.fig.axes[0].patches if isinstance(patch, Circle)]
        lit = {circle.center for circle in circles if circle.get_facecolor() == to_rgba(LIT)}
        self.seen.append((lit, self.fig.get_suptitle().split("\n")[1]))

    def finish(self):
        pass


@pytest.mark.parametrize(
    "animate, frames_of", [(forward_animation, forward_frames), (backward_animation, backward_frames)]
)
def test_each_frame_of_the_animation_shows_its_nodes_and_its_caption(animate, frames_of, tmp_path):
    graph = dilated_stack([1, 2, 4])
    recorder = Recorder()
    animate(graph, 6).save(tmp_path / "none", writer=recorder)
    positions = layout(graph, 6).positions
    expected = [({positions[place] for place in frame.places}, frame.caption) for frame in frames_of(graph, 6)]
    assert recorder.seen == expected


def test_a_gif_has_one_picture_per_frame(tmp_path):
    file = save_gif(backward_animation(dilated_stack([1, 2]), 5, end=3), tmp_path / "backward.gif")
    with Image.open(file) as picture:
        assert picture.n_frames == len(backward_frames(dilated_stack([1, 2]), 5, 3))


# ---------------------------------------------------------------------- wrong input


def test_wrong_input_is_refused_with_a_clear_message(tmp_path):
    graph = dilated_stack([1, 2])
    with pytest.raises(ValueError, match="end must lie within the 4 time steps drawn, got 4; raise steps"):
        backward_frames(graph, 4, end=4)
    with pytest.raises(ValueError, match="end must be a whole number of at least 0"):
        backward_frames(graph, 4, end=-1)
    with pytest.raises(ValueError, match="steps must be a whole number of at least 1"):
        forward_frames(graph, 0)
    with pytest.raises(TypeError, match="animation must be a matplotlib animation, .* got list"):
        save_gif(forward_frames(graph, 4), tmp_path / "x.gif")
    with pytest.raises(ValueError, match=r"path must end in '.gif', got .*x.png"):
        save_gif(forward_animation(graph, 2), tmp_path / "x.png")
