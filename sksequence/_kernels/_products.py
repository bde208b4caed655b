"""Products around a time loop, in shares for several threads: shares of rows, or of the rows of a gradient."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sksequence._kernels._shards import in_shards, part_of


def empty_block(*shape: int) -> Tensor:
    """Return float32 numbers on the CPU that are still to be filled.

    numpy asks the system for large pages where there are many numbers, torch does not: a third of the time of a long
    batch went by until the system had handed out small ones.
    """
    return torch.from_numpy(np.empty(shape, np.float32))


def project(x: Tensor, weight: Tensor, bias: Tensor, out: Tensor) -> None:
    """Fill out (B, T, G) with W x + b, for x (B, T, F)."""
    torch.addmm(bias, x.flatten(0, 1), weight.T, out=out.view(-1, out.shape[2]))


def project_back(d_out: Tensor, weight: Tensor, d_x: Tensor | None) -> None:
    """Fill the gradient of x, if anybody needs it."""
    if d_x is not None:
        torch.mm(d_out.view(-1, d_out.shape[2]), weight, out=d_x.view(-1, d_x.shape[2]))


def states_before(start: Tensor, outputs: Tensor, before: Tensor) -> None:
    """Fill before (B, T, H) with the state that each step begins from."""
    before[:, 0] = start
    before[:, 1:] = outputs[:, :-1]


def weight_gradients(
    d_inputs: Tensor, x: Tensor, d_hidden: Tensor, before: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of weight_ih, weight_hh, bias_ih and bias_hh.

    d_inputs and d_hidden (B, T, G) are those of W x + b and U h + b; x (B, T, F), before (B, T, H).
    """
    n_gates = d_inputs.shape[2]
    pairs = [
        (d.flatten(0, 1), read.flatten(0, 1)) for d, read in ((d_inputs, x), (d_hidden, before))
    ]
    d_weights = [read.new_empty(n_gates, read.shape[1]) for _, read in pairs]

    def share(gates: slice) -> None:
        for (d, read), d_weight in zip(pairs, d_weights, strict=True):
            torch.mm(part_of(d.T, gates), read, out=part_of(d_weight, gates))

    in_shards(share, n_gates)
    # whole: the order of a sum over rows depends on the number of columns
    d_biases = [d.sum(dim=0) for d, _ in pairs]
    return d_weights[0], d_weights[1], d_biases[0], d_biases[1]
