"""The examples: each script runs, and what it claims is listed."""

import functools
import operator
import re
import runpy
import subprocess
import sys

import matplotlib.pyplot as plt
import pytest

import sksequence
from tests.helpers import ROOT

SCRIPTS = sorted((ROOT / "examples").rglob("*.py"))

# What an example prints: words, or the number after a pattern and its bounds.
Claim = str | tuple[str, float, float]
CLAIMS: dict[str, list[Claim]] = {
    "anomaly_detection": [
        (r"area under the ROC curve:", 0.95, 1),
        (r"surprise is in the anomalous beat:", 90, 100),
    ],
    "character_text": [
        "KING ",
        "'The q': 'u'",
        (r"perplexity on unseen speeches:", 5, 12),
        (r"perplexity of character frequencies alone:", 25, 31),
        (r"^(?=.*Good morrow)", -2.7, -2),
        (r"^(?=.*Click here)", -4, -2.5),
        (r"^(?=.*Quando)", -6, -4),
        (r"^(?=.*zx qqp)", -11, -6),
    ],
    "custom_cell": [(r"test accuracy of the leaky cell:", 0.9, 1), (r"memories are", 1, 5)],
    "forecasting": [
        "season: 12 months",
        "the best forecast is: network",
        (r"generator +mean absolute percentage error", 3, 8),
        (r"last year repeated +mean absolute percentage error", 12, 15),
        (r"mean scaled error:", 0.4, 0.8),
        (r"mean coverage of the 80 % intervals:", 65, 90),
        (r"^ +36 +[\d.]+ +[\d.]+", 0.2, 0.6),
        (r"months below the median forecast:", 20, 40),
    ],
    "grid_over_cells": [
        (r"feedforward  forward +1", 0.15, 0.4),
        (r"rnn +forward +1", 0.95, 1),
        (r"gru +forward +1", 0.95, 1),
        (r"lstm +forward +1", 0.95, 1),
        (r"feedforward  both +1", 0.95, 1),
    ],
    "imbalanced_labels": [
        (r"^plain", 45, 62),
        (r"^class_weight", 68, 90),
        (r"^threshold", 66, 90),
        (r"^plain +\d+% +[\d.]+%", 0.01, 0.03),
        (r"^class_weight +\d+% +[\d.]+%", 0.04, 0.1),
        (r"^threshold +\d+% +[\d.]+%", 0.01, 0.03),
        (r"^plain: average precision", 0.65, 0.8),
        (r"^class_weight: average precision", 0.65, 0.8),
        (r"^plain: .* %,", 65, 95),
        (r"^class_weight: .* %,", 15, 45),
    ],
    "long_memory": [
        (r"^rnn( +[\d.]+){4}", 0.1, 0.35),
        (r"^gru +[\d.]+", 0.95, 1),
        (r"^gru( +[\d.]+){4}", 0.1, 0.45),
        (r"^lstm +[\d.]+", 0.95, 1),
        (r"^lstm( +[\d.]+){4}", 0.1, 0.45),
        (r"^lstm with chrono_steps( +[\d.]+){4}", 0.95, 1),
        (r"defaults at a lag of 200:", 0.95, 1),
    ],
    "long_tables": [
        (r"a linear model:", 0.4, 0.65),
        (r"readings, indicator:", 0.66, 1),
        (r"readings, decay:", 0.66, 1),
        (r"readings, imputer:", 0.66, 1),
        (r"readings and age of a machine:", 0.8, 1),
        (r"one reading at a time:", 0.79, 0.85),
        (r"all readings of a machine:", 0.86, 1),
    ],
    "loss_curves": [
        (r"^too short +training loss", 0.6, 0.7),
        (r"^right +training loss [\d.]+, validation loss", 0.2, 0.45),
        (r"^overfitted +training loss", 0, 0.02),
        (r"^overfitted +training loss [\d.]+, validation loss", 0.6, 1),
        (r"^too short +loss [\d.]+ +accuracy", 0.5, 0.7),
        (r"^right +loss", 0.15, 0.35),
        (r"^overfitted +loss", 0.4, 1),
        (r"^overfitted +loss [\d.]+ +accuracy", 0.8, 1),
        (r"stopped after", 20, 50),
        (r"^early stopping +loss", 0.2, 0.5),
    ],
    "next_word": [(r"perplexity of new requests:", 20, 50), (r"intents recognised:", 0.95, 1)],
    "parallel_search": ["18 candidates,  3 epochs", "has the same scores: True"],
    "quickstart": [
        "the reloaded model predicts the same: True",
        (r"test accuracy of the defaults:", 0.95, 1),
        (r"test accuracy of the best one:", 0.95, 0.985),
        (r"^(?=.*the king is not here)", -70, -35),
        (r"^(?=.*ereh ton si gnik eht)", -130, -75),
    ],
    "ragged_classification": [
        (r"mean and deviation:", 0.94, 0.975),
        (r"all summaries:", 0.97, 1),
        (r"recurrent network:", 0.975, 1),
        (r"the first 12 steps:", 0.95, 1),
    ],
    "sampling": [
        (r"different words at temperature 0.1:", 0, 0.3),
        (r"different words at temperature 0.1: [\d.]+, at 1.2:", 0.6, 1),
        (r"log-likelihood at temperature 0.1:", -1.6, -0.8),
        (r"log-likelihood at temperature 0.1: [-\d.]+, at 1.2:", -3, -1.8),
        (r"^greedy: log-likelihood", -190, -155),
        (r"^greedy: .*different words", 0.1, 0.6),
        (r"^eight beams: log-likelihood", -155, -120),
        (r"^eight beams: .*different words", 0.1, 0.6),
    ],
    "saving_and_serving": [
        "the loaded model predicts the same: True",
        "the service agrees: True",
        (r"largest difference of ONNX:", 0, 1e-5),
    ],
    "step_labelling": [
        (r"^no memory", 0.85, 0.95),
        (r"^live", 0.94, 0.975),
        (r"^afterwards", 0.97, 1),
    ],
    "stock_prices": [
        (r"closer than the last value:", 30, 52),
        (r"^LSTM +scaled error", 0.79, 1),
        (r"^last value +scaled error", 0.7, 0.785),
        (r"^LSTM +scaled error [\d.]+, R squared", 0.95, 1),
        "shrinkage on the random walk: 1.00, warnings: 1",
        (r"shrinkage with momentum:", 0, 0.2),
        (r"R squared of the changes:", 0.35, 0.55),
    ],
    "streaming": [
        "the stream equals the whole recording: True",
        "fifty machines agree: True",
        (r"steps with the right label:", 0.92, 1),
    ],
    "tagging_corpus": [(r"F1 of whole slots:", 0.888, 0.93), "attention: True", "B-service"],
    "vanishing_gradients": [
        (r"weights x 0.8 +first step / last step:", 0, 1e-6),
        (r"weights x 2.5 +first step / last step:", 100, 1e20),
        (r"LSTM +first step / last step:", 0.33, 3),
        (r"^lstm +first state / last state:", 1e-4, 1e-2),
        (r"^rnn +first state / last state:", 1e-7, 1e-4),
        (r"^gru +first state / last state:", 1e-7, 1e-3),
        (r"^lstm with chrono_steps +first state / last state:", 0.02, 1),
        (r"^rnn +accuracy", 0.1, 0.35),
        (r"^rnn +norm of the gradient, median", 1.8, 3.5),
        (r"^lstm with chrono_steps +norm of the gradient, .*last", 0, 0.05),
        (r"^lstm with chrono_steps +accuracy", 0.95, 1),
    ],
    "which_cell": [
        (r"^rnn", 0.9, 1),
        (r"^lstm", 0.3, 0.85),
        (r"^gru", 0.9, 1),
        (r"^mingru", 0.15, 0.4),
        (r"^echo_state", 0.15, 0.4),
        (r"^lstm +[\d.]+", 0.94, 0.97),
        (r"^echo_state +[\d.]+", 0.9, 0.96),
        (r"lstm with defaults, first label:", 0.95, 1),
        (r"lstm with defaults, vowels:", 0.965, 1),
    ],
    "which_channel_and_when": [
        (r"accuracy:", 0.9, 1),
        "the most important sensor: 3",
        (r"the burst is found in", 19, 20),
    ],
}


