"""Which methods a regressor has depends on its loss."""

from __future__ import annotations

from typing import Any

from sksequence._targets import DensityReading, PointReading, reading_of


def has_quantiles(estimator: Any) -> bool:
    """Tell that an estimator predicts, or will predict, quantiles."""
    if isinstance(_reading(estimator), PointReading):
        raise AttributeError(
            f"this {type(estimator).__name__} with loss={estimator.loss!r} predicts one number for each of y. Set "
            "loss='quantile', 'gaussian' or 'student_t' and fit, to have quantiles."
        )
    return True


def has_densities(estimator: Any) -> bool:
    """Tell that an estimator predicts, or will predict, distributions."""
    if not isinstance(_reading(estimator), DensityReading):
        raise AttributeError(
            f"this {type(estimator).__name__} with loss={estimator.loss!r} predicts no standard deviation. Set "
            "loss='gaussian' or 'student_t' and fit, to have one."
        )
    return True


def _reading(estimator: Any) -> Any:
    """Return how the outputs are read, as it was fitted if it is."""
    if hasattr(estimator, "_model"):
        return estimator._model.codec.reading
    return reading_of(estimator.loss, ())
