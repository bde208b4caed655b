"""Fitted estimators in pipelines and searches, and their networks."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sksequence._base import BaseRNN
from sksequence._net import NetworkReading


def find_network(estimator: BaseEstimator, X: Any, caller: str) -> tuple[BaseRNN, Any]:
    """Return the estimator of this library at the end of pipelines and searches, and its X.

    The earlier steps of pipelines are applied to X, unless it is None.
    """
    found: object = estimator
    while not isinstance(found, BaseRNN):
        if hasattr(found, "best_estimator_"):
            found = found.best_estimator_
        elif isinstance(found, Pipeline):
            check_is_fitted(found)
            if X is not None and len(found.steps) > 1:
                X = found[:-1].transform(X)
            found = found.steps[-1][1]
        else:
            raise TypeError(
                f"{caller} reads the network of a RNNClassifier, a RNNRegressor or a "
                f"SequenceGenerator, or of a pipeline or search that ends in one; got "
                f"{type(found).__name__}. Pass the fitted estimator of sksequence."
            )
    check_is_fitted(found, "net_")
    return found, X


def read_network(
    estimator: BaseEstimator, X: Sized, y: Sized | None, caller: str
) -> NetworkReading:
    """Return the network of an estimator, a pipeline or a search, with the input that it reads."""
    found, X = find_network(estimator, X, caller)
    return found.__sksequence_reading__(X, y)
