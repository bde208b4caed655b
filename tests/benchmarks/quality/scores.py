"""One number for a fitted estimator on X and y."""

from __future__ import annotations

from typing import Any

import numpy as np

from sksequence.metrics import span_f1_score


def accuracy(estimator: Any, X: Any, y: Any) -> float:
    """Share of sequences with the right label."""
    return float(np.mean(estimator.predict(X) == y))


def mean_squared_error(estimator: Any, X: Any, y: Any) -> float:
    """Mean over all numbers of y."""
    return float(np.mean((estimator.predict(X) - y) ** 2))


def root_mean_squared_error(estimator: Any, X: Any, y: Any) -> float:
    """Root of the mean over all numbers of y."""
    return mean_squared_error(estimator, X, y) ** 0.5


def span_f1(estimator: Any, X: Any, y: Any) -> float:
    """F1 of whole spans, all types together."""
    return float(span_f1_score(y, list(estimator.predict(X))))


def nats(estimator: Any, X: Any, y: Any) -> float:
    """Nats a step of what a generator did not see, end marks included."""
    return -float(estimator.score(X))


def step_nll(estimator: Any, X: Any, y: Any) -> float:
    """Nats a step: the sum over the keys of their binary losses, averaged over all steps of all pieces."""
    logits = np.concatenate(list(estimator.decision_function(X)))
    truth = np.concatenate(list(y))
    return float((np.logaddexp(0.0, logits) - truth * logits).sum() / len(truth))
