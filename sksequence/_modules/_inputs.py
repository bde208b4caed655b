"""What the first layer reads: the numeric columns, and an embedding of each column of codes."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .._cells import empty_parameter
from ._ragged import blank_padding
from ._spec import NetworkSpec


class Inputs(nn.Module):
    """Join values (batch, time, features) and embedded codes (batch, time, columns) along the last axis.

    Vectors have unit variance at first, as a standardised column has. Those that the head shares are as short as its
    weights ought to be, and lengthened by `factor` as inputs: measured to learn better than one length for both.
    """

    def __init__(self, spec: NetworkSpec, generator: torch.Generator) -> None:
        super().__init__()
        self.factor = math.sqrt(spec.embedding_dim) if spec.tie_weights else 1.0
        tables = [empty_parameter(size, spec.embedding_dim) for size in spec.n_symbols]
        for table in tables:
            nn.init.normal_(table, std=1.0 / self.factor, generator=generator)
            nn.init.zeros_(table[0])  # the unknown symbol says nothing until it is seen
        self.tables = nn.ParameterList(tables)
        self.width = spec.n_features + len(tables) * spec.embedding_dim

    def forward(self, steps: Tensor | None, values: Tensor | None, codes: Tensor | None) -> Tensor:
        """Return the input (batch, time, width), 0 at padding; `steps` (batch, time) marks the real ones."""
        parts = [] if values is None else [blank_padding(values, steps)]
        if codes is not None:
            known = blank_padding(codes, steps)
            columns = zip(known.unbind(dim=2), self.tables, strict=True)
            parts += [self.lengthened(F.embedding(column, table)) for column, table in columns]
        return torch.cat(parts, dim=2) if len(parts) > 1 else parts[0]

    def lengthened(self, vectors: Tensor) -> Tensor:
        """Return vectors of the tables as the first layer reads them."""
        return vectors if self.factor == 1.0 else vectors * self.factor
