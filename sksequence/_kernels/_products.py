"""Products around a time loop."""

from __future__ import annotations

import math
import threading

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sksequence._kernels import STABLE
from sksequence._kernels._shards import IN_CACHE

# numbers from which on numpy asks for large pages: 4 MB
_MANY = 1 << 20

_of_thread = threading.local()


def empty_block(*shape: int) -> Tensor:
    """Return float32 numbers on the CPU that are still to be filled.

    numpy asks the system for large pages where there are many numbers, torch does not: a third of the time of a long
    batch went by until the system had handed out small ones.
    """
    if math.prod(shape) < _MANY:
        return torch.empty(shape)
    return torch.from_numpy(np.empty(shape, np.float32))


def scratch_block(*shape: int) -> Tensor:
    """Return float32 numbers on the CPU that this thread may use until it asks again; little is kept for it.

    What a short prediction needs once, the system would hand out and take back each time: half of the prediction.
    """
    size = math.prod(shape)
    if size > IN_CACHE:
        return empty_block(*shape)
    if not hasattr(_of_thread, "scratch"):
        _of_thread.scratch = np.empty(IN_CACHE, np.float32)
    return torch.from_numpy(_of_thread.scratch[:size]).view(shape)


def project(x: Tensor, weight: Tensor, bias: Tensor, out: Tensor) -> None:
    """Fill out (B, T, G) with W x + b, for x (B, T, F); the bits of a step are its own."""
    rows, filled = x.flatten(0, 1), out.view(-1, out.shape[2])
    missing = -len(rows) % STABLE
    if missing:
        rows = F.pad(rows, (0, 0, 0, missing))
        filled.copy_(torch.addmm(bias, rows, weight.T)[: len(filled)])
    else:
        torch.addmm(bias, rows, weight.T, out=filled)


def project_back(d_out: Tensor, weight: Tensor, d_x: Tensor) -> None:
    """Fill the gradient of x from that of W x."""
    torch.mm(d_out.flatten(0, 1), weight, out=d_x.view(-1, d_x.shape[2]))


def weight_gradient(d_out: Tensor, read: Tensor) -> Tensor:
    """Return the gradient (G, F) of W from that of W x, (B, T, G), and x (B, T, F)."""
    return torch.mm(d_out.flatten(0, 1).T, read.flatten(0, 1))


def bias_gradient(d_out: Tensor) -> Tensor:
    """Return the sum of d_out (B, T, G) over all steps."""
    return d_out.flatten(0, 1).sum(dim=0)


def add_up(parts: list[list[Tensor]]) -> list[Tensor]:
    """Return the sums of gradients over the pieces that they were computed in."""
    total = parts[0]
    for part in parts[1:]:
        torch._foreach_add_(total, part)
    return total
