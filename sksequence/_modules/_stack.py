"""Stacked layers, in one direction or two, and the state that they carry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sksequence._cells import (
    Cell,
    CustomLayer,
    Dropout,
    LayerState,
    as_cell,
    build_layer,
    reads_gaps,
)
from sksequence._modules._padded_steps import reverse_steps
from sksequence._modules._residual import Residual
from sksequence._settings import NetworkSpec

State = tuple[LayerState, ...]  # one entry per depth
NestedState = Tensor | tuple["NestedState", ...]
StateT = TypeVar("StateT", bound=NestedState)

# from the outputs (..., hidden) of two directions to one tensor
MERGE_MODES: dict[str, Callable[[Sequence[Tensor]], Tensor]] = {
    "concat": lambda parts: torch.cat(list(parts), dim=-1),
    "sum": lambda parts: torch.stack(list(parts)).sum(dim=0),
    "mean": lambda parts: torch.stack(list(parts)).mean(dim=0),
    "mul": lambda parts: torch.stack(list(parts)).prod(dim=0),
}


class Stack(nn.Module):
    """Layers of several depths, each in one or two directions, with dropout between the depths.

    If the cell reads the times between the steps, they are the last input of every layer. With
    residual connections, all layers but the first add their outputs to those of the layer below.

    Parameters
    ----------
    input_size : int
        Width of the input.
    spec : NetworkSpec
        Cell, sizes and options of the layers.
    generator : torch.Generator
        Source of the parameters.

    Attributes
    ----------
    output_size : int
        Width of the last depth after merging its directions.
    can_step : bool
        Whether a state can be carried from one chunk to the next.
    """

    def __init__(self, input_size: int, spec: NetworkSpec, generator: torch.Generator) -> None:
        super().__init__()
        self.merge_mode = spec.merge_mode if spec.bidirectional else "concat"
        self.dropout = Dropout(spec.dropout)
        self.has_gaps = spec.has_gaps and reads_gaps(spec.cell)
        self.forwards = nn.ModuleList()
        self.backwards = nn.ModuleList()
        self.residuals: Any = nn.ModuleList()  # of all layers but the first, or empty
        self.output_size = 0
        sizes: list[int] = []
        for depth, size in enumerate(spec.hidden_sizes):
            below, sizes = sizes, []
            for layers in [self.forwards, self.backwards][: 1 + spec.bidirectional]:
                layer: Any = _build(input_size, size, spec, generator, has_gaps=self.has_gaps)
                _check_direction(layer, spec)
                layers.append(layer)
                sizes.append(layer.output_size)
            if depth and spec.residual_connections:
                self.residuals.append(Residual(self.output_size, below, sizes, generator))
            self.output_size = sum(sizes) if self.merge_mode == "concat" else sizes[0]
            input_size = self.output_size + self.has_gaps
        self.can_step = not spec.bidirectional and all(layer.can_step for layer in self.forwards)

    def merge(self, parts: Sequence[Tensor]) -> Tensor:
        """Merge the outputs (..., hidden) of the directions to one tensor (..., width)."""
        return MERGE_MODES[self.merge_mode](parts) if len(parts) > 1 else parts[0]

    def forward(self, x: Tensor, lengths: Tensor | None, tbptt_steps: int | None) -> list[Tensor]:
        """Return the outputs (batch, time, hidden) of each direction of the last depth."""
        *_, parts = self.layers(x, lengths, tbptt_steps)
        return parts

    def layers(
        self, x: Tensor, lengths: Tensor | None, tbptt_steps: int | None
    ) -> Iterator[list[Tensor]]:
        """Yield the outputs (batch, time, hidden) of each direction, one depth after the other."""
        parts, gaps = [x], x[:, :, -1:]
        for depth, layer in enumerate(self.forwards):
            below = parts
            x = self.between(depth, below, gaps) if depth else x
            if tbptt_steps is None:
                parts = [_outputs(layer, x, lengths)]
            else:
                parts = [run_truncated(layer, x, lengths, tbptt_steps)]
            if self.backwards:
                mirrored = _outputs(self.backwards[depth], self.mirrored(x, lengths), lengths)
                parts.append(reverse_steps(mirrored, lengths))
            parts = self.joined(depth, below, parts)
            yield parts

    def advance(
        self, x: Tensor, lengths: Tensor | None, state: State | None
    ) -> tuple[Tensor, State]:
        """Return the outputs (batch, time, hidden) of a chunk and the state after it."""
        # a single step has no padding, and stepping should be cheap; a GPU would have to answer
        if lengths is not None and lengths.device.type == "cpu" and x.shape[1] == 1:
            lengths = None if bool((lengths == 1).all()) else lengths
        before: Sequence[LayerState | None] = state or [None] * len(self.forwards)
        after, gaps = [], x[:, :, -1:]
        for depth, layer in enumerate(self.forwards):
            read = self.between(depth, [x], gaps) if depth else x
            outputs, last = layer(read, lengths, before[depth])
            (x,) = self.joined(depth, [x], [outputs])
            after.append(last)
        return x, tuple(after)

    def between(self, depth: int, below: Sequence[Tensor], gaps: Tensor) -> Tensor:
        """Return the input of a layer (batch, time, width) from the directions of the one below."""
        x = self.merge(below)
        if self.residuals:
            x = self.residuals[depth - 1].norm(x)
        x = self.dropout(x)
        return torch.cat([x, gaps], dim=2) if self.has_gaps else x

    def joined(self, depth: int, below: Sequence[Tensor], outputs: list[Tensor]) -> list[Tensor]:
        """Return the outputs of a layer, with those of the layer below if they are connected."""
        if not depth or not self.residuals:
            return outputs
        joined: list[Tensor] = self.residuals[depth - 1].add(below, outputs)
        return joined

    def mirrored(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Return the input (batch, time, width) of a layer that reads from the end to the start.

        Gaps are the times to the step after; the last step of a row has 1, as the first one in the
        other direction.
        """
        reverse = reverse_steps(x, lengths)
        if not self.has_gaps:
            return reverse
        gaps = torch.cat([torch.ones_like(reverse[:, :1, -1:]), reverse[:, :-1, -1:]], dim=1)
        return torch.cat([reverse[:, :, :-1], gaps], dim=2)


