"""Centring and scaling of numeric steps, in float64, before the cast to float32."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sksequence._batching._sequences import Sequences

_CHUNK_STEPS = 1 << 18
_TINY = 1e-8


class Scaler:
    """Standardise each feature over all steps, or each sequence by itself.

    Parameters
    ----------
    kind : {"global", "sequence", False}
        "global" learns mean and deviation of each feature over all training steps. "sequence" uses each
        sequence's own and keeps the logarithm of its deviation as an extra feature of each step, itself
        standardised. False leaves values as they are.
    """

    def __init__(self, kind: Literal["global", "sequence"] | bool) -> None:
        self.kind = kind
        self.mean: NDArray[np.float64] = np.zeros(0)
        self.deviation: NDArray[np.float64] = np.ones(0)

    def fit(self, sequences: Sequences, rows: NDArray[np.int64]) -> Scaler:
        """Learn from the training rows, chunk by chunk, so that a memory map stays on disk."""
        assert sequences.values is not None
        width = sequences.values.shape[1]
        self.mean, self.deviation = np.zeros(width), np.ones(width)
        if self.kind == "global":
            blocks = (chunk.values for chunk in _chunks(sequences, rows))
            self.mean, self.deviation = _moments(blocks)
        elif self.kind == "sequence":
            logs = (np.log(_own_moments(chunk)[1]) for chunk in _chunks(sequences, rows))
            self.mean, self.deviation = _moments(logs)
        return self

    @property
    def n_extra(self) -> int:
        """Features added to each step."""
        return len(self.mean) if self.kind == "sequence" else 0

    def transform(self, sequences: Sequences) -> NDArray[np.float32]:
        """Return the scaled values of shape (sum of n_steps, n_features)."""
        assert sequences.values is not None
        if self.kind == "sequence":
            mean, deviation = _own_moments(sequences)
            lengths = sequences.lengths
            centred = sequences.values - np.repeat(mean, lengths, axis=0)
            return (centred / np.repeat(deviation, lengths, axis=0)).astype(np.float32)
        if self.kind is False:
            return sequences.values.astype(np.float32, copy=False)
        scaled = np.empty(sequences.values.shape, dtype=np.float32)
        for start in range(0, len(scaled), _CHUNK_STEPS):  # float64 for a part at a time
            part = slice(start, start + _CHUNK_STEPS)
            scaled[part] = (sequences.values[part].astype(np.float64) - self.mean) / self.deviation
        return scaled

    def extra(self, sequences: Sequences) -> NDArray[np.float32] | None:
        """Return the added features of shape (n_sequences, n_extra), the same at each step; None without."""
        if self.kind != "sequence":
            return None
        logs = np.log(_own_moments(sequences)[1])
        return ((logs - self.mean) / self.deviation).astype(np.float32)


def _chunks(sequences: Sequences, rows: NDArray[np.int64]) -> Iterator[Sequences]:
    """Cut rows into runs of bounded size; where they are cut depends on lengths only."""
    ends = np.cumsum(sequences.lengths[rows])
    marks = np.searchsorted(ends, np.arange(_CHUNK_STEPS, ends[-1] + _CHUNK_STEPS, _CHUNK_STEPS))
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
        squares = squares + ((block - block_mean) ** 2).sum(axis=0) + delta**2 * (n * m / (n + m))
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
