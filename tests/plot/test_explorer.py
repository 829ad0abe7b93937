"""The explorer in a browser: its path lengths, means, stages and gradients equal the library's, and its controls work."""

import math
from itertools import pairwise

import numpy as np
import pytest

from dilated_rnn_np import DilatedRNN
from dilated_rnn_np.analysis.memory import edge_gradients
from dilated_rnn_np.plot import Example
from dilated_rnn_np.plot.animation import forward_frames
from dilated_rnn_np.plot.explorer import explorer
from dilated_rnn_np.theory import paths, search
from dilated_rnn_np.theory.graphs import INPUT

SPANS = 600
SYSTEMS = (*2 * ("dilated", "skip", "dilated-cnn"), "dilated", "plain", "clockwork")

pytestmark = pytest.mark.usefixtures("no_errors_and_no_requests")


# ---------------------------------------------------------------------- equal to the library


def drawn_architectures(count, rng):
    """Settings of the page's controls, and the graph that they describe."""
    for k in range(count):
        system = SYSTEMS[k % len(SYSTEMS)]
        layers, T = int(rng.integers(1, 6)), int(rng.integers(2, 25))
        dilations = rng.integers(1, 30, layers).tolist()
        if system == "clockwork":  # the library searches from every start of the period
            dilations = rng.choice([1, 2, 3, 4, 6, 12], layers).tolist()
        if rng.random() < 0.3:
            dilations = [4 * d for d in dilations] if system != "clockwork" else dilations
        skip, fusion, cycle = int(rng.integers(2, 40)), bool(rng.random() < 0.5), int(rng.integers(1, SPANS + 1))
        graph = {
            "dilated": lambda d=dilations, f=fusion: paths.dilated_stack(d, f),
            "plain": lambda n=layers: paths.plain_stack(n),
            "skip": lambda n=layers, s=skip: paths.skip_stack(n, s),
            "dilated-cnn": lambda d=dilations: paths.dilated_cnn(d),
            "clockwork": lambda d=dilations: paths.clockwork(sorted(d)),
        }[system]()
        settings = {"dilations": ", ".join(map(str, dilations)), "skip": skip, "steps": T, "cycle": cycle}
        yield {"system": system, "fusion": fusion, "fields": settings}, graph


TYPE_AND_READ = """
const field = (id, value) => {
  const control = document.getElementById(id);
  control.value = value;
  control.dispatchEvent(new Event('input', {bubbles: true}));
};
const name = (row) => row === 0 ? 'input' : explorer.graph().nodes[row - 1].name;
return arguments[0].map(({system, fusion, fields}) => {
  document.querySelector(`#system input[value="${system}"]`).click();
  if (document.getElementById('fusion').checked !== fusion) document.getElementById('fusion').click();
  for (const [id, value] of Object.entries(fields)) field(id, value);
  const row = document.getElementById('row-' + system).cells;
  return {
    lengths: explorer.lengths(), mean: explorer.mean(), shown: row[1].textContent,
    count: Number(row[4].textContent.replace(',', '')),
    stages: explorer.stages().map((stage) => stage.map(([row, t]) => [row, t])),
  };
})
"""


@pytest.mark.parametrize("count", [120, pytest.param(1000, marks=pytest.mark.slow)])
def test_path_lengths_means_and_stages_of_typed_architectures_equal_those_of_the_library(count, page, browser):
    browser.open(page)
    cases = list(drawn_architectures(count, np.random.default_rng(count)))
    found = browser.run(TYPE_AND_READ, [settings for settings, _ in cases])
    assert len(found) == count
    for (settings, graph), page_found in zip(cases, found, strict=True):
        expected = paths.recurrent_lengths(graph, SPANS)
        cycle, T = settings["fields"]["cycle"], settings["fields"]["steps"]
        assert np.array_equal(np.array(page_found["lengths"], float), expected), settings
        mean = expected[1 : cycle + 1].mean()
        assert float(page_found["mean"]) == mean, settings
        if cycle % graph.period == 0:
            assert mean == paths.mean_recurrent_length(graph, cycle)
        shown = float(page_found["shown"].replace("∞", "inf"))
        assert shown == mean or abs(shown - mean) <= 0.5e-4 * (1 + 1e-9)
        frames = [{place for place in frame.places} for frame in forward_frames(graph, T)[1:]]
        nodes = (INPUT, *graph.nodes)
        stages = [{(nodes[row], t) for row, t in stage} for stage in page_found["stages"]]
        assert stages == frames and page_found["count"] == len(frames), settings


