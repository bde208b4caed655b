"""Sphinx configuration: what is public is documented, a warning is an error."""

import re

import sksequence

project = "sksequence"
author = "The sksequence developers"
copyright = "2026, The sksequence developers"
version = release = sksequence.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates"]

autosummary_generate = True
autosummary_ignore_module_all = False  # a module's page lists its __all__
autodoc_typehints = "none"  # numpydoc's sections state the types
numpydoc_show_class_members = False

html_theme = "alabaster"
html_theme_options = {
    "description": "Recurrent neural networks as ordinary scikit-learn estimators",
    "fixed_sidebar": True,
    "page_width": "1080px",
}


def skip_what_others_document(app, what, name, obj, skip, options):
    """Leave out members that scikit-learn gives every estimator."""
    inherited = (getattr(obj, "__module__", None) or "").partition(".")[0] == "sklearn"
    return True if inherited else None


def escape_fitted_names(app, what, name, obj, options, lines):
    """Keep names such as `n_iter_` in the type of an attribute from being read as links."""
    for i, line in enumerate(lines):
        if re.match(r"\w+ : ", line):
            lines[i] = re.sub(r"(?<=\w)_(?=[,)]|$)", r"\\_", line)


def setup(app):
    """Connect the filters above; the second one comes before numpydoc's."""
    app.connect("autodoc-skip-member", skip_what_others_document)
    app.connect("autodoc-process-docstring", escape_fitted_names, priority=400)
