"""A simple recurrent layer as one node of the graph: products outside the time loop, a compiled loop inside."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sksequence._kernels._once import first_derivative_only
from sksequence._kernels._products import (
    add_up,
    bias_gradient,
    empty_block,
    project,
    project_back,
    weight_gradient,
)
from sksequence._kernels._rnn_loops import backward_loop, forward_loop
from sksequence._kernels._shards import arrays_of, in_shards, part_of, parts_of
from sksequence._kernels._tiles import in_panels


class RNNFunction(torch.autograd.Function):
    """Forward and backward through time of one layer, tanh or relu."""

    @staticmethod
    def forward(
        ctx: Any,
        relu: bool,
        x: Tensor,
        start: Tensor,
        lengths: Tensor,
        *weights: Tensor,
    ) -> Tensor:
        """Return outputs (batch, time, hidden); padded steps are 0."""
        start = start.contiguous()
        outputs = run(relu, x, start, lengths, *weights)
        ctx.relu = relu
        ctx.save_for_backward(x, start, lengths, *weights[:2], outputs)
        return outputs

    @staticmethod
    @first_derivative_only
    def backward(ctx: Any, d_outputs: Tensor) -> Any:
        """Return the gradients of all inputs."""
        x, start, lengths, weight_ih, weight_hh, outputs = ctx.saved_tensors
        d_outputs, panels = d_outputs.contiguous(), in_panels(weight_hh)
        scratch = [empty_block(*outputs.shape) for _ in range(2)]
        d_start = torch.empty_like(start)
        d_x = empty_block(*x.shape) if ctx.needs_input_grad[1] else None

        def share(rows: slice) -> list[Tensor]:
            read = parts_of(rows, d_outputs, start, lengths)
            filled = parts_of(rows, outputs, *scratch, d_start)
            backward_loop(*arrays_of(read), panels, ctx.relu, *arrays_of(filled))
            _, d_inputs, before, _ = filled
            if d_x is not None:
                project_back(d_inputs, weight_ih, part_of(d_x, rows))
            return [
                weight_gradient(d_inputs, part_of(x, rows)),
                weight_gradient(d_inputs, before),
                bias_gradient(d_inputs),
            ]

        *d_weights, d_bias = add_up(in_shards(share, len(x), outputs[0].numel()))
        return None, d_x, d_start, None, *d_weights, d_bias, d_bias


def run(relu: bool, x: Tensor, start: Tensor, lengths: Tensor, *weights: Tensor) -> Tensor:
    """Return what the function's forward pass returns, without the price of a node of the graph."""
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    outputs, start = empty_block(*x.shape[:2], start.shape[1]), start.contiguous()
    panels, bias = in_panels(weight_hh.T), bias_ih + bias_hh

    def share(rows: slice) -> None:
        filled, *read = parts_of(rows, outputs, start, lengths)
        project(part_of(x, rows), weight_ih, bias, filled)
        forward_loop(*arrays_of([filled, *read]), panels, relu)

    in_shards(share, len(x), outputs[0].numel())
    return outputs
