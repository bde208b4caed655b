"""A simple recurrent layer as one node of the graph: h_t = f(x_t + h_{t-1} U).

f is tanh or relu (Elman 1990); the backward loop is the derivative of the forward loop, step by
step (backpropagation through time, Werbos 1990). Both derivatives are functions of the output, so
nothing else is kept. Products with W are computed for all steps at once; the compiled loops run
over blocks of rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from sksequence._kernels._autograd import (
    add_up,
    arrays_of,
    bias_gradient,
    empty_block,
    first_derivative_only,
    in_shards,
    part_of,
    parts_of,
    project,
    project_back,
    weight_gradient,
)
from sksequence._kernels._compiled import clear_padding, compiled, longest, tanh
from sksequence._kernels._tiles import BLOCK, add_product, in_panels
from sksequence._kernels._vectors import LANES, load, store, where_above


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

        def run_piece(rows: slice) -> list[Tensor]:
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

        *d_weights, d_bias = add_up(in_shards(run_piece, len(x), outputs[0].numel()))
        return None, d_x, d_start, None, *d_weights, d_bias, d_bias


def run(relu: bool, x: Tensor, start: Tensor, lengths: Tensor, *weights: Tensor) -> Tensor:
    """Run the forward pass without the cost of a node of the graph."""
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    outputs, start = empty_block(*x.shape[:2], start.shape[1]), start.contiguous()
    panels, bias = in_panels(weight_hh.T), bias_ih + bias_hh

    def run_piece(rows: slice) -> None:
        filled, *read = parts_of(rows, outputs, start, lengths)
        project(part_of(x, rows), weight_ih, bias, filled)
        forward_loop(*arrays_of([filled, *read]), panels, relu)

    in_shards(run_piece, len(x), outputs[0].numel())
    return outputs


@compiled
def forward_loop(outputs: Any, start: Any, lengths: Any, panels: Any, relu: bool) -> None:
    """Replace W x and its biases (B, T, H) by the outputs, 0 at padded steps.

    `panels` holds U transposed.
    """
    n_rows, _, size = outputs.shape
    h = np.zeros((BLOCK, size), np.float32)
    s = np.zeros((BLOCK, panels.shape[0] * panels.shape[2]), np.float32)
    zero = np.float32(0.0)
    for first in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - first)
        h[:n] = start[first : first + n]
        clear_padding(outputs, lengths, first, n)
        for t in range(longest(lengths, first, n)):
            for k in range(n):
                for j in range(0, size, LANES):
                    store(s, (k, j), load(outputs, (first + k, t, j)))
            add_product(s, h, panels, n)
            for k in range(n):
                if t < lengths[first + k]:
                    for j in range(0, size, LANES):
                        a = load(s, (k, j))
                        new = where_above(zero, a, zero, a) if relu else tanh(a)
                        store(h, (k, j), new)
                        store(outputs, (first + k, t, j), new)


@compiled
def backward_loop(
    d_outputs: Any,
    start: Any,
    lengths: Any,
    panels: Any,
    relu: bool,
    outputs: Any,
    d_inputs: Any,
    before: Any,
    d_start: Any,
) -> None:
    """Fill d_inputs, the gradient of W x, `before`, the state before each step, and d_start (B, H).

    The first two are (B, T, H), 0 at padded steps. `panels` holds U.
    """
    n_rows, _, size = outputs.shape
    dh = np.zeros((BLOCK, panels.shape[0] * panels.shape[2]), np.float32)
    da = np.zeros((BLOCK, size), np.float32)
    zero, one = np.float32(0.0), np.float32(1.0)
    for first in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - first)
        dh[:, :] = 0
        clear_padding(d_inputs, lengths, first, n)
        clear_padding(before, lengths, first, n)
        for t in range(longest(lengths, first, n) - 1, -1, -1):
            for k in range(n):
                b = first + k
                if t >= lengths[b]:
                    da[k] = 0
                    continue
                for j in range(0, size, LANES):
                    previous = load(outputs, (b, t - 1, j)) if t > 0 else load(start, (b, j))
                    output = load(outputs, (b, t, j))
                    d = load(d_outputs, (b, t, j)) + load(dh, (k, j))
                    d = where_above(output, zero, d, zero) if relu else d * (one - output * output)
                    store(before, (b, t, j), previous)
                    store(da, (k, j), d)
                    store(d_inputs, (b, t, j), d)
                    store(dh, (k, j), np.float32(0.0))
            add_product(dh, da, panels, n)
        d_start[first : first + n] = dh[:n, :size]
