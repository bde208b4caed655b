"""Inventories of other projects for intersphinx, made from what is installed.

A build must not need a network. The names come from the libraries themselves, and the address of a
page from the pattern that its project uses.
"""

import importlib
import inspect
import zlib
from pathlib import Path

from sklearn.utils import discovery

# Project: address, path of the page of a name, modules whose public names have a page.
PROJECTS = {
    "matplotlib": (
        "https://matplotlib.org/stable/",
        "api/_as_gen/{module}.{name}.html#{module}.{name}",
        ["matplotlib.pyplot"],
    ),
    "numpy": (
        "https://numpy.org/doc/stable/",
        "reference/generated/{module}.{name}.html#{module}.{name}",
        ["numpy"],
    ),
    "pandas": (
        "https://pandas.pydata.org/docs/",
        "reference/api/{module}.{name}.html#{module}.{name}",
        ["pandas"],
    ),
    "python": (
        "https://docs.python.org/3/",
        "library/{module}.html#{module}.{name}",
        ["copy", "json", "multiprocessing", "pathlib", "pickle", "tempfile", "threading"],
    ),
    "skorch": (
        "https://skorch.readthedocs.io/en/stable/",
        "callbacks.html#{module}.{name}",
        ["skorch.callbacks"],
    ),
    "torch": (
        "https://docs.pytorch.org/docs/stable/",
        "generated/{module}.{name}.html#{module}.{name}",
        ["torch.nn", "torch.optim"],
    ),
}
SKLEARN = ("https://scikit-learn.org/stable/", "modules/generated/{module}.{name}.html")
# Modules of scikit-learn with classes that are neither estimators nor displays.
OTHER_CLASSES = ["callback", "exceptions", "model_selection", "utils"]


def _public_names(module):
    """Return the classes and functions that a module offers."""
    members = inspect.getmembers(importlib.import_module(module))
    offered = getattr(importlib.import_module(module), "__all__", None)
    return [
        (module, name, "class" if inspect.isclass(member) else "function")
        for name, member in members
        if (name in offered if offered else name[0] != "_")
        and (inspect.isclass(member) or callable(member))
    ]


def names_of_sklearn():
    """Return the public classes and functions of scikit-learn, with their public modules."""
    classes = [*discovery.all_estimators(), *discovery.all_displays()]
    members = [(name, member, "class") for name, member in classes]
    members += [(name, member, "function") for name, member in discovery.all_functions()]
    found = {(member.__module__.partition("._")[0], name, kind) for name, member, kind in members}
    others = [found_in for m in OTHER_CLASSES for found_in in _public_names(f"sklearn.{m}")]
    return sorted(found | {names for names in others if names[2] == "class"})


def names_of_projects():
    """Return the public classes and functions of the other libraries, by project."""
    return {
        project: [name for module in modules for name in _public_names(module)]
        for project, (_, _, modules) in PROJECTS.items()
    }


def _write(path, project, names, page):
    """Write an inventory in the second version of Sphinx's format."""
    header = f"# Sphinx inventory version 2\n# Project: {project}\n# Version: stable\n"
    header += "# The remainder of this file is compressed using zlib.\n"
    lines = [
        f"{module}.{name} py:{kind} 1 {page.format(module=module, name=name)} -\n"
        for module, name, kind in names
    ]
    path.write_bytes(header.encode() + zlib.compress("".join(lines).encode()))


def write_inventories(folder: Path):
    """Write one inventory per project, and return the mapping for intersphinx."""
    folder.mkdir(parents=True, exist_ok=True)
    mapping = {}
    for project, names in names_of_projects().items():
        address, page, _ = PROJECTS[project]
        _write(folder / f"{project}.inv", project, names, page)
        mapping[project] = (address, str(folder / f"{project}.inv"))
    address, page = SKLEARN
    _write(folder / "sklearn.inv", "scikit-learn", names_of_sklearn(), page + "#{module}.{name}")
    mapping["sklearn"] = (address, str(folder / "sklearn.inv"))
    return mapping
