"""The rooms of the package: who may import whom, which library belongs where, how long a function may be.

Read from the source with `ast`, so that a room is held to its row whether or not a test imports it.
"""

import ast
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "sksequence"

# A room is a top-level module or subpackage; imports go to a larger row only.
ROWS = {
    "__init__": 0,
    "_classifier": 1,
    "_regressor": 1,
    "_generator": 1,
    "_base": 2,
    "_net": 3,
    "_validation": 3,
    "_targets": 3,
    "_batching": 4,
    "_modules": 4,
    "_losses": 4,
    "_tokenizers": 4,
    "_vocabulary": 4,
    "_cells": 5,
    "_decoding": 5,
    "_kernels": 6,
    "_random": 7,
    "_threads": 7,
}
SIDE_ROOMS = {
    "preprocessing",
    "metrics",
    "model_selection",
    "inspection",
    "persistence",
    "datasets",
}
LEAF = "_version"  # anybody may read it

FROM_ROW_4_DOWN = {room for room, row in ROWS.items() if row >= 4}
LIBRARY_ROOMS = {
    "skorch": {"_net"},
    "sklearn": SIDE_ROOMS | {room for room, row in ROWS.items() if 1 <= row <= 3},
    # _base has the words for dtype and device; saliency asks for gradients, ONNX files for a trace
    "torch": FROM_ROW_4_DOWN | {"_net", "_base", "inspection", "persistence"},
}
GLOBAL_SEEDS = {
    "numpy.random.seed",
    "random.seed",
    "torch.cuda.manual_seed",
    "torch.cuda.manual_seed_all",
    "torch.manual_seed",
    "torch.mps.manual_seed",
    "torch.random.manual_seed",
    "torch.random.seed",
    "torch.seed",
}
MAX_BODY, MAX_MEDIAN_BODY, MAX_MODULE = 45, 10, 400


@dataclass(frozen=True)
class Module:
    """One source file: where it is and what it says."""

    path: str  # below the package, as in "_cells/_lstm.py"
    source: str

    @property
    def room(self) -> str:
        """The top-level module or subpackage that it belongs to."""
        return self.path.split("/")[0].removesuffix(".py")

    @property
    def package(self) -> list[str]:
        """The package that relative imports start from."""
        return ["sksequence", *self.path.split("/")[:-1]]

    @property
    def tree(self) -> ast.Module:
        """The parsed source."""
        return ast.parse(self.source)

    def at(self, node: ast.AST, problem: str) -> str:
        """Write a problem down with its place."""
        return f"sksequence/{self.path}:{node.lineno}: {problem}"


def all_modules() -> list[Module]:
    """Return every source file of the package."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return [Module(p.relative_to(PACKAGE).as_posix(), p.read_text("utf-8")) for p in paths]


def imports(module: Module) -> Iterator[tuple[ast.stmt, str, str]]:
    """Yield every import as (statement, full dotted name, name it is bound to)."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name.split(".")[0] if alias.asname is None else alias.asname
                yield node, alias.name, whole
        elif isinstance(node, ast.ImportFrom):
            parents = module.package[: len(module.package) - node.level + 1] if node.level else []
            base = ".".join([*parents, *filter(None, [node.module])])
            for alias in node.names:
                yield node, f"{base}.{alias.name}", alias.asname or alias.name


def room_of(name: str) -> str:
    """Return the room that a dotted name of ours lies in."""
    rest = name.split(".")[1:]
    return rest[0] if rest and rest[0] in {*ROWS, *SIDE_ROOMS, LEAF} else "__init__"


def may_import(room: str, target: str) -> bool:
    """Tell whether imports from one room to another go down."""
    if target in (room, LEAF) or room == "__init__":
        return True
    if room == LEAF or target in SIDE_ROOMS:
        return False
    return ROWS[target] > (0 if room in SIDE_ROOMS else ROWS[room])


def row_problems(module: Module) -> list[str]:
    """List the rooms without a row and the imports that do not go down."""
    if module.room not in {*ROWS, *SIDE_ROOMS, LEAF}:
        return [f"sksequence/{module.path}:1: the room {module.room} has no row"]
    return [
        module.at(node, f"{module.room} imports {room_of(name)}, which is not below it")
        for node, name, _ in imports(module)
        if name.split(".")[0] == "sksequence" and not may_import(module.room, room_of(name))
    ]


def library_problems(module: Module) -> list[str]:
    """List the imports of a library by a room that must not know it."""
    return [
        module.at(node, f"{module.room} must not know {library}")
        for node, name, _ in imports(module)
        for library in [name.split(".")[0]]
        if module.room not in LIBRARY_ROOMS.get(library, {module.room})
    ]


def dotted(node: ast.expr) -> str:
    """Return `a.b.c` for an attribute chain, "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (value := dotted(node.value)):
        return f"{value}.{node.attr}"
    return ""


def forked_calls(tree: ast.Module) -> set[ast.AST]:
    """Return the nodes inside a `with` block that forks the global generators."""
    forks = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.With)
        and any("fork_rng" in ast.unparse(item.context_expr) for item in node.items)
    )
    return {inner for fork in forks for inner in ast.walk(fork)}


def seed_problems(module: Module) -> list[str]:
    """List the calls that seed a generator of the whole process."""
    tree = module.tree
    names = {bound: name for _, name, bound in imports(module) if bound != name.split(".")[0]}
    allowed = forked_calls(tree) if module.room == "_cells" else set()
    problems = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node not in allowed:
            first, dot, rest = dotted(node.func).partition(".")
            name = names.get(first, first) + dot + rest
            if name in GLOBAL_SEEDS:
                problems.append(module.at(node, f"{name} seeds the whole process"))
    return problems


def constructor_problems(module: Module) -> list[str]:
    """List the public constructors that swallow unknown keywords."""
    if ROWS.get(module.room, 1) > 2:
        return []
    return [
        module.at(method, f"{node.name}.__init__ takes **{method.args.kwarg.arg}")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
        for method in node.body
        if isinstance(method, ast.FunctionDef)
        and method.name == "__init__"
        and method.args.kwarg is not None
    ]


def bodies(module: Module) -> Iterator[tuple[ast.AST, int]]:
    """Yield each function with the lines of its body, docstring not counted."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            before = node.body[0].end_lineno if ast.get_docstring(node) else node.body[0].lineno - 1
            yield node, node.body[-1].end_lineno - before


