r"""Typeset the equations of cells, which docstrings state in plain text for terminals.

A block such as ``h' = sigmoid(W_o x) tanh(c')`` becomes
``h' &= \operatorname{sigmoid}(W_{o}\, x)\, \operatorname{tanh}(c')`` in ``.. math::``.
"""

import re

MODULE = "sksequence.cells."
GREEK = {"gamma", "lambda", "nu", "theta"}
FUNCTIONS = {"Im", "Re", "exp", "log", "max", "relu", "sigmoid", "softplus", "tanh"}
REMARK = ", each with weights of its own"


def _as_latex(word):
    """Return the markup of a variable, perhaps with an index, or of a function."""
    name, _, index = word.partition("_")
    if word in FUNCTIONS:
        return rf"\operatorname{{{word}}}"
    if word in GREEK:
        return rf"\{word}"
    if len(name) > 1:
        return rf"\mathrm{{{name}\ {index}}}" if index else rf"\mathrm{{{name}}}"
    return f"{name}_{{{index}}}" if index else name


def _line_as_latex(line):
    """Return the markup of a line with one or two equations."""
    line, remark, _ = line.partition(REMARK)
    latex = re.sub(r"[A-Za-z]\w*", lambda found: _as_latex(found[0]), line)
    latex = re.sub(r"\\mathrm\{sqrt\}\(([^()]*)\)", r"\\sqrt{\1}", latex)
    latex = re.sub(r"(?<=[\w'\])}]) (?=[\w(\[\\])", r"\\, ", latex)
    latex = re.sub(r", {2,}", r",\\qquad ", latex).replace(" = ", " &= ", 1)
    return latex + (rf",\quad\text{{{remark[2:]}}}" if remark else "")


def typeset_equations(app, what, name, obj, options, lines):
    """Replace the literal block of a cell by equations."""
    starts = [i for i, line in enumerate(lines) if line.endswith("::")]
    if what != "class" or not name.startswith(MODULE) or not starts:
        return
    start = starts[0]
    stop = next((i for i in range(start + 2, len(lines)) if not lines[i]), len(lines))
    equations = " \\\\ ".join(_line_as_latex(line.strip()) for line in lines[start + 2 : stop])
    sentence = [lines[start].removesuffix(":"), ""] if lines[start] != "::" else []
    lines[start:stop] = [*sentence, ".. math::", "", f"   {equations}"]


def setup(app):
    """Register the filter, which has to run before that of numpydoc."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", typeset_equations, priority=400)
    return {"parallel_read_safe": True}
