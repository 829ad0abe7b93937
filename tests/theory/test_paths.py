"""Path lengths equal the closed forms exactly; networkx, the breadth-first search and the fast special case agree."""

import math
from fractions import Fraction

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dilated_rnn_np import DilatedRNN, exponential_dilations, paths, search
from dilated_rnn_np.theory.paths import Edge, Graph

SMALL = st.integers(1, 6)
DILATIONS = st.lists(SMALL, min_size=1, max_size=4)


@st.composite
def random_graphs(draw):
    """Graphs of one to four nodes and one to three phases; any two nodes may be joined by edges that travel time."""
    count, period = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    nodes = tuple("abcd"[:count])
    index, phase = st.integers(0, count - 1), st.integers(0, period - 1)
    edges = [Edge("input", nodes[draw(index)], draw(st.integers(0, 2)), t) for t in range(period)]
    for _ in range(draw(st.integers(0, 8))):
        a, b, steps = draw(index), draw(index), draw(st.integers(0, 4))
        edges.append(Edge(nodes[a], nodes[b], steps if a < b else steps + 1, draw(phase)))
    return Graph("random", nodes, tuple(edges), period=period)


def unrolled(graph, start, end):
    """Return the graph unrolled over the times start … end as a networkx graph."""
    net = networkx.DiGraph()
    net.add_node(("input", start))
    for t in range(start, end + 1):
        for e in graph.edges:
            if t % graph.period == e.phase and t + e.steps <= end and (e.source != "input" or t == start):
                net.add_edge((e.source, t), (e.target, t + e.steps))
    return net


def lengths_by_networkx(graph, start, limit):
    distances = networkx.single_source_shortest_path_length(unrolled(graph, start, start + limit), ("input", start))
    return [
        min((distances.get(p, math.inf) for p in graph.read_at(start + n)), default=math.inf) for n in range(limit + 1)
    ]


def architectures(dilations):
    return [
        paths.dilated_stack(dilations),
        paths.dilated_stack(dilations, fusion=False),
        paths.plain_stack(len(dilations)),
        paths.skip_stack(len(dilations), 1 + max(dilations)),
        paths.dilated_cnn(dilations, kernel=3),
        paths.hierarchical_stack(len(dilations)),
        paths.clockwork(sorted(set(dilations))),
    ]


# ---------------------------------------------------------------------- against networkx, simulation and each other


@given(random_graphs(), st.integers(0, 3), st.integers(0, 12))
def test_recurrent_lengths_of_random_graphs_match_networkx(graph, start, limit):
    assert paths.recurrent_lengths(graph, limit, start).tolist() == lengths_by_networkx(graph, start, limit)


@given(DILATIONS, st.integers(0, 20))
def test_recurrent_lengths_of_architectures_match_networkx(dilations, limit):
    for graph in architectures(dilations):
        worst = np.max([lengths_by_networkx(graph, i, limit) for i in range(graph.period)], axis=0)
        assert paths.recurrent_lengths(graph, limit).tolist() == worst.tolist()


@given(DILATIONS, st.integers(0, 30))
def test_the_fast_special_case_for_stacks_equals_the_search(dilations, limit):
    for graph in architectures(dilations)[:-1]:
        assert paths.recurrent_lengths(graph, limit).tolist() == paths._searched_lengths(graph, 0, limit).tolist()


@given(random_graphs(), st.integers(0, 3), st.integers(0, 12))
def test_a_shortest_path_follows_edges_and_has_the_recurrent_length(graph, start, span):
    path = paths.shortest_path(graph, start, start + span)
    length = paths.recurrent_lengths(graph, span, start)[-1]
    if path is None:
        assert length == math.inf
        return
    assert len(path) - 1 == length
    assert path[0] == ("input", start) and path[-1] in graph.read_at(start + span)
    net = unrolled(graph, start, start + span)
    assert all(net.has_edge(a, b) for a, b in zip(path, path[1:], strict=False))


