"""Metrics for predicted quantiles, prediction intervals and sample paths."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sksequence._settings import as_floats

Floats = NDArray[np.float64]


def pinball_loss(
    y_true: ArrayLike,
    y_quantiles: ArrayLike,
    *,
    quantiles: ArrayLike,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute the mean pinball loss of predicted quantiles, over all their levels.

    The loss of a level is smallest, on average, for the true quantile of this level [1]_. The mean
    over many levels, times two, approximates the `continuous_ranked_probability_score`.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
        The true values.
    y_quantiles : array-like of shape (n_quantiles, n_samples) or \
(n_quantiles, n_samples, n_outputs)
        The predicted quantiles, as ``predict(X, quantiles=quantiles)`` returns them.
    quantiles : array-like of float of shape (n_quantiles,)
        Levels of the quantiles, each above 0 and below 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Sample weights. None weights all samples equally.

    Returns
    -------
    loss : float
        Non-negative loss in units of y; the best value is 0.

    Raises
    ------
    ValueError
        If the shapes do not match, if values are missing or infinite, or if a level is out of
        range.

    References
    ----------
    .. [1] R. Koenker, G. Bassett (1978). "Regression Quantiles". Econometrica 46 (1),
       33-50.

    Examples
    --------
    >>> from sksequence.metrics import pinball_loss
    >>> round(pinball_loss([1.0, 3.0], [[0.0, 2.0], [2.0, 2.0]], quantiles=[0.1, 0.9]), 3)
    0.3
    """
    levels = as_floats("quantiles", quantiles)
    if levels.ndim != 1 or not levels.size or not np.all((levels > 0) & (levels < 1)):
        raise ValueError(f"quantiles must be a list of levels above 0 and below 1; got {levels!r}.")
    true, predicted = _finite("y_true", y_true), _finite("y_quantiles", y_quantiles)
    if predicted.shape != (len(levels), *true.shape):
        raise ValueError(
            f"y_quantiles has shape {predicted.shape}; expected {(len(levels), *true.shape)}, one "
            f"array of the shape of y_true for each of the {len(levels)} quantiles."
        )
    alpha = levels.reshape(-1, *(1,) * true.ndim)
    above = true - predicted
    return _weighted_mean(
        np.maximum(alpha * above, (alpha - 1) * above).mean(axis=0), sample_weight
    )


