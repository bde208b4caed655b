"""Sphinx configuration. Builds treat warnings as errors (``sphinx-build -W``)."""

import re
import shutil
import sys
import warnings
from pathlib import Path
from types import BuiltinFunctionType, MethodDescriptorType

import sksequence

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

from inventories import write_inventories

project = "sksequence"
author = "The sksequence developers"
copyright = "2026, The sksequence developers"
version = release = sksequence.__version__

extensions = [
    "autolink",
    "dot_plots",
    "drawings",
    "equations",
    "index_titles",
    "markdown_pages",
    "mathml",
    "numpydoc",
    "parameter_groups",
    "public_names",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "sphinx_codeautolink",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "gallery/**/*.ipynb", "gallery/**/*.py"]
default_role = "literal"
smartquotes = False  # quoted values in the types of parameters are code

# Generated pages of names and of examples that no longer exist would be warnings.
shutil.rmtree(HERE / "api", ignore_errors=True)
for page in (HERE / "gallery").rglob("*.rst"):
    example = HERE.parent / "examples" / page.relative_to(HERE / "gallery").with_suffix(".py")
    if page.name not in {"index.rst", "GALLERY_HEADER.rst"} and not example.exists():
        page.unlink()
autosummary_generate = True
autosummary_ignore_module_all = False  # the page of a module lists its __all__
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"  # the numpydoc sections state the types
numpydoc_show_class_members = False

intersphinx_mapping = write_inventories(HERE / "_build" / "inventories")
codeautolink_autodoc_inject = False  # the pages of names list the examples already
codeautolink_concat_default = True  # the blocks of a page are one program
codeautolink_warn_on_missing_inventory = False
suppress_warnings = ["codeautolink.match_block"]  # Sphinx removes comments such as "+SKIP"
copybutton_selector = "div.highlight:not(.output > *) pre"  # not for what code prints
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Warnings of scikit-learn's parallel helper about busy machines are not about the examples.
warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given")
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "subsection_order": [
        f"../examples/{name}"
        for name in ("classification", "forecasting", "text", "networks", "production")
    ],
    "within_subsection_order": "FileNameSortKey",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "backreferences_dir": "gallery/backreferences",
    "doc_module": ("sksequence",),
    "reference_url": {"sksequence": None},
    "abort_on_example_error": True,
    "parallel": 2,
    "image_srcset": ["2x"],
    "remove_config_comments": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
}

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = f"sksequence {version}"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sourcelink = False
html_copy_source = False
html_search_scorer = str(HERE / "search_scorer.js")
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "show_toc_level": 2,
    "navbar_align": "left",
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"install": [], "changelog": []}  # pages without pages below them


def skip_inherited_members(app, what, name, obj, skip, options):
    """Skip members of classes that are inherited from scikit-learn or from built-in types."""
    inherited = (getattr(obj, "__module__", None) or "").partition(".")[0] == "sklearn"
    inherited = inherited or isinstance(obj, BuiltinFunctionType | MethodDescriptorType)
    return True if inherited and what == "class" else None


def hide_keywords(app, what, name, obj, options, signature, annotation):
    """Leave out a signature that says nothing, such as that of a dictionary."""
    return ("", annotation) if signature == "(**kwargs)" and what == "class" else None


def escape_fitted_names(app, what, name, obj, options, lines):
    """Escape names such as `n_iter_` in the types of attributes, which would be read as links."""
    for i, line in enumerate(lines):
        if re.match(r"\w+ : ", line):
            lines[i] = re.sub(r"(?<=\w)_(?=[,)]|$)", r"\\_", line)


def leave_links_to_the_gallery(app, docname, source):
    """Keep codeautolink from the examples, whose code sphinx-gallery links."""
    if docname.startswith("gallery/") and docname.rpartition("/")[2] != "index":
        source[0] = f".. autolink-skip:: file\n\n{source[0]}"


# The places between the words of a name, and the length of one that fills a line of a phone.
BREAKS = re.compile(r"(?<=\w)([_./=(])(?!py\b)(?=\w)|(?<=[a-z])(?=[A-Z][a-z])")
LONG = 30


def wbr(name):
    """Return the break within a name: everywhere if it is long, else in tables and titles only."""
    return '<wbr class="long">' if len(name) > LONG else "<wbr>"


def break_long_names(app, pagename, templatename, context, doctree):
    """Let a narrow screen break long names between their words."""
    if "body" in context:
        context["body"] = re.sub(
            r'(<span class="pre">|<h[123]>)([^<]{14,})',
            lambda text: text[1] + BREAKS.sub(rf"\1{wbr(text[2])}", text[2]),
            context["body"],
        )
    for neighbour in filter(None, (context.get("prev"), context.get("next"))):
        neighbour["title"] = re.sub(
            r"[\w.]{14,}", lambda name: BREAKS.sub(r"\1<wbr>", name[0]), neighbour["title"]
        )


def allow_absent_pictures(app, config):
    """Build without the pictures of the examples, if these are not run (-D plot_gallery=0)."""
    if config.plot_gallery in {"0", "False", False}:
        config.suppress_warnings = [*config.suppress_warnings, "image.not_readable"]


def setup(app):
    """Connect the filters above; that of docstrings has to run before that of numpydoc."""
    app.connect("config-inited", allow_absent_pictures)
    app.connect("source-read", leave_links_to_the_gallery)
    app.connect("html-page-context", break_long_names)
    app.connect("autodoc-skip-member", skip_inherited_members)
    app.connect("autodoc-process-signature", hide_keywords)
    app.connect("autodoc-process-docstring", escape_fitted_names, priority=400)
