"""Reference of values of series: a base that is subtracted, and a spread that divides the result.

Both are functions of earlier values only. Therefore each value has a density in the units of X,
forecasts can continue from any step, and series of very different scale have similar inputs.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, flat_rows
from sksequence._series._logarithms import Mask, logarithms, positive_before, where
from sksequence._series._seasonal import N_RATES, Floats, means_before, smoothed_changes, sum_of

Counts = NDArray[np.int64]
Ages = Counts | int  # numbers of steps of rows (..., 1), or that of all rows

# smallest spread, as a fraction of the one expected from the size of the values, so that a change
# after a constant beginning is not infinitely large
SMALLEST_SPREAD = 1e-3
# smaller spreads count as 0, so that squares of their quotients are finite
NO_SPREAD = 1e-100
# a series is constant if it rests for more than this many times as long as others did
_REST_FACTOR = 2


class Steps(NamedTuple):
    """Base, spread and inputs of steps of series, from the steps before each.

    Attributes
    ----------
    base : ndarray of shape (..., n_features)
        Number that is subtracted from a value, or from its logarithm.
    spread : ndarray of shape (..., n_features)
        Divisor of the difference.
    columns : ndarray of shape (..., n_columns)
        Inputs of the network, in units of the spread.
    marks : ndarray of shape (..., n_marks)
        Further inputs: 1 at the first step, 1 in the first season, and with a linear base 1 in the
        first two.
    in_logs : ndarray of shape (..., n_features) or bool
        Mask of the values that are read as logarithms; a bool if it holds for all.
    """

    base: Floats
    spread: Floats
    columns: Floats
    marks: Floats
    in_logs: Mask | bool


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
        Reference of logarithms, by which positive series are read.
    weights : ndarray of shape (n_stages, n_candidates) or None
        Weights of the candidates in the change that is added to the base, from each of `stages` on.
    least_spread : ndarray of shape (n_features,)
        Smallest spread.
    """

    lag: int | None
    own_scale: bool
    start: Floats
    start_spread: Floats
    typical_ratio: Floats
    longest_rest: Counts | None = None
    shorter: tuple[int, ...] = ()
    logs: Reference | None = None
    weights: Floats | None = None
    least_spread: Floats | float = 0.0

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
    def stages(self) -> tuple[int, ...]:
        """Numbers of steps from which more candidates are known, or the base is another one."""
        return (0, 1, *self.seasons, 2 * self.seasons[-1])

    @property
    def n_candidates(self) -> int:
        """Number of candidates for the difference of a value to its base, see `in_units`."""
        n_lags = 1 if self.season is None else 3 + len(self.shorter)
        return n_lags + N_RATES * len(self.spans)

    @property
    def n_columns(self) -> int:
        """Number of columns of `Steps.columns`."""
        return self.n_features * self.n_candidates

    @property
    def n_marks(self) -> int:
        """Number of columns of `Steps.marks`."""
        return len(self._mark_ends)

    @property
    def _mark_ends(self) -> list[int]:
        """Numbers of steps before which a mark is 1."""
        if self.season is None:
            return [1]
        return [1, self.season] if self.weights is None else [1, self.season, 2 * self.season]

    @property
    def joint(self) -> Reference:
        """Reference of values and their logarithms side by side; itself without `logs`."""
        if self.logs is None:
            return self
        logs, nothing = self.logs, np.zeros(self.n_features)
        return replace(
            self,
            start=np.concatenate([self.start, logs.start]),
            start_spread=np.concatenate([self.start_spread, logs.start_spread]),
            typical_ratio=np.concatenate([self.typical_ratio, logs.typical_ratio]),
            least_spread=np.concatenate([nothing, nothing + logs.least_spread]),
            longest_rest=None,
            logs=None,
            weights=None,
        )

    def joined(self, values: Floats, is_positive: Mask | bool | None = None) -> Floats:
        """Return values (..., n_features) as the `joint` reference reads them.

        Which of them are positive is found out if it is None.
        """
        if self.logs is None:
            return values
        return np.concatenate([values, logarithms(values, is_positive)], axis=-1)

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
        """Learn the start values and the typical ratio from series."""
        # the mean of equal values is rounded
        start = np.where(np.ptp(values, axis=0) == 0, values[0], _exact_mean(values))
        spread = _exact_mean(np.abs(values - start))
        spread[spread < NO_SPREAD] = 1.0
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

    def in_units(
        self, counts: Ages, base: Floats, sums: Iterable[Floats], candidates: Floats
    ) -> tuple[Floats, Floats]:
        """Return the spread of the next step, and the candidates for its difference, divided by it.

        Parameters
        ----------
        counts : int or ndarray of shape (..., 1)
            Number of steps so far; an int if it is that of all rows.
        base : ndarray of shape (..., n_features)
            Base of the next step.
        sums : iterable of two ndarray of shape (..., n_features)
            Sums of the absolute values, and of the absolute errors after the first step.
        candidates : ndarray of shape (n_candidates, ..., n_features)
            What the next step may be like; overwritten. The first one is the last error. With a
            season, there follow the last value, the error one season before the next step, the
            values one of the `shorter` seasons before, and the smoothed changes to the same step in
            the previous seasons, for each of `spans` and each rate, added to the mean from which
            values change.
        """
        spread = self._spread(counts, *sums)
        if self.season is not None:
            candidates[1] -= base
            candidates[3:] -= base
            if not isinstance(counts, int) or counts < 2 * self.season:
                candidates *= counts >= np.array(self.begins).reshape(-1, *[1] * base.ndim)
        candidates /= spread
        return spread, candidates

    @property
    def begins(self) -> list[int]:
        """Numbers of steps after which candidates are known; they are 0 until then.

        An error one season before is that of a base of another season before.
        """
        season = self.seasons[-1]
        of_spans = [season + span for span in self.spans for _ in range(N_RATES)]
        return [0, 0, 2 * season, *self.shorter, *of_spans]

    def steps(
        self,
        counts: Ages,
        base: Floats,
        spread: Floats,
        candidates: Floats,
        in_logs: Mask | bool = False,
    ) -> Steps:
        """Return base, spread and inputs of the next step.

        Parameters
        ----------
        counts, base, spread, candidates
            Those of the `joint` reference, see `in_units`.
        in_logs : ndarray of shape (..., n_features) or bool
            With `logs`, a mask of the values that are read as logarithms: those of series that are
            positive from their start, and for a season.
        """
        if self.logs is not None:
            n, parts = self.n_features, (base, spread, candidates)
            base, spread, candidates = (where(in_logs, x[..., n:], x[..., :n]) for x in parts)
        if self.weights is not None:
            base = base + spread * self._combined(counts, candidates)
        per_step = candidates.transpose(*range(1, base.ndim), 0, base.ndim)
        columns = per_step.reshape(*base.shape[:-1], -1)
        marks = _marks(counts, self._mark_ends, base.shape)
        return Steps(base, spread, columns, marks, in_logs)

    def _combined(self, counts: Ages, candidates: Floats) -> Floats:
        """Return the linear combination of candidates that is added to the base."""
        assert self.weights is not None
        if isinstance(counts, int):
            weights = self.weights[bisect_right(self.stages, counts) - 1]
            return sum_of(weights.reshape(-1, *[1] * (candidates.ndim - 1)) * candidates)
        weights = self.weights.T[:, np.searchsorted(self.stages, counts, side="right") - 1]
        n_axes = candidates.ndim - weights.ndim
        weights = weights.reshape(len(weights), *[1] * n_axes, *weights.shape[1:])
        return sum_of(weights * candidates)

    def _spread(self, counts: Ages, sizes: Floats, differences: Floats) -> Floats:
        """Return the mean absolute difference.

        The first value has no difference and counts as `typical_ratio` times the mean absolute
        value.
        """
        if not self.own_scale:
            return np.ones_like(sizes)
        n = max(counts, 1) if isinstance(counts, int) else np.maximum(counts, 1)
        expected = self.typical_ratio * sizes / n
        least = SMALLEST_SPREAD * expected + self.least_spread
        spread = np.maximum((expected + differences) / n, least)
        # before the first step both sums are 0
        return np.where(spread > NO_SPREAD, spread, self.start_spread)

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
        counts = np.arange(x.shape[1] + 1)[:, None]
        known = self.joint._follow(self.joined(x), counts)
        in_logs: Mask | bool = False
        if self.logs is not None:
            in_logs = positive_before(x) & (counts >= self.seasons[0])
        steps = self.steps(counts, *known, in_logs)
        return steps._replace(
            marks=np.broadcast_to(steps.marks, (len(x), *steps.marks.shape)),
            in_logs=np.broadcast_to(steps.in_logs, steps.base.shape),
        )

    def _follow(self, x: Floats, counts: Counts) -> tuple[Floats, Floats, Floats]:
        """Return base, spread and candidates of all steps."""
        last = self._last(x)
        lagged = self._lagged(last)
        base = self.base(counts, last, lagged, _sums_before(x))
        errors = self.errors(x, base[:, :-1], counts[:-1])
        candidates = np.zeros((self.n_candidates, *base.shape))
        candidates[0, :, 1:] = errors
        if self.season is not None:
            candidates[1] = last
            n_seasoned = max(0, base.shape[1] - self.season)
            candidates[2, :, self.season :] = errors[:, :n_seasoned]
            for candidate, values in zip(candidates[3:], lagged[:-1], strict=False):
                candidate[:] = values
            self._smoothed(x, last, candidates[3 + len(self.shorter) :])
        sums = _sums_before(np.abs(x)), _sums_before(np.abs(errors))
        return base, *self.in_units(counts, base, sums, candidates)

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

    def _smoothed(self, x: Floats, last: Floats, smoothed: Floats) -> None:
        """Write smoothed changes before each step, added to the mean from which values change.

        `smoothed` has the shape (n_spans * n_rates, n_sequences, n_steps + 1, n_features).
        """
        season = self.seasons[-1]
        for i, span in enumerate(self.spans):
            values = smoothed[i * N_RATES : (i + 1) * N_RATES]
            values[:] = last if span == 1 else means_before(x, span)
            later = values[:, :, season:]
            later += smoothed_changes(x, season, span)[:, :, : later.shape[2]]


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
