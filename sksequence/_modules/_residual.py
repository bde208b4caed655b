"""Residual connections between layers, with the norm of what a layer reads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sksequence._cells import empty_parameter, stable_linear

EPSILON = 1e-6


class Residual(nn.Module):
    """Connection around a layer, which reads the normalised outputs below it and adds its own.

    Each step of the input is divided by the root mean square of its units [1]_, and each unit has a
    factor. The sum itself is not normalised, so that the gradient reaches the first layer undivided
    [2]_. Outputs of another width are projected before the sum.

    Parameters
    ----------
    width : int
        Width of the input of the layer.
    below, sizes : sequence of int
        Width of each direction of the layer below, and of the layer.
    generator : torch.Generator
        Source of the projections.

    References
    ----------
    .. [1] Zhang & Sennrich (2019), Root Mean Square Layer Normalization, NeurIPS.
    .. [2] He, Zhang, Ren & Sun (2016), Identity Mappings in Deep Residual Networks, ECCV.
    """

    def __init__(
        self, width: int, below: Sequence[int], sizes: Sequence[int], generator: torch.Generator
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.projections = nn.ParameterList()
        if list(below) != list(sizes):
            pairs = zip(sizes, below, strict=True)
            self.projections.extend(empty_parameter(*pair) for pair in pairs)
        for projection in self.projections:
            nn.init.xavier_uniform_(projection, generator=generator)

    def norm(self, x: Tensor) -> Tensor:
        """Return the normalised steps (..., width)."""
        square = (x * x).mean(dim=-1, keepdim=True)
        return x * torch.rsqrt(square + EPSILON) * self.weight

    def add(self, below: Sequence[Tensor], outputs: Sequence[Tensor]) -> list[Tensor]:
        """Add the outputs (batch, time, hidden) of each direction to those of the layer below."""
        if len(self.projections):
            product = F.linear if self.training else stable_linear
            pairs = zip(below, self.projections, strict=True)
            below = [product(part, projection) for part, projection in pairs]
        return [part + own for part, own in zip(below, outputs, strict=True)]
