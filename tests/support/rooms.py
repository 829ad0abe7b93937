"""Checks of the package's layout: which room imports which, import circles, file sizes, docstrings of the rooms.

Everything is read from the source; the package itself is never imported. Each rule takes a ``Package`` and yields one
message per violation.
"""

import ast
import re
from importlib.util import resolve_name
from typing import NamedTuple

import networkx

# A room imports only rooms to its left.
ROOMS = (
    *("arrays", "theory", "recurrence", "device", "nets", "training", "analysis"),
    *("plot", "baselines", "tasks", "forecasting", "experiments", "cli"),
)
ROOT_FILES = {"__init__.py", "__main__.py", "py.typed"}
FRAMEWORKS = {
    *("torch", "torchvision", "torchaudio", "lightning", "pytorch_lightning", "tensorflow", "keras", "jax", "jaxlib"),
    *("flax", "haiku", "optax", "equinox", "mxnet", "chainer", "theano", "paddle", "mindspore", "mlx", "tinygrad"),
    *("caffe", "caffe2", "cntk", "transformers", "neuralforecast"),
}
MAX_LINES = 400
SENTENCES = range(3, 7)


class Import(NamedTuple):
    """One imported module, by absolute name; None for a name that is computed at run time."""

    line: int
    target: str | None


