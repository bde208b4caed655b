"""Tasks of the study, and its fits: all cells with about equal numbers of parameters.

A fit is one cell, one task and one seed. Its figures are stored at once, so that a run that is
interrupted, or has used its time, goes on where it ended.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence._cells import CELLS, build_layer
from sksequence.cells import Cell
from sksequence.datasets import (
    load_shakespeare,
    make_adding_problem,
    make_copy_memory,
    make_first_label,
)
from sksequence.model_selection import textbook_parameters

from ..quality.loaders import Data, archive, japanese_vowels, transformer_temperature

STORE = Path(__file__).with_name("cells.json")
LONG_FIT = 30.0  # CPU seconds above which three seeds are enough
MOST_SEEDS, SEEDS_OF_LONG_FITS = 5, 3
REFERENCE = "lstm", 32  # cell and units that all others match in their number of parameters
_MOST_UNITS = 256
# cells that their papers stack, with residual connections, as one layer of them is linear in time
_STACKED = ("indrnn", "mingru", "minlstm", "lru", "rg_lru", "linoss")
RECURRENCES: dict[str, dict[str, Any]] = {name: {"cell": name} for name in CELLS} | {
    f"{name}, 2 layers": {"cell": name, "num_layers": 2, "residual_connections": True}
    for name in _STACKED
}
Score = Callable[[Any, Any, Any], float]
Stored = dict[str, dict[str, dict[str, Any]]]  # task -> cell -> figures


# --- scores --------------------------------------------------------------------------------------


def _own_score(estimator: Any, X: Any, y: Any) -> float:
    """Return the accuracy of a classifier, or the R2 of a regressor."""
    return float(estimator.score(X, y))


def _recall(estimator: Any, X: Any, y: Any) -> float:
    """Return the fraction of the symbols to copy that are right."""
    is_copied = y != 8
    return float(np.mean(np.asarray(estimator.predict(X))[is_copied] == y[is_copied]))


def _squared_error(estimator: Any, X: Any, y: Any) -> float:
    return float(np.mean((estimator.predict(X) - y) ** 2))


def _nats(estimator: Any, X: Any, y: None) -> float:
    """Return the mean negative log-likelihood per character."""
    return -float(estimator.score(X))


# --- tasks ---------------------------------------------------------------------------------------


def _made(make: Callable[..., tuple[Any, Any]], n_train: int, n_test: int, **options: int) -> Data:
    return Data(make(n_train, random_state=0, **options), make(n_test, random_state=1, **options))


def _pixels() -> Data:
    """Return scikit-learn's digits as 64 steps of one pixel."""
    X, y = load_digits(return_X_y=True)
    parts = train_test_split(X[:, :, None], y, random_state=0, stratify=y)
    return Data((parts[0], parts[2]), (parts[1], parts[3]))


def _shakespeare() -> Data:
    """Return 100,000 characters for training and 20,000 for the test."""
    train, test = (load_shakespeare(split=part).data for part in ("train", "test"))
    return Data(([train[:100_000]], None), ([test[:20_000]], None))


@dataclass(frozen=True)
class Problem:
    """A task with the estimator that is fitted to it, and what its score is.

    Attributes
    ----------
    title : str
        Sequences and steps, for the page.
    load : callable
        Returns the parts of the data.
    estimator : callable
        Class of the estimator.
    parameters : dict
        Parameters that all cells share.
    score : callable
        Function of (estimator, X, y).
    metric : str
        Name of the score.
    n_inputs : int
        Width of the input of the layer, for the number of its parameters.
    greater : bool
        Whether higher scores are better.
    """

    title: str
    load: Callable[[], Data]
    estimator: Callable[..., Any]
    parameters: dict[str, Any]
    score: Score = _own_score
    metric: str = "accuracy"
    n_inputs: int = 1
    greater: bool = True


def _textbook(**changes: Any) -> dict[str, Any]:
    return textbook_parameters(RNNClassifier) | changes


PROBLEMS = {
    "first label": Problem(
        "first of 101 steps decides the label, 800 sequences",
        partial(_made, make_first_label, 800, 500, lag=100),
        RNNClassifier,
        _textbook(max_epochs=20),
        n_inputs=4,
    ),
    "adding": Problem(
        "two marked ones of 50 numbers, 1,000 sequences",
        partial(_made, make_adding_problem, 1000, 500, n_steps=50),
        RNNRegressor,
        _textbook(max_epochs=25),
        metric="R2",
        n_inputs=2,
    ),
    "copy memory": Problem(
        "three of eight symbols repeated after 30 steps, 1,000 sequences",
        partial(_made, make_copy_memory, 1000, 500, n_copied=3, lag=30),
        RNNClassifier,
        _textbook(max_epochs=25, embedding_dim=8, batch_size=32, target="steps"),
        score=_recall,
        metric="accuracy of the copied symbols",
        n_inputs=8,
    ),
    "digits": Problem(
        "of scikit-learn, pixel by pixel, 64 steps, 1,347 sequences",
        _pixels,
        RNNClassifier,
        _textbook(max_epochs=20),
    ),
    "JapaneseVowels": Problem(
        "default parameters, 7 to 29 steps, 270 sequences",
        japanese_vowels,
        RNNClassifier,
        {},
        n_inputs=12,
    ),
    "JapaneseVowels, textbook": Problem(
        "one direction, last state, no frames",
        japanese_vowels,
        RNNClassifier,
        _textbook(),
        n_inputs=12,
    ),
    "PLAID": Problem(
        "frames and 15 epochs, 100 to 1,344 steps, 537 sequences",
        partial(archive, "PLAID"),
        RNNClassifier,
        {"max_epochs": 15},
        n_inputs=48,
    ),
    "ETTh1": Problem(
        "96 hours of 7 series to the next 24, two windows per day",
        partial(transformer_temperature, 12),
        RNNRegressor,
        {"residual": "last", "target_columns": "all"},
        score=_squared_error,
        metric="mean squared error",
        n_inputs=168,
        greater=False,
    ),
    "Shakespeare": Problem(
        "the tiny corpus, 100,000 characters",
        _shakespeare,
        SequenceGenerator,
        {"max_epochs": 3, "embedding_dim": 32, "dropout": 0.0},
        score=_nats,
        metric="nats per character",
        n_inputs=32,
        greater=False,
    ),
}


