"""The rooms of the package import in one direction only; made-up packages show that each rule finds its violation."""

import pytest
from support import rooms
from support.places import ROOT
from support.rooms import RULES, Package, sentences

PACKAGE = Package(ROOT / "dilated_rnn_np")
DOCSTRING = '"""Arrays in one place. Read a first. Then read b."""\n'


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps_the_rule(rule):
    if violations := list(rule(PACKAGE)):
        pytest.fail("\n".join(violations), pytrace=False)


def test_every_room_of_the_package_is_read():
    assert {PACKAGE.room(module) for module in PACKAGE.paths} >= set(rooms.ROOMS)
    assert len(list(PACKAGE.internal_imports())) > 100


# ---------------------------------------------------------------------- made-up packages


@pytest.fixture
def made_up(tmp_path):
    """Returns a function that writes a package without violations, with the given files changed or added."""

    def write(files):
        root = tmp_path / "pkg"
        right = {f"{room}/__init__.py": DOCSTRING for room in rooms.ROOMS}
        right |= {"__init__.py": "from . import cli, tasks\n", "py.typed": "", "cli/main.py": "def main(): pass\n"}
        right |= {"__main__.py": "import sys\nfrom .cli.main import main\nsys.exit(main())\n"}
        for name, text in (right | files).items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return root

    return write


def violations_of(root):
    """All violations by the name of their rule."""
    package = Package(root)
    found = {rule.__name__: list(rule(package)) for rule in RULES}
    return {name: violations for name, violations in found.items() if violations}


ALLOWED = {
    "imports of rooms above and of its own room": {
        "nets/model.py": "from ..arrays import checks\nfrom .layers import Layer\nimport pkg.theory.paths\n",
        "nets/layers.py": "Layer = 1\n",
        "theory/paths.py": "",
        "arrays/checks.py": "",
    },
    "imports of modules outside the package": {"arrays/a.py": "import numpy, cupy\nfrom torchlike import x\n"},
    "lazy imports that go up": {"plot/a.py": "import importlib\nimportlib.import_module('..nets', __package__)\n"},
    "names that only look like imports": {
        "arrays/a.py": '"""\n>>> from pkg import tasks\n"""\ntext = "import torch"\n'
    },
    "a file of 400 lines": {"arrays/a.py": "x = 1\n" * 400},
    "a docstring of six sentences": {"nets/__init__.py": f'"""{"One thing. " * 6}"""\n'},
    "a folder of compiled files": {"__pycache__/a.pyc": ""},
}


@pytest.mark.parametrize("files", ALLOWED.values(), ids=ALLOWED)
def test_a_made_up_package_without_violations_passes(files, made_up):
    assert violations_of(made_up(files)) == {}


UPWARD_IMPORTS = {
    "relative": "from ..tasks import base",
    "relative, of a room": "from .. import tasks",
    "relative, of a name": "from ..tasks.base import Task",
    "absolute": "import pkg.tasks.base",
    "absolute, of a name": "from pkg.tasks.base import Task as T",
    "in a function": "def f():\n    if 1:\n        from ..tasks import base",
    "for type checking": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..tasks import base",
    "import_module, absolute": "import importlib\nimportlib.import_module('pkg.tasks.base')",
    "import_module, relative": "from importlib import import_module\nimport_module('..tasks.base', __package__)",
    "import_module, renamed": "from importlib import import_module as load\nload(name='..tasks', package='pkg.nets')",
    "__import__, absolute": "__import__('pkg.tasks.base')",
    "__import__, members": "__import__('pkg', None, None, ['tasks'])",
    "__import__, relative": "__import__('tasks', globals(), fromlist=['base'], level=2)",
}


@pytest.mark.parametrize("source", UPWARD_IMPORTS.values(), ids=UPWARD_IMPORTS)
def test_an_import_of_a_room_below_is_found(source, made_up):
    root = made_up({"nets/model.py": f"{source}\n", "tasks/base.py": "Task = 1\n"})
    line = source.count("\n") + 1
    found = violations_of(root)
    assert found.keys() == {"rooms_import_only_rooms_above_them"}
    (violation,) = found["rooms_import_only_rooms_above_them"]
    assert violation.startswith(f"nets/model.py:{line}: nets imports pkg.tasks")
    assert ", but tasks is below nets in the order of rooms" in violation


@pytest.mark.parametrize(
    "source",
    [
        "import importlib\nimportlib.import_module(f'{__name__}.tasks')",
        "import importlib\nimportlib.import_module(__package__ + '.tasks')",
        "import importlib\nimportlib.import_module('.tasks', __name__)",
    ],
)
def test_a_name_built_from_that_of_the_importing_module_is_read(source, made_up):
    package = Package(made_up({"__init__.py": f"{source}\n"}))
    assert next(package.internal_imports()) == ("pkg", 2, "pkg.tasks")


