"""Sphinx configuration. Builds treat warnings as errors (``sphinx-build -W``)."""

import re
import shutil
from pathlib import Path

import sksequence

project = "sksequence"
author = "The sksequence developers"
copyright = "2026, The sksequence developers"
version = release = sksequence.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates"]

# Generated pages of names that no longer exist would be warnings.
shutil.rmtree(Path(__file__).parent / "api", ignore_errors=True)
autosummary_generate = True
autosummary_ignore_module_all = False  # the page of a module lists its __all__
autodoc_typehints = "none"  # the numpydoc sections state the types
numpydoc_show_class_members = False

html_theme = "alabaster"
html_theme_options = {
    "description": "Recurrent neural networks as ordinary scikit-learn estimators",
    "fixed_sidebar": True,
    "page_width": "1080px",
}


def skip_inherited_members(app, what, name, obj, skip, options):
    """Skip members inherited from scikit-learn."""
    inherited = (getattr(obj, "__module__", None) or "").partition(".")[0] == "sklearn"
    return True if inherited else None


def escape_fitted_names(app, what, name, obj, options, lines):
    """Escape names such as `n_iter_` in the types of attributes, which would be read as links."""
    for i, line in enumerate(lines):
        if re.match(r"\w+ : ", line):
            lines[i] = re.sub(r"(?<=\w)_(?=[,)]|$)", r"\\_", line)


def setup(app):
    """Connect the filters above; the second one has to run before that of numpydoc."""
    app.connect("autodoc-skip-member", skip_inherited_members)
    app.connect("autodoc-process-docstring", escape_fitted_names, priority=400)
