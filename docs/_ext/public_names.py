"""Add tables of all public names to the page of the API, a section per module."""

import importlib

PAGE = "api"
MODULE = "   sksequence"  # how the table of modules on the page begins its lines


def _section(module):
    """Return a heading, and a table of the public names that have a page."""
    public = importlib.import_module(module).__all__
    names = [f"   ~{module}.{name}" for name in public if not name.startswith("__")]
    rows = "\n".join(names)
    return f"{module}\n{'-' * len(module)}\n\n.. autosummary::\n   :nosignatures:\n\n{rows}\n"


def add_names(app, docname, source):
    """Append the sections of the modules that the page lists."""
    if docname == PAGE:
        modules = [line.strip() for line in source[0].splitlines() if line.startswith(MODULE)]
        source[0] = "\n".join([source[0], *map(_section, modules)])


def setup(app):
    """Register the tables."""
    app.connect("source-read", add_names)
    return {"parallel_read_safe": True}
