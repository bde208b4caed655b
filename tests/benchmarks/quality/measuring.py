"""Parameters selected on the training part, fits with several seeds, scores on the test part."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, ParameterGrid, StratifiedKFold

from sksequence.model_selection import recommended_grid

from .loaders import Data, Part
from .tasks import Parameters, Task

N_FOLDS = 5
SEEDS, FEWER_SEEDS, LONG_FIT = 5, 3, 30.0  # longer fits are repeated less often


@dataclass(frozen=True)
class Result:
    """Results of one task."""

    chosen: Parameters
    judged: dict[str, float]
    scores: list[float]
    seconds: list[float]
    baselines: dict[str, float] = field(default_factory=dict)


def choose(task: Task, data: Data) -> tuple[Parameters, dict[str, float]]:
    """Return the best candidate on the validation part, or by cross-validation if there is none."""
    grid = recommended_grid(task.make({}, 0), *data.train) if task.searched else [{}]
    candidates = list(ParameterGrid(grid))
    if len(candidates) == 1:
        return {}, {}
    judged = [
        float(np.mean([_judge(task, candidate, *parts) for parts in _parts(task, data)]))
        for candidate in candidates
    ]
    best = np.argmax(judged) if task.greater else np.argmin(judged)
    names = [str(candidate) for candidate in candidates]
    return candidates[int(best)], dict(zip(names, judged, strict=True))


def _parts(task: Task, data: Data) -> Iterator[tuple[Part, Part]]:
    if data.valid is not None:
        yield data.train, data.valid
        return
    X, y = data.train
    classifies = is_classifier(task.make({}, 0))
    cut = StratifiedKFold if classifies else KFold
    rarest = int(np.unique(y, return_counts=True)[1].min()) if classifies else N_FOLDS
    folds = cut(max(2, min(N_FOLDS, rarest)), shuffle=True, random_state=0)
    for train, held_out in folds.split(np.zeros(len(y)), y):
        yield rows_of(X, y, train), rows_of(X, y, held_out)


def rows_of(X: Any, y: Any, rows: Any) -> Part:
    """Return some sequences with their targets."""
    return ([X[i] for i in rows] if isinstance(X, list) else X[rows]), y[rows]


def _judge(task: Task, candidate: Parameters, train: Part, valid: Part) -> float:
    estimator, _ = timed_fit(task, candidate, train, seed=0)
    return task.score(estimator, *valid)


def timed_fit(task: Task, chosen: Parameters, train: Part, seed: int) -> tuple[Any, float]:
    """Return a fitted estimator and the CPU seconds of its fit."""
    estimator = task.make(chosen, seed)
    start = cpu_seconds()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "On windows that it was not trained on")
        estimator.fit(*train)
    return estimator, cpu_seconds() - start


def cpu_seconds() -> float:
    """Return the CPU time of this process and its ended children."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def measure(task: Task, *, grid: bool, n_seeds: int | None) -> Result:
    """Search the grid if requested; fit the training part once per seed; score the test part."""
    data = task.data(0)
    chosen, judged = choose(task, data) if grid else ({}, {})
    scores: list[float] = []
    seconds: list[float] = []
    while len(scores) < (n_seeds or _enough(seconds)):
        seed = len(scores)
        if task.is_redrawn:
            data = task.data(seed)
        estimator, cost = timed_fit(task, chosen, data.train, seed)
        scores.append(task.score(estimator, *data.test))
        seconds.append(cost)
    return Result(chosen, judged, scores, seconds)


def baselines_of(task: Task) -> dict[str, float]:
    """Return scores of models without a network; means, if each seed has data of its own."""
    models = [model for model in (task.naive, task.baseline) if model is not None]
    found = []
    for seed in range(SEEDS if task.is_redrawn else 1):
        data = task.data(seed)
        scores = [model(data, task.estimator, task.score) for model in models]
        found.append({name: score for part in scores for name, score in part.items()})
    return {name: float(np.mean([scores[name] for scores in found])) for name in found[0]}


def _enough(seconds: list[float]) -> int:
    return FEWER_SEEDS if seconds and seconds[0] > LONG_FIT else SEEDS
