"""Metrics and scorers for one target per step, and for spans of IOB tags."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    make_scorer,
    mean_absolute_error,
    mean_squared_error,
)

from sksequence.metrics._stepwise import paired_steps, stepwise, unlabelled

Scores = float | NDArray[np.float64]
Span = tuple[str, int, int]
Scorer = Callable[..., float]


def step_accuracy_score(
    y_true: object, y_pred: object, *, sample_weight: ArrayLike | None = None
) -> float:
    """Compute the fraction of labelled steps that are predicted correctly.

    Parameters
    ----------
    y_true : list of array-like of shape (n_steps,), or array-like of shape (n_sequences, n_steps)
        The true labels; None or NaN for steps without a label.
    y_pred : list of array-like of shape (n_steps,), or array-like of shape (n_sequences, n_steps)
        The predicted labels, one per step.
    sample_weight : array-like of shape (n_sequences,), default=None
        Sample weights: one per sequence, for all its steps. None weights all steps equally.

    Returns
    -------
    score : float
        Accuracy between 0 and 1, the best value.

    Raises
    ------
    ValueError
        If the sequences or steps of `y_true` and `y_pred` do not match, or if no step is labelled.

    Examples
    --------
    >>> from sksequence.metrics import step_accuracy_score
    >>> step_accuracy_score([["D", "N", "V"], ["N", None]], [["D", "N", "N"], ["N", "V"]])
    0.75
    """
    return float(stepwise(accuracy_score)(y_true, y_pred, sample_weight=sample_weight))


def step_f1_score(
    y_true: object,
    y_pred: object,
    *,
    labels: ArrayLike | None = None,
    average: str | None = "macro",
    sample_weight: ArrayLike | None = None,
    zero_division: str | float = "warn",
) -> Scores:
    """Compute the F1 score over all labelled steps.

    Parameters
    ----------
    y_true : list of array-like of shape (n_steps,), or array-like of shape (n_sequences, n_steps)
        The true labels; None or NaN for steps without a label.
    y_pred : list of array-like of shape (n_steps,), or array-like of shape (n_sequences, n_steps)
        The predicted labels, one per step.
    labels : array-like of shape (n_labels,), default=None
        The labels to include, for example all except "O". None includes all that occur in
        `y_true` or `y_pred`.
    average : {"macro", "micro", "weighted", "binary"} or None, default="macro"
        How the scores of the labels are averaged, as in `sklearn.metrics.f1_score`. None returns
        one score per label.
    sample_weight : array-like of shape (n_sequences,), default=None
        Sample weights: one per sequence, for all its steps. None weights all steps equally.
    zero_division : {"warn", 0.0, 1.0, numpy.nan}, default="warn"
        Score of a label that neither occurs nor is predicted. "warn" acts as 0.0 and warns.

    Returns
    -------
    score : float, or ndarray of shape (n_labels,) if `average` is None
        F1 score between 0 and 1, the best value.

    Raises
    ------
    ValueError
        If the sequences or steps of `y_true` and `y_pred` do not match, or if no step is labelled.

    Examples
    --------
    >>> from sksequence.metrics import step_f1_score
    >>> step_f1_score([["D", "N", "V"], ["N"]], [["D", "N", "N"], ["N"]], average="micro")
    0.75
    """
    score: Scores = stepwise(f1_score)(
        y_true,
        y_pred,
        sample_weight=sample_weight,
        labels=labels,
        average=average,
        zero_division=zero_division,
    )
    return score


def _of_numbers(metric: Callable[..., Scores]) -> Callable[..., Scores]:
    """Return a metric that refuses anything but numbers."""

    def checked(true: NDArray[Any], predicted: NDArray[Any], **options: object) -> Scores:
        for name, values in (("y_true", true), ("y_pred", predicted)):
            for element in values.ravel().tolist() if values.dtype.kind not in "fiub" else ():
                if not isinstance(element, Real | Decimal):
                    raise ValueError(
                        f"{name} holds {element!r:.40}, which is not a number. Pass numbers, or "
                        "use step_accuracy_score for labels."
                    )
        return metric(true, predicted, **options)

    return checked


def step_mean_squared_error(
    y_true: object,
    y_pred: object,
    *,
    sample_weight: ArrayLike | None = None,
    multioutput: ArrayLike = "uniform_average",
) -> Scores:
    """Compute the mean squared error over all steps that have a target.

    It also is the error of several numbers per sequence of which some are missing: in arrays of
    shape (n_sequences, n_outputs), each number that is present counts as a step.

    Parameters
    ----------
    y_true : list of array-like of shape (n_steps,) or (n_steps, n_outputs), or array-like of \
shape (n_sequences, n_steps) or (n_sequences, n_steps, n_outputs)
        The true values; steps with a NaN are left out.
    y_pred : container like `y_true`
        The predictions, one per step.
    sample_weight : array-like of shape (n_sequences,), default=None
        Sample weights: one per sequence, for all its steps. None weights all steps equally.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,), \
default="uniform_average"
        How the errors of several outputs are averaged, as in `sklearn.metrics.mean_squared_error`.

    Returns
    -------
    loss : float, or ndarray of shape (n_outputs,) if `multioutput` is "raw_values"
        Non-negative error; the best value is 0.

    Raises
    ------
    ValueError
        If the sequences or steps of `y_true` and `y_pred` do not match, or if no step has a target.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.metrics import step_mean_squared_error
    >>> step_mean_squared_error([[1.0, np.nan], [2.0]], [[1.5, 9.0], [2.0]])
    0.125
    """
    loss: Scores = stepwise(_of_numbers(mean_squared_error))(
        y_true, y_pred, sample_weight=sample_weight, multioutput=multioutput
    )
    return loss


def step_mean_absolute_error(
    y_true: object,
    y_pred: object,
    *,
    sample_weight: ArrayLike | None = None,
    multioutput: ArrayLike = "uniform_average",
) -> Scores:
    """Compute the mean absolute error over all steps that have a target.

    It also is the error of several numbers per sequence of which some are missing: in arrays of
    shape (n_sequences, n_outputs), each number that is present counts as a step.

    Parameters
    ----------
    y_true : list of array-like of shape (n_steps,) or (n_steps, n_outputs), or array-like of \
