"""A layer of long short-term memory as one node of the graph.

The equations are those of Hochreiter & Schmidhuber (1997), with the forget gate of Gers et al.
(2000). With the four parts i, f, g, o of a = U h + W x + b:

    i, f, o = sigmoid(a_i), sigmoid(a_f), sigmoid(a_o), g = tanh(a_g),
    c' = f c + i g, h' = o tanh(c').

The backward loop is the derivative of the forward loop, step by step (backpropagation through time,
Werbos 1990). The compiled loops run over blocks of rows.
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
from sksequence._kernels._compiled import clear_padding, compiled, longest, sigmoid, tanh
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
from sksequence._kernels._vectors import LANES, load, store


class LSTMFunction(torch.autograd.Function):
    """Forward and backward through time of one layer."""

    @staticmethod
    def forward(ctx: Any, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return outputs (batch, time, hidden), 0 at padded steps, and each row's last memory."""
        outputs, last, *kept = _run(*inputs, is_kept=any(ctx.needs_input_grad))
        ctx.save_for_backward(*inputs, outputs, *kept)
        return outputs, last

    @staticmethod
    @first_derivative_only
    def backward(ctx: Any, d_outputs: Tensor, d_last: Tensor) -> Any:
        """Return the gradients of all inputs."""
        x, start, memory, lengths, weight_ih, weight_hh, _, _, *filled = ctx.saved_tensors
        needs_x = ctx.needs_input_grad[0]
        size, width = start.shape[1], len(weight_hh)
        d_x = empty_block(*x.shape) if needs_x else x.new_empty(len(x), 0, 0)
        d_start, d_memory = torch.empty_like(start), d_last.clone()
        panels = in_panels(weight_hh), in_panels(weight_ih) if needs_x else no_panels()
        read = [x.contiguous(), start.contiguous(), memory.contiguous(), lengths]
        read += [d_outputs.contiguous(), *filled]
        gradient = loop_gradient(backward_loop, panels, [*read, d_x, d_start, d_memory], width)
        d_hh, d_ih = gradient[:size, :width].T, gradient[size : size + x.shape[2], :width].T
        d_bias = gradient[-1, :width].clone()
        d_weights = d_ih.contiguous(), d_hh.contiguous(), d_bias, d_bias
        return d_x if needs_x else None, d_start, d_memory, None, *d_weights


