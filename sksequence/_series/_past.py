"""State of series after their last step, updated as they continue."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences
from sksequence._series._reference import Reference, Steps, blocks_of_equal_length
from sksequence._series._seasonal import N_RATES, Floats, smooth, smoothed_changes


class _Following(NamedTuple):
    """What is known of the next step: base, values one season before, means of the last steps."""

    base: Floats
    lagged: list[Floats]
    means: list[Floats]


class Past:
    """State of series after their last step, updated as they continue.

    Parameters
    ----------
    reference : Reference
        Base and spread of values.
    values : list of ndarray of shape (n_rows, n_features)
        Values of the last season, the longest one, or of the last step without a season.
    errors : list of ndarray of shape (n_rows, n_features)
        Differences of these values to their base.
    changes : list of ndarray of shape (n_spans, n_rates, n_rows, n_features)
        Changes to these values from the means of the steps before, smoothed over seasons.
    counts : ndarray of shape (n_rows, 1)
        Number of steps.
    sums : ndarray of shape (3, n_rows, n_features)
        Sums of values, of absolute values, and of absolute errors after the first step.
    at_rest : ndarray of shape (n_rows, n_features)
        Mask of the features that are constant, whose next value is the last one.
    """

    def __init__(
        self,
        reference: Reference,
        values: list[Floats],
        errors: list[Floats],
        changes: list[Floats],
        counts: NDArray[np.int64],
        sums: Floats,
        at_rest: NDArray[np.bool_],
    ) -> None:
        self.reference = reference
        self._values, self._errors, self._changes = values, errors, changes
        self._counts, self._sums, self._at_rest = counts, sums, at_rest
        self._seasons, self._spans = reference.seasons, reference.spans
        self._following: _Following | None = None

    @classmethod
    def of(cls, reference: Reference, sequences: Sequences, values: Floats) -> Past:
        """Return the state of series at their end."""
        n_kept = reference.season or 1
        shape = (n_kept, len(sequences), reference.n_features)
        last_values = np.broadcast_to(reference.start, shape).copy()
        last_errors, sums = np.zeros(shape), np.zeros((3, *shape[1:]))
        last_changes = np.zeros((n_kept, len(reference.spans), N_RATES, *shape[1:]))
        at_rest = np.zeros(shape[1:], dtype=bool)
        for x, index in blocks_of_equal_length(sequences, values):
            errors = reference.errors_of(x)
            n = min(n_kept, x.shape[1])
            last_values[n_kept - n :, index] = np.moveaxis(x[:, x.shape[1] - n :], 1, 0)
            last_errors[n_kept - n :, index] = np.moveaxis(errors[:, x.shape[1] - n :], 1, 0)
            for i, span in enumerate(reference.spans):
                smoothed = smoothed_changes(x, n_kept, span)[:, :, x.shape[1] - n :]
                last_changes[n_kept - n :, i, :, index] = smoothed.transpose(1, 2, 0, 3)
            at_rest[index] = reference.at_rest(x)
            parts = x, np.abs(x), np.abs(errors[:, 1:])
            # in the order of time, as values are added one by one later
            sums[:, index] = [np.add.accumulate(part, axis=1)[:, -1:].sum(axis=1) for part in parts]
        last_steps = list(last_values), list(last_errors), list(last_changes)
        return cls(reference, *last_steps, sequences.lengths[:, None], sums, at_rest)

    def take(self, rows: NDArray[np.int64]) -> Past:
        """Return a copy of some rows; a row may be selected several times."""
        values, errors = ([x[rows] for x in kept] for kept in (self._values, self._errors))
        changes = [x[:, :, rows] for x in self._changes]
        counts, sums, at_rest = self._counts[rows], self._sums[:, rows], self._at_rest[rows]
        return Past(self.reference, values, errors, changes, counts, sums, at_rest)

    def put(self, rows: NDArray[np.int64], part: Past) -> None:
        """Replace some rows by those of another state."""
        for mine, others in ((self._values, part._values), (self._errors, part._errors)):
            for whole, piece in zip(mine, others, strict=True):
                whole[rows] = piece
        for whole, piece in zip(self._changes, part._changes, strict=True):
            whole[:, :, rows] = piece
        self._counts[rows], self._sums[:, rows] = part._counts, part._sums
        self._at_rest[rows] = part._at_rest
        self._following = None

    def rest(self, is_constant: NDArray[np.bool_]) -> None:
        """Find the features at rest among those that have had one value only."""
        self._at_rest = self.reference.rests(is_constant, self._counts)

    def next(self) -> Steps:
        """Return base, spread and inputs of the next step."""
        reference, counts = self.reference, self._counts
        base, lagged, means = self._known_of_next()
        last, last_error = self._values[-1], self._errors[-1]
        seasonal_error, smoothed = last_error, []
        if reference.season is not None:
            long_enough = counts >= 2 * reference.season
            seasonal_error = np.where(long_enough, self._errors[-reference.season], 0.0)
            changes = self._changes[-reference.season]
            smoothed = [mean + change for mean, change in zip(means, changes, strict=True)]
        sums = self._sums[1], self._sums[2]
        steps = reference.steps(
            counts, base, last, sums, (last_error, seasonal_error), lagged, smoothed
        )
        if not self._at_rest.any():
            return steps
        return steps._replace(
            base=np.where(self._at_rest, last, steps.base),
            spread=np.where(self._at_rest, 0.0, steps.spread),
        )

    def _known_of_next(self) -> _Following:
        """Return what is known of the next step, computed once per step."""
        if self._following is None:
            last, longer = self._values[-1], self._spans[1:]
            lagged = [self._values[-season] for season in self._seasons]
            base = self.reference.base(self._counts, last, lagged, self._sums[0])
            means = [last, *(np.mean(self._values[-span:], axis=0) for span in longer)]
            self._following = _Following(base, lagged, means)
        return self._following

    def append(self, values: Floats) -> None:
        """Add the values of one step, of shape (n_rows, n_features)."""
        season, counts = self.reference.season, self._counts
        base, _, means = self._known_of_next()
        if season is not None:
            before = zip(self._changes[-season], self._spans, means, strict=True)
            changes = [
                smooth(old, np.where(counts >= span, values - mean, 0.0), counts, season, span)
                for old, span, mean in before
            ]
            self._changes = [*self._changes[1:], np.array(changes)]
        error = self.reference.errors(values, base, counts)
        added = np.empty_like(self._sums)
        added[0] = values
        np.abs(values, out=added[1])
        added[2] = np.where(counts > 0, np.abs(error), 0.0)
        self._sums = self._sums + added
        self._values = [*self._values[1:], values]
        self._errors = [*self._errors[1:], error]
        self._counts = counts + 1
        self._following = None