def test_keys_typed_into_the_field_change_the_architecture(page, browser):
    browser.open(page)
    field = browser.driver.find_element("id", "dilations")
    field.send_keys("\ue009a")  # Control A
    field.send_keys("3, 9,27")
    lengths = browser.run("return explorer.lengths()")
    assert np.array_equal(np.array(lengths, float), paths.recurrent_lengths(paths.dilated_stack([3, 9, 27]), SPANS))
    assert [browser.run(f"return document.getElementById('{name}').value") for name in ("layers", "base", "start")] == [
        "3",
        "3",
        "1",
    ]
    field.send_keys(", x")
    assert "got a word" in browser.text("dilations-error")
    assert browser.run("return explorer.state.d") == [3, 9, 27]
    browser.press("\ue004")  # the field that is left shows the dilations in use
    waited = "const done = arguments[0]; setTimeout(() => done(document.getElementById('dilations').value), 50)"
    assert browser.driver.execute_async_script(waited) == "3, 9, 27" and browser.text("dilations-error") == ""
    browser.type(dilations="1,2", layers=13)
    assert browser.run("return explorer.state.d") == [1, 2]
    browser.type(layers=4, base=3, start=1)
    assert browser.run("return explorer.state.d") == [3, 9, 27, 81]
    browser.type(base=16)
    assert "at most 4,096" in browser.text("dilations-error")


def test_the_gradient_uses_every_edge_that_leads_to_the_loss_and_counts_the_fewest_hops(page, browser):
    browser.open(page, "mode=backward")
    cases = list(drawn_architectures(25, np.random.default_rng(1)))
    script = TYPE_AND_READ.replace("lengths: explorer", "edges: explorer.scene().gradient.edges, lengths: explorer")
    for (settings, graph), found in zip(cases, browser.run(script, [s for s, _ in cases]), strict=True):
        T, nodes = settings["fields"]["steps"], (INPUT, *graph.nodes)
        row = {node: i for i, node in enumerate(nodes)}
        links = [
            ((e.source, t), (e.target, t + e.steps))
            for e in graph.edges
            for t in range(e.phase, T - e.steps, graph.period)
        ]
        hops = {place: 0 for place in graph.read_at(T - 1)}
        for _ in range(T * len(nodes)):  # Bellman-Ford, against the edges
            before = dict(hops)
            for source, target in links:
                if target in hops:
                    through = hops[target] + (row[target[0]] <= row[source[0]])
                    hops[source] = min(through, hops.get(source, math.inf))
            if hops == before:
                break
        expected = {(a, b): hops[b] + (row[b[0]] <= row[a[0]]) for a, b in links if b in hops}
        edges = {
            ((nodes[e["from"][0]], e["from"][1]), (nodes[e["to"][0]], e["to"][1])): e["hops"] for e in found["edges"]
        }
        assert edges == expected, settings
        stage = {place: k for k, places in enumerate(found["stages"]) for place in map(tuple, places)}
        count = len(found["stages"])
        assert all(e["stage"] == count - 1 - stage[tuple(e["to"])] for e in found["edges"])


@pytest.mark.parametrize("layers, cycle", [(2, 2), (3, 16), (5, 64), (7, 256), (9, 256)])
def test_the_button_takes_dilations_with_as_few_hops_as_the_search_of_the_library(layers, cycle, page, browser):
    browser.open(page, f"d={','.join(str(2**l) for l in range(layers))}&m={cycle}")
    browser.click("search")
    taken = browser.run("return explorer.state.d")
    mean = browser.run("return explorer.mean()") - layers
    assert mean == pytest.approx(search.mean_hops(taken, cycle), rel=1e-12)
    found = search.mean_hops(search.search_dilations(layers, cycle, restarts=4), cycle)
    assert mean <= 1.03 * found and mean <= search.mean_hops([2**l for l in range(layers)], cycle)
    shown = float(browser.text("search-result").split(": ")[1].split()[0])
    assert shown == pytest.approx(mean, abs=0.5e-3 * (1 + 1e-9))
    assert "Source: " in browser.text("search-result")
    if (layers, cycle) == (9, 256):
        assert taken == [1, 5, 8, 22, 24, 62, 73, 99, 114] and "3.070 against 4.004" in browser.text("search-result")
    browser.click("powers")
    assert browser.run("return explorer.state.d") == [2**l for l in range(layers)]


