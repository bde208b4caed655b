"""Series of numbers relative to their own past: what is taken off each value, and what it is divided by.

Both are functions of earlier values alone. So each value has a density in the units of X, a roll-out can go on from
any step, and series of very different size look alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, flat_rows
from sksequence._targets._seasonal import N_RATES, Floats, smooth, smoothed_changes

# a spread is at least this share of what is typical for values of that size: a jump of a constant is no infinity
_SMALLEST_SHARE = 1e-3


class Steps(NamedTuple):
    """The steps of series and, for each, what was known before it came.

    Attributes
    ----------
    base : ndarray of shape (..., n_features)
        What is taken off the value of a step.
    spread : ndarray of shape (..., n_features)
        What it is divided by then.
    columns : ndarray of shape (..., n_columns)
        What the network reads of the steps before, in units of the spread.
    marks : ndarray of shape (..., n_marks)
        Whether nothing, and whether no whole season, was before.
    """

    base: Floats
    spread: Floats
    columns: Floats
    marks: Floats


@dataclass(frozen=True)
class Reference:
    """What values are measured against.

    Attributes
    ----------
    lag : int or None
        Values are measured against the value so many steps before, the last one as long as there is none. None
        measures them against the mean, of the series so far where `own_scale`, else of all.
    own_scale : bool
        Whether differences are divided by the mean absolute difference of the series so far.
    start : ndarray of shape (n_features,)
        The mean of all values, which stands before the first one.
    start_spread : ndarray of shape (n_features,)
        Their mean absolute deviation.
    share : ndarray of shape (n_features,)
        The typical ratio of absolute differences to absolute values: the spread to expect when one value is known.
    """

    lag: int | None
    own_scale: bool
    start: Floats
    start_spread: Floats
    share: Floats

    @property
    def n_features(self) -> int:
        """Values of one step."""
        return len(self.start)

    @property
    def season(self) -> int | None:
        """The lag, if it is more than one step."""
        return None if self.lag in (None, 1) else self.lag

    @property
    def n_columns(self) -> int:
        """Columns of `Steps.columns`."""
        return self.n_features * (1 if self.season is None else 3 + N_RATES)

    @property
    def n_marks(self) -> int:
        """Columns of `Steps.marks`."""
        return 1 if self.season is None else 2

    @classmethod
    def learn(
        cls, sequences: Sequences, values: Floats, lag: int | None, *, own_scale: bool
    ) -> Reference:
        """Learn from series what to expect before any of their values are known."""
        start = _exact_mean(values)
        spread = _exact_mean(np.abs(values - start))
        spread[spread == 0] = 1.0
        plain = cls(lag, False, start, spread, np.ones(len(start)))
        own = replace(plain, own_scale=own_scale)
        return replace(own, share=_typical_share(plain, sequences, values)) if own_scale else own

    def follow(self, x: Floats) -> Steps:
        """Return the steps of series of equal length (n_sequences, n_steps, n_features), and the one after them."""
        n_sequences, n_steps, _ = x.shape
        before = self._before(x)
        base = self._base(before)
        errors = self.errors(x, base[:, :-1], np.arange(n_steps)[:, None])
        spread = self._spread(before, errors)
        step = np.arange(n_steps + 1)
        last, lagged = np.zeros_like(base), np.zeros_like(base)
        last[:, 1:] = errors
        changes = np.zeros((N_RATES if self.season else 0, *base.shape))
        if self.season is not None:
            # the error of the same season a year ago, measured against the year before that
            n_seasoned = max(0, n_steps + 1 - 2 * self.season)
            lagged[:, 2 * self.season :] = errors[:, self.season : self.season + n_seasoned]
            n_before = max(0, n_steps + 1 - self.season)
            changes[:, :, self.season :] = smoothed_changes(x, self.season)[:, :, :n_before]
        columns, marks = self.read(step, before, base, spread, last, lagged, changes)
        marks = np.broadcast_to(marks, (n_sequences, *marks.shape))
        return Steps(base, spread, columns, marks)

    def errors_of(self, x: Floats) -> Floats:
        """Return the differences of series of equal length to what their values are measured against."""
        base = self._base(self._before(x))
        return self.errors(x, base[:, :-1], np.arange(x.shape[1])[:, None])

    def errors(self, values: Floats, base: Floats, counts: NDArray[np.int64]) -> Floats:
        """Return differences to the base; with its own scale, the first value of a series is measured against nothing."""
        errors = values - base
        return np.where(counts > 0, errors, 0.0) if self.own_scale else errors

    def _before(self, x: Floats) -> Floats:
        """Put the start in front: the last value before each step, and before the one after them."""
        first = np.broadcast_to(self.start, (len(x), 1, self.n_features))
        return np.concatenate([first, x], axis=1)

    def _base(self, before: Floats) -> Floats:
        if self.lag is None:
            if not self.own_scale:
                return np.broadcast_to(self.start, before.shape).copy()
            means = before.copy()
            counts = np.arange(1, before.shape[1])[:, None]
            means[:, 1:] = np.cumsum(before[:, 1:], axis=1) / counts
            return means
        base = before.copy()
        n_seasoned = max(0, before.shape[1] - self.lag)
        base[:, self.lag :] = before[:, 1 : 1 + n_seasoned]
        return base

    def _spread(self, before: Floats, errors: Floats) -> Floats:
        spread = np.empty_like(before)
        spread[:] = self.start_spread if self.own_scale else 1.0
        if self.own_scale and errors.shape[1]:
            sizes = np.cumsum(np.abs(before[:, 1:]), axis=1)
            differences = np.cumsum(np.abs(errors), axis=1) - np.abs(errors[:, :1])
            counts = np.arange(1, before.shape[1])[:, None]
            spread[:, 1:] = self.spread_of(counts, sizes, differences)
        return spread

    def spread_of(self, counts: NDArray[np.int64], sizes: Floats, differences: Floats) -> Floats:
        """Return the mean absolute difference, the share expected of the mean absolute value being one of them."""
        expected = self.share * sizes / counts
        spread = np.maximum((expected + differences) / counts, _SMALLEST_SHARE * expected)
        return np.where(spread > 0, spread, self.start_spread)

    def read(
        self,
        step: NDArray[np.int64],
        before: Floats,
        base: Floats,
        spread: Floats,
        last: Floats,
        lagged: Floats,
        changes: Floats,
    ) -> tuple[Floats, Floats]:
        """Return the columns and marks of steps with these numbers."""
        marks = [step == 0]
        columns = [last / spread]
        if self.season is not None:
            marks.append(step < self.season)
            # the first step that has a change stands behind a step that has none
            changed = (step > self.season)[:, None]
            columns += [(before - base) / spread, lagged / spread]
            columns += [changed * (before + change - base) / spread for change in changes]
        return np.concatenate(columns, axis=-1), np.stack(marks, axis=-1).astype(np.float64)


def blocks_of_equal_length(
    sequences: Sequences, values: Floats
) -> Iterator[tuple[Floats, NDArray[np.int64]]]:
    """Return the values (n_sequences, n_steps, n_features) of all sequences of one length, and which these are."""
    for length in np.unique(sequences.lengths).tolist():
        index = np.flatnonzero(sequences.lengths == length)
        rows = flat_rows(sequences.offsets[index], sequences.lengths[index])
        yield values[rows].reshape(len(index), length, values.shape[1]), index


def _exact_mean(values: Floats) -> Floats:
    """Return the mean of each column, which the order of sequences does not change by a bit."""
    return np.array([math.fsum(x) for x in values.T]) / len(values)


def _typical_share(plain: Reference, sequences: Sequences, values: Floats) -> Floats:
    """Return the median over series of mean absolute difference over mean absolute value; 1 where there is none."""
    differences, sizes = mean_sizes(plain, sequences, values)
    if not len(sizes):
        return np.ones(plain.n_features)
    share = np.median(differences / np.where(sizes > 0, sizes, np.inf), axis=0)
    return np.where(share > 0, share, 1.0)


def mean_sizes(reference: Reference, sequences: Sequences, values: Floats) -> tuple[Floats, Floats]:
    """Return the mean absolute difference and the mean absolute value of each series of two steps and more."""
    pairs = [
        (np.abs(reference.errors_of(x)[:, 1:]).mean(axis=1), np.abs(x).mean(axis=1))
        for x, _ in blocks_of_equal_length(sequences, values)
        if x.shape[1] > 1
    ]
    none = np.empty((0, reference.n_features))
    differences, sizes = zip((none, none), *pairs, strict=True)
    return np.concatenate(differences), np.concatenate(sizes)


class Past:
    """Where series stand after their last step, kept while they go on.

    Parameters
    ----------
    reference : Reference
        What values are measured against.
    values : list of ndarray of shape (n_rows, n_features)
        At least the last season.
    errors : list of ndarray of shape (n_rows, n_features)
        How far these were from what they were measured against.
    changes : list of ndarray of shape (n_rates, n_rows, n_features)
        How much they changed from the step before, smoothed over seasons.
    counts : ndarray of shape (n_rows, 1)
        How many steps there were.
    sums : ndarray of shape (3, n_rows, n_features)
        Of values, of absolute values, and of absolute errors after the first step.
    """

    def __init__(
        self,
        reference: Reference,
        values: list[Floats],
        errors: list[Floats],
        changes: list[Floats],
        counts: NDArray[np.int64],
        sums: Floats,
    ) -> None:
        self.reference = reference
        self._values, self._errors, self._changes = values, errors, changes
        self._counts, self._sums = counts, sums

    @classmethod
    def of(cls, reference: Reference, sequences: Sequences, values: Floats) -> Past:
        """Read series to their end."""
        kept = reference.season or 1
        shape = (kept, len(sequences), reference.n_features)
        last_values = np.broadcast_to(reference.start, shape).copy()
        last_errors, sums = np.zeros(shape), np.zeros((3, *shape[1:]))
        last_changes = np.zeros((kept, N_RATES, *shape[1:]))
        for x, index in blocks_of_equal_length(sequences, values):
            errors = reference.errors_of(x)
            n = min(kept, x.shape[1])
            last_values[kept - n :, index] = np.moveaxis(x[:, x.shape[1] - n :], 1, 0)
            last_errors[kept - n :, index] = np.moveaxis(errors[:, x.shape[1] - n :], 1, 0)
            if reference.season is not None:
                smoothed = smoothed_changes(x, reference.season)[:, :, x.shape[1] - n :]
                last_changes[kept - n :, :, index] = np.moveaxis(smoothed, 2, 0)
            sums[:, index] = x.sum(axis=1), np.abs(x).sum(axis=1), np.abs(errors[:, 1:]).sum(axis=1)
        kept_steps = list(last_values), list(last_errors), list(last_changes)
        return cls(reference, *kept_steps, sequences.lengths[:, None], sums)

    def take(self, rows: NDArray[np.int64]) -> Past:
        """Return these rows, each as often as it is named."""
        values, errors = ([x[rows] for x in kept] for kept in (self._values, self._errors))
        changes = [x[:, rows] for x in self._changes]
        return Past(
            self.reference, values, errors, changes, self._counts[rows], self._sums[:, rows]
        )

    def next(self) -> Steps:
        """Return what is known of the next step before it comes."""
        reference, counts = self.reference, self._counts
        base, spread = self._base(), self._spread()
        lagged, changes = np.zeros_like(base), self._changes[-1]
        if reference.season is not None:
            lagged = np.where(
                counts >= 2 * reference.season, self._errors[-reference.season], lagged
            )
            changes = self._changes[-reference.season]
        before = np.where(counts > 0, self._values[-1], reference.start)
        columns, marks = reference.read(
            counts[:, 0], before, base, spread, self._errors[-1], lagged, changes
        )
        return Steps(base, spread, columns, marks)

    def _base(self) -> Floats:
        reference, counts = self.reference, self._counts
        if reference.lag is not None:
            last = self._values[-1]
            return np.where(counts >= reference.lag, self._values[-reference.lag], last)
        if not reference.own_scale:
            return np.broadcast_to(reference.start, self._sums[0].shape).copy()
        return np.where(counts > 0, self._sums[0] / np.maximum(counts, 1), reference.start)

    def _spread(self) -> Floats:
        reference, counts = self.reference, self._counts
        if not reference.own_scale:
            return np.ones_like(self._sums[0])
        spread = reference.spread_of(np.maximum(counts, 1), self._sums[1], self._sums[2])
        return np.where(counts > 0, spread, reference.start_spread)

    def append(self, values: Floats) -> None:
        """Go on by one step."""
        season, counts = self.reference.season, self._counts
        if season is not None:
            change = np.where(counts > 0, values - self._values[-1], 0.0)
            change = smooth(self._changes[-season], change, counts, season)
            self._changes = [*self._changes[1:], change]
        error = self.reference.errors(values, self._base(), self._counts)
        self._sums = self._sums + np.stack(
            [values, np.abs(values), np.where(self._counts > 0, np.abs(error), 0.0)]
        )
        self._values = [*self._values[1:], values]
        self._errors = [*self._errors[1:], error]
        self._counts = self._counts + 1
