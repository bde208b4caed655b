"""A layer of gated recurrent units as one node of the graph.

The equations are those of Cho et al. (2014), with the reset gate after the matrix as in torch:

    r = sigmoid(x_r + h U_r), z = sigmoid(x_z + h U_z), q = h U_n + c,
    n = tanh(x_n + r q), h' = (1 - z) n + z h.

The backward loop is the derivative of the forward loop, step by step (backpropagation through time,
Werbos 1990). Products with W are computed for all steps at once; the compiled loops run over blocks
of rows. A forward loop leaves n, r, z and q of each step, in this order. Their gradients are those
of W x in the first three parts (n, r, z), and those of U h in the last three (r, z, n).
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
        # overwritten by the first backward pass: a second one has to compute them again
        (gates,) = ctx.kept or _run(*inputs, is_kept=True)[1:]
        ctx.kept = None
        size = start.shape[1]
        d_outputs, panels = d_outputs.contiguous(), in_panels(weight_hh)
        before, d_start = empty_block(*outputs.shape), torch.empty_like(start)
        weight = weight_ih.roll(size, 0)  # n, r, z
        d_x = empty_block(*x.shape) if ctx.needs_input_grad[0] else None

        def run_piece(rows: slice) -> list[Tensor]:
            read = parts_of(rows, d_outputs, start, lengths)
            filled = parts_of(rows, outputs, gates, before, d_start)
            backward_loop(*arrays_of(read), panels, *arrays_of(filled))
            _, d_gates, states, _ = filled
            d_inputs = d_gates[:, :, : 3 * size]
            if d_x is not None:
                project_back(d_inputs, weight, part_of(d_x, rows))
            return [
                weight_gradient(d_inputs, part_of(x, rows)),
                weight_gradient(d_gates[:, :, size:], states),
                bias_gradient(d_gates),
            ]

        d_ih, d_hh, d_bias = add_up(in_shards(run_piece, len(x), gates[0].numel()))
        d_biases = d_bias[: 3 * size].roll(-size), d_bias[size:]
        return d_x, d_start, None, d_ih.roll(-size, 0), d_hh, *d_biases


def run(*inputs: Tensor) -> Tensor:
    """Run the forward pass without the cost of a node of the graph."""
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
    """Return the outputs and, if they are kept, the gates that a backward pass needs."""
    n_rows, n_steps, _ = x.shape
    size, start = start.shape[1], start.contiguous()
    outputs = empty_block(n_rows, n_steps, size)
    kept = [empty_block(n_rows, n_steps, 4 * size)] if is_kept else []
    weight, bias = weight_ih.roll(size, 0), bias_ih.roll(size)  # n, r, z
    panels, recurrent_bias = in_panels(weight_hh.T), bias_hh.numpy()

    def run_piece(rows: slice) -> None:
        part, *read = parts_of(rows, x, start, lengths)
        (gates,) = parts_of(rows, *kept) or (scratch_block(len(part), n_steps, 3 * size),)
        project(part, weight, bias, gates[:, :, : 3 * size])
        filled = part_of(outputs, rows), gates
        forward_loop(*arrays_of(read), panels, recurrent_bias, *arrays_of(filled))

    in_shards(run_piece, n_rows, 4 * size * n_steps)
    return outputs, *kept


@compiled
def forward_loop(
    start: Any, lengths: Any, panels: Any, bias: Any, outputs: Any, gates: Any
) -> None:
    """Fill outputs (B, T, H), 0 at padded steps.

    `gates` (B, T, 4H) holds W x and its biases in the first three parts, and n, r, z, q afterwards,
    for a backward loop. With (B, T, 3H) there is no room for q, and it is left as it is. `panels`
    holds U transposed, its columns r, z, n, and `bias` (3H,) the biases of U h.
    """
    n_rows, _, size = outputs.shape
    h = np.zeros((BLOCK, size), np.float32)
    s = np.zeros((BLOCK, panels.shape[0] * panels.shape[2]), np.float32)
    for first in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - first)
        h[:n] = start[first : first + n]
        clear_padding(outputs, lengths, first, n)
        for t in range(longest(lengths, first, n)):
            for k in range(n):
                for j in range(0, 3 * size, LANES):
                    store(s, (k, j), load(bias, (j,)))
            add_product(s, h, panels, n)
            for k in range(n):
                if t < lengths[first + k]:
                    _update(k, first + k, t, s, h, gates, outputs)


@compiled
def _update(k: int, b: int, t: int, s: Any, h: Any, gates: Any, outputs: Any) -> None:
    """Take one step of row b, the k-th row of its block."""
    size = h.shape[1]
    is_kept = gates.shape[2] > 3 * size
    for j in range(0, size, LANES):
        q = load(s, (k, 2 * size + j))
        r = sigmoid(load(gates, (b, t, size + j)) + load(s, (k, j)))
        z = sigmoid(load(gates, (b, t, 2 * size + j)) + load(s, (k, size + j)))
        n = tanh(load(gates, (b, t, j)) + r * q)
        output = n + z * (load(h, (k, j)) - n)
        if is_kept:
            store(gates, (b, t, j), n)
            store(gates, (b, t, size + j), r)
            store(gates, (b, t, 2 * size + j), z)
            store(gates, (b, t, 3 * size + j), q)
        store(outputs, (b, t, j), output)
        store(h, (k, j), output)


@compiled
def backward_loop(
    d_outputs: Any,
    start: Any,
    lengths: Any,
    panels: Any,
    outputs: Any,
    gates: Any,
    before: Any,
    d_start: Any,
) -> None:
    """Replace gates by the gradients of W x and U h, and fill d_start (B, H).

    `before` (B, T, H) is filled with the state before each step. All are 0 at padded steps.
    `panels` holds U, its rows r, z, n.
    """
    n_rows, _, size = outputs.shape
    dh = np.zeros((BLOCK, panels.shape[0] * panels.shape[2]), np.float32)
    da = np.zeros((BLOCK, 3 * size), np.float32)
    for first in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - first)
        dh[:, :] = 0
        clear_padding(gates, lengths, first, n)
        clear_padding(before, lengths, first, n)
        for t in range(longest(lengths, first, n) - 1, -1, -1):
            for k in range(n):
                b = first + k
                if t >= lengths[b]:
                    da[k] = 0
                    continue
                for j in range(0, size, LANES):
                    previous = load(outputs, (b, t - 1, j)) if t > 0 else load(start, (b, j))
                    store(before, (b, t, j), previous)
                    d = load(d_outputs, (b, t, j)) + load(dh, (k, j))
                    _step_back(k, b, t, j, d, previous, gates, dh, da)
            add_product(dh, da, panels, n)
        d_start[first : first + n] = dh[:n, :size]


@compiled
def _step_back(
    k: int, b: int, t: int, j: int, d: Any, previous: Any, gates: Any, dh: Any, da: Any
) -> None:
    """Go one step back, for a vector of units from j on of row b, the k-th row of its block.

    `d` is the gradient of their outputs, `previous` their state before the step.
    """
    size = gates.shape[2] // 4
    one = np.float32(1.0)
    n, r = load(gates, (b, t, j)), load(gates, (b, t, size + j))
    z, q = load(gates, (b, t, 2 * size + j)), load(gates, (b, t, 3 * size + j))
    d_n = d * (one - z) * (one - n * n)
    d_r, d_z, d_q = d_n * q * r * (one - r), d * (previous - n) * z * (one - z), d_n * r
    store(gates, (b, t, j), d_n)
    store(gates, (b, t, size + j), d_r)
    store(gates, (b, t, 2 * size + j), d_z)
    store(gates, (b, t, 3 * size + j), d_q)
    store(da, (k, j), d_r)
    store(da, (k, size + j), d_z)
    store(da, (k, 2 * size + j), d_q)
    store(dh, (k, j), d * z)
