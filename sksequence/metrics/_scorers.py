"""Scorers by name, for the parameter ``scoring`` of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sksequence._base import check_ids, without_searches
from sksequence.metrics._probabilistic_metrics import (
    interval_coverage,
    interval_score,
    pinball_loss,
)
from sksequence.metrics._step_metrics import (
    neg_step_mean_absolute_error_scorer,
    neg_step_mean_squared_error_scorer,
    span_f1_scorer,
    step_accuracy_scorer,
    step_f1_scorer,
)

Floats = NDArray[np.float64]
Metric = Callable[[ArrayLike, Floats, list[float], ArrayLike | None], float]


class _Predictor(Protocol):
    """Estimator that predicts quantiles, or the fitted tool of scikit-learn around it."""

    def predict(self, X: Sized, *, quantiles: ArrayLike) -> Any:
        """Return quantiles of shape (n_quantiles, n_samples[, n_outputs])."""


class _QuantileScorer:
    """Scorer of the quantiles at the levels that the estimator has learnt.

    Parameters
    ----------
    metric : callable
        Function of true values, quantiles, their levels and weights.
    sign : {1, -1}
        -1 if lower values of the metric are better.
    """

    def __init__(self, metric: Metric, sign: int) -> None:
        self.metric, self.sign = metric, sign

    def __call__(
        self, model: _Predictor, X: Sized, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the score of a fitted model, higher is better unless it is a coverage."""
        check_ids(X, y=y, sample_weight=sample_weight)
        levels = sorted(float(level) for level in _levels(model))
        best, read = without_searches(model, X)
        predicted = np.asarray(best.predict(read, quantiles=levels))
        return self.sign * self.metric(y, predicted, levels, sample_weight)

    def __repr__(self) -> str:
        """Return the name of the metric."""
        return f"scorer({self.metric.__name__.strip('_')}, sign={self.sign})"


def _levels(model: object) -> Any:
    """Return the parameter `quantiles` of an estimator, or of the one in a tool around it."""
    inner: Any = model
    while not hasattr(inner, "quantiles"):
        around = inner
        for name in ("best_estimator_", "regressor_", "estimator_"):
            inner = getattr(inner, name, inner)
        inner = inner.steps[-1][1] if hasattr(inner, "steps") else inner
        if inner is around:
            raise TypeError(
                f"{type(model).__name__} predicts no quantiles: it has no parameter quantiles. "
                "Pass RNNRegressor(loss='quantile'), or with loss='gaussian' or 'student_t'."
            )
    return inner.quantiles


def _pinball(
    y: ArrayLike, predicted: Floats, levels: list[float], weights: ArrayLike | None
) -> float:
    return pinball_loss(y, predicted, quantiles=levels, sample_weight=weights)


def _interval(
    y: ArrayLike, predicted: Floats, levels: list[float], weights: ArrayLike | None
) -> float:
    level = levels[-1] - levels[0]
    return interval_score(y, predicted[0], predicted[-1], level=level, sample_weight=weights)


def _coverage(
    y: ArrayLike, predicted: Floats, levels: list[float], weights: ArrayLike | None
) -> float:
    return interval_coverage(y, predicted[0], predicted[-1], sample_weight=weights)


class _Scorers(dict[str, Callable[..., float]]):
    """Scorers by name, for the parameter ``scoring`` of the tools of scikit-learn.

    scikit-learn finds its own scorers by name only: pass ``SCORERS["neg_pinball_loss"]``. Higher is
    better, except for the coverage, which is best at its nominal value.

    - One target per step: "step_accuracy", "step_f1" (macro-averaged), "span_f1",
      "neg_step_mean_squared_error" and "neg_step_mean_absolute_error".
    - Quantiles, at the levels of the parameter `quantiles` of an `RNNRegressor`, also at the end
      of a pipeline or in a search: "neg_pinball_loss" and, for the interval between the lowest and
      the highest level, "neg_interval_score" and "interval_coverage".
    """

    def __missing__(self, name: str) -> Callable[..., float]:
        """Raise a KeyError that lists the names."""
        raise KeyError(f"There is no scorer {name!r}; choose from {sorted(self)}.")


SCORERS = _Scorers(
    step_accuracy=step_accuracy_scorer,
    step_f1=step_f1_scorer,
    span_f1=span_f1_scorer,
    neg_step_mean_squared_error=neg_step_mean_squared_error_scorer,
    neg_step_mean_absolute_error=neg_step_mean_absolute_error_scorer,
    neg_pinball_loss=_QuantileScorer(_pinball, -1),
    neg_interval_score=_QuantileScorer(_interval, -1),
    interval_coverage=_QuantileScorer(_coverage, 1),
)