def continuous_ranked_probability_score(
    y_true: ArrayLike, y_samples: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Compute the mean continuous ranked probability score (CRPS) of samples of a distribution.

    The score is the mean absolute error of the samples minus half of their mean absolute difference
    from each other [1]_. For a single sample it is the absolute error.

    Parameters
    ----------
    y_true : array-like of shape (n_sequences,) or (n_sequences, horizon[, n_features])
        The true values.
    y_samples : array-like of shape (n_sequences, n_samples[, horizon[, n_features]])
        Samples of the distributions, such as the `paths` of a forecast. The second axis is that of
        the samples.
    sample_weight : array-like of shape (n_sequences,), default=None
        Weight of each sequence. None weights all sequences equally.

    Returns
    -------
    score : float
        Non-negative error in units of y; the best value is 0.

    Raises
    ------
    ValueError
        If the shapes do not match, or if values are missing or infinite.

    References
    ----------
    .. [1] T. Gneiting, A. E. Raftery (2007). "Strictly Proper Scoring Rules, Prediction, and
       Estimation". Journal of the American Statistical Association 102 (477), 359-378.

    Examples
    --------
    >>> from sksequence.metrics import continuous_ranked_probability_score
    >>> continuous_ranked_probability_score([1.0], [[0.0, 2.0]])
    0.5
    """
    true, samples = _finite("y_true", y_true), _finite("y_samples", y_samples)
    expected = (*true.shape[:1], samples.shape[1] if samples.ndim > 1 else 0, *true.shape[1:])
    if samples.shape != expected or not samples.size:
        raise ValueError(
            f"y_samples has shape {samples.shape}, y_true has {true.shape}; expected an additional "
            "axis of samples after the first one."
        )
    n_samples = samples.shape[1]
    ranked = np.sort(samples, axis=1)
    ranks = np.arange(1 - n_samples, n_samples, 2).reshape(-1, *(1,) * (true.ndim - 1))
    # half of the mean absolute difference of all pairs
    spread = (ranks * ranked).sum(axis=1) / n_samples**2
    errors = np.abs(ranked - true[:, None]).mean(axis=1)
    return _weighted_mean(errors - spread, sample_weight)


def interval_score(
    y_true: ArrayLike,
    y_lower: ArrayLike,
    y_upper: ArrayLike,
    *,
    level: float,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute the mean interval score (Winkler score) of central prediction intervals.

    The score is the width of an interval, plus a penalty for a value outside of it, which is
    ``2 / (1 - level)`` times its distance [1]_.

    Parameters
    ----------
    y_true : array-like of any shape
        The true values.
    y_lower, y_upper : array-like of the same shape as `y_true`
        The ends of the intervals.
    level : float
        Nominal coverage of the intervals, above 0 and below 1, such as 0.8 for the interval from
        the quantile 0.1 to the quantile 0.9.
    sample_weight : array-like of shape (n_samples,), default=None
        Sample weights. None weights all samples equally.

    Returns
    -------
    score : float
        Non-negative score in units of y; lower is better.

    Raises
    ------
    ValueError
        If the shapes do not match, if values are missing or infinite, or if `level` is out of
        range.

    References
    ----------
    .. [1] R. L. Winkler (1972). "A Decision-Theoretic Approach to Interval Estimation". Journal of
       the American Statistical Association 67 (337), 187-191.

    Examples
    --------
    >>> from sksequence.metrics import interval_score
    >>> round(interval_score([1.0, 3.0], [0.0, 0.0], [2.0, 2.0], level=0.8), 3)
    7.0
    """
    if not 0 < level < 1:
        raise ValueError(
            f"level must be above 0 and below 1, such as 0.8 for intervals that should hold 80 % "
            f"of the values; got {level!r}."
        )
    true, lower, upper = _intervals(y_true, y_lower, y_upper)
    outside = np.maximum(lower - true, 0) + np.maximum(true - upper, 0)
    return _weighted_mean(upper - lower + 2 / (1 - level) * outside, sample_weight)


def interval_coverage(
    y_true: ArrayLike,
    y_lower: ArrayLike,
    y_upper: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute the fraction of values within their prediction intervals, ends included.

    Parameters
    ----------
    y_true : array-like of any shape
        The true values.
    y_lower, y_upper : array-like of the same shape as `y_true`
        The ends of the intervals.
    sample_weight : array-like of shape (n_samples,), default=None
        Sample weights. None weights all samples equally.

    Returns
    -------
    coverage : float
        Fraction between 0 and 1; the best value is the nominal coverage of the intervals.

    Raises
    ------
    ValueError
        If the shapes do not match, or if values are missing or infinite.

    Examples
    --------
    >>> from sksequence.metrics import interval_coverage
    >>> interval_coverage([1.0, 3.0], [0.0, 0.0], [2.0, 2.0])
    0.5
    """
    true, lower, upper = _intervals(y_true, y_lower, y_upper)
    return _weighted_mean(((lower <= true) & (true <= upper)).astype(np.float64), sample_weight)


def _intervals(
    y_true: ArrayLike, y_lower: ArrayLike, y_upper: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    true = _finite("y_true", y_true)
    lower, upper = _finite("y_lower", y_lower), _finite("y_upper", y_upper)
    if not true.shape == lower.shape == upper.shape:
        raise ValueError(
            f"y_true has shape {true.shape}, y_lower has {lower.shape}, y_upper has {upper.shape}; "
            "pass arrays of the same shape."
        )
    return true, lower, upper


def _finite(name: str, values: ArrayLike) -> Floats:
    """Return numbers as an array of at least one dimension."""
    numbers = np.atleast_1d(as_floats(name, values))
    if not numbers.size or not np.isfinite(numbers).all():
        what = "missing or infinite values" if numbers.size else "no values"
        raise ValueError(f"{name} has {what}; pass finite numbers only.")
    return numbers


def _weighted_mean(losses: Floats, sample_weight: ArrayLike | None) -> float:
    """Return the mean of losses (n_samples, ...) with a weight per sample."""
    of_samples = losses.reshape(len(losses), -1).mean(axis=1)
    if sample_weight is None:
        return float(of_samples.mean())
    weights = _finite("sample_weight", sample_weight)
    if weights.shape != of_samples.shape or weights.sum() <= 0:
        raise ValueError(
            f"sample_weight has shape {weights.shape} and the sum {weights.sum():g}; expected "
            f"{of_samples.shape}, one weight per sample, and a positive sum."
        )
    return float(np.average(of_samples, weights=weights))
