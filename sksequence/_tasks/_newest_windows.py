"""The newest windows of each series, on which a forecast can be judged."""

from __future__ import annotations

import numpy as np

from sksequence._batching import Sequences
from sksequence._tasks._overlapping_windows import shifts_of_windows
from sksequence._tasks._task import Rows

# fewer windows prove nothing, and neither do fewer horizons, for which more windows are taken
_FEWEST, _HORIZONS = 4, 3
_LARGEST_PART = 0.15
# of many windows up to a quarter are taken, as gains of a few per cent show in several hundred only
_MANY, _ENOUGH, _LARGEST_PART_OF_MANY = 1000, 500, 0.25


def newest_windows(
    sequences: Sequences, rows: Rows, horizon: int, fraction: float
) -> tuple[Rows, Rows]:
    """Split windows into older ones and the newest ones of each series.

    Consecutive windows belong to one series if the later one begins with steps of the earlier one.
    Otherwise, the last windows are taken for the newest ones. Windows whose targets reach into
    those of the newest ones are in neither part.

    Parameters
    ----------
    sequences : Sequences
        All windows.
    rows : ndarray of int
        The windows to split, in the order of time.
    horizon : int
        Number of steps in the target of a window.
    fraction : float
        Least fraction of the windows of each series to take as the newest ones. Up to 15 % are
        taken to get windows of three horizons, and up to a quarter of 1000 windows or more to get
        500 of them.

    Returns
    -------
    older, newest : ndarray of int
        Both empty if there are not enough windows for both.
    """
    shifts = shifts_of_windows(sequences, rows)
    starts = np.flatnonzero(shifts < 0) + 1
    if 2 * len(starts) > len(rows):  # they do not overlap
        starts, shifts = starts[:0], np.where(shifts == 0, 0, horizon)
    positions = np.r_[0, np.cumsum(np.maximum(shifts, 0))]
    series = list(zip(np.split(rows, starts), np.split(positions, starts), strict=True))
    distinct = [np.unique(at) for _, at in series]
    n_distinct = np.cumsum([len(at) for at in distinct])
    if n_distinct[-1] >= _MANY:
        fraction = max(fraction, min(_ENOUGH / n_distinct[-1], _LARGEST_PART_OF_MANY))
    shift = float(np.median(shifts[shifts > 0])) if (shifts > 0).any() else horizon
    of_horizons = min(_HORIZONS * horizon / shift / n_distinct[-1], _LARGEST_PART)
    fraction = max(fraction, of_horizons, min(_FEWEST / n_distinct[-1], 1.0))
    n_newest = np.diff(np.round(fraction * n_distinct).astype(int), prepend=0)
    older, newest = [], []
    for (windows, at), places, n in zip(series, distinct, n_newest, strict=True):
        first = places[-n] if n else at[-1] + horizon
        older.append(windows[at + horizon <= first])
        newest.append(windows[at >= first])
    parts = np.concatenate(older), np.concatenate(newest)
    return parts if min(map(len, parts)) >= _FEWEST else (rows[:0], rows[:0])
