"""The documentation: its code runs, its links are valid, and its indexes are complete."""

import ast
import inspect
import json
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import sksequence
from sksequence.datasets import load_air_passengers
from tests.benchmarks.quality.report import render
from tests.helpers import PACKAGE, ROOT
from tests.pages import Block, blocks_of, is_true, outputs_of, with_outputs
from tests.test_architecture import LEAF, PUBLIC, ROWS

MAP = ROOT / "docs" / "developers" / "architecture.rst"
PAGES = sorted((ROOT / "docs").rglob("*.rst"), key=str)
MARKDOWN = sorted(ROOT.glob("*.md"))


def check_outputs(path: Path) -> None:
    """Execute the blocks of a page, and compare what they print with what the page shows."""
    blocks = blocks_of(path, path.read_text("utf-8"))
    for block, printed in zip(blocks, outputs_of(blocks, path.name), strict=True):
        assert is_true(block.shown, printed), (
            f"{path.name} shows\n{block.shown}\nbut this is printed:\n{printed}\n"
            "If the change is right, run: python -m tests.pages"
        )


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
    return [path for path in paths if blocks_of(path, path.read_text("utf-8"))]


@pytest.fixture(autouse=True)
def scratch_directory(tmp_path, monkeypatch):
    """Run each page in a temporary directory."""
    monkeypatch.chdir(tmp_path)


MARKDOWN_PAGE = """a
```python
x = 1

x
```

```text
1
```
```python
y = 2
```
```bash
ls
```
"""
RST_PAGE = """a

.. code-block:: python

   x = 1

   x

.. code-block:: none
   :class: output

   1

b

  .. code-block:: python

     y = 2"""


@pytest.mark.parametrize(("name", "text"), [("a.md", MARKDOWN_PAGE), ("a.rst", RST_PAGE)])
def test_blocks_are_found(name, text):
    """All lines of a block and of its output are returned, and nothing after them."""
    first, second = blocks_of(Path(name), text)
    assert (first.code.strip(), first.shown) == ("x = 1\n\nx", "1")
    assert (second.code.strip(), second.shown) == ("y = 2", "")


@pytest.mark.parametrize(("name", "text"), [("a.md", MARKDOWN_PAGE), ("a.rst", RST_PAGE)])
def test_outputs_are_written(name, text):
    """Outputs are replaced, added and removed; true ones stay as they are."""
    path = Path(name)
    assert with_outputs(path, text, ["1", ""]) == text
    new = with_outputs(path, text, ["2\n3", "4"])
    assert [block.shown for block in blocks_of(path, new)] == ["2\n3", "4"]
    assert with_outputs(path, new, ["1", ""]) == text
    bare = with_outputs(path, text, ["", ""])
    assert [block.shown for block in blocks_of(path, bare)] == ["", ""]
    assert with_outputs(path, bare, ["1", ""]) == text


def test_blocks_show_what_an_interactive_session_shows():
    """Printed text and values of expressions are shown, but no estimators; errors if announced."""
    codes = [
        "import numpy as np\nfrom sksequence import RNNClassifier\nprint(1 / 3)",
        "RNNClassifier()\nNone\n2 / 3\nnp.float64(0.25), np.ones(2)",
        "for i in range(2):\n    i",
    ]
    shown = outputs_of([Block(code, "") for code in codes], "page")
    assert shown == ["0.3333333333333333", "0.667\n(0.25, array([1., 1.]))", "0\n1"]
    assert outputs_of([Block("1\nint('a')", "ValueError: ...")], "page") == [
        "1\nValueError: invalid literal for int() with base 10: 'a'"
    ]
    with pytest.raises(ValueError, match="invalid literal"):
        outputs_of([Block("int('a')", "TypeError: ...")], "page")


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("[0.1 , 0.2]", "[0.101, 0.2]"),
        ("[1.]", "[0.9991]"),
        ("4e-07", "4.02e-07"),
        ("-0.0", "0.001"),
        ("(3, 128)\n'a'", "(3, 128)  'a'"),
        ("1/2 0.74 ... 0.01", "1/2 0.74 3.21 4.5 0.01"),
        ("ValueError: not ... use 'b'.", "ValueError: not 'a',\n    but 'c': use 'b'."),
    ],
)
def test_outputs_agree(shown, printed):
    """White space, small differences of floats and what three dots stand for are left out."""
    assert is_true(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("", "1"),
        ("1", ""),
        ("12", "13"),
        ("1 2", "12"),
        ("0.50", "0.53"),
        ("4e-07", "5e-07"),
        ("'up'", "'down'"),
        ("0.5 ...", "0.6 1"),
        ("a ... b", "a c"),
    ],
)
def test_outputs_disagree(shown, printed):
    """Other whole numbers, other words, and larger differences of floats are not true."""
    assert not is_true(shown, printed)


@pytest.mark.parametrize("path", [*with_code(PAGES), ROOT / "README.md"], ids=lambda p: p.stem)
def test_pages_show_what_they_print(path):
    """All Python blocks of a page run in its order, and print what is shown below them."""
    check_outputs(path)


def test_page_of_scores_shows_what_is_stored():
    """The page of scores is the one that its command writes from the stored measurements."""
    stored = json.loads((ROOT / "tests/benchmarks/quality/quality.json").read_text("utf-8"))
    page = (ROOT / "docs" / "benchmarks" / "quality.rst").read_text("utf-8")
    assert render(stored) == page


def test_readme_links_are_valid():
    """Relative links of the README point to files of the repository."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / "README.md").read_text("utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("path", ["README.md", "docs/install.rst"])
def test_speedups_are_those_measured(path):
    """The speedups of compiled layers are those of the table of measurements."""
    table = (ROOT / "docs" / "benchmarks" / "speed.rst").read_text("utf-8")
    row = re.search(r"^32 x 50 x 4, 32 +([\d.]+) +([\d.]+) +([\d.]+) ", table, re.MULTILINE)
    text = " ".join((ROOT / path).read_text("utf-8").split())
    sentence = text.partition("a layer of 32 units trains")[2].partition("as fast as that of")[0]
    assert tuple(re.findall(r"\d+\.\d+", sentence)) == row.groups()


def test_the_readme_quotes_the_naive_forecast():
    """The error that forecasts are compared with is that of the seasonal naive forecast."""
    readme = (ROOT / "README.md").read_text("utf-8")
    quoted = re.search(r"# seasonal naive: ([\d.]+)$", readme, re.MULTILINE)[1]
    past, true = np.split(load_air_passengers().data, [-36])
    assert f"{np.mean(np.abs(np.tile(past[-12:], 3) / true - 1)):.2f}" == quoted


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
