"""When a row has ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NOTHING = -1  # in the place of a code: all of them were ruled out


@dataclass(frozen=True)
class Ends:
    """What ends a row.

    Attributes
    ----------
    max_steps : int
        The most codes a row.
    end : int or None
        A code that ends a row and is not part of it.
    stops : sequence of sequences of int
        A row ends once its new codes end with one of these, which is part of it.
    is_over : callable or None
        Called with a row's new codes and how many of them it has not seen: tells whether the row ends for another
        reason. It is asked late: a row may go on for some codes after that.
    """

    max_steps: int
    end: int | None = None
    stops: Sequence[Sequence[int]] = ()
    is_over: Callable[[Sequence[int], int], bool] | None = None

    def halting(self, n_codes: int) -> NDArray[np.bool_]:
        """Tell which codes may end a row."""
        halts = np.zeros(n_codes, dtype=bool)
        halts[[stop[-1] for stop in self.stops]] = True
        if self.end is not None:
            halts[self.end] = True
        return halts

    def extend(self, row: list[int], codes: list[int]) -> bool:
        """Append codes, of which only the last may end the row; tell whether it goes on."""
        row += codes
        if row and row[-1] in (self.end, NOTHING):
            del row[-1]
            return False
        return len(row) < self.max_steps and not self._stopped(row, len(codes))

    def _stopped(self, row: list[int], n_new: int) -> bool:
        if self.is_over is not None and self.is_over(row, n_new):
            return True
        return any(row[-len(stop) :] == list(stop) for stop in self.stops)