def size_problems(module: Module) -> list[str]:
    """List the functions and modules that are too long to read at once."""
    n_lines = len(module.source.splitlines())
    long_module = f"sksequence/{module.path}:1: {n_lines} lines, more than {MAX_MODULE}"
    return [long_module] * (n_lines > MAX_MODULE) + [
        module.at(node, f"{node.name} has {length} lines, more than {MAX_BODY}")
        for node, length in bodies(module)
        if length > MAX_BODY
    ]


RULES = [row_problems, library_problems, seed_problems, constructor_problems, size_problems]


@pytest.mark.parametrize("rule", RULES)
def test_package_keeps_the_rule(rule):
    """No file of the package breaks a rule."""
    problems = [problem for module in all_modules() for problem in rule(module)]
    assert not problems, "\n".join(problems)


def test_functions_are_short_on_the_whole():
    """Half of the functions have ten lines or fewer."""
    lengths = [length for module in all_modules() for _, length in bodies(module)]
    assert statistics.median(lengths) <= MAX_MEDIAN_BODY


SEEDED = "import torch\nwith torch.random.fork_rng():\n    torch.manual_seed(0)"


@pytest.mark.parametrize(
    ("rule", "path", "source", "message"),
    [
        (row_problems, "_new.py", "", "_new has no row"),
        (row_problems, "_base.py", "from sksequence._classifier import x", "imports _classifier"),
        (row_problems, "_base.py", "from sksequence import _classifier", "imports _classifier"),
        (row_problems, "_base.py", "import sksequence._classifier as c", "imports _classifier"),
        (row_problems, "_base.py", "from ._classifier import x", "imports _classifier"),
        (row_problems, "_cells/_a.py", "from .._modules import x", "imports _modules"),
        (row_problems, "_net.py", "def f():\n    import sksequence._targets", "imports _targets"),
        (row_problems, "_net.py", "from sksequence.metrics import x", "imports metrics"),
        (row_problems, "_net.py", "from sksequence import Sequences", "imports __init__"),
        (row_problems, "metrics.py", "from sksequence.datasets import x", "imports datasets"),
        (row_problems, "_version.py", "from sksequence._random import x", "imports _random"),
        (library_problems, "_base.py", "from skorch.net import NeuralNet", "know skorch"),
        (library_problems, "_generator.py", "def f():\n    import torch.nn", "know torch"),
        (library_problems, "_validation/_a.py", "from torch import nn", "know torch"),
        (library_problems, "datasets/_a.py", "import torch", "know torch"),
        (library_problems, "_losses.py", "import sklearn", "know sklearn"),
        (seed_problems, "_net.py", "import torch\ntorch.manual_seed(0)", "torch.manual_seed"),
        (seed_problems, "_net.py", SEEDED, "torch.manual_seed"),
        (seed_problems, "_cells/_a.py", "import torch as t\nt.manual_seed(0)", "torch.manual_seed"),
        (seed_problems, "_cells.py", "from torch import manual_seed as s\ns(0)", "torch.manual"),
        (seed_problems, "_base.py", "import numpy as np\nnp.random.seed(0)", "numpy.random.seed"),
        (seed_problems, "_base.py", "from numpy import random\nrandom.seed(0)", "numpy.random"),
        (
            constructor_problems,
            "_classifier.py",
            "class A:\n    def __init__(self, **kwargs):\n        pass",
            "A.__init__ takes **kwargs",
        ),
        (size_problems, "_net.py", "def f():\n" + "    a = 1\n" * 46, "f has 46 lines"),
        (size_problems, "_net.py", "a = 1\n" * 401, "401 lines"),
    ],
)
def test_rule_finds_the_offender(rule, path, source, message):
    """A rule that is broken says where and what."""
    problems = rule(Module(path, source))
    assert len(problems) == 1
    assert message in problems[0]


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (row_problems, "__init__.py", "from sksequence._classifier import RNNClassifier"),
        (row_problems, "_classifier.py", "from sksequence._threads import x"),
        (row_problems, "_cells/_a.py", "from sksequence._cells._b import x"),
        (row_problems, "_cells/_a.py", "from ._b import x\nfrom .._kernels import y"),
        (row_problems, "persistence.py", "from sksequence._classifier import RNNClassifier"),
        (row_problems, "_threads.py", "from sksequence._version import __version__"),
        (library_problems, "_net.py", "import skorch\nimport torch\nimport sklearn"),
        (library_problems, "_targets/_a.py", "import numpy\nimport sklearn.utils"),
        (seed_problems, "_cells.py", SEEDED),
        (seed_problems, "_net.py", "import torch\ntorch.Generator().manual_seed(0)"),
        (constructor_problems, "_net.py", "class A:\n    def __init__(self, **kwargs): ..."),
        (size_problems, "_net.py", 'def f():\n    """' + "a\n" * 99 + '"""\n    return 1'),
    ],
)
def test_rule_lets_the_innocent_pass(rule, path, source):
    """What the rules allow is not reported."""
    assert rule(Module(path, source)) == []
