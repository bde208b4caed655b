"""Chunks of time for truncated backpropagation: a batch cut every k steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from sksequence._batching._dataset import Batch


@dataclass(frozen=True)
class Chunk:
    """Some steps of a batch.

    Attributes
    ----------
    batch : (inputs, (targets, weights))
        The steps of the chunk, of the sequences that reach it.
    kept : Tensor of int of shape (n_rows,)
        Which rows of the chunk before are still there: a state carried over is indexed with it.
    """

    batch: Batch
    kept: Tensor


def cut_chunks(batch: Batch, n_steps: int) -> Iterator[Chunk]:
    """Cut a batch with per-step targets into chunks of `n_steps` steps."""
    inputs, (targets, weights) = batch
    lengths = inputs["lengths"]
    offsets = torch.cumsum(lengths, 0) - lengths
    rows = torch.arange(len(lengths), device=lengths.device)
    blocks = {name: block for name, block in inputs.items() if name != "lengths"}
    for start in range(0, int(lengths.max()), n_steps):
        reaching = lengths[rows] > start
        kept, rows = torch.nonzero(reaching)[:, 0], rows[reaching]
        chunk_lengths = torch.clamp(lengths[rows] - start, max=n_steps)
        stop = start + int(chunk_lengths.max())
        chunk = {name: block[rows, start:stop] for name, block in blocks.items()}
        chunk["lengths"] = chunk_lengths
        steps = torch.arange(stop - start, device=lengths.device)
        flat = (offsets[rows, None] + start + steps)[steps < chunk_lengths[:, None]]
        yield Chunk((chunk, (targets[flat], weights[flat])), kept)
