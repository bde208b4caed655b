"""Public names: `__all__`, docstrings, imports of the package."""

import ast
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import sksequence

PUBLIC_MODULES = [
    "sksequence",
    *(
        f"sksequence.{info.name}"
        for info in pkgutil.iter_modules(sksequence.__path__)
        if not info.name.startswith("_")
    ),
]


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_all_is_what_can_be_imported(name):
    """`__all__` contains each public object of the module, and nothing else."""
    module = importlib.import_module(name)
    public = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_") and not isinstance(value, ModuleType)
    }
    assert set(module.__all__) - {"__version__"} == public


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_all_is_sorted(name):
    """`__all__` is sorted, without duplicates."""
    exported = importlib.import_module(name).__all__
    assert exported == sorted(set(exported))


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_public_objects_are_described(name):
    """Each public class and function has a docstring that starts with a sentence."""
    module = importlib.import_module(name)
    for key in set(module.__all__) - {"__version__"}:
        summary = (getattr(module, key).__doc__ or "").strip().splitlines()
        assert summary, f"{name}.{key} has no docstring"
        assert summary[0].endswith("."), f"{name}.{key}: {summary[0]!r}"


def test_package_init_has_no_code():
    """The package itself only imports its public names."""
    tree = ast.parse(Path(sksequence.__file__).read_text("utf-8"))
    assert ast.get_docstring(tree)
    for node in tree.body[1:]:
        assert isinstance(node, ast.ImportFrom | ast.Assign), ast.unparse(node)