class Package:
    """The source files of a package, and the imports of each."""

    def __init__(self, root):
        self.root, self.name = root, root.name
        self.paths = {self.module_name(path): path for path in sorted(root.rglob("*.py"))}
        self.trees = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in self.paths.items()}
        self.imports = {module: self.imports_of(module) for module in self.paths}

    def module_name(self, path):
        parts = path.relative_to(self.root.parent).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def file(self, module):
        """The path of a module below the package root."""
        return self.paths[module].relative_to(self.root).as_posix()

    def holds(self, target):
        return target is not None and f"{target}.".startswith(f"{self.name}.")

    def room(self, module):
        """The folder of a module; empty for the files of the root."""
        parts = module.split(".")
        return parts[1] if len(parts) > 1 and module != f"{self.name}.__main__" else ""

    def internal_imports(self):
        """(importing module, line, imported module) for each import of one package file by another."""
        for module, imports in self.imports.items():
            yield from ((module, line, target) for line, target in imports if self.holds(target))

    def imports_of(self, module):
        """All imports of a module, wherever they stand: in functions and under TYPE_CHECKING too."""
        is_package = self.paths[module].name == "__init__.py"
        package = module if is_package else module.rpartition(".")[0]
        names = {"__name__": module, "__package__": package}
        tree, found = self.trees[module], []
        importers = importer_names(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = resolve_name("." * node.level + (node.module or ""), package)
                targets = [f"{base}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in importers:
                targets = dynamic_targets(node, importers, names, package)
            else:
                continue
            found += [Import(node.lineno, self.nearest_module(target)) for target in targets]
        return list(dict.fromkeys(found))

    def nearest_module(self, target):
        """The module itself, or the module that an imported name is taken from."""
        while self.holds(target) and target not in self.paths and target != self.name:
            target = target.rpartition(".")[0]
        return target


def importer_names(tree):
    """The names under which a file can call ``importlib.import_module`` and ``__import__``."""
    names = {"import_module": "import_module", "__import__": "__import__"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in ("importlib", "builtins"):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname and alias.name in names}
    return names


def dynamic_targets(call, importers, names, package):
    """The modules that a call of ``import_module`` or ``__import__`` imports."""
    arguments = dict(enumerate(call.args)) | {keyword.arg: keyword.value for keyword in call.keywords}
    name = text_of(arguments.get(0, arguments.get("name")), names)
    if importers[ast.unparse(call.func).split(".")[-1]] == "import_module":
        anchor = arguments.get(1, arguments.get("package"))
        anchor = text_of(anchor, names) if anchor else ""
        readable = name is not None and anchor is not None
        return [resolve_name(name, anchor)] if readable else [None]
    level, members = (arguments.get(*key) for key in ((4, arguments.get("level")), (3, arguments.get("fromlist"))))
    try:
        level, members = (ast.literal_eval(argument) if argument else None for argument in (level, members))
    except ValueError:
        return [None]
    if name is None:
        return [None]
    base = resolve_name("." * (level or 0) + name, package)
    return [f"{base}.{member}" for member in members or ()] or [base]


def text_of(node, names):
    """The string value of an expression of literals, ``__name__`` and ``__package__``; None for any other."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [node.left, node.right]
    elif isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.FormattedValue) else part for part in node.values]
    else:
        return None
    texts = [text_of(part, names) for part in parts]
    return None if None in texts else "".join(texts)


# ---------------------------------------------------------------------- rules


def rooms_import_only_rooms_above_them(package):
    for module, line, target in package.internal_imports():
        importing, imported = package.room(module), package.room(target)
        where = f"{package.file(module)}:{line}"
        if not imported and importing:
            yield f"{where}: imports the package root; import from the room that defines the name"
        elif importing in ROOMS and imported in ROOMS and ROOMS.index(imported) > ROOMS.index(importing):
            yield f"{where}: {importing} imports {target}, but {imported} is below {importing} in the order of rooms"


def every_import_is_readable(package):
    for module, imports in package.imports.items():
        for line, target in imports:
            if target is None:
                yield f"{package.file(module)}:{line}: imports a computed name; write the name as a literal"


def no_files_import_each_other_in_a_circle(package):
    graph = networkx.DiGraph((module, target) for module, _, target in package.internal_imports())
    for component in networkx.strongly_connected_components(graph):
        if len(component) > 1:
            files = [package.file(module) for module, _ in networkx.find_cycle(graph.subgraph(component))]
            first = files.index(min(files))
            circle = " -> ".join([*files[first:], *files[:first], files[first]])
            others = sorted({package.file(module) for module in component} - set(files))
            yield f"import circle: {circle}" + (f"; further circles pass {', '.join(others)}" if others else "")


def the_root_holds_only_rooms_and_its_own_files(package):
    for path in sorted(package.root.iterdir()):
        if path.is_dir() and path.name in ROOMS:
            if not (path / "__init__.py").is_file():
                yield f"{path.name}/: a room needs an __init__.py"
        elif path.name != "__pycache__" and (path.is_dir() or path.name not in ROOT_FILES):
            yield f"{path.name}: the package root holds only {', '.join(sorted(ROOT_FILES))} and the rooms"
    yield from (f"{name}: missing in the package root" for name in ROOT_FILES if not (package.root / name).is_file())


def main_only_calls_the_command_line(package):
    module = f"{package.name}.__main__"
    tree, imports = package.trees[module], package.imports[module]
    for node in tree.body:
        if not isinstance(node, (ast.Import, ast.ImportFrom, ast.If, ast.Expr)):
            yield f"__main__.py:{node.lineno}: expected imports and a call of cli, got: {ast.unparse(node).splitlines()[0]}"
    for line, target in imports:
        if package.holds(target) and package.room(target) != "cli":
            yield f"__main__.py:{line}: imports {target}; expected cli alone"
    calls = {ast.unparse(node.func).split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Call)}
    from_cli = [node for node in tree.body if isinstance(node, ast.ImportFrom) and "cli" in ast.unparse(node)]
    if not calls & {alias.asname or alias.name for node in from_cli for alias in node.names}:
        yield "__main__.py: calls nothing from cli"


def files_have_at_most_400_lines(package):
    for path in sorted([*package.root.rglob("*.py"), *package.root.rglob("*.cu")]):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MAX_LINES:
            yield f"{path.relative_to(package.root).as_posix()}: {lines} lines, expected at most {MAX_LINES}; split it"


def room_docstrings_have_three_to_six_sentences(package):
    for room in ROOMS:
        if tree := package.trees.get(f"{package.name}.{room}"):
            count = len(sentences(ast.get_docstring(tree) or ""))
            if count not in SENTENCES:
                yield (
                    f"{room}/__init__.py: sentences in the docstring: {count}, expected three to six that say "
                    "what the room is for and in which order to read it"
                )


def sentences(docstring):
    """The sentences of a docstring, without its doctests, list markers and the points of abbreviations."""
    text = re.sub(r"^\s*>>>.*?(\n\s*\n|\Z)", "\n", docstring, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^\s*(\d+\.|[-*])\s+", "", text, flags=re.MULTILINE)
    text = re.sub(r"\b(e\.g|i\.e|et al|cf|vs|eq|fig|sec)\.", lambda match: match[1].replace(".", ""), text, flags=re.I)
    parts = re.split(r"[.!?](?=[)\"'`*]*(?:\s|$))", text)
    return [" ".join(part.split()) for part in parts if re.search(r"\w\w", part)]


def no_deep_learning_framework_is_imported(package):
    for module, imports in package.imports.items():
        for line, target in imports:
            if target and target.split(".")[0] in FRAMEWORKS:
                yield f"{package.file(module)}:{line}: imports {target}; the package uses NumPy and CuPy alone"


RULES = (
    rooms_import_only_rooms_above_them,
    every_import_is_readable,
    no_files_import_each_other_in_a_circle,
    the_root_holds_only_rooms_and_its_own_files,
    main_only_calls_the_command_line,
    files_have_at_most_400_lines,
    room_docstrings_have_three_to_six_sentences,
    no_deep_learning_framework_is_imported,
)
