"""Mutation testing: plant one error at a time in the package, and report which of them the tests notice.

An error changes one operator, comparison, constant or branch of recurrence, nets, training or theory. The places are drawn
uniformly from all of them by a seed. Each mutant is tested in a copy of the repository: first by the tests of its room, and by
all other default tests only if those pass. A failure, an import error, a hang or a memory blow-up counts as noticed.

    python tests/mutations.py --count 100 --seed 0
"""

import argparse
import ast
import copy
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "dilated_rnn_np"
TRAINING = ("losses", "positions", "optim", "batches")
MODULES = [f"{PACKAGE}/{room}/*.py" for room in ("recurrence", "nets", "theory")]
MODULES += [f"{PACKAGE}/training/{module}.py" for module in TRAINING]
EQUATIONS = "tests/recurrence/test_equals_reference.py"
FIRST = {  # for the beginning of a module's path, the groups of tests to begin with, one after the other
    "recurrence": [EQUATIONS, "tests/recurrence tests/nets/test_wrong_inputs.py"],
    "nets/budget": ["tests/nets/test_long_sequences.py"],
    "nets/plans": ["tests/nets/test_long_sequences.py", "tests/nets"],
    "nets/torch": ["tests/nets/test_torch.py"],
    "nets/checkpoint": ["tests/nets/test_checkpoint.py", "tests/nets tests/training/test_train.py"],
    "nets": [
        f"{EQUATIONS} tests/nets/test_arrays.py",
        "tests/nets/test_wrong_inputs.py",
        "tests/nets tests/arrays/test_memory.py",
    ],
    "theory": ["tests/theory"],
    "training/optim": ["tests/training/test_optim.py tests/training/test_wrong_arguments.py", "tests/training"],
    "training/batches": ["tests/training/test_losses.py", "tests/training", "tests/device/test_devices.py"],
    "training": ["tests/training/test_losses.py tests/training/test_wrong_arguments.py", "tests/training"],
}
SOONER = [
    f"tests/{room}" for room in ("recurrence", "theory", "analysis", "nets", "training", "baselines", "arrays", "tasks")
]
LIMIT, TEST_LIMIT = 3600, 200  # seconds for all tests of one mutant, and for one test
SERVER = multiprocessing.get_context("forkserver")  # its children need not import these libraries again
SERVER.set_forkserver_preload(["pytest", "hypothesis", "numpy", "matplotlib.animation", "networkx", "pooch", "tqdm"])
MEMORY = 12 * 10**9  # bytes that each process of the tests may allocate

SWAPS: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.BitXor: ast.BitOr, ast.And: ast.Or, ast.Or: ast.And,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One planted error: the changed source of a file, and the expression before and after."""

    file: Path  # relative to the repository
    line: int
    before: str
    after: str
    source: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}  {self.before}  ->  {self.after}"


def changed(node: ast.AST) -> ast.AST | None:
    """Return a changed copy of a node, or None where nothing of it is changed."""
    new = copy.deepcopy(node)
    if isinstance(new, (ast.BinOp, ast.AugAssign, ast.BoolOp)) and type(new.op) in SWAPS:
        new.op = SWAPS[type(new.op)]()
    elif isinstance(new, ast.Compare) and type(new.ops[0]) in SWAPS:
        new.ops[0] = SWAPS[type(new.ops[0])]()
    elif isinstance(new, ast.UnaryOp) and isinstance(new.op, (ast.USub, ast.Not)):
        return new.operand
    elif isinstance(new, (ast.If, ast.IfExp, ast.While)):
        new.test = ast.UnaryOp(ast.Not(), new.test)
    elif isinstance(new, ast.Constant) and isinstance(new.value, bool):
        new.value = not new.value
    elif isinstance(new, ast.Constant) and isinstance(new.value, (int, float)):
        new.value += 1
    else:
        return None
    return new


def places(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that can be changed; annotations, messages, texts and assertions are left out."""
    skipped = (ast.Raise, ast.JoinedStr, ast.Assert)
    for field, value in ast.iter_fields(tree):
        for node in value if isinstance(value, list) else [value]:
            if not isinstance(node, ast.AST) or isinstance(node, skipped) or field in ("annotation", "returns"):
                continue
            if isinstance(node, ast.keyword) and node.arg == "strict":  # zip(…, strict=True) asserts equal lengths
                continue
            if changed(node) is not None:
                yield node
            yield from places(node)


def shown(node: ast.AST) -> str:
    """Return the first line of a node's source."""
    return ast.unparse(node.test if isinstance(node, (ast.If, ast.While)) else node).splitlines()[0]


def mutants(root: Path = ROOT) -> list[tuple[Path, int]]:
    """Return all errors that can be planted, as files and numbers of places in them."""
    found = []
    for pattern in MODULES:
        for file in sorted(root.glob(pattern)):
            count = sum(1 for _ in places(ast.parse(file.read_text(encoding="utf-8"))))
            found += [(file.relative_to(root), number) for number in range(count)]
    return found


def planted(file: Path, number: int, root: Path = ROOT) -> Mutant:
    """Return the mutant of a file and a place in it."""
    tree = ast.parse((root / file).read_text(encoding="utf-8"))
    node, new = plant(tree, number)
    return Mutant(file, node.lineno, shown(node), shown(new), ast.unparse(tree))


