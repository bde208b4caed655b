"""The input layer, and embeddings of codes: as inputs, joined to hidden states, in the head."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sksequence._cells import (
    Dropout,
    LayerState,
    empty_linear,
    empty_parameter,
    reads_gaps,
    stable_linear,
    xavier_linear_,
)
from sksequence._modules._missing_values import MISSING, MissingDecay
from sksequence._modules._padded_steps import blank_padding
from sksequence._settings import NetworkSpec, StaticSpec

# standard deviation at first of what features that do not change in time add to a hidden unit
_STATIC_GAIN = 0.5


class InputLayer(nn.Module):
    """Input of the recurrent layers: numbers and embedded codes, joined on the last axis.

    At first, the vectors have unit variance, as a standardised column has. If the head shares them,
    they have the length of its weights, and are multiplied by `scale` as inputs; this learns better
    than one length for both. Pre-trained vectors are kept as they are, and `scale` is that of the
    specification.

    The time since the previous step, if it is known, is the last input. Cells that do not compute
    with it read log2(1 + gap) - 1, which is 0 for the median gap, as one more feature.

    Parameters
    ----------
    spec : NetworkSpec
        Columns of the input and of their embeddings.
    generator : torch.Generator
        Source of the vectors.

    Attributes
    ----------
    width : int
        Number of inputs of the first layer.
    has_state : bool
        Whether it carries a state, as recurrent layers do.
    """

    def __init__(self, spec: NetworkSpec, generator: torch.Generator) -> None:
        super().__init__()
        dims = spec.embedding_dims
        self.scale = math.sqrt(dims[0]) if spec.tie_weights else 1.0
        if spec.embedding_scale is not None:
            self.scale = spec.embedding_scale
        self.tables = _tables(spec.n_symbols, dims, 1.0 / self.scale, generator)
        if spec.frozen_embedding:
            self.tables[0].requires_grad_(False)
        self.unknown = SymbolDropout(spec.unknown_rate)
        self.frame_length = spec.frame_length
        self.has_gaps, self.gap_is_feature = spec.has_gaps, not reads_gaps(spec.cell)
        self.missing: nn.Module | None = None
        if spec.missing in MISSING and spec.n_features:
            self.missing = MISSING[spec.missing](spec.n_features, generator)
        self.has_state = isinstance(self.missing, MissingDecay)
        n_numbers = spec.n_features * (1 if self.missing is None else 2)
        self.width = n_numbers + sum(dims) * spec.frame_length + spec.has_gaps

    def forward(self, steps: Tensor | None, values: Tensor | None, codes: Tensor | None) -> Tensor:
        """Join values (batch, time, features) and codes (batch, time, columns).

        The codes of a frame are those of its first step, then those of its second, and so on.
        Return (batch, time, width). `steps` (batch, time) is True at real steps.
        """
        return self.advance(steps, values, codes, None, None)[0]

    def advance(
        self,
        steps: Tensor | None,
        values: Tensor | None,
        codes: Tensor | None,
        lengths: Tensor | None,
        state: LayerState | None,
    ) -> tuple[Tensor, LayerState]:
        """Continue from `state` (None: the start); return the inputs and the state after them."""
        parts = [] if values is None else [blank_padding(values, steps)]
        gaps = None
        if self.has_gaps:
            gaps, parts[0] = parts[0][:, :, :1], parts[0][:, :, 1:]
        after: LayerState = ()
        if self.missing is not None:
            parts[0], after = self.missing(parts[0], lengths, state, gaps)
        parts += self._embedded(steps, codes)
        if gaps is not None:
            parts.append(torch.log2(1.0 + gaps) - 1.0 if self.gap_is_feature else gaps)
        return torch.cat(parts, dim=2) if len(parts) > 1 else parts[0], after

    def _embedded(self, steps: Tensor | None, codes: Tensor | None) -> list[Tensor]:
        """Return the vectors (batch, time, frame_length * dim) of each column of codes."""
        if codes is None:
            return []
        known = blank_padding(self.unknown(codes), steps)
        if self.frame_length > 1:
            known = known.reshape(*known.shape[:2], self.frame_length, -1).transpose(2, 3)
        columns = zip(known.unbind(dim=2), self.tables, strict=True)
        return [self.scaled(F.embedding(c, table)).flatten(2) for c, table in columns]

    def scaled(self, vectors: Tensor) -> Tensor:
        """Return vectors of the tables as the first recurrent layer reads them."""
        return vectors if self.scale == 1.0 else vectors * self.scale


class SymbolDropout(Dropout):
    """Layer that replaces codes by 0, that of the unknown symbol, at random in training.

    Sequences cannot be told apart by single rare symbols then, and the unknown symbol is learnt:
    it stands for a symbol about which only the others say something [1]_.

    References
    ----------
    .. [1] Iyyer, Manjunatha, Boyd-Graber & Daume (2015), Deep Unordered Composition Rivals
       Syntactic Methods for Text Classification, ACL.
    """

    def forward(self, codes: Tensor) -> Tensor:
        """Replace some of the codes (any shape) in training; return them unchanged otherwise."""
        return codes * (self.mask(codes.to(torch.float32)) > 0) if self.active else codes


def _tables(
    sizes: Sequence[int], dims: Sequence[int], std: float, generator: torch.Generator
) -> nn.ParameterList:
    """Return one table of vectors (n_symbols, embedding_dim) per column of codes."""
    tables = [empty_parameter(size, dim) for size, dim in zip(sizes, dims, strict=True)]
    for table in tables:
        nn.init.normal_(table, std=std, generator=generator)
        nn.init.zeros_(table[0])  # the unknown symbol is neutral until it is seen in training
    return nn.ParameterList(tables)


class StaticJoin(nn.Module):
    """Layer that joins hidden states with features that do not change in time.

    It is a dense layer with a nonlinearity, without which features could be added to what the
    hidden states say, but not change its meaning. The SiLU [1]_ is not bounded: a number far
    outside the usual range has its effect.

    Parameters
    ----------
    width : int
        Width of the hidden states, before and after.
    spec : StaticSpec
        Columns that do not change in time and their embeddings.
    generator : torch.Generator
        Source of the parameters.

    References
    ----------
    .. [1] Elfwing, Uchibe & Doya (2018), Sigmoid-Weighted Linear Units for Neural Network Function
       Approximation in Reinforcement Learning, Neural Networks 107.
    """

    def __init__(self, width: int, spec: StaticSpec, generator: torch.Generator) -> None:
        super().__init__()
        self.tables = _tables(spec.n_symbols, spec.embedding_dims, 1.0, generator)
        self.hidden = empty_linear(width + spec.width, width)
        xavier_linear_(self.hidden, generator)
        # far enough from linear that interactions of hidden states and features are learnt soon
        with torch.no_grad():
            std = _STATIC_GAIN / math.sqrt(spec.width)
            nn.init.normal_(self.hidden.weight[:, width:], std=std, generator=generator)

    def forward(
        self,
        hidden: Tensor,
        numbers: Tensor | None,
        codes: Tensor | None,
        repeats: Tensor | int,
    ) -> Tensor:
        """Join hidden states (rows, width) with numbers and codes (batch, columns).

        The features of each sequence are repeated for its rows, `repeats` (batch,) or alike.
        """
        parts = [] if numbers is None else [numbers]
        if codes is not None:
            columns = zip(codes.unbind(dim=1), self.tables, strict=True)
            parts += [F.embedding(column, table) for column, table in columns]
        if not parts:
            raise ValueError(
                "This network reads features that do not change in time; got neither static nor "
                "static_codes."
            )
        features = torch.cat(parts, dim=1)
        if not isinstance(repeats, int) or repeats > 1:
            # the size is known: a GPU need not be waited for
            features = features.repeat_interleave(repeats, dim=0, output_size=len(hidden))
        joined = self.hidden(torch.cat([hidden, features], dim=1))
        # the same as F.silu, in which the bits of a number depend on its position
        silu: Tensor = 0.5 * joined * (1.0 + torch.tanh(0.5 * joined))
        return silu


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
        dim = spec.embedding_dims[0]
        if width != dim:
            self.projection = empty_parameter(dim, width)
            nn.init.xavier_uniform_(self.projection, generator=generator)
        self.bias = empty_parameter(spec.n_outputs)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        """Map `x` (..., width) to (..., n_outputs)."""
        product = F.linear if self.training else stable_linear
        if self.projection is not None:
            x = product(x, self.projection)
        return product(x, table[self.codes], self.bias)

    def inputs(self, x: Tensor, table: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return input, weight and bias of the last product in training."""
        if self.projection is not None:
            x = F.linear(x, self.projection)
        return x, table[self.codes], self.bias

    def weight(self, table: Tensor) -> Tensor:
        """Return the matrix (n_outputs, width) of the head, projection included."""
        vectors = table[self.codes]
        return vectors if self.projection is None else vectors @ self.projection
