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

import pytest

import sksequence
from sksequence._kernels import _dispatch
from tests.helpers import PACKAGE, ROOT

DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # where the import has another name


def setup_cfg() -> configparser.ConfigParser:
    """Read the metadata of the package."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


def normalised(requirement: str) -> str:
    """Return the normalised name of the project that a requirement begins with."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]*", requirement.strip())[0]).lower()


def project_names(requirements: list[str]) -> set[str]:
    """Return the normalised project names of requirement lines."""
    return {normalised(line) for line in requirements} - {""}


def pinned(name: str) -> dict[str, str]:
    """Return the releases in a file of constraints, by project."""
    lines = (ROOT / name).read_text("utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    return {normalised(pin): pin.partition("==")[2] for pin in pins}


def release(version: str) -> tuple[int, ...]:
    """Return the numbers of a release without zeros at the end: 2.0 is 2.0.0."""
    numbers = [int(number) for number in re.findall(r"\d+", version)]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


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
    config = setup_cfg()
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    requirements = [
        *config["options"]["install_requires"].splitlines(),
        *config["options.extras_require"]["test"].splitlines(),
        *groups["lint"],
        *groups["docs"],
    ]
    assert project_names(requirements) <= pinned("constraints.txt").keys()


def test_bounds_are_the_lowest_releases_tested():
    """Each bound of a dependency is pinned; one that only the tests need may be higher."""
    config, lowest = setup_cfg(), pinned("constraints-min.txt")
    extras = dict(config["options.extras_require"])
    tests = extras.pop("test").split()
    bounds = " ".join([config["options"]["install_requires"], *extras.values()]).split()
    for bound in bounds:
        lower = bound.partition(">=")[2]
        assert lower, f"{bound} has no bound"
        assert release(lower) == release(lowest[normalised(bound)]), bound
    assert project_names(bounds + tests) <= lowest.keys()
    for bound in tests:
        assert release(bound.partition(">=")[2]) <= release(lowest[normalised(bound)]), bound


def test_no_lowest_release_is_above_the_pinned_one():
    """Every change is tested with releases that the bounds allow."""
    pins = pinned("constraints.txt")
    for name, version in pinned("constraints-min.txt").items():
        assert release(version) <= release(pins[name]), name


def test_documented_releases_are_the_lowest_tested():
    """The table of the installation page has the bounds of all dependencies."""
    page = (ROOT / "docs" / "install.rst").read_text("utf-8")
    documented = dict(re.findall(r"^``([\w-]+)``.*?  ([\d.]+)", page, re.MULTILINE))
    config = setup_cfg()
    bounds = config["options"]["install_requires"] + config["options.extras_require"]["fast"]
    assert documented.items() <= pinned("constraints-min.txt").items()
    assert project_names(bounds.splitlines()) <= documented.keys()


@pytest.mark.parametrize(
    ("installed", "is_used"), [("0.61.2", False), ("0.62.0", True), ("1.0.0rc1", True)]
)
def test_numba_below_the_bound_is_ignored(monkeypatch, installed, is_used):
    """Another package may need an old release: layers then run in torch."""
    monkeypatch.setattr(_dispatch, "version", {"numba": installed}.get)
    monkeypatch.setattr(_dispatch, "find_spec", {"numba": "a spec"}.get)
    assert _dispatch._find_numba() == is_used


def test_numba_without_metadata_is_ignored(monkeypatch):
    """Frozen applications may hold the code of Numba without its version."""

    def version(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(_dispatch, "version", version)
    assert not _dispatch._find_numba()


def test_oldest_numba_is_the_bound_of_the_extra():
    """The package uses every release that the extra `fast` may install."""
    assert release(pinned("constraints-min.txt")["numba"]) == _dispatch._OLDEST_NUMBA


def test_badges_say_what_the_package_does():
    """The badges of the README have the versions of Python and the licence of setup.cfg."""
    setup, readme = ((ROOT / name).read_text("utf-8") for name in ("setup.cfg", "README.md"))
    versions = re.findall(r"Python :: (3\.\d+)", setup)
    licence = re.search("license_expression = (.+)", setup)[1].replace("-", "--")
    assert f"/badge/Python-{versions[0]}_to_{versions[-1]}-" in readme
    assert f"/badge/licence-{licence}-" in readme


def test_readme_has_two_commands():
    """One command runs the first example, one runs the tests, each a single line."""
    readme = (ROOT / "README.md").read_text("utf-8")
    marked = re.findall(r"<!-- command: (\w+) -->\n\n```bash\n(.+)\n```", readme)
    assert [name for name, _ in marked] == ["quickstart", "tests"]
    assert readme.count("```bash") == 2
    assert all("-c constraints.txt" in command for _, command in marked)


def test_all_extras_are_in_one():
    """The extra `all` has the requirements of every other extra for users."""
    extras = {
        name: set(lines.split()) for name, lines in setup_cfg()["options.extras_require"].items()
    }
    del extras["test"]
    assert extras.pop("all") == set().union(*extras.values())


def test_citation_has_the_version():
    """The version to cite is that of the package."""
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert re.search(r"^version: (.+)$", citation, re.MULTILINE)[1] == sksequence.__version__


def test_conda_recipe_has_the_same_requirements():
    """The recipe names the version, the bounds of the package, and those of the extras."""
    recipe = (ROOT / "conda" / "recipe.yaml").read_text("utf-8")
    config = setup_cfg()
    extras = config["options.extras_require"]["all"].split()
    bounds = {*config["options"]["install_requires"].split(), *extras}
    listed = re.findall(r"^    - ([\w-]+) (>=[\d.]+)$", recipe, re.MULTILINE)
    listed = {name.replace("pytorch", "torch") + bound for name, bound in listed}
    assert bounds <= listed
    assert f"version: {sksequence.__version__}\n" in recipe


def test_ci_script_can_be_run():
    """The script is executable."""
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