def plant(tree: ast.AST, number: int) -> tuple[ast.AST, ast.AST]:
    """Change a place of a tree, and return the node before and after."""
    node = list(places(tree))[number]
    new = changed(node)
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, field, new)
            elif isinstance(value, list) and any(item is node for item in value):
                setattr(parent, field, [new if item is node else item for item in value])
    ast.fix_missing_locations(tree)
    return node, new


def noticed(mutant: Mutant, copied: Path, rest: bool = True) -> str:
    """Return how the tests notice a mutant, or an empty text where it survives; ``rest`` False runs the first tests alone."""
    original = (copied / mutant.file).read_text(encoding="utf-8")
    (copied / mutant.file).write_text(mutant.source, encoding="utf-8")
    try:
        module = mutant.file.relative_to(PACKAGE).as_posix()
        first = next(tests for start, tests in FIRST.items() if module.startswith(start))
        groups = [
            [*first[0].split(), str(mutant.file)],
            *map(str.split, first[1:]),
        ]  # the file's own examples come last
        groups += [SOONER, ["tests", PACKAGE]] if rest else []
        return next(filter(None, (fails(copied, tests) for tests in groups)), "")
    finally:
        (copied / mutant.file).write_text(original, encoding="utf-8")


def fails(copied: Path, tests: list[str]) -> str:
    """Return the name of the first test that fails in a copy of the repository, "hangs", or an empty text."""
    log = copied / "pytest.log"
    process = SERVER.Process(target=run_tests, args=(copied, list(dict.fromkeys(tests)), log))
    process.start()
    process.join(LIMIT)
    if process.is_alive():
        process.kill()
        process.join()
        return "hangs"
    if process.exitcode == 0:
        return ""
    lines = [line for line in log.read_text().splitlines() if line.startswith(("FAILED", "ERROR"))]
    return lines[0].split(" - ")[0] if lines else f"pytest ended with {process.exitcode}"


def run_tests(copied: Path, tests: list[str], log: Path) -> None:
    """Run tests in a copy of the repository up to the first failure; the process ends with the exit code of pytest."""
    options = f"-x -q --no-header --tb=no -p no:cacheprovider --timeout={TEST_LIMIT}".split()
    options += [f"--ignore=tests/{name}" for name in ("test_mutations.py", "test_rooms.py", "test_tutorials.py")]
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background of a shell it is ignored
    os.chdir(copied)
    sys.path[:] = [
        str(copied),
        *(path for path in sys.path if Path(path or ".").resolve() not in (ROOT, ROOT / "tests")),
    ]
    os.environ["PYTHONPATH"] = str(copied)
    with open(log, "w") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
        import pytest

        code = int(pytest.main([*options, *tests]))
        sys.stdout.flush()
    os._exit(code)


def copy_of_repository(folder: str) -> Path:
    """Return a copy of what the tests need; the data beside the repository is linked."""
    copied = Path(folder, "repository")
    copied.mkdir()
    for name in (PACKAGE, "tests", "tutorials"):
        shutil.copytree(ROOT / name, copied / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ROOT.glob("*.*"):
        if file.is_file():
            shutil.copy(file, copied)
    if (ROOT.parent / "shared").is_dir():
        Path(folder, "shared").symlink_to(ROOT.parent / "shared")
    return copied


def report(count: int, seed: int, numbers: Sequence[int] = (), rest: bool = True) -> list[Mutant]:
    """Plant ``count`` errors, or of these the ones with the given numbers; print what became of each; return the survivors."""
    survivors, numbers = [], numbers or range(count)
    with tempfile.TemporaryDirectory() as folder:
        copied = copy_of_repository(folder)
        chosen = random.Random(seed).sample(mutants(copied), count)
        for number in numbers:
            mutant, started = planted(*chosen[number], copied), time.monotonic()
            how = noticed(mutant, copied, rest)
            survivors += [] if how else [mutant]
            outcome = f"noticed by {how}" if how else "SURVIVED"
            print(f"{number:>4}  {mutant}\n      {outcome}, {time.monotonic() - started:.0f} s", flush=True)
    print(f"{len(numbers) - len(survivors)} of {len(numbers)} mutants were noticed")
    return survivors


def control() -> str:
    """Return how the tests notice that the source was only written anew, without an error; an empty text is right."""
    with tempfile.TemporaryDirectory() as folder:
        copied = copy_of_repository(folder)
        for file in {file for file, _ in mutants(copied)}:
            source = (copied / file).read_text(encoding="utf-8")
            (copied / file).write_text(ast.unparse(ast.parse(source)), encoding="utf-8")
        return fails(copied, ["tests", PACKAGE])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Plant errors in the package, and report which ones the tests notice.")
    parser.add_argument("--count", type=int, default=100, help="mutants (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the drawn places (default: %(default)s)")
    parser.add_argument("--numbers", type=int, nargs="*", default=[], help="test only these of them, counted from 0")
    parser.add_argument("--first", action="store_true", help="run only the tests of the mutant's room, and no control")
    options = parser.parse_args()
    if not options.first and (how := control()):
        sys.exit(f"the tests fail without any error planted: {how}")
    sys.exit(bool(report(options.count, options.seed, options.numbers, not options.first)))
