"""The documentation: its code runs, its links are valid, and its indexes are complete."""

import ast
import inspect
import pkgutil
import re
import sys
import textwrap
import types
from pathlib import Path

import pytest

import sksequence
from tests.helpers import PACKAGE, ROOT
from tests.test_architecture import LEAF, PUBLIC, ROWS

MAP = ROOT / "docs" / "developers" / "architecture.rst"
PAGES = sorted((ROOT / "docs").rglob("*.rst"), key=str)
MARKDOWN = sorted(ROOT.glob("*.md"))


def markdown_blocks(text: str) -> list[str]:
    """Return the Python blocks of a Markdown page."""
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def rst_blocks(text: str) -> list[str]:
    """Return the Python blocks of a reStructuredText page."""
    block = re.compile(r"^( *)\.\. code-block:: python\n((?:\n|\1 +.*\n)+)", re.MULTILINE)
    return [textwrap.dedent(found[2]) for found in block.finditer(text + "\n")]


def run(blocks: list[str], name: str) -> dict[str, object]:
    """Execute the blocks of a page in order in one namespace, and return it."""
    page = types.ModuleType("__page__")
    # a module, so that pickles find the functions of a page by name; those that the page imports
    # stay, as some cannot be imported twice
    sys.modules["__page__"] = page
    try:
        for number, block in enumerate(blocks, 1):
            exec(compile(block, f"{name}, block {number}", "exec"), vars(page))  # noqa: S102 - our own pages
    finally:
        del sys.modules["__page__"]
    return vars(page)


def files_on_the_map() -> list[tuple[str, str]]:
    """Return the heading and the path of each line of the tables of files."""
    heading = r"^(Row \d+|Public packages|Tests and benchmarks)\b.*\n\^+\n"
    _, *parts = re.split(heading, MAP.read_text("utf-8"), flags=re.MULTILINE)
    return [
        (heading, path)
        for heading, part in zip(parts[::2], parts[1::2], strict=True)
        for path in re.findall(r"^``(\S+\.py)`` ", part, re.MULTILINE)
    ]


def named_files(text: str) -> list[tuple[str, str]]:
    """Return the path and the test, "" if none, of each file that a page names; `*` is a glob."""
    named = re.findall(r"`([\w./*-]+)(?:::(\w+))?`", text)
    endings = (".cfg", ".md", ".py", ".rst", ".svg", ".toml")
    return [(path, test) for path, test in named if "/" in path or path.endswith(endings)]


def named_in_code(text: str) -> set[str]:
    """Return all parts of the dotted names that a page names."""
    names = set(re.findall(r"``([A-Za-z_][\w.]*)``", text)) - {p for p, _ in named_files(text)}
    return {part for name in names for part in name.split(".")}


def with_code(paths: list[Path]) -> list[Path]:
    """Return the pages with Python blocks."""
    return [path for path in paths if rst_blocks(path.read_text("utf-8"))]


@pytest.fixture(autouse=True)
def scratch_directory(tmp_path, monkeypatch):
    """Run each page in a temporary directory."""
    monkeypatch.chdir(tmp_path)


def test_blocks_are_found():
    """Both parsers return all lines of a block and nothing after it."""
    assert markdown_blocks("a\n```python\nx = 1\n\ny = 2\n```\n```bash\nls\n```\n") == [
        "x = 1\n\ny = 2\n"
    ]
    page = "a\n\n.. code-block:: python\n\n   if x:\n       y\n\n   z\n\nb\n"
    assert [block.strip() for block in rst_blocks(page)] == ["if x:\n    y\n\nz"]
    assert rst_blocks("  .. code-block:: python\n\n     x") == ["\nx\n"]


def test_readme_runs():
    """All Python blocks of the README run, in the order of the page."""
    blocks = markdown_blocks((ROOT / "README.md").read_text("utf-8"))
    assert len(blocks) >= 3
    run(blocks, "README.md")


