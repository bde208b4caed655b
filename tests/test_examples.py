"""The examples: each script runs and prints the results that its text describes."""

import functools
import re
import runpy
import subprocess
import sys

import pytest

import sksequence
from tests.helpers import ROOT

SCRIPTS = sorted((ROOT / "examples").glob("*.py"))

SHOWN = {
    "character_text": ["KING "],
    "forecasting": ["the best forecast is: network", "does not beat it"],
    "grid_over_cells": ["feedforward", "best: {"],
    "long_tables": ["linear model:      0.5", "age of a machine: 0.8", "right label: 0.9"],
    "ragged_classification": ["recurrent network:            0.9"],
    "step_labelling": ["afterwards     0.9"],
}


def one_epoch(fit):
    """Return a `fit` that trains for one epoch."""

    @functools.wraps(fit)
    def short_fit(self, *args, **kwargs):
        self.set_params(max_epochs=1)
        return fit(self, *args, **kwargs)

    return short_fit


@pytest.fixture
def few_epochs(monkeypatch):
    """Train all estimators for one epoch, which is enough to check that a script runs."""
    for name in ("RNNClassifier", "RNNRegressor", "SequenceGenerator"):
        estimator = getattr(sksequence, name)
        monkeypatch.setattr(estimator, "fit", one_epoch(estimator.fit))


@pytest.fixture
def slow_tests_requested(request):
    """Skip tests that take minutes unless they are requested."""
    if "slow" not in request.config.getoption("-m"):
        pytest.skip("takes minutes: run with -m slow")


def readme_command(name: str) -> str:
    """Return the command of the README with the marker `name`."""
    text = (ROOT / "README.md").read_text("utf-8")
    return re.search(rf"<!-- command: {name} -->\s+```bash\n(.*?)\n```", text)[1]


def test_readme_command_runs_quickstart(tmp_path):
    """With the package installed, the command of the README runs from a copy of the source."""
    install, _, script = readme_command("quickstart").partition(" && python ")
    assert install == "python -m pip install -c constraints.txt ."
    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "the reloaded model predicts the same: True" in done.stdout
    assert float(re.search(r"test accuracy of the defaults: (.*)", done.stdout)[1]) > 0.95


@pytest.mark.usefixtures("few_epochs")
@pytest.mark.parametrize("script", [s for s in SCRIPTS if s.stem in SHOWN], ids=lambda s: s.stem)
def test_example_runs(script, tmp_path, monkeypatch, capsys):
    """A script runs to its end with few epochs, prints results and writes no files."""
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script))
    assert len(capsys.readouterr().out) > 100
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.usefixtures("slow_tests_requested")
@pytest.mark.parametrize("script", [s for s in SCRIPTS if s.stem in SHOWN], ids=lambda s: s.stem)
def test_example_prints_expected_results(script, tmp_path, monkeypatch, capsys):
    """A script prints the results that its text describes when it runs with all epochs."""
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script))
    printed = capsys.readouterr().out
    assert [words for words in SHOWN[script.stem] if words not in printed] == []


def test_every_example_is_tested():
    """Every script has a test."""
    assert {script.stem for script in SCRIPTS} == {"quickstart", *SHOWN}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda s: s.stem)
def test_example_has_text_and_cells(script):
    """A script starts with a docstring and is divided into cells."""
    source = script.read_text("utf-8")
    assert source.startswith('"""')
    assert source.count("\n# %%\n") >= 3
