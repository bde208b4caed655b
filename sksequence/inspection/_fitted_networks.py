"""Fitted estimators in pipelines and searches, and their networks."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

from sklearn.base import BaseEstimator

from sksequence._base import BaseRNN, split_pipeline
from sksequence._net import NetworkReading


def find_network(estimator: BaseEstimator, X: Any, caller: str) -> tuple[BaseRNN, Any]:
    """Return the estimator of this library at the end of pipelines and searches, and its X.

    The earlier steps of pipelines are applied to X, unless it is None.
    """
    transformers, found = split_pipeline(estimator, caller)
    if X is not None:
        for _, transformer in transformers:
            X = transformer.transform(X)
    return found, X


def read_network(
    estimator: BaseEstimator, X: Sized, y: Sized | None, caller: str
) -> NetworkReading:
    """Return the network of an estimator, a pipeline or a search, with the input that it reads."""
    found, X = find_network(estimator, X, caller)
    return found.__sksequence_reading__(X, y)
