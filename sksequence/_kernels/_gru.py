"""A layer of gated recurrent units as one node of the graph: products outside the time loop, a compiled loop inside."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sksequence._kernels._gru_loops import backward_loop, forward_loop
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
        inputs = (x, start.contiguous(), lengths, weight_ih, weight_hh, bias_ih, bias_hh)
        outputs, *ctx.kept = _run(*inputs, is_kept=any(ctx.needs_input_grad))
        ctx.save_for_backward(*inputs, outputs)
        return outputs

    @staticmethod
    @first_derivative_only
    def backward(ctx: Any, d_outputs: Tensor) -> Any:
        """Return the gradients of all inputs."""
        *inputs, outputs = ctx.saved_tensors
        x, start, lengths, weight_ih, weight_hh, *_ = inputs
        # a first pass back has used them up: whoever retained the graph for a second one pays for it
        (gates,) = ctx.kept or _run(*inputs, is_kept=True)[1:]
        ctx.kept = None
        size = start.shape[1]
        d_outputs, panels = d_outputs.contiguous(), in_panels(weight_hh)
        before, d_start = empty_block(*outputs.shape), torch.empty_like(start)
        weight = weight_ih.roll(size, 0)  # n, r, z
        d_x = empty_block(*x.shape) if ctx.needs_input_grad[0] else None

        def share(rows: slice) -> list[Tensor]:
            read = parts_of(rows, d_outputs, start, lengths)
            filled = parts_of(rows, outputs, gates, before, d_start)
            backward_loop(*arrays_of(read), panels, *arrays_of(filled))
            _, d_gates, began, _ = filled
            d_inputs = d_gates[:, :, : 3 * size]
            if d_x is not None:
                project_back(d_inputs, weight, part_of(d_x, rows))
            return [
                weight_gradient(d_inputs, part_of(x, rows)),
                weight_gradient(d_gates[:, :, size:], began),
                bias_gradient(d_gates),
            ]

        d_ih, d_hh, d_bias = add_up(in_shards(share, len(x), gates[0].numel()))
        d_biases = d_bias[: 3 * size].roll(-size), d_bias[size:]
        return d_x, d_start, None, d_ih.roll(-size, 0), d_hh, *d_biases


def run(*inputs: Tensor) -> Tensor:
    """Return what the function's forward pass returns, without the price of a node of the graph."""
    return _run(*inputs, is_kept=False)[0]


def _run(
    x: Tensor,
    start: Tensor,
    lengths: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor,
    bias_hh: Tensor,
    *,
    is_kept: bool,
) -> tuple[Tensor, ...]:
    """Return outputs, and the gates that a pass back needs if they are kept."""
    n_rows, n_steps, _ = x.shape
    size, start = start.shape[1], start.contiguous()
    outputs = empty_block(n_rows, n_steps, size)
    kept = [empty_block(n_rows, n_steps, 4 * size)] if is_kept else []
    weight, bias = weight_ih.roll(size, 0), bias_ih.roll(size)  # n, r, z
    panels, bias_of_state = in_panels(weight_hh.T), bias_hh.numpy()

    def share(rows: slice) -> None:
        part, *read = parts_of(rows, x, start, lengths)
        (gates,) = parts_of(rows, *kept) or (scratch_block(len(part), n_steps, 3 * size),)
        project(part, weight, bias, gates[:, :, : 3 * size])
        filled = part_of(outputs, rows), gates
        forward_loop(*arrays_of(read), panels, bias_of_state, *arrays_of(filled))

    in_shards(share, n_rows, 4 * size * n_steps)
    return outputs, *kept