VIOLATIONS = {
    "the root, absolute": (
        {"nets/model.py": "import pkg as p\n", "__init__.py": ""},
        {"rooms_import_only_rooms_above_them": "nets/model.py:1: imports the package root"},
    ),
    "the root, relative": (
        {"nets/model.py": "from .. import __version__\n", "__init__.py": ""},
        {"rooms_import_only_rooms_above_them": "nets/model.py:1: imports the package root"},
    ),
    "a computed name": (
        {"nets/model.py": "import importlib\nimportlib.import_module(input())\n"},
        {"every_import_is_readable": "nets/model.py:2: imports a computed name"},
    ),
    "a computed package": (
        {"nets/model.py": "import importlib\nimportlib.import_module('.x', input())\n"},
        {"every_import_is_readable": "nets/model.py:2: imports a computed name"},
    ),
    "a computed level": (
        {"nets/model.py": "__import__('x', level=int(input()))\n"},
        {"every_import_is_readable": "nets/model.py:1: imports a computed name"},
    ),
    "a circle of two files": (
        {"nets/a.py": "from . import b\n", "nets/b.py": "from .a import x\n"},
        {"no_files_import_each_other_in_a_circle": "import circle: nets/a.py -> nets/b.py -> nets/a.py"},
    ),
    "a circle through a function and a room's __init__": (
        {
            "nets/__init__.py": f"{DOCSTRING}from .a import x\n",
            "nets/a.py": "from .b import y\n",
            "nets/b.py": "def f():\n    from . import x\n",
        },
        {"no_files_import_each_other_in_a_circle": "nets/a.py -> nets/b.py"},
    ),
    "a file in the root": (
        {"helpers.py": ""},
        {"the_root_holds_only_rooms_and_its_own_files": "helpers.py: the package root holds only __init__.py,"},
    ),
    "a folder that is no room": (
        {"utils/__init__.py": ""},
        {"the_root_holds_only_rooms_and_its_own_files": "utils: the package root holds only"},
    ),
    "a function in __main__": (
        {"__main__.py": "from .cli.main import main\ndef f(): pass\nmain()\n"},
        {"main_only_calls_the_command_line": "__main__.py:2: expected imports and a call of cli, got: def f():"},
    ),
    "another room in __main__": (
        {"__main__.py": "from .cli.main import main\nfrom . import tasks\nmain()\n"},
        {"main_only_calls_the_command_line": "__main__.py:2: imports pkg.tasks; expected cli alone"},
    ),
    "no call in __main__": (
        {"__main__.py": "from .cli.main import main\nprint()\n"},
        {"main_only_calls_the_command_line": "__main__.py: calls nothing from cli"},
    ),
    "a file of 401 lines": (
        {"device/a.cu": "\n" * 401},
        {"files_have_at_most_400_lines": "device/a.cu: 401 lines, expected at most 400"},
    ),
    "no docstring": (
        {"plot/__init__.py": ""},
        {"room_docstrings_have_three_to_six_sentences": "plot/__init__.py: sentences in the docstring: 0,"},
    ),
    "a docstring of two sentences": (
        {"plot/__init__.py": '"""One, e.g. this.\n\nTwo (in ``a.py``), of 0.5.\n"""\n'},
        {"room_docstrings_have_three_to_six_sentences": "plot/__init__.py: sentences in the docstring: 2,"},
    ),
    "a docstring of seven sentences": (
        {"plot/__init__.py": f'"""{"One thing. " * 7}"""\n'},
        {"room_docstrings_have_three_to_six_sentences": "plot/__init__.py: sentences in the docstring: 7,"},
    ),
    "a framework": (
        {"nets/a.py": "def f():\n    from torch.nn import LSTM\n"},
        {"no_deep_learning_framework_is_imported": "nets/a.py:2: imports torch.nn.LSTM"},
    ),
    "a framework by import_module": (
        {"nets/a.py": "import importlib\nimportlib.import_module('jax.numpy')\n"},
        {"no_deep_learning_framework_is_imported": "nets/a.py:2: imports jax.numpy"},
    ),
}


@pytest.mark.parametrize(("files", "expected"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_each_violation_is_found_by_its_rule_alone(files, expected, made_up):
    found = violations_of(made_up(files))
    assert found.keys() == expected.keys(), found
    for rule, part in expected.items():
        assert any(part in violation for violation in found[rule]), found[rule]


def test_a_missing_file_of_the_root_and_a_room_without_init_are_found(made_up):
    root = made_up({})
    (root / "py.typed").unlink()
    (root / "tasks" / "__init__.py").unlink()
    assert violations_of(root) == {
        "the_root_holds_only_rooms_and_its_own_files": [
            "tasks/: a room needs an __init__.py",
            "py.typed: missing in the package root",
        ]
    }


def test_each_rule_has_a_made_up_violation():
    covered = {name for _, expected in VIOLATIONS.values() for name in expected}
    assert covered == {rule.__name__ for rule in RULES}


def test_sentences_leave_out_doctests_list_markers_and_abbreviations():
    docstring = "One, e.g. this. Read ``a.py`` (0.5 hours)! Then:\n\n1. b\n2. c\n\n>>> 1.\n1.\n"
    assert sentences(docstring) == ["One, eg this", "Read ``a.py`` (0.5 hours)", "Then: b c"]
    assert sentences(".") == []
