"""Index arithmetic on padded batches: which steps are real, how a row is reversed, how steps become flat rows.

Padded tensors are (batch, time, ...), lengths (batch,), flat ones (sum of lengths, ...) in sequence order.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

# rows of a matrix product are bitwise independent of their number if that is a multiple of this
_ROWS = 16


def is_step(lengths: Tensor, n_steps: int) -> Tensor:
    """Return a mask (batch, time), True at the steps that are not padding."""
    return torch.arange(n_steps, device=lengths.device) < lengths[:, None]


def blank_padding(x: Tensor, steps: Tensor) -> Tensor:
    """Set padded steps of `x` (batch, time, width) to 0: whatever stood there cannot overflow."""
    return torch.where(steps[:, :, None], x, x.new_zeros(()))


def reverse_steps(x: Tensor, lengths: Tensor) -> Tensor:
    """Reverse each row of `x` (batch, time, width) within its own length; padding stays where it is."""
    position = torch.arange(x.shape[1], device=x.device)
    mirrored = lengths[:, None] - 1 - position
    index = torch.where(mirrored >= 0, mirrored, position)  # (batch, time)
    return x.gather(1, index[:, :, None].expand_as(x))


def flatten_steps(x: Tensor, steps: Tensor) -> Tensor:
    """Return the real steps of `x` (batch, time, width) as rows (sum of lengths, width)."""
    rows = steps.flatten().nonzero().squeeze(1)
    return x.flatten(0, 1).index_select(0, rows)


def pad_rows(x: Tensor) -> Tensor:
    """Append zero rows to `x` (rows, width) up to a multiple of 16."""
    return F.pad(x, (0, 0, 0, -len(x) % _ROWS))
