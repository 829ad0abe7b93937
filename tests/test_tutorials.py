"""Tutorials run from their source, notebooks match the source and hold no errors, exercises recognise mistakes."""

import importlib
import os
import re
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from support.places import DATA, ROOT

TUTORIALS = ROOT / "tutorials"
SOURCES = sorted(TUTORIALS.glob("[0-9][0-9]_*.py"))
SLOW = {"08", "09", "10", "11", "12", "13", "14", "15", "16"}  # each takes more than five seconds


@contextmanager
def tutorials_on_path():
    sys.path.insert(0, str(TUTORIALS))
    try:
        yield
    finally:
        sys.path.remove(str(TUTORIALS))


@pytest.fixture(scope="module", autouse=True)
def importable_tutorials():
    with tutorials_on_path():
        yield


with tutorials_on_path():
    MODULES = [importlib.import_module(f"exercises.{p.stem}") for p in sorted(TUTORIALS.glob("exercises/ex*.py"))]
EXERCISES = {name: exercise for module in MODULES for name, exercise in module.EXERCISES.items()}


@pytest.mark.parametrize(
    "source",
    [pytest.param(source, marks=pytest.mark.slow) if source.stem[:2] in SLOW else source for source in SOURCES],
    ids=[source.stem for source in SOURCES],
)
def test_a_tutorial_runs_as_a_script_without_a_warning(source, tmp_path):
    no_network = {"no_proxy": "", "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    environment = os.environ | no_network | {"PYTHONPATH": str(ROOT)}
    environment["OPENBLAS_NUM_THREADS"] = "1"  # more threads slow such small products down
    if DATA.is_dir():
        environment["DILATED_RNN_DATA"] = str(DATA)
    done = subprocess.run([sys.executable, str(source)], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Warning" not in done.stderr
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_notebook_matches_its_source_and_is_executed_without_warnings_or_errors(source):
    jupytext = pytest.importorskip("jupytext", reason="jupytext is not installed")
    expected = jupytext.read(source)
    notebook = jupytext.read(source.with_suffix(".ipynb"))
    stale = "is stale: rebuild it with python tutorials/build.py"
    assert [(c.cell_type, c.source) for c in notebook.cells] == [(c.cell_type, c.source) for c in expected.cells], (
        f"{source.stem} {stale}"
    )
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert outputs and all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code" and cell.source)
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_tutorial_has_all_parts_in_their_order(source):
    text = source.read_text(encoding="utf-8")
    assert re.match(rf"# %% \[markdown\]\n# # {int(source.stem[:2])}\. ", text)
    places = [
        text.find(part) for part in ("**What you will do.**", "**What you need.**", "# ## Exercises", "# ## Where next")
    ]
    assert -1 not in places and places == sorted(places)
    asked = re.findall(r'check\("(\d+\.\d+)"', text)
    assert asked == [name for name in EXERCISES if name.startswith(f"{int(source.stem[:2])}.")] and asked
    assert all(f"**{name}**" in text for name in asked)
    for link in re.findall(r"\]\((\w+)\.ipynb\)", text):
        assert (TUTORIALS / f"{link}.py").exists(), f"link to a missing tutorial: {link}"
    for link in re.findall(r"\]\(\.\./([\w/.]+)\)", text):
        assert (ROOT / link).exists(), f"link to a missing file: {link}"


def test_the_reading_map_names_every_tutorial_and_only_files_that_exist():
    text = (TUTORIALS / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\((\d\d_\w+)\.ipynb\)", text) == [source.stem for source in SOURCES]
    table = text[text.index("| tutorial |") : text.index("## Glossary")]
    for name in re.findall(r"`([\w/]+\.py)`", table):
        assert (ROOT / ("tests" if "test_" in name else "dilated_rnn_np") / name).is_file(), name


@pytest.mark.parametrize("name", EXERCISES)
def test_the_solution_of_an_exercise_is_right(name):
    from exercises import verdict

    assert verdict(EXERCISES[name], EXERCISES[name].solution) == ""


@pytest.mark.parametrize("name", EXERCISES)
def test_each_typical_mistake_gets_a_message_of_its_own(name):
    from exercises import verdict

    exercise = EXERCISES[name]
    messages = [verdict(exercise, mistake.wrong) for mistake in exercise.mistakes]
    assert messages == [mistake.says for mistake in exercise.mistakes]
    assert len(set(messages)) == len(messages) >= 2
    assert len(exercise.hints) >= 2


def test_the_checker_describes_errors_that_are_no_listed_mistake():
    from exercises import verdict

    exercise = EXERCISES["1.2"]
    solution = exercise.solution

    def changed(change):
        return verdict(exercise, lambda *arguments: change(*solution(*arguments)))

    assert changed(lambda a, b, c: None) == "nothing is returned yet; write the function's body and return its result."
    assert changed(lambda a, b, c: (a, b)) == "3 arrays are wanted (dw_x, dw_h, db), 2 came."
    assert changed(lambda a, b, c: (a, b, np.array([c]))) == "db has shape (1,), wanted is ()."
    assert changed(lambda a, b, c: [a, b, c]) == "a tuple (dw_x, dw_h, db) is wanted, one list or array of 3 came."
    assert "the answer is complex" in changed(lambda a, b, c: (a, b, c + 0j))
    assert "dw_h is wrong: " in changed(lambda a, b, c: (a, b + 1, c))
    assert changed(lambda a, b, c: (a, -b, c)) == "dw_x, db right; dw_h has the wrong sign."
    assert changed(lambda a, b, c: (a, b, 2 * c)) == "dw_x, dw_h right; db is off by a factor of 2."
    assert changed(lambda a, b, c: 1 / 0) == "it stops with ZeroDivisionError: division by zero."
    states = EXERCISES["1.1"]
    assert "shifted by one time step" in verdict(states, lambda *a: [0.0, *states.solution(*a)[:-1]])
    assert "wrong: " in verdict(states, lambda *a: [*states.solution(*a)[:-1], 7.0])

    def in_place(x, *rest):
        result = states.solution(x, *rest)
        x += 1
        return result

    assert "changes its arguments in place" in verdict(states, in_place)


def test_hints_come_in_steps_and_unknown_exercises_are_refused(capsys):
    from exercises import check, hint

    hint("1.1", 2)
    assert capsys.readouterr().out.startswith("hint 2 of 3: ")
    with pytest.raises(ValueError, match="hints 1 to 3, got 4"):
        hint("1.1", 4)
    with pytest.raises(ValueError, match="no exercise '99.1'"):
        check("99.1", lambda: None)
    check("1.1", EXERCISES["1.1"].solution)
    assert capsys.readouterr().out == "exercise 1.1: right.\n"


# ---------------------------------------------------------------------- the explorer


def explorer_links():
    """The settings of every link to the explorer's page, and the tutorial that holds it."""
    for source in SOURCES:
        for settings in re.findall(r"\]\(explorer\.html#?([^)]*)\)", source.read_text(encoding="utf-8")):
            yield source, settings


def test_tutorials_that_speak_of_paths_stages_and_gradients_link_the_explorer_with_a_small_still():
    import stills

    linking = {source for source, _ in explorer_links()}
    assert {source.name[:2] for source in linking} == {"03", "05", "06", "07", "08"}
    for source in linking:
        text = source.read_text(encoding="utf-8")
        shown = re.findall(r"\[!\[[^\]]+\]\(pictures/(explorer\w*\.png)\)\]\(explorer\.html#([^)]*)\)", text)
        assert shown and all(stills.STILLS[still][2] == settings for still, settings in shown), source.stem
        assert 0 < text.index("\nexplorer_page()") < text.index("](explorer.html"), source.stem
    assert "tutorials/pictures/explorer.png" in (ROOT / "README.md").read_text(encoding="utf-8")
    for still in stills.STILLS:
        assert (TUTORIALS / "pictures" / still).stat().st_size < 150_000


def test_the_links_open_the_views_that_they_describe(tmp_path):
    from support.browser import Browser

    from dilated_rnn_np.plot import explorer

    browser, page = Browser(tmp_path / "profile"), explorer([1, 2, 4], tmp_path / "explorer.html")
    try:
        for source, settings in explorer_links():
            browser.open(page, settings)
            state = browser.run(
                "return Object.fromEntries(Object.entries(explorer.state).map(([k, v]) => [k, String(v)]))"
            )
            wanted = dict(pair.split("=") for pair in settings.split("&"))
            assert {key: state[key] for key in wanted} == wanted, source.stem
            assert browser.messages() == []
    finally:
        browser.driver.quit()
