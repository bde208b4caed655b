"""Initial values of the weights of recurrent layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def xavier_gates_(weight: Tensor, n_gates: int, generator: torch.Generator) -> None:
    """Fill input weights (n_gates * hidden, input) Glorot-uniform, each gate by its own fan."""
    for gate in weight.chunk(n_gates):
        nn.init.xavier_uniform_(gate, generator=generator)


def orthogonal_gates_(weight: Tensor, n_gates: int, generator: torch.Generator) -> None:
    """Fill recurrent weights (n_gates * hidden, hidden) with one orthogonal matrix per gate.

    An orthogonal matrix keeps the norm of a state through time (Saxe et al., 2014).
    """
    for gate in weight.chunk(n_gates):
        nn.init.orthogonal_(gate, generator=generator)


def chrono_(bias: Tensor, longest: int, generator: torch.Generator) -> None:
    """Fill the bias of a gate that keeps a memory (Tallec & Ollivier, 2018).

    The time constants of the units are then uniform between 1 and `longest` - 1 steps.
    """
    nn.init.uniform_(bias, 1.0, max(1.0, longest - 1.0), generator=generator)
    with torch.no_grad():
        bias.log_()
