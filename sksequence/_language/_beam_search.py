"""Beam search: the most probable continuations, found by keeping the best prefixes per length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sksequence._language._sampling import StoppingCriteria
from sksequence._language._sampling_rules import History, SamplingRules, Scores, log_softmax
from sksequence._language._steppers import Stepper


@dataclass(frozen=True)
class Beams:
    """Options of a beam search.

    Attributes
    ----------
    num_beams : int
        Number of prefixes that are kept; 1 is greedy decoding.
    length_penalty : float
        Exponent alpha of Wu et al. [1]_: log-probabilities are divided by
        ((5 + length) / 6) ** alpha. 0 searches for the most probable continuations; higher values
        favour longer ones.

    References
    ----------
    .. [1] Wu et al. (2016), Google's Neural Machine Translation System, arXiv:1609.08144, equation
       14.
    """

    num_beams: int
    length_penalty: float = 0.0

    def rank(self, score: float, length: int) -> float:
        """Return the score by which candidates of different lengths are compared."""
        try:
            divisor = ((5.0 + length) / 6.0) ** self.length_penalty
        except OverflowError:
            divisor = float("inf")
        return float(score / divisor) if divisor else -float("inf")


@dataclass
class _Search:
    """Unfinished prefixes and the best finished ones, both best first."""

    beams: Beams
    criteria: StoppingCriteria
    histories: list[History]
    first: NDArray[np.bool_] | None = None
    rows: list[list[int]] = field(default_factory=lambda: [[]])
    scores: Scores = field(default_factory=lambda: np.zeros(1))
    finished: list[tuple[float, list[int]]] = field(default_factory=list)

    def extend(self, logits: NDArray[np.float32]) -> tuple[list[int], list[int]]:
        """Extend the prefixes by one code.

        Returns
        -------
        parents : list of int
            Position of the former prefix of each new unfinished one.
        codes : list of int
            Code that was added to it.
        """
        total = self.scores[:, None] + log_softmax(self._adjusted(logits))
        flat = total.ravel()
        n_candidates = 2 * self.beams.num_beams  # half of them may be finished
        best = np.argsort(-flat, kind="stable")[:n_candidates]
        parents: list[int] = []
        codes: list[int] = []
        rows: list[list[int]] = []
        for rank, candidate in enumerate(best[np.isfinite(flat[best])].tolist()):
            parent, code = divmod(candidate, total.shape[1])
            row = list(self.rows[parent])
            if not self.criteria.extend(row, [code]):
                if rank < self.beams.num_beams:  # so that a single beam is greedy
                    self._finish(flat[candidate], row, len(self.rows[parent]) + 1)
            elif len(rows) < self.beams.num_beams:
                rows.append(row)
                parents.append(parent)
                codes.append(code)
        self._finish_exhausted(total)
        self.rows = rows
        self.scores = total[parents, codes]
        return parents, codes

    def _adjusted(self, logits: NDArray[np.float32]) -> Scores:
        if self.first is not None:
            logits, self.first = np.where(self.first, logits, np.float32(-np.inf)), None
        if not self.histories:
            return logits.astype(np.float64)
        rows = zip(self.histories, logits, strict=True)
        return np.stack([history.adjust(row, self.criteria.end) for history, row in rows])

    def _finish(self, score: float, row: list[int], length: int) -> None:
        self.finished.append((self.beams.rank(float(score), length), row))
        self.finished.sort(key=lambda item: -item[0])
        del self.finished[self.beams.num_beams :]

    def _finish_exhausted(self, total: Scores) -> None:
        """Finish the prefixes after which no code is possible."""
        for parent in np.flatnonzero(~np.isfinite(total).any(axis=1)).tolist():
            self._finish(self.scores[parent], self.rows[parent], max(1, len(self.rows[parent])))

    def update_histories(self, parents: list[int], codes: list[int]) -> None:
        """Select and extend the histories as the prefixes were."""
        if self.histories:
            self.histories = [self.histories[parent].copy() for parent in parents]
            for history, code in zip(self.histories, codes, strict=True):
                history.append(code)

    @property
    def is_over(self) -> bool:
        """Whether no unfinished prefix can become one of the best."""
        if not self.rows:
            return True
        longest = (
            self.criteria.max_steps if self.beams.length_penalty > 0 else len(self.rows[0]) + 1
        )
        bound = self.beams.rank(float(self.scores[0]), longest)
        return len(self.finished) == self.beams.num_beams and self.finished[-1][0] >= bound


def search_beams(
    stepper: Stepper,
    beams: Beams,
    rules: SamplingRules,
    prompt: Sequence[int],
    criteria: StoppingCriteria,
    first: NDArray[np.bool_] | None = None,
) -> list[list[int]]:
    """Search for the most probable continuations of one prompt.

    Parameters
    ----------
    stepper : Stepper
        Network with a single row.
    beams : Beams
        Options of the search.
    rules : SamplingRules
        Only the rules that depend on earlier codes are applied.
    prompt : sequence of int
        Codes before the continuation, for those rules.
    criteria : StoppingCriteria
        Criteria by which a row ends.
    first : ndarray of shape (n_codes,), default=None
        Mask of the codes that may be the first. None allows all.

    Returns
    -------
    list of list of int
        New codes of up to `num_beams` continuations, best first.
    """
    n_codes = stepper.logits.shape[1]
    histories = [History(rules, prompt, n_codes)] if rules.looks_back else []
    search = _Search(beams, criteria, histories, first)
    while not search.is_over:
        parents, codes = search.extend(stepper.logits)
        search.update_histories(parents, codes)
        if search.rows:
            stepper.select(np.array(parents, dtype=np.int64))
            stepper.advance(np.array(codes, dtype=np.int64))
    return [row for _, row in search.finished]
