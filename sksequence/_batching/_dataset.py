"""Training batches: rows in a seeded order, bucketed by length, with their targets and weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from sksequence._batching._prepared import PreparedSequences
from sksequence._batching._sequences import flat_rows

# Batches sorted by length together: enough for little padding, few enough to keep batches random.
_BATCHES_IN_A_POOL = 16
_ROW_MULTIPLE = 16
_INFERENCE_VALUES = 1 << 21

Batch = tuple[dict[str, Tensor], tuple[Tensor, Tensor]]


class SequenceDataset(Dataset[Any]):
    """Prepared sequences with targets: what a training epoch runs over.

    Parameters
    ----------
    prepared : PreparedSequences
        All sequences.
    rows : ndarray of int of shape (n_rows,)
        The sequences to train on, in order; a sequence may occur several times.
    targets : ndarray of shape (n_sequences, ...) or (sum of n_steps, ...)
        One target a sequence or one a step.
    weights : ndarray of shape (n_sequences,) or (sum of n_steps,)
        One weight a target; 0 leaves it out. They are divided by the mean weight of a sequence, so that the sum
        over a batch, divided by its number of sequences, is an unbiased mean.
    generator : numpy Generator, default=None
        Shuffles each epoch; None keeps the order.
    max_steps : int, default=None
        Batches of more steps, padding included, are cut into equal parts.
    """

    def __init__(
        self,
        prepared: PreparedSequences,
        rows: NDArray[np.int64],
        targets: NDArray[Any],
        weights: NDArray[np.float64],
        *,
        per_step: bool,
        generator: np.random.Generator | None = None,
        max_steps: int | None = None,
    ) -> None:
        self.prepared = prepared
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
        """Return inputs, targets and weights of the sequences at `index`."""
        rows = torch.from_numpy(self._target_rows(index))
        of_rows = self.targets.index_select(0, rows), self.weights.index_select(0, rows)
        return self.prepared.gather(index), of_rows

    def cut(self, batch_size: int) -> list[NDArray[np.int64]]:
        """Cut the rows into batches for one epoch; every row is in exactly one."""
        if self.generator is None:
            return self._within_limit(_split(self.rows, batch_size))
        rows = self.generator.permutation(self.rows)
        lengths = self.prepared.lengths[rows]
        if lengths.min() == lengths.max():
            return self._within_limit(_split(rows, batch_size))
        batches = [
            batch
            for pool in _split(rows, batch_size * _BATCHES_IN_A_POOL)
            for batch in _split(
                pool[np.argsort(self.prepared.lengths[pool], kind="stable")], batch_size
            )
        ]
        batches = self._within_limit(batches)
        return [batches[i] for i in self.generator.permutation(len(batches))]

    def _within_limit(self, batches: list[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
        if self.max_steps is None:
            return batches
        return [part for batch in batches for part in self._parts(batch, self.max_steps)]

    def _parts(self, batch: NDArray[np.int64], max_steps: int) -> list[NDArray[np.int64]]:
        longest = int(self.prepared.lengths[batch].max())
        n_rows = max(1, max_steps // longest)
        return [batch] if len(batch) <= n_rows else np.array_split(batch, -(-len(batch) // n_rows))


class BatchIterator:
    """One pass over a dataset; what skorch asks for as `iterator_train`."""

    def __init__(self, dataset: SequenceDataset, batch_size: int) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self._next: list[NDArray[np.int64]] | None = None
        self._n_batches: int | None = None

    def __len__(self) -> int:
        """Count the batches of the pass that has begun, or else of the one to come."""
        if self._n_batches is None:
            self._next = self.dataset.cut(self.batch_size)
            self._n_batches = len(self._next)
        return self._n_batches

    def __iter__(self) -> Iterator[Batch]:
        batches = self.dataset.cut(self.batch_size) if self._next is None else self._next
        self._next, self._n_batches = None, len(batches)
        return (self.dataset.batch(index) for index in batches)


def _split(rows: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def inference_batches(
    lengths: NDArray[np.int64],
    max_steps: int = 1 << 15,
    chunk: int | None = None,
    width: int = 1,
    multiple: int = _ROW_MULTIPLE,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Cut sequences into batches of similar length and bounded size: of all steps, or of one chunk of them.

    Steps of many numbers, `width` each, make smaller batches: what stays in the processor's cache is faster.

    Yields
    ------
    index : ndarray of int
        The sequences of the batch.
    padded : ndarray of int
        The same, filled with copies of the last one up to a multiple of so many: with 16, torch's products of a step
        give each row the same bits, whatever rows it stands among.
    """
    order = np.argsort(-lengths, kind="stable")
    max_steps = min(max_steps, max(1, _INFERENCE_VALUES // width))
    start = 0
    while start < len(order):
        longest = min(int(lengths[order[start]]), chunk or max_steps)
        rows = max(_ROW_MULTIPLE, max_steps // longest // _ROW_MULTIPLE * _ROW_MULTIPLE)
        index = order[start : start + rows]
        if chunk is not None:
            # rows that end early are carried along to the end of the longest
            near = int(np.count_nonzero(2 * lengths[index] >= lengths[index[0]]))
            index = index[: max(_ROW_MULTIPLE, near)]
        missing = -len(index) % multiple
        padded = index if missing == 0 else np.r_[index, np.repeat(index[-1], missing)]
        yield index, padded
        start += len(index)
