"""The mutation script plants what it reports, one error per mutant, and the tests notice planted errors."""

import ast

import mutations
import pytest


def mutated(source):
    """All mutants of a source text, as the text of each."""
    found = []
    for number, _ in enumerate(mutations.places(ast.parse(source))):
        tree = ast.parse(source)
        mutations.plant(tree, number)
        found.append(ast.unparse(tree))
    return found


@pytest.mark.parametrize(
    "source, expected",
    [
        ("y = a + b", ["y = a - b"]),
        ("y = a < b <= c", ["y = a <= b <= c"]),
        ("y = a and b", ["y = a or b"]),
        ("y = -a", ["y = a"]),
        ("y = True", ["y = False"]),
        ("y = 0.5", ["y = 1.5"]),
        ("y += 2", ["y -= 2", "y += 3"]),
        ("if a:\n    b()", ["if not a:\n    b()"]),
        ("y = b if a is None else c", ["y = b if not a is None else c", "y = b if a is not None else c"]),
        ("raise ValueError(1 + 2)", []),
        ("'text'", []),
        ("y: Array | None = f'{1 + 2}'", []),
    ],
)
def test_each_place_is_changed_alone_and_messages_and_annotations_stay(source, expected):
    assert mutated(source) == expected


def test_a_mutant_differs_from_its_file_in_the_line_that_it_names():
    everything = mutations.mutants()
    assert len(everything) > 1000
    for file, number in everything[:: len(everything) // 20]:
        mutant = mutations.planted(file, number)
        before = ast.unparse(ast.parse((mutations.ROOT / file).read_text(encoding="utf-8")))
        assert mutant.source != before and mutant.before != mutant.after
        compile(mutant.source, str(file), "exec")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_tests_of_a_room_notice_most_planted_errors():
    survivors = mutations.report(count=6, seed=1, rest=False)
    assert len(survivors) <= 2, survivors  # some errors change nothing, some are noticed by the tests of other rooms
