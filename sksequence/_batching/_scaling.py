"""Centring and scaling of numeric steps, in float64, before the cast to float32."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sksequence._batching._sequences import Sequences

# Looked at together: memory stays bounded for a memory map
_CHUNK_STEPS = 1 << 18
_CHUNK_VALUES = 1 << 21
_TINY = 1e-8


class Scaler:
    """Standardise each feature over all steps, or each sequence by itself.

    Parameters
    ----------
    kind : {"global", "sequence", False}
        "global" learns mean and deviation of each feature over all training steps. "sequence" uses each
        sequence's own and keeps the logarithm of its deviation as an extra feature of each step, itself
        standardised. False leaves values as they are.
    level_steps : int, default=None
        The mean of so many last steps of a sequence is subtracted from it first, feature by feature: a series that
        is shifted by a constant looks the same. None subtracts nothing.
    """

    def __init__(
        self, kind: Literal["global", "sequence"] | bool, level_steps: int | None = None
    ) -> None:
        self.kind = kind
        self.level_steps = level_steps
        self.mean: NDArray[np.float64] = np.zeros(0)
        self.deviation: NDArray[np.float64] = np.ones(0)

    def fit(self, sequences: Sequences, rows: NDArray[np.int64]) -> Scaler:
        """Learn from the training rows, chunk by chunk, so that a memory map stays on disk."""
        assert sequences.values is not None
        width = sequences.values.shape[1]
        self.mean, self.deviation = np.zeros(width), np.ones(width)
        if self.kind == "global":
            blocks = (self._centred(chunk) for chunk in _chunks(sequences, rows))
            self.mean, self.deviation = _moments(blocks)
        elif self.kind == "sequence":
            logs = (np.log(_own_moments(chunk)[1]) for chunk in _chunks(sequences, rows))
            self.mean, self.deviation = _moments(logs)
        return self

    @property
    def n_extra(self) -> int:
        """Features added to each step."""
        return len(self.mean) if self.kind == "sequence" else 0

    def transform(
        self, sequences: Sequences
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Scale sequences.

        Returns
        -------
        values : ndarray of shape (sum of n_steps, n_features)
            The same bits for a sequence, whatever others there are.
        extra : ndarray of shape (n_sequences, n_extra) or None
            The added features, the same at each step.
        """
        assert sequences.values is not None
        if self.kind is False and self.level_steps is None:
            return sequences.values.astype(np.float32, copy=False), None
        if self.kind != "sequence" and self.level_steps is None:
            return self.rows(sequences.values), None
        chunks = _chunks(sequences, np.arange(len(sequences)))
        if self.kind == "sequence":
            pieces = [self._by_themselves(chunk) for chunk in chunks]
            scaled, extra = (np.concatenate(blocks) for blocks in zip(*pieces, strict=True))
            return scaled, extra
        return np.concatenate([self.rows(self._centred(chunk)) for chunk in chunks]), None

    def _centred(self, sequences: Sequences) -> NDArray[Any]:
        """Subtract the level of each sequence."""
        assert sequences.values is not None
        if self.level_steps is None:
            return sequences.values
        levels = _last_mean(sequences, self.level_steps)
        return np.asarray(sequences.values - np.repeat(levels, sequences.lengths, axis=0))

    def rows(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Scale steps of shape (n_rows, n_features), where all are scaled alike."""
        scaled = np.empty(values.shape, dtype=np.float32)
        n_steps = _chunk_steps(values)
        for start in range(0, len(scaled), n_steps):  # float64 for a part at a time
            part = slice(start, start + n_steps)
            centred = values[part] - self.mean
            np.divide(centred, self.deviation, out=scaled[part], casting="same_kind")
        return scaled

    def _by_themselves(
        self, sequences: Sequences
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        assert sequences.values is not None
        mean, deviation = _own_moments(sequences)
        lengths = sequences.lengths
        centred = sequences.values - np.repeat(mean, lengths, axis=0)
        scaled = centred / np.repeat(deviation, lengths, axis=0)
        extra = (np.log(deviation) - self.mean) / self.deviation
        return scaled.astype(np.float32), extra.astype(np.float32)


def _last_mean(sequences: Sequences, n_steps: int) -> NDArray[np.float64]:
    """Return the mean of the last `n_steps` steps of each sequence, of shape (n_sequences, n_features)."""
    assert sequences.values is not None
    lengths = np.minimum(sequences.lengths, n_steps)
    ends = sequences.offsets[1:]
    if n_steps == 1:
        return np.asarray(sequences.values[ends - 1], dtype=np.float64)
    last = sequences.take_runs(ends - lengths, lengths)
    return _own_moments(last)[0]


def _chunk_steps(values: NDArray[Any]) -> int:
    return min(_CHUNK_STEPS, max(1, _CHUNK_VALUES // int(values.shape[1])))


def _chunks(sequences: Sequences, rows: NDArray[np.int64]) -> Iterator[Sequences]:
    """Cut rows into runs of bounded size; where they are cut depends on lengths and features only."""
    assert sequences.values is not None
    n_steps = _chunk_steps(sequences.values)
    ends = np.cumsum(sequences.lengths[rows])
    marks = np.searchsorted(ends, np.arange(n_steps, ends[-1] + n_steps, n_steps))
    for piece in np.split(rows, np.unique(np.minimum(marks + 1, len(rows)))):
        if len(piece):
            yield sequences.take(piece)


def _moments(blocks: Iterator[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation over all rows of all blocks (pairwise update of Chan, Golub and LeVeque 1983)."""
    n, mean, squares = 0, np.zeros(1), np.zeros(1)
    for block in blocks:
        block = np.asarray(block, dtype=np.float64)
        m = len(block)
        block_mean = block.mean(axis=0)
        delta = block_mean - mean
        centred = block - block_mean
        own = np.square(centred, out=centred).sum(axis=0)
        squares = squares + own + delta**2 * (n * m / (n + m))
        mean = mean + delta * (m / (n + m))
        n += m
    return mean, _safe(np.sqrt(squares / n), mean)


def _own_moments(sequences: Sequences) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of each sequence, of shape (n_sequences, n_features)."""
    assert sequences.values is not None
    values = sequences.values.astype(np.float64)
    starts, lengths = sequences.offsets[:-1], sequences.lengths[:, None]
    mean = np.add.reduceat(values, starts, axis=0) / lengths
    centred = values - np.repeat(mean, sequences.lengths, axis=0)
    deviation = np.sqrt(np.add.reduceat(centred**2, starts, axis=0) / lengths)
    return mean, _safe(deviation, mean)


def _safe(deviation: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 for a constant feature, which is centred only: rounding errors are not a deviation."""
    constant = deviation <= _TINY * np.maximum(np.abs(mean), np.finfo(np.float32).tiny)
    return np.where(constant, 1.0, deviation)
