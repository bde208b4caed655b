"""Metrics of flat arrays applied to per-step targets of sequences of different lengths.

Steps without a label are left out. Only None and NaN mark them: every number may be a class.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sksequence._elements import missing_values
from sksequence._targets import plain_container

Score = TypeVar("Score")
Steps = NDArray[np.generic]


def stepwise(metric: Callable[..., Score]) -> Callable[..., Score]:
    """Turn a metric of flat arrays into a metric of per-step targets of ragged sequences.

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
        It can be pickled, and passed to `sklearn.metrics.make_scorer`. It raises a ValueError if
        the sequences or steps of `y_true` and `y_pred` do not match, or if no step is labelled.

    See Also
    --------
    step_accuracy_score : Fraction of labelled steps that are predicted correctly.
    step_f1_score : F1 score over all labelled steps.
    step_mean_squared_error : Mean squared error over all steps that have a target.
    step_mean_absolute_error : Mean absolute error over all steps that have a target.

    Examples
    --------
    >>> from sklearn.metrics import balanced_accuracy_score, make_scorer
    >>> from sksequence.metrics import stepwise
    >>> step_balanced_accuracy = stepwise(balanced_accuracy_score)
    >>> step_balanced_accuracy([["a", "a", "b"], ["a", None]], [["a", "b", "b"], ["a", "b"]])
    0.83...
    >>> scorer = make_scorer(step_balanced_accuracy)
    """
    return _StepMetric(metric)


class _StepMetric(Generic[Score]):
    """Metric that concatenates the steps of all sequences first; a class, so that it is picklable.

    Parameters
    ----------
    metric : callable
        A metric ``metric(y_true, y_pred, **options)`` of flat arrays.
    """

    def __init__(self, metric: Callable[..., Score]) -> None:
        update_wrapper(self, metric)
        # scorers read the name of their metric, and a partial has none
        self.__name__ = getattr(metric, "__name__", type(metric).__name__)
        self.metric = metric

    def __call__(
        self,
        y_true: object,
        y_pred: object,
        *,
        sample_weight: ArrayLike | None = None,
        **options: object,
    ) -> Score:
        true, predicted, weight = _flat_steps(y_true, y_pred, sample_weight)
        if weight is not None:
            options["sample_weight"] = weight
        with np.errstate(invalid="ignore"):  # a number may be too large for an integer
            return self.metric(true, predicted, **options)


def _flat_steps(
    y_true: object, y_pred: object, sample_weight: ArrayLike | None
) -> tuple[Steps, Steps, NDArray[Any] | None]:
    """Return the targets, predictions and weights of the labelled steps of all sequences."""
    true, predicted = paired_steps(y_true, y_pred)
    labelled = [~unlabelled(steps) for steps in true]
    if not any(keep.any() for keep in labelled):
        raise ValueError("y_true has no labelled step, so there is nothing to score.")
    weight = None
    if sample_weight is not None:
        weight = np.repeat(_weights(sample_weight, len(true)), [keep.sum() for keep in labelled])
    steps = _concatenated(true, labelled, "y_true"), _concatenated(predicted, labelled, "y_pred")
    return *steps, weight


def paired_steps(y_true: object, y_pred: object) -> tuple[list[Steps], list[Steps]]:
    """Return one array of targets and one of predictions per sequence, of equal lengths."""
    true, predicted = _step_arrays(y_true, "y_true"), _step_arrays(y_pred, "y_pred")
    if len(true) != len(predicted):
        raise ValueError(
            f"y_true has {len(true)} sequences, y_pred has {len(predicted)}; pass the same "
            "sequences in both."
        )
    for i, (one, other) in enumerate(zip(true, predicted, strict=True)):
        if len(one) != len(other):
            raise ValueError(
                f"Sequence {i} has {len(one)} steps in y_true and {len(other)} in y_pred; predict "
                "one value per step."
            )
    return true, predicted


def _step_arrays(y: object, name: str) -> list[Steps]:
    """Return one array of steps per sequence."""
    if isinstance(y, str) or not hasattr(y, "__len__"):
        raise ValueError(_not_steps(name, repr(y)))
    arrays = [_steps_of(row) for row in plain_container(y)]
    for i, array in enumerate(arrays):
        if array.ndim == 0:
            raise ValueError(_not_steps(name, f"{array.item()!r} as sequence {i}"))
    return arrays


def _steps_of(row: Any) -> Steps:
    if isinstance(row, list | tuple):  # numpy would convert the NaN in a list of str to "nan"
        return np.asarray(row, dtype=object)
    is_container = not isinstance(row, str) and getattr(row, "ndim", 0) > 0
    return np.asarray(plain_container(row) if is_container else row)


def _not_steps(name: str, got: str) -> str:
    return (
        f"{name} must hold one array of steps per sequence; got {got}. Pass a list of arrays, or "
        "use the metrics of scikit-learn for one target per sequence."
    )


def unlabelled(steps: Steps) -> NDArray[np.bool_]:
    """Return a mask of the steps without a label, or with a missing value among several."""
    missing = missing_values(steps).reshape(len(steps), -1)
    return np.asarray(missing.any(axis=1), dtype=np.bool_)


def _weights(sample_weight: ArrayLike, n_sequences: int) -> NDArray[Any]:
    weights = np.asarray(sample_weight)
    if weights.shape != (n_sequences,):
        raise ValueError(
            f"sample_weight has shape {weights.shape}; expected ({n_sequences},), one weight per "
            "sequence."
        )
    return weights


def _concatenated(arrays: list[Steps], labelled: list[NDArray[np.bool_]], name: str) -> Steps:
    pieces = [a[keep] for a, keep in zip(arrays, labelled, strict=True) if keep.any()]
    kinds = {piece.dtype.kind for piece in pieces}
    if len(kinds) > 1 and not kinds <= set("fiub"):  # numpy would turn numbers into text
        pieces = [piece.astype(object) for piece in pieces]
    flat = np.concatenate(pieces)
    if flat.dtype != object:
        return flat
    elements = flat.tolist()
    if len({isinstance(element, str) for element in flat.ravel()}) > 1:
        raise ValueError(
            f"{name} mixes text and numbers. Pass labels of one kind, for example text only."
        )
    return np.array(elements)  # without its None, it can take the type of its labels
