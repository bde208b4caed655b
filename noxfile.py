#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2025.2.9"]
# ///
"""Sessions in separate environments, such as ``nox -s tests``; ``nox -l`` lists all."""

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"

PYPROJECT = nox.project.load_toml("pyproject.toml")
CONSTRAINTS = ("--constraint", "constraints.txt")
LOWEST = ("--constraint", "constraints-min.txt")


def _group(name: str) -> list[str]:
    return nox.project.dependency_groups(PYPROJECT, name)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; arguments go to pytest."""
    session.install(*CONSTRAINTS, "-e", ".[test]")
    session.run("python", "-W", "error", "-m", "pytest", *(session.posargs or ["-n", "2", "--cov"]))


@nox.session(python="3.11", default=False)
def tests_min(session: nox.Session) -> None:
    """Run the tests with the lowest releases that setup.cfg allows; arguments go to pytest."""
    session.install(*LOWEST, "-e", ".[test]")
    session.run("python", "-W", "error", "-m", "pytest", *(session.posargs or ["-n", "2"]))


@nox.session(default=False)
def tests_newest(session: nox.Session) -> None:
    """Run the tests with the newest releases of everything; arguments go to pytest."""
    session.install("--upgrade", "-e", ".[test]")
    session.run("python", "-W", "error", "-m", "pytest", *(session.posargs or ["-n", "2"]))


@nox.session
def lint(session: nox.Session) -> None:
    """Check the style, the format and the types."""
    session.install(*CONSTRAINTS, "-e", ".", *_group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation with all examples, and test it; warnings are errors."""
    session.install(*CONSTRAINTS, "-e", ".[test]", *_group("docs"))
    session.run("sphinx-build", "-W", "-b", "html", "docs", "docs/_build/html")
    session.env["SKSEQUENCE_SITE"] = "docs/_build/html"
    session.run("python", "-W", "error", "-m", "pytest", "-m", "slow", "tests/test_site.py")


if __name__ == "__main__":
    nox.main()
