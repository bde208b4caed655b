"""Windows that overlap: by how many steps they are shifted, and the series they are cut from."""

from __future__ import annotations

import numpy as np

from sksequence._batching import Sequences, offsets_of
from sksequence._tasks._task import Rows


def joined_windows(sequences: Sequences) -> Sequences:
    """Return the numbers of the series that windows are cut from, in the order of time.

    A window continues the one before it if it begins with steps of it. Windows that do not overlap
    are series of their own.
    """
    assert sequences.values is not None
    lengths, ends = sequences.lengths, sequences.offsets[1:]
    shifts = shifts_of_windows(sequences, np.arange(len(sequences)))
    n_new = np.r_[lengths[:1], np.where(shifts < 0, lengths[1:], shifts)]
    steps = np.repeat(ends - np.cumsum(n_new), n_new) + np.arange(n_new.sum())
    starts = np.r_[0, np.flatnonzero(shifts < 0) + 1]
    return Sequences(sequences.values[steps], offsets_of(np.add.reduceat(n_new, starts)))


def shifts_of_windows(sequences: Sequences, rows: Rows) -> Rows:
    """Return by how many steps each window begins after the one before, of shape (n_rows - 1,).

    0 stands for the same window again, and -1 for one of another series.
    """
    shifts = np.full(max(len(rows) - 1, 0), -1)
    n_steps = int(sequences.lengths[rows[0]])
    if (sequences.lengths[rows] != n_steps).any():
        return shifts
    starts = sequences.offsets[rows]
    for shift in range(n_steps - 1):
        open_pairs = np.flatnonzero(shifts < 0)
        if not len(open_pairs):
            break
        earlier, later = starts[open_pairs] + shift, starts[open_pairs + 1]
        n_shared = n_steps - shift
        for step in {0, n_shared // 2, n_shared - 1}:  # most pairs differ in the first of them
            is_same = np.ones(len(open_pairs), dtype=bool)
            for block in sequences.blocks:
                is_same &= (block[earlier + step] == block[later + step]).all(axis=1)
            open_pairs, earlier, later = open_pairs[is_same], earlier[is_same], later[is_same]
        shifts[open_pairs] = shift
    return shifts