# --- sizes ---------------------------------------------------------------------------------------


@cache
def n_parameters(name: str, size: int, n_inputs: int) -> int:
    """Return the number of parameters of the layers in one direction."""
    cell: Cell = CELLS[RECURRENCES[name]["cell"]]()
    total = 0
    for _ in range(RECURRENCES[name].get("num_layers", 1)):
        layer: Any = build_layer(cell, n_inputs, size, 0.0, torch.Generator())
        total += sum(parameter.numel() for parameter in layer.parameters())
        n_inputs = layer.output_size
    return total


@cache
def equal_size(name: str, n_inputs: int) -> int:
    """Return the number of units with which the layers have the parameters of the reference."""
    target = n_parameters(*REFERENCE, n_inputs)
    sizes = range(4, _MOST_UNITS + 1, 2)
    return min(sizes, key=lambda size: abs(n_parameters(name, size, n_inputs) - target))


# --- fits ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fit:
    """One cell, or two layers of it, on one task with one seed."""

    task: str
    cell: str
    seed: int
    problem: Problem = field(repr=False)

    def run(self) -> dict[str, Any]:
        """Return score, CPU seconds and size of the fit."""
        data = _load(self.task)
        _compile(self.cell)
        size = equal_size(self.cell, self.problem.n_inputs)
        parameters = self.problem.parameters | RECURRENCES[self.cell] | {"hidden_size": size}
        model = self.problem.estimator(**parameters, random_state=self.seed)
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as forecasts that are worse than the last value
            model.fit(*data.train)
        seconds = time.process_time() - start
        return {
            "units": size,
            "parameters": sum(p.numel() for p in model.module_.parameters()),
            "score": self.problem.score(model, *data.test),
            "seconds": seconds,
        }


@cache
def _compile(cell: str) -> None:
    """Fit a small network, so that no time of a compiler counts."""
    X = np.random.default_rng(0).normal(size=(8, 5, 2))
    name = RECURRENCES[cell]["cell"]
    RNNClassifier(name, 8, frame_length=1, max_epochs=1).fit(X, np.arange(8) % 2)


@cache
def _load(task: str) -> Data:
    return PROBLEMS[task].load()


def stored_figures() -> Stored:
    """Return the figures so far."""
    stored: Stored = json.loads(STORE.read_text()) if STORE.exists() else {}
    return stored


def missing_fits(
    stored: Stored, tasks: Sequence[str], cells: Sequence[str], n_seeds: int
) -> Iterator[Fit]:
    """Yield the fits that have no figures yet: one seed of everything comes before the next."""
    for seed in range(n_seeds):
        for task in tasks:
            for cell in cells:
                figures = stored.get(task, {}).get(cell, {"scores": {}, "seconds": {}})
                is_long = max(figures["seconds"].values(), default=0.0) > LONG_FIT
                enough = is_long and seed >= SEEDS_OF_LONG_FITS
                if str(seed) not in figures["scores"] and not enough:
                    yield Fit(task, cell, seed, PROBLEMS[task])


def run(tasks: Sequence[str], cells: Sequence[str], n_seeds: int, minutes: float) -> None:
    """Run the fits that are missing, until the time is used, and store the figures of each."""
    torch.set_num_threads(1)
    end = time.monotonic() + 60 * minutes
    for fit in missing_fits(stored_figures(), tasks, cells, n_seeds):
        if time.monotonic() > end:
            print("The time is used; run the command again for the rest.")
            return
        found = fit.run()
        print(f"{fit.task}, {fit.cell}, seed {fit.seed}: {found}", flush=True)
        _store(fit, found)


def _store(fit: Fit, found: dict[str, Any]) -> None:
    stored = stored_figures()
    figures = stored.setdefault(fit.task, {}).setdefault(fit.cell, {"scores": {}, "seconds": {}})
    figures |= {name: found[name] for name in ("units", "parameters")}
    figures["scores"][str(fit.seed)] = round(found["score"], 4)
    figures["seconds"][str(fit.seed)] = round(found["seconds"], 2)
    temporary = STORE.with_suffix(".tmp")
    temporary.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n")
    temporary.replace(STORE)
