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
    changes : ndarray of shape (..., n_columns)
        Candidates for the change from the base, for each feature of each input.
    spread : ndarray of shape (..., n_features)
        Mean absolute change so far.
    level : ndarray of shape (..., n_features)
        Mean of the logarithms of the shortest season before the step.
    is_positive : ndarray of shape (..., n_features)
        Mask of the series that have been positive for a season and from their start.
    """

    changes: Floats
    spread: Floats
    level: Floats
    is_positive: Mask

    def inputs(self, base: Floats, spread: Floats, columns: Floats) -> tuple[Floats, Floats]:
        """Return spread and inputs of steps, those that are given where a series is not positive.

        The spread is that of the changes, at the level of the last season.
        """
        sizes = np.where(self.is_positive, self.spread * np.exp(self.level), spread)
        changes = np.clip(self.changes, -_LARGEST_CHANGE, _LARGEST_CHANGE)
        n = columns.shape[-1] // base.shape[-1]
        ratios = np.expm1(changes) * _repeat(base, n) / _repeat(sizes, n)
        return sizes, np.where(_repeat(self.is_positive, n), ratios, columns)


def _repeat(x: NDArray[np.generic], n: int) -> NDArray[np.generic]:
    return np.concatenate([x] * n, axis=-1)


def are_positive(x: Floats) -> Mask:
    """Check which values are positive."""
    return np.asarray(x > _SMALLEST)


def logarithms(x: Floats) -> Floats:
    """Return the logarithms of positive values, and 0 for others."""
    return np.log(np.where(are_positive(x), x, 1.0))


def positive_before(x: Floats) -> Mask:
    """Check which features of series are positive at all steps before each, and at the end.

    `x` has the shape (n_sequences, n_steps, n_features).
    """
    is_positive = np.ones((len(x), x.shape[1] + 1, x.shape[2]), dtype=bool)
    np.logical_and.accumulate(are_positive(x), axis=1, out=is_positive[:, 1:])
    return is_positive
