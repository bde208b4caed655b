"""The whole network, from a padded batch to outputs, and ensembles of networks.

values (batch, time, features) float32 and codes (batch, time, columns) int64 may hold anything
after each row's length; static (batch, features) float32 and static_codes (batch, columns) int64
do not change in time; lengths (batch,) int64, or None if all rows are full (faster, the same
bits). Outputs are (batch, n_outputs) with a pooling, and flat without: the real steps only, (sum of
lengths, n_outputs), in sequence order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from sksequence._cells import Dropout, empty_linear, xavier_linear_
from sksequence._modules._embedding import InputLayer, StaticJoin, TiedHead
from sksequence._modules._padded_steps import flatten_steps, is_step, lengths_on
from sksequence._modules._pooling import POOLINGS, AttentionPooling
from sksequence._modules._stack import Stack, State
from sksequence._random import torch_generator
from sksequence._settings import EmbeddingVectors, NetworkSpec

_Input = Tensor | int | None


class SequenceNetwork(nn.Module):
    """Network of an input layer, a recurrent stack, a pooling and a head.

    Parameters
    ----------
    spec : NetworkSpec
        Sizes and names of all parts.
    generator : torch.Generator
        Source of the parameters.

    Attributes
    ----------
    head : nn.Linear or TiedHead
        Layer from features to outputs; `outputs` applies it.
    width : int
        Width of the features.
    can_step : bool
        Whether a state can be carried: one direction, and a cell that can continue from a state.
    """

    def __init__(self, spec: NetworkSpec, generator: torch.Generator) -> None:
        super().__init__()
        self.spec = spec
        self.inputs = InputLayer(spec, generator)
        self.stack = Stack(self.inputs.width, spec, generator)
        self.width = width = self.stack.output_size
        self.pooling = None if spec.pooling is None else POOLINGS[spec.pooling](width, generator)
        self.join = None if spec.static is None else StaticJoin(width, spec.static, generator)
        self.dropout = Dropout(spec.dropout)
        self.head = _build_head(width, spec, generator)

    @property
    def can_step(self) -> bool:
        """Whether a state can be carried from one chunk to the next."""
        return self.stack.can_step

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return self.head.bias.device

    def seed_dropout(self, generator: torch.Generator) -> None:
        """Make all dropout layers draw from `generator`."""
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
        static: Tensor | None = None,
        static_codes: Tensor | None = None,
    ) -> Tensor:
        """Return the outputs: (batch, n_outputs), or (sum of lengths, n_outputs) without pooling.

        With `tbptt_steps`, the state is detached at every multiple of it, so that no gradient
        passes back through more steps. The outputs are the same. With `is_blank`, padded steps must
        hold zeros already.
        """
        inputs = lengths, values, codes, tbptt_steps, is_blank, static, static_codes
        return self.outputs(self.features(*inputs))

    def features(
        self,
        lengths: Tensor | None,
        values: Tensor | None = None,
        codes: Tensor | None = None,
        tbptt_steps: int | None = None,
        is_blank: bool = False,
        static: Tensor | None = None,
        static_codes: Tensor | None = None,
    ) -> Tensor:
        """Return the inputs of the head: (batch, width), or per step (sum of lengths, width)."""
        if tbptt_steps is not None:
            self._check_can_step("tbptt_steps")
        x = self.enter(None if is_blank else lengths, values, codes)
        return self.features_of(x, lengths, tbptt_steps, static, static_codes)

    def features_of(
        self,
        x: Tensor,
        lengths: Tensor | None,
        tbptt_steps: int | None = None,
        static: Tensor | None = None,
        static_codes: Tensor | None = None,
    ) -> Tensor:
        """Return the inputs of the head as `features` does, from those of the first layer."""
        parts = self.stack(x, lengths_on(x.device, lengths), tbptt_steps)
        return self.pool(parts, lengths, static, static_codes)

    def pool(
        self,
        parts: Sequence[Tensor],
        lengths: Tensor | None,
        static: Tensor | None = None,
        static_codes: Tensor | None = None,
    ) -> Tensor:
        """Return the inputs of the head from the outputs of the last layer's directions."""
        own = lengths_on(parts[0].device, lengths)
        repeats: Tensor | int = 1
        if self.pooling is None:
            pooled = flatten_steps(self.stack.merge(parts), lengths)
            repeats = parts[0].shape[1] if own is None else own
        else:
            pooled = self.pooling(parts, self.stack.merge, own)
        return self._leave(pooled, static, static_codes, repeats)

    def enter(self, lengths: Tensor | None, values: Tensor | None, codes: Tensor | None) -> Tensor:
        """Return the input of the first layer (batch, time, width)."""
        return self.inputs(_is_step(lengths, values, codes), values, codes)  # type: ignore[no-any-return]

    def hidden_states(
        self,
        layer: int,
        lengths: Tensor | None,
        values: Tensor | None = None,
        codes: Tensor | None = None,
        **_: _Input,
    ) -> Tensor:
        """Return the outputs of a layer at all real steps: (sum of lengths, width)."""
        parts = self._outputs_of(layer, lengths, values, codes)
        return flatten_steps(self.stack.merge(parts), lengths)

    def attention_weights(
        self,
        lengths: Tensor | None,
        values: Tensor | None = None,
        codes: Tensor | None = None,
        **_: _Input,
    ) -> Tensor:
        """Return the weights of the attention pooling at all real steps: (sum of lengths, 1)."""
        parts = self._outputs_of(self.spec.num_layers - 1, lengths, values, codes)
        assert isinstance(self.pooling, AttentionPooling)
        own = lengths_on(parts[0].device, lengths)
        return flatten_steps(self.pooling.weights(self.stack.merge(parts), own), lengths)

    def _outputs_of(
        self, layer: int, lengths: Tensor | None, values: Tensor | None, codes: Tensor | None
    ) -> list[Tensor]:
        """Return the outputs (batch, time, hidden) of each direction of a layer."""
        x = self.enter(lengths, values, codes)
        outputs = self.stack.layers(x, lengths_on(x.device, lengths), None)
        return next(islice(outputs, layer, None))

    def advance(
        self,
        lengths: Tensor | None,
        values: Tensor | None = None,
        codes: Tensor | None = None,
        state: State | None = None,
        static: Tensor | None = None,
        static_codes: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Continue from `state` (None: the start) through a chunk of steps.

        With ``pooling="last"`` the outputs are those of all prefixes.

        Returns
        -------
        outputs : Tensor of shape (sum of lengths, n_outputs)
            One output per step of the chunk. A length may be 0: such a row keeps its state.
        state : tuple over depths of tuples of Tensor of shape (batch, ...)
            The state after each row's last step. That of an input layer with a state comes first.
        """
        inputs = lengths, values, codes, state, static, static_codes
        features, after = self.advance_features(*inputs)
        return self.outputs(features), after

    def advance_features(
        self,
        lengths: Tensor | None,
        values: Tensor | None = None,
        codes: Tensor | None = None,
        state: State | None = None,
        static: Tensor | None = None,
        static_codes: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Return the inputs of the head instead of outputs; otherwise as `advance`."""
        self._check_can_step("advance")
        if self.spec.pooling not in (None, "last"):
            raise ValueError(
                f"advance gives one output per step: it cannot go with "
                f"pooling={self.spec.pooling!r}. Use pooling='last' or None."
            )
        n_own = int(self.inputs.has_state)
        own, of_layers = (state[0], state[1:]) if state and n_own else (None, state)
        on_own = lengths_on(self.device, lengths)
        x, entered = self.inputs.advance(
            _is_step(on_own, values, codes), values, codes, on_own, own
        )
        outputs, after = self.stack.advance(x, on_own, of_layers)
        repeats = x.shape[1] if on_own is None else on_own
        hidden = flatten_steps(outputs, lengths)
        return self._leave(hidden, static, static_codes, repeats), (entered,) * n_own + after

    def outputs(self, features: Tensor) -> Tensor:
        """Apply the head to features (..., width) and return (..., n_outputs)."""
        if isinstance(self.head, TiedHead):
            return self.head(features, self.inputs.tables[0])  # type: ignore[no-any-return]
        return self.head(features)  # type: ignore[no-any-return]

    def head_inputs(self, features: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Return input, weight and bias of the product that is the outputs, in a list of one."""
        if isinstance(self.head, TiedHead):
            return [self.head.inputs(features, self.inputs.tables[0])]
        return [(features, self.head.weight, self.head.bias)]

    @property
    def head_weight(self) -> Tensor:
        """The weight (n_outputs, width) of the head, also if it shares the embedding."""
        if isinstance(self.head, TiedHead):
            return self.head.weight(self.inputs.tables[0])
        return self.head.weight

    def _leave(
        self,
        hidden: Tensor,
        static: Tensor | None,
        static_codes: Tensor | None,
        repeats: Tensor | int,
    ) -> Tensor:
        """Return the inputs of the head (rows, width), `repeats` rows for each sequence."""
        if self.join is not None:
            hidden = self.join(hidden, static, static_codes, repeats)
        return self.dropout(hidden)  # type: ignore[no-any-return]

    def _check_can_step(self, user: str) -> None:
        if self.spec.bidirectional:
            raise ValueError(
                f"{user} needs a state to carry: it cannot go with bidirectional=True. Set "
                "bidirectional=False."
            )
        if not self.can_step:
            raise ValueError(
                f"{user} needs a state to carry: the cell {self.spec.cell!r} has no method "
                "step(x, state) and does not continue from the state that it returns. Add one of "
                "them, or choose a cell of sksequence.cells."
            )


def _is_step(lengths: Tensor | None, values: Tensor | None, codes: Tensor | None) -> Tensor | None:
    some = values if values is not None else codes
    if some is None:
        raise ValueError("A network needs values, codes or both; got neither.")
    return is_step(lengths_on(some.device, lengths), some.shape[1])


def _build_head(width: int, spec: NetworkSpec, generator: torch.Generator) -> nn.Linear | TiedHead:
    if spec.tie_weights:
        return TiedHead(width, spec, generator)
    head = empty_linear(width, spec.n_outputs)
    xavier_linear_(head, generator)
    return head


class Ensemble(nn.Module):
    """Several networks of one specification, with the interface of a single network.

    Methods take the arguments of those of `SequenceNetwork`. The members are trained at the same
    time on the same batches. Outputs are concatenated, (rows, n_members * n_outputs), those of the
    first member first, and so are features. In training, the loss of each member is computed
    separately, so that each learns as it would alone. In prediction the codec of the targets
    combines them, depending on what they are: logits, numbers or parameters of a distribution. A
    carried state is a tuple of the members' states.

    Parameters
    ----------
    members : sequence of SequenceNetwork
        The networks.

    References
    ----------
    .. [1] Lakshminarayanan, Pritzel & Blundell (2017), Simple and Scalable Predictive Uncertainty
       Estimation using Deep Ensembles, arXiv:1612.01474.
    """

    def __init__(self, members: Sequence[SequenceNetwork]) -> None:
        super().__init__()
        self.members: Any = nn.ModuleList(members)
        self.spec = members[0].spec
        self.width = sum(member.width for member in members)

    @property
    def can_step(self) -> bool:
        """Whether a state can be carried from one chunk to the next."""
        return bool(self.members[0].can_step)

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return self.members[0].device  # type: ignore[no-any-return]

    def seed_dropout(self, generator: torch.Generator) -> None:
        """Make all dropout layers draw from `generator`."""
        for member in self.members:
            member.seed_dropout(generator)

    def forward(self, *inputs: _Input, **named: _Input) -> Tensor:
        """Return the outputs of all members: (rows, n_members * n_outputs)."""
        return torch.cat([member(*inputs, **named) for member in self.members], dim=1)

    def features(self, *inputs: _Input, **named: _Input) -> Tensor:
        """Return the inputs of all heads: (rows, width)."""
        return torch.cat([member.features(*inputs, **named) for member in self.members], dim=1)

    def hidden_states(self, layer: int, *inputs: _Input, **named: _Input) -> Tensor:
        """Return the outputs of a layer of all members at all real steps, side by side."""
        states = [member.hidden_states(layer, *inputs, **named) for member in self.members]
        return torch.cat(states, dim=1)

    def attention_weights(self, *inputs: _Input, **named: _Input) -> Tensor:
        """Return the mean weights of the members: (sum of lengths, 1)."""
        weights = [member.attention_weights(*inputs, **named) for member in self.members]
        return torch.stack(weights).mean(dim=0)

    def outputs(self, features: Tensor) -> Tensor:
        """Apply all heads to features (..., width) and return (..., n_members * n_outputs)."""
        return torch.cat([m.outputs(own) for m, own in self._own(features)], dim=-1)

    def head_inputs(self, features: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Return input, weight and bias of the product that is the outputs, for each member."""
        return [part for m, own in self._own(features) for part in m.head_inputs(own)]

    def _own(self, features: Tensor) -> Iterable[tuple[Any, Tensor]]:
        """Pair each member with its features."""
        return zip(self.members, features.chunk(len(self.members), dim=-1), strict=True)

    def advance(
        self, *inputs: _Input, state: tuple[State, ...] | None = None, **named: _Input
    ) -> tuple[Tensor, tuple[State, ...]]:
        """Continue from `state` (None: the start) through a chunk of steps, as a network does."""
        return _join(m.advance(*inputs, state=own, **named) for m, own in self._with(state))

    def advance_features(
        self, *inputs: _Input, state: tuple[State, ...] | None = None, **named: _Input
    ) -> tuple[Tensor, tuple[State, ...]]:
        """Return the inputs of all heads instead of outputs; otherwise as `advance`."""
        return _join(
            m.advance_features(*inputs, state=own, **named) for m, own in self._with(state)
        )

    def _with(self, state: tuple[State, ...] | None) -> Iterable[tuple[Any, State | None]]:
        """Pair each member with its state."""
        return zip(self.members, state or [None] * len(self.members), strict=True)


def _join(parts: Iterable[tuple[Tensor, State]]) -> tuple[Tensor, tuple[State, ...]]:
    """Concatenate the rows of the members, and collect their states."""
    rows, states = zip(*parts, strict=True)
    return torch.cat(rows, dim=1), states


def fill_embedding(network: SequenceNetwork | Ensemble, given: EmbeddingVectors) -> None:
    """Set the vectors of some symbols, in all members of an ensemble."""
    members: Any = network.members if isinstance(network, Ensemble) else [network]
    with torch.no_grad():
        for member in members:
            codes = torch.from_numpy(given.codes)
            member.inputs.tables[0][codes] = torch.from_numpy(given.vectors)


def build_network(spec: NetworkSpec, seed: int) -> SequenceNetwork | Ensemble:
    """Build a network or an ensemble, with parameters and dropout drawn from `seed`.

    No global generator is used. The first member of an ensemble is the network that would be built
    alone.
    """
    streams = ["weights", *(f"weights {i}" for i in range(1, spec.n_estimators))]
    members = [SequenceNetwork(spec, torch_generator(seed, stream)) for stream in streams]
    network = members[0] if len(members) == 1 else Ensemble(members)
    network.seed_dropout(torch_generator(seed, "dropout"))
    return network