@pytest.mark.parametrize("path", with_code(PAGES), ids=lambda p: p.stem)
def test_user_guide_runs(path):
    """All Python blocks of a page run, in the order of the page."""
    run(rst_blocks(path.read_text("utf-8")), path.name)


def test_readme_links_are_valid():
    """Relative links of the README point to files of the repository."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / "README.md").read_text("utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda p: p.stem)
def test_markdown_lines_are_short(path):
    """Lines of prose have at most 100 columns."""
    prose = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert [line for line in prose.splitlines() if len(line) > 100] == []


def test_api_page_is_complete():
    """The API page lists every public module."""
    public = [m.name for m in pkgutil.iter_modules(sksequence.__path__) if m.name[0] != "_"]
    page = (ROOT / "docs" / "api.rst").read_text("utf-8").split()
    assert {f"sksequence.{name}" for name in public} <= set(page)


@pytest.mark.parametrize("estimator", ["RNNClassifier", "RNNRegressor", "SequenceGenerator"])
def test_parameters_stand_in_groups(estimator):
    """A constructor lists its parameters by group, as their page shows them."""
    source = (ROOT / "docs" / "_ext" / "parameter_groups.py").read_text("utf-8")
    # not imported: it requires Sphinx
    (first,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "FIRST_OF_GROUP"
    )
    parameters = inspect.signature(getattr(sksequence, estimator)).parameters
    groups = [first[name] for name in parameters if name in first]
    assert list(dict.fromkeys(groups)) == list(dict.fromkeys(first.values()))
    assert groups == sorted(groups, key=list(first.values()).index)


def test_map_lists_every_file_once():
    """The map lists each file of the package once; `__init__.py` of subpackages may be left out."""
    files = [p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*.py")]
    listed = [path for _, path in files_on_the_map() if not path.startswith("tests/")]
    assert [path for path in listed if listed.count(path) > 1] == []
    assert {path for path in files if not path.endswith("/__init__.py")} <= set(listed)
    assert set(listed) <= set(files)


def test_map_has_the_rows_that_imports_keep():
    """Each file is listed below the row that the rules of imports give to its package."""
    headings = {package: f"Row {row}" for package, row in ROWS.items()}
    headings |= dict.fromkeys(PUBLIC, "Public packages")
    headings |= {LEAF: "Row 0", "tests": "Tests and benchmarks"}
    for heading, path in files_on_the_map():
        assert heading == headings[path.split("/")[0].removesuffix(".py")], path


def test_figure_of_the_map_has_the_rows_that_imports_keep():
    """The figure shows each package in its row."""
    figure = MAP.with_suffix(".svg").read_text("utf-8").split("<!-- public packages -->")[0]
    _, *parts = re.split(r"<!-- row (\d+) -->", figure)
    shown = {
        name: int(row)
        for row, part in zip(parts[::2], parts[1::2], strict=True)
        for name in re.findall(r'class="name".*?>(\w+)', part)
    }
    assert shown == ROWS


@pytest.mark.parametrize(
    "page", [MAP, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"], ids=lambda p: p.stem
)
def test_files_that_are_named_exist(page):
    """Every file, folder and test that a page names exists."""
    named = named_files(page.read_text("utf-8"))
    assert named
    for path, test in named:
        found = [*ROOT.glob(path), *PACKAGE.glob(path)]
        assert found, path
        assert not test or f"def {test}(" in found[0].read_text("utf-8"), f"{path}::{test}"


def test_names_on_the_map_exist():
    """Every name on the map occurs in the package or in its tests."""
    sources = [*PACKAGE.rglob("*.py"), *(ROOT / "tests").glob("*.py")]
    words = {word for path in sources for word in re.findall(r"\w+", path.read_text("utf-8"))}
    names = named_in_code(MAP.read_text("utf-8"))
    assert names
    assert sorted(names - words) == []
