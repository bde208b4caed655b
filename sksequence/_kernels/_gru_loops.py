"""The time loops of a gated recurrent unit, forward and backward, over blocks of rows.

r = sigmoid(x_r + h U_r), z = sigmoid(x_z + h U_z), n = tanh(x_n + r (h U_n + c)), h' = (1 - z) n + z h
(Cho et al. 2014, the variant with the reset gate after the matrix, as torch computes it); the backward loop is its
derivative, step by step (backpropagation through time, Werbos 1990).

What a step leaves are four parts, n, r, z and q = h U_n + c, in this order: their gradients are then those of W x in the
first three parts, n, r, z, and those of U h in the last three, r, z, n.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sksequence._kernels._arithmetic import compiled, sigmoid, tanh
from sksequence._kernels._blocks import clear_padding, longest
from sksequence._kernels._tiles import BLOCK, add_product
from sksequence._kernels._vectors import LANES, load, store


@compiled
def forward_loop(
    start: Any, lengths: Any, panels: Any, bias: Any, outputs: Any, gates: Any
) -> None:
    """Fill outputs (B, T, H), 0 at padded steps, from W x and its biases, in the first three parts of gates (B, T, 4H).

    For a backward loop gates are left as n, r, z, q; not, if there is no room for q. `panels` hold U transposed, its
    columns r, z, n, and `bias` (3H,) goes with it.
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
    """Take one step of row b, the k-th of its block."""
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
    """Turn gates into the gradients of W x and U h, see above; fill `before` (B, T, H) and d_start (B, H).

    `before` is the state that each step began from. All are 0 at padded steps. `panels` hold U, its rows r, z, n.
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
                    began = load(outputs, (b, t - 1, j)) if t > 0 else load(start, (b, j))
                    store(before, (b, t, j), began)
                    d = load(d_outputs, (b, t, j)) + load(dh, (k, j))
                    _undo(k, b, t, j, d, began, gates, dh, da)
            add_product(dh, da, panels, n)
        d_start[first : first + n] = dh[:n, :size]


@compiled
def _undo(k: int, b: int, t: int, j: int, d: Any, began: Any, gates: Any, dh: Any, da: Any) -> None:
    """Take a step back for the units from j on of row b, the k-th of its block.

    d is the gradient of their outputs, `began` their state before the step.
    """
    size = gates.shape[2] // 4
    one = np.float32(1.0)
    n, r = load(gates, (b, t, j)), load(gates, (b, t, size + j))
    z, q = load(gates, (b, t, 2 * size + j)), load(gates, (b, t, 3 * size + j))
    d_n = d * (one - z) * (one - n * n)
    d_r, d_z, d_q = d_n * q * r * (one - r), d * (began - n) * z * (one - z), d_n * r
    store(gates, (b, t, j), d_n)
    store(gates, (b, t, size + j), d_r)
    store(gates, (b, t, 2 * size + j), d_z)
    store(gates, (b, t, 3 * size + j), d_q)
    store(da, (k, j), d_r)
    store(da, (k, size + j), d_z)
    store(da, (k, 2 * size + j), d_q)
    store(dh, (k, j), d * z)
