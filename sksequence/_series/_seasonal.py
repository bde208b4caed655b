"""Seasonal changes of series, smoothed exponentially over the previous seasons.

The previous season is a single, noisy observation of the seasonal pattern. Smoothed changes, which
correspond to the seasonal factors of Winters (1960), Forecasting Sales by Exponentially Weighted
Moving Averages, Management Science 6(3), are more reliable. Changes from the mean of several steps,
such as the last day, hold less of the noise of the last one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# smoothing constants: the network can weigh a fast estimate against a slow one
_RATES = np.array([0.3, 0.1])

N_RATES = len(_RATES)


def smoothed_changes(x: Floats, season: int, span: int = 1) -> Floats:
    """Return the smoothed change from the mean of the `span` previous steps to each step.

    Parameters
    ----------
    x : ndarray of shape (n_sequences, n_steps, n_features)
        Series of equal length.
    season : int
        Number of steps in a season.
    span : int
        Number of steps in the mean.

    Returns
    -------
    smoothed : ndarray of shape (n_rates, n_sequences, n_steps, n_features)
        Smoothed changes.
    """
    n_steps = x.shape[1]
    changes = x - means_before(x, span)[:, :-1]
    smoothed = np.zeros((N_RATES, *x.shape))
    before = np.zeros((N_RATES, len(x), season, x.shape[2]))
    for first in range(0, n_steps, season):
        current = slice(first, min(first + season, n_steps))
        steps = np.arange(current.start, current.stop)[:, None]
        before = before[:, :, : len(steps)]
        weights = smoothing_weights(steps, season, span, changes.ndim)
        before = smooth(before, changes[:, current], weights)
        smoothed[:, :, current] = before
    return smoothed


def means_before(x: Floats, span: int) -> Floats:
    """Return the means of the `span` steps before each step, and before the one after them.

    They are 0 where there are fewer steps. Values are added in the order of time, so that the bits
    do not depend on the number of series.
    """
    means = np.zeros((len(x), x.shape[1] + 1, x.shape[2]))
    if x.shape[1] >= span:
        totals = means[:, span:]
        for first in range(span):
            totals += x[:, first : first + totals.shape[1]]
        totals /= span
    return means


def mean_of(steps: Floats) -> Floats:
    """Return the mean of steps on the first axis, with the bits of `means_before`."""
    return sum_of(steps) / len(steps)


def sum_of(parts: Floats) -> Floats:
    """Return the sum over the first axis, in its order whatever the size of the others."""
    # numpy adds the numbers of a single column in another order
    is_single = parts[0].size == 1
    return np.asarray(np.add.accumulate(parts)[-1] if is_single else np.add.reduce(parts))


def smoothing_weights(
    steps: NDArray[np.int64] | int, season: int, span: NDArray[np.int64] | int, n_axes: int
) -> Floats:
    """Return the weights of changes in the smoothed ones.

    In the first seasons the result is the mean of the changes, so that the first one does not
    dominate.

    Parameters
    ----------
    steps : int or ndarray of shape (..., 1)
        Numbers of the steps, counted from 0.
    season : int
        Number of steps in a season.
    span : int or ndarray
        Number of steps at the beginning without a change.
    n_axes : int
        Number of axes of the weights after that of the rates.

    Returns
    -------
    weights : ndarray of shape (..., n_rates, ..., 1)
        Weights.
    """
    n_changes = np.maximum(1, (steps - span) // season + 1)
    weights: Floats = np.maximum(1 / n_changes, _RATES.reshape(-1, *[1] * n_axes))
    return np.where(np.asarray(steps) >= span, weights, 0.0)


def smooth(before: Floats, changes: Floats, weights: Floats) -> Floats:
    """Update the smoothed changes `before` of the previous season with those of this season."""
    return before + weights * (changes - before)
