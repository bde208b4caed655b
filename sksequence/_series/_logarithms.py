"""Logarithms of positive series with several seasons.

Many such series grow by factors: their seasons and their noise are as large as their level. Their
logarithms have additive seasons and noise of one size [1]_, so that they are read, and distributed,
as the logarithms of other series would be. A series is read so as long as all its values are
positive: each step depends on those before it only.

References
----------
.. [1] Box & Cox (1964), An Analysis of Transformations, Journal of the Royal Statistical Society B
   26(2).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sksequence._series._seasonal import Floats

Mask = NDArray[np.bool_]

# smaller values count as 0, so that logarithms have a positive spread
_SMALLEST = 1e-100
# largest change of a logarithm from its base: samples are finite, and the first value of a positive
# series that is not positive is not infinitely far away
_LARGEST_CHANGE = 5.0


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


def transformed(x: Floats, base: Floats, in_logs: Mask | bool) -> tuple[Floats, Floats]:
    """Return values as they are read, and the logs of the derivatives of this function of them.

    A value that is not positive counts as one far below the base.
    """
    logs = np.log(np.maximum(x, _SMALLEST))
    read = np.where(are_positive(x), logs, base - _LARGEST_CHANGE)
    return np.where(in_logs, read, x), np.where(in_logs, -read, 0.0)


def restored(base: Floats, changes: Floats, in_logs: Mask | bool) -> Floats:
    """Return values from their base and the changes from it, both as they are read."""
    if in_logs is False:
        return base + changes
    limited = np.minimum(np.maximum(changes, -_LARGEST_CHANGE), _LARGEST_CHANGE)
    if in_logs is True:
        return np.exp(base + limited)
    logs = np.where(in_logs, base + limited, 0.0)
    return np.where(in_logs, np.exp(logs), base + changes)
