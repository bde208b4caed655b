"""Randomness row by row: each has a stream of uniform numbers of its own, whatever the others do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

_BLOCK = 64


def stream_names(prompts: Sequence[Sequence[int]], n_samples: int) -> list[tuple[int, int]]:
    """Name a stream for each sample of each prompt: by what the prompt holds, and by its turn among equal ones."""
    turns: Counter[int] = Counter()
    names = []
    for prompt in prompts:
        codes = np.asarray(prompt, dtype="<i8")
        name = int.from_bytes(blake2b(codes.tobytes(), digest_size=8).digest(), "little")
        names += [(name, turns[name] << 32 | sample) for sample in range(n_samples)]
        turns[name] += 1
    return names


class Uniforms:
    """Streams of uniform numbers, one a row, drawn in blocks.

    A row's stream is a range of counters of its own under one key: Philox numbers are a function of key and counter
    [1]_.

    Parameters
    ----------
    seed : int
        The key.
    rows : sequence of (int, int)
        Names of the streams.

    References
    ----------
    .. [1] Salmon et al. (2011), Parallel Random Numbers: As Easy as 1, 2, 3, SC.
    """

    def __init__(self, seed: int, rows: Sequence[tuple[int, int]]) -> None:
        key = np.random.SeedSequence(seed).generate_state(2, np.uint64)
        self._streams = [
            np.random.Generator(np.random.Philox(key=key, counter=[0, 0, *name])) for name in rows
        ]
        self._block = np.empty((len(rows), _BLOCK))
        self._used = np.full(len(rows), _BLOCK)

    def ahead(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return what is left of the blocks of some rows, at their left edge, and how much that is; at least one."""
        for row in rows[self._used[rows] == _BLOCK]:
            self._streams[row].random(out=self._block[row])
            self._used[row] = 0
        used = self._used[rows]
        if not used.any():
            return self._block[rows], _BLOCK - used
        shifted = np.minimum(used[:, None] + np.arange(_BLOCK), _BLOCK - 1)
        return self._block[rows[:, None], shifted], _BLOCK - used

    def spend(self, rows: NDArray[np.int64], counts: NDArray[np.int64] | int) -> None:
        """Go on by so many numbers a row."""
        self._used[rows] += counts

    def one(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the next number of each row and go on."""
        block, _ = self.ahead(rows)
        self.spend(rows, 1)
        return block[:, 0]


class SeriesUniforms:
    """Uniform numbers for sample paths of series, from a stream of its own for each series.

    Parameters
    ----------
    seed : int
        The key.
    names : ndarray of uint64 of shape (n_series,)
        Names of the streams.
    width : int
        Numbers for a step.
    """

    def __init__(self, seed: int, names: NDArray[np.uint64], width: int) -> None:
        self._key = np.random.SeedSequence(seed).generate_state(2, np.uint64)
        self._names, self._width = names, width

    def of(self, series: NDArray[np.int64], n_samples: int, n_steps: int) -> NDArray[np.float64]:
        """Return numbers in (0, 1] of shape (n_series * n_samples, n_steps, width).

        Those of the first samples are the same however many there are.
        """
        shape = (n_samples, n_steps, self._width)
        streams = (self._stream(name, 0) for name in self._names[series])
        return 1.0 - np.concatenate([stream.random(shape) for stream in streams])

    def choices(
        self, series: NDArray[np.int64], n_samples: int, n_choices: int
    ) -> NDArray[np.int64]:
        """Return one of so many choices for each sample, of shape (n_series * n_samples,).

        They take turns from a random one on: each is as likely, and about as frequent, as the others.
        """
        starts = [self._stream(name, 1).integers(n_choices) for name in self._names[series]]
        return ((np.array(starts)[:, None] + np.arange(n_samples)) % n_choices).ravel()

    def _stream(self, name: np.uint64, number: int) -> np.random.Generator:
        """Return a stream of a series: those of different numbers have nothing in common."""
        bits = np.random.Philox(key=self._key, counter=[0, 0, number, int(name)])
        return np.random.Generator(bits)
