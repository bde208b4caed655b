"""What the loops ask of a network: the logits of each row's next code, and a step from the codes chosen."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Stepper(Protocol):
    """Rows that go on step by step; row i of all arrays belongs together."""

    @property
    def logits(self) -> NDArray[np.float32]:
        """Of the next code of each row, (n_rows, n_codes)."""

    def advance(self, codes: NDArray[np.int64]) -> None:
        """Go on by one code a row."""

    def select(self, rows: NDArray[np.int64]) -> None:
        """Keep some rows, in the order given; a row may be taken several times."""


class CompiledStepper:
    """The steps of plain recurrent layers in compiled loops, which can also draw the codes.

    Parameters
    ----------
    kind : int
        Of the cell, as the loops count them.
    tables, weights : tuple of ndarray
        The network, as the loops want it.
    hidden, memory : ndarray of shape (n_rows, n_layers, n_hidden)
        The states.
    logits : ndarray of shape (n_rows, n_codes)
        That came with them.
    """

    def __init__(
        self, kind: int, tables: Any, weights: Any, hidden: Any, memory: Any, logits: Any
    ) -> None:
        self._network = kind, tables, weights
        self._states: tuple[NDArray[np.float32], ...] = (hidden, memory, logits)

    @property
    def logits(self) -> NDArray[np.float32]:
        """Of the next code of each row, (n_rows, n_codes)."""
        return self._states[2]

    def advance(self, codes: NDArray[np.int64]) -> None:
        """Go on by one code a row."""
        given = np.array(codes, dtype=np.int64)[:, None]
        nothing = np.zeros(self.logits.shape[1], dtype=bool)
        self._run(-1.0, np.empty(given.shape), nothing, np.ones(len(codes), np.int64), given)

    def run(
        self,
        uniforms: NDArray[np.float64],
        temperature: float,
        halting: NDArray[np.bool_],
        limits: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Draw up to `limits` codes a row, as far as the first one that halts.

        Returns
        -------
        codes : ndarray of shape (n_rows, n_draws)
            The codes drawn.
        counts : ndarray of shape (n_rows,)
            How many.
        """
        codes = np.empty(uniforms.shape, dtype=np.int64)
        counts = self._run(temperature, uniforms, halting, limits, codes)
        return codes, counts

    def _run(
        self, temperature: float, uniforms: Any, halting: Any, limits: Any, codes: Any
    ) -> NDArray[np.int64]:
        from sksequence._kernels._generation_loops import run

        counts = np.empty(len(codes), dtype=np.int64)
        run(*self._network, self._states, temperature, uniforms, halting, limits, codes, counts)
        return counts

    def select(self, rows: NDArray[np.int64]) -> None:
        """Keep some rows, in the order given; a row may be taken several times."""
        self._states = tuple(part[rows] for part in self._states)
