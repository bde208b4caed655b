"""State of series after their last step, updated as they continue."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from sksequence import _kernels
from sksequence._batching import Sequences
from sksequence._series import _past_updates
from sksequence._series._logarithms import Mask, are_positive
from sksequence._series._reference import (
    NO_SPREAD,
    SMALLEST_SPREAD,
    Ages,
    Reference,
    Steps,
    blocks_of_equal_length,
)
from sksequence._series._seasonal import N_RATES, Floats, smoothed_changes, smoothing_weights

# steps after which those of the last season are moved to the front of their buffer
_SPARE = 64

_NONE = np.empty(0, dtype=np.int64)

# base of the next step, and the means (n_spans, n_rows, n_features) of the last steps
_Following = tuple[Floats, Floats]


class Past:
    """State of series after their last step, updated as they continue.

    Positive series are read with their logarithms, which are further features of the same arrays.

    Parameters
    ----------
    reference : Reference
        Base and spread of values.
    values : ndarray of shape (n_kept, n_rows, n_joint_features)
        Values of the last season, the longest one, or of the last step without a season.
    differences : ndarray of shape (n_kept, 1 + n_spans * n_rates, n_rows, n_joint_features)
        Differences of these values to their base, and their changes from the means of the steps
        before, smoothed over seasons.
    counts : ndarray of shape (n_rows, 1)
        Number of steps.
    sums : ndarray of shape (3, n_rows, n_joint_features)
        Sums of values, of absolute values, and of absolute errors after the first step.
    at_rest : ndarray of shape (n_rows, n_features)
        Mask of the features that are constant, whose next value is the last one.
    is_positive : ndarray of shape (n_rows, n_features)
        Mask of the features that have been positive from the start.
    """

    def __init__(
        self,
        reference: Reference,
        values: Floats,
        differences: Floats,
        counts: NDArray[np.int64],
        sums: Floats,
        at_rest: Mask,
        is_positive: Mask,
    ) -> None:
        if not is_positive.any():  # their logarithms are never read
            reference = replace(reference, logs=None)
            parts = values, differences, sums
            values, differences, sums = (part[..., : reference.n_features] for part in parts)
        self.reference, self._joint = reference, reference.joint
        self._last = _LastSteps(values, differences)
        self._counts, self._at_rest, self._is_positive = counts, at_rest, is_positive
        self._sums, self._n_kept = np.ascontiguousarray(sums), len(values)
        self._least_spread = np.zeros(self._joint.n_features) + self._joint.least_spread
        # other references have a spread of their own
        self._is_compiled = type(reference) is Reference and reference.own_scale
        self._lags, self._n_candidates = reference.seasons, reference.n_candidates
        self._seasons = np.array(reference.seasons, dtype=np.int64)
        self._spans = np.array(reference.spans, dtype=np.int64)
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
        self._weights: Floats | None = None
        self._settle_signs()

    def _settle_signs(self) -> None:
        self._is_any_positive = bool(self._is_positive.any())
        self._are_all_positive = bool(self._is_positive.all())

    @classmethod
    def of(cls, reference: Reference, sequences: Sequences, values: Floats) -> Past:
        """Return the state of series at their end."""
        joint, n_kept = reference.joint, reference.season or 1
        shape = len(sequences), joint.n_features
        last_values = np.broadcast_to(joint.start, (n_kept, *shape)).copy()
        n_differences = 1 + len(joint.spans) * N_RATES
        differences = np.zeros((n_kept, n_differences, *shape))
        sums = np.zeros((3, *shape))
        at_rest = np.zeros((len(sequences), reference.n_features), dtype=bool)
        is_positive = np.ones_like(at_rest)
        for x, index in blocks_of_equal_length(sequences, values):
            at_rest[index] = reference.at_rest(x)
            is_positive[index] = are_positive(x).all(axis=1)
            x = reference.joined(x)
            errors = joint.errors_of(x)
            n = min(n_kept, x.shape[1])
            kept, last = slice(n_kept - n, None), slice(x.shape[1] - n, None)
            last_values[kept, index] = np.moveaxis(x[:, last], 1, 0)
            differences[kept, 0, index] = np.moveaxis(errors[:, last], 1, 0)
            for i, span in enumerate(joint.spans):
                smoothed = smoothed_changes(x, n_kept, span)[:, :, last]
                rates = slice(1 + i * N_RATES, 1 + (i + 1) * N_RATES)
                differences[kept, rates, index] = smoothed.transpose(2, 0, 1, 3)
            parts = x, np.abs(x), np.abs(errors)
            # in the order of time, as values are added one by one later
            sums[:, index] = [np.add.accumulate(part, axis=1)[:, -1:].sum(axis=1) for part in parts]
        counts = sequences.lengths[:, None]
        return cls(reference, last_values, differences, counts, sums, at_rest, is_positive)

    def take(self, rows: NDArray[np.int64]) -> Past:
        """Return a copy of some rows; a row may be selected several times."""
        values, differences = self._last.all
        kept = values[:, rows], differences[:, :, rows]
        masks = self._at_rest[rows], self._is_positive[rows]
        return Past(self.reference, *kept, self._counts[rows], self._sums[:, rows], *masks)

    def put(self, rows: NDArray[np.int64], part: Past) -> None:
        """Replace some rows by those of another state."""
        own = part._sums.shape[-1]
        values, differences = self._last.all
        values[:, rows, :own], differences[:, :, rows, :own] = part._last.all
        self._counts[rows], self._sums[:, rows, :own] = part._counts, part._sums
        self._at_rest[rows], self._is_positive[rows] = part._at_rest, part._is_positive
        self._settle()

    def rest(self, is_constant: Mask) -> None:
        """Find the features at rest among those that have had one value only."""
        self._at_rest = self.reference.rests(is_constant, self._counts)
        self._is_any_at_rest = bool(self._at_rest.any())

    def next(self) -> Steps:
        """Return base, spread and inputs of the next step."""
        base, means = self._known_of_next()
        candidates, last = np.empty((self._n_candidates, *base.shape)), self._last
        past = last.values, last.differences, last.end, self._seasons
        _updates().fill_candidates(*past, means, candidates)
        known = base, *self._in_units(base, candidates)
        steps = self.reference.steps(self._ages, *known, self._in_logs())
        if not self._is_any_at_rest:
            return steps
        last_values = last.values[last.end - 1, :, : self.reference.n_features]
        return steps._replace(
            base=np.where(self._at_rest, last_values, steps.base),
            spread=np.where(self._at_rest, 0.0, steps.spread),
            in_logs=steps.in_logs is not False and steps.in_logs & ~self._at_rest,
        )

    def _in_units(self, base: Floats, candidates: Floats) -> tuple[Floats, Floats]:
        """Return the spread, and the candidates divided by it, as the reference does."""
        joint, ages = self._joint, self._ages
        if not (self._is_compiled and isinstance(ages, int) and _kernels.has_numba()):
            return joint.in_units(ages, base, self._sums[1:], candidates)
        begins = _NONE
        if joint.season is not None and ages < 2 * joint.season:
            begins = np.array(joint.begins)
        spread = np.empty(base.shape)
        _kernels.past_loops().divide_candidates(
            ages,
            base,
            self._sums,
            joint.typical_ratio,
            joint.start_spread,
            self._least_spread,
            (SMALLEST_SPREAD, NO_SPREAD),
            begins,
            candidates,
            spread,
        )
        return spread, candidates

    def _in_logs(self) -> Mask | bool:
        """Return which series are read as logarithms."""
        reference = self.reference
        if reference.logs is None or not self._is_any_positive:
            return False
        is_old: bool | Mask = self._ages >= reference.seasons[0]
        return is_old if self._are_all_positive else self._is_positive & is_old

    def _known_of_next(self) -> _Following:
        """Return what is known of the next step, computed once per step."""
        if self._following is None:
            values, end = self._last.values, self._last.end
            lagged = [values[end - season] for season in self._lags]
            base = self._joint.base(self._ages, values[end - 1], lagged, self._sums[0])
            means = np.empty((len(self._spans), *base.shape))
            _updates().fill_means(values, end, self._spans, means)
            self._following = base, means
        return self._following

    def append(self, values: Floats) -> None:
        """Add the values of one step, of shape (n_rows, n_features)."""
        base, means = self._known_of_next()
        x = self.reference.joined(values, self._signs_of(values))
        error = self._joint.errors(x, base, self._ages)
        last = self._last
        last.make_room()
        last.values[last.end] = x
        past = self._n_kept, last.end, last.values, last.differences, self._sums
        _updates().add_differences(error, means, self._smoothing_weights(), *past)
        last.end += 1
        self._counts, self._ages = self._counts + 1, self._ages + 1
        self._following = None

    def _signs_of(self, values: Floats) -> Mask | bool:
        """Return which values are positive, True if all are, and note which series stay so."""
        if self.reference.logs is None:
            return False
        is_positive = are_positive(values)
        if is_positive.all():
            return True
        if self._is_any_positive:  # series that are not positive never become so again
            self._is_positive &= is_positive
            self._settle_signs()
        return is_positive

    def _smoothing_weights(self) -> Floats:
        """Return the weights of the changes of the next step, which seldom change for one row."""
        ages = self._ages
        is_new = not isinstance(ages, int) or ages % self._n_kept in self._first_steps
        if self._weights is None or is_new:
            spans = self._spans[:, None, None, None]
            self._weights = smoothing_weights(ages, self._n_kept, spans, 2)
        return self._weights


def _updates() -> ModuleType:
    """Return the functions that update a state: compiled, or of numpy with the same bits."""
    return _kernels.past_loops() if _kernels.has_numba() else _past_updates


class _LastSteps:
    """Values and differences of the last steps, next to each other in memory.

    Parameters
    ----------
    values, differences : ndarray of shape (n_kept, ...)
        Those of the steps that are kept, in the order of time.
    """

    def __init__(self, values: Floats, differences: Floats) -> None:
        self._n_kept = self.end = len(values)
        self.values, self.differences = _with_room(values), _with_room(differences)

    @property
    def all(self) -> tuple[Floats, Floats]:
        """Views of all steps that are kept."""
        kept = slice(self.end - self._n_kept, self.end)
        return self.values[kept], self.differences[kept]

    def make_room(self) -> None:
        """Move the steps that are kept to the front if there is no room for another one."""
        if self.end == len(self.values):
            front = slice(0, self._n_kept)
            self.values[front], self.differences[front] = self.all
            self.end = self._n_kept


def _with_room(steps: Floats) -> Floats:
    buffer = np.empty((len(steps) + _SPARE, *steps.shape[1:]))
    buffer[: len(steps)] = steps
    return buffer
