"""Corrections of a network to simple predictions, judged by what was true: what is kept of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sksequence._tasks._task import Rows

Floats = NDArray[np.float64]

# Rows below which nothing is decided
_FEWEST_ROWS = 4
# Standard errors from which a gain counts in full
_CERTAIN = 3.0
# Fractions of the naive error from which a gain begins to count, and from which it counts in full,
# where windows overlap so much that few of them have no small standard error
_LARGE_GAINS = 0.3, 0.5
# Fraction of the error of the mean above which a network may still learn noise, however certain its
# gain is
_SMALL_ERROR = 0.5


@dataclass(frozen=True)
class Corrections:
    """Corrections of rows that a network was not trained on, and the true ones.

    Attributes
    ----------
    true, predicted : ndarray of shape (n_rows, n_numbers)
        In units in which all rows count alike; missing true ones are NaN.
    units : ndarray of shape (n_rows, n_numbers)
        These units, in those of y; 0 where predictions are the simple ones.
    weights : ndarray of shape (n_rows,)
        Weights of the rows, which sum to 1.
    level : float or None
        Level of the pinball loss of quantiles; None for squared errors.
    horizon : int
        Number of consecutive rows whose errors are correlated.
    least : float
        Standard errors from which a gain begins to count.
    sources : ndarray of int of shape (n_rows,) or None
        Sequence of which each row is a step or a copy; None if all rows count.
    """

    true: Floats
    predicted: Floats
    units: Floats
    weights: Floats
    level: float | None = None
    horizon: int = 1
    least: float = 1.0
    sources: Rows | None = None

    def of_targets(self, n_targets: int) -> list[Corrections]:
        """Return the corrections of each target, in the rows where it is known.

        The numbers of a step are next to each other.
        """
        return [self._of_columns(slice(i, None, n_targets)) for i in range(n_targets)]

    def _of_columns(self, columns: slice) -> Corrections:
        true, predicted, units = (x[:, columns] for x in (self.true, self.predicted, self.units))
        is_known = ~np.isnan(true).all(axis=1)
        weights = self.weights[is_known]
        total = weights.sum()
        return replace(
            self,
            true=true[is_known],
            predicted=predicted[is_known],
            units=units[is_known],
            weights=weights / total if total > 0 else weights,
            sources=None if self.sources is None else self.sources[is_known],
        )

    def kept_fraction(self) -> float:
        """Return the fraction of the corrections to keep: more, the more certain their gain is.

        It is a part of all of them, or of the fraction with the smallest squared error, whichever
        is more. The part grows with the gain as the factor of James and Stein [1]_ does, and is all
        from three standard errors on. A few rows prove nothing, and all is kept.

        References
        ----------
        .. [1] James & Stein (1961), Estimation with Quadratic Loss, Berkeley Symposium on
           Mathematical Statistics and Probability.
        """
        if len(self.weights if self.sources is None else np.unique(self.sources)) < _FEWEST_ROWS:
            return 1.0
        # missing numbers have no part in either sum
        scales = np.where(np.isnan(self.true), 0.0, np.sqrt(self.weights)[:, None])
        true, predicted = np.nan_to_num(self.true) * scales, self.predicted * scales
        square = float((predicted**2).sum())
        best = float(np.clip((true * predicted).sum() / square, 0.0, 1.0)) if square > 0 else 1.0
        return max(self._certain_part(1.0), self._certain_part(best))

    def do_harm(self) -> bool:
        """Check whether none of them is kept, and all of them are certainly worse than none."""
        if self.kept_fraction() > 0.0:
            return False
        losses = self._errors(1.0) - self._errors(0.0)
        return float(self.weights @ losses) >= self.least * self._standard_error(losses)

    def _certain_part(self, fraction: float) -> float:
        simple_errors = self._errors(0.0)
        gains = simple_errors - self._errors(fraction)
        gain, part = float(self.weights @ gains), 0.0
        error = self.least * self._standard_error(gains)
        if gain > error:
            part = (1.0 - (error / gain) ** 2) / (1.0 - (self.least / _CERTAIN) ** 2)
        if self.horizon > 1 and gain > 0:
            relative = gain / float(self.weights @ simple_errors)
            part = max(part, float(np.interp(relative, _LARGE_GAINS, (0.0, 1.0))))
        return fraction * min(part, 1.0)

    def _standard_error(self, gains: Floats) -> float:
        """Return the standard error of the mean gain; the rows of a sequence count once."""
        if self.sources is None:
            return _standard_error(gains, self.weights, self.horizon)
        _, sources = np.unique(self.sources, return_inverse=True)
        weights = np.bincount(sources, self.weights).astype(np.float64)
        sums = np.bincount(sources, self.weights * gains)
        means = np.divide(sums, weights, out=np.zeros_like(weights), where=weights > 0)
        return _standard_error(means, weights, 1)

    def _errors(self, fraction: float) -> Floats:
        """Return the mean error of each row with a fraction of the corrections."""
        errors = self.true - fraction * self.predicted
        if self.level is None:
            return np.asarray(np.nanmean(errors**2, axis=1))
        return np.asarray(np.nanmean(np.maximum(self.level * errors, (self.level - 1) * errors), 1))

    def are_clearly_good(self) -> bool:
        """Check whether all are kept, and more training will not change that."""
        if self.kept_fraction() < 1.0:
            return False
        error, simple_error = (self.weights @ self._errors(fraction) for fraction in (1.0, 0.0))
        return bool(error <= _SMALL_ERROR * simple_error)

    def mean_absolute_error(self, fractions: Floats) -> float:
        """Return the mean absolute error in units of y with fractions of the targets' corrections.

        Rows of which nothing is known are left out.
        """
        of_numbers = np.resize(fractions, self.true.shape[1])
        errors = self.units * np.abs(self.true - of_numbers * self.predicted)
        is_known = ~np.isnan(errors).all(axis=1)
        weights = self.weights[is_known]
        return float(weights @ np.nanmean(errors[is_known], axis=1) / weights.sum())

    def kept_fractions(self, n_targets: int) -> Floats:
        """Return the fraction of the corrections to keep of each target."""
        return np.array([each.kept_fraction() for each in self.of_targets(n_targets)])


def _standard_error(gains: Floats, weights: Floats, horizon: int) -> float:
    """Return the standard error of the weighted mean of gains, as in a Diebold-Mariano test [1]_.

    Gains are correlated up to a lag of `horizon` windows; the weights of the lags are those of the
    Newey-West estimator [2]_. Few windows have the correction of [3]_.

    References
    ----------
    .. [1] Diebold & Mariano (1995), Comparing Predictive Accuracy, Journal of Business & Economic
       Statistics 13(3).
    .. [2] Newey & West (1987), A Simple, Positive Semi-Definite, Heteroskedasticity and
       Autocorrelation Consistent Covariance Matrix, Econometrica 55(3).
    .. [3] Harvey, Leybourne & Newbold (1997), Testing the Equality of Prediction Mean Squared
       Errors, International Journal of Forecasting 13(2).
    """
    parts = weights * (gains - weights @ gains)
    n, h = len(parts), min(horizon, max(len(parts) - 1, 1))
    variance = float(parts @ parts)
    for lag in range(1, h):
        variance += 2.0 * (1.0 - lag / horizon) * float(parts[lag:] @ parts[:-lag])
    correction = ((n - h) ** 2 + n - h) / n**2
    return float(np.sqrt(max(variance, 0.0) / correction)) if correction > 0 else np.inf
