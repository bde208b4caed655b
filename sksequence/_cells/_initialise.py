"""Parameters made without the global generator: empty first, then filled from one that is given."""

import torch
from torch import Tensor, nn


def empty_parameter(*shape: int) -> nn.Parameter:
    """Return an uninitialised float32 parameter."""
    return nn.Parameter(torch.empty(shape, dtype=torch.float32))


def xavier_linear_(layer: nn.Linear, generator: torch.Generator) -> None:
    """Fill a dense layer: Glorot-uniform weights (Glorot & Bengio, 2010), zero biases."""
    nn.init.xavier_uniform_(layer.weight, generator=generator)
    nn.init.zeros_(layer.bias)


def xavier_gates_(weight: Tensor, n_gates: int, generator: torch.Generator) -> None:
    """Fill input weights (n_gates * hidden, input) Glorot-uniform, each gate by its own fan."""
    for gate in weight.chunk(n_gates):
        nn.init.xavier_uniform_(gate, generator=generator)


def orthogonal_gates_(weight: Tensor, n_gates: int, generator: torch.Generator) -> None:
    """Fill recurrent weights (n_gates * hidden, hidden) with one orthogonal matrix per gate.

    It keeps the norm of what passes through time (Saxe et al., 2014).
    """
    for gate in weight.chunk(n_gates):
        nn.init.orthogonal_(gate, generator=generator)


def chrono_(bias: Tensor, longest: int, generator: torch.Generator) -> None:
    """Fill the bias of a gate that keeps: a unit then forgets over 1 to `longest` - 1 steps (Tallec & Ollivier, 2018)."""
    nn.init.uniform_(bias, 1.0, max(1.0, longest - 1.0), generator=generator)
    with torch.no_grad():
        bias.log_()
