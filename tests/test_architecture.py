"""Rules of the package: imports, sizes, names, types and ancestors.

They are read from the source with `ast`, so they hold for code that no test imports. A package here
is a subpackage or a module at the top.
"""

import ast
import io
import statistics
import tokenize
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import pytest

from tests.helpers import PACKAGE

# Imports go to a larger row only.
ROWS = {
    "__init__": 0,
    "_classifier": 1,
    "_regressor": 1,
    "_generator": 1,
    "_base": 2,
    "_forecasts": 2,
    "_onnx": 2,
    "_tasks": 3,
    "_language": 4,
    "_series": 4,
    "_net": 5,
    "_blueprint": 6,
    "_input": 7,
    "_targets": 7,
    "_modules": 7,
    "_batching": 8,
    "_losses": 8,
    "_cells": 8,
    "_kernels": 9,
    "_settings": 9,
    "_tables": 9,
    "_vocabulary": 10,
    "_tokenizers": 10,
    "_elements": 10,
    "_random": 10,
    "_threads": 10,
}
PUBLIC = {
    "callbacks",
    "cells",
    "datasets",
    "inspection",
    "metrics",
    "model_selection",
    "persistence",
    "preprocessing",
    "testing",
}
# imports between public packages: a backtest cuts windows and computes metrics
BETWEEN_PUBLIC = {"model_selection": {"metrics", "preprocessing"}}
LEAF = "_version"  # everybody may import it
KNOWN = {*ROWS, *PUBLIC, LEAF}