# ---------------------------------------------------------------------- the picture


def position(browser, row, t):
    return browser.run("return explorer.position([arguments[0], arguments[1]])", row, t)


def test_hovering_over_a_node_tells_the_inputs_that_it_sees(page, browser):
    browser.open(page, "d=4,6&fusion=0&T=20")
    before = browser.run("return document.getElementById('net').toDataURL()")
    browser.pointer("net", position(browser, 2, 12))
    seen = [
        t for t in range(13) if math.isfinite(paths.recurrent_lengths(paths.dilated_stack([4, 6], False), 12)[12 - t])
    ]
    assert seen == [0, 2, 4, 6, 8, 12]
    assert (
        browser.text("reading")
        == "Layer 2, step 12, sees 6 of the 13 inputs up to here: 0, 2, 4, 6, 8, 12. Computed in stage 8 of 9."
    )
    assert browser.run("return document.getElementById('net').toDataURL()") != before


@pytest.mark.parametrize("system", ["dilated", "clockwork", "dilated-cnn"])
def test_clicking_two_nodes_shows_a_shortest_path_between_them(system, page, browser):
    browser.open(page, f"system={system}&d=1,2,4&T=16")
    end = (3, 8)
    browser.pointer("net", position(browser, 0, 3 if system != "clockwork" else 4), click=True)
    browser.pointer("net", position(browser, *end), click=True)
    path = browser.run("return explorer.scene().path")
    assert path[0][0] == 0 and tuple(path[-1]) == end
    graph = browser.run(
        "return explorer.scene().path.slice(1).map((p, i) => explorer.graph().entering(...p).map(String))"
    )
    assert all(f"{a[0]},{a[1]}" in sources for a, sources in zip(path, graph, strict=False))
    words = {
        "dilated": "2 hops + 3 upward edges = 5 edges",
        "clockwork": "1 hop + 1 upward edge = 2 edges",
        "dilated-cnn": "0 hops + 3 upward edges = 3 edges",
    }
    assert browser.text("path-result").startswith(words[system])
    browser.click("clear")
    assert browser.text("path-result") == "No path is chosen."


def test_a_path_from_input_to_output_has_the_recurrent_length(page, browser):
    powers = [2**l for l in range(9)]
    browser.open(page, f"d={','.join(map(str, powers))}")
    rng = np.random.default_rng(0)
    lengths = paths.recurrent_lengths(paths.dilated_stack(powers), SPANS)
    for span in (300, *rng.integers(0, SPANS, 5).tolist()):
        start = int(rng.integers(0, SPANS + 1 - span))
        browser.type(**{"from": start, "to": start + span})
        path = browser.run("return explorer.scene().path")
        assert len(path) - 1 == lengths[span] and path[0] == [0, start] and path[-1] == [9, start + span]
        assert f"= {lengths[span]:.0f} edges from input {start} to output {start + span}" in browser.text("path-result")
    browser.type(**{"from": 0, "to": 300})
    assert (
        browser.text("path-result")
        == "4 hops + 9 upward edges = 13 edges from input 0 to output 300: 300 = 256 + 32 + 8 + 4."
    )
    browser.type(dilations="2, 4")
    browser.click("fusion")
    browser.type(to=301)
    assert browser.text("path-result").startswith("No path leads from input 0 to output 301")


