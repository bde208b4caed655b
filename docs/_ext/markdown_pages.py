"""Show the changelog and the rules for contributions, which are Markdown files, as pages."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {"changelog": "CHANGELOG.md", "developers/contributing": "CONTRIBUTING.md"}
UNDERLINES = "=-~^"


def _heading(found):
    """Return a heading of the same level."""
    level, text = found.groups()
    text = text.strip("[]")
    return f"{text}\n{UNDERLINES[len(level) - 1] * len(text)}\n"


def _code_block(found):
    """Return a block of code with its language."""
    language, code = found.groups()
    return f".. code-block:: {language}\n\n{re.sub('^(?=.)', '   ', code, flags=re.MULTILINE)}"


def as_rst(text):
    """Return Markdown, as far as these files use it, as reStructuredText."""
    text = re.sub(r"^```(\w+)\n(.*?)^```$", _code_block, text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^(#+) (.+)$", _heading, text, flags=re.MULTILINE)
    text = re.sub(r"\*\*[^*]+\*\*", lambda found: found[0].replace("`", ""), text)
    text = re.sub(r"`+([^`]+)`+", r"``\1``", text)
    text = re.sub(r"\[([^]]+)\]\((https?:[^)]+)\)", r"`\1 <\2>`__", text)
    return re.sub(r"\[[^]]+\]\(docs/([^)]+)\.rst\)", r":doc:`/\1`", text)


def add_text(app, docname, source):
    """Append the text of the file that a page shows, without its title."""
    if docname in PAGES:
        _, _, text = (ROOT / PAGES[docname]).read_text("utf-8").partition("\n")
        source[0] += as_rst(text)


def setup(app):
    """Register the pages."""
    app.connect("source-read", add_text)
    return {"parallel_read_safe": True}
