"""Centring and scaling of numeric steps, in float64, before the cast to float32."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sksequence._batching._sequences import Sequences

_Values = NDArray[np.number]

# data read at a time: memory stays bounded with a memory map
_CHUNK_STEPS = 1 << 18
_CHUNK_VALUES = 1 << 21
_IN_CACHE = 1 << 15  # values that several operations find in the cache
# smaller standard deviations, relative to the mean, consist of rounding errors
LEAST_STD = 1e-8
# standard deviations to which values are limited: products with larger ones overflow in float32,
# and the values of a training set lie within the square root of its size
MAX_SCALED = 1e6
# the same for the logs of standard deviations of windows whose targets have their scale
MAX_SCALED_LOG = 2.0


class Scaler:
    """Standardisation of each feature, over all steps or within each sequence.

    Missing values, NaN, stay missing; means and standard deviations are those of the others.

    Parameters
    ----------
    kind : {"global", "sequence", False}
        "global" learns the mean and standard deviation of each feature over all training steps.
        "sequence" uses those of each sequence, and adds the log of the sequence's standard
        deviation, itself standardised, as a feature of each step. False leaves values as they are.
    level_steps : int, default=None
        Number of last steps of a sequence whose mean is subtracted from it first, so that a series
        shifted by a constant looks the same. None subtracts nothing.

    Attributes
    ----------
    mean, std : ndarray of shape (n_features,)
        Learnt mean and standard deviation, of the logs with "sequence"; 0 and 1 with False.
    """

    def __init__(self, kind: str | bool, level_steps: int | None = None) -> None:
        self.kind = kind
        self.level_steps = level_steps
        self.mean: NDArray[np.float64] = np.zeros(0)
        self.std: NDArray[np.float64] = np.ones(0)

    def fit(self, sequences: Sequences, rows: NDArray[np.int64]) -> Scaler:
        """Learn from the training rows, chunk by chunk: a memory map stays on disk."""
        assert sequences.values is not None
        width = sequences.values.shape[1]
        self.mean, self.std = np.zeros(width), np.ones(width)
        if self.kind == "global":
            blocks = (self._centred(chunk) for chunk in _chunks(sequences, rows))
            self.mean, self.std = _moments(blocks)
        elif self.kind == "sequence":
            chunks = _chunks(sequences, rows)
            if self.level_steps is None:
                self.mean, self.std = _moments(np.log(_own_moments(chunk)[1]) for chunk in chunks)
            else:
                stds = np.concatenate([_moments_of_each(chunk)[1] for chunk in chunks])
                self.mean, self.std = _moments_of_logs(stds)
        return self

    @property
    def n_extra(self) -> int:
        """Number of features added to each step."""
        return len(self.mean) if self.kind == "sequence" else 0

    @property
    def is_stepwise(self) -> bool:
        """Whether a step is scaled alike in every sequence."""
        return self.kind != "sequence" and self.level_steps is None

    def scale_steps(self, values: _Values) -> NDArray[np.float32]:
        """Scale steps (n_rows, n_features) that do not depend on their sequence."""
        if self.kind is False:
            return values.astype(np.float32, copy=False)
        return self.transform_steps(values)

    def transform(
        self, sequences: Sequences
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Scale sequences.

        Returns
        -------
        values : ndarray of shape (sum of n_steps, n_features)
            Scaled steps: the same bits for a sequence, independent of the others.
        extra : ndarray of shape (n_sequences, n_extra) or None
            Added features, the same at each step of a sequence.
        """
        assert sequences.values is not None
        if self.is_stepwise:
            return self.scale_steps(sequences.values), None
        chunks = _chunks(sequences, np.arange(len(sequences)))
        if self.kind == "sequence":
            pieces = [self._each_standardised(chunk) for chunk in chunks]
            values, extra = (np.concatenate(blocks) for blocks in zip(*pieces, strict=True))
            return values, extra
        values = np.concatenate([self.transform_steps(self._centred(chunk)) for chunk in chunks])
        return values, None

    def _centred(self, sequences: Sequences) -> _Values:
        """Subtract the level of each sequence."""
        assert sequences.values is not None
        if self.level_steps is None:
            return sequences.values
        levels = _last_mean(sequences, self.level_steps)
        return np.asarray(sequences.values - np.repeat(levels, sequences.lengths, axis=0))

    def transform_steps(self, values: _Values) -> NDArray[np.float32]:
        """Scale steps (n_rows, n_features) by the mean and standard deviation of all."""
        n_steps = max(1, _IN_CACHE // values.shape[1])
        if len(values) <= n_steps:
            return self._standardised(values).astype(np.float32)
        scaled = np.empty(values.shape, dtype=np.float32)
        for start in range(0, len(scaled), n_steps):  # only a part at a time is in float64
            part = slice(start, start + n_steps)
            scaled[part] = self._standardised(values[part])
        return scaled

    def _standardised(self, values: _Values) -> NDArray[np.float64]:
        block = np.asarray(values - self.mean, dtype=np.float64)
        block /= self.std
        np.maximum(block, -MAX_SCALED, out=block)  # np.clip takes longer
        return np.minimum(block, MAX_SCALED, out=block)

    def _each_standardised(
        self, sequences: Sequences
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scale each sequence by its own mean and standard deviation; return the added features."""
        assert sequences.values is not None
        mean, own = _moments_of_each(sequences)
        std, lengths = np.where(own > 0, own, 1.0), sequences.lengths
        centred = sequences.values - np.repeat(mean, lengths, axis=0)
        scaled = centred / np.repeat(std, lengths, axis=0)
        extra = np.where(np.isnan(own), np.nan, (np.log(std) - self.mean) / self.std)
        limit = MAX_SCALED
        if self.level_steps is not None:
            # a size unlike all those of the training is no reason for another shape of forecast
            limit = MAX_SCALED_LOG
            extra[own == 0] = 0.0
        np.clip(scaled, -MAX_SCALED, MAX_SCALED, out=scaled)
        return scaled.astype(np.float32), np.clip(extra, -limit, limit).astype(np.float32)


def _last_mean(sequences: Sequences, n_steps: int) -> NDArray[np.float64]:
    """Return the mean of the last `n_steps` steps, of shape (n_sequences, n_features)."""
    assert sequences.values is not None
    lengths = np.minimum(sequences.lengths, n_steps)
    ends = sequences.offsets[1:]
    if n_steps == 1:
        return np.asarray(sequences.values[ends - 1], dtype=np.float64)
    last = sequences.take_runs(ends - lengths, lengths)
    return _own_moments(last)[0]


def _chunk_steps(values: _Values) -> int:
    return min(_CHUNK_STEPS, max(1, _CHUNK_VALUES // int(values.shape[1])))


def _chunks(sequences: Sequences, rows: NDArray[np.int64]) -> Iterator[Sequences]:
    """Cut rows into chunks of bounded size, which depend on lengths and n_features only."""
    assert sequences.values is not None
    n_steps = _chunk_steps(sequences.values)
    ends = np.cumsum(sequences.lengths[rows])
    marks = np.searchsorted(ends, np.arange(n_steps, ends[-1] + n_steps, n_steps))
    for piece in np.split(rows, np.unique(np.minimum(marks + 1, len(rows)))):
        if len(piece):
            yield sequences.take(piece)


def _moments(blocks: Iterator[_Values]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and standard deviation over all rows of all blocks, NaN left out.

    References
    ----------
    .. [1] Chan, Golub & LeVeque (1983), Algorithms for Computing the Sample Variance, The American
       Statistician 37(3).
    """
    n: _Values = np.zeros(1, dtype=np.int64)
    mean, squares = np.zeros(1), np.zeros(1)
    for block in blocks:
        block = np.asarray(block, dtype=np.float64)
        m: _Values = np.full(1, len(block))
        block_mean = block.mean(axis=0)
        if np.isnan(block_mean).any():
            present = ~np.isnan(block)
            m = present.sum(axis=0)
            block_mean = np.where(present, block, 0.0).sum(axis=0) / np.maximum(m, 1)
            block = np.where(present, block, block_mean)
        delta = block_mean - mean
        centred = block - block_mean
        own = np.square(centred, out=centred).sum(axis=0)
        total = np.maximum(n + m, 1)
        squares = squares + own + delta**2 * (n * m / total)
        mean = mean + delta * (m / total)
        n = n + m
    return mean, _safe(np.sqrt(squares / np.maximum(n, 1)), mean)


def _moments_of_logs(stds: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the moments of the logs of the standard deviations above 0, of each feature."""
    logs = [np.log(column[column > 0]) for column in stds.T]
    mean = np.array([part.mean() if len(part) else 0.0 for part in logs])
    std = np.array([part.std() if len(part) else 1.0 for part in logs])
    return mean, np.where(std > LEAST_STD, std, 1.0)


def _own_moments(sequences: Sequences) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean of each sequence, and its standard deviation, or 1 where it is constant."""
    mean, std = _moments_of_each(sequences)
    return mean, np.where(std == 0, 1.0, std)


def moments_of_each(sequences: Sequences) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of each sequence, (n_sequences, n_features).

    The standard deviation of a constant feature is 0. Both are NaN where all values are missing.
    """
    chunks = _chunks(sequences, np.arange(len(sequences)))
    means, stds = zip(*(_moments_of_each(chunk) for chunk in chunks), strict=True)
    return np.concatenate(means), np.concatenate(stds)


def _moments_of_each(sequences: Sequences) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    assert sequences.values is not None
    values = sequences.values.astype(np.float64)
    starts, lengths = sequences.offsets[:-1], sequences.lengths[:, None]
    mean = np.add.reduceat(values, starts, axis=0) / lengths
    if np.isnan(mean).any():
        present = ~np.isnan(values)
        counts = np.add.reduceat(present, starts, axis=0, dtype=np.int64)
        lengths = np.where(counts > 0, counts, np.nan)
        mean = np.add.reduceat(np.where(present, values, 0.0), starts, axis=0) / lengths
        values = np.where(present, values, np.repeat(mean, sequences.lengths, axis=0))
    centred = values - np.repeat(mean, sequences.lengths, axis=0)
    std = np.sqrt(np.add.reduceat(centred**2, starts, axis=0) / lengths)
    return mean, np.where(_is_constant(std, mean), 0.0, std)


def _safe(std: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 for constant features, which are centred only, lest rounding errors be scaled up."""
    return np.where(_is_constant(std, mean), 1.0, std)


def _is_constant(std: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Check whether standard deviations consist of rounding errors."""
    return np.asarray(std <= LEAST_STD * np.maximum(np.abs(mean), np.finfo(np.float32).tiny))
