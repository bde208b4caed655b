"""Sliding frames: some consecutive values of a sequence as the features of one step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Frames:
    """Frames of `length` steps, one every `step` steps, the last one aligned to the end of the sequence.

    A first frame that begins before the sequence is filled with the sequence's first step.
    """

    length: int = 1
    step: int = 1

    def count(self, n_steps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of frames of sequences with `n_steps` steps."""
        if self.length == self.step == 1:
            return n_steps
        return 1 + np.maximum(-(-(n_steps - self.length) // self.step), 0)

    def of_one(self, n_steps: int) -> NDArray[np.int64]:
        """Return the steps in the frames of one sequence, of shape (n_frames, length)."""
        lengths = np.array([n_steps])
        rows: NDArray[np.int64] = self.rows(
            np.zeros_like(lengths), lengths, int(self.count(lengths)[0])
        )[0]
        return rows

    def rows(
        self, starts: NDArray[np.int64], n_steps: NDArray[np.int64], n_frames: int
    ) -> NDArray[np.int64]:
        """Return buffer rows of shape (n_sequences, n_frames, length).

        Frames past a sequence's own number repeat its last step.
        """
        if self.length == self.step == 1:  # steps themselves
            rows: NDArray[np.int64] = starts[:, None] + np.arange(n_frames)
            np.minimum(rows, (starts + n_steps - 1)[:, None], out=rows)
            return rows[:, :, None]
        last = n_steps - 1
        ends = (
            last - (self.count(n_steps) - 1) * self.step
        )  # (sequence,): where the first frame ends
        ends = ends[:, None] + np.arange(n_frames) * self.step  # (sequence, frame)
        within = ends[:, :, None] + np.arange(1 - self.length, 1)  # (sequence, frame, step)
        np.clip(within, 0, last[:, None, None], out=within)
        within += starts[:, None, None]
        return within

    def network_steps(self, n_steps: int | None) -> int | None:
        """Turn steps of a sequence into steps of the network, rounded up."""
        return None if n_steps is None else -(-int(n_steps) // self.step)


_MANY_SEQUENCES = 4096


def automatic_frame_length(n_steps: NDArray[np.int64], *, forecast: bool = False) -> int:
    """Choose the frame length from the median length: 1 up to 12 steps, then a quarter, from 12 to 48.

    One value a step leaves long sequences hard to learn and slow; a frame turns them into a few dozen steps. More than
    4096 sequences are enough to learn finer steps, a twelfth of the length, from 8 to 48; windows of a forecast say
    much the same, however many they are.
    """
    median = float(np.median(n_steps))
    if median <= 12:
        return 1
    part, shortest = (12, 8) if len(n_steps) > _MANY_SEQUENCES and not forecast else (4, 12)
    return int(np.clip(round(median / part), shortest, 48))


def automatic_frame_step(frame_length: int, *, forecast: bool = False) -> int:
    """Choose the step between frames: a quarter of their length, at least 1; their whole length in a forecast."""
    return frame_length if forecast else max(1, frame_length // 4)
