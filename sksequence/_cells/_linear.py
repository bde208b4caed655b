"""A dense layer whose rows do not depend, in any bit, on how many rows there are and where they stand.

A matrix product may add up in another order for another shape: see `STABLE`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .._kernels import STABLE
from ._initialise import empty_parameter


class RowLinear(nn.Linear):
    """Dense layer on the last axis; in evaluation, on a padded product that is cut afterwards."""

    def forward(self, x: Tensor) -> Tensor:
        """Map `x` (..., n_in) to (..., n_out)."""
        return super().forward(x) if self.training else stable_linear(x, self.weight, self.bias)


def stable_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Map `x` (..., n_in) by a weight (n_out, n_in), on a padded product that is cut afterwards."""
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


def empty_linear(n_in: int, n_out: int) -> RowLinear:
    """Return an uninitialised float32 dense layer; made on the meta device, it draws nothing."""
    layer = RowLinear(n_in, n_out, device="meta", dtype=torch.float32)
    # to_empty would do the same, and import a symbolic algebra for it
    layer.weight = empty_parameter(n_out, n_in)
    layer.bias = empty_parameter(n_out)
    return layer