def clockwork_by_simulation(periods, start, limit):
    """Return the recurrent lengths, found by running the clockwork and counting the edges from the input to each module."""
    held = [math.inf] * len(periods)
    lengths = []
    for t in range(start, start + limit + 1):
        new = list(held)
        for i, p in enumerate(periods):
            if t % p == 0:
                new[i] = min([1 if t == start else math.inf, *(held[j] + 1 for j in range(i, len(periods)))])
        held = new
        lengths.append(min(held))
    return lengths


@given(st.lists(SMALL, min_size=1, max_size=3, unique=True), st.integers(0, 12), st.integers(0, 20))
def test_clockwork_lengths_match_a_simulation(periods, start, limit):
    periods = sorted(periods)
    got = paths.recurrent_lengths(paths.clockwork(periods), limit, start)
    assert got.tolist() == clockwork_by_simulation(periods, start, limit)


# ---------------------------------------------------------------------- closed forms


@pytest.mark.parametrize("base", [2, 3, 4, 5])
@pytest.mark.parametrize("layers", range(1, 10))
def test_closed_forms_are_exact(base, layers):
    m = base ** (layers - 1)

    def mean(graph):
        return Fraction(int(paths.recurrent_lengths(graph, m)[1:].sum()), m)

    dilated = mean(paths.dilated_stack(exponential_dilations(layers, base), fusion=False))
    assert dilated == layers + Fraction(base - 1, 2) * (layers - 1) + Fraction(1, m)
    assert paths.closed_form_dilated(base, layers) == pytest.approx(float(dilated), rel=1e-15)
    if m >= 2:
        assert mean(paths.skip_stack(layers, m)) == layers + Fraction(m - 1, 2) + Fraction(1, m)
        assert paths.closed_form_skip(layers, m) == pytest.approx(float(mean(paths.skip_stack(layers, m))), rel=1e-15)
    assert mean(paths.plain_stack(layers)) == layers + Fraction(m + 1, 2) == paths.closed_form_plain(layers, m)


def test_the_three_architectures_at_a_period_of_256():
    dilated = paths.mean_recurrent_length(paths.dilated_stack(exponential_dilations(9)), 256)
    skip = paths.mean_recurrent_length(paths.skip_stack(9, 256), 256)
    plain = paths.mean_recurrent_length(paths.plain_stack(9), 256)
    assert [round(v, 4) for v in (dilated, skip, plain)] == [13.0039, 136.5039, 137.5]
    assert paths.closed_form_dilated(2, 9) == 1.5 * math.log2(256) + 1 / 256 + 1
    assert paths.closed_form_skip(9, 256) == 255 / 2 + math.log2(256) + 1 / 256 + 1


def test_a_dilated_cnn_has_shorter_paths_within_its_receptive_field_and_none_beyond():
    dilations = exponential_dilations(6)
    cnn = paths.recurrent_lengths(paths.dilated_cnn(dilations), 100)
    rnn = paths.recurrent_lengths(paths.dilated_stack(dilations), 100)
    field = int(paths.receptive_field(paths.dilated_cnn(dilations)))
    assert field == 64 and paths.receptive_field(paths.dilated_stack(dilations)) == math.inf
    assert (cnn[:field] == 6).all() and np.isinf(cnn[field:]).all()
    assert (rnn[1:field] > cnn[1:field]).all() and np.isfinite(rnn).all()


