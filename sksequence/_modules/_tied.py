"""A head that reads with the vectors that the symbols have as inputs."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .._cells import empty_parameter, stable_linear
from ._spec import NetworkSpec


class TiedHead(nn.Module):
    """Logits W h + b where W are rows of the input's table [1]_ [2]_; states of another width are projected first.

    The table is passed at each call, not kept: it is one parameter of the network, in one place.

    Parameters
    ----------
    width : int
        Of what the head reads.
    spec : NetworkSpec
        Which row stands for which output.
    generator : torch.Generator
        Where the projection comes from.

    References
    ----------
    .. [1] Press & Wolf (2017), Using the Output Embedding to Improve Language Models, EACL.
    .. [2] Inan, Khosravi & Socher (2017), Tying Word Vectors and Word Classifiers: A Loss Framework for Language
       Modeling, ICLR.
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
        """Return the one matrix (n_outputs, width) that the head amounts to."""
        vectors = table[self.codes]
        return vectors if self.projection is None else vectors @ self.projection
