"""Pages of the documentation: their programs, and the output that they show below them.

The Python blocks of a page run in order in one namespace. A block shows what an interactive session
shows: what is printed, and the value of each expression. Estimators, which `fit` returns, and
displays are left out. `python -m tests.pages` writes outputs that are no longer true anew.
"""

import ast
import contextlib
import io
import math
import os
import re
import sys
import tempfile
import textwrap
import types
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from tests.helpers import ROOT

RST = re.compile(
    r"^(?P<indent> *)\.\. code-block:: python\n(?P<code>(?:\n|(?P=indent) +.*\n)+)"
    r"(?:(?P=indent)\.\. code-block:: none\n(?P=indent) +:class: output\n"
    r"(?P<shown>(?:\n|(?P=indent) +.*\n)+))?",
    re.MULTILINE,
)
MARKDOWN = re.compile(
    r"^(?P<indent>)```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<shown>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
RST_OUTPUT = "{code}\n\n{indent}.. code-block:: none\n{indent}   :class: output\n\n{output}"
MARKDOWN_OUTPUT = "{code}\n\n```text\n{output}\n```"

NUMBER = re.compile(r"-?\b\d+(?:\.\d*)?(?:e[+-]\d+)?(?!\w)")
PARTS = re.compile(rf"{NUMBER.pattern}|\.\.\.|\w+|\S")
MANY_DIGITS = re.compile(r"\d+\.\d{4,}(?:e[+-]\d+)?|\d\.\d+e[+-]\d+")


class Block(NamedTuple):
    """A program, and the output that its page shows."""

    code: str
    shown: str


def blocks_of(path: Path, text: str) -> list[Block]:
    """Return the Python blocks of a page."""
    pattern = RST if path.suffix == ".rst" else MARKDOWN
    return [
        Block(textwrap.dedent(found["code"]), textwrap.dedent(found["shown"] or "").strip("\n"))
        for found in pattern.finditer(f"{text}\n")
    ]


def show(value: object) -> None:
    """Print the value of an expression, with three digits of each float."""
    if isinstance(value, BaseEstimator) or type(value).__repr__ is object.__repr__:
        return
    if value is not None:
        rounded = MANY_DIGITS.sub(lambda found: f"{float(found[0]):.3g}", repr(value))
        sys.stdout.write(f"{rounded}\n")


def run(block: Block, name: str, namespace: dict[str, object]) -> str:
    """Execute a block, and return what it shows; an error is shown if the page shows its type."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        try:
            for statement in ast.parse(block.code).body:
                program = compile(ast.Interactive([statement]), name, "single")
                exec(program, namespace)  # noqa: S102 - our own pages
        except Exception as error:
            if f"{type(error).__name__}:" not in block.shown:
                raise
            message = f"{type(error).__name__}: {error}"
            output.write(textwrap.fill(message, 88, subsequent_indent="    "))
    return "\n".join(line.rstrip() for line in output.getvalue().splitlines()).strip("\n")


@contextlib.contextmanager
def as_module(page: types.ModuleType) -> Iterator[None]:
    """Let pickles find the functions of a page by name.

    Modules that the page imports stay, as some cannot be imported twice.
    """
    sys.modules[page.__name__] = page
    try:
        yield
    finally:
        del sys.modules[page.__name__]


def outputs_of(blocks: list[Block], name: str) -> list[str]:
    """Execute the blocks of a page, and return what each shows."""
    page = types.ModuleType("__page__")
    with (
        as_module(page),
        mock.patch.object(sys, "displayhook", show),
        # scalars as numbers, not as np.float64(...)
        np.printoptions(precision=3, suppress=True, linewidth=88, legacy="1.25"),
        pd.option_context("display.precision", 3, "display.width", 88, "display.max_columns", 12),
    ):
        return [
            run(block, f"{name}, block {number}", vars(page))
            for number, block in enumerate(blocks, 1)
        ]


def is_true(shown: str, printed: str) -> bool:
    """Return whether texts agree but for white space, small differences of floats, and `...`."""
    numbers = NUMBER.findall(shown)
    found = re.fullmatch(
        r"\s*".join(map(_pattern, PARTS.findall(shown))), printed.strip(), re.DOTALL
    )
    return found is not None and all(map(_agree, numbers, found.groups()))


def _pattern(part: str) -> str:
    """Return a regular expression for a part of an output that is shown."""
    if NUMBER.fullmatch(part):
        return f"({NUMBER.pattern})"
    return ".*?" if part == "..." else re.escape(part)


def _agree(shown: str, printed: str) -> bool:
    """Return whether whole numbers are equal, and floats up to 5 % or 0.001."""
    if not {".", "e"} & {*shown, *printed}:
        return shown == printed
    absolute = 0.0 if "e" in shown else 0.0011
    return math.isclose(float(shown), float(printed), rel_tol=0.05, abs_tol=absolute)


def with_outputs(path: Path, text: str, outputs: list[str]) -> str:
    """Return the text of a page in which outputs that are not true are replaced."""
    rst = path.suffix == ".rst"
    pattern, form = (RST, RST_OUTPUT) if rst else (MARKDOWN, MARKDOWN_OUTPUT)
    remaining = iter(outputs)

    def replaced(found: re.Match[str]) -> str:
        output, indent = next(remaining), found["indent"]
        if is_true(found["shown"] or "", output):
            return found[0]
        code = found[0][: found.end("code") - found.start()].rstrip("\n")
        end = found[0][len(found[0].rstrip("\n")) :]
        if not rst:
            code += "\n```"
        if not output:
            return code + end
        lines = textwrap.indent(output, indent + "   ") if rst else output
        return form.format(code=code, indent=indent, output=lines) + end

    return pattern.sub(replaced, f"{text}\n")[:-1]


def main(paths: list[Path]) -> None:
    """Write the outputs of pages anew."""
    for path in paths:
        text = path.read_text("utf-8")
        blocks = blocks_of(path, text)
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            outputs = outputs_of(blocks, path.name)
        new = with_outputs(path, text, outputs)
        if new != text:
            path.write_text(new, "utf-8")
            sys.stdout.write(f"wrote {os.path.relpath(path, ROOT)}\n")


if __name__ == "__main__":
    named = [Path(path).resolve() for path in sys.argv[1:]]
    main(named or [*sorted((ROOT / "docs").rglob("*.rst")), ROOT / "README.md"])
