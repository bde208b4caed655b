"""Products around a time loop, in shares for several threads: shares of rows, or of the rows of a gradient."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from sksequence._kernels._shards import in_shards, part_of

# numbers from which on numpy asks for large pages: 4 MB
_MANY = 1 << 20


def empty_block(*shape: int) -> Tensor:
    """Return float32 numbers on the CPU that are still to be filled.

    numpy asks the system for large pages where there are many numbers, torch does not: a third of the time of a long
    batch went by until the system had handed out small ones.
    """
    if math.prod(shape) < _MANY:
        return torch.empty(shape)
    return torch.from_numpy(np.empty(shape, np.float32))


def project(x: Tensor, weight: Tensor, bias: Tensor, out: Tensor) -> None:
    """Fill out (B, T, G) with W x + b, for x (B, T, F)."""
    torch.addmm(bias, x.flatten(0, 1), weight.T, out=out.view(-1, out.shape[2]))


def project_back(d_out: Tensor, weight: Tensor, d_x: Tensor | None) -> None:
    """Fill the gradient of x, if anybody needs it."""
    if d_x is not None:
        torch.mm(d_out.view(-1, d_out.shape[2]), weight, out=d_x.view(-1, d_x.shape[2]))


def weight_gradients(*pairs: tuple[Tensor, Tensor]) -> list[Tensor]:
    """Return the gradient (G, F) of each W, from pairs of that of W x, (B, T, G), and x (B, T, F)."""
    flat = [(d.flatten(0, 1), read.flatten(0, 1)) for d, read in pairs]
    d_weights = [read.new_empty(d.shape[1], read.shape[1]) for d, read in flat]

    def share(gates: slice) -> None:
        for (d, read), d_weight in zip(flat, d_weights, strict=True):
            torch.mm(part_of(d.T, gates), read, out=part_of(d_weight, gates))

    in_shards(share, len(d_weights[0]))
    return d_weights


def bias_gradient(d_out: Tensor) -> Tensor:
    """Return the sum of d_out (B, T, G) over all steps: whole, as its order depends on the number of columns."""
    return d_out.flatten(0, 1).sum(dim=0)
