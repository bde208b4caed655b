"""A simple recurrent layer as one node of the graph: products outside the time loop, a compiled loop inside."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sksequence._kernels._once import first_derivative_only
from sksequence._kernels._products import (
    bias_gradient,
    empty_block,
    project,
    project_back,
    weight_gradients,
)
from sksequence._kernels._rnn_loops import backward_loop, forward_loop
from sksequence._kernels._shards import in_shards, part_of


class RNNFunction(torch.autograd.Function):
    """Forward and backward through time of one layer, tanh or relu."""

    @staticmethod
    def forward(
        ctx: Any,
        relu: bool,
        x: Tensor,
        start: Tensor,
        lengths: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias_ih: Tensor,
        bias_hh: Tensor,
    ) -> Tensor:
        """Return outputs (batch, time, hidden); padded steps are 0."""
        inputs, outputs = (empty_block(*x.shape[:2], start.shape[1]) for _ in range(2))
        start = start.contiguous()
        weight, bias = weight_hh.T.contiguous().numpy(), bias_hh.numpy()

        def share(rows: slice) -> None:
            project(part_of(x, rows), weight_ih, bias_ih, part_of(inputs, rows))
            arrays = [part_of(part, rows).numpy() for part in (inputs, start, lengths, outputs)]
            forward_loop(*arrays[:3], weight, bias, relu, arrays[3])

        in_shards(share, len(x))
        ctx.relu = relu
        ctx.save_for_backward(x, start, lengths, weight_ih, weight_hh, outputs)
        return outputs

    @staticmethod
    @first_derivative_only
    def backward(ctx: Any, d_outputs: Tensor) -> Any:
        """Return the gradients of all inputs."""
        x, start, lengths, weight_ih, weight_hh, outputs = ctx.saved_tensors
        d_outputs, weight = d_outputs.contiguous(), weight_hh.contiguous().numpy()
        d_inputs, before = (empty_block(*outputs.shape) for _ in range(2))
        d_start = torch.empty_like(start)
        d_x = empty_block(*x.shape) if ctx.needs_input_grad[1] else None

        def share(rows: slice) -> None:
            read = [part_of(part, rows).numpy() for part in (d_outputs, start, lengths)]
            filled = [part_of(part, rows).numpy() for part in (outputs, d_inputs, before, d_start)]
            backward_loop(*read, weight, ctx.relu, *filled)
            project_back(
                part_of(d_inputs, rows), weight_ih, None if d_x is None else part_of(d_x, rows)
            )

        in_shards(share, len(x))
        d_weights = weight_gradients((d_inputs, x), (d_inputs, before))
        d_bias = bias_gradient(d_inputs)
        return None, d_x, d_start, None, *d_weights, d_bias, d_bias
