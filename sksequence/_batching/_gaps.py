"""Times between the steps of a sequence, which are the first column of its values if there are any.

The first step of a sequence has no gap. It has NaN as long as gaps are in the unit of the times,
and 1 when they are in units of their median, as the network reads them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sksequence._batching._offsets import flat_rows
from sksequence._batching._scaler import MAX_SCALED
from sksequence._batching._sequences import Sequences


def gaps_of(times: NDArray[np.number], offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the time since the previous step, of shape (sum of n_steps,)."""
    gaps = np.full(len(times), np.nan)
    gaps[1:] = np.diff(times)
    gaps[offsets[:-1][np.diff(offsets) > 0]] = np.nan
    return gaps


def learn_time_unit(sequences: Sequences, rows: NDArray[np.int64]) -> float:
    """Return the median of all gaps above 0 of the training rows; 1 if there are none."""
    assert sequences.values is not None
    steps = flat_rows(sequences.offsets[rows], sequences.lengths[rows])
    gaps = sequences.values[steps, 0]
    gaps = gaps[gaps > 0]
    return float(np.median(gaps)) if len(gaps) else 1.0


def in_units(gaps: NDArray[np.float64], unit: float) -> NDArray[np.float32]:
    """Return gaps in units of their median."""
    scaled = np.where(np.isnan(gaps), 1.0, gaps / unit)
    return np.minimum(scaled, MAX_SCALED).astype(np.float32)


def without_gaps(sequences: Sequences) -> Sequences | None:
    """Return the features of sequences whose first column are gaps; None if they have no others."""
    assert sequences.values is not None
    features = sequences.values[:, 1:]
    return Sequences(features, sequences.offsets) if features.shape[1] else None
