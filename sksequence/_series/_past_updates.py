"""Updates of the state of series by one step, for all rows at once; compiled in `_kernels`.

The arguments are those of `sksequence._kernels._past_loops`, which has the same bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sksequence._series._seasonal import N_RATES, Floats, mean_of, smooth

Counts = NDArray[np.int64]


def fill_means(values: Floats, end: int, spans: Counts, means: Floats) -> None:
    """Write the means of the last steps, for each of `spans`."""
    for mean, span in zip(means, spans.tolist(), strict=True):
        mean[:] = values[end - 1] if span == 1 else mean_of(values[end - span : end])


def fill_candidates(
    values: Floats,
    differences: Floats,
    end: int,
    seasons: Counts,
    means: Floats,
    candidates: Floats,
) -> None:
    """Write what the next step may be like, as `Reference.steps` reads it."""
    candidates[0] = differences[end - 1, 0]
    if len(seasons):
        before, n_lags = differences[end - seasons[-1]], 2 + len(seasons)
        candidates[1], candidates[2] = values[end - 1], before[0]
        candidates[3:n_lags] = values[end - seasons[:-1]]
        candidates[n_lags:] = (means[:, None] + _by_span(before)).reshape(candidates[n_lags:].shape)


def add_differences(
    error: Floats,
    means: Floats,
    weights: Floats,
    season: int,
    end: int,
    values: Floats,
    differences: Floats,
    sums: Floats,
) -> None:
    """Write the differences of the values at `end`, and the sums up to them."""
    x = values[end]
    differences[end, 0] = error
    sums[0] += x
    sums[1] += np.abs(x)
    sums[2] += np.abs(error)
    before, changes = _by_span(differences[end - season]), x - means[:, None]
    smoothed = smooth(before, changes, weights)
    differences[end, 1:] = smoothed.reshape(-1, *x.shape)


def _by_span(differences: Floats) -> Floats:
    """Return the smoothed changes (n_spans, n_rates, n_rows, n_features) of a step."""
    return differences[1:].reshape(-1, N_RATES, *differences.shape[1:])