by_stem = operator.attrgetter("stem")


def unmet_claims(claims: list[Claim], printed: str) -> list[Claim]:
    """Return the claims that the output of an example does not bear out."""
    return [claim for claim in claims if not _is_met(claim, printed)]


def _is_met(claim: Claim, printed: str) -> bool:
    if isinstance(claim, str):
        return claim in printed
    pattern, low, high = claim
    found = re.search(rf"{pattern} *(?P<number>-?\d[\d.]*(?:e[-+]\d+)?)", printed, re.MULTILINE)
    return found is not None and low <= float(found["number"]) <= high


# The site runs all of them with all epochs; `parallel_search` trains in processes of its own.
RUN_HERE = [s for s in SCRIPTS if s.stem not in {"quickstart", "parallel_search", "tagging_corpus"}]


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
@pytest.mark.parametrize("script", RUN_HERE, ids=by_stem)
def test_example_runs(script, tmp_path, monkeypatch, capsys):
    """A script runs to its end with few epochs, prints results and writes no files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    runpy.run_path(str(script))
    assert len(capsys.readouterr().out) > 50
    assert not list(tmp_path.iterdir())


def test_claims_are_compared_with_the_output():
    """Words, numbers in bounds and numbers out of bounds are told apart."""
    printed = "name   0.25  1e-07\naccuracy: 97% of 5\n"
    met: list[Claim] = ["accuracy", (r"name", 0.2, 0.3), (r"name +[\d.]+", 0, 1e-6)]
    unmet: list[Claim] = ["absent", (r"accuracy:", 98, 100), (r"other", 0, 1)]
    assert unmet_claims([*met, *unmet], printed) == unmet


def test_every_example_is_tested():
    """Every script has claims, which `tests/test_site.py` compares with its output."""
    assert sorted(script.stem for script in SCRIPTS) == sorted(CLAIMS)


@pytest.mark.parametrize("script", SCRIPTS, ids=by_stem)
def test_example_has_text_and_cells(script):
    """A script starts with a title in its docstring and is divided into cells."""
    source = script.read_text("utf-8")
    assert re.match(r'"""\n(.+)\n=+\n\n', source)
    assert source.count("\n# %%\n") >= 3
