"""Several networks side by side, which learn at the same time from the same batches.

Outputs travel side by side, (rows, n_members * n_outputs), those of the first member first, and so do features. In
training the loss is taken of each member by itself, so that each learns as if it were alone. In prediction the codec
of the targets joins them, which knows whether they are logits, numbers or parameters of a distribution. A carried state
is a tuple of the members' states.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .._random import torch_generator
from ._network import SequenceNetwork
from ._spec import NetworkSpec
from ._stack import State


class Ensemble(nn.Module):
    """Networks of one kind with weights of their own: the interface of one network.

    Parameters
    ----------
    members : sequence of SequenceNetwork
        The networks.

    References
    ----------
    .. [1] Lakshminarayanan, Pritzel & Blundell (2017), Simple and Scalable Predictive Uncertainty Estimation using Deep
       Ensembles, arXiv:1612.01474.
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
        """Where the parameters are."""
        return self.members[0].device  # type: ignore[no-any-return]

    def seed_dropout(self, generator: torch.Generator) -> None:
        """Let all dropout draw from `generator` from now on."""
        for member in self.members:
            member.seed_dropout(generator)

    def forward(self, *inputs: Any, **named: Any) -> Tensor:
        """Return the outputs of all members: (rows, n_members * n_outputs)."""
        return torch.cat([member(*inputs, **named) for member in self.members], dim=1)

    def features(self, *inputs: Any, **named: Any) -> Tensor:
        """Return what all heads read: (rows, width)."""
        return torch.cat([member.features(*inputs, **named) for member in self.members], dim=1)

    def advance(self, *inputs: Any, **named: Any) -> tuple[Tensor, tuple[State, ...]]:
        """Go on from a `state` (None: the start) through a chunk of steps, as one network does."""
        return self._go_on("advance", *inputs, **named)

    def advance_features(self, *inputs: Any, **named: Any) -> tuple[Tensor, tuple[State, ...]]:
        """Return what all heads read instead of outputs; otherwise as `advance`."""
        return self._go_on("advance_features", *inputs, **named)

    def _go_on(
        self,
        name: str,
        lengths: Tensor | None,
        values: Tensor | None = None,
        codes: Tensor | None = None,
        state: tuple[State, ...] | None = None,
    ) -> tuple[Tensor, tuple[State, ...]]:
        before = state or [None] * len(self.members)
        parts = [
            getattr(member, name)(lengths, values, codes, of_member)
            for member, of_member in zip(self.members, before, strict=True)
        ]
        rows, after = zip(*parts, strict=True)
        return torch.cat(rows, dim=1), after


def build_network(spec: NetworkSpec, seed: int) -> SequenceNetwork | Ensemble:
    """Build a network, or several, with parameters and dropout drawn from `seed`; no global generator is touched.

    The first of several is the one that there would be alone.
    """
    streams = ["weights", *(f"weights {i}" for i in range(1, spec.n_estimators))]
    members = [SequenceNetwork(spec, torch_generator(seed, stream)) for stream in streams]
    network = members[0] if len(members) == 1 else Ensemble(members)
    network.seed_dropout(torch_generator(seed, "dropout"))
    return network
