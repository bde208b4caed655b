"""What the changes of series have come to be at each place in the season.

The value of the season before is one draw of what this season may bring. The changes of all seasons so far, smoothed
exponentially as seasonal factors are in Winters (1960), Forecasting Sales by Exponentially Weighted Moving Averages,
Management Science 6(3), tell more where seasons repeat themselves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# the weight of the latest of many seasons: a network has a quick memory and a slow one to choose from
_RATES = np.array([0.3, 0.1])

N_RATES = len(_RATES)


def smoothed_changes(x: Floats, season: int) -> Floats:
    """Return the smoothed change to each step of series of equal length (n_sequences, n_steps, n_features).

    Of shape (n_rates, n_sequences, n_steps, n_features).
    """
    n_steps = x.shape[1]
    changes = np.diff(x, axis=1, prepend=x[:, :1])
    smoothed = np.zeros((N_RATES, *x.shape))
    before = np.zeros((N_RATES, len(x), season, x.shape[2]))
    for first in range(0, n_steps, season):
        place = slice(first, min(first + season, n_steps))
        steps = np.arange(place.start, place.stop)[:, None]
        before = before[:, :, : len(steps)]
        before = smooth(before, changes[:, place], steps, season)
        smoothed[:, :, place] = before
    return smoothed


def smooth(before: Floats, changes: Floats, steps: NDArray[np.int64], season: int) -> Floats:
    """Go on from the smoothed changes of the season before, to the step of each number.

    Until a rate has seen as many seasons as it remembers, it is their mean: the first one weighs no more than others.
    """
    n_changes = np.maximum(1, (steps - 1) // season + 1)
    rates = _RATES.reshape(-1, *[1] * changes.ndim)
    weights: Floats = np.maximum(1 / n_changes, rates)
    return before + weights * (changes - before)
