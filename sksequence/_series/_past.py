"""State of series after their last step, updated as they continue."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences
from sksequence._series._ratios import Mask, Ratios, are_positive, logarithms
from sksequence._series._reference import Ages, Reference, Steps, blocks_of_equal_length, where
from sksequence._series._seasonal import (
    N_RATES,
    Floats,
    mean_of,
    smooth,
    smoothed_changes,
    smoothing_weights,
)

# steps after which the values of the last season are moved to the front of their buffer
_SPARE = 64


# base of the next step, values one season before, and means (n_spans, n_rows, n_features) of the
# last steps
_Following = tuple[Floats, list[Floats], Floats]


class Past:
    """State of series after their last step, updated as they continue.

    Parameters
    ----------
    reference : Reference
        Base and spread of values.
    values : ndarray of shape (n_kept, n_rows, n_features)
        Values of the last season, the longest one, or of the last step without a season.
    errors : list of ndarray of shape (n_rows, n_features)
        Differences of these values to their base.
    changes : list of ndarray of shape (n_spans, n_rates, n_rows, n_features)
        Changes to these values from the means of the steps before, smoothed over seasons.
    counts : ndarray of shape (n_rows, 1)
        Number of steps.
    sums : sequence of ndarray of shape (n_rows, n_features)
        Sums of values, of absolute values, and of absolute errors after the first step.
    at_rest : ndarray of shape (n_rows, n_features)
        Mask of the features that are constant, whose next value is the last one.
    is_positive : ndarray of shape (n_rows, n_features)
        Mask of the features that have been positive from the start.
    logs : Past or None
        State of the logarithms, if the reference has one of them.
    """

    def __init__(
        self,
        reference: Reference,
        values: Floats,
        errors: list[Floats],
        changes: list[Floats],
        counts: NDArray[np.int64],
        sums: Sequence[Floats],
        at_rest: Mask,
        is_positive: Mask,
        logs: Past | None,
    ) -> None:
        self.reference = reference
        self._values, self._errors, self._changes = _LastValues(values), errors, changes
        self._counts, self._sums, self._at_rest = counts, sums, at_rest
        self._is_positive, self._logs = is_positive, logs
        self._season, self._seasons = reference.season, reference.seasons
        self._spans = reference.spans
        # of a season, those at which one more change is smoothed
        self._first_steps = {span % (reference.season or 1) for span in reference.spans}
        self._settle()

    def _settle(self) -> None:
        """Find what holds for all rows, which saves most of the time of a single row."""
        counts = self._counts
        self._following: _Following | None = None
        is_common = len(counts) > 0 and bool((counts == counts[0]).all())
        self._ages: Ages = int(counts[0, 0]) if is_common else counts
        self._is_any_at_rest = bool(self._at_rest.any())
        self._is_any_positive = bool(self._is_positive.any())
        self._weights: Floats | None = None

    @classmethod
    def of(cls, reference: Reference, sequences: Sequences, values: Floats) -> Past:
        """Return the state of series at their end."""
        n_kept = reference.season or 1
        shape = (n_kept, len(sequences), reference.n_features)
        last_values = np.broadcast_to(reference.start, shape).copy()
        last_errors, sums = np.zeros(shape), np.zeros((3, *shape[1:]))
        last_changes = np.zeros((n_kept, len(reference.spans), N_RATES, *shape[1:]))
        at_rest, is_positive = np.zeros(shape[1:], dtype=bool), np.ones(shape[1:], dtype=bool)
        for x, index in blocks_of_equal_length(sequences, values):
            errors = reference.errors_of(x)
            n = min(n_kept, x.shape[1])
            last_values[n_kept - n :, index] = np.moveaxis(x[:, x.shape[1] - n :], 1, 0)
            last_errors[n_kept - n :, index] = np.moveaxis(errors[:, x.shape[1] - n :], 1, 0)
            for i, span in enumerate(reference.spans):
                smoothed = smoothed_changes(x, n_kept, span)[:, :, x.shape[1] - n :]
                last_changes[n_kept - n :, i, :, index] = smoothed.transpose(1, 2, 0, 3)
            at_rest[index] = reference.at_rest(x)
            is_positive[index] = are_positive(x).all(axis=1)
            parts = x, np.abs(x), np.abs(errors[:, 1:])
            # in the order of time, as values are added one by one later
            sums[:, index] = [np.add.accumulate(part, axis=1)[:, -1:].sum(axis=1) for part in parts]
        last_steps = last_values, list(last_errors), list(last_changes)
        counts, logs = sequences.lengths[:, None], None
        if reference.logs is not None:
            logs = cls.of(reference.logs, sequences, logarithms(values))
        return cls(reference, *last_steps, counts, list(sums), at_rest, is_positive, logs)

    def take(self, rows: NDArray[np.int64]) -> Past:
        """Return a copy of some rows; a row may be selected several times."""
        values, errors = self._values.all[:, rows], [x[rows] for x in self._errors]
        changes = [x[:, :, rows] for x in self._changes]
        counts, at_rest = self._counts[rows], self._at_rest[rows]
        sums, is_positive = [x[rows] for x in self._sums], self._is_positive[rows]
        logs = None if self._logs is None else self._logs.take(rows)
        last_steps = values, errors, changes
        return Past(self.reference, *last_steps, counts, sums, at_rest, is_positive, logs)

    def put(self, rows: NDArray[np.int64], part: Past) -> None:
        """Replace some rows by those of another state."""
        self._values.all[:, rows] = part._values.all
        for mine, others in ((self._errors, part._errors), (self._sums, part._sums)):
            for whole, piece in zip(mine, others, strict=True):
                whole[rows] = piece
        for whole, piece in zip(self._changes, part._changes, strict=True):
            whole[:, :, rows] = piece
        self._counts[rows], self._at_rest[rows] = part._counts, part._at_rest
        self._is_positive[rows] = part._is_positive
        if self._logs is not None and part._logs is not None:
            self._logs.put(rows, part._logs)
        self._settle()

    def rest(self, is_constant: Mask) -> None:
        """Find the features at rest among those that have had one value only."""
        self._at_rest = self.reference.rests(is_constant, self._counts)
        self._is_any_at_rest = bool(self._at_rest.any())

    def next(self) -> Steps:
        """Return base, spread and inputs of the next step."""
        ages, season = self._ages, self._season
        base, lagged, means = self._known_of_next()
        last, last_error = self._values.at(1), self._errors[-1]
        seasonal_error, smoothed = last_error, means[:, None]
        if season is not None:
            seasonal_error = where(ages >= 2 * season, self._errors[-season])
            smoothed = smoothed + self._changes[-season]
        _, *sums = self._sums
        errors = last_error, seasonal_error
        ratios = None
        if self._logs is not None and self._is_any_positive:
            ratios = self._ratios(self._logs)
        steps = self.reference.steps(ages, base, last, sums, errors, lagged, smoothed, ratios)
        if not self._is_any_at_rest:
            return steps
        return steps._replace(
            base=np.where(self._at_rest, last, steps.base),
            spread=np.where(self._at_rest, 0.0, steps.spread),
        )

    def _ratios(self, logs: Past) -> Ratios:
        shortest = self._seasons[0]
        level = logs._known_of_next()[2][self._spans.index(shortest)]
        is_positive = self._is_positive & (self._ages >= shortest)
        return logs.reference.ratios(logs.next(), level, is_positive)

    def _known_of_next(self) -> _Following:
        """Return what is known of the next step, computed once per step."""
        if self._following is None:
            last = self._values.at(1)
            lagged = [self._values.at(season) for season in self._seasons]
            base = self.reference.base(self._ages, last, lagged, self._sums[0])
            means = np.empty((len(self._spans), *last.shape))
            for mean, span in zip(means, self._spans, strict=True):
                mean[...] = last if span == 1 else mean_of(self._values.last(span))
            self._following = base, lagged, means
        return self._following

    def append(self, values: Floats) -> None:
        """Add the values of one step, of shape (n_rows, n_features)."""
        base, _, means = self._known_of_next()
        if self._season is not None:
            changes = values - means
            if not isinstance(self._ages, int) or self._ages < self._spans[-1]:
                changes = np.where(self._ages >= self._column_of_spans[:, 0], changes, 0.0)
            before, weights = self._changes[-self._season], self._smoothing_weights()
            self._changes = [*self._changes[1:], smooth(before, changes[:, None], weights)]
        error = self.reference.errors(values, base, self._ages)
        added = values, np.abs(values), where(self._ages > 0, np.abs(error))
        self._sums = [total + part for total, part in zip(self._sums, added, strict=True)]
        self._values.append(values)
        self._errors = [*self._errors[1:], error]
        self._counts, self._ages = self._counts + 1, self._ages + 1
        # series that are not positive never become so again
        if self._logs is not None and self._is_any_positive:
            self._is_positive = self._is_positive & are_positive(values)
            self._is_any_positive = bool(self._is_positive.any())
            self._logs.append(logarithms(values))
        self._following = None

    def _smoothing_weights(self) -> Floats:
        """Return the weights of the changes of the next step, which seldom change for one row."""
        ages, season = self._ages, self._season
        assert season is not None
        is_new = not isinstance(ages, int) or ages % season in self._first_steps
        if self._weights is None or is_new:
            self._weights = smoothing_weights(ages, season, self._column_of_spans, 2)
        return self._weights

    @property
    def _column_of_spans(self) -> NDArray[np.int64]:
        return np.array(self._spans)[:, None, None, None]


class _LastValues:
    """The values of the last steps, next to each other in memory.

    Parameters
    ----------
    values : ndarray of shape (n_kept, n_rows, n_features)
        Values, in the order of time.
    """

    def __init__(self, values: Floats) -> None:
        self._n_kept = self._end = len(values)
        self._buffer = np.concatenate([values, np.empty((_SPARE, *values.shape[1:]))])

    @property
    def all(self) -> Floats:
        """A view of all values that are kept."""
        return self.last(self._n_kept)

    def last(self, n_steps: int) -> Floats:
        """Return a view of the values of the last steps."""
        return self._buffer[self._end - n_steps : self._end]

    def at(self, n_steps: int) -> Floats:
        """Return a view of the values a number of steps before the next one."""
        values: Floats = self._buffer[self._end - n_steps]
        return values

    def append(self, values: Floats) -> None:
        """Append the values of one step, and forget the first ones."""
        if self._end == len(self._buffer):
            self._buffer[: self._n_kept] = self.all
            self._end = self._n_kept
        self._buffer[self._end] = values
        self._end += 1
