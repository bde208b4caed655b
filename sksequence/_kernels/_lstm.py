"""A layer of long short-term memory as one node of the graph.

The equations are those of Hochreiter & Schmidhuber (1997), with the forget gate of Gers et al.
(2000). With the four parts i, f, g, o of a = W x + U h:

    i, f, o = sigmoid(a_i), sigmoid(a_f), sigmoid(a_o), g = tanh(a_g),
    c' = f c + i g, h' = o tanh(c').

The backward loop is the derivative of the forward loop, step by step (backpropagation through time,
Werbos 1990). Products with W are computed for all steps at once; the compiled loops run over blocks
of rows.
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
    scratch_block,
    weight_gradient,
)
from sksequence._kernels._compiled import clear_padding, compiled, longest, sigmoid, tanh
from sksequence._kernels._tiles import BLOCK, add_product, in_panels
from sksequence._kernels._vectors import LANES, load, store


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
        """Return outputs (batch, time, hidden), 0 at padded steps, and each row's last memory."""
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
        # overwritten by the first backward pass: a second one has to compute them again
        kept = ctx.kept or _run(*inputs, is_kept=True)[2:]
        ctx.kept = None
        d_outputs, panels = d_outputs.contiguous(), in_panels(weight_hh)
        d_start, d_memory = torch.empty_like(start), d_last.clone()
        d_x = empty_block(*x.shape) if ctx.needs_input_grad[0] else None

        def run_piece(rows: slice) -> list[Tensor]:
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

        *d_weights, d_bias = add_up(in_shards(run_piece, len(x), kept[0][0].numel()))
        return d_x, d_start, d_memory, None, *d_weights, d_bias, d_bias


def run(*inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Run the forward pass without the cost of a node of the graph."""
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
    """Return outputs, last memory and, if they are kept, gates and memories."""
    n_rows, n_steps, _ = x.shape
    size = start.shape[1]
    start, memory = start.contiguous(), memory.contiguous()
    outputs, last = empty_block(n_rows, n_steps, size), torch.empty_like(memory)
    kept = [empty_block(n_rows, n_steps, width) for width in (4 * size, size) if is_kept]
    panels, bias = in_panels(weight_hh.T), bias_ih + bias_hh

    def run_piece(rows: slice) -> None:
        part, *read = parts_of(rows, x, start, memory, lengths)
        gates, memories = parts_of(rows, *kept) or (
            scratch_block(len(part), n_steps, 4 * size),
            empty_block(len(part), 0, size),
        )
        project(part, weight_ih, bias, gates)
        filled = *parts_of(rows, outputs, last), gates, memories
        forward_loop(*arrays_of(read), panels, *arrays_of(filled))

    in_shards(run_piece, n_rows, 4 * size * n_steps)
    return outputs, last, *kept


@compiled
def forward_loop(
    start: Any,
    memory: Any,
    lengths: Any,
    panels: Any,
    outputs: Any,
    last: Any,
    gates: Any,
    memories: Any,
) -> None:
    """Fill outputs (B, T, H), 0 at padded steps, and `last` (B, H), the last c of each row.

    `start` and `memory` are h and c before the first step. `gates` (B, T, 4H) holds W x and its
    biases; for a backward loop it holds i, f, g, o afterwards, and `memories` (B, T, H) is filled
    with c. Neither is changed if `memories` has no steps. `panels` holds U transposed.
    """
    n_rows, _, width = gates.shape
    size = width // 4
    columns = panels.shape[0] * panels.shape[2]
    h, c = np.zeros((BLOCK, size), np.float32), np.zeros((BLOCK, size), np.float32)
    s = np.zeros((BLOCK, columns), np.float32)
    for first in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - first)
        h[:n], c[:n] = start[first : first + n], memory[first : first + n]
        clear_padding(outputs, lengths, first, n)
        for t in range(longest(lengths, first, n)):
            for k in range(n):
                for j in range(0, width, LANES):
                    store(s, (k, j), load(gates, (first + k, t, j)))
            add_product(s, h, panels, n)
            for k in range(n):
                if t < lengths[first + k]:
                    _update(k, first + k, t, s, c, h, gates, outputs, memories)
        last[first : first + n] = c[:n]


@compiled
def _update(
    k: int, b: int, t: int, s: Any, c: Any, h: Any, gates: Any, outputs: Any, memories: Any
) -> None:
    """Take one step of row b, the k-th row of its block."""
    size = h.shape[1]
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
    d_outputs: Any,
    start: Any,
    memory: Any,
    lengths: Any,
    panels: Any,
    outputs: Any,
    gates: Any,
    memories: Any,
    d_start: Any,
    d_memory: Any,
) -> None:
    """Replace gates by the gradient of W x and U h, memories by the h before each step.

    Both are 0 at padded steps. `d_memory` (B, H) holds the gradient of the last c before, and that
    of the first c afterwards; d_start (B, H) is filled with that of the first h. `panels` holds U.
    """
    n_rows, _, size = outputs.shape
    dh = np.zeros((BLOCK, panels.shape[0] * panels.shape[2]), np.float32)
    da = np.zeros((BLOCK, 4 * size), np.float32)
    for first in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - first)
        dh[:, :] = 0
        clear_padding(gates, lengths, first, n)
        clear_padding(memories, lengths, first, n)
        for t in range(longest(lengths, first, n) - 1, -1, -1):
            for k in range(n):
                b = first + k
                if t >= lengths[b]:
                    da[k] = 0
                    continue
                for j in range(0, size, LANES):
                    previous = load(outputs, (b, t - 1, j)) if t > 0 else load(start, (b, j))
                    previous_memory = (
                        load(memories, (b, t - 1, j)) if t > 0 else load(memory, (b, j))
                    )
                    d = load(d_outputs, (b, t, j)) + load(dh, (k, j))
                    _step_back(k, b, t, j, d, previous_memory, gates, memories, d_memory, da)
                    store(memories, (b, t, j), previous)
                    store(dh, (k, j), np.float32(0.0))
            add_product(dh, da, panels, n)
        d_start[first : first + n] = dh[:n, :size]


@compiled
def _step_back(
    k: int,
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
    """Go one step back, for a vector of units from j on of row b, the k-th row of its block.

    `d` is the gradient of their outputs, `previous_memory` their memory before the step.
    """
    size = memories.shape[2]
    one = np.float32(1.0)
    i, f = load(gates, (b, t, j)), load(gates, (b, t, size + j))
    g, o = load(gates, (b, t, 2 * size + j)), load(gates, (b, t, 3 * size + j))
    squashed = tanh(load(memories, (b, t, j)))
    carried = load(d_memory, (b, j)) + d * o * (one - squashed * squashed)
    store(d_memory, (b, j), carried * f)
    _store_both(k, b, t, j, carried * g * i * (one - i), gates, da)
    _store_both(k, b, t, size + j, carried * previous_memory * f * (one - f), gates, da)
    _store_both(k, b, t, 2 * size + j, carried * i * (one - g * g), gates, da)
    _store_both(k, b, t, 3 * size + j, d * squashed * o * (one - o), gates, da)


@compiled
def _store_both(k: int, b: int, t: int, j: int, d: Any, gates: Any, da: Any) -> None:
    """Store a gradient for the product with U now, and for those after the loop."""
    store(gates, (b, t, j), d)
    store(da, (k, j), d)