def test_paths_between_typed_steps_are_as_short_as_those_of_the_library(page, browser):
    browser.open(page, "mode=paths")
    rng, cases = np.random.default_rng(3), []
    for settings, graph in drawn_architectures(40, rng):
        start, span = int(rng.integers(0, 60)), int(rng.integers(0, 60))
        fields = settings["fields"] | {"from": start, "to": start + span, "steps": start + span + 1}
        cases.append((settings | {"fields": fields}, graph))
    script = TYPE_AND_READ.replace("lengths: explorer", "path: explorer.scene().path, lengths: explorer")
    for (settings, graph), found in zip(cases, browser.run(script, [s for s, _ in cases]), strict=True):
        expected = paths.shortest_path(graph, settings["fields"]["from"], settings["fields"]["to"])
        assert (found["path"] is None) == (expected is None), settings
        if expected is not None:
            assert len(found["path"]) == len(expected), settings
            nodes = (INPUT, *graph.nodes)
            path = [(nodes[row], t) for row, t in found["path"]]
            assert path[0] == expected[0] and path[-1] in graph.read_at(settings["fields"]["to"])
            for (a, t), (b, u) in pairwise(path):
                assert any(e.target == b and e.steps == u - t for e in graph.leaving[a, t % graph.period])


def test_hovering_over_the_chart_shows_the_path_of_that_span_and_a_click_keeps_it(page, browser):
    browser.open(page, "d=1,2,4,8&limit=64&T=16")
    width = browser.run("return document.getElementById('chart').clientWidth")
    pictures = "return ['net', 'span-net', 'chart'].map((id) => document.getElementById(id).toDataURL())"
    before = browser.run(pictures)
    browser.pointer("chart", (46 + 40 / 64 * (width - 60), 100))
    assert all(a != b for a, b in zip(before, browser.run(pictures), strict=True))
    span = browser.run("return explorer.scene().path.at(-1)[1]")
    assert span == 40 and browser.run("return explorer.state.T") == 16
    expected = [paths.recurrent_lengths(paths.dilated_stack([1, 2, 4, 8]), 40)[40], 44.0]
    assert browser.text("span-result").startswith(
        f"Span 40: dilated RNN {expected[0]:.0f}, plain RNN {expected[1]:.0f}, skip RNN "
    )
    browser.pointer("chart", (46 + 40 / 64 * (width - 60), 100), click=True)
    browser.pointer("net", (5, 5))
    assert browser.run("return [explorer.state.n, explorer.state.from, explorer.state.to]") == [40, 0, 40]
    browser.run("document.getElementById('chart').focus()")
    browser.press("\ue014")  # arrow right
    assert browser.run("return explorer.state.n") == 41


# ---------------------------------------------------------------------- stages, gradient, fold


def test_the_stages_can_be_stepped_played_and_asked_for(page, browser):
    browser.open(page, "d=1,2,4&T=16&mode=forward")
    assert browser.text("stage-result").startswith("Stage 1 of 28: layer 1, step 0.")
    assert "takes L · T = 48" in browser.text("stage-result")
    for _ in range(2):
        browser.press("\ue014")
    browser.click("next")
    assert browser.run("return explorer.scene().stage") == 3
    browser.press("\ue012")  # arrow left
    browser.click("back")
    assert browser.run("return explorer.scene().stage") == 1
    browser.type(ask_row=3, ask_step=12)
    assert browser.text("ask-result") == "→ stage 28 of 28"
    assert browser.run("return explorer.scene().stage") == 27
    browser.pointer("net", position(browser, 2, 5), click=True)
    assert browser.run("return explorer.scene().stage") == 16 + 2
    browser.click("first")
    browser.run("document.activeElement.blur()")
    browser.press(" ")
    browser.driver.implicitly_wait(0)
    waited = """const done = arguments[0], look = () => (explorer.scene().stage > 1 ? done(true) : setTimeout(look, 20));
      look()"""
    assert browser.driver.execute_async_script(waited)
    browser.press(" ")
    stopped = browser.run("return explorer.scene().stage")
    assert browser.text("play") == "▶ Play" and stopped < 27


