"""Pipelines and searches that end in an estimator of this library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

Named = tuple[str, Any]


class StepwiseTransformer(Protocol):
    """Fitted transformer that transforms each step of a sequence by itself."""

    def __sksequence_steps__(self, steps: object, n_rows: int, *, are_several: bool) -> Any:
        """Transform one step of each of `n_rows` sequences; return a table with a row per step."""


def split_pipeline(model: object, caller: str) -> tuple[list[Named], Any]:
    """Return the transformers before an estimator of this library, with their names, and itself.

    Pipelines and searches may contain each other.
    """
    transformers: list[Named] = []
    while not hasattr(model, "__sksequence_reading__"):
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif isinstance(model, Pipeline):
            check_is_fitted(model)
            transformers += _transformers(model.steps[:-1])
            model = model.steps[-1][1]
        else:
            raise TypeError(
                f"{caller} reads the network of a RNNClassifier, a RNNRegressor or a "
                f"SequenceGenerator, or of a pipeline or search that ends in one; got "
                f"{type(model).__name__}. Pass the fitted estimator of sksequence."
            )
    check_is_fitted(model, "net_")
    return transformers, model


def without_searches(model: Any, X: Any) -> tuple[Any, Any]:
    """Return the best estimator of a search, which passes no quantiles on, and what it reads."""
    while True:
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif isinstance(model, Pipeline) and hasattr(model[-1], "best_estimator_"):
            X = model[:-1].transform(X) if len(model) > 1 else X
            model = model[-1]
        else:
            return model, X


def _transformers(steps: Sequence[Named]) -> list[Named]:
    """Return the steps of a pipeline that transform, those of pipelines within it too."""
    found: list[Named] = []
    for name, transformer in steps:
        if isinstance(transformer, Pipeline):
            found += _transformers(transformer.steps)
        elif transformer is not None and transformer != "passthrough":
            found.append((name, transformer))
    return found


def stepwise(transformers: Sequence[Named]) -> list[StepwiseTransformer]:
    """Return transformers; one that looks at whole sequences is an error."""
    for name, transformer in transformers:
        if getattr(transformer, "__sksequence_steps__", None) is None:
            kind = type(transformer).__name__
            raise TypeError(
                f"Single steps cannot pass through {kind} ({name!r} in the pipeline), which "
                "transforms sequences as a whole. Wrap a transformer of scikit-learn in "
                "StepTransformer; replace any other by a change of the steps before they are "
                "pushed."
            )
    return [cast("StepwiseTransformer", transformer) for _, transformer in transformers]
