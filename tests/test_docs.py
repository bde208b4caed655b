"""The documentation: its code runs, its links are valid, and its indexes are complete."""

import pkgutil
import re
import textwrap
from pathlib import Path

import pytest

import sksequence
from tests.helpers import ROOT

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
    namespace: dict[str, object] = {"__name__": "__page__"}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"{name}, block {number}", "exec"), namespace)  # noqa: S102 - our own pages
    return namespace


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


def test_examples_page_is_complete():
    """The examples page includes every example script."""
    page = (ROOT / "docs" / "examples.rst").read_text("utf-8")
    scripts = sorted(p.name for p in (ROOT / "examples").glob("*.py"))
    assert [name for name in scripts if f"literalinclude:: ../examples/{name}" not in page] == []
