"""Series that go on: what a network gives becomes values, and values become what it reads next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence._targets._past import Past
from sksequence._targets._series import SeriesCodec

Floats = NDArray[np.float64]


class Continuation:
    """Rows of series that are continued side by side, step by step.

    Parameters
    ----------
    codec : SeriesCodec
        Between values and what the network reads and gives.
    past : Past
        Where each row stands.
    future : ndarray of shape (n_rows, horizon, n_known)
        The features known beforehand, at the steps to come.
    scale : callable
        From inputs to what the network reads.
    """

    def __init__(
        self,
        codec: SeriesCodec,
        past: Past,
        future: Floats,
        scale: Callable[[Floats], NDArray[np.float32]],
    ) -> None:
        self._codec, self._past, self._future, self._scale = codec, past, future, scale
        self._next = past.next()
        self._path: list[Floats] = []

    def take(self, rows: NDArray[np.int64]) -> Continuation:
        """Return these rows, each as often as it is named."""
        return Continuation(self._codec, self._past.take(rows), self._future[rows], self._scale)

    def feed(self, encoded: NDArray[Any]) -> NDArray[np.float32]:
        """Take the next standardised values (n_rows, n_features), and return the inputs of the step after them."""
        values = self._codec.values(encoded.astype(np.float64), self._next)
        self._path.append(values)
        self._past.append(values)
        self._next = self._past.next()
        # after the last step nothing is known, and nothing is read any more
        step = min(len(self._path), self._future.shape[1] - 1)
        return self._scale(self._codec.inputs(self._next, self._future[:, step]))

    @property
    def path(self) -> Floats:
        """The values so far, of shape (n_rows, n_steps, n_features)."""
        return np.stack(self._path, axis=1)
