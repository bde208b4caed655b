"""A layer of long short-term memory as one node of the graph: products outside the time loop, a compiled loop inside."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sksequence._kernels._lstm_loops import backward_loop, forward_loop
from sksequence._kernels._once import first_derivative_only
from sksequence._kernels._products import (
    add_up,
    bias_gradient,
    empty_block,
    project,
    project_back,
    scratch_block,
    weight_gradient,
)
from sksequence._kernels._shards import arrays_of, in_shards, part_of, parts_of
from sksequence._kernels._tiles import in_panels


class LSTMFunction(torch.autograd.Function):
    """Forward and backward through time of one layer."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        start: Tensor,
        memory: Tensor,
        lengths: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias_ih: Tensor,
        bias_hh: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Return outputs (batch, time, hidden), 0 at padded steps, and the memory after each row's last step."""
        start, memory = start.contiguous(), memory.contiguous()
        inputs = (x, start, memory, lengths, weight_ih, weight_hh, bias_ih, bias_hh)
        outputs, last, *ctx.kept = _run(*inputs, is_kept=any(ctx.needs_input_grad))
        ctx.save_for_backward(*inputs, outputs)
        return outputs, last

    @staticmethod
    @first_derivative_only
    def backward(ctx: Any, d_outputs: Tensor, d_last: Tensor) -> Any:
        """Return the gradients of all inputs."""
        *inputs, outputs = ctx.saved_tensors
        x, start, memory, lengths, weight_ih, weight_hh, *_ = inputs
        # a first pass back has used them up: whoever retained the graph for a second one pays for it
        kept = ctx.kept or _run(*inputs, is_kept=True)[2:]
        ctx.kept = None
        d_outputs, panels = d_outputs.contiguous(), in_panels(weight_hh)
        d_start, d_memory = torch.empty_like(start), d_last.clone()
        d_x = empty_block(*x.shape) if ctx.needs_input_grad[0] else None

        def share(rows: slice) -> list[Tensor]:
            read = parts_of(rows, d_outputs, start, memory, lengths)
            filled = parts_of(rows, outputs, *kept, d_start, d_memory)
            backward_loop(*arrays_of(read), panels, *arrays_of(filled))
            _, d_inputs, before, *_ = filled
            if d_x is not None:
                project_back(d_inputs, weight_ih, part_of(d_x, rows))
            return [
                weight_gradient(d_inputs, part_of(x, rows)),
                weight_gradient(d_inputs, before),
                bias_gradient(d_inputs),
            ]

        *d_weights, d_bias = add_up(in_shards(share, len(x), kept[0][0].numel()))
        return d_x, d_start, d_memory, None, *d_weights, d_bias, d_bias


def run(*inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Return what the function's forward pass returns, without the price of a node of the graph."""
    outputs, last = _run(*inputs, is_kept=False)
    return outputs, last


def _run(
    x: Tensor,
    start: Tensor,
    memory: Tensor,
    lengths: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor,
    bias_hh: Tensor,
    *,
    is_kept: bool,
) -> tuple[Tensor, ...]:
    """Return outputs, the last memory, and what a backward pass needs if it is kept: gates and memories."""
    n_rows, n_steps, _ = x.shape
    size = start.shape[1]
    start, memory = start.contiguous(), memory.contiguous()
    outputs, last = empty_block(n_rows, n_steps, size), torch.empty_like(memory)
    kept = [empty_block(n_rows, n_steps, width) for width in (4 * size, size) if is_kept]
    panels, bias = in_panels(weight_hh.T), bias_ih + bias_hh

    def share(rows: slice) -> None:
        part, *read = parts_of(rows, x, start, memory, lengths)
        gates, memories = parts_of(rows, *kept) or (
            scratch_block(len(part), n_steps, 4 * size),
            empty_block(len(part), 0, size),
        )
        project(part, weight_ih, bias, gates)
        filled = *parts_of(rows, outputs, last), gates, memories
        forward_loop(*arrays_of(read), panels, *arrays_of(filled))

    in_shards(share, n_rows, 4 * size * n_steps)
    return outputs, last, *kept
