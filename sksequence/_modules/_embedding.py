"""Embeddings of codes: in the input layer and, where they are shared, in the head."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sksequence._cells import empty_parameter, stable_linear
from sksequence._modules._padded_steps import blank_padding
from sksequence._settings import NetworkSpec


class InputLayer(nn.Module):
    """Input of the recurrent layers: numbers and embedded codes, joined on the last axis.

    At first, the vectors have unit variance, as a standardised column has. If the head shares them,
    they have the length of its weights, and are multiplied by `scale` as inputs; this learns better
    than one length for both.

    Parameters
    ----------
    spec : NetworkSpec
        Columns of the input and of their embeddings.
    generator : torch.Generator
        Source of the vectors.
    """

    def __init__(self, spec: NetworkSpec, generator: torch.Generator) -> None:
        super().__init__()
        self.scale = math.sqrt(spec.embedding_dim) if spec.tie_weights else 1.0
        tables = [empty_parameter(size, spec.embedding_dim) for size in spec.n_symbols]
        for table in tables:
            nn.init.normal_(table, std=1.0 / self.scale, generator=generator)
            nn.init.zeros_(table[0])  # the unknown symbol is neutral until it is seen in training
        self.tables = nn.ParameterList(tables)
        self.width = spec.n_features + len(tables) * spec.embedding_dim

    def forward(self, steps: Tensor | None, values: Tensor | None, codes: Tensor | None) -> Tensor:
        """Join values (batch, time, features) and codes (batch, time, columns).

        Return (batch, time, width), 0 at padding. `steps` (batch, time) is True at real steps.
        """
        parts = [] if values is None else [blank_padding(values, steps)]
        if codes is not None:
            known = blank_padding(codes, steps)
            columns = zip(known.unbind(dim=2), self.tables, strict=True)
            parts += [self.scaled(F.embedding(column, table)) for column, table in columns]
        return torch.cat(parts, dim=2) if len(parts) > 1 else parts[0]

    def scaled(self, vectors: Tensor) -> Tensor:
        """Return vectors of the tables as the first recurrent layer reads them."""
        return vectors if self.scale == 1.0 else vectors * self.scale


class TiedHead(nn.Module):
    """Head that shares the embedding of the input: the rows of W in W h + b [1]_ [2]_.

    Features of another width are projected first. The table is an argument of each call, so that it
    is one parameter of the network, in one place.

    Parameters
    ----------
    width : int
        Width of the features.
    spec : NetworkSpec
        Code of each output, width of the embedding.
    generator : torch.Generator
        Source of the projection.

    References
    ----------
    .. [1] Press & Wolf (2017), Using the Output Embedding to Improve Language Models, EACL.
    .. [2] Inan, Khosravi & Socher (2017), Tying Word Vectors and Word Classifiers: A Loss Framework
       for Language Modeling, ICLR.
    """

    codes: Tensor

    def __init__(self, width: int, spec: NetworkSpec, generator: torch.Generator) -> None:
        super().__init__()
        self.register_buffer("codes", torch.tensor(spec.tied_codes), persistent=False)
        self.projection: nn.Parameter | None = None
        if width != spec.embedding_dim:
            self.projection = empty_parameter(spec.embedding_dim, width)
            nn.init.xavier_uniform_(self.projection, generator=generator)
        self.bias = empty_parameter(spec.n_outputs)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        """Map `x` (..., width) to (..., n_outputs)."""
        product = F.linear if self.training else stable_linear
        if self.projection is not None:
            x = product(x, self.projection)
        return product(x, table[self.codes], self.bias)

    def weight(self, table: Tensor) -> Tensor:
        """Return the matrix (n_outputs, width) of the head, projection included."""
        vectors = table[self.codes]
        return vectors if self.projection is None else vectors @ self.projection