FROM_ROW_4_DOWN = {package for package, row in ROWS.items() if row >= 4}
LIBRARIES = {
    "skorch": {"_net"},
    "sklearn": {*PUBLIC, "_input", "_targets"} | {p for p, row in ROWS.items() if 1 <= row <= 3},
    # _base has the words for dtype and device; testing runs layers
    "torch": (FROM_ROW_4_DOWN | {"_base", "_onnx", "testing"}) - {"_blueprint", "_input"},
    "onnx": {"_onnx", "persistence"},
    "numba": {"_kernels"},
    "llvmlite": {"_kernels"},
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
ESTIMATOR_NAMES = {
    "classifier",
    "clf",
    "est",
    "estimator",
    "model_or_estimator",
    "regressor",
}
ESTIMATOR_CLASSES = {
    "BaseEstimator",
    "BaseRNN",
    "RNNClassifier",
    "RNNRegressor",
    "SequenceGenerator",
}
MAY_CHECK_CODECS: set[str] = set()  # paths of files that may ask for the class of a codec

MAX_BODY, MAX_MEDIAN_BODY = 45, 6  # lines of a function without its docstring
MAX_MODULE = 300  # lines of code: no docstrings, comments or blank lines
MAX_FILES_PER_1000_LINES = 6.5
MAX_FRACTION_OF_ANY = 0.1  # of the annotations of parameters, _kernels not counted

Function = ast.FunctionDef | ast.AsyncFunctionDef
TypeExpression = ast.Name | ast.Attribute | ast.Subscript | ast.BinOp | ast.Tuple | ast.List
Documented = ast.Module | ast.ClassDef | Function


@dataclass(frozen=True)
class Import:
    """One imported name: `module` is what stands after `from`, "" if nothing does."""

    node: ast.stmt
    module: str
    name: str  # the full dotted name
    bound: str  # the name that it has in the module

    @property
    def original(self) -> str:
        """The name that it has where it comes from."""
        return self.name.split(".")[-1]

    @property
    def package(self) -> str:
        """The package of ours that it comes from, "" if it is not ours."""
        first, *rest = self.name.split(".")
        if first != "sksequence":
            return ""
        return rest[0] if rest and rest[0] in KNOWN else "__init__"

    @property
    def is_past_a_face(self) -> bool:
        """Whether it names a module inside a package, or a name that is private to a module."""
        depth = len((self.module or self.name).split("."))
        last = self.name.split(".")[2:]
        return depth > 2 or any(n.startswith("_") and not n.startswith("__") for n in last)


@dataclass(frozen=True)
class Module:
    """One source file."""

    path: str  # below the package, as in "_cells/_lstm.py"
    source: str

    @property
    def package(self) -> str:
        """The package that it belongs to."""
        return self.path.split("/")[0].removesuffix(".py")

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.split("/")[-1]

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed source."""
        return ast.parse(self.source)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the tree."""
        return list(ast.walk(self.tree))

    @property
    def functions(self) -> list[Function]:
        """All functions and methods."""
        return [node for node in self.nodes if isinstance(node, Function)]

    @property
    def classes(self) -> list[ast.ClassDef]:
        """All classes."""
        return [node for node in self.nodes if isinstance(node, ast.ClassDef)]

    @property
    def imports(self) -> Iterator[Import]:
        """All absolute imports, wherever they stand."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    bound = alias.asname or alias.name.split(".")[0]
                    yield Import(node, "", alias.name, bound)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                for alias in node.names:
                    bound = alias.asname or alias.name
                    yield Import(node, node.module, f"{node.module}.{alias.name}", bound)

    def at(self, node: ast.AST | None, problem: str) -> str:
        """Return a problem with its place; without a node it is that of the whole file."""
        return f"sksequence/{self.path}:{getattr(node, 'lineno', 1)}: {problem}"


def all_modules() -> list[Module]:
    """Return every source file of the package."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return [Module(p.relative_to(PACKAGE).as_posix(), p.read_text("utf-8")) for p in paths]


def dotted(node: ast.expr) -> str:
    """Return `a.b.c` for an attribute chain, "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (value := dotted(node.value)):
        return f"{value}.{node.attr}"
    return ""


def last_names(node: ast.AST | None) -> set[str]:
    """Return the names in an expression, of dotted ones the last part; strings are read as code."""
    match node:
        case None | ast.Subscript(value=ast.Name("Literal") | ast.Attribute(attr="Literal")):
            return set()
        case ast.Name(name) | ast.Attribute(attr=name):
            return {name}
        case ast.Constant(str(text)):
            try:
                return last_names(ast.parse(text, mode="eval"))
            except SyntaxError:
                return set()  # a string that is no type
    return set().union(*map(last_names, ast.iter_child_nodes(node)))


def parameters(function: Function | ast.Lambda) -> list[ast.arg]:
    """Return all parameters of a function, `*args` and `**kwargs` included."""
    args = function.args
    starred = [arg for arg in (args.vararg, args.kwarg) if arg is not None]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *starred]


def without_init(node: ast.expr | None) -> bool:
    """Check whether `dataclass` or `field` is called with `init=False`."""
    return isinstance(node, ast.Call) and any(
        keyword.arg == "init" and ast.unparse(keyword.value) == "False" for keyword in node.keywords
    )


def fields(node: ast.ClassDef) -> list[ast.arg]:
    """Return the parameters of the constructor that a dataclass or a named tuple generates."""
    if not any(
        last_names(mark) & {"dataclass", "NamedTuple"} and not without_init(mark)
        for mark in [*node.decorator_list, *node.bases]
    ):
        return []
    return [
        ast.copy_location(ast.arg(field.target.id, field.annotation), field)
        for field in node.body
        if isinstance(field, ast.AnnAssign)
        and "ClassVar" not in last_names(field.annotation)
        and not without_init(field.value)
    ]


def all_parameters(module: Module) -> Iterator[tuple[str, ast.arg]]:
    """Yield the parameters of functions, lambdas and generated constructors, with their owners."""
    for node in module.nodes:
        if isinstance(node, Function | ast.Lambda):
            yield from ((getattr(node, "name", "lambda"), arg) for arg in parameters(node))
        elif isinstance(node, ast.ClassDef):
            yield from ((node.name, arg) for arg in fields(node))


def aliases(module: Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that a module gives to types, with what they stand for."""
    for node in module.nodes:
        match node:
            case ast.Assign(targets=targets, value=value) if stands_for_a_type(value):
                yield from (
                    (target.id, value) for target in targets if isinstance(target, ast.Name)
                )
            case ast.AnnAssign(target=ast.Name(name), annotation=kind, value=ast.expr() as value):
                if stands_for_a_type(value) or "TypeAlias" in last_names(kind):
                    yield name, value
            case ast.AST(name=ast.Name(name), value=ast.expr() as value):  # `type name = value`
                yield name, value


def stands_for_a_type(value: ast.expr) -> bool:
    """Check whether an assigned value may be a type, several types or a type variable."""
    if isinstance(value, ast.Call):
        return dotted(value.func).split(".")[-1] in ("NewType", "TypeVar")
    return isinstance(value, TypeExpression)


def finder(
    modules: list[Module], is_one: Callable[[str], bool]
) -> Callable[[Module, ast.AST | None], set[str]]:
    """Return a function that finds the names of certain types in an expression of a module.

    Aliases of these types count too, and whatever is imported under another name.
    """
    of_file, of_package = defaultdict(set), defaultdict(set)

    def find(module: Module, node: ast.AST | None) -> set[str]:
        return {name for name in last_names(node) if is_one(name) or name in of_file[module.path]}

    has_grown = True
    while has_grown:
        has_grown = False
        for module in modules:
            names = {name for name, value in aliases(module) if find(module, value)}
            for found in module.imports:
                if is_one(found.original) or found.original in of_package[found.package]:
                    names.add(found.bound)
                if found.name == f"sksequence.{found.package}":  # names are read as its attributes
                    names |= of_package[found.package]
            has_grown |= not names <= of_file[module.path]
            of_file[module.path] |= names
            of_package[module.package] |= names
    return find


# --- imports -------------------------------------------------------------------------------------


def may_import(package: str, target: str) -> bool:
    """Check whether an import from one package to another goes down."""
    if target in (package, LEAF) or package == "__init__":
        return True
    if package == LEAF or target in PUBLIC:
        return target in BETWEEN_PUBLIC.get(package, set())
    return ROWS[target] > (0 if package in PUBLIC else ROWS[package])


def row_problems(module: Module) -> list[str]:
    """List the packages without a row and the imports that do not go down."""
    if module.package not in KNOWN:
        return [module.at(None, f"the package {module.package} has no row")]
    return [
        module.at(found.node, f"{module.package} imports {found.package}, which is not below it")
        for found in module.imports
        if found.package and not may_import(module.package, found.package)
    ]


def face_problems(module: Module) -> list[str]:
    """List the imports of what is private to another package."""
    return [
        module.at(found.node, f"{found.name} is private to its package")
        for found in module.imports
        if found.package not in ("", module.package) and found.is_past_a_face
    ]


def relative_problems(module: Module) -> list[str]:
    """List the relative imports."""
    return [
        module.at(node, "relative import")
        for node in module.nodes
        if isinstance(node, ast.ImportFrom) and node.level
    ]


def library_problems(module: Module) -> list[str]:
    """List the imports of a library by a package that must not know it."""
    return [
        module.at(found.node, f"{module.package} must not know {library}")
        for found in module.imports
        for library in [found.name.split(".")[0]]
        if module.package not in LIBRARIES.get(library, {module.package})
    ]


# --- randomness ----------------------------------------------------------------------------------


def forked_nodes(module: Module) -> set[ast.AST]:
    """Return the nodes inside a `with` block that forks the global generators."""
    forks = (
        node
        for node in module.nodes
        if isinstance(node, ast.With)
        and any("fork_rng" in ast.unparse(item.context_expr) for item in node.items)
    )
    return {inner for fork in forks for inner in ast.walk(fork)}


def seed_problems(module: Module) -> list[str]:
    """List the calls that seed a generator of the whole process."""
    names = {i.bound: i.name for i in module.imports if i.bound != i.name.split(".")[0]}
    allowed = forked_nodes(module) if module.package == "_cells" else set()
    problems = []
    for node in module.nodes:
        if isinstance(node, ast.Call) and node not in allowed:
            first, dot, rest = dotted(node.func).partition(".")
            name = names.get(first, first) + dot + rest
            if name in GLOBAL_SEEDS:
                problems.append(module.at(node, f"{name} seeds the whole process"))
    return problems


# --- estimators and codecs -----------------------------------------------------------------------


def constructor_problems(module: Module) -> list[str]:
    """List the public constructors that accept unknown keywords."""
    if ROWS.get(module.package, 1) > 2:
        return []
    return [
        module.at(method, f"{node.name}.__init__ takes **{method.args.kwarg.arg}")
        for node in module.classes
        if not node.name.startswith("_")
        for method in node.body
        if isinstance(method, Function)
        and method.name == "__init__"
        and method.args.kwarg is not None
    ]


def estimator_problems(modules: list[Module]) -> list[str]:
    """List the parameters of private packages that are estimators, by name or by type."""
    find = finder(modules, ESTIMATOR_CLASSES.__contains__)
    return [
        module.at(parameter, f"{owner} takes an estimator, {parameter.arg}")
        for module in modules
        if module.package not in PUBLIC
        for owner, parameter in all_parameters(module)
        if parameter.arg in ESTIMATOR_NAMES or find(module, parameter.annotation)
    ]


def is_private(name: object) -> bool:
    """Check whether a name begins with one underscore."""
    return isinstance(name, str) and name.startswith("_") and not name.startswith("__")


def private_name_problems(module: Module) -> list[str]:
    """List the private attributes of others that a public package reads."""
    if module.package not in PUBLIC:
        return []
    problems = []
    for node in module.nodes:
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                continue
            case ast.Attribute(attr=name) if is_private(name):
                problems.append(module.at(node, f"{ast.unparse(node)} is private"))
            case ast.Call(func=ast.Name("getattr"), args=[_, ast.Constant(name), *_]) if is_private(
                name
            ):
                problems.append(module.at(node, f"{ast.unparse(node)} reads a private name"))
    return problems


def checked_classes(module: Module) -> Iterator[tuple[ast.AST, ast.expr]]:
    """Yield the classes that something is compared with, with where that happens."""
    for node in module.nodes:
        match node:
            case ast.Call(func=ast.Name("isinstance" | "issubclass"), args=[_, classes]):
                yield node, classes
            case ast.MatchClass(cls=classes) | ast.MatchValue(value=classes):
                yield node, classes
            case ast.Compare(left=left, comparators=others):
                sides = [left, *others]
                yield from ((node, side) for side in sides if isinstance(side, TypeExpression))


def codec_problems(modules: list[Module]) -> list[str]:
    """List the checks for the class of a codec; methods of codecs replace them."""
    find = finder(modules, lambda name: name.endswith("Codec"))
    return [
        module.at(node, f"asks whether something is a {name}")
        for module in modules
        if module.path not in MAY_CHECK_CODECS
        for node, classes in checked_classes(module)
        for name in sorted(find(module, classes))
    ]


# --- sizes ---------------------------------------------------------------------------------------


def lines_of_body(function: Function) -> int:
    """Return the number of lines of a function after its docstring."""
    first = function.body[0]
    before = first.end_lineno if ast.get_docstring(function) is not None else first.lineno - 1
    return function.body[-1].end_lineno - before


def body_problems(module: Module) -> list[str]:
    """List the functions that are too long to read at once."""
    return [
        module.at(function, f"{function.name} has {length} lines, more than {MAX_BODY}")
        for function in module.functions
        for length in [lines_of_body(function)]
        if length > MAX_BODY
    ]


NOT_CODE = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


def n_lines_of_code(module: Module) -> int:
    """Count the lines that are neither blank nor part of a comment or a docstring."""
    tokens = tokenize.generate_tokens(io.StringIO(module.source).readline)
    lines = {
        line
        for token in tokens
        if token.type not in NOT_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }
    for node in module.nodes:
        if isinstance(node, Documented) and ast.get_docstring(node, clean=False) is not None:
            lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(lines)


def module_problems(module: Module) -> list[str]:
    """List the modules that are too long."""
    n_lines = n_lines_of_code(module)
    problem = module.at(None, f"{n_lines} lines of code, more than {MAX_MODULE}")
    return [problem] * (n_lines > MAX_MODULE)


def files_per_1000_lines(modules: list[Module]) -> float:
    """Return the number of files per 1,000 lines of any kind."""
    return 1000 * len(modules) / sum(len(m.source.splitlines()) for m in modules)


def file_count_problems(modules: list[Module]) -> list[str]:
    """Report that the files are too small on average."""
    ratio = files_per_1000_lines(modules)
    problem = f"{ratio:.1f} files per 1,000 lines, more than {MAX_FILES_PER_1000_LINES}"
    return [problem] * (ratio > MAX_FILES_PER_1000_LINES)


def median_problems(modules: list[Module]) -> list[str]:
    """Report that the functions are too long on the whole."""
    lengths = [lines_of_body(function) for module in modules for function in module.functions]
    median = statistics.median(lengths or [0])
    problem = f"half of the functions have {median:g} lines or more, more than {MAX_MEDIAN_BODY}"
    return [problem] * (median > MAX_MEDIAN_BODY)


# --- names, types and ancestors ------------------------------------------------------------------


def plan_problems(modules: list[Module]) -> list[str]:
    """List the rows of packages that do not exist."""
    existing = {module.package for module in modules}
    return [f"there is no package {name}" for name in sorted(KNOWN - existing)]


def file_name_problems(modules: list[Module]) -> list[str]:
    """List the names that several files or packages have, except faces and cells with kernels."""
    packages = defaultdict(list)
    for module in modules:
        packages[module.name].append(module.package)
    for package in {module.package for module in modules if "/" in module.path}:
        packages[f"{package}.py"].append(package)
    return [
        f"{name} is a file in {' and in '.join(sorted(places))}"
        for name, places in sorted(packages.items())
        if name != "__init__.py" and len(places) > 1 and sorted(places) != ["_cells", "_kernels"]
    ]


def annotations_with_any(modules: list[Module]) -> tuple[list[str], int]:
    """Return the annotations of parameters that contain `Any`, and the number of all annotations.

    Kernels are not counted: their types are those of a compiler.
    """
    find, found, n_all = finder(modules, "Any".__eq__), [], 0
    for module in modules:
        if module.package == "_kernels":
            continue
        for _, parameter in all_parameters(module):
            n_all += parameter.annotation is not None
            if find(module, parameter.annotation):
                text = f"{parameter.arg}: {ast.unparse(parameter.annotation)}"
                found.append(module.at(parameter, text))
    return found, n_all


def any_problems(modules: list[Module]) -> list[str]:
    """Report that too many parameters are annotated with `Any`."""
    found, n_all = annotations_with_any(modules)
    limit = MAX_FRACTION_OF_ANY * n_all
    if len(found) <= limit:
        return []
    return [f"{len(found)} of {n_all} parameters may be Any, more than {limit:.0f}:", *found]


def ancestors(name: str, bases: dict[str, set[str]]) -> set[str]:
    """Return all names that a class is derived from."""
    found: set[str] = set()
    ahead = {name}
    while ahead:
        ahead = set().union(*(bases.get(child, ()) for child in ahead)) - found
        found |= ahead
    return found - {name}


def base_names(module: Module) -> Iterator[tuple[str, str]]:
    """Yield the names of classes with those of their bases, and other names with the originals."""
    for found in module.imports:
        yield found.bound, found.original
    given = [(node.name, base) for node in module.classes for base in node.bases]
    for name, base in [*given, *aliases(module)]:
        whole = base.value if isinstance(base, ast.Subscript) else base
        yield name, dotted(whole).split(".")[-1]


def ancestor_problems(modules: list[Module]) -> list[str]:
    """List the classes with more than one ancestor of ours; other libraries do not count."""
    bases: dict[str, set[str]] = defaultdict(set)
    for module in modules:
        for name, base in base_names(module):
            bases[name].add(base)
    places = {node.name: (module, node) for module in modules for node in module.classes}
    return [
        module.at(node, f"{name} has the ancestors {', '.join(sorted(found))}")
        for name, (module, node) in places.items()
        if len(found := ancestors(name, bases) & places.keys()) > 1
    ]


# --- the package keeps the rules -----------------------------------------------------------------

RULES_OF_MODULES = [
    row_problems,
    face_problems,
    relative_problems,
    library_problems,
    seed_problems,
    constructor_problems,
    private_name_problems,
    body_problems,
    module_problems,
]
RULES_OF_THE_PACKAGE = [
    estimator_problems,
    codec_problems,
    file_count_problems,
    median_problems,
    plan_problems,
    file_name_problems,
    any_problems,
    ancestor_problems,
]


def report(problems: Iterable[str]) -> str:
    """Return the problems one per line, after their number per package."""
    problems = list(problems)
    counts = Counter(p.split("/")[1].removesuffix(".py") for p in problems if "/" in p)
    return "\n".join([str(dict(counts.most_common())), *problems])


@pytest.mark.parametrize("rule", RULES_OF_MODULES)
def test_modules_keep_the_rule(rule):
    """No file of the package breaks a rule."""
    problems = [problem for module in all_modules() for problem in rule(module)]
    assert not problems, report(problems)


@pytest.mark.parametrize("rule", RULES_OF_THE_PACKAGE)
def test_package_keeps_the_rule(rule):
    """The files together break no rule."""
    problems = rule(all_modules())
    assert not problems, report(problems)


# --- the rules find what they are for ------------------------------------------------------------

SEEDED = "import torch\nwith torch.random.fork_rng():\n    torch.manual_seed(0)"
LONG = "a = 1\n" * 301
BODY = "def f():\n" + "    a = 1\n" * 46
KWARGS = "class A:\n    def __init__(self, **kwargs):\n        pass"
OFFENDERS_OF_MODULES = [
    (row_problems, "_new.py", "", "_new has no row"),
    (row_problems, "_base.py", "from sksequence._classifier import x", "imports _classifier"),
    (row_problems, "_base.py", "from sksequence import _classifier", "imports _classifier"),
    (row_problems, "_base.py", "import sksequence._classifier as c", "imports _classifier"),
    (row_problems, "_input/_a.py", "from sksequence._targets import x", "imports _targets"),
    (row_problems, "_net.py", "def f():\n    import sksequence._tasks", "imports _tasks"),
    (row_problems, "_net.py", "from sksequence.metrics import x", "imports metrics"),
    (row_problems, "_net.py", "from sksequence import Sequences", "imports __init__"),
    (row_problems, "metrics.py", "from sksequence.datasets import x", "imports datasets"),
    (row_problems, "_version.py", "from sksequence._random import x", "imports _random"),
    (face_problems, "_base.py", "from sksequence._net._x import y", "_net._x.y is private"),
    (face_problems, "_base.py", "from sksequence._net import _x", "_net._x is private"),
    (face_problems, "_base.py", "import sksequence._net._x", "_net._x is private"),
    (face_problems, "metrics/_a.py", "from sksequence._base.x import y", "_base.x.y is private"),
    (face_problems, "_net/_a.py", "from sksequence._threads import _lock", "_lock is private"),
    (relative_problems, "_cells/_a.py", "from ._b import x", "relative import"),
    (relative_problems, "_cells/_a.py", "def f():\n    from .. import x", "relative import"),
    (library_problems, "_base.py", "from skorch.net import NeuralNet", "know skorch"),
    (library_problems, "_generator.py", "def f():\n    import torch.nn", "know torch"),
    (library_problems, "_input/_a.py", "from torch import nn", "know torch"),
    (library_problems, "_blueprint.py", "import torch", "know torch"),
    (library_problems, "inspection/_a.py", "import torch", "know torch"),
    (library_problems, "_net.py", "import sklearn", "know sklearn"),
    (library_problems, "_language/_a.py", "from sklearn.base import clone", "know sklearn"),
    (library_problems, "_cells.py", "import numba", "know numba"),
    (seed_problems, "_net.py", "import torch\ntorch.manual_seed(0)", "torch.manual_seed"),
    (seed_problems, "_net.py", SEEDED, "torch.manual_seed"),
    (seed_problems, "_cells/_a.py", "import torch as t\nt.manual_seed(0)", "torch.manual_seed"),
    (seed_problems, "_cells.py", "from torch import manual_seed as s\ns(0)", "torch.manual"),
    (seed_problems, "_base.py", "import numpy as np\nnp.random.seed(0)", "numpy.random.seed"),
    (seed_problems, "_base.py", "from numpy import random\nrandom.seed(0)", "numpy.random"),
    (constructor_problems, "_classifier.py", KWARGS, "A.__init__ takes **kwargs"),
    (constructor_problems, "metrics/_a.py", KWARGS, "A.__init__ takes **kwargs"),
    (private_name_problems, "metrics/_a.py", "estimator._model.codec", "estimator._model is"),
    (private_name_problems, "inspection.py", "check(x)._form", "check(x)._form is private"),
    (private_name_problems, "inspection.py", "self.model._form", "self.model._form is private"),
    (private_name_problems, "inspection.py", "getattr(x, '_form', 1)", "reads a private name"),
    (body_problems, "_net.py", BODY, "f has 46 lines"),
    (module_problems, "_net.py", LONG, "301 lines of code"),
    (module_problems, "_net.py", 'x = """' + "a\n" * 301 + '"""', "302 lines of code"),
]
INNOCENTS_OF_MODULES = [
    (row_problems, "__init__.py", "from sksequence._classifier import RNNClassifier"),
    (row_problems, "_classifier.py", "from sksequence._threads import x"),
    (row_problems, "_cells/_a.py", "from sksequence._cells._b import x"),
    (row_problems, "inspection.py", "from sksequence._classifier import RNNClassifier"),
    (row_problems, "_threads.py", "from sksequence._version import __version__"),
    (row_problems, "_net.py", "import sksequences, numpy"),
    (face_problems, "_net/_a.py", "from sksequence._net._x import y"),
    (face_problems, "_net/_a.py", "from sksequence._cells import CELLS"),
    (face_problems, "_net/_a.py", "from sksequence import _kernels\nimport sksequence._cells"),
    (face_problems, "__init__.py", "from sksequence._version import __version__"),
    (face_problems, "_net/_a.py", "from torch.nn._x import _y"),
    (relative_problems, "_cells/_a.py", "from sksequence._cells._b import x\nimport torch"),
    (library_problems, "_net.py", "import skorch\nimport torch"),
    (library_problems, "_base.py", "import sklearn\nimport torch"),
    (library_problems, "_targets/_a.py", "import numpy\nimport sklearn.utils"),
    (library_problems, "_kernels/_a.py", "import numba\nimport llvmlite.ir"),
    (seed_problems, "_cells.py", SEEDED),
    (seed_problems, "_net.py", "import torch\ntorch.Generator().manual_seed(0)"),
    (constructor_problems, "_net.py", KWARGS),
    (constructor_problems, "_base.py", KWARGS.replace("A", "_A")),
    (private_name_problems, "metrics/_a.py", "self._x, cls._x, x.y_, x.__doc__, x.__len__"),
    (private_name_problems, "metrics/_a.py", "getattr(x, name), getattr(x, 'y_')"),
    (private_name_problems, "_base.py", "estimator._model"),
    (body_problems, "_net.py", 'def f():\n    """' + "a\n" * 99 + '"""\n    return 1'),
    (body_problems, "_net.py", BODY.replace("    a = 1\n", "", 1)),
    (module_problems, "_net.py", '"""' + "a\n" * 400 + '"""\n' + "# b\n\n" * 400),
    (module_problems, "_net.py", 'class A:\n    """' + "a\n" * 400 + '    """\n    b = 1'),
]
F_OF_A = "\ndef f(a: A): ..."
ANY_AS_A = f"Any as A{F_OF_A}"
RENAMED = "from sksequence._base import BaseRNN as B\ndef f(a: B): ..."
BOUND = "E = TypeVar('E', bound=BaseRNN)\ndef f(a: E): ..."
EXPORTED = {
    "_base/__init__.py": "E = BaseRNN",
    "_tasks.py": "from sksequence import _base\ndef f(a: _base.E): ...",
}
FIELD = "@dataclass(frozen=True)\nclass A:\n    x: B\n    "
CLASS_FIELD = "@dataclass\nclass A:\n    estimator: ClassVar[int]\nclass B:\n    est: int"
NO_INIT = "@dataclass\nclass A:\n    est: int = field(init=False)"
CODEC_AS_S = "from sksequence._language import SymbolCodec as S\n"
CODECS = "CODECS: Final = (int, LabelCodec)\nisinstance(x, CODECS)"
VALUES_OF_CODECS = "codec = SymbolCodec(x)\ncodec == SymbolCodec(y), loss in SymbolCodec.losses"
DEEP = {
    "_a.py": "class A: ...\nclass B(A, nn.Module): ...",
    "_b.py": "from sksequence import _a\nclass C(_a.B): ...",
}
BOTH = {"_a.py": "class A: ...", "_b.py": "class B: ...\nclass C(A, B[int]): ..."}
OTHER_NAME = {
    "_a.py": "class A: ...\nclass B: ...",
    "_b.py": "from sksequence._a import A as X\nY = B\nclass C(X, Y): ...",
}
HIDDEN = {
    "_cells/_a.py": "X = dict[str, Any] | None",
    "_cells/__init__.py": "from sksequence._cells._a import X",
    "_net.py": "from sksequence._cells import X as Y\nZ: TypeAlias = list[Y]\ndef f(a: Z): ...",
}
SAME_NAME = {"_net.py": "X = Any | None", "_cells.py": "X = list[int]\ndef f(a: X): ..."}
EVERY_PACKAGE = {f"{package}.py": "" for package in KNOWN}
OFFENDERS_OF_THE_PACKAGE = [
    (estimator_problems, {"_net.py": "def f(estimator): ..."}, "f takes an estimator, estimator"),
    (estimator_problems, {"_base.py": "class A:\n    def f(self, *, est): ..."}, "f takes an est"),
    (estimator_problems, {"_base.py": "def f(a: BaseRNN | None): ..."}, "f takes an estimator, a"),
    (estimator_problems, {"_tasks.py": "def f(*a: 'base.BaseRNN'): ..."}, "f takes an estimator"),
    (estimator_problems, {"_net.py": "def f(clf, x): ..."}, "f takes an estimator, clf"),
    (estimator_problems, {"_net.py": "def f(regressor): ..."}, "an estimator, regressor"),
    (estimator_problems, {"_net.py": "def f(*, classifier): ..."}, "an estimator, classifier"),
    (estimator_problems, {"_net.py": "f = lambda estimator: 1"}, "lambda takes an estimator"),
    (estimator_problems, {"_net.py": RENAMED}, "f takes an estimator, a"),
    (estimator_problems, {"_net.py": "E = BaseRNN\ndef f(a: E): ..."}, "f takes an estimator, a"),
    (estimator_problems, {"_net.py": BOUND}, "f takes an estimator, a"),
    (estimator_problems, EXPORTED, "f takes an estimator, a"),
    (estimator_problems, {"_net.py": FIELD + "m: 'BaseRNN'"}, "A takes an estimator, m"),
    (estimator_problems, {"_net.py": FIELD + "estimator: T"}, "A takes an estimator, estimator"),
    (estimator_problems, {"_net.py": "class A(NamedTuple):\n    est: T"}, "A takes an estimator"),
    (codec_problems, {"_net.py": "isinstance(x, SymbolCodec)"}, "is a SymbolCodec"),
    (codec_problems, {"_net.py": "isinstance(x, int | t.LabelCodec)"}, "is a LabelCodec"),
    (codec_problems, {"_base.py": "issubclass(x, (int, LabelCodec))"}, "is a LabelCodec"),
    (codec_problems, {"_base.py": "match x:\n    case LabelCodec(): ..."}, "is a LabelCodec"),
    (codec_problems, {"_net.py": CODEC_AS_S + "isinstance(x, S)"}, "something is a S"),
    (codec_problems, {"_net.py": CODEC_AS_S + "match x:\n    case S(): ..."}, "something is a S"),
    (codec_problems, {"_net.py": "match type(x):\n    case t.LabelCodec: ..."}, "a LabelCodec"),
    (codec_problems, {"_net.py": CODECS}, "something is a CODECS"),
    (codec_problems, {"_net.py": "type(x) is SymbolCodec"}, "is a SymbolCodec"),
    (codec_problems, {"_net.py": "t.LabelCodec != type(x)"}, "is a LabelCodec"),
    (codec_problems, {"_net.py": "x.__class__ in (A, LabelCodec)"}, "is a LabelCodec"),
    (file_count_problems, {f"_{i}.py": "a\n" * 150 for i in range(3)}, "6.7 files"),
    (median_problems, {"_a.py": BODY, "_b.py": BODY}, "have 46 lines or more"),
    (plan_problems, dict.fromkeys(EVERY_PACKAGE.keys() - {"_net.py"}, ""), "no package _net"),
    (file_name_problems, {"_net/_a.py": "", "_base/_a.py": ""}, "in _base and in _net"),
    (file_name_problems, {"_cells/_a.py": "", "_base/_a.py": ""}, "in _base and in _cells"),
    (file_name_problems, {"_a.py": "", "_net/_a.py": ""}, "_a.py is a file in _a and in _net"),
    (file_name_problems, {"_net/_a.py": "", "_base/_net.py": ""}, "in _base and in _net"),
    (any_problems, {"_net.py": "def f(a: int, b: Any | None): ..."}, "1 of 2 parameters"),
    (any_problems, {"_net.py": "def f(self, **b: t.Any): ..."}, "1 of 1 parameters"),
    (any_problems, {"_net.py": "def f(a: 'list[Any]'): ..."}, "1 of 1 parameters"),
    (any_problems, HIDDEN, "1 of 1 parameters"),
    (any_problems, {"_net.py": f"from typing import {ANY_AS_A}"}, "1 of 1 parameters"),
    (any_problems, {"_net.py": f"if TYPE_CHECKING:\n    from typing import {ANY_AS_A}"}, "1 of 1"),
    (any_problems, {"_net.py": f"if TYPE_CHECKING:\n    A = Any | None{F_OF_A}"}, "1 of 1"),
    (any_problems, {"_net.py": f"import typing\nA = typing.Any{F_OF_A}"}, "1 of 1 parameters"),
    (any_problems, {"_net.py": f"A = NewType('A', Any){F_OF_A}"}, "1 of 1 parameters"),
    (any_problems, {"_net.py": FIELD + "y: list[Any] = 1"}, "1 of 2 parameters"),
    (ancestor_problems, DEEP, "sksequence/_b.py:2: C has the ancestors A, B"),
    (ancestor_problems, BOTH, "C has the ancestors A, B"),
    (ancestor_problems, OTHER_NAME, "C has the ancestors A, B"),
]
INNOCENTS_OF_THE_PACKAGE = [
    (estimator_problems, {"metrics/_a.py": "def f(estimator: BaseEstimator): ..."}),
    (estimator_problems, {"_net.py": "def f(model, n: Literal['a b']) -> BaseRNN: ..."}),
    (estimator_problems, {"_net.py": f"T = TypeVar('T')\ndef f(a: T): ...\n{NO_INIT}"}),
    (estimator_problems, {"_net.py": "f = lambda model: BaseRNN\nx: BaseRNN = 1"}),
    (estimator_problems, {"_net.py": CLASS_FIELD}),
    (codec_problems, {"_net.py": VALUES_OF_CODECS}),
    (codec_problems, {"_net.py": "isinstance(x, int)\nSymbolCodec(x)\nf(x, SymbolCodec)"}),
    (file_count_problems, {f"_{i}.py": "a\n" * 160 for i in range(3)}),
    (median_problems, {"_a.py": BODY, "_b.py": "def f():\n    pass\ndef g(): ...\n"}),
    (plan_problems, EVERY_PACKAGE),
    (file_name_problems, {"_cells/_a.py": "", "_kernels/_a.py": ""}),
    (file_name_problems, {"_net/_nets.py": "", "_base/_a.py": ""}),
    (file_name_problems, {"_cells/__init__.py": "", "_net/__init__.py": ""}),
    (any_problems, {"_kernels/_a.py": "def f(a: Any): ...", "_net.py": "def f(a: int): ..."}),
    (any_problems, {"_net.py": f"def f(a: Any, {', '.join(f'b{i}: int' for i in range(9))}): ..."}),
    (any_problems, {"_net.py": "X = cast(Any, y)\ndef f(a: X, b: Literal['Any']) -> Any: ..."}),
    (any_problems, SAME_NAME),
    (any_problems, {"_net.py": "class A:\n    x: Any\n    def f(self, a: int): ..."}),
    (ancestor_problems, {"_a.py": "from x import B as A\nclass B: ...\nclass C(B, N): ..."}),
    (ancestor_problems, {"_a.py": "class A(nn.Module, Mixin): ...\nclass B(A, Generic[T]): ..."}),
]


@pytest.mark.parametrize(("rule", "path", "source", "message"), OFFENDERS_OF_MODULES)
def test_rule_finds_the_offender(rule, path, source, message):
    """A rule that is broken reports where and what."""
    problems = rule(Module(path, source))
    assert len(problems) == 1
    assert problems[0].startswith(f"sksequence/{path}:")
    assert message in problems[0]


@pytest.mark.parametrize(("rule", "path", "source"), INNOCENTS_OF_MODULES)
def test_rule_lets_the_innocent_pass(rule, path, source):
    """Nothing is reported that the rules allow."""
    assert rule(Module(path, source)) == []


@pytest.mark.parametrize(("rule", "files", "message"), OFFENDERS_OF_THE_PACKAGE)
def test_rule_of_the_package_finds_the_offender(rule, files, message):
    """A rule that files break together reports what is wrong."""
    assert message in rule([Module(*file) for file in files.items()])[0]


@pytest.mark.parametrize(("rule", "files"), INNOCENTS_OF_THE_PACKAGE)
def test_rule_of_the_package_lets_the_innocent_pass(rule, files):
    """Nothing is reported of files that the rules allow together."""
    assert rule([Module(*file) for file in files.items()]) == []


def test_each_rule_has_examples():
    """Every rule is shown to find something and to let something pass."""
    rules = {*RULES_OF_MODULES, *RULES_OF_THE_PACKAGE}
    assert rules == {rule for rule, *_ in [*OFFENDERS_OF_MODULES, *OFFENDERS_OF_THE_PACKAGE]}
    assert rules == {rule for rule, *_ in [*INNOCENTS_OF_MODULES, *INNOCENTS_OF_THE_PACKAGE]}


def test_exceptions_from_the_rule_of_codecs(monkeypatch):
    """The files that are named may check the class of a codec."""
    monkeypatch.setattr("tests.test_architecture.MAY_CHECK_CODECS", {"_targets/_a.py"})
    assert codec_problems([Module("_targets/_a.py", "isinstance(x, SymbolCodec)")]) == []
