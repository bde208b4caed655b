"""Marginal distribution of targets: what is known of y without X."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sksequence._targets._predictive_distributions import PredictiveDistribution

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MarginalDistribution:
    """Empirical distribution of the numbers of a target, on the scale of the outputs.

    Attributes
    ----------
    centre : ndarray of shape (n_numbers,)
        What the loss would predict without X: the mean, or a quantile.
    middle : ndarray of shape (n_numbers,)
        What the correction 0 of a naive forecast stands for: the median if the loss predicts
        quantiles, and the centre otherwise.
    std : ndarray of shape (n_numbers,)
        Standard deviations.
    levels : ndarray of shape (n_levels,)
        Increasing levels of quantiles.
    quantiles : ndarray of shape (n_levels, n_numbers)
        Quantiles at these levels.
    """

    centre: Floats
    middle: Floats
    std: Floats
    levels: Floats
    quantiles: Floats

    @classmethod
    def learn(cls, rows: Floats, weights: Floats, distribution: PredictiveDistribution) -> Self:
        """Learn from rows of numbers, NaN where one is missing, and from their weights."""
        levels, level = np.array(distribution.marginal_levels), distribution.centre_level
        means, stds, quantiles, centres = [], [], [], []
        for column in rows.T:
            is_known = ~np.isnan(column) & (weights > 0)
            numbers, own = column[is_known], weights[is_known]
            means.append(np.average(numbers, weights=own))
            stds.append(np.sqrt(np.average((numbers - means[-1]) ** 2, weights=own)))
            quantiles.append(_quantiles(numbers, own, levels))
            centres.append(_quantiles(numbers, own, np.array([level or 0.5, 0.5])))
        centre, middle = np.array(centres).T
        if level is None:
            centre = middle = np.array(means)
        return cls(centre, middle, np.array(stds), levels, np.array(quantiles).T)

    def quantiles_at(self, levels: tuple[float, ...]) -> Floats:
        """Return the quantiles (n_levels, 1, n_numbers), linear between those that are known."""
        columns = [np.interp(levels, self.levels, column) for column in self.quantiles.T]
        return np.stack(columns, axis=-1)[:, None]


def _quantiles(numbers: Floats, weights: Floats, levels: Floats) -> Floats:
    """Return quantiles, linear between numbers of equal weight."""
    if np.ptp(weights) == 0:
        return np.quantile(numbers, levels)
    return np.asarray(np.quantile(numbers, levels, weights=weights, method="inverted_cdf"))
