"""Dense layers and dropout that are independent of the batch and of the global random generator.

The order of summation in a matrix product may depend on its shape (see `STABLE`): dense layers pad
it, so that a row has the same bits whatever the number of rows and their positions. Parameters are
created empty and then filled from a given generator. Masks of dropout are drawn on the device of
their generator and then moved: a fit on another device drops the same units.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sksequence._kernels import STABLE, is_traced


class RowLinear(nn.Linear):
    """Dense layer on the last axis; in evaluation, a padded product that is cut afterwards."""

    def reset_parameters(self) -> None:
        """Leave the parameters empty: torch would draw them from the global generator."""

    def forward(self, x: Tensor) -> Tensor:
        """Map `x` (..., n_in) to (..., n_out)."""
        return super().forward(x) if self.training else stable_linear(x, self.weight, self.bias)


def stable_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Map `x` (..., n_in) by a weight (n_out, n_in), in a padded product that is cut afterwards."""
    if is_traced():  # numbers of rows would be constants
        return F.linear(x, weight, bias)
    n_out, n_in = weight.shape
    rows = x.reshape(-1, n_in)
    missing_columns = max(STABLE - n_out, 0)
    if rows.shape[0] % STABLE:
        rows = F.pad(rows, (0, 0, 0, -rows.shape[0] % STABLE))
    if missing_columns:
        weight = F.pad(weight, (0, 0, 0, missing_columns))
        bias = None if bias is None else F.pad(bias, (0, missing_columns))
    outputs = F.linear(rows, weight, bias)[: x.shape[:-1].numel(), :n_out]
    return outputs.reshape(*x.shape[:-1], n_out)


def empty_parameter(*shape: int) -> nn.Parameter:
    """Return an uninitialised float32 parameter."""
    return nn.Parameter(torch.empty(shape, dtype=torch.float32))


def empty_linear(n_in: int, n_out: int) -> RowLinear:
    """Return an uninitialised float32 dense layer."""
    return RowLinear(n_in, n_out, dtype=torch.float32)


def xavier_linear_(layer: nn.Linear, generator: torch.Generator) -> None:
    """Fill a dense layer: Glorot-uniform weights (Glorot & Bengio, 2010), zero biases."""
    nn.init.xavier_uniform_(layer.weight, generator=generator)
    nn.init.zeros_(layer.bias)


class Dropout(nn.Module):
    """Layer that zeroes units at random in training.

    Each unit is dropped with probability `p`, and the others are scaled by 1 / (1 - p).

    Parameters
    ----------
    p : float
        Probability to drop a unit, in [0, 1).

    Attributes
    ----------
    generator : torch.Generator or None
        Source of the masks. Training without one raises an error.

    References
    ----------
    .. [1] Srivastava et al. (2014), Dropout: A Simple Way to Prevent Neural Networks from
       Overfitting, JMLR 15.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = float(p)
        self.generator: torch.Generator | None = None

    @property
    def active(self) -> bool:
        """Whether the next forward pass drops units."""
        return self.training and self.p > 0.0

    def mask(self, like: Tensor) -> Tensor:
        """Draw the factors 0 or 1 / (1 - p), in the shape, dtype and device of `like`."""
        if self.generator is None:
            raise RuntimeError("Dropout has no generator. Call seed_dropout before training.")
        device = self.generator.device
        uniform = torch.rand(like.shape, generator=self.generator, device=device, dtype=like.dtype)
        return ((uniform >= self.p) / (1.0 - self.p)).to(like)

    def forward(self, x: Tensor) -> Tensor:
        """Drop units of `x` (any shape) in training; return it unchanged otherwise."""
        return x * self.mask(x) if self.active else x

    def extra_repr(self) -> str:
        """Return the probability, for the representation of the module."""
        return f"p={self.p}"