def run(*inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Run the forward pass without the cost of a node of the graph."""
    outputs, last, *_ = _run(*inputs, is_kept=False)
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
    """Return outputs, last memory and, if they are kept, gates and memories."""
    n_rows, n_steps, _ = x.shape
    size = start.shape[1]
    outputs, last = empty_block(n_rows, n_steps, size), torch.empty_like(start)
    kept = [empty_block(n_rows, n_steps * is_kept, width) for width in (4 * size, size)]
    fixed = laid_out(weight_ih, weight_hh, bias_ih, bias_hh)
    read = x.contiguous(), start.contiguous(), memory.contiguous(), lengths
    run_loop(forward_loop, fixed, (*read, outputs, last, *kept))
    return outputs, last, *kept


@compiled
def forward_loop(
    panels: Any,
    bias: Any,
    x: Any,
    start: Any,
    memory: Any,
    lengths: Any,
    outputs: Any,
    last: Any,
    gates: Any,
    memories: Any,
) -> None:
    """Fill outputs (B, T, H), 0 at padded steps, and `last` (B, H), the last c of each row.

    `panels` holds U and W transposed, one above the other. `start` and `memory` are h and c before
    the first step. For a backward loop, `gates` (B, T, 4H) is filled with i, f, g, o and `memories`
    (B, T, H) with c; with no steps, they are left as they are.
    """
    n_rows, _, size = outputs.shape
    depth = panels.shape[1]
    read, s, c = new_block(BLOCK, depth), new_block(BLOCK, 4 * size), new_block(BLOCK, size)
    for first in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - first)
        read[:n, :size] = start[first : first + n]
        c[:n, :size] = memory[first : first + n]
        clear_padding(outputs, lengths, first, n)
        for t in range(longest(lengths, first, n)):
            for k in range(n):
                copy_step(read, k, size, x, first + k, t)
            set_product(s, read, panels, bias, n)
            for k in range(n):
                if t < lengths[first + k]:
                    _update(k, first + k, t, s, c, read, outputs, gates, memories)
        last[first : first + n] = c[:n, :size]


@compiled
def _update(
    k: int, b: int, t: int, s: Any, c: Any, h: Any, outputs: Any, gates: Any, memories: Any
) -> None:
    """Take one step of row b, the k-th row of its block."""
    size = outputs.shape[2]
    is_kept = memories.shape[1] > 0
    for j in range(0, size, LANES):
        i, f = sigmoid(load(s, (k, j))), sigmoid(load(s, (k, size + j)))
        g, o = tanh(load(s, (k, 2 * size + j))), sigmoid(load(s, (k, 3 * size + j)))
        memory = f * load(c, (k, j)) + i * g
        output = o * tanh(memory)
        if is_kept:
            store(gates, (b, t, j), i)
            store(gates, (b, t, size + j), f)
            store(gates, (b, t, 2 * size + j), g)
            store(gates, (b, t, 3 * size + j), o)
            store(memories, (b, t, j), memory)
        store(outputs, (b, t, j), output)
        store(c, (k, j), memory)
        store(h, (k, j), output)


@compiled
def backward_loop(
    panels: Any,
    input_panels: Any,
    x: Any,
    start: Any,
    memory: Any,
    lengths: Any,
    d_outputs: Any,
    outputs: Any,
    gates: Any,
    memories: Any,
    d_x: Any,
    d_start: Any,
    d_memory: Any,
    gradient: Any,
) -> None:
    """Fill d_x (B, T, F) and d_start (B, H), and add to the gradient of the weights.

    `d_memory` (B, H) holds the gradient of the last c before, and that of the first c afterwards.
    `panels` holds U, and `input_panels` W; without columns, d_x is not needed. See `loop_gradient`.
    """
    n_rows, _, size = outputs.shape
    n_read = size + x.shape[2]
    dh, dx = new_block(BLOCK, size), new_block(BLOCK, x.shape[2])
    da, read = new_steps(4 * size), new_steps(n_read)
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
                prefetch_step(gates, b, t - 1)
                prefetch_step(memories, b, t - 2)
                prefetch_step(outputs, b, t - 2)
                prefetch_step(d_outputs, b, t - 1)
                for j in range(0, size, LANES):
                    previous = load(outputs, (b, t - 1, j)) if t > 0 else load(start, (b, j))
                    previous_memory = (
                        load(memories, (b, t - 1, j)) if t > 0 else load(memory, (b, j))
                    )
                    store(read, (at + k, j), previous)
                    d = load(d_outputs, (b, t, j)) + load(dh, (k, j))
                    store(dh, (k, j), np.float32(0.0))
                    _step_back(at + k, b, t, j, d, previous_memory, gates, memories, d_memory, da)
                copy_step(read, at + k, size, x, b, t)
            da_now = da[at : at + BLOCK]
            add_product(dh, da_now, panels, n)
            fill_input_gradient(d_x, dx, da_now, input_panels, lengths, first, n, t)
            at += n
            if is_full(at, n, t):
                add_outer_and_sums(gradient, read, da, n_read, 4 * size, at)
                at = 0
        d_start[first : first + n] = dh[:n, :size]


@compiled
def _step_back(
    i: int,
    b: int,
    t: int,
    j: int,
    d: Any,
    previous_memory: Any,
    gates: Any,
    memories: Any,
    d_memory: Any,
    da: Any,
) -> None:
    """Go one step back, for a vector of units from j on of row b, and fill row i of da.

    `d` is the gradient of their outputs, `previous_memory` their memory before the step.
    """
    size = memories.shape[2]
    one = np.float32(1.0)
    w, f = load(gates, (b, t, j)), load(gates, (b, t, size + j))
    g, o = load(gates, (b, t, 2 * size + j)), load(gates, (b, t, 3 * size + j))
    squashed = tanh(load(memories, (b, t, j)))
    carried = load(d_memory, (b, j)) + d * o * (one - squashed * squashed)
    store(d_memory, (b, j), carried * f)
    store(da, (i, j), carried * g * w * (one - w))
    store(da, (i, size + j), carried * previous_memory * f * (one - f))
    store(da, (i, 2 * size + j), carried * w * (one - g * g))
    store(da, (i, 3 * size + j), d * squashed * o * (one - o))
