"""A simple recurrent layer as one node of the graph: products outside the time loop, a compiled loop inside."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sksequence._kernels._once import first_derivative_only
from sksequence._kernels._rnn_loops import backward_loop, forward_loop
from sksequence._kernels._shards import in_shards


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
        n_rows, n_steps, _ = x.shape
        inputs = torch.addmm(bias_ih + bias_hh, x.flatten(0, 1), weight_ih.T)
        outputs = x.new_zeros(n_rows, n_steps, start.shape[1])
        start = start.contiguous()
        read = [part.numpy() for part in (inputs.view_as(outputs), start, lengths)]
        weight, filled = weight_hh.T.contiguous().numpy(), outputs.numpy()

        def loop(rows: slice) -> None:
            forward_loop(*(part[rows] for part in read), weight, relu, filled[rows])

        in_shards(loop, n_rows)
        ctx.relu = relu
        ctx.save_for_backward(x, start, lengths, weight_ih, weight_hh, outputs)
        return outputs

    @staticmethod
    @first_derivative_only
    def backward(ctx: Any, d_outputs: Tensor) -> Any:
        """Return the gradients of all inputs."""
        x, start, lengths, weight_ih, weight_hh, outputs = ctx.saved_tensors
        d_inputs, d_start = torch.zeros_like(outputs), torch.empty_like(start)
        read = [part.numpy() for part in (d_outputs.contiguous(), lengths)]
        filled = [part.numpy() for part in (outputs, d_inputs, d_start)]
        weight = weight_hh.contiguous().numpy()

        def loop(rows: slice) -> None:
            first = (part[rows] for part in read)
            backward_loop(*first, weight, ctx.relu, *(part[rows] for part in filled))

        in_shards(loop, len(x))
        before = torch.cat([start[:, None], outputs[:, :-1]], dim=1).flatten(0, 1)
        d_flat = d_inputs.flatten(0, 1)
        d_bias = d_flat.sum(dim=0)
        return (
            None,
            (d_flat @ weight_ih).view_as(x) if ctx.needs_input_grad[1] else None,
            d_start,
            None,
            d_flat.T @ x.flatten(0, 1),
            d_flat.T @ before,
            d_bias,
            d_bias,
        )