def _build(
    input_size: int, size: int, spec: NetworkSpec, generator: torch.Generator, *, has_gaps: bool
) -> nn.Module:
    cell = as_cell(spec.cell)
    if isinstance(cell, Cell):
        cell = cell.in_network_steps(spec.frame_step)
    rate = spec.recurrent_dropout
    return build_layer(cell, input_size, size, rate, generator, has_gaps=has_gaps)


def _check_direction(layer: nn.Module, spec: NetworkSpec) -> None:
    if spec.bidirectional and isinstance(layer, CustomLayer) and not layer.is_causal:
        raise ValueError(
            f"The cell {spec.cell!r} looks ahead (is_causal = False) and needs no second "
            "direction. Set bidirectional=False."
        )


def _outputs(layer: nn.Module, x: Tensor, lengths: Tensor | None) -> Tensor:
    """Run a layer from its start; without the state, some layers need no lengths."""
    outputs: Tensor = layer(x, lengths if layer.needs_lengths else None, None)[0]
    return outputs


def run_truncated(layer: nn.Module, x: Tensor, lengths: Tensor | None, n_steps: int) -> Tensor:
    """Run a layer, detach its state every `n_steps`, and return its outputs (batch, time, hidden).

    The outputs are those of a single run, but no gradient passes from one chunk to the previous
    one. Recurrent dropout draws one mask per chunk.
    """
    state: LayerState | None = None
    outputs = []
    for start in range(0, x.shape[1], n_steps):
        rest = None if lengths is None else (lengths - start).clamp(0, n_steps)
        chunk, after = layer(x[:, start : start + n_steps], rest, state)
        state = tuple(part.detach() for part in after)
        outputs.append(chunk)
    return torch.cat(outputs, dim=1)


def select_rows(state: StateT, rows: Tensor | NDArray[np.int64]) -> StateT:
    """Return some rows of a state: nested tuples of tensors or arrays, rows on the first axis."""
    if isinstance(state, tuple):
        return cast("StateT", tuple(select_rows(part, rows) for part in state))
    return cast("StateT", state[rows])
