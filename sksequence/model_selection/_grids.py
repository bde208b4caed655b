"""One small grid for each kind of task."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator

from sksequence._classifier import RNNClassifier
from sksequence._generator import SequenceGenerator
from sksequence._regressor import RNNRegressor
from sksequence._targets import plain_container, targets_are_steps
from sksequence._validation import learn_form

Candidate = dict[str, Any]

# each changes at most two parameters; those that fewer data favour come first
_SERIES: tuple[Candidate, ...] = (
    {"cell": "gru"},
    {"pooling": "mean"},
    {"dropout": 0.5},
    {"batch_size": 8},
    {"scale": "sequence"},
    {"n_estimators": 3},
    {"hidden_size": 128, "dropout": 0.3},
)
_SYMBOLS: tuple[Candidate, ...] = (
    {"cell": "gru"},
    {"dropout": 0.5},
    {"hidden_size": 128, "dropout": 0.5},
    {"learning_rate": 3e-3, "dropout": 0.5},
    {"n_estimators": 3},
)
_STEPS: tuple[Candidate, ...] = (
    {"cell": "gru"},
    {"hidden_size": 200},
    {"hidden_size": 200, "batch_size": 4},
    {"learning_rate": 3e-3},
    {"recurrent_dropout": 0.3},
    {"n_estimators": 3, "hidden_size": 200},
)
_NUMBERS: tuple[Candidate, ...] = (
    {"cell": "gru"},
    {"pooling": "mean"},
    {"learning_rate": 1e-2},
    {"dropout": 0.3},
    {"frame_length": 1},
    {"n_estimators": 3},
    {"cell": "gru", "scale": "sequence"},
)
_FORECASTS: tuple[Candidate, ...] = (
    {"cell": "gru"},
    {"pooling": "mean"},
    {"learning_rate": 1e-3},
    {"loss": "squared_error"},
    {"dropout": 0.3},
    {"hidden_size": 128, "learning_rate": 1e-3},
    {"n_estimators": 3},
)
_TEXTS: tuple[Candidate, ...] = (
    {"cell": "gru"},
    {"dropout": 0.2},
    {"hidden_size": 256},
    {"hidden_size": 256, "dropout": 0.2},
    {"learning_rate": 3e-3},
)
_VALUES: tuple[Candidate, ...] = (
    {"cell": "gru"},
    {"dropout": 0.0},
    {"loss": "quantile"},
    {"hidden_size": 64},
    {"dropout": 0.4},
)


def recommended_grid(estimator: BaseEstimator, X: Any, y: Any = None) -> list[dict[str, list[Any]]]:
    """Return a small grid for a search by scikit-learn.

    Which one depends on the estimator, on whether X holds symbols or numbers, on whether y has a target a step, and on
    whether a regressor forecasts: nothing is fitted. Each candidate changes at most two parameters, the first one
    none. None of them changes `max_epochs`, which can be the resource of a halving search.

    Parameters
    ----------
    estimator : RNNClassifier, RNNRegressor or SequenceGenerator
        With the parameters that the task itself states.
    X : array-like or list of sequences
        As for its `fit`; a part of the data will do.
    y : array-like, default=None
        As for its `fit`.

    Returns
    -------
    list of dict
        For the parameter `param_grid` of `GridSearchCV`, or `param_distributions` of `HalvingRandomSearchCV`. In a
        pipeline, put the name of the step and two underscores before each key.

    Raises
    ------
    TypeError
        If the estimator is none of these three.
    ValueError
        If X or y is not what the estimator takes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sksequence import RNNClassifier
    >>> from sksequence.model_selection import recommended_grid
    >>> X, y = np.random.default_rng(0).normal(size=(20, 9)), np.arange(20) % 2
    >>> grid = recommended_grid(RNNClassifier(), X, y)
    >>> grid[:2]
    [{}, {'cell': ['gru']}]
    >>> search = GridSearchCV(RNNClassifier(max_epochs=1), grid, cv=2).fit(X, y)
    """
    changes = [_new(estimator, candidate) for candidate in _candidates(estimator, X, y)]
    return [{}, *({k: [v] for k, v in change.items()} for change in changes if change)]


def _new(estimator: Any, candidate: Candidate) -> Candidate:
    """Leave out what the estimator has already, and other losses than those of plain errors where it states one."""
    own = {name: value for name, value in candidate.items() if getattr(estimator, name) != value}
    if isinstance(estimator, RNNRegressor) and hasattr(estimator, "predict_quantiles"):
        own.pop("loss", None)
    return own


def _candidates(estimator: Any, X: Any, y: Any) -> tuple[Candidate, ...]:
    if not isinstance(estimator, SequenceGenerator | RNNRegressor | RNNClassifier):
        raise TypeError(
            f"recommended_grid knows RNNClassifier, RNNRegressor and SequenceGenerator; got {estimator!r:.60}. Pass "
            "the last step of a pipeline."
        )
    generates = isinstance(estimator, SequenceGenerator)
    form, sequences = learn_form(
        X,
        integers_are_symbols=generates or estimator.embedding_dim is not None,
        analyzer=estimator.analyzer,
    )
    has_symbols = bool(form.vocabularies)
    if generates:
        return _TEXTS if has_symbols else _VALUES
    if y is None:
        raise ValueError(
            f"recommended_grid needs y for {type(estimator).__name__}: it tells one target a sequence from one a step. "
            "Pass the y of fit."
        )
    if targets_are_steps(plain_container(y), estimator.target, sequences.lengths):
        return _STEPS
    if isinstance(estimator, RNNRegressor) and not has_symbols:
        return _NUMBERS if estimator.residual is None else _FORECASTS
    return _SYMBOLS if has_symbols else _SERIES
