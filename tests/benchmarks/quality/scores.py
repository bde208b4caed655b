"""Scores of a fitted estimator on X and y."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence.metrics import span_f1_score


def accuracy(estimator: Any, X: Any, y: Any) -> float:
    """Return the fraction of sequences with the correct label."""
    return float(np.mean(estimator.predict(X) == y))


def mean_squared_error(estimator: Any, X: Any, y: Any) -> float:
    """Return the mean squared error over all numbers of y."""
    return float(np.mean((estimator.predict(X) - y) ** 2))


def root_mean_squared_error(estimator: Any, X: Any, y: Any) -> float:
    """Return the root of the mean squared error over all numbers of y."""
    return mean_squared_error(estimator, X, y) ** 0.5


def relative_to_last_value(estimator: Any, X: Any, y: Any) -> float:
    """Return the mean absolute error, divided by that of the last value of each window."""
    X, truth = np.asarray(X), np.reshape(y, (len(y), -1))
    error = np.abs(np.reshape(estimator.predict(X), truth.shape) - truth).mean()
    return float(error / np.abs(X[:, [-1]] - truth).mean())


def step_accuracy(estimator: Any, X: Any, y: Any) -> float:
    """Return the fraction of steps with the correct label."""
    return float(np.mean(_joined(estimator.predict(X)) == _joined(y)))


def step_mean_squared_error(estimator: Any, X: Any, y: Any) -> float:
    """Return the mean squared error over all steps."""
    return float(np.mean((_joined(estimator.predict(X)) - _joined(y)) ** 2))


def span_f1(estimator: Any, X: Any, y: Any) -> float:
    """Return the micro F1 of whole spans."""
    return float(span_f1_score(y, list(estimator.predict(X))))


def nats(estimator: Any, X: Any, y: Any) -> float:
    """Return the mean negative log-likelihood per step in nats, end marks included."""
    return -float(estimator.score(X))


def step_nll(estimator: Any, X: Any, y: Any) -> float:
    """Return the sum of the binary losses of all keys in nats, averaged over all steps."""
    logits = np.concatenate(list(estimator.decision_function(X)))
    truth = np.concatenate(list(y))
    return float((np.logaddexp(0.0, logits) - truth * logits).sum() / len(truth))


def _joined(steps: Any) -> NDArray[Any]:
    return np.concatenate([np.asarray(of_sequence) for of_sequence in steps])
