"""Contents of the distribution: data, version, dependencies, pins, commands of the README."""

import ast
import configparser
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import sksequence
from tests.helpers import PACKAGE, ROOT

DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # where the import has another name


def setup_cfg() -> configparser.ConfigParser:
    """Read the metadata of the package."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


def project_names(requirements: list[str]) -> set[str]:
    """Return the normalised project names of requirement lines."""
    names = (re.match(r"[\w.-]+", line.strip()) for line in requirements)
    return {re.sub(r"[-_.]+", "-", name[0]).lower() for name in names if name}


def module_level_imports(path: Path) -> set[str]:
    """Return the libraries that importing this file needs."""
    libraries = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            libraries |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            libraries.add(node.module.split(".")[0])
    return libraries - sys.stdlib_module_names - {"sksequence"}


def test_bundled_data_are_small():
    """The data in the package have less than 1.5 MB."""
    sizes = [p.stat().st_size for p in PACKAGE.rglob("data/*") if p.is_file()]
    assert sum(sizes) < 1_500_000


def test_data_and_type_marker_are_packaged():
    """Files that are not Python are declared, so that the wheel contains them."""
    declared = setup_cfg()["options.package_data"]
    patterns = {(package, p) for package, line in declared.items() for p in line.split()}
    files = {p for p in PACKAGE.rglob("*") if p.is_file() and p.parent.name != "__pycache__"}
    others = {p for p in files if p.suffix != ".py"}
    packaged = {
        p for package, pattern in patterns for p in ROOT.joinpath(*package.split(".")).glob(pattern)
    }
    assert PACKAGE / "py.typed" in packaged
    assert others <= packaged


def test_version_is_the_same_everywhere():
    """The installed distribution and the package have the same version."""
    assert importlib.metadata.version("sksequence") == sksequence.__version__


def test_changelog_has_the_version():
    """The newest entry is the next version or the installed one."""
    headings = re.findall(
        r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert headings[0] in {"Unreleased", sksequence.__version__}


def test_imports_are_declared():
    """Imported libraries are dependencies; those of some packages are extras."""
    config = setup_cfg()
    declared = project_names(config["options"]["install_requires"].splitlines())
    extras = {"_kernels": "fast", "_onnx": "onnx"}
    for path in PACKAGE.rglob("*.py"):
        needed = {DISTRIBUTIONS.get(name, name) for name in module_level_imports(path)}
        extra = extras.get(path.parent.name)
        lines = config["options.extras_require"][extra].splitlines() if extra else []
        assert needed <= declared | project_names(lines), path


def test_import_needs_no_extra():
    """The package can be imported and used without the extras `fast` and `onnx`."""
    code = (
        "import sys; sys.modules['numba'] = sys.modules['onnx'] = None; "
        "import sksequence, sksequence._kernels, sksequence.persistence"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_constraints_pin_all_requirements():
    """Every requirement is pinned to an exact release, without local versions."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    config = setup_cfg()
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    requirements = [
        *config["options"]["install_requires"].splitlines(),
        *config["options.extras_require"]["test"].splitlines(),
        *groups["lint"],
    ]
    assert project_names(requirements) <= project_names(pins)


def test_readme_has_two_commands():
    """One command runs the first example, one runs the tests, each a single line."""
    readme = (ROOT / "README.md").read_text("utf-8")
    marked = re.findall(r"<!-- command: (\w+) -->\n\n```bash\n(.+)\n```", readme)
    assert [name for name, _ in marked] == ["quickstart", "tests"]
    assert readme.count("```bash") == 2
    assert all("-c constraints.txt" in command for _, command in marked)


def test_ci_script_can_be_run():
    """The script is executable."""
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
