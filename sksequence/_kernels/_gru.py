"""A layer of gated recurrent units as one node of the graph: products outside the time loop, a compiled loop inside."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sksequence._kernels._gru_loops import backward_loop, forward_loop
from sksequence._kernels._once import first_derivative_only
from sksequence._kernels._shards import in_shards


class GRUFunction(torch.autograd.Function):
    """Forward and backward through time of one layer."""

    @staticmethod
    def forward(
        ctx: Any,
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
        size = start.shape[1]
        bias = bias_ih.clone()
        bias[: 2 * size] += bias_hh[: 2 * size]
        inputs = torch.addmm(bias, x.flatten(0, 1), weight_ih.T).view(n_rows, n_steps, -1)
        needed = any(ctx.needs_input_grad)
        gates = x.new_empty(n_rows, n_steps if needed else 1, 4 * size)
        outputs = x.new_zeros(n_rows, n_steps, size)
        start = start.contiguous()
        by_row = [part.numpy() for part in (inputs, start, lengths, outputs, gates)]
        weight, last_bias = weight_hh.T.contiguous().numpy(), bias_hh[2 * size :].numpy()

        def loop(rows: slice) -> None:
            x_rows, start_rows, length_rows, *filled = (part[rows] for part in by_row)
            forward_loop(x_rows, start_rows, length_rows, weight, last_bias, *filled)

        in_shards(loop, n_rows)
        ctx.save_for_backward(x, start, lengths, weight_ih, weight_hh, outputs, gates)
        return outputs

    @staticmethod
    @first_derivative_only
    def backward(ctx: Any, d_outputs: Tensor) -> Any:
        """Return the gradients of all inputs."""
        x, start, lengths, weight_ih, weight_hh, outputs, gates = ctx.saved_tensors
        n_rows, n_steps, size = outputs.shape
        d_inputs = x.new_zeros(n_rows, n_steps, 3 * size)
        d_recurrent = x.new_zeros(n_rows, n_steps, size)
        d_start = torch.empty_like(start)
        before_weight = [part.numpy() for part in (d_outputs.contiguous(), start, lengths)]
        after_weight = [part.numpy() for part in (outputs, gates, d_inputs, d_recurrent, d_start)]
        weight = weight_hh.contiguous().numpy()

        def loop(rows: slice) -> None:
            first = (part[rows] for part in before_weight)
            backward_loop(*first, weight, *(part[rows] for part in after_weight))

        in_shards(loop, n_rows)
        before = torch.cat([start[:, None], outputs[:, :-1]], dim=1).flatten(0, 1)
        d_flat = d_inputs.flatten(0, 1)
        d_hidden = torch.cat([d_flat[:, : 2 * size], d_recurrent.flatten(0, 1)], dim=1)
        return (
            (d_flat @ weight_ih).view_as(x) if ctx.needs_input_grad[0] else None,
            d_start,
            None,
            d_flat.T @ x.flatten(0, 1),
            d_hidden.T @ before,
            d_flat.sum(dim=0),
            d_hidden.sum(dim=0),
        )
