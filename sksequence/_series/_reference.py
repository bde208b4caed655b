"""Reference of values of series: a base that is subtracted, and a spread that divides the result.

Both are functions of earlier values only. Therefore each value has a density in the units of X,
forecasts can continue from any step, and series of very different scale have similar inputs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, flat_rows
from sksequence._series._ratios import Mask, Ratios, logarithms, positive_before
from sksequence._series._seasonal import N_RATES, Floats, means_before, smoothed_changes

Counts = NDArray[np.int64]
Ages = Counts | int  # numbers of steps of rows (..., 1), or that of all rows

# smallest spread, as a fraction of the one expected from the size of the values, so that a change
# after a constant beginning is not infinitely large
_SMALLEST_SPREAD = 1e-3
# smaller spreads count as 0, so that squares of their quotients are finite
_NO_SPREAD = 1e-100
# a series is constant if it rests for more than this many times as long as others did
_REST_FACTOR = 2


class Steps(NamedTuple):
    """Base, spread and inputs of steps of series, from the steps before each.

    Attributes
    ----------
    base : ndarray of shape (..., n_features)
        Number that is subtracted from a value.
    spread : ndarray of shape (..., n_features)
        Divisor of the difference.
    columns : ndarray of shape (..., n_columns)
        Inputs of the network, in units of the spread.
    marks : ndarray of shape (..., n_marks)
        Further inputs: 1 at the first step, and 1 in the first season.
    """

    base: Floats
    spread: Floats
    columns: Floats
    marks: Floats


@dataclass(frozen=True)
class Reference:
    """Base and spread of values, as functions of earlier values.

    Attributes
    ----------
    lag : int or None
        Number of steps after which a value is the base. Until then the base is the value one of the
        `shorter` seasons before, or the last value. None selects the mean, that of the series so
        far if `own_scale` and of all series otherwise.
    own_scale : bool
        Whether differences are divided by the mean absolute difference of the series so far.
    start : ndarray of shape (n_features,)
        Mean of all values, which is the base of the first step.
    start_spread : ndarray of shape (n_features,)
        Mean absolute difference from it.
    typical_ratio : ndarray of shape (n_features,)
        Typical ratio of absolute differences to absolute values, from which the spread is estimated
        until differences are known.
    longest_rest : ndarray of shape (n_features,) or None
        Number of steps of the longest run of equal values in the series that change at all; 0 if
        none does. None if it is not known.
    shorter : tuple of int
        Further seasons, in increasing order, all shorter than `lag`.
    logs : Reference or None
        Reference of logarithms, from which positive series get their inputs and their spread.
    """

    lag: int | None
    own_scale: bool
    start: Floats
    start_spread: Floats
    typical_ratio: Floats
    longest_rest: Counts | None = None
    shorter: tuple[int, ...] = ()
    logs: Reference | None = None

    @property
    def n_features(self) -> int:
        """Number of values per step."""
        return len(self.start)

    @property
    def season(self) -> int | None:
        """The lag if it is more than one step, None otherwise."""
        return None if self.lag in (None, 1) else self.lag

    @property
    def seasons(self) -> tuple[int, ...]:
        """All seasons, in increasing order."""
        return () if self.season is None else (*self.shorter, self.season)

    @property
    def spans(self) -> tuple[int, ...]:
        """Numbers of previous steps from whose mean changes are smoothed.

        With several seasons, the means of the last day and of the last week are levels without the
        noise of the last value.
        """
        return (1, *self.seasons) if self.shorter else (1,) * len(self.seasons)

    @property
    def n_columns(self) -> int:
        """Number of columns of `Steps.columns`."""
        n_lags = 1 if self.season is None else 3 + len(self.shorter)
        return self.n_features * (n_lags + N_RATES * len(self.spans))

    @property
    def n_marks(self) -> int:
        """Number of columns of `Steps.marks`."""
        return 1 if self.season is None else 2

    @classmethod
    def learn(
        cls,
        sequences: Sequences,
        values: Floats,
        lag: int | None,
        shorter: tuple[int, ...] = (),
        *,
        own_scale: bool,
    ) -> Self:
        """Learn the start values and the typical ratio from series.

        Positive series have ratios if there are several seasons and each has its own scale.
        """
        reference = cls._learn(sequences, values, lag, shorter, own_scale=own_scale)
        if not (own_scale and shorter):
            return reference
        logs = Reference._learn(sequences, logarithms(values), lag, shorter, own_scale=True)
        # the size of a logarithm depends on the unit, and says nothing of its changes
        logs = replace(logs, typical_ratio=np.zeros(len(logs.start)))
        return replace(reference, logs=logs)

    @classmethod
    def _learn(
        cls,
        sequences: Sequences,
        values: Floats,
        lag: int | None,
        shorter: tuple[int, ...],
        *,
        own_scale: bool,
    ) -> Self:
        # the mean of equal values is rounded
        start = np.where(np.ptp(values, axis=0) == 0, values[0], _exact_mean(values))
        spread = _exact_mean(np.abs(values - start))
        spread[spread < _NO_SPREAD] = 1.0
        rest = _longest_rest(sequences, values)
        plain = cls(lag, False, start, spread, np.ones(len(start)), rest, shorter)
        own = replace(plain, own_scale=own_scale)
        if not own_scale:
            return own
        return replace(own, typical_ratio=_typical_ratio(plain, sequences, values))

    # --- the recurrence: for one step of many series, or for all steps of series at once ---------

    def base(self, counts: Ages, last: Floats, lagged: Sequence[Floats], sums: Floats) -> Floats:
        """Return the base of the next step.

        Parameters
        ----------
        counts : ndarray of shape (..., 1)
            Number of steps so far.
        last : ndarray of shape (..., n_features)
            Last value.
        lagged : sequence of ndarray of shape (..., n_features)
            Values one season before the next step, for each of `seasons`.
        sums : ndarray of shape (..., n_features)
            Sum of the values so far.
        """
        if self.lag is not None:
            base = last
            for season, values in zip(self.seasons, lagged, strict=True):
                base = where(counts >= season, values, base)
            return base
        start = np.broadcast_to(self.start, last.shape).copy()
        return where(counts > 0, sums / np.maximum(counts, 1), start) if self.own_scale else start

    def errors(self, values: Floats, base: Floats, counts: Ages) -> Floats:
        """Return differences to the base, with `own_scale` 0 for the first value of a series."""
        errors = values - base
        return where(counts > 0, errors) if self.own_scale else errors

    def steps(
        self,
        counts: Ages,
        base: Floats,
        last: Floats,
        sums: Sequence[Floats],
        errors: tuple[Floats, Floats],
        lagged: Sequence[Floats],
        smoothed: Floats,
        ratios: Ratios | None = None,
    ) -> Steps:
        """Return base, spread and inputs of the next step.

        Parameters
        ----------
        counts : int or ndarray of shape (..., 1)
            Number of steps so far; an int if it is that of all rows.
        base, last : ndarray of shape (..., n_features)
            Base of the next step, and the last value.
        sums : sequence of two ndarray of shape (..., n_features)
            Sums of the absolute values, and of the absolute errors after the first step.
        errors : tuple of two ndarray of shape (..., n_features)
            Last error, and the error one season before the next step.
        lagged : sequence of ndarray of shape (..., n_features)
            Values one season before the next step, for each of `seasons`.
        smoothed : ndarray of shape (n_spans, n_rates, ..., n_features)
            Smoothed changes to the same step in the previous seasons, added to the mean from which
            values change, for each of `spans`.
        ratios : Ratios or None
            Changes of logarithms, with a reference of them.
        """
        spread = self._spread(counts, *sums)
        last_error, seasonal_error = errors
        ends, columns, season = [1], [last_error], self.season
        if season is not None:
            ends.append(season)
            columns += [last - base, seasonal_error]
            for shorter, values in zip(self.shorter, lagged, strict=False):
                columns.append(where(counts >= shorter, values - base))
            changes, spans = smoothed - base, self.spans
            if not isinstance(counts, int) or counts < season + spans[-1]:
                # the first steps of a series have no change
                begins = season + np.array(spans).reshape(-1, *[1] * (base.ndim + 1))
                np.multiply(changes, counts >= begins, out=changes)
            columns.extend(changes.reshape(-1, *base.shape))
        inputs = _in_units(columns, spread)
        if ratios is not None:
            spread, inputs = ratios.inputs(base, spread, inputs)
        return Steps(base, spread, inputs, _marks(counts, ends, base.shape))

    def ratios(self, steps: Steps, level: Floats, is_positive: Mask) -> Ratios:
        """Return the changes of logarithms, of which this is the reference.

        Parameters
        ----------
        steps : Steps
            Their base, spread and inputs.
        level : ndarray of shape (..., n_features)
            Mean of the shortest season before each step.
        is_positive : ndarray of shape (..., n_features)
            Mask of the series that are positive from their start.
        """
        spread = np.maximum(steps.spread, _SMALLEST_SPREAD * self.start_spread)
        n_columns = steps.columns.shape[-1] // self.n_features
        units = np.concatenate([steps.spread] * n_columns, axis=-1)
        return Ratios(steps.columns * units, spread, level, is_positive)

    def _spread(self, counts: Ages, sizes: Floats, differences: Floats) -> Floats:
        """Return the mean absolute difference.

        The first value has no difference and counts as `typical_ratio` times the mean absolute
        value.
        """
        if not self.own_scale:
            return np.ones_like(sizes)
        n = max(counts, 1) if isinstance(counts, int) else np.maximum(counts, 1)
        expected = self.typical_ratio * sizes / n
        spread = np.maximum((expected + differences) / n, _SMALLEST_SPREAD * expected)
        # before the first step both sums are 0
        return np.where(spread > _NO_SPREAD, spread, self.start_spread)

    def informed(self, sequences: Sequences, values: Floats) -> Reference:
        """Return a reference that also knows how long the values of other series rest."""
        longest = _longest_rest(sequences, values)
        if self.longest_rest is not None:
            longest = np.maximum(self.longest_rest, longest)
        return replace(self, longest_rest=longest)

    def at_rest(self, x: Floats) -> NDArray[np.bool_]:
        """Check which features of series (n_sequences, n_steps, n_features) are constant.

        They have had one value from the start, and for more than twice as long as any series of the
        fit kept a value that it also changed. Sparse series are therefore not constant.
        """
        is_constant: NDArray[np.bool_] = (x == x[:, :1]).all(axis=1)
        return self.rests(is_constant, np.full((len(x), 1), x.shape[1]))

    def rests(self, is_constant: NDArray[np.bool_], counts: Counts) -> NDArray[np.bool_]:
        """Check which features that have had one value for `counts` steps are constant."""
        if self.longest_rest is None:
            return np.zeros(is_constant.shape, dtype=bool)
        is_long = (counts >= 2) & (counts > _REST_FACTOR * self.longest_rest)
        return np.asarray(is_constant & is_long)

    # --- all steps of series ---------------------------------------------------------------------

    def follow(self, x: Floats) -> Steps:
        """Return all steps of series (n_sequences, n_steps, n_features), and the one after them."""
        n_sequences, n_steps, _ = x.shape
        counts = np.arange(n_steps + 1)[:, None]
        last = self._last(x)
        lagged = self._lagged(last)
        base = self.base(counts, last, lagged, _sums_before(x))
        errors = self.errors(x, base[:, :-1], counts[:-1])
        last_error, seasonal_error = np.zeros_like(base), np.zeros_like(base)
        last_error[:, 1:] = errors
        if self.season is not None:
            # the error one season before, of which the base is the value of another season before
            n_seasoned = max(0, n_steps + 1 - 2 * self.season)
            seasonal_error[:, 2 * self.season :] = errors[:, self.season : self.season + n_seasoned]
        sums = _sums_before(np.abs(x)), _sums_before(np.abs(errors))
        both_errors, smoothed = (last_error, seasonal_error), self._smoothed(x, last)
        ratios = self._ratios(x, counts)
        steps = self.steps(counts, base, last, sums, both_errors, lagged, smoothed, ratios)
        marks = np.broadcast_to(steps.marks, (n_sequences, *steps.marks.shape))
        return steps._replace(marks=marks)

    def _ratios(self, x: Floats, counts: Counts) -> Ratios | None:
        if self.logs is None:
            return None
        logs = logarithms(x)
        level = means_before(logs, self.seasons[0])
        is_positive = positive_before(x) & (counts >= self.seasons[0])
        return self.logs.ratios(self.logs.follow(logs), level, is_positive)

    def errors_of(self, x: Floats) -> Floats:
        """Return the errors of all steps of series of equal length."""
        last, counts = self._last(x), np.arange(x.shape[1] + 1)[:, None]
        base = self.base(counts, last, self._lagged(last), _sums_before(x))
        return self.errors(x, base[:, :-1], counts[:-1])

    def _last(self, x: Floats) -> Floats:
        """Return the last value before each step and before the next one, first the start value."""
        first = np.broadcast_to(self.start, (len(x), 1, self.n_features))
        return np.concatenate([first, x], axis=1)

    def _lagged(self, last: Floats) -> list[Floats]:
        """Return the values one season before each step, for each season."""
        lagged = [last.copy() for _ in self.seasons]
        for season, values in zip(self.seasons, lagged, strict=True):
            values[:, season:] = last[:, 1 : max(1, last.shape[1] - season + 1)]
        return lagged

    def _smoothed(self, x: Floats, last: Floats) -> Floats:
        """Return smoothed changes before each step, added to the mean from which values change."""
        smoothed = np.empty((len(self.spans), N_RATES, *last.shape))
        for values, span in zip(smoothed, self.spans, strict=True):
            values[:] = last if span == 1 else means_before(x, span)
            changes = smoothed_changes(x, self.seasons[-1], span)
            later = values[:, :, self.seasons[-1] :]
            later += changes[:, :, : later.shape[2]]
        return smoothed


def where(
    condition: bool | NDArray[np.bool_], chosen: Floats, other: Floats | None = None
) -> Floats:
    """Choose as numpy does, but without a copy if the condition is that of all rows.

    Without another array, numbers that are not chosen are 0.
    """
    if not isinstance(condition, bool):
        return np.where(condition, chosen, 0.0 if other is None else other)
    if condition:
        return chosen
    return np.zeros(chosen.shape) if other is None else other


def _in_units(columns: Sequence[Floats], spread: Floats) -> Floats:
    """Divide columns (..., n_features) by the spread, and join them on the last axis."""
    joined: Floats = np.concatenate(columns, axis=-1)
    if spread.shape[-1] == 1:
        return np.divide(joined, spread, out=joined)
    of_features = joined.reshape(*spread.shape[:-1], len(columns), spread.shape[-1])
    np.divide(of_features, spread[..., None, :], out=of_features)
    return joined


def _marks(counts: Ages, ends: Sequence[int], shape: tuple[int, ...]) -> Floats:
    """Return a column for each of `ends`, which is 1 at the steps before."""
    if not isinstance(counts, int):
        return np.concatenate([counts < end for end in ends], axis=-1).astype(np.float64)
    marks = np.zeros((*shape[:-1], len(ends)))
    if counts < ends[-1]:
        marks[...] = [counts < end for end in ends]
    return marks


def _sums_before(x: Floats) -> Floats:
    """Return the sums of all values before each step, and before the one after them."""
    sums = np.zeros((len(x), x.shape[1] + 1, x.shape[2]))
    np.cumsum(x, axis=1, out=sums[:, 1:])
    return sums


def blocks_of_equal_length(
    sequences: Sequences, values: Floats
) -> Iterator[tuple[Floats, NDArray[np.int64]]]:
    """Yield the values (n_sequences, n_steps, n_features) of each length, and their positions."""
    for length in np.unique(sequences.lengths).tolist():
        index = np.flatnonzero(sequences.lengths == length)
        rows = flat_rows(sequences.offsets[index], sequences.lengths[index])
        yield values[rows].reshape(len(index), length, values.shape[1]), index


def _longest_rest(sequences: Sequences, values: Floats) -> Counts:
    """Return the length of the longest run of equal values of each feature.

    Series that never change have no runs.
    """
    longest = np.zeros(values.shape[1], dtype=np.int64)
    for x, _ in blocks_of_equal_length(sequences, values):
        n_series, n_steps, n_features = x.shape
        is_end = np.ones((n_series, n_features, n_steps + 1), dtype=bool)
        is_end[:, :, 1:-1] = np.moveaxis(x[:, 1:] != x[:, :-1], 1, 2)
        _, features, steps = np.nonzero(is_end)
        runs = np.diff(steps)  # negative between two series
        counts = (runs > 0) & (runs < n_steps)
        np.maximum.at(longest, features[1:][counts], runs[counts])
    return longest


def _exact_mean(values: Floats) -> Floats:
    """Return the mean of each column, whose bits do not depend on the order of the sequences."""
    return np.array([math.fsum(x) for x in values.T]) / len(values)


def _typical_ratio(plain: Reference, sequences: Sequences, values: Floats) -> Floats:
    """Return the median over series of mean absolute difference divided by mean absolute value.

    It is 1 where the median is 0, and if no series has two steps.
    """
    differences, sizes = mean_sizes(plain, sequences, values)
    if not len(sizes):
        return np.ones(plain.n_features)
    ratio = np.median(differences / np.where(sizes > 0, sizes, np.inf), axis=0)
    return np.where(ratio > 0, ratio, 1.0)


def mean_sizes(reference: Reference, sequences: Sequences, values: Floats) -> tuple[Floats, Floats]:
    """Return mean absolute differences and values of each series with at least two steps."""
    pairs = [
        (np.abs(reference.errors_of(x)[:, 1:]).mean(axis=1), np.abs(x).mean(axis=1))
        for x, _ in blocks_of_equal_length(sequences, values)
        if x.shape[1] > 1
    ]
    empty = np.empty((0, reference.n_features))
    differences, sizes = zip((empty, empty), *pairs, strict=True)
    return np.concatenate(differences), np.concatenate(sizes)


class PositiveReference(Reference):
    """Reference of counts and positive numbers: the base is 0, the spread the mean so far [1]_.

    While all counts of a series are 0, the spread is that of one count up to the next step.

    References
    ----------
    .. [1] Salinas, Flunkert, Gasthaus & Januschowski (2020), DeepAR: Probabilistic Forecasting with
       Autoregressive Recurrent Networks, International Journal of Forecasting 36(3).
    """

    @classmethod
    def learn_sizes(
        cls, sequences: Sequences, values: Floats, *, own_scale: bool
    ) -> PositiveReference:
        """Learn the mean value and the typical ratio from series."""
        learnt = cls.learn(sequences, values, None, own_scale=own_scale)
        size = _exact_mean(np.abs(values))
        return replace(
            learnt, start=np.zeros(len(size)), start_spread=np.where(size > 0, size, 1.0)
        )

    def base(self, counts: Ages, last: Floats, lagged: Sequence[Floats], sums: Floats) -> Floats:
        """Return 0."""
        return np.zeros(last.shape)

    def _spread(self, counts: Ages, sizes: Floats, differences: Floats) -> Floats:
        """Return the mean so far, or 1 if values have no scale of their own."""
        spread = super()._spread(counts, sizes, differences)
        if not self.own_scale:
            return spread
        unseen = np.minimum(self.start_spread, 1.0) / (counts + 1)
        return np.where((counts > 0) & (sizes == 0), unseen, spread)
