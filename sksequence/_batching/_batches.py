"""Batches: of a training epoch, of inference, cut into chunks of time, moved to a device.

Training batches hold rows in a seeded order, bucketed by length, with their targets and weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from sksequence._batching._offsets import flat_rows
from sksequence._batching._prepared_sequences import STATIC_BLOCKS, STEP_BLOCKS, PreparedSequences

# batches sorted by length together: enough for little padding, few enough to keep batches random
_BATCHES_IN_A_POOL = 16
_ROW_MULTIPLE = 16
_INFERENCE_VALUES = 1 << 21
# numbers that are read together (1 MB), and those whose rows are mixed (64 MB)
_BLOCK_VALUES = 1 << 18
_WINDOW_VALUES = 1 << 24
_CPU = torch.device("cpu")

Batch = tuple[dict[str, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Share:
    """The rows of every batch that one of several processes reads.

    Attributes
    ----------
    rank : int
        Number of the process.
    n_ranks : int
        Number of processes.
    n_steps : int or None
        Steps of a chunk, if batches are cut into chunks: all processes read the same number.
    """

    rank: int = 0
    n_ranks: int = 1
    n_steps: int | None = None

    def of(
        self, index: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], int]:
        """Return the rows to read, and how many of them count; others keep in step with the rest.

        Rows are dealt in turn: those of a batch may be in order of their length.
        """
        own = np.arange(self.rank, len(index), self.n_ranks)
        if self._n_chunks(lengths[own]) == self._n_chunks(lengths):
            return index[own], len(own)
        return np.append(index[own], index[np.argmax(lengths)]), len(own)

    def _n_chunks(self, lengths: NDArray[np.int64]) -> int:
        if not len(lengths):
            return 0
        return 1 if self.n_steps is None else -(-int(lengths.max()) // self.n_steps)


class SequenceDataset(Dataset[Any]):
    """Prepared sequences with targets and weights, cut into batches for each training epoch.

    Parameters
    ----------
    prepared : PreparedSequences
        All sequences.
    rows : ndarray of int of shape (n_rows,)
        The sequences to train on, in order; a sequence may occur several times.
    targets : ndarray of shape (n_sequences, ...) or (sum of n_steps, ...)
        One target per sequence or one per step.
    weights : ndarray of shape (n_sequences,), (n_sequences, n_values) or (sum of n_steps,)
        One weight per target or per value of it; 0 leaves it out. They are divided by the mean
        weight of a sequence, so that the sum over a batch, divided by its number of sequences, is
        an unbiased mean.
    per_step : bool
        Whether targets and weights are per step.
    generator : numpy Generator, default=None
        Shuffles each epoch; None keeps the order.
    max_steps : int, default=None
        Limit of the steps of a batch, padding included: larger batches are cut into equal parts.
    share : Share, default=None
        The rows of each batch that this process reads; None reads all of them.
    by_blocks : bool, default=False
        Whether to shuffle blocks of neighbouring rows, and rows within 64 MB of blocks: a file that
        is larger than the memory is then read once per epoch, in large pieces.
    """

    def __init__(
        self,
        prepared: PreparedSequences,
        rows: NDArray[np.int64],
        targets: NDArray[np.generic],
        weights: NDArray[np.float64],
        *,
        per_step: bool,
        generator: np.random.Generator | None = None,
        max_steps: int | None = None,
        share: Share | None = None,
        by_blocks: bool = False,
    ) -> None:
        self.prepared = prepared
        self.by_blocks = by_blocks
        self.share = share
        self.max_steps = max_steps
        self.rows = rows
        self.per_step = per_step
        self.generator = generator
        self.targets = torch.from_numpy(np.ascontiguousarray(targets))
        mean = weights[self._target_rows(rows)].sum() / len(rows)
        self.weights = torch.from_numpy((weights / (mean or 1.0)).astype(np.float32))

    def __len__(self) -> int:
        return len(self.rows)

    def _target_rows(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        if not self.per_step:
            return index
        return flat_rows(self.prepared.offsets[index], self.prepared.lengths[index])

    def batch(self, index: NDArray[np.int64]) -> Batch:
        """Return inputs, targets and weights of the sequences at `index`, or of some of them."""
        n_counted = len(index)
        if self.share is not None:
            index, n_counted = self.share.of(index, self.prepared.lengths[index])
        rows = torch.from_numpy(self._target_rows(index))
        weights = self.weights.index_select(0, rows)
        if n_counted < len(index):
            weights[len(self._target_rows(index[:n_counted])) :] = 0.0
        return self.prepared.gather(index), (self.targets.index_select(0, rows), weights)

    def cut(self, batch_size: int) -> list[NDArray[np.int64]]:
        """Cut the rows into batches for one epoch; every row is in exactly one."""
        if self.generator is None:
            return self._within_limit(_split(self.rows, batch_size))
        windows = self._windows(batch_size, self.generator) if self.by_blocks else [self.rows]
        return [
            batch for rows in windows for batch in self._shuffled(rows, batch_size, self.generator)
        ]

    def _windows(self, batch_size: int, generator: np.random.Generator) -> list[NDArray[np.int64]]:
        """Put blocks of rows in a random order, and cut it into windows of whole batches."""
        blocks = _split(self.rows, max(1, round(_BLOCK_VALUES / self.prepared.mean_size)))
        rows = np.concatenate([blocks[i] for i in generator.permutation(len(blocks))])
        return _split(rows, self._batches_in_a_window(batch_size) * batch_size)

    def _batches_in_a_window(self, batch_size: int) -> int:
        n_batches = round(_WINDOW_VALUES / self.prepared.mean_size / batch_size)
        return max(_BATCHES_IN_A_POOL, n_batches)

    def read_ahead(self, batches: list[NDArray[np.int64]], batch_size: int) -> int:
        """Fetch the first of these batches from the disk, and return how many they are."""
        n_batches = self._batches_in_a_window(batch_size)
        self.prepared.read_ahead(np.concatenate(batches[:n_batches]))
        return n_batches

    def _shuffled(
        self, rows: NDArray[np.int64], batch_size: int, generator: np.random.Generator
    ) -> list[NDArray[np.int64]]:
        """Cut rows into batches in a random order, bucketed by length."""
        rows = generator.permutation(rows)
        lengths = self.prepared.lengths[rows]
        if lengths.min() == lengths.max():
            return self._within_limit(_split(rows, batch_size))
        batches = [
            batch
            for pool in _split(rows, batch_size * _BATCHES_IN_A_POOL)
            for batch in _split(self._by_length(pool), batch_size)
        ]
        batches = self._within_limit(batches)
        return [batches[i] for i in generator.permutation(len(batches))]

    def _by_length(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return rows[np.argsort(self.prepared.lengths[rows], kind="stable")]

    def _within_limit(self, batches: list[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
        if self.max_steps is None:
            return batches
        return [part for batch in batches for part in self._parts(batch, self.max_steps)]

    def _parts(self, batch: NDArray[np.int64], max_steps: int) -> list[NDArray[np.int64]]:
        longest = int(self.prepared.lengths[batch].max())
        n_rows = max(1, max_steps // longest)
        return [batch] if len(batch) <= n_rows else np.array_split(batch, -(-len(batch) // n_rows))


class BatchIterator:
    """Passes over a dataset; skorch's `iterator_train`.

    Attributes
    ----------
    lengths : Tensor of int of shape (n_sequences,)
        Lengths of the whole batch that was yielded last, of which a process may have a share.
    """

    lengths: Tensor

    def __init__(self, dataset: SequenceDataset, batch_size: int) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self._next: list[NDArray[np.int64]] | None = None
        self._n_batches: int | None = None

    def __len__(self) -> int:
        """Return the number of batches of the current pass, or of the first before it begins."""
        if self._n_batches is None:
            self._next = self.dataset.cut(self.batch_size)
            self._n_batches = len(self._next)
        return self._n_batches

    def __iter__(self) -> Iterator[Batch]:
        batches = self.dataset.cut(self.batch_size) if self._next is None else self._next
        self._next, self._n_batches = None, len(batches)
        return self._batches(batches)

    def _batches(self, batches: list[NDArray[np.int64]]) -> Iterator[Batch]:
        next_read = 0
        for i, index in enumerate(batches):
            if self.dataset.by_blocks and i == next_read:
                next_read += self.dataset.read_ahead(batches[i:], self.batch_size)
            self.lengths = torch.from_numpy(self.dataset.prepared.lengths[index])
            yield self.dataset.batch(index)


def _split(rows: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def inference_batches(
    lengths: NDArray[np.int64],
    max_steps: int = 1 << 15,
    chunk: int | None = None,
    width: int = 1,
    multiple: int = _ROW_MULTIPLE,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Cut sequences into batches of similar length and bounded size.

    Parameters
    ----------
    lengths : ndarray of int of shape (n_sequences,)
        Number of steps of each sequence.
    max_steps : int, default=32768
        Limit of the steps of a batch, padding included.
    chunk : int, default=None
        Number of steps that are read at a time; only these count for the limit. None reads all.
    width : int, default=1
        Numbers per step. Wide steps make smaller batches: data that stay in the processor's cache
        are faster.
    multiple : int, default=16
        Batches are filled up to a multiple of this number of rows. With 16, torch's products of a
        step give each row the same bits, independent of the rest of the batch.

    Yields
    ------
    index : ndarray of int
        The sequences of the batch.
    padded : ndarray of int
        The same, filled up with copies of the last one.
    """
    max_steps = min(max_steps, max(1, _INFERENCE_VALUES // width))
    for window in _windows_of(lengths, max(max_steps, _WINDOW_VALUES // width)):
        for index in _batches_of_similar_length(lengths, window, max_steps, chunk):
            missing = -len(index) % multiple
            padded = index if missing == 0 else np.r_[index, np.repeat(index[-1], missing)]
            yield index, padded


def _windows_of(lengths: NDArray[np.int64], n_steps: int) -> list[NDArray[np.int64]]:
    """Cut the sequences into runs of a number of steps: larger data are read run by run."""
    if int(lengths.sum()) <= n_steps:
        return [np.arange(len(lengths))]
    window = (np.cumsum(lengths) - 1) // n_steps
    return np.split(np.arange(len(lengths)), np.flatnonzero(np.diff(window)) + 1)


def _batches_of_similar_length(
    lengths: NDArray[np.int64], window: NDArray[np.int64], max_steps: int, chunk: int | None
) -> Iterator[NDArray[np.int64]]:
    order = window[np.argsort(-lengths[window], kind="stable")]
    start = 0
    while start < len(order):
        longest = min(int(lengths[order[start]]), chunk or max_steps)
        rows = max(_ROW_MULTIPLE, max_steps // longest // _ROW_MULTIPLE * _ROW_MULTIPLE)
        index = order[start : start + rows]
        if chunk is not None:
            # rows that end early are carried along to the end of the longest
            near = int(np.count_nonzero(2 * lengths[index] >= lengths[index[0]]))
            index = index[: max(_ROW_MULTIPLE, near)]
        yield index
        start += len(index)


@dataclass(frozen=True)
class Chunk:
    """Consecutive steps of a batch, for truncated backpropagation through time.

    Attributes
    ----------
    batch : (inputs, (targets, weights))
        The steps of the chunk, without the sequences that have ended before.
    kept : Tensor of int of shape (n_rows,)
        The rows of the previous chunk that go on: a state carried over is indexed with it.
    """

    batch: Batch
    kept: Tensor


def cut_chunks(batch: Batch, n_steps: int) -> Iterator[Chunk]:
    """Cut a batch with per-step targets into chunks of `n_steps` steps."""
    inputs, (targets, weights) = batch
    lengths = inputs["lengths"]
    offsets = torch.cumsum(lengths, 0) - lengths
    rows = torch.arange(len(lengths), device=lengths.device)
    blocks = {name: inputs[name] for name in STEP_BLOCKS if name in inputs}
    static = {name: inputs[name] for name in STATIC_BLOCKS if name in inputs}
    for start in range(0, int(lengths.max()), n_steps):
        going_on = lengths[rows] > start
        kept, rows = torch.nonzero(going_on)[:, 0], rows[going_on]
        chunk_lengths = torch.clamp(lengths[rows] - start, max=n_steps)
        stop = start + int(chunk_lengths.max())
        chunk = {name: block[rows, start:stop] for name, block in blocks.items()}
        chunk |= {name: block[rows] for name, block in static.items()}
        chunk["lengths"] = chunk_lengths
        steps = torch.arange(stop - start, device=lengths.device)
        flat = (offsets[rows, None] + start + steps)[steps < chunk_lengths[:, None]]
        yield Chunk((chunk, (targets[flat], weights[flat])), kept)


def on_device(block: Tensor, device: str | torch.device) -> Tensor:
    """Return a tensor on the device; copies to CUDA are asynchronous, through pinned memory."""
    # these comparisons are cheaper than torch.device(), which shows when predicting one sequence
    if block.device == _CPU and device in ("cpu", _CPU):
        return block
    if torch.device(device).type != "cuda" or block.device.type != "cpu":
        return block.to(device)
    return block.pin_memory().to(device, non_blocking=True)


def batch_on_device(inputs: dict[str, Tensor], device: str | torch.device) -> dict[str, Tensor]:
    """Move all inputs but the lengths: on the CPU, their sum is known without waiting for a GPU."""
    lengths = {"lengths": inputs["lengths"]}
    rest = {name: on_device(block, device) for name, block in inputs.items() if name != "lengths"}
    return rest | lengths


def network_inputs(batch: dict[str, Tensor], device: Any) -> dict[str, Any]:
    """Move a batch to the device, as arguments of the network.

    Lengths are None if all rows are full. Padding is known to be blank.
    """
    lengths = batch["lengths"]
    n_steps = max(batch[name].shape[1] for name in STEP_BLOCKS if name in batch)
    is_full = lengths.numpy().min() == n_steps
    inputs: dict[str, Any] = {**batch_on_device(batch, device), "is_blank": True}
    return inputs | {"lengths": None} if is_full else inputs
