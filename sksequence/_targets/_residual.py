"""The naive forecast that a residual network corrects: the last value, or the last season, repeated."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences


def repeat_forecast(
    sequences: Sequences, residual: str | int, n_outputs: int
) -> NDArray[np.float64]:
    """Repeat the last value ("last") or the last `residual` values over the horizon.

    Parameters
    ----------
    sequences : Sequences
        Windows of numbers.
    residual : "last" or int
        What is repeated; an int is the length of a season in steps.
    n_outputs : int
        Horizon times features: for each step of the horizon, all features.

    Returns
    -------
    ndarray of shape (n_sequences, n_outputs)
    """
    season = 1 if residual == "last" else int(residual)
    values = _numbers(sequences, season, residual)
    n_features = values.shape[1]
    if n_outputs % n_features:
        raise ValueError(
            f"residual={residual!r} needs a y of (n, horizon x features), every feature of X at every step of the "
            f"horizon; y has {n_outputs} columns and X {n_features} features. Set residual=None, or give X the "
            "features of y only."
        )
    horizon = n_outputs // n_features
    back = season - np.arange(horizon) % season  # steps before the end
    rows = sequences.offsets[1:, None] - back
    return np.asarray(values[rows].reshape(len(sequences), n_outputs), dtype=np.float64)


def _numbers(sequences: Sequences, season: int, residual: str | int) -> NDArray[Any]:
    if sequences.values is None:
        raise ValueError(
            f"residual={residual!r} adds to the last numbers of a sequence; X holds symbols. Set residual=None."
        )
    short = np.flatnonzero(sequences.lengths < season)
    if len(short):
        i = int(short[0])
        raise ValueError(
            f"residual={residual!r} needs windows of at least {season} steps; sequence {i} has "
            f"{sequences.lengths[i]}. Make longer windows or choose a shorter season."
        )
    return sequences.values
