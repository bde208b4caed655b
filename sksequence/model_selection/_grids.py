"""Small parameter grids, one per kind of task, and the plain network of textbooks."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import Any

from sksequence._base import BaseRNN
from sksequence._classifier import RNNClassifier
from sksequence._generator import SequenceGenerator
from sksequence._regressor import RNNRegressor

Candidate = dict[str, object]

# Each candidate changes at most two parameters. Ensembles come first, as they are hardly ever
# worse than one network; the others are in the order of their cost
_SERIES: tuple[Candidate, ...] = (
    {"n_estimators": 3},
    {"pooling": "mean"},
    {"dropout": 0.5},
    {"scale": "sequence"},
    {"cell": "gru"},
    {"batch_size": 8},
    {"hidden_size": 128, "dropout": 0.3},
)
_SYMBOLS: tuple[Candidate, ...] = (
    {"n_estimators": 3},
    {"cell": "gru"},
    {"dropout": 0.5},
    {"learning_rate": 3e-3, "dropout": 0.5},
    {"hidden_size": 128, "dropout": 0.5},
)
_STEPS: tuple[Candidate, ...] = (
    {"n_estimators": 3},
    {"cell": "gru"},
    {"learning_rate": 3e-3},
    {"recurrent_dropout": 0.3},
    {"hidden_size": 200},
    {"hidden_size": 200, "batch_size": 4},
    {"n_estimators": 3, "hidden_size": 200},
)
_NUMBERS: tuple[Candidate, ...] = (
    {"n_estimators": 3},
    {"cell": "gru"},
    {"pooling": "mean"},
    {"learning_rate": 1e-2},
    {"dropout": 0.3},
    {"cell": "gru", "scale": "sequence"},
    {"frame_length": 1},
)
_FORECASTS: tuple[Candidate, ...] = (
    {"n_estimators": 3},
    {"cell": "gru"},
    {"pooling": "mean"},
    {"learning_rate": 1e-3},
    {"loss": "squared_error"},
    {"dropout": 0.3},
    {"hidden_size": 128, "learning_rate": 1e-3},
)
_TEXTS: tuple[Candidate, ...] = (
    {"cell": "gru"},
    {"learning_rate": 3e-3},
    {"dropout": 0.2},
    {"hidden_size": 256},
    {"hidden_size": 256, "dropout": 0.2},
)
_VALUES: tuple[Candidate, ...] = (
    {"cell": "gru"},
    {"dropout": 0.0},
    {"dropout": 0.4},
    {"loss": "quantile"},
    {"hidden_size": 64},
    {"hidden_size": 128},
)


# the network of textbooks, for the parameters that an estimator has
_TEXTBOOK: Candidate = {
    "num_layers": 1,
    "residual_connections": False,
    "bidirectional": False,
    "pooling": "last",
    "frame_length": 1,
    "n_estimators": 1,
    "dropout": 0.0,
    "recurrent_dropout": 0.0,
}


def textbook_parameters(estimator: BaseRNN | type[BaseRNN]) -> dict[str, object]:
    """Return the parameters of the recurrent network that textbooks describe.

    One layer reads the sequence forwards, one step at a time without frames, and the last hidden
    state makes the prediction; nothing is dropped. Defaults solve many tasks by other means: the
    second direction begins at the end, pooling and frames shorten the way to each step. Use these
    parameters to compare cells, or to teach what one of them can do, and defaults for results.

    Parameters
    ----------
    estimator : RNNClassifier, RNNRegressor or SequenceGenerator
        Estimator, or its class.

    Returns
    -------
    parameters : dict
        Values for ``set_params`` or the constructor, of the parameters that the estimator has.

    Raises
    ------
    TypeError
        If it is not one of these estimators.

    Examples
    --------
    >>> from sksequence import RNNClassifier
    >>> from sksequence.model_selection import textbook_parameters
    >>> classifier = RNNClassifier("lru", 32, **textbook_parameters(RNNClassifier))
    >>> classifier.bidirectional, classifier.pooling, classifier.frame_length
    (False, 'last', 1)
    """
    kind: Any = estimator if isinstance(estimator, type) else type(estimator)
    if not issubclass(kind, SequenceGenerator | RNNRegressor | RNNClassifier):
        raise TypeError(
            "textbook_parameters supports RNNClassifier, RNNRegressor and SequenceGenerator; got "
            f"{estimator!r:.60}."
        )
    known = kind().get_params(deep=False)
    return {name: value for name, value in _TEXTBOOK.items() if name in known}


def recommended_grid(
    estimator: BaseRNN, X: Sized, y: Sized | None = None
) -> list[dict[str, list[object]]]:
    """Return a small parameter grid for the searches of scikit-learn.

    The grid depends on the estimator, on whether X contains symbols or numbers, on whether y has
    one target per sequence or one per step, and on whether a regressor forecasts. Nothing is
    trained. The first candidate is the estimator itself; each other candidate changes one or two
    parameters. Three networks (``n_estimators=3``), where they are in the grid, are the first thing
    to try, and the others are in the order of their cost, for `one_standard_error`. No two
    candidates are the same: values that "auto" selects for X and y are left out. No candidate
    changes `max_epochs`, so that it can be the resource of a halving search.

    Parameters
    ----------
    estimator : RNNClassifier, RNNRegressor or SequenceGenerator
        Estimator with the parameters that the task requires, such as `residual` or `embedding_dim`.
    X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), or list \
