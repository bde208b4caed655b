"""Combination of simple forecasts of windows with several seasons, whose weights are learnt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import accumulate
from operator import add
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, content_digests, moments_of_each

Floats = NDArray[np.float64]

# Penalty (ridge) of each weight, as a fraction of the mean square of what it multiplies
_PENALTY = 0.03
# Numbers of each forecast that are held in memory at once
_CHUNK = 1 << 19
# Bits of a sum that is exact in double precision, of a rounded number at most and before the point
_EXACT_BITS, _MOST_BITS, _BITS_OF_SIZE = 52, 20, 4


@dataclass(frozen=True)
class CombinedForecast:
    """Weighted mean of forecasts by the last step and by each season.

    A season has three forecasts: the last season, the mean of its last steps, and the mean of all
    seasons in a window, at the level of the last one. Each forecasts a shifted series by shifting
    its forecast, and so do weights that sum to 1 [1]_.

    Attributes
    ----------
    seasons : tuple of int
        Numbers of steps of the seasons, in increasing order.
    counts : tuple of int
        How many of each season are read.
    weights : ndarray of shape (horizon, n_forecasts)
        Weights of all forecasts but that by the last of the longest season, which has the rest.

    References
    ----------
    .. [1] Granger & Ramanathan (1984), Improved Methods of Combining Forecasts, Journal of
       Forecasting 3(2).
    """

    seasons: tuple[int, ...]
    counts: tuple[int, ...]
    weights: Floats

    @classmethod
    def learn(
        cls,
        sequences: Sequences,
        columns: Sequence[int] | None,
        parsed: Floats,
        seasons: tuple[int, ...],
        n_targets: int,
        *,
        is_relative: bool,
    ) -> Self:
        """Learn weights that minimise the squared error, for each step of the horizon [1]_.

        Sums are exact, and copies of a window count once: neither the order of windows nor their
        repetition changes a bit.

        Parameters
        ----------
        sequences : Sequences
            Windows, none of them shorter than the longest season.
        columns : sequence of int or None
            Features that targets continue; None stands for all.
        parsed : ndarray of shape (n_sequences, horizon * n_targets)
            Targets; NaN if missing.
        seasons : tuple of int
            Seasons in increasing order.
        n_targets : int
            Number of features that targets continue.
        is_relative : bool
            Whether errors count in units of the spread of their window, rather than alike.
        """
        shortest = int(sequences.lengths.min())
        counts = tuple(shortest // season for season in seasons)
        horizon = parsed.shape[1] // n_targets
        blank = cls(seasons, counts, np.zeros((horizon, 0)))
        _, distinct = np.unique(content_digests(sequences, parsed, None), axis=0, return_index=True)
        sequences, parsed = sequences.take(distinct), parsed[distinct]
        spread = _spread(sequences, columns, is_relative=is_relative)
        squares, products = blank._moments(sequences, columns, parsed, spread)
        penalty = _PENALTY * np.diagonal(squares, axis1=1, axis2=2) + 1.0
        regular = squares + penalty[:, :, None] * np.eye(squares.shape[1])
        weights = np.linalg.solve(regular, products[..., None])[..., 0]
        return replace(blank, weights=np.asarray(weights, dtype=np.float64))

    @property
    def n_steps(self) -> int:
        """Minimum length of a window."""
        return max(n * season for n, season in zip(self.counts, self.seasons, strict=True))

    def forecast(self, sequences: Sequences, columns: Sequence[int] | None, horizon: int) -> Floats:
        """Return the forecast of shape (n_sequences, horizon, n_targets)."""
        base, differences = self._forecasts(sequences, columns, horizon)
        for difference, weights in zip(differences, self.weights.T, strict=True):
            base = base + weights[:, None] * difference
        return base

    def matrix(self, horizon: int) -> Floats:
        """Return the weights (n_steps, horizon) of the last steps of a window."""
        n = self.n_steps
        units = Sequences(np.eye(n).reshape(-1, 1), np.arange(n + 1) * n)
        return self.forecast(units, None, horizon)[:, :, 0]

    def _forecasts(
        self, sequences: Sequences, columns: Sequence[int] | None, horizon: int
    ) -> tuple[Floats, list[Floats]]:
        """Return the forecast by the last of the longest season, and what others differ from it.

        All are (n_sequences, horizon, n_targets).
        """
        periods = list(zip(self.seasons, self.counts, strict=True))
        last = _Last(sequences, columns)
        levels = last.means([n * season for season, count in periods for n in (1, count)])
        forecasts = [np.repeat(last.values(np.array([1])), horizon, axis=1)]
        for season, n in periods:
            steps = season - np.arange(horizon) % season
            one = last.values(steps)
            forecasts.append(np.broadcast_to(levels[season], one.shape))
            if n > 1:
                mean = _sum(last.values(steps + i * season) for i in range(n)) / n
                forecasts.append(mean + (levels[season] - levels[n * season]))
            forecasts.append(one)
        base = forecasts.pop()
        return base, [forecast - base for forecast in forecasts]

    def _moments(
        self, sequences: Sequences, columns: Sequence[int] | None, parsed: Floats, spread: Floats
    ) -> tuple[Floats, Floats]:
        """Return sums of products, for each step of the horizon, of differences and of targets.

        The numbers are rounded so that these sums are exact.
        """
        horizon, n_rows = len(self.weights), len(parsed) * spread.shape[1]
        bits = min((_EXACT_BITS - int(n_rows).bit_length()) // 2 - _BITS_OF_SIZE, _MOST_BITS)
        largest = 2.0 ** (bits + _BITS_OF_SIZE)
        squares, products = 0.0, 0.0
        n_chunk = max(1, _CHUNK // parsed.shape[1])
        for first in range(0, len(parsed), n_chunk):
            rows = np.arange(first, min(first + n_chunk, len(parsed)))
            base, differences = self._forecasts(sequences.take(rows), columns, horizon)
            y = parsed[rows].reshape(base.shape) - base
            known = ~np.isnan(y)
            scaled = np.stack([*differences, np.where(known, y, 0.0)]) / spread[rows][:, None]
            rounded = np.clip(np.rint(scaled * 2.0**bits), -largest, largest) * known
            rounded = rounded.transpose(2, 0, 1, 3).reshape(horizon, len(scaled), -1)
            sums = rounded @ rounded.transpose(0, 2, 1)
            squares, products = squares + sums[:, :-1, :-1], products + sums[:, :-1, -1]
        return np.asarray(squares), np.asarray(products)


class _Last:
    """The last steps of windows.

    Numbers are added up one by one: their bits do not depend on the number of windows.
    """

    def __init__(self, sequences: Sequences, columns: Sequence[int] | None) -> None:
        assert sequences.values is not None
        self._values, self._ends = sequences.values, sequences.offsets[1:, None]
        self._columns = slice(None) if columns is None else list(columns)

    def values(self, steps: NDArray[np.int64]) -> Floats:
        """Return the values (n_sequences, n, n_targets) of some steps, counted from the end."""
        values = self._values[self._ends - steps][:, :, self._columns]
        return np.asarray(values, dtype=np.float64)

    def means(self, counts: Sequence[int]) -> dict[int, Floats]:
        """Return the means (n_sequences, 1, n_targets) of some numbers of last steps."""
        sums = accumulate(self.values(np.array([i])) for i in range(1, max(counts) + 1))
        return {n: total / n for n, total in enumerate(sums, 1) if n in counts}


def _sum(parts: Iterable[Floats]) -> Floats:
    return reduce(add, parts)


def _spread(sequences: Sequences, columns: Sequence[int] | None, *, is_relative: bool) -> Floats:
    """Return the standard deviations (n_sequences, n_targets) by which errors are divided."""
    mean, std = moments_of_each(sequences)
    if not is_relative:
        # a power of 2, which does not depend on the order of the sums
        both = np.sqrt(np.mean(std**2, axis=0) + np.var(mean, axis=0))
        std = np.broadcast_to(2.0 ** np.rint(np.log2(np.where(both > 0, both, 1.0))), std.shape)
    std = std if columns is None else std[:, list(columns)]
    return np.where(std > 0, std, 1.0)
