"""Symbols drawn one after the other: what must not come is ruled out, then the distribution is inverted.

Rows are independent of each other: each draws from its own stream of uniform numbers, and a row that has ended leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from sksequence._decoding._choice import Choice, Scores, truncate, within
from sksequence._decoding._ends import NOTHING, Ends
from sksequence._decoding._history import History
from sksequence._decoding._stepper import CompiledStepper, Stepper
from sksequence._decoding._uniforms import Uniforms


def choose(scores: Scores, uniforms: NDArray[np.float64], choice: Choice) -> NDArray[np.int64]:
    """Choose one code a row from scores of shape (n_rows, n_codes); -1 where all are ruled out."""
    nothing = np.isneginf(scores.max(axis=1))
    if choice.is_greedy:
        codes = scores.argmax(axis=1)
    else:
        below = truncate(np.where(nothing[:, None], 0.0, scores), choice)
        weights = np.exp(below - below.max(axis=1, keepdims=True))
        sums = np.cumsum(weights, axis=1)
        rest = uniforms[:, None] * sums[:, -1:]
        codes = np.minimum((sums <= rest).sum(axis=1), (sums < sums[:, -1:]).sum(axis=1))
    return np.where(nothing, NOTHING, codes)


class Drawer:
    """Rows that are continued at random, or greedily.

    Parameters
    ----------
    stepper : Stepper
        The network, one row for each continuation.
    choice : Choice
        How to choose.
    uniforms : Uniforms
        A stream a row.
    prompts : sequence of sequences of int
        What each row continues, for the rules that look back.
    ends : Ends
        When a row has ended.
    """

    def __init__(
        self,
        stepper: Stepper,
        choice: Choice,
        uniforms: Uniforms,
        prompts: Sequence[Sequence[int]],
        ends: Ends,
    ) -> None:
        self._stepper, self._choice, self._uniforms, self._ends = stepper, choice, uniforms, ends
        n_codes = stepper.logits.shape[1]
        self._halting = ends.halting(n_codes)
        self._histories = (
            [History(choice, prompt, n_codes) for prompt in prompts] if choice.looks_back else []
        )
        self._going = np.arange(len(stepper.logits))
        self.rows: list[list[int]] = [[] for _ in self._going]

    def finish(self) -> list[list[int]]:
        """Return the new codes of each row once all have ended."""
        while len(self._going):
            self._draw(self._ends.max_steps)
        return self.rows

    def one_by_one(self) -> Iterator[int]:
        """Yield the codes of a single row as they come."""
        n_shown = 0
        while len(self._going):
            self._draw(1)
            yield from self.rows[0][n_shown:]
            n_shown = len(self.rows[0])

    def _draw(self, at_once: int) -> None:
        """Go on by one code a row, or by up to so many where a compiled loop can do it."""
        choice, stepper = self._choice, self._stepper
        plain = not choice.truncates and not choice.looks_back
        if plain and isinstance(stepper, CompiledStepper):
            self._keep(self._run(stepper, at_once))
            return
        codes = self._choose()
        going = self._keep([[code] for code in codes.tolist()])
        if len(self._going):
            stepper.advance(codes[going])

    def _run(self, stepper: CompiledStepper, at_once: int) -> list[list[int]]:
        """Return the codes that a compiled loop draws until a row may have ended."""
        uniforms, n_left = self._uniforms.ahead(self._going)
        n_missing = [self._ends.max_steps - len(self.rows[row]) for row in self._going]
        limits = np.minimum(np.minimum(n_left, n_missing), at_once)
        temperature = 0.0 if self._choice.is_greedy else within(self._choice.temperature)
        codes, counts = stepper.run(uniforms, temperature, self._halting, limits)
        self._uniforms.spend(self._going, counts)
        return [row[:n].tolist() for row, n in zip(codes, counts, strict=True)]

    def _choose(self) -> NDArray[np.int64]:
        scores = self._stepper.logits.astype(np.float64)
        if self._histories:
            rows = zip(self._going.tolist(), scores, strict=True)
            end = self._ends.end
            scores = np.stack([self._histories[row].adjust(score, end) for row, score in rows])
        return choose(scores, self._uniforms.one(self._going), self._choice)

    def _keep(self, drawn: list[list[int]]) -> NDArray[np.int64]:
        """Append what was drawn and let go of the rows that ended; return the positions of the others."""
        still = []
        for position, (row, codes) in enumerate(zip(self._going.tolist(), drawn, strict=True)):
            if self._ends.extend(self.rows[row], codes):
                still.append(position)
                if self._histories:
                    self._histories[row].append(codes[-1])
        kept = np.array(still, dtype=np.int64)
        if len(kept) < len(self._going):
            self._going = self._going[kept]
            self._stepper.select(kept)
        return kept