shape (n_sequences, n_steps) or (n_sequences, n_steps, n_outputs)
        The true values; steps with a NaN are left out.
    y_pred : container like `y_true`
        The predictions, one per step.
    sample_weight : array-like of shape (n_sequences,), default=None
        Sample weights: one per sequence, for all its steps. None weights all steps equally.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,), \
default="uniform_average"
        How the errors of several outputs are averaged, as in
        `sklearn.metrics.mean_absolute_error`.

    Returns
    -------
    loss : float, or ndarray of shape (n_outputs,) if `multioutput` is "raw_values"
        Non-negative error; the best value is 0.

    Raises
    ------
    ValueError
        If the sequences or steps of `y_true` and `y_pred` do not match, or if no step has a target.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.metrics import step_mean_absolute_error
    >>> step_mean_absolute_error([[1.0, np.nan], [2.0]], [[1.5, 9.0], [2.0]])
    0.25
    """
    loss: Scores = stepwise(_of_numbers(mean_absolute_error))(
        y_true, y_pred, sample_weight=sample_weight, multioutput=multioutput
    )
    return loss


def span_f1_score(y_true: object, y_pred: object, *, zero_division: float = 0.0) -> float:
    """Compute the F1 score of whole spans in IOB tags, micro-averaged over all types.

    A span counts as found only if its type, its first step and its last step are all correct. This
    is the score of the CoNLL-2000 [1]_ and CoNLL-2003 shared tasks.

    Parameters
    ----------
    y_true : list of array-like of str of shape (n_steps,)
        The true tags: "O" outside of spans, "B-type" at the beginning and "I-type" inside of a
        span; None or NaN for steps without a tag.
    y_pred : list of array-like of str of shape (n_steps,)
        The predicted tags, one per step.
    zero_division : float, default=0.0
        Score if there are no spans, neither true nor predicted.

    Returns
    -------
    score : float
        F1 score between 0 and 1, the best value: twice the number of spans found, divided by the
        number of true spans plus the number of predicted spans.

    Raises
    ------
    ValueError
        If the sequences or steps of `y_true` and `y_pred` do not match, or if a tag is none of the
        three.

    Notes
    -----
    As in the evaluation script of the CoNLL tasks, an "I-type" that follows "O" or another type
    begins a span, so IOB1 and IOB2 tags give the same spans. A step without a true tag counts as
    "O", in `y_pred` as well.

    References
    ----------
    .. [1] E. F. Tjong Kim Sang, S. Buchholz (2000). "Introduction to the CoNLL-2000 shared task:
       chunking". CoNLL.

    Examples
    --------
    >>> from sksequence.metrics import span_f1_score
    >>> y_true = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-LOC"]]
    >>> y_pred = [["B-PER", "I-PER", "O", "O"], ["B-LOC", "I-LOC"]]
    >>> span_f1_score(y_true, y_pred)
    0.4
    """
    n_found = n_spans = 0
    for true, predicted in zip(*paired_steps(y_true, y_pred), strict=True):
        missing = unlabelled(true)
        one, other = _spans(_tags(true, missing)), _spans(_tags(predicted, missing))
        n_found += len(one & other)
        n_spans += len(one) + len(other)
    return 2 * n_found / n_spans if n_spans else float(zero_division)


def _tags(steps: NDArray[np.generic], missing: NDArray[np.bool_]) -> list[str]:
    return ["O" if skip else str(tag) for tag, skip in zip(steps, missing, strict=True)]


def _spans(tags: list[str]) -> set[Span]:
    """Return the type, first step and end (the step after the last one) of each span."""
    spans: set[Span] = set()
    start, kind = 0, ""
    inside = False
    for step, tag in enumerate([*tags, "O"]):
        prefix, new_kind = _split(tag)
        if inside and (prefix != "I" or new_kind != kind):
            spans.add((kind, start, step))
            inside = False
        if prefix != "O" and not inside:
            start, kind, inside = step, new_kind, True
    return spans


def _split(tag: str) -> tuple[str, str]:
    prefix, _, kind = tag.partition("-")
    if prefix not in ("B", "I", "O") or (prefix == "O" and kind):
        raise ValueError(
            f'The tag {tag!r} is not an IOB tag; expected "O", "B-type" or "I-type". Score other '
            "labels with step_f1_score."
        )
    return prefix, kind


def _scorer(metric: Callable[..., Scores], name: str, *, greater_is_better: bool = True) -> Scorer:
    scorer: Scorer = make_scorer(metric, greater_is_better=greater_is_better)
    scorer.__doc__ = f"Score an estimator by {name}: `scorer(estimator, X, y)`."
    return scorer


step_accuracy_scorer = _scorer(step_accuracy_score, "`step_accuracy_score`")
step_f1_scorer = _scorer(step_f1_score, "`step_f1_score`, macro-averaged")
span_f1_scorer = _scorer(span_f1_score, "`span_f1_score`")
neg_step_mean_squared_error_scorer = _scorer(
    step_mean_squared_error, "the negative of `step_mean_squared_error`", greater_is_better=False
)
neg_step_mean_absolute_error_scorer = _scorer(
    step_mean_absolute_error, "the negative of `step_mean_absolute_error`", greater_is_better=False
)