def test_the_fusion_layer_adds_one_upward_edge_and_reaches_all_spans():
    bare = paths.recurrent_lengths(paths.dilated_stack([4, 8, 16], fusion=False), 40)
    fused = paths.recurrent_lengths(paths.dilated_stack([4, 8, 16]), 40)
    assert np.flatnonzero(np.isfinite(bare)).tolist() == list(range(0, 41, 4))
    assert fused.tolist() == [bare[n // 4 * 4] + 1 for n in range(41)]


def test_all_spans_of_seventeen_layers_are_exact_without_a_search(monkeypatch):
    monkeypatch.setattr(paths, "_searched_lengths", None)  # calling the slow search would raise
    dilations = exponential_dilations(17)
    lengths = paths.recurrent_lengths(paths.dilated_stack(dilations), 65_536)
    ones = [bin(n).count("1") for n in range(65_536)]
    assert lengths.tolist() == [17 + k for k in ones] + [18]


# ---------------------------------------------------------------------- measures


@given(DILATIONS, SMALL, SMALL, st.sampled_from([("rnn", 1), ("lstm", 4)]))
def test_the_graph_counts_the_parameters_of_the_model(dilations, D, H, cell):
    model = DilatedRNN(D, H, dilations, cell[0])
    assert paths.num_parameters(paths.dilated_stack(dilations), D, H, cell[1]) == model.num_parameters


def test_edges_per_node_and_parameters_per_edge():
    assert paths.recurrent_edges_per_node(paths.dilated_stack([1, 2, 4])) == 1
    assert paths.recurrent_edges_per_node(paths.dilated_stack([4, 8])) == 1  # the fusion layer is not a node
    assert paths.parameters_per_recurrent_edge(paths.dilated_stack([4, 8]), 1, 10) == (10 + 3 * 100 + 20) / 2
    assert paths.recurrent_edges_per_node(paths.skip_stack(3, 4)) == 2
    assert paths.recurrent_edges_per_node(paths.dilated_cnn([1, 2], kernel=3)) == 2
    assert paths.recurrent_edges_per_node(paths.clockwork([1, 2, 4])) == 17 / 7  # over one period of 4: 4 + 2 + 1 nodes
    assert paths.parameters_per_recurrent_edge(paths.plain_stack(2), 1, 10) == (10 + 3 * 100 + 20) / 2
    assert paths.parameters_per_recurrent_edge(paths.dilated_cnn([1], kernel=1), 1, 10) == math.inf


def test_the_table_has_one_row_of_measures_per_graph():
    rows = paths.table([paths.dilated_stack([1, 2, 4]), paths.dilated_cnn([1, 2, 4])], 4, 1, 10)
    assert rows[0]["mean length"] == paths.closed_form_dilated(2, 3) and rows[0]["longest"] == 5
    assert (rows[1]["mean length"], rows[1]["receptive field"]) == (3, 8)
    clock = paths.clockwork([2, 4])
    worst = np.max([clockwork_by_simulation([2, 4], i, 8) for i in range(4)], axis=0)
    assert paths.table([clock], 8, 1, 10)[0]["mean length"] == worst[1:].mean()
    with pytest.raises(ValueError, match="multiple of the graph's period 4"):
        paths.table([clock], 6, 1, 10)


@given(random_graphs())
def test_the_receptive_field_is_the_longest_reachable_span_plus_one(graph):
    limit = 160  # a path without a cycle visits each of twelve places once, by edges of at most five steps: 62 steps
    spans = [
        n for i in range(graph.period) for n in np.flatnonzero(np.isfinite(paths.recurrent_lengths(graph, limit, i)))
    ]
    field = paths.receptive_field(graph)
    if max(spans, default=0) > 80:
        assert field == math.inf
    else:
        assert field == max(spans, default=-1) + 1


def test_the_receptive_field_of_unusual_graphs():
    beside = Graph("loop off the path", ("b", "a"), (Edge("input", "a"), Edge("b", "b", 1)))
    broken = Graph(
        "loop in one phase",
        ("a",),
        (Edge("input", "a", 0, 0), Edge("input", "a", 0, 1), Edge("a", "a", 1, 0)),
        period=2,
    )
    late = Graph("read late", ("a", "b"), (Edge("input", "a"), Edge("a", "b", 1)), outputs=(("a", 0, 5),))
    assert [paths.receptive_field(graph) for graph in (beside, broken, late)] == [1, 2, 6]


# ---------------------------------------------------------------------- best dilations


@pytest.mark.parametrize(("base", "layers"), [(2, 2), (2, 3), (2, 4), (2, 5), (3, 2), (3, 3), (4, 2), (4, 3), (5, 2)])
def test_over_a_period_of_m_to_the_l_no_divisor_chain_beats_the_powers_of_m(base, layers):
    best, winners = search.best_of(search.divisor_chains(layers, base**layers), base**layers)
    assert tuple(exponential_dilations(layers, base)) in winners
    assert winners[1:] == [(*winners[0][:-1], base ** (layers - 2) * (base + 1))]  # one other chain is as good


@pytest.mark.parametrize(("base", "layers"), [(3, 3), (3, 4), (4, 2), (4, 3), (5, 2), (5, 3)])
def test_over_a_period_of_m_to_the_l_minus_one_the_powers_are_not_the_best_chain_for_m_above_two(base, layers):
    period = base ** (layers - 1)
    best, winners = search.best_of(search.divisor_chains(layers, period), period)
    powers = exponential_dilations(layers, base)
    assert search.mean_hops(powers, period) > best and tuple(powers) not in winners


def test_for_m_of_three_and_two_layers_the_powers_tie_over_a_period_of_m():
    assert search.best_of(search.divisor_chains(2, 3), 3)[1] == [(1, 2), (1, 3)]


def test_the_set_found_over_a_period_of_256_beats_the_powers_of_two():
    found, powers = [1, 5, 8, 22, 24, 62, 73, 99, 114], exponential_dilations(9)
    assert round(search.mean_hops(found, 256), 3) == 3.070 and search.fewest_hops(found, 256).max() == 4
    assert round(search.mean_hops(powers, 256), 3) == 4.004 and search.fewest_hops(powers, 256).max() == 8


def test_the_search_finds_nine_good_dilations_and_the_same_ones_for_a_seed():
    found = search.search_dilations(9, 256, seed=0, restarts=10)
    assert search.mean_hops(found, 256) <= 3.0782
    assert found == search.search_dilations(9, 256, seed=0, restarts=10)
    model = DilatedRNN(1, 4, found, output_size=1)
    assert model.dilations == tuple(found) and model.forward(np.ones((5, 1, 1), "float32"))[0].shape == (1, 1)
    graph = paths.dilated_stack(found)
    assert paths.mean_recurrent_length(graph, 256) == 9 + search.mean_hops(found, 256)


@pytest.mark.parametrize(("layers", "period"), [(1, 5), (2, 12), (3, 16), (3, 24), (4, 20)])
def test_the_search_finds_the_proven_best_in_small_cases(layers, period):
    best, winners = search.best_of(search.all_sets(layers, period), period)
    found = search.search_dilations(layers, period, seed=1)
    assert search.mean_hops(found, period) == best and tuple(found) in winners


# ---------------------------------------------------------------------- wrong input


LAYER, CLOCKWORK = paths.plain_stack(1), paths.clockwork([1, 4])
WRONG = {
    "negative dilation": (lambda: paths.dilated_stack([1, -2]), ValueError, "at least 1, got -2"),
    "dilation of 0": (lambda: paths.dilated_cnn([0]), ValueError, "at least 1, got 0"),
    "skip of 1": (lambda: paths.skip_stack(2, 1), ValueError, "skip.*at least 2, got 1"),
    "kernel of 1.5": (lambda: paths.dilated_cnn([1], 1.5), TypeError, "kernel"),
    "clock from slow to fast": (lambda: paths.clockwork([4, 1]), ValueError, "from fast to slow"),
    "end before start": (lambda: paths.shortest_path(LAYER, 3, 2), ValueError, "never travel back"),
    "negative limit": (lambda: paths.recurrent_lengths(LAYER, -1), ValueError, "limit"),
    "cycle of 0": (lambda: paths.mean_recurrent_length(LAYER, 0), ValueError, "cycle"),
    "cycle that does not fit": (lambda: paths.mean_recurrent_length(CLOCKWORK, 6), ValueError, "multiple of.*4"),
    "edge to an unknown node": (lambda: Graph("g", ("a",), (Edge("a", "b"),)), ValueError, "must lead from"),
    "edge into the input": (lambda: Graph("g", ("a",), (Edge("a", "input", 1),)), ValueError, "must lead from"),
    "edge back in time": (lambda: Graph("g", ("a",), (Edge("a", "a", -1),)), ValueError, "steps of a -> a.*got -1"),
    "cycle without time": (
        lambda: Graph("g", ("a", "b"), (Edge("a", "b"), Edge("b", "a"))),
        ValueError,
        "travel no time: (a -> b -> a|b -> a -> b)",
    ),
    "loop without time": (lambda: Graph("g", ("a",), (Edge("a", "a", 0),)), ValueError, "travel no time: a -> a"),
    "phase beyond the period": (
        lambda: Graph("g", ("a",), (Edge("a", "a", 1, 2),), period=2),
        ValueError,
        r"in 0\.\.1, below the period",
    ),
    "output of an unknown node": (
        lambda: Graph("g", ("a",), (), outputs=(("z", 0, 0),)),
        ValueError,
        "an output must be",
    ),
    "output read before it is computed": (
        lambda: Graph("g", ("a",), (), outputs=(("a", 0, -1),)),
        ValueError,
        "at least 0",
    ),
    "fusion of an unknown node": (lambda: Graph("g", ("a", "b"), (), fusion="z"), ValueError, "fusion must name"),
    "fusion as the only node": (lambda: Graph("g", ("a",), (), fusion="a"), ValueError, "one of several nodes"),
    "negative start": (lambda: paths.recurrent_lengths(LAYER, 3, -7), ValueError, "start"),
    "negative limit of layers": (lambda: paths.layer_lengths(LAYER, -1), ValueError, "limit"),
    "too many spans": (lambda: paths.recurrent_lengths(LAYER, 10**11), ValueError, "too many to list"),
    "closed form with 0 layers": (lambda: paths.closed_form_dilated(2, 0), ValueError, "num_layers"),
    "closed form over a cycle of 0": (lambda: paths.closed_form_skip(9, 0), ValueError, "cycle"),
    "closed form with negative layers": (lambda: paths.closed_form_plain(-9, 3), ValueError, "num_layers"),
    "the same node twice": (lambda: Graph("g", ("a", "a"), ()), ValueError, "different names"),
    "no nodes": (lambda: Graph("g", (), ()), ValueError, "at least one"),
    "layer lengths of a clockwork": (lambda: paths.layer_lengths(CLOCKWORK, 3), ValueError, "is not a stack"),
    "more layers than spans": (lambda: search.search_dilations(5, 4), ValueError, "at most the period 4"),
    "no candidate reaches span 1": (lambda: search.best_of([(2, 4)], 4), ValueError, "no candidate reaches every span"),
    "negative seed": (lambda: search.search_dilations(2, 4, seed=-1), ValueError, "seed must be a whole number"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_refused_with_a_clear_message(name):
    call, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        call()


def test_missing_paths_give_infinity_or_none():
    cnn = paths.dilated_cnn([1, 2])
    assert paths.shortest_path(cnn, 0, 4) is None
    assert paths.mean_recurrent_length(cnn, 4) == math.inf
    assert paths.recurrent_lengths(Graph("cut", ("a",), ()), 2).tolist() == [math.inf] * 3
    assert paths.receptive_field(Graph("cut", ("a",), ())) == 0


def test_labels_name_the_number_of_layers_only_where_there_are_several():
    assert paths.clockwork([1, 2]).label == "clockwork RNN 1, 2"
    assert paths.clockwork([1, 2], 3).label == "clockwork RNN 1, 2, 3 layers"
    assert paths.clockwork([1, 2]).nodes == ("module 1 (1)", "module 2 (2)")
    assert paths.clockwork([1, 2], 2).nodes[1:3] == ("layer 1, module 2 (2)", "layer 2, module 1 (1)")


def test_labels_shorten_series_of_more_than_four_dilations():
    assert paths.dilated_stack([1, 2, 4, 8]).label == "dilated RNN 1, 2, 4, 8"
    assert paths.dilated_stack([1, 2, 4, 8, 16]).label == "dilated RNN 1, 2, 4, …, 16"
    assert paths.dilated_stack([1, 2, 4, 8, 15]).label == "dilated RNN 1, 2, 4, 8, 15"


def test_the_graph_of_a_model_is_that_of_its_dilations():
    for dilations, expected in (([1, 1], paths.plain_stack(2)), ([1, 2], paths.dilated_stack([1, 2]))):
        graph = DilatedRNN(1, 2, dilations).graph()
        assert (graph.label, graph.nodes, graph.edges) == (expected.label, expected.nodes, expected.edges)


def test_the_search_may_use_every_span_of_the_period():
    assert search.search_dilations(4, 4) == [1, 2, 3, 4] and search.search_dilations(1, 1) == [1]
    assert search.search_dilations(2, 2, restarts=1) == [1, 2]
