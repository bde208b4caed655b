"""Ready-made scorers: what `scoring=` of scikit-learn takes, for ragged targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.metrics import make_scorer

from sksequence.metrics._spans import span_f1_score
from sksequence.metrics._steps import (
    step_accuracy_score,
    step_f1_score,
    step_mean_absolute_error,
    step_mean_squared_error,
)


def _scorer(metric: Callable[..., Any], what: str, *, greater_is_better: bool = True) -> Any:
    scorer = make_scorer(metric, greater_is_better=greater_is_better)
    scorer.__doc__ = f"Score an estimator by {what}: `scorer(estimator, X, y)`."
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
