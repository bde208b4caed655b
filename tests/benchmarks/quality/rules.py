"""Rules behind the defaults compared with alternatives on each set, so that sets can be left out.

Only training parts are used. The candidates of a rule are compared by cross-validation with the
same folds and seeds; `rules_report.py` chooses among them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold

from .loaders import Data, MissingData, Part
from .measuring import rows_of
from .sensors import SENSORS
from .tasks import TASKS, Parameters, Task
from .texts import SPELLING, WORDS

Losses = dict[str, float]
Candidate = Callable[[Any], Parameters]

SHIPPED = "shipped"


@dataclass(frozen=True)
class Split:
    """Cross-validation of a training part: folds, repeats, and use of every n-th sequence."""

    n_folds: int = 3
    n_repeats: int = 3
    thinned: int = 1


SPLITS: dict[str, Split] = {
    "P3": Split(),
    "P4": Split(),
    "ArrowHead": Split(),
    "Coffee": Split(n_repeats=2),
    "P2": Split(n_repeats=2),
    "Covid3Month": Split(n_repeats=2),
    "Tecator": Split(n_repeats=1),
    "P6": Split(thinned=2),
    "digits": Split(n_folds=2, n_repeats=1, thinned=3),
    "P1": Split(n_repeats=1),
    "P5": Split(n_folds=2, n_repeats=1, thinned=2),
    "ACSF1": Split(n_folds=2, n_repeats=1),
    "PigCVP": Split(n_folds=2, n_repeats=1),
    **{f"sensors-{name}": Split(n_folds=2, n_repeats=1) for name in SENSORS},
    **{f"texts-{name}": Split(n_folds=2, n_repeats=1) for name in (*WORDS, *SPELLING)},
}


def _set(name: str, value: Any) -> Candidate:
    """Return a candidate that sets a parameter, unless "auto" has selected the same value."""
    return lambda fitted: {} if getattr(fitted, f"{name}_", None) == value else {name: value}


def _times(name: str, factor: float) -> Candidate:
    """Return a candidate that multiplies the value of "auto" or the default, except frames of 1."""

    def change(fitted: Any) -> Parameters:
        chosen = getattr(fitted, f"{name}_", None) or getattr(fitted, name)
        value = chosen * factor if isinstance(chosen, float) else max(1, round(chosen * factor))
        if name == "frame_step":
            value = min(value, fitted.frame_length_)
        is_single = name == "frame_length" and chosen == 1
        return {} if is_single or value == chosen else {name: value}

    return change


def _frames(length: int, step: int) -> Candidate:
    """Return a candidate with these frames for several features that have none."""

    def change(fitted: Any) -> Parameters:
        has_none = fitted.frame_length_ == 1 and fitted.module_.spec.n_features > 1
        return {"frame_length": length, "frame_step": step} if has_none else {}

    return change


def _own_scale(fitted: Any) -> Parameters:
    """Return a scale for each sequence of numbers; symbols have none."""
    return {"scale": "sequence"} if fitted.module_.spec.n_features else {}


def _other_cell(fitted: Any) -> Parameters:
    """Return the cell that "auto" has not selected."""
    return {"cell": "lstm" if fitted.cell_ == "gru" else "gru"}


@dataclass(frozen=True)
class Rule:
    """A default, with what else it could be.

    Attributes
    ----------
    shipped : str
        Description of the default.
    candidates : dict
        Names and functions from an estimator fitted with the default to parameters.
    classifies : bool or None
        Whether the rule is for classifiers or for regressors; None is for both.
    """

    shipped: str
    candidates: dict[str, Candidate]
    classifies: bool | None = None


def _halved(shipped: str, name: str) -> Rule:
    return Rule(shipped, {"half": _times(name, 0.5), "double": _times(name, 2)})


RULES: dict[str, Rule] = {
    "hidden_size": _halved("64", "hidden_size"),
    "max_epochs": _halved(
        "2500 steps, 10 to 100, long channels to 50; symbols 1000; forecasts 500, 3 to 10",
        "max_epochs",
    ),
    "learning_rate": Rule(
        "1e-2; regressors 3e-3",
        {"a third": _times("learning_rate", 0.3), "three times": _times("learning_rate", 3.0)},
    ),
    "batch_size": _halved("32", "batch_size"),
    "dropout": Rule("0; symbols 0.5", {str(d): _set("dropout", d) for d in (0.0, 0.2, 0.5)}),
    "pooling, classifier": Rule(
        "max", {p: _set("pooling", p) for p in ("last", "mean", "attention")}, True
    ),
    "pooling, regressor": Rule(
        "last", {p: _set("pooling", p) for p in ("mean", "max", "attention")}, False
    ),
    "frame_length": _halved("a quarter of the length, 12 to 48", "frame_length"),
    "frame_step": _halved("a quarter of the frame; forecasts the whole", "frame_step"),
    "frames of several features": Rule(
        "none", {"8, step 2": _frames(8, 2), "16, step 4": _frames(16, 4)}
    ),
    "scale": Rule("global", {"sequence": _own_scale}),
    "cell": Rule("lstm; several features gru", {"the other": _other_cell}),
}


def applies(name: str, task: Task) -> bool:
    """Return whether a rule is for this kind of task and not fixed by the task."""
    classifies = RULES[name].classifies
    return name not in task.stated and classifies in (None, is_classifier(task.make({}, 0)))


def judge_set(name: str) -> dict[str, Losses]:
    """Return loss and error of the defaults and of each candidate that differs from them."""
    task, split = TASKS[name], SPLITS[name]
    data = task.load()
    parts = list(_parts(task, split, data))
    judged = {SHIPPED: _judged(task, {}, parts)}
    fitted = _fit(task, {}, parts[0][0], seed=0)
    for rule in [name for name in RULES if applies(name, task)]:
        for label, candidate in RULES[rule].candidates.items():
            if parameters := candidate(fitted):
                judged[f"{rule}: {label}"] = _judged(task, parameters, parts)
                print(name, rule, label, judged[f"{rule}: {label}"], flush=True)
    return judged


def _judged(task: Task, parameters: Parameters, parts: list[tuple[Part, Part, int]]) -> Losses:
    loss, error = np.mean([_judge(task, parameters, *part) for part in parts], axis=0)
    return {"loss": float(f"{loss:.5g}"), "error": float(f"{error:.5g}")}


def _parts(task: Task, split: Split, data: Data) -> Iterator[tuple[Part, Part, int]]:
    """Yield training rows, test rows and seed."""
    X, y = data.train
    if split.thinned > 1:
        X, y = rows_of(X, y, np.arange(0, len(y), split.thinned))
    if data.valid is not None:
        for seed in range(split.n_repeats):
            yield (X, y), data.valid, seed
        return
    cut = RepeatedStratifiedKFold if is_classifier(task.make({}, 0)) else RepeatedKFold
    folds = cut(n_splits=split.n_folds, n_repeats=split.n_repeats, random_state=0)
    for i, (train, held_out) in enumerate(folds.split(np.zeros(len(y)), y)):
        yield rows_of(X, y, train), rows_of(X, y, held_out), i // split.n_folds


def _fit(task: Task, parameters: Parameters, train: Part, seed: int) -> Any:
    estimator = task.make({}, seed).set_params(**parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(*train)


def _judge(
    task: Task, parameters: Parameters, train: Part, held_out: Part, seed: int
) -> tuple[float, float]:
    """Return log loss and error rate; for numbers, both are squared error over the variance."""
    estimator = _fit(task, parameters, train, seed)
    X, y = held_out
    if is_classifier(estimator):
        probabilities = estimator.predict_proba(X)
        loss = log_loss(y, probabilities, labels=estimator.classes_)
        return float(loss), float(np.mean(estimator.predict(X) != y))
    error = float(np.mean((estimator.predict(X) - y) ** 2) / np.var(train[1]))
    return error, error


def measure_rules(names: list[str]) -> Iterator[tuple[str, dict[str, Losses]]]:
    """Yield the results of each set."""
    for name in names or SPLITS:
        try:
            yield name, judge_set(name)
        except MissingData as missing:
            print(f"{name}: skipped, {missing}", flush=True)
