"""Parameters chosen with the training data only, then fits with several seeds, judged on the test part."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold

from .loaders import Data, Part
from .tasks import Parameters, Task

N_FOLDS = 5
SEEDS, FEWER_SEEDS, LONG_FIT = 5, 3, 30.0  # a fit of more CPU seconds is repeated less often


@dataclass(frozen=True)
class Result:
    """What one task came to."""

    chosen: Parameters
    judged: list[float]
    scores: list[float]
    seconds: list[float]

    @property
    def median(self) -> float:
        """The test score to compare with the floor."""
        return float(np.median(self.scores))


def choose(task: Task, data: Data) -> tuple[Parameters, list[float]]:
    """Return the best candidate by the validation part, or by cross-validation where there is none."""
    if len(task.candidates) == 1:
        return task.candidates[0], []
    judged = [
        float(np.mean([_judge(task, candidate, *parts) for parts in _parts(data)]))
        for candidate in task.candidates
    ]
    best = np.argmax(judged) if task.greater else np.argmin(judged)
    return task.candidates[int(best)], judged


def _parts(data: Data) -> Iterator[tuple[Part, Part]]:
    if data.valid is not None:
        yield data.train, data.valid
        return
    X, y = data.train
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
    for train, held_out in folds.split(np.zeros(len(y)), y):
        yield _rows(X, y, train), _rows(X, y, held_out)


def _rows(X: Any, y: Any, rows: Any) -> Part:
    return ([X[i] for i in rows] if isinstance(X, list) else X[rows]), y[rows]


def _judge(task: Task, candidate: Parameters, train: Part, valid: Part) -> float:
    estimator, _ = timed_fit(task, candidate, train, seed=0)
    return task.score(estimator, *valid)


def timed_fit(task: Task, chosen: Parameters, train: Part, seed: int) -> tuple[Any, float]:
    """Return a fitted estimator and the CPU seconds of its fit."""
    estimator = task.make(chosen, seed)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(*train)
    return estimator, time.process_time() - start


def measure(task: Task, data: Data, *, defaults: bool, n_seeds: int | None) -> Result:
    """Choose, unless the defaults are asked for; fit the training part once a seed; judge by the test part."""
    chosen, judged = ({}, []) if defaults else choose(task, data)
    scores: list[float] = []
    seconds: list[float] = []
    while len(scores) < (n_seeds or _enough(seconds)):
        estimator, cost = timed_fit(task, chosen, data.train, seed=len(scores))
        scores.append(task.score(estimator, *data.test))
        seconds.append(cost)
    return Result(chosen, judged, scores, seconds)


def _enough(seconds: list[float]) -> int:
    return FEWER_SEEDS if seconds and seconds[0] > LONG_FIT else SEEDS
