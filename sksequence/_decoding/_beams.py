"""Beam search: the likeliest continuations, found by keeping the best few prefixes of each length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sksequence._decoding._choice import Choice, Scores, log_softmax
from sksequence._decoding._ends import Ends
from sksequence._decoding._history import History
from sksequence._decoding._stepper import Stepper


@dataclass(frozen=True)
class Beams:
    """How to search.

    Attributes
    ----------
    num_beams : int
        How many prefixes are kept; one is the greedy choice.
    length_penalty : float
        The exponent alpha of Wu et al. [1]_: a log-probability is divided by ((5 + length) / 6) ** alpha. 0 looks for
        the likeliest continuation; longer ones gain by more.

    References
    ----------
    .. [1] Wu et al. (2016), Google's Neural Machine Translation System, arXiv:1609.08144, equation 14.
    """

    num_beams: int
    length_penalty: float = 0.0

    def rank(self, score: float, length: int) -> float:
        """Return the score that candidates of different lengths are compared by."""
        return float(score / ((5.0 + length) / 6.0) ** self.length_penalty)


@dataclass
class _Search:
    """Prefixes that go on, best first, and the best that have ended."""

    beams: Beams
    ends: Ends
    histories: list[History]
    rows: list[list[int]] = field(default_factory=lambda: [[]])
    scores: Scores = field(default_factory=lambda: np.zeros(1))
    ended: list[tuple[float, list[int]]] = field(default_factory=list)

    def extend(self, logits: NDArray[np.float32]) -> tuple[list[int], list[int]]:
        """Extend the prefixes by a code; return which of them go on, and with what."""
        total = self.scores[:, None] + log_softmax(self._adjusted(logits))
        flat = total.ravel()
        n_candidates = 2 * self.beams.num_beams  # as many may end
        best = np.argsort(-flat, kind="stable")[:n_candidates]
        parents: list[int] = []
        codes: list[int] = []
        rows: list[list[int]] = []
        for rank, candidate in enumerate(best[np.isfinite(flat[best])].tolist()):
            parent, code = divmod(candidate, total.shape[1])
            row = list(self.rows[parent])
            if not self.ends.extend(row, [code]):
                if rank < self.beams.num_beams:  # a worse one is no end: one beam is greedy
                    self._end(flat[candidate], row, len(self.rows[parent]) + 1)
            elif len(rows) < self.beams.num_beams:
                rows.append(row)
                parents.append(parent)
                codes.append(code)
        self._end_stuck(total)
        self.rows = rows
        self.scores = total[parents, codes]
        return parents, codes

    def _adjusted(self, logits: NDArray[np.float32]) -> Scores:
        if not self.histories:
            return logits.astype(np.float64)
        rows = zip(self.histories, logits, strict=True)
        return np.stack([history.adjust(row, self.ends.end) for history, row in rows])

    def _end(self, score: float, row: list[int], length: int) -> None:
        self.ended.append((self.beams.rank(float(score), length), row))
        self.ended.sort(key=lambda item: -item[0])
        del self.ended[self.beams.num_beams :]

    def _end_stuck(self, total: Scores) -> None:
        """End the prefixes that nothing may follow."""
        for parent in np.flatnonzero(~np.isfinite(total).any(axis=1)).tolist():
            self._end(self.scores[parent], self.rows[parent], max(1, len(self.rows[parent])))

    def follow(self, parents: list[int], codes: list[int]) -> None:
        """Let the histories follow the prefixes."""
        if self.histories:
            self.histories = [self.histories[parent].copy() for parent in parents]
            for history, code in zip(self.histories, codes, strict=True):
                history.append(code)

    @property
    def is_over(self) -> bool:
        """Whether no prefix can still become one of the best."""
        if not self.rows:
            return True
        longest = self.ends.max_steps if self.beams.length_penalty > 0 else len(self.rows[0]) + 1
        hope = self.beams.rank(float(self.scores[0]), longest)
        return len(self.ended) == self.beams.num_beams and self.ended[-1][0] >= hope


def search_beams(
    stepper: Stepper, beams: Beams, choice: Choice, prompt: Sequence[int], ends: Ends
) -> list[list[int]]:
    """Search for the likeliest continuations of one prompt.

    Parameters
    ----------
    stepper : Stepper
        The network, with one row.
    beams : Beams
        How to search.
    choice : Choice
        Its rules that look back.
    prompt : sequence of int
        What the row continues, for those rules.
    ends : Ends
        When a row has ended.

    Returns
    -------
    list of list of int
        The new codes of up to `num_beams` continuations, the best first.
    """
    n_codes = stepper.logits.shape[1]
    search = _Search(beams, ends, [History(choice, prompt, n_codes)] if choice.looks_back else [])
    while not search.is_over:
        parents, codes = search.extend(stepper.logits)
        search.follow(parents, codes)
        if search.rows:
            stepper.select(np.array(parents, dtype=np.int64))
            stepper.advance(np.array(codes, dtype=np.int64))
    return [row for _, row in search.ended]
