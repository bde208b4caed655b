"""Metrics of scikit-learn for one target per step, on sequences of different lengths."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from numpy.typing import ArrayLike
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    mean_absolute_error,
    mean_squared_error,
)

from sksequence.metrics._flat import flat_steps


class _Stepwise:
    """A metric that lays all sequences end to end first; a class, so that it can be pickled."""

    def __init__(self, metric: Callable[..., Any]) -> None:
        update_wrapper(self, metric)
        # a partial has no name, but a scorer asks for one
        self.__name__ = getattr(metric, "__name__", type(metric).__name__)
        self.metric = metric

    def __call__(
        self, y_true: Any, y_pred: Any, *, sample_weight: ArrayLike | None = None, **options: Any
    ) -> Any:
        true, predicted, weight = flat_steps(y_true, y_pred, sample_weight)
        if weight is not None:
            options["sample_weight"] = weight
        return self.metric(true, predicted, **options)


def stepwise(metric: Callable[..., Any]) -> Callable[..., Any]:
    """Turn a metric of flat arrays into one of per-step targets of ragged sequences.

    Parameters
    ----------
    metric : callable
        A metric ``metric(y_true, y_pred, **options)``, such as those of scikit-learn.

    Returns
    -------
    step_metric : callable
        The metric ``step_metric(y_true, y_pred, *, sample_weight=None, **options)``, which takes
        lists or object arrays of arrays of shape (n_steps,) or (n_steps, n_outputs), 2-D arrays of
        shape (n_sequences, n_steps) and 3-D arrays of shape (n_sequences, n_steps, n_outputs).
        Steps whose target is None or NaN are left out; `sample_weight` is one weight per sequence.
        It can be pickled, and given to `sklearn.metrics.make_scorer`.

    Examples
    --------
    >>> from sklearn.metrics import balanced_accuracy_score, make_scorer
    >>> from sksequence.metrics import stepwise
    >>> step_balanced_accuracy = stepwise(balanced_accuracy_score)
    >>> step_balanced_accuracy([["a", "a", "b"], ["a", None]], [["a", "b", "b"], ["a", "b"]])
    0.83...
    >>> scorer = make_scorer(step_balanced_accuracy)
    """
    return _Stepwise(metric)


def step_accuracy_score(
    y_true: Any, y_pred: Any, *, sample_weight: ArrayLike | None = None
) -> float:
    """Compute the share of labelled steps that are predicted right.

    Parameters
    ----------
    y_true : list of array-like of shape (n_steps,), or array-like of shape (n_sequences, n_steps)
        The labels; None or NaN where a step has none.
    y_pred : list of array-like of shape (n_steps,), or array-like of shape (n_sequences, n_steps)
        The predicted labels, as many as there are steps.
    sample_weight : array-like of shape (n_sequences,), default=None
        A weight for all steps of a sequence.

    Returns
    -------
    score : float
        From 0 to 1, the best.

    Raises
    ------
    ValueError
        If sequences or steps do not match, or no step is labelled.

    Examples
    --------
    >>> from sksequence.metrics import step_accuracy_score
    >>> step_accuracy_score([["D", "N", "V"], ["N", None]], [["D", "N", "N"], ["N", "V"]])
    0.75
    """
    return float(stepwise(accuracy_score)(y_true, y_pred, sample_weight=sample_weight))


def step_f1_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: ArrayLike | None = None,
    average: str | None = "macro",
    sample_weight: ArrayLike | None = None,
    zero_division: Any = "warn",
) -> Any:
    """Compute the F1 score over all labelled steps.

    Parameters
    ----------
    y_true : list of array-like of shape (n_steps,), or array-like of shape (n_sequences, n_steps)
        The labels; None or NaN where a step has none.
    y_pred : list of array-like of shape (n_steps,), or array-like of shape (n_sequences, n_steps)
        The predicted labels, as many as there are steps.
    labels : array-like of shape (n_labels,), default=None
        The labels that count, for example all but "O". None means all that occur.
    average : {"macro", "micro", "weighted", "binary"} or None, default="macro"
        As in `sklearn.metrics.f1_score`; None returns one score per label.
    sample_weight : array-like of shape (n_sequences,), default=None
        A weight for all steps of a sequence.
    zero_division : {"warn", 0.0, 1.0, numpy.nan}, default="warn"
        The score of a label that neither occurs nor is predicted.

    Returns
    -------
    score : float, or ndarray of shape (n_labels,) if `average` is None
        From 0 to 1, the best.

    Raises
    ------
    ValueError
        If sequences or steps do not match, or no step is labelled.

    Examples
    --------
    >>> from sksequence.metrics import step_f1_score
    >>> step_f1_score([["D", "N", "V"], ["N"]], [["D", "N", "N"], ["N"]], average="micro")
    0.75
    """
    return stepwise(f1_score)(
        y_true,
        y_pred,
        sample_weight=sample_weight,
        labels=labels,
        average=average,
        zero_division=zero_division,
    )


def step_mean_squared_error(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: ArrayLike | None = None,
    multioutput: Any = "uniform_average",
) -> Any:
    """Compute the mean squared error over all steps that have a target.

    Parameters
    ----------
    y_true : list of array-like of shape (n_steps,) or (n_steps, n_outputs), or array-like of \
shape (n_sequences, n_steps) or (n_sequences, n_steps, n_outputs)
        The targets; a step with a NaN is left out.
    y_pred : container like `y_true`
        The predictions, one for each step.
    sample_weight : array-like of shape (n_sequences,), default=None
        A weight for all steps of a sequence.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,), \
default="uniform_average"
        As in `sklearn.metrics.mean_squared_error`.

    Returns
    -------
    loss : float, or ndarray of shape (n_outputs,) if `multioutput` is "raw_values"
        From 0, the best.

    Raises
    ------
    ValueError
        If sequences or steps do not match, or no step has a target.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.metrics import step_mean_squared_error
    >>> step_mean_squared_error([[1.0, np.nan], [2.0]], [[1.5, 9.0], [2.0]])
    0.125
    """
    return stepwise(mean_squared_error)(
        y_true, y_pred, sample_weight=sample_weight, multioutput=multioutput
    )


def step_mean_absolute_error(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: ArrayLike | None = None,
    multioutput: Any = "uniform_average",
) -> Any:
    """Compute the mean absolute error over all steps that have a target.

    Parameters
    ----------
    y_true : list of array-like of shape (n_steps,) or (n_steps, n_outputs), or array-like of \
shape (n_sequences, n_steps) or (n_sequences, n_steps, n_outputs)
        The targets; a step with a NaN is left out.
    y_pred : container like `y_true`
        The predictions, one for each step.
    sample_weight : array-like of shape (n_sequences,), default=None
        A weight for all steps of a sequence.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,), \
default="uniform_average"
        As in `sklearn.metrics.mean_absolute_error`.

    Returns
    -------
    loss : float, or ndarray of shape (n_outputs,) if `multioutput` is "raw_values"
        From 0, the best.

    Raises
    ------
    ValueError
        If sequences or steps do not match, or no step has a target.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.metrics import step_mean_absolute_error
    >>> step_mean_absolute_error([[1.0, np.nan], [2.0]], [[1.5, 9.0], [2.0]])
    0.25
    """
    return stepwise(mean_absolute_error)(
        y_true, y_pred, sample_weight=sample_weight, multioutput=multioutput
    )
