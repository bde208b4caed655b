"""Link names of code in prose to their pages, and these pages back to the guide.

A literal such as ``make_windows`` or ``GridSearchCV`` becomes a link if it is the name of one thing
only. Names of other libraries, in the role ``foreign``, do not. The directive ``guide-pages`` lists
the pages of the guide that name an object.
"""

import importlib
import inspect
import pkgutil
import re
from collections import defaultdict

from docutils import nodes
from docutils.parsers.rst import Directive
from inventories import names_of_projects, names_of_sklearn
from sklearn.base import BaseEstimator
from sphinx.addnodes import pending_xref
from sphinx.transforms import SphinxTransform

import sksequence

SKIPPED = (nodes.reference, pending_xref, nodes.title, nodes.term, nodes.raw)
GUIDE = ("user_guide/", "benchmarks/")


def _own_names():
    """Return the full names of what the package offers, by each name that prose may use."""
    modules = [m.name for m in pkgutil.iter_modules(sksequence.__path__) if m.name[0] != "_"]
    names = defaultdict(set)
    for module in ["sksequence", *(f"sksequence.{name}" for name in modules)]:
        names[module].add(module)
        for name in importlib.import_module(module).__all__:
            member = getattr(importlib.import_module(module), name)
            full = f"{module}.{name}"
            names[name].add(full)
            names[full].add(full)
            if inspect.isclass(member):
                for method in vars(member):
                    if method[0] == "_" or hasattr(BaseEstimator, method):
                        continue
                    if inspect.isfunction(getattr(member, method)):
                        names[method].add(f"{full}.{method}")
                        names[f"{name}.{method}"].add(f"{full}.{method}")
    return names


def _names_elsewhere():
    """Return the full names in other libraries, by each name that prose may use.

    Short names are those of scikit-learn that no parameter is called like, and the callbacks of
    skorch, but for names of both.
    """
    sklearn, projects = names_of_sklearn(), names_of_projects()
    everything = [*sklearn, *(entry for entries in projects.values() for entry in entries)]
    names = {f"{module}.{name}": f"{module}.{name}" for module, name, _ in everything}
    names |= {f"np.{name}": f"{module}.{name}" for module, name, _ in projects["numpy"]}
    short = defaultdict(set)
    for module, name, _ in [*sklearn, *projects["skorch"]]:
        if name != name.lower() or "_" in name:
            short[name].add(f"{module}.{name}")
    return names | {name: full.pop() for name, full in short.items() if len(full) == 1}


def _target(text, names, foreign, docname):
    """Return the full name that a literal stands for, or None."""
    name = text.removesuffix("()")
    if not re.fullmatch(r"[A-Za-z_][\w.]*", name):
        return None
    candidates = names.get(name, set())
    if len(candidates) > 1:
        page = docname.rpartition("/")[2]
        candidates = {full for full in candidates if full.rpartition(".")[0] == page}
    if len(candidates) == 1:
        return next(iter(candidates))
    return foreign.get(name)


class LinkNames(SphinxTransform):
    """Make links of the literals that name something."""

    default_priority = 400

    def apply(self):
        """Replace the literals of a page."""
        names, foreign = self.app.config.autolink_names
        page = self.env.docname.rpartition("/")[2]
        linked = self.env.autolinked.setdefault(self.env.docname, set())
        for node in list(self.document.findall(nodes.literal)):
            is_foreign = "foreign" in node["classes"]
            if is_foreign or any(isinstance(parent, SKIPPED) for parent in _parents(node)):
                continue
            target = _target(node.astext(), names, foreign, self.env.docname)
            if target is None or target == page:
                continue
            linked.add(target)
            link = pending_xref(
                "", node.deepcopy(), refdomain="py", reftype="obj", reftarget=target, refwarn=False
            )
            node.replace_self(link)
        for block in self.document.findall(nodes.literal_block):
            words = set(re.findall(r"\w+", block.astext()))
            linked |= {min(names[word]) for word in words if _names_one_thing(word, names)}


def _names_one_thing(word, names):
    """Return whether a word of a program can only be a name of the package."""
    return len(names.get(word, ())) == 1 and (word != word.lower() or "_" in word)


def _parents(node):
    """Yield the nodes around a node, from the inside."""
    while node.parent is not None:
        node = node.parent
        yield node


class guide_pages(nodes.General, nodes.Element):
    """Place of the list of pages that name an object."""


class GuidePages(Directive):
    """List the pages of the guide that name the object in the argument."""

    required_arguments = 1

    def run(self):
        """Leave a place that is filled when all pages have been read."""
        return [guide_pages("", target=self.arguments[0])]


def _fill_guide_pages(app, doctree, docname):
    """Put links to the pages of the guide where a page asks for them."""
    for place in list(doctree.findall(guide_pages)):
        target = place["target"]
        pages = [
            page
            for page, linked in sorted(app.env.autolinked.items(), key=_guide_first)
            if page.startswith(GUIDE)
            and any(f"{name}.".startswith(f"{target}.") for name in linked)
        ]
        place.replace_self(_paragraph(app, docname, pages) if pages else [])


def _guide_first(item):
    """Sort pages of the guide before measurements."""
    return GUIDE.index(f"{item[0].partition('/')[0]}/") if item[0].startswith(GUIDE) else 9, item[0]


def _paragraph(app, docname, pages):
    """Return a sentence with links to pages."""
    paragraph = nodes.paragraph("", "In the guide: ", classes=["guide-pages"])
    for i, page in enumerate(pages):
        address = app.builder.get_relative_uri(docname, page)
        title = app.env.titles[page].astext()
        paragraph += [nodes.Text(", ")] if i else []
        paragraph += nodes.reference("", title, refuri=address, internal=True)
    return [paragraph]


def _prepare(app):
    """Collect the names once, and keep what earlier builds have found."""
    app.config.autolink_names = _own_names(), _names_elsewhere()
    if not hasattr(app.env, "autolinked"):
        app.env.autolinked = {}


def setup(app):
    """Register the transform, the directive and the events around them."""
    app.add_node(guide_pages)
    app.add_directive("guide-pages", GuidePages)
    app.add_transform(LinkNames)
    app.connect("builder-inited", _prepare)
    app.connect("env-purge-doc", lambda app, env, docname: env.autolinked.pop(docname, None))
    app.connect("doctree-resolved", _fill_guide_pages)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
