"""The explorer's file: one page without references, the architectures it draws, the arrays of an example."""

import base64
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.graphs import DILATIONS

from dilated_rnn_np import DilatedRNN, baselines, paths
from dilated_rnn_np.analysis.memory import activations
from dilated_rnn_np.baselines.systems import SYSTEMS, build
from dilated_rnn_np.plot import Example, explorer
from dilated_rnn_np.plot.example import MOST_STEPS, example_record
from dilated_rnn_np.plot.explorer import PAGE, SCRIPTS, architecture
from dilated_rnn_np.plot.style import COLOURS, SYSTEM_COLOURS


def given_of(page):
    """The data that the page holds."""
    return json.loads(re.search(r'<script id="given"[^>]*>(.*?)</script>', page.read_text(encoding="utf-8"), re.S)[1])


def test_the_page_is_one_small_file_that_refers_to_nothing(tmp_path):
    page = explorer([1, 2, 4, 8], tmp_path / "explorer.html", title="A & B")
    text = page.read_text(encoding="utf-8")
    assert len(text.encode()) < 200_000
    assert "<title>A &amp; B</title>" in text
    assert not re.findall(r"\b(?:https?:|src=|@import|url\(|fetch\(|XMLHttpRequest|WebSocket)", text)
    assert re.findall(r"<link [^>]*>", text) == ['<link rel="icon" href="data:,">']
    assert "default-src 'none'" in text  # the browser itself refuses requests
    assert "{{" not in re.sub(r"\$\{\{", "", text)


def test_every_source_of_the_page_is_used_and_short():
    assert {path.name for path in PAGE.iterdir()} == {"page.html", "page.css", *(f"{name}.js" for name in SCRIPTS)}
    assert all(len(path.read_text(encoding="utf-8").splitlines()) <= 400 for path in PAGE.iterdir())


def test_the_systems_have_the_colours_of_the_experiments():
    assert [*SYSTEM_COLOURS] == [*SYSTEMS][: len(COLOURS)]
    assert [*SYSTEM_COLOURS.values()] == [*COLOURS]


@given(DILATIONS, st.integers(2, 6), st.integers(1, 4), st.booleans())
def test_the_settings_of_a_graph_describe_it(dilations, skip, layers, fusion):
    found = architecture(paths.dilated_stack(dilations, fusion))
    assert (found["system"], found["d"]) == ("dilated", dilations)
    found = architecture(paths.plain_stack(layers))
    assert (found["system"], len(found["d"])) == ("plain", layers)
    found = architecture(paths.skip_stack(layers, skip))
    assert (found["system"], found["s"], len(found["d"])) == ("skip", skip, layers)
    found = architecture(paths.dilated_cnn(dilations))
    assert (found["system"], found["d"]) == ("dilated-cnn", dilations)
    found = architecture(paths.clockwork(sorted(dilations)))
    assert (found["system"], found["d"]) == ("clockwork", sorted(dilations))


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_net_of_every_drawn_system_has_a_page(system, tmp_path):
    model = build(system, 2, 6, [1, 2, 4], output_size=2)
    x = np.zeros((9, 1, 2), "float32")
    if system == "hm-lstm":
        with pytest.raises(ValueError, match="the explorer draws .*, got hierarchical multiscale RNN"):
            explorer(model, tmp_path / "a.html")
        return
    found = given_of(explorer(model, tmp_path / "a.html", Example(x)))
    assert found["start"]["system"] == {"phased-lstm": "plain"}.get(system, system)
    assert (found["example"]["gradient"] is not None) == (system in ("dilated", "plain"))
    assert found["start"]["T"] == 9 and len(found["example"]["layers"]) == len(model.layers)


def test_a_net_without_fusion_opens_without_fusion(tmp_path):
    for fusion in (True, False):
        model = DilatedRNN(1, 2, [2, 4], output_size=1, fusion=fusion)
        assert given_of(explorer(model, tmp_path / "a.html"))["start"]["fusion"] == fusion


# ---------------------------------------------------------------------- examples


def test_the_arrays_of_an_example_are_those_of_the_net_to_a_byte():
    model = DilatedRNN(2, 5, [1, 2], "gru", output_size=3, rng=1)
    x = np.random.default_rng(0).standard_normal((20, 1, 2)).astype("float32")
    record = example_record(model, Example(x))
    for layer, expected in zip(record["layers"], activations(model, x), strict=True):
        assert {*layer["values"]} == {*expected}
        for name, values in layer["values"].items():
            levels = np.frombuffer(base64.b64decode(values["data"]), np.uint8).reshape(values["units"], -1)
            shown = values["lowest"] + levels / 255 * (values["highest"] - values["lowest"])
            step = (values["highest"] - values["lowest"]) / 255
            assert np.abs(shown - expected[name][:, 0].T).max() <= 0.5 * step + 1e-5


def test_of_a_long_example_the_page_holds_the_last_steps_and_stays_small(tmp_path):
    model = DilatedRNN(1, 80, [1, 2, 4, 8, 16, 32], "lstm", output_size=1)
    x = np.zeros((MOST_STEPS + 300, 1, 1), "float32")
    inputs = [str(t) for t in range(len(x))]
    page = explorer(model, tmp_path / "a.html", Example(x, text="Long.", inputs=inputs))
    example = given_of(page)["example"]
    assert example["steps"] == MOST_STEPS and example["inputs"][-1] == "899" and len(example["inputs"]) == MOST_STEPS
    assert example["text"] == "Long. The page shows the last 600 of 900 steps."
    assert page.stat().st_size < 1_200_000


def test_the_text_of_an_example_cannot_end_the_script(tmp_path):
    example = Example(np.zeros((3, 1, 1), "float32"), text="</script><b>", inputs=["{{script}}", "</SCRIPT>", "x"])
    found = given_of(explorer(DilatedRNN(1, 2, [1]), tmp_path / "a.html", example))
    assert found["example"]["text"] == "</script><b>" and found["example"]["inputs"] == [*example.inputs]


def test_wrong_input_is_refused_with_a_clear_message(tmp_path):
    with pytest.raises(ValueError, match="path must end in '.html', got .*a.png"):
        explorer([1, 2], tmp_path / "a.png")
    with pytest.raises(ValueError, match="dilations"):
        explorer([0], tmp_path / "a.html")
    with pytest.raises(ValueError, match="at most 12 layers and dilations up to 4,096, got dilated RNN"):
        explorer([1] * 12 + [2], tmp_path / "a.html")
    with pytest.raises(ValueError, match="kernel size 2"):
        explorer(baselines.DilatedCNN(1, 4, [1, 2], kernel=3), tmp_path / "a.html")
    with pytest.raises(TypeError, match="an example needs a model"):
        explorer([1, 2], tmp_path / "a.html", Example(np.zeros((3, 1, 1))))
    with pytest.raises(ValueError, match=r"one sequence, \(T, 1, D\), got shape \(3, 2, 1\)"):
        explorer(DilatedRNN(1, 2, [1]), tmp_path / "a.html", Example(np.zeros((3, 2, 1))))
    with pytest.raises(OSError):
        explorer([1, 2], tmp_path / "missing" / "a.html")
    assert not list(tmp_path.iterdir())
