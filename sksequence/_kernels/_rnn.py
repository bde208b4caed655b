"""A simple recurrent layer as one node of the graph: h' = f(U h + W x + b).

f is tanh or relu (Elman 1990); the backward loop is the derivative of the forward loop, step by
step (backpropagation through time, Werbos 1990). Both derivatives are functions of the output, so
nothing else is kept. The compiled loops run over blocks of rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from sksequence._kernels._autograd import (
    empty_block,
    first_derivative_only,
    laid_out,
    loop_gradient,
    run_loop,
)
from sksequence._kernels._compiled import clear_padding, compiled, longest, tanh
from sksequence._kernels._loop_parts import (
    copy_step,
    fill_input_gradient,
    is_full,
    new_block,
    new_steps,
    prefetch_step,
)
from sksequence._kernels._tiles import (
    BLOCK,
    add_outer_and_sums,
    add_product,
    in_panels,
    no_panels,
    set_product,
)
from sksequence._kernels._vectors import LANES, load, store, where_above


class RNNFunction(torch.autograd.Function):
    """Forward and backward through time of one layer, tanh or relu."""

    @staticmethod
    def forward(ctx: Any, relu: bool, *inputs: Tensor) -> Tensor:
        """Return outputs (batch, time, hidden); padded steps are 0."""
        outputs = run(relu, *inputs)
        ctx.relu = relu
        ctx.save_for_backward(*inputs, outputs)
        return outputs

    @staticmethod
    @first_derivative_only
    def backward(ctx: Any, d_outputs: Tensor) -> Any:
        """Return the gradients of all inputs."""
        x, start, lengths, weight_ih, weight_hh, _, _, outputs = ctx.saved_tensors
        needs_x = ctx.needs_input_grad[1]
        size = len(weight_hh)
        d_x = empty_block(*x.shape) if needs_x else x.new_empty(len(x), 0, 0)
        d_start = torch.empty_like(start)
        panels = in_panels(weight_hh), in_panels(weight_ih) if needs_x else no_panels()
        read = [x.contiguous(), start.contiguous(), lengths, d_outputs.contiguous(), outputs]
        fixed = ctx.relu, *panels
        gradient = loop_gradient(backward_loop, fixed, [*read, d_x, d_start], size)
        d_hh, d_ih = gradient[:size, :size].T, gradient[size : size + x.shape[2], :size].T
        d_bias = gradient[-1, :size].clone()
        d_weights = d_ih.contiguous(), d_hh.contiguous(), d_bias, d_bias
        return None, d_x if needs_x else None, d_start, None, *d_weights


def run(
    relu: bool,
    x: Tensor,
    start: Tensor,
    lengths: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor,
    bias_hh: Tensor,
) -> Tensor:
    """Run the forward pass without the cost of a node of the graph."""
    outputs = empty_block(*x.shape[:2], start.shape[1])
    fixed = laid_out(weight_ih, weight_hh, bias_ih, bias_hh)
    read = x.contiguous(), start.contiguous(), lengths
    run_loop(forward_loop, (relu, *fixed), (*read, outputs))
    return outputs


@compiled
def forward_loop(
    relu: bool, panels: Any, bias: Any, x: Any, start: Any, lengths: Any, outputs: Any
) -> None:
    """Fill outputs (B, T, H), 0 at padded steps.

    `panels` holds U and W transposed, one above the other, and `start` h before the first step.
    """
    n_rows, _, size = outputs.shape
    depth = panels.shape[1]
    read, s = new_block(BLOCK, depth), new_block(BLOCK, size)
    zero = np.float32(0.0)
    for first in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - first)
        read[:n, :size] = start[first : first + n]
        clear_padding(outputs, lengths, first, n)
        for t in range(longest(lengths, first, n)):
            for k in range(n):
                copy_step(read, k, size, x, first + k, t)
            set_product(s, read, panels, bias, n)
            for k in range(n):
                if t < lengths[first + k]:
                    for j in range(0, size, LANES):
                        a = load(s, (k, j))
                        new = where_above(zero, a, zero, a) if relu else tanh(a)
                        store(read, (k, j), new)
                        store(outputs, (first + k, t, j), new)


@compiled
def backward_loop(
    relu: bool,
    panels: Any,
    input_panels: Any,
    x: Any,
    start: Any,
    lengths: Any,
    d_outputs: Any,
    outputs: Any,
    d_x: Any,
    d_start: Any,
    gradient: Any,
) -> None:
    """Fill d_x (B, T, F) and d_start (B, H), and add to the gradient of the weights.

    `panels` holds U, and `input_panels` W; without columns, d_x is not needed. See `loop_gradient`.
    """
    n_rows, _, size = outputs.shape
    n_read = size + x.shape[2]
    dh, dx = new_block(BLOCK, size), new_block(BLOCK, x.shape[2])
    da, read = new_steps(size), new_steps(n_read)
    zero, one = np.float32(0.0), np.float32(1.0)
    for first in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - first)
        dh[:n] = 0
        clear_padding(d_x, lengths, first, n)
        at = 0
        for t in range(longest(lengths, first, n) - 1, -1, -1):
            for k in range(n):
                b = first + k
                if t >= lengths[b]:
                    da[at + k] = 0
                    continue
                prefetch_step(outputs, b, t - 2)
                prefetch_step(d_outputs, b, t - 1)
                for j in range(0, size, LANES):
                    previous = load(outputs, (b, t - 1, j)) if t > 0 else load(start, (b, j))
                    store(read, (at + k, j), previous)
                    output = load(outputs, (b, t, j))
                    d = load(d_outputs, (b, t, j)) + load(dh, (k, j))
                    store(dh, (k, j), zero)
                    d = where_above(output, zero, d, zero) if relu else d * (one - output * output)
                    store(da, (at + k, j), d)
                copy_step(read, at + k, size, x, b, t)
            da_now = da[at : at + BLOCK]
            add_product(dh, da_now, panels, n)
            fill_input_gradient(d_x, dx, da_now, input_panels, lengths, first, n, t)
            at += n
            if is_full(at, n, t):
                add_outer_and_sums(gradient, read, da, n_read, size, at)
                at = 0
        d_start[first : first + n] = dh[:n, :size]
