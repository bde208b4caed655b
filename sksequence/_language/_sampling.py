"""Sampling of symbols one after the other, with a separate stream of random numbers per row.

Rows are independent of each other, and those that have ended are removed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from sksequence._language._sampling_rules import (
    History,
    SamplingRules,
    Scores,
    clip_factor,
    truncate,
)
from sksequence._language._steppers import CompiledStepper, Stepper

NO_CODE = -1  # in place of a code where all codes are ruled out

_BLOCK_SIZE = 64


@dataclass(frozen=True)
class StoppingCriteria:
    """Criteria by which a row ends.

    Attributes
    ----------
    max_steps : int
        Maximum number of codes per row.
    end : int or None
        Code that ends a row and is not part of it.
    stops : sequence of sequences of int
        Stop marks: a row ends when its new codes end with one of these, which is part of it.
    is_over : callable or None
        Further criterion, called with the new codes of a row and the number of them that were added
        since the last call. Compiled loops add several codes per call, so that a row may hold some
        that come after its end.
    """

    max_steps: int
    end: int | None = None
    stops: Sequence[Sequence[int]] = ()
    is_over: Callable[[Sequence[int], int], bool] | None = None

    def halting(self, n_codes: int) -> NDArray[np.bool_]:
        """Return a mask of the codes that may end a row."""
        mask = np.zeros(n_codes, dtype=bool)
        mask[[stop[-1] for stop in self.stops]] = True
        if self.end is not None:
            mask[self.end] = True
        return mask

    def extend(self, row: list[int], codes: list[int]) -> bool:
        """Append codes, of which only the last may end the row, and return whether it continues."""
        row += codes
        if row and row[-1] in (self.end, NO_CODE):
            del row[-1]
            return False
        return len(row) < self.max_steps and not self._stopped(row, len(codes))

    def _stopped(self, row: list[int], n_new: int) -> bool:
        if self.is_over is not None and self.is_over(row, n_new):
            return True
        return any(row[-len(stop) :] == list(stop) for stop in self.stops)


def stream_names(prompts: Sequence[Sequence[int]], n_samples: int) -> list[tuple[int, int]]:
    """Name a stream for each sample of each prompt.

    The names depend on the codes of the prompt, its position among equal prompts and the number of
    the sample.
    """
    n_equal: Counter[int] = Counter()
    names = []
    for prompt in prompts:
        codes = np.asarray(prompt, dtype="<i8")
        digest = int.from_bytes(blake2b(codes.tobytes(), digest_size=8).digest(), "little")
        names += [(digest, n_equal[digest] << 32 | sample) for sample in range(n_samples)]
        n_equal[digest] += 1
    return names


class UniformStreams:
    """Streams of uniform random numbers, one per row, generated in blocks.

    Philox numbers are a function of a key and a counter [1]_: all rows have the same key, and each
    has its own range of counters.

    Parameters
    ----------
    seed : int
        Seed of the key.
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
        self._blocks = np.empty((len(rows), _BLOCK_SIZE))
        self._n_used = np.full(len(rows), _BLOCK_SIZE)

    def unused(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the unused numbers of some rows without using them.

        Returns
        -------
        numbers : ndarray of shape (n_rows, block_size)
            Unused numbers of the current blocks, left-aligned.
        counts : ndarray of shape (n_rows,)
            Number of unused numbers, at least 1.
        """
        for row in rows[self._n_used[rows] == _BLOCK_SIZE]:
            self._streams[row].random(out=self._blocks[row])
            self._n_used[row] = 0
        n_used = self._n_used[rows]
        if not n_used.any():
            return self._blocks[rows], _BLOCK_SIZE - n_used
        columns = np.minimum(n_used[:, None] + np.arange(_BLOCK_SIZE), _BLOCK_SIZE - 1)
        return self._blocks[rows[:, None], columns], _BLOCK_SIZE - n_used

    def spend(self, rows: NDArray[np.int64], counts: NDArray[np.int64] | int) -> None:
        """Mark the next `counts` numbers of some rows as used."""
        self._n_used[rows] += counts

    def one(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Use and return the next number of each row."""
        numbers, _ = self.unused(rows)
        self.spend(rows, 1)
        return numbers[:, 0]


def choose(
    scores: Scores, uniforms: NDArray[np.float64], rules: SamplingRules
) -> NDArray[np.int64]:
    """Choose one code per row of scores (n_rows, n_codes); -1 where all codes are ruled out."""
    is_empty = np.isneginf(scores.max(axis=1))
    if rules.is_greedy:
        codes = scores.argmax(axis=1)
    else:
        truncated = truncate(np.where(is_empty[:, None], 0.0, scores), rules)
        weights = np.exp(truncated - truncated.max(axis=1, keepdims=True))
        sums = np.cumsum(weights, axis=1)
        thresholds = uniforms[:, None] * sums[:, -1:]
        codes = np.minimum((sums <= thresholds).sum(axis=1), (sums < sums[:, -1:]).sum(axis=1))
    return np.where(is_empty, NO_CODE, codes)


class Sampler:
    """Rows that are continued by sampling or greedy decoding.

    Parameters
    ----------
    stepper : Stepper
        Network with one row per continuation.
    rules : SamplingRules
        Rules by which codes are chosen.
    uniforms : UniformStreams
        One stream per row.
    prompts : sequence of sequences of int
        Codes before each row, for the rules that depend on earlier codes.
    criteria : StoppingCriteria
        Criteria by which a row ends.
    first : ndarray of shape (n_rows, n_codes), default=None
        Mask of the codes that may be the first of each row. None allows all.
    """

    def __init__(
        self,
        stepper: Stepper,
        rules: SamplingRules,
        uniforms: UniformStreams,
        prompts: Sequence[Sequence[int]],
        criteria: StoppingCriteria,
        first: NDArray[np.bool_] | None = None,
    ) -> None:
        self._stepper, self._rules, self._first = stepper, rules, first
        self._uniforms, self._criteria = uniforms, criteria
        n_codes = stepper.logits.shape[1]
        self._halting = criteria.halting(n_codes)
        self._histories = (
            [History(rules, prompt, n_codes) for prompt in prompts] if rules.looks_back else []
        )
        self._active = np.arange(len(stepper.logits))
        self.rows: list[list[int]] = [[] for _ in self._active]

    def finish(self) -> list[list[int]]:
        """Return the new codes of each row when all rows have ended."""
        while len(self._active):
            self._draw(self._criteria.max_steps)
        return self.rows

    def one_by_one(self) -> Iterator[int]:
        """Yield the codes of a single row as they are drawn."""
        n_yielded = 0
        while len(self._active):
            self._draw(1)
            yield from self.rows[0][n_yielded:]
            n_yielded = len(self.rows[0])

    def _draw(self, most: int) -> None:
        """Draw one code per active row, or up to `most` where a compiled loop can draw several."""
        rules, stepper = self._rules, self._stepper
        is_plain = not rules.truncates and not rules.looks_back and self._first is None
        if is_plain and isinstance(stepper, CompiledStepper):
            self._keep_active(self._run(stepper, most))
            return
        codes = self._choose()
        kept = self._keep_active([[code] for code in codes.tolist()])
        if len(self._active):
            stepper.advance(codes[kept])

    def _run(self, stepper: CompiledStepper, most: int) -> list[list[int]]:
        """Return the codes that a compiled loop draws until a row may have ended."""
        uniforms, n_unused = self._uniforms.unused(self._active)
        n_missing = [self._criteria.max_steps - len(self.rows[row]) for row in self._active]
        limits = np.minimum(np.minimum(n_unused, n_missing), most)
        temperature = 0.0 if self._rules.is_greedy else clip_factor(self._rules.temperature)
        codes, counts = stepper.run(uniforms, temperature, self._halting, limits)
        self._uniforms.spend(self._active, counts)
        return [row[:n].tolist() for row, n in zip(codes, counts, strict=True)]

    def _choose(self) -> NDArray[np.int64]:
        scores = self._stepper.logits.astype(np.float64)
        if self._histories:
            rows = zip(self._active.tolist(), scores, strict=True)
            end = self._criteria.end
            scores = np.stack([self._histories[row].adjust(score, end) for row, score in rows])
        codes = choose(scores, self._uniforms.one(self._active), self._rules)
        if self._first is not None:
            self._choose_again(codes, scores, self._first)
            self._first = None
        return codes

    def _choose_again(
        self, codes: NDArray[np.int64], scores: Scores, allowed: NDArray[np.bool_]
    ) -> None:
        """Replace codes that are not allowed.

        Allowed ones stay, so that a row continues as it does without the restriction if it can.
        """
        is_refused = ~allowed[np.arange(len(codes)), codes] | (codes == NO_CODE)
        rows = np.flatnonzero(is_refused & ~allowed.all(axis=1))
        if len(rows):
            rest = np.where(allowed[rows], scores[rows], -np.inf)
            codes[rows] = choose(rest, self._uniforms.one(self._active[rows]), self._rules)

    def _keep_active(self, drawn: list[list[int]]) -> NDArray[np.int64]:
        """Append the codes drawn, remove the rows that ended, and return the others' positions."""
        positions = []
        for position, (row, codes) in enumerate(zip(self._active.tolist(), drawn, strict=True)):
            if self._criteria.extend(self.rows[row], codes):
                positions.append(position)
                if self._histories:
                    self._histories[row].append(codes[-1])
        kept = np.array(positions, dtype=np.int64)
        if len(kept) < len(self._active):
            self._active = self._active[kept]
            self._stepper.select(kept)
        return kept
