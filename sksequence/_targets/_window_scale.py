"""Scale of targets that continue a window: the spread of the window itself."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# smallest spread, as a fraction of the one expected from the size of the values, so that a change
# after an almost constant window is not infinitely large
SMALLEST_SPREAD = 1e-2
# limit of differences in units of the spread
_LARGEST = 30.0
# fraction of the differences that are typical, and limit of all as a multiple of their mean
_SMALLER, _MOST_TYPICAL = 0.9, 4.0


class WindowScale:
    """Spread of windows, by which differences of targets to their forecast are divided.

    Rows hold the differences of one window, then the standard deviations of its target features, 0
    where they are constant, then their root mean squares. A constant window has no spread. If one
    changed in the training data, it gets the one expected from its size; otherwise constant windows
    are forecast as they are.

    Parameters
    ----------
    n_targets : int
        Number of target features.

    Attributes
    ----------
    ratio : ndarray of shape (n_targets,)
        Typical ratio of the standard deviation to the root mean square.
    typical : ndarray of shape (n_targets,)
        Typical standard deviation.
    changes : ndarray of bool of shape (n_targets,)
        Whether a constant feature changed.
    """

    def __init__(self, n_targets: int) -> None:
        self.n_targets = n_targets
        self.ratio = np.zeros(n_targets)
        self.typical = np.zeros(n_targets)
        self.changes = np.zeros(n_targets, dtype=bool)

    def fit(self, rows: Floats) -> Self:
        """Learn from the training rows."""
        differences, stds, sizes = self.parts(rows)
        steps = differences.reshape(len(rows), -1, self.n_targets)
        for j in range(self.n_targets):
            varied = stds[:, j] > 0
            of_constant = steps[~varied, :, j]
            self.changes[j] = np.any(of_constant[~np.isnan(of_constant)] != 0)
            logs = np.log(stds[varied, j])
            # without a window that varies, those that change have the spread of their changes
            self.ratio[j] = np.exp((logs - np.log(sizes[varied, j])).mean()) if varied.any() else 1
            self.typical[j] = (
                np.exp(logs.mean()) if varied.any() else np.nanmean(np.abs(steps[:, :, j]))
            )
        return self

    def parts(self, rows: Floats) -> tuple[Floats, Floats, Floats]:
        """Split rows into differences, standard deviations and root mean squares."""
        n = self.n_targets
        return rows[:, : -2 * n], rows[:, -2 * n : -n], rows[:, -n:]

    def spread(self, stds: Floats, sizes: Floats) -> Floats:
        """Return the spread of windows (n_rows, n_targets), 0 for those forecast as they are."""
        expected = np.where(sizes > 0, self.ratio * sizes, self.typical)
        varied = np.maximum(stds, SMALLEST_SPREAD * expected)
        return np.where(stds > 0, varied, np.where(self.changes, expected, 0.0))

    def of_numbers(self, stds: Floats, sizes: Floats, n_numbers: int) -> Floats:
        """Return the spread of all numbers of a row, (n_rows, n_numbers)."""
        return np.tile(self.spread(stds, sizes), (1, n_numbers // self.n_targets))

    def typical_differences(self, rows: Floats) -> Floats:
        """Return differences in units of the spread, from which their own scale is learnt.

        After windows that hardly vary they may be huge. They are limited to a multiple of the mean
        of the smaller ones.
        """
        relative = self.relative(rows)
        limit = _MOST_TYPICAL * np.array(
            [_mean_of_smaller(np.abs(column)) for column in relative.T]
        )
        return np.where(limit > 0, np.clip(relative, -limit, limit), relative)

    def relative(self, rows: Floats) -> Floats:
        """Return limited differences in units of the spread, 0 where there is none."""
        differences, stds, sizes = self.parts(rows)
        spread = self.of_numbers(stds, sizes, differences.shape[1])
        relative = np.divide(differences, spread, out=np.zeros_like(differences), where=spread > 0)
        return np.clip(relative, -_LARGEST, _LARGEST)


def _mean_of_smaller(sizes: Floats) -> float:
    """Return the mean of most of the sizes, the smaller ones; missing ones are left out."""
    present = np.sort(sizes[~np.isnan(sizes)])
    return float(present[: math.ceil(_SMALLER * len(present))].mean())
