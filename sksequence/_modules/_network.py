"""The whole network, from a padded batch to outputs.

values (batch, time, features) float32 and codes (batch, time, columns) int64 are padded with anything after each
row's length; lengths (batch,) int64, or None if all rows are full (faster, the same bits). Outputs are
(batch, n_outputs) with a pooling, and flat without: the real steps only, (sum of lengths, n_outputs), in sequence
order.
"""

import torch
from torch import Tensor, nn

from .._cells import Dropout, empty_linear, xavier_linear_
from ._inputs import Inputs
from ._pooling import POOLINGS
from ._ragged import flatten_steps, is_step
from ._spec import NetworkSpec
from ._stack import Stack, State
from ._tied import TiedHead


class SequenceNetwork(nn.Module):
    """Inputs, recurrent stack, pooling and head.

    Parameters
    ----------
    spec : NetworkSpec
        What to build.
    generator : torch.Generator
        Where the parameters come from.

    Attributes
    ----------
    head : nn.Linear or TiedHead
        From features to outputs; `outputs` applies it.
    width : int
        Of the features.
    can_step : bool
        Whether a state can be carried: one direction, and a cell that can go on from a state.
    """

    def __init__(self, spec: NetworkSpec, generator: torch.Generator) -> None:
        super().__init__()
        self.spec = spec
        self.inputs = Inputs(spec, generator)
        self.stack = Stack(self.inputs.width, spec, generator)
        self.width = width = self.stack.output_size
        self.pooling = None if spec.pooling is None else POOLINGS[spec.pooling](width, generator)
        self.dropout = Dropout(spec.dropout)
        self.head = _build_head(width, spec, generator)

    @property
    def can_step(self) -> bool:
        """Whether a state can be carried from one chunk to the next."""
        return self.stack.can_step

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.head.bias.device

    def seed_dropout(self, generator: torch.Generator) -> None:
        """Let all dropout draw from `generator` from now on."""
        for module in self.modules():
            if isinstance(module, Dropout):
                module.generator = generator

    def forward(
        self,
        lengths: Tensor | None,
        values: Tensor | None = None,
        codes: Tensor | None = None,
        tbptt_steps: int | None = None,
        is_blank: bool = False,
    ) -> Tensor:
        """Return the outputs: (batch, n_outputs), or (sum of lengths, n_outputs) without pooling.

        With `tbptt_steps`, no gradient passes more than that many steps back through a state: the state is
        detached at every multiple of it. The outputs are the same. `is_blank` promises that padded steps hold zeros.
        """
        return self.outputs(self.features(lengths, values, codes, tbptt_steps, is_blank))

    def features(
        self,
        lengths: Tensor | None,
        values: Tensor | None = None,
        codes: Tensor | None = None,
        tbptt_steps: int | None = None,
        is_blank: bool = False,
    ) -> Tensor:
        """Return what the head reads: (batch, width), or (sum of lengths, width) without pooling."""
        if tbptt_steps is not None:
            self._check_can_step("tbptt_steps")
        x = self._enter(None if is_blank else lengths, values, codes)
        parts = self.stack(x, lengths, tbptt_steps)
        if self.pooling is None:
            pooled = flatten_steps(self.stack.merge(parts), lengths)
        else:
            pooled = self.pooling(parts, self.stack.merge, lengths)
        return self.dropout(pooled)  # type: ignore[no-any-return]

    def advance(
        self,
        lengths: Tensor | None,
        values: Tensor | None = None,
        codes: Tensor | None = None,
        state: State | None = None,
    ) -> tuple[Tensor, State]:
        """Go on from `state` (None: the start) through a chunk of steps.

        With ``pooling="last"`` the outputs are those of all prefixes.

        Returns
        -------
        outputs : Tensor of shape (sum of lengths, n_outputs)
            One output per step of the chunk. A length may be 0: such a row keeps its state.
        state : tuple over depths of tuples of Tensor of shape (batch, ...)
            The state after each row's last step.
        """
        features, after = self.advance_features(lengths, values, codes, state)
        return self.outputs(features), after

    def advance_features(
        self,
        lengths: Tensor | None,
        values: Tensor | None = None,
        codes: Tensor | None = None,
        state: State | None = None,
    ) -> tuple[Tensor, State]:
        """Return what the head reads instead of outputs; otherwise as `advance`."""
        self._check_can_step("advance")
        if self.spec.pooling not in (None, "last"):
            raise ValueError(
                f"advance gives one output per step: it cannot go with pooling={self.spec.pooling!r}."
            )
        x = self._enter(lengths, values, codes)
        outputs, after = self.stack.advance(x, lengths, state)
        return self.dropout(flatten_steps(outputs, lengths)), after

    def outputs(self, features: Tensor) -> Tensor:
        """Let the head read features (..., width): (..., n_outputs)."""
        if isinstance(self.head, TiedHead):
            return self.head(features, self.inputs.tables[0])  # type: ignore[no-any-return]
        return self.head(features)  # type: ignore[no-any-return]

    @property
    def head_weight(self) -> Tensor:
        """The matrix (n_outputs, width) of the head, whatever it is made from."""
        if isinstance(self.head, TiedHead):
            return self.head.weight(self.inputs.tables[0])
        return self.head.weight

    def _enter(self, lengths: Tensor | None, values: Tensor | None, codes: Tensor | None) -> Tensor:
        """Return the input of the first layer (batch, time, width)."""
        some = values if values is not None else codes
        if some is None:
            raise ValueError("a network needs values, codes or both; got neither.")
        return self.inputs(is_step(lengths, some.shape[1]), values, codes)  # type: ignore[no-any-return]

    def _check_can_step(self, what: str) -> None:
        if self.spec.bidirectional:
            raise ValueError(
                f"{what} needs a state to carry: it cannot go with bidirectional=True."
            )
        if not self.can_step:
            raise ValueError(
                f"{what} needs a state to carry: the cell {self.spec.cell!r} has no method step(x, state)."
            )


def _build_head(width: int, spec: NetworkSpec, generator: torch.Generator) -> nn.Linear | TiedHead:
    if spec.tie_weights:
        return TiedHead(width, spec, generator)
    head = empty_linear(width, spec.n_outputs)
    xavier_linear_(head, generator)
    return head
