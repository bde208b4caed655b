"""What the first layer reads: the numeric columns, and an embedding of each column of codes."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .._cells import empty_parameter
from ._ragged import blank_padding
from ._spec import NetworkSpec


class Inputs(nn.Module):
    """Join values (batch, time, features) and embedded codes (batch, time, columns) along the last axis."""

    def __init__(self, spec: NetworkSpec, generator: torch.Generator) -> None:
        super().__init__()
        tables = [empty_parameter(size, spec.embedding_dim) for size in spec.n_symbols]
        for table in tables:
            # unit variance, as a standardised column has; the unknown symbol says nothing until it is seen
            nn.init.normal_(table, generator=generator)
            nn.init.zeros_(table[0])
        self.tables = nn.ParameterList(tables)
        self.width = spec.n_features + len(tables) * spec.embedding_dim

    def forward(self, steps: Tensor | None, values: Tensor | None, codes: Tensor | None) -> Tensor:
        """Return the input (batch, time, width), 0 at padding; `steps` (batch, time) marks the real ones."""
        parts = [] if values is None else [blank_padding(values, steps)]
        if codes is not None:
            known = blank_padding(codes, steps)
            columns = zip(known.unbind(dim=2), self.tables, strict=True)
            parts += [F.embedding(column, table) for column, table in columns]
        return torch.cat(parts, dim=2) if len(parts) > 1 else parts[0]
