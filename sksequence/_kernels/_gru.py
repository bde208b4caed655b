"""A layer of gated recurrent units as one node of the graph.

The equations are those of Cho et al. (2014), with the reset gate after the matrix as in torch:

    r = sigmoid(x_r + h U_r), z = sigmoid(x_z + h U_z), q = h U_n + c,
    n = tanh(x_n + r q), h' = (1 - z) n + z h.

The backward loop is the derivative of the forward loop, step by step (backpropagation through time,
Werbos 1990). The compiled loops run over blocks of rows. Forward, the sums x_r + h U_r and
x_z + h U_z are one product, and x_n and q are one each. The loops keep four parts in the order n,
r, z, q, so that the first three belong to products with W, and the last three to products with U.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sksequence._kernels._autograd import (
    empty_block,
    first_derivative_only,
    loop_gradient,
    run_loop,
)
from sksequence._kernels._compiled import clear_padding, compiled, longest, sigmoid, tanh
from sksequence._kernels._loop_parts import (
    add_bias_gradient,
    copy_step,
    fill_input_gradient,
    is_full,
    new_block,
    new_steps,
    prefetch_step,
)
from sksequence._kernels._tiles import (
    BLOCK,
    add_outer,
    add_outer_and_sums,
    add_product,
    in_columns,
    in_panels,
    no_panels,
    set_product,
)
from sksequence._kernels._vectors import LANES, load, store


class GRUFunction(torch.autograd.Function):
    """Forward and backward through time of one layer."""

    @staticmethod
    def forward(ctx: Any, *inputs: Tensor) -> Tensor:
        """Return outputs (batch, time, hidden); padded steps are 0."""
        outputs, gates = _run(*inputs, is_kept=any(ctx.needs_input_grad))
        ctx.save_for_backward(*inputs, outputs, gates)
        return outputs

    @staticmethod
    @first_derivative_only
    def backward(ctx: Any, d_outputs: Tensor) -> Any:
        """Return the gradients of all inputs."""
        x, start, lengths, weight_ih, weight_hh, _, _, *filled = ctx.saved_tensors
        needs_x = ctx.needs_input_grad[0]
        size, width = weight_hh.shape[1], len(weight_hh)
        d_x = empty_block(*x.shape) if needs_x else x.new_empty(len(x), 0, 0)
        d_start = torch.empty_like(start)
        input_panels = in_panels(weight_ih.roll(size, 0)) if needs_x else no_panels()
        read = [x.contiguous(), start.contiguous(), lengths, d_outputs.contiguous(), *filled]
        panels = in_panels(weight_hh), input_panels
        gradient = loop_gradient(backward_loop, panels, [*read, d_x, d_start], width + size)
        d_hh, d_ih = (
            gradient[:size, size : width + size].T,
            gradient[size : size + x.shape[2], :width].T,
        )
        d_ih, d_bias = d_ih.roll(-size, 0), gradient[-1]
        d_weights = d_ih, d_hh.contiguous(), d_bias[:width].roll(-size), d_bias[size : width + size]
        return d_x if needs_x else None, d_start, None, *d_weights


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
) -> tuple[Tensor, Tensor]:
    """Return the outputs and, if they are kept, the gates that a backward pass needs."""
    n_rows, n_steps, _ = x.shape
    size = start.shape[1]
    outputs = empty_block(n_rows, n_steps, size)
    gates = empty_block(n_rows, n_steps * is_kept, 4 * size)
    fixed = laid_out(weight_ih, weight_hh, bias_ih, bias_hh)
    read = x.contiguous(), start.contiguous(), lengths
    run_loop(forward_loop, fixed, (*read, outputs, gates))
    return outputs, gates


def laid_out(
    weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
) -> tuple[NDArray[np.float32], ...]:
    """Return the weights as the first arguments of the forward loop."""
    n_gates = 2 * weight_hh.shape[1]
    gates = torch.cat([weight_hh[:n_gates], weight_ih[:n_gates]], dim=1)
    panels = (in_panels(part.T) for part in (gates, weight_ih[n_gates:], weight_hh[n_gates:]))
    gate_bias = bias_ih[:n_gates] + bias_hh[:n_gates]
    bias = torch.cat([gate_bias, bias_ih[n_gates:], bias_hh[n_gates:]])
    return *panels, in_columns(bias)


@compiled
def forward_loop(
    gate_panels: Any,
    input_panels: Any,
    panels: Any,
    bias: Any,
    x: Any,
    start: Any,
    lengths: Any,
    outputs: Any,
    gates: Any,
) -> None:
    """Fill outputs (B, T, H), 0 at padded steps.

    Weights are transposed: `gate_panels` holds U and W of r and z, one above the other,
    `input_panels` W_n and `panels` U_n; `bias` (4H,) has the biases of r, z, n and q. For a
    backward loop, `gates` (B, T, 4H) is filled with n, r, z, q; with no steps, it is left as it is.
    """
    n_rows, _, size = outputs.shape
    read, s = new_block(BLOCK, size + x.shape[2]), new_block(BLOCK, 4 * size)
    for first in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - first)
        read[:n, :size] = start[first : first + n]
        clear_padding(outputs, lengths, first, n)
        for t in range(longest(lengths, first, n)):
            for k in range(n):
                copy_step(read, k, size, x, first + k, t)
            set_product(s, read, gate_panels, bias, n)
            # from left to right: a product may set columns up to the next whole panel
            set_product(s[:, 2 * size :], read[:, size:], input_panels, bias[2 * size :], n)
            set_product(s[:, 3 * size :], read, panels, bias[3 * size :], n)
            for k in range(n):
                if t < lengths[first + k]:
                    _update(k, first + k, t, s, read, outputs, gates)


@compiled
def _update(k: int, b: int, t: int, s: Any, h: Any, outputs: Any, gates: Any) -> None:
    """Take one step of row b, the k-th row of its block."""
    size = outputs.shape[2]
    is_kept = gates.shape[1] > 0
    for j in range(0, size, LANES):
        r, z = sigmoid(load(s, (k, j))), sigmoid(load(s, (k, size + j)))
        q = load(s, (k, 3 * size + j))
        n = tanh(load(s, (k, 2 * size + j)) + r * q)
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
    panels: Any,
    input_panels: Any,
    x: Any,
    start: Any,
    lengths: Any,
    d_outputs: Any,
    outputs: Any,
    gates: Any,
    d_x: Any,
    d_start: Any,
    gradient: Any,
) -> None:
    """Fill d_x (B, T, F) and d_start (B, H), and add to the gradient of the weights.

    `panels` holds U, its rows r, z, n, and `input_panels` W, its rows n, r, z; without columns, d_x
    is not needed. See `loop_gradient`: the columns of the gradient are n, r, z, q.
    """
    n_rows, _, size = outputs.shape
    n_features = x.shape[2]
    dh, dx = new_block(BLOCK, size), new_block(BLOCK, n_features)
    da, read = new_steps(4 * size), new_steps(size + n_features)
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
                prefetch_step(outputs, b, t - 2)
                prefetch_step(d_outputs, b, t - 1)
                for j in range(0, size, LANES):
                    previous = load(outputs, (b, t - 1, j)) if t > 0 else load(start, (b, j))
                    store(read, (at + k, j), previous)
                    d = load(d_outputs, (b, t, j)) + load(dh, (k, j))
                    carried = _step_back(at + k, b, t, j, d, previous, gates, da)
                    store(dh, (k, j), carried)
                copy_step(read, at + k, size, x, b, t)
            da_now = da[at : at + BLOCK]
            add_product(dh, da_now[:, size:], panels, n)
            fill_input_gradient(d_x, dx, da_now, input_panels, lengths, first, n, t)
            at += n
            if is_full(at, n, t):
                of_state = gradient[:, size:]
                add_outer_and_sums(of_state, read, da[:, size:], size, 3 * size, at)
                add_outer(gradient[size:], read[:, size:], da, n_features, 3 * size, at)
                add_bias_gradient(gradient, da, size, at)
                at = 0
        d_start[first : first + n] = dh[:n, :size]


@compiled
def _step_back(i: int, b: int, t: int, j: int, d: Any, previous: Any, gates: Any, da: Any) -> Any:
    """Go one step back, for a vector of units from j on of row b, and fill row i of da.

    `d` is the gradient of their outputs, `previous` their state before the step. Return the part of
    its gradient that does not come from products.
    """
    size = gates.shape[2] // 4
    one = np.float32(1.0)
    n, r = load(gates, (b, t, j)), load(gates, (b, t, size + j))
    z, q = load(gates, (b, t, 2 * size + j)), load(gates, (b, t, 3 * size + j))
    d_n = d * (one - z) * (one - n * n)
    store(da, (i, j), d_n)
    store(da, (i, size + j), d_n * q * r * (one - r))
    store(da, (i, 2 * size + j), d * (previous - n) * z * (one - z))
    store(da, (i, 3 * size + j), d_n * r)
    return d * z
