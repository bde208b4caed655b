"""Sequences as the network reads them: scaled, cast, gathered into frames and padded batches.

Padding begins here. A padded step holds zeros only: the code of unknown symbols, and numbers that
cannot overflow in a product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sksequence._batching._gaps import in_units, without_gaps
from sksequence._batching._read_ahead import read_ahead
from sksequence._batching._scaler import Scaler
from sksequence._batching._sequences import Sequences

# entries of a batch with a row per step, and with a row per sequence
STEP_BLOCKS = ("values", "codes")
STATIC_BLOCKS = ("static", "static_codes")

# size up to which a scaled copy is kept (64 MB); larger data are scaled batch by batch
_LARGEST_COPY = 1 << 24
# from so many sequences on, equal lengths are stored once
_MANY = 1 << 16


@dataclass(frozen=True)
class Frames:
    """Frames of `length` steps, one every `step` steps, the last one aligned to the sequence's end.

    Where the first frame begins before the sequence, the sequence's first step is repeated.

    Attributes
    ----------
    length, step : int
        Number of steps of a frame, and from one frame to the next; 1 and 1 is one step per frame.
    """

    length: int = 1
    step: int = 1

    def count(self, n_steps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of frames of each sequence, from its number of steps."""
        if self.length == self.step == 1:
            return n_steps
        return 1 + np.maximum(-(-(n_steps - self.length) // self.step), 0)

    def of_one(self, n_steps: int) -> NDArray[np.int64]:
        """Return the steps of each frame of one sequence, of shape (n_frames, length)."""
        lengths = np.array([n_steps])
        n_frames = int(self.count(lengths)[0])
        rows: NDArray[np.int64] = self.rows(np.zeros_like(lengths), lengths, n_frames)[0]
        return rows

    def rows(
        self, starts: NDArray[np.int64], n_steps: NDArray[np.int64], n_frames: int
    ) -> NDArray[np.int64]:
        """Return buffer rows of shape (n_sequences, n_frames, length).

        Frames beyond the end of a sequence repeat its last step.
        """
        if self.length == self.step == 1:  # every frame is one step
            rows: NDArray[np.int64] = starts[:, None] + np.arange(n_frames)
            np.minimum(rows, (starts + n_steps - 1)[:, None], out=rows)
            return rows[:, :, None]
        last = n_steps - 1
        first_ends = last - (self.count(n_steps) - 1) * self.step  # (sequence,)
        ends = first_ends[:, None] + np.arange(n_frames) * self.step  # (sequence, frame)
        within = ends[:, :, None] + np.arange(1 - self.length, 1)  # (sequence, frame, step)
        np.clip(within, 0, last[:, None, None], out=within)
        within += starts[:, None, None]
        return within

    def network_steps(self, n_steps: int | None) -> int | None:
        """Convert a number of steps to one of network steps, rounded up."""
        return None if n_steps is None else -(-int(n_steps) // self.step)


_UNFRAMED = Frames()


class PreparedSequences:
    """Sequences as float32 values and codes, ready to be gathered.

    Data of more than 64 MB have no scaled copy: each batch is scaled when it is gathered, to the
    same bits, and memory is bounded by the batch.

    Parameters
    ----------
    sequences : Sequences
        Checked input.
    scaler : Scaler or None
        Fitted scaler of the values; None for symbols.
    frames : Frames
        Length and step of the frames.
    static_scaler : Scaler, default=None
        Fitted scaler of the numbers that do not change in time; None if there are none.
    time_unit : float, default=None
        Unit of the gaps in the first column of the values; None if there are none.
    """

    def __init__(
        self,
        sequences: Sequences,
        scaler: Scaler | None,
        frames: Frames,
        static_scaler: Scaler | None = None,
        time_unit: float | None = None,
    ) -> None:
        self.offsets = sequences.offsets
        self.step_lengths = sequences.lengths
        self.frames = frames
        self.lengths = frames.count(self.step_lengths)
        self._n_steps = _common_length(self.step_lengths)
        self._within: Tensor | None = None
        if self._n_steps is not None:
            # with millions of short sequences, lengths would take a large part of the memory
            if len(self.lengths) > _MANY:
                self.step_lengths, self.lengths = map(_repeated, (self.step_lengths, self.lengths))
            if frames != _UNFRAMED:
                self._within = torch.from_numpy(frames.of_one(self._n_steps))
        self._sequences, self._scaler, self._time_unit = sequences, scaler, time_unit
        self._static = _static_blocks(sequences, static_scaler)
        self._blocks = None
        if scaler is None or not _needs_large_copy(sequences, scaler):
            self._blocks = _Blocks.of(sequences, scaler, time_unit)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def width(self) -> int:
        """Number of values and codes per network step."""
        per_step = sum(block.shape[1] for block in self._sequences.blocks)
        return int(per_step) * self.frames.length

    @property
    def mean_size(self) -> float:
        """Mean number of values and codes per sequence, before frames."""
        size = sum(block.size for block in self._sequences.blocks)
        return max(1.0, float(size / len(self)))

    def read_ahead(self, index: NDArray[np.int64]) -> None:
        """Let the operating system fetch the sequences at `index`, if they are on a disk."""
        for block in self._sequences.blocks:
            read_ahead(block, self.offsets[index], self.step_lengths[index])

    def gather(self, index: NDArray[np.int64]) -> dict[str, Tensor]:
        """Return one padded batch of the sequences at `index`.

        Returns
        -------
        dict of Tensor
            "lengths" (B,), and if there are any, "values" (B, T, F) float32, "codes" (B, T, K)
            int64, and what does not change in time, "static" (B, S) float32 and "static_codes"
            (B, C) int64.
        """
        batch = self._gather_steps(index)
        return batch | self._gather_static(index) if self._static else batch

    def _gather_steps(self, index: NDArray[np.int64]) -> dict[str, Tensor]:
        lengths, blocks = self.lengths[index], self._blocks
        if self._n_steps is None:
            return self._gather(index, self.offsets[index], self.step_lengths[index], lengths)
        if blocks is None:
            places = self.offsets[index], self.step_lengths[index]
            blocks, index, _ = self._blocks_of(index, *places)
        batch = blocks.sequences(torch.from_numpy(index), self._n_steps, self._within)
        return {"lengths": torch.from_numpy(lengths)} | batch

    def only_steps(self) -> tuple[NDArray[np.float32] | None, NDArray[np.int64] | None]:
        """Return values (1, T, F) and codes (1, T, K) of a single sequence, without a batch."""
        blocks = self._blocks
        if blocks is not None and blocks.extra is None and self._within is None:
            values, codes = blocks.values, blocks.codes
            whole = None if values is None else values.numpy()[None]
            return whole, None if codes is None else codes.long().numpy()[None]
        batch = self._gather_steps(np.zeros(1, np.int64))
        values, codes = batch.get("values"), batch.get("codes")
        return None if values is None else values.numpy(), None if codes is None else codes.numpy()

    def gather_part(self, index: NDArray[np.int64], start: int, n_steps: int) -> dict[str, Tensor]:
        """Return at most `n_steps` steps from `start` on, of sequences without frames.

        A sequence that has ended before `start` has length 0.
        """
        left = self.lengths[index] - start
        lengths = np.clip(left, 0, n_steps)
        starts = self.offsets[index] + np.minimum(start, self.lengths[index] - 1)
        batch = self._gather(index, starts, np.maximum(lengths, 1), lengths)
        return batch | self._gather_static(index)

    def _gather_static(self, index: NDArray[np.int64]) -> dict[str, Tensor]:
        rows = torch.from_numpy(index)
        return {name: block.index_select(0, rows) for name, block in self._static.items()}

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
        """Return blocks with these runs, and where sequences and runs are in them."""
        if self._blocks is not None:
            return self._blocks, index, starts
        part = self._sequences.take_runs(starts, step_lengths)
        blocks = _Blocks.of(part, self._scaler, self._time_unit)
        return blocks, np.arange(len(index)), part.offsets[:-1]


@dataclass(frozen=True)
class _Blocks:
    """Flat values and codes, one row per step, and added features, one row per sequence."""

    values: Tensor | None
    codes: Tensor | None
    extra: Tensor | None

    @classmethod
    def of(cls, sequences: Sequences, scaler: Scaler | None, time_unit: float | None) -> _Blocks:
        """Scale the sequences and share their memory where possible."""
        features = sequences if time_unit is None else without_gaps(sequences)
        values, extra = None, None
        if scaler is not None and features is not None:
            values, extra = scaler.transform(features)
        if time_unit is not None:
            assert sequences.values is not None
            gaps = in_units(sequences.values[:, :1], time_unit)
            values = gaps if values is None else np.concatenate([gaps, values], axis=1)
        return cls(_tensor(values), _tensor(sequences.codes), _tensor(extra))

    def __len__(self) -> int:
        return max(len(block) for block in (self.values, self.codes) if block is not None)

    def sequences(self, index: Tensor, n_steps: int, within: Tensor | None) -> dict[str, Tensor]:
        """Return sequences of equal length, or their frames: the steps `within` each."""

        def chosen(block: Tensor) -> Tensor:
            whole = block.view(-1, n_steps, block.shape[1])
            # in training a user's cell may write into its input, which must not be the data
            if len(whole) > 1 or len(index) > 1 or torch.is_grad_enabled():
                whole = whole.index_select(0, index)
            if within is None:
                return whole
            return whole.index_select(1, within.view(-1)).view(len(index), len(within), -1)

        return self._batch(index, chosen)

    def runs(self, index: Tensor, starts: Tensor, n_steps: int) -> dict[str, Tensor]:
        """Return runs of `n_steps` steps from `starts` on.

        Copying whole runs is several times as fast as copying single steps.
        """

        def chosen(block: Tensor) -> Tensor:
            width = block.shape[1]
            windows = block.as_strided((len(block) - n_steps + 1, n_steps * width), (width, 1))
            return windows.index_select(0, starts).view(len(starts), n_steps, width)

        return self._batch(index, chosen)

    def rows(self, index: Tensor, rows: Tensor) -> dict[str, Tensor]:
        """Return the steps at `rows`, of shape (batch, time, frame), as frames."""

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


def _static_blocks(sequences: Sequences, scaler: Scaler | None) -> dict[str, Tensor]:
    """Return scaled numbers and codes that do not change in time, one row per sequence."""
    blocks = {}
    if sequences.static_values is not None:
        assert scaler is not None
        blocks["static"] = torch.from_numpy(scaler.transform_steps(sequences.static_values))
    if sequences.static_codes is not None:
        blocks["static_codes"] = torch.from_numpy(sequences.static_codes.astype(np.int64))
    return blocks


def _padded_steps(lengths: Tensor, n_steps: int) -> Tensor:
    """Return the positions of all padded steps in a batch whose first two axes are joined.

    Where padding is rare, this is faster than a mask.
    """
    missing = n_steps - lengths
    rows = torch.repeat_interleave(missing)
    # the k-th padded step of a row is at its length + k
    k = torch.arange(len(rows)) - (missing.cumsum(0) - missing).index_select(0, rows)
    return rows * n_steps + lengths.index_select(0, rows) + k


def _tensor(array: NDArray[np.generic] | None) -> Tensor | None:
    """Convert to a tensor: shared if writeable, else a copy, as torch warns of read-only arrays."""
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
    """Return equal numbers as a view of the first."""
    return np.broadcast_to(equal[0], equal.shape)


def _common_length(lengths: NDArray[np.int64]) -> int | None:
    """Return the number of steps of all sequences if they agree."""
    if len(lengths) == 1:
        return int(lengths[0])
    return int(lengths[0]) if len(lengths) and (lengths == lengths[0]).all() else None
