"""Sequences as the network reads them: scaled, cast, framed, gathered into padded batches.

Padding begins here. A padded step repeats the last step of its sequence, so that no padding value is ever a number
that the data does not hold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sksequence._batching._frames import Frames
from sksequence._batching._scaling import Scaler
from sksequence._batching._sequences import Sequences


class PreparedSequences:
    """Scaled float32 values and codes, ready to be gathered.

    Parameters
    ----------
    sequences : Sequences
        Checked input.
    scaler : Scaler or None
        Fitted; None for symbols.
    frames : Frames
        How steps are gathered into frames.
    """

    def __init__(self, sequences: Sequences, scaler: Scaler | None, frames: Frames) -> None:
        self.offsets = sequences.offsets
        self.step_lengths = sequences.lengths
        self.frames = frames
        self.lengths = frames.count(self.step_lengths)
        self._values = self._extra = self._codes = None
        if scaler is not None:
            self._values = _tensor(scaler.transform(sequences))
            extra = scaler.extra(sequences)
            self._extra = None if extra is None else _tensor(extra)
        if sequences.codes is not None:
            self._codes = _tensor(sequences.codes)

    def __len__(self) -> int:
        return len(self.lengths)

    def gather(self, index: NDArray[np.int64]) -> dict[str, Tensor]:
        """Return one padded batch of the sequences at `index`.

        Returns
        -------
        dict of Tensor
            "lengths" (B,), and "values" (B, T, F) float32, "codes" (B, T, K) int64 where there are any.
        """
        return self._gather(
            index, self.offsets[index], self.step_lengths[index], self.lengths[index]
        )

    def gather_part(self, index: NDArray[np.int64], start: int, n_steps: int) -> dict[str, Tensor]:
        """Return at most `n_steps` steps from `start` on, of sequences that have no frames.

        A sequence that has ended before has length 0.
        """
        left = self.lengths[index] - start
        lengths = np.clip(left, 0, n_steps)
        starts = self.offsets[index] + np.minimum(start, self.lengths[index] - 1)
        return self._gather(index, starts, np.maximum(lengths, 1), lengths)

    def _gather(
        self,
        index: NDArray[np.int64],
        starts: NDArray[np.int64],
        step_lengths: NDArray[np.int64],
        lengths: NDArray[np.int64],
    ) -> dict[str, Tensor]:
        batch = {"lengths": torch.from_numpy(lengths)}
        rows = torch.from_numpy(self.frames.rows(starts, step_lengths, int(lengths.max())))
        n_rows, n_steps = rows.shape[:2]  # (batch, time, frame)
        if self._values is not None:
            values = self._values.index_select(0, rows.view(-1)).view(n_rows, n_steps, -1)
            batch["values"] = self._with_extra(values, index)
        if self._codes is not None:
            batch["codes"] = (
                self._codes.index_select(0, rows.view(-1)).view(n_rows, n_steps, -1).long()
            )
        return batch

    def _with_extra(self, values: Tensor, index: NDArray[np.int64]) -> Tensor:
        if self._extra is None:
            return values
        extra = self._extra[torch.from_numpy(index)]  # (batch, features)
        return torch.cat([values, extra[:, None].expand(-1, values.shape[1], -1)], dim=2)


def _tensor(array: NDArray[Any]) -> Tensor:
    """Share memory where torch may write, else copy: it warns about read-only arrays."""
    array = np.ascontiguousarray(array)
    return torch.from_numpy(array if array.flags.writeable else array.copy())
