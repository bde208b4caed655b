"""Sequences as the network reads them: scaled, cast, framed, gathered into padded batches.

Padding begins here. A padded step holds zeros only: the unknown symbol, and numbers that no product makes overflow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sksequence._batching._frames import Frames
from sksequence._batching._scaling import Scaler
from sksequence._batching._sequences import Sequences

# Numbers up to which a scaled copy is kept (64 MB); of more, each batch is scaled when it is gathered
_LARGEST_COPY = 1 << 24
_MANY = 1 << 16
_UNFRAMED = Frames()


class PreparedSequences:
    """Sequences as float32 values and codes, ready to be gathered.

    Of more than 64 MB no scaled copy is made: what is gathered is scaled then, to the same bits. Memory is bounded
    by the batch.

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
        self._n_steps = _common_length(self.step_lengths)
        self._within: Tensor | None = None
        if self._n_steps is not None:
            # one number for all: of millions of short sequences, lengths are a good part of the memory
            if len(self.lengths) > _MANY:
                self.step_lengths, self.lengths = map(_repeated, (self.step_lengths, self.lengths))
            if frames != _UNFRAMED:
                self._within = torch.from_numpy(frames.of_one(self._n_steps))
        self._sequences, self._scaler = sequences, scaler
        self._blocks = None
        if scaler is None or not _needs_large_copy(sequences, scaler):
            self._blocks = _Blocks.of(sequences, scaler)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def width(self) -> int:
        """Numbers and codes of a step of the network."""
        per_step = sum(block.shape[1] for block in self._sequences.blocks)
        return int(per_step) * self.frames.length

    def gather(self, index: NDArray[np.int64]) -> dict[str, Tensor]:
        """Return one padded batch of the sequences at `index`.

        Returns
        -------
        dict of Tensor
            "lengths" (B,), and "values" (B, T, F) float32, "codes" (B, T, K) int64 where there are any.
        """
        lengths, blocks = self.lengths[index], self._blocks
        if self._n_steps is None:
            return self._gather(index, self.offsets[index], self.step_lengths[index], lengths)
        if blocks is None:
            places = self.offsets[index], self.step_lengths[index]
            blocks, index, _ = self._blocks_of(index, *places)
        batch = blocks.sequences(torch.from_numpy(index), self._n_steps, self._within)
        return {"lengths": torch.from_numpy(lengths)} | batch

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
        blocks, index, starts = self._blocks_of(index, starts, step_lengths)
        n_steps = int(lengths.max())
        if self.frames == _UNFRAMED and int(starts.max()) + n_steps <= len(blocks):
            places = torch.from_numpy(index), torch.from_numpy(starts)
            batch = blocks.runs(*places, n_steps)
        else:
            rows = self.frames.rows(starts, step_lengths, n_steps)
            batch = blocks.rows(torch.from_numpy(index), torch.from_numpy(rows))
        of_rows = torch.from_numpy(lengths)
        padded = _padded_steps(of_rows, n_steps)
        if len(padded):
            for block in batch.values():
                block.view(-1, block.shape[2]).index_fill_(0, padded, 0)
        return {"lengths": of_rows} | batch

    def _blocks_of(
        self, index: NDArray[np.int64], starts: NDArray[np.int64], step_lengths: NDArray[np.int64]
    ) -> tuple[_Blocks, NDArray[np.int64], NDArray[np.int64]]:
        """Return blocks that hold these runs, with the numbers of the sequences and the starts of the runs there."""
        if self._blocks is not None:
            return self._blocks, index, starts
        part = self._sequences.take_runs(starts, step_lengths)
        return _Blocks.of(part, self._scaler), np.arange(len(index)), part.offsets[:-1]


@dataclass(frozen=True)
class _Blocks:
    """Flat values and codes, one row a step, and the features that a scaler adds, one row a sequence."""

    values: Tensor | None
    codes: Tensor | None
    extra: Tensor | None

    @classmethod
    def of(cls, sequences: Sequences, scaler: Scaler | None) -> _Blocks:
        values, extra = (None, None) if scaler is None else scaler.transform(sequences)
        return cls(_tensor(values), _tensor(sequences.codes), _tensor(extra))

    def __len__(self) -> int:
        return max(len(block) for block in (self.values, self.codes) if block is not None)

    def sequences(self, index: Tensor, n_steps: int, within: Tensor | None) -> dict[str, Tensor]:
        """Return whole sequences of the same number of steps, or their frames: the steps `within` a sequence."""

        def chosen(block: Tensor) -> Tensor:
            whole = block.view(-1, n_steps, block.shape[1])
            # in training a cell of the user may write into its input, which must not be the data
            if len(whole) > 1 or len(index) > 1 or torch.is_grad_enabled():
                whole = whole.index_select(0, index)
            if within is None:
                return whole
            return whole.index_select(1, within.view(-1)).view(len(index), len(within), -1)

        return self._batch(index, chosen)

    def runs(self, index: Tensor, starts: Tensor, n_steps: int) -> dict[str, Tensor]:
        """Return runs of `n_steps` steps from `starts` on, copied whole: several times as fast as step by step."""

        def chosen(block: Tensor) -> Tensor:
            width = block.shape[1]
            windows = block.as_strided((len(block) - n_steps + 1, n_steps * width), (width, 1))
            return windows.index_select(0, starts).view(len(starts), n_steps, width)

        return self._batch(index, chosen)

    def rows(self, index: Tensor, rows: Tensor) -> dict[str, Tensor]:
        """Return rows of shape (batch, time, frame)."""

        def chosen(block: Tensor) -> Tensor:
            n_rows, n_steps, length = rows.shape
            steps = block.index_select(0, rows.view(-1))
            return steps.view(n_rows, n_steps, length * block.shape[1])

        return self._batch(index, chosen)

    def _batch(self, index: Tensor, chosen: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
        batch = {}
        if self.values is not None:
            batch["values"] = chosen(self.values)
        if self.extra is not None:
            extra = self.extra.index_select(0, index)[:, None]  # (batch, 1, feature)
            extra = extra.expand(-1, batch["values"].shape[1], -1)
            batch["values"] = torch.cat([batch["values"], extra], dim=2)
        if self.codes is not None:
            batch["codes"] = chosen(self.codes).long()
        return batch


def _padded_steps(lengths: Tensor, n_steps: int) -> Tensor:
    """Return the places of all padded steps in a batch without its first axis; few are found faster than marked."""
    missing = n_steps - lengths
    rows = torch.repeat_interleave(missing)
    # the k-th padded step of a row lies k behind its length
    k = torch.arange(len(rows)) - (missing.cumsum(0) - missing).index_select(0, rows)
    return rows * n_steps + lengths.index_select(0, rows) + k


def _tensor(array: NDArray[Any] | None) -> Tensor | None:
    """Share memory where torch may write, else copy: it warns about read-only arrays."""
    if array is None:
        return None
    if not array.flags.carray:
        array = np.require(array, requirements=["C", "ALIGNED", "WRITEABLE"])
    return torch.from_numpy(array)


def _needs_large_copy(sequences: Sequences, scaler: Scaler) -> bool:
    values = sequences.values
    assert values is not None
    is_shared = scaler.kind is False and values.dtype == np.float32
    return values.size > _LARGEST_COPY and not (is_shared and values.flags.carray)


def _repeated(equal: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.broadcast_to(equal[0], equal.shape)


def _common_length(lengths: NDArray[np.int64]) -> int | None:
    """Return the number of steps that all sequences have."""
    if len(lengths) == 1:
        return int(lengths[0])
    return int(lengths[0]) if len(lengths) and (lengths == lengths[0]).all() else None
