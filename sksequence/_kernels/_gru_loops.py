"""The time loops of a gated recurrent unit, forward and backward, over blocks of rows.

r = sigmoid(x_r + h U_r), z = sigmoid(x_z + h U_z), n = tanh(x_n + r (h U_n + c)), h' = (1 - z) n + z h
(Cho et al. 2014, the variant with the reset gate after the matrix, as torch computes it); the backward loop is its
derivative, step by step (backpropagation through time, Werbos 1990).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sksequence._kernels._arithmetic import ROWS, add_product, compiled, sigmoid, tanh


@compiled
def forward_loop(
    inputs: Any,
    start: Any,
    lengths: Any,
    weight: Any,
    bias: Any,
    outputs: Any,
    gates: Any,
) -> None:
    """Fill outputs (B, T, H), 0 at padded steps, and gates (B, T, 4H): r, z, n and the recurrent part of n.

    inputs (B, T, 3H) hold W x and its biases; weight is U transposed, (H, 3H), and `bias` (3H,) goes with it. A row
    of `gates` with T = 1 is scratch: nothing is kept for a backward loop.
    """
    n_rows, _, width = inputs.shape
    size = width // 3
    h = np.zeros((ROWS, size), np.float32)
    s = np.zeros((ROWS, width), np.float32)
    keep = min(gates.shape[1] - 1, 1)
    one = np.float32(1.0)
    for first in range(0, n_rows, ROWS):
        last = min(first + ROWS, n_rows)
        n_steps = 0
        for b in range(first, last):
            h[b - first] = start[b]
            n_steps = max(n_steps, lengths[b])
            outputs[b, lengths[b] :] = 0
        for t in range(n_steps):
            s[:, :] = bias
            add_product(s, h, weight)
            for b in range(first, last):
                if t >= lengths[b]:
                    continue
                k = b - first
                x, saved, state, rec = inputs[b, t], gates[b, t * keep], h[k], s[k]
                out = outputs[b, t]
                for j in range(size):
                    r = sigmoid(x[j] + rec[j])
                    z = sigmoid(x[size + j] + rec[size + j])
                    c = rec[2 * size + j]
                    n = tanh(x[2 * size + j] + r * c)
                    new = (one - z) * n + z * state[j]
                    saved[j] = r
                    saved[size + j] = z
                    saved[2 * size + j] = n
                    saved[3 * size + j] = c
                    state[j] = new
                    out[j] = new


@compiled
def backward_loop(
    d_outputs: Any,
    start: Any,
    lengths: Any,
    weight: Any,
    outputs: Any,
    gates: Any,
    d_inputs: Any,
    d_recurrent: Any,
    before: Any,
    d_start: Any,
) -> None:
    """Fill the gradients of W x, d_inputs (B, T, 3H), of U h, d_recurrent (B, T, 3H), and of the start, d_start.

    `before` (B, T, H) is filled with the state that each step began from. weight is U, (3H, H). Padded steps are 0.
    """
    n_rows, _, size = outputs.shape
    dh = np.zeros((ROWS, size), np.float32)
    da = np.zeros((ROWS, 3 * size), np.float32)
    one = np.float32(1.0)
    for first in range(0, n_rows, ROWS):
        last = min(first + ROWS, n_rows)
        n_steps = 0
        dh[:, :] = 0
        for b in range(first, last):
            n_steps = max(n_steps, lengths[b])
            d_inputs[b, lengths[b] :] = 0
            d_recurrent[b, lengths[b] :] = 0
            before[b, lengths[b] :] = 0
        for t in range(n_steps - 1, -1, -1):
            da[:, :] = 0
            for b in range(first, last):
                if t >= lengths[b]:
                    continue
                k = b - first
                state, began = outputs[b, t - 1] if t > 0 else start[b], before[b, t]
                saved, d_in, d_rec = gates[b, t], d_inputs[b, t], d_recurrent[b, t]
                d_out, carried, local = d_outputs[b, t], dh[k], da[k]
                for j in range(size):
                    r, z = saved[j], saved[size + j]
                    n, c = saved[2 * size + j], saved[3 * size + j]
                    d = d_out[j] + carried[j]
                    dn = d * (one - z) * (one - n * n)
                    dz = d * (state[j] - n) * z * (one - z)
                    dr = dn * c * r * (one - r)
                    began[j] = state[j]
                    d_in[j] = dr
                    d_in[size + j] = dz
                    d_in[2 * size + j] = dn
                    d_rec[j] = dr
                    d_rec[size + j] = dz
                    d_rec[2 * size + j] = dn * r
                    local[j] = dr
                    local[size + j] = dz
                    local[2 * size + j] = dn * r
                    carried[j] = d * z
            add_product(dh, da, weight)
        for b in range(first, last):
            d_start[b] = dh[b - first]
