"""Which rows a fit sees, in which order, and which it holds out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import _check_sample_weight

from sksequence._batching import (
    Sequences,
    content_digests,
    content_order,
    expand_weights,
    flat_rows,
    held_out_rows,
)

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class TargetRows:
    """y as plain numbers, before any scale is learnt.

    Attributes
    ----------
    codec : object
        Knows what the numbers mean.
    parsed : ndarray of shape (n_sequences, ...) or (sum of n_steps, ...)
        One row a target; rows without one hold a filler.
    labelled : ndarray of bool
        Which rows have a target.
    container : str or None
        Of per-step targets; None means one target a sequence.
    may_overlap : bool
        Whether neighbouring sequences may be windows of one series; pieces that we cut ourselves are none.
    """

    codec: Any
    parsed: NDArray[Any]
    labelled: NDArray[np.bool_]
    container: Any
    may_overlap: bool = True

    def take(self, rows: Rows, offsets: Rows) -> NDArray[Any]:
        """Return the labelled targets of the sequences in `rows`."""
        if self.container is not None:
            rows = flat_rows(offsets[rows], np.diff(offsets)[rows])
        return self.parsed[rows][self.labelled[rows]]

    def has_target(self, sequences: Sequences) -> NDArray[np.bool_]:
        """Tell for each sequence whether it has a target, or at least one labelled step."""
        if self.container is None:
            return self.labelled
        return np.logical_or.reduceat(self.labelled, sequences.offsets[:-1])


@dataclass(frozen=True)
class RowPlan:
    """Rows to train on and to judge by, with the weights that are left after expansion."""

    training: Rows
    validation: Rows
    weights: NDArray[np.float64]


def check_weights(sample_weight: Any, n_sequences: int) -> NDArray[np.float64] | None:
    """Check that weights are finite, not negative, not all zero, one a sequence."""
    if sample_weight is None:
        return None
    return np.asarray(
        _check_sample_weight(
            sample_weight, np.empty((n_sequences, 1)), dtype=np.float64, ensure_non_negative=True
        )
    )


def plan_rows(
    sequences: Sequences,
    targets: TargetRows,
    weights: NDArray[np.float64] | None,
    *,
    ordered: bool,
    validation_fraction: float,
    validation_split: str,
    seed: int,
) -> RowPlan:
    """Expand weights, order rows by content unless the given order counts, and split off the validation part.

    Parameters
    ----------
    ordered : bool
        Keep the given order.
    validation_fraction : float
        0 for none.
    validation_split : {"random", "last"}
        By a seeded hash of content, or the last rows, with a gap where windows overlap.
    """
    rows, left = expand_weights(weights, len(sequences))
    plain = np.broadcast_to(1.0, len(sequences)) if left is None else left
    if ordered and (not validation_fraction or validation_split == "last"):
        training, validation = _last_part(sequences, rows, validation_fraction, targets)
        _check_parts(training, validation, validation_fraction, targets.has_target(sequences))
        return RowPlan(training, validation, plain)
    digests = content_digests(sequences, targets.parsed, left)
    if validation_split == "last":
        training, validation = _last_part(sequences, rows, validation_fraction, targets)
    else:
        training, validation = _random_part(digests, targets, rows, validation_fraction, seed)
    _check_parts(training, validation, validation_fraction, targets.has_target(sequences))
    if not ordered:
        training, validation = (p[content_order(digests[p])] for p in (training, validation))
    return RowPlan(training, validation, plain)


def _random_part(
    digests: Any, targets: TargetRows, rows: Rows, fraction: float, seed: int
) -> tuple[Rows, Rows]:
    if not fraction:
        return rows, rows[:0]
    held_out = held_out_rows(digests, _strata(targets, len(digests)), fraction, seed)[rows]
    return rows[~held_out], rows[held_out]


def _strata(targets: TargetRows, n_sequences: int) -> NDArray[np.int64]:
    """Labels are held out in equal shares; everything else is one group."""
    is_label = targets.container is None and targets.parsed.dtype.kind == "i"
    return targets.parsed if is_label else np.zeros(n_sequences, dtype=np.int64)


def _last_part(
    sequences: Sequences, rows: Rows, fraction: float, targets: TargetRows
) -> tuple[Rows, Rows]:
    """Hold out the last rows; rows before them whose windows reach into them are left out of both."""
    if not fraction:
        return rows, rows[:0]
    n_held_out = max(1, round(fraction * len(rows)))
    first = len(rows) - n_held_out
    gap = _overlap(sequences, rows, first, targets) if first > 0 and targets.may_overlap else 0
    return rows[: max(first - gap, 0)], rows[first:]


def _overlap(sequences: Sequences, rows: Rows, first: int, targets: TargetRows) -> int:
    """Count the rows before `first` whose window or target reaches into the windows from `first` on."""
    before, after = (block_of(sequences, rows[i]) for i in (first - 1, first))
    n_steps = len(after)
    shifts = (s for s in range(1, n_steps) if np.array_equal(before[s:], after[: len(before) - s]))
    shift = next(shifts, None) if len(before) == n_steps else None
    if shift is None or n_steps - shift < 2:
        return 0
    width = targets.parsed.shape[1] if targets.parsed.ndim > 1 else 1
    horizon = width if targets.container is None else 0
    return -(-(n_steps + horizon - 1) // shift) - 1


def block_of(sequences: Sequences, i: int) -> NDArray[Any]:
    """Return the steps of one sequence."""
    block = sequences.blocks[0]
    return block[sequences.offsets[i] : sequences.offsets[i + 1]]


def _check_parts(
    training: Rows, validation: Rows, fraction: float, has_target: NDArray[np.bool_]
) -> None:
    n_training, n_validation = has_target[training].sum(), has_target[validation].sum()
    if not fraction or (n_training and n_validation):
        return
    raise ValueError(
        f"early stopping needs labelled sequences to train on and to hold out; {n_training} would be for training and "
        f"{n_validation} for validation. Pass more sequences, change validation_fraction, or set early_stopping=False."
    )
