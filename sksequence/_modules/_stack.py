"""Layers upon layers, in one direction or two. Knows nothing of the cell, of what goes in, or of the head."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .._cells import Dropout, LayerState, build_layer
from ._ragged import reverse_steps
from ._spec import NetworkSpec

State = tuple[LayerState, ...]  # one entry per depth

# from the outputs of one or two directions (..., hidden) to one tensor
MERGE_MODES: dict[str, Callable[[Sequence[Tensor]], Tensor]] = {
    "concat": lambda parts: torch.cat(list(parts), dim=-1),
    "sum": lambda parts: torch.stack(list(parts)).sum(dim=0),
    "mean": lambda parts: torch.stack(list(parts)).mean(dim=0),
    "mul": lambda parts: torch.stack(list(parts)).prod(dim=0),
}


class Stack(nn.Module):
    """`num_layers` depths of one or two directions each, merged and dropped between the depths.

    Parameters
    ----------
    input_size : int
        Width of the input.
    spec : NetworkSpec
        The rest.
    generator : torch.Generator
        Where the parameters come from.

    Attributes
    ----------
    output_size : int
        Width of the last depth, its directions merged.
    can_step : bool
        Whether a state can be carried from one chunk to the next.
    """

    def __init__(self, input_size: int, spec: NetworkSpec, generator: torch.Generator) -> None:
        super().__init__()
        self.merge_mode = spec.merge_mode if spec.bidirectional else "concat"
        self.dropout = Dropout(spec.dropout)
        self.forwards = nn.ModuleList()
        self.backwards = nn.ModuleList()
        for _ in range(spec.num_layers):
            sizes: list[int] = []
            for layers in [self.forwards, self.backwards][: 1 + spec.bidirectional]:
                layer: Any = _build(input_size, spec, generator)
                layers.append(layer)
                sizes.append(layer.output_size)
            input_size = sum(sizes) if self.merge_mode == "concat" else sizes[0]
        self.output_size = input_size
        self.can_step = not spec.bidirectional and all(layer.can_step for layer in self.forwards)

    def merge(self, parts: Sequence[Tensor]) -> Tensor:
        """Make one tensor (..., width) of the directions' (..., hidden)."""
        return MERGE_MODES[self.merge_mode](parts) if len(parts) > 1 else parts[0]

    def forward(self, x: Tensor, lengths: Tensor | None, tbptt_steps: int | None) -> list[Tensor]:
        """Return the outputs (batch, time, hidden) of each direction of the last depth; no lengths: all rows full."""
        parts = [x]
        for depth, layer in enumerate(self.forwards):
            x = self.dropout(self.merge(parts)) if depth else x
            if tbptt_steps is None:
                parts = [_outputs(layer, x, lengths)]
            else:
                parts = [run_truncated(layer, x, lengths, tbptt_steps)]
            if self.backwards:
                mirrored = _outputs(self.backwards[depth], reverse_steps(x, lengths), lengths)
                parts.append(reverse_steps(mirrored, lengths))
        return parts

    def advance(
        self, x: Tensor, lengths: Tensor | None, state: State | None
    ) -> tuple[Tensor, State]:
        """Return the outputs (batch, time, hidden) of a chunk and the state after it."""
        if lengths is not None and x.shape[1] == 1 and bool((lengths == 1).all()):
            lengths = None  # a single step has no padding to hold, and stepping should cost little
        before: Sequence[LayerState | None] = state or [None] * len(self.forwards)
        after = []
        for depth, layer in enumerate(self.forwards):
            x = self.dropout(x) if depth else x
            x, last = layer(x, lengths, before[depth])
            after.append(last)
        return x, tuple(after)


def _build(input_size: int, spec: NetworkSpec, generator: torch.Generator) -> nn.Module:
    options = {
        "activation": spec.activation,
        "context_size": spec.context_size,
        "recurrent_dropout": spec.recurrent_dropout,
        "chrono_steps": spec.chrono_steps,
    }
    return build_layer(spec.cell, input_size, spec.hidden_size, options, generator)


def _outputs(layer: Any, x: Tensor, lengths: Tensor | None) -> Tensor:
    """Run a layer from its start for its outputs alone: there some layers need not know where rows end."""
    outputs: Tensor = layer(x, lengths if layer.needs_lengths else None, None)[0]
    return outputs


def run_truncated(layer: nn.Module, x: Tensor, lengths: Tensor | None, n_steps: int) -> Tensor:
    """Run a layer with its state detached every `n_steps`: outputs (batch, time, hidden).

    Forward values are those of one run; no gradient passes from one chunk to the chunk before. Recurrent dropout
    draws one mask per chunk.
    """
    state: LayerState | None = None
    outputs = []
    for start in range(0, x.shape[1], n_steps):
        rest = None if lengths is None else (lengths - start).clamp(0, n_steps)
        chunk, after = layer(x[:, start : start + n_steps], rest, state)
        state = tuple(part.detach() for part in after)
        outputs.append(chunk)
    return torch.cat(outputs, dim=1)
