"""Index arithmetic on padded batches: masks of real steps, reversed rows, steps as flat rows.

Padded tensors are (batch, time, ...), lengths (batch,) or None (all rows full: no work, and the
same bits), flat ones (sum of lengths, ...) in sequence order. A mask of steps is None where lengths
are None. Lengths may be on the CPU while the rest is on a GPU: their sum is then known without
waiting for it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sksequence._batching import on_device


def is_step(lengths: Tensor | None, n_steps: int) -> Tensor | None:
    """Return a mask (batch, time), True at the steps that are not padding."""
    if lengths is None:
        return None
    return torch.arange(n_steps, device=lengths.device) < lengths[:, None]


def lengths_on(device: torch.device, lengths: Tensor | None) -> Tensor | None:
    """Return lengths on the device of what they are the lengths of."""
    return None if lengths is None else on_device(lengths, device)


def blank_padding(x: Tensor, steps: Tensor | None) -> Tensor:
    """Set padded steps of `x` (batch, time, width) to 0, so that their content cannot overflow."""
    if steps is None:
        return x
    return torch.where(steps[:, :, None], x, x.new_zeros(()))


def reverse_steps(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Reverse each row of `x` (batch, time, width) within its own length; padding stays."""
    if lengths is None:
        return x.flip(1)
    n_rows, n_steps, width = x.shape
    position = torch.arange(n_steps, device=x.device)
    mirrored = lengths[:, None] - 1 - position
    index = torch.where(mirrored >= 0, mirrored, position)  # (batch, time)
    index = index + n_steps * torch.arange(n_rows, device=x.device)[:, None]
    return x.reshape(-1, width).index_select(0, index.flatten()).view(n_rows, n_steps, width)


def flatten_steps(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the real steps of `x` (batch, time, width) as rows (sum of lengths, width)."""
    steps = is_step(lengths, x.shape[1])
    if steps is None:
        return x.flatten(0, 1)
    rows = steps.flatten().nonzero().squeeze(1)
    return x.flatten(0, 1).index_select(0, on_device(rows, x.device))