of sequences
        Sequences as for the `fit` of the estimator. A subset of the data is sufficient, unless
        "auto" selects other values for it.
    y : array-like or list of array-like, default=None
        Targets as for the `fit` of the estimator. Ignored by `SequenceGenerator`.

    Returns
    -------
    grid : list of dict
        Value for the parameter `param_grid` of `GridSearchCV`, or for `param_distributions` of
        `HalvingRandomSearchCV`. For a pipeline, prefix each key with the name of the step and two
        underscores.

    Raises
    ------
    TypeError
        If the estimator is not one of these three.
    ValueError
        If X or y is not valid for the `fit` of the estimator.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sksequence import RNNClassifier
    >>> from sksequence.model_selection import recommended_grid
    >>> X, y = np.random.default_rng(0).normal(size=(20, 9)), np.arange(20) % 2
    >>> grid = recommended_grid(RNNClassifier(), X, y)
    >>> grid[:2]
    [{}, {'n_estimators': [3]}]
    >>> search = GridSearchCV(RNNClassifier(max_epochs=1), grid, cv=2).fit(X, y)
    """
    fitted = _untrained(estimator, X, y)
    grid: list[Candidate] = [{}]
    for candidate in _candidates(fitted):
        changes = _changes(estimator, candidate, fitted.auto_params_)
        size = changes.get("batch_size")
        if isinstance(size, int) and min(size, fitted.batch_size_) >= len(X):
            del changes["batch_size"]  # a batch has all sequences with either
        if changes not in grid:
            grid.append(changes)
    return [{name: [value] for name, value in changes.items()} for changes in grid]


def _changes(estimator: BaseRNN, candidate: Candidate, selected: Mapping[str, object]) -> Candidate:
    """Return the parameters of a candidate that differ from those that a fit has without it.

    If these have a GRU already, the LSTM is its alternative. The loss is left out for a regressor
    with quantiles, which another loss would not predict.
    """
    present = estimator.get_params(deep=False) | selected
    if "cell" in candidate and selected.get("cell") == "gru":
        candidate = candidate | {"cell": "lstm"}
    changes = {name: value for name, value in candidate.items() if present[name] != value}
    if isinstance(estimator, RNNRegressor) and hasattr(estimator, "predict_quantiles"):
        changes.pop("loss", None)
    return changes


def _untrained(estimator: BaseRNN, X: Sized, y: Sized | None) -> BaseRNN:
    """Return a copy of an estimator whose fitted attributes are those of X and y."""
    if not isinstance(estimator, SequenceGenerator | RNNRegressor | RNNClassifier):
        raise TypeError(
            "recommended_grid supports RNNClassifier, RNNRegressor and SequenceGenerator; got "
            f"{estimator!r:.60}. From a pipeline, pass its last step."
        )
    if isinstance(estimator, SequenceGenerator):
        return estimator.__sksequence_untrained__(X, y if estimator.conditional else None)
    if y is None:
        raise ValueError(
            f"recommended_grid needs y for {type(estimator).__name__}: the grid depends on whether "
            "there is one target per sequence or one per step. Pass the y of fit."
        )
    return estimator.__sksequence_untrained__(X, y)


def _candidates(fitted: BaseRNN) -> tuple[Candidate, ...]:
    has_symbols = fitted.input_kind_ in ("text", "symbols")
    if isinstance(fitted, SequenceGenerator):
        return _TEXTS if has_symbols else _VALUES
    if fitted.target_ == "steps":
        return _STEPS
    if has_symbols:
        return _SYMBOLS
    if isinstance(fitted, RNNRegressor):
        return _NUMBERS if fitted.residual is None else _FORECASTS
    return _SERIES