def test_the_factor_multiplies_along_the_hops(page, browser):
    browser.open(page, "d=1,2,4,8&T=32&mode=backward")
    assert "6 hops, 0.806 = 0.262" in browser.text("gradient-result")  # 0.80 to the power of 6
    browser.type(factor=0.5)
    assert f"31 hops: 0.5031 = {4.7} · 10−10" in browser.text("gradient-result")
    browser.choose("system", "plain")
    assert "That is why it forgets" in browser.text("gradient-result")
    browser.type(factor=1)
    assert "Only a factor of exactly 1 keeps the gradient" in browser.text("gradient-result")
    browser.type(factor=1.1)
    assert "It explodes" in browser.text("gradient-result")
    browser.pointer("net", position(browser, 0, 31))
    assert browser.text("reading") == "Input, step 31: 0 hops from the loss, r0 = 1."
    browser.pointer("net", position(browser, 0, 29))
    assert browser.text("reading") == "Input, step 29: 2 hops from the loss, r2 = 1.21."
    browser.pointer("net", position(browser, 1, 20), click=True)
    assert browser.run("return explorer.scene().gradient.edges.every((edge) => edge.to[1] <= 20)")


def test_the_fold_moves_phases_into_rows_and_back(page, browser):
    browser.open(page, "d=1,2,4&T=16")
    assert browser.text("fold-result") == "4 folded steps instead of 14: 4 phases t mod 4 as rows, ⌈14/4⌉ = 4 columns."
    pictures = [browser.run("return document.getElementById('fold').toDataURL()")]
    browser.click("fold-play")
    assert browser.run("return explorer.state.folded") == 1 and browser.text("fold-play") == "Unfold"
    pictures.append(browser.run("return document.getElementById('fold').toDataURL()"))
    browser.click("fold-play")
    assert browser.run("return explorer.state.folded") == 0
    assert browser.run("return document.getElementById('fold').toDataURL()") == pictures[0] != pictures[1]
    browser.type(fold_dilation=3)
    assert "phases t mod 3" in browser.text("fold-result")


# ---------------------------------------------------------------------- checkpoint


@pytest.mark.parametrize("dilations", [[1, 2, 4], [1, 1], [2, 4]])
def test_an_example_of_a_net_shows_its_states_gates_and_measured_gradient(dilations, browser, tmp_path):
    model, L = DilatedRNN(2, 3, dilations, "lstm", output_size=4, rng=1), len(dilations)
    x = np.random.default_rng(0).standard_normal((14, 1, 2)).astype("float32")
    words = [f"word {t}" for t in range(14)]
    example = Example(x, np.array([2]), "softmax_cross_entropy", "reading", "A text.", words)
    page = explorer(model, tmp_path / "net.html", example)
    browser.open(page)
    assert browser.text("example-text") == "A text." and browser.run("return explorer.state.T") == 14
    names = browser.run("return [...document.getElementById('values-name').options].map((o) => o.value)")
    assert names == ["h", "i", "f", "g", "o"]
    browser.type(values_layer=1, values_name="f")
    assert browser.text("values-result").startswith(
        f"f of layer 2, dilation {dilations[1]}: 3 units over 14 steps, from 0 to 1."
    )
    box = browser.run("const c = document.getElementById('values'); return [c.clientWidth, c.clientHeight]")
    browser.pointer("values", (box[0] - 20, 50))
    assert "At step 13: word 13." in browser.text("values-result")

    browser.click("show-measured")
    norms = edge_gradients(model, x, example.targets, example.loss)
    found = browser.run("""
      const {places, edges, normOfEdge, normOfPlace} = explorer.scene().gradient;
      return {places: [...places.values()].map((p) => [p.place, normOfPlace(p)]),
              edges: edges.map((e) => [e.from, e.to, normOfEdge(e)])}""")
    whole = {(0, t): norms["input"][t] for t in range(14)}
    whole |= {(l + 1, t): norms["total"][l, t] for l in range(L) for t in range(14)}
    for place, norm in found["places"]:
        assert norm == (None if place[0] > L else pytest.approx(whole[tuple(place)], rel=1e-6))
    for (row, t), (to_row, _), norm in found["edges"]:
        expected = norms["input"][t] if row == 0 else norms["hops" if row == to_row else "upward"][row - 1, t]
        assert norm == pytest.approx(expected, rel=1e-6)
    assert "measured by backpropagation" in browser.text("gradient-result")
    browser.type(dilations="1,2,3")  # another architecture has no measurement
    assert browser.run("return explorer.state.measured") is False and "hops" in browser.text("gradient-result")
    assert {url.split("#")[0] for url in browser.requests(page)} == {page.as_uri()}
