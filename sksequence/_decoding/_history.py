"""What a row has been through: codes that occurred, and runs of codes that must not occur again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sksequence._decoding._choice import Choice, Scores, within


class History:
    """The codes of one row, prompt included, as two of the rules see them.

    Parameters
    ----------
    choice : Choice
        The rules.
    codes : sequence of int
        The prompt; unknown symbols are numbers below 0.
    n_codes : int
        How many codes there are.
    """

    def __init__(self, choice: Choice, codes: Sequence[int], n_codes: int) -> None:
        self._size = choice.no_repeat_ngram_size
        penalty = choice.repetition_penalty
        self._penalty = None if penalty is None else within(penalty)
        self._seen = np.zeros(n_codes, dtype=bool)
        self._recent: tuple[int, ...] = ()
        self._following: dict[tuple[int, ...], set[int]] = defaultdict(set)
        for code in codes:
            self.append(code)

    def copy(self) -> History:
        """Return a history that goes on by itself."""
        twin = History.__new__(History)
        twin._size, twin._penalty, twin._recent = self._size, self._penalty, self._recent
        twin._seen = self._seen.copy()
        twin._following = defaultdict(set, {k: set(v) for k, v in self._following.items()})
        return twin

    def append(self, code: int) -> None:
        """Go on by a code."""
        if code >= 0:
            self._seen[code] = True
        if self._size is not None:
            if len(self._recent) == self._size - 1:
                self._following[self._recent].add(code)
            self._recent = (*self._recent, code)[1 - self._size :] if self._size > 1 else ()

    def adjust(self, logits: NDArray[np.float32], end: int | None) -> Scores:
        """Return logits (n_codes,) after both rules; the end of a row may always come."""
        scores = logits.astype(np.float64)
        if self._penalty is not None:
            # Keskar et al. (2019), section 4.1; the division alone would favour negative logits
            penalised = np.where(scores > 0, scores / self._penalty, scores * self._penalty)
            scores = np.where(self._seen, penalised, scores)
        if self._size is not None and len(self._recent) == self._size - 1:
            banned = [code for code in self._following.get(self._recent, ()) if 0 <= code != end]
            scores[banned] = -np.inf
        return scores
