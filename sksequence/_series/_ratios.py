"""Inputs and spreads of positive series with several seasons, from ratios instead of differences.

Many such series grow by factors: their seasons and their noise are as large as their level. Changes
of logarithms are ratios, and a forecast by one of them is the base multiplied by it [1]_. Values,
base and forecasts stay in the units of X, and a series is read so as long as all its values are
positive: each step depends on those before it only.

References
----------
.. [1] Hyndman, Koehler, Ord & Snyder (2008), Forecasting with Exponential Smoothing, chapter 2, for
   multiplicative seasons and errors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sksequence._series._seasonal import Floats

Mask = NDArray[np.bool_]

# changes of logarithms are limited, so that ratios are finite
_LARGEST_CHANGE = 5.0
# smaller values count as 0, so that their spread is positive
_SMALLEST = 1e-100


class Ratios(NamedTuple):
    """Changes of logarithms before each step.

    Attributes
    ----------
    changes : ndarray of shape (n_candidates, ..., n_features)
        Candidates for the change from the base.
    spread : ndarray of shape (..., n_features)
        Mean absolute change so far.
    level : ndarray of shape (..., n_features)
        Mean of the logarithms of the shortest season before the step.
    is_positive : ndarray of shape (..., n_features) or bool
        Mask of the series that have been positive for a season and from their start; a bool if it
        holds for all.
    """

    changes: Floats
    spread: Floats
    level: Floats
    is_positive: Mask | bool

    def inputs(self, base: Floats, spread: Floats, candidates: Floats) -> tuple[Floats, Floats]:
        """Return spread and inputs of steps, those that are given where a series is not positive.

        The spread is that of the changes, at the level of the last season.
        """
        sizes = where(self.is_positive, self.spread * np.exp(self.level), spread)
        changes = np.minimum(np.maximum(self.changes, -_LARGEST_CHANGE), _LARGEST_CHANGE)
        ratios = np.expm1(changes) * base / sizes
        return sizes, where(self.is_positive, ratios, candidates)


def where(condition: bool | Mask, chosen: Floats, other: Floats | None = None) -> Floats:
    """Choose as numpy does, but without a copy if the condition is that of all rows.

    Without another array, numbers that are not chosen are 0.
    """
    if not isinstance(condition, bool):
        return np.where(condition, chosen, 0.0 if other is None else other)
    if condition:
        return chosen
    return np.zeros(chosen.shape) if other is None else other


def are_positive(x: Floats) -> Mask:
    """Check which values are positive."""
    return np.asarray(x > _SMALLEST)


def logarithms(x: Floats, is_positive: Mask | bool | None = None) -> Floats:
    """Return the logarithms of positive values, and 0 for others."""
    if is_positive is None:
        is_positive = are_positive(x)
    return np.log(x if is_positive is True else np.where(is_positive, x, 1.0))


def positive_before(x: Floats) -> Mask:
    """Check which features of series are positive at all steps before each, and at the end.

    `x` has the shape (n_sequences, n_steps, n_features).
    """
    is_positive = np.ones((len(x), x.shape[1] + 1, x.shape[2]), dtype=bool)
    np.logical_and.accumulate(are_positive(x), axis=1, out=is_positive[:, 1:])
    return is_positive
