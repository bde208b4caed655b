"""A simple recurrent layer as one node of the graph: products outside the time loop, a compiled loop inside."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sksequence._kernels._once import first_derivative_only
from sksequence._kernels._rnn_loops import backward_loop, forward_loop


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
        forward_loop(
            inputs.view_as(outputs).numpy(),
            start.numpy(),
            lengths.numpy(),
            weight_hh.T.contiguous().numpy(),
            relu,
            outputs.numpy(),
        )
        ctx.relu = relu
        ctx.save_for_backward(x, start, lengths, weight_ih, weight_hh, outputs)
        return outputs

    @staticmethod
    @first_derivative_only
    def backward(ctx: Any, d_outputs: Tensor) -> Any:
        """Return the gradients of all inputs."""
        x, start, lengths, weight_ih, weight_hh, outputs = ctx.saved_tensors
        d_inputs, d_start = torch.zeros_like(outputs), torch.empty_like(start)
        backward_loop(
            d_outputs.contiguous().numpy(),
            lengths.numpy(),
            weight_hh.contiguous().numpy(),
            ctx.relu,
            outputs.numpy(),
            d_inputs.numpy(),
            d_start.numpy(),
        )
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
